// SPDX-License-Identifier: Apache-2.0
// `seccompd audit` at evidence `filter`: what is really loaded by real runtimes, by meaning.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "common/bpf/compile.h"
#include "common/seccomp/parse.h"
#include "common/seccomp/render.h"
#include "common/seccomp/runtime_default.h"
#include "tests/integration/audit_node.h"
#include "tests/support/container_host.h"
#include "tests/support/exposition.h"
#include "tests/support/tree_builder.h"
#include "tests/unit/filters/live.h"

namespace seccompd::agent {
namespace {

using test_support::Container;
using test_support::ContainerSpec;
using test_support::PodRow;
using test_support::Runtime;
using test_support::TreeBuilder;
using testing::HasSubstr;

constexpr std::string_view kDenyBpf = R"({"defaultAction":"SCMP_ACT_ALLOW",
  "syscalls":[{"names":["bpf"],"action":"SCMP_ACT_ERRNO"}]})";
constexpr std::string_view kDenyBpfAndKeyctl = R"({"defaultAction":"SCMP_ACT_ALLOW",
  "syscalls":[{"names":["bpf","keyctl"],"action":"SCMP_ACT_ERRNO"}]})";
constexpr std::string_view kDenyOtherwise = R"({"defaultAction":"SCMP_ACT_ALLOW",
  "syscalls":[{"names":["bpf","keyctl"],"action":"SCMP_ACT_ERRNO","errnoRet":13}]})";
constexpr std::string_view kDenyMore = R"({"defaultAction":"SCMP_ACT_ALLOW",
  "syscalls":[{"names":["bpf","keyctl","ptrace"],"action":"SCMP_ACT_ERRNO"}]})";
constexpr std::string_view kAllowAll = R"({"defaultAction":"SCMP_ACT_ALLOW"})";
// An allow list: runc answers ENOSYS to calls above the highest one named.
constexpr std::string_view kAllowList = R"({"defaultAction":"SCMP_ACT_ERRNO",
  "architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32"],
  "syscalls":[{"names":["read","write","close","fstat","getpid","execve","fcntl","getcwd","chdir",
  "setuid","setgid","getppid","setgroups","capget","capset","fstatfs","prctl","getdents64",
  "epoll_ctl","openat","newfstatat","faccessat2","brk","arch_prctl","mmap","munmap","mprotect",
  "set_tid_address","set_robust_list","rseq","prlimit64","readlinkat","getrandom","clock_nanosleep",
  "nanosleep","exit_group","exit","rt_sigreturn","rt_sigaction","rt_sigprocmask","futex","getuid",
  "geteuid","getgid","getegid","uname","ioctl","access","stat","lstat","readlink","setresuid",
  "setresgid","dup2","wait4","fork","vfork","clone","poll","restart_syscall"],
  "action":"SCMP_ACT_ALLOW"}]})";

class FilterVerdictsTest : public testing::TestWithParam<Runtime>, protected AuditNode {
 protected:
  void SetUp() override {
    REQUIRE_CONTAINERS();
    Install({{.path = "web/app.json", .number = 1, .body = kDenyBpf, .age = std::chrono::hours(48)},
             {.path = "web/app.json", .number = 2, .body = kDenyBpfAndKeyctl},
             {.path = "web/list.json", .number = 1, .body = kAllowList}});
  }

  // A container whose runtime is told `told` ("" for none), in a pod that asks `asked`.
  Container& Start(const std::string& pod, std::string_view told, std::optional<std::string> asked,
                   ContainerSpec spec = {}, bool privileged = false) {
    if (!told.empty()) spec.seccomp = std::string(told);
    auto container = host_.Run(spec);
    EXPECT_TRUE(container.has_value()) << pod << ": " << container.error().message;
    if (!container) std::abort();
    PodRow row;
    row.name = pod;
    row.uid = (*container)->pod_uid();
    row.container_id = (*container)->id();
    row.seccomp = std::move(asked);
    row.privileged = privileged;
    pods().push_back(row);
    containers_.push_back(std::move(*container));
    return *containers_.back();
  }

  test_support::ContainerHost host_{GetParam()};
  std::vector<std::unique_ptr<Container>> containers_;
};

INSTANTIATE_TEST_SUITE_P(Runtimes, FilterVerdictsTest,
                         testing::Values(Runtime::kCrun, Runtime::kRunc),
                         [](const auto& test) { return RuntimeName(test.param); });

TEST_P(FilterVerdictsTest, EveryVerdictOfALocalhostProfile) {
  const std::string asked = "Localhost:web/app.json";
  Start("match", kDenyBpfAndKeyctl, asked);
  Start("stale", kDenyBpf, asked);
  Start("weaker", kAllowAll, asked);
  Start("stricter", kDenyMore, asked);
  Start("differs", kDenyOtherwise, asked);
  Start("bare", "", asked);
  Start("privileged", "", asked, {}, true);
  Start("list", kAllowList, "Localhost:web/list.json");
  Start("nothing", "", std::nullopt);
  Start("self", kAllowAll, "Unconfined");
  EXPECT_THAT(Audit(),
              testing::ElementsAre(
                  testing::Pair("bare", "not_enforced"), testing::Pair("differs", "differs"),
                  testing::Pair("list", "match"), testing::Pair("match", "match"),
                  testing::Pair("nothing", "unconfined"),
                  testing::Pair("privileged", "not_enforced(privileged)"),
                  testing::Pair("self", "stricter(not-asked)"),
                  testing::Pair("stale", "stale(old-revision)/weaker"),
                  testing::Pair("stricter", "stricter"), testing::Pair("weaker", "weaker")));
  EXPECT_EQ(Why("weaker"), "permits keyctl(*) on x86_64: ALLOW instead of ERRNO(1); 1 more");
  EXPECT_EQ(Why("stale"), "r1 permits keyctl(*) on x86_64: ALLOW instead of ERRNO(1): restart");
  EXPECT_THAT(Why("stricter"), HasSubstr("refuses ptrace(*) on x86_64: ERRNO(1) instead of ALLOW"));
  EXPECT_THAT(Why("differs"), HasSubstr("ERRNO(13) instead of ERRNO(1)"));
}

// A process of the host that joins a container's cgroup, as a host tool would move it there.
class Joined {
 public:
  Joined(const Container& container, const std::vector<bpf::Program>& stack) : sleeper_(stack) {
    EXPECT_EQ(sleeper_.error(), "");
    std::error_code error;
    std::vector<std::string> roots = {"/sys/fs/cgroup"};
    for (const auto& entry : std::filesystem::directory_iterator("/sys/fs/cgroup", error)) {
      roots.push_back(entry.path().string());
    }
    int joined = 0;
    for (const std::string& root : roots) {
      const std::string list = root + container.cgroup_path() + "/cgroup.procs";
      if (::access(list.c_str(), W_OK) != 0) continue;
      std::ofstream file(list);
      file << sleeper_.pid() << std::flush;
      joined += file ? 1 : 0;
    }
    EXPECT_GT(joined, 0);
  }
  [[nodiscard]] pid_t pid() const { return sleeper_.pid(); }

 private:
  filters::live::Sleeper sleeper_;
};

TEST_P(FilterVerdictsTest, AnExecdProcessHasTheContainersFilterAndAMovedOneIsNamed) {
  const std::string asked = "Localhost:web/app.json";
  Container& container = Start("app", kDenyBpfAndKeyctl, asked);
  ASSERT_TRUE(container.Exec({"/bin/sleep", "1000"}).has_value());
  EXPECT_EQ(Audit()["app"], "match");
  const Joined bare(container, {});
  EXPECT_EQ(Audit()["app"], "not_enforced");
  EXPECT_THAT(json(), HasSubstr("\"witness\":{\"pid\":" + std::to_string(bare.pid()) + ","));
}

TEST_P(FilterVerdictsTest, ASelfSandboxingWorkloadStillMatches) {
  Container& container = Start("app", kDenyBpfAndKeyctl, "Localhost:web/app.json");
  const auto program =
      bpf::Compile(*seccomp::ParseProfile(kDenyBpfAndKeyctl).profile, seccomp::NativeArch());
  const Joined sandboxed(container, {*program, filters::live::NoBpf(7)});
  EXPECT_EQ(Audit()["app"], "match");
}

TEST_P(FilterVerdictsTest, HostileStacksBlindNobodyElse) {
  const std::string asked = "Localhost:web/app.json";
  Start("normal", kDenyBpfAndKeyctl, asked);
  const Joined longest(Start("longest", kDenyBpfAndKeyctl, asked),
                       {filters::live::Marked(1, 4096)});
  const Joined three(Start("three", kDenyBpfAndKeyctl, asked),
                     {filters::live::Marked(1, 4000), filters::live::Marked(2, 4000),
                      filters::live::Marked(3, 4000)});
  const Joined many(Start("many", kDenyBpfAndKeyctl, asked),
                    std::vector<bpf::Program>(3'600, filters::live::Allow()));
  auto verdicts = Audit();
  EXPECT_EQ(verdicts["normal"], "match");
  EXPECT_EQ(verdicts["longest"], "weaker");
  EXPECT_EQ(verdicts["three"], "weaker");
  EXPECT_EQ(verdicts["many"], "unknown(too-many-filters)");
}

// Asked for i386 too, loaded for x86_64 alone: its 32-bit calls are killed.
TEST_P(FilterVerdictsTest, AMissingArchitectureIsNamedAsTheCause) {
  std::string native(kAllowList);
  const std::string archs =
      R"("architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32"],)";
  ASSERT_NE(native.find(archs), std::string::npos);
  native.replace(native.find(archs), archs.size(),
                 R"("architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X32"],)");
  Start("native", native, "Localhost:web/list.json");
  EXPECT_THAT(Audit()["native"], testing::AnyOf("stricter", "differs")) << json();
  EXPECT_THAT(json(), HasSubstr(R"("cause":"missing-architecture","detail":"i386")"));
  EXPECT_THAT(Why("native"),
              HasSubstr("cause: the architecture is listed on one side only (i386)"));
}

// A file of another tool: the runtime read it without the fields that only Docker knows.
TEST_P(FilterVerdictsTest, FieldsThatTheRuntimeIgnoresAreNamedAsTheCause) {
  PutFile("docker/a.json", R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
    {"names":["bpf"],"action":"SCMP_ACT_ERRNO"},
    {"names":["keyctl"],"action":"SCMP_ACT_ERRNO","excludes":{"caps":["CAP_CHOWN"]}}]})");
  Start("docker", kDenyBpfAndKeyctl, "Localhost:docker/a.json");
  EXPECT_EQ(Audit()["docker"], "stricter");
  EXPECT_THAT(json(), HasSubstr(R"("cause":"docker-fields","detail":"excludes")"));
}

TEST_P(FilterVerdictsTest, AnotherProfileThatTheRuntimeWasToldIsNamedAsTheCause) {
  Start("told", kAllowAll, "Localhost:web/app.json");
  TreeBuilder(Join("bundles"))
      .File(containers_[0]->id() + "/config.json",
            R"({"ociVersion":"1.0.0","linux":{"seccomp":)" + std::string(kAllowAll) + "}}");
  options().bundles = Join("bundles") + "/*/config.json";
  options().runtime = "containerd-2.2.4";
  EXPECT_EQ(Audit()["told"], "weaker");
  EXPECT_THAT(json(), HasSubstr(R"("cause":"told-otherwise","detail":"an NRI plugin may)"));
}

TEST_P(FilterVerdictsTest, ThreadsOfTheContainerAreCounted) {
  Container& container = Start("app", kDenyBpfAndKeyctl, "Localhost:web/app.json");
  ASSERT_TRUE(container.Exec({"/bin/sleep", "1000"}).has_value());
  EXPECT_EQ(Audit()["app"], "match");
  EXPECT_THAT(json(), HasSubstr(R"("threads":{"total":2,"same":2})"));
  const Joined other(container, {filters::live::NoBpf(7)});
  EXPECT_EQ(Audit()["app"], "weaker");
  EXPECT_THAT(json(), HasSubstr(R"("threads":{"total":3,"same":1})"));
}

// prctl(PR_SET_NAME): for ten seconds anybody may look like a runtime's init, no longer.
TEST_P(FilterVerdictsTest, AWorkloadThatCallsItselfAnInitIsJudgedAfterTenSeconds) {
  host_.AddProgram(SECCOMPD_RENAMED, "renamed");
  Start("fake", kAllowAll, "Localhost:web/app.json",
        {.args = {"/bin/renamed", "runc:[2:INIT]", "500"}});
  const pid_t pid = containers_[0]->pid();
  const auto name = [&] { return filters::live::StatusField(std::to_string(pid), "Name"); };
  ASSERT_TRUE(
      test_support::WaitFor(std::chrono::seconds(5), [&] { return name() == "runc:[2:INIT]"; }));
  EXPECT_EQ(Audit()["fake"], "unknown(starting)");
  EXPECT_TRUE(test_support::WaitFor(std::chrono::seconds(20),
                                    [&] { return Audit()["fake"] != "unknown(starting)"; }));
  EXPECT_EQ(Audit()["fake"], "weaker");
  EXPECT_EQ(name(), "runc:[2:INIT]");
}

TEST_P(FilterVerdictsTest, BundlesSayWhatTheRuntimeWasTold) {
  Start("default", kDenyBpf, "RuntimeDefault");
  EXPECT_EQ(Audit()["default"], "unknown(runtime-version)");
  TreeBuilder(Join("bundles"))
      .File(containers_[0]->id() + "/config.json",
            R"({"ociVersion":"1.0.0","linux":{"seccomp":)" + std::string(kDenyBpf) + "}}");
  options().bundles = Join("bundles") + "/*/config.json";
  EXPECT_EQ(Audit()["default"], "match");
}

TEST_P(FilterVerdictsTest, KnownRuntimeDefaultsAreToldApart) {
  const auto profile = [](seccomp::ContainerdDefault version) {
    return seccomp::RenderOci(seccomp::ContainerdDefaultProfile(version, seccomp::NodeFacts{},
                                                                seccomp::DefaultCapabilities()));
  };
  Start("old", profile(seccomp::ContainerdDefault::k1_7_13), "RuntimeDefault");
  Start("new", profile(seccomp::ContainerdDefault::k2_2_4), "RuntimeDefault");
  auto verdicts = Audit();
  EXPECT_EQ(verdicts["old"], "match");
  EXPECT_EQ(verdicts["new"], "match");
  EXPECT_THAT(json(), HasSubstr("\"same_as\":\"containerd 1.7.13-1.7.31\""));
  options().runtime = "containerd-2.2.4";
  verdicts = Audit();
  EXPECT_EQ(verdicts["old"], "weaker");
  EXPECT_EQ(verdicts["new"], "match");
}

TEST_P(FilterVerdictsTest, BlocksAsksEveryContainer) {
  Start("safe", kDenyBpf, "Unconfined");
  options().blocks = {"bpf"};
  static_cast<void>(Audit());
  EXPECT_THAT(json(), HasSubstr("{\"name\":\"bpf\",\"result\":\"blocked\",\"open\":[]}"));
  Start("open", kAllowAll, "Unconfined");
  static_cast<void>(Audit());
  EXPECT_THAT(json(), HasSubstr("{\"name\":\"bpf\",\"result\":\"permitted\",\"open\":[\"bpf\"]}"));
}

TEST_P(FilterVerdictsTest, AllowAllIsBelowAFloorThatItsProfileDoesNotMention) {
  Install({{.path = "web/floor.json", .number = 1, .body = kDenyBpf},
           {.path = "web/all.json", .number = 1, .body = kAllowAll}});
  Start("all", kAllowAll, "Localhost:web/all.json");
  options().floor = "web/floor.json";
  EXPECT_EQ(Audit()["all"], "match");
  EXPECT_THAT(json(), HasSubstr("\"floor\":\"below\",\"floor_difference\":\"permits bpf(*)"));
}

}  // namespace
}  // namespace seccompd::agent
