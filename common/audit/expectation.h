// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/audit/filter_judge.h"
#include "common/audit/resolve.h"
#include "common/seccomp/diagnose.h"
#include "common/seccomp/known_default.h"
#include "common/seccomp/profile.h"

namespace seccompd::audit {

// linux.seccomp of one container's bundle; no profile: the runtime was told to load none.
struct Told {
  base::Digest digest;  // of its canonical rendering
  std::optional<seccomp::Profile> profile;

  bool operator==(const Told&) const = default;
};

// Where the texts that may have been asked for come from. Each is called at most once a pass for
// one path, revision or container.
struct ProfileTexts {
  std::function<base::Result<std::string>(const std::string& path, std::uint32_t revision)>
      revision;
  std::function<base::Result<std::string>(const std::string& path)> file;  // another tool's
  // What the author of an installed profile wrote, before it was rendered; "": not known.
  std::function<std::string(const std::string& path)> source = {};
  std::function<const Told*(const procfs::ContainerRef& ref)> told;  // null: not readable
};

// What decides the node's RuntimeDefault.
struct RuntimeFacts {
  std::string name;  // "containerd://1.7.13", "containerd-1.7", "cri-o://1.32.1", "" not known
  seccomp::NodeFacts node;
};

// The bounding set that a runtime gives for a pod spec's capabilities: its default set, plus what
// is added, minus what is dropped; ALL first, single names after ("SYS_ADMIN" or "CAP_SYS_ADMIN").
std::vector<std::string> CapabilitiesOf(
    std::span<const std::string> add, std::span<const std::string> drop,
    std::span<const std::string_view> by_default = seccomp::DefaultCapabilities());

// What each container's filter is compared with. Lives for one pass: equal questions have one
// answer.
class Expectations {
 public:
  Expectations(const ProfileTexts& texts, const RuntimeFacts& runtime,
               const InstalledView& installed);

  // For a subject that asks for a filter. Valid as long as this object.
  const Expected& For(const Subject& subject);

  // What every container must at least refuse: a profile, or the runtime's default for a container
  // that asks for no capability.
  const Expected& OfFloor(bool profile, const std::string& path);

  // What its runtime was told; nullptr where that cannot be read.
  [[nodiscard]] const Told* ToldOf(const Subject& subject) const;
  [[nodiscard]] const std::string& runtime_name() const { return runtime_.name; }

 private:
  Expected ForLocalhost(const std::string& path) const;
  Expected ForRuntimeDefault(const Workload* workload) const;

  const ProfileTexts& texts_;
  const RuntimeFacts& runtime_;
  const InstalledView& installed_;
  std::map<std::string, Expected> known_;
};

// One candidate that means what a bundle tells.
Candidate CandidateOf(const Told& told);

// What evidence `filter` has to say of one container. `loaded` is sorted by pid and
// covers every filtered process of the pass.
FilterJudgement JudgeSubject(const Subject& subject, std::span<const LoadedProcess> loaded,
                             Expectations& expectations, Meanings& meanings);

}  // namespace seccompd::audit
