// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/action.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace seccompd::seccomp {
namespace {

struct ActionInfo {
  ActionKind kind;
  std::string_view oci;
  std::string_view display;
  std::uint32_t ret;  // SECCOMP_RET_*
};

// In the order of ActionKind.
constexpr std::array<ActionInfo, 8> kActions{{
    {ActionKind::kKillProcess, "SCMP_ACT_KILL_PROCESS", "KILL_PROCESS", 0x80000000},
    {ActionKind::kKillThread, "SCMP_ACT_KILL_THREAD", "KILL_THREAD", 0x00000000},
    {ActionKind::kTrap, "SCMP_ACT_TRAP", "TRAP", 0x00030000},
    {ActionKind::kErrno, "SCMP_ACT_ERRNO", "ERRNO", 0x00050000},
    {ActionKind::kNotify, "SCMP_ACT_NOTIFY", "NOTIFY", 0x7fc00000},
    {ActionKind::kTrace, "SCMP_ACT_TRACE", "TRACE", 0x7ff00000},
    {ActionKind::kLog, "SCMP_ACT_LOG", "LOG", 0x7ffc0000},
    {ActionKind::kAllow, "SCMP_ACT_ALLOW", "ALLOW", 0x7fff0000},
}};

constexpr std::uint32_t kActionMask = 0xffff0000;
constexpr std::uint16_t kMaxErrno = 4095;  // MAX_ERRNO

const ActionInfo& Info(ActionKind kind) { return kActions[static_cast<std::size_t>(kind)]; }

}  // namespace

std::optional<ActionKind> ActionFromOci(std::string_view name) {
  if (name == "SCMP_ACT_KILL") return ActionKind::kKillThread;
  for (const ActionInfo& info : kActions) {
    if (info.oci == name) return info.kind;
  }
  return std::nullopt;
}

std::string_view OciName(ActionKind kind) { return Info(kind).oci; }

std::string DisplayName(Action action) {
  const std::string_view name = Info(action.kind).display;
  return HasData(action.kind) ? fmt::format("{}({})", name, action.data) : std::string(name);
}

std::uint32_t ToReturnValue(Action action) {
  return Info(action.kind).ret | (HasData(action.kind) ? action.data : 0U);
}

Action FromReturnValue(std::uint32_t value) {
  const auto found =
      std::find_if(kActions.begin(), kActions.end(),
                   [value](const ActionInfo& info) { return info.ret == (value & kActionMask); });
  if (found == kActions.end()) return {.kind = ActionKind::kKillProcess};
  const auto data = static_cast<std::uint16_t>(value & ~kActionMask);
  if (found->kind == ActionKind::kErrno) {
    return {.kind = found->kind, .data = std::min(data, kMaxErrno)};
  }
  return {.kind = found->kind, .data = HasData(found->kind) ? data : std::uint16_t{0}};
}

}  // namespace seccompd::seccomp
