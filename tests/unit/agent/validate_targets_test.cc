// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/validate_targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "common/document/document.h"
#include "tests/support/matchers.h"

namespace seccompd::agent {
namespace {

using base::ErrorCode;
using test_support::IsError;
using test_support::IsOk;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(ParseValidateTarget, TakesAnArchitectureAndAKernel) {
  const auto target = ParseValidateTarget("aarch64/5.10", {});
  ASSERT_THAT(target, IsOk());
  EXPECT_EQ(target->node.arch, seccomp::Arch::kAarch64);
  EXPECT_EQ(target->node.kernel_major, 5U);
  EXPECT_EQ(target->node.kernel_minor, 10U);
  EXPECT_THAT(ParseValidateTarget("amd64", {}), IsOk());
}

TEST(ParseValidateTarget, RefusesWhatItWouldIgnore) {
  for (const char* text : {"", "z80", "x86_64/new", "x86_64/6.1/containerd-0.7", "x86_64/6.1/",
                           "x86_64/6.1/6.2", "x86_64/runc-1.1/runc-1.2"}) {
    EXPECT_THAT(ParseValidateTarget(text, {}),
                IsError(ErrorCode::kInvalidArgument, HasSubstr("--target '")))
        << text;
  }
}

TEST(ParseValidateTarget, TakesWhatLoadsTheProfileThere) {
  const auto target = ParseValidateTarget("x86_64/5.10/crio-1.32/crun-1.8/libseccomp-2.5.4", {});
  ASSERT_THAT(target, IsOk());
  EXPECT_EQ(target->node.kernel_minor, 10U);
  EXPECT_EQ(target->loader.container_runtime, "crio-1.32");
  EXPECT_EQ(target->loader.crun, (seccomp::Release{1, 8, 0}));
  EXPECT_EQ(target->loader.libseccomp, (seccomp::Release{2, 5, 4}));
  const auto without_kernel = ParseValidateTarget("aarch64/runc-1.1.12", {});
  ASSERT_THAT(without_kernel, IsOk());
  EXPECT_EQ(without_kernel->loader.runc, (seccomp::Release{1, 1, 12}));
}

TEST(RunValidateTargets, ARuntimeHasFindingsOfItsOwn) {
  std::istringstream in(
      R"({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG"]})");
  std::ostringstream out;
  std::ostringstream err;
  RunValidateTargets({.inputs = {"-"}},
                     {ParseValidateTarget("x86_64/6.1/runc-1.1.12", {}).value(),
                      ParseValidateTarget("x86_64/6.1/runc-1.2.0", {}).value()},
                     in, out, err);
  const std::string text = out.str();
  const std::size_t second = text.find("target x86_64/6.1/runc-1.2.0");
  EXPECT_THAT(text.substr(0, second), HasSubstr("warning W0301 /flags"));
  EXPECT_THAT(text.substr(second), ::testing::Not(HasSubstr("W0301")));
}

// arch_prctl exists on x86_64 only.
constexpr char kProfile[] =
    R"({"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],)"
    R"("syscalls":[{"names":["read","arch_prctl"],"action":"SCMP_ACT_ALLOW"}]})";

struct Outcome {
  int exit_code;
  std::string out;
  std::string err;
};

Outcome Validate(ValidateFormat format) {
  ValidateOptions options{.inputs = {"-"}, .format = format};
  std::istringstream in(kProfile);
  std::ostringstream out;
  std::ostringstream err;
  const int exit_code = RunValidateTargets(options,
                                           {ParseValidateTarget("x86_64/6.1", {}).value(),
                                            ParseValidateTarget("aarch64/6.1", {}).value()},
                                           in, out, err);
  return {exit_code, out.str(), err.str()};
}

TEST(RunValidateTargets, ReportsEachTargetFromOneReadingOfStandardInput) {
  const Outcome outcome = Validate(ValidateFormat::kText);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("target x86_64/6.1\n"),
                                 HasSubstr("target aarch64/6.1\n"), HasSubstr("valid    <stdin>")));
  // arch_prctl exists on one of them only.
  const std::size_t second = outcome.out.find("target aarch64");
  EXPECT_EQ(outcome.out.substr(0, second).find("arch_prctl"), std::string::npos);
  EXPECT_THAT(outcome.out.substr(second), HasSubstr("arch_prctl"));
}

TEST(RunValidateTargets, JsonHoldsOneReportATarget) {
  const auto json = document::ParseJson(Validate(ValidateFormat::kJson).out);
  ASSERT_THAT(json, IsOk());
  ASSERT_EQ(json->Find("targets")->items.size(), 2U);
  const document::Node& second = json->Find("targets")->items[1];
  EXPECT_EQ(second.Find("target")->scalar, "aarch64/6.1");
  EXPECT_NE(second.Find("report")->Find("summary"), nullptr);
}

TEST(RunValidateTargets, SarifTakesOneTarget) {
  EXPECT_EQ(Validate(ValidateFormat::kSarif).exit_code, 2);
}

}  // namespace
}  // namespace seccompd::agent
