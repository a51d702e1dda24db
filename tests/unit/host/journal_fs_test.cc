// SPDX-License-Identifier: Apache-2.0
// The model must lose what a real disk may lose, or the tests on it prove nothing.
#include "tests/unit/host/journal_fs.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace seccompd::host {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

constexpr int kRoot = 3;

class JournalFsTest : public ::testing::Test {
 protected:
  // All that a power cut may leave of a file: its contents, "-" where it is not there.
  std::set<std::string> AfterCut(const std::string& path) {
    std::set<std::string> seen;
    for (std::size_t mask = 0; mask < std::size_t{1} << disk_.Choices(); ++mask) {
      const auto keep = [mask](std::size_t i) { return (mask >> i & 1) != 0; };
      seen.insert(disk_.PowerCut(keep, random_)->Content(path).value_or("-"));
    }
    return seen;
  }
  int Create(const std::string& name, const std::string& text) {
    const int fd = disk_.Open(kRoot, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    EXPECT_EQ(disk_.Write(fd, text, 0), static_cast<ssize_t>(text.size()));
    return fd;
  }

  JournalFs disk_;
  std::mt19937 random_{1};  // NOLINT(cert-msc51-cpp): the same run every time
};

TEST_F(JournalFsTest, WhatIsNotSyncedMayBeAbsentEmptyZeroOrWhole) {
  Create("a", "text");
  EXPECT_THAT(AfterCut("a"), ElementsAre("", std::string(4, '\0'), "-", "text"));
}

TEST_F(JournalFsTest, ASyncedFileInAnUnsyncedDirectoryIsWholeOrAbsent) {
  EXPECT_EQ(disk_.Fsync(Create("a", "text")), 0);
  EXPECT_THAT(AfterCut("a"), ElementsAre("-", "text"));
  EXPECT_EQ(disk_.Fsync(kRoot), 0);
  EXPECT_THAT(AfterCut("a"), ElementsAre("text"));
}

TEST_F(JournalFsTest, ARenameIsThereWhollyOrNotAtAll) {
  disk_.AddFile("a", "old");
  EXPECT_EQ(disk_.Fsync(Create("temp", "new")), 0);
  EXPECT_EQ(disk_.Rename(kRoot, "temp", "a", 0), 0);
  EXPECT_THAT(AfterCut("a"), ElementsAre("new", "old"));
  EXPECT_THAT(AfterCut("temp"), ElementsAre("-", "new"));
}

TEST_F(JournalFsTest, ARenameOfAnUnsyncedFileMayReplaceTheOldOneByNothing) {
  disk_.AddFile("a", "old");
  Create("temp", "new");
  EXPECT_EQ(disk_.Rename(kRoot, "temp", "a", 0), 0);
  EXPECT_THAT(AfterCut("a"), Contains(""));
}

TEST_F(JournalFsTest, ALaterNameMayBeKeptWithoutAnEarlierOne) {
  disk_.AddFile("a", "one");
  EXPECT_EQ(disk_.Unlink(kRoot, "a"), 0);
  EXPECT_EQ(disk_.MakeDirectory(kRoot, "d", 0755), 0);
  const auto later = disk_.PowerCut([](std::size_t i) { return i == 1; }, random_);
  EXPECT_THAT(later->Names(), ElementsAre("a", "d/"));
}

TEST_F(JournalFsTest, APageMayBeLostWhileALaterOneIsKept) {
  const std::string page(4'096, 'x');
  disk_.AddFile("log", page + page);
  const int fd = disk_.Open(kRoot, "log", O_RDWR, 0);
  EXPECT_EQ(disk_.Write(fd, "A", 0), 1);
  EXPECT_EQ(disk_.Write(fd, "B", 4'096), 1);
  EXPECT_THAT(AfterCut("log"), Contains(page + "B" + page.substr(1)));
  EXPECT_EQ(disk_.StartDatasync(fd), 0);
  EXPECT_THAT(AfterCut("log"), Contains(page + page));  // begun is not done
  EXPECT_EQ(disk_.FinishDatasync(), 0);
  EXPECT_THAT(AfterCut("log"), Not(Contains(page + page)));
}

}  // namespace
}  // namespace seccompd::host
