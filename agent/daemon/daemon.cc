// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/daemon.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "agent/audit/installed_view.h"
#include "agent/audit/profile_texts.h"
#include "agent/audit/references.h"
#include "agent/confinement/compile_zygote.h"
#include "agent/confinement/confinement.h"
#include "agent/daemon/audit_loop.h"
#include "agent/daemon/control.h"
#include "agent/daemon/event_loop.h"
#include "agent/daemon/install_loop.h"
#include "agent/daemon/installer_texts.h"
#include "agent/daemon/small_loops.h"
#include "agent/daemon/stop_signals.h"
#include "agent/daemon/web.h"
#include "agent/daemon/web_config.h"
#include "agent/heap.h"
#include "agent/node_state.h"
#include "agent/source/cluster.h"
#include "agent/source/directory_follower.h"
#include "agent/source/node_gate.h"
#include "agent/version.h"
#include "common/host/host_root.h"
#include "common/net/http_server.h"
#include "common/net/supervisor.h"
#include "common/net/waits.h"

namespace seccompd::agent {
namespace {

namespace asio = boost::asio;
using base::Result;
using std::chrono::steady_clock;

constexpr int kRestartMe = 75;    // EX_TEMPFAIL: what is lost cannot be opened again from inside
constexpr double kSpeakers = 20;  // nodes that write an Event about one ConfigMap

int WrongUse(const Log& log, const base::Error& error) {
  log.Error("cannot start", {{"error", error.message}});
  return 2;
}

// Everything that lives as long as the agent, made in order and ended in reverse.
class Daemon {
 public:
  Daemon(const RunConfig& config, const Log& log) : config_(config), log_(log) {}

  Result<> Open() {
    TRY_ASSIGN(confinement_mode_, ParseConfinementMode(config_.confinement));
    // First: it inherits no descriptor and no memory worth having.
    if (confinement_mode_ != ConfinementMode::kOff) {
      TRY_ASSIGN(zygote_, CompileZygote::Start(confinement_mode_));
    }
    if (NeedsCluster(config_)) {
      TRY_ASSIGN(cluster_, Cluster::Open(io_, config_, log_, "seccompd/" + AgentVersion()));
      state_.has_cluster = true;
      state_.node_gate_open = config_.node_gate != "taint" || !Installs(config_);
    }
    TRY(OpenSource());
    // The seccomp root is the install loop's: it may have to open it anew.
    const std::string cgroup = Audits(config_) ? config_.cgroupfs : "";
    TRY_ASSIGN(host_,
               host::OpenHostRoot({.proc = config_.procfs, .cgroup = cgroup, .seccomp = ""}));
    TRY(OpenPods());
    TRY_ASSIGN(AuditSettings settings, Settings());
    // Forks, so it comes before the ledger's lock: a child that outlives a killed agent would hold
    // it.
    if (Audits(config_)) evidence_ = ChooseEvidence(config_.evidence, host_.cgroup.get());
    install_ = std::make_unique<InstallLoop>(io_, config_, log_, *source_, state_);
    install_->set_boot(boot_);
    if (zygote_) {
      install_->set_compile([this](const seccomp::Profile& profile) {
        return zygote_->Compile(profile, seccomp::NativeArch());
      });
    }
    state_.installs = Installs(config_);
    if (Installs(config_)) TRY(install_->Open());
    audit_ = std::make_unique<AuditLoop>(io_, config_, log_, host_, std::move(settings),
                                         install_->table(), state_);
    audit_->set_pods(pods_.get());
    TRY(OpenEvidence());
    audit_->set_installed([this] { return Installed(); });
    install_->set_references([this]() -> const install::References& { return references_; });
    install_->set_on_change([this] { audit_->Poke(); });
    return Listen();
  }

  int Run() {
    auto signals = net::SignalSet::Make(io_, kStopSignals);
    if (!signals) return WrongUse(log_, signals.error());
    ReleaseStopSignals();
    const auto confined = GiveUpPrivileges();
    if (!confined) return WrongUse(log_, confined.error());
    net::Supervisor supervisor(io_);
    supervisor.Spawn("signals", StopOnSignal(*signals, supervisor, log_));
    if (Installs(config_)) {
      supervisor.Spawn("root", install_->WatchRoot());
      supervisor.Spawn("install", install_->Reconcile());
    }
    if (Audits(config_)) supervisor.Spawn("audit", audit_->Run());
    if (cgroups_) {
      supervisor.Spawn("cgroups", audit_->FollowCgroups());
      supervisor.Spawn("newcomers", audit_->LookForNewcomers());
    }
    supervisor.Spawn("lag", MeasureLag(state_));
    supervisor.Spawn("web", web_->Serve());
    if (control_) supervisor.Spawn("control", control_->Serve());
    if (zygote_) supervisor.Spawn("compiler", WatchZygote(io_, zygote_->pidfd()));
    if (cluster_) {
      supervisor.Spawn("cluster", BeginCluster(this, &supervisor));
    } else {
      StartSources(supervisor);
    }
    const auto ended = supervisor.Run();
    if (ended) {
      log_.Info("stopped");
      return 0;
    }
    if (ended.error().code == base::ErrorCode::kGone) {
      log_.Error("ending, to be restarted", {{"reason", ended.error().message}});
      return kRestartMe;
    }
    log_.Error("a loop ended unexpectedly", {{"error", ended.error().message}});
    return 70;
  }

 private:
  // The last step before the loops: whatever needs a privilege is open by now.
  Result<> GiveUpPrivileges() {
    ConfinementPlan plan;
    plan.mode = confinement_mode_;
    if (Installs(config_)) plan.writable = {install_->installer()->rootfd()};
    plan.keep_bpf =
        evidence_.source && evidence_.source->need() == filters::CapabilityNeed::kBpfPerfmon;
    TRY_ASSIGN(state_.confinement, Confine(plan));
    if (state_.confinement.landlock_abi > 0) install_->set_pinned_root();
    log_.Info("confined", {{"mode", config_.confinement},
                           {"holds", Describe(state_.confinement)},
                           {"bounding", CapabilityNames(state_.confinement.bounding)}});
    return {};
  }

  Result<> OpenSource() {
    if (config_.source == "kubernetes") {
      auto profiles = cluster_->MakeProfiles();
      kubernetes_profiles_ = profiles.get();
      source_ = std::move(profiles);
      return {};
    }
    TRY_ASSIGN(std::string path, DirectoryOf("--source", config_.source));
    source_ = std::make_unique<DirectoryProfiles>(io_, std::move(path));
    return {};
  }

  Result<> OpenPods() {
    if (config_.pods == "none") return {};
    if (IsClusterPods(config_.pods)) {
      auto pods = cluster_->MakePods();
      cluster_pods_ = pods.get();
      pods_ = std::move(pods);
      return {};
    }
    TRY_ASSIGN(std::string path, DirectoryOf("--pods", config_.pods));
    pods_ = std::make_unique<DirectoryPods>(io_, std::move(path));
    references_ = ReferencesOf(pods_->pods(), pods_->complete());
    LogPodProblems();
    return {};
  }

  void LogPodProblems() {
    std::vector<SourceProblem> problems = pods_->problems();
    for (const SourceProblem& problem : problems) {
      if (std::find(pod_problems_.begin(), pod_problems_.end(), problem) != pod_problems_.end()) {
        continue;
      }
      log_.Warning("pods cannot be read, keeping what they were",
                   {{"path", problem.path}, {"error", problem.error.message}});
    }
    pod_problems_ = std::move(problems);
  }

  void StartEvents(net::Supervisor& supervisor) {
    if (!cluster_ || !config_.events) return;
    const double sampled = kSpeakers / static_cast<double>(config_.expected_nodes);
    auto offers = [this] {
      const std::vector<kube::Pod> pods = pods_ ? pods_->pods() : std::vector<kube::Pod>();
      return OffersOf(state_, pods, install_->desired(), source_->profiles().config_maps);
    };
    events_ = std::make_unique<EventLoop>(*cluster_->api(), config_.node_name, sampled,
                                          std::move(offers), log_, state_);
    state_.writes_events = true;
    supervisor.Spawn("events", events_->Run());
  }

  // Where the agent does nothing else, too: the taint is ours, and nobody else takes it away.
  void StartGate(net::Supervisor& supervisor) {
    if (state_.node_gate_open) return;
    supervisor.Spawn("gate", KeepGate(this));
  }

  static asio::awaitable<Result<>> KeepGate(Daemon* self) {
    NodeGateOptions options;
    options.node_name = self->config_.node_name;
    options.taint_key = self->config_.taint_key;
    std::function<bool()> ready = [self] {
      return self->state_.Ready() && AllPlaced(self->state_.profiles);
    };
    auto opened = co_await OpenNodeGate(*self->cluster_->api(), options, ready, self->log_);
    if (opened) self->state_.node_gate_open = true;
    co_return opened;
  }

  void StartSources(net::Supervisor& supervisor) {
    install_->set_node_runtime(state_.facts.RuntimeName());
    if (Installs(config_)) install_->set_desired_options(DesiredOptions());
    source_->Start(supervisor, [this] {
      install_->SourceChanged();
      audit_->Poke();  // checks
    });
    if (pods_) pods_->Start(supervisor, [this] { PodsChanged(); });
  }

  // What the API says of this node decides whether and which profiles count here.
  static asio::awaitable<Result<>> BeginCluster(Daemon* self, net::Supervisor* supervisor) {
    auto begun = co_await self->cluster_->Begin();
    if (!begun) co_return begun;
    self->state_.facts = *self->cluster_->facts();
    const ThisNode& node = self->state_.facts;
    self->audit_->set_node(node);
    if (node.unsupported.empty()) {
      self->StartSources(*supervisor);
      self->StartEvents(*supervisor);
      self->StartGate(*supervisor);
    } else {
      self->log_.Error("this node is left alone", {{"reason", node.unsupported}});
      self->install_->Pause();
      self->audit_->Pause();
      self->StartGate(*supervisor);
    }
    co_return Result<>{};
  }

  [[nodiscard]] install::DesiredOptions DesiredOptions() const {
    install::DesiredOptions options;
    options.tenant_namespaces = {config_.tenant_namespaces.begin(),
                                 config_.tenant_namespaces.end()};
    options.node_labels = state_.facts.labels;
    return options;
  }

  // In-use protection and the audit depend on them.
  void PodsChanged() {
    references_ = ReferencesOf(pods_->pods(), pods_->complete());
    LogPodProblems();
    install_->Poke();
    audit_->Poke();
  }

  Result<> OpenEvidence() {
    TRY_ASSIGN(auto exemptions, audit::ParseExemptions(config_.config_text));
    audit_->set_policy({audit::ParseFloor(config_.floor), std::move(exemptions)});
    if (!Audits(config_)) return {};
    bundles_ = std::make_unique<Bundles>(config_.bundles);
    TRY(bundles_->Check());
    if (evidence_.source) audit_->set_filter_source(evidence_.source.get());
    if (!evidence_.why_not.empty()) {
      log_.Warning("evidence filter is not to be had, working at status",
                   {{"why", evidence_.why_not}});
    }
    log_.Info("evidence", {{"level", evidence_.source ? "filter" : "status"}});
    audit_->set_why_not(evidence_.why_not);
    audit::ProfileTexts texts = TextsOf([this] { return install_->installer(); });
    texts.source = [this](const std::string& path) {
      const install::DesiredFile* file = install_->desired().Find(path);
      return file == nullptr ? std::string() : file->claim.text;
    };
    if (!Installs(config_)) {
      texts.file = [this](const std::string& path) -> Result<std::string> {
        TRY_ASSIGN(const base::UniqueFd root, host::OpenDirectory(config_.seccomp_root));
        return ReadProfileFile(root.get(), path);
      };
    }
    audit_->set_texts(std::move(texts));
    audit_->set_check_maps([this]() -> const std::vector<kube::ConfigMap>& {
      return source_->profiles().config_maps;
    });
    WatchCgroups();
    audit_->set_bundles(bundles_.get());
    return {};
  }

  void WatchCgroups() {
    auto watch = CgroupWatch::Make(host_.proc.get(), host_.cgroup.get());
    if (!watch) {
      log_.Warning("cannot watch cgroups, new containers wait for the next full audit",
                   {{"error", watch.error().message}});
      return;
    }
    cgroups_ = *std::move(watch);
    audit_->set_cgroup_watch(cgroups_.get());
  }

  Result<AuditSettings> Settings() {
    AuditSettings settings;
    settings.node_name = config_.node_name;
    settings.agent_version = AgentVersion();
    settings.own_pid = ::getpid();
    ReadNodeFacts(host_.proc.get(), &settings);
    boot_ = base::BootNumber(settings.boot_id);
    TRY_ASSIGN(settings.node_default, ParseNodeDefault(config_.node_default));
    TRY(CheckRuntime(config_.runtime));
    settings.runtime.name = config_.runtime;
    build_ = {.version = AgentVersion(),
              .revision = AgentRevision(),
              .compiler = AgentCompiler(),
              .arch = settings.arch};
    return settings;
  }

  Result<> Listen() {
    state_.install_heartbeat = steady_clock::now();
    state_.audit_heartbeat = state_.install_heartbeat;
    auto handler = [this](const net::Request& request) {
      if (cluster_) cluster_->Show(kubernetes_profiles_, cluster_pods_, &state_);
      const WebContext context{
          .state = state_,
          .config = config_,
          .build = build_,
          .wall_now = base::WallNow(),
          .stranger = web_config_ && web_config_->client_required() && !request.client_verified};
      state_.counters.http_requests.clear();
      for (const auto& [key, count] : web_->requests()) {
        state_.counters.http_requests[{key.handler, key.code}] = count;
      }
      metrics::ProcessStats process;
      if (request.path == "/metrics") {
        process = metrics::ParseProcessStats(metrics::ReadProcessTexts(host_.proc.get()), units_);
      }
      return Answer(request, context, process, steady_clock::now());
    };
    net::TlsSource tls;
    if (!config_.web_config_file.empty()) {
      TRY_ASSIGN(WebConfigFile file, WebConfigFile::Open(config_.web_config_file));
      web_config_ = std::move(file);
      NoteWebConfig();
      tls = [this] { return CurrentTls(); };
    }
    TRY_ASSIGN(net::HttpServer server,
               net::HttpServer::ListenTcp(io_, config_.listen_address, std::move(handler), {},
                                          std::move(tls)));
    web_ = std::make_unique<net::HttpServer>(std::move(server));
    log_.Info("listening", {{"address", web_->address()}});
    control_ = ListenControl(io_, config_.socket, log_, [this] {
      if (cluster_) cluster_->Show(kubernetes_profiles_, cluster_pods_, &state_);
      return ControlContext{
          .state = state_,
          .config = config_,
          .version = AgentVersion(),
          .times = {.now = base::WallNow(), .mono_now = steady_clock::now(), .started = started_}};
    });
    return {};
  }

  // For one new connection. Files that cannot be used leave in force what is.
  std::optional<net::TlsServerContext> CurrentTls() {
    const auto refreshed = web_config_->Refresh(steady_clock::now());
    if (!refreshed) {
      log_.Warning("web configuration cannot be used, keeping the last one",
                   {{"error", refreshed.error().message}});
    }
    if (state_.web_config_ok != web_config_->ok() || !refreshed) NoteWebConfig();
    return web_config_->tls();
  }

  void NoteWebConfig() {
    state_.web_config_ok = web_config_->ok();
    if (!web_config_->ok()) return;
    state_.web_config_read = base::WallNow();
  }

  // Without installing nobody holds the ledger: it is read, if there is one.
  audit::InstalledView ReadInstalled() const {
    const auto root = host::OpenDirectory(config_.seccomp_root);
    if (!root) return {};
    auto view = ReadInstalledView(root->get(), base::MomentNow(boot_));
    if (!view) return {};
    const std::vector<kube::Pod> pods = pods_ ? pods_->pods() : std::vector<kube::Pod>();
    LookAtFiles(root->get(), pods, &*view);
    return *std::move(view);
  }

  audit::InstalledView Installed() const {
    if (!Installs(config_)) return ReadInstalled();
    if (install_->installer() == nullptr) return {};
    return ViewOf(install_->installer()->ledger(), state_.profiles, base::MomentNow(boot_));
  }

  const RunConfig& config_;
  const Log& log_;
  asio::io_context io_{1};
  host::HostRoot host_;
  EvidenceChoice evidence_;
  NodeState state_;
  metrics::BuildInfo build_;
  metrics::ProcessUnits units_ = metrics::SystemUnits();
  ConfinementMode confinement_mode_ = ConfinementMode::kOn;
  std::unique_ptr<CompileZygote> zygote_;
  std::unique_ptr<Cluster> cluster_;                   // null: no API server
  KubernetesProfiles* kubernetes_profiles_ = nullptr;  // source_, if it is that
  ClusterPods* cluster_pods_ = nullptr;                // pods_, if it is that
  std::unique_ptr<PodSource> pods_;
  std::vector<SourceProblem> pod_problems_;  // as logged
  install::References references_;           // of pods_, as of its last change
  std::unique_ptr<ProfileSource> source_;
  std::unique_ptr<InstallLoop> install_;
  std::unique_ptr<EventLoop> events_;
  std::unique_ptr<Bundles> bundles_;
  std::unique_ptr<CgroupWatch> cgroups_;
  std::unique_ptr<AuditLoop> audit_;
  std::optional<WebConfigFile> web_config_;
  std::unique_ptr<net::HttpServer> web_;
  std::unique_ptr<net::HttpServer> control_;
  std::uint64_t boot_ = 0;
  base::WallTime started_ = base::WallNow();
};

}  // namespace

int RunDaemon(const RunConfig& config, const Log& log) {
  log.Info("starting", {{"version", AgentVersion()},
                        {"node", config.node_name},
                        {"source", config.source},
                        {"pods", config.pods},
                        {"seccomp_root", config.seccomp_root},
                        {"evidence", config.evidence}});
  SetUpHeap();
  Daemon daemon(config, log);
  const auto opened = daemon.Open();
  if (!opened) return WrongUse(log, opened.error());
  return daemon.Run();
}

}  // namespace seccompd::agent
