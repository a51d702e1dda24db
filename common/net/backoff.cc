// SPDX-License-Identifier: Apache-2.0
#include "common/net/backoff.h"

#include <algorithm>
#include <utility>

namespace seccompd::net {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using FloatMs = std::chrono::duration<double, std::milli>;

}  // namespace

Backoff::Backoff(BackoffOptions options, std::function<double()> random)
    : options_(options), random_(std::move(random)), pause_(options.first) {}

milliseconds Backoff::Next(base::MonoTime now) {
  if (failed_ && now - last_ > options_.reset_after) pause_ = options_.first;
  failed_ = true;
  last_ = now;
  const FloatMs stretched = FloatMs(pause_) * (1.0 + options_.jitter * random_());
  const FloatMs next = std::min(FloatMs(pause_) * options_.factor, FloatMs(options_.most));
  pause_ = duration_cast<milliseconds>(next);
  return duration_cast<milliseconds>(stretched);
}

void Backoff::Reset() {
  failed_ = false;
  pause_ = options_.first;
}

}  // namespace seccompd::net
