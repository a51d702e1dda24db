// SPDX-License-Identifier: Apache-2.0
// runtime-default of every known containerd and CRI-O, extended by one rule against AF_ALG, loaded
// by real runtimes: no direct way to such a socket is left, on any architecture that the node can
// run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "common/bpf/compile.h"
#include "common/document/document.h"
#include "common/install/prepare.h"
#include "common/seccomp/libseccomp_table.h"
#include "tests/integration/audit_node.h"
#include "tests/support/container_host.h"
#include "tests/support/matchers.h"
#include "tests/support/tree_builder.h"

namespace seccompd::install {
namespace {

using test_support::ContainerHost;
using test_support::Runtime;
using ::testing::HasSubstr;

// ENOMSG: no kernel gives it for socket(2).
constexpr char kNoAlg[] = R"({"syscalls": [{"names": ["socket"], "action": "SCMP_ACT_ERRNO",
  "errnoRet": 42, "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_EQ"}]})";
// EACCES: the default of neither runtime.
constexpr char kNoSocketcall[] =
    R"(, {"names": ["socketcall"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13})";

bool IsCrio(const std::string& version) { return version.starts_with("crio-"); }

// `version` of containerd, or "crio-1.36".
Prepared Extend(const std::string& version, const std::string& text) {
  const seccomp::SyscallTable table = seccomp::LoadLibseccompTable(true);
  Preparer preparer;
  preparer.table = &table;
  preparer.compile = [](const seccomp::Profile& profile) {
    return bpf::Compile(profile, seccomp::NativeArch());
  };
  ClaimSet claims;
  claims.claims.resize(1);
  claims.claims[0].path = "web/no-alg.json";
  claims.claims[0].text = text;
  claims.claims[0].base = IsCrio(version) ? "runtime-default:" : "runtime-default:containerd-";
  claims.claims[0].base += version;
  return PrepareAll(std::move(claims), {}, preparer).files[0].prepared;
}

class ExtensionTest : public ::testing::TestWithParam<std::tuple<Runtime, std::string>> {
 protected:
  void SetUp() override {
    REQUIRE_CONTAINERS();
    if (seccomp::NativeArch() != seccomp::Arch::kX86_64) GTEST_SKIP() << "for x86-64 machines";
  }

  // The name that the probe gave itself inside a container under this filter.
  static std::string Probe(const std::string& profile, const std::string& program,
                           std::vector<std::string> args = {"/bin/probe"}) {
    ContainerHost host(std::get<Runtime>(GetParam()));
    host.AddProgram(std::string(SECCOMPD_PROBES) + "/" + program, "probe");
    const auto container = host.Run({.seccomp = profile, .args = std::move(args)});
    if (!container) return container.error().message;
    const std::string comm = "/proc/" + std::to_string((*container)->pid()) + "/comm";
    std::string name;
    for (int i = 0; i < 200; ++i) {
      name = test_support::ReadFile(comm).value_or("");
      if (name.find(' ') != std::string::npos) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return name.substr(0, name.find('\n'));
  }
};

class CrioBaseTest : public ExtensionTest {};

std::string NameOf(const ::testing::TestParamInfo<std::tuple<Runtime, std::string>>& test) {
  std::string name = RuntimeName(std::get<0>(test.param)) + "_" + std::get<1>(test.param);
  std::replace(name.begin(), name.end(), '.', '_');
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Defaults, ExtensionTest,
    ::testing::Combine(::testing::Values(Runtime::kCrun, Runtime::kRunc),
                       ::testing::Values("1.6.28", "1.7.3", "1.7.13", "1.7.32", "2.0.0", "2.0.9",
                                         "2.2.0", "2.2.4", "crio-1.26", "crio-1.32", "crio-1.36")),
    NameOf);
INSTANTIATE_TEST_SUITE_P(Defaults, CrioBaseTest,
                         ::testing::Combine(::testing::Values(Runtime::kCrun, Runtime::kRunc),
                                            ::testing::Values("crio-1.26", "crio-1.32",
                                                              "crio-1.36")),
                         NameOf);

TEST_P(ExtensionTest, NoDirectWayToAnAlgSocketIsLeft) {
  const Prepared prepared = Extend(std::get<std::string>(GetParam()), std::string(kNoAlg) + "]}");
  ASSERT_TRUE(prepared.valid());
  // 64-bit, dirty high half, x32, int 0x80; an AF_INET socket still works.
  EXPECT_EQ(Probe(prepared.bytes, "socket_probe64"), "42 42 42 42 0");
}

// What CRI-O restricts itself stays so: EINVAL for audit, from 1.36 on EPERM for AF_VSOCK.
TEST_P(CrioBaseTest, TheRestOfTheBaseStaysAsItWas) {
  const std::string version = std::get<std::string>(GetParam());
  const Prepared prepared = Extend(version, std::string(kNoAlg) + "]}");
  ASSERT_TRUE(prepared.valid());
  const std::string seen = Probe(prepared.bytes, "socket_probe64", {"/bin/probe", "crio"});
  EXPECT_THAT(seen, ::testing::StartsWith("22 0 "));
  if (version == "crio-1.36") {
    EXPECT_EQ(seen, "22 0 1");
  }
}

TEST_P(ExtensionTest, SocketcallStaysOpenUntilItIsDeniedAndThatIsSaid) {
  const std::string version = std::get<std::string>(GetParam());
  const Prepared open = Extend(version, std::string(kNoAlg) + "]}");
  bool said = false;
  for (const auto& d : open.diagnostics) {
    said = said || (d.code == "W0215" && d.message.find("socketcall") != std::string::npos);
  }
  EXPECT_TRUE(said);
  const std::string before = Probe(open.bytes, "socket_probe32");
  EXPECT_THAT(before, ::testing::StartsWith("42 "));
  EXPECT_THAT(before, ::testing::Not(HasSubstr("42 42")));
  EXPECT_THAT(before, ::testing::Not(HasSubstr("42 13")));
  const Prepared closed = Extend(version, std::string(kNoAlg) + kNoSocketcall + "]}");
  ASSERT_TRUE(closed.valid());
  for (const auto& d : closed.diagnostics) {
    if (d.code != "W0215") continue;
    EXPECT_THAT(d.message, ::testing::Not(HasSubstr("socketcall")));
  }
  EXPECT_EQ(Probe(closed.bytes, "socket_probe32"), "42 13 0");
}

// `audit --blocks` of a container, and how the calls end inside it.
class CheckTest : public ExtensionTest, protected agent::AuditNode {
 protected:
  struct Seen {
    std::string answer;  // "bypassable: socket(AF_ALG) (...)"
    std::string probe64;
    std::string probe32;
  };

  Seen Look(const std::string& profile) {
    Seen seen{.answer = "absent",
              .probe64 = Probe(profile, "socket_probe64"),
              .probe32 = Probe(profile, "socket_probe32")};
    ContainerHost host(std::get<Runtime>(GetParam()));
    const auto container = host.Run({.seccomp = profile});
    if (!container) return {.answer = container.error().message, .probe64 = {}, .probe32 = {}};
    Install({});
    options().blocks = {"socket(AF_ALG)"};
    static_cast<void>(Audit());
    const auto report = document::ParseJson(json());
    if (!report) return seen;
    for (const document::Node& row : report->Find("containers")->items) {
      if (row.Find("container_id")->scalar != (*container)->id()) continue;
      const document::Node& check = row.Find("checks")->items.back();  // asked last
      seen.answer = check.Find("result")->scalar;
      for (const document::Node& way : check.Find("open")->items) seen.answer += ": " + way.scalar;
    }
    return seen;
  }
};

INSTANTIATE_TEST_SUITE_P(Runtimes, CheckTest,
                         ::testing::Combine(::testing::Values(Runtime::kCrun, Runtime::kRunc),
                                            ::testing::Values("2.2.4")),
                         [](const auto& test) { return RuntimeName(std::get<0>(test.param)); });

// A real 32-bit program makes the socket that a 64-bit one cannot: no verdict says "blocked" then.
TEST_P(CheckTest, IsBypassableWhereA32BitCallerGetsThrough) {
  const Seen seen = Look(Extend("2.2.4", std::string(kNoAlg) + "]}").bytes);
  EXPECT_EQ(seen.probe64, "42 42 42 42 0");
  EXPECT_THAT(seen.probe32, ::testing::StartsWith("42 "));
  EXPECT_THAT(seen.probe32, ::testing::Not(HasSubstr("42 42")));
  EXPECT_THAT(seen.answer, ::testing::StartsWith("bypassable: "));
  EXPECT_THAT(seen.answer, HasSubstr("i386"));
}

TEST_P(CheckTest, IsBlockedWhereNobodyGetsThrough) {
  const Seen seen = Look(Extend("2.2.4", std::string(kNoAlg) + kNoSocketcall + "]}").bytes);
  EXPECT_EQ(seen.probe64, "42 42 42 42 0");
  EXPECT_EQ(seen.probe32, "42 13 0");
  EXPECT_EQ(seen.answer, "blocked");
}

// Before containerd 2.0 the default permits io_uring, which makes sockets, too.
TEST_P(CheckTest, IsBypassableWhereOnlyIoUringIsLeft) {
  const Seen seen = Look(Extend("1.7.32", std::string(kNoAlg) + kNoSocketcall + "]}").bytes);
  EXPECT_EQ(seen.probe32, "42 13 0");
  EXPECT_THAT(seen.answer, ::testing::StartsWith("bypassable: "));
  EXPECT_THAT(seen.answer, HasSubstr("io_uring"));
}

}  // namespace
}  // namespace seccompd::install
