// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/call_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "common/base/strings.h"
#include "common/seccomp/argument_facts.h"

namespace seccompd::bpf {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;
using seccomp::Arch;
using std::string_view;

enum class Operator : std::uint8_t { kEqual, kNotEqual, kHas, kHasAny, kLacks };
struct OperatorText {
  string_view text;
  Operator which;
};
// Longer before shorter.
constexpr auto kOperators = std::to_array<OperatorText>({
    {"has any of ", Operator::kHasAny},
    {"has any ", Operator::kHasAny},
    {"has ", Operator::kHas},
    {"lacks ", Operator::kLacks},
    {"==", Operator::kEqual},
    {"!=", Operator::kNotEqual},
});

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool IsName(string_view text) {
  constexpr std::size_t kMaxName = 64;
  return !text.empty() && text.size() <= kMaxName &&
         std::all_of(text.begin(), text.end(), IsNameCharacter);
}

base::Error Wrong(string_view part, string_view why) {
  return {.code = ErrorCode::kInvalidArgument,
          .message = fmt::format("'{}': {}", base::Printable(part), why)};
}

// The conditions of one call; one instance per text.
class Conditions {
 public:
  Conditions(string_view syscall, Arch native) : syscall_(syscall), native_(native) {}

  // What stands between two commas, `place` of them before it.
  Result<std::optional<PatternArg>> Parse(string_view text, std::uint32_t place) const {
    text = base::TrimSpace(text);
    if (text.empty() || text == "*") return std::nullopt;
    const auto name_end = static_cast<std::size_t>(
        std::find_if_not(text.begin(), text.end(), IsNameCharacter) - text.begin());
    const string_view rest = base::TrimSpace(text.substr(name_end));
    if (!rest.empty() && rest.front() != '|') {
      return Named(text, text.substr(0, name_end), rest);
    }
    if (place >= seccomp::kArgumentCount) return Fail(Wrong(text, "a call has six arguments"));
    TRY_ASSIGN(const std::uint64_t value, Value(place, text));
    return PatternArg{.index = place, .value = value};
  }

 private:
  Result<std::uint64_t> Value(std::uint32_t index, string_view text) const {
    const auto facts = seccomp::FactsOfArgument(syscall_, native_, index);
    const auto value = seccomp::ParseArgumentValue(facts, text);
    if (value) return *value;
    std::vector<string_view> known;
    for (const seccomp::Symbol& symbol : facts.symbols) known.push_back(symbol.name);
    const auto nearest = base::Nearest(text, known, 3);
    return Fail(Wrong(text, nearest ? fmt::format("not a known value; did you mean {}?", *nearest)
                                    : "not a number or a known value of this argument"));
  }

  Result<std::optional<PatternArg>> Named(string_view text, string_view name,
                                          string_view rest) const {
    const auto index = seccomp::ArgumentIndex(syscall_, native_, name);
    if (!index) return Fail(Wrong(text, "no such argument; say arg0 to arg5"));
    if (rest.front() == '&') return Masked(text, *index, rest.substr(1));
    for (const OperatorText& known : kOperators) {
      if (!rest.starts_with(known.text)) continue;
      TRY_ASSIGN(const std::uint64_t value,
                 Value(*index, base::TrimSpace(rest.substr(known.text.size()))));
      return Make(text, *index, known.which, value);
    }
    return Fail(Wrong(text, "say ==, !=, has, has any, lacks or & MASK =="));
  }

  static Result<std::optional<PatternArg>> Make(string_view text, std::uint32_t index,
                                                Operator which, std::uint64_t value) {
    const bool bits = which != Operator::kEqual && which != Operator::kNotEqual;
    if (bits && value == 0) return Fail(Wrong(text, "no bit is meant"));
    switch (which) {
      case Operator::kEqual:
        return PatternArg{.index = index, .value = value};
      case Operator::kNotEqual:
        return PatternArg{.index = index, .value = value, .negate = true};
      case Operator::kHas:
        return PatternArg{.index = index, .mask = value, .value = value};
      case Operator::kHasAny:
        return PatternArg{.index = index, .mask = value, .value = 0, .negate = true};
      case Operator::kLacks:
        break;
    }
    return PatternArg{.index = index, .mask = value, .value = 0};
  }

  // "MASK == VALUE" or "MASK != VALUE".
  Result<std::optional<PatternArg>> Masked(string_view text, std::uint32_t index,
                                           string_view rest) const {
    for (const bool negate : {false, true}) {
      const std::size_t at = rest.find(negate ? "!=" : "==");
      if (at == string_view::npos) continue;
      TRY_ASSIGN(const std::uint64_t mask, Value(index, base::TrimSpace(rest.substr(0, at))));
      TRY_ASSIGN(const std::uint64_t value, Value(index, base::TrimSpace(rest.substr(at + 2))));
      if (mask == 0 || (value & ~mask) != 0) {
        return Fail(Wrong(text, "a value with bits outside the mask never matches"));
      }
      return PatternArg{.index = index, .mask = mask, .value = value, .negate = negate};
    }
    return Fail(Wrong(text, "say NAME & MASK == VALUE"));
  }

  string_view syscall_;
  Arch native_;
};

std::string ArgText(const PatternArg& arg, string_view syscall, Arch native) {
  const auto facts = seccomp::FactsOfArgument(syscall, native, arg.index);
  const std::string name =
      facts.name.empty() ? fmt::format("arg{}", arg.index) : std::string(facts.name);
  const auto value_text = [&](std::uint64_t value) {
    return ArgumentValueText(facts, value, seccomp::FlagStyle::kSpeltOut);
  };
  if (arg.mask == ~std::uint64_t{0}) {
    return fmt::format("{} {} {}", name, arg.negate ? "!=" : "==", value_text(arg.value));
  }
  if (arg.value == arg.mask && !arg.negate) {
    return fmt::format("{} has {}", name, value_text(arg.mask));
  }
  if (arg.value == 0 && arg.mask != 0) {
    return fmt::format("{} {} {}", name, arg.negate ? "has any" : "lacks", value_text(arg.mask));
  }
  return fmt::format("{} & {:#x} {} {:#x}", name, arg.mask, arg.negate ? "!=" : "==", arg.value);
}

}  // namespace

Result<CallPattern> ParseCallPattern(string_view text, Arch native) {
  if (text.size() > kMaxPatternText) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("longer than {} bytes", kMaxPatternText));
  }
  text = base::TrimSpace(text);
  const std::size_t open = text.find('(');
  const string_view syscall = base::TrimSpace(text.substr(0, open));
  if (!IsName(syscall)) return Fail(Wrong(text, "begin with the name of a system call"));
  CallPattern pattern{.name = {}, .syscall = std::string(syscall), .args = {}};
  if (open != string_view::npos) {
    if (!text.ends_with(')')) return Fail(Wrong(text, "the ')' is missing"));
    const string_view inside = text.substr(open + 1, text.size() - open - 2);
    const Conditions conditions(syscall, native);
    std::uint32_t place = 0;
    for (const string_view piece : base::Split(inside, ',')) {
      TRY_ASSIGN(const auto arg, conditions.Parse(piece, place++));
      if (!arg) continue;
      if (pattern.args.size() == kMaxPatternArgs) return Fail(Wrong(text, "too many conditions"));
      pattern.args.push_back(*arg);
    }
  }
  pattern.name = ToText(pattern, native);
  return pattern;
}

std::string ToText(const CallPattern& pattern, Arch native) {
  std::string text = pattern.syscall;
  if (pattern.args.empty()) return text;
  for (std::size_t i = 0; i < pattern.args.size(); ++i) {
    text += i == 0 ? "(" : ", ";
    text += ArgText(pattern.args[i], pattern.syscall, native);
  }
  return text + ")";
}

}  // namespace seccompd::bpf
