// SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/node.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <system_error>
#include <utility>

#include "tests/support/tree_builder.h"

namespace seccompd::e2e {
namespace {

namespace json = boost::json;
using test_support::ReadFile;
using test_support::TreeBuilder;
using test_support::WaitFor;

void ReplaceByRename(const std::string& directory, const std::string& name,
                     const std::string& text) {
  TreeBuilder(directory).File("." + name + ".new", text);
  std::filesystem::rename(directory + "/." + name + ".new", directory + "/" + name);
}

std::string TextOf(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string() : std::string(text->begin(), text->end());
}

}  // namespace

const char* const kFineGrained = R"(defaultAction: SCMP_ACT_ERRNO
architectures: [SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32]
syscalls:
- names: [accept4, access, arch_prctl, bind, brk, clock_gettime, clock_nanosleep, clone, close, connect,
          dup, epoll_create1, epoll_ctl, epoll_pwait, execve, exit, exit_group, faccessat2, fcntl, fstat,
          fstatfs, futex, getdents64, getpid, getppid, getrandom, getsockname, getuid, ioctl, listen,
          lseek, mmap, mprotect, munmap, nanosleep, newfstatat, openat, pipe2, poll, prctl, pread64,
          prlimit64, read, readlink, recvfrom, restart_syscall, rseq, rt_sigaction, rt_sigprocmask,
          rt_sigreturn, sched_getaffinity, sched_yield, sendto, set_robust_list, set_tid_address,
          setsockopt, sigaltstack, socket, tgkill, uname, write, writev]
  action: SCMP_ACT_ALLOW
)";

ConfigMap TutorialProfiles() {
  return {.name = "tutorial",
          .data = {{"audit.json", kAudit},
                   {"violation.json", kViolation},
                   {"fine-grained.yaml", kFineGrained}},
          .annotations = {{"seccompd.io/path", "profiles"}}};
}

Node::Node()
    : manifests_(dir_.Join("manifests")),
      pods_(dir_.Join("pods")),
      seccomp_root_(dir_.Join("seccomp")) {
  TreeBuilder(dir_.path()).Dir("manifests").Dir("pods").Dir("seccomp").Dir("outside");
  SetPods({});
}

void Node::Apply(const ConfigMap& config_map) {
  json::object data;
  for (const auto& [key, text] : config_map.data) data[key] = text;
  json::object annotations;
  for (const auto& [key, text] : config_map.annotations) annotations[key] = text;
  json::object metadata;
  metadata["name"] = config_map.name;
  json::object labels;
  for (const auto& [key, text] : config_map.labels) labels[key] = text;
  metadata["labels"] = std::move(labels);
  metadata["annotations"] = std::move(annotations);
  json::object manifest;
  manifest["apiVersion"] = "v1";
  manifest["kind"] = "ConfigMap";
  manifest["metadata"] = std::move(metadata);
  manifest["data"] = std::move(data);
  ReplaceByRename(manifests_, config_map.name + ".yaml", json::serialize(manifest));
}

void Node::SetPods(const std::vector<test_support::PodRow>& rows) {
  ReplaceByRename(pods_, "pods.json", test_support::RenderPodList(rows));
}

void Node::Withdraw(std::string_view config_map) {
  std::filesystem::remove(manifests_ + "/" + std::string(config_map) + ".yaml");
}

base::Result<> Node::StartAgent(std::vector<std::string> flags,
                                const std::vector<std::string>& launcher) {
  std::vector<std::string> all = {"--source",       "dir:" + manifests_, "--pods",   PodsFlag(),
                                  "--seccomp-root", seccomp_root_,       "--socket", Socket(),
                                  "--node-default", "unconfined"};
  if (std::find(flags.begin(), flags.end(), "--audit-interval") == flags.end()) {
    all.insert(all.end(), {"--audit-interval", "1s"});
  }
  all.insert(all.end(), flags.begin(), flags.end());
  TRY_ASSIGN(test_support::AgentProcess agent,
             test_support::AgentProcess::Start(std::move(all), std::chrono::seconds(30), launcher));
  agent_.reset();
  agent_.emplace(std::move(agent));
  return {};
}

int Node::StopAgent() {
  const int code = agent_->Stop();
  if (code != 0) ADD_FAILURE() << "the agent ended with " << code << ":\n" << agent_->LogSoFar();
  agent_.reset();
  return code;
}

void Node::KillAgent() {
  agent_->Kill();
  agent_.reset();
}

std::string Node::Path(std::string_view profile) const {
  return seccomp_root_ + "/" + std::string(profile);
}

std::string Node::Outside(std::string_view name) const {
  return dir_.Join("outside/" + std::string(name));
}

std::vector<std::string> Node::Files() const {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(seccomp_root_)) {
    if (entry.is_regular_file() && !entry.is_symlink()) {
      files.push_back(std::filesystem::relative(entry.path(), seccomp_root_).string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool Node::WaitInstalled(std::string_view profile, std::optional<std::string> bytes,
                         std::chrono::milliseconds timeout) {
  return WaitFor(timeout, [&] {
    struct stat info {};
    if (::lstat(Path(profile).c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
    if ((info.st_mode & 07777) != 0644) return false;
    return !bytes || ReadFile(Path(profile)) == bytes;
  });
}

bool Node::WaitGone(std::string_view profile) {
  return WaitFor(std::chrono::seconds(20), [&] {
    struct stat info {};
    return ::lstat(Path(profile).c_str(), &info) != 0 && errno == ENOENT;
  });
}

bool Node::WaitMetric(std::string_view series, double value) {
  return WaitFor(std::chrono::seconds(20), [&] { return agent().Metric(series) == value; });
}

base::Result<json::object> Node::Audit() const {
  TRY_ASSIGN(
      const test_support::Outcome outcome,
      test_support::RunSeccompd({"audit", "--pods", PodsFlag(), "--seccomp-root", seccomp_root_,
                                 "--node-default", "unconfined", "--all", "-o", "json"}));
  json::error_code error;
  json::value value = json::parse(outcome.out, error);
  if (outcome.exit_code > 1 || error || !value.is_object()) {
    return base::Fail(base::ErrorCode::kFailedPrecondition, "seccompd audit: exit " +
                                                                std::to_string(outcome.exit_code) +
                                                                ":\n" + outcome.out + outcome.err);
  }
  return std::move(value.get_object());
}

std::string VerdictOf(const json::object& report, std::string_view container_id) {
  const json::value* containers = report.if_contains("containers");
  if (containers == nullptr || !containers->is_array()) return "no \"containers\" in the report";
  for (const json::value& row : containers->get_array()) {
    if (!row.is_object() || TextOf(row.get_object(), "container_id") != container_id) continue;
    const std::string reason = TextOf(row.get_object(), "reason");
    return TextOf(row.get_object(), "verdict") + (reason.empty() ? "" : "(" + reason + ")");
  }
  return "absent";
}

std::string Rendered(const std::string& text) {
  const auto outcome = test_support::RunSeccompd({"render", "-"}, text);
  if (!outcome || outcome->exit_code != 0) {
    ADD_FAILURE() << "seccompd render: " << (outcome ? outcome->err : outcome.error().message);
    return {};
  }
  return outcome->out;
}

}  // namespace seccompd::e2e
