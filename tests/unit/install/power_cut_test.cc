// SPDX-License-Identifier: Apache-2.0
// The power goes at every call that changes something, and what was not synced is lost, kept, torn
// or reordered (tests/unit/host/journal_fs.h). The next start must find a legal state and settle
// it. SECCOMPD_POWER_CUTS multiplies how many of the possible disks are tried.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "common/document/document.h"
#include "common/host/host_root.h"
#include "common/install/installer.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/host/journal_fs.h"
#include "tests/unit/install/desired_literals.h"

namespace seccompd::install {
namespace {

using host::JournalFs;
using ::testing::AnyOf;

int Times(int count) {
  const char* text =
      std::getenv("SECCOMPD_POWER_CUTS");  // NOLINT(concurrency-mt-unsafe): one thread
  return text == nullptr ? count : count * std::atoi(text);  // NOLINT(cert-err34-c): 0 is fine
}

class PowerCutTest : public ::testing::Test {
 protected:
  using Disk = std::unique_ptr<JournalFs>;

  PowerCutTest() {
    options_.plan.delete_grace = std::chrono::milliseconds(0);
    options_.plan.contested_after = 0;
  }

  std::unique_ptr<Installer> Open(JournalFs& disk, const std::string& when) {
    auto opened = Installer::Open(disk, host::OpenDirectory(dir_.path()).value(), options_);
    if (opened) return std::move(*opened);
    ADD_FAILURE() << when << ": " << opened.error().message;
    return nullptr;
  }
  static std::string Text(const JournalFs& disk, const std::string& path) {
    return disk.Content(path).value_or("<absent>");
  }

  // The disks that a power cut may leave now: nothing of what is not synced, all of it, all but one
  // thing, only one thing, and some at random.
  void CutNow(const JournalFs& disk, int at_random, std::vector<Disk>* disks) {
    const std::size_t choices = disk.Choices();
    const auto add = [&](const std::function<bool(std::size_t)>& keep) {
      disks->push_back(disk.PowerCut(keep, random_));
    };
    add([](std::size_t) { return false; });
    if (choices == 0) return;
    add([](std::size_t) { return true; });
    for (std::size_t one = 0; choices > 1 && one < std::min<std::size_t>(choices, 12); ++one) {
      add([one](std::size_t i) { return i == one; });
      add([one](std::size_t i) { return i != one; });
    }
    for (int i = 0; choices > 2 && i < at_random; ++i) {
      add([this](std::size_t) { return random_() % 2 == 0; });
    }
  }

  static std::string Steps(const Report& report) {
    std::string text;
    for (const StepResult& result : report.steps) {
      text += " " + std::string(StepKindName(result.step.kind)) + " " + result.step.path;
      if (result.step.drift) text += "(" + std::string(DriftKindName(*result.step.drift)) + ")";
      if (result.error) text += "(" + result.error->message + ")";
    }
    return text;
  }
  // Reconciles until nothing is left to do.
  Report Settle(Installer& installer, const Desired& desired) {
    Report report;
    for (int i = 0; i < 4; ++i) {
      report = installer.Reconcile(desired, Refers(), At(2'000));
      EXPECT_EQ(report.drift, (std::array<std::uint64_t, kDriftKinds>{}))
          << "a cut is no tampering:" << Steps(report);
      if (!report.retry && !report.error) break;
    }
    return report;
  }

  test_support::TempDir dir_;  // only its descriptor is used
  InstallerOptions options_;
  std::mt19937 random_{7};  // NOLINT(cert-msc51-cpp): the same run every time
};

// No file of ours but the profiles may be taken for a profile.
void ExpectNothingPosesAsAProfile(const JournalFs& disk, const std::string& when) {
  for (const std::string& name : disk.Names()) {
    if (!name.starts_with(".seccompd/") || name.ends_with('/')) continue;
    const std::string text = disk.Content(name).value_or("");
    EXPECT_FALSE(document::ParseJson(text).has_value()) << name << " " << when;
  }
}

class ChangeCutTest : public PowerCutTest {
 protected:
  static Desired Before() {
    return Wanted(
        {Want("a.json", "one"), Want("old/sub/gone.json", "gone"), Want("keep.json", "k")});
  }
  // An update, an install in two new directories, a removal, an adoption, a stranger in the way, a
  // stranger that is to be replaced.
  static Desired After() {
    DesiredFile swapped = Want("swapped.json", "ours now");
    swapped.claim.adopt_replace = true;
    return Wanted({Want("a.json", "two"), Want("web/new/b.json", "bee"), Want("keep.json", "k"),
                   Want("adopted.json", "equal"), Want("foreign.json", "ours"), swapped});
  }

  // What stood before, with the agent's first notes perhaps not on disk.
  Disk Start() {
    auto disk = std::make_unique<JournalFs>();
    disk->AddFile("foreign.json", "theirs");
    disk->AddFile("old/foreign.json", "theirs");
    disk->AddFile("adopted.json", "equal");
    disk->AddFile("swapped.json", "before us");
    return disk;
  }
  // All disks that a power cut at some call of `change` may leave.
  std::vector<Disk> CutEverywhere(JournalFs& disk, int at_random,
                                  const std::function<void()>& change) {
    std::vector<Disk> disks;
    disk.OnChange([&](std::size_t) { CutNow(disk, at_random, &disks); });
    change();
    disk.OnChange({});
    CutNow(disk, at_random, &disks);
    return disks;
  }

  static void ExpectLegal(const JournalFs& disk, const std::string& when) {
    EXPECT_THAT(Text(disk, "a.json"), AnyOf("one", "two")) << when;
    EXPECT_EQ(disk.Mode("a.json"), 0644U) << when;
    EXPECT_EQ(Text(disk, "keep.json"), "k") << when;
    EXPECT_THAT(Text(disk, "web/new/b.json"), AnyOf("<absent>", "bee")) << when;
    EXPECT_THAT(Text(disk, "old/sub/gone.json"), AnyOf("<absent>", "gone")) << when;
    EXPECT_EQ(Text(disk, "foreign.json"), "theirs") << when;
    EXPECT_EQ(Text(disk, "old/foreign.json"), "theirs") << when;
    EXPECT_EQ(Text(disk, "adopted.json"), "equal") << when;
    EXPECT_THAT(Text(disk, "swapped.json"), AnyOf("before us", "ours now")) << when;
    if (Text(disk, "swapped.json") == "before us") return;
    std::string kept;
    for (const std::string& name : disk.Names()) {
      if (name.starts_with(".seccompd/kept-")) kept = Text(disk, name);
    }
    EXPECT_TRUE(kept.ends_with("\nbefore us")) << when << ": " << kept;
  }

  static std::set<std::string> NamesButKept(const JournalFs& disk) {
    std::set<std::string> names = disk.Names();
    std::erase_if(names, [](const auto& name) { return name.starts_with(".seccompd/kept-"); });
    return names;
  }

  void ExpectAfter(Disk& disk, const std::string& when) {
    auto installer = Open(*disk, when);
    ASSERT_NE(installer, nullptr);
    EXPECT_NE(installer->ledger_origin(), LedgerOrigin::kRebuilt)
        << when << ": " << installer->ledger_problem();
    const Report report = Settle(*installer, After());
    EXPECT_FALSE(report.retry || report.error) << when;
    EXPECT_EQ(NamesButKept(*disk),
              (std::set<std::string>{".seccompd/", ".seccompd/ledger", ".seccompd/lock", "a.json",
                                     "adopted.json", "foreign.json", "keep.json", "old/",
                                     "old/foreign.json", "swapped.json", "web/", "web/new/",
                                     "web/new/b.json"}))
        << when;
    EXPECT_EQ(Text(*disk, "a.json") + Text(*disk, "web/new/b.json") + Text(*disk, "swapped.json"),
              "twobeeours now")
        << when;
    EXPECT_EQ(disk->Mode("web"), 0755U) << when;
    ExpectLegal(*disk, when);
    ExpectNothingPosesAsAProfile(*disk, when);
  }

  // The wish is taken back before the agent starts again.
  void ExpectBefore(Disk& disk, const std::string& when) {
    auto installer = Open(*disk, when);
    ASSERT_NE(installer, nullptr);
    const Report report = Settle(*installer, Before());
    EXPECT_FALSE(report.retry || report.error) << when;
    EXPECT_EQ(Text(*disk, "a.json") + Text(*disk, "old/sub/gone.json"), "onegone") << when;
    for (const std::string& name : disk->Names()) EXPECT_FALSE(name.starts_with("web/")) << when;
  }
};

TEST_F(ChangeCutTest, EveryCutLeavesALegalStateThatTheNextStartSettles) {
  Disk disk = Start();
  auto installer = Open(*disk, "first");
  Settle(*installer, Before());
  std::vector<Disk> disks = CutEverywhere(*disk, Times(8), [&] { Settle(*installer, After()); });
  std::printf("%zu disks\n", disks.size());
  for (std::size_t i = 0; i < disks.size() && !HasFailure(); ++i) {
    const std::string when = "disk " + std::to_string(i) + " of " + std::to_string(disks.size());
    ExpectLegal(*disks[i], when);
    Disk again = disks[i]->PowerCut([](std::size_t) { return true; }, random_);  // a copy
    ExpectAfter(disks[i], when);
    ExpectBefore(again, when + ", taken back");
  }
}

TEST_F(ChangeCutTest, ACutWhileTheFirstCutIsSettledIsSettledToo) {
  Disk disk = Start();
  auto installer = Open(*disk, "first");
  Settle(*installer, Before());
  std::vector<Disk> disks = CutEverywhere(*disk, Times(1), [&] { Settle(*installer, After()); });
  for (std::size_t i = 0; i < disks.size() && !HasFailure(); i += 7) {
    std::vector<Disk> second = CutEverywhere(*disks[i], 0, [&] {
      auto next = Open(*disks[i], "second");
      if (next) Settle(*next, After());
    });
    for (std::size_t k = random_() % 5; k < second.size() && !HasFailure(); k += 5) {
      const std::string when = "disk " + std::to_string(i) + ", then " + std::to_string(k);
      ExpectLegal(*second[k], when);
      ExpectAfter(second[k], when);
    }
  }
}

TEST_F(ChangeCutTest, TheVeryFirstStartIsCutToo) {
  Disk disk = Start();
  std::vector<Disk> disks = CutEverywhere(*disk, Times(4), [&] {
    auto first = Open(*disk, "first");
    Settle(*first, Before());
  });
  for (std::size_t i = 0; i < disks.size() && !HasFailure(); ++i) {
    const std::string when = "disk " + std::to_string(i);
    EXPECT_THAT(Text(*disks[i], "a.json"), AnyOf("<absent>", "one")) << when;
    ExpectAfter(disks[i], when);
  }
}

class LedgerCutTest : public PowerCutTest {};

// Notes that nobody waits for lie in several pages, which may reach the disk in any order.
TEST_F(LedgerCutTest, ALaterPageThatIsOnDiskBeforeAnEarlierOneIsNoDamage) {
  JournalFs disk;
  auto ledger = LedgerFile::Open(disk, -1);
  ASSERT_THAT(ledger, test_support::IsOk());
  for (int i = 0; i < 150 && !HasFailure(); ++i) {
    const std::string name = "directory-" + std::to_string(i);
    const std::vector<Entry> note{
        MadeDirectory{name + std::string(static_cast<std::size_t>(i % 90), 'x')}};
    ASSERT_THAT((*ledger)->Append(note, Sync::kNone), test_support::IsOk());
    std::vector<Disk> disks;
    CutNow(disk, 8, &disks);
    for (Disk& cut : disks) {
      auto again = LedgerFile::Open(*cut, -1);
      ASSERT_THAT(again, test_support::IsOk());
      EXPECT_EQ((*again)->origin(), LedgerOrigin::kRead) << i << ": " << (*again)->problem();
      EXPECT_LE((*again)->state().directories.size(), static_cast<std::size_t>(i) + 1);
    }
  }
}

// One disk, cut again and again at random, under changes at random.
class ManyCutsTest : public PowerCutTest {
 protected:
  static constexpr int kFiles = 5;
  static std::string Path(int n) { return "d" + std::to_string(n / 2) + "/p" + std::to_string(n); }
  static std::string Body(int n, int version) {
    return "{\"file\": " + std::to_string(n) + ", \"version\": " + std::to_string(version) + " " +
           std::string(static_cast<std::size_t>(version % 5) * 2'500, 'x') + "}\n";
  }
  static bool IsSomeBody(int n, const std::string& text) {
    const std::string prefix = "{\"file\": " + std::to_string(n) + ", \"version\": ";
    if (!text.starts_with(prefix)) return false;
    return text == Body(n, std::atoi(text.c_str() + prefix.size()));  // NOLINT(cert-err34-c)
  }
  Desired Wish() {
    std::vector<DesiredFile> files;
    for (int n = 0; n < kFiles; ++n) {
      if (random_() % 4 == 0) continue;
      files.push_back(Want(Path(n), Body(n, static_cast<int>(random_() % 12))));
    }
    Desired desired = Wanted(std::move(files));
    desired.removal_confirmed = true;
    return desired;
  }

  // Some changes, and the disk as the cut left it.
  Disk Live(JournalFs& disk) {
    Disk left;
    const std::size_t until = disk.changes() + random_() % 120;
    disk.OnChange([&](std::size_t now) {
      if (now != until) return;
      const unsigned loss = random_() % 4;  // rarely, often or always kept
      left = disk.PowerCut([&](std::size_t) { return random_() % 4 < loss; }, random_);
    });
    auto installer = Open(disk, "alive");
    for (int i = 0; installer && !left && i < 50; ++i) {
      (void)installer->Reconcile(Wish(), Refers(), At(3'000 + i));
    }
    return left;
  }
};

TEST_F(ManyCutsTest, NothingIsLostOrTornOrOrphanedByAnyNumberOfCuts) {
  auto disk = std::make_unique<JournalFs>();
  disk->AddFile("theirs.json", "theirs");
  disk->AddFile("d1/theirs.json", "theirs");
  const int rounds = Times(150);
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    const std::string when = "round " + std::to_string(round);
    disk = Live(*disk);
    ASSERT_NE(disk, nullptr) << when;
    for (int n = 0; n < kFiles; ++n) {
      const std::string text = Text(*disk, Path(n));
      EXPECT_TRUE(text == "<absent>" || IsSomeBody(n, text)) << when << " " << Path(n);
    }
    const std::string before = Text(*disk, ".seccompd/ledger");
    auto installer = Open(*disk, when);
    ASSERT_NE(installer, nullptr);
    EXPECT_NE(installer->ledger_origin(), LedgerOrigin::kRebuilt)
        << when << ": " << installer->ledger_problem();
    const Desired desired = Wish();
    const Report report = Settle(*installer, desired);
    EXPECT_FALSE(report.retry || report.error) << when;
    std::set<std::string> names{".seccompd/", ".seccompd/ledger", ".seccompd/lock", "theirs.json",
                                "d1/",        "d1/theirs.json"};
    for (const DesiredFile& file : desired.files) {
      names.insert(file.claim.path);
      names.insert(file.claim.path.substr(0, 3));
      EXPECT_EQ(Text(*disk, file.claim.path), file.prepared.bytes) << when;
    }
    EXPECT_EQ(disk->Names(), names) << when << ":" << Steps(report) << "\n" << before;
    EXPECT_EQ(Text(*disk, "theirs.json") + Text(*disk, "d1/theirs.json"), "theirstheirs");
    ExpectNothingPosesAsAProfile(*disk, when);
  }
}

}  // namespace
}  // namespace seccompd::install
