// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace seccompd::seccomp {

enum class Severity : std::uint8_t { kError, kWarning, kNote };

// Stable codes: "E0104". Extend at the end of a block, never renumber. E01xx: text and types; E02xx:
// meaning; E03xx: the compiler; E04xx: where it is to be installed. W01xx: keys; W02xx: meaning.
// The table with one line of explanation each is in diagnostic.cc and rendered into the README.
struct Diagnostic {
  std::string_view code;    // of static storage: one of kCodes in diagnostic.cc
  Severity severity = Severity::kError;
  std::string pointer;      // RFC 6901 into the profile; "" is the whole document
  std::string message;      // one sentence: what is wrong and what to do
  std::size_t line = 0;     // 1-based in the text that was parsed; 0 when unknown
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

}  // namespace seccompd::seccomp
