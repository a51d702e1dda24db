// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/purge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <string>

#include "tests/unit/install/install_world.h"

namespace seccompd::agent {
namespace {

using ::testing::HasSubstr;

class RunPurgeTest : public ::testing::Test, protected install::InstallWorld {
 protected:
  int Run(PurgeOptions options) {
    out_.str("");
    err_.str("");
    if (options.seccomp_root == PurgeOptions{}.seccomp_root) options.seccomp_root = dir_.path();
    return RunPurge(options, out_, err_);
  }
  void Installed() {
    Open();
    Go(install::Wanted({install::Want("web/a.json", "one"), install::Want("b.json", "bee")}));
  }

  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(RunPurgeTest, RemovesWhatNothingRefersTo) {
  Installed();
  Close();
  PurgeOptions options;
  options.references = install::Refers({"web/a.json"});
  EXPECT_EQ(Run(options), 1);
  EXPECT_THAT(out_.str(), HasSubstr("removed  b.json"));
  EXPECT_THAT(out_.str(), HasSubstr("kept     web/a.json"));
  EXPECT_EQ(Content("web/a.json"), "one");
  options.references = install::Refers();
  options.json = true;
  EXPECT_EQ(Run(options), 0);
  EXPECT_EQ(out_.str(), "{\"removed\":[\"web/a.json\"],\"kept\":[]}\n");
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

TEST_F(RunPurgeTest, WithoutPodsOnlyForceRemoves) {
  Installed();
  Close();
  EXPECT_EQ(Run({}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("--force"));
  EXPECT_EQ(Content("b.json"), "bee");
  PurgeOptions options;
  options.force = true;
  EXPECT_EQ(Run(options), 0);
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

TEST_F(RunPurgeTest, ARunningAgentOrAMissingRootIsSaid) {
  Installed();
  EXPECT_EQ(Run({}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("another seccompd"));
  PurgeOptions options;
  options.seccomp_root = dir_.Join("nowhere");
  EXPECT_EQ(Run(options), 2);
  EXPECT_THAT(err_.str(), HasSubstr("nowhere"));
}

}  // namespace
}  // namespace seccompd::agent
