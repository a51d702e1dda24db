// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/audit/loaded_meaning.h"
#include "common/audit/observation.h"
#include "common/bpf/check.h"
#include "common/kube/config_map.h"

namespace seccompd::audit {

inline constexpr std::string_view kChecksLabel = "seccompd.io/checks";
inline constexpr std::size_t kMaxChecks = 32;  // of ConfigMaps; each is a metric's label value
inline constexpr std::size_t kMaxCallsOfACheck = 64;
inline constexpr std::string_view kCriticalCheck = "critical";
inline constexpr std::string_view kAskedOnce = "--blocks";  // origin of a command line's check

// A question: is every one of these calls blocked right now?
struct Check {
  std::string name;
  std::vector<bpf::CallPattern> calls;
  std::string origin;  // "ConfigMap seccompd/today", "built in", "--blocks"
  bool page = false;   // a container that permits it wakes somebody

  bool operator==(const Check&) const = default;
};

struct CheckSet {
  std::vector<Check> checks;          // built in first, then by name
  std::vector<std::string> problems;  // what was not understood, one sentence each
  base::Digest digest;                // of all of it

  bool operator==(const CheckSet&) const = default;
};

// The built-in check `critical` and those of the ConfigMaps labelled seccompd.io/checks=true: each
// key is a check's name, its text lists calls (bpf/call_pattern.h), one a line; '#' begins a
// comment, `page: true` is no call but Check::page. A call that is not understood spoils its whole
// check, which is then a problem and not half of itself. Of two checks of one name the first by
// namespace and name of its ConfigMap counts.
[[nodiscard]] CheckSet MakeChecks(std::span<const kube::ConfigMap> config_maps,
                                  seccomp::Arch native);
[[nodiscard]] base::Result<Check> ParseCheck(std::string_view name, std::string_view text,
                                             std::string origin, seccomp::Arch native);
void AddCheck(Check check, CheckSet* set);

// How one check came out for one container, by the worst of its processes.
struct CheckFinding {
  bpf::CheckResult result = bpf::CheckResult::kUnknown;
  // Calls that are not blocked, a few by name, with the ways around: "mount",
  // "socket(domain == AF_ALG) (on i386 by socketcall, by io_uring)".
  std::vector<std::string> open;

  bool operator==(const CheckFinding&) const = default;
};
// The order of badness: permitted, bypassable, unknown, blocked.
[[nodiscard]] bool IsWorse(bpf::CheckResult a, bpf::CheckResult b);

// Answers all checks for stacks of filters; remembers while it is asked.
class CheckBook {
 public:
  explicit CheckBook(const MeaningTools& tools) : tools_(tools) {}

  // Forgets its answers if the checks are others than before.
  void Use(const CheckSet& checks);
  [[nodiscard]] const CheckSet& checks() const { return checks_; }

  // Null: no filter, which permits everything.
  const std::vector<CheckFinding>& Of(const SharedStack& stack);
  void EndPass();

 private:
  struct Known {
    SharedStack stack;  // keeps the address taken
    std::vector<CheckFinding> findings;
    bool used = true;
  };
  [[nodiscard]] std::vector<CheckFinding> Answer(const bpf::Stack& stack) const;

  MeaningTools tools_;
  CheckSet checks_;
  std::unordered_map<const bpf::Stack*, Known> known_;
};

// The worst of all processes of a container; empty if nothing in it can be judged.
std::vector<CheckFinding> CheckContainer(const Observation& observation,
                                         std::span<const LoadedProcess> loaded, CheckBook& book);

}  // namespace seccompd::audit
