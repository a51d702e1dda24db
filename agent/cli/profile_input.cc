// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/profile_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <istream>
#include <map>
#include <span>
#include <utility>
#include <variant>

#include "common/base/strings.h"
#include "common/install/desired.h"
#include "common/kube/manifest.h"
#include "common/seccomp/parse.h"

namespace seccompd::agent {
namespace {

using document::Kind;
using document::Node;
using document::Position;
using seccomp::Diagnostic;

namespace codes = seccomp::codes;

Diagnostic Problem(std::string_view code, std::string message, Position at = {}) {
  return {.code = code,
          .severity = seccomp::Severity::kError,
          .pointer = {},
          .message = std::move(message),
          .line = at.line,
          .column = at.column};
}

std::string TextOf(const Node& object, std::string_view key) {
  const Node* node = object.Find(key);
  return node != nullptr && node->kind == Kind::kString ? node->scalar : std::string();
}

// The `data` of every object in the documents, lists opened, by the name of the object.
void CollectData(const Node& node, int depth, std::multimap<std::string, const Node*>& out) {
  constexpr int kMaxListDepth = 5;
  if (node.kind != Kind::kObject || depth > kMaxListDepth) return;
  const Node* metadata = node.Find("metadata");
  const Node* data = node.Find("data");
  if (metadata != nullptr && data != nullptr && data->kind == Kind::kObject) {
    out.emplace(TextOf(*metadata, "name"), data);
  }
  if (const Node* items = node.Find("items")) {
    for (const Node& item : items->items) CollectData(item, depth + 1, out);
  }
}

// A byte column as a column of characters, which is what editors count.
std::size_t CharacterColumn(std::string_view line, std::size_t column) {
  if (column == 0) return 0;
  const std::string_view before = line.substr(0, std::min(column - 1, line.size()));
  const auto continuation = std::count_if(before.begin(), before.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
  });
  return column - static_cast<std::size_t>(continuation);
}

// Reads the keys of ConfigMaps; one instance per file.
class ManifestReader {
 public:
  ManifestReader(ProfileInput& input, const std::set<std::string>& tenant_namespaces)
      : input_(input), tenant_namespaces_(tenant_namespaces) {}

  void Read(std::span<const Node> documents) {
    auto objects = kube::ParseManifest(documents);
    if (!objects) {
      input_.problems.push_back(Problem(codes::kBadManifest, objects.error().message));
      return;
    }
    for (const Node& document : documents) CollectData(document, 0, data_);
    for (const kube::ManifestObject& object : *objects) {
      std::visit([this](const auto& value) { Take(value); }, object);
    }
  }

 private:
  void Take(const kube::IgnoredObject& object) { Ignore(object.kind, object.name); }
  void Take(const kube::Pod& pod) { Ignore("Pod", pod.meta.name); }
  void Take(const kube::InvalidObject& object) {
    const std::string what = object.kind.empty() ? "an object" : object.kind;
    input_.problems.push_back(Problem(
        codes::kBadManifest, fmt::format("{}{}{}: {}", what, object.name.empty() ? "" : " ",
                                         base::Printable(object.name), object.error.message)));
  }

  void Ignore(std::string_view kind, std::string_view name) {
    input_.ignored.push_back(
        fmt::format("{} {}: not a ConfigMap", base::Printable(kind), base::Printable(name)));
  }

  void Take(const kube::ConfigMap& map) {
    const std::string name = base::Printable(map.meta.name);
    const Node* data = nullptr;
    if (const auto found = data_.find(map.meta.name); found != data_.end()) {
      data = found->second;
      data_.erase(found);
    }
    if (map.data.empty()) input_.ignored.push_back("ConfigMap " + name + ": no data");
    std::map<std::string, std::string> claimed;  // path -> key
    for (const auto& entry : map.data) TakeKey(map, entry, data, claimed);
  }

  void TakeKey(const kube::ConfigMap& map, const std::pair<std::string, std::string>& entry,
               const Node* data, std::map<std::string, std::string>& claimed) {
    const auto& [key, text] = entry;
    ProfileText profile{
        .config_map = map.meta.name, .key = key, .path = {}, .text = text, .at = {}};
    const Node* value = data != nullptr ? data->Find(key) : nullptr;
    if (value != nullptr) {
      profile.at = {.line = value->line, .column = value->column};
      const std::string_view line = input_.lines.Line(input_.bytes, value->line);
      profile.block = value->column <= line.size() && line[value->column - 1] == '|';
    }
    const std::string origin =
        fmt::format("ConfigMap {} key {}", base::Printable(map.meta.name), base::Printable(key));
    // The installer decides paths; it is asked key by key, so that each answer has its key.
    const kube::ConfigMap alone{.meta = map.meta, .data = {entry}};
    install::ClaimSet claims = install::ResolveClaims(
        std::span(&alone, 1), {}, {.tenant_namespaces = tenant_namespaces_, .every_node = true});
    for (const install::Remark& remark : claims.remarks) {
      if (remark.kind != install::Remark::Kind::kIgnoredAnnotation) continue;
      input_.ignored.push_back("ConfigMap " + base::Printable(map.meta.name) + ": " +
                               remark.reason);
    }
    if (claims.claims.empty()) {
      for (const install::Remark& remark : claims.remarks) {
        if (remark.kind == install::Remark::Kind::kIgnoredKey) {
          input_.ignored.push_back(origin + ": " + remark.reason);
          return;
        }
        if (remark.kind == install::Remark::Kind::kInvalidPath ||
            remark.kind == install::Remark::Kind::kInvalidSelector) {
          input_.problems.push_back(
              Problem(codes::kBadPath, origin + " " + remark.reason, profile.at));
          return;
        }
      }
      input_.ignored.push_back(origin + ": no profile");
      return;
    }
    profile.path = claims.claims.front().path;
    profile.capabilities = claims.claims.front().capabilities;
    profile.base = claims.claims.front().base;
    profile.tenant = claims.claims.front().tenant;
    const auto [first, added] = claimed.try_emplace(profile.path, key);
    if (!added) {
      input_.problems.push_back(
          Problem(codes::kSamePath,
                  fmt::format("{} and key {} both claim {}; rename one", origin,
                              base::Printable(first->second), base::Printable(profile.path)),
                  profile.at));
    }
    input_.profiles.push_back(std::move(profile));
  }

  ProfileInput& input_;
  const std::set<std::string>& tenant_namespaces_;
  std::multimap<std::string, const Node*> data_;
};

void TakeBare(ProfileInput& input, std::string_view bare_path, std::vector<Node> documents) {
  ProfileText profile{.config_map = {}, .key = {}, .path = {}, .text = input.bytes, .at = {1, 1}};
  if (install::ProfileStem(bare_path)) {  // otherwise it is only looked at, not installed
    const install::BareProfile bare{
        .path = std::string(bare_path), .text = {}, .origin = input.name};
    const install::ClaimSet claims = install::ResolveClaims({}, std::span(&bare, 1), {});
    if (claims.claims.empty()) {
      const std::string reason =
          claims.remarks.empty() ? "cannot be installed" : claims.remarks.front().reason;
      input.problems.push_back(Problem(codes::kBadPath, "the file " + reason));
    } else {
      profile.path = claims.claims.front().path;
    }
  }
  // Too many documents or bytes: diagnosed from the text.
  if (documents.size() == 1 && input.bytes.size() <= seccomp::ProfileLimits().bytes) {
    profile.document = std::move(documents.front());
  }
  input.profiles.push_back(std::move(profile));
}

}  // namespace

LineIndex::LineIndex(std::string_view text) : starts_{0} {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos;
       at = text.find('\n', at + 1)) {
    starts_.push_back(at + 1);
  }
}

std::string_view LineIndex::Line(std::string_view text, std::size_t number) const {
  if (number == 0 || number > starts_.size()) return {};
  const std::size_t begin = starts_[number - 1];
  std::string_view line = text.substr(begin, text.find('\n', begin) - begin);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

base::Result<std::string> ReadText(const std::string& name, std::istream& in) {
  std::ifstream file;
  if (name != "-") {
    errno = 0;
    file.open(name, std::ios::binary);
    if (!file) return base::Fail(base::ErrnoError(errno != 0 ? errno : EIO, "open"));
  }
  std::istream& stream = name == "-" ? in : file;
  std::string text;
  std::array<char, 65536> piece{};
  errno = 0;
  while (stream.read(piece.data(), piece.size()) || stream.gcount() > 0) {
    text.append(piece.data(), static_cast<std::size_t>(stream.gcount()));
    if (text.size() > kube::kManifestLimits.bytes) {
      return base::Fail(base::ErrorCode::kResourceExhausted,
                        fmt::format("larger than {} bytes", kube::kManifestLimits.bytes));
    }
  }
  if (stream.bad() || (name != "-" && errno == EISDIR)) {
    return base::Fail(base::ErrnoError(errno != 0 ? errno : EIO, "read"));
  }
  return text;
}

ProfileInput ReadProfiles(std::string name, std::string_view bare_path, std::string bytes,
                          const std::set<std::string>& tenant_namespaces) {
  ProfileInput input{.name = std::move(name), .bytes = std::move(bytes)};
  std::vector<Node> documents;
  if (document::LooksLikeJson(input.bytes)) {
    auto root = document::ParseJson(input.bytes, kube::kManifestLimits);
    if (root) documents.push_back(*std::move(root));
  } else {
    auto parsed = document::ParseYaml(input.bytes, kube::kManifestLimits);
    if (parsed) documents = *std::move(parsed);
  }
  // What cannot be read at all is diagnosed as a profile: the same words for the same mistakes.
  const bool manifest = std::any_of(documents.begin(), documents.end(), kube::IsManifest);
  if (manifest) {
    ManifestReader(input, tenant_namespaces).Read(documents);
  } else {
    TakeBare(input, bare_path, std::move(documents));
  }
  return input;
}

install::Prepared PrepareAsInstalled(const ProfileInput& input, const ProfileText& profile,
                                     const install::Preparer& preparer, const std::string* floor) {
  std::map<std::string, install::Claim> claims;
  for (const ProfileText& other : input.profiles) {
    install::Claim claim;
    claim.path = other.path;
    claim.text = other.text;
    claim.capabilities = other.capabilities;
    claim.base = other.base;
    claim.tenant = other.tenant;
    claims.try_emplace(other.path, std::move(claim));
  }
  if (floor != nullptr) {
    install::Claim claim;
    claim.path = install::NormalizeReference(preparer.floor);
    claim.text = *floor;
    claims.insert_or_assign(claim.path, std::move(claim));
  }
  install::ClaimSet set;
  for (auto& [path, claim] : claims) set.claims.push_back(std::move(claim));
  const install::Desired desired = install::PrepareAll(std::move(set), {}, preparer);
  const install::DesiredFile* found = desired.Find(profile.path);
  return found != nullptr ? found->prepared : install::Prepared{};
}

namespace {

void Place(const ProfileInput& input, const ProfileText& profile, const LineIndex& own_lines,
           Diagnostic& diagnostic) {
  const std::string_view own = own_lines.Line(profile.text, diagnostic.line);
  if (profile.config_map.empty()) {
    diagnostic.column = CharacterColumn(own, diagnostic.column);
    return;
  }
  const std::string_view line = input.lines.Line(input.bytes, profile.at.line + diagnostic.line);
  const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
  const bool same = profile.block && diagnostic.line != 0 && line.ends_with(own) &&
                    line.size() - own.size() <= indent;
  if (!same) {
    diagnostic.line = profile.at.line;
    diagnostic.column = profile.at.column;
    return;
  }
  diagnostic.column = line.size() - own.size() + CharacterColumn(own, diagnostic.column);
  diagnostic.line += profile.at.line;
}

}  // namespace

void PlaceInFile(const ProfileInput& input, const ProfileText& profile,
                 std::span<Diagnostic> diagnostics) {
  if (diagnostics.empty()) return;
  const LineIndex own_lines(profile.text);
  for (Diagnostic& diagnostic : diagnostics) Place(input, profile, own_lines, diagnostic);
}

}  // namespace seccompd::agent
