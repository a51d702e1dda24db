// SPDX-License-Identifier: Apache-2.0
// Targets that run: what explain, diff, disasm and inspect say of real containers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <string>

#include "tests/e2e/node.h"
#include "tests/support/container_host.h"
#include "tests/support/matchers.h"
#include "tests/support/tree_builder.h"

namespace seccompd::e2e {
namespace {

using test_support::IsOk;
using test_support::RunSeccompd;
using test_support::TreeBuilder;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kNoAlg[] =
    R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["socket"],"action":"SCMP_ACT_ERRNO",
        "args":[{"index":0,"value":38,"op":"SCMP_CMP_EQ"}]}]})";

class LiveTargetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_CONTAINERS();
    auto container = host_.Run({.seccomp = kNoAlg});
    ASSERT_THAT(container, IsOk());
    container_ = *std::move(container);
    node_.Apply({.name = "web", .data = {{"no-alg.json", kNoAlg}}});
    node_.SetPods({{.name = "p",
                    .uid = container_->pod_uid(),
                    .container_id = container_->id(),
                    .seccomp = "Localhost:web/no-alg.json"}});
  }

  static test_support::Outcome Seccompd(std::vector<std::string> args) {
    auto outcome = RunSeccompd(std::move(args));
    EXPECT_THAT(outcome, IsOk());
    return outcome ? *std::move(outcome) : test_support::Outcome{};
  }

  [[nodiscard]] std::string Pid() const { return "pid:" + std::to_string(container_->pid()); }

  Node node_;
  test_support::ContainerHost host_{test_support::Runtime::kCrun};
  std::unique_ptr<test_support::Container> container_;
};

TEST_F(LiveTargetTest, LoadedFilterIsTheFilesFilter) {
  TreeBuilder(node_.Outside("")).File("no-alg.json", kNoAlg);
  const auto same = Seccompd({"diff", node_.Outside("no-alg.json"), Pid()});
  EXPECT_EQ(same.exit_code, 0) << same.out << same.err;
  const auto explain = Seccompd({"explain", "cri:" + container_->id().substr(0, 12), "socket"});
  EXPECT_EQ(explain.exit_code, 0) << explain.err;
  EXPECT_THAT(explain.out, HasSubstr("ERRNO"));
  const auto disasm = Seccompd({"disasm", Pid()});
  EXPECT_THAT(disasm.out, HasSubstr("socket"));
}

TEST_F(LiveTargetTest, AgentNamesPodsForTargetsAndInspect) {
  ASSERT_THAT(node_.StartAgent({"--confinement", "kill"}), IsOk());
  ASSERT_TRUE(test_support::WaitFor(std::chrono::seconds(20), [&] {
    const auto audit = Seccompd({"audit", "--agent", "-o", "json", "--socket", node_.Socket()});
    return audit.out.find(container_->id()) != std::string::npos;
  })) << node_.agent().LogSoFar();
  const auto explain = Seccompd({"explain", "demo/p", "socket", "--socket", node_.Socket()});
  EXPECT_EQ(explain.exit_code, 0) << explain.err;
  EXPECT_THAT(explain.out, HasSubstr("ERRNO"));
  const auto inspect = Seccompd({"inspect", "p", "-c", "app", "--socket", node_.Socket()});
  EXPECT_LE(inspect.exit_code, 1) << inspect.err;
  for (const char* part :
       {"demo/p/app", "asked    Localhost web/no-alg.json", "loaded   1 filter", "state    "}) {
    EXPECT_THAT(inspect.out, HasSubstr(part));
  }
  const auto by_pid = Seccompd({"inspect", Pid(), "-o", "json", "--socket", node_.Socket()});
  boost::json::error_code error;
  const auto parsed = boost::json::parse(by_pid.out, error);
  ASSERT_FALSE(error) << by_pid.out << by_pid.err;
  EXPECT_EQ(parsed.at("container").at("container_id").as_string(), container_->id());
  const auto missing = Seccompd({"inspect", "demo/q", "--socket", node_.Socket()});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, HasSubstr("no pod of that name"));
  EXPECT_THAT(node_.agent().LogSoFar(), HasSubstr(R"("kind":"verdict")"));
  EXPECT_THAT(node_.agent().LogSoFar(), HasSubstr(R"("kind":"revision")"));
}

TEST_F(LiveTargetTest, InspectWorksWithoutAnAgent) {
  const auto inspect = Seccompd({"inspect", "demo/p", "--pods", node_.PodsFlag(), "--seccomp-root",
                                 node_.seccomp_root(), "--socket", node_.Outside("none.sock")});
  EXPECT_THAT(inspect.err, HasSubstr("no agent answers"));
  EXPECT_THAT(inspect.out, HasSubstr("demo/p/app"));
  EXPECT_LE(inspect.exit_code, 1);
}

TEST_F(LiveTargetTest, SelfIsExplainedWithoutAnyPrivilege) {
  const auto explain = Seccompd({"explain", "self", "execve", "bpf"});
  EXPECT_EQ(explain.exit_code, 0) << explain.err;
  EXPECT_THAT(explain.out, HasSubstr("execve"));
  EXPECT_THAT(explain.out, Not(HasSubstr("no such file")));
}

TEST_F(LiveTargetTest, HostileNamesAreShownNotObeyed) {
  const std::string name = "\x1b[2Jx\n";
  ASSERT_EQ(::prctl(PR_SET_NAME, name.c_str()), 0);
  const auto explain = Seccompd({"explain", "pid:" + std::to_string(::getpid()), "socket"});
  EXPECT_THAT(explain.out + explain.err, Not(HasSubstr("\x1b[2J")));
  EXPECT_THAT(explain.out + explain.err, HasSubstr("\\x1b[2Jx"));
  ASSERT_EQ(::prctl(PR_SET_NAME, "e2e_test"), 0);
}

}  // namespace
}  // namespace seccompd::e2e
