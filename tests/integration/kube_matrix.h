// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/support/api_server.h"
#include "tests/support/kube_harness.h"

namespace seccompd::test_support {

inline constexpr std::size_t kStart = static_cast<std::size_t>(kube::RelistReason::kStart);
inline constexpr std::size_t kExpiredList = static_cast<std::size_t>(kube::RelistReason::kExpired);
inline constexpr std::size_t kErrorList = static_cast<std::size_t>(kube::RelistReason::kError);
inline constexpr std::size_t kResync = static_cast<std::size_t>(kube::RelistReason::kResync);

// A server with two profiles and a loop that follows it; behaviour is set before the loop starts.
class Matrix : public testing::Test {
 protected:
  Matrix() {
    server_.Put("configmaps", ConfigMapJson("a"));
    server_.Put("configmaps", ConfigMapJson("b"));
  }

  void Behave(const std::function<void(ApiBehaviour&)>& change) {
    server_.With([&](ApiState& state) { change(state.behaviour); });
  }
  void Follow(kube::CollectionOptions options = QuickLoop()) {
    loop_ = &harness_.Follow(ConfigMaps(), sink_, options);
  }
  // Follows until the watch is open and older than a very short one.
  void Watching(kube::CollectionOptions options = QuickLoop()) {
    Follow(options);
    ASSERT_TRUE(Until([this] { return Settled(); }));
    harness_.For(QuickLoop().reflector.very_short_watch);
    lists_ = server_.CountRequests("list");
  }
  [[nodiscard]] bool Settled() {
    return loop_->health().state == kube::CollectionState::kWatching && server_.open_watches() == 1;
  }
  [[nodiscard]] bool Until(const std::function<bool()>& done) { return harness_.Until(done); }
  // The loop sees what the server has, and no LIST was needed for it.
  void ExpectFollows(bool without_list = true) {
    server_.Put("configmaps", ConfigMapJson("probe"));
    EXPECT_TRUE(Until([this] { return sink_.objects.contains("web/probe"); }));
    if (without_list) {
      EXPECT_EQ(server_.CountRequests("list"), lists_);
    }
  }
  [[nodiscard]] std::uint64_t Restarts(kube::RewatchReason reason) const {
    return loop_->counters().restarts[static_cast<std::size_t>(reason)];
  }
  [[nodiscard]] std::uint64_t Relists(std::size_t reason) const {
    return loop_->counters().relists[reason];
  }
  [[nodiscard]] std::string LastQuery(const std::string& verb, const std::string& key) {
    return server_.Requests(verb).back().Query(key);
  }

  ApiServer server_;
  KubeHarness harness_{ConfigFor(server_.Url())};
  NameSink sink_;
  kube::CollectionLoop* loop_ = nullptr;
  std::size_t lists_ = 0;
};

}  // namespace seccompd::test_support
