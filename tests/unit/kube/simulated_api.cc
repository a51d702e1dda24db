// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/kube/simulated_api.h"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace seccompd::kube {
namespace {

// k8s.io/apiserver pkg/storage/cacher: DefaultEventFreshDuration.
constexpr std::chrono::seconds kHistory{75};
constexpr std::size_t kNames = 40;
constexpr std::size_t kFewest = 15;

}  // namespace

ApiFailure FailureOf(Fault fault) {
  ApiFailure failure;
  switch (fault) {
    case Fault::kRefused:
      failure.kind = ApiFailureKind::kConnectionRefused;
      break;
    case Fault::kThrottledAfter:
      failure.retry_after = kRetryAfter;
      [[fallthrough]];
    case Fault::kThrottled:
      failure.kind = ApiFailureKind::kTooManyRequests;
      break;
    case Fault::kInternal:
    case Fault::kGarbage:
      failure.kind = ApiFailureKind::kInternal;
      break;
    case Fault::kTooLarge:
      failure.kind = ApiFailureKind::kTooLargeResourceVersion;
      break;
    case Fault::kExpiredList:
    case Fault::kExpiredPage:
    case Fault::kExpiredStream:
      failure.kind = ApiFailureKind::kExpired;
      break;
    default:
      break;
  }
  return failure;
}

SimulatedApi::SimulatedApi(std::uint64_t seed, base::MonoTime now) : random_(seed) {
  while (objects_.size() < kFewest + 10) Change(now);
  Restart();
  Keep();
}

void SimulatedApi::Change(base::MonoTime now) {
  const std::string name = "profile-" + std::to_string(random_() % kNames);
  const auto found = objects_.find(name);
  SimulatedEvent event{.version = ++version_, .name = name, .at = now};
  if (found != objects_.end() && objects_.size() > kFewest && random_() % 3 == 0) {
    event.type = WatchEventType::kDeleted;
    event.content = found->second;
    objects_.erase(found);
  } else {
    event.type = found == objects_.end() ? WatchEventType::kAdded : WatchEventType::kModified;
    event.content = ++contents_;
    objects_[name] = event.content;
    ever_.insert({name, event.content});
  }
  history_.push_back(event);
  Forget(now);
}

void SimulatedApi::Forget(base::MonoTime now) {
  while (!history_.empty() && now - history_.front().at > kHistory) {
    oldest_ = history_.front().version;
    history_.pop_front();
  }
}

void SimulatedApi::Restart() {
  history_.clear();
  oldest_ = version_;
}

void SimulatedApi::Restore() {
  std::tie(objects_, version_) = kept_;
  Restart();
}

std::vector<SimulatedEvent> SimulatedApi::After(std::uint64_t version) const {
  std::vector<SimulatedEvent> events;
  std::copy_if(history_.begin(), history_.end(), std::back_inserter(events),
               [version](const SimulatedEvent& event) { return event.version > version; });
  return events;
}

}  // namespace seccompd::kube
