// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>

#include "common/base/time.h"

namespace seccompd::net {

// Defaults are those of client-go's Reflector (tools/cache/reflector.go).
struct BackoffOptions {
  std::chrono::milliseconds first{800};
  std::chrono::milliseconds most{30'000};
  double factor = 2.0;
  double jitter = 1.0;                             // each pause is stretched by 1 .. 1 + jitter
  std::chrono::milliseconds reset_after{120'000};  // of quiet: start again at `first`
};

// How long to wait before the next try (k8s.io/apimachinery util/wait). `random` gives [0, 1).
class Backoff {
 public:
  Backoff(BackoffOptions options, std::function<double()> random);

  // The pause before the next try; each call is one failure at `now`.
  [[nodiscard]] std::chrono::milliseconds Next(base::MonoTime now);
  // The next failure starts at `first` again.
  void Reset();

 private:
  BackoffOptions options_;
  std::function<double()> random_;
  std::chrono::milliseconds pause_;
  base::MonoTime last_;
  bool failed_ = false;
};

}  // namespace seccompd::net
