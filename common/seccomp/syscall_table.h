// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
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
  // Lookup by string_view without a copy.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  struct Entries {
    std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> numbers;
    std::unordered_map<std::int32_t, std::string> names;
  };
  std::unordered_map<Arch, Entries> archs_;
};

}  // namespace seccompd::seccomp
