// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "common/base/time.h"

namespace seccompd::net {

// The longest time that the event loop kept a due timer waiting, over the last one to two windows,
// so that a scrape cannot miss a stall. Feed it from a loop that sleeps for a short interval.
class LoopLag {
 public:
  LoopLag(std::chrono::milliseconds window, base::MonoTime now) : window_(window), start_(now) {}

  void Observe(base::MonoTime now, std::chrono::nanoseconds lag);
  [[nodiscard]] std::chrono::nanoseconds Most(base::MonoTime now) const;

 private:
  std::chrono::milliseconds window_;
  base::MonoTime start_;  // of the current window
  std::chrono::nanoseconds current_{0};
  std::chrono::nanoseconds previous_{0};
};

}  // namespace seccompd::net
