// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

#include "common/base/digest.h"
#include "common/bpf/program.h"

namespace seccompd::bpf {

// Fingerprints of stacks already decided, by exact bytes (never by hash alone: programs are chosen
// by workloads). Bounded; the least recently used goes first. `seed` should be unpredictable, so
// that nobody can prepare colliding programs.
class FingerprintCache {
 public:
  explicit FingerprintCache(std::size_t max_entries, std::uint64_t seed = 0);

  // The pointer is valid until the next Insert.
  const base::Digest* Find(const Stack& stack);
  void Insert(const Stack& stack, const base::Digest& fingerprint);
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::uint64_t hash = 0;
    Stack stack;
    base::Digest fingerprint;
  };
  [[nodiscard]] std::uint64_t HashOf(const Stack& stack) const;

  std::size_t max_entries_;
  std::uint64_t seed_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_multimap<std::uint64_t, std::list<Entry>::iterator> index_;
};

}  // namespace seccompd::bpf
