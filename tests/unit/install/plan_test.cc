// SPDX-License-Identifier: Apache-2.0
#include "common/install/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/install/desired_literals.h"

namespace seccompd::install {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

using Kind = DiskState::Kind;
constexpr const char* kPath = "web/a.json";

// The world before a plan; the fields that a case does not name are harmless.
struct World {
  Desired desired = Wanted({});
  LedgerState ledger;
  DiskStates disk;
  References references = Refers();
  std::map<std::string, int, std::less<>> repairs;
  std::int64_t now = 1'000;
  std::uint64_t boot = 0;
  std::chrono::seconds since_boot{0};
  PlanOptions options;

  World& Want(DesiredFile file) {
    desired.files.push_back(std::move(file));
    std::sort(desired.files.begin(), desired.files.end(),
              [](const auto& a, const auto& b) { return a.claim.path < b.claim.path; });
    return *this;
  }
  World& Own(OwnedPath owned, const std::string& path = kPath) {
    ledger.paths[path] = std::move(owned);
    return *this;
  }
  World& On(DiskState state, const std::string& path = kPath) {
    disk[path] = std::move(state);
    return *this;
  }
  [[nodiscard]] base::Moment Now() const {
    base::Moment moment = At(now);
    moment.boot = boot;
    moment.since_boot = since_boot;
    return moment;
  }
  [[nodiscard]] Plan Run() const {
    return MakePlan({.desired = desired,
                     .ledger = ledger,
                     .disk = disk,
                     .references = references,
                     .recent_repairs = repairs,
                     .now = Now(),
                     .options = options});
  }
  // "install web/a.json r1" or "repair/mode ..." per step.
  [[nodiscard]] std::vector<std::string> Steps() const {
    std::vector<std::string> steps;
    for (const Step& step : Run().steps) {
      std::string text(StepKindName(step.kind));
      if (step.drift) text += "/" + std::string(DriftKindName(*step.drift));
      if (step.path != kPath) text += " " + step.path;
      if (step.revision) text += " r" + std::to_string(step.revision->number);
      steps.push_back(text);
    }
    return steps;
  }
  [[nodiscard]] ProfileState State() const { return Run().rows.at(0).state; }
};

OwnedPath Pending(OwnedPath owned, Revision revision) {
  owned.pending = revision;
  return owned;
}
OwnedPath OrphanedAt(std::int64_t seconds) {
  OwnedPath owned = Owned({Rev(1, "one")});
  owned.orphaned = At(seconds);
  return owned;
}

TEST(MakePlan, NothingIsNothing) {
  const Plan plan = World{}.Run();
  EXPECT_THAT(plan.steps, IsEmpty());
  EXPECT_THAT(plan.rows, IsEmpty());
}

TEST(MakePlan, AnAbsentProfileIsInstalled) {
  const World world = World{}.Want(Want(kPath, "one")).On({});
  EXPECT_THAT(world.Steps(), ElementsAre("install r1"));
  EXPECT_EQ(world.State(), ProfileState::kPending);
}

TEST(MakePlan, WhatStandsAsWantedNeedsNothing) {
  const World world =
      World{}.Want(Want(kPath, "one")).Own(Owned({Rev(3, "one", 7)})).On(Regular("one"));
  const Plan plan = world.Run();
  EXPECT_THAT(plan.steps, IsEmpty());
  ASSERT_THAT(plan.rows, SizeIs(1));
  EXPECT_EQ(plan.rows[0].state, ProfileState::kInstalled);
  EXPECT_EQ(plan.rows[0].revision, 3U);
  EXPECT_EQ(plan.rows[0].since, At(7));
}

TEST(MakePlan, AnotherTextIsTheNextRevision) {
  const World world =
      World{}.Want(Want(kPath, "two")).Own(Owned({Rev(3, "one")})).On(Regular("one"));
  EXPECT_THAT(world.Steps(), ElementsAre("update r4"));
  EXPECT_THAT(world.Run().drift, IsEmpty());
}

TEST(MakePlan, OtherBytesOfTheSameMeaningKeepTheRevision) {
  DesiredFile file = Want(kPath, "two");
  file.prepared.meaning = Rev(3, "one").meaning;
  const World world = World{}.Want(file).Own(Owned({Rev(3, "one")})).On(Regular("one"));
  EXPECT_THAT(world.Steps(), ElementsAre("update r3"));
}

TEST(MakePlan, AnInvalidUpdateLeavesTheLastGoodInForceAndRepairsIt) {
  World world = World{}.Want(Want(kPath, "")).Own(Owned({Rev(3, "one")})).On(Regular("one"));
  EXPECT_THAT(world.Steps(), IsEmpty());
  EXPECT_EQ(world.State(), ProfileState::kInvalid);
  EXPECT_EQ(world.Run().rows[0].revision, 3U);
  EXPECT_THAT(world.Run().rows[0].note, HasSubstr("E0101"));
  world.On(Regular("tampered"));
  EXPECT_THAT(world.Steps(), ElementsAre("repair/content r3"));
  EXPECT_FALSE(world.Run().steps[0].desired_bytes);
}

TEST(MakePlan, AnInvalidProfileThatNeverStoodInstallsNothing) {
  const World world = World{}.Want(Want(kPath, "")).On({});
  EXPECT_THAT(world.Steps(), IsEmpty());
  EXPECT_EQ(world.State(), ProfileState::kInvalid);
}

TEST(MakePlan, EveryKindOfDriftIsRepaired) {
  struct Case {
    DiskState disk;
    const char* step;
  };
  for (const Case& c :
       {Case{{}, "repair/missing r1"}, Case{Regular("x"), "repair/content r1"},
        Case{Regular("one", 0600), "repair/mode r1"}, Case{Regular("one", 04644), "repair/mode r1"},
        Case{Of(Kind::kSymlink), "repair/symlink r1"},
        Case{Of(Kind::kOther), "repair/content r1"}}) {
    const World world = World{}.Want(Want(kPath, "one")).Own(Owned({Rev(1, "one")})).On(c.disk);
    EXPECT_THAT(world.Steps(), ElementsAre(c.step));
    EXPECT_THAT(world.Run().drift, SizeIs(1));
  }
}

TEST(MakePlan, AnUpdateOverADriftedFileCountsTheDrift) {
  const World world = World{}.Want(Want(kPath, "two")).Own(Owned({Rev(1, "one")})).On(Regular("x"));
  EXPECT_THAT(world.Steps(), ElementsAre("update/content r2"));
}

TEST(MakePlan, WhatCannotBeLookedAtIsNoDrift) {
  const World world =
      World{}.Want(Want(kPath, "one")).Own(Owned({Rev(1, "one")})).On(Of(Kind::kUnreadable));
  EXPECT_THAT(world.Steps(), IsEmpty());
  EXPECT_THAT(world.Run().drift, IsEmpty());
}

TEST(MakePlan, ADirectoryAtOurPathIsReportedNotRemoved) {
  const World world =
      World{}.Want(Want(kPath, "one")).Own(Owned({Rev(1, "one")})).On(Of(Kind::kDirectory));
  EXPECT_THAT(world.Steps(), IsEmpty());
  EXPECT_EQ(world.State(), ProfileState::kForeign);
  EXPECT_THAT(world.Run().drift, SizeIs(1));
}

TEST(MakePlan, ALinkInPlaceOfADirectoryIsRemovedOnlyWhereWeMadeIt) {
  DiskState blocked = Of(Kind::kBlocked);
  blocked.blocked_at = "web";
  blocked.blocked_by_link = true;
  blocked.note = "'web' is a symbolic link: remove it";
  World world = World{}.Want(Want(kPath, "one")).Own(Owned({Rev(1, "one")})).On(blocked);
  EXPECT_THAT(world.Steps(), IsEmpty());
  EXPECT_EQ(world.State(), ProfileState::kForeign);
  world.ledger.directories.insert("web");
  EXPECT_THAT(world.Steps(), ElementsAre("repair/symlink r1"));
}

TEST(MakePlan, AForeignFileIsLeftAlone) {
  for (const Kind kind : {Kind::kSymlink, Kind::kDirectory, Kind::kOther, Kind::kBlocked}) {
    DiskState disk = Of(kind);
    disk.note = "in the way";
    DesiredFile file = Want(kPath, "one");
    file.claim.adopt_replace = true;
    const World world = World{}.Want(file).On(disk);
    EXPECT_THAT(world.Steps(), IsEmpty());
    EXPECT_EQ(world.State(), ProfileState::kForeign);
  }
  const World world = World{}.Want(Want(kPath, "one")).On(Regular("theirs"));
  EXPECT_THAT(world.Steps(), IsEmpty());
  EXPECT_EQ(world.State(), ProfileState::kForeign);
  EXPECT_THAT(world.Run().rows[0].note, HasSubstr("seccompd.io/adopt: replace"));
}

TEST(MakePlan, AForeignFileOfTheSameBytesIsAdopted) {
  const World world = World{}.Want(Want(kPath, "one")).On(Regular("one", 0600));
  EXPECT_THAT(world.Steps(), ElementsAre("adopt r1"));
}

TEST(MakePlan, AForeignFileIsReplacedWhereAskedOrWhereItMeansTheSame) {
  DesiredFile file = Want(kPath, "one");
  file.claim.adopt_replace = true;
  EXPECT_THAT(World{}.Want(file).On(Regular("theirs")).Steps(), ElementsAre("replace-foreign r1"));
  DiskState same = Regular("one but in other words");
  same.same_meaning = true;
  EXPECT_THAT(World{}.Want(Want(kPath, "one")).On(same).Steps(), ElementsAre("replace-foreign r1"));
}

TEST(MakePlan, AnAnnouncedFileIsSettledByWhatStandsThere) {
  struct Case {
    const char* name;
    OwnedPath owned;
    DiskState disk;
    std::vector<std::string> steps;
  };
  const OwnedPath fresh = Pending(Owned({}), Rev(1, "one"));
  const OwnedPath update = Pending(Owned({Rev(1, "zero")}), Rev(2, "one"));
  for (const Case& c : std::vector<Case>{
           {"placed, not recorded", fresh, Regular("one"), {"complete r1"}},
           {"not placed", fresh, {}, {"install r1"}},
           {"somebody else came", fresh, Regular("theirs"), {"cancel"}},
           {"somebody else's link", fresh, Of(Kind::kSymlink), {"cancel"}},
           {"update placed", update, Regular("one"), {"complete r2"}},
           {"update not placed", update, Regular("zero"), {"update r2"}},
           {"update not placed, tampered", update, Regular("x"), {"update/content r2"}},
           {"unreadable", fresh, Of(Kind::kUnreadable), {}}}) {
    World world = World{}.Want(Want(kPath, "one")).Own(c.owned).On(c.disk);
    if (c.disk.kind == Kind::kUnreadable) world.disk[kPath].note = "EIO";
    EXPECT_EQ(world.Steps(), c.steps) << c.name;
  }
}

TEST(MakePlan, AnAnnouncementThatIsWantedNoMoreIsCancelled) {
  const OwnedPath owned = Pending(Owned({Rev(1, "one")}), Rev(2, "two"));
  EXPECT_THAT(World{}.Want(Want(kPath, "one")).Own(owned).On(Regular("one")).Steps(),
              ElementsAre("cancel"));
  EXPECT_THAT(World{}.Want(Want(kPath, "three")).Own(owned).On(Regular("one")).Steps(),
              ElementsAre("cancel", "update r2"));
}

TEST(MakePlan, APlacedFileOfAnOlderAnnouncementIsCompletedThenUpdated) {
  const OwnedPath owned = Pending(Owned({Rev(1, "one")}), Rev(2, "two"));
  EXPECT_THAT(World{}.Want(Want(kPath, "three")).Own(owned).On(Regular("two")).Steps(),
              ElementsAre("complete r2", "update r3"));
}

TEST(MakePlan, ARemovedKeyIsOrphanedAndKeptForTheGrace) {
  World world = World{}.Own(Owned({Rev(1, "one")})).On(Regular("one"));
  world.desired.removal_confirmed = true;
  EXPECT_THAT(world.Steps(), ElementsAre("orphan"));
  EXPECT_EQ(world.State(), ProfileState::kOrphaned);
  EXPECT_EQ(world.Run().next_due, At(1'000 + 168 * 3600));
}

TEST(MakePlan, AnOrphanIsRemovedOnlyWhenNothingSpeaksForIt) {
  struct Case {
    const char* name;
    std::int64_t orphaned;
    References references;
    bool complete;
    std::vector<std::string> steps;
  };
  const std::int64_t long_ago = 1'000 - 168 * 3600;
  for (const Case& c : std::vector<Case>{{"grace over", long_ago, Refers(), true, {"remove"}},
                                         {"grace not over", long_ago + 1, Refers(), true, {}},
                                         {"in use", long_ago, Refers({kPath}), true, {}},
                                         {"no pod source", long_ago, {}, true, {}},
                                         {"source away", long_ago, Refers(), false, {}},
                                         {"clock was set back", 5'000, Refers(), true, {}}}) {
    World world = World{}.Own(OrphanedAt(c.orphaned)).On(Regular("one"));
    world.references = c.references;
    world.desired.complete = c.complete;
    EXPECT_EQ(world.Steps(), c.steps) << c.name;
    EXPECT_EQ(world.State(), ProfileState::kOrphaned) << c.name;
  }
}

TEST(MakePlan, AGraceIsAsLongAsItIsWhateverTheClockIsSetTo) {
  World world = World{}.On(Regular("one"));
  world.boot = 7;
  world.since_boot = std::chrono::hours(1);
  OwnedPath owned = OrphanedAt(0);
  owned.orphaned = world.Now();
  world.Own(owned);
  const std::int64_t grace = 168 * 3600;
  for (const std::int64_t off : {0, 1'000'000, -1'000}) {
    world.since_boot = std::chrono::hours(1) + std::chrono::seconds(grace - 1);
    world.now = 1'000 + grace - 1 + off;
    EXPECT_THAT(world.Steps(), IsEmpty()) << off;
    EXPECT_EQ(world.Run().next_due, At(world.now + 1)) << off;
    world.since_boot += std::chrono::seconds(1);
    world.now += 1;
    EXPECT_THAT(world.Steps(), ElementsAre("remove")) << off;
  }
  // Of an earlier boot only the wall clock is left, and it was not after the present one's begin.
  world.boot = 8;
  world.since_boot = std::chrono::seconds(grace - 1);
  world.now = 500 + grace - 1;
  EXPECT_THAT(world.Steps(), IsEmpty());
  world.since_boot += std::chrono::seconds(1);
  world.now += 1;
  EXPECT_THAT(world.Steps(), ElementsAre("remove"));
}

TEST(MakePlan, GraceZeroRevokesAtOnceButNotWhileInUse) {
  World world = World{}.Own(Owned({Rev(1, "one")})).On(Regular("one"));
  world.desired.removal_confirmed = true;
  world.options.delete_grace = std::chrono::milliseconds(0);
  EXPECT_THAT(world.Steps(), ElementsAre("orphan", "remove"));
  world.references = Refers({kPath});
  EXPECT_THAT(world.Steps(), ElementsAre("orphan"));
  world.references = {};
  EXPECT_THAT(world.Steps(), ElementsAre("orphan"));
}

TEST(MakePlan, GraceZeroRevokesAtOnceThoughTheClockWasSetBack) {
  World world = World{}.Own(OrphanedAt(5'000)).On(Regular("one"));
  EXPECT_THAT(world.Steps(), IsEmpty());
  world.options.delete_grace = std::chrono::milliseconds(0);
  EXPECT_THAT(world.Steps(), ElementsAre("remove"));
}

// A kill came between the unlink and its note, and the profile is wanted again.
TEST(MakePlan, AFinishedRemovalThatIsWantedAgainIsAnInstallAndNoDrift) {
  OwnedPath owned = OrphanedAt(0);
  owned.removing = FileIdentity{1, 42};
  const World world = World{}.Want(Want(kPath, "one")).Own(owned).On(Of(Kind::kAbsent));
  EXPECT_THAT(world.Steps(), ElementsAre("release", "install r1"));
  EXPECT_THAT(world.Run().drift, IsEmpty());
}

TEST(MakePlan, AnOrphanThatIsTamperedWithIsRepairedFirst) {
  const World world = World{}.Own(OrphanedAt(-1'000'000)).On(Regular("x"));
  EXPECT_THAT(world.Steps(), ElementsAre("repair/content r1"));
}

TEST(MakePlan, AnOrphanThatIsWantedAgainIsClaimed) {
  const World world = World{}.Want(Want(kPath, "one")).Own(OrphanedAt(0)).On(Regular("one"));
  EXPECT_THAT(world.Steps(), ElementsAre("claim"));
}

TEST(MakePlan, AnInterruptedRemovalIsSettledByTheFileThatStandsThere) {
  OwnedPath owned = OrphanedAt(-1'000'000);
  owned.removing = FileIdentity{1, 42};
  EXPECT_THAT(World{}.Own(owned).On({}).Steps(), ElementsAre("release"));
  EXPECT_THAT(World{}.Own(owned).On(Regular("one")).Steps(), ElementsAre("remove"));
  DiskState other = Regular("one");
  other.file = {1, 43};
  EXPECT_THAT(World{}.Own(owned).On(other).Steps(), ElementsAre("release"));
  EXPECT_THAT(World{}.Own(owned).On(Of(Kind::kUnreadable)).Steps(), IsEmpty());
}

TEST(MakePlan, AnAnnouncedInstallThatNobodyWantsIsDropped) {
  const OwnedPath owned = Pending(Owned({}), Rev(1, "one"));
  EXPECT_THAT(World{}.Own(owned).On({}).Steps(), ElementsAre("release"));
  EXPECT_THAT(World{}.Own(owned).On(Regular("theirs")).Steps(), ElementsAre("cancel"));
}

TEST(MakePlan, NothingIsOrphanedWhileASourceIsAway) {
  World world = World{}.Own(Owned({Rev(1, "one")})).On(Regular("one"));
  world.desired.complete = false;
  world.desired.removal_confirmed = true;
  EXPECT_THAT(world.Steps(), IsEmpty());
  EXPECT_EQ(world.State(), ProfileState::kInstalled);
  world.On(Regular("x"));
  EXPECT_THAT(world.Steps(), ElementsAre("repair/content r1"));
}

TEST(MakePlan, AConfigMapWhosePathsCannotBeToldKeepsWhatItHas) {
  World world = World{}.Own(Owned({Rev(1, "one")}, "ns/web")).On(Regular("one"));
  world.desired.removal_confirmed = true;
  world.desired.held_owners.insert("ns/web");
  EXPECT_THAT(world.Steps(), IsEmpty());
}

TEST(MakePlan, ANamespaceThatCannotBeReadKeepsItsProfilesAndOnlyItsOwn) {
  World world = World{}
                    .Own(Owned({Rev(1, "one")}, "away/web"), "a")
                    .On(Regular("one"), "a")
                    .Own(Owned({Rev(1, "one")}, "here/web"), "b")
                    .On(Regular("one"), "b");
  world.desired.held_namespaces.insert("away");
  EXPECT_THAT(world.Steps(), ElementsAre("orphan b"));  // one of one is no mass removal of both
  world.Own(OrphanedAt(-1'000'000), "c").On(Regular("one"), "c");
  world.desired.held_namespaces.insert("ns");
  EXPECT_THAT(world.Steps(), ElementsAre("orphan b"));
}

TEST(MakePlan, APathOfAnUnreadableNamespaceIsNotGivenToAnother) {
  World world = World{}
                    .Want(Want(kPath, "theirs", "team/web"))
                    .Own(Owned({Rev(1, "one")}, "trusted/web"))
                    .On(Regular("one"));
  world.desired.held_namespaces.insert("trusted");
  EXPECT_THAT(world.Steps(), IsEmpty());
  EXPECT_EQ(world.State(), ProfileState::kInstalled);
  world.On(Regular("x"));
  EXPECT_THAT(world.Steps(), ElementsAre("repair/content r1"));
  world.desired.held_namespaces.clear();
  EXPECT_THAT(world.Steps(), ElementsAre("claim", "update/content r2"));
}

TEST(MakePlan, AMassRemovalWaitsForConfirmation) {
  World world;
  for (const char* path : {"a", "b", "c"})
    world.Own(Owned({Rev(1, "x")}), path).On(Regular("x"), path);
  EXPECT_THAT(world.Steps(), IsEmpty());
  EXPECT_EQ(world.Run().held_removals, 3U);
  world.desired.removal_confirmed = true;
  EXPECT_THAT(world.Steps(), ElementsAre("orphan a", "orphan b", "orphan c"));
  EXPECT_EQ(world.Run().held_removals, 0U);
}

TEST(IsMassRemoval, IsAllOrMoreThanHalfOfMany) {
  EXPECT_FALSE(IsMassRemoval(10, 0));
  EXPECT_TRUE(IsMassRemoval(1, 1));
  EXPECT_FALSE(IsMassRemoval(2, 1));
  EXPECT_FALSE(IsMassRemoval(6, 4));
  EXPECT_TRUE(IsMassRemoval(9, 5));
  EXPECT_FALSE(IsMassRemoval(10, 5));
}

TEST(MakePlan, APathRepairedTooOftenIsContestedAndLeft) {
  World world = World{}.Want(Want(kPath, "one")).Own(Owned({Rev(1, "one")})).On(Regular("x"));
  world.repairs[kPath] = 5;
  EXPECT_THAT(world.Steps(), ElementsAre("repair/content r1"));
  world.repairs[kPath] = 6;
  EXPECT_THAT(world.Steps(), IsEmpty());
  EXPECT_EQ(world.State(), ProfileState::kContested);
  world.On(Regular("one"));
  EXPECT_EQ(world.State(), ProfileState::kContested);  // the alarm stays
  world.options.contested_after = 0;
  world.On(Regular("x"));
  EXPECT_THAT(world.Steps(), ElementsAre("repair/content r1"));
}

TEST(MakePlan, AContestedPathStillTakesANewText) {
  World world = World{}.Want(Want(kPath, "two")).Own(Owned({Rev(1, "one")})).On(Regular("x"));
  world.repairs[kPath] = 6;
  EXPECT_THAT(world.Steps(), ElementsAre("update/content r2"));
}

TEST(MakePlan, TheShadowedHaveARowBesideTheWinner) {
  World world = World{}.Want(Want(kPath, "one")).Own(Owned({Rev(1, "one")})).On(Regular("one"));
  world.desired.remarks.push_back({Remark::Kind::kShadowed, kPath, "ConfigMap b", "a has it"});
  world.desired.remarks.push_back({Remark::Kind::kIgnoredKey, "", "ConfigMap b key x", "no"});
  const Plan plan = world.Run();
  ASSERT_THAT(plan.rows, SizeIs(2));
  EXPECT_EQ(plan.rows[0].state, ProfileState::kInstalled);
  EXPECT_EQ(plan.rows[1].state, ProfileState::kShadowed);
}

TEST(MakePlan, UseIsShown) {
  World world = World{}.Want(Want(kPath, "one")).Own(Owned({Rev(1, "one")})).On(Regular("one"));
  EXPECT_FALSE(world.Run().rows[0].used);
  world.references = Refers({kPath});
  EXPECT_TRUE(world.Run().rows[0].used);
}

TEST(MakePlan, RemovalsComeLast) {
  World world = World{}
                    .Own(OrphanedAt(-1'000'000), "a")
                    .On(Regular("one"), "a")
                    .Want(Want("b", "new"))
                    .On({}, "b")
                    .Own(Owned({Rev(1, "c")}), "c")
                    .Want(Want("c", "c"))
                    .On(Regular("c"), "c");
  EXPECT_THAT(world.Steps(), ElementsAre("install b r1", "remove a"));
}

}  // namespace
}  // namespace seccompd::install
