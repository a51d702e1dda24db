// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/inspect.h"

#include <gmock/gmock.h>

#include <string>

#include "common/bpf/evaluate.h"
#include "tests/support/matchers.h"

namespace seccompd::agent {
namespace {

using base::ErrorCode;
using test_support::IsError;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kReport[] = R"json({"schema":"seccompd.io/audit/v1","node":{"name":"gke-a-17"},
 "end":"2026-11-24T03:04:11Z","containers":[
 {"namespace":"shop","pod":"api-0","container":"app","container_id":"9c1e0a51aa33bb44",
  "image_id":"docker.io/a@sha256:ab12ab12ab12ab12","processes":14,"verdict":"weaker","missing":null,
  "asked":{"kind":"Localhost","level":"pod","path":"web/api.json","revision":4,
           "digest":"sha256:51aa51aa51aa51aa","fingerprint":"sha256:7f3a7f3a7f3a7f3a","privileged":false},
  "told":null,
  "loaded":{"mode":"filter","filters":2,"revision":null,"fingerprint":"sha256:00ff00ff00ff00ff",
            "own_filters":1,"same_as":null,"runc_enosys":true,"no_new_privs":true},
  "threads":{"total":31,"same":30},
  "causes":[{"cause":"docker-fields","detail":"includes","text":"containerd ignores these fields"}],
  "reason":null,"why":"permits bpf(*)","difference":"x86_64 bpf(0,0,0): ALLOW, should be ERRNO(1)",
  "evidence":"filter","finding":true,"since":"2026-11-22T01:10:00Z",
  "checks":[{"name":"af-alg","result":"permitted","open":["socket(domain == AF_ALG)"]}],
  "witness":{"pid":77,"tid":78,"start_ticks":1,"comm":"sh\u001b[2J"}},
 {"namespace":"shop","pod":"api-0","container":"proxy","container_id":"77aa77aa77aa77aa"},
 {"namespace":"web","pod":"api-0","container":"app","container_id":"66bb66bb66bb66bb"},
 {"namespace":"web","pod":"front","container":null,"container_id":"55cc55cc55cc55cc"}]})json";

document::Node Json(std::string_view text) {
  auto node = document::ParseJson(text);
  EXPECT_TRUE(node.has_value());
  return node ? *std::move(node) : document::Node{};
}

TEST(FindInReport, TakesNamespacePodAndContainer) {
  EXPECT_EQ(FindInReport(kReport, "shop/api-0", "proxy")->container_id, "77aa77aa77aa77aa");
  EXPECT_EQ(FindInReport(kReport, "web/api-0", "")->name, "web/api-0/app");
}

TEST(FindInReport, AsksWhichWhereSeveralFit) {
  EXPECT_THAT(FindInReport(kReport, "shop/api-0", ""),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("shop/api-0/app, shop/api-0/proxy")));
  EXPECT_THAT(FindInReport(kReport, "api-0", "app"),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("web/api-0/app")));
  EXPECT_THAT(FindInReport(kReport, "shop/api-0", "nope"),
              IsError(ErrorCode::kNotFound, HasSubstr("-c one of")));
}

TEST(FindInReport, SaysThatThereIsNoSuchPod) {
  EXPECT_THAT(
      FindInReport(kReport, "shop/ap\x1b[2J", ""),
      IsError(ErrorCode::kNotFound, HasSubstr("shop/ap\\x1b[2J: no such file, and no pod")));
  EXPECT_FALSE(FindInReport(kReport, "front", "").has_value()) << "its pause container is none";
}

procfs::Container ContainerOf(std::string id, std::vector<procfs::Process> processes = {}) {
  procfs::Container container;
  container.ref.container_id = std::move(id);
  container.processes = std::move(processes);
  return container;
}

TEST(FindById, TakesAPrefixThatOneContainerHas) {
  const std::vector<procfs::Container> containers = {
      ContainerOf("aaaaaaaa11"), ContainerOf("aaaaaaaa22"), ContainerOf("bbbbbbbb33")};
  EXPECT_EQ((*FindById(containers, "bbbbbbbb"))->ref.container_id, "bbbbbbbb33");
  EXPECT_THAT(FindById(containers, "aaaaaaaa"),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("several")));
  EXPECT_THAT(FindById(containers, "cccccccc"),
              IsError(ErrorCode::kNotFound, HasSubstr("no such")));
  EXPECT_THAT(FindById(containers, "b"),
              IsError(ErrorCode::kInvalidArgument, HasSubstr("at least")));
}

procfs::Process ProcessOf(pid_t pid, std::uint64_t start, bool live) {
  procfs::Process process;
  process.pid = pid;
  process.start_ticks = start;
  process.live = live;
  return process;
}

TEST(FirstProcess, IsTheOldestThatLives) {
  EXPECT_EQ(FirstProcess(ContainerOf(
                "a", {ProcessOf(5, 50, false), ProcessOf(7, 90, true), ProcessOf(9, 60, true)})),
            9);
  EXPECT_EQ(FirstProcess(ContainerOf("a")), std::nullopt);
}

TEST(LiveTargetForms, SelfIsTheFilterOfTheAgentItself) {
  const auto forms = LiveTargetForms({});
  const auto target = forms.front()("self");
  ASSERT_TRUE(target.has_value() && target->has_value());
  ASSERT_EQ((*target)->stack.size(), 1U);
  EXPECT_TRUE((*target)->profile.has_value());
  EXPECT_FALSE(forms.front()("selfish").has_value());
}

TEST(LiveTargetForms, WordsThatNameNothingAreRefusedOrLeftToOthers) {
  const auto forms = LiveTargetForms({.socket = "/nowhere/agent.sock"});
  const auto ask = [&](std::string_view text) {
    for (const TargetForm& form : forms) {
      if (auto target = form(text)) return target->has_value() ? "taken" : "refused";
    }
    return "left";
  };
  EXPECT_STREQ(ask("pid:0"), "refused");
  EXPECT_STREQ(ask("pid:x"), "refused");
  EXPECT_STREQ(ask("cri:1"), "refused");
  EXPECT_STREQ(ask("shop/api-0"), "left") << "without an agent nobody knows pods";
}

constexpr char kExpected[] =
    R"text(shop/api-0/app   cri:9c1e0a51aa33   node gke-a-17 at 2026-11-24T03:04:11Z
asked    Localhost web/api.json@r4 (pod level) · file 51aa51aa51aa · means 7f3a7f3a7f3a · installed 2d ago · ConfigMap web key api.json
told     not known (bundles are read with --bundles only)
loaded   2 filters · 1 of them the workload's own · means 00ff00ff00ff · runc's ENOSYS (expected)
state    weaker · evidence filter · started 2026-11-22T01:10:00Z, 2d ago · 14 processes · 30 of 31 threads have this filter · NoNewPrivs 1 · image ab12ab12ab12
why      permits bpf(*)
judged   by pid 77 (sh\x1b[2J), its thread 78
differs  x86_64 bpf(0,0,0): ALLOW, should be ERRNO(1)
cause    docker-fields: containerd ignores these fields (includes)
history  r4 2d ago, in force, means the same as r3 · r3 5d ago · r1 30d ago
checks   af-alg permitted: socket(domain == AF_ALG)
next     seccompd diff /s/web/api.json cri:9c1e0a51aa33
)text";

TEST(RenderInspection, IsWhatAPersonReads) {
  const document::Node report = Json(kReport);
  const document::Node profile = Json(
      R"({"path":"web/api.json","state":"installed","since":"2026-11-22T03:04:11Z",
          "origin":"ConfigMap web key api.json"})");
  const auto revision = [](std::uint32_t number, std::string_view time, std::string_view meaning) {
    return audit::Revision{.number = number,
                           .digest = {},
                           .meaning = base::Sha256(meaning),
                           .installed_at = *base::ParseTime(time)};
  };
  const audit::InstalledProfile history{.state = audit::ProfileState::kInstalled,
                                        .on_disk = true,
                                        .revisions = {revision(1, "2026-10-25T03:04:11Z", "a"),
                                                      revision(3, "2026-11-19T03:04:11Z", "b"),
                                                      revision(4, "2026-11-22T03:04:11Z", "b")}};
  EXPECT_EQ(RenderInspection({.report = report,
                              .row = report.Find("containers")->items.at(0),
                              .profile = &profile,
                              .history = &history},
                             "/s", false),
            kExpected);
}

// Whatever an older or newer agent leaves out is left out.
TEST(RenderInspection, NeedsNoMember) {
  const document::Node empty = Json("{}");
  EXPECT_THAT(RenderInspection({.report = empty, .row = empty}, "/s", true), HasSubstr("state"));
}

TEST(RenderInspection, CommandsHoldNoWordThatAShellWouldRead) {
  const document::Node report = Json(kReport);
  const document::Node row = Json("{\"namespace\":\"a;b\",\"pod\":\"$(x)\",\"verdict\":\"stale\"}");
  const std::string text = RenderInspection({.report = report, .row = row}, "/s", false);
  EXPECT_THAT(text, HasSubstr("next     restart the pod\n"));
  EXPECT_THAT(text, Not(HasSubstr("kubectl")));
}

TEST(RenderNode, GivesBackWhatWasRead) {
  const std::string text = R"({"a":[1,null,true,"x\"\u001b"],"b":{},"c":-1.5e3})";
  EXPECT_EQ(RenderNode(Json(text)), text);
}

}  // namespace
}  // namespace seccompd::agent
