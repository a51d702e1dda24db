// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace seccompd::seccomp {
namespace {

constexpr auto kError = Severity::kError;
constexpr auto kWarning = Severity::kWarning;
constexpr auto kNote = Severity::kNote;

constexpr auto kCodes = std::to_array<CodeInfo>({
    {codes::kNotJsonOrYaml, kError, "not-json-or-yaml", "The text is neither valid JSON nor YAML."},
    {codes::kWrongType, kError, "wrong-type",
     "A field holds another type than the OCI schema says."},
    {codes::kTooLarge, kError, "too-large",
     "The profile exceeds a limit on bytes, depth or items."},
    {codes::kEmptyProfile, kError, "empty-profile",
     "Neither defaultAction nor syscalls: a runtime would load no filter at all."},
    {codes::kUnknownAction, kError, "unknown-action", "An action that OCI does not define."},
    {codes::kUnknownArch, kError, "unknown-architecture",
     "An architecture that OCI or libseccomp does not know."},
    {codes::kUnknownOperator, kError, "unknown-operator", "An operator that OCI does not define."},
    {codes::kUnknownFlag, kError, "unknown-flag", "A filter flag that OCI does not define."},
    {codes::kMissingField, kError, "missing-field",
     "A field that the OCI schema requires is absent."},
    {codes::kBadNumber, kError, "bad-number", "Not a whole number from 0 to 2^64-1."},
    {codes::kArgumentIndex, kError, "argument-index", "System calls have arguments 0 to 5."},
    {codes::kErrnoRange, kError, "errno-range",
     "ERRNO takes 0 to 4095 (the kernel caps it), TRACE 0 to 65535."},
    {codes::kErrnoNotApplicable, kError, "errno-not-applicable",
     "errnoRet on an action that returns no number; crun refuses it."},
    {codes::kDockerField, kError, "docker-field",
     "A field that only Docker or CRI-O understands and that cannot be resolved here."},
    {codes::kNameAndNames, kError, "name-and-names", "A rule has both name and names."},
    {codes::kArchitecturesAndArchMap, kError, "architectures-and-archmap",
     "A profile has both architectures and archMap."},
    {codes::kSeveralDocuments, kError, "several-documents",
     "A YAML text with more than one document is not one profile."},
    {codes::kRepeatedList, kError, "repeated-list",
     "A second syscalls or args list, which the runtimes merge into the first one."},
    {codes::kEmptyName, kError, "empty-name", "An empty system call name; runc refuses it."},
    {codes::kNotifyWithoutListener, kError, "notify-without-listener",
     "SCMP_ACT_NOTIFY needs a listenerPath."},
    {codes::kNotifyDefault, kError, "notify-default",
     "SCMP_ACT_NOTIFY as default action: the runtime could not even start."},
    {codes::kNotifyWrite, kError, "notify-write",
     "SCMP_ACT_NOTIFY on write: the runtime could not hand over the listener."},
    {codes::kConflictingRules, kError, "conflicting-rules",
     "Two rules give one system call two actions under the same condition."},
    {codes::kBadBase, kError, "bad-base",
     "The profile named by seccompd.io/base is missing, invalid, or extends this one."},
    {codes::kContradictsBase, kError, "contradicts-base",
     "A profile with a base has another default action, architecture or listener than the base."},
    {codes::kExtensionNotExpressible, kError, "extension-not-expressible",
     "OCI rules cannot express this rule over the base's."},
    {codes::kExtensionNotProven, kError, "extension-not-proven",
     "The filter of the extended profile is not proven to decide what its rules and its base say."},
    {codes::kLibseccompRefuses, kError, "libseccomp-refuses",
     "libseccomp cannot build a loadable filter from the profile."},
    {codes::kUnreadable, kError, "unreadable", "The file cannot be read."},
    {codes::kBadManifest, kError, "bad-manifest", "The manifest or an object in it is malformed."},
    {codes::kBadPath, kError, "bad-path", "The profile cannot be installed under this name."},
    {codes::kSamePath, kError, "same-path", "Two keys of one ConfigMap claim the same path."},
    {codes::kNotForTenants, kError, "not-for-tenants",
     "A tenant namespace may not install profiles with a listener."},
    {codes::kBadAnnotation, kError, "bad-annotation",
     "An annotation of the ConfigMap cannot be understood."},
    {codes::kWeakeningRefused, kError, "weakening-refused",
     "The update permits more than the revision in force, and --weakening is reject."},
    {codes::kBelowFloor, kError, "below-floor",
     "A tenant's profile permits what policy.floor refuses."},
    {codes::kPodProfileMissing, kError, "pod-profile-missing",
     "A pod asks for a profile that nothing here installs."},
    {codes::kPodProfileRefused, kError, "pod-profile-refused",
     "A pod asks for a profile that is refused."},
    {codes::kPodReferenceInvalid, kError, "pod-reference-invalid",
     "A pod's seccompProfile is one that the API server or the kubelet refuses."},
    {codes::kUnknownKey, kWarning, "unknown-key", "A key that the runtimes ignore."},
    {codes::kMisCasedKey, kWarning, "mis-cased-key",
     "A key in the wrong case; containerd honours it, other readers do not."},
    {codes::kDuplicateKey, kWarning, "duplicate-key", "A key given twice; the last one counts."},
    {codes::kDockerResolved, kWarning, "docker-field-resolved",
     "A Docker/CRI-O field that containerd would have ignored, resolved for the node."},
    {codes::kUnknownCapability, kWarning, "unknown-capability",
     "A condition on a capability that Linux does not have."},
    {codes::kUnknownSyscall, kWarning, "unknown-syscall",
     "A system call that this node does not have; the rule has no effect."},
    {codes::kRuleSwallowed, kWarning, "rule-swallowed",
     "An unconditional rule of the same system call makes this rule void."},
    {codes::kRepeatedIndex, kWarning, "repeated-index",
     "A repeated argument index makes the runtimes OR all conditions of the rule."},
    {codes::kOverlappingRules, kWarning, "overlapping-rules",
     "Conditions with different actions overlap; libseccomp's order decides, not the file's."},
    {codes::kMissingArch, kWarning, "missing-architecture",
     "Calls of an architecture that the node can run are killed."},
    {codes::kDefaultAllows, kWarning, "default-allows",
     "The default action allows every call that no rule names."},
    {codes::kCriticalAllowed, kWarning, "critical-syscall-allowed",
     "A system call that container escapes and kernel exploits need is allowed."},
    {codes::kStartupDenied, kWarning, "startup-syscall-denied",
     "A system call that runtimes need to start the container is denied."},
    {codes::kActionIsDefault, kWarning, "action-is-default",
     "The runtimes skip a rule whose action equals the default."},
    {codes::kDirtyHighBits, kWarning, "dirty-high-bits",
     "The filter compares 64 bits of an argument of which the kernel uses 32."},
    {codes::kMultiplexed, kWarning, "multiplexed-syscall",
     "On 32-bit architectures socketcall() and ipc() bypass the argument conditions."},
    {codes::kValueTwoIgnored, kWarning, "value-two-ignored",
     "valueTwo has a meaning with SCMP_CMP_MASKED_EQ only."},
    {codes::kValueOutsideMask, kWarning, "value-outside-mask",
     "libseccomp drops the bits of valueTwo that the mask does not cover."},
    {codes::kEmptyFlags, kWarning, "empty-flags",
     "containerd drops an empty flags list, so runtimes apply their default flags."},
    {codes::kExtensionOpen, kWarning, "extension-open",
     "What a rule over a base denies can still be done in another way."},
    {codes::kFilterDiffers, kWarning, "filter-differs",
     "The compiled filter decides some input otherwise than the rules read."},
    {codes::kRuntimeRefuses, kWarning, "runtime-refuses",
     "The runtime or kernel of the target refuses this profile: its containers do not start."},
    {codes::kLibseccompFault, kWarning, "libseccomp-fault",
     "The libseccomp of the target builds another filter than the rules say."},
    {codes::kSharedPath, kWarning, "shared-path",
     "Another ConfigMap or file claims the same path; only one of them is installed."},
    {codes::kWeakens, kWarning, "weakens",
     "The update permits more than the revision that was in force."},
    {codes::kPodPrivileged, kWarning, "pod-privileged",
     "A privileged container runs without the filter it asks for."},
    {codes::kPodAnnotation, kWarning, "pod-annotation",
     "The seccomp annotations of pods do nothing since Kubernetes 1.27."},
    {codes::kPodNeedsNoNewPrivs, kWarning, "pod-needs-no-new-privs",
     "runc can start the profile only with allowPrivilegeEscalation: false, which is not set."},
    {codes::kPodForeignTenant, kWarning, "pod-foreign-tenant",
     "A pod uses a profile of another namespace, whose owners can change it."},
    {codes::kMoreFindings, kNote, "more-findings", "Further findings were left out."},
    {codes::kNeedsNoNewPrivs, kNote, "needs-no-new-privs",
     "runc can start this profile only with allowPrivilegeEscalation: false."},
    {codes::kNewerThanTarget, kNote, "newer-than-target",
     "System calls that the kernel or libseccomp of the target does not know."},
    {codes::kEnosysAbove, kNote, "enosys-above",
     "runc answers ENOSYS above the last system call that the profile names."},
});

Severity SeverityOf(std::string_view code) {
  if (code.starts_with('E')) return Severity::kError;
  return code.starts_with('W') ? Severity::kWarning : Severity::kNote;
}

}  // namespace

bool HasErrors(std::span<const Diagnostic> diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Severity::kError; });
}

std::span<const CodeInfo> DiagnosticCodes() { return kCodes; }

std::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kNote:
      break;
  }
  return "note";
}

DiagnosticSink::DiagnosticSink(std::function<void(Diagnostic&)> locate)
    : locate_(std::move(locate)) {}

void DiagnosticSink::Add(std::string_view code, std::string pointer, std::string message,
                         std::size_t line, std::size_t column) {
  Add({.code = code,
       .severity = SeverityOf(code),
       .pointer = std::move(pointer),
       .message = std::move(message),
       .line = line,
       .column = column});
}

void DiagnosticSink::Add(Diagnostic diagnostic) {
  std::size_t& count = diagnostic.severity == Severity::kError ? errors_ : others_;
  if (++count > kMaxDiagnostics) return;
  if (diagnostic.line == 0 && locate_) locate_(diagnostic);
  kept_.push_back(std::move(diagnostic));
}

std::vector<Diagnostic> DiagnosticSink::Take() {
  const std::size_t total = errors_ + others_;
  std::size_t room = kMaxDiagnostics - std::min(errors_, kMaxDiagnostics);
  std::erase_if(kept_, [&room](const Diagnostic& d) {
    if (d.severity == Severity::kError) return false;
    if (room == 0) return true;
    --room;
    return false;
  });
  std::stable_sort(kept_.begin(), kept_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  if (total > kept_.size()) {
    const std::size_t more = total - kept_.size();
    kept_.push_back(
        {.code = codes::kMoreFindings,
         .severity = Severity::kNote,
         .pointer = {},
         .message = fmt::format("{} more findings are not shown; mend these first", more)});
  }
  errors_ = 0;
  others_ = 0;
  return std::exchange(kept_, {});
}

}  // namespace seccompd::seccomp
