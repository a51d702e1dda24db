// SPDX-License-Identifier: Apache-2.0
#include "tests/support/container_host.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "common/base/strings.h"
#include "tests/support/oci_bundle.h"
#include "tests/support/tree_builder.h"

namespace seccompd::test_support {
namespace {

namespace json = boost::json;
constexpr std::chrono::seconds kRuntimeTimeout{30};

std::string RandomHex(std::size_t digits) {
  std::random_device device;
  std::string text;
  while (text.size() < digits) text.push_back("0123456789abcdef"[device() % 16]);
  return text;
}

// crun 1.8 refuses a hybrid layout (v1 controllers and a v2 mount), so it gets a mount namespace of
// its own without the v2 mount.
std::vector<std::string> RuntimeCommand(Runtime runtime) {
  if (runtime == Runtime::kRunc) return {"runc"};
  return {"unshare",
          "--mount",
          "sh",
          "-c",
          "if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi\n"
          "exec crun \"$@\"",
          "crun"};
}

int IntField(std::string_view status, std::string_view field) {
  const std::string needle = "\n" + std::string(field) + ":\t";
  const std::size_t start = status.find(needle);
  if (start == std::string_view::npos) return -1;
  const std::string_view rest = status.substr(start + needle.size());
  return base::ParseInt<int>(rest.substr(0, rest.find('\n'))).value_or(-1);
}

// Has the runtime's init become the program? False while it is still `runc:[2:INIT]` or `crun`.
base::Result<bool> RunsProgram(pid_t pid) {
  const auto stat = ReadFile("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t close = stat ? stat->rfind(") ") : std::string::npos;
  if (close == std::string::npos || (*stat)[close + 2] == 'Z') {
    return base::Fail(base::ErrorCode::kGone, "the container's process ended at its start");
  }
  const std::string comm = stat->substr(stat->find('(') + 1, close - stat->find('(') - 1);
  return !comm.starts_with("runc:[") && comm != "crun" && comm != "3";
}

}  // namespace

std::string RuntimeName(Runtime runtime) { return runtime == Runtime::kCrun ? "crun" : "runc"; }

std::string RandomUid() {
  const std::string hex = RandomHex(32);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

std::string RandomContainerId() { return RandomHex(64); }

SeccompLines ReadSeccompLines(pid_t pid) {
  const std::string status =
      ReadFile("/proc/" + std::to_string(pid) + "/status").value_or(std::string());
  return {.seccomp = IntField(status, "Seccomp"),
          .filters = IntField(status, "Seccomp_filters"),
          .no_new_privs = IntField(status, "NoNewPrivs")};
}

Container::Container(Runtime runtime, ContainerSpec spec, std::string bundle,
                     std::string state_root)
    : runtime_(runtime),
      spec_(std::move(spec)),
      bundle_(std::move(bundle)),
      state_root_(std::move(state_root)),
      cgroup_path_(CgroupPath(spec_)) {}

Container::~Container() { [[maybe_unused]] const auto deleted = Delete(); }

base::Result<> Container::Invoke(std::vector<std::string> args) const {
  std::vector<std::string> argv = RuntimeCommand(runtime_);
  argv.insert(argv.end(), {"--root", state_root_});
  argv.insert(argv.end(), args.begin(), args.end());
  TRY_ASSIGN(const Outcome outcome, RunCommand({.argv = argv}, kRuntimeTimeout));
  if (outcome.exit_code == 0) return {};
  return base::Fail(base::ErrorCode::kFailedPrecondition,
                    RuntimeName(runtime_) + " " + args.front() + ": exit " +
                        std::to_string(outcome.exit_code) +
                        (outcome.timed_out ? " (timed out)" : "") + ": " + outcome.err);
}

base::Result<> Container::Create() {
  // True before the attempt: a create that fails half-way may leave state to delete.
  exists_ = true;
  const std::string pid_file = bundle_ + "/pid";
  TRY(Invoke({"create", "--bundle", bundle_, "--pid-file", pid_file, id()}));
  const auto pid = base::ParseInt<pid_t>(base::TrimSpace(ReadFile(pid_file).value_or("")));
  if (!pid) return base::Fail(base::ErrorCode::kInternal, "no pid in " + pid_file);
  pid_ = *pid;
  return {};
}

base::Result<> Container::Start() {
  TRY(Invoke({"start", id()}));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::steady_clock::now() < deadline) {
    TRY_ASSIGN(const bool runs, RunsProgram(pid_));
    if (runs) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return base::Fail(base::ErrorCode::kDeadlineExceeded, "still the runtime's init after 10 s");
}

base::Result<> Container::Exec(std::vector<std::string> args) const {
  args.insert(args.begin(), {"exec", "--detach", id()});
  return Invoke(std::move(args));
}

base::Result<> Container::Kill(int signal) const {
  return Invoke({"kill", id(), std::to_string(signal)});
}

base::Result<> Container::Delete() {
  if (!exists_) return {};
  exists_ = false;
  base::Result<> deleted = Invoke({"delete", "--force", id()});
  Reap();
  RemoveCgroups();
  return deleted;
}

// The runtime's child came to us when the runtime exited (subreaper); a zombie would stay in /proc
// and keep the cgroup busy.
void Container::Reap() const {
  if (pid_ <= 0) return;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    if (::waitpid(pid_, nullptr, WNOHANG) != 0) return;  // reaped, or never ours
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void Container::RemoveCgroups() const {
  // Only directories named after this container and its pod, and only empty ones: rmdir(2).
  const std::string pod = cgroup_path_.substr(0, cgroup_path_.rfind('/'));
  std::error_code error;
  std::vector<std::string> roots = {"/sys/fs/cgroup"};
  for (const auto& entry : std::filesystem::directory_iterator("/sys/fs/cgroup", error)) {
    roots.push_back(entry.path().string());
  }
  for (const std::string& root : roots) {
    ::rmdir((root + cgroup_path_).c_str());
    ::rmdir((root + pod).c_str());
  }
}

ContainerHost::ContainerHost(Runtime runtime) : runtime_(runtime) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  WriteBusyboxRoot(dir_.Join("rootfs"));
  TreeBuilder(dir_.path()).Dir("state");
}

void ContainerHost::AddProgram(const std::string& path, const std::string& name) const {
  std::error_code error;
  std::filesystem::copy_file(path, dir_.Join("rootfs") + "/bin/" + name, error);
  if (!error) return;
  std::fprintf(stderr, "%s: %s\n", path.c_str(), error.message().c_str());
  std::abort();
}

std::unique_ptr<Container> ContainerHost::Make(ContainerSpec spec) {
  if (spec.pod_uid.empty()) spec.pod_uid = RandomUid();
  if (spec.container_id.empty()) spec.container_id = RandomContainerId();
  const std::string bundle = "bundle-" + std::to_string(++bundles_);
  TreeBuilder(dir_.path())
      .File(bundle + "/config.json", RenderOciConfig(spec, dir_.Join("rootfs")));
  return std::unique_ptr<Container>(
      new Container(runtime_, std::move(spec), dir_.Join(bundle), dir_.Join("state")));
}

base::Result<std::unique_ptr<Container>> ContainerHost::Run(ContainerSpec spec) {
  std::unique_ptr<Container> container = Make(std::move(spec));
  TRY(container->Create());
  TRY(container->Start());
  return container;
}

bool InCi() {
  const char* value = std::getenv("CI");
  return value != nullptr && *value != '\0' && std::string_view(value) != "false";
}

std::string WhyNoContainers() {
  if (::geteuid() != 0) return "needs root: real containers are started";
  for (const char* program : {"crun", "runc", "unshare"}) {
    const auto found = RunCommand({.argv = {program, "--version"}});
    if (!found || found->exit_code != 0) return std::string(program) + " is not installed";
  }
  if (::access("/bin/busybox", X_OK) != 0) return "busybox-static is not installed";
  return {};
}

}  // namespace seccompd::test_support
