// SPDX-License-Identifier: Apache-2.0
#include "agent/heap.h"

#include <malloc.h>

namespace seccompd::agent {
namespace {

// What one pass over a full node allocates stays below: it is not faulted in again and again.
constexpr int kMmapThreshold = 1 << 20;
constexpr int kTrimThreshold = 256 << 10;
constexpr std::size_t kWorthIt = 512 << 10;

}  // namespace

void SetUpHeap() {
  // NOLINTBEGIN(concurrency-mt-unsafe): called before there could be a second thread
  ::mallopt(M_MMAP_THRESHOLD, kMmapThreshold);
  ::mallopt(M_TRIM_THRESHOLD, kTrimThreshold);
  // NOLINTEND(concurrency-mt-unsafe)
}

std::size_t TrimHeap() {
  const std::size_t free = ::mallinfo2().fordblks;
  if (free < kWorthIt) return 0;
  ::malloc_trim(0);
  return free;
}

}  // namespace seccompd::agent
