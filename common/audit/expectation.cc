// SPDX-License-Identifier: Apache-2.0
#include "common/audit/expectation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/strings.h"
#include "common/seccomp/diagnose.h"
#include "common/seccomp/parse.h"
#include "common/seccomp/syscall_table.h"

namespace seccompd::audit {
namespace {

std::string CapabilityName(std::string_view written) {
  std::string name;
  for (const char c : written) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return name.starts_with("CAP_") || name == "ALL" ? name : "CAP_" + name;
}

bool HasAll(std::span<const std::string> names) {
  return std::any_of(names.begin(), names.end(),
                     [](const std::string& name) { return CapabilityName(name) == "ALL"; });
}

base::Result<seccomp::Profile> ParseText(const base::Result<std::string>& text) {
  if (!text) return base::Fail(text.error());
  seccomp::ParsedProfile parsed = seccomp::ParseProfile(*text);
  if (parsed.profile) return *std::move(parsed.profile);
  for (const seccomp::Diagnostic& diagnostic : parsed.diagnostics) {
    if (diagnostic.severity != seccomp::Severity::kError) continue;
    return base::Fail(base::ErrorCode::kInvalidArgument, diagnostic.message);
  }
  return base::Fail(base::ErrorCode::kInternal, "a profile without a diagnostic");
}

// A file of another tool may be in Docker's format: what it asks for is what that means on this
// node, also where the runtime ignores half of it.
base::Result<seccomp::Profile> ParseFile(const std::string& text, const seccomp::NodeFacts& node) {
  auto strict = ParseText(text);
  if (strict) return strict;
  static const seccomp::SyscallTable kNoNames;  // only warnings need them
  seccomp::ParsedProfile parsed = seccomp::CheckProfile(text, kNoNames, node);
  if (parsed.profile) return *std::move(parsed.profile);
  return strict;
}

bool AsksForFilter(const Asked& asked) {
  return asked.kind == AskedKind::kLocalhost || asked.kind == AskedKind::kRuntimeDefault;
}

// Since containerd 2.2 plugins (NRI) may change a profile on its way to the OCI runtime.
bool MayHaveChangingPlugins(std::string_view runtime) {
  constexpr std::string_view kName = "containerd";
  if (!runtime.starts_with(kName)) return false;
  std::string_view version = runtime.substr(kName.size());
  version.remove_prefix(std::min(version.find_first_of("0123456789"), version.size()));
  const std::vector<std::string_view> parts = base::Split(version, '.');
  if (parts.size() < 2) return false;
  const auto major = base::ParseInt<int>(parts[0]);
  const auto minor = base::ParseInt<int>(parts[1]);
  return major && minor && (*major > 2 || (*major == 2 && *minor >= 2));
}

// What was loaded is what the runtime was told, or it is not: that says whose fault it is.
void CompareWithTold(const Told& told, const ProfileMeaning& meaning, std::string_view runtime,
                     FilterFinding& finding) {
  if (finding.verdict == Verdict::kMatch || finding.verdict == Verdict::kStale) return;
  if (!told.profile || meaning.error || !finding.fingerprint) return;
  if (meaning.fingerprint == *finding.fingerprint) {
    finding.same_as = "what its bundle tells";
    if (!finding.witness.empty()) finding.witness += " (so the runtime was told)";
    const bool plugin = MayHaveChangingPlugins(runtime);
    finding.causes.insert(finding.causes.begin(),
                          {.cause = bpf::Cause::kToldOtherwise,
                           .detail = plugin ? "an NRI plugin may have done so" : ""});
  }
}

}  // namespace

std::vector<std::string> CapabilitiesOf(std::span<const std::string> add,
                                        std::span<const std::string> drop,
                                        std::span<const std::string_view> by_default) {
  std::vector<std::string> set;
  const auto take = [&set](const auto& names) { set.assign(names.begin(), names.end()); };
  take(by_default);
  if (HasAll(add)) take(seccomp::AllCapabilities());
  if (HasAll(drop)) set.clear();
  for (const std::string& written : add) {
    std::string name = CapabilityName(written);
    const bool known = std::find(set.begin(), set.end(), name) != set.end();
    if (name != "ALL" && !known) set.push_back(std::move(name));
  }
  for (const std::string& written : drop) std::erase(set, CapabilityName(written));
  return set;
}

Expectations::Expectations(const ProfileTexts& texts, const RuntimeFacts& runtime,
                           const InstalledView& installed)
    : texts_(texts), runtime_(runtime), installed_(installed) {}

Candidate CandidateOf(const Told& told) {
  return {.key = told.digest,
          .revision = {},
          .name = "its bundle",
          .make = [profile = told.profile]() -> base::Result<seccomp::Profile> {
            if (profile) return *profile;
            return base::Fail(base::ErrorCode::kNotFound, "its bundle tells of no profile");
          }};
}

const Told* Expectations::ToldOf(const Subject& subject) const {
  if (!texts_.told || subject.observation == nullptr) return nullptr;
  return texts_.told(subject.observation->ref);
}

Expected Expectations::ForLocalhost(const std::string& path) const {
  Expected expected;
  const auto found = installed_.profiles.find(path);
  if (found == installed_.profiles.end()) return expected;
  const InstalledProfile& profile = found->second;
  for (auto it = profile.revisions.rbegin(); it != profile.revisions.rend(); ++it) {
    // Two revisions of one meaning are one to a container.
    const bool repeated = std::any_of(profile.revisions.rbegin(), it, [&](const Revision& newer) {
      return newer.meaning == it->meaning;
    });
    if (repeated) continue;
    expected.candidates.push_back(
        {.key = it->digest,
         .revision = it->number,
         .name = fmt::format("r{}", it->number),
         .make = [this, path,
                  number = it->number] { return ParseText(texts_.revision(path, number)); },
         .text = [this, path] { return texts_.source ? texts_.source(path) : std::string(); }});
  }
  if (expected.candidates.empty() && texts_.file) {
    const auto text = texts_.file(path);
    if (!text) return expected;
    expected.candidates.push_back({.key = base::Sha256(*text),
                                   .revision = {},
                                   .name = "the file",
                                   .make = [this, text] { return ParseFile(*text, runtime_.node); },
                                   .text = [text] { return *text; }});
  }
  return expected;
}

Expected Expectations::ForRuntimeDefault(const Workload* workload) const {
  Expected expected{
      .kind = Expected::Kind::kAny, .candidates = {}, .none = Reason::kRuntimeVersion};
  std::vector<seccomp::KnownDefault> versions = seccomp::DefaultsOfRuntime(runtime_.name);
  std::reverse(versions.begin(), versions.end());  // the newest is the likeliest
  for (const seccomp::KnownDefault& version : versions) {
    const auto by_default = seccomp::CapabilitiesBy(version);
    const std::vector<std::string> capabilities =
        workload == nullptr
            ? CapabilitiesOf({}, {}, by_default)
            : CapabilitiesOf(workload->add_capabilities, workload->drop_capabilities, by_default);
    const std::string key = fmt::format("runtime-default {} {}", seccomp::DisplayName(version),
                                        base::Join(capabilities, ","));
    expected.candidates.push_back(
        {.key = base::Sha256(key),
         .revision = {},
         .name = std::string(seccomp::DisplayName(version)),
         .make = [this, version, capabilities]() -> base::Result<seccomp::Profile> {
           const std::vector<std::string_view> set(capabilities.begin(), capabilities.end());
           return seccomp::ProfileOf(version, runtime_.node, set);
         }});
  }
  return expected;
}

const Expected& Expectations::For(const Subject& subject) {
  const bool local = subject.asked.kind == AskedKind::kLocalhost;
  const Told* told = local ? nullptr : ToldOf(subject);
  std::string question = "L" + subject.asked.path;
  if (told != nullptr && told->profile) {
    question = "T" + told->digest.Hex();
  } else if (!local) {
    question = "R";
    if (subject.workload != nullptr) {
      question += base::Join(subject.workload->add_capabilities, ",") + "-" +
                  base::Join(subject.workload->drop_capabilities, ",");
    }
  }
  const auto found = known_.find(question);
  if (found != known_.end()) return found->second;
  Expected expected;
  if (local) {
    expected = ForLocalhost(subject.asked.path);
  } else if (told != nullptr && told->profile) {
    expected.candidates.push_back(CandidateOf(*told));
  } else {
    expected = ForRuntimeDefault(subject.workload);
  }
  return known_.emplace(std::move(question), std::move(expected)).first->second;
}

const Expected& Expectations::OfFloor(bool profile, const std::string& path) {
  std::string question = profile ? "L" + path : std::string("R-");
  const auto found = known_.find(question);
  if (found != known_.end()) return found->second;
  Expected expected = profile ? ForLocalhost(path) : ForRuntimeDefault(nullptr);
  return known_.emplace(std::move(question), std::move(expected)).first->second;
}

FilterJudgement JudgeSubject(const Subject& subject, std::span<const LoadedProcess> loaded,
                             Expectations& expectations, Meanings& meanings) {
  FilterJudgement judgement;
  if (subject.observation == nullptr || !AsksForFilter(subject.asked)) return judgement;
  const Expected& expected = expectations.For(subject);
  const bool known = expected.candidates.size() == 1 ||
                     (expected.kind == Expected::Kind::kRevisions && !expected.candidates.empty());
  if (known) {
    const Candidate& current = expected.candidates.front();
    const ProfileMeaning& meaning = meanings.Of(current.key, current.make);
    if (!meaning.error) judgement.asked_fingerprint = meaning.fingerprint;
  }
  const Told* told = expectations.ToldOf(subject);
  const ProfileMeaning* told_meaning = nullptr;
  if (told != nullptr) {
    const Candidate candidate = CandidateOf(*told);
    told_meaning = &meanings.Of(candidate.key, candidate.make);
    judgement.told_digest = told->digest;
    if (!told_meaning->error) judgement.told_fingerprint = told_meaning->fingerprint;
  }
  for (const ObservedProcess& observed : subject.observation->processes) {
    const LoadedProcess* process = FindLoaded(loaded, observed.process.pid);
    if (process == nullptr) continue;
    FilterFinding finding = JudgeLoaded(*process, expected, meanings);
    if (told != nullptr) {
      CompareWithTold(*told, *told_meaning, expectations.runtime_name(), finding);
    }
    judgement.findings.push_back(std::move(finding));
  }
  return judgement;
}

}  // namespace seccompd::audit
