// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/cause.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/bpf/compile.h"
#include "common/bpf/runc_stub.h"
#include "common/seccomp/libseccomp_table.h"
#include "common/seccomp/parse.h"

namespace seccompd::bpf {
namespace {

using seccomp::ActionKind;
using seccomp::Arch;
using seccomp::CompareOp;
using seccomp::Profile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Arch kNative = Arch::kX86_64;

const seccomp::SyscallTable& Table() {
  static const seccomp::SyscallTable table = seccomp::LoadLibseccompTable(true);
  return table;
}

MATCHER_P2(Is, cause, detail, "") {
  return arg.cause == cause && ::testing::Matches(HasSubstr(std::string(detail)))(arg.detail);
}

class FindCausesTest : public ::testing::Test {
 protected:
  std::vector<CauseFound> Causes(const Profile& asked, const Program& loaded,
                                 std::string_view text = {}, const Profile* told = nullptr) {
    const auto compile = [](const Profile& profile) { return Compile(profile, kNative); };
    const auto want = workspace_.Decide(compile(asked).value());
    const auto is = workspace_.Decide(loaded);
    CompareOptions options;
    options.last_syscalls = LastSyscalls(asked, kNative, Table());
    const auto comparison = Compare(workspace_, want.value(), is.value(), options);
    return FindCauses(workspace_, is.value(), comparison.value(),
                      {.asked = asked,
                       .text = text,
                       .native = kNative,
                       .table = Table(),
                       .told = told,
                       .compile = compile});
  }

  static Program Loaded(const Profile& profile) { return Compile(profile, kNative).value(); }
  static Program LoadedByRunc(const Profile& profile) {
    return CompileFor(Runtime::kRunc, profile, kNative, Table()).value();
  }

  Workspace workspace_;
};

Profile Allowing(std::vector<std::string> names) {
  return {.default_action = ActionKind::kErrno,
          .architectures = {Arch::kX86_64, Arch::kX86},
          .syscalls = {{.names = std::move(names), .action = ActionKind::kAllow}}};
}

TEST_F(FindCausesTest, EqualHasNone) {
  const Profile profile = Allowing({"read"});
  EXPECT_THAT(Causes(profile, Loaded(profile)), IsEmpty());
}

TEST_F(FindCausesTest, RuncsEnosys) {
  const Profile profile = Allowing({"read", "openat2"});
  EXPECT_THAT(Causes(profile, LoadedByRunc(profile)), ElementsAre(Is(Cause::kRuncEnosys, "")));
}

TEST_F(FindCausesTest, DockerFieldsThatContainerdIgnores) {
  constexpr char kText[] = R"({
    "defaultAction": "SCMP_ACT_ERRNO",
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
    "syscalls": [
      {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
      {"name": "write", "action": "SCMP_ACT_ALLOW"},
      {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}}]})";
  const Profile asked = Allowing({"read", "write"});
  Profile read = Allowing({"read", "mount"});
  read.architectures.clear();
  EXPECT_THAT(Causes(asked, Loaded(read), kText),
              ElementsAre(Is(Cause::kDockerFields, "archMap, name, includes")));
  EXPECT_THAT(Causes(asked, LoadedByRunc(read), kText),
              ElementsAre(Is(Cause::kDockerFields, "includes")));
  EXPECT_THAT(Causes(asked, Loaded(Allowing({"read"})), kText), IsEmpty());
}

TEST_F(FindCausesTest, AnArchitectureThatIsMissing) {
  const Profile asked = Allowing({"read"});
  Profile other = asked;
  other.architectures = {Arch::kX86_64};
  EXPECT_THAT(Causes(asked, Loaded(other)), ElementsAre(Is(Cause::kMissingArchitecture, "i386")));
  other.architectures = {Arch::kX86_64, Arch::kX86, Arch::kX32};
  EXPECT_THAT(Causes(asked, Loaded(other)), ElementsAre(Is(Cause::kMissingArchitecture, "x32")));
}

TEST_F(FindCausesTest, AShorterSyscallTableOfTheRuntime) {
  const Profile asked = Allowing({"read", "close_range", "openat2", "landlock_add_rule"});
  const Profile known = Allowing({"read", "close_range", "openat2"});
  EXPECT_THAT(Causes(asked, Loaded(known)),
              ElementsAre(Is(Cause::kUnknownSyscall, "landlock_add_rule")));
  EXPECT_THAT(Causes(asked, LoadedByRunc(known)),
              ElementsAre(Is(Cause::kUnknownSyscall, "landlock_add_rule")));
  // An old call cannot be unknown: that is another cause.
  EXPECT_THAT(Causes(Allowing({"read", "mount"}), Loaded(Allowing({"read"}))), IsEmpty());
}

TEST_F(FindCausesTest, ALongerSyscallTableOfTheRuntime) {
  const Profile asked = Allowing({"read", "a_call_of_tomorrow"});
  Program loaded = Loaded(Allowing({"read"}));
  // nr == 4000 on x86_64 is let through, whatever the filter says.
  loaded.insert(loaded.begin(), {{.code = 0x20, .k = 4},
                                 {.code = 0x15, .jt = 0, .jf = 3, .k = 0xc000003e},
                                 {.code = 0x20, .k = 0},
                                 {.code = 0x15, .jt = 0, .jf = 1, .k = 4'000},
                                 {.code = 0x06, .k = 0x7fff0000}});
  EXPECT_THAT(Causes(asked, loaded), ElementsAre(Is(Cause::kUnknownSyscall, "a_call_of_tomorrow")));
  EXPECT_THAT(Causes(Allowing({"read"}), loaded), IsEmpty());
}

TEST_F(FindCausesTest, CriosNotifier) {
  Profile asked{.default_action = ActionKind::kAllow,
                .syscalls = {{.names = {"mount"}, .action = ActionKind::kErrno, .errno_ret = 1}}};
  Profile notified = asked;
  notified.syscalls.front().action = ActionKind::kNotify;
  notified.syscalls.front().errno_ret.reset();
  EXPECT_THAT(Causes(asked, Loaded(notified)), ElementsAre(Is(Cause::kNotifier, "")));
}

TEST_F(FindCausesTest, ToldOtherwise) {
  const Profile asked = Allowing({"read"});
  const Profile told = Allowing({"read", "bpf"});
  EXPECT_THAT(Causes(asked, Loaded(told), {}, &told), ElementsAre(Is(Cause::kToldOtherwise, "")));
  EXPECT_THAT(Causes(asked, Loaded(Allowing({"mount"})), {}, &told), IsEmpty());
}

TEST_F(FindCausesTest, LibseccompsMergeBug) {
  const auto below = [](std::uint64_t value, std::uint32_t error) {
    return seccomp::SyscallRule{.names = {"lseek"},
                                .action = ActionKind::kErrno,
                                .errno_ret = error,
                                .args = {{.index = 1, .op = CompareOp::kLt, .value = value}}};
  };
  Profile asked{.default_action = ActionKind::kAllow,
                .syscalls = {below(0x100000005, 1), below(0x100000003, 2)}};
  Profile fixed{.default_action = ActionKind::kAllow, .syscalls = {below(0x100000005, 1)}};
  fixed.syscalls.push_back(below(0x100000003, 3));
  const auto loaded = Loaded(fixed);
  EXPECT_THAT(Causes(asked, loaded), ElementsAre(Is(Cause::kLibseccompMerge, "lseek")));
  // A difference at another call is not explained by it.
  fixed.syscalls.push_back({.names = {"mount"}, .action = ActionKind::kErrno});
  EXPECT_THAT(Causes(asked, Loaded(fixed)), IsEmpty());
}

TEST_F(FindCausesTest, AnythingElseIsNotExplained) {
  EXPECT_THAT(Causes(Allowing({"read"}), Program{{.code = 0x06, .k = 0x7fff0000}}), IsEmpty());
}

}  // namespace
}  // namespace seccompd::bpf
