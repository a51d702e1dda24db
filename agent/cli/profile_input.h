// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/document/document.h"
#include "common/install/prepare.h"
#include "common/seccomp/diagnostic.h"

namespace seccompd::agent {

// One profile as a file or manifest holds it.
struct ProfileText {
  std::string config_map;  // "" for a bare profile
  std::string key;         // of the ConfigMap
  std::string path;        // what a pod writes as localhostProfile; "" if it cannot be installed
  std::string text;
  document::Position at;  // of the text in the file
  bool block = false;     // a literal block scalar: its lines follow `at`, indented
  std::optional<document::Node> document{};  // of a bare profile: the text, already parsed
  std::string capabilities{};                // annotation seccompd.io/capabilities
  std::string base{};                        // annotation seccompd.io/base
  bool tenant = false;                       // of a tenant namespace
};

// The lines of a text, found once.
class LineIndex {
 public:
  explicit LineIndex(std::string_view text);
  // Line `number` (from 1) of the same text without its line break; "" where there is none.
  [[nodiscard]] std::string_view Line(std::string_view text, std::size_t number) const;

 private:
  std::vector<std::size_t> starts_;
};

// What one input holds. Borrows nothing.
struct ProfileInput {
  std::string name;   // as given; "<stdin>" for "-"
  std::string bytes;  // of the file
  LineIndex lines{bytes};
  std::vector<ProfileText> profiles{};
  std::vector<seccomp::Diagnostic> problems{};  // of the file and its objects
  std::vector<std::string> ignored{};           // "Deployment web: not a ConfigMap", for people
};

// At most the size of a manifest; "-" reads `in`.
[[nodiscard]] base::Result<std::string> ReadText(const std::string& name, std::istream& in);

// The profiles in the text of a file: a bare profile, or the keys of every ConfigMap of a manifest.
// `name` gives a bare profile its path: relative to the directory that was asked for.
[[nodiscard]] ProfileInput ReadProfiles(std::string name, std::string_view bare_path,
                                        std::string bytes,
                                        const std::set<std::string>& tenant_namespaces = {});

// The profile as the installer prepares it, with what it extends, which must be the runtime's
// default or of the same input. `floor` is a profile that stands at the preparer's floor; null:
// none does.
[[nodiscard]] install::Prepared PrepareAsInstalled(const ProfileInput& input,
                                                   const ProfileText& profile,
                                                   const install::Preparer& preparer,
                                                   const std::string* floor = nullptr);

// Moves the diagnostics of the profile's text to their place in the file (lines and characters), or
// to the start of the value where lines cannot be told, as in a quoted scalar.
void PlaceInFile(const ProfileInput& input, const ProfileText& profile,
                 std::span<seccomp::Diagnostic> diagnostics);

}  // namespace seccompd::agent
