// SPDX-License-Identifier: Apache-2.0
#include "common/install/installer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>

#include "tests/support/matchers.h"
#include "tests/unit/install/install_world.h"

namespace seccompd::install {
namespace {

using base::ErrorCode;
using test_support::IsError;
using test_support::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

class InstallerTest : public ::testing::Test, protected InstallWorld {};
class TamperTest : public ::testing::Test, protected MemoryTemp, protected InstallWorld {};

TEST_F(InstallerTest, InstallsUpdatesAndTellsRevisions) {
  Open();
  Report report = Go(Wanted({Want("web/a.json", "one"), Want("b.json", "bee")}));
  EXPECT_FALSE(report.error);
  EXPECT_FALSE(report.retry);
  EXPECT_EQ(Content("web/a.json"), "one");
  EXPECT_EQ(Content("b.json"), "bee");
  EXPECT_EQ(States(report), "b.json=installed@1 web/a.json=installed@1");
  now_ += 60;
  report = Go(Wanted({Want("web/a.json", "two"), Want("b.json", "bee")}));
  EXPECT_EQ(Content("web/a.json"), "two");
  EXPECT_EQ(States(report), "b.json=installed@1 web/a.json=installed@2");
  EXPECT_THAT(Kinds(report), ElementsAre("update web/a.json"));
  const OwnedPath& owned = installer_->ledger().paths.at("web/a.json");
  ASSERT_THAT(owned.revisions, SizeIs(2));
  EXPECT_EQ(owned.revisions[0].installed, At(now_ - 60));
  EXPECT_EQ(owned.revisions[1].installed, At(now_));
  EXPECT_EQ(installer_->ReadRevision(owned.revisions[0]).value(), "one");
  EXPECT_THAT(Go(Wanted({Want("web/a.json", "two"), Want("b.json", "bee")})).steps, IsEmpty());
}

TEST_F(InstallerTest, ARestartFindsEverythingInPlace) {
  Open();
  Go(Wanted({Want("web/a.json", "one")}));
  Go(Wanted({Want("web/a.json", "two")}));
  const LedgerState before = installer_->ledger();
  Open();
  EXPECT_EQ(installer_->ledger_origin(), LedgerOrigin::kRead);
  EXPECT_EQ(installer_->ledger(), before);
  EXPECT_THAT(Go(Wanted({Want("web/a.json", "two")})).steps, IsEmpty());
}

TEST_F(InstallerTest, AMeaningOfAnotherBuildIsNotTrustedUntilThisOneHasComputedIt) {
  const Desired wanted = Wanted({Want("web/a.json", "one")});
  const base::Digest bytes = wanted.files[0].prepared.digest;
  options_.plan.build = "first";
  Open();
  Go(wanted);
  EXPECT_TRUE(installer_->ledger().MeaningBy("first", bytes));
  options_.plan.build = "second";
  Open();
  EXPECT_FALSE(installer_->ledger().MeaningBy("second", bytes));
  EXPECT_THAT(Go(wanted).steps, IsEmpty());
  Open();  // what was computed is in the file
  EXPECT_TRUE(installer_->ledger().MeaningBy("second", bytes));
  EXPECT_FALSE(installer_->ledger().MeaningBy("first", bytes));
  EXPECT_EQ(
      installer_->ReadRevision(*installer_->ledger().paths.at("web/a.json").InForce()).value(),
      "one");
}

TEST_F(InstallerTest, OnlyOneAgentAtATime) {
  Open();
  EXPECT_THAT(Installer::Open(fs_, Root(), {}),
              IsError(ErrorCode::kUnavailable, HasSubstr("another seccompd")));
}

TEST_F(InstallerTest, LastGoodIsRepairedFromTheLedgerWhileTheSourceIsInvalidOrAway) {
  Open();
  Go(Wanted({Want("web/a.json", "one")}));
  Open();  // nothing but the ledger knows the bytes
  build_.File("web/a.json", "tampered");
  Report report = Go(Wanted({Want("web/a.json", "")}));
  EXPECT_EQ(Content("web/a.json"), "one");
  EXPECT_EQ(States(report), "web/a.json=invalid@1");
  build_.Remove("web");
  Desired away = Wanted({});
  away.complete = false;
  report = Go(away);
  EXPECT_EQ(Content("web/a.json"), "one");
  EXPECT_EQ(States(report), "web/a.json=installed@1");
  EXPECT_EQ(report.drift[static_cast<std::size_t>(DriftKind::kMissing)], 1U);
}

TEST_F(InstallerTest, DriftIsCountedOncePerOccurrence) {
  Open();
  const Desired desired = Wanted({Want("a.json", "one")});
  Go(desired);
  build_.File("a.json", "x");
  EXPECT_EQ(Go(desired).drift, (std::array<std::uint64_t, 4>{1, 0, 0, 0}));
  EXPECT_EQ(Go(desired).drift, (std::array<std::uint64_t, 4>{}));
  ASSERT_EQ(::chmod(dir_.Join("a.json").c_str(), 0600), 0);
  EXPECT_EQ(Go(desired).drift, (std::array<std::uint64_t, 4>{0, 1, 0, 0}));
  ASSERT_EQ(::unlink(dir_.Join("a.json").c_str()), 0);
  EXPECT_EQ(Go(desired).drift, (std::array<std::uint64_t, 4>{0, 0, 1, 0}));
  build_.Remove("a.json").Symlink("a.json", "/etc/passwd");
  EXPECT_EQ(Go(desired).drift, (std::array<std::uint64_t, 4>{0, 0, 0, 1}));
  EXPECT_EQ(Content("a.json"), "one");
  // What cannot be repaired is counted once, not at every look.
  build_.Remove("a.json").Dir("a.json");
  EXPECT_EQ(Go(desired).drift, (std::array<std::uint64_t, 4>{1, 0, 0, 0}));
  EXPECT_EQ(Go(desired).drift, (std::array<std::uint64_t, 4>{}));
}

TEST_F(InstallerTest, AModeIsMendedInPlaceButNotThroughAHardLink) {
  Open();
  const Desired desired = Wanted({Want("a.json", "one")});
  Go(desired);
  struct stat before {};
  struct stat after {};
  ASSERT_EQ(::stat(dir_.Join("a.json").c_str(), &before), 0);
  ASSERT_EQ(::chmod(dir_.Join("a.json").c_str(), 0600), 0);
  Go(desired);
  ASSERT_EQ(::stat(dir_.Join("a.json").c_str(), &after), 0);
  EXPECT_EQ(after.st_mode & 07777, 0644U);
  EXPECT_EQ(after.st_ino, before.st_ino);
  ASSERT_EQ(::link(dir_.Join("a.json").c_str(), dir_.Join("other").c_str()), 0);
  ASSERT_EQ(::chmod(dir_.Join("other").c_str(), 0600), 0);
  Go(desired);
  ASSERT_EQ(::stat(dir_.Join("other").c_str(), &after), 0);
  EXPECT_EQ(after.st_mode & 07777, 0600U);
  ASSERT_EQ(::stat(dir_.Join("a.json").c_str(), &after), 0);
  EXPECT_EQ(after.st_mode & 07777, 0644U);
}

TEST_F(InstallerTest, AForeignFileIsNeverTouchedUnlessEqualOrAsked) {
  build_.File("a.json", "theirs", 0600).File("b.json", "bee", 0600).File("c.json", "old");
  Open();
  DesiredFile replace = Want("c.json", "new");
  replace.claim.adopt_replace = true;
  const Report report = Go(Wanted({Want("a.json", "ours"), Want("b.json", "bee"), replace}));
  EXPECT_EQ(States(report), "a.json=foreign@0 b.json=installed@1 c.json=installed@1");
  EXPECT_EQ(Content("a.json"), "theirs");
  EXPECT_EQ(Mode("a.json"), 0600U);
  EXPECT_EQ(Mode("b.json"), 0644U);
  EXPECT_EQ(Content("c.json"), "new");
  std::string kept;
  for (const auto& entry : std::filesystem::directory_iterator(dir_.Join(".seccompd"))) {
    if (entry.path().filename().string().starts_with("kept-")) kept = entry.path();
  }
  const std::string text = test_support::ReadFile(kept).value_or("");
  EXPECT_TRUE(text.starts_with("# Kept by seccompd: c.json"));
  EXPECT_EQ(text.substr(text.find('\n') + 1), "old");
}

TEST_F(InstallerTest, AForeignFileOfTheSameMeaningIsAdopted) {
  options_.meaning = [](std::string_view) -> std::optional<base::Digest> {
    return base::Sha256("meaning ours");
  };
  build_.File("a.json", "ours in other words");
  Open();
  EXPECT_EQ(States(Go(Wanted({Want("a.json", "ours")}))), "a.json=installed@1");
  EXPECT_EQ(Content("a.json"), "ours");
}

TEST_F(InstallerTest, AForeignFileThatComesAfterTheLookIsNotReplaced) {
  Open();
  fs_.Arm(std::nullopt);
  bool planted = false;
  fs_.OnStep([&](std::size_t) {
    const bool temp_is_there = !planted && std::filesystem::exists(dir_.Join(TempNameNow()));
    if (!temp_is_there) return;
    planted = true;
    build_.File("a.json", "theirs");
  });
  const Report report = Go(Wanted({Want("a.json", "ours")}));
  fs_.OnStep({});
  ASSERT_TRUE(planted);
  EXPECT_EQ(Content("a.json"), "theirs");
  EXPECT_EQ(States(report), "a.json=foreign@0");
  EXPECT_EQ(installer_->ledger().Find("a.json"), nullptr);
}

TEST_F(InstallerTest, RemovedKeysGoWithTheirDirectories) {
  options_.plan.delete_grace = std::chrono::milliseconds(0);
  build_.Dir("theirs");
  Open();
  Go(Wanted({Want("web/deep/a.json", "one"), Want("theirs/b.json", "bee"), Want("c.json", "c")}));
  references_ = Refers({"web/deep/a.json"});
  Report report = Go(Wanted({Want("c.json", "c")}));
  EXPECT_EQ(States(report), "c.json=installed@1 web/deep/a.json=orphaned@1");
  EXPECT_EQ(Content("theirs/b.json"), "<absent>");
  EXPECT_TRUE(std::filesystem::exists(dir_.Join("theirs")));
  references_ = Refers();
  report = Go(Wanted({Want("c.json", "c")}));
  EXPECT_EQ(States(report), "c.json=installed@1");
  EXPECT_FALSE(std::filesystem::exists(dir_.Join("web")));
  EXPECT_THAT(installer_->ledger().directories, IsEmpty());
}

TEST_F(InstallerTest, AnEmptySourceRemovesNothingUntilConfirmed) {
  options_.plan.delete_grace = std::chrono::milliseconds(0);
  Open();
  Go(Wanted({Want("a.json", "one")}));
  Report report = Go(Wanted({}));
  EXPECT_EQ(report.held_removals, 1U);
  EXPECT_EQ(Content("a.json"), "one");
  Desired confirmed = Wanted({});
  confirmed.removal_confirmed = true;
  report = Go(confirmed);
  EXPECT_EQ(report.held_removals, 0U);
  EXPECT_EQ(Content("a.json"), "<absent>");
  EXPECT_THAT(report.rows, IsEmpty());
}

TEST_F(InstallerTest, SymlinksPlantedAtEveryLevelAreNeverFollowed) {
  test_support::TempDir outside;
  test_support::TreeBuilder(outside.path()).Dir("x").File("victim", "safe");
  Open();
  const Desired desired = Wanted({Want("web/deep/a.json", "one")});
  Go(desired);
  const auto check = [&] {
    EXPECT_EQ(Content("web/deep/a.json"), "one");
    EXPECT_EQ(test_support::ReadFile(outside.Join("victim")), "safe");
    EXPECT_TRUE(std::filesystem::is_empty(outside.Join("x")));
  };
  build_.Remove("web/deep/a.json").Symlink("web/deep/a.json", outside.Join("victim"));
  Go(desired);
  check();
  build_.Remove("web/deep").Symlink("web/deep", outside.Join("x"));
  Go(desired);
  check();
  build_.Remove("web").Symlink("web", outside.Join("x"));
  Go(desired);
  check();
}

TEST_F(InstallerTest, ALinkInPlaceOfADirectoryWeDidNotMakeIsReported) {
  test_support::TempDir outside;
  build_.Symlink("web", outside.path());
  Open();
  const Report report = Go(Wanted({Want("web/a.json", "one")}));
  EXPECT_EQ(States(report), "web/a.json=foreign@0");
  EXPECT_TRUE(std::filesystem::is_empty(outside.path()));
}

TEST_F(InstallerTest, AStateDirectoryThatIsALinkIsRefused) {
  test_support::TempDir outside;
  build_.Symlink(".seccompd", outside.path());
  EXPECT_THAT(Installer::Open(fs_, Root(), {}),
              IsError(ErrorCode::kFailedPrecondition, HasSubstr("remove it")));
  EXPECT_TRUE(std::filesystem::is_empty(outside.path()));
}

TEST_F(InstallerTest, ALostLedgerAdoptsWhatIsEqualAndDeletesNothing) {
  options_.plan.delete_grace = std::chrono::milliseconds(0);
  Open();
  Go(Wanted({Want("a.json", "one"), Want("b.json", "bee"), Want("gone.json", "g")}));
  Close();
  build_.Remove(".seccompd").File("b.json", "tampered");
  Open();
  EXPECT_EQ(installer_->ledger_origin(), LedgerOrigin::kCreated);
  const Report report = Go(Wanted({Want("a.json", "one"), Want("b.json", "bee")}));
  EXPECT_EQ(States(report), "a.json=installed@1 b.json=foreign@0");
  EXPECT_EQ(Content("gone.json"), "g");
}

TEST_F(InstallerTest, ACorruptLedgerIsKeptAsideFramed) {
  for (const char* text : {"{}", "", "# seccompd ledger 1 0123456789abcdef\nrubbish\n"}) {
    Close();
    build_.Remove(".seccompd").File(".seccompd/ledger", text).File("a.json", "one");
    Open();
    EXPECT_EQ(installer_->ledger_origin(), LedgerOrigin::kRebuilt) << text;
    EXPECT_THAT(installer_->ledger_problem(), HasSubstr("kept as"));
    EXPECT_EQ(States(Go(Wanted({Want("a.json", "one")}))), "a.json=installed@1");
    ExpectNothingPosesAsAProfile();
  }
}

TEST_F(InstallerTest, ANewerLedgerIsLeftAloneWithEveryFile) {
  Open();
  Go(Wanted({Want("a.json", "one")}));
  Close();
  std::string text = Content(".seccompd/ledger");
  text.replace(text.find("ledger 1"), 8, "ledger 2");
  build_.File(".seccompd/ledger", text).File("a.json", "edited");
  Open();
  EXPECT_TRUE(installer_->newer_ledger());
  const Report report = Go(Wanted({Want("a.json", "two"), Want("b.json", "bee")}));
  ASSERT_TRUE(report.error);
  EXPECT_THAT(report.error->message, HasSubstr("newer agent"));
  EXPECT_EQ(Content("a.json"), "edited");
  EXPECT_EQ(Content("b.json"), "<absent>");
  EXPECT_EQ(Content(".seccompd/ledger"), text);
  EXPECT_THAT(installer_->Purge(Refers(), true, At(0)),
              IsError(ErrorCode::kFailedPrecondition, HasSubstr("version 2")));
}

TEST_F(InstallerTest, ALedgerRemovedUnderARunningAgentIsWrittenAnew) {
  Open();
  Go(Wanted({Want("a.json", "one")}));
  build_.Remove(".seccompd");
  Report report = Go(Wanted({Want("a.json", "two")}));
  EXPECT_FALSE(report.error);
  EXPECT_EQ(Content("a.json"), "two");
  Open();
  EXPECT_EQ(installer_->ledger_origin(), LedgerOrigin::kRead);
  EXPECT_THAT(installer_->ledger().paths.at("a.json").revisions, SizeIs(2));
  EXPECT_EQ(installer_->ReadRevision(installer_->ledger().paths.at("a.json").revisions[0]).value(),
            "one");
}

TEST_F(InstallerTest, ALostRootIsSaidAndNothingIsDone) {
  build_.Dir("root");
  options_.root_path = dir_.Join("root");
  auto opened = Installer::Open(fs_, host::OpenDirectory(dir_.Join("root")).value(), options_);
  ASSERT_THAT(opened, IsOk());
  installer_ = std::move(*opened);
  build_.Remove("root").Dir("root");
  const Report report = Go(Wanted({Want("a.json", "one")}));
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->code, ErrorCode::kGone);
  EXPECT_EQ(Content("root/a.json"), "<absent>");
}

TEST_F(InstallerTest, ThePathOfTheLongestKeyIsInstalled) {
  Open();
  const std::string path = std::string(253, 'c') + "/" + std::string(248, 'k') + ".json";
  EXPECT_EQ(States(Go(Wanted({Want(path, "one")}))), path + "=installed@1");
}

TEST_F(InstallerTest, AGlanceLooksOnlyWhereSomethingChanged) {
  Open();
  const Desired desired = Wanted({Want("web/a.json", "one"), Want("b.json", "bee")});
  Go(desired);
  build_.File("web/a.json", "x").File("b.json", "y");
  Glance glance;
  glance.all = false;
  EXPECT_THAT(Go(desired, glance).steps, IsEmpty());
  glance.paths = {"b.json"};
  EXPECT_THAT(Kinds(Go(desired, glance)), ElementsAre("repair b.json"));
  glance.paths = {"web"};  // the directory was moved away and back
  EXPECT_THAT(Kinds(Go(desired, glance)), ElementsAre("repair web/a.json"));
}

TEST_F(InstallerTest, APathRepairedTooOftenIsContestedForAnHour) {
  Open();
  const Desired desired = Wanted({Want("a.json", "one")});
  Go(desired);
  for (int i = 0; i < 6; ++i) {
    build_.File("a.json", "x");
    now_ += 1;
    Go(desired);
    EXPECT_EQ(Content("a.json"), "one") << i;
  }
  build_.File("a.json", "x");
  const Report report = Go(desired);
  EXPECT_EQ(States(report), "a.json=contested@1");
  EXPECT_EQ(Content("a.json"), "x");
  ASSERT_THAT(report.left, SizeIs(1));  // said once
  EXPECT_EQ(report.left[0].path, "a.json");
  EXPECT_EQ(report.left[0].kind, DriftKind::kContent);
  EXPECT_EQ(report.left[0].in_force->number, 1U);
  EXPECT_THAT(Go(desired).left, IsEmpty());
  EXPECT_EQ(report.next_due, At(now_ - 5 + 3600));
  now_ += 3600;
  EXPECT_EQ(States(Go(desired)), "a.json=installed@1");
  EXPECT_EQ(Content("a.json"), "one");
}

TEST_F(TamperTest, AThousandTamperingsAreRepairedWithTheRightBytes) {
  options_.plan.contested_after = 0;
  Open();
  std::vector<DesiredFile> files;
  for (int i = 0; i < 10; ++i) {
    const std::string n = std::to_string(i);
    files.push_back(Want("d" + n + "/deep/p" + n + ".json", "{\"n\": " + n + "}\n"));
  }
  const Desired desired = Wanted(files);
  Go(desired);
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same run every time
  std::uint64_t drift = 0;
  for (int i = 0; i < 1000; ++i) {
    const DesiredFile& file = files[random() % files.size()];
    Tamper(file.claim.path, random() % 8);
    for (const std::uint64_t count : Go(desired).drift) drift += count;
    for (const DesiredFile& each : files) {
      ASSERT_EQ(Content(each.claim.path), each.prepared.bytes) << i;
      ASSERT_EQ(Mode(each.claim.path), 0644U) << i;
    }
  }
  EXPECT_GE(drift, 1000U);
  ExpectNothingPosesAsAProfile();
  EXPECT_LT(std::filesystem::file_size(dir_.Join(".seccompd/ledger")), 2'000'000U);
}

TEST_F(InstallerTest, TheLedgerIsWrittenAnewWhenItOutgrowsItsContent) {
  Open();
  const std::string big(40'000, 'x');
  for (int i = 0; i < 120; ++i) Go(Wanted({Want("a.json", big + std::to_string(i))}));
  EXPECT_LT(std::filesystem::file_size(dir_.Join(".seccompd/ledger")), 2'500'000U);
  const LedgerState before = installer_->ledger();
  EXPECT_EQ(before.paths.at("a.json").InForce()->number, 120U);
  for (const Revision& revision : before.paths.at("a.json").revisions) {
    EXPECT_EQ(installer_->ReadRevision(revision).value(),
              big + std::to_string(revision.number - 1));
  }
  Open();
  EXPECT_EQ(installer_->ledger(), before);
}

TEST_F(InstallerTest, PurgeKeepsWhatIsReferredTo) {
  Open();
  Go(Wanted({Want("web/a.json", "one"), Want("b.json", "bee"), Want("c.json", "c")}));
  build_.File("c.json", "tampered").File("foreign.json", "f");
  PurgeReport report = installer_->Purge(Refers({"web/a.json"}), false, At(now_)).value();
  EXPECT_THAT(report.removed, ElementsAre("b.json"));
  ASSERT_THAT(report.kept, SizeIs(2));
  EXPECT_EQ(report.kept[0].path, "c.json");
  EXPECT_THAT(report.kept[0].reason, HasSubstr("not ours"));
  EXPECT_EQ(report.kept[1].path, "web/a.json");
  report = installer_->Purge({}, false, At(now_)).value();
  EXPECT_THAT(report.removed, IsEmpty());
  EXPECT_THAT(report.kept[1].reason, HasSubstr("--force"));
  build_.File("c.json", "c");
  report = installer_->Purge({}, true, At(now_)).value();
  EXPECT_THAT(report.removed, ElementsAre("c.json", "web/a.json"));
  installer_.reset();
  EXPECT_FALSE(std::filesystem::exists(dir_.Join(".seccompd")));
  EXPECT_FALSE(std::filesystem::exists(dir_.Join("web")));
  EXPECT_EQ(Content("foreign.json"), "f");
}

}  // namespace
}  // namespace seccompd::install
