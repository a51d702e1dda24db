// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/profile.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace seccompd::seccomp {
namespace {

constexpr std::array<std::string_view, 7> kOperators{
    "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",       "SCMP_CMP_EQ",
    "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"};
constexpr std::array<std::string_view, 4> kFlags{
    "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};

template <class Enum, std::size_t N>
std::optional<Enum> Find(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

}  // namespace

std::optional<CompareOp> CompareOpFromOci(std::string_view name) {
  return Find<CompareOp>(kOperators, name);
}
std::string_view OciName(CompareOp op) { return kOperators[static_cast<std::size_t>(op)]; }

std::optional<FilterFlag> FilterFlagFromOci(std::string_view name) {
  return Find<FilterFlag>(kFlags, name);
}
std::string_view OciName(FilterFlag flag) { return kFlags[static_cast<std::size_t>(flag)]; }

Action EffectiveAction(ActionKind kind, std::optional<std::uint32_t> errno_ret) {
  constexpr std::uint32_t kEperm = 1;
  if (!HasData(kind)) return {.kind = kind};
  return {.kind = kind, .data = static_cast<std::uint16_t>(errno_ret.value_or(kEperm) & 0xffffU)};
}

}  // namespace seccompd::seccomp
