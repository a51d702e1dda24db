// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/parse.h"

namespace seccompd::seccomp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const SyscallTable& Table() {
  static const SyscallTable table = LoadLibseccompTable(true);
  return table;
}

// "CODE pointer: message" of what a loader makes of a profile.
std::vector<std::string> Findings(const std::string& text, std::vector<std::string> loaders,
                                  NodeFacts node = {}) {
  node.arch = Arch::kX86_64;
  LoaderFacts loader;
  for (const std::string& one : loaders) EXPECT_TRUE(AddLoader(one, &loader)) << one;
  const ParsedProfile parsed = ParseProfile(text);
  EXPECT_TRUE(parsed.profile) << text;
  std::vector<std::string> out;
  for (const Diagnostic& d : DiagnoseLoader(*parsed.profile, Table(), node, loader)) {
    out.push_back(std::string(d.code) + " " + d.pointer + ": " + d.message);
  }
  return out;
}
NodeFacts Kernel(std::uint32_t major, std::uint32_t minor) {
  return {.kernel_major = major, .kernel_minor = minor};
}

TEST(AddLoader, ReadsReleasesAndRefusesWhatItWouldIgnore) {
  LoaderFacts loader;
  for (const char* text : {"runc-1.1.12", "libseccomp-2.5.4-1+deb12u1", "containerd-1.7.13"}) {
    EXPECT_TRUE(AddLoader(text, &loader)) << text;
  }
  EXPECT_EQ(loader.runc, (Release{1, 1, 12}));
  EXPECT_EQ(loader.libseccomp, (Release{2, 5, 4}));
  EXPECT_EQ(loader.container_runtime, "containerd-1.7.13");
  for (const char* text : {"", "runc", "runc-", "runc-new", "runc-1", "runc-1.2x", "crun-",
                           "docker", "containerd-9.9", "crio-1.30", "runc-1.2", "crio-1.32"}) {
    EXPECT_FALSE(AddLoader(text, &loader)) << text;  // the last two are the second of a kind
  }
}

TEST(DiagnoseLoader, SaysNothingOfWhatIsNotKnown) {
  EXPECT_THAT(Findings(R"({"defaultAction": "SCMP_ACT_LOG", "flags": ["SECCOMP_FILTER_FLAG_LOG"],
                           "syscalls": [{"names": ["cachestat"], "action": "SCMP_ACT_ERRNO"}]})",
                       {}),
              IsEmpty());
}

TEST(DiagnoseLoader, FlagsThatARuntimeOrKernelRefuses) {
  const std::string log =
      R"({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_LOG"]})";
  EXPECT_THAT(Findings(log, {"runc-1.1.12"}),
              ElementsAre(HasSubstr("W0301 /flags: runc 1.1.12 takes no filter flag")));
  EXPECT_THAT(Findings(log, {"runc-1.2.0"}, Kernel(4, 14)), IsEmpty());
  EXPECT_THAT(Findings(log, {}, Kernel(4, 9)),
              ElementsAre(HasSubstr("W0301 /flags/0: Linux 4.9 does not know it")));
  const std::string wait =
      R"({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]})";
  EXPECT_THAT(Findings(wait, {"runc-1.4.0"}, Kernel(5, 15)),
              ElementsAre(HasSubstr("runc 1.4.0 does not know"), HasSubstr("Linux 5.15")));
}

TEST(DiagnoseLoader, ActionsThatAKernelLacks) {
  const std::string text = R"({"defaultAction": "SCMP_ACT_KILL_PROCESS", "syscalls": [
      {"names": ["read"], "action": "SCMP_ACT_LOG"}, {"names": ["write"], "action": "SCMP_ACT_LOG"}]})";
  EXPECT_THAT(Findings(text, {}, Kernel(4, 4)),
              ElementsAre(HasSubstr("W0301 /defaultAction: Linux 4.4 has no SCMP_ACT_KILL_PROCESS"),
                          HasSubstr("W0301 /syscalls/0/action: Linux 4.4 has no SCMP_ACT_LOG")));
  EXPECT_THAT(Findings(text, {}, Kernel(4, 14)), IsEmpty());
}

TEST(DiagnoseLoader, UpperBoundsThatOldLibseccompMerges) {
  const std::string text = R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
      {"names": ["ioctl"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
       "args": [{"index": 1, "value": 5, "op": "SCMP_CMP_LT"}]},
      {"names": ["ioctl"], "action": "SCMP_ACT_ERRNO", "errnoRet": 2,
       "args": [{"index": 1, "value": 3, "op": "SCMP_CMP_LT"}]}]})";
  EXPECT_THAT(Findings(text, {"libseccomp-2.6.0"}),
              ElementsAre(HasSubstr("W0302 /syscalls/1/args: libseccomp 2.6.0 may give ioctl")));
  EXPECT_THAT(Findings(text, {"libseccomp-2.6.1"}), IsEmpty());
}

TEST(DiagnoseLoader, CallsThatTheTargetDoesNotKnow) {
  const std::string text = R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
      "syscalls": [{"names": ["read", "openat2", "close_range", "futex_waitv"],
                    "action": "SCMP_ACT_ALLOW"}]})";
  EXPECT_THAT(Findings(text, {}, Kernel(5, 6)),
              ElementsAre(HasSubstr("Linux 5.6 does not know close_range, futex_waitv: ")));
  EXPECT_THAT(Findings(text, {}, Kernel(5, 16)), IsEmpty());
  EXPECT_THAT(
      Findings(text, {"libseccomp-2.5.3"}),
      ElementsAre(HasSubstr("N0301 /syscalls: libseccomp 2.5.3 does not know futex_waitv")));
  EXPECT_THAT(Findings(text, {"libseccomp-3.0"}), IsEmpty());
}

TEST(DiagnoseLoader, RuncsEnosysIsSaidWhereItDiffersFromTheDefault) {
  const auto with = [](const std::string& action) {
    return R"({"defaultAction": ")" + action +
           R"(", "syscalls": [{"names": ["read", "openat2"], "action": "SCMP_ACT_ERRNO",
                               "errnoRet": 5}]})";
  };
  EXPECT_THAT(Findings(with("SCMP_ACT_KILL_PROCESS"), {"runc-1.1.5"}),
              ElementsAre(HasSubstr("N0302 /defaultAction: runc answers ENOSYS instead of "
                                    "KILL_PROCESS to every call above openat2 (437)")));
  EXPECT_THAT(Findings(with("SCMP_ACT_ALLOW"), {"runc-1.1.5"}), IsEmpty());
  EXPECT_THAT(Findings(with("SCMP_ACT_KILL_PROCESS"), {"crun-1.8.1"}), IsEmpty());
}

}  // namespace
}  // namespace seccompd::seccomp
