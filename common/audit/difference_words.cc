// SPDX-License-Identifier: Apache-2.0
#include "common/audit/difference_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "common/seccomp/action.h"
#include "common/seccomp/syscall_facts.h"

namespace seccompd::audit {
namespace {

using seccomp::Arch;

struct Place {
  std::optional<Arch> arch;  // nullopt: several, or none that is known
  std::string_view syscall;  // "" for a range, or a number without a name
};

std::optional<Arch> ArchOf(const bpf::Difference& difference, Arch native) {
  if (difference.first_arch != difference.last_arch) return std::nullopt;
  const bool x32 = (difference.first_nr & seccomp::kX32Bit) != 0;
  if (difference.first_arch == seccomp::AuditArch(native)) {
    return x32 && native == Arch::kX86_64 ? Arch::kX32 : native;
  }
  for (const Arch compat : seccomp::CompatArchs(native)) {
    if (compat != Arch::kX32 && difference.first_arch == seccomp::AuditArch(compat)) return compat;
  }
  return std::nullopt;
}

Place PlaceOf(const bpf::Difference& difference, const seccomp::SyscallTable& table, Arch native) {
  Place place{.arch = ArchOf(difference, native), .syscall = {}};
  if (place.arch && difference.first_nr == difference.last_nr) {
    place.syscall = table.Name(*place.arch, static_cast<std::int32_t>(difference.first_nr));
  }
  return place;
}

bool IsCritical(std::string_view syscall) {
  const auto critical = seccomp::CriticalSyscalls();
  return std::find(critical.begin(), critical.end(), syscall) != critical.end();
}

std::string Numbers(const bpf::Difference& difference) {
  if (difference.first_nr == difference.last_nr) return fmt::format("nr {}", difference.first_nr);
  constexpr std::uint32_t kOpenEnd = 0x3fffffff;  // the last number below the x32 bit
  if (difference.last_nr == kOpenEnd || difference.last_nr == ~std::uint32_t{0}) {
    return fmt::format("nr {} and above", difference.first_nr);
  }
  return fmt::format("nr {} to {}", difference.first_nr, difference.last_nr);
}

std::string ActionWords(std::uint32_t value) {
  return seccomp::DisplayName(seccomp::FromReturnValue(value));
}

std::string Arguments(const bpf::Condition& condition) {
  return condition.Always() ? "*" : bpf::ToText(condition);
}

std::string_view Verb(bpf::Direction direction) {
  switch (direction) {
    case bpf::Direction::kWeaker:
      return "permits";
    case bpf::Direction::kStricter:
      return "refuses";
    case bpf::Direction::kOther:
      break;
  }
  return "treats";
}

std::string Describe(const bpf::Difference& difference, const Place& place) {
  const std::string call = place.syscall.empty() ? Numbers(difference) : std::string(place.syscall);
  const std::string where = place.arch ? std::string(seccomp::DisplayName(*place.arch))
                            : difference.first_arch == difference.last_arch
                                ? fmt::format("arch {:#x}", difference.first_arch)
                                : "other architectures";
  return fmt::format("{} {}({}) on {}: {} instead of {}", Verb(difference.direction), call,
                     Arguments(difference.condition), where, ActionWords(difference.to),
                     ActionWords(difference.from));
}

}  // namespace

std::string DifferenceWords(const bpf::Comparison& comparison, const seccomp::SyscallTable& table,
                            Arch native) {
  if (comparison.differences.empty()) return {};
  const auto rank = [&](const bpf::Difference& difference) {
    const Place place = PlaceOf(difference, table, native);
    const bool worst = comparison.weaker != 0  ? difference.direction == bpf::Direction::kWeaker
                       : comparison.other != 0 ? difference.direction == bpf::Direction::kOther
                                               : true;
    return std::tuple(!worst, place.arch != native, place.syscall.empty(),
                      !IsCritical(place.syscall), !difference.condition.Always());
  };
  const auto best =
      std::min_element(comparison.differences.begin(), comparison.differences.end(),
                       [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  std::string words = Describe(*best, PlaceOf(*best, table, native));
  if (comparison.total > 1) words += fmt::format("; {} more", comparison.total - 1);
  return words;
}

}  // namespace seccompd::audit
