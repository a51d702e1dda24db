// SPDX-License-Identifier: Apache-2.0
// Credentials and calls against a server: rotation under load, IPv6, objects, warnings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "tests/support/api_server.h"
#include "tests/support/kube_harness.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_builder.h"
#include "tests/unit/net/certificates.h"

namespace seccompd::test_support {
namespace {

using namespace std::chrono_literals;
using Log = std::vector<std::string>;

net::Certificate ServerCertificate(const net::Certificate& authority) {
  return net::MakeCertificate({.ips = {"127.0.0.1", "::1"}}, &authority);
}

// A pod's view: in-cluster configuration, a token file and a CA file, a server on HTTPS.
class InCluster : public testing::Test {
 protected:
  InCluster() { Files().File("token", "one").File("ca.crt", authority_.pem); }
  TreeBuilder Files() { return TreeBuilder(dir_.path()); }
  void Replace(const std::string& name, const std::string& text) {
    // As the kubelet does it: in one step.
    Files().File(name + ".new", text);
    ASSERT_EQ(std::rename((dir_.path() + "/" + name + ".new").c_str(),
                          (dir_.path() + "/" + name).c_str()),
              0);
  }
  void Serve(const std::string& host) {
    const net::Certificate certificate = ServerCertificate(authority_);
    server_ = std::make_unique<ApiServer>(ApiServerOptions{
        .host = host, .cert_pem = certificate.pem, .key_pem = certificate.key_pem});
    server_->With([](ApiState& state) { state.behaviour.tokens = {"one"}; });
    server_->Put("configmaps", ConfigMapJson("a"));
  }
  void Connect(kube::CredentialOptions credentials = {}) {
    auto config = kube::InClusterConfig({.host = Host(),
                                         .port = std::to_string(server_->port()),
                                         .service_account_dir = dir_.path()});
    harness_ = std::make_unique<KubeHarness>(std::move(config).value(), QuickClient(), credentials);
  }
  [[nodiscard]] std::string Host() const {
    return server_->Url().find('[') == std::string::npos ? "127.0.0.1" : "::1";
  }
  base::Result<document::Node> Get() {
    return harness_->Run(harness_->client->Get("/api/v1/namespaces/web/configmaps/a"));
  }

  TempDir dir_;
  net::Certificate authority_ = net::MakeAuthority("cluster");
  std::unique_ptr<ApiServer> server_;
  std::unique_ptr<KubeHarness> harness_;
};

TEST_F(InCluster, AnIpv6HostIsCheckedByItsAddress) {
  try {
    Serve("::1");
  } catch (const std::exception& e) {
    GTEST_SKIP() << "this machine has no IPv6 loopback: " << e.what();
  }
  Connect();
  EXPECT_THAT(Get(), IsOk());
  EXPECT_EQ(server_->Requests()[0].Header("host"), "[::1]:" + std::to_string(server_->port()));
}

TEST_F(InCluster, AServerOfAnotherAuthorityIsRefused) {
  Serve("127.0.0.1");
  const net::Certificate stranger = ServerCertificate(net::MakeAuthority("stranger"));
  server_->UseCertificate(stranger.pem, stranger.key_pem);
  Connect();
  EXPECT_THAT(Get(), IsError(base::ErrorCode::kPermissionDenied, testing::_));
  EXPECT_EQ(server_->CountRequests(), 0U) << "no token went to a stranger";
}

TEST_F(InCluster, ARefusedTokenIsReadAgainAndTheCallRepeatedOnce) {
  Serve("127.0.0.1");
  Connect();
  EXPECT_THAT(Get(), IsOk());
  Replace("token", "two");
  server_->With([](ApiState& state) { state.behaviour.tokens = {"two"}; });
  EXPECT_THAT(Get(), IsOk());
  EXPECT_EQ(harness_->log.requests, (Log{"get GET 200", "get GET 401", "get GET 200"}));
  ASSERT_EQ(harness_->log.changes.size(), 1U);
  EXPECT_TRUE(harness_->log.changes[0].token);
  // The same token again is not tried twice.
  server_->With([](ApiState& state) { state.behaviour.tokens = {"three"}; });
  EXPECT_THAT(Get(), IsError(base::ErrorCode::kUnauthorized, testing::HasSubstr("Unauthorized")));
  EXPECT_EQ(server_->CountRequests(), 4U);
}

TEST_F(InCluster, AFollowerWaitsFor401ToEnd) {
  Serve("127.0.0.1");
  server_->With([](ApiState& state) { state.behaviour.tokens = {"two"}; });
  Connect();
  NameSink sink;
  const auto& loop = harness_->Follow(ConfigMaps(), sink);
  ASSERT_TRUE(harness_->Until([&] { return loop.health().forbidden; }));
  Replace("token", "two");
  ASSERT_TRUE(harness_->Until([&] { return loop.health().synced; }));
  EXPECT_FALSE(loop.health().forbidden);
}

TEST_F(InCluster, TokensAndAuthoritiesRotateUnderLoad) {
  Serve("127.0.0.1");
  kube::CredentialOptions options;
  options.refresh = 20ms;
  options.leeway = 5ms;
  Connect(options);
  NameSink sink;
  harness_->Follow(ConfigMaps(), sink);
  net::Certificate next;
  std::set<std::string> tokens = {"one"};
  int failures = 0;
  for (int round = 0; round < 60; ++round) {
    if (round % 10 == 5) {
      // The new one is made known first, then used, then the old one ends.
      const std::string token = "token" + std::to_string(round);
      server_->With([&](ApiState& state) { state.behaviour.tokens.insert(token); });
      Replace("token", token);
    }
    if (round == 20) {
      next = net::MakeAuthority("next");
      Replace("ca.crt", authority_.pem + next.pem);
      harness_->For(30ms);
    }
    if (round == 30) {
      const net::Certificate certificate = ServerCertificate(next);
      server_->UseCertificate(certificate.pem, certificate.key_pem);
      server_->EndWatches(WatchEnd::kReset);
    }
    if (round == 40) Replace("ca.crt", next.pem);
    if (round == 45) Replace("ca.crt", "rubbish");
    if (!Get()) ++failures;
    server_->Put("configmaps", ConfigMapJson("r" + std::to_string(round)));
    harness_->For(5ms);
  }
  EXPECT_EQ(failures, 0);
  EXPECT_TRUE(harness_->Until([&] { return sink.objects.size() == 61; }));
  EXPECT_EQ(server_->Requests().back().Header("authorization"), "Bearer token55");
  EXPECT_EQ(server_->CountRequests("list"), 1U);
  int reloads = 0;
  for (const auto& change : harness_->log.changes) reloads += change.tls ? 1 : 0;
  EXPECT_EQ(reloads, 2);
}

class Calls : public testing::Test {
 protected:
  ApiServer server_;
  KubeHarness harness_{ConfigFor(server_.Url())};
  kube::ApiClient& client_ = *harness_.client;
};

TEST_F(Calls, StatusesBecomeErrorsThatSayWhatWasAsked) {
  server_.With([](ApiState& state) { state.behaviour.denied = {{.name_space = "secret"}}; });
  EXPECT_THAT(
      harness_.Run(client_.Get("/api/v1/nodes/none")),
      IsError(base::ErrorCode::kNotFound, "GET /api/v1/nodes/none: 404 nodes \"none\" not found"));
  EXPECT_THAT(harness_.Run(client_.Get("/api/v1/namespaces/secret/pods/p")),
              IsError(base::ErrorCode::kForbidden, testing::HasSubstr("pods is forbidden")));
  ApiFault fault;
  fault.response = {.status = 503, .content_type = "text/plain", .body = "going away"};
  server_.Fail(fault);
  EXPECT_THAT(harness_.Run(client_.Get("/version")),
              IsError(base::ErrorCode::kUnavailable, "GET /version: 503 going away"));
}

TEST_F(Calls, ANodesTaintIsRemovedByATestedPatch) {
  server_.Put("nodes", R"({"metadata":{"name":"n"},"spec":{"taints":[{"key":"a"},{"key":"b"}]}})");
  const std::string right =
      R"([{"op":"test","path":"/spec/taints","value":[{"key":"a"},{"key":"b"}]},)"
      R"({"op":"replace","path":"/spec/taints","value":[{"key":"b"}]}])";
  const auto patched =
      harness_.Run(client_.Patch("/api/v1/nodes/n", kube::PatchType::kJson, right));
  ASSERT_THAT(patched, IsOk());
  EXPECT_EQ(patched->Find("spec")->Find("taints")->items.size(), 1U);
  EXPECT_EQ(server_.Requests("patch")[0].Header("content-type"), "application/json-patch+json");
  EXPECT_THAT(harness_.Run(client_.Patch("/api/v1/nodes/n", kube::PatchType::kJson, right)),
              IsError(base::ErrorCode::kInvalidArgument, testing::HasSubstr("422")));
}

TEST_F(Calls, AnEventIsCreatedOnceAndItsSeriesPatched) {
  const std::string target = "/apis/events.k8s.io/v1/namespaces/web/events";
  const std::string event =
      R"({"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"p.1","namespace":"web"},)"
      R"("eventTime":"2026-11-24T03:04:11.000000Z","type":"Warning","reason":"R","action":"Audit",)"
      R"("reportingController":"seccompd.io/agent","reportingInstance":"i","note":"n",)"
      R"("regarding":{"kind":"Pod","namespace":"web","name":"p"}})";
  EXPECT_THAT(harness_.Run(client_.Create(target, event)), IsOk());
  EXPECT_THAT(harness_.Run(client_.Create(target, event)),
              IsError(base::ErrorCode::kAlreadyExists, testing::_));
  const auto patched = harness_.Run(client_.Patch(target + "/p.1", kube::PatchType::kStrategicMerge,
                                                  R"({"series":{"count":2}})"));
  ASSERT_THAT(patched, IsOk());
  EXPECT_EQ(patched->Find("series")->Find("count")->scalar, "2");
  EXPECT_THAT(harness_.Run(client_.Create(target, R"({"metadata":{"name":"x"}})")),
              IsError(base::ErrorCode::kInvalidArgument, testing::HasSubstr("Required value")));
}

TEST_F(Calls, AWriteIsNotSentAgainOverALostConnection) {
  server_.Fail({.verb = "create", .hang_up = true});
  EXPECT_FALSE(harness_.Run(client_.Create("/api/v1/namespaces/web/pods", PodJson("p", "n"))));
  EXPECT_EQ(server_.CountRequests("create"), 1U);
}

TEST_F(Calls, AnIdleConnectionThatTheServerClosedIsReplacedUnseen) {
  server_.Put("configmaps", ConfigMapJson("a"));
  const std::string target = "/api/v1/namespaces/web/configmaps/a";
  EXPECT_THAT(harness_.Run(client_.Get(target)), IsOk());
  server_.Stop();
  server_.Start();
  EXPECT_THAT(harness_.Run(client_.Get(target)), IsOk());
  EXPECT_EQ(server_.connections(), 2U);
  EXPECT_TRUE(harness_.log.retries.empty());
}

TEST_F(Calls, ConnectionsAreDialledAnewAfterTheirTime) {
  kube::ApiClientOptions options = QuickClient();
  options.redial_after = 100ms;  // random 0.5: exactly this
  KubeHarness harness(ConfigFor(server_.Url()), options);
  for (int i = 0; i < 5; ++i) static_cast<void>(harness.Run(harness.client->Get("/version")));
  EXPECT_EQ(server_.connections(), 1U);
  harness.For(120ms);
  static_cast<void>(harness.Run(harness.client->Get("/version")));
  EXPECT_EQ(server_.connections(), 2U);
}

TEST_F(Calls, IdleConnectionsAreClosed) {
  kube::ApiClientOptions options = QuickClient();
  options.idle_close = 20ms;
  KubeHarness harness(ConfigFor(server_.Url()), options);
  static_cast<void>(harness.Run(harness.client->Get("/version")));
  EXPECT_EQ(harness.client->idle_connections(), 1U);
  harness.For(30ms);
  harness.client->CloseIdle(std::chrono::steady_clock::now());
  EXPECT_EQ(harness.client->idle_connections(), 0U);
}

TEST_F(Calls, AWarningIsToldOnce) {
  server_.With([](ApiState& state) { state.behaviour.warning = "v1 ConfigMap is old"; });
  for (int i = 0; i < 3; ++i) static_cast<void>(harness_.Run(client_.Get("/version")));
  EXPECT_EQ(harness_.log.warnings, Log{"v1 ConfigMap is old"});
}

TEST_F(Calls, OneCollectionMayBeAskedForAsAnother) {
  kube::CollectionSpec spec{.resource = "pods",
                            .path = "/api/v1/pods",
                            .field_selector = "spec.nodeName=n1",
                            .impersonate_user = "system:node:n1"};
  server_.Put("pods", PodJson("mine", "n1"));
  server_.Put("pods", PodJson("foreign", "n2"));
  NameSink sink;
  const auto& loop = harness_.Follow(spec, sink);
  ASSERT_TRUE(harness_.Until([&] { return loop.health().synced; }));
  EXPECT_EQ(sink.objects.size(), 1U);
  const auto request = server_.Requests("list")[0];
  EXPECT_EQ(request.Header("impersonate-user"), "system:node:n1");
  EXPECT_EQ(request.Query("fieldSelector"), "spec.nodeName=n1");
}

}  // namespace
}  // namespace seccompd::test_support
