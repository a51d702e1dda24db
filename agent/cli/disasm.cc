// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/disasm.h"

#include <fmt/format.h>

#include <ostream>

#include "common/base/text_table.h"
#include "common/bpf/disassemble.h"
#include "common/document/json_writer.h"

namespace seccompd::agent {
namespace {

using base::Counted;
using document::JsonList;
using document::JsonText;

constexpr int kExitPrinted = 0;
constexpr int kExitUsage = 2;

std::string TextOf(const Target& target, const seccomp::SyscallTable& table) {
  std::string out = "; " + target.name + "\n";
  for (const std::string& note : target.notes) out += "; " + note + "\n";
  if (target.stack.empty()) out += "; no filter\n";
  for (std::size_t i = 0; i < target.stack.size(); ++i) {
    if (target.stack.size() > 1) {
      out += fmt::format("; filter {} of {}{}\n", i + 1, target.stack.size(),
                         i == 0 ? ", the oldest" : "");
    }
    out += fmt::format("; {}\n", Counted(target.stack[i].size(), "instruction"));
    out += bpf::DisassembleToText(target.stack[i], table);
  }
  return out;
}

std::string JsonOf(const Target& target, const seccomp::SyscallTable& table) {
  const auto program = [&](const bpf::Program& instructions) {
    const auto line = [&](const bpf::DisassembledLine& one) {
      const bpf::Instruction& raw = instructions[one.index];
      return fmt::format(
          R"({{"index":{},"label":{},"text":{},"comment":{},"code":{},"jt":{},"jf":{},"k":{}}})",
          one.index, JsonText(one.label), JsonText(one.text), JsonText(one.comment), raw.code,
          raw.jt, raw.jf, raw.k);
    };
    return JsonList(bpf::Disassemble(instructions, table), line);
  };
  return fmt::format(R"({{"version":1,"target":{},"notes":{},"filters":{}}})"
                     "\n",
                     JsonText(target.name),
                     JsonList(target.notes, [](const std::string& s) { return JsonText(s); }),
                     JsonList(target.stack, program));
}

}  // namespace

int RunDisasm(const DisasmOptions& options, const TargetSettings& settings, std::ostream& out,
              std::ostream& err) {
  const auto target = ResolveTarget(options.target, settings);
  if (!target) {
    err << "seccompd disasm: " << target.error().message << "\n";
    return kExitUsage;
  }
  out << (options.json ? JsonOf(*target, *settings.table) : TextOf(*target, *settings.table))
      << std::flush;
  return kExitPrinted;
}

}  // namespace seccompd::agent
