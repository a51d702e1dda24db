// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/syscall_table.h"

#include <algorithm>

namespace seccompd::seccomp {

std::vector<SyscallTable::NameId>::const_iterator SyscallTable::Place(std::string_view name) const {
  return std::lower_bound(
      by_text_.begin(), by_text_.end(), name,
      [this](NameId id, std::string_view wanted) { return texts_[id] < wanted; });
}

SyscallTable::NameId SyscallTable::Intern(std::string_view name) {
  const auto place = Place(name);
  if (place != by_text_.end() && texts_[*place] == name) return *place;
  const auto id = static_cast<NameId>(texts_.size());
  by_text_.insert(place, id);
  texts_.emplace_back(name);
  return id;
}

void SyscallTable::Add(Arch arch, std::string_view name, std::int32_t number) {
  const NameId id = Intern(name);
  Entries& entries = archs_[static_cast<std::size_t>(arch)];
  if (entries.numbers.size() <= id) entries.numbers.resize(id + std::size_t{1}, kNone);
  entries.numbers[id] = number;
  const auto place = std::lower_bound(
      entries.names.begin(), entries.names.end(), number,
      [](const Entry& entry, std::int32_t wanted) { return entry.number < wanted; });
  if (place != entries.names.end() && place->number == number) {
    place->name = id;
  } else {
    entries.names.insert(place, {.number = number, .name = id});
  }
}

std::optional<std::int32_t> SyscallTable::Number(Arch arch, std::string_view name) const {
  const auto place = Place(name);
  if (place == by_text_.end() || texts_[*place] != name) return std::nullopt;
  const std::vector<std::int32_t>& numbers = archs_[static_cast<std::size_t>(arch)].numbers;
  if (*place >= numbers.size() || numbers[*place] == kNone) return std::nullopt;
  return numbers[*place];
}

std::string_view SyscallTable::Name(Arch arch, std::int32_t number) const {
  const std::vector<Entry>& names = archs_[static_cast<std::size_t>(arch)].names;
  const auto place = std::lower_bound(
      names.begin(), names.end(), number,
      [](const Entry& entry, std::int32_t wanted) { return entry.number < wanted; });
  if (place == names.end() || place->number != number) return {};
  return texts_[place->name];
}

bool SyscallTable::Knows(std::string_view name) const {
  const auto place = Place(name);
  return place != by_text_.end() && texts_[*place] == name;
}

std::vector<std::string_view> SyscallTable::Names(Arch arch) const {
  const std::vector<std::int32_t>& numbers = archs_[static_cast<std::size_t>(arch)].numbers;
  std::vector<std::string_view> out;
  for (const NameId id : by_text_) {
    if (id < numbers.size() && numbers[id] != kNone) out.emplace_back(texts_[id]);
  }
  return out;
}

}  // namespace seccompd::seccomp
