// SPDX-License-Identifier: Apache-2.0
#include "tests/support/containerd_host.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "common/base/digest.h"
#include "common/base/strings.h"
#include "tests/support/container_host.h"
#include "tests/support/oci_bundle.h"
#include "tests/support/tree_builder.h"

namespace seccompd::test_support {
namespace {

constexpr std::string_view kImage = "localhost/box:1";
constexpr std::chrono::seconds kPatience{60};

// One blob of an OCI image layout: its descriptor's digest and size.
std::string AddBlob(const std::string& layout, const std::string& bytes) {
  const std::string digest = base::Sha256(bytes).Hex();
  TreeBuilder(layout).File("blobs/sha256/" + digest, bytes);
  return "\"digest\":\"sha256:" + digest + "\",\"size\":" + std::to_string(bytes.size());
}

// An image layout made by hand (OCI image-spec): one layer, its configuration, a manifest, an
// index.
void WriteLayout(const std::string& layout, const std::string& layer) {
  const std::string diff = "sha256:" + base::Sha256(layer).Hex();
  const std::string layer_blob = AddBlob(layout, layer);
  const std::string config_blob = AddBlob(
      layout, R"({"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sleep","1000"],)"
              R"("Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":[")" +
                  diff + "\"]}}");
  const std::string manifest_blob = AddBlob(
      layout, R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
              R"("config":{"mediaType":"application/vnd.oci.image.config.v1+json",)" +
                  config_blob +
                  R"(},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",)" +
                  layer_blob + "}]}");
  TreeBuilder(layout)
      .File("oci-layout", R"({"imageLayoutVersion":"1.0.0"})")
      .File("index.json", R"({"schemaVersion":2,"manifests":[{"mediaType":)"
                          R"("application/vnd.oci.image.manifest.v1+json",)" +
                              manifest_blob + R"(,"annotations":{"io.containerd.image.name":")" +
                              std::string(kImage) + "\"}}]}");
}

base::Result<> Succeed(const base::Result<Outcome>& outcome, std::string_view what) {
  if (!outcome) return base::Fail(outcome.error());
  if (outcome->exit_code == 0) return {};
  return base::Fail(base::ErrorCode::kFailedPrecondition, std::string(what) + ": exit " +
                                                              std::to_string(outcome->exit_code) +
                                                              ": " + outcome->err + outcome->out);
}

// "containerd github.com/containerd/containerd 1.6.20~ds1 ..."
std::string VersionIn(const std::string& text) {
  const std::vector<std::string_view> words = base::Split(text, ' ');
  if (words.size() < 3) return "";
  std::string version(words[2].substr(words[2].starts_with('v') ? 1 : 0));
  return version.substr(0, version.find_first_not_of("0123456789."));
}

}  // namespace

base::Result<Outcome> ContainerdHost::Ctr(std::vector<std::string> args) const {
  args.insert(args.begin(), {"ctr", "-a", dir_.Join("containerd.sock"), "-n", "k8s.io"});
  return RunCommand({.argv = std::move(args)}, kPatience);
}

base::Result<> ContainerdHost::ImportImage() const {
  WriteBusyboxRoot(dir_.Join("image-root"));
  TRY(Succeed(RunCommand({.argv = {"tar", "-cf", dir_.Join("layer.tar"), "--owner=0", "--group=0",
                                   "-C", dir_.Join("image-root"), "."}},
                         kPatience),
              "tar"));
  WriteLayout(dir_.Join("layout"), ReadFile(dir_.Join("layer.tar")).value_or(""));
  TRY(Succeed(
      RunCommand({.argv = {"tar", "-cf", dir_.Join("image.tar"), "-C", dir_.Join("layout"), "."}},
                 kPatience),
      "tar"));
  return Succeed(Ctr({"images", "import", "--snapshotter", "native", dir_.Join("image.tar")}),
                 "ctr images import");
}

base::Result<std::unique_ptr<ContainerdHost>> ContainerdHost::Start() {
  std::unique_ptr<ContainerdHost> host(new ContainerdHost);  // private constructor
  const TempDir& dir = host->dir_;
  TreeBuilder(dir.path())
      .File("config.toml",
            "version = 2\nroot = \"" + dir.Join("root") + "\"\nstate = \"" + dir.Join("state") +
                "\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n"
                "[grpc]\n  address = \"" +
                dir.Join("containerd.sock") + "\"\n[ttrpc]\n  address = \"" +
                dir.Join("ttrpc.sock") + "\"\n[debug]\n  address = \"" + dir.Join("debug.sock") +
                "\"\n[plugins.\"io.containerd.internal.v1.opt\"]\n  path = \"" + dir.Join("opt") +
                "\"\n");
  TRY_ASSIGN(ChildProcess daemon,
             ChildProcess::Start({.argv = {"containerd", "-c", dir.Join("config.toml")}}));
  host->daemon_ = std::make_unique<ChildProcess>(std::move(daemon));
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    const auto answer = host->Ctr({"version"});
    if (answer && answer->exit_code == 0) break;
    if (std::chrono::steady_clock::now() > deadline || !host->daemon_->Running()) {
      return base::Fail(base::ErrorCode::kUnavailable,
                        "containerd does not answer:\n" + host->daemon_->ErrSoFar());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  TRY_ASSIGN(const Outcome version, RunCommand({.argv = {"containerd", "--version"}}));
  host->version_ = VersionIn(version.out);
  TRY(host->ImportImage());
  return host;
}

base::Result<ContainerdContainer> ContainerdHost::Run(std::vector<std::string> flags) {
  ContainerdContainer container{.id = RandomContainerId(), .pod_uid = RandomUid()};
  const std::string pid_file = dir_.Join("pid");
  std::vector<std::string> args = {
      "run",           "--detach",
      "--snapshotter", "native",
      "--pid-file",    pid_file,
      "--cgroup",      "/kubepods/burstable/pod" + container.pod_uid + "/" + container.id};
  args.insert(args.end(), flags.begin(), flags.end());
  args.insert(args.end(), {std::string(kImage), container.id, "/bin/sleep", "1000"});
  containers_.push_back(container);  // a start that fails half-way may leave something
  TRY(Succeed(Ctr(std::move(args)), "ctr run"));
  const auto pid = base::ParseInt<pid_t>(base::TrimSpace(ReadFile(pid_file).value_or("")));
  if (!pid) return base::Fail(base::ErrorCode::kInternal, "ctr wrote no pid");
  container.pid = *pid;
  return container;
}

base::Result<> ContainerdHost::Exec(const ContainerdContainer& container,
                                    std::vector<std::string> args) {
  args.insert(args.begin(), {"task", "exec", "--detach", "--exec-id",
                             "exec-" + std::to_string(++execs_), container.id});
  return Succeed(Ctr(std::move(args)), "ctr task exec");
}

std::string ContainerdHost::Bundles() const {
  return dir_.Join("state/io.containerd.runtime.v2.task/k8s.io") + "/*/config.json";
}

void ContainerdHost::Delete(const ContainerdContainer& container) const {
  [[maybe_unused]] const auto task = Ctr({"task", "rm", "--force", container.id});
  [[maybe_unused]] const auto removed = Ctr({"containers", "rm", container.id});
  // Only directories named after this container's pod, and only empty ones: rmdir(2).
  const std::string pod = "/kubepods/burstable/pod" + container.pod_uid;
  std::error_code error;
  std::vector<std::string> roots = {"/sys/fs/cgroup"};
  for (const auto& entry : std::filesystem::directory_iterator("/sys/fs/cgroup", error)) {
    roots.push_back(entry.path().string());
  }
  for (const std::string& root : roots) {
    ::rmdir((root + pod + "/" + container.id).c_str());
    ::rmdir((root + pod).c_str());
  }
}

ContainerdHost::~ContainerdHost() {
  for (const ContainerdContainer& container : containers_) Delete(container);
}

std::string WhyNoContainerd() {
  std::string why = WhyNoContainers();
  if (!why.empty()) return why;
  for (const char* program : {"containerd", "ctr"}) {
    const auto found = RunCommand({.argv = {program, "--version"}});
    if (!found || found->exit_code != 0) return std::string(program) + " is not installed";
  }
  return {};
}

}  // namespace seccompd::test_support
