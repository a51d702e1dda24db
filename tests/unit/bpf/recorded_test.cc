// SPDX-License-Identifier: Apache-2.0
// Our own compilation of the recorded profiles means what the recorded programs mean.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "common/bpf/compare.h"
#include "common/bpf/compile.h"
#include "common/bpf/runc_stub.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/parse.h"
#include "tests/unit/bpf/filter_files.h"

namespace seccompd::bpf {
namespace {

// Read from the kernel under real containers (tests/integration/runtime_filters_test.cc).
class RecordedRuntime : public ::testing::TestWithParam<std::string> {};

TEST_P(RecordedRuntime, FiltersMeanWhatWeCompile) {
  if (LibseccompVersion() != "2.5.4") {
    GTEST_SKIP() << "recorded with the syscall table of libseccomp 2.5.4";
  }
  const std::string name = "runtimes/" + GetParam();
  const seccomp::SyscallTable table = seccomp::LoadLibseccompTable(true);
  std::ifstream file(testing::FilterPath(name + ".json"));
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto parsed = seccomp::ParseProfile(text);
  ASSERT_TRUE(parsed.profile.has_value());
  const RuncStub recorded_with = RuncStubOf("1.1.5").value_or(RuncStub());
  std::size_t filters = 0;
  for (const char* suffix : {".crun", ".runc", ".runc-1", ".runc-2", ".runc-3"}) {
    const Program loaded = testing::RecordedFilter(name + suffix);
    if (loaded.empty()) continue;
    ++filters;
    const Runtime runtime = suffix[1] == 'r' ? Runtime::kRunc : Runtime::kCrun;
    const auto ours =
        CompileFor(runtime, *parsed.profile, seccomp::Arch::kX86_64, table, recorded_with);
    ASSERT_TRUE(ours.has_value()) << ours.error().message;
    Workspace workspace;
    const auto is = workspace.Decide(loaded);
    const auto want = workspace.Decide(*ours);
    ASSERT_TRUE(is && want);
    EXPECT_EQ(*is, *want) << suffix;
  }
  EXPECT_GE(filters, 2U);
}

std::string TestName(const ::testing::TestParamInfo<std::string>& profile) {
  std::string name = profile.param;
  for (char& c : name) {
    if (c == '-' || c == '.') c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, RecordedRuntime,
                         ::testing::Values("allow-all", "containerd-1.7.13", "containerd-2.3.1",
                                           "deny-by-argument", "enosys-default", "few-names",
                                           "foreign-arch", "kill-default", "log-all", "native-only",
                                           "no-x32", "trap-default", "unknown-names"),
                         TestName);

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
                         TestName);

}  // namespace
}  // namespace seccompd::bpf
