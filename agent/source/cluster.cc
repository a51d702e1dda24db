// SPDX-License-Identifier: Apache-2.0
#include "agent/source/cluster.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "agent/source/random.h"
#include "common/base/strings.h"
#include "common/document/document.h"
#include "common/kube/auth_files.h"
#include "common/kube/kubeconfig.h"
#include "common/net/url.h"
#include "common/net/waits.h"

namespace seccompd::agent {
namespace {

namespace asio = boost::asio;
using base::ErrorCode;
using base::Fail;
using base::Result;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kNodeRetry{5'000};
constexpr std::string_view kKubeletPort = "10250";

std::string Environment(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread, and nothing sets the environment
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool IsRefusal(const base::Error& error) {
  return error.code == ErrorCode::kForbidden || error.code == ErrorCode::kUnauthorized ||
         error.code == ErrorCode::kNotFound;
}

// "10.0.0.7", "10.0.0.7:10250", "fd00::7", "[fd00::7]:10250".
std::string KubeletUrl(const std::string& address) {
  const bool bare_v6 = address.find(':') != address.rfind(':') && !address.starts_with('[');
  if (bare_v6) return fmt::format("https://[{}]:{}", address, kKubeletPort);
  const bool has_port = !address.ends_with(']') && address.find(':') != std::string::npos;
  return has_port ? "https://" + address : fmt::format("https://{}:{}", address, kKubeletPort);
}

}  // namespace

Result<std::unique_ptr<Cluster>> Cluster::Open(asio::io_context& io, const RunConfig& config,
                                               const Log& log, std::string user_agent,
                                               kube::RunPlugin run_plugin) {
  std::unique_ptr<Cluster> cluster(new Cluster(config, log));  // private constructor
  cluster->user_agent_ = std::move(user_agent);
  cluster->run_plugin_ = std::move(run_plugin);
  cluster->io_ = &io;
  TRY(FactsOf({}, config.leave_alone));  // a wrong selector is said at once
  TRY_ASSIGN(kube::ClusterConfig kube_config, cluster->LoadConfig());
  cluster->own_namespace_ = kube_config.namespace_name;
  if (!config.kubelet_address.empty()) TRY(cluster->OpenKubelet(kube_config));
  if (config.pods == "kubelet" && cluster->kubelet_ == nullptr) {
    return Fail(ErrorCode::kInvalidArgument, "--pods kubelet needs --kubelet.address");
  }
  TRY_ASSIGN(cluster->api_, cluster->OpenClient(std::move(kube_config)));
  return cluster;
}

Result<kube::ClusterConfig> Cluster::LoadConfig() const {
  const std::string host = Environment("KUBERNETES_SERVICE_HOST");
  if (config_.kubeconfig.empty() && config_.kube_context.empty() && !host.empty()) {
    return kube::LoadInCluster(host, Environment("KUBERNETES_SERVICE_PORT"));
  }
  std::vector<std::string> paths = {config_.kubeconfig};
  if (config_.kubeconfig.empty()) {
    paths = kube::KubeconfigPaths(Environment("KUBECONFIG"), Environment("HOME"));
  }
  return kube::LoadKubeconfig(paths, config_.kube_context);
}

Result<std::unique_ptr<kube::ApiClient>> Cluster::OpenClient(kube::ClusterConfig config) {
  kube::ApiClientOptions options;
  options.user_agent = user_agent_;
  kube::CredentialOptions how;
  how.run_plugin = run_plugin_;
  auto credentials = kube::Credentials::Open(std::move(config), std::move(how), steady_clock::now(),
                                             base::WallNow());
  if (!credentials) return Fail(std::move(credentials).error());
  kube::ApiObserver* observer = this;
  return std::make_unique<kube::ApiClient>(*std::move(credentials), std::move(options), observer,
                                           MakeRandom());
}

// The kubelet asks the API server who we are: our own token, or client certificate, is sent to it.
Result<> Cluster::OpenKubelet(const kube::ClusterConfig& cluster) {
  kube::ClusterConfig config = cluster;
  TRY_ASSIGN(config.server, net::ParseUrl(KubeletUrl(config_.kubelet_address)));
  config.tls_server_name.clear();
  config.insecure_skip_verify = config_.kubelet_insecure;
  if (config_.kubelet_insecure) config.ca = {};
  if (!config_.kubelet_ca_file.empty()) config.ca = {.file = config_.kubelet_ca_file};
  auto client = OpenClient(std::move(config));
  if (!client) return Fail(base::WithContext(std::move(client).error(), "kubelet"));
  kubelet_ = *std::move(client);
  return {};
}

std::unique_ptr<KubernetesProfiles> Cluster::MakeProfiles() {
  KubernetesProfilesOptions options;
  options.trusted = config_.profile_namespaces;
  if (options.trusted.empty()) options.trusted = {own_namespace_};
  options.tenants = config_.tenant_namespaces;
  options.checks = config_.watch_checks;
  return std::make_unique<KubernetesProfiles>(*io_, *api_, std::move(options), log_);
}

std::unique_ptr<ClusterPods> Cluster::MakePods(bool once) {
  ClusterPodsOptions options;
  options.once = once;
  options.node_name = config_.node_name;
  if (config_.pods == "kubelet") {
    options.routes = {PodRoute::kKubelet};
  } else {
    options.routes = {PodRoute::kOwnNode, PodRoute::kApi};
    if (config_.pods == "auto" && kubelet_) options.routes.push_back(PodRoute::kKubelet);
  }
  return std::make_unique<ClusterPods>(api_.get(), kubelet_.get(), std::move(options), log_);
}

void Cluster::Show(const KubernetesProfiles* profiles, const ClusterPods* pods,
                   NodeState* state) const {
  state->api = counters_;
  state->watches.clear();
  const auto add = [state](const kube::CollectionLoop& loop, std::string space) {
    state->watches.push_back({.resource = loop.spec().resource,
                              .namespace_name = std::move(space),
                              .health = loop.health(),
                              .counters = loop.counters()});
  };
  if (profiles != nullptr) {
    for (const auto& [space, loop] : profiles->loops()) add(*loop, space);
    state->cached_config_maps = profiles->objects();
  }
  if (pods == nullptr) return;
  state->pod_source = pods->kind();
  state->pod_source_problem = pods->problem();
  state->cached_pods = pods->objects();
  if (pods->loop() != nullptr) add(*pods->loop(), "");
}

asio::awaitable<Result<>> Cluster::Begin() {
  const auto jitter =
      std::chrono::duration_cast<milliseconds>(config_.startup_jitter * api_->random());
  auto slept = co_await net::SleepFor(jitter);
  if (!slept) co_return slept;
  const std::string self = "system:node:" + config_.node_name;
  for (;;) {
    auto facts = co_await AskForNode("");
    if (!facts && facts.error().code == ErrorCode::kForbidden) {
      facts = co_await AskForNode(self);
    }
    if (facts) {
      ThisNode node = *std::move(facts);
      Result<> named;
      if (node.unsupported.empty()) {
        named = co_await NameCluster(&node);
      }
      facts_ = std::move(node);
      co_return named;
    }
    const base::Error& error = facts.error();
    if (error.code == ErrorCode::kCancelled || error.code == ErrorCode::kInvalidArgument) {
      co_return Fail(error);
    }
    if (IsRefusal(error)) {
      log_.Info("this node's labels are not known: seccompd.io/nodes has no effect here",
                {{"node", config_.node_name}, {"error", error.message}});
      ThisNode node;
      auto named = co_await NameCluster(&node);
      facts_ = std::move(node);
      co_return named;
    }
    log_.Warning("cannot read this node, trying again", {{"error", error.message}});
    const auto pause =
        std::chrono::duration_cast<milliseconds>(kNodeRetry * (1.0 + api_->random()));
    auto waited = co_await net::SleepFor(pause);
    if (!waited) co_return waited;
  }
}

asio::awaitable<Result<ThisNode>> Cluster::AskForNode(std::string impersonate_user) {
  kube::ApiCall call{.target = "/api/v1/nodes/" + net::EncodeUrlText(config_.node_name)};
  call.impersonate_user = std::move(impersonate_user);
  auto reply = co_await api_->Call(std::move(call));
  if (!reply) co_return Fail(reply.error());
  if (reply->status != 200) {
    co_return Fail(kube::ErrorOfReply(reply->status, reply->body, "get node"));
  }
  auto object = document::ParseJson(reply->body);
  if (!object) co_return Fail(ErrorCode::kCorrupt, object.error().message);
  auto node = kube::ParseNode(*object);
  if (!node) co_return Fail(ErrorCode::kCorrupt, node.error().message);
  auto facts = FactsOf(*node, config_.leave_alone);
  co_return facts;
}

// Asked once: a report without it is as true, and says why.
asio::awaitable<Result<>> Cluster::NameCluster(ThisNode* facts) {
  auto uid = co_await AskForClusterUid();
  if (uid) {
    facts->cluster_uid = *std::move(uid);
  } else {
    if (uid.error().code == ErrorCode::kCancelled) co_return Fail(uid.error());
    facts->cluster_uid_unknown = base::Printable(uid.error().message);
  }
  co_return Result<>{};
}

asio::awaitable<Result<std::string>> Cluster::AskForClusterUid() {
  kube::ApiCall call{.target = "/api/v1/namespaces/kube-system"};
  auto reply = co_await api_->Call(std::move(call));
  if (!reply) co_return Fail(reply.error());
  if (reply->status != 200) {
    co_return Fail(kube::ErrorOfReply(reply->status, reply->body, "get namespace kube-system"));
  }
  auto object = document::ParseJson(reply->body);
  if (!object) co_return Fail(ErrorCode::kCorrupt, object.error().message);
  const document::Node* metadata = object->Find("metadata");
  const document::Node* uid = metadata == nullptr ? nullptr : metadata->Find("uid");
  if (uid == nullptr || uid->kind != document::Kind::kString || uid->scalar.empty()) {
    co_return Fail(ErrorCode::kCorrupt, "the namespace kube-system has no uid");
  }
  co_return uid->scalar;
}

void Cluster::OnRequest(std::string_view verb, std::string_view method, std::string_view host,
                        std::string_view code, std::chrono::nanoseconds latency) {
  counters_.CountRequest(verb, method, host, code, latency);
}

void Cluster::OnRetry(std::string_view verb, std::string_view host, std::string_view code) {
  counters_.CountRetry(verb, host, code);
}

void Cluster::OnWarning(std::string_view text) {
  log_.Warning("the API server warns", {{"text", text}});
}

void Cluster::OnCredentials(const kube::CredentialChange& change) {
  if (change.token) ++counters_.token_reloads;
  if (change.tls) ++counters_.ca_reloads;
  if (!change.problem.empty()) {
    log_.Warning("credentials cannot be read anew, keeping the old", {{"error", change.problem}});
  }
}

}  // namespace seccompd::agent
