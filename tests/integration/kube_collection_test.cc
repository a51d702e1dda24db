// SPDX-License-Identifier: Apache-2.0
// CollectionLoop against a server that behaves: what a follower sees.
#include <gtest/gtest.h>

#include "tests/support/api_server.h"
#include "tests/support/kube_harness.h"

namespace seccompd::test_support {
namespace {

using namespace std::chrono_literals;

TEST(CollectionLoop, ListsThenFollowsWithoutAnotherList) {
  ApiServer server;
  server.Put("configmaps", ConfigMapJson("a"));
  server.Put("configmaps", ConfigMapJson("unlabelled", "{}", "web", false));
  server.Put("configmaps", ConfigMapJson("elsewhere", "{}", "other"));
  KubeHarness harness(ConfigFor(server.Url()));
  NameSink sink;
  const auto& loop = harness.Follow(ConfigMaps(), sink);
  ASSERT_TRUE(harness.Until([&] { return server.open_watches() == 1; }));
  EXPECT_TRUE(loop.health().synced);
  server.Put("configmaps", ConfigMapJson("b"));
  const auto version = server.Put("configmaps", ConfigMapJson("a", "[]"));
  server.Remove("configmaps", "web", "b");
  ASSERT_TRUE(harness.Until([&] { return sink.log.size() == 4; }));
  EXPECT_EQ(sink.log, (std::vector<std::string>{"replace 1", "upsert web/b", "upsert web/a",
                                                "remove web/b"}));
  EXPECT_EQ(sink.objects.at("web/a"), std::to_string(version));
  EXPECT_EQ(loop.health().resource_version, std::to_string(version + 1));
  EXPECT_EQ(harness.log.requests, (std::vector<std::string>{"list GET 200", "watch GET 200"}));
  EXPECT_EQ(server.connections(), 1U) << "the watch takes the connection of the list";
  const auto list = server.Requests("list").front();
  EXPECT_EQ(list.Query("resourceVersion"), "0");
  EXPECT_EQ(list.Query("limit"), "500");
  EXPECT_EQ(list.Header("accept-encoding"), "gzip");
  const auto watch = server.Requests("watch").front();
  EXPECT_EQ(watch.Header("accept-encoding"), "identity");
  EXPECT_EQ(watch.Query("allowWatchBookmarks"), "true");
  EXPECT_EQ(watch.Query("timeoutSeconds"), "450");
  EXPECT_EQ(watch.Header("user-agent"), "seccompd/test (linux/amd64) kubernetes/0000000");
}

}  // namespace
}  // namespace seccompd::test_support
