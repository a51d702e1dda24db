// SPDX-License-Identifier: Apache-2.0
#include "common/net/loop_lag.h"

#include <algorithm>

namespace seccompd::net {

void LoopLag::Observe(base::MonoTime now, std::chrono::nanoseconds lag) {
  const auto age = now - start_;
  if (age >= window_) {
    previous_ = age < 2 * window_ ? current_ : std::chrono::nanoseconds(0);
    current_ = std::chrono::nanoseconds(0);
    start_ = now;
  }
  current_ = std::max(current_, lag);
}

std::chrono::nanoseconds LoopLag::Most(base::MonoTime now) const {
  // Nothing was observed for two windows: the loop that feeds this stands still itself.
  if (now - start_ >= 2 * window_) return std::max(current_, now - start_ - window_);
  return std::max(current_, previous_);
}

}  // namespace seccompd::net
