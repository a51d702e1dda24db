// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/seccomp/arch.h"

namespace seccompd::seccomp {

// A constant of the kernel's uapi headers.
struct Symbol {
  std::string_view name;
  std::uint64_t value = 0;
};

// Flags are ORed bits; an enumeration has one value at a time.
enum class SymbolKind : std::uint8_t { kNone, kEnumeration, kFlags };

// What people call one argument and its values. Only for calls whose arguments profiles look at;
// values are those of x86 and the generic headers.
struct ArgumentFacts {
  std::string_view name;  // "" if unknown
  SymbolKind kind = SymbolKind::kNone;
  std::span<const Symbol> symbols;
};
inline constexpr std::uint32_t kArgumentCount = 6;
ArgumentFacts FactsOfArgument(std::string_view syscall, Arch arch, std::uint32_t index);

// The index of the argument by that name, or of "arg0" to "arg5"; nullopt if there is none.
std::optional<std::uint32_t> ArgumentIndex(std::string_view syscall, Arch arch,
                                           std::string_view name);

// The value of "AF_ALG", "38", "0x26" or several of them joined by '|'; nullopt for another text.
std::optional<std::uint64_t> ParseArgumentValue(const ArgumentFacts& facts, std::string_view text);

// Flags of one prefix: "CLONE_NEW{NS,USER}", for people, or spelt out, as ParseArgumentValue reads.
enum class FlagStyle : std::uint8_t { kBraces, kSpeltOut };
// "AF_ALG", "CLONE_NEWNS|CLONE_NEWUSER"; numbers where no symbol fits, decimal up to 4095.
std::string ArgumentValueText(const ArgumentFacts& facts, std::uint64_t value,
                              FlagStyle style = FlagStyle::kBraces);

}  // namespace seccompd::seccomp
