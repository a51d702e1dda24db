// SPDX-License-Identifier: Apache-2.0
// Every diagnostic code has a profile that gets it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "common/seccomp/diagnose.h"
#include "common/seccomp/libseccomp_table.h"

namespace seccompd::seccomp {
namespace {

struct Sample {
  std::string_view code;
  std::string_view pointer;
  std::string text;
  std::string_view message;  // a part of it
};

// Complete but for what `rest` adds: no finding of its own on x86-64.
std::string With(std::string_view rest) {
  return R"({"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
 "syscalls": [{"names": ["execve", "exit_group", "close", "write", "getpid", "fstatfs", "getdents64",
 "epoll_ctl", "openat", "futex", "rt_sigreturn", "capget", "capset", "chdir", "fcntl", "fstat",
 "getcwd", "getppid", "prctl", "read", "rt_sigaction", "rt_sigprocmask", "setgid", "setgroups",
 "setuid"], "action": "SCMP_ACT_ALLOW"})" +
         std::string(rest) + "}";
}
std::string Rule(std::string_view rule) { return With(", " + std::string(rule) + "]"); }

std::vector<Sample> TextSamples() {
  return {
      {"E0101", "", "{\"defaultAction\": \"SCMP_ACT_LOG\",}", "not JSON: a comma before"},
      {"E0101", "", "defaultAction: [", "not YAML: "},
      {"E0102", "", "[]", "a profile must be an object, not a list"},
      {"E0102", "/defaultAction", R"({"defaultAction": 1})", "must be a string, not a number"},
      {"E0102", "/syscalls/1/names", Rule(R"({"names": "mmap", "action": "SCMP_ACT_ALLOW"})"),
       "names must be a list, not a string"},
      {"E0102", "/syscalls/1", Rule("null"), "a rule must be an object, not null"},
      {"E0102", "/syscalls/1/errnoRet",
       Rule(R"({"names": ["mmap"], "action": "SCMP_ACT_ERRNO", "errnoRet": "2"})"),
       "errnoRet must be a number, not a string"},
      {"E0103", "", "#" + std::string((1 << 20), 'x'), "the limit is 1048576"},
      {"E0103", "", std::string(100, '['), "nested deeper than 64 levels"},
      {"E0104", "", "{}", "no filter at all"},
      {"E0104", "", "null", "no filter at all"},
      {"E0104", "", "", "no filter at all"},
      {"E0104", "", R"({"syscalls": []})", "no filter at all"},
      {"E0105", "/defaultAction", R"({"defaultAction": "SCMP_ACT_ALOW"})",
       "did you mean SCMP_ACT_ALLOW?"},
      {"E0105", "/defaultAction", R"({"defaultAction": "errno"})", "did you mean SCMP_ACT_ERRNO?"},
      {"E0106", "/architectures/0",
       R"({"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["amd64"]})",
       "did you mean SCMP_ARCH_X86_64?"},
      {"E0106", "/architectures/0",
       R"({"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_46"]})",
       "did you mean SCMP_ARCH_X86_64?"},
      {"E0107", "/syscalls/1/args/0/op", Rule(R"({"names": ["mmap"], "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 0, "value": 1, "op": "EQ"}]})"),
       "did you mean SCMP_CMP_EQ?"},
      {"E0108", "/flags/0", With(R"(], "flags": ["LOG"])"),
       "did you mean SECCOMP_FILTER_FLAG_LOG?"},
      {"E0109", "/syscalls/1", Rule(R"({"names": ["mmap"]})"), "action is missing"},
      {"E0109", "", R"({"syscalls": [{"names": ["mmap"], "action": "SCMP_ACT_ALLOW"}]})",
       "defaultAction is missing"},
      {"E0109", "/syscalls/1/names", Rule(R"({"names": [], "action": "SCMP_ACT_ALLOW"})"),
       "a name in the list is missing"},
  };
}

std::vector<Sample> ValueSamples() {
  return {
      {"E0110", "/syscalls/1/args/0/value", Rule(R"({"names": ["mmap"], "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 0, "value": -1, "op": "SCMP_CMP_EQ"}]})"),
       "'-1', which is not a whole number"},
      {"E0111", "/syscalls/1/args/0/index", Rule(R"({"names": ["mmap"], "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]})"),
       "arguments 0 to 5"},
      {"E0112", "/syscalls/1/errnoRet",
       Rule(R"({"names": ["mmap"], "action": "SCMP_ACT_ERRNO", "errnoRet": 4096})"), "0 to 4095"},
      {"E0112", "/defaultErrnoRet",
       R"({"defaultAction": "SCMP_ACT_TRACE", "defaultErrnoRet": 65536})", "0 to 65535"},
      {"E0113", "/syscalls/1/errnoRet",
       Rule(R"({"names": ["mmap"], "action": "SCMP_ACT_ALLOW", "errnoRet": 0})"), "remove it"},
      {"E0114", "/syscalls/1/minKernel",
       Rule(R"({"names": ["mmap"], "action": "SCMP_ACT_ALLOW", "minKernel": "4.8"})"),
       "move it there"},
      {"E0115", "/syscalls/1/name",
       Rule(R"({"name": "mmap", "names": ["mmap"], "action": "SCMP_ACT_ALLOW"})"), "not both"},
      {"E0116", "/archMap", With(R"(], "archMap": [{"architecture": "SCMP_ARCH_X86"}])"),
       "not both"},
      {"E0117", "", "defaultAction: SCMP_ACT_LOG\n---\ndefaultAction: SCMP_ACT_ALLOW\n",
       "2 YAML documents"},
      {"E0118", "/syscalls", With(R"(], "syscalls": [])"), "make it one list"},
      {"E0118", "/syscalls/1/Args",
       Rule(R"({"names": ["mmap"], "action": "SCMP_ACT_ALLOW", "args": [], "Args": []})"),
       "make it one list"},
      {"E0119", "/syscalls/1/names/0", Rule(R"({"names": [""], "action": "SCMP_ACT_ALLOW"})"), ""},
  };
}

std::vector<Sample> MeaningSamples() {
  return {
      {"E0201", "/syscalls/1/action", Rule(R"({"names": ["mmap"], "action": "SCMP_ACT_NOTIFY"})"),
       "listenerPath"},
      {"E0202", "/defaultAction",
       R"({"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/run/x.sock"})", "default action"},
      {"E0203", "/syscalls/0/names/1",
       R"({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/x.sock",
           "syscalls": [{"names": ["mmap", "write"], "action": "SCMP_ACT_NOTIFY"}]})",
       "remove write"},
      {"E0204", "/syscalls/1/names/0",
       Rule(R"({"names": ["read"], "action": "SCMP_ACT_KILL_PROCESS"})"),
       "gets KILL_PROCESS here but ALLOW from /syscalls/0"},
      {"E0204", "/syscalls/2/names/0", Rule(R"({"names": ["mmap"], "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 2, "value": 1, "op": "SCMP_CMP_EQ"}]},
               {"names": ["mmap"], "action": "SCMP_ACT_LOG",
                "args": [{"index": 2, "value": 1, "op": "SCMP_CMP_EQ"}]})"),
       "(arg2 == 1) gets LOG here but ALLOW from /syscalls/1"},
      {"W0101", "/sycalls", With(R"(], "sycalls": [])"), "did you mean syscalls?"},
      {"W0102", "/DefaultErrnoRet", With(R"(], "DefaultErrnoRet": 2)"), "write defaultErrnoRet"},
      {"W0103", "/defaultAction", With(R"(], "defaultAction": "SCMP_ACT_ERRNO")"), "the last one"},
  };
}

std::vector<Sample> RuleSamples() {
  return {
      {"W0201", "/syscalls/1/names/0", Rule(R"({"names": ["opnat"], "action": "SCMP_ACT_ALLOW"})"),
       "did you mean openat?"},
      {"W0201", "/syscalls/1/names",
       Rule(R"({"names": ["arm_fadvise64_64"], "action": "SCMP_ACT_ALLOW"})"),
       "exists on other architectures only"},
      {"W0202", "/syscalls/1/names/0",
       Rule(R"({"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 2,
                "args": [{"index": 2, "value": 1, "op": "SCMP_CMP_EQ"}]})"),
       "gets ALLOW for all arguments from /syscalls/0"},
      {"W0203", "/syscalls/1/args", Rule(R"({"names": ["mmap"], "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 2, "value": 1, "op": "SCMP_CMP_EQ"},
                         {"index": 2, "value": 2, "op": "SCMP_CMP_EQ"}]})"),
       "(OR)"},
      {"W0204", "/syscalls/2", Rule(R"({"names": ["mmap"], "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 2, "value": 5, "op": "SCMP_CMP_GE"}]},
               {"names": ["mmap"], "action": "SCMP_ACT_TRAP",
                "args": [{"index": 2, "value": 7, "op": "SCMP_CMP_EQ"}]})"),
       "'arg2 == 7' here (TRAP) overlaps 'arg2 >= 5' of /syscalls/1 (ALLOW)"},
  };
}

std::vector<Sample> WholeSamples() {
  return {
      {"W0104", "/syscalls/1/includes",
       Rule(R"({"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_BPF"]}})"),
       "(1 rule, 1 left out)"},
      {"W0105", "/syscalls/1/excludes/caps/0",
       Rule(R"({"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_BFP"]}})"),
       "did you mean CAP_BPF?"},
      {"W0205", "", R"({"defaultAction": "SCMP_ACT_ERRNO"})", "SCMP_ARCH_X86"},
      {"W0206", "/defaultAction", R"({"defaultAction": "SCMP_ACT_LOG"})", "prefer SCMP_ACT_ERRNO"},
      {"W0207", "/syscalls/1/names/1",
       Rule(R"({"names": ["mmap", "mount"], "action": "SCMP_ACT_ALLOW"})"), "'mount' is allowed"},
      {"W0207", "/defaultAction", R"({"defaultAction": "SCMP_ACT_ALLOW"})",
       "allows the critical bpf, clone"},
      {"W0208", "/defaultAction", R"({"defaultAction": "SCMP_ACT_ERRNO"})", "allows execve"},
      {"W0209", "/syscalls/1", Rule(R"({"names": ["mmap"], "action": "SCMP_ACT_ERRNO"})"),
       "the runtimes skip this rule"},
      {"W0210", "/syscalls/1/args/0", Rule(R"({"names": ["personality"], "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_NE"}]})"),
       "argument 0 of personality as 32 bits"},
      {"W0211", "/syscalls/1", Rule(R"({"names": ["socket"], "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]})"),
       "on i386 the conditions of socket do not apply"},
      {"W0212", "/syscalls/1/args/0/valueTwo",
       Rule(R"({"names": ["mmap"], "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 2, "value": 1, "valueTwo": 3, "op": "SCMP_CMP_GE"}]})"),
       "ignored with SCMP_CMP_GE"},
      {"W0213", "/syscalls/1/args/0/valueTwo",
       Rule(R"({"names": ["mmap"], "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 2, "value": 1, "valueTwo": 3, "op": "SCMP_CMP_MASKED_EQ"}]})"),
       "0x3 has bits outside the mask 0x1"},
      {"W0214", "/flags", With(R"(], "flags": [])"), "drops an empty flags list"},
      {"N0001", "",
       With("]" +
            [] {
              std::string keys;
              for (int i = 0; i < 201; ++i) keys += ", \"key" + std::to_string(i) + "\": 1";
              return keys;
            }()),
       "1 more findings"},
      {"N0201", "", R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["execve",
           "exit_group", "close", "write", "getpid", "fstatfs", "getdents64", "epoll_ctl", "openat",
           "futex", "rt_sigreturn"], "action": "SCMP_ACT_ALLOW"}]})",
       "allowPrivilegeEscalation: false"},
  };
}

std::vector<Sample> Samples() {
  std::vector<Sample> all;
  for (const auto& some :
       {TextSamples(), ValueSamples(), MeaningSamples(), RuleSamples(), WholeSamples()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

ParsedProfile Check(std::string_view text) {
  static const SyscallTable table = LoadLibseccompTable(true);
  return CheckProfile(text, table, {.arch = Arch::kX86_64});
}

TEST(CheckProfile, TheFrameOfTheSamplesHasNoFinding) {
  EXPECT_THAT(Check(With("]")).diagnostics, ::testing::IsEmpty());
}

TEST(CheckProfile, EverySampleGetsItsCodeAtItsPlace) {
  for (const Sample& sample : Samples()) {
    const ParsedProfile parsed = Check(sample.text);
    const auto found = std::find_if(
        parsed.diagnostics.begin(), parsed.diagnostics.end(), [&](const Diagnostic& d) {
          return d.code == sample.code && d.message.find(sample.message) != std::string::npos;
        });
    std::string all;
    for (const Diagnostic& d : parsed.diagnostics) {
      all += std::string(d.code) + " " + d.pointer + " " + d.message + "\n";
    }
    ASSERT_NE(found, parsed.diagnostics.end()) << sample.code << " in:\n" << all;
    EXPECT_EQ(found->pointer, sample.pointer) << all;
    EXPECT_EQ(parsed.profile.has_value(), !HasErrors(parsed.diagnostics)) << sample.code;
    if (sample.code != codes::kMoreFindings) {
      EXPECT_GT(found->line, 0U) << sample.code;
    }
    // An error of one kind does not bring others with it.
    for (const Diagnostic& d : parsed.diagnostics) {
      if (d.severity == Severity::kError) {
        EXPECT_EQ(d.code, sample.code) << all;
      }
    }
  }
}

TEST(DiagnosticCodes, EveryCodeHasASample) {
  std::set<std::string_view> sampled;
  for (const Sample& sample : Samples()) sampled.insert(sample.code);
  // Given by validate and the installer, tested there: the compiler's, what is about files, about a
  // base, about what loads the profile (loader_test) and about pods (pod_references_test).
  for (const std::string_view code :
       {"E0205", "E0206", "E0207", "E0208", "E0301", "E0401", "E0402", "E0403", "E0404", "E0405",
        "E0406", "E0407", "E0408", "E0501", "E0502", "E0503", "W0215", "W0216", "W0301", "W0302",
        "W0401", "W0402", "W0501", "W0502", "W0503", "W0504", "N0301", "N0302"}) {
    sampled.insert(code);
  }
  for (const CodeInfo& info : DiagnosticCodes()) {
    EXPECT_TRUE(sampled.contains(info.code)) << info.code << " " << info.name;
  }
}

TEST(DiagnosticCodes, AreUniqueAndSeverityFollowsTheLetter) {
  std::set<std::string_view> codes;
  std::set<std::string_view> names;
  for (const CodeInfo& info : DiagnosticCodes()) {
    EXPECT_TRUE(codes.insert(info.code).second) << info.code;
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    const char letter = info.code[0];
    EXPECT_EQ(info.severity, letter == 'E'   ? Severity::kError
                             : letter == 'W' ? Severity::kWarning
                                             : Severity::kNote);
  }
}

}  // namespace
}  // namespace seccompd::seccomp
