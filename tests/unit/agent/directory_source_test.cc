// SPDX-License-Identifier: Apache-2.0
#include "agent/source/directory_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temp_dir.h"
#include "tests/support/tree_builder.h"

namespace seccompd::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Map(const std::string& name, const std::string& text = "x") {
  return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: {a.json: '" +
         text + "'}\n";
}

class DirectorySourceTest : public ::testing::Test {
 protected:
  DirectorySourceTest() : build_(dir_.path()) {}

  void Start(DirectorySourceOptions options = {}) {
    source_ = std::make_unique<DirectorySource>(dir_.Join("src"), options);
    EXPECT_TRUE(Update());
  }
  bool Update() { return source_->Update(now_); }
  // Lets what settles settle.
  bool Later(milliseconds by = milliseconds(250)) {
    now_ += by;
    return Update();
  }
  void Rename(const std::string& from, const std::string& to) {
    ASSERT_EQ(std::rename(dir_.Join(from).c_str(), dir_.Join(to).c_str()), 0);
  }
  // "name=text" of every ConfigMap, path of every bare profile.
  [[nodiscard]] std::vector<std::string> What() const {
    std::vector<std::string> what;
    for (const auto& map : source_->contents().config_maps) {
      what.push_back(map.meta.name + "=" + (map.data.empty() ? "" : map.data[0].second));
    }
    for (const auto& bare : source_->contents().bare) what.push_back(bare.path);
    return what;
  }
  [[nodiscard]] std::vector<std::string> Problems() const {
    std::vector<std::string> problems;
    for (const auto& problem : source_->contents().problems) {
      problems.push_back(problem.path + ": " + problem.error.message);
    }
    return problems;
  }

  test_support::TempDir dir_;
  test_support::TreeBuilder build_;
  base::MonoTime now_{seconds(1'000)};
  std::unique_ptr<DirectorySource> source_;
};

TEST_F(DirectorySourceTest, ReadsManifestsAndBareProfilesAndNothingElse) {
  build_.File("src/web.yaml", Map("web", "1") + "---\n" + Map("api", "2"))
      .File("src/sub/pod.json",
            R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[]}})")
      .File("src/other.yml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n")
      .File("src/sub/audit.yaml", "defaultAction: SCMP_ACT_LOG\n")
      .File("src/README.md", "{")
      .File("src/.web.yaml.swp", "{")
      .File("src/.hidden/x.yaml", "{")
      .File("src/web.yaml~", "{")
      .File("src/comment.yaml", "# nothing\n");
  Start();
  EXPECT_THAT(What(), ElementsAre("web=1", "api=2", "sub/audit.yaml"));
  EXPECT_THAT(source_->contents().pods, SizeIs(1));
  EXPECT_THAT(source_->contents().ignored, ElementsAre("other.yml: Deployment d"));
  EXPECT_THAT(Problems(), IsEmpty());
  EXPECT_TRUE(source_->contents().complete);
  EXPECT_FALSE(source_->polling());
  EXPECT_FALSE(Update());
}

TEST_F(DirectorySourceTest, ASaveByRenameIsOneChangeAtOnce) {
  build_.File("src/web.yaml", Map("web", "1"));
  Start();
  build_.File("src/.web.yaml.tmp", Map("web", "2"));
  Rename("src/.web.yaml.tmp", "src/web.yaml");
  EXPECT_TRUE(Update());
  EXPECT_THAT(What(), ElementsAre("web=2"));
  EXPECT_FALSE(Later());
}

TEST_F(DirectorySourceTest, ASaveThatMovesTheOldFileAwayFirstNeverLosesIt) {
  build_.File("src/web.yaml", Map("web", "1"));
  Start();
  Rename("src/web.yaml", "src/web.yaml~");
  EXPECT_FALSE(Update());
  EXPECT_THAT(What(), ElementsAre("web=1"));
  build_.File("src/web.yaml", Map("web", "2"));
  EXPECT_TRUE(Update());
  EXPECT_THAT(What(), ElementsAre("web=2"));
  ASSERT_EQ(::unlink(dir_.Join("src/web.yaml~").c_str()), 0);
  EXPECT_FALSE(Later());
}

TEST_F(DirectorySourceTest, AFileThatIsGoneIsGoneAfterAMoment) {
  build_.File("src/web.yaml", Map("web")).File("src/sub/api.yaml", Map("api"));
  Start();
  build_.Remove("src/web.yaml").Remove("src/sub");
  EXPECT_FALSE(Update());
  EXPECT_LE(source_->Due(), now_ + milliseconds(200));
  EXPECT_TRUE(Later());
  EXPECT_THAT(What(), IsEmpty());
  EXPECT_TRUE(source_->contents().complete);
}

TEST_F(DirectorySourceTest, AHalfWrittenFileKeepsWhatItHeld) {
  build_.File("src/web.yaml", Map("web", "1"));
  Start();
  for (const char* half :
       {"", "\n", "apiVersion: v1\nkind: [", "apiVersion: v1\nkind: ConfigMap\n"}) {
    build_.File("src/web.yaml", half);
    EXPECT_TRUE(Update()) << half;
    EXPECT_THAT(What(), ElementsAre("web=1")) << half;
    EXPECT_THAT(Problems(), ElementsAre(HasSubstr("web.yaml: "))) << half;
    EXPECT_TRUE(source_->contents().complete) << half;
    build_.File("src/web.yaml", Map("web", "1"));
    EXPECT_TRUE(Update());
    EXPECT_THAT(Problems(), IsEmpty());
  }
}

TEST_F(DirectorySourceTest, AnOpenFileIsReadWhenItIsClosedOrRests) {
  build_.File("src/web.yaml", Map("web", "1"));
  Start();
  std::ofstream out(dir_.Join("src/web.yaml"));
  out << Map("web", "2") << std::flush;
  EXPECT_FALSE(Update());
  EXPECT_THAT(What(), ElementsAre("web=1"));
  EXPECT_TRUE(Later());
  EXPECT_THAT(What(), ElementsAre("web=2"));
}

TEST_F(DirectorySourceTest, OneBadObjectKeepsOnlyItsOwnPast) {
  build_.File("src/all.yaml", Map("web", "1") + "---\n" + Map("api", "1"));
  Start();
  build_.File("src/all.yaml", Map("web", "2") +
                                  "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: api}\n"
                                  "data: [1]\n");
  EXPECT_TRUE(Update());
  EXPECT_THAT(What(), ElementsAre("web=2", "api=1"));
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("ConfigMap api")));
}

TEST_F(DirectorySourceTest, AFileThatNeverCouldBeReadMakesTheSetIncomplete) {
  build_.File("src/web.yaml", "{").File("src/api.yaml", Map("api"));
  Start();
  EXPECT_THAT(What(), ElementsAre("api=x"));
  EXPECT_FALSE(source_->contents().complete);
  build_.File("src/web.yaml", Map("web"));
  EXPECT_TRUE(Update());
  EXPECT_TRUE(source_->contents().complete);
}

TEST_F(DirectorySourceTest, ADirectoryThatIsAwayKeepsTheLastGoodSet) {
  build_.File("src/web.yaml", Map("web"));
  Start();
  Rename("src", "away");
  EXPECT_TRUE(Update());
  EXPECT_THAT(What(), ElementsAre("web=x"));
  EXPECT_FALSE(source_->contents().complete);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("src")));
  EXPECT_FALSE(Later());
  build_.File("src/api.yaml", Map("api"));
  EXPECT_TRUE(Later(seconds(5)));
  EXPECT_TRUE(source_->contents().complete);
  EXPECT_THAT(What(), ElementsAre("api=x", "web=x"));  // web may come back in a moment
  EXPECT_TRUE(Later());
  EXPECT_THAT(What(), ElementsAre("api=x"));
  build_.File("src/more.yaml", Map("more"));
  EXPECT_TRUE(Update());
}

TEST_F(DirectorySourceTest, ADirectoryMayComeLate) {
  source_ = std::make_unique<DirectorySource>(dir_.Join("src"), DirectorySourceOptions{});
  EXPECT_FALSE(source_->contents().complete);
  EXPECT_TRUE(Update());
  EXPECT_FALSE(source_->contents().complete);
  EXPECT_FALSE(Later(seconds(5)));
  build_.Dir("src");
  EXPECT_TRUE(Later(seconds(5)));
  EXPECT_TRUE(source_->contents().complete);
}

TEST_F(DirectorySourceTest, AMountedConfigMapIsSwitchedAsAWhole) {
  build_.File("src/..1/web.yaml", Map("web", "1"))
      .Symlink("src/..data", "..1")
      .Symlink("src/web.yaml", "..data/web.yaml");
  Start();
  EXPECT_THAT(What(), ElementsAre("web=1"));
  build_.File("src/..2/web.yaml", Map("web", "2")).Symlink("src/..data_tmp", "..2");
  Rename("src/..data_tmp", "src/..data");
  EXPECT_TRUE(Update());
  EXPECT_THAT(What(), ElementsAre("web=2"));
}

TEST_F(DirectorySourceTest, ALinkThatLeavesTheDirectoryIsNotFollowed) {
  build_.File("secret.yaml", Map("secret")).Dir("src").Symlink("src/web.yaml", "../secret.yaml");
  Start();
  EXPECT_THAT(What(), IsEmpty());
  EXPECT_THAT(Problems(), SizeIs(1));
}

TEST_F(DirectorySourceTest, LimitsAreSaidAndMakeItIncomplete) {
  build_.File("src/a.yaml", Map("a")).File("src/b.yaml", Map("b")).File("src/d/d/c.yaml", Map("c"));
  DirectorySourceOptions options;
  options.max_files = 1;
  Start(options);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("more than 1 files")));
  EXPECT_FALSE(source_->contents().complete);
  options = {};
  options.max_depth = 1;
  Start(options);
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("too deep")));
  options = {};
  options.max_file_bytes = 10;
  Start(options);
  EXPECT_THAT(Problems(), SizeIs(3));
  options = {};
  options.max_total_bytes = Map("a").size() + 1;
  Start(options);
  EXPECT_THAT(What(), SizeIs(1));
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("in all"), HasSubstr("in all")));
}

TEST_F(DirectorySourceTest, TheSlowPassFindsWhatNoEventTold) {
  build_.File("src/a.yaml", Map("a", "1"));
  DirectorySourceOptions options;
  Start(options);
  EXPECT_EQ(source_->Due(), now_ + options.rescan);
  EXPECT_FALSE(Later(options.rescan));
}

// A list of pods that lost its apiVersion would otherwise be taken for a profile, and nobody told.
TEST_F(DirectorySourceTest, WherePodsAreMeantAFileThatIsNoManifestIsAProblem) {
  build_.File("src/list.json", R"({"kind":"List","items":[]})")
      .File("src/note.yaml", "# nothing\n");
  Start({.bare_profiles = false});
  EXPECT_THAT(Problems(), ElementsAre("list.json: is no manifest: add apiVersion and kind, as "
                                      "`kubectl get -o yaml` writes them"));
  EXPECT_THAT(source_->contents().bare, IsEmpty());
}

TEST(IsSourceName, SkipsWhatEditorsLeave) {
  for (const char* name : {"x.yaml", "x.yml", "x.json", "x.tar.json"}) {
    EXPECT_TRUE(IsSourceName(name)) << name;
  }
  for (const char* name : {"x", ".#x.yaml", "#x.yaml#", "x.yaml~", ".x.yaml.swp", "4913", ".x.yaml",
                           "x.yaml.bak", "x.JSON"}) {
    EXPECT_FALSE(IsSourceName(name)) << name;
  }
}

}  // namespace
}  // namespace seccompd::agent
