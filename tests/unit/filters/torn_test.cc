// SPDX-License-Identifier: Apache-2.0
// Between two reads of one dump the chain changes: the dump must not be taken for whole.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "common/filters/reader_state.h"
#include "tests/unit/filters/live.h"

namespace seccompd::filters {
namespace {

using live::Marked;

// More than the program copies in one call.
constexpr std::uint32_t kFilters = 60;

class Torn : public live::RootTest {
 protected:
  void SetUp() override {
    RootTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_EQ(::pipe2(to_.data(), O_CLOEXEC) + ::pipe2(from_.data(), O_CLOEXEC), 0);
    child_ = ::fork();
    if (child_ == 0) RunChild();
    ASSERT_TRUE(Heard());
    auto state = LoadIterators({});
    ASSERT_TRUE(state) << state.error().message;
    state_ = std::move(*state);
    Begin();
  }

  void TearDown() override {
    for (int fd : {to_[0], to_[1], from_[0], from_[1]}) ::close(fd);
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }

  // Loads its filters, and one more for each byte it gets.
  [[noreturn]] void RunChild() {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (std::uint32_t i = 0; i < kFilters; ++i) {
      if (!live::LoadFilter(Marked(i << 8, 5)).empty()) ::_exit(1);
    }
    for (char byte = 'r';;) {
      if (::write(from_[1], &byte, 1) != 1 || ::read(to_[0], &byte, 1) != 1) ::_exit(1);
      if (!live::LoadFilter(Marked(0xffff, 5)).empty()) ::_exit(1);
    }
  }

  bool Heard() {
    char byte = 0;
    return ::read(from_[0], &byte, 1) == 1;
  }

  void Begin() {
    auto reader = FilterReader::Open();
    ASSERT_TRUE(reader);
    std::vector<Task> tasks;
    ASSERT_TRUE(reader->Scan(tasks));
    auto iterator = CreateIterator(state_->dump_link);
    ASSERT_TRUE(iterator);
    iterator_ = std::move(*iterator);
    state_->BeginDump(live::FindTask(tasks, child_)->id);
    EXPECT_EQ(Read(), SECCOMPD_DUMP_MORE);
    ASSERT_LT(state_->dump->filters, kFilters);
  }

  // The status after one more read, at its end when the task has gone by.
  std::uint32_t Read() {
    const auto step = Advance(iterator_);
    EXPECT_TRUE(step);
    return *step == Step::kEnd ? std::uint32_t{SECCOMPD_DUMP_GONE} : state_->dump->status;
  }

  pid_t child_ = 0;
  std::array<int, 2> to_{};
  std::array<int, 2> from_{};
  std::unique_ptr<ReaderState> state_;
  base::UniqueFd iterator_;
};

TEST_F(Torn, LeftAloneItIsWhole) {
  std::uint32_t status = SECCOMPD_DUMP_MORE;
  for (int i = 0; i < 10 && status == SECCOMPD_DUMP_MORE; ++i) status = Read();
  EXPECT_EQ(status, SECCOMPD_DUMP_DONE);
  EXPECT_EQ(state_->dump->filters, kFilters);
}

TEST_F(Torn, AFilterMoreIsSeen) {
  ASSERT_EQ(::write(to_[1], "m", 1), 1);
  ASSERT_TRUE(Heard());
  EXPECT_EQ(Read(), SECCOMPD_DUMP_TORN);
  // A new attempt on the same iterator finds the task again.
  state_->BeginDump(
      {.pid = child_, .start_ns = state_->dump->start_ns, .exec_id = state_->dump->exec_id});
  std::uint32_t status = SECCOMPD_DUMP_MORE;
  for (int i = 0; i < 10 && status == SECCOMPD_DUMP_MORE; ++i) status = Read();
  EXPECT_EQ(status, SECCOMPD_DUMP_DONE);
  EXPECT_EQ(state_->dump->filters, kFilters + 1);
}

TEST_F(Torn, AFilterMoreIsSeenEvenAfterTheLastWasCopied) {
  while (state_->dump->filters < kFilters) ASSERT_EQ(Read(), SECCOMPD_DUMP_MORE);
  ASSERT_EQ(::write(to_[1], "m", 1), 1);
  ASSERT_TRUE(Heard());
  EXPECT_EQ(Read(), SECCOMPD_DUMP_TORN);
}

TEST_F(Torn, AnExitIsSeenBeforeAndAfterTheReaper) {
  ::kill(child_, SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOWAIT), 0);
  // Since Linux 6.11 a zombie has no filter; before, it keeps its filters until it is reaped.
  const std::uint32_t zombie = Read();
  EXPECT_TRUE(zombie == SECCOMPD_DUMP_TORN || zombie == SECCOMPD_DUMP_MORE) << zombie;
  ASSERT_EQ(::waitpid(child_, nullptr, 0), child_);
  child_ = 0;
  EXPECT_EQ(Read(), SECCOMPD_DUMP_GONE);
}

TEST_F(Torn, AnotherPidUnderTheSameNumberStartsAnew) {
  // Else the cursor of the first would be followed without anyone holding what it points to.
  const live::Sleeper other({Marked(1, 3), Marked(2, 3)});
  ASSERT_EQ(other.error(), "");
  ASSERT_GT(other.pid(), child_) << "pids wrapped around";
  auto reader = FilterReader::Open();
  ASSERT_TRUE(reader);
  std::vector<Task> tasks;
  ASSERT_TRUE(reader->Scan(tasks));
  const TaskId id = live::FindTask(tasks, other.pid())->id;
  state_->dump->pid = static_cast<std::uint32_t>(id.pid);
  state_->dump->start_ns = id.start_ns;
  state_->dump->exec_id = id.exec_id;
  EXPECT_EQ(Read(), SECCOMPD_DUMP_MORE);
  EXPECT_EQ(Read(), SECCOMPD_DUMP_DONE);
  EXPECT_EQ(state_->dump->filters, 2U);
}

TEST_F(Torn, AWrongNumberOfRecordsEndsAReadAndHarmsNobody) {
  // A reader that was taken over may write what it likes.
  state_->scan->count = 0xfffffff0;
  auto iterator = CreateIterator(state_->scan_link);
  ASSERT_TRUE(iterator);
  const auto step = Advance(*iterator);
  ASSERT_TRUE(step);
  EXPECT_EQ(*step, Step::kAgain);
  EXPECT_EQ(state_->scan->count, 0xfffffff0U);
}

}  // namespace
}  // namespace seccompd::filters
