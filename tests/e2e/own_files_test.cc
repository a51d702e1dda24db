// SPDX-License-Identifier: Apache-2.0
// A pod may name any file below the seccomp root as its profile. None of them may give it no
// filter.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <set>
#include <string>
#include <thread>

#include "tests/e2e/node.h"
#include "tests/support/container_host.h"
#include "tests/support/matchers.h"
#include "tests/support/tree_builder.h"

namespace seccompd::e2e {
namespace {

using test_support::ContainerHost;
using test_support::IsOk;
using test_support::ReadFile;
using test_support::ReadSeccompLines;
using test_support::Runtime;

// containerd decodes the file with encoding/json: what that refuses makes the container fail before
// the runtime sees it. Lenient where Go is: invalid UTF-8 is accepted.
bool GoDecodes(const std::string& text) {
  boost::json::parse_options options;
  options.allow_invalid_utf8 = true;
  options.max_depth = 10'000;
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(text, error, {}, options);
  return !error && (value.is_object() || value.is_null());
}

class OwnFilesTest : public ::testing::TestWithParam<Runtime> {
 protected:
  void SetUp() override { REQUIRE_CONTAINERS(); }

  // Every distinct content below the root either fails or gives a real filter.
  void ExpectNoWayAround(const std::string& when) {
    for (const std::string& file : node_.Files()) {
      const std::string text = ReadFile(node_.Path(file)).value_or("");
      if (!GoDecodes(text) || !tried_.insert(text).second) continue;
      const auto container = host_.Run({.seccomp = text});
      if (!container) continue;
      EXPECT_EQ(ReadSeccompLines((*container)->pid()).seccomp, 2)
          << when << ": a pod that names " << file << " runs without a filter:\n"
          << text.substr(0, 400);
    }
  }

  Node node_;
  ContainerHost host_{GetParam()};
  std::set<std::string> tried_;
};

INSTANTIATE_TEST_SUITE_P(Runtimes, OwnFilesTest, ::testing::Values(Runtime::kCrun, Runtime::kRunc),
                         [](const auto& test) { return RuntimeName(test.param); });

// What the test below would see if it were otherwise.
TEST_P(OwnFilesTest, EmptyObjectIsAProfileThatRuncTakesForNone) {
  const auto container = host_.Run({.seccomp = "{}"});
  if (GetParam() == Runtime::kCrun && !container) return;  // refused: as good as a filter
  ASSERT_THAT(container, IsOk());
  EXPECT_EQ(ReadSeccompLines((*container)->pid()).seccomp, 0);
}

TEST_P(OwnFilesTest, NoFileBelowTheRootUnconfinesAContainer) {
  // Something replaced, so that kept foreign bytes are there too.
  test_support::TreeBuilder(node_.seccomp_root()).File("web/a.json", "{}");
  node_.Apply({.name = "web",
               .data = {{"a.json", kAudit}},
               .annotations = {{"seccompd.io/adopt", "replace"}}});
  node_.Apply(TutorialProfiles());
  ASSERT_THAT(node_.StartAgent(), IsOk());
  ASSERT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="installed"})", 4))
      << node_.agent().LogSoFar();
  EXPECT_GE(node_.Files().size(), 5U) << "the ledger at least";
  ExpectNoWayAround("at rest");
  // Left behind in the middle of writing.
  ConfigMap many{.name = "many"};
  for (int i = 0; i < 40; ++i) many.data["p" + std::to_string(i) + ".json"] = kAudit;
  for (int round = 0; round < 8; ++round) {
    for (auto& [key, text] : many.data) text = round % 2 == 0 ? kAudit : kFineGrained;
    node_.Apply(many);
    std::this_thread::sleep_for(std::chrono::milliseconds(4 + 9 * round));
    node_.KillAgent();
    ExpectNoWayAround("after a kill");
    ASSERT_THAT(node_.StartAgent(), IsOk());
  }
  ExpectNoWayAround("after the restart");
}

}  // namespace
}  // namespace seccompd::e2e
