// SPDX-License-Identifier: Apache-2.0
// What many agents cost, over TLS: the loops of AGENTS agents (two watches each) in this process,
// the API server of tests/support in another. Prints memory per agent, requests while nothing
// changes, requests and their spread over an outage and its end, and memory after PODS pods went
// through one watch. Usage: kube_scale [AGENTS=1000] [IDLE_S=65] [OUTAGE_S=60] [PODS=10000]
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <sstream>

#include "common/base/strings.h"
#include "common/kube/pod.h"
#include "tests/support/api_server.h"
#include "tests/support/kube_harness.h"
#include "tests/unit/net/certificates.h"

namespace seccompd::test_support {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

double MiB() {
  std::ifstream file("/proc/self/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  file >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1048576.0;
}

// ---- the server's process: one command a line, one answer a line.

std::string Timeline(ApiServer& server, Clock::time_point since) {
  std::map<long, int> seconds;
  for (const ApiRequest& request : server.Requests()) {
    if (request.time < since) continue;
    ++seconds[std::chrono::duration_cast<std::chrono::seconds>(request.time - since).count()];
  }
  std::string text;
  for (const auto& [second, count] : seconds) {
    text += std::to_string(second) + "s:" + std::to_string(count) + " ";
  }
  return text.empty() ? "none" : text;
}

void ServePods(ApiServer& server, int pods) {
  for (int i = 0; i < pods; ++i) {
    const std::string name = "pod-" + std::to_string(i);
    server.Put("pods", PodJson(name, "node-0"));
    if (i >= 100) server.Remove("pods", "web", "pod-" + std::to_string(i - 100));
  }
  for (int i = std::max(0, pods - 100); i < pods; ++i) {
    server.Remove("pods", "web", "pod-" + std::to_string(i));
  }
}

int Serve(const net::Certificate& certificate) {
  ApiServer server({.cert_pem = certificate.pem, .key_pem = certificate.key_pem});
  server.With([](ApiState& state) { state.store.LimitHistory(20'000); });
  server.Put("configmaps", ConfigMapJson("web"));
  Clock::time_point since = Clock::now();
  std::cout << server.Url() << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string command;
    int number = 0;
    words >> command >> number;
    if (command == "watches") {
      std::cout << server.open_watches() << std::endl;
    } else if (command == "requests") {
      std::cout << server.CountRequests() << std::endl;
    } else if (command == "lists") {
      std::cout << server.CountRequests("list") << std::endl;
    } else if (command == "stop") {
      server.Stop();
      std::cout << "ok" << std::endl;
    } else if (command == "start") {
      server.Start();
      since = Clock::now();
      std::cout << "ok" << std::endl;
    } else if (command == "timeline") {
      std::cout << Timeline(server, since) << std::endl;
    } else if (command == "pods") {
      ServePods(server, number);
      std::cout << "ok" << std::endl;
    }
  }
  return 0;
}

// The other process: its standard input and output.
struct Remote {
  FILE* in = nullptr;
  FILE* out = nullptr;
  pid_t pid = -1;

  void Send(const std::string& command) const {
    std::fprintf(in, "%s\n", command.c_str());
    std::fflush(in);
  }
  [[nodiscard]] std::string Read() const {
    std::string line;
    for (int c = std::fgetc(out); c != EOF && c != '\n'; c = std::fgetc(out)) {
      line += static_cast<char>(c);
    }
    return line;
  }
  [[nodiscard]] std::string Ask(const std::string& command) const {
    Send(command);
    return Read();
  }
  [[nodiscard]] std::size_t Count(const std::string& command) const {
    return base::ParseInt<std::size_t>(Ask(command)).value_or(0);
  }
};

Remote StartServer(const net::Certificate& certificate) {
  int to[2];
  int from[2];
  if (::pipe(to) != 0 || ::pipe(from) != 0) std::abort();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(to[0], STDIN_FILENO);
    ::dup2(from[1], STDOUT_FILENO);
    for (const int fd : {to[0], to[1], from[0], from[1]}) ::close(fd);
    std::_Exit(Serve(certificate));
  }
  ::close(to[0]);
  ::close(from[1]);
  return {.in = ::fdopen(to[1], "w"), .out = ::fdopen(from[0], "r"), .pid = pid};
}

// ---- the agents.

// Keeps what the agent would: a pod's parsed record.
class PodSink : public kube::CollectionSink {
 public:
  void Collect(document::Node object) override { Keep(object, &pending_); }
  void Replace() override {
    pods = std::move(pending_);
    pending_.clear();
  }
  void DropPending() override { pending_.clear(); }
  void Upsert(document::Node object) override {
    Keep(object, &pods);
    ++seen;
  }
  void Remove(document::Node object) override {
    const auto pod = kube::ParsePod(object);
    if (pod) pods.erase(pod->meta.uid);
  }

  std::map<std::string, kube::Pod> pods;
  std::size_t seen = 0;

 private:
  static void Keep(const document::Node& object, std::map<std::string, kube::Pod>* pods) {
    auto pod = kube::ParsePod(object);
    if (pod) (*pods)[pod->meta.uid] = *std::move(pod);
  }
  std::map<std::string, kube::Pod> pending_;
};

struct Agent : public kube::ApiObserver {
  void OnRequest(std::string_view, std::string_view, std::string_view, std::string_view,
                 std::chrono::nanoseconds) override {
    ++attempts;
  }
  std::size_t attempts = 0;
  std::unique_ptr<kube::ApiClient> client;
  NameSink profiles;
  PodSink pods;
  std::vector<std::unique_ptr<kube::CollectionLoop>> loops;
};

class Fleet {
 public:
  Fleet(const kube::ClusterConfig& config, int count) : supervisor_(io_) {
    kube::CollectionOptions options;
    options.reflector.startup_jitter = 5s;
    const base::WallTime wall{};
    // One trust store for all, as one process has.
    const kube::Credentials credentials =
        kube::Credentials::Open(config, {}, Clock::now(), wall).value();
    for (int i = 0; i < count; ++i) {
      auto agent = std::make_unique<Agent>();
      agent->client = std::make_unique<kube::ApiClient>(
          credentials, kube::ApiClientOptions{.user_agent = "kube_scale"}, agent.get(),
          [this] { return std::uniform_real_distribution<>(0, 1)(random_); });
      const kube::CollectionSpec pods{.resource = "pods",
                                      .path = "/api/v1/pods",
                                      .field_selector = "spec.nodeName=node-" + std::to_string(i)};
      agent->loops.push_back(std::make_unique<kube::CollectionLoop>(*agent->client, ConfigMaps(),
                                                                    options, agent->profiles));
      agent->loops.push_back(
          std::make_unique<kube::CollectionLoop>(*agent->client, pods, options, agent->pods));
      for (const auto& loop : agent->loops) supervisor_.Spawn("loop", loop->Run());
      agents.push_back(std::move(agent));
    }
  }
  ~Fleet() {
    supervisor_.Stop();
    static_cast<void>(supervisor_.Run());
  }
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  void For(std::chrono::milliseconds time) { io_.run_for(time); }
  bool Until(const std::function<bool()>& done, std::chrono::seconds limit) {
    const auto deadline = Clock::now() + limit;
    while (!done() && Clock::now() < deadline) io_.run_for(50ms);
    return done();
  }
  [[nodiscard]] bool Watching() const {
    return std::all_of(agents.begin(), agents.end(), [](const auto& agent) {
      return std::all_of(agent->loops.begin(), agent->loops.end(), [](const auto& loop) {
        return loop->health().state == kube::CollectionState::kWatching;
      });
    });
  }
  [[nodiscard]] std::size_t Attempts() const {
    std::size_t sum = 0;
    for (const auto& agent : agents) sum += agent->attempts;
    return sum;
  }

  std::vector<std::unique_ptr<Agent>> agents;

 private:
  boost::asio::io_context io_{1};
  std::mt19937 random_{42};
  net::Supervisor supervisor_;
};

std::string Histogram(const std::vector<std::size_t>& values) {
  std::map<std::size_t, int> counts;
  for (const std::size_t value : values) ++counts[value];
  std::string text;
  for (const auto& [value, count] : counts) {
    text += std::to_string(value) + ":" + std::to_string(count) + " ";
  }
  return text;
}

// What two of client-go's reflectors send while connections are refused for `seconds`: pauses of
// 0.8 s, doubled up to 30 s, each stretched by 1 .. 2.
std::vector<std::size_t> ClientGoAttempts(int agents, double seconds) {
  std::mt19937 random{7};
  std::uniform_real_distribution<> stretch(1, 2);
  std::vector<std::size_t> all;
  for (int i = 0; i < agents; ++i) {
    std::size_t attempts = 0;
    for (int loop = 0; loop < 2; ++loop) {
      double pause = 0.8;
      for (double at = 0; at < seconds; pause = std::min(pause * 2, 30.0)) {
        ++attempts;
        at += pause * stretch(random);
      }
    }
    all.push_back(attempts);
  }
  return all;
}

void PodsThroughOneWatch(const kube::ClusterConfig& config, const Remote& server, int pods) {
  auto fleet = std::make_unique<Fleet>(config, 1);
  static_cast<void>(fleet->Until([&] { return fleet->Watching(); }, 60s));
  PodSink& sink = fleet->agents[0]->pods;
  for (int round = 1; round <= 3; ++round) {
    ::malloc_trim(0);
    const double round_begun = MiB();
    const std::size_t target = sink.seen + static_cast<std::size_t>(pods);
    server.Send("pods " + std::to_string(pods));
    const bool all = fleet->Until([&] { return sink.seen >= target && sink.pods.empty(); }, 300s);
    static_cast<void>(server.Read());
    const double most = MiB();
    ::malloc_trim(0);
    std::printf("round %d: %d pods came and went%s: %.2f MiB before, %.2f after, %.2f trimmed\n",
                round, pods, all ? "" : " (NOT ALL)", round_begun, most, MiB());
  }
}

int Run(int agents, int idle_s, int outage_s, int pods) {
  const net::Certificate authority = net::MakeAuthority("scale");
  const net::Certificate certificate = net::MakeCertificate({.ips = {"127.0.0.1"}}, &authority);
  const Remote server = StartServer(certificate);
  kube::ClusterConfig config = ConfigFor(server.Read());
  config.ca.pem = authority.pem;
  const double before = MiB();
  auto fleet = std::make_unique<Fleet>(config, agents);
  const bool started = fleet->Until([&] { return fleet->Watching(); }, 300s);
  std::printf("agents %d, watches %s, all following: %s\n", agents, server.Ask("watches").c_str(),
              started ? "yes" : "NO");
  const double started_at = MiB();
  ::malloc_trim(0);
  std::printf("memory: %.1f MiB in all, %.1f KiB an agent; %.1f MiB trimmed\n", started_at,
              (started_at - before) * 1024 / std::max(agents, 1), MiB());

  const std::size_t requests = server.Count("requests");
  fleet->For(std::chrono::seconds(idle_s));
  std::uint64_t bookmarks = 0;
  for (const auto& agent : fleet->agents) {
    for (const auto& loop : agent->loops) bookmarks += loop->counters().events[3];
  }
  std::printf("idle %d s: %zu requests, %llu bookmarks, %.1f MiB\n", idle_s,
              server.Count("requests") - requests, static_cast<unsigned long long>(bookmarks),
              MiB());

  const std::size_t lists = server.Count("lists");
  for (const auto& agent : fleet->agents) agent->attempts = 0;
  static_cast<void>(server.Ask("stop"));
  fleet->For(std::chrono::seconds(outage_s));
  std::vector<std::size_t> attempts;
  for (const auto& agent : fleet->agents) attempts.push_back(agent->attempts);
  std::printf("outage %d s: attempts:agents      %s\n", outage_s, Histogram(attempts).c_str());
  std::printf("  client-go's constants give      %s\n",
              Histogram(ClientGoAttempts(agents, outage_s)).c_str());
  static_cast<void>(server.Ask("start"));
  const auto begun = Clock::now();
  fleet->For(100ms);
  const bool back = fleet->Until([&] { return fleet->Watching(); }, 120s);
  std::printf("  after its end: all following %s after %.1f s, %zu lists; requests a second: %s\n",
              back ? "again" : "NOT", std::chrono::duration<double>(Clock::now() - begun).count(),
              server.Count("lists") - lists, server.Ask("timeline").c_str());
  const double after = MiB();
  ::malloc_trim(0);
  std::printf("  %.1f MiB, %.1f trimmed\n", after, MiB());
  fleet.reset();

  PodsThroughOneWatch(config, server, pods);
  std::fclose(server.in);
  int status = 0;
  ::waitpid(server.pid, &status, 0);
  return started && back ? 0 : 1;
}

}  // namespace
}  // namespace seccompd::test_support

int main(int argc, char** argv) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const auto number = [&](int index, int otherwise) {
    return index < argc ? seccompd::base::ParseInt<int>(argv[index]).value_or(otherwise)
                        : otherwise;
  };
  return seccompd::test_support::Run(number(1, 1000), number(2, 65), number(3, 60),
                                     number(4, 10'000));
}
