// SPDX-License-Identifier: Apache-2.0
#include "common/audit/staleness.h"

#include <gtest/gtest.h>

#include "tests/unit/audit/builders.h"

namespace seccompd::audit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kWindow(10);

RevisionRead Read(std::vector<Revision> revisions, milliseconds container_age) {
  return WhichRevision(
      {.state = ProfileState::kInstalled, .on_disk = true, .revisions = std::move(revisions)},
      Now() - container_age, kWindow);
}

TEST(WhichRevision, YoungerThanTheInstallIsCurrent) {
  const std::vector<Revision> revisions = {MakeRevision(1, seconds(300), "a"),
                                           MakeRevision(2, seconds(100), "b")};
  EXPECT_EQ(Read(revisions, seconds(50)), (RevisionRead{Currency::kCurrent, 2}));
}

TEST(WhichRevision, OlderThanTheInstallIsStaleWithTheRevisionItRead) {
  const std::vector<Revision> revisions = {MakeRevision(1, seconds(300), "a"),
                                           MakeRevision(2, seconds(200), "b"),
                                           MakeRevision(3, seconds(100), "c")};
  EXPECT_EQ(Read(revisions, seconds(150)), (RevisionRead{Currency::kStale, 2}));
  EXPECT_EQ(Read(revisions, seconds(250)), (RevisionRead{Currency::kStale, 1}));
}

TEST(WhichRevision, TenSecondsAroundAnInstallAreARace) {
  const std::vector<Revision> revisions = {MakeRevision(1, seconds(300), "a"),
                                           MakeRevision(2, seconds(100), "b")};
  EXPECT_EQ(Read(revisions, milliseconds(110'000)), (RevisionRead{Currency::kStale, 1}));
  EXPECT_EQ(Read(revisions, milliseconds(109'999)).currency, Currency::kRace);
  EXPECT_EQ(Read(revisions, seconds(100)).currency, Currency::kRace);
  EXPECT_EQ(Read(revisions, milliseconds(90'001)).currency, Currency::kRace);
  EXPECT_EQ(Read(revisions, milliseconds(90'000)), (RevisionRead{Currency::kCurrent, 2}));
}

TEST(WhichRevision, FirstRevisionHasNoRaceForNothingCouldStartBefore) {
  const std::vector<Revision> revisions = {MakeRevision(1, seconds(100), "a")};
  EXPECT_EQ(Read(revisions, seconds(105)), (RevisionRead{Currency::kCurrent, 1}));
  EXPECT_EQ(Read(revisions, seconds(95)), (RevisionRead{Currency::kCurrent, 1}));
}

TEST(WhichRevision, OlderThanTheFirstRevisionIsBeforeTheLedger) {
  EXPECT_EQ(Read({MakeRevision(1, seconds(100), "a")}, seconds(111)).currency,
            Currency::kBeforeLedger);
  EXPECT_EQ(
      Read({MakeRevision(1, seconds(100), "a"), MakeRevision(2, seconds(50), "b")}, seconds(111))
          .currency,
      Currency::kBeforeLedger);
}

TEST(WhichRevision, ForgottenRevisionsAreStaleWithoutANumber) {
  const std::vector<Revision> revisions = {MakeRevision(4, seconds(300), "d"),
                                           MakeRevision(5, seconds(100), "e")};
  EXPECT_EQ(Read(revisions, seconds(500)), (RevisionRead{Currency::kStale, std::nullopt}));
  EXPECT_EQ(Read({MakeRevision(5, seconds(100), "e")}, seconds(105)).currency, Currency::kRace);
  EXPECT_EQ(Read({MakeRevision(5, seconds(100), "e")}, seconds(95)).currency, Currency::kRace);
}

TEST(WhichRevision, RollbackMakesTheOldContainersCurrentAgain) {
  const std::vector<Revision> revisions = {MakeRevision(1, seconds(300), "a"),
                                           MakeRevision(2, seconds(200), "b"),
                                           MakeRevision(3, seconds(100), "a")};
  EXPECT_EQ(Read(revisions, seconds(250)), (RevisionRead{Currency::kCurrent, 3}));
  EXPECT_EQ(Read(revisions, seconds(150)), (RevisionRead{Currency::kStale, 2}));
}

TEST(WhichRevision, OtherBytesOfTheSameMeaningAreNoNewRevision) {
  std::vector<Revision> revisions = {MakeRevision(1, seconds(300), "a"),
                                     MakeRevision(1, seconds(100), "a")};
  revisions[1].digest = base::Sha256("a comment more");
  EXPECT_EQ(Read(revisions, seconds(200)).currency, Currency::kCurrent);
}

TEST(WhichRevision, QuickUpdatesInARowAreStaleOrRaceNeverCurrent) {
  const std::vector<Revision> revisions = {MakeRevision(1, seconds(100), "a"),
                                           MakeRevision(2, seconds(98), "b"),
                                           MakeRevision(3, seconds(96), "c")};
  EXPECT_EQ(Read(revisions, seconds(97)).currency, Currency::kRace);
  EXPECT_EQ(Read(revisions, seconds(107)), (RevisionRead{Currency::kStale, std::nullopt}));
  EXPECT_EQ(Read(revisions, seconds(80)).currency, Currency::kCurrent);
}

TEST(WhichRevision, NoRevisionsAreUntracked) {
  EXPECT_EQ(Read({}, seconds(5)).currency, Currency::kUntracked);
}

}  // namespace
}  // namespace seccompd::audit
