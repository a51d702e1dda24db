// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/return_value.h"

#include <algorithm>
#include <iterator>

namespace seccompd::bpf {
namespace {

// In the kernel's order of precedence.
constexpr std::uint32_t kKnown[] = {kRetKillProcess, kRetKillThread, kRetTrap, kRetErrno,
                                    kRetUserNotif,   kRetTrace,      kRetLog,  kRetAllow};
constexpr std::uint32_t kNextAction = 0x00010000;

std::uint32_t WithData(std::uint32_t action, std::uint32_t data) {
  if (action == kRetErrno) return action | std::min(data, kMaxErrno);
  if (action == kRetTrace) return action | data;
  return action;
}

}  // namespace

std::uint32_t NormalizeInStack(std::uint32_t value) {
  const std::uint32_t action = value & kRetActionMask;
  std::uint32_t below = kRetKillProcess;  // no action precedes it
  for (const std::uint32_t known : kKnown) {
    if (known == action) return WithData(action, value & kRetDataMask);
    if (Precedence(known) < Precedence(action)) below = known;
  }
  // All unknown actions between two known ones behave alike: the lowest stands for them.
  return below + kNextAction;
}

std::uint32_t Normalize(std::uint32_t value) {
  const std::uint32_t action = value & kRetActionMask;
  if (std::find(std::begin(kKnown), std::end(kKnown), action) == std::end(kKnown)) {
    return kRetKillProcess;
  }
  return WithData(action, value & kRetDataMask);
}

Permission PermissionOf(std::uint32_t value) {
  switch (value & kRetActionMask) {
    case kRetAllow:
    case kRetLog:
      return Permission::kPermitted;
    case kRetTrace:
      return Permission::kTraced;
    case kRetUserNotif:
      return Permission::kSupervised;
    default:
      return Permission::kRefused;
  }
}

}  // namespace seccompd::bpf
