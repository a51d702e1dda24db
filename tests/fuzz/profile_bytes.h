// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/seccomp/profile.h"

namespace seccompd::seccomp::fuzz {

// Well-formed profiles out of any bytes: a search on text spends itself on JSON. Few calls, and
// values around those that rules are written for, so that conditions meet.
class ProfileBytes {
 public:
  explicit ProfileBytes(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  Profile Take(std::size_t most_rules) {
    Profile profile;
    profile.default_action = Action();
    constexpr std::array kMore = {Arch::kX86_64, Arch::kX86, Arch::kX32};
    const std::uint8_t archs = Next();
    for (std::size_t i = 0; i < kMore.size(); ++i) {
      if ((archs >> i & 1) != 0) profile.architectures.push_back(kMore.at(i));
    }
    const std::size_t rules = 1 + Next() % most_rules;
    for (std::size_t i = 0; i < rules && !bytes_.empty(); ++i) profile.syscalls.push_back(Rule());
    return profile;
  }

 private:
  std::uint8_t Next() {
    if (bytes_.empty()) return 0;
    const std::uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }

  ActionKind Action() {
    constexpr std::array kActions = {ActionKind::kErrno, ActionKind::kAllow,
                                     ActionKind::kKillProcess, ActionKind::kLog};
    return kActions.at(Next() % kActions.size());
  }

  SyscallRule Rule() {
    constexpr std::array<const char*, 10> kNames = {"socket", "clone", "ioctl",  "personality",
                                                    "mmap",   "read",  "semget", "fcntl",
                                                    "umount", "clone3"};
    SyscallRule rule;
    rule.action = Action();
    const std::uint8_t what = Next();
    rule.names.emplace_back(kNames.at(what % kNames.size()));
    if ((what & 0x80U) != 0) rule.names.emplace_back(kNames.at(Next() % kNames.size()));
    const std::uint8_t more = Next();
    if (rule.action == ActionKind::kErrno && (more & 0x80U) != 0) rule.errno_ret = Next();
    for (std::uint32_t i = 0; i < more % 4; ++i) rule.args.push_back(Condition());
    return rule;
  }

  ArgCondition Condition() {
    const std::uint8_t what = Next();
    ArgCondition condition;
    condition.index = what % 3;
    condition.op = static_cast<CompareOp>(what / 3 % 7);
    condition.value = Value();
    if (condition.op == CompareOp::kMaskedEq) condition.value_two = Value();
    return condition;
  }

  std::uint64_t Value() {
    constexpr std::array<std::uint64_t, 16> kValues = {
        0,          1,          2,          3,          38,           39,           40,     41,
        0x7e020000, 0x7fffffff, 0x80000000, 0xffffffff, 0x1'00000000, 0x1'00000026, 0xff00, ~0ULL};
    const std::uint8_t what = Next();
    return what < 0x80U ? kValues.at(what % kValues.size()) : what & 0x7fU;
  }

  std::span<const std::uint8_t> bytes_;
};

}  // namespace seccompd::seccomp::fuzz
