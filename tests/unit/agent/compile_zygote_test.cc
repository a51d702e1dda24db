// SPDX-License-Identifier: Apache-2.0
// A compiler that crashes, hangs or eats memory costs its profile, never the agent.
#include "agent/confinement/compile_zygote.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "common/bpf/compile.h"
#include "common/seccomp/arch.h"
#include "tests/support/matchers.h"

namespace seccompd::agent {
namespace {

using base::ErrorCode;
using base::Result;
using test_support::IsError;
using test_support::IsOk;
using ::testing::HasSubstr;

seccomp::Profile Profile(const std::string& name) {
  seccomp::Profile profile;
  profile.default_action = seccomp::ActionKind::kErrno;
  profile.syscalls.push_back({.names = {name}, .action = seccomp::ActionKind::kAllow, .args = {}});
  return profile;
}

// Misbehaves for profiles that name these syscalls.
Result<bpf::Program> Faulty(const seccomp::Profile& profile, seccomp::Arch native) {
  const std::string& name = profile.syscalls.front().names.front();
  if (name == "read") std::abort();
  if (name == "write") {
    while (::getpid() != 0) {
    }
  }
  if (name == "open") {
    for (;;) ::poll(nullptr, 0, 1000);
  }
  if (name == "close") {
    std::string eaten;
    for (;;) eaten.append(1 << 20, 'x');
  }
  if (name == "stat") ::_exit(0);
  return bpf::Compile(profile, native);
}

class CompileZygoteTest : public ::testing::TestWithParam<ConfinementMode> {
 protected:
  std::unique_ptr<CompileZygote> Start(CompileFunction compile = {}) {
    const CompileBounds bounds{.cpu = std::chrono::seconds(1), .wall = std::chrono::seconds(3)};
    auto zygote = CompileZygote::Start(GetParam(), bounds, std::move(compile));
    EXPECT_THAT(zygote, IsOk());
    return zygote ? *std::move(zygote) : nullptr;
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, CompileZygoteTest,
                         ::testing::Values(ConfinementMode::kOff, ConfinementMode::kOn,
                                           ConfinementMode::kKill),
                         [](const auto& test) {
                           return std::string(ConfinementModeName(test.param));
                         });

TEST_P(CompileZygoteTest, MakesTheProgramThatThisProcessWouldMake) {
  const auto zygote = Start();
  for (const seccomp::Arch arch : {seccomp::Arch::kX86_64, seccomp::Arch::kAarch64}) {
    for (const Role role : {Role::kAgent, Role::kCompiler}) {
      const seccomp::Profile profile = OwnProfile({.role = role, .pid = 42});
      const auto here = bpf::Compile(profile, arch);
      const auto there = zygote->Compile(profile, arch);
      ASSERT_THAT(there, IsOk());
      EXPECT_EQ(*there, *here);
    }
  }
}

TEST_P(CompileZygoteTest, PassesOnWhatLibseccompRefuses) {
  const auto zygote = Start();
  seccomp::Profile profile = Profile("read");
  profile.syscalls.front().args = {{.index = 9}};
  const auto here = bpf::Compile(profile, seccomp::NativeArch());
  ASSERT_FALSE(here.has_value());
  EXPECT_THAT(zygote->Compile(profile, seccomp::NativeArch()),
              IsError(ErrorCode::kInvalidArgument, ::testing::Not(::testing::IsEmpty())));
}

TEST_P(CompileZygoteTest, OutlivesEveryWorkerThatMisbehaves) {
  const auto zygote = Start(&Faulty);
  const auto compile = [&](const char* name) {
    return zygote->Compile(Profile(name), seccomp::NativeArch());
  };
  EXPECT_THAT(compile("read"), IsError(ErrorCode::kInvalidArgument, HasSubstr("libseccomp")));
  EXPECT_THAT(compile("write"), IsError(ErrorCode::kInvalidArgument, HasSubstr("more than 1 s")));
  EXPECT_THAT(compile("open"), IsError(ErrorCode::kInvalidArgument, HasSubstr("more than 1 s")));
  EXPECT_THAT(compile("stat"), IsError(ErrorCode::kInvalidArgument, HasSubstr("memory")));
#ifndef __SANITIZE_ADDRESS__
  EXPECT_FALSE(compile("close").has_value());
#endif
  EXPECT_FALSE(zygote->gone());
  EXPECT_THAT(compile("getpid"), IsOk());
}

TEST_P(CompileZygoteTest, ItsDeathIsSaidAndSeen) {
  const auto zygote = Start();
  pollfd ended{.fd = zygote->pidfd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&ended, 1, 0), 0);
  ASSERT_EQ(::kill(zygote->pid(), SIGKILL), 0);
  EXPECT_EQ(::poll(&ended, 1, 10'000), 1);
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(zygote->Compile(Profile("read"), seccomp::NativeArch()),
                IsError(ErrorCode::kGone, HasSubstr("restart")));
  }
  EXPECT_TRUE(zygote->gone());
}

// One worker waits for the next request. Its end says nothing of the profile that comes.
TEST_P(CompileZygoteTest, AWorkerKilledWhileItWaitsIsReplaced) {
  for (int round = 0; round < 3; ++round) {
    const auto zygote =
        Start();  // its first worker: after a request an ended one may be there, too
    const std::string pid = std::to_string(zygote->pid());
    pid_t worker = 0;
    for (int tries = 0; worker == 0 && tries < 10'000; ++tries) {
      std::ifstream("/proc/" + pid + "/task/" + pid + "/children") >> worker;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ASSERT_NE(worker, 0);
    const base::UniqueFd watch(static_cast<int>(::syscall(SYS_pidfd_open, worker, 0)));
    ASSERT_TRUE(watch.valid());
    ASSERT_EQ(::kill(worker, SIGKILL), 0);
    pollfd ended{.fd = watch.get(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&ended, 1, 10'000), 1);
    EXPECT_THAT(zygote->Compile(Profile("read"), seccomp::NativeArch()), IsOk());
  }
}

TEST_P(CompileZygoteTest, EndsWithTheAgent) {
  auto zygote = Start();
  const base::UniqueFd watch(::dup(zygote->pidfd()));
  zygote.reset();
  pollfd ended{.fd = watch.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&ended, 1, 10'000), 1);
}

TEST_P(CompileZygoteTest, HoldsNothing) {
  if (GetParam() == ConfinementMode::kOff) return;
  const auto zygote = Start();
  std::ostringstream status;
  status << std::ifstream("/proc/" + std::to_string(zygote->pid()) + "/status").rdbuf();
  for (const char* line : {"CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n",
                           "NoNewPrivs:\t1\n", "Seccomp:\t2\n"}) {
    EXPECT_THAT(status.str(), HasSubstr(line));
  }
}

}  // namespace
}  // namespace seccompd::agent
