// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/installed_view.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/unique_fd.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_builder.h"

namespace seccompd::agent {
namespace {

using audit::InstalledView;
using audit::ProfileState;
using test_support::TempDir;
using test_support::TreeBuilder;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

base::WallTime At(int seconds) { return base::WallTime(std::chrono::seconds(seconds)); }

install::Revision MakeRevision(std::uint32_t number) {
  install::Revision revision;
  revision.number = number;
  revision.digest = base::Sha256("bytes");
  revision.meaning = base::Sha256("meaning");
  revision.installed = At(static_cast<int>(number));
  return revision;
}

base::UniqueFd OpenDir(const std::string& path) {
  return base::UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

std::string LedgerWith(std::vector<install::Entry> entries) {
  install::LogPosition position;
  std::string text = install::EncodeHeader("0123456789abcdef", &position);
  return text + install::EncodeRecord(entries, &position);
}

TEST(ViewOfLedger, TellsRevisionsAndStates) {
  install::LedgerState ledger;
  ledger.paths["a.json"].revisions = {MakeRevision(1), MakeRevision(2)};
  ledger.paths["b.json"].revisions = {MakeRevision(1)};
  ledger.paths["b.json"].orphaned = At(9);
  ledger.paths["c.json"].pending = MakeRevision(1);
  const InstalledView view = ViewOfLedger(ledger, At(100));
  EXPECT_TRUE(view.available);
  ASSERT_THAT(view.profiles, SizeIs(3));
  const audit::InstalledProfile& a = view.profiles.at("a.json");
  EXPECT_EQ(a.state, ProfileState::kInstalled);
  EXPECT_TRUE(a.on_disk);
  ASSERT_THAT(a.revisions, SizeIs(2));
  EXPECT_EQ(a.revisions[1],
            (audit::Revision{2, base::Sha256("bytes"), base::Sha256("meaning"), At(2)}));
  EXPECT_EQ(view.profiles.at("b.json").state, ProfileState::kOrphaned);
  EXPECT_EQ(view.profiles.at("c.json").state, ProfileState::kPending);
  EXPECT_FALSE(view.profiles.at("c.json").on_disk);
}

// 100 s after the boot the clock is set 1,000 s forward: what was installed 40 s before stays so.
TEST(ViewOfLedger, TellsInstallsByThePresentClock) {
  install::LedgerState ledger;
  install::Revision revision = MakeRevision(1);
  revision.installed.boot = 7;
  revision.installed.since_boot = std::chrono::seconds(60);
  ledger.paths["a.json"].revisions = {revision};
  base::Moment now = At(1'000 + 41);
  now.boot = 7;
  now.since_boot = std::chrono::seconds(100);
  EXPECT_EQ(ViewOfLedger(ledger, now).profiles.at("a.json").revisions[0].installed_at, At(1'001));
}

TEST(ViewOf, RowsOfTheAgentRefineTheLedger) {
  install::LedgerState ledger;
  ledger.paths["bad.json"].revisions = {MakeRevision(1)};
  std::vector<install::ProfileRow> rows(4);
  rows[0].path = "bad.json";
  rows[0].state = install::ProfileState::kInvalid;
  rows[1].path = "new.json";
  rows[1].state = install::ProfileState::kInvalid;
  rows[2].path = "theirs.json";
  rows[2].state = install::ProfileState::kForeign;
  rows[3].path = "loser.json";
  rows[3].state = install::ProfileState::kShadowed;
  const InstalledView view = ViewOf(ledger, rows, At(100));
  EXPECT_EQ(view.profiles.at("bad.json").state, ProfileState::kInvalid);
  EXPECT_THAT(view.profiles.at("bad.json").revisions, SizeIs(1));
  EXPECT_EQ(view.profiles.at("new.json").state, ProfileState::kInvalid);
  EXPECT_FALSE(view.profiles.at("new.json").on_disk);
  EXPECT_EQ(view.profiles.at("theirs.json").state, ProfileState::kForeign);
  EXPECT_FALSE(view.profiles.contains("loser.json"));
}

TEST(ReadInstalledView, ReadsTheLedgerOfARoot) {
  const TempDir dir;
  TreeBuilder(dir.path())
      .File(".seccompd/ledger",
            LedgerWith({install::Established{.path = "a.json",
                                             .revision = MakeRevision(3),
                                             .owner = "ns/web",
                                             .origin = "ConfigMap ns/web key a.json",
                                             .body = std::nullopt}}));
  const base::UniqueFd fd = OpenDir(dir.path());
  const auto view = ReadInstalledView(fd.get(), At(100));
  ASSERT_TRUE(view.has_value()) << view.error().message;
  ASSERT_TRUE(view->profiles.contains("a.json"));
  EXPECT_EQ(view->profiles.at("a.json").revisions.back().number, 3U);
}

TEST(ReadInstalledView, RootWithoutLedgerIsAnEmptyView) {
  const TempDir dir;
  const base::UniqueFd fd = OpenDir(dir.path());
  const auto view = ReadInstalledView(fd.get(), At(100));
  ASSERT_TRUE(view.has_value()) << view.error().message;
  EXPECT_TRUE(view->available);
  EXPECT_THAT(view->profiles, IsEmpty());
}

TEST(ReadInstalledView, TextThatIsNoLedgerIsAnError) {
  const TempDir dir;
  TreeBuilder(dir.path()).File(".seccompd/ledger", "{}\n");
  const base::UniqueFd fd = OpenDir(dir.path());
  EXPECT_FALSE(ReadInstalledView(fd.get(), At(100)).has_value());
}

kube::Pod PodAsking(std::vector<std::string> paths) {
  kube::Pod pod;
  for (std::string& path : paths) {
    kube::Container container;
    container.seccomp = {kube::SeccompProfileRef::Type::kLocalhost, std::move(path)};
    pod.containers.push_back(std::move(container));
  }
  return pod;
}

TEST(LookAtFiles, ReferencedFilesOfOthersAreForeign) {
  const TempDir dir;
  TreeBuilder(dir.path())
      .File("profiles/audit.json", "{}")
      .Dir("folder")
      .Symlink("link.json", "profiles/audit.json")
      .Symlink("away.json", "/nowhere/at/all")
      .Symlink("folder.json", "folder");
  const base::UniqueFd fd = OpenDir(dir.path());
  InstalledView view;
  const std::vector<kube::Pod> pods = {
      PodAsking({"profiles//audit.json", "link.json", "away.json", "folder", "folder.json",
                 "none.json", "../outside", "", std::string(5'000, 'x')})};
  LookAtFiles(fd.get(), pods, &view);
  std::vector<std::string> paths;
  for (const auto& [path, profile] : view.profiles) {
    paths.push_back(path);
    EXPECT_EQ(profile.state, ProfileState::kForeign);
  }
  EXPECT_THAT(paths, testing::ElementsAre("away.json", "link.json", "profiles/audit.json"));
}

TEST(LookAtFiles, OurOwnFileThatIsGoneIsNotOnDisk) {
  const TempDir dir;
  TreeBuilder(dir.path()).File("a.json", "{}");
  const base::UniqueFd fd = OpenDir(dir.path());
  install::LedgerState ledger;
  ledger.paths["a.json"].revisions = {MakeRevision(1)};
  ledger.paths["b.json"].revisions = {MakeRevision(1)};
  InstalledView view = ViewOfLedger(ledger, At(100));
  LookAtFiles(fd.get(), {}, &view);
  EXPECT_TRUE(view.profiles.at("a.json").on_disk);
  EXPECT_FALSE(view.profiles.at("b.json").on_disk);
}

}  // namespace
}  // namespace seccompd::agent
