// SPDX-License-Identifier: Apache-2.0
// Every system call of a change fails in turn, once and for ever, and the agent is started again:
// what was in force stays whole, nothing foreign is touched, the wanted state comes in the end.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "tests/unit/install/install_world.h"

namespace seccompd::install {
namespace {

using ::testing::AnyOf;
using ::testing::IsEmpty;

class FaultTest : public ::testing::Test, protected MemoryTemp, protected InstallWorld {
 protected:
  FaultTest() { options_.plan.delete_grace = std::chrono::milliseconds(0); }

  // What stands before: two profiles, one of them about to go, and files of other tools.
  void Before() {
    Close();
    fs_.Arm(std::nullopt);
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
      std::filesystem::remove_all(entry.path());
    }
    build_.File("foreign.json", "theirs").File("old/foreign.json", "theirs");
    build_.File("adopted.json", "equal");
    Open();
    Go(Wanted({Want("a.json", "one"), Want("old/sub/gone.json", "gone"), Want("keep.json", "k")}));
    ASSERT_EQ(Content("a.json"), "one");
  }
  // An update, an install in two new directories, a removal, an adoption, a foreign file in the
  // way.
  static Desired After() {
    return Wanted({Want("a.json", "two"), Want("web/new/b.json", "bee"), Want("keep.json", "k"),
                   Want("adopted.json", "equal"), Want("foreign.json", "ours")});
  }

  void ExpectLegal(const std::string& when) {
    EXPECT_THAT(Content("a.json"), AnyOf("one", "two")) << when;
    EXPECT_EQ(Content("keep.json"), "k") << when;
    EXPECT_THAT(Content("web/new/b.json"), AnyOf("<absent>", "bee")) << when;
    EXPECT_THAT(Content("old/sub/gone.json"), AnyOf("<absent>", "gone")) << when;
    EXPECT_EQ(Content("foreign.json"), "theirs") << when;
    EXPECT_EQ(Content("old/foreign.json"), "theirs") << when;
    EXPECT_EQ(Content("adopted.json"), "equal") << when;
  }
  void ExpectDone(const Report& report, const std::string& when) {
    EXPECT_EQ(States(report),
              "a.json=installed@2 adopted.json=installed@1 foreign.json=foreign@0 "
              "keep.json=installed@1 web/new/b.json=installed@1")
        << when;
    EXPECT_EQ(report.drift, (std::array<std::uint64_t, 4>{})) << when;  // a fault is no tampering
    EXPECT_EQ(Content("a.json"), "two") << when;
    EXPECT_EQ(Content("web/new/b.json"), "bee") << when;
    EXPECT_FALSE(std::filesystem::exists(dir_.Join("old/sub"))) << when;
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path())) {
      if (!entry.is_directory()) files.push_back(entry.path().lexically_relative(dir_.path()));
    }
    EXPECT_THAT(files, ::testing::UnorderedElementsAre(
                           ".seccompd/ledger", ".seccompd/lock", "a.json", "adopted.json",
                           "foreign.json", "keep.json", "old/foreign.json", "web/new/b.json"))
        << when;
    ExpectNothingPosesAsAProfile();
  }
  // All is well again: a few calls later, whatever the first one had to give up.
  Report Settle() {
    Report report;
    for (int i = 0; i < 4; ++i) {
      report = Go(After());
      for (const std::uint64_t count : report.drift) EXPECT_EQ(count, 0U);
      if (!report.retry && !report.error) break;
    }
    return report;
  }
  // Runs `check` with a fault at every step of the change until it is not met any more.
  template <class Check>
  void AtEveryStep(host::FaultyFs::Fault fault, Check check) {
    for (fault.at = 0;; ++fault.at) {
      Before();
      fs_.Arm(fault);
      const Report report = Go(After());
      const bool fired = fs_.fired() > 0;
      const std::string when =
          std::string(::strerror(fault.error)) + " at step " + std::to_string(fault.at);
      fs_.Arm(std::nullopt);
      ExpectLegal(when);
      check(report, when);
      if (HasFailure() || !fired) break;
      ASSERT_LT(fault.at, 400U);
    }
  }
};

TEST_F(FaultTest, ACallThatFailsOnceIsRepeatedByTheNextReconcile) {
  for (const int error : {ENOSPC, EIO, EROFS, EDQUOT, EMFILE}) {
    AtEveryStep({.error = error}, [&](const Report&, const std::string& when) {
      ExpectDone(Settle(), when);
      Open();
      ExpectDone(Go(After()), when + ", started again");
    });
  }
}

TEST_F(FaultTest, AKillAtAnyStepIsSettledByTheNextStart) {
  // From that step on nothing reaches the disk, not even the tidying up: as if killed there.
  AtEveryStep({.error = EIO, .sticky = true}, [&](const Report&, const std::string& when) {
    Open();
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path())) {
      EXPECT_FALSE(entry.path().filename().string().starts_with(".seccompd-tmp")) << when;
    }
    ExpectDone(Settle(), when);
  });
}

TEST_F(FaultTest, AKillWhileTheWishIsTakenBackLeavesNoOrphan) {
  AtEveryStep({.error = EIO, .sticky = true}, [&](const Report&, const std::string& when) {
    Open();
    const Desired before = Wanted({Want("a.json", "one"), Want("keep.json", "k")});
    for (int i = 0; i < 4 && Go(before).retry; ++i) {
    }
    EXPECT_EQ(Content("a.json"), "one") << when;
    EXPECT_FALSE(std::filesystem::exists(dir_.Join("web"))) << when;
    EXPECT_FALSE(std::filesystem::exists(dir_.Join("old/sub"))) << when;
    EXPECT_EQ(Content("foreign.json"), "theirs") << when;
  });
}

TEST_F(FaultTest, ADiskThatStaysFullKeepsWhatIsInForce) {
  for (const int error : {ENOSPC, EROFS, EDQUOT}) {
    Before();
    fs_.Arm(host::FaultyFs::Fault{.at = 0, .error = error, .sticky = true});
    for (int i = 0; i < 3; ++i) {
      const Report report = Go(After());
      EXPECT_TRUE(report.error || report.retry);
    }
    fs_.Arm(std::nullopt);
    ExpectLegal("full");
    ExpectDone(Settle(), "space again");
  }
}

TEST_F(FaultTest, ShortWritesAreContinued) {
  AtEveryStep({.short_write = true},
              [&](const Report& report, const std::string& when) { ExpectDone(report, when); });
}

TEST_F(FaultTest, AFaultWhileOpeningLeavesEverythingAsItIs) {
  for (const int error : {EIO, EMFILE, ENOSPC}) {
    for (std::size_t at = 0;; ++at) {
      Before();
      Go(After());
      Close();
      fs_.Arm(host::FaultyFs::Fault{.at = at, .error = error});
      auto opened = Installer::Open(fs_, Root(), options_);
      const bool fired = fs_.fired() > 0;
      fs_.Arm(std::nullopt);
      opened = tl::make_unexpected(base::Error{});  // releases the lock
      Open();
      ExpectDone(Go(After()), "open, step " + std::to_string(at));
      if (HasFailure() || !fired) break;
      ASSERT_LT(at, 100U);
    }
  }
}

// The position of the last call of that name (and of that relative name, if given) in the record.
std::ptrdiff_t LastOf(const std::vector<host::RecordedOp>& ops, const std::string& call,
                      const std::string& data = "") {
  std::ptrdiff_t found = -1;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (ops[i].call == call && (data.empty() || ops[i].data == data)) {
      found = static_cast<std::ptrdiff_t>(i);
    }
  }
  return found;
}

TEST_F(FaultTest, NoNameChangesBeforeItsAnnouncementIsOnDisk) {
  Open();
  Go(Wanted({Want("a.json", "one")}));
  fs_.ClearOps();
  Go(Wanted({Want("a.json", "two")}));
  const std::ptrdiff_t synced = LastOf(fs_.ops(), "fdatasync");
  ASSERT_GE(synced, 0);
  EXPECT_LT(LastOf(fs_.ops(), "start_datasync"), synced);
  EXPECT_LT(synced, LastOf(fs_.ops(), "rename", "a.json"));
}

TEST_F(FaultTest, AnAnnouncementThatDidNotReachTheDiskStopsEveryFileOfItsBatch) {
  Open();
  Go(Wanted({Want("a.json", "one"), Want("b.json", "one")}));
  const Desired desired = Wanted({Want("a.json", "two"), Want("b.json", "two")});
  fs_.ClearOps();
  fs_.Arm(std::nullopt);
  // Only the wait for the flush fails, as a disk does that loses its cache.
  fs_.FailFinish(EIO);
  const Report report = Go(desired);
  fs_.FailFinish(0);
  EXPECT_EQ(LastOf(fs_.ops(), "rename", "a.json"), -1);
  EXPECT_EQ(LastOf(fs_.ops(), "rename", "b.json"), -1);
  EXPECT_TRUE(report.retry);
  EXPECT_EQ(Content("a.json") + Content("b.json"), "oneone");
  EXPECT_FALSE(Go(desired).retry);
  EXPECT_EQ(Content("a.json") + Content("b.json"), "twotwo");
}

TEST_F(FaultTest, NoDescriptorIsLeaked) {
  AtEveryStep({.error = EIO}, [&](const Report&, const std::string& when) {
    Close();
    EXPECT_EQ(fs_.open_files(), 0) << when;
  });
}

}  // namespace
}  // namespace seccompd::install
