// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "common/bpf/condition.h"

namespace seccompd::bpf {
namespace {

constexpr std::uint64_t kLargestDecimal = 4095;

std::string Number(std::uint64_t value) {
  return value <= kLargestDecimal ? fmt::format("{}", value) : fmt::format("{:#x}", value);
}

std::string Operand(const ArgTest& test, std::span<const std::string_view> names) {
  std::string name;
  if (test.index == kInstructionPointer) {
    name = "instruction_pointer";
  } else if (test.index < names.size() && !names[test.index].empty()) {
    name = names[test.index];
  } else {
    name = fmt::format("arg{}", test.index);
  }
  switch (test.part) {
    case ArgPart::kWhole:
      return name;
    case ArgPart::kLow32:
      return fmt::format("low32({})", name);
    case ArgPart::kHigh32:
      return fmt::format("high32({})", name);
  }
  return name;
}

std::uint64_t Greatest(const ArgTest& test) {
  return test.part == ArgPart::kWhole ? ~std::uint64_t{0} : 0xffffffff;
}

std::string RangeText(const ArgTest& test, const std::string& operand) {
  const bool inside = test.relation == ArgRelation::kInRange;
  if (test.first == test.second) {
    return fmt::format("{} {} {}", operand, inside ? "==" : "!=", Number(test.first));
  }
  if (test.first == 0) {
    return fmt::format("{} {} {}", operand, inside ? "<=" : ">", Number(test.second));
  }
  if (test.second == Greatest(test)) {
    return fmt::format("{} {} {}", operand, inside ? ">=" : "<", Number(test.first));
  }
  return fmt::format("{} {} {}..{}", operand, inside ? "in" : "not in", Number(test.first),
                     Number(test.second));
}

}  // namespace

std::string ToText(const ArgTest& test, std::span<const std::string_view> names) {
  const std::string operand = Operand(test, names);
  if (test.relation == ArgRelation::kInRange || test.relation == ArgRelation::kNotInRange) {
    return RangeText(test, operand);
  }
  const bool equal = test.relation == ArgRelation::kMasked;
  if (test.second == Greatest(test)) {
    return fmt::format("{} {} {}", operand, equal ? "==" : "!=", Number(test.first));
  }
  return fmt::format("({} & {:#x}) {} {}", operand, test.second,
                     equal ? "==" : "!=", Number(test.first));
}

std::string ToText(const Condition& condition, std::span<const std::string_view> names) {
  if (condition.Always()) return "always";
  if (condition.any_of.empty() && condition.complete) return "never";
  std::string text;
  for (const auto& tests : condition.any_of) {
    if (!text.empty()) text += " || ";
    std::string conjunction;
    for (const ArgTest& test : tests) {
      if (!conjunction.empty()) conjunction += " && ";
      conjunction += ToText(test, names);
    }
    const bool grouped = tests.size() > 1 && condition.any_of.size() > 1;
    text += grouped ? "(" + conjunction + ")" : conjunction;
  }
  if (!condition.complete) text += text.empty() ? "..." : " || ...";
  return text;
}

}  // namespace seccompd::bpf
