// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/time.h"
#include "common/kube/reflector.h"

namespace seccompd::kube {

// What goes wrong with the API server, or with the way to it, for a while.
enum class Fault : std::uint8_t {
  kNone,
  kRefused,         // nobody listens; watches end
  kReset,           // every stream ends in the middle of its next event
  kSilence,         // half open: connections of this time never carry a byte
  kThrottled,       // 429
  kThrottledAfter,  // 429 with Retry-After: 45
  kUnauthorized,    // 401 or 403
  kInternal,        // 500
  kTooLarge,        // 504, the version is ahead of the cache
  kExpiredList,     // 410 at LIST and WATCH
  kExpiredPage,     // 410 at the second page, and watches are cut so that pages are asked for
  kExpiredStream,   // a watch opens and carries 410
  kCutWatch,        // a proxy ends every watch at once
  kGarbage,         // a watch carries bytes that are no event
};
constexpr std::chrono::seconds kRetryAfter{45};

[[nodiscard]] ApiFailure FailureOf(Fault fault);

// name -> content; a content is never used twice.
using Objects = std::map<std::string, std::uint64_t>;

struct SimulatedEvent {
  std::uint64_t version = 0;
  WatchEventType type = WatchEventType::kAdded;
  std::string name;
  std::uint64_t content = 0;
  base::MonoTime at;
};

// An API server's collection as a value: its objects and the window of its watch cache.
class SimulatedApi {
 public:
  SimulatedApi(std::uint64_t seed, base::MonoTime now);

  // One object is made, changed or removed.
  void Change(base::MonoTime now);
  // The watch cache begins anew: no watch can start in the past.
  void Restart();
  // Objects and version are those at the last Keep.
  void Keep() { kept_ = {objects_, version_}; }
  void Restore();

  [[nodiscard]] const Objects& objects() const { return objects_; }
  [[nodiscard]] std::uint64_t version() const { return version_; }
  [[nodiscard]] bool Had(const std::string& name, std::uint64_t content) const {
    return ever_.contains({name, content});
  }
  [[nodiscard]] bool CanWatchFrom(std::uint64_t version) const { return version >= oldest_; }
  // What a watch at `version` still has to be told; empty for a version of the future.
  [[nodiscard]] std::vector<SimulatedEvent> After(std::uint64_t version) const;

 private:
  void Forget(base::MonoTime now);

  std::mt19937_64 random_;
  Objects objects_;
  std::pair<Objects, std::uint64_t> kept_;
  std::uint64_t version_ = 100;
  std::uint64_t oldest_ = 100;
  std::uint64_t contents_ = 0;
  std::deque<SimulatedEvent> history_;
  std::set<std::pair<std::string, std::uint64_t>> ever_;
};

}  // namespace seccompd::kube
