// SPDX-License-Identifier: Apache-2.0
// Installed files are changed behind the agent's back.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/node.h"
#include "tests/support/container_host.h"
#include "tests/support/matchers.h"
#include "tests/support/tree_builder.h"

namespace seccompd::e2e {
namespace {

using std::chrono::milliseconds;
using test_support::IsOk;
using test_support::ReadFile;
using test_support::TreeBuilder;

constexpr char kEmpty[] = "{}";  // would load no filter at all
constexpr int kFiles = 250;
constexpr int kRounds = 4;  // per file: below the five an hour after which a path is contested

std::string ProfileText(int number) {
  return R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["bpf","ptrace"],)"
         R"("action":"SCMP_ACT_ERRNO","errnoRet":)" +
         std::to_string(number % 100 + 1) + "}]}";
}

std::string Name(int number) { return "many/p" + std::to_string(number) + ".json"; }

class TamperTest : public ::testing::Test {
 protected:
  void SetUp() override { REQUIRE_CONTAINERS(); }

  // Each in one system call where it matters, so that one tampering is one drift.
  void EditInPlace(const std::string& path) { std::ofstream(path, std::ios::trunc) << kEmpty; }
  void RenameOver(const std::string& path) {
    TreeBuilder(node_.Outside("")).File("edited", kEmpty);
    std::filesystem::rename(node_.Outside("edited"), path);
  }
  void Delete(const std::string& path) { std::filesystem::remove(path); }
  void ChangeMode(const std::string& path) { ::chmod(path.c_str(), 0600); }
  void ReplaceByLink(const std::string& path) {
    TreeBuilder(node_.Outside("")).Symlink("link", "/dev/null");
    std::filesystem::rename(node_.Outside("link"), path);
  }
  void ReplaceByDirectory(const std::string& path) {
    TreeBuilder(node_.Outside("")).Dir("directory");
    ASSERT_EQ(::renameat2(AT_FDCWD, node_.Outside("directory").c_str(), AT_FDCWD, path.c_str(),
                          RENAME_EXCHANGE),
              0);
    TreeBuilder(node_.Outside("")).Remove("directory");
  }

  // Which drift it must be counted as.
  std::string Tamper(int number, const std::string& path) {
    switch (number % 5) {
      case 0:
        EditInPlace(path);
        return "content";
      case 1:
        RenameOver(path);
        return "content";
      case 2:
        Delete(path);
        return "missing";
      case 3:
        ChangeMode(path);
        return "mode";
      default:
        ReplaceByLink(path);
        return "symlink";
    }
  }

  [[nodiscard]] static bool IsRight(const std::string& path, const std::string& bytes) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
           (info.st_mode & 07777) == 0644 && ReadFile(path) == bytes;
  }

  // How long it took, or nullopt after 20 s.
  [[nodiscard]] static std::optional<milliseconds> TimeToRepair(const std::string& path,
                                                                const std::string& bytes) {
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < std::chrono::seconds(20)) {
      if (IsRight(path, bytes)) {
        return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
      }
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
    return std::nullopt;
  }

  Node node_;
};

TEST_F(TamperTest, ThousandTamperingsAreRepairedWithTheRightBytesAndCounted) {
  ConfigMap many{.name = "many"};
  for (int i = 0; i < kFiles; ++i) many.data["p" + std::to_string(i) + ".json"] = ProfileText(i);
  node_.Apply(many);
  ASSERT_THAT(node_.StartAgent(), IsOk());
  std::map<int, std::string> bytes;
  for (int i = 0; i < kFiles; ++i) {
    ASSERT_TRUE(node_.WaitInstalled(Name(i))) << node_.agent().LogSoFar();
    bytes[i] = ReadFile(node_.Path(Name(i))).value_or("");
  }
  EXPECT_EQ(bytes[7], Rendered(ProfileText(7)));

  std::map<std::string, int> expected;
  std::vector<milliseconds> times;
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kFiles; ++i) {
      const std::string path = node_.Path(Name(i));
      const std::string kind = Tamper(round + i, path);
      ++expected[kind];
      const auto time = TimeToRepair(path, bytes[i]);
      ASSERT_TRUE(time) << path << " " << kind << "\n" << node_.agent().LogSoFar();
      times.push_back(*time);
    }
  }
  std::sort(times.begin(), times.end());
  std::printf("repaired %zu: median %lld ms, p99 %lld ms, max %lld ms\n", times.size(),
              static_cast<long long>(times[times.size() / 2].count()),
              static_cast<long long>(times[times.size() * 99 / 100].count()),
              static_cast<long long>(times.back().count()));
  // A second is the promise; a busy machine gets five, half of them must keep it anywhere.
  EXPECT_LE(times[times.size() / 2], milliseconds(1000));
  EXPECT_LE(times.back(), milliseconds(5000));
  for (const auto& [kind, count] : expected) {
    EXPECT_TRUE(node_.WaitMetric("seccompd_profile_drifts_total{kind=\"" + kind + "\"}", count))
        << kind << ": "
        << node_.agent().Metric("seccompd_profile_drifts_total{kind=\"" + kind + "\"}").value_or(-1)
        << " of " << count;
  }
}

// A directory is somebody's: it is reported, never removed.
TEST_F(TamperTest, DirectoryInAFilesPlaceIsForeignUntilItGoes) {
  node_.Apply({.name = "web", .data = {{"a.json", kAudit}}});
  ASSERT_THAT(node_.StartAgent(), IsOk());
  ASSERT_TRUE(node_.WaitInstalled("web/a.json"));
  ReplaceByDirectory(node_.Path("web/a.json"));
  EXPECT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="foreign"})", 1));
  EXPECT_TRUE(std::filesystem::is_directory(node_.Path("web/a.json")));
  ASSERT_EQ(::rmdir(node_.Path("web/a.json").c_str()), 0);
  EXPECT_TRUE(node_.WaitInstalled("web/a.json", Rendered(kAudit))) << node_.agent().LogSoFar();
}

// Who keeps overwriting a path gets his way after five repairs, and the alarm stays.
TEST_F(TamperTest, PathThatIsChangedForEverIsContestedAndLeftAlone) {
  node_.Apply({.name = "web", .data = {{"a.json", kAudit}}});
  ASSERT_THAT(node_.StartAgent(), IsOk());
  ASSERT_TRUE(node_.WaitInstalled("web/a.json"));
  const std::string bytes = Rendered(kAudit);
  const auto contested = [&] {
    return node_.agent().Metric(R"(seccompd_profiles{state="contested"})") == 1;
  };
  int repairs = 0;
  while (repairs < 10 && !contested()) {
    RenameOver(node_.Path("web/a.json"));
    ASSERT_TRUE(test_support::WaitFor(std::chrono::seconds(20), [&] {
      return IsRight(node_.Path("web/a.json"), bytes) || contested();
    }));
    if (IsRight(node_.Path("web/a.json"), bytes)) ++repairs;
  }
  EXPECT_GE(repairs, 5);
  EXPECT_LT(repairs, 10);
  RenameOver(node_.Path("web/a.json"));
  std::this_thread::sleep_for(std::chrono::seconds(2));
  EXPECT_EQ(ReadFile(node_.Path("web/a.json")), std::optional<std::string>(kEmpty));
  EXPECT_TRUE(contested());
  // The night's log says of every change what was done about it.
  const std::string log = node_.agent().LogSoFar();
  EXPECT_THAT(log, testing::HasSubstr(R"("kind":"tamper","path":"web/a.json","what":"content",)"
                                      R"("from":"r1","to":"repaired")"));
  EXPECT_THAT(log, testing::HasSubstr(R"("kind":"tamper","path":"web/a.json","what":"content",)"
                                      R"("from":"r1","to":"left")"));
}

TEST_F(TamperTest, ParentReplacedByALinkIsNeverFollowed) {
  node_.Apply({.name = "web", .data = {{"a.json", kAudit}}});
  ASSERT_THAT(node_.StartAgent(), IsOk());
  ASSERT_TRUE(node_.WaitInstalled("web/a.json"));
  TreeBuilder(node_.Outside("")).Dir("elsewhere").Symlink("link", "elsewhere");
  TreeBuilder(node_.Outside("")).Symlink("link", node_.Outside("elsewhere"));
  ASSERT_EQ(::renameat2(AT_FDCWD, node_.Outside("link").c_str(), AT_FDCWD,
                        node_.Path("web").c_str(), RENAME_EXCHANGE),
            0);
  EXPECT_TRUE(node_.WaitInstalled("web/a.json", Rendered(kAudit))) << node_.agent().LogSoFar();
  EXPECT_TRUE(std::filesystem::is_empty(node_.Outside("elsewhere")));
}

}  // namespace
}  // namespace seccompd::e2e
