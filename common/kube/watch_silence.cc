// SPDX-License-Identifier: Apache-2.0
#include "common/kube/watch_silence.h"

#include <algorithm>

namespace seccompd::kube {

base::MonoTime WatchSilence::GiveUp(base::MonoTime opened, std::chrono::seconds timeout,
                                    base::MonoTime spoke) const {
  const base::MonoTime end = opened + timeout + limits_.after_timeout;
  return expected_ ? std::min<base::MonoTime>(end, spoke + limits_.idle) : end;
}

bool WatchSilence::OnEnded(std::uint64_t events, std::chrono::nanoseconds lasted,
                           std::chrono::seconds timeout) {
  if (events > 0) {
    silent_ = 0;
    return false;
  }
  const bool long_enough = lasted >= std::min<std::chrono::nanoseconds>(timeout, limits_.idle);
  if (!known_ || !long_enough || ++silent_ < 2) return false;
  silent_ = 0;
  known_ = false;
  return true;
}

}  // namespace seccompd::kube
