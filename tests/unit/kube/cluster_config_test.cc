// SPDX-License-Identifier: Apache-2.0
#include "common/kube/cluster_config.h"

#include <gtest/gtest.h>

#include "common/kube/auth_files.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_builder.h"

namespace seccompd::kube {
namespace {

using test_support::IsError;

TEST(InClusterConfig, TakesHostAndPortAndTheServiceAccountsFiles) {
  const auto config = InClusterConfig({.host = "10.0.0.1",
                                       .port = "6443",
                                       .service_account_dir = "/sa",
                                       .namespace_text = "seccompd\n"});
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->server, net::ParseUrl("https://10.0.0.1:6443").value());
  EXPECT_TRUE(config->server.host_is_ip) << "no resolver";
  EXPECT_EQ(config->ca.file, "/sa/ca.crt");
  EXPECT_EQ(config->user.token_file, "/sa/token");
  EXPECT_EQ(config->namespace_name, "seccompd");
}

TEST(InClusterConfig, AnIpv6HostGetsBrackets) {
  const auto config = InClusterConfig({.host = "fd00::1", .port = "443"});
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->server.host, "fd00::1");
  EXPECT_EQ(config->server.Authority(), "[fd00::1]");
}

TEST(InClusterConfig, NeedsBothVariables) {
  EXPECT_THAT(
      InClusterConfig({.host = "", .port = "443"}),
      IsError(base::ErrorCode::kFailedPrecondition, testing::HasSubstr("not in a cluster")));
  EXPECT_FALSE(InClusterConfig({.host = "10.0.0.1", .port = ""}).has_value());
  EXPECT_FALSE(InClusterConfig({.host = "10.0.0.1", .port = "x"}).has_value());
}

TEST(LoadInCluster, ReadsTheNamespaceWhereThereIsOne) {
  const test_support::TempDir dir;
  EXPECT_EQ(LoadInCluster("10.0.0.1", "443", dir.path()).value().namespace_name, "default");
  test_support::TreeBuilder(dir.path()).File("namespace", "tools");
  EXPECT_EQ(LoadInCluster("10.0.0.1", "443", dir.path()).value().namespace_name, "tools");
}

}  // namespace
}  // namespace seccompd::kube
