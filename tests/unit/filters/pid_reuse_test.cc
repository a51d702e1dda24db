// SPDX-License-Identifier: Apache-2.0
// A pid that another process has by now: made on purpose, in a pid namespace whose next pid is set
// (ns_last_pid, proc(5)).
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/filters/filter_cache.h"
#include "tests/unit/filters/live.h"

namespace seccompd::filters {
namespace {

using live::FindTask;
using live::Marked;
using live::Sleeper;

class PidReuse : public live::RootTest {};

// The next process of this namespace gets `pid`, if it is free. Empty: done.
std::string SetNextPid(pid_t pid) {
  const int fd = ::open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return "no ns_last_pid";
  const std::string text = std::to_string(pid - 1);
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return written ? "" : "ns_last_pid cannot be written";
}

// `body` as the first process of a pid namespace; the kernel ends whatever it leaves there.
std::string RunInNamespace(const std::function<std::string()>& body) {
  return live::RunInChild([&]() -> std::string {
    if (::unshare(CLONE_NEWPID) != 0) return "unshare";
    return live::RunInChild(body);
  });
}

// Two processes in a row under one pid, with these filters.
struct Pair {
  std::optional<Sleeper> first;
  std::optional<Sleeper> second;
};

std::string Begin(Pair& pair, const bpf::Stack& filters) {
  pair.first.emplace(filters);
  return pair.first->error();
}

std::string Replace(Pair& pair, const bpf::Stack& filters) {
  const pid_t pid = pair.first->pid();
  pair.first.reset();  // killed and reaped
  if (std::string why = SetNextPid(pid); !why.empty()) return why;
  pair.second.emplace(filters);
  if (!pair.second->error().empty()) return pair.second->error();
  return pair.second->pid() == pid ? "" : "another pid";
}

// Who asks for a process by its identity after its pid went to another gets no answer.
std::optional<Unknown> WhyNot(FilterReader& reader, const Task& gone) {
  const DumpRequest request{.id = gone.id, .filter = gone.filter};
  std::optional<Unknown> why;
  const auto done = reader.DumpStacks({&request, 1}, [&why](const Dump& dump) {
    if (!dump.stack) why = dump.stack.error();
  });
  return done ? why : std::nullopt;
}

bool Knows(const FilterCache& cache, const Task& task, const bpf::Stack& wanted) {
  const auto stack = cache.Find(task);
  return stack.has_value() && **stack == wanted;
}

std::string ReuseOnce(FilterReader& reader, std::uint32_t round) {
  FilterCache cache;
  std::vector<Task> tasks;
  Pair pair;
  const bpf::Stack before = {Marked(round << 8, 10)};
  const bpf::Stack after = {Marked(round << 8 | 1, 10)};
  if (std::string why = Begin(pair, before); !why.empty()) return why;
  if (!Refresh(reader, cache, tasks)) return "refresh";
  const Task first = *FindTask(tasks, pair.first->pid());
  if (!Knows(cache, first, before)) return "the first";
  if (std::string why = Replace(pair, after); !why.empty()) return why;
  if (!Refresh(reader, cache, tasks)) return "refresh";
  const Task second = *FindTask(tasks, pair.second->pid());
  if (second.id == first.id) return "one identity for two processes";
  if (!Knows(cache, second, after)) return "the second";
  return WhyNot(reader, first) == Unknown::kGone ? "" : "the first was answered for";
}

TEST_F(PidReuse, TheNextProcessIsNeverTakenForTheOneBefore) {
  const std::string said = RunInNamespace([]() -> std::string {
    auto reader = FilterReader::Open();
    if (!reader) return reader.error().message;
    for (std::uint32_t round = 0; round < 20; ++round) {
      if (std::string why = ReuseOnce(*reader, round); !why.empty()) return why;
    }
    return "";
  });
  EXPECT_EQ(said, "");
}

// Known of the first, asked about the second before any new dump: not known, rather than the
// first's.
TEST_F(PidReuse, WhatWasKnownIsForgottenWithItsProcess) {
  const std::string said = RunInNamespace([]() -> std::string {
    auto reader = FilterReader::Open();
    if (!reader) return reader.error().message;
    FilterCache cache;
    std::vector<Task> tasks;
    Pair pair;
    if (std::string why = Begin(pair, {Marked(7, 10)}); !why.empty()) return why;
    if (!Refresh(*reader, cache, tasks)) return "refresh";
    if (std::string why = Replace(pair, {Marked(8, 10)}); !why.empty()) return why;
    if (!reader->Scan(tasks)) return "scan";
    cache.Update(tasks);
    const auto stack = cache.Find(*FindTask(tasks, pair.second->pid()));
    if (stack) return "a program, though none was read";
    return stack.error() == Unknown::kPending ? "" : "another reason";
  });
  EXPECT_EQ(said, "");
}

}  // namespace
}  // namespace seccompd::filters
