// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/resolve_default.h"

#include <fmt/format.h>

#include "common/base/strings.h"
#include "common/seccomp/runtime_default.h"

namespace seccompd::seccomp {
namespace {

constexpr std::string_view kName = "runtime-default";

bool IsCrio(std::string_view version) {
  return version.starts_with("crio") || version.starts_with("cri-o");
}

std::string KnownDefaults() {
  std::string known;
  for (const ContainerdDefault version : AllContainerdDefaults()) {
    known += (known.empty() ? "" : ", ") + std::string(DisplayName(version));
  }
  return known;
}

}  // namespace

bool IsRuntimeDefault(std::string_view text) {
  return text.starts_with(kName) && (text.size() == kName.size() || text[kName.size()] == ':');
}

base::Result<RuntimeDefault> ResolveRuntimeDefault(std::string_view text, const NodeFacts& node,
                                                   std::string_view runtime) {
  if (!IsRuntimeDefault(text)) {
    return base::Fail(base::ErrorCode::kInvalidArgument,
                      fmt::format("'{}' is not {}[:VERSION]", base::Printable(text), kName));
  }
  std::string_view version = text.substr(kName.size());
  if (!version.empty()) version.remove_prefix(1);
  if (version.empty()) version = runtime;
  if (version.empty()) {
    return base::Fail(
        base::ErrorCode::kFailedPrecondition,
        fmt::format("the node's runtime is not known; write {}:containerd-1.7, or say it with "
                    "--runtime (of run) or --node-runtime",
                    kName));
  }
  if (IsCrio(version)) {
    return base::Fail(base::ErrorCode::kInvalidArgument,
                      fmt::format("{}: which calls CRI-O's default allows is not known for any "
                                  "release; render its seccomp.json and name that file",
                                  base::Printable(version)));
  }
  const auto which = ContainerdDefaultOf(version);
  if (!which) {
    return base::Fail(base::ErrorCode::kInvalidArgument,
                      fmt::format("{}:{} is not a known version; known are {}", kName,
                                  base::Printable(version), KnownDefaults()));
  }
  const auto held = node.Capabilities();
  return RuntimeDefault{.profile = ContainerdDefaultProfile(*which, node, held),
                        .name = std::string(DisplayName(*which))};
}

}  // namespace seccompd::seccomp
