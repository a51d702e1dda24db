// SPDX-License-Identifier: Apache-2.0
// What the iterator reads is what was loaded.
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>
#include <future>
#include <set>
#include <sstream>
#include <thread>

#include "common/base/strings.h"
#include "tests/unit/filters/live.h"

namespace seccompd::filters {
namespace {

using live::FindTask;
using live::LoadFilter;
using live::Marked;
using live::ReadStack;
using live::Sleeper;

class Reader : public live::RootTest {
 protected:
  void SetUp() override {
    RootTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto opened = FilterReader::Open();
    ASSERT_TRUE(opened) << opened.error().message;
    reader_.emplace(std::move(*opened));
  }

  void ExpectReadsBack(const std::vector<bpf::Program>& loaded) {
    const Sleeper sleeper(loaded);
    ASSERT_EQ(sleeper.error(), "");
    const auto read = ReadStack(*reader_, sleeper.pid());
    ASSERT_TRUE(read) << read.error();
    EXPECT_TRUE(*read == loaded) << read->size() << " filters, expected " << loaded.size();
  }

  std::optional<FilterReader> reader_;
};

// Field 22 of stat(5); comm may hold spaces and parentheses.
std::uint64_t ProcStartTicks(const std::string& path) {
  std::ifstream file("/proc/" + path + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  return base::ParseInt<std::uint64_t>(field).value_or(0);
}

TEST_F(Reader, OneInstruction) { ExpectReadsBack({live::Allow()}); }

TEST_F(Reader, TheLargestFilter) { ExpectReadsBack({Marked(7, 4096)}); }

TEST_F(Reader, ThreeLargeFiltersOldestFirst) {
  ExpectReadsBack({Marked(1, 4000), Marked(2, 4000), Marked(3, 4000)});
}

TEST_F(Reader, ManyStackedFiltersOldestFirst) {
  std::vector<bpf::Program> stack;
  for (std::uint32_t i = 0; i < 200; ++i) stack.push_back(Marked(i << 16, 1 + i % 40));
  ExpectReadsBack(stack);
}

TEST_F(Reader, AsManyFiltersAsAreRead) {
  ExpectReadsBack(std::vector<bpf::Program>(kMaxFilters, live::Allow()));
}

TEST_F(Reader, AnOverlongChainIsUnknownAndItsNeighboursAreRead) {
  const Sleeper before({Marked(1, 30)});
  const Sleeper overlong(std::vector<bpf::Program>(3600, live::Allow()));
  const Sleeper after({Marked(2, 30), Marked(3, 5)});
  ASSERT_EQ(before.error() + overlong.error() + after.error(), "");

  std::vector<Task> tasks;
  FilterCache cache;
  ASSERT_TRUE(Refresh(*reader_, cache, tasks));
  const auto stack = [&](const Sleeper& sleeper) {
    return cache.Find(*FindTask(tasks, sleeper.pid()));
  };
  EXPECT_EQ(FindTask(tasks, overlong.pid())->filter_count, 3600U);
  EXPECT_EQ(stack(overlong), tl::unexpected(Unknown::kTooManyFilters));
  ASSERT_TRUE(stack(before));
  EXPECT_EQ(**stack(before), bpf::Stack({Marked(1, 30)}));
  ASSERT_TRUE(stack(after));
  EXPECT_EQ(**stack(after), bpf::Stack({Marked(2, 30), Marked(3, 5)}));
}

TEST_F(Reader, OneMoreFilterThanIsReadIsUnknown) {
  const Sleeper sleeper(std::vector<bpf::Program>(kMaxFilters + 1, live::Allow()));
  ASSERT_EQ(sleeper.error(), "");
  EXPECT_EQ(ReadStack(*reader_, sleeper.pid()), tl::unexpected<std::string>("too-many-filters"));
}

TEST_F(Reader, ScanAgreesWithProc) {
  const Sleeper plain([] { return std::string(); });
  const Sleeper filtered({Marked(1, 3), Marked(2, 3)});
  ASSERT_EQ(plain.error() + filtered.error(), "");
  std::vector<Task> tasks;
  ASSERT_TRUE(reader_->Scan(tasks));
  for (pid_t pid : {plain.pid(), filtered.pid()}) {
    const std::string path = std::to_string(pid);
    const Task* task = FindTask(tasks, pid);
    ASSERT_NE(task, nullptr);
    EXPECT_EQ(std::to_string(task->mode), live::StatusField(path, "Seccomp"));
    EXPECT_EQ(std::to_string(task->filter_count), live::StatusField(path, "Seccomp_filters"));
    EXPECT_EQ(task->no_new_privs ? "1" : "0", live::StatusField(path, "NoNewPrivs"));
    EXPECT_EQ(task->Comm(), live::StatusField(path, "Name"));
    EXPECT_EQ(StartTicks(task->id.start_ns), ProcStartTicks(path));
    EXPECT_EQ(task->leader_start_ns, task->id.start_ns);
    EXPECT_EQ(task->tgid, pid);
    EXPECT_EQ(task->ppid, ::getpid());
    EXPECT_FALSE(task->zombie || task->exiting || task->kernel_thread);
  }
  EXPECT_EQ(FindTask(tasks, plain.pid())->filter, 0U);
  EXPECT_NE(FindTask(tasks, filtered.pid())->filter, 0U);
  EXPECT_TRUE(FindTask(tasks, 2)->kernel_thread);
}

TEST_F(Reader, CgroupIdIsTheInodeOfTheV2Directory) {
  std::ifstream mounts("/proc/self/mounts");
  std::string root;
  for (std::string device, path, type, rest; mounts >> device >> path >> type;) {
    std::getline(mounts, rest);
    if (type == "cgroup2") root = path;
  }
  ASSERT_NE(root, "") << "no cgroup v2 hierarchy is mounted";
  const std::string directory = root + "/seccompd-test-" + std::to_string(::getpid());
  ASSERT_EQ(::mkdir(directory.c_str(), 0755), 0);
  {
    const Sleeper sleeper([&] {
      std::ofstream(directory + "/cgroup.procs") << ::getpid();
      return std::string();
    });
    std::vector<Task> tasks;
    EXPECT_TRUE(reader_->Scan(tasks));
    struct stat status {};
    EXPECT_EQ(::stat(directory.c_str(), &status), 0);
    EXPECT_EQ(FindTask(tasks, sleeper.pid())->cgroup_id, status.st_ino);
  }
  EXPECT_EQ(::rmdir(directory.c_str()), 0);
}

TEST_F(Reader, MoreTasksThanRecordsAreAllThereOnceAndInOrder) {
  auto small = FilterReader::Open({.records = 3});
  ASSERT_TRUE(small) << small.error().message;
  std::vector<Sleeper> sleepers;
  for (std::uint32_t i = 0; i < 40; ++i) {
    sleepers.emplace_back(std::vector<bpf::Program>{Marked(i, 4)});
    ASSERT_EQ(sleepers.back().error(), "");
  }
  std::vector<Task> tasks;
  ASSERT_TRUE(small->Scan(tasks));
  EXPECT_TRUE(std::is_sorted(tasks.begin(), tasks.end(),
                             [](const Task& a, const Task& b) { return a.id.pid < b.id.pid; }));
  std::set<pid_t> seen;
  for (const Task& task : tasks) EXPECT_TRUE(seen.insert(task.id.pid).second);
  for (const Sleeper& sleeper : sleepers) EXPECT_TRUE(seen.contains(sleeper.pid()));
}

TEST_F(Reader, ThreadsMayDiffer) {
  // Without TSYNC a filter is its thread's alone; the next thread inherits from its maker.
  const Sleeper sleeper([] {
    std::string error = LoadFilter(Marked(1, 3));
    std::promise<std::string> loaded;
    std::thread([&loaded] {
      loaded.set_value(LoadFilter(Marked(2, 3)));
      for (;;) ::pause();
    }).detach();
    return error + loaded.get_future().get();
  });
  ASSERT_EQ(sleeper.error(), "");
  std::vector<Task> tasks;
  ASSERT_TRUE(reader_->Scan(tasks));
  std::vector<bpf::Stack> stacks;
  for (const Task& task : tasks) {
    if (task.tgid != sleeper.pid()) continue;
    EXPECT_LE(task.leader_start_ns, task.id.start_ns);
    const auto read = ReadStack(*reader_, task.id.pid);
    ASSERT_TRUE(read) << read.error();
    stacks.push_back(*read);
  }
  EXPECT_EQ(stacks, std::vector<bpf::Stack>({{Marked(1, 3)}, {Marked(1, 3), Marked(2, 3)}}));
}

TEST_F(Reader, AProcessWithoutItsLeaderIsJudgedByALiveThread) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const bool loaded = LoadFilter(Marked(9, 12)).empty();
    std::thread([&] {
      // The leader shows as a zombie only a moment later; the pipe says that it is on its way.
      if (loaded && ::write(ends[1], "r", 1) == 1) {
        for (;;) ::pause();
      }
      ::_exit(1);
    }).detach();
    ::syscall(SYS_exit, 0);
  }
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 1);
  std::vector<Task> tasks;
  const Task* leader = nullptr;
  for (int i = 0; i < 10'000 && (leader == nullptr || !leader->zombie); ++i) {
    ASSERT_TRUE(reader_->Scan(tasks));
    leader = FindTask(tasks, child);
    ASSERT_NE(leader, nullptr);
  }
  EXPECT_TRUE(leader->zombie);
  const Task* judged = JudgedThread(tasks, child);
  if (judged == nullptr) {
    ADD_FAILURE() << "no live thread was found";
  } else {
    EXPECT_NE(judged->id.pid, child);
    EXPECT_EQ(ReadStack(*reader_, judged->id.pid), (bpf::Stack{Marked(9, 12)}));
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(Reader, AThreadThatTakesItsLeadersPlaceByExecIsAnother) {
  std::array<int, 2> go{};
  ASSERT_EQ(::pipe2(go.data(), O_CLOEXEC), 0);
  const Sleeper sleeper([&] {
    std::thread([&] {
      char byte = 0;
      if (::read(go[0], &byte, 1) == 1) ::execl("/bin/sleep", "sleep", "1000", nullptr);
    }).detach();
    return std::string();
  });
  ASSERT_EQ(sleeper.error(), "");
  std::vector<Task> tasks;
  ASSERT_TRUE(reader_->Scan(tasks));
  const Task before = *FindTask(tasks, sleeper.pid());
  ASSERT_EQ(::write(go[1], "g", 1), 1);
  Task after = before;
  for (int i = 0; i < 100'000 && after.Comm() != "sleep"; ++i) {
    ASSERT_TRUE(reader_->Scan(tasks));
    after = *FindTask(tasks, sleeper.pid());
  }
  EXPECT_EQ(after.Comm(), "sleep");
  EXPECT_EQ(after.id.start_ns, before.id.start_ns);
  EXPECT_NE(after.id, before.id);
  ::close(go[0]);
  ::close(go[1]);
}

TEST_F(Reader, APidThatIsAnotherThreadByNowIsGone) {
  const Sleeper sleeper({Marked(1, 3)});
  std::vector<Task> tasks;
  ASSERT_TRUE(reader_->Scan(tasks));
  const Task task = *FindTask(tasks, sleeper.pid());
  std::vector<DumpRequest> requests(4, {.id = task.id, .filter = 0});
  requests[0].id.start_ns += 1;
  requests[1].id.exec_id += 1;
  requests[2].id.pid = 4'194'303;
  std::vector<Unknown> failures;
  int read = 0;
  ASSERT_TRUE(reader_->DumpStacks(requests, [&](const Dump& dump) {
    if (dump.stack) {
      ++read;
    } else {
      failures.push_back(dump.stack.error());
    }
  }));
  EXPECT_EQ(failures, std::vector<Unknown>(3, Unknown::kGone));
  EXPECT_EQ(read, 1);
}

TEST_F(Reader, AnotherFilterThanWasSeenIsChangedAndNoFilterIsSaid) {
  const Sleeper sleeper({Marked(1, 3)});
  const Sleeper plain([] { return std::string(); });
  std::vector<Task> tasks;
  ASSERT_TRUE(reader_->Scan(tasks));
  const std::vector<DumpRequest> requests = {
      {.id = FindTask(tasks, sleeper.pid())->id, .filter = 12345},
      {.id = FindTask(tasks, plain.pid())->id, .filter = 0}};
  std::vector<Unknown> failures;
  ASSERT_TRUE(reader_->DumpStacks(requests, [&](const Dump& dump) {
    failures.push_back(dump.stack ? Unknown::kPending : dump.stack.error());
  }));
  EXPECT_EQ(failures, (std::vector<Unknown>{Unknown::kChanged, Unknown::kNoFilter}));
}

TEST_F(Reader, PidsAreThoseOfTheReadersNamespace) {
  const std::string said = live::RunInChild([]() -> std::string {
    if (::unshare(CLONE_NEWPID) != 0) return "unshare";
    return live::RunInChild([]() -> std::string {
      const Sleeper inner({Marked(5, 6)});
      auto reader = FilterReader::Open();
      if (!reader) return reader.error().message;
      std::vector<Task> tasks;
      if (auto done = reader->Scan(tasks); !done) return done.error().message;
      if (tasks.size() != 2) return "tasks " + std::to_string(tasks.size());
      if (tasks[0].id.pid != 1 || tasks[0].tgid != 1 || tasks[0].ppid != 0) return "self";
      if (tasks[1].id.pid != inner.pid() || tasks[1].ppid != 1) return "inner";
      const auto stack = ReadStack(*reader, inner.pid());
      if (!stack) return stack.error();
      return *stack == bpf::Stack{Marked(5, 6)} ? "" : "another stack";
    });
  });
  EXPECT_EQ(said, "");
}

}  // namespace
}  // namespace seccompd::filters
