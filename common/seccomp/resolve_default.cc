// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/resolve_default.h"

#include <fmt/format.h>

#include "common/base/strings.h"
#include "common/seccomp/known_default.h"

namespace seccompd::seccomp {
namespace {

constexpr std::string_view kName = "runtime-default";

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
  const auto which = KnownDefaultOf(version);
  if (!which) {
    return base::Fail(base::ErrorCode::kInvalidArgument,
                      fmt::format("{}:{} is not a known version; known are {}", kName,
                                  base::Printable(version), KnownDefaultNames()));
  }
  return RuntimeDefault{.profile = ProfileOf(*which, node),
                        .name = std::string(DisplayName(*which))};
}

}  // namespace seccompd::seccomp
