// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/call_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/seccomp/syscall_facts.h"
#include "tests/support/matchers.h"

namespace seccompd::bpf {
namespace {

using base::ErrorCode;
using seccomp::Arch;
using test_support::IsError;
using test_support::IsOk;
using ::testing::HasSubstr;

constexpr Arch kNative = Arch::kX86_64;
constexpr std::uint64_t kNewNs = 0x20000;

struct Case {
  const char* text;
  const char* canonical;
  const char* syscall;
  std::vector<PatternArg> args;
};

TEST(ParseCallPattern, UnderstandsWhatPeopleWrite) {
  const Case cases[] = {
      {"mount", "mount", "mount", {}},
      {" mount ( ) ", "mount", "mount", {}},
      {"socket(AF_ALG)", "socket(domain == AF_ALG)", "socket", {{.index = 0, .value = 38}}},
      {"socket(38)", "socket(domain == AF_ALG)", "socket", {{.index = 0, .value = 38}}},
      {"ioctl(*, TIOCSTI)", "ioctl(request == TIOCSTI)", "ioctl", {{.index = 1, .value = 0x5412}}},
      {"ioctl(,0x5412)", "ioctl(request == TIOCSTI)", "ioctl", {{.index = 1, .value = 0x5412}}},
      {"clone(flags has CLONE_NEWNS)",
       "clone(flags has CLONE_NEWNS)",
       "clone",
       {{.index = 0, .mask = kNewNs, .value = kNewNs}}},
      {"clone(flags has any of CLONE_NEWNS|CLONE_VM)",
       "clone(flags has any CLONE_VM|CLONE_NEWNS)",
       "clone",
       {{.index = 0, .mask = kNewNs | 0x100, .value = 0, .negate = true}}},
      {"mmap(prot lacks PROT_EXEC)",
       "mmap(prot lacks PROT_EXEC)",
       "mmap",
       {{.index = 2, .mask = 4, .value = 0}}},
      {"socket(domain != AF_UNIX, type & 0xf == 3)",
       "socket(domain != AF_UNIX, type & 0xf == 0x3)",
       "socket",
       {{.index = 0, .value = 1, .negate = true}, {.index = 1, .mask = 0xf, .value = 3}}},
      {"write(arg0 == 2)", "write(arg0 == 2)", "write", {{.index = 0, .value = 2}}},
  };
  for (const Case& c : cases) {
    const auto pattern = ParseCallPattern(c.text, kNative);
    ASSERT_THAT(pattern, IsOk()) << c.text;
    EXPECT_EQ(pattern->name, c.canonical);
    EXPECT_EQ(pattern->syscall, c.syscall);
    EXPECT_EQ(pattern->args, c.args) << c.text;
    EXPECT_EQ(ParseCallPattern(pattern->name, kNative), pattern) << c.text;
  }
}

TEST(ParseCallPattern, FlagsOfCloneAreTheSecondArgumentOnS390) {
  const auto pattern = ParseCallPattern("clone(flags has CLONE_NEWNS)", Arch::kS390x);
  ASSERT_THAT(pattern, IsOk());
  EXPECT_EQ(pattern->args.front().index, 1U);
  EXPECT_EQ(pattern->name, "clone(flags has CLONE_NEWNS)");
}

TEST(ParseCallPattern, SaysWhatItDoesNotUnderstand) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "name of a system call"},
      {"(AF_ALG)", "name of a system call"},
      {"so cket", "name of a system call"},
      {"socket(AF_ALG", "')' is missing"},
      {"socket(AF_ALGG)", "did you mean AF_ALG?"},
      {"socket(family == 3)", "no such argument"},
      {"socket(domain < 3)", "say ==, !="},
      {"socket(arg0 has 0)", "no bit"},
      {"socket(arg0 & 1 == 2)", "never matches"},
      {"socket(arg0 & 1)", "say NAME & MASK"},
      {"socket(1,2,3,4,5,6,7)", "six arguments"},
      {"socket(18446744073709551616)", "not a number"},
      {"socket(-1)", "no such argument"},
  };
  for (const auto& [text, why] : cases) {
    EXPECT_THAT(ParseCallPattern(text, kNative),
                IsError(ErrorCode::kInvalidArgument, HasSubstr(why)))
        << text;
  }
}

TEST(ParseCallPattern, IsBounded) {
  EXPECT_THAT(ParseCallPattern(std::string(kMaxPatternText + 1, 'a'), kNative),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("longer than 512")));
  EXPECT_THAT(ParseCallPattern(std::string(65, 'a'), kNative),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("name of a system call")));
  std::string many = "read(arg0 == 0";
  for (int i = 0; i < 12; ++i) many += ",arg0 == 0";
  EXPECT_THAT(ParseCallPattern(many + ")", kNative),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("too many")));
}

TEST(ParseCallPattern, BuiltInChecksCanBeWritten) {
  for (const CallPattern& builtin : CriticalCalls(kNative)) {
    const auto pattern = ParseCallPattern(ToText(builtin, kNative), kNative);
    ASSERT_THAT(pattern, IsOk()) << builtin.name;
    EXPECT_EQ(pattern->args, builtin.args) << pattern->name;
  }
}

}  // namespace
}  // namespace seccompd::bpf
