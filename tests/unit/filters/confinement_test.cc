// SPDX-License-Identifier: Apache-2.0
// What a reader needs to load and what it needs to go on, each tried in a child of its own.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "tests/unit/filters/live.h"

namespace seccompd::filters {
namespace {

using live::kCapBpfBit;
using live::kCapPerfmonBit;
using live::LoadFilter;
using live::Marked;
using live::RunInChild;
using live::SetCapabilities;
using live::Sleeper;

using Confinement = live::RootTest;

// Opens a reader with just these capabilities; the error's text, or empty.
std::string OpenWith(std::uint64_t capabilities) {
  if (std::string error = SetCapabilities(capabilities); !error.empty()) return error;
  auto reader = FilterReader::Open();
  return reader ? ""
                : std::string(base::ErrorCodeName(reader.error().code)) + ": " +
                      reader.error().message;
}

// Linux before 5.19 checks the capabilities on every bpf(2) command, unless the sysctl is 0.
bool KernelChecksEveryCommand() {
  utsname names{};
  if (::uname(&names) != 0) return false;
  int major = 0;
  int minor = 0;
  std::istringstream release(names.release);
  release >> major;
  release.ignore(1);
  release >> minor;
  int disabled = 0;
  std::ifstream("/proc/sys/kernel/unprivileged_bpf_disabled") >> disabled;
  return major * 1000 + minor < 5019 && disabled != 0;
}

// Scans and reads `sleeper`, which runs under `stack`, a few times.
std::string ReadsRight(FilterReader& reader, pid_t sleeper, const bpf::Stack& stack) {
  for (int i = 0; i < 5; ++i) {
    const auto read = live::ReadStack(reader, sleeper);
    if (!read) return read.error();
    if (*read != stack) return "another stack";
  }
  return "";
}

TEST_F(Confinement, LoadsWithBpfAndPerfmonAlone) {
  EXPECT_EQ(RunInChild([] { return OpenWith(kCapBpfBit | kCapPerfmonBit); }), "");
}

TEST_F(Confinement, MissingCapabilitiesAreNamed) {
  const std::string add = ": add it to the container's securityContext.capabilities.add";
  const std::string start = "permission denied: this process lacks ";
  EXPECT_EQ(RunInChild([] { return OpenWith(kCapBpfBit); }), start + "CAP_PERFMON" + add);
  EXPECT_EQ(RunInChild([] { return OpenWith(kCapPerfmonBit); }), start + "CAP_BPF" + add);
  EXPECT_EQ(RunInChild([] { return OpenWith(0); }), start + "CAP_BPF and CAP_PERFMON" + add);
}

TEST_F(Confinement, AFilterThatRefusesBpfIsNamed) {
  for (const int error : {EPERM, EACCES, ENOSYS}) {
    const std::string said = RunInChild([error] {
      std::string failed = LoadFilter(live::NoBpf(static_cast<std::uint16_t>(error)));
      return failed + OpenWith(kCapBpfBit | kCapPerfmonBit);
    });
    EXPECT_THAT(said, ::testing::HasSubstr("runs under a seccomp filter that refuses bpf(2)"));
  }
}

TEST_F(Confinement, AUserNamespaceIsNamed) {
  const std::string said = RunInChild([]() -> std::string {
    if (::unshare(CLONE_NEWUSER) != 0) return "unshare";
    auto reader = FilterReader::Open();
    return reader ? "opened" : reader.error().message;
  });
  EXPECT_THAT(said, ::testing::HasSubstr("is in a user namespace"));
}

TEST_F(Confinement, ReadsOnWithoutCapabilitiesUnderAFilterThatAllowsOnlyIterCreate) {
  const bpf::Stack stack = {Marked(1, 900), Marked(2, 17)};
  const Sleeper sleeper(stack);
  ASSERT_EQ(sleeper.error(), "");
  const std::string said = RunInChild([&]() -> std::string {
    if (auto error = SetCapabilities(kCapBpfBit | kCapPerfmonBit); !error.empty()) return error;
    auto reader = FilterReader::Open();
    if (!reader) return reader.error().message;
    const bool keep = KernelChecksEveryCommand();
    if (auto error = SetCapabilities(keep ? kCapBpfBit | kCapPerfmonBit : 0); !error.empty()) {
      return error;
    }
    if (auto error = LoadFilter(live::OnlyIterCreate()); !error.empty()) return error;
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
      if (!keep && live::StatusField("self", set) != "0000000000000000") return set;
    }
    return ReadsRight(*reader, sleeper.pid(), stack);
  });
  EXPECT_EQ(said, "");
}

TEST_F(Confinement, TheFilterOfTheTestAboveDoesForbidTheRest) {
  const std::string said = RunInChild([]() -> std::string {
    if (auto error = LoadFilter(live::OnlyIterCreate()); !error.empty()) return error;
    ::syscall(SYS_bpf, 0, nullptr, 0);
    return "alive";
  });
  EXPECT_EQ(said, "killed by signal 31");
}

TEST_F(Confinement, SelfTestTellsWhetherCapabilitiesAreNeeded) {
  const std::string said = RunInChild([]() -> std::string {
    if (auto error = SetCapabilities(kCapBpfBit | kCapPerfmonBit); !error.empty()) return error;
    auto reader = FilterReader::Open();
    if (!reader) return reader.error().message;
    const auto need = reader->SelfTestWithoutCapabilities();
    if (!need) return need.error().message;
    return *need == CapabilityNeed::kNone ? "none" : "bpf and perfmon";
  });
  EXPECT_EQ(said, KernelChecksEveryCommand() ? "bpf and perfmon" : "none");
}

TEST_F(Confinement, SelfTestSaysWhatFails) {
  const std::string said = RunInChild([]() -> std::string {
    auto reader = FilterReader::Open();
    if (!reader) return reader.error().message;
    if (auto error = LoadFilter(live::NoBpf(EPERM)); !error.empty()) return error;
    const auto need = reader->SelfTestWithoutCapabilities();
    return need ? "works" : need.error().message;
  });
  EXPECT_EQ(said,
            "self test of the filter reader: create a task iterator: Operation not permitted");
}

TEST_F(Confinement, NothingIsPrinted) {
  ::testing::internal::CaptureStderr();
  const std::string said = RunInChild([] { return OpenWith(0); });
  EXPECT_NE(said, "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST_F(Confinement, AMovedReaderGoesOnAndNoDescriptorIsLeft) {
  const std::string said = RunInChild([]() -> std::string {
    const auto open = [] {
      int count = 0;
      for (int fd = 0; fd < 256; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
      return count;
    };
    const int before = open();
    {
      auto opened = FilterReader::Open();
      if (!opened) return opened.error().message;
      FilterReader reader = std::move(*opened);
      if (open() != before + 2) return "holds " + std::to_string(open() - before);
      std::vector<Task> tasks;
      if (!reader.Scan(tasks) || tasks.empty()) return "no scan";
    }
    return open() == before ? "" : "leaks";
  });
  EXPECT_EQ(said, "");
}

}  // namespace
}  // namespace seccompd::filters
