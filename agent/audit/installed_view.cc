// SPDX-License-Identifier: Apache-2.0
#include "agent/audit/installed_view.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <set>
#include <string>

#include "common/audit/workload.h"
#include "common/host/host_root.h"
#include "common/install/desired.h"

namespace seccompd::agent {
namespace {

using audit::InstalledProfile;
using audit::InstalledView;
using audit::ProfileState;

// nullopt: another row speaks for that path.
std::optional<ProfileState> StateOf(install::ProfileState state) {
  switch (state) {
    case install::ProfileState::kInstalled:
      return ProfileState::kInstalled;
    case install::ProfileState::kPending:
      return ProfileState::kPending;
    case install::ProfileState::kInvalid:
      return ProfileState::kInvalid;
    case install::ProfileState::kForeign:
      return ProfileState::kForeign;
    case install::ProfileState::kOrphaned:
      return ProfileState::kOrphaned;
    case install::ProfileState::kContested:
      return ProfileState::kContested;
    case install::ProfileState::kShadowed:
      break;
  }
  return std::nullopt;
}

// A file, through symlinks as a runtime opens it. A link that leads nowhere from here may lead
// somewhere on the host, so it counts.
bool Exists(int rootfd, const std::string& path) {
  struct stat info {};
  if (fstatat(rootfd, path.c_str(), &info, 0) == 0) return !S_ISDIR(info.st_mode);
  return fstatat(rootfd, path.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
}

void AddReference(const std::optional<kube::SeccompProfileRef>& ref, std::set<std::string>* paths) {
  if (!ref || ref->type != kube::SeccompProfileRef::Type::kLocalhost) return;
  std::string path = audit::CleanProfilePath(ref->localhost_profile);
  // What leads out of the root is refused by the API server, and nothing of ours to look at.
  if (!path.empty() && !path.starts_with("..") && path.size() <= install::kMaxPathBytes) {
    paths->insert(std::move(path));
  }
}

}  // namespace

InstalledView ViewOfLedger(const install::LedgerState& ledger, const base::Moment& now) {
  InstalledView view;
  view.available = true;
  for (const auto& [path, owned] : ledger.paths) {
    InstalledProfile profile;
    for (const install::Revision& revision : owned.revisions) {
      profile.revisions.push_back({.number = revision.number,
                                   .digest = revision.digest,
                                   .meaning = revision.meaning,
                                   .installed_at = base::SeenFrom(now, revision.installed)});
    }
    profile.on_disk = !profile.revisions.empty();
    profile.state = owned.orphaned    ? ProfileState::kOrphaned
                    : profile.on_disk ? ProfileState::kInstalled
                                      : ProfileState::kPending;
    view.profiles.emplace(path, std::move(profile));
  }
  return view;
}

InstalledView ViewOf(const install::LedgerState& ledger, std::span<const install::ProfileRow> rows,
                     const base::Moment& now) {
  InstalledView view = ViewOfLedger(ledger, now);
  for (const install::ProfileRow& row : rows) {
    const auto state = StateOf(row.state);
    if (!state) continue;
    InstalledProfile& profile =
        view.profiles
            .try_emplace(row.path,
                         InstalledProfile{.state = *state, .on_disk = false, .revisions = {}})
            .first->second;
    profile.state = *state;
  }
  return view;
}

base::Result<install::LedgerState> ReadLedger(int rootfd) {
  const std::string path = std::string(install::kStateDirectory) + "/ledger";
  auto text = host::ReadFile(rootfd, path, install::kMaxLedgerBytes);
  if (!text) {
    if (text.error().code != base::ErrorCode::kNotFound) return base::Fail(std::move(text).error());
    return install::LedgerState{};
  }
  TRY_ASSIGN(install::Replay replay, install::ReplayLog(*text));
  if (replay.tail == install::LogEnd::kCorrupt) {
    return base::Fail(base::ErrorCode::kCorrupt, "ledger: " + replay.problem);
  }
  return std::move(replay.state);
}

base::Result<InstalledView> ReadInstalledView(int rootfd, const base::Moment& now) {
  TRY_ASSIGN(const install::LedgerState ledger, ReadLedger(rootfd));
  return ViewOfLedger(ledger, now);
}

void LookAtFiles(int rootfd, std::span<const kube::Pod> pods, InstalledView* view) {
  for (auto& [path, profile] : view->profiles) profile.on_disk = Exists(rootfd, path);
  std::set<std::string> referenced;
  for (const kube::Pod& pod : pods) {
    AddReference(pod.seccomp, &referenced);
    for (const kube::Container& container : pod.containers) {
      AddReference(container.seccomp, &referenced);
    }
  }
  for (const std::string& path : referenced) {
    if (view->profiles.contains(path) || !Exists(rootfd, path)) continue;
    view->profiles.emplace(
        path, InstalledProfile{.state = ProfileState::kForeign, .on_disk = true, .revisions = {}});
  }
}

}  // namespace seccompd::agent
