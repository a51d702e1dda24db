// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/status.h"

#include <gmock/gmock.h>

#include <chrono>
#include <string>

#include "agent/daemon/agent_client.h"
#include "agent/daemon/control.h"
#include "common/document/document.h"

namespace seccompd::agent {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

const base::WallTime kNow{std::chrono::milliseconds(1'790'000'000'000)};

audit::Row RowOf(std::string path, std::uint32_t loaded) {
  audit::Row row;
  row.asked = {.kind = audit::AskedKind::kLocalhost, .path = std::move(path)};
  row.judgement.loaded.revision = loaded;
  return row;
}

// The node of design section 8.
NodeState Example() {
  NodeState state;
  state.source_complete = true;
  state.synced = true;
  state.last_sync = kNow - seconds(9);
  state.last_audit = kNow - seconds(8);
  state.confinement = {.filter = true, .landlock_abi = 7, .signals_scoped = true};
  state.profiles = {{.path = "profiles/a.json",
                     .state = install::ProfileState::kForeign,
                     .origin = "ConfigMap a key a.json",
                     .note = "not ours: seccompd.io/adopt: replace"},
                    {.path = "web/api.json",
                     .state = install::ProfileState::kInstalled,
                     .revision = 5,
                     .since = kNow - hours(48),
                     .origin = "ConfigMap web key api.json"},
                    {.path = "web/pay.json",
                     .state = install::ProfileState::kInvalid,
                     .revision = 7,
                     .since = kNow - minutes(40),
                     .origin = "ConfigMap web key pay.json",
                     .note = "update refused E0104 /syscalls/3"}};
  state.audit.emplace();
  state.audit->rows = {RowOf("web/api.json", 4), RowOf("web/api.json", 5), RowOf("web/api.json", 5),
                       RowOf("web/pay.json", 7)};
  state.audit->counts.found = 5;
  state.audit->counts.unknown = 1;
  state.counters.profile_drifts[metrics::DriftKind::kContent] = 1;
  state.last_drift = DriftSeen{
      .path = "web/api.json", .kind = install::DriftKind::kContent, .time = kNow - hours(1)};
  return state;
}

RunConfig Config() {
  RunConfig config;
  config.source = "dir:/profiles";
  config.node_name = "node-1";
  return config;
}

AgentStatus StatusOf(const NodeState& state) {
  return MakeStatus(state, Config(), "1.4.0",
                    {.now = kNow, .mono_now = {}, .started = kNow - hours(144)});
}

TEST(RenderStatusText, IsWhatAPersonReads) {
  EXPECT_EQ(
      RenderStatusText(StatusOf(Example()), false),
      R"(agent 1.4.0 up 6d · evidence status · caps none, own filter, Landlock 7 with signals · pods: none · dir:/profiles ok
PROFILE          REV  STATE      USED  SINCE  NOTE
profiles/a.json  -    foreign    0     -      not ours: seccompd.io/adopt: replace
web/api.json     r5   installed  3     2d     1 container still r4
web/pay.json     r7   invalid    1     40m    update refused E0104 /syscalls/3; r7 in force; NEW NODES HAVE NO FILE
drift 1 (last: content of web/api.json, 1h ago) · last full audit 8s ago · containers 5 · findings 0 · unjudged 1
)");
}

TEST(RenderStatusText, SaysWhyTheAgentIsNotReady) {
  NodeState state = Example();
  state.install_error = base::Error{.code = base::ErrorCode::kGone, .message = "root\x1b[31m gone"};
  const std::string text = RenderStatusText(StatusOf(state), false);
  EXPECT_THAT(text, HasSubstr("NOT READY: root\\x1b[31m gone\n"));
}

// A ConfigMap's author and a manifest's path choose names.
TEST(RenderStatusText, HostileNamesCannotSteerTheTerminal) {
  NodeState state = Example();
  state.profiles[0].path = "x\x1b]0;title\x07\n\r\xe2\x80\xae.json";
  state.profiles[0].note = "\x1b[2J\nfake line";
  state.last_drift->path =
      "\x9b"
      "31m";
  state.source_problems = {{.path = "\x1b[H", .error = {.message = "a\nb"}}};
  const std::string text = RenderStatusText(StatusOf(state), false);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\x9b")));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
  EXPECT_THAT(text, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 6);
}

TEST(RenderStatusJson, HoldsTheSameFacts) {
  const auto parsed = document::ParseJson(RenderStatusJson(StatusOf(Example())));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->Find("schema")->scalar, "seccompd.io/status/v1");
  const document::Node& profile = parsed->Find("profiles")->items.at(1);
  EXPECT_EQ(profile.Find("path")->scalar, "web/api.json");
  EXPECT_EQ(profile.Find("used")->scalar, "3");
  EXPECT_EQ(profile.Find("other_revisions")->items.at(0).Find("containers")->scalar, "1");
  EXPECT_EQ(parsed->Find("agent")->Find("confinement")->Find("capabilities")->scalar, "none");
  EXPECT_EQ(parsed->Find("drift")->Find("last")->Find("kind")->scalar, "content");
  EXPECT_EQ(parsed->Find("audit")->Find("unjudged")->scalar, "1");
}

TEST(HasProblem, IsWhatNeedsALook) {
  NodeState state = Example();
  EXPECT_TRUE(StatusOf(state).HasProblem()) << "a refused profile";
  state.profiles.resize(2);
  state.profiles.erase(state.profiles.begin());
  EXPECT_FALSE(StatusOf(state).HasProblem());
  state.source_complete = false;
  EXPECT_TRUE(StatusOf(state).HasProblem()) << "a source that is away";
}

net::Request To(std::string path, std::vector<net::QueryParameter> query = {}) {
  net::Request request;
  request.path = std::move(path);
  request.query = std::move(query);
  return request;
}

TEST(AnswerControl, GivesTextOrJsonAndSaysWhetherThereAreFindings) {
  NodeState state = Example();
  const RunConfig config = Config();
  const ControlContext context{.state = state, .config = config, .version = "1", .times = {}};
  const auto text = AnswerControl(To("/v1/status", {{"format", "text"}}), context);
  EXPECT_EQ(text.status, 200);
  EXPECT_THAT(text.body, HasSubstr("PROFILE"));
  EXPECT_THAT(text.headers,
              ::testing::Contains(std::pair<std::string, std::string>(kFindingsHeader, "1")));
  EXPECT_TRUE(document::ParseJson(AnswerControl(To("/v1/audit"), context).body).has_value());
  state.audit.reset();
  EXPECT_EQ(AnswerControl(To("/v1/audit"), context).status, 503);
  EXPECT_EQ(AnswerControl(To("/metrics"), context).status, 404);
}

}  // namespace
}  // namespace seccompd::agent
