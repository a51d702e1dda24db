// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/audit_node.h"

#include <gtest/gtest.h>

#include <sstream>
#include <utility>
#include <variant>

#include "common/document/document.h"
#include "common/install/ledger.h"
#include "common/kube/manifest.h"
#include "tests/support/tree_builder.h"

namespace seccompd::agent {
namespace {

install::Entry Established(const ProfileText& text) {
  const auto now =
      std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  install::Revision revision;
  revision.number = text.number;
  revision.digest = base::Sha256(text.body);
  revision.meaning = revision.digest;
  revision.size = text.body.size();
  revision.installed = now - text.age;
  return install::Established{.path = text.path,
                              .revision = revision,
                              .owner = "demo/web",
                              .origin = "ConfigMap demo/web",
                              .body = std::string(text.body)};
}

}  // namespace

AuditNode::AuditNode() {
  options_.seccomp_root = seccomp_root();
  options_.node_default = "unconfined";
  options_.node_name = "n1";
  options_.evidence = "filter";
  options_.json = true;
}

void AuditNode::Install(const std::vector<ProfileText>& texts) {
  install::LogPosition position;
  std::vector<install::Entry> entries;
  entries.reserve(texts.size());
  for (const ProfileText& text : texts) entries.push_back(Established(text));
  const std::string header = install::EncodeHeader("0123456789abcdef", &position);
  test_support::TreeBuilder tree(seccomp_root());
  tree.Dir(".").File(".seccompd/ledger", header + install::EncodeRecord(entries, &position));
  for (const ProfileText& text : texts) tree.File(text.path, text.body);
}

void AuditNode::PutFile(const std::string& path, std::string_view text) {
  test_support::TreeBuilder(seccomp_root()).File(path, text);
}

PodRecords AuditNode::Records() const {
  PodRecords records;
  records.known = true;
  auto objects = kube::ParseManifest(test_support::RenderPodList(pods_));
  EXPECT_TRUE(objects.has_value());
  for (kube::ManifestObject& object : *objects) {
    records.pods.push_back(std::get<kube::Pod>(std::move(object)));
  }
  return records;
}

std::map<std::string, std::string> AuditNode::Audit() {
  std::ostringstream out;
  std::ostringstream err;
  static_cast<void>(RunAudit(options_, Records(), out, err));
  json_ = out.str();
  const auto report = document::ParseJson(json_);
  EXPECT_TRUE(report.has_value()) << json_ << err.str();
  std::map<std::string, std::string> verdicts;
  if (!report) return verdicts;
  EXPECT_EQ(report->Find("evidence")->scalar, "filter") << json_;
  for (const document::Node& row : report->Find("containers")->items) {
    const std::string& pod = row.Find("pod")->scalar;
    if (row.Find("namespace")->scalar != "demo") continue;
    std::string& text = verdicts[pod];
    text = row.Find("verdict")->scalar;
    const auto add = [&](const char* key, const char* before, const char* after) {
      if (row.Find(key)->kind == document::Kind::kNull) return;
      text += before + row.Find(key)->scalar + after;
    };
    add("reason", "(", ")");
    add("missing", "/", "");
    whys_[pod] = row.Find("why")->scalar;
  }
  return verdicts;
}

}  // namespace seccompd::agent
