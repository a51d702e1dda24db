// SPDX-License-Identifier: Apache-2.0
#include "common/host/tree_watch.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "common/host/host_root.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_builder.h"

namespace seccompd::host {
namespace {

using base::ErrorCode;
using test_support::IsError;
using test_support::IsOk;
using test_support::TreeBuilder;
using ::testing::_;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class TreeWatchTest : public ::testing::Test {
 protected:
  TreeWatchTest() : root_(OpenDirectory(dir_.path()).value()), build_(dir_.path()) {}

  void Watch(TreeWatchOptions options = {}) {
    auto watch = TreeWatch::Make(root_.get(), std::move(options));
    ASSERT_THAT(watch, IsOk());
    watch_ = std::move(*watch);
  }
  TreeChanges Drain() { return watch_->Drain().value(); }
  void Rename(const std::string& from, const std::string& to) {
    ASSERT_EQ(std::rename(dir_.Join(from).c_str(), dir_.Join(to).c_str()), 0);
  }

  test_support::TempDir dir_;
  base::UniqueFd root_;
  TreeBuilder build_;
  std::unique_ptr<TreeWatch> watch_;
};

TEST_F(TreeWatchTest, NothingHappenedIsNothing) {
  build_.File("a/b/x", "1");
  Watch();
  EXPECT_EQ(watch_->watches(), 3U);
  EXPECT_THAT(Drain().paths, IsEmpty());
}

TEST_F(TreeWatchTest, AFileThatIsWrittenInPlaceIsTouchedThenWritten) {
  build_.File("a/x", "1");
  Watch();
  std::ofstream out(dir_.Join("a/x"));
  out << "22" << std::flush;
  EXPECT_THAT(Drain().paths, UnorderedElementsAre(Pair("a/x", kChangeTouched)));
  out.close();
  EXPECT_THAT(Drain().paths, UnorderedElementsAre(Pair("a/x", kChangeWritten)));
}

TEST_F(TreeWatchTest, ARenameOverIsWrittenAtTheNewNameAndRemovedAtTheOld) {
  build_.File("x", "1").File("y", "2");
  Watch();
  Rename("y", "x");
  EXPECT_THAT(Drain().paths,
              UnorderedElementsAre(Pair("x", kChangeWritten), Pair("y", kChangeRemoved)));
}

TEST_F(TreeWatchTest, UnlinkAndModeAreSeen) {
  build_.File("x", "1").File("y", "2");
  Watch();
  ASSERT_EQ(::unlink(dir_.Join("x").c_str()), 0);
  ASSERT_EQ(::chmod(dir_.Join("y").c_str(), 0600), 0);
  EXPECT_THAT(Drain().paths,
              UnorderedElementsAre(Pair("x", kChangeRemoved), Pair("y", kChangeTouched)));
}

TEST_F(TreeWatchTest, FilesInANewDirectoryAreSeenThoughMadeBeforeTheWatch) {
  Watch();
  build_.File("n/m/x", "1");  // made whole before the first event is read
  EXPECT_THAT(Drain().paths, Contains(Pair("n/m/x", kChangeWritten)));
  build_.File("n/m/y", "1");
  EXPECT_THAT(Drain().paths, Contains(Key("n/m/y")));
}

TEST_F(TreeWatchTest, AMovedDirectoryIsFollowedUnderItsNewName) {
  build_.File("a/b/x", "1");
  Watch();
  Rename("a", "c");
  const TreeChanges changes = Drain();
  EXPECT_THAT(changes.paths, Contains(Pair("a", kChangeRemoved)));
  EXPECT_THAT(changes.paths, Contains(Key("c/b/x")));
  build_.File("c/b/y", "1");
  EXPECT_THAT(Drain().paths, Contains(Key("c/b/y")));
}

TEST_F(TreeWatchTest, ADirectoryThatIsRemovedAndMadeAgainIsWatchedAgain) {
  build_.File("a/x", "1");
  Watch();
  for (int i = 0; i < 5; ++i) {
    build_.Remove("a").File("a/x", "2");
    EXPECT_THAT(Drain().paths, Contains(Key("a/x"))) << i;
    build_.File("a/z", "2");
    EXPECT_THAT(Drain().paths, Contains(Key("a/z"))) << i;
  }
  EXPECT_EQ(watch_->watches(), 2U);
}

TEST_F(TreeWatchTest, ASymlinkedDirectoryIsNotEntered) {
  test_support::TempDir outside;
  build_.Symlink("a", outside.path());
  Watch();
  TreeBuilder(outside.path()).File("x", "1");
  EXPECT_THAT(Drain().paths, IsEmpty());
}

TEST_F(TreeWatchTest, ASkippedDirectoryIsNotEnteredButItsNameIs) {
  build_.Dir(".seccompd");
  Watch({.skip = {".seccompd"}});
  build_.File(".seccompd/ledger", "#");
  EXPECT_THAT(Drain().paths, IsEmpty());
  build_.Remove(".seccompd").Dir(".seccompd").File(".seccompd/x", "");
  const TreeChanges changes = Drain();
  EXPECT_THAT(changes.paths, Contains(Key(".seccompd")));
  EXPECT_THAT(changes.paths, Not(Contains(Key(".seccompd/x"))));
}

TEST_F(TreeWatchTest, LostEventsAreReportedAndTheTreeIsWatchedAnew) {
  std::ifstream limit("/proc/sys/fs/inotify/max_queued_events");
  std::size_t queue = 0;
  limit >> queue;
  ASSERT_GT(queue, 0U);
  if (queue > 100'000) GTEST_SKIP() << "the queue is too long to overflow in a unit test";
  build_.File("a/x", "1").File("a/y", "1");
  Watch();
  for (std::size_t i = 0; i <= queue / 2 + 1; ++i) {  // alternating, so that none are merged
    ASSERT_EQ(::chmod(dir_.Join("a/x").c_str(), 0600), 0);
    ASSERT_EQ(::chmod(dir_.Join("a/y").c_str(), 0600), 0);
  }
  build_.File("n/x", "1");
  EXPECT_TRUE(Drain().overflow);
  build_.File("n/y", "1");
  EXPECT_THAT(Drain().paths, Contains(Key("n/y")));
}

TEST_F(TreeWatchTest, TooManyDirectoriesAreAnErrorAtStart) {
  build_.Dir("a").Dir("b").Dir("c");
  EXPECT_THAT(TreeWatch::Make(root_.get(), {.max_directories = 3}),
              IsError(ErrorCode::kResourceExhausted, _));
}

TEST_F(TreeWatchTest, TooManyDirectoriesLaterAreDegradedNotLost) {
  Watch({.max_directories = 2});
  build_.Dir("a").Dir("b");
  (void)Drain();
  EXPECT_TRUE(watch_->degraded());
}

TEST_F(TreeWatchTest, TheRootIsKnownToBeRemovedOrReplaced) {
  const std::string path = dir_.Join("root");
  build_.Dir("root");
  const auto held = OpenDirectory(path).value();
  EXPECT_EQ(CheckRoot(held.get(), path), RootState::kPresent);
  EXPECT_EQ(CheckRoot(held.get(), ""), RootState::kPresent);
  Rename("root", "moved");
  EXPECT_EQ(CheckRoot(held.get(), path), RootState::kReplaced);
  build_.Dir("root");
  EXPECT_EQ(CheckRoot(held.get(), path), RootState::kReplaced);
  EXPECT_EQ(CheckRoot(held.get(), ""), RootState::kPresent);
  ASSERT_EQ(::rmdir(dir_.Join("moved").c_str()), 0);
  EXPECT_EQ(CheckRoot(held.get(), ""), RootState::kRemoved);
}

}  // namespace
}  // namespace seccompd::host
