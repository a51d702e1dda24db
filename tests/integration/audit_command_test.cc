// SPDX-License-Identifier: Apache-2.0
// `seccompd audit` on this machine, with containers of a real runtime.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <sstream>

#include "agent/cli/audit.h"
#include "common/document/document.h"
#include "common/install/ledger.h"
#include "common/kube/manifest.h"
#include "tests/support/container_host.h"
#include "tests/support/pod_list.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_builder.h"

namespace seccompd::agent {
namespace {

using std::chrono::hours;
using test_support::Container;
using test_support::ContainerSpec;
using test_support::PodRow;
using test_support::TreeBuilder;
using testing::HasSubstr;

constexpr std::string_view kAllowAll = R"({"defaultAction": "SCMP_ACT_ALLOW",
  "syscalls": [{"names": ["ptrace"], "action": "SCMP_ACT_ERRNO"}]})";

install::Entry Established(std::string path, std::uint32_t number, std::chrono::milliseconds age) {
  const auto now =
      std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  install::Revision revision;
  revision.number = number;
  revision.digest = base::Sha256(std::to_string(number));
  revision.meaning = revision.digest;
  revision.installed = now - age;
  return install::Established{.path = std::move(path),
                              .revision = revision,
                              .owner = "demo/web",
                              .origin = "ConfigMap demo/web",
                              .body = std::nullopt};
}

class AuditCommandTest : public testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_CONTAINERS();
    install::LogPosition position;
    std::vector<install::Entry> entries = {Established("web/app.json", 1, hours(24)),
                                           Established("web/old.json", 1, hours(24)),
                                           // Installed after every container of this test started.
                                           Established("web/old.json", 2, -hours(1))};
    const std::string header = install::EncodeHeader("0123456789abcdef", &position);
    TreeBuilder(dir_.Join("seccomp"))
        .Dir(".")
        .File(".seccompd/ledger", header + install::EncodeRecord(entries, &position))
        .File("web/app.json", kAllowAll)
        .File("web/old.json", kAllowAll);
    options_.seccomp_root = dir_.Join("seccomp");
    options_.node_default = "unconfined";
    options_.node_name = "n1";
    options_.evidence = "status";
  }

  // Starts a container and the record of its pod.
  void Start(std::string pod, bool filtered, std::optional<std::string> asked,
             bool privileged = false) {
    ContainerSpec spec;
    if (filtered) spec.seccomp = kAllowAll;
    auto container = host_.Run(spec);
    ASSERT_TRUE(container.has_value()) << container.error().message;
    PodRow row;
    row.name = std::move(pod);
    row.uid = (*container)->pod_uid();
    row.container_id = (*container)->id();
    row.seccomp = std::move(asked);
    row.privileged = privileged;
    rows_.push_back(row);
    containers_.push_back(std::move(*container));
  }

  [[nodiscard]] PodRecords Records() const {
    PodRecords records;
    records.known = true;
    auto objects = kube::ParseManifest(test_support::RenderPodList(rows_));
    EXPECT_TRUE(objects.has_value());
    for (kube::ManifestObject& object : *objects) {
      records.pods.push_back(std::get<kube::Pod>(std::move(object)));
    }
    return records;
  }

  // Verdict and reason by pod, of our pods only: other containers may run here.
  std::map<std::string, std::string> Audit() {
    options_.json = true;
    std::ostringstream out;
    exit_code_ = RunAudit(options_, Records(), out, err_);
    const auto report = document::ParseJson(out.str());
    EXPECT_TRUE(report.has_value()) << out.str() << err_.str();
    std::map<std::string, std::string> verdicts;
    if (!report) return verdicts;
    for (const document::Node& row : report->Find("containers")->items) {
      if (row.Find("namespace")->scalar != "demo") continue;
      std::string& text = verdicts[row.Find("pod")->scalar];
      text = row.Find("verdict")->scalar;
      if (row.Find("reason")->kind != document::Kind::kNull) {
        text += "(" + row.Find("reason")->scalar + ")";
      }
    }
    return verdicts;
  }

  test_support::TempDir dir_;
  test_support::ContainerHost host_{test_support::Runtime::kCrun};
  std::vector<std::unique_ptr<Container>> containers_;
  std::vector<PodRow> rows_;
  AuditOptions options_;
  std::ostringstream err_;
  int exit_code_ = -1;
};

TEST_F(AuditCommandTest, TellsEveryVerdictOfTheStatusLevelApart) {
  Start("good", true, "Localhost:web/app.json");
  Start("bare", false, "Localhost:web/app.json");
  Start("privileged", false, "Localhost:web/app.json", true);
  Start("stale", true, "Localhost:web/old.json");
  Start("runtime", true, "RuntimeDefault");
  Start("nothing", false, std::nullopt);
  Start("self", true, "Unconfined");
  const auto verdicts = Audit();
  EXPECT_THAT(
      verdicts,
      testing::ElementsAre(testing::Pair("bare", "not_enforced"), testing::Pair("good", "filtered"),
                           testing::Pair("nothing", "unconfined"),
                           testing::Pair("privileged", "not_enforced(privileged)"),
                           testing::Pair("runtime", "filtered"),
                           testing::Pair("self", "stricter(not-asked)"),
                           testing::Pair("stale", "stale(old-revision)")));
  EXPECT_EQ(exit_code_, 1);
  EXPECT_THAT(err_.str(), HasSubstr("report sha256:"));
}

TEST_F(AuditCommandTest, TextNamesTheContainersToMend) {
  Start("bare", false, "Localhost:web/app.json");
  Start("train", false, "Localhost:web/ap.json");
  std::ostringstream out;
  EXPECT_EQ(RunAudit(options_, Records(), out, err_), 1);
  EXPECT_THAT(out.str(), HasSubstr("demo/bare/app "));
  EXPECT_THAT(out.str(), HasSubstr("web/app.json@r1"));
  EXPECT_THAT(out.str(), HasSubstr("no such profile; web/app.json?"));
  EXPECT_EQ(err_.str(), "");
}

TEST_F(AuditCommandTest, WithoutLedgerItSaysWhatItCannotTell) {
  Start("good", true, "Localhost:web/old.json");
  options_.seccomp_root = dir_.Join("nowhere");
  std::ostringstream out;
  static_cast<void>(RunAudit(options_, Records(), out, err_));
  EXPECT_THAT(out.str(), HasSubstr("stale and missing profiles are not told"));
  EXPECT_EQ(Audit().at("good"), "filtered");
}

TEST_F(AuditCommandTest, ContainerThatEndedIsNotFound) {
  Start("gone", true, "Localhost:web/app.json");
  ASSERT_TRUE(containers_[0]->Delete().has_value());
  EXPECT_EQ(Audit().at("gone"), "unknown(not-found)");
}

TEST(RunAudit, WrongFlagsAndMissingRootsAreUsageErrors) {
  const auto run = [](auto change) {
    AuditOptions options;
    options.seccomp_root = "/nowhere";
    change(options);
    std::ostringstream out;
    std::ostringstream err;
    EXPECT_EQ(RunAudit(options, {}, out, err), 2);
    EXPECT_EQ(out.str(), "");
    return err.str();
  };
  EXPECT_THAT(run([](AuditOptions& o) { o.node_default = "no"; }), HasSubstr("--node-default"));
  EXPECT_THAT(run([](AuditOptions& o) { o.procfs = "/nowhere"; }), HasSubstr("/nowhere"));
  EXPECT_THAT(run([](AuditOptions& o) { o.cgroupfs = "/nowhere"; }), HasSubstr("/nowhere"));
}

}  // namespace
}  // namespace seccompd::agent
