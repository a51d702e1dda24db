// SPDX-License-Identifier: Apache-2.0
#include "common/install/plan.h"

#include <algorithm>
#include <array>
#include <utility>

namespace seccompd::install {
namespace {

constexpr mode_t kFileMode = 0644;

// How a file of ours differs from `wanted`, or nullopt. Meaningful where something can stand at
// all.
std::optional<DriftKind> DriftOf(const DiskState& disk, const base::Digest& wanted) {
  switch (disk.kind) {
    case DiskState::Kind::kAbsent:
      return DriftKind::kMissing;
    case DiskState::Kind::kSymlink:
      return DriftKind::kSymlink;
    case DiskState::Kind::kBlocked:
      return disk.blocked_by_link ? DriftKind::kSymlink : DriftKind::kMissing;
    case DiskState::Kind::kDirectory:
    case DiskState::Kind::kOther:
      return DriftKind::kContent;
    case DiskState::Kind::kRegular:
      if (disk.digest != wanted) return DriftKind::kContent;
      if (disk.mode != kFileMode) return DriftKind::kMode;
      return std::nullopt;
    case DiskState::Kind::kUnreadable:
      return std::nullopt;
  }
  return std::nullopt;
}

// Why nothing can be placed here by renaming a file over it; "" when it can.
std::string Obstacle(const DiskState& disk, const LedgerState& ledger) {
  switch (disk.kind) {
    case DiskState::Kind::kDirectory:
      return "a directory stands at this path: remove or rename it";
    case DiskState::Kind::kBlocked:
      // A link in place of a directory that we made is tampering, and is removed by a repair.
      if (disk.blocked_by_link && ledger.directories.contains(disk.blocked_at)) return "";
      return disk.note;
    case DiskState::Kind::kUnreadable:
      return disk.note;
    default:
      return "";
  }
}

Revision NextRevision(const OwnedPath* owned, const Prepared& prepared, const PlanInput& input) {
  const Revision* in_force = owned != nullptr ? owned->InForce() : nullptr;
  std::uint32_t number = 1;
  if (in_force != nullptr) {
    number = in_force->meaning == prepared.meaning ? in_force->number : in_force->number + 1;
  }
  return {.number = number,
          .digest = prepared.digest,
          .meaning = prepared.meaning,
          .size = prepared.bytes.size(),
          .installed = input.now,
          .build = input.options.build};
}

class Planner {
 public:
  explicit Planner(const PlanInput& input) : input_(input) {}

  Plan Run() {
    hold_removals_ = HoldRemovals();
    auto file = input_.desired.files.begin();
    auto owned = input_.ledger.paths.begin();
    while (file != input_.desired.files.end() || owned != input_.ledger.paths.end()) {
      const bool no_file = file == input_.desired.files.end();
      const bool no_owned = owned == input_.ledger.paths.end();
      if (no_owned || (!no_file && file->claim.path < owned->first)) {
        Foreign(*file);
        ++file;
      } else if (no_file || owned->first < file->claim.path) {
        Unwanted(owned->first, owned->second);
        ++owned;
      } else {
        Wanted(*file, owned->second);
        ++file;
        ++owned;
      }
    }
    AddShadowed();
    // Removals last: a path moves to another ConfigMap before its old file goes.
    std::stable_sort(plan_.steps.begin(), plan_.steps.end(), [](const Step& a, const Step& b) {
      return (a.kind == StepKind::kRemove) < (b.kind == StepKind::kRemove);
    });
    return std::move(plan_);
  }

 private:
  [[nodiscard]] const DiskState& Disk(const std::string& path) const {
    static const DiskState kUnknown{.kind = DiskState::Kind::kUnreadable, .note = "not looked at"};
    const auto it = input_.disk.find(path);
    return it == input_.disk.end() ? kUnknown : it->second;
  }

  ProfileRow& Row(const std::string& path, ProfileState state, const std::string& origin,
                  const Revision* in_force, std::string note) {
    ProfileRow row{.path = path, .state = state, .origin = origin, .note = std::move(note)};
    row.used = input_.references.paths.contains(path);
    if (in_force != nullptr) {
      row.revision = in_force->number;
      row.digest = in_force->digest;
      row.since = base::SeenFrom(input_.now, in_force->installed);
    }
    plan_.rows.push_back(std::move(row));
    return plan_.rows.back();
  }

  Step& Add(StepKind kind, const std::string& path) {
    plan_.steps.push_back({.kind = kind, .path = path});
    return plan_.steps.back();
  }

  void Place(StepKind kind, const DesiredFile& file, const OwnedPath* owned) {
    Add(kind, file.claim.path).revision = NextRevision(owned, file.prepared, input_);
  }

  // A desired path that we do not own: nothing there, something equal, or something foreign.
  void Foreign(const DesiredFile& file) {
    const DiskState& disk = Disk(file.claim.path);
    const std::string& path = file.claim.path;
    const std::string& origin = file.claim.origin;
    if (!file.prepared.valid()) {
      Row(path, ProfileState::kInvalid, origin, nullptr, file.note);
      return;
    }
    const std::string obstacle = Obstacle(disk, input_.ledger);
    if (!obstacle.empty()) {
      const bool unseen = disk.kind == DiskState::Kind::kUnreadable;
      Row(path, unseen ? ProfileState::kPending : ProfileState::kForeign, origin, nullptr,
          obstacle);
      return;
    }
    if (disk.kind == DiskState::Kind::kAbsent || disk.kind == DiskState::Kind::kBlocked) {
      Place(StepKind::kInstall, file, nullptr);
      Row(path, ProfileState::kPending, origin, nullptr, "");
      return;
    }
    const bool regular = disk.kind == DiskState::Kind::kRegular;
    if (regular && disk.digest == file.prepared.digest) {
      Place(StepKind::kAdopt, file, nullptr);
      Row(path, ProfileState::kPending, origin, nullptr, "");
      return;
    }
    if (regular && (disk.same_meaning || file.claim.adopt_replace)) {
      Place(StepKind::kReplaceForeign, file, nullptr);
      Row(path, ProfileState::kPending, origin, nullptr, "");
      return;
    }
    Row(path, ProfileState::kForeign, origin, nullptr,
        regular ? "not ours: seccompd.io/adopt: replace"
                : "not ours and no regular file: remove it");
  }

  // What became of an announced file (the agent was killed or failed in between). False: not ours.
  bool Settle(const std::string& path, OwnedPath& owned) {
    if (!owned.pending) return true;
    const DiskState& disk = Disk(path);
    if (disk.kind == DiskState::Kind::kRegular && disk.digest == owned.pending->digest) {
      Step& step = Add(StepKind::kComplete, path);
      step.revision = owned.pending;
      const Revision revision = *std::exchange(owned.pending, std::nullopt);
      if (!owned.revisions.empty() && owned.revisions.back().number == revision.number) {
        owned.revisions.back() = revision;
      } else {
        owned.revisions.push_back(revision);
      }
      return true;
    }
    const bool nothing = disk.kind == DiskState::Kind::kAbsent ||
                         disk.kind == DiskState::Kind::kBlocked ||
                         disk.kind == DiskState::Kind::kUnreadable;
    if (!owned.revisions.empty() || nothing) return true;
    // We never wrote here, and somebody else did.
    Add(StepKind::kCancel, path);
    return false;
  }

  void Wanted(const DesiredFile& file, OwnedPath owned) {
    const std::string& path = file.claim.path;
    if (!Settle(path, owned)) {
      Foreign(file);
      return;
    }
    if (owned.removing && !owned.pending && Disk(path).kind == DiskState::Kind::kAbsent) {
      Add(StepKind::kRelease, path);  // a kill came behind our own removal: that is no drift
      return Foreign(file);
    }
    if (KeptForItsOwner(file, owned)) return;
    if (owned.orphaned || owned.removing || owned.owner != file.claim.owner ||
        owned.origin != file.claim.origin) {
      Add(StepKind::kClaim, path);
    }
    const Revision* in_force = owned.InForce();
    const bool valid = file.prepared.valid();
    if (in_force == nullptr) {
      Never(file);
      return;
    }
    if (owned.pending && (!valid || owned.pending->digest != file.prepared.digest)) {
      Add(StepKind::kCancel, path);
    }
    const ProfileState state = valid ? ProfileState::kInstalled : ProfileState::kInvalid;
    ProfileRow& row = Row(path, state, file.claim.origin, in_force, file.note);
    if (valid && file.prepared.digest != in_force->digest) {
      Update(file, owned, &row);
      return;
    }
    Keep(path, *in_force, valid, &row);
  }

  // The ConfigMap that has this path may still be there, unseen: nobody else gets it meanwhile.
  bool KeptForItsOwner(const DesiredFile& file, const OwnedPath& owned) {
    const Revision* in_force = owned.InForce();
    if (in_force == nullptr || owned.orphaned || owned.owner == file.claim.owner) return false;
    const std::string space = owned.owner.substr(0, owned.owner.find('/'));
    if (space == owned.owner || !input_.desired.held_namespaces.contains(space)) return false;
    Keep(file.claim.path, *in_force, false,
         &Row(file.claim.path, ProfileState::kInstalled, owned.origin, in_force,
              "its namespace is away: kept, and not given to " + file.claim.origin));
    return true;
  }

  // Announced, never in place, and nothing stands there.
  void Never(const DesiredFile& file) {
    const std::string obstacle = Obstacle(Disk(file.claim.path), input_.ledger);
    if (!file.prepared.valid()) {
      Row(file.claim.path, ProfileState::kInvalid, file.claim.origin, nullptr, file.note);
      return;
    }
    Row(file.claim.path, ProfileState::kPending, file.claim.origin, nullptr, obstacle);
    if (obstacle.empty()) Place(StepKind::kInstall, file, nullptr);
  }

  void Update(const DesiredFile& file, const OwnedPath& owned, ProfileRow* row) {
    const DiskState& disk = Disk(file.claim.path);
    row->state = ProfileState::kPending;
    const auto drift = DriftOf(disk, owned.InForce()->digest);
    if (drift) plan_.drift[file.claim.path] = *drift;
    row->note = Obstacle(disk, input_.ledger);
    if (!row->note.empty()) return;
    Place(StepKind::kUpdate, file, &owned);
    plan_.steps.back().drift = drift;
  }

  // What is in force is wanted as it is: repaired where it drifted. False: it differs and cannot or
  // must not be repaired.
  bool Keep(const std::string& path, const Revision& in_force, bool desired_bytes,
            ProfileRow* row) {
    const DiskState& disk = Disk(path);
    const auto drift = DriftOf(disk, in_force.digest);
    if (!drift) {
      if (disk.kind == DiskState::Kind::kUnreadable) row->note = disk.note;
      return disk.kind != DiskState::Kind::kUnreadable && !Contested(path, row);
    }
    plan_.drift[path] = *drift;
    const std::string obstacle = Obstacle(disk, input_.ledger);
    if (!obstacle.empty()) {
      row->state = ProfileState::kForeign;
      row->note = obstacle;
      return false;
    }
    if (Contested(path, row)) return false;
    Step& step = Add(StepKind::kRepair, path);
    step.drift = drift;
    step.revision = in_force;
    step.desired_bytes = desired_bytes;
    return false;
  }

  bool Contested(const std::string& path, ProfileRow* row) {
    const auto repairs = input_.recent_repairs.find(path);
    if (input_.options.contested_after <= 0 || repairs == input_.recent_repairs.end() ||
        repairs->second <= input_.options.contested_after) {
      return false;
    }
    row->state = ProfileState::kContested;
    row->note = "repaired " + std::to_string(repairs->second) +
                " times within an hour: somebody else writes this file; repairing stopped";
    return true;
  }

  [[nodiscard]] bool Held(const OwnedPath& owned) const {
    return !input_.desired.complete || hold_removals_ || input_.desired.Holds(owned.owner);
  }

  bool HoldRemovals() {
    std::size_t live = 0;
    std::size_t missing = 0;
    for (const auto& [path, owned] : input_.ledger.paths) {
      if (owned.orphaned) continue;
      ++live;
      if (input_.desired.Find(path) == nullptr && !input_.desired.Holds(owned.owner)) ++missing;
    }
    const bool hold = input_.desired.complete && !input_.desired.removal_confirmed &&
                      IsMassRemoval(live, missing);
    if (hold) plan_.held_removals = missing;
    return hold;
  }

  // Owned, but no source wants it.
  void Unwanted(const std::string& path, OwnedPath owned) {
    const DiskState& disk = Disk(path);
    if (!Settle(path, owned)) return;
    const Revision* in_force = owned.InForce();
    const bool absent = disk.kind == DiskState::Kind::kAbsent;
    if (in_force == nullptr || (owned.removing && absent)) {
      if (absent) Add(StepKind::kRelease, path);
      return;
    }
    if (owned.removing && disk.kind == DiskState::Kind::kRegular && *owned.removing != disk.file) {
      Add(StepKind::kRelease, path);  // ours is gone; this one came after
      return;
    }
    if (owned.pending) Add(StepKind::kCancel, path);
    if (!owned.orphaned && Held(owned)) {
      Keep(path, *in_force, false,
           &Row(path, ProfileState::kInstalled, owned.origin, in_force,
                "its source is away or not confirmed: kept"));
      return;
    }
    if (!owned.orphaned) {
      Add(StepKind::kOrphan, path);
      owned.orphaned = input_.now;
    }
    ProfileRow& row = Row(path, ProfileState::kOrphaned, owned.origin, in_force, "");
    row.since = base::SeenFrom(input_.now, *owned.orphaned);
    if (!Keep(path, *in_force, false, &row)) return;
    Remove(path, owned, &row);
  }

  void Remove(const std::string& path, const OwnedPath& owned, ProfileRow* row) {
    const base::WallTime due = *row->since + input_.options.delete_grace;
    if (!input_.references.known) {
      row->note = "no working pod source: kept";
    } else if (input_.references.paths.contains(path)) {
      row->note = "pods refer to it: kept";
    } else if (input_.options.delete_grace.count() > 0 && input_.now.wall < due) {
      row->note = "removed after " + base::FormatTime(due);
      if (!plan_.next_due || due < *plan_.next_due) plan_.next_due = due;
    } else if (!input_.desired.complete || input_.desired.Holds(owned.owner)) {
      row->note = "its source is away: kept";
    } else {
      Add(StepKind::kRemove, path);
    }
  }

  void AddShadowed() {
    for (const Remark& remark : input_.desired.remarks) {
      if (remark.kind != Remark::Kind::kShadowed) continue;
      Row(remark.path, ProfileState::kShadowed, remark.origin, nullptr, remark.reason);
    }
    std::stable_sort(plan_.rows.begin(), plan_.rows.end(),
                     [](const ProfileRow& a, const ProfileRow& b) { return a.path < b.path; });
  }

  const PlanInput& input_;
  bool hold_removals_ = false;
  Plan plan_;
};

template <class T, std::size_t N>
std::string_view NameOf(T value, const std::array<std::string_view, N>& names) {
  return names.at(static_cast<std::size_t>(value));
}

}  // namespace

std::string_view DriftKindName(DriftKind kind) {
  return NameOf(kind, std::to_array<std::string_view>({"content", "mode", "missing", "symlink"}));
}

std::string_view StepKindName(StepKind kind) {
  return NameOf(kind, std::to_array<std::string_view>(
                          {"complete", "cancel", "release", "claim", "orphan", "adopt", "install",
                           "replace-foreign", "update", "repair", "remove"}));
}

std::string_view ProfileStateName(ProfileState state) {
  return NameOf(state,
                std::to_array<std::string_view>({"installed", "pending", "invalid", "foreign",
                                                 "shadowed", "orphaned", "contested"}));
}

bool IsMassRemoval(std::size_t live, std::size_t missing) {
  if (missing == 0) return false;
  return missing == live || (missing >= 5 && missing * 2 > live);
}

Plan MakePlan(const PlanInput& input) { return Planner(input).Run(); }

}  // namespace seccompd::install
