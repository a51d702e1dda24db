// SPDX-License-Identifier: Apache-2.0
// Our own compilation of the recorded profiles means what the recorded programs mean.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "common/bpf/compare.h"
#include "common/bpf/compile.h"
#include "common/seccomp/parse.h"
#include "tests/unit/bpf/filter_files.h"

namespace seccompd::bpf {
namespace {

class RecordedProfile : public ::testing::TestWithParam<std::string> {};

TEST_P(RecordedProfile, CompilesToTheRecordedMeaning) {
  if (LibseccompVersion() != "2.5.4") {
    GTEST_SKIP() << "recorded with the syscall table of libseccomp 2.5.4";
  }
  std::ifstream file(testing::FilterPath(GetParam() + ".json"));
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto parsed = seccomp::ParseProfile(text);
  ASSERT_TRUE(parsed.profile.has_value());
  const auto compiled = Compile(*parsed.profile, seccomp::Arch::kX86_64);
  ASSERT_TRUE(compiled.has_value()) << compiled.error().message;
  Workspace workspace;
  const auto ours = workspace.Decide(*compiled);
  const auto recorded = workspace.Decide(testing::RecordedFilter(GetParam()));
  ASSERT_TRUE(ours && recorded);
  EXPECT_EQ(*ours, *recorded);
}

INSTANTIATE_TEST_SUITE_P(All, RecordedProfile,
                         ::testing::Values("containerd-1.7.13", "containerd-1.7.32",
                                           "containerd-2.3.1"),
                         [](const auto& profile) {
                           std::string name = profile.param;
                           for (char& c : name) {
                             if (c == '-' || c == '.') c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace seccompd::bpf
