// SPDX-License-Identifier: Apache-2.0
#include "common/audit/why.h"

#include <fmt/format.h>

namespace seccompd::audit {
namespace {

std::string RevisionText(std::optional<std::uint32_t> revision, std::string_view unknown) {
  return revision ? fmt::format("r{}", *revision) : std::string(unknown);
}

std::string WhyNotEnforced(const Judgement& judgement) {
  switch (judgement.reason) {
    case Reason::kPrivileged:
      return "privileged: true drops the filter";
    case Reason::kThread:
      return "a thread runs without the filter";
    case Reason::kStrictMode:
      return "strict mode of its own, so the runtime loaded no filter";
    case Reason::kInherited:
      return "only the filters that its runtime itself runs under are loaded";
    default:
      return "no filter is loaded";
  }
}

std::string WhyUnknown(const Subject& subject, const Judgement& judgement) {
  switch (judgement.reason) {
    case Reason::kPrivileged:
      return "privileged: true drops the filter, what is loaded is another";
    case Reason::kRace:
      return "started while the profile was being replaced; restart to be sure";
    case Reason::kBeforeLedger:
      return "started before this profile was first installed; restart to be sure";
    case Reason::kNotYetNamed:
      return "the pod's status does not name it yet, and its containers ask for different things";
    case Reason::kNodeDefault:
      return "no seccompProfile is set and the node's default is not known; set --node-default";
    case Reason::kBadProfileType:
      return "seccompProfile.type is none of RuntimeDefault, Localhost, Unconfined";
    case Reason::kNoHostPid:
      return "its processes cannot be seen from this PID namespace; run with hostPID";
    case Reason::kUnread:
      return "a process or thread of it could not be read";
    case Reason::kStarting:
      return "the runtime is still starting it";
    case Reason::kNoProcess:
      return "no process is alive in it";
    case Reason::kNoPod:
      return InAPod(subject) ? "no pod record has its pod uid" : "not in a pod";
    case Reason::kNoProfileText:
      return judgement.filter_witness.empty()
                 ? "the text of its profile is not kept here, so there is nothing to compare with"
                 : "its profile cannot be compared with: " + judgement.filter_witness;
    case Reason::kRuntimeVersion:
      return "not the default of any known runtime version; say --runtime, or --bundles";
    case Reason::kUndecided:
      return "too complex to be compared within limits";
    case Reason::kFilterPending:
      return "its filter was loaded or changed during the pass";
    case Reason::kFilterTorn:
      return "its filter changed during every attempt to read it";
    case Reason::kTooManyFilters:
      return "more filters are stacked than are read";
    case Reason::kTooManyInstructions:
      return "its filters are larger than what is read";
    case Reason::kFilterUnreadable:
      return "the kernel gives no classic program for its filter";
    case Reason::kFilterLimit:
      return "it has more distinct filters than are kept of one container";
    case Reason::kNotFound:
      return subject.pod != nullptr && subject.pod->uid.empty()
                 ? "the pod record has no uid to find its cgroup by"
                 : "running by the pod's status, but no cgroup is its";
    default:
      return "";
  }
}

std::string WhyStale(const Judgement& judgement) {
  const std::string loaded = RevisionText(judgement.loaded.revision, "an earlier revision");
  if (!judgement.filter_witness.empty()) {
    return fmt::format("{} {}: restart", loaded, judgement.filter_witness);
  }
  return fmt::format("loaded {}, {} is in force: restart", loaded,
                     RevisionText(judgement.asked_revision, "another"));
}

std::string WhyDifferent(const Judgement& judgement) {
  std::string text = judgement.filter_witness;
  for (const bpf::CauseFound& found : judgement.causes) {
    text += "; cause: " + std::string(bpf::Sentence(found.cause));
    if (!found.detail.empty()) text += " (" + found.detail + ")";
  }
  return text;
}

}  // namespace

bool InAPod(const Subject& subject) {
  return subject.observation != nullptr && !subject.observation->ref.pod_uid.empty();
}

std::string Why(const Subject& subject, const InstalledView& installed,
                const Judgement& judgement) {
  switch (judgement.verdict) {
    case Verdict::kNotEnforced:
      return WhyNotEnforced(judgement);
    case Verdict::kUnknown:
      return WhyUnknown(subject, judgement);
    case Verdict::kStale:
      return WhyStale(judgement);
    case Verdict::kWeaker:
    case Verdict::kDiffers:
      return WhyDifferent(judgement);
    case Verdict::kStricter:
      return judgement.reason == Reason::kNotAsked ? "a filter that nobody asked for"
                                                   : WhyDifferent(judgement);
    case Verdict::kFiltered:
      break;
    case Verdict::kNotApplicable:
      return fmt::format("runtimeClassName {}: the host does not see its filter",
                         subject.pod == nullptr ? "" : subject.pod->runtime_class);
    case Verdict::kUnconfined:
    case Verdict::kMatch:
      return "";
  }
  if (subject.asked.kind != AskedKind::kLocalhost || !installed.available) return "";
  const auto profile = installed.profiles.find(subject.asked.path);
  if (profile == installed.profiles.end()) return "no such profile any more";
  return profile->second.state == ProfileState::kForeign ? "the file is another tool's" : "";
}

}  // namespace seccompd::audit
