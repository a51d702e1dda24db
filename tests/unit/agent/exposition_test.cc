// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/exposition.h"

#include <gtest/gtest.h>

#include <string>

namespace seccompd::agent {
namespace {

install::ProfileRow Row(const std::string& path, install::ProfileState state) {
  install::ProfileRow row;
  row.path = path;
  row.state = state;
  return row;
}

audit::Row Asking(audit::AskedKind kind, const std::string& path) {
  audit::Row row;
  row.asked.kind = kind;
  row.asked.path = path;
  return row;
}

std::uint64_t InvalidReferencedOf(const NodeState& state) {
  const auto snapshot = Snapshot(state, {}, {});
  return snapshot.audit ? snapshot.audit->invalid_referenced : 99;
}

TEST(Snapshot, ARefusedProfileThatAContainerAsksForCountsWithItsOldRevisionInForce) {
  NodeState state;
  state.profiles = {Row("web/pay.json", install::ProfileState::kInvalid)};
  state.profiles[0].revision = 7;
  state.audit.emplace();
  state.audit->rows = {Asking(audit::AskedKind::kLocalhost, "web/pay.json"),
                       Asking(audit::AskedKind::kLocalhost, "web/pay.json")};
  EXPECT_EQ(InvalidReferencedOf(state), 1U);
}

TEST(Snapshot, ARefusedProfileOfAContainerThatCannotStartCounts) {
  NodeState state;
  state.profiles = {Row("web/pay.json", install::ProfileState::kInvalid)};
  state.audit.emplace();
  state.audit->findings.emplace_back().path = "web/pay.json";
  EXPECT_EQ(InvalidReferencedOf(state), 1U);
}

TEST(Snapshot, ARefusedProfileThatNobodyAsksForDoesNotCount) {
  NodeState state;
  state.profiles = {Row("web/pay.json", install::ProfileState::kInvalid),
                    Row("web/api.json", install::ProfileState::kInstalled)};
  state.audit.emplace();
  state.audit->rows = {Asking(audit::AskedKind::kLocalhost, "web/api.json"),
                       Asking(audit::AskedKind::kRuntimeDefault, "web/pay.json")};
  EXPECT_EQ(InvalidReferencedOf(state), 0U);
}

TEST(Snapshot, BeforeTheFirstAuditNothingIsSaidOfContainers) {
  NodeState state;
  state.profiles = {Row("web/pay.json", install::ProfileState::kInvalid)};
  EXPECT_FALSE(Snapshot(state, {}, {}).audit.has_value());
}

}  // namespace
}  // namespace seccompd::agent
