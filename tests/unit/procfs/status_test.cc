// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace seccompd::procfs {
namespace {

using ::testing::HasSubstr;

// The lines of a real file (Linux 6.18), shortened where nothing is read.
constexpr std::string_view kSleep =
    "Name:\tsleep\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t12\nNgid:\t0\nPid:\t12\nPPid:\t7\n"
    "TracerPid:\t0\nUid:\t0\t0\t0\t0\nGroups:\t0 1 2 \nNStgid:\t12\t3\nNSpid:\t12\t3\nKthread:\t0\n"
    "VmPeak:\t    3060 kB\nCoreDumping:\t0\nTHP_enabled:\t1\nThreads:\t4\nSigQ:\t0/96365\n"
    "CapEff:\t000001fffeffffff\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n"
    "Speculation_Store_Bypass:\tvulnerable\nCpus_allowed:\t3\nnonvoluntary_ctxt_switches:\t0\n";

std::string Replaced(std::string_view what, std::string_view by) {
  std::string text(kSleep);
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

TEST(ParseStatus, ReadsARealFile) {
  const auto status = ParseStatus(kSleep);
  ASSERT_TRUE(status);
  EXPECT_EQ(*status, (Status{.comm = "sleep",
                             .state = 'S',
                             .tgid = 12,
                             .pid = 12,
                             .ppid = 7,
                             .threads = 4,
                             .seccomp = {.mode = 2, .filters = 3, .no_new_privs = true}}));
}

TEST(ParseStatus, FieldsMayComeInAnyOrder) {
  const auto status = ParseStatus(
      "Seccomp:\t1\nNoNewPrivs:\t0\nThreads:\t1\nPPid:\t0\nNewField:\tx\n\nno "
      "colon\nPid:\t1\nTgid:\t1\n"
      "State:\tZ (zombie)\nName:\tinit\n");
  ASSERT_TRUE(status);
  EXPECT_EQ(*status, (Status{.comm = "init",
                             .state = 'Z',
                             .tgid = 1,
                             .pid = 1,
                             .ppid = 0,
                             .threads = 1,
                             .seccomp = {.mode = 1, .filters = {}, .no_new_privs = false}}));
}

TEST(ParseStatus, FilterCountIsUnknownBeforeLinux59) {
  const auto status = ParseStatus(Replaced("Seccomp_filters:\t3\n", ""));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->seccomp.filters, std::nullopt);
}

TEST(ParseStatus, DeadModeCountsAsFiltered) {
  const auto status = ParseStatus(Replaced("Seccomp:\t2", "Seccomp:\t3"));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->seccomp.mode, 2);
}

TEST(ParseStatus, NameCannotFakeALine) {
  const auto status = ParseStatus(Replaced("Name:\tsleep", "Name:\ta\\nSeccomp:\t0\\\\n"));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->comm, "a\nSeccomp:\t0\\n");
  EXPECT_EQ(status->seccomp.mode, 2);
}

TEST(ParseStatus, NameMayBeEmptyOrEndInABackslash) {
  EXPECT_EQ(ParseStatus(Replaced("Name:\tsleep", "Name:\t"))->comm, "");
  EXPECT_EQ(ParseStatus(Replaced("Name:\tsleep", "Name:\ta\\"))->comm, "a\\");
  EXPECT_EQ(ParseStatus(Replaced("Name:\tsleep", "Name:\ta\\t"))->comm, "a\\t");
}

struct BadCase {
  std::string_view what;
  std::string_view by;
  std::string_view message;
};

TEST(ParseStatus, DamagedFieldsAreErrorsThatNameThem) {
  for (const BadCase& bad : {
           BadCase{"Tgid:\t12", "Tgid:\t-12", "Tgid has a value out of range"},
           BadCase{"PPid:\t7", "PPid:\t7 ", "PPid has a value out of range"},
           BadCase{"\nPid:\t12", "\nPid:\t99999999999", "Pid has a value out of range"},
           BadCase{"Threads:\t4", "Threads:\t", "Threads has a value out of range"},
           BadCase{"State:\tS (", "State:\tSS (", "State has a value out of range"},
           BadCase{"State:\tS (sleeping)", "State:\t", "State has a value out of range"},
           BadCase{"State:\tS", "State:\t1", "State has a value out of range"},
           BadCase{"NoNewPrivs:\t1", "NoNewPrivs:\t2", "NoNewPrivs has a value out of range"},
           BadCase{"Seccomp:\t2", "Seccomp:\t4", "Seccomp has a value out of range"},
           BadCase{"Seccomp:\t2", "Seccomp:\t2x", "Seccomp has a value out of range"},
           BadCase{"Seccomp:\t2", "Seccomp:\t-1", "Seccomp has a value out of range"},
           BadCase{"Seccomp_filters:\t3", "Seccomp_filters:\t-1", "Seccomp_filters has a value"},
           BadCase{"Seccomp:\t2\n", "", "Seccomp is missing"},
           BadCase{"Seccomp:\t2\n", "Seccomp: 2\n", "Seccomp is missing"},
           BadCase{"Name:\tsleep\n", "", "Name is missing"},
           BadCase{"Seccomp:\t2\n", "Seccomp:\t2\nSeccomp:\t0\n", "Seccomp is repeated"},
           BadCase{"switches:\t0\n", "switches:\t0", "text is cut off in a line"},
       }) {
    const auto status = ParseStatus(Replaced(bad.what, bad.by));
    ASSERT_FALSE(status) << bad.by;
    EXPECT_EQ(status.error().code, base::ErrorCode::kCorrupt);
    EXPECT_THAT(status.error().message, HasSubstr(bad.message));
  }
}

TEST(ParseStatus, EveryCutIsAnErrorUntilTheLastNeededLine) {
  const std::size_t needed = kSleep.find("Seccomp_filters:");
  for (std::size_t size = 0; size < needed; ++size) {
    EXPECT_FALSE(ParseStatus(kSleep.substr(0, size))) << size;
  }
}

}  // namespace
}  // namespace seccompd::procfs
