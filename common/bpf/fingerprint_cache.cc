// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/fingerprint_cache.h"

#include <cstring>

namespace seccompd::bpf {

FingerprintCache::FingerprintCache(std::size_t max_entries, std::uint64_t seed)
    : max_entries_(max_entries), seed_(seed) {}

std::uint64_t FingerprintCache::HashOf(const Stack& stack) const {
  std::uint64_t hash = seed_;
  const auto mix = [&](std::uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  };
  for (const Program& program : stack) {
    mix(program.size());
    for (const Instruction& at : program) {
      std::uint64_t word = 0;
      static_assert(sizeof(word) == sizeof(at));
      std::memcpy(&word, &at, sizeof(word));
      mix(word);
    }
  }
  return hash;
}

const base::Digest* FingerprintCache::Find(const Stack& stack) {
  const auto [first, last] = index_.equal_range(HashOf(stack));
  for (auto place = first; place != last; ++place) {
    if (place->second->stack != stack) continue;
    entries_.splice(entries_.begin(), entries_, place->second);
    return &place->second->fingerprint;
  }
  return nullptr;
}

void FingerprintCache::Insert(const Stack& stack, const base::Digest& fingerprint) {
  if (max_entries_ == 0 || Find(stack) != nullptr) return;
  if (entries_.size() == max_entries_) {
    const auto oldest = std::prev(entries_.end());
    const auto [first, last] = index_.equal_range(oldest->hash);
    for (auto place = first; place != last; ++place) {
      if (place->second != oldest) continue;
      index_.erase(place);
      break;
    }
    entries_.pop_back();
  }
  const std::uint64_t hash = HashOf(stack);
  entries_.push_front({.hash = hash, .stack = stack, .fingerprint = fingerprint});
  index_.emplace(hash, entries_.begin());
}

}  // namespace seccompd::bpf
