// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/live_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/confinement/own_profile.h"
#include "agent/daemon/agent_client.h"
#include "common/base/strings.h"
#include "common/bpf/compile.h"
#include "common/document/document.h"
#include "common/filters/filter_reader.h"
#include "common/host/host_root.h"
#include "common/procfs/scanner.h"
#include "common/seccomp/arch.h"

namespace seccompd::agent {
namespace {

using base::ErrorCode;
using base::Fail;
using base::Result;
using filters::Task;

constexpr std::size_t kLeastIdDigits = 8;

std::string_view Member(const document::Node& node, std::string_view key) {
  const document::Node* member = node.Find(key);
  return member == nullptr ? std::string_view() : std::string_view(member->scalar);
}

Target StackTarget(std::string name, const Task& task, bpf::Stack stack) {
  Target target{.name = std::move(name)};
  target.notes.push_back(fmt::format("pid {} ({}): {}", task.tgid, base::Printable(task.Comm()),
                                     stack.empty() ? "no filter is loaded"
                                     : stack.size() == 1
                                         ? "1 filter"
                                         : fmt::format("{} filters, oldest first", stack.size())));
  target.stack = std::move(stack);
  return target;
}

// `pid` is a process, or one thread of it.
const Task* FindTask(const std::vector<Task>& tasks, pid_t pid) {
  if (const Task* judged = filters::JudgedThread(tasks, pid)) return judged;
  const auto found = std::find_if(tasks.begin(), tasks.end(),
                                  [pid](const Task& task) { return task.id.pid == pid; });
  return found == tasks.end() ? nullptr : &*found;
}

Result<Target> ReadProcess(std::string name, pid_t pid) {
  TRY_ASSIGN(filters::FilterReader reader, filters::FilterReader::Open());
  std::vector<Task> tasks;
  TRY(reader.Scan(tasks));
  const Task* task = FindTask(tasks, pid);
  if (task == nullptr) return Fail(ErrorCode::kNotFound, name + ": no such process");
  if (task->mode == 1) {
    return Fail(ErrorCode::kFailedPrecondition,
                name + ": in seccomp's strict mode, which has no filter to show");
  }
  if (task->filter == 0) return StackTarget(std::move(name), *task, {});
  const filters::DumpRequest request{.id = task->id, .filter = 0};
  std::optional<filters::Dump> dump;
  TRY(reader.DumpStacks({&request, 1}, [&dump](filters::Dump taken) { dump = std::move(taken); }));
  if (!dump || !dump->stack) {
    const auto why = dump ? dump->stack.error() : filters::Unknown::kGone;
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("{}: {}", name, filters::UnknownSentence(why)));
  }
  return StackTarget(std::move(name), *task, *std::move(dump->stack));
}

Result<Target> ReadContainer(const LiveTargetOptions& options, std::string name,
                             std::string_view id) {
  TRY_ASSIGN(
      const host::HostRoot roots,
      host::OpenHostRoot({.proc = options.procfs, .cgroup = options.cgroupfs, .seccomp = ""}));
  TRY_ASSIGN(const procfs::ScanResult scan, procfs::Scan(roots.proc.get(), roots.cgroup.get()));
  TRY_ASSIGN(const procfs::Container* container, FindById(scan.containers, id));
  const auto pid = FirstProcess(*container);
  if (!pid) return Fail(ErrorCode::kNotFound, name + ": the container has no live process");
  return ReadProcess(std::move(name), *pid);
}

Result<Target> OwnTarget() {
  Target target{.name = "self"};
  target.profile = OwnProfile({.role = Role::kAgent, .pid = 0});
  TRY_ASSIGN(bpf::Program program, bpf::Compile(*target.profile, seccomp::NativeArch()));
  target.stack.push_back(std::move(program));
  target.notes.emplace_back(
      "what `seccompd run` loads into itself; tgkill is for its own pid, shown as 0 here");
  return target;
}

std::optional<Result<Target>> FromPod(const LiveTargetOptions& options, std::string_view text) {
  if (text.ends_with(".json") || text.ends_with(".yaml") || text.starts_with('/')) return {};
  const auto reply = AskAgent(options.socket, "/v1/audit");
  if (!reply) return {};  // nobody here knows pods: it is no file, then
  const auto found = FindInReport(reply->body, text, options.container);
  if (!found) return Fail(found.error());
  return ReadContainer(options, found->name, found->container_id);
}

}  // namespace

Result<LiveContainer> FindInReport(std::string_view report, std::string_view pod,
                                   std::string_view container) {
  constexpr document::Limits kLimits{.bytes = std::size_t{64} << 20, .nodes = 8'000'000};
  TRY_ASSIGN(const document::Node root, document::ParseJson(report, kLimits));
  const document::Node* rows = root.Find("containers");
  if (rows == nullptr) return Fail(ErrorCode::kCorrupt, "the agent's report has no containers");
  const std::size_t slash = pod.find('/');
  const std::string_view space = slash == std::string_view::npos ? "" : pod.substr(0, slash);
  const std::string_view name = slash == std::string_view::npos ? pod : pod.substr(slash + 1);
  std::vector<LiveContainer> found;
  std::vector<std::string> others;  // containers of that pod
  for (const document::Node& row : rows->items) {
    if (Member(row, "pod") != name || Member(row, "container_id").empty()) continue;
    if (!space.empty() && Member(row, "namespace") != space) continue;
    const std::string full = fmt::format("{}/{}/{}", Member(row, "namespace"), Member(row, "pod"),
                                         Member(row, "container"));
    if (Member(row, "container").empty()) continue;  // pause, or not named yet
    others.push_back(full);
    if (!container.empty() && Member(row, "container") != container) continue;
    found.push_back({.name = full, .container_id = std::string(Member(row, "container_id"))});
  }
  if (found.size() == 1) return found.front();
  const std::string shown = base::Printable(pod);
  if (others.empty()) {
    return Fail(ErrorCode::kNotFound,
                shown + ": no such file, and no pod of that name has a container on this node");
  }
  return Fail(found.empty() ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument,
              fmt::format("{}: which container? -c one of {}", shown,
                          base::Printable(base::Join(others, ", "))));
}

Result<const procfs::Container*> FindById(std::span<const procfs::Container> containers,
                                          std::string_view id) {
  const std::string shown = base::Printable(id);
  if (id.size() < kLeastIdDigits) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("cri:{}: give at least {} digits of the ID", shown, kLeastIdDigits));
  }
  const procfs::Container* found = nullptr;
  for (const procfs::Container& container : containers) {
    if (!container.ref.container_id.starts_with(id)) continue;
    if (found != nullptr && found->ref.container_id != container.ref.container_id) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("cri:{}: several begin so", shown));
    }
    if (found == nullptr || found->processes.empty()) found = &container;
  }
  if (found == nullptr) {
    return Fail(ErrorCode::kNotFound, fmt::format("cri:{}: no such container here", shown));
  }
  return found;
}

std::optional<pid_t> FirstProcess(const procfs::Container& container) {
  const procfs::Process* first = nullptr;
  for (const procfs::Process& process : container.processes) {
    if (!process.live) continue;
    if (first == nullptr || process.start_ticks < first->start_ticks) first = &process;
  }
  if (first == nullptr) return std::nullopt;
  return first->pid;
}

std::vector<TargetForm> LiveTargetForms(const LiveTargetOptions& options) {
  const TargetForm self = [](std::string_view text) -> std::optional<Result<Target>> {
    if (text != "self") return std::nullopt;
    return OwnTarget();
  };
  const TargetForm process = [](std::string_view text) -> std::optional<Result<Target>> {
    if (!text.starts_with("pid:")) return std::nullopt;
    const auto pid = base::ParseInt<pid_t>(text.substr(4));
    if (!pid || *pid <= 0) {
      return Fail(ErrorCode::kInvalidArgument, base::Printable(text) + ": give pid:NUMBER");
    }
    return ReadProcess(std::string(text), *pid);
  };
  const TargetForm container = [options](std::string_view text) -> std::optional<Result<Target>> {
    if (!text.starts_with("cri:")) return std::nullopt;
    return ReadContainer(options, base::Printable(text), text.substr(4));
  };
  const TargetForm pod = [options](std::string_view text) { return FromPod(options, text); };
  return {self, process, container, pod};
}

}  // namespace seccompd::agent
