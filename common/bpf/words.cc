// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/words.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <optional>

#include "common/bpf/return_value.h"
#include "common/seccomp/action.h"
#include "common/seccomp/argument_facts.h"

namespace seccompd::bpf {
namespace {

using seccomp::ArgumentFacts;
using seccomp::SymbolKind;

std::string NameOf(const ArgTest& test, const ArgumentFacts& facts) {
  return facts.name.empty() ? fmt::format("arg{}", test.index) : std::string(facts.name);
}

std::string Operand(const ArgTest& test, const ArgumentFacts& facts) {
  std::string name = NameOf(test, facts);
  switch (test.part) {
    case ArgPart::kLow32:
      return "low32(" + name + ")";
    case ArgPart::kHigh32:
      return "high32(" + name + ")";
    case ArgPart::kWhole:
      break;
  }
  return name;
}

std::uint64_t Greatest(const ArgTest& test) {
  return test.part == ArgPart::kWhole ? ~std::uint64_t{0} : 0xffffffff;
}

// "" where plain numbers say it as well.
std::string FlagWords(const ArgTest& test, const ArgumentFacts& facts) {
  const bool masked = test.relation == ArgRelation::kMasked;
  if (!masked && test.relation != ArgRelation::kNotMasked) return {};
  if (facts.kind != SymbolKind::kFlags || test.part == ArgPart::kHigh32) return {};
  const bool whole_word = test.second == Greatest(test) || test.second == 0;
  const bool all = test.first == test.second;
  if (whole_word || (test.first != 0 && !all)) return {};
  // Bits of the low half are the same bits in the whole argument.
  const std::string name = NameOf(test, facts);
  const std::string bits = ArgumentValueText(facts, test.second);
  const bool single = std::has_single_bit(test.second);
  if (test.first == 0) {
    if (single) return fmt::format("{} {} {}", name, masked ? "lacks" : "has", bits);
    return fmt::format("{} has {} {}", name, masked ? "none of" : "any of", bits);
  }
  if (single) return fmt::format("{} {} {}", name, masked ? "has" : "lacks", bits);
  return fmt::format("{} {} {}", name, masked ? "has all of" : "lacks some of", bits);
}

// "" unless it is about one value that has a symbol.
std::string EqualityWords(const ArgTest& test, const ArgumentFacts& facts) {
  const bool range = test.relation == ArgRelation::kInRange;
  const bool outside = test.relation == ArgRelation::kNotInRange;
  const bool single = (range || outside) && test.first == test.second;
  const bool masked = !range && !outside && test.second == Greatest(test);
  if ((!single && !masked) || test.part == ArgPart::kHigh32) return {};
  const bool equal = range || test.relation == ArgRelation::kMasked;
  return fmt::format("{} {} {}", Operand(test, facts),
                     equal ? "==" : "!=", ArgumentValueText(facts, test.first));
}

ArgTest Negated(ArgTest test) {
  switch (test.relation) {
    case ArgRelation::kInRange:
      test.relation = ArgRelation::kNotInRange;
      break;
    case ArgRelation::kNotInRange:
      test.relation = ArgRelation::kInRange;
      break;
    case ArgRelation::kMasked:
      test.relation = ArgRelation::kNotMasked;
      break;
    case ArgRelation::kNotMasked:
      test.relation = ArgRelation::kMasked;
      break;
  }
  return test;
}

bool Permits(std::uint32_t value) { return PermissionOf(value) == Permission::kPermitted; }

// The opposite of "all of these denials hold": any of what they deny does. Nothing if the condition
// is not of that form.
std::optional<Condition> WithoutDenials(const Condition& condition) {
  if (condition.any_of.size() != 1 || condition.any_of.front().empty()) return std::nullopt;
  Condition affirmed;
  for (const ArgTest& test : condition.any_of.front()) {
    const bool denial = test.relation == ArgRelation::kNotInRange ||
                        (test.relation == ArgRelation::kMasked && test.first == 0);
    if (!denial) return std::nullopt;
    affirmed.any_of.push_back({Negated(test)});
  }
  return affirmed;
}

// Two outcomes, one of which lets the call through, said without a double negation.
std::string ExceptionWords(const Outcome& listed, const Outcome& rest, const CallName& call) {
  if (!listed.condition.complete || Permits(listed.value) == Permits(rest.value)) return {};
  const auto affirmed = WithoutDenials(listed.condition);
  const auto unless = [&](std::uint32_t value, const Condition& condition, std::uint32_t other) {
    return fmt::format("{} unless {}: {}", ActionText(value), InWords(condition, call),
                       ActionText(other));
  };
  if (Permits(listed.value)) {
    return affirmed ? unless(listed.value, *affirmed, rest.value) : std::string();
  }
  if (!affirmed) return unless(rest.value, listed.condition, listed.value);
  return fmt::format("{} if {}, else {}", ActionText(rest.value), InWords(*affirmed, call),
                     ActionText(listed.value));
}

}  // namespace

std::string InWords(const ArgTest& test, const CallName& call) {
  if (test.index == kInstructionPointer) return ToText(test);
  const ArgumentFacts facts = FactsOfArgument(call.syscall, call.arch, test.index);
  if (std::string words = FlagWords(test, facts); !words.empty()) return words;
  if (std::string words = EqualityWords(test, facts); !words.empty()) return words;
  std::array<std::string_view, seccomp::kArgumentCount> names;
  names[test.index] = facts.name;
  return ToText(test, names);
}

std::string InWords(const Condition& condition, const CallName& call) {
  if (condition.Always()) return "always";
  if (condition.any_of.empty() && condition.complete) return "never";
  std::string text;
  for (const auto& tests : condition.any_of) {
    if (!text.empty()) text += " or ";
    std::string conjunction;
    for (const ArgTest& test : tests) {
      if (!conjunction.empty()) conjunction += " and ";
      conjunction += InWords(test, call);
    }
    const bool grouped = tests.size() > 1 && condition.any_of.size() > 1;
    text += grouped ? "(" + conjunction + ")" : conjunction;
  }
  if (!condition.complete) text += text.empty() ? "some cases" : " or more";
  return text;
}

std::string ActionText(std::uint32_t value) { return DisplayName(seccomp::FromReturnValue(value)); }

std::string InWords(std::span<const Outcome> outcomes, const CallName& call) {
  if (outcomes.size() == 2 && outcomes.back().otherwise) {
    std::string words = ExceptionWords(outcomes.front(), outcomes.back(), call);
    if (!words.empty()) return words;
  }
  std::string text;
  for (const Outcome& outcome : outcomes) {
    if (!text.empty()) text += ", ";
    if (outcomes.size() == 1) return ActionText(outcome.value);
    text += outcome.otherwise ? fmt::format("else {}", ActionText(outcome.value))
                              : fmt::format("{} if {}", ActionText(outcome.value),
                                            InWords(outcome.condition, call));
  }
  return text;
}

}  // namespace seccompd::bpf
