// SPDX-License-Identifier: Apache-2.0
#include "common/procfs/stat.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace seccompd::procfs {
namespace {

constexpr std::string_view kTail =
    " R 6273 6273 4002 0 -1 4194304 101 0 0 0 0 0 0 0 20 0 1 0 129188 3133440 396 "
    "18446744073709551615 "
    "1 2 3 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 4 5 6 7 8 9 0\n";

std::string WithComm(std::string_view comm) {
  return "6285 (" + std::string(comm) + ")" + std::string(kTail);
}

TEST(ParseStat, ReadsARealFile) {
  const auto stat = ParseStat(WithComm("cat"));
  ASSERT_TRUE(stat);
  EXPECT_EQ(*stat,
            (Stat{.pid = 6285, .comm = "cat", .state = 'R', .ppid = 6273, .start_ticks = 129188}));
  EXPECT_EQ(ParseStartTicks(WithComm("cat")), 129188U);
}

TEST(ParseStat, CommMayHoldAnything) {
  for (const std::string_view comm : {"", "(", ")", ") S 1 (x", "a) Z 1 2 3", ") (", "a\nb", "x)\n",
                                      "1 (2) R 3 4", " ", "\xff\x1b[2J"}) {
    const auto stat = ParseStat(WithComm(comm));
    ASSERT_TRUE(stat) << comm;
    EXPECT_EQ(stat->comm, comm);
    EXPECT_EQ(stat->state, 'R');
    EXPECT_EQ(stat->ppid, 6273);
    EXPECT_EQ(stat->start_ticks, 129188U);
    EXPECT_EQ(ParseStartTicks(WithComm(comm)), 129188U);
  }
}

TEST(ParseStat, StartTimeMayUse64Bits) {
  std::string text = WithComm("a");
  text.replace(text.find("129188"), 6, "18446744073709551615");
  EXPECT_EQ(ParseStartTicks(text), 18446744073709551615U);
  text.replace(text.find("18446744073709551615"), 20, "18446744073709551616");
  EXPECT_EQ(ParseStartTicks(text), std::nullopt);
  EXPECT_FALSE(ParseStat(text));
}

TEST(ParseStat, OtherFormsAreErrors) {
  for (const std::string_view text :
       {"", "1", "1 (", "1 (a", "1 (a)", "1 (a) ", "1 (a) R", "1 (a) R 2", "1 ) R 2 3", "(a) R 1 2",
        "x (a) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22\n",
        "-1 (a) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22\n",
        "1 (a) RR 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22\n",
        "1 (a) R -1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22\n",
        "1 (a)  1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22\n",
        "1 (a) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x 20\n"}) {
    const auto stat = ParseStat(text);
    ASSERT_FALSE(stat) << text;
    EXPECT_EQ(stat.error().code, base::ErrorCode::kCorrupt);
  }
}

TEST(ParseStat, AFieldCutAtTheEndIsAnError) {
  const std::string text = WithComm("a");
  const std::size_t cut = text.find("129188") + 3;
  EXPECT_FALSE(ParseStat(text.substr(0, cut)));
  EXPECT_EQ(ParseStartTicks(text.substr(0, cut)), std::nullopt);
}

}  // namespace
}  // namespace seccompd::procfs
