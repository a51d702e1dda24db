// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/document/document.h"
#include "common/seccomp/diagnostic.h"
#include "common/seccomp/path.h"

namespace seccompd::seccomp {

// How a key of the profile schema is taken. Internal to seccomp/.
enum class KeyUse : std::uint8_t {
  kField,       // OCI
  kMergedList,  // OCI; a list of objects, which encoding/json merges into an earlier one
  kDocker,      // Docker/CRI-O only: an error unless it is null or empty
  kComment,     // harmless everywhere
};
struct KeySpec {
  std::string_view name;
  KeyUse use = KeyUse::kField;
};

// A member that is present and not null.
struct Field {
  const document::Node* node = nullptr;
  std::string_view key;  // as written
  explicit operator bool() const { return node != nullptr; }
};

// Reads typed values out of a document and says what is wrong with them.
class ObjectReader {
 public:
  explicit ObjectReader(DiagnosticSink& sink) : sink_(sink) {}

  // One Field per spec, in the order of `specs`. Reports unknown, mis-cased and duplicate keys.
  std::vector<Field> Fields(const document::Node& object, const Path& path,
                            std::span<const KeySpec> specs);

  // Is the node of that kind? Otherwise reports "<what> must be <kind>".
  bool Expect(const document::Node& node, document::Kind kind, const Path& path,
              std::string_view what);
  // A whole number from 0 to 2^64-1, or nullopt after a report.
  std::optional<std::uint64_t> Unsigned(const document::Node& node, const Path& path,
                                        std::string_view what);
  void Add(std::string_view code, const document::Node& node, const Path& path,
           std::string message);

 private:
  void Unknown(const document::Member& member, const Path& path, std::span<const KeySpec> specs);

  DiagnosticSink& sink_;
};

// "; did you mean X?" for the nearest of `candidates`, or "". `prefix` may have been left out.
std::string Suggestion(std::string_view word, std::span<const std::string_view> candidates,
                       std::string_view prefix = {});

// A word of the user in quotes: printable and of bounded length.
std::string Quoted(std::string_view word);

}  // namespace seccompd::seccomp
