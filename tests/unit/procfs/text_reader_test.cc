// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/text_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/unit/procfs/real_process.h"

namespace seccompd::procfs {
namespace {

TEST(TextReader, ReadsFilesOfAnySizeUpToItsLimit) {
  TempTree tree;
  TextReader reader;
  const base::UniqueFd fd = tree.Open();
  for (const std::size_t size : {0U, 1U, 16'383U, 16'384U, 16'385U, 700'000U, 4'194'303U}) {
    const std::string text(size, 'x');
    tree.File("a", text);
    for (const FileShape shape : {FileShape::kOneRecord, FileShape::kManyRecords}) {
      const auto read = reader.Read(fd.get(), "a", shape);
      ASSERT_TRUE(read) << size;
      EXPECT_EQ(*read, text) << size;
    }
  }
  tree.File("a", std::string(TextReader::kMaxBytes, 'x'));
  const auto read = reader.Read(fd.get(), "a", FileShape::kOneRecord);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, base::ErrorCode::kResourceExhausted);
  EXPECT_EQ(reader.FilesRead(), 14U);
}

TEST(TextReader, RefusesSymlinks) {
  TempTree tree;
  tree.File("a", "x");
  ASSERT_EQ(::symlink("a", (tree.path() + "/b").c_str()), 0);
  TextReader reader;
  const base::UniqueFd fd = tree.Open();
  EXPECT_FALSE(reader.Read(fd.get(), "b", FileShape::kOneRecord));
  EXPECT_EQ(reader.FilesRead(), 0U);
}

TEST(OpenDirectoryBeneath, StaysBelowAndOffSymlinks) {
  TempTree tree;
  tree.Directory("a/b");
  ASSERT_EQ(::symlink("a", (tree.path() + "/link").c_str()), 0);
  const base::UniqueFd fd = tree.Open();
  EXPECT_TRUE(OpenDirectoryBeneath(fd.get(), "a/b"));
  for (const char* path : {"link/b", "../x", "/tmp", "a/c", "a/b/../../.."}) {
    EXPECT_FALSE(OpenDirectoryBeneath(fd.get(), path)) << path;
  }
}

TEST(ForEachEntry, SeesEveryEntryEachTime) {
  TempTree tree;
  for (int i = 0; i < 600; ++i) tree.File("file" + std::to_string(i), "");
  const base::UniqueFd fd = tree.Open();
  for (int round = 0; round < 2; ++round) {
    std::size_t entries = 0;
    ASSERT_TRUE(ForEachEntry(fd.get(), [&](std::string_view name, unsigned char) {
      EXPECT_TRUE(name.starts_with("file"));
      ++entries;
      return true;
    }));
    EXPECT_EQ(entries, 600U);
  }
}

}  // namespace
}  // namespace seccompd::procfs
