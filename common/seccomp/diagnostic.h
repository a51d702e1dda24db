// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace seccompd::seccomp {

enum class Severity : std::uint8_t { kError, kWarning, kNote };

// Stable codes: "E0104". Extend at the end of a block, never renumber. E01xx: text and types;
// E02xx: meaning; E03xx: the compiler; E04xx: where it is to be installed; E05xx, W05xx: pods that
// refer to profiles. W01xx: keys; W02xx: meaning; W03xx: what is to load it; Nxxxx: notes. The
// table with one line of explanation each is in diagnostic.cc.
struct Diagnostic {
  std::string_view code;  // of static storage: one of DiagnosticCodes()
  Severity severity = Severity::kError;
  std::string pointer;   // RFC 6901 into the profile; "" is the whole document
  std::string message;   // one sentence: what is wrong and what to do
  std::size_t line = 0;  // 1-based in the text that was parsed; 0 when unknown
  std::size_t column = 0;

  bool operator==(const Diagnostic&) const = default;
};

[[nodiscard]] bool HasErrors(std::span<const Diagnostic> diagnostics);

struct CodeInfo {
  std::string_view code;
  Severity severity;
  std::string_view name;     // kebab-case, SARIF rule name
  std::string_view explain;  // one line
};
std::span<const CodeInfo> DiagnosticCodes();

// "error", "warning", "note".
std::string_view SeverityName(Severity severity);

// A profile gets at most this many diagnostics; one note tells how many more there were. Errors are
// kept before warnings, so the cap never hides that a profile is refused.
inline constexpr std::size_t kMaxDiagnostics = 200;

// Collects the diagnostics of one profile under that bound.
class DiagnosticSink {
 public:
  // `locate` fills in the line and column of a diagnostic that has none.
  explicit DiagnosticSink(std::function<void(Diagnostic&)> locate = {});

  // `code` is one of codes:: below; its letter gives the severity.
  void Add(std::string_view code, std::string pointer, std::string message, std::size_t line = 0,
           std::size_t column = 0);
  void Add(Diagnostic diagnostic);
  [[nodiscard]] bool HasErrors() const { return errors_ > 0; }
  // Would another warning be kept? Costly messages need not be made otherwise.
  [[nodiscard]] bool WantsWarnings() const { return others_ < kMaxDiagnostics; }
  // What was added, in text order (unknown places first), at most kMaxDiagnostics and a note.
  [[nodiscard]] std::vector<Diagnostic> Take();

 private:
  std::function<void(Diagnostic&)> locate_;
  std::vector<Diagnostic> kept_;
  std::size_t errors_ = 0;
  std::size_t others_ = 0;
};

// The code numbers by name; explained in diagnostic.cc.
namespace codes {
inline constexpr std::string_view kNotJsonOrYaml = "E0101";
inline constexpr std::string_view kWrongType = "E0102";
inline constexpr std::string_view kTooLarge = "E0103";
inline constexpr std::string_view kEmptyProfile = "E0104";
inline constexpr std::string_view kUnknownAction = "E0105";
inline constexpr std::string_view kUnknownArch = "E0106";
inline constexpr std::string_view kUnknownOperator = "E0107";
inline constexpr std::string_view kUnknownFlag = "E0108";
inline constexpr std::string_view kMissingField = "E0109";
inline constexpr std::string_view kBadNumber = "E0110";
inline constexpr std::string_view kArgumentIndex = "E0111";
inline constexpr std::string_view kErrnoRange = "E0112";
inline constexpr std::string_view kErrnoNotApplicable = "E0113";
inline constexpr std::string_view kDockerField = "E0114";
inline constexpr std::string_view kNameAndNames = "E0115";
inline constexpr std::string_view kArchitecturesAndArchMap = "E0116";
inline constexpr std::string_view kSeveralDocuments = "E0117";
inline constexpr std::string_view kRepeatedList = "E0118";
inline constexpr std::string_view kEmptyName = "E0119";
inline constexpr std::string_view kNotifyWithoutListener = "E0201";
inline constexpr std::string_view kNotifyDefault = "E0202";
inline constexpr std::string_view kNotifyWrite = "E0203";
inline constexpr std::string_view kConflictingRules = "E0204";
inline constexpr std::string_view kBadBase = "E0205";
inline constexpr std::string_view kContradictsBase = "E0206";
inline constexpr std::string_view kExtensionNotExpressible = "E0207";
inline constexpr std::string_view kExtensionNotProven = "E0208";
inline constexpr std::string_view kLibseccompRefuses = "E0301";
inline constexpr std::string_view kUnreadable = "E0401";
inline constexpr std::string_view kBadManifest = "E0402";
inline constexpr std::string_view kBadPath = "E0403";
inline constexpr std::string_view kSamePath = "E0404";
inline constexpr std::string_view kNotForTenants = "E0405";
inline constexpr std::string_view kBadAnnotation = "E0406";
inline constexpr std::string_view kWeakeningRefused = "E0407";
inline constexpr std::string_view kBelowFloor = "E0408";
inline constexpr std::string_view kPodProfileMissing = "E0501";
inline constexpr std::string_view kPodProfileRefused = "E0502";
inline constexpr std::string_view kPodReferenceInvalid = "E0503";
inline constexpr std::string_view kUnknownKey = "W0101";
inline constexpr std::string_view kMisCasedKey = "W0102";
inline constexpr std::string_view kDuplicateKey = "W0103";
inline constexpr std::string_view kDockerResolved = "W0104";
inline constexpr std::string_view kUnknownCapability = "W0105";
inline constexpr std::string_view kUnknownSyscall = "W0201";
inline constexpr std::string_view kRuleSwallowed = "W0202";
inline constexpr std::string_view kRepeatedIndex = "W0203";
inline constexpr std::string_view kOverlappingRules = "W0204";
inline constexpr std::string_view kMissingArch = "W0205";
inline constexpr std::string_view kDefaultAllows = "W0206";
inline constexpr std::string_view kCriticalAllowed = "W0207";
inline constexpr std::string_view kStartupDenied = "W0208";
inline constexpr std::string_view kActionIsDefault = "W0209";
inline constexpr std::string_view kDirtyHighBits = "W0210";
inline constexpr std::string_view kMultiplexed = "W0211";
inline constexpr std::string_view kValueTwoIgnored = "W0212";
inline constexpr std::string_view kValueOutsideMask = "W0213";
inline constexpr std::string_view kEmptyFlags = "W0214";
inline constexpr std::string_view kExtensionOpen = "W0215";
inline constexpr std::string_view kFilterDiffers = "W0216";
inline constexpr std::string_view kRuntimeRefuses = "W0301";
inline constexpr std::string_view kLibseccompFault = "W0302";
inline constexpr std::string_view kSharedPath = "W0401";
inline constexpr std::string_view kWeakens = "W0402";
inline constexpr std::string_view kPodPrivileged = "W0501";
inline constexpr std::string_view kPodAnnotation = "W0502";
inline constexpr std::string_view kPodNeedsNoNewPrivs = "W0503";
inline constexpr std::string_view kPodForeignTenant = "W0504";
inline constexpr std::string_view kMoreFindings = "N0001";
inline constexpr std::string_view kNeedsNoNewPrivs = "N0201";
inline constexpr std::string_view kNewerThanTarget = "N0301";
inline constexpr std::string_view kEnosysAbove = "N0302";
}  // namespace codes

}  // namespace seccompd::seccomp
