// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/profile_texts.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/strings.h"
#include "common/document/document.h"
#include "common/host/host_root.h"
#include "common/install/desired.h"
#include "common/seccomp/parse.h"
#include "common/seccomp/render.h"

namespace seccompd::agent {
namespace {

constexpr std::size_t kMaxBundleBytes = std::size_t{4} << 20;
constexpr std::size_t kIdDigits = 64;

base::Result<std::string> ReadRange(const base::UniqueFd& file, std::uint64_t offset,
                                    std::size_t size) {
  std::string text(size, '\0');
  std::size_t used = 0;
  while (used < size) {
    const ssize_t n =
        ::pread(file.get(), text.data() + used, size - used, static_cast<off_t>(offset + used));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return base::Fail(base::ErrnoError(errno, "read the ledger"));
    if (n == 0) return base::Fail(base::ErrorCode::kCorrupt, "the ledger ends early");
    used += static_cast<std::size_t>(n);
  }
  return text;
}

const install::Revision* FindRevision(const install::LedgerState& ledger, const std::string& path,
                                      std::uint32_t number) {
  const install::OwnedPath* owned = ledger.Find(path);
  if (owned == nullptr) return nullptr;
  const auto& revisions = owned->revisions;
  const auto found =
      std::find_if(revisions.begin(), revisions.end(),
                   [number](const install::Revision& r) { return r.number == number; });
  return found == revisions.end() ? nullptr : &*found;
}

// Becomes a part of a path.
bool IsContainerId(std::string_view id) {
  return id.size() == kIdDigits &&
         id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

base::Result<std::string> ReadProfileFile(int rootfd, const std::string& path) {
  if (path.empty() || path.starts_with("..") || path.size() > install::kMaxPathBytes) {
    return base::Fail(base::ErrorCode::kInvalidArgument, "the path leads out of the seccomp root");
  }
  return host::ReadFile(rootfd, path, kMaxProfileBytes);
}

base::Result<std::string> ReadLedgerText(int rootfd, const install::LedgerState& ledger,
                                         const std::string& path, std::uint32_t revision) {
  const install::Revision* found = FindRevision(ledger, path, revision);
  if (found == nullptr || found->body.size == 0 || found->body.size > 2 * kMaxProfileBytes) {
    return base::Fail(base::ErrorCode::kNotFound, "the ledger keeps no text of this revision");
  }
  const std::string name = std::string(install::kStateDirectory) + "/ledger";
  TRY_ASSIGN(const base::UniqueFd file, host::OpenBeneath(rootfd, name, O_RDONLY));
  TRY_ASSIGN(const std::string framed, ReadRange(file, found->body.offset, found->body.size));
  auto text = install::UnframeBody(framed);
  if (!text || base::Sha256(*text) != found->digest) {
    return base::Fail(base::ErrorCode::kCorrupt, "the ledger's text of this revision is damaged");
  }
  return *std::move(text);
}

Bundles::Bundles(std::string_view patterns) {
  for (const std::string_view pattern : base::Split(patterns, ',')) {
    if (!base::TrimSpace(pattern).empty()) patterns_.emplace_back(base::TrimSpace(pattern));
  }
}

base::Result<void> Bundles::Check() const {
  for (const std::string& pattern : patterns_) {
    const bool one = std::count(pattern.begin(), pattern.end(), '*') == 1;
    if (one && pattern.starts_with('/')) continue;
    return base::Fail(base::ErrorCode::kInvalidArgument,
                      "--bundles '" + base::Printable(pattern) +
                          "': an absolute path with one * for the container's ID is needed");
  }
  return {};
}

const audit::Told* Bundles::ToldOf(const procfs::ContainerRef& ref) {
  if (patterns_.empty() || !IsContainerId(ref.container_id)) return nullptr;
  auto found = known_.find(ref.container_id);
  if (found == known_.end()) {
    found = known_.emplace(ref.container_id, Known{}).first;
    for (const std::string& pattern : patterns_) {
      std::string path = pattern;
      path.replace(path.find('*'), 1, ref.container_id);
      const auto text = host::ReadFile(AT_FDCWD, path, kMaxBundleBytes);
      if (text) found->second.told = ParseBundle(*text);
      if (found->second.told) break;
    }
  }
  found->second.used = true;
  return found->second.told ? &*found->second.told : nullptr;
}

void Bundles::EndPass() {
  // What could not be read is tried again.
  std::erase_if(known_, [](const auto& entry) { return !entry.second.used || !entry.second.told; });
  for (auto& [id, known] : known_) known.used = false;
}

std::optional<audit::Told> ParseBundle(std::string_view text) {
  const auto config = document::ParseJson(text);
  if (!config || config->Find("ociVersion") == nullptr) return std::nullopt;
  const document::Node* linux_part = config->Find("linux");
  const document::Node* seccomp = linux_part == nullptr ? nullptr : linux_part->Find("seccomp");
  if (seccomp == nullptr || seccomp->kind == document::Kind::kNull) {
    return audit::Told{.digest = base::Sha256(""), .profile = std::nullopt};
  }
  seccomp::ParsedProfile parsed = seccomp::ParseProfile(*seccomp);
  if (!parsed.profile) return std::nullopt;
  const base::Digest digest = base::Sha256(seccomp::RenderOci(*parsed.profile));
  return audit::Told{.digest = digest, .profile = std::move(parsed.profile)};
}

}  // namespace seccompd::agent
