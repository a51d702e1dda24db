// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/seccomp/arch.h"

namespace seccompd::seccomp {

// Names and numbers of system calls per architecture, a plain value. x32 numbers carry kX32Bit.
class SyscallTable {
 public:
  void Add(Arch arch, std::string_view name, std::int32_t number);

  // The number on that architecture; nullopt if it has no such call.
  [[nodiscard]] std::optional<std::int32_t> Number(Arch arch, std::string_view name) const;
  // The name; "" if unknown.
  [[nodiscard]] std::string_view Name(Arch arch, std::int32_t number) const;
  // Known on any architecture? A name that is not has no effect anywhere.
  [[nodiscard]] bool Knows(std::string_view name) const;
  [[nodiscard]] std::vector<std::string_view> Names(Arch arch) const;

 private:
  using NameId = std::uint16_t;  // the architectures share most names: each is kept once
  struct Entry {
    std::int32_t number = 0;
    NameId name = 0;
  };
  struct Entries {
    std::vector<std::int32_t> numbers;  // by NameId, kNone where there is no such call
    std::vector<Entry> names;           // by number
  };
  static constexpr std::int32_t kNone = INT32_MIN;

  // The first name in by_text_ that is not before `name`.
  [[nodiscard]] std::vector<NameId>::const_iterator Place(std::string_view name) const;
  NameId Intern(std::string_view name);

  std::vector<std::string> texts_;  // by NameId
  std::vector<NameId> by_text_;     // sorted by text
  std::array<Entries, kArchCount> archs_;
};

}  // namespace seccompd::seccomp
