// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/disassemble.h"

#include <fmt/format.h>
#include <string.h>  // strerrorname_np

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "common/bpf/layout.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"
#include "common/seccomp/action.h"
#include "common/seccomp/arch.h"

namespace seccompd::bpf {
namespace {

// What is known when an instruction is reached: the word of the input that A holds, and the arch.
struct Knowledge {
  bool reached = false;
  std::optional<Word> word;
  std::optional<std::uint32_t> arch;
};

// Both ways of reaching an instruction must agree.
void Merge(Knowledge& at, const Knowledge& from) {
  if (!at.reached) {
    at = from;
    return;
  }
  if (at.word != from.word) at.word.reset();
  if (at.arch != from.arch) at.arch.reset();
}

// For every instruction what is known before it; nothing is known of what is never reached.
std::vector<Knowledge> Follow(const Program& program) {
  std::vector<Knowledge> known(program.size() + 1);
  known[0].reached = true;
  const auto pass_to = [&](std::size_t target, const Knowledge& from) {
    if (target < program.size()) Merge(known[target], from);
  };
  for (std::size_t pc = 0; pc < program.size(); ++pc) {
    const Instruction& at = program[pc];
    Knowledge next = known[pc];
    if (!next.reached || at.code == kRetK || at.code == kRetA) continue;
    if (at.code == kJa) {
      pass_to(pc + 1 + at.k, next);
      continue;
    }
    if (IsConditionalJump(at.code)) {
      Knowledge taken = next;
      if (at.code == kJeqK && next.word == kArchWord) taken.arch = at.k;
      pass_to(pc + 1 + at.jt, taken);
      pass_to(pc + 1 + at.jf, next);
      continue;
    }
    if (at.code == kLdAbs) {
      next.word = WordOfOffset(at.k % kDataBytes);
    } else if ((at.code & kClassMask) == kAluClass || at.code == kTxa || at.code == kLdImm ||
               at.code == kLdLen || at.code == kLdMem) {
      next.word.reset();
    }
    pass_to(pc + 1, next);
  }
  return known;
}

std::optional<seccomp::Arch> ArchOf(std::uint32_t audit_arch) {
  for (std::size_t i = 0; i < seccomp::kArchCount; ++i) {
    const auto arch = static_cast<seccomp::Arch>(i);
    if (seccomp::AuditArch(arch) == audit_arch && arch != seccomp::Arch::kX32) return arch;
  }
  return std::nullopt;
}

std::string SyscallComment(const seccomp::SyscallTable& names, std::uint32_t audit_arch,
                           std::uint32_t number) {
  auto arch = ArchOf(audit_arch);
  if (!arch) return "";
  if (*arch == seccomp::Arch::kX86_64 && (number & seccomp::kX32Bit) != 0) {
    if (number == seccomp::kX32Bit) return "x32";
    arch = seccomp::Arch::kX32;
  }
  const std::string name(names.Name(*arch, static_cast<std::int32_t>(number)));
  return *arch == seccomp::Arch::kX32 && !name.empty() ? name + " (x32)" : name;
}

std::string ReturnComment(std::uint32_t value) {
  std::string text = seccomp::DisplayName(seccomp::FromReturnValue(value));
  if (Normalize(value) == kRetKillProcess && (value & kRetActionMask) != kRetKillProcess) {
    return text + " (unknown action)";
  }
  if ((value & kRetActionMask) == kRetErrno) {
    const char* name = strerrorname_np(static_cast<int>(Normalize(value) & kRetDataMask));
    if (name != nullptr && text != "ERRNO(0)") text += fmt::format(" {}", name);
  }
  return text;
}

std::string Comment(const Instruction& at, const Knowledge& known,
                    const seccomp::SyscallTable& names) {
  if (at.code == kRetK) return ReturnComment(at.k);
  if (!known.reached) return "never reached";
  if (!IsConditionalJump(at.code) || (at.code & kSourceX) != 0) return "";
  if (known.word == kArchWord && at.code == kJeqK) {
    const auto arch = ArchOf(at.k);
    return arch ? std::string(seccomp::DisplayName(*arch)) : "";
  }
  if (known.word == kNrWord && known.arch) return SyscallComment(names, *known.arch, at.k);
  return "";
}

std::string WordName(std::uint32_t offset) {
  const Word word = WordOfOffset(offset % kDataBytes);
  if (offset >= kDataBytes || offset % 4 != 0) return fmt::format("[{}]", offset);
  if (word == kArchWord) return "arch";
  if (word == kNrWord) return "nr";
  const std::string_view half = word % 2 == 0 ? "high" : "low";
  if (word >= kIpHighWord) return fmt::format("instruction_pointer.{}", half);
  return fmt::format("args[{}].{}", word / 2 - 1, half);
}

struct Mnemonic {
  std::uint16_t code;
  std::string_view text;
};
// With a constant; the form with X differs in one bit.
constexpr auto kOperations = std::to_array<Mnemonic>({
    {kAddK, "add"},
    {kSubK, "sub"},
    {kMulK, "mul"},
    {kDivK, "div"},
    {kOrK, "or"},
    {kAndK, "and"},
    {kLshK, "lsh"},
    {kRshK, "rsh"},
    {kXorK, "xor"},
});
constexpr auto kJumps = std::to_array<Mnemonic>({
    {kJeqK, "jeq"},
    {kJgtK, "jgt"},
    {kJgeK, "jge"},
    {kJsetK, "jset"},
});

template <std::size_t kSize>
std::string_view MnemonicOf(const std::array<Mnemonic, kSize>& all, std::uint16_t code) {
  for (const Mnemonic& one : all) {
    if (one.code == (code & ~kSourceX)) return one.text;
  }
  return "";
}

std::string Target(std::size_t from, std::uint64_t distance, std::size_t size) {
  const std::uint64_t target = from + 1 + distance;
  return target < size ? fmt::format("L{}", target) : fmt::format("outside(+{})", distance);
}

std::string MoveText(const Instruction& at) {
  switch (at.code) {
    case kLdAbs:
      return fmt::format("ld   {}", WordName(at.k));
    case kLdLen:
      return "ld   len";
    case kLdImm:
      return fmt::format("ld   #{:#x}", at.k);
    case kLdMem:
      return fmt::format("ld   M[{}]", at.k);
    case kLdxLen:
      return "ldx  len";
    case kLdxImm:
      return fmt::format("ldx  #{:#x}", at.k);
    case kLdxMem:
      return fmt::format("ldx  M[{}]", at.k);
    case kSt:
      return fmt::format("st   M[{}]", at.k);
    case kStx:
      return fmt::format("stx  M[{}]", at.k);
    case kTax:
      return "tax";
    case kTxa:
      return "txa";
    case kNeg:
      return "neg";
    case kRetK:
      return fmt::format("ret  #{:#x}", at.k);
    case kRetA:
      return "ret  a";
    default:
      return "";
  }
}

std::string Text(const Program& program, std::size_t pc) {
  const Instruction& at = program[pc];
  if (std::string text = MoveText(at); !text.empty()) return text;
  if (at.code == kJa) return fmt::format("ja   {}", Target(pc, at.k, program.size()));
  const bool with_x = (at.code & kSourceX) != 0;
  const std::string operand = with_x ? "x" : fmt::format("#{:#x}", at.k);
  if (const auto name = MnemonicOf(kOperations, at.code); !name.empty()) {
    return fmt::format("{:<4} {}", name, operand);
  }
  if (const auto name = MnemonicOf(kJumps, at.code); !name.empty()) {
    return fmt::format("{:<4} {}, {}, {}", name, operand, Target(pc, at.jt, program.size()),
                       Target(pc, at.jf, program.size()));
  }
  return fmt::format("invalid code={:#06x} jt={} jf={} k={:#x}", at.code, at.jt, at.jf, at.k);
}

std::vector<bool> Targets(const Program& program) {
  std::vector<bool> targets(program.size(), false);
  const auto mark = [&](std::uint64_t target) {
    if (target < program.size()) targets[target] = true;
  };
  for (std::size_t pc = 0; pc < program.size(); ++pc) {
    const Instruction& at = program[pc];
    if (at.code == kJa) mark(std::uint64_t{pc} + 1 + at.k);
    if (!MnemonicOf(kJumps, at.code).empty()) {
      mark(pc + 1 + at.jt);
      mark(pc + 1 + at.jf);
    }
  }
  return targets;
}

}  // namespace

std::vector<DisassembledLine> Disassemble(const Program& program,
                                          const seccomp::SyscallTable& names) {
  const auto known = Follow(program);
  const auto targets = Targets(program);
  std::vector<DisassembledLine> lines;
  lines.reserve(program.size());
  for (std::size_t pc = 0; pc < program.size(); ++pc) {
    lines.push_back({.index = pc,
                     .label = targets[pc] ? fmt::format("L{}", pc) : std::string(),
                     .text = Text(program, pc),
                     .comment = Comment(program[pc], known[pc], names)});
  }
  return lines;
}

std::string DisassembleToText(const Program& program, const seccomp::SyscallTable& names) {
  constexpr std::size_t kTextWidth = 34;
  std::string result;
  for (const DisassembledLine& line : Disassemble(program, names)) {
    const std::string label = line.label.empty() ? "" : line.label + ":";
    if (line.comment.empty()) {
      result += fmt::format("{:>6} {}\n", label, line.text);
    } else {
      result += fmt::format("{:>6} {:<{}} ; {}\n", label, line.text, kTextWidth, line.comment);
    }
  }
  return result;
}

}  // namespace seccompd::bpf
