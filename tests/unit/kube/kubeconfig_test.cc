// SPDX-License-Identifier: Apache-2.0
#include "common/kube/kubeconfig.h"

#include <gtest/gtest.h>

#include "common/kube/auth_files.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_builder.h"

namespace seccompd::kube {
namespace {

using test_support::IsError;

// As `gcloud container clusters get-credentials` and kind write them.
constexpr std::string_view kText = R"(
apiVersion: v1
kind: Config
current-context: gke
preferences: {}
clusters:
- name: gke
  cluster:
    certificate-authority-data: Q0E=
    server: https://34.1.2.3
- name: other
  cluster:
    certificate-authority: pki/ca.crt
    certificate-authority-data: ""
    server: https://api.example:6443/prefix/
    tls-server-name: kubernetes.default
    disable-compression: true
    extensions:
    - name: client.authentication.k8s.io/exec
      extension: {audience: "a\"b", n: 1, list: [true, null]}
- name: open
  cluster: {server: "http://127.0.0.1:8001", insecure-skip-tls-verify: true}
- name: proxied
  cluster: {server: "https://a", proxy-url: "http://proxy"}
contexts:
- name: gke
  context: {cluster: gke, user: gke}
- name: other
  context: {cluster: other, user: certs, namespace: shop}
- name: plugin
  context: {cluster: other, user: plugin}
- name: anonymous
  context: {cluster: open}
- name: files
  context: {cluster: gke, user: files}
- {name: proxied, context: {cluster: proxied, user: certs}}
- {name: basic, context: {cluster: gke, user: basic}}
- {name: half, context: {cluster: gke, user: half}}
- {name: lost, context: {cluster: nowhere, user: gke}}
- {name: nobody, context: {cluster: gke, user: nobody}}
users:
- name: gke
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: gke-gcloud-auth-plugin
      installHint: Install gke-gcloud-auth-plugin
      provideClusterInfo: true
- name: certs
  user:
    client-certificate: /abs/tls.crt
    client-key-data: S0VZ
    as: system:node:n1
    as-groups: [a, b]
- name: plugin
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: ./bin/plugin
      args: [--x, "1"]
      env: [{name: A, value: b}]
      provideClusterInfo: true
- name: files
  user: {token: inline, tokenFile: token, exec: {apiVersion: v0, command: x}}
- {name: basic, user: {username: u, password: p}}
- {name: half, user: {client-certificate-data: QQ==}}
)";

base::Result<ClusterConfig> Parse(std::string_view context) {
  const std::vector<KubeconfigText> texts = {
      {.path = "/home/me/.kube/config", .text = std::string(kText)}};
  return ParseKubeconfig(texts, context);
}

TEST(ParseKubeconfig, TakesTheCurrentContext) {
  const auto config = Parse("");
  ASSERT_THAT(config, test_support::IsOk());
  EXPECT_EQ(config->context, "gke");
  EXPECT_EQ(config->server, net::ParseUrl("https://34.1.2.3").value());
  EXPECT_EQ(config->ca.pem, "CA");
  EXPECT_EQ(config->namespace_name, "default");
  ASSERT_TRUE(config->user.exec.has_value());
  EXPECT_EQ(config->user.exec->command, "gke-gcloud-auth-plugin");
  EXPECT_EQ(config->user.exec->install_hint, "Install gke-gcloud-auth-plugin");
  EXPECT_TRUE(config->user.exec->provide_cluster_info);
}

TEST(ParseKubeconfig, TakesCertificatesNamespaceAndImpersonation) {
  const auto config = Parse("other");
  ASSERT_THAT(config, test_support::IsOk());
  EXPECT_EQ(config->server, net::ParseUrl("https://api.example:6443/prefix").value());
  EXPECT_EQ(config->ca.file, "/home/me/.kube/pki/ca.crt") << "relative to the kubeconfig";
  EXPECT_EQ(config->tls_server_name, "kubernetes.default");
  EXPECT_FALSE(config->compression);
  EXPECT_EQ(config->namespace_name, "shop");
  EXPECT_EQ(config->user.client_cert.file, "/abs/tls.crt");
  EXPECT_EQ(config->user.client_key.pem, "KEY");
  EXPECT_EQ(config->impersonate_user, "system:node:n1");
  EXPECT_EQ(config->impersonate_groups, (std::vector<std::string>{"a", "b"}));
}

TEST(ParseKubeconfig, TakesAPluginWithItsClusterExtension) {
  const auto config = Parse("plugin");
  ASSERT_THAT(config, test_support::IsOk());
  ASSERT_TRUE(config->user.exec.has_value());
  EXPECT_EQ(config->user.exec->command, "/home/me/.kube/./bin/plugin");
  EXPECT_EQ(config->user.exec->args, (std::vector<std::string>{"--x", "1"}));
  EXPECT_EQ(config->user.exec->env, (std::vector<std::pair<std::string, std::string>>{{"A", "b"}}));
  EXPECT_EQ(config->user.exec->cluster_extension,
            R"({"audience":"a\"b","n":1,"list":[true,null]})");
}

TEST(ParseKubeconfig, ATokenStandsBeforeAPlugin) {
  const auto config = Parse("files");
  ASSERT_THAT(config, test_support::IsOk());
  EXPECT_EQ(config->user.token, "inline");
  EXPECT_EQ(config->user.token_file, "/home/me/.kube/token");
  EXPECT_FALSE(config->user.exec.has_value());
}

TEST(ParseKubeconfig, AContextWithoutUserIsAnonymous) {
  const auto config = Parse("anonymous");
  ASSERT_THAT(config, test_support::IsOk());
  EXPECT_EQ(config->user, UserConfig());
  EXPECT_TRUE(config->insecure_skip_verify);
}

TEST(ParseKubeconfig, SaysWhatItCannotUse) {
  const auto says = [](const char* text) {
    return IsError(base::ErrorCode::kInvalidArgument, testing::HasSubstr(text));
  };
  EXPECT_THAT(Parse("nothing"), says("contexts has no 'nothing'"));
  EXPECT_THAT(Parse("lost"), says("clusters has no 'nowhere'"));
  EXPECT_THAT(Parse("nobody"), says("users has no 'nobody'"));
  EXPECT_THAT(Parse("proxied"), says("proxy-url: proxies are not supported"));
  EXPECT_THAT(Parse("basic"), says("basic authentication is not supported"));
  EXPECT_THAT(Parse("half"), says("one is useless without the other"));
}

TEST(ParseKubeconfig, RefusesTextThatIsNoKubeconfig) {
  for (const char* text : {"[]", "a: [", "{\"clusters\": {}}", "current-context: [x]",
                           "contexts: [{name: 1, context: {}}]", "", "x"}) {
    const std::vector<KubeconfigText> texts = {{.path = "k", .text = text}};
    const auto config = ParseKubeconfig(texts);
    ASSERT_FALSE(config.has_value()) << text;
    EXPECT_EQ(config.error().code, base::ErrorCode::kInvalidArgument) << text;
  }
}

TEST(ParseKubeconfig, OfSeveralFilesTheFirstThatNamesSomethingWins) {
  const std::vector<KubeconfigText> texts = {
      {.path = "/a/one",
       .text = "clusters: [{name: c, cluster: {server: 'https://one'}}]\n"
               "users: [{name: u, user: {tokenFile: t}}]\n"},
      {.path = "/b/two",
       .text = "current-context: x\n"
               "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
               "clusters: [{name: c, cluster: {server: 'https://two'}}]\n"}};
  const auto config = ParseKubeconfig(texts);
  ASSERT_THAT(config, test_support::IsOk());
  EXPECT_EQ(config->server.host, "one");
  EXPECT_EQ(config->user.token_file, "/a/t");
}

TEST(LoadKubeconfig, SkipsFilesThatAreNotThere) {
  const test_support::TempDir dir;
  EXPECT_THAT(LoadKubeconfig({dir.path() + "/none"}),
              IsError(base::ErrorCode::kNotFound, testing::HasSubstr("no kubeconfig at")));
  test_support::TreeBuilder(dir.path()).File("config", kText);
  EXPECT_THAT(LoadKubeconfig({dir.path() + "/none", dir.path() + "/config"}), test_support::IsOk());
}

TEST(KubeconfigPaths, AreTheVariablesOrTheHomes) {
  EXPECT_EQ(KubeconfigPaths("a::b", "/home/me"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(KubeconfigPaths("", "/home/me"), std::vector<std::string>{"/home/me/.kube/config"});
  EXPECT_TRUE(KubeconfigPaths("", "").empty());
}

TEST(DecodeBase64, KnowsItsPadding) {
  EXPECT_EQ(DecodeBase64("").value(), "");
  EXPECT_EQ(DecodeBase64("QQ==").value(), "A");
  EXPECT_EQ(DecodeBase64("QUI=\n").value(), "AB");
  EXPECT_EQ(DecodeBase64("QUJD").value(), "ABC");
  for (const char* text : {"Q", "QQ", "QQ=", "QQ===", "QUI", "Q?==", "=QQ=", "QUJD="}) {
    EXPECT_FALSE(DecodeBase64(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace seccompd::kube
