// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/syscall_table.h"

#include <algorithm>

namespace seccompd::seccomp {

void SyscallTable::Add(Arch arch, std::string_view name, std::int32_t number) {
  Entries& names = archs_[arch];
  names.numbers.insert_or_assign(std::string(name), number);
  names.names.insert_or_assign(number, std::string(name));
}

std::optional<std::int32_t> SyscallTable::Number(Arch arch, std::string_view name) const {
  const auto names = archs_.find(arch);
  if (names == archs_.end()) return std::nullopt;
  const auto found = names->second.numbers.find(name);
  return found == names->second.numbers.end() ? std::nullopt : std::optional(found->second);
}

std::string_view SyscallTable::Name(Arch arch, std::int32_t number) const {
  const auto names = archs_.find(arch);
  if (names == archs_.end()) return {};
  const auto found = names->second.names.find(number);
  return found == names->second.names.end() ? std::string_view() : found->second;
}

bool SyscallTable::Knows(std::string_view name) const {
  return std::any_of(archs_.begin(), archs_.end(),
                     [name](const auto& arch) { return arch.second.numbers.contains(name); });
}

std::vector<std::string_view> SyscallTable::Names(Arch arch) const {
  std::vector<std::string_view> out;
  const auto names = archs_.find(arch);
  if (names == archs_.end()) return out;
  for (const auto& [name, number] : names->second.numbers) out.emplace_back(name);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace seccompd::seccomp
