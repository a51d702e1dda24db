// SPDX-License-Identifier: Apache-2.0
// explain, diff and disasm as a person or a script sees them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "agent/cli/diff.h"
#include "agent/cli/disasm.h"
#include "agent/cli/explain.h"
#include "common/bpf/compile.h"
#include "common/document/document.h"
#include "common/seccomp/libseccomp_table.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"

namespace seccompd::agent {
namespace {

using test_support::IsOk;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Outcome {
  int exit_code = 0;
  std::string out;
  std::string err;
};

class FilterCommandsTest : public ::testing::Test {
 protected:
  FilterCommandsTest() { settings_.node.arch = seccomp::Arch::kX86_64; }

  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_.Join(name), std::ios::binary) << text;
    return dir_.Join(name);
  }

  // A profile that allows everything but what its rules say.
  std::string Allowing(const std::string& name, const std::string& rules) const {
    return Write(name,
                 "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86_64\","
                 "\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"],\"syscalls\":[" +
                     rules + "]}");
  }

  Outcome Explain(ExplainOptions options) const {
    return Run([&](auto& out, auto& err) { return RunExplain(options, settings_, out, err); });
  }
  Outcome Diff(const DiffOptions& options) const {
    return Run([&](auto& out, auto& err) { return RunDiff(options, settings_, out, err); });
  }
  Outcome Disasm(const DisasmOptions& options) const {
    return Run([&](auto& out, auto& err) { return RunDisasm(options, settings_, out, err); });
  }

  template <class Command>
  static Outcome Run(const Command& command) {
    std::ostringstream out;
    std::ostringstream err;
    const int exit_code = command(out, err);
    return {exit_code, out.str(), err.str()};
  }

  test_support::TempDir dir_;
  seccomp::SyscallTable table_ = seccomp::LoadLibseccompTable(true);
  TargetSettings settings_{.table = &table_};
};

constexpr char kNoAlg[] =
    R"({"names":["socket"],"action":"SCMP_ACT_ERRNO","errnoRet":97,"args":[{"index":0,"value":38,"op":"SCMP_CMP_EQ"}]})";
constexpr char kNoMount[] = R"({"names":["mount"],"action":"SCMP_ACT_ERRNO"})";

TEST_F(FilterCommandsTest, ExplainShowsCriticalCallsFirstAndConditionsInWords) {
  const Outcome outcome = Explain({.target = Allowing("p.json", kNoAlg)});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("CRITICAL"), HasSubstr("\nmount              ALLOW\n"),
                    HasSubstr("\nsocket       ALLOW unless domain == AF_ALG: ERRNO(97)\n"),
                    HasSubstr("other numbers: ALLOW"), HasSubstr("\ni386  ALLOW ")));
  EXPECT_LT(outcome.out.find("CRITICAL"), outcome.out.find("CONDITIONAL"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b[")));
}

TEST_F(FilterCommandsTest, ExplainOfNamedCallsTellsEveryArchitecture) {
  const std::string path = Allowing("p.json", kNoAlg);
  const Outcome outcome = Explain({.target = path, .syscalls = {"socket"}});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("socket   x86_64  41 "), HasSubstr("socket   i386    359 "),
                    HasSubstr("ALLOW unless low32(domain) == AF_ALG: ERRNO(97)")));
  const Outcome arm =
      Explain({.target = path, .syscalls = {"socket"}, .archs = {seccomp::Arch::kAarch64}});
  EXPECT_THAT(arm.out, HasSubstr("aarch64  198     KILL_THREAD"));
  const Outcome unknown = Explain({.target = path, .syscalls = {"sokcet"}});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("no system call sokcet here; did you mean socket?"));
}

TEST_F(FilterCommandsTest, ExplainChecksFailUnlessEverythingIsBlocked) {
  const std::string path = Allowing("p.json", std::string(kNoAlg) + "," + kNoMount);
  const Outcome mount = Explain({.target = path, .patterns = {"mount"}});
  EXPECT_EQ(mount.exit_code, 0) << mount.out;
  EXPECT_THAT(mount.out, HasSubstr("mount  blocked\n1 blocked\n"));
  const Outcome alg = Explain({.target = path, .patterns = {"socket(AF_ALG)"}});
  EXPECT_EQ(alg.exit_code, 1);
  EXPECT_THAT(alg.out, AllOf(HasSubstr("bypassable"), HasSubstr("socket(0x100000026"),
                             HasSubstr("io_uring: ALLOW"), Not(HasSubstr("i386"))));
  const Outcome builtin = Explain({.target = path, .checks = true});
  EXPECT_EQ(builtin.exit_code, 1);
  EXPECT_THAT(
      builtin.out,
      HasSubstr("clone(namespaces)    permitted  x86_64 clone(0x20000, 0x0, 0x0): ALLOW; also "
                "high-bits, i386, x32\n"));
  const Outcome wrong = Explain({.target = path, .patterns = {"socket(AF_ALGG)"}});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("--check: 'AF_ALGG'"));
}

TEST_F(FilterCommandsTest, ExplainJsonHasEveryCall) {
  const Outcome outcome = Explain({.target = Allowing("p.json", kNoAlg), .json = true});
  const auto json = document::ParseJson(outcome.out);
  ASSERT_THAT(json, IsOk());
  EXPECT_EQ(json->Find("version")->scalar, "1");
  ASSERT_EQ(json->Find("archs")->items.size(), 3U);
  const document::Node& native = json->Find("archs")->items.front();
  EXPECT_EQ(native.Find("arch")->scalar, "x86_64");
  EXPECT_GT(native.Find("syscalls")->items.size(), 300U);
  EXPECT_EQ(native.Find("syscalls")->items.front().Find("critical")->scalar, "true");
}

TEST_F(FilterCommandsTest, DiffTellsDirectionAndFails) {
  const std::string a = Allowing("a.json", kNoMount);
  const std::string b = Allowing("b.json", kNoAlg);
  const Outcome outcome = Diff({.a = a, .b = b, .fail_on = DiffFailOn::kWeaker});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.out;
  EXPECT_THAT(
      outcome.out,
      AllOf(HasSubstr("weaker     all        mount       always                     ERRNO(1)  "
                      "ALLOW      <- fails\n"),
            HasSubstr("stricter   x86_64     socket      domain == AF_ALG           ALLOW     "
                      "ERRNO(97)\n"),
            HasSubstr("stricter   i386, x32  socket      low32(domain) == AF_ALG    ALLOW  "),
            HasSubstr("stricter   i386       socketcall  low32(call) == SYS_SOCKET  ALLOW  "),
            HasSubstr("4 differences: 1 weaker, 3 stricter, 0 differs; all other inputs equal "
                      "(exact)\n")));
  EXPECT_EQ(Diff({.a = a, .b = b, .fail_on = DiffFailOn::kNone}).exit_code, 0);
  EXPECT_EQ(Diff({.a = b, .b = a, .fail_on = DiffFailOn::kWeaker}).exit_code, 1);
}

TEST_F(FilterCommandsTest, DiffOfStricterAloneDoesNotFailOnWeaker) {
  const std::string a = Allowing("a.json", "");
  const std::string b = Allowing("b.json", kNoMount);
  EXPECT_EQ(Diff({.a = a, .b = b, .fail_on = DiffFailOn::kWeaker}).exit_code, 0);
  EXPECT_EQ(Diff({.a = a, .b = b}).exit_code, 1);
}

TEST_F(FilterCommandsTest, DiffOfEqualMeaningsSaysSo) {
  const std::string a = Allowing("a.json", std::string(kNoAlg) + "," + kNoMount);
  const std::string b = Allowing("b.json", std::string(kNoMount) + "," + kNoAlg);
  const Outcome outcome = Diff({.a = a, .b = b});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("equal: both decide the same for every input (exact)\n"));
}

TEST_F(FilterCommandsTest, DiffKnowsRuncsEnosys) {
  const auto profile = ResolveTarget("runtime-default:1.7.13", settings_);
  ASSERT_THAT(profile, IsOk());
  const auto program =
      bpf::CompileFor(bpf::Runtime::kRunc, *profile->profile, seccomp::Arch::kX86_64, table_);
  ASSERT_THAT(program, IsOk());
  const std::string path =
      Write("runc.bpf", std::string(reinterpret_cast<const char*>(program->data()),
                                    program->size() * sizeof(bpf::Instruction)));
  const Outcome outcome = Diff({.a = "runtime-default:1.7.13", .b = "bpf:" + path});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("equal but for ENOSYS"), HasSubstr("ENOSYS in B")));
  settings_.runtime = bpf::Runtime::kRunc;
  EXPECT_THAT(Diff({.a = "runtime-default:1.7.13", .b = "bpf:" + path}).out,
              HasSubstr("equal: both decide the same"));
}

TEST_F(FilterCommandsTest, DiffNamesACause) {
  const std::string text =
      R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"},)"
      R"({"names":["mount"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN"]}}]})";
  const std::string asked = Write("docker.json", text);
  const std::string loaded =
      Write("loaded.json", R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[)"
                           R"({"names":["read","mount"],"action":"SCMP_ACT_ALLOW"}]})");
  EXPECT_THAT(Diff({.a = asked, .b = loaded}).out,
              HasSubstr("cause: containerd ignores these fields of a Docker-format profile: "
                        "includes\n"));
  const auto json = document::ParseJson(Diff({.a = asked, .b = loaded, .json = true}).out);
  ASSERT_THAT(json, IsOk());
  EXPECT_EQ(json->Find("causes")->items.front().Find("name")->scalar, "docker-fields");
}

TEST_F(FilterCommandsTest, DiffJsonHasAWitnessForEachRow) {
  const Outcome outcome =
      Diff({.a = Allowing("a.json", ""), .b = Allowing("b.json", kNoAlg), .json = true});
  EXPECT_EQ(outcome.exit_code, 1);
  const auto json = document::ParseJson(outcome.out);
  ASSERT_THAT(json, IsOk());
  EXPECT_EQ(json->Find("relation")->scalar, "different");
  EXPECT_EQ(json->Find("complete")->scalar, "true");
  const document::Node& row = json->Find("differences")->items.front();
  EXPECT_EQ(row.Find("call")->scalar, "socket");
  EXPECT_EQ(row.Find("b")->scalar, "ERRNO(97)");
  EXPECT_EQ(row.Find("witness")->Find("args")->items.front().scalar, "0x26");
}

TEST_F(FilterCommandsTest, DisasmIsAnnotated) {
  const std::string path = Allowing("p.json", kNoMount);
  const Outcome text = Disasm({.target = path});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_THAT(text.out, AllOf(HasSubstr("; " + path), HasSubstr("mount"), HasSubstr("x86_64")));
  const auto json = document::ParseJson(Disasm({.target = path, .json = true}).out);
  ASSERT_THAT(json, IsOk());
  ASSERT_EQ(json->Find("filters")->items.size(), 1U);
  EXPECT_EQ(json->Find("filters")->items.front().items.front().Find("index")->scalar, "0");
}

TEST_F(FilterCommandsTest, TroubleIsNoDifference) {
  EXPECT_EQ(Diff({.a = "/no/such", .b = "runtime-default"}).exit_code, 2);
  EXPECT_EQ(Explain({.target = "bpf:/no/such"}).exit_code, 2);
  EXPECT_EQ(Disasm({.target = ""}).exit_code, 2);
}

}  // namespace
}  // namespace seccompd::agent
