// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/fingerprint_cache.h"

#include <array>
#include <cstring>
#include <iterator>
#include <type_traits>

namespace seccompd::bpf {
namespace {

bool SameBytes(const Stack& a, const Stack& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].size() != b[i].size()) return false;
    static_assert(std::has_unique_object_representations_v<Instruction>);
    if (!a[i].empty() &&
        std::memcmp(a[i].data(), b[i].data(), a[i].size() * sizeof(Instruction)) != 0)
      return false;
  }
  return true;
}

}  // namespace

FingerprintCache::FingerprintCache(std::size_t max_entries, std::uint64_t seed)
    : max_entries_(max_entries), seed_(seed) {}

// Four lanes, because one chain of multiplications would wait for itself.
std::uint64_t FingerprintCache::HashOf(const Stack& stack) const {
  constexpr std::size_t kLanes = 4;
  std::array<std::uint64_t, kLanes> lanes{};
  for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] = seed_ + lane;
  const auto mix = [&](std::size_t lane, std::uint64_t word) {
    std::uint64_t& hash = lanes[lane % kLanes];
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  };
  for (const Program& program : stack) {
    mix(0, program.size());
    for (std::size_t i = 0; i < program.size(); ++i) {
      std::uint64_t word = 0;
      static_assert(sizeof(word) == sizeof(Instruction));
      std::memcpy(&word, &program[i], sizeof(word));
      mix(i, word);
    }
  }
  for (std::size_t lane = 1; lane < kLanes; ++lane) mix(0, lanes[lane]);
  return lanes[0];
}

const base::Digest* FingerprintCache::Find(const Stack& stack) {
  const auto [first, last] = index_.equal_range(HashOf(stack));
  for (auto place = first; place != last; ++place) {
    if (!SameBytes(place->second->stack, stack)) continue;
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
