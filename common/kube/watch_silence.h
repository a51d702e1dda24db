// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

#include "common/base/time.h"

namespace seccompd::kube {

struct SilenceLimits {
  std::chrono::milliseconds idle{180'000};  // without a byte, where bookmarks are known to come
  std::chrono::milliseconds after_timeout{
      30'000};  // a watch may outlive its timeoutSeconds by this
};

// What the silence of watches on one collection means. Where a server sends bookmarks (about one a
// minute, k8s.io/apiserver pkg/storage/cacher) a silent connection is dead. And one restored from a
// backup has versions behind ours and tells such a watch nothing until it passes them
// (cache_watcher.go): client-go waits, we ask for everything after two watches without a word.
class WatchSilence {
 public:
  explicit WatchSilence(SilenceLimits limits) : limits_(limits) {}

  // When a watch that was opened at `opened` for `timeout` and last spoke at `spoke` is given up.
  [[nodiscard]] base::MonoTime GiveUp(base::MonoTime opened, std::chrono::seconds timeout,
                                      base::MonoTime spoke) const;
  void OnBookmark() { expected_ = known_ = true; }
  // Given up. If the next watch gets no bookmark either, silence means nothing on this server.
  void OnGivenUp() { expected_ = false; }
  // A watch for `timeout` is over without an error; true: everything is to be asked for again.
  [[nodiscard]] bool OnEnded(std::uint64_t events, std::chrono::nanoseconds lasted,
                             std::chrono::seconds timeout);

 private:
  SilenceLimits limits_;
  bool expected_ = false;  // a bookmark came since the last watch that was given up
  bool known_ = false;     // this server sends them
  int silent_ = 0;         // watches in a row
};

}  // namespace seccompd::kube
