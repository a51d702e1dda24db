// SPDX-License-Identifier: Apache-2.0
// A profile over a base, in Docker's format or OCI's (two texts parted by a line "===", or after a
// '%' bytes that profile_bytes.h makes both of): what the rewriting gives is plain OCI, and what is
// proven holds for inputs around every value that the profiles name.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>

#include "common/bpf/compile.h"
#include "common/bpf/evaluate.h"
#include "common/bpf/prove_extension.h"
#include "common/bpf/return_value.h"
#include "common/seccomp/extend.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/render.h"
#include "common/seccomp/semantics.h"
#include "common/seccomp/syscall_facts.h"
#include "tests/fuzz/libseccomp_leaks.h"
#include "tests/fuzz/profile_bytes.h"

namespace {

using namespace seccompd;
using seccomp::Arch;
using seccomp::Profile;

// What the kernel would look at: int arguments without their high half.
bpf::SeccompData Truncated(bpf::SeccompData data, std::string_view name) {
  for (std::uint32_t i = 0; i < 6; ++i) {
    if ((seccomp::NarrowArguments(name) >> i & 1U) != 0) data.args[i] &= 0xffffffff;
  }
  return data;
}

void Try(const bpf::ExtensionCase& what, std::string_view name, const bpf::SeccompData& data) {
  // The extension's rules alone, over a default that they do not use as an action.
  Profile alone = what.extension;
  alone.default_action = seccomp::ActionKind::kTrace;
  alone.default_errno_ret = 0x7777;
  const bpf::SeccompData seen = Truncated(data, name);
  seccomp::Call call{.audit_arch = seen.arch, .nr = seen.nr, .args = {}};
  std::copy(std::begin(seen.args), std::end(seen.args), call.args.begin());
  const auto own = seccomp::MeaningOf(alone, what.table, what.native, call);
  if (own.loaded.size() != 1) return;  // OR and overlaps: not told here
  const std::uint32_t value = bpf::Normalize(seccomp::ToReturnValue(own.loaded.front()));
  const bool matched =
      own.loaded.front().kind != seccomp::ActionKind::kTrace || own.loaded.front().data != 0x7777;
  const std::uint32_t expected = matched ? value : bpf::Normalize(bpf::Evaluate(what.base, seen));
  if (bpf::Normalize(bpf::Evaluate(what.result, data)) != expected) std::abort();
}

void TryAll(const bpf::ExtensionCase& what) {
  std::set<std::uint64_t> values{0, 1, 0xffffffff};
  for (const Profile* profile : {&what.extension, &what.rewritten}) {
    for (const auto& rule : profile->syscalls) {
      for (const auto& arg : rule.args) {
        for (const std::uint64_t v : {arg.value, arg.value_two}) {
          if (values.size() < 24) values.insert({v - 1, v, v + 1, v | std::uint64_t{1} << 32});
        }
      }
    }
  }
  std::size_t tried = 0;
  for (const auto& rule : what.extension.syscalls) {
    for (const std::string& name : rule.names) {
      const auto nr = what.table.Number(Arch::kX86_64, name);
      if (!nr || *nr < 0 || ++tried > 3) continue;
      for (const std::uint64_t value : values) {
        bpf::SeccompData data{.nr = static_cast<std::uint32_t>(*nr),
                              .arch = seccomp::AuditArch(Arch::kX86_64)};
        for (std::uint64_t& arg : data.args) arg = value;
        Try(what, name, data);
      }
    }
  }
}

void Check(const Profile& base, std::string_view extension, const seccomp::SyscallTable& table,
           const seccomp::NodeFacts& node) {
  const auto own = seccomp::CheckExtension(extension, base, table, node);
  if (!own.profile) return;
  const auto before = bpf::Compile(base, node.arch);
  const auto decides = [&](std::string_view name, const std::array<std::uint64_t, 6>& args) {
    const auto nr = table.Number(node.arch, name);
    std::optional<seccomp::Action> chosen;
    if (!nr || !before) return chosen;
    bpf::SeccompData call{.nr = static_cast<std::uint32_t>(*nr),
                          .arch = seccomp::AuditArch(node.arch)};
    std::copy(args.begin(), args.end(), std::begin(call.args));
    chosen = seccomp::FromReturnValue(bpf::Evaluate(*before, call));
    return chosen;
  };
  const auto made = seccomp::Extend(base, *own.profile, decides);
  if (made.profile.has_value() == seccomp::HasErrors(made.diagnostics)) std::abort();
  if (!made.profile) return;
  const auto after = bpf::Compile(*made.profile, node.arch);
  if (!before || !after) return;
  static bpf::Workspace workspace({.nodes = 40'000, .operations = 80'000});
  workspace.Reset();
  const bpf::ExtensionCase what{.base = *before,
                                .result = *after,
                                .extension = *own.profile,
                                .rewritten = *made.profile,
                                .native = node.arch,
                                .table = table};
  if (bpf::ProveExtension(workspace, what)) TryAll(what);
}

void CheckRendering(const Profile& profile) {
  const auto again = seccomp::ParseProfile(seccomp::RenderOci(profile));
  if (!again.profile || *again.profile != profile) std::abort();
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's entry point
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const seccomp::SyscallTable table = seccomp::LoadLibseccompTable(true);
  const seccomp::NodeFacts node{.arch = Arch::kX86_64, .kernel_major = 6, .kernel_minor = 1};
  if (size > 0 && *data == '%') {
    seccomp::fuzz::ProfileBytes bytes({data + 1, size - 1});
    const Profile base = bytes.Take(6);
    Profile own = bytes.Take(3);
    own.default_action = base.default_action;  // may only be repeated
    own.architectures = base.architectures;
    CheckRendering(base);
    Check(base, seccomp::RenderOci(own), table, node);
    return 0;
  }
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t middle = text.find("\n===\n");
  const auto base = seccomp::CheckProfile(text.substr(0, middle), table, node);
  if (!base.profile) return 0;
  CheckRendering(*base.profile);
  if (middle != std::string_view::npos) Check(*base.profile, text.substr(middle + 5), table, node);
  return 0;
}
