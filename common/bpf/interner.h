// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/bpf/node_store.h"

namespace seccompd::bpf {

// Gives equal arrays of words one small number, counting from 0. Work is paid from the store's
// grant, probes included, so that colliding keys end in "undecided". Keeps its memory when it is
// reset.
template <std::size_t kLength>
class Interner {
 public:
  using Key = std::array<std::uint32_t, kLength>;

  Interner() { Reset(); }

  void Reset() {
    keys_.clear();
    table_.assign(kFirstSize, kFree);
  }
  [[nodiscard]] std::size_t size() const { return keys_.size(); }
  [[nodiscard]] const Key& operator[](std::uint32_t id) const { return keys_[id]; }

  [[nodiscard]] std::size_t Footprint() const {
    return keys_.capacity() * sizeof(Key) + table_.capacity() * sizeof(std::uint32_t);
  }

  // The number of `key`, and whether it is new. Nothing is added once the store is exhausted.
  std::pair<std::uint32_t, bool> Intern(NodeStore& store, const Key& key) {
    const std::size_t mask = table_.size() - 1;
    std::size_t slot = HashOf(key) & mask;
    store.Spend(kCost);
    while (table_[slot] != kFree) {
      if (keys_[table_[slot]] == key) return {table_[slot], false};
      store.Spend(1);
      slot = (slot + 1) & mask;
    }
    if (store.Exhausted()) return {0, false};
    const auto id = static_cast<std::uint32_t>(keys_.size());
    keys_.push_back(key);
    table_[slot] = id;
    if (keys_.size() * 4 > table_.size() * 3) Grow();
    return {id, true};
  }

 private:
  static constexpr std::uint32_t kFree = 0xffffffff;
  static constexpr std::size_t kFirstSize = 1024;
  // In operations of the store; long keys also weigh on memory.
  static constexpr std::uint64_t kCost = 2 + kLength / 4;

  static std::uint64_t HashOf(const Key& key) {
    std::uint64_t hash = 0;
    for (const std::uint32_t word : key) {
      hash = (hash ^ word) * 0x9e3779b97f4a7c15;
      hash ^= hash >> 32;
    }
    return hash;
  }
  void Grow() {
    table_.assign(table_.size() * 2, kFree);
    const std::size_t mask = table_.size() - 1;
    for (std::uint32_t id = 0; id < keys_.size(); ++id) {
      std::size_t slot = HashOf(keys_[id]) & mask;
      while (table_[slot] != kFree) slot = (slot + 1) & mask;
      table_[slot] = id;
    }
  }

  std::vector<Key> keys_;
  std::vector<std::uint32_t> table_;
};

}  // namespace seccompd::bpf
