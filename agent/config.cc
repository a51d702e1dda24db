// SPDX-License-Identifier: Apache-2.0
#include "agent/config.h"

#include <fmt/format.h>

#include "common/base/strings.h"
#include "common/document/document.h"

namespace seccompd::agent {
namespace {

using document::Kind;
using document::Node;

bool IsScalar(const Node& node) {
  return node.kind == Kind::kString || node.kind == Kind::kNumber || node.kind == Kind::kBool;
}

base::Result<std::string> FlagText(const std::string& key, const Node& node) {
  if (IsScalar(node)) return node.scalar;
  if (node.kind == Kind::kArray) {
    std::vector<std::string> texts;
    for (const Node& item : node.items) {
      if (!IsScalar(item)) break;
      texts.push_back(item.scalar);
    }
    if (texts.size() == node.items.size()) return base::Join(texts, ",");
  }
  return base::Fail(base::ErrorCode::kInvalidArgument,
                    fmt::format("line {}: '{}' must be a scalar or a list of scalars", node.line,
                                base::Printable(key)));
}

}  // namespace

base::Result<std::map<std::string, std::string>> ParseConfigFile(std::string_view text) {
  TRY_ASSIGN(const auto documents, document::ParseYaml(text));
  std::map<std::string, std::string> flags;
  if (documents.empty()) return flags;
  if (documents.size() > 1 || documents.front().kind != Kind::kObject) {
    return base::Fail(base::ErrorCode::kInvalidArgument,
                      "must be one mapping of flag names to values");
  }
  for (const document::Member& member : documents.front().members) {
    if (member.key == "exemptions") continue;  // audit::ParseExemptions
    if (member.key.empty()) {
      return base::Fail(base::ErrorCode::kInvalidArgument,
                        fmt::format("line {}: a flag without a name", member.value.line));
    }
    TRY_ASSIGN(std::string value, FlagText(member.key, member.value));
    if (!flags.emplace(member.key, std::move(value)).second) {
      return base::Fail(base::ErrorCode::kInvalidArgument,
                        fmt::format("line {}: '{}' is given twice", member.value.line,
                                    base::Printable(member.key)));
    }
  }
  return flags;
}

bool NeedsCluster(const RunConfig& config) {
  return config.source == "kubernetes" || config.pods == "kubernetes" || config.pods == "kubelet" ||
         config.pods == "auto" || (config.node_gate == "taint" && Installs(config));
}

base::Result<std::string> DirectoryOf(std::string_view flag, std::string_view value) {
  constexpr std::string_view kPrefix = "dir:";
  if (!value.starts_with(kPrefix) || value.size() == kPrefix.size()) {
    return base::Fail(
        base::ErrorCode::kInvalidArgument,
        fmt::format("{} '{}': give dir:PATH{}", flag, base::Printable(value),
                    flag == "--pods" ? ", kubernetes, kubelet, auto or none" : " or kubernetes"));
  }
  return std::string(value.substr(kPrefix.size()));
}

}  // namespace seccompd::agent
