// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/bpf/extended.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "common/bpf/compile.h"
#include "common/bpf/evaluate.h"
#include "common/bpf/return_value.h"
#include "common/seccomp/extend.h"
#include "common/seccomp/libseccomp_table.h"

namespace seccompd::bpf {
namespace {

void Note(const std::vector<seccomp::Diagnostic>& diagnostics, Extended& out) {
  for (const auto& d : diagnostics) {
    out.codes.push_back(std::string(d.code) + " " + d.pointer);
    out.messages.push_back(d.message);
  }
}

}  // namespace

const seccomp::SyscallTable& ExtendedTable() {
  static const seccomp::SyscallTable kTable = seccomp::LoadLibseccompTable(true);
  return kTable;
}

seccomp::NodeFacts ExtendedNode(seccomp::Arch arch) {
  return {.arch = arch, .kernel_major = 6, .kernel_minor = 1};
}

ExtensionCase CaseOf(const Extended& e) {
  return {.base = e.base,
          .result = e.program,
          .extension = e.extension,
          .rewritten = e.rewritten,
          .native = e.arch,
          .table = ExtendedTable()};
}

Extended Apply(const std::string& rules, const seccomp::Profile& base, seccomp::Arch arch) {
  Extended out{.arch = arch,
               .extension = {},
               .rewritten = {},
               .base = {},
               .program = {},
               .codes = {},
               .messages = {},
               .proof = base::Fail(base::ErrorCode::kInternal, "not reached"),
               .open = {}};
  auto read = seccomp::CheckExtension("{\"syscalls\": [" + rules + "]}", base, ExtendedTable(),
                                      ExtendedNode(arch));
  Note(read.diagnostics, out);
  auto base_program = Compile(base, arch);
  if (!read.profile || !base_program) return out;
  out.extension = *read.profile;
  out.base = *base_program;
  auto made = seccomp::Extend(base, out.extension,
                              [&](std::string_view name, const std::array<std::uint64_t, 6>& args) {
                                const auto number = ExtendedTable().Number(arch, name);
                                std::optional<seccomp::Action> chosen;
                                if (!number) return chosen;
                                SeccompData call{.nr = static_cast<std::uint32_t>(*number),
                                                 .arch = seccomp::AuditArch(arch)};
                                std::copy(args.begin(), args.end(), std::begin(call.args));
                                chosen = seccomp::FromReturnValue(Evaluate(out.base, call));
                                return chosen;
                              });
  Note(made.diagnostics, out);
  if (!made.profile) return out;
  out.rewritten = *made.profile;
  auto program = Compile(out.rewritten, arch);
  if (!program) {
    out.codes.push_back("refused: " + program.error().message);
    return out;
  }
  out.program = *program;
  Workspace workspace;
  out.proof = ProveExtension(workspace, CaseOf(out));
  workspace.Reset();
  out.open = OpenWays(workspace, CaseOf(out));
  return out;
}

std::uint32_t Decision(const Extended& e, std::uint32_t arch, std::uint32_t nr, std::uint64_t arg0,
                       std::uint64_t arg1, std::uint64_t arg2) {
  SeccompData data{.nr = nr, .arch = arch};
  data.args[0] = arg0;
  data.args[1] = arg1;
  data.args[2] = arg2;
  return Normalize(Evaluate(e.program, data));
}

}  // namespace seccompd::bpf
