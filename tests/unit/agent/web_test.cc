// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/web.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/daemon/html.h"

namespace seccompd::agent {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

class AnswerTest : public testing::Test {
 protected:
  net::Response Get(std::string path) {
    net::Request request;
    request.path = std::move(path);
    const WebContext context{.state = state_, .config = config_, .build = {}, .wall_now = {}};
    return Answer(request, context, {}, now_);
  }

  NodeState state_;
  RunConfig config_;
  base::MonoTime now_;
};

TEST_F(AnswerTest, ThePageMayShowAndDoNothingElse) {
  const net::Response page = Get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_THAT(page.headers,
              Contains(Pair("Content-Security-Policy", std::string(html::kContentSecurityPolicy))));
  EXPECT_THAT(page.body, Not(HasSubstr("<script")));
}

TEST_F(AnswerTest, NotReadyBeforeTheFirstSync) {
  EXPECT_EQ(Get("/readyz").status, 503);
  state_.last_sync.emplace();
  state_.synced = true;
  EXPECT_EQ(Get("/readyz").status, 200);
}

TEST_F(AnswerTest, AStuckLoopIsNotAlive) {
  EXPECT_EQ(Get("/livez").status, 200);
  now_ += std::chrono::hours(1);
  EXPECT_EQ(Get("/livez").status, 503);
  EXPECT_THAT(Get("/healthz").body, HasSubstr("stuck"));
}

TEST_F(AnswerTest, UnknownPathsAreNotFound) { EXPECT_EQ(Get("/debug/pprof").status, 404); }

}  // namespace
}  // namespace seccompd::agent
