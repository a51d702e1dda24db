// SPDX-License-Identifier: Apache-2.0
#include "common/host/atomic_replace.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "common/host/host_root.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_builder.h"
#include "tests/unit/host/faulty_fs.h"

namespace seccompd::host {
namespace {

using base::ErrorCode;
using test_support::IsError;
using test_support::IsOk;
using test_support::TreeBuilder;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;

class AtomicReplaceTest : public ::testing::Test {
 protected:
  AtomicReplaceTest() : root_(OpenDirectory(dir_.path()).value()) {}

  std::string Content(const std::string& name) {
    return test_support::ReadFile(dir_.Join(name)).value_or("<absent>");
  }
  static ReplaceOptions Options(bool may_replace = true) {
    return {.temp_name = ".temp", .mode = 0644, .may_replace = may_replace};
  }

  test_support::TempDir dir_;
  base::UniqueFd root_;
  FaultyFs fs_;
};

TEST_F(AtomicReplaceTest, PlacesBytesWithModeWhateverTheUmask) {
  const mode_t old = ::umask(077);
  EXPECT_THAT(AtomicReplace(fs_, root_.get(), "a.json", "{}\n", Options()), IsOk());
  (void)::umask(old);
  struct stat st {};
  ASSERT_EQ(::stat(dir_.Join("a.json").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0644U);
  EXPECT_EQ(Content("a.json"), "{}\n");
  EXPECT_EQ(Content(".temp"), "<absent>");
}

TEST_F(AtomicReplaceTest, ANameOf255BytesIsPlaced) {
  const std::string name(255, 'x');
  EXPECT_THAT(AtomicReplace(fs_, root_.get(), name, "1", Options()), IsOk());
  EXPECT_EQ(Content(name), "1");
}

TEST_F(AtomicReplaceTest, ALeftOverTempIsReplaced) {
  TreeBuilder(dir_.path()).File(".temp", "half");
  EXPECT_THAT(AtomicReplace(fs_, root_.get(), "a", "new", Options()), IsOk());
  EXPECT_EQ(Content("a"), "new");
}

TEST_F(AtomicReplaceTest, ATempThatIsASymlinkIsReplacedNotFollowed) {
  TreeBuilder(dir_.path()).File("victim", "safe").Symlink(".temp", "victim");
  EXPECT_THAT(AtomicReplace(fs_, root_.get(), "a", "new", Options()), IsOk());
  EXPECT_EQ(Content("victim"), "safe");
  EXPECT_EQ(Content("a"), "new");
}

TEST_F(AtomicReplaceTest, ATakenNameIsNotReplacedWithoutLeave) {
  TreeBuilder(dir_.path()).File("a", "foreign");
  EXPECT_THAT(AtomicReplace(fs_, root_.get(), "a", "new", Options(false)),
              IsError(ErrorCode::kAlreadyExists, _));
  EXPECT_EQ(Content("a"), "foreign");
  EXPECT_EQ(Content(".temp"), "<absent>");
}

TEST_F(AtomicReplaceTest, WhereRenameCannotRefuseItLooksFirst) {
  TreeBuilder(dir_.path()).File("a", "foreign");
  fs_.Arm(std::nullopt);
  ASSERT_THAT(AtomicReplace(fs_, root_.get(), "b", "new", Options(false)), IsOk());
  std::size_t rename_step = 0;
  std::size_t step = 0;
  for (const RecordedOp& op : fs_.ops()) {
    if (op.call == "rename") rename_step = step;
    ++step;
  }
  fs_.Arm(FaultyFs::Fault{.at = rename_step, .error = EINVAL});
  EXPECT_THAT(AtomicReplace(fs_, root_.get(), "a", "new", Options(false)),
              IsError(ErrorCode::kAlreadyExists, _));
  EXPECT_EQ(fs_.fired(), 1U);
  EXPECT_EQ(Content("a"), "foreign");
}

TEST_F(AtomicReplaceTest, EveryStepFailsInTurnAndTheOldFileSurvives) {
  for (const int error : {ENOSPC, EIO, EROFS, EDQUOT, EMFILE}) {
    for (std::size_t at = 0;; ++at) {
      TreeBuilder(dir_.path()).File("a", "old");
      fs_.Arm(FaultyFs::Fault{.at = at, .error = error});
      const auto result = AtomicReplace(fs_, root_.get(), "a", "new", Options());
      if (fs_.fired() == 0) {
        EXPECT_THAT(result, IsOk());
        break;
      }
      const bool last = fs_.ops().back().call == "fsync" && fs_.ops().back().fd == root_.get();
      EXPECT_FALSE(result.has_value()) << "step " << at;
      EXPECT_EQ(result.error().sys_errno, error) << "step " << at;
      EXPECT_EQ(Content("a"), last ? "new" : "old") << "step " << at;
      EXPECT_EQ(Content(".temp"), "<absent>") << "step " << at;
      EXPECT_EQ(fs_.open_files(), 0);
      ASSERT_LT(at, 20U);
    }
  }
}

TEST_F(AtomicReplaceTest, AShortWriteIsContinued) {
  const std::string bytes(100'000, 'y');
  for (std::size_t at = 0; at < 6; ++at) {
    fs_.Arm(FaultyFs::Fault{.at = at, .short_write = true});
    ASSERT_THAT(AtomicReplace(fs_, root_.get(), "a", bytes, Options()), IsOk());
    EXPECT_EQ(Content("a"), bytes);
  }
}

TEST_F(AtomicReplaceTest, SyncsTheFileBeforeTheRenameAndTheDirectoryAfter) {
  ASSERT_THAT(AtomicReplace(fs_, root_.get(), "a", "new", Options()), IsOk());
  std::vector<std::string> calls;
  for (const RecordedOp& op : fs_.ops()) calls.push_back(op.call);
  EXPECT_THAT(calls, ElementsAre("open", "write", "chmod", "fsync", "rename", "fsync"));
  EXPECT_EQ(fs_.ops().back().fd, root_.get());
}

TEST_F(AtomicReplaceTest, OpenParentRefusesSymlinksAtEveryLevel) {
  test_support::TempDir outside;
  TreeBuilder(outside.path()).Dir("b/c");
  TreeBuilder(dir_.path()).Symlink("a", outside.path()).Dir("d").Symlink("d/b", outside.Join("b"));
  for (const char* path : {"a/x", "a/b/x", "a/b/c/x", "d/b/x", "d/b/c/x"}) {
    EXPECT_THAT(OpenParent(fs_, root_.get(), path), IsError(ErrorCode::kFailedPrecondition, _))
        << path;
  }
  EXPECT_THAT(OpenParent(fs_, root_.get(), "../x"), IsError(ErrorCode::kFailedPrecondition, _));
  EXPECT_THAT(OpenParent(fs_, root_.get(), "d/.."), IsError(ErrorCode::kInvalidArgument, _));
  EXPECT_THAT(OpenParent(fs_, root_.get(), "no/x"), IsError(ErrorCode::kNotFound, _));
  EXPECT_THAT(OpenParent(fs_, root_.get(), "d/x"), IsOk());
}

TEST_F(AtomicReplaceTest, AnOldKernelIsNamedAsTheReason) {
  fs_.Arm(FaultyFs::Fault{.at = 0, .error = ENOSYS});
  EXPECT_THAT(OpenParent(fs_, root_.get(), "x"), IsError(ErrorCode::kIo, HasSubstr("Linux 5.6")));
}

TEST_F(AtomicReplaceTest, MissingParentsAreToldOutermostFirst) {
  TreeBuilder(dir_.path()).Dir("a");
  EXPECT_THAT(MissingParents(fs_, root_.get(), "a/b/c/x.json").value(),
              ElementsAre("a/b", "a/b/c"));
  EXPECT_THAT(MissingParents(fs_, root_.get(), "x.json").value(), IsEmpty());
}

TEST_F(AtomicReplaceTest, ADirectoryIs0755WhateverTheUmask) {
  const mode_t old = ::umask(077);
  EXPECT_THAT(MakeDirectory(fs_, root_.get(), "d"), IsOk());
  (void)::umask(old);
  struct stat st {};
  ASSERT_EQ(::stat(dir_.Join("d").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0755U);
  EXPECT_THAT(MakeDirectory(fs_, root_.get(), "d"), IsError(ErrorCode::kAlreadyExists, _));
}

TEST_F(AtomicReplaceTest, AFileTooLongIsAnErrorNotCut) {
  TreeBuilder(dir_.path()).File("a", "12345");
  const int fd = fs_.Open(root_.get(), "a", O_RDONLY, 0);
  const FsFile file(fs_, fd);
  EXPECT_THAT(ReadWhole(fs_, fd, 4), IsError(ErrorCode::kResourceExhausted, _));
  EXPECT_THAT(ReadWhole(fs_, fd, 5).value(), "12345");
  EXPECT_THAT(ReadExactly(fs_, fd, 3, 1).value(), "234");
  EXPECT_THAT(ReadExactly(fs_, fd, 3, 3), IsError(ErrorCode::kCorrupt, _));
}

TEST(RealFs, ListsEntriesWithTypesAndRefusesTooMany) {
  test_support::TempDir dir;
  TreeBuilder(dir.path()).File("f", "").Dir("d").Symlink("s", "f");
  const auto root = OpenDirectory(dir.path()).value();
  RealFs fs;
  std::vector<DirectoryEntry> entries;
  ASSERT_EQ(fs.List(root.get(), 10, &entries), 0);
  EXPECT_EQ(entries.size(), 3U);
  for (const DirectoryEntry& entry : entries) {
    const EntryType expected = entry.name == "f"   ? EntryType::kFile
                               : entry.name == "d" ? EntryType::kDirectory
                                                   : EntryType::kSymlink;
    EXPECT_EQ(entry.type, expected) << entry.name;
  }
  EXPECT_EQ(fs.List(root.get(), 2, &entries), -E2BIG);
}

TEST(ReadFile, KeepsNoMoreThanTheText) {
  test_support::TempDir dir;
  TreeBuilder(dir.path()).File("a", "short");
  const auto root = OpenDirectory(dir.path()).value();
  EXPECT_LT(ReadFile(root.get(), "a", 100).value().capacity(), 64U);
}

TEST(ReadFile, IsBoundedAndReadsProcfs) {
  test_support::TempDir dir;
  TreeBuilder(dir.path()).File("a", std::string(40'000, 'x')).Dir("d");
  const auto root = OpenDirectory(dir.path()).value();
  EXPECT_EQ(ReadFile(root.get(), "a", 40'000).value().size(), 40'000U);
  EXPECT_THAT(ReadFile(root.get(), "a", 39'999), IsError(ErrorCode::kResourceExhausted, _));
  EXPECT_THAT(ReadFile(root.get(), "d", 10), IsError(ErrorCode::kInvalidArgument, _));
  EXPECT_THAT(ReadFile(root.get(), "none", 10), IsError(ErrorCode::kNotFound, _));
  const auto proc = OpenDirectory("/proc").value();
  EXPECT_THAT(ReadFile(proc.get(), "self/status", 65'536).value(), HasSubstr("Seccomp:"));
}

TEST(OpenHostRoot, AMissingDirectoryNamesItsFlag) {
  EXPECT_THAT(OpenHostRoot({.proc = "/proc", .cgroup = "", .seccomp = "/does/not/exist"}),
              IsError(ErrorCode::kNotFound, HasSubstr("--seccomp-root")));
  const auto root = OpenHostRoot({.proc = "/proc", .cgroup = "", .seccomp = ""});
  ASSERT_THAT(root, IsOk());
  EXPECT_TRUE(root->proc.valid());
  EXPECT_FALSE(root->seccomp.valid());
}

}  // namespace
}  // namespace seccompd::host
