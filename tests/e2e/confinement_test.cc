// SPDX-License-Identifier: Apache-2.0
// The running agent holds nothing, whatever it was started with, and needs nothing: every feature
// works under the variant of its filter that kills.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/e2e/node.h"
#include "tests/support/container_host.h"
#include "tests/support/matchers.h"
#include "tests/support/subprocess.h"
#include "tests/support/tree_builder.h"

namespace seccompd::e2e {
namespace {

using test_support::IsOk;
using test_support::ReadFile;
using test_support::RunSeccompd;
using test_support::TreeBuilder;
using test_support::WaitFor;
using ::testing::HasSubstr;

using Launcher = std::vector<std::string>;

// A container's process: uid 0, and of the capabilities exactly these (securityContext.capabilities
// drop ALL, add ...).
Launcher WithCapabilities(const std::string& added) {
  return {"setpriv", "--bounding-set=-all" + added, "--inh-caps=-all", "--ambient-caps=-all"};
}

std::map<std::string, std::string> StatusOf(pid_t pid) {
  std::map<std::string, std::string> fields;
  const std::string text = ReadFile("/proc/" + std::to_string(pid) + "/status").value_or("");
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    const std::size_t colon = line.find(":\t");
    if (colon != std::string::npos) fields[line.substr(0, colon)] = line.substr(colon + 2);
    at = end + 1;
  }
  return fields;
}

class ConfinementTest : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_CONTAINERS();
    node_.Apply(TutorialProfiles());
  }

  void ExpectHoldsNothing(const std::string& most_bounding) {
    auto status = StatusOf(node_.agent().pid());
    for (const char* set : {"CapPrm", "CapEff", "CapInh", "CapAmb"}) {
      EXPECT_EQ(status[set], "0000000000000000") << set;
    }
    // Cannot be emptied without CAP_SETPCAP; harmless without execve.
    EXPECT_THAT(status["CapBnd"], ::testing::AnyOf(most_bounding, "0000000000000000"));
    EXPECT_EQ(status["NoNewPrivs"], "1");
    EXPECT_EQ(status["Seccomp"], "2");
    EXPECT_EQ(status["Threads"], "1");
  }

  Node node_;
};

TEST_F(ConfinementTest, HoldsNothingWhenStartedWithNoCapability) {
  ASSERT_THAT(node_.StartAgent({}, WithCapabilities("")), IsOk());
  ASSERT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="installed"})", 3));
  ExpectHoldsNothing("0000000000000000");
}

TEST_F(ConfinementTest, HoldsNothingWhenStartedWithTheChartsCapabilities) {
  ASSERT_THAT(node_.StartAgent({}, WithCapabilities(",+bpf,+perfmon")), IsOk());
  ASSERT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="installed"})", 3));
  ExpectHoldsNothing("000000c000000000");
}

TEST_F(ConfinementTest, HoldsNothingWhenStartedByRoot) {
  ASSERT_THAT(node_.StartAgent(), IsOk());
  ExpectHoldsNothing("0000000000000000");
  EXPECT_THAT(node_.agent().LogSoFar(), HasSubstr(R"("holds":"caps none, own filter)"));
}

TEST_F(ConfinementTest, OffIsSaid) {
  ASSERT_THAT(node_.StartAgent({"--confinement", "off"}), IsOk());
  EXPECT_EQ(StatusOf(node_.agent().pid())["Seccomp"], "0");
  EXPECT_THAT(node_.agent().LogSoFar(), HasSubstr("no filter of its own"));
  EXPECT_EQ(node_.StopAgent(), 0);  // with a search for leaks in the `dev` build
}

// A feature that makes a call the filter does not know ends the agent here.
TEST_F(ConfinementTest, EveryFeatureWorksWhereAViolationKills) {
  test_support::ContainerHost host(test_support::Runtime::kCrun);
  const auto container = host.Run({.seccomp = kAudit});
  ASSERT_THAT(container, IsOk());
  node_.SetPods({{.name = "p",
                  .uid = (*container)->pod_uid(),
                  .container_id = (*container)->id(),
                  .seccomp = "Localhost:profiles/audit.json"}});
  ASSERT_THAT(node_.StartAgent({"--confinement", "kill", "--delete-grace", "0"},
                               WithCapabilities(",+bpf,+perfmon")),
              IsOk());
  // Install, update, refuse, repair.
  ASSERT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="installed"})", 3));
  node_.Apply({.name = "web", .data = {{"a.json", kAudit}, {"b.json", kAudit}}});
  ASSERT_TRUE(node_.WaitInstalled("web/a.json", Rendered(kAudit)));
  node_.Apply({.name = "web", .data = {{"a.json", kViolation}, {"b.json", "{"}}});
  ASSERT_TRUE(node_.WaitInstalled("web/a.json", Rendered(kViolation)));
  ASSERT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="invalid"})", 1));
  TreeBuilder(node_.seccomp_root()).File("web/a.json", "{}");
  EXPECT_TRUE(node_.WaitInstalled("web/a.json", Rendered(kViolation)));
  ASSERT_EQ(::chmod(node_.Path("web/a.json").c_str(), 0600), 0);
  EXPECT_TRUE(node_.WaitInstalled("web/a.json", Rendered(kViolation)));
  std::filesystem::remove(node_.Path("web/a.json"));
  EXPECT_TRUE(node_.WaitInstalled("web/a.json", Rendered(kViolation)));
  // Audit, scrape, removal; a second writer is refused.
  EXPECT_TRUE(WaitFor(std::chrono::seconds(20), [&] {
    return node_.agent().Metric("seccompd_audit_processes_scanned").value_or(0) > 0;
  }));
  const auto purge = RunSeccompd({"purge", "--seccomp-root", node_.seccomp_root(), "--force"});
  ASSERT_THAT(purge, IsOk());
  EXPECT_NE(purge->exit_code, 0);
  node_.Apply({.name = "web", .data = {{"b.json", kAudit}}});
  EXPECT_TRUE(node_.WaitGone("web/a.json")) << node_.agent().LogSoFar();
  for (const char* path : {"/", "/livez", "/readyz", "/healthz", "/metrics", "/nowhere"}) {
    EXPECT_THAT(node_.agent().Get(path), IsOk()) << path;
  }
  EXPECT_EQ(node_.StopAgent(), 0);
}

// What others ask it over its socket, checks, a base, bundles, containers that come and go.
TEST_F(ConfinementTest, EveryQuestionIsAnsweredWhereAViolationKills) {
  test_support::ContainerHost host(test_support::Runtime::kCrun);
  ASSERT_THAT(node_.StartAgent({"--confinement", "kill", "--bundles", "/nowhere/*/config.json",
                                "--policy.floor", "runtime-default"},
                               WithCapabilities(",+bpf,+perfmon")),
              IsOk());
  ASSERT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="installed"})", 3));
  node_.Apply({.name = "ext",
               .data = {{"a.json", R"({"syscalls":[{"names":["keyctl"],)"
                                   R"("action":"SCMP_ACT_ERRNO"}]})"}},
               .annotations = {{"seccompd.io/base", "runtime-default:containerd-2.2.4"}}});
  EXPECT_TRUE(node_.WaitInstalled("ext/a.json")) << node_.agent().LogSoFar();
  node_.Apply(
      {.name = "today", .data = {{"no-bpf", "bpf"}}, .labels = {{"seccompd.io/checks", "true"}}});
  auto container = host.Run({.seccomp = kAudit});
  ASSERT_THAT(container, IsOk());
  node_.SetPods({{.name = "p",
                  .uid = (*container)->pod_uid(),
                  .container_id = (*container)->id(),
                  .seccomp = "Localhost:profiles/audit.json"}});
  EXPECT_TRUE(WaitFor(std::chrono::seconds(20), [&] {
    return node_.agent()
               .Metric(R"(seccompd_check_containers{check="no-bpf",result="permitted"})")
               .value_or(0) > 0;
  }));
  const std::vector<std::vector<std::string>> questions = {
      {"status", "--socket", node_.Socket()},
      {"status", "--socket", node_.Socket(), "-o", "json"},
      {"audit", "--agent", "--socket", node_.Socket(), "--all"},
      {"inspect", "demo/p", "--socket", node_.Socket(), "--seccomp-root", node_.seccomp_root()}};
  for (const auto& question : questions) {
    const auto outcome = RunSeccompd(question);
    ASSERT_THAT(outcome, IsOk());
    EXPECT_LE(outcome->exit_code, 1) << question.front() << ": " << outcome->err;
    EXPECT_FALSE(outcome->out.empty()) << question.front();
  }
  ASSERT_THAT((*container)->Delete(), IsOk());
  EXPECT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="installed"})", 4));
  EXPECT_EQ(node_.StopAgent(), 0);
}

TEST_F(ConfinementTest, TlsIsServedWhereAViolationKills) {
  const auto made = test_support::RunCommand(
      {.argv = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", node_.Outside("key.pem"), "-out", node_.Outside("cert.pem"),
                "-days", "1", "-subj", "/CN=seccompd", "-addext", "subjectAltName=IP:127.0.0.1"}});
  ASSERT_THAT(made, IsOk());
  ASSERT_EQ(made->exit_code, 0) << made->err;
  TreeBuilder(node_.Outside(""))
      .File("web.yaml", "tls_server_config: {cert_file: " + node_.Outside("cert.pem") +
                            ", key_file: " + node_.Outside("key.pem") + "}\n");
  test_support::Command command{
      .argv = {test_support::SeccompdPath(), "run", "--web.listen-address", "127.0.0.1:0",
               "--web.config.file", node_.Outside("web.yaml"), "--source",
               "dir:" + node_.manifests(), "--pods", "none", "--seccomp-root", node_.seccomp_root(),
               "--socket", node_.Socket(), "--node-default", "unconfined", "--confinement",
               "kill"}};
  command.env["ASAN_OPTIONS"] = "detect_leaks=0";
  auto agent = test_support::ChildProcess::Start(command);
  ASSERT_THAT(agent, IsOk());
  std::string address;
  ASSERT_TRUE(WaitFor(std::chrono::seconds(30), [&] {
    const std::string log = agent->ErrSoFar();
    const std::string before = R"("msg":"listening","address":")";
    const std::size_t at = log.find(before);
    if (at == std::string::npos || log.find("\"confined\"") == std::string::npos) return false;
    address =
        log.substr(at + before.size(), log.find('"', at + before.size()) - at - before.size());
    return true;
  })) << agent->ErrSoFar();
  for (int i = 0; i < 2; ++i) {  // the second one resumes nothing and reads the files anew
    const auto scrape = test_support::RunCommand(
        {.argv = {"curl", "-sS", "--compressed", "--cacert", node_.Outside("cert.pem"),
                  "https://" + address + "/metrics"}});
    ASSERT_THAT(scrape, IsOk());
    EXPECT_THAT(scrape->out, HasSubstr("seccompd_build_info")) << scrape->err << agent->ErrSoFar();
  }
  ASSERT_TRUE(agent->Signal(SIGTERM));
  const auto outcome = agent->Wait(std::chrono::seconds(20));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->exit_code, 0) << outcome->err;
}

// The rule of landlock(7) holds for the directory that was opened: only a restart opens another.
TEST_F(ConfinementTest, EndsToBeRestartedWhenItsRootBecomesAnotherDirectory) {
  ASSERT_THAT(node_.StartAgent({}, WithCapabilities("")), IsOk());
  ASSERT_TRUE(node_.WaitMetric(R"(seccompd_profiles{state="installed"})", 3));
  if (node_.agent().LogSoFar().find("no Landlock") != std::string::npos) {
    GTEST_SKIP() << "this kernel has no Landlock: the agent opens the new directory itself";
  }
  std::filesystem::rename(node_.seccomp_root(), node_.Outside("old"));
  std::filesystem::create_directory(node_.seccomp_root());
  EXPECT_EQ(node_.agent().WaitExit(std::chrono::seconds(30)), 75) << node_.agent().LogSoFar();
  ASSERT_THAT(node_.StartAgent(), IsOk());
  EXPECT_TRUE(node_.WaitInstalled("profiles/audit.json", Rendered(kAudit)));
}

TEST_F(ConfinementTest, EndsToBeRestartedWhenItsCompilerIsKilled) {
  ASSERT_THAT(node_.StartAgent(), IsOk());
  const std::string pid = std::to_string(node_.agent().pid());
  const std::string children = ReadFile("/proc/" + pid + "/task/" + pid + "/children").value_or("");
  ASSERT_FALSE(children.empty());
  ASSERT_EQ(::kill(std::stoi(children), SIGKILL), 0);
  EXPECT_EQ(node_.agent().WaitExit(std::chrono::seconds(30)), 75) << node_.agent().LogSoFar();
}

}  // namespace
}  // namespace seccompd::e2e
