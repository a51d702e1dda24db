// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/object_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/strings.h"

namespace seccompd::seccomp {
namespace {

using document::Kind;
using document::Node;

std::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "a boolean";
    case Kind::kNumber:
      return "a number";
    case Kind::kString:
      return "a string";
    case Kind::kArray:
      return "a list";
    case Kind::kObject:
      break;
  }
  return "an object";
}

bool IsEmpty(const Node& node) {
  switch (node.kind) {
    case Kind::kNull:
      return true;
    case Kind::kString:
      return node.scalar.empty();
    case Kind::kArray:
      return node.items.empty();
    case Kind::kObject:
      return std::all_of(node.members.begin(), node.members.end(),
                         [](const document::Member& m) { return IsEmpty(m.value); });
    case Kind::kBool:
    case Kind::kNumber:
      break;
  }
  return false;
}

std::string Upper(std::string_view word) {
  std::string out(word);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

// The digits of a literal as JSON, YAML 1.2 hexadecimal or octal; leading zeros are refused because
// YAML 1.1 takes them for octal.
std::optional<std::uint64_t> ParseUnsigned(std::string_view text) {
  if (text.starts_with("0x")) return base::ParseInt<std::uint64_t>(text.substr(2), 16);
  if (text.starts_with("0o")) return base::ParseInt<std::uint64_t>(text.substr(2), 8);
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  return base::ParseInt<std::uint64_t>(text);
}

// What is more than two letters longer or shorter cannot be near enough, and most of a syscall
// table is.
std::optional<std::string_view> NearestOfLikeLength(std::string_view word,
                                                    std::span<const std::string_view> candidates) {
  constexpr std::size_t kMaxDistance = 2;
  std::vector<std::string_view> likely;
  for (const std::string_view candidate : candidates) {
    const std::size_t shorter = std::min(candidate.size(), word.size());
    const std::size_t longer = std::max(candidate.size(), word.size());
    if (longer - shorter <= kMaxDistance) likely.push_back(candidate);
  }
  return base::Nearest(word, likely, kMaxDistance);
}

}  // namespace

std::string Quoted(std::string_view word) {
  constexpr std::size_t kMax = 64;
  if (word.size() <= kMax) return fmt::format("'{}'", base::Printable(word));
  return fmt::format("'{}...'", base::Printable(word.substr(0, kMax)));
}

std::string Suggestion(std::string_view word, std::span<const std::string_view> candidates,
                       std::string_view prefix) {
  constexpr std::size_t kMaxWord = 64;
  if (word.empty() || word.size() > kMaxWord) return {};
  auto nearest = NearestOfLikeLength(word, candidates);
  if (!nearest && !prefix.empty()) {
    const std::string upper = Upper(word);
    nearest = NearestOfLikeLength(upper, candidates);
    if (!nearest) nearest = NearestOfLikeLength(std::string(prefix) + upper, candidates);
  }
  return nearest ? fmt::format("; did you mean {}?", *nearest) : std::string();
}

void ObjectReader::Add(std::string_view code, const Node& node, const Path& path,
                       std::string message) {
  sink_.Add(code, path.ToPointer(), std::move(message), node.line, node.column);
}

bool ObjectReader::Expect(const Node& node, Kind kind, const Path& path, std::string_view what) {
  if (node.kind == kind) return true;
  Add(codes::kWrongType, node, path,
      fmt::format("{} must be {}, not {}", what, KindName(kind), KindName(node.kind)));
  return false;
}

std::optional<std::uint64_t> ObjectReader::Unsigned(const Node& node, const Path& path,
                                                    std::string_view what) {
  if (!Expect(node, Kind::kNumber, path, what)) return std::nullopt;
  const auto value = ParseUnsigned(node.scalar);
  if (!value) {
    Add(codes::kBadNumber, node, path,
        fmt::format("{} is {}, which is not a whole number from 0 to 18446744073709551615 without "
                    "sign, fraction, exponent or leading zeros",
                    what, Quoted(node.scalar)));
  }
  return value;
}

void ObjectReader::Unknown(const document::Member& member, const Path& path,
                           std::span<const KeySpec> specs) {
  std::vector<std::string_view> names;
  if (sink_.WantsWarnings()) {
    for (const KeySpec& spec : specs) names.push_back(spec.name);
  }
  Add(codes::kUnknownKey, member.value, path.Key(member.key),
      fmt::format("the key {} is not part of an OCI seccomp profile and is ignored{}",
                  Quoted(member.key), Suggestion(member.key, names)));
}

std::vector<Field> ObjectReader::Fields(const Node& object, const Path& path,
                                        std::span<const KeySpec> specs) {
  std::vector<Field> fields(specs.size());
  std::vector<bool> seen(specs.size(), false);
  for (const document::Member& member : object.members) {
    auto spec = std::find_if(specs.begin(), specs.end(),
                             [&](const KeySpec& s) { return s.name == member.key; });
    if (spec == specs.end()) {
      const std::string folded = FoldKey(member.key);
      spec = std::find_if(specs.begin(), specs.end(),
                          [&](const KeySpec& s) { return FoldKey(s.name) == folded; });
      if (spec == specs.end()) {
        Unknown(member, path, specs);
        continue;
      }
      Add(codes::kMisCasedKey, member.value, path.Key(member.key),
          fmt::format("the key {} is taken as {}, as containerd does; write {}", Quoted(member.key),
                      spec->name, spec->name));
    }
    const auto index = static_cast<std::size_t>(spec - specs.begin());
    const Path key_path = path.Key(member.key);
    if (seen[index] && spec->use == KeyUse::kMergedList) {
      Add(codes::kRepeatedList, member.value, key_path,
          fmt::format("{} is given twice, and the runtimes merge the two lists element by element; "
                      "make it one list",
                      spec->name));
    } else if (seen[index]) {
      Add(codes::kDuplicateKey, member.value, key_path,
          fmt::format("{} is given more than once and the last one counts; keep one", spec->name));
    }
    seen[index] = true;
    const bool docker = spec->use == KeyUse::kDocker;
    if (member.value.kind == Kind::kNull || (docker && IsEmpty(member.value))) continue;
    fields[index] = {.node = &member.value, .key = member.key};
  }
  return fields;
}

}  // namespace seccompd::seccomp
