// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/bpf/decide.h"

namespace seccompd::bpf {

enum class ArgPart : std::uint8_t { kWhole, kLow32, kHigh32 };
enum class ArgRelation : std::uint8_t {
  kInRange,     // first <= x <= second; EQ if both are the same
  kNotInRange,  //
  kMasked,      // (x & second) == first
  kNotMasked,   // (x & second) != first
};
inline constexpr std::uint8_t kInstructionPointer = 6;

// One statement about one argument, or a half of it, or the instruction pointer (index 6).
struct ArgTest {
  std::uint8_t index = 0;
  ArgPart part = ArgPart::kWhole;
  ArgRelation relation = ArgRelation::kInRange;
  std::uint64_t first = 0;
  std::uint64_t second = 0;

  bool operator==(const ArgTest&) const = default;
};

// A set of argument values in disjunctive form: any of the conjunctions holds. One empty
// conjunction is "always"; none is "never". `complete` is false if the list was cut at its limit:
// then the set is larger than what is listed.
struct Condition {
  std::vector<std::vector<ArgTest>> any_of;
  bool complete = true;

  [[nodiscard]] bool Always() const { return any_of.size() == 1 && any_of.front().empty(); }
  bool operator==(const Condition&) const = default;
};

// The region in words, exact unless cut after `max_terms` conjunctions. The region must not look at
// arch or nr. Uses the operations of the current call (Workspace::Begin).
Condition DescribeRegion(Workspace& workspace, Region region, std::size_t max_terms = 32);

// The way back: all inputs, of any arch and nr, that meet it.
[[nodiscard]] base::Result<Region> RegionOf(Workspace& workspace, const ArgTest& test);
[[nodiscard]] base::Result<Region> RegionOf(Workspace& workspace, const Condition& condition);

// "low32(arg0) == 38", "(arg1 & 0x7e020000) == 0", "arg0 in 1..5"; `names`, if given, replace
// "arg0" and so on.
std::string ToText(const ArgTest& test, std::span<const std::string_view> names = {});
// Conjunctions joined with " && ", alternatives with " || "; "always", "never"; "..." if cut.
std::string ToText(const Condition& condition, std::span<const std::string_view> names = {});

}  // namespace seccompd::bpf
