// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/metrics.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <map>
#include <set>

#include "common/base/strings.h"

namespace seccompd::metrics {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr base::WallTime kNow{std::chrono::milliseconds(1'700'000'000'500)};

// Every optional value present, something in every set.
MetricsSnapshot FullSnapshot() {
  MetricsSnapshot snapshot;
  snapshot.build = {.version = "1.2.3", .revision = "abc", .compiler = "g++ 12", .arch = "x86_64"};
  snapshot.config_reload_ok = true;
  snapshot.config_last_success = kNow;
  snapshot.ready = true;
  snapshot.profiles[ProfileState::kInstalled] = 5;
  snapshot.profiles[ProfileState::kInvalid] = 1;
  snapshot.profiles_hash = 0xFFFF'1234'5678'9ABC;
  snapshot.invalid_profiles = {{.source = "web/api", .profile = "api/pay.json", .reason = "E0104"}};
  snapshot.sync_last_success = kNow;
  snapshot.counters.syncs = 3;
  snapshot.counters.sync_seconds.Observe(0.002);
  snapshot.counters.profile_drifts[DriftKind::kMode] = 2;
  snapshot.counters.http_requests[{"metrics", 200}] = 7;
  snapshot.counters.http_requests[{"none", 431}] = 1;
  snapshot.audit.emplace();
  snapshot.audit->containers[Evidence::kStatus][Expected::kLocalhost][Verdict::kFiltered] = 49;
  snapshot.audit->violations = {{.namespace_name = "shop",
                                 .pod = "pay-0",
                                 .container = "app",
                                 .uid = "u1",
                                 .expected = Expected::kLocalhost,
                                 .verdict = Verdict::kNotEnforced,
                                 .evidence = Evidence::kStatus}};
  snapshot.audit->checks["af-alg"][CheckResult::kPermitted] = 3;
  snapshot.audit->profile_containers["web/api.json"][Verdict::kMatch] = 4;
  snapshot.audit->processes[SeccompMode::kFilter] = 60;
  snapshot.audit->unserved[Unserved::kMissing] = 1;
  snapshot.audit_last_success = kNow;
  snapshot.cluster.emplace();
  snapshot.cluster->events = true;
  snapshot.cluster->propagation_seconds = PropagationHistogram();
  snapshot.cluster->watches["configmaps"].events[WatchEvent::kAdded] = 2;
  snapshot.cluster->watches["pods"].last_activity = kNow;
  snapshot.cluster->api.CountRequest("get", "GET", "10.0.0.1:443", "200",
                                     std::chrono::milliseconds(30));
  snapshot.cluster->api.CountRequest("watch", "GET", "10.0.0.1:443", "200",
                                     std::chrono::milliseconds(30));
  snapshot.cluster->api.CountRetry("list", "10.0.0.1:443", "429");
  snapshot.loop_lag = std::chrono::milliseconds(3);
  snapshot.process = {.cpu_seconds = 1.5,
                      .start_time_seconds = 1.7e9,
                      .virtual_memory_bytes = 1,
                      .virtual_memory_max_bytes = 2,
                      .resident_memory_bytes = 3,
                      .open_fds = 4,
                      .max_fds = 5,
                      .network_receive_bytes = 6,
                      .network_transmit_bytes = 7};
  return snapshot;
}

std::map<std::string, std::string> TypesIn(const std::string& text) {
  std::map<std::string, std::string> types;
  for (const std::string_view line : base::Split(text, '\n')) {
    const std::vector<std::string_view> words = base::Split(line, ' ');
    if (words.size() == 4 && words[1] == "TYPE") types.emplace(words[2], words[3]);
  }
  return types;
}

std::size_t LinesStarting(const std::string& text, std::string_view prefix) {
  std::size_t count = 0;
  for (const std::string_view line : base::Split(text, '\n')) count += line.starts_with(prefix);
  return count;
}

TEST(RenderMetrics, FullSnapshotHasExactlyTheDeclaredMetrics) {
  std::map<std::string, std::string> declared;
  for (const Descriptor& metric : Table()) {
    const char* type = metric.type == Type::kCounter     ? "counter"
                       : metric.type == Type::kHistogram ? "histogram"
                                                         : "gauge";
    EXPECT_TRUE(declared.emplace(metric.name, type).second) << metric.name;
  }
  EXPECT_EQ(TypesIn(RenderMetrics(FullSnapshot())), declared);
}

TEST(RenderMetrics, WatchesCountAsRequestsButNotAsLatency) {
  const std::string text = RenderMetrics(FullSnapshot());
  EXPECT_THAT(text, HasSubstr("rest_client_requests_total{code=\"200\",method=\"GET\","
                              "host=\"10.0.0.1:443\"} 2"));
  EXPECT_THAT(text, HasSubstr("rest_client_request_duration_seconds_count{verb=\"get\","
                              "host=\"10.0.0.1:443\"} 1"));
  EXPECT_EQ(text.find("verb=\"watch\""), std::string::npos);
  EXPECT_THAT(text, HasSubstr("seccompd_watch_events_total{resource=\"pods\",event=\"added\"} 0"));
}

TEST(RenderMetrics, MinimalHasNoDetailAndFarFewerSeries) {
  MetricsSnapshot snapshot = FullSnapshot();
  snapshot.cluster->api.CountRequest("list", "GET", "10.0.0.1:443", "429",
                                     std::chrono::milliseconds(30));
  const std::string full = RenderMetrics(snapshot);
  snapshot.level = Level::kMinimal;
  const std::string minimal = RenderMetrics(snapshot);
  const auto types = TypesIn(minimal);
  for (const Descriptor& metric : Table()) {
    const bool shown = !metric.detail && metric.type != Type::kHistogram;
    EXPECT_EQ(types.contains(std::string(metric.name)), shown) << metric.name;
  }
  const auto series = [](const std::string& text) {
    return LinesStarting(text, "seccompd_") + LinesStarting(text, "process_") +
           LinesStarting(text, "rest_client_");
  };
  std::printf("series: %zu full, %zu minimal\n", series(full), series(minimal));
  EXPECT_LE(series(minimal), 75U);
  EXPECT_GE(series(full), 3 * series(minimal));
  // What alerts and the ratio of the rules read.
  EXPECT_THAT(minimal, HasSubstr("seccompd_containers{expected=\"localhost\",verdict=\"match\","
                                 "evidence=\"status\"} 0"));
  EXPECT_THAT(minimal, HasSubstr("verdict=\"filtered\",evidence=\"status\"} 49"));
  EXPECT_THAT(minimal, HasSubstr("rest_client_requests_total{code=\"429\""));
  EXPECT_THAT(minimal, Not(HasSubstr("code=\"200\"")));
}

TEST(RenderMetrics, ACheckSaysWhetherItPages) {
  MetricsSnapshot snapshot = FullSnapshot();
  EXPECT_THAT(RenderMetrics(snapshot), HasSubstr("seccompd_check_page{check=\"af-alg\"} 0"));
  snapshot.audit->paging_checks = {"af-alg"};
  EXPECT_THAT(RenderMetrics(snapshot), HasSubstr("seccompd_check_page{check=\"af-alg\"} 1"));
}

TEST(RenderMetrics, EveryFamilyIsInOnePiece) {
  const std::string text = RenderMetrics(FullSnapshot());
  std::multiset<std::string> names;
  for (const std::string_view line : base::Split(text, '\n')) {
    if (line.starts_with("# TYPE ")) names.emplace(base::Split(line, ' ')[2]);
  }
  for (const std::string& name : names) EXPECT_EQ(names.count(name), 1U) << name;
}

TEST(RenderMetrics, LabelsAreTheDeclaredOnes) {
  const std::string text = RenderMetrics(FullSnapshot());
  for (const Descriptor& metric : Table()) {
    std::string expected;
    for (const std::string_view label : base::Split(metric.labels, ',')) {
      const std::string name(base::TrimSpace(label));
      if (!name.empty()) expected += (expected.empty() ? "" : ",") + name + "=\"[^\"]*\"";
    }
    const std::string series = metric.type == Type::kHistogram ? "_count" : "";
    const std::string braces = expected.empty() ? " " : "\\{" + expected + "\\} ";
    EXPECT_THAT(text, ContainsRegex("\n" + std::string(metric.name) + series + braces));
  }
}

TEST(RenderMetrics, ClosedLabelSetsStartAtZero) {
  MetricsSnapshot snapshot;
  snapshot.audit.emplace();
  const std::string text = RenderMetrics(snapshot);
  EXPECT_THAT(text, HasSubstr("seccompd_profiles{state=\"contested\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("seccompd_profile_writes_total{operation=\"delete\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("seccompd_containers{expected=\"unset\",verdict=\"weaker\","
                              "evidence=\"status\"} 0\n"));
  EXPECT_EQ(LinesStarting(text, "seccompd_containers{"), 40U);
  EXPECT_EQ(LinesStarting(text, "seccompd_violations_total{"), 40U);
  EXPECT_THAT(text, HasSubstr("seccompd_sync_duration_seconds_bucket{le=\"+Inf\"} 0\n"));
}

TEST(RenderMetrics, OtherEvidenceLevelIsShownOnlyWhereItCounts) {
  MetricsSnapshot snapshot;
  snapshot.evidence = Evidence::kFilter;
  snapshot.audit.emplace();
  snapshot.audit->containers[Evidence::kStatus][Expected::kUnset][Verdict::kUnknown] = 1;
  const std::string text = RenderMetrics(snapshot);
  EXPECT_EQ(LinesStarting(text, "seccompd_containers{"), 41U);
}

TEST(RenderMetrics, BeforeTheFirstAuditThereIsNothingToSayOfContainers) {
  const std::string text = RenderMetrics(MetricsSnapshot{});
  EXPECT_THAT(text, Not(HasSubstr("seccompd_containers{")));
  EXPECT_THAT(text, Not(HasSubstr("last_success_timestamp")));
  EXPECT_THAT(text, HasSubstr("seccompd_audits_total 0\n"));
}

TEST(RenderMetrics, DesiredIsTheSumOfTheStates) {
  EXPECT_THAT(RenderMetrics(FullSnapshot()), HasSubstr("seccompd_profiles_desired 6\n"));
}

TEST(RenderMetrics, HashIsExactIn48Bits) {
  EXPECT_THAT(RenderMetrics(FullSnapshot()),
              HasSubstr("seccompd_profiles_hash " + std::to_string(0x1234'5678'9ABC) + "\n"));
}

TEST(RenderMetrics, TimestampsAreUnixSeconds) {
  EXPECT_THAT(RenderMetrics(FullSnapshot()),
              HasSubstr("seccompd_sync_last_success_timestamp_seconds 1700000000.5\n"));
}

TEST(RenderMetrics, ViolationsBeyondTheCapAreCounted) {
  MetricsSnapshot snapshot;
  snapshot.audit.emplace();
  for (std::size_t i = 0; i < kMaxViolations + 3; ++i) {
    snapshot.audit->violations.push_back(
        {.namespace_name = "n", .pod = "p" + std::to_string(i), .container = "c", .uid = "u"});
  }
  const std::string text = RenderMetrics(snapshot);
  EXPECT_EQ(LinesStarting(text, "seccompd_container_violation{"), kMaxViolations);
  EXPECT_THAT(text, HasSubstr("seccompd_container_violations_dropped 3\n"));
  EXPECT_THAT(text, HasSubstr("pod=\"p0\""));
}

TEST(RenderMetrics, InvalidProfilesBeyondTheCapAreCounted) {
  MetricsSnapshot snapshot;
  for (std::size_t i = 0; i < kMaxInvalidProfiles + 2; ++i) {
    snapshot.invalid_profiles.push_back(
        {.source = "s", .profile = std::to_string(i), .reason = "E"});
  }
  const std::string text = RenderMetrics(snapshot);
  EXPECT_EQ(LinesStarting(text, "seccompd_profile_invalid{"), kMaxInvalidProfiles);
  EXPECT_THAT(text, HasSubstr("seccompd_profile_invalid_dropped 2\n"));
}

TEST(RenderMetrics, OneSeriesForOneSetOfLabels) {
  MetricsSnapshot snapshot;
  snapshot.audit.emplace();
  const Violation violation{.namespace_name = "n", .pod = "p", .container = "c", .uid = "u"};
  snapshot.audit->violations = {violation, violation};
  EXPECT_EQ(LinesStarting(RenderMetrics(snapshot), "seccompd_container_violation{"), 1U);
}

TEST(RenderMetrics, HostileLabelCannotForgeALine) {
  MetricsSnapshot snapshot;
  snapshot.invalid_profiles = {
      {.source = "a\"} 1\nseccompd_ready 1", .profile = "\x1b[2J\xff\\", .reason = "E\x80"}};
  const std::string text = RenderMetrics(snapshot);
  EXPECT_TRUE(base::IsValidUtf8(text));
  EXPECT_EQ(LinesStarting(text, "seccompd_ready "), 1U);
  EXPECT_EQ(LinesStarting(text, "seccompd_profile_invalid{"), 1U);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(RenderMetrics, LongLabelIsCutBetweenCharacters) {
  MetricsSnapshot snapshot;
  std::string name;
  for (int i = 0; i < 400; ++i) name += "\xc3\xa9";
  snapshot.invalid_profiles = {{.source = name, .profile = "x" + name, .reason = "E"}};
  const std::string text = RenderMetrics(snapshot);
  EXPECT_TRUE(base::IsValidUtf8(text));
  EXPECT_THAT(text, HasSubstr("\xc3\xa9...\""));
  EXPECT_THAT(text, Not(HasSubstr(name.substr(0, kMaxLabelBytes))));
}

TEST(RenderTable, NamesEveryMetricOnce) {
  const std::string table = RenderTable();
  for (const Descriptor& metric : Table()) {
    EXPECT_THAT(table, HasSubstr("| `" + std::string(metric.name) + "` | "));
    EXPECT_FALSE(metric.help.empty()) << metric.name;
    EXPECT_TRUE(metric.help.ends_with('.')) << metric.name;
    EXPECT_EQ(metric.help.find('|'), std::string_view::npos) << metric.name;
  }
}

// promlint's rules are promtool's business (below); these are the house's.
TEST(Table, NamesHaveOnePrefixAndUnits) {
  for (const Descriptor& metric : Table()) {
    EXPECT_TRUE(metric.name.starts_with("seccompd_") || metric.name.starts_with("process_") ||
                metric.name.starts_with("rest_client_"));
    EXPECT_EQ(metric.type == Type::kCounter, metric.name.ends_with("_total")) << metric.name;
    EXPECT_TRUE(metric.type != Type::kHistogram || metric.name.ends_with("_seconds"));
  }
}

TEST(Promtool, FindsNothingInAFullScrape) {
  std::FILE* pipe = ::popen("promtool check metrics 2>&1", "w");
  ASSERT_NE(pipe, nullptr);
  const std::string text = RenderMetrics(FullSnapshot());
  EXPECT_EQ(std::fwrite(text.data(), 1, text.size(), pipe), text.size());
  EXPECT_EQ(::pclose(pipe), 0) << "promtool (Debian package prometheus) printed why";
}

TEST(RenderMetrics, ChecksAndProfilesOfContainersAreBounded) {
  MetricsSnapshot snapshot = FullSnapshot();
  for (int i = 0; i < 1'000; ++i) {
    snapshot.audit->checks["check-" + std::to_string(i)];
    snapshot.audit->profile_containers["p/" + std::to_string(i) + ".json"][Verdict::kStale] = 1;
  }
  const std::string text = RenderMetrics(snapshot);
  EXPECT_EQ(LinesStarting(text, "seccompd_check_containers{"),
            kMaxChecks * Per<CheckResult>::kSize);
  EXPECT_EQ(LinesStarting(text, "seccompd_check_violations_total{"), kMaxChecks);
  EXPECT_EQ(LinesStarting(text, "seccompd_profile_containers{"), kMaxProfilesOfContainers);
  EXPECT_THAT(text, HasSubstr("seccompd_profile_containers_dropped 951\n"));
}

TEST(RenderMetrics, ACheckHasASeriesForEveryResultFromTheStart) {
  const std::string text = RenderMetrics(FullSnapshot());
  EXPECT_THAT(text,
              HasSubstr("seccompd_check_containers{check=\"af-alg\",result=\"permitted\"} 3"));
  EXPECT_THAT(text, HasSubstr("seccompd_check_containers{check=\"af-alg\",result=\"blocked\"} 0"));
  EXPECT_THAT(text, HasSubstr("seccompd_check_violations_total{check=\"af-alg\"} 0"));
}

}  // namespace
}  // namespace seccompd::metrics
