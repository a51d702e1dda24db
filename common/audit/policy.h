// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/audit/expectation.h"
#include "common/base/time.h"

namespace seccompd::audit {

// A container that is known not to be as it should be. Stands in the node's configuration only.
struct Exemption {
  std::string namespace_name;  // exact; "*" any
  std::string workload;        // "Deployment/pay", a bare pod's name; "*" any
  std::string container;       // exact; "*" any
  std::string reason;
  std::string owner;       // who answers for it
  base::WallTime expires;  // from then on it is a finding itself

  bool operator==(const Exemption&) const = default;
};

inline constexpr std::size_t kMaxExemptions = 1'000;

// `exemptions:` of the configuration file, a list of mappings with namespace, workload, container,
// reason, owner and expires (RFC 3339, or a date); none may be missing, "*" must be said. Other
// keys of the file are not looked at. An error names the line.
[[nodiscard]] base::Result<std::vector<Exemption>> ParseExemptions(std::string_view config);

// What the policy says must at least be refused.
struct Floor {
  enum class Kind { kNone, kRuntimeDefault, kProfile };
  Kind kind = Kind::kNone;
  std::string path;  // kProfile: below the seccomp root

  bool operator==(const Floor&) const = default;
};
// "none", "runtime-default" or a profile's path.
[[nodiscard]] Floor ParseFloor(std::string_view text);
std::string FloorText(const Floor& floor);

struct Policy {
  Floor floor;
  std::vector<Exemption> exemptions;

  bool operator==(const Policy&) const = default;
};

enum class FloorResult { kAbove, kBelow, kUnknown };
std::string_view FloorResultName(FloorResult result);  // "above", "below", "unknown"

struct FloorFinding {
  FloorResult result = FloorResult::kUnknown;
  std::string difference;  // of kBelow, in words

  bool operator==(const FloorFinding&) const = default;
};

// By meaning, all filters of a process together: below if what is loaded permits what the floor
// refuses; of a runtime default whose version is not known, if that holds for every known version.
// The worst of the container's processes; nullopt: there is no floor, or nothing to judge.
[[nodiscard]] std::optional<FloorFinding> JudgeFloor(const Observation& observation,
                                                     std::span<const LoadedProcess> loaded,
                                                     const Floor& floor, Expectations& expectations,
                                                     Meanings& meanings);

// The exemption that covers a container, the one that expires last; nullptr without.
const Exemption* FindExemption(std::span<const Exemption> exemptions,
                               std::string_view namespace_name, std::string_view owner,
                               std::string_view pod, std::string_view container);

// Digest of the exemptions in the order in which they stand.
[[nodiscard]] base::Digest DigestOf(std::span<const Exemption> exemptions);

}  // namespace seccompd::audit
