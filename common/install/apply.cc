// SPDX-License-Identifier: Apache-2.0
#include "common/install/apply.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "common/host/atomic_replace.h"

namespace seccompd::install {
namespace {

using base::ErrnoError;
using base::ErrorCode;
using base::Fail;
using base::Result;

// Texts announced with one flush; more than this waits for the next.
constexpr std::size_t kBatchBytes = std::size_t{1} << 20;

// Steps whose announcement must be on disk before a file is touched.
bool IsIntent(const Entry& entry) {
  return std::holds_alternative<Announce>(entry) || std::holds_alternative<MadeDirectory>(entry) ||
         std::holds_alternative<Removing>(entry) || std::holds_alternative<Established>(entry) ||
         std::holds_alternative<Orphaned>(entry);
}

}  // namespace

// One step on its way: what is announced before, done, and recorded after.
struct Applier::Work {
  const Step* step = nullptr;
  std::string bytes;                     // what is to be in place
  std::vector<Entry> before;             // announced, all of them or none
  std::vector<std::string> directories;  // to be made, outermost first
  std::optional<FileIdentity> remove;    // this very file
  std::optional<Entry> after;
  std::optional<base::Error> error;
};

Result<> Applier::MissingDirectories(const std::string& path, Work* work) {
  auto missing = host::MissingParents(fs_, rootfd_, path);
  if (!missing && missing.error().code == ErrorCode::kFailedPrecondition) {
    TRY(UnblockParents(path));
    missing = host::MissingParents(fs_, rootfd_, path);
  }
  if (!missing) return Fail(std::move(missing).error());
  work->directories = std::move(*missing);
  for (const std::string& directory : work->directories) {
    if (ledger_.state().directories.contains(directory)) continue;
    work->before.emplace_back(MadeDirectory{directory});
  }
  return {};
}

// A directory that we made and that somebody replaced by a link: the link goes, what it points at
// is not touched.
Result<> Applier::UnblockParents(const std::string& path) {
  const DiskState disk = ReadDisk(fs_, rootfd_, path);
  if (disk.kind != DiskState::Kind::kBlocked) return {};
  if (!disk.blocked_by_link || !ledger_.state().directories.contains(disk.blocked_at)) {
    return Fail(ErrorCode::kFailedPrecondition, disk.note);
  }
  TRY_ASSIGN(const host::Place place, host::OpenParent(fs_, rootfd_, disk.blocked_at));
  if (const int e = fs_.Unlink(place.directory.fd(), place.name); e < 0) {
    return Fail(ErrnoError(-e, "remove the symbolic link '" + disk.blocked_at + "'"));
  }
  return {};
}

// The rename is there, but a kill may have come before it was synced.
Result<> Applier::SyncParent(const std::string& path) {
  TRY_ASSIGN(const host::Place place, host::OpenParent(fs_, rootfd_, path));
  const int e = fs_.Fsync(place.directory.fd());
  if (e < 0) return Fail(ErrnoError(-e, "fsync the directory"));
  return {};
}

Result<> Applier::KeepForeign(const std::string& path) {
  TRY_ASSIGN(const host::Place place, host::OpenParent(fs_, rootfd_, path));
  const host::FsFile file(fs_,
                          fs_.Open(place.directory.fd(), place.name, O_RDONLY | O_NONBLOCK, 0));
  if (!file.valid()) return Fail(ErrnoError(-file.fd(), "open '" + path + "'"));
  TRY_ASSIGN(const std::string bytes, host::ReadWhole(fs_, file.fd(), kMaxInstalledBytes));
  TRY(ledger_.Keep(path, bytes));
  return {};
}

// Which file is to be removed: only one whose bytes are ours.
Result<> Applier::PlanRemoval(const std::string& path, Work* work) {
  const DiskState disk = ReadDisk(fs_, rootfd_, path);
  const OwnedPath* owned = ledger_.state().Find(path);
  if (owned == nullptr) return Fail(ErrorCode::kInternal, "'" + path + "' is not owned");
  work->after = Released{path};
  if (disk.kind == DiskState::Kind::kAbsent) return {};
  if (disk.kind != DiskState::Kind::kRegular || owned->FindDigest(disk.digest) == nullptr) {
    return Fail(ErrorCode::kFailedPrecondition, "its content is not ours: left alone");
  }
  work->remove = disk.file;
  work->before.emplace_back(Removing{path, disk.file});
  return {};
}

Result<> Applier::PlanPlacing(const Step& step, const DesiredFile* file, Work* work) {
  const OwnedPath* owned = ledger_.state().Find(step.path);
  if (file != nullptr && step.desired_bytes && file->prepared.digest == step.revision->digest) {
    work->bytes = file->prepared.bytes;
  } else {
    TRY_ASSIGN(work->bytes, ledger_.ReadBody(*step.revision));
  }
  TRY(MissingDirectories(step.path, work));
  if (step.kind == StepKind::kRepair) return {};  // the ledger says already what is to be there
  if (step.kind == StepKind::kReplaceForeign) TRY(KeepForeign(step.path));
  const Revision* same = owned != nullptr ? owned->FindDigest(step.revision->digest) : nullptr;
  // An install may follow a release of the path, which forgets its texts.
  const bool known = same != nullptr && same->body.size > 0 &&
                     step.kind != StepKind::kReplaceForeign && step.kind != StepKind::kInstall;
  Announce announce{step.path, *step.revision, file->claim.owner, file->claim.origin, std::nullopt};
  if (!known) announce.body = work->bytes;
  work->before.emplace_back(std::move(announce));
  return {};
}

Result<Applier::Work> Applier::Prepare(const Step& step, const Desired& desired,
                                       const base::Moment& now) {
  const DesiredFile* file = desired.Find(step.path);
  Work work;
  work.step = &step;
  switch (step.kind) {
    case StepKind::kComplete:
      TRY(SyncParent(step.path));
      work.before.emplace_back(Installed{step.path, step.revision->installed});
      break;
    case StepKind::kCancel:
      work.before.emplace_back(Cancelled{step.path});
      break;
    case StepKind::kRelease:
      work.before.emplace_back(Released{step.path});
      break;
    case StepKind::kClaim:
      work.before.emplace_back(Claimed{step.path, file->claim.owner, file->claim.origin});
      break;
    case StepKind::kOrphan:
      work.before.emplace_back(Orphaned{step.path, now});
      break;
    case StepKind::kAdopt:
      work.before.emplace_back(Established{step.path, *step.revision, file->claim.owner,
                                           file->claim.origin, file->prepared.bytes});
      break;
    case StepKind::kInstall:
    case StepKind::kReplaceForeign:
    case StepKind::kUpdate:
    case StepKind::kRepair:
      TRY(PlanPlacing(step, file, &work));
      break;
    case StepKind::kRemove:
      TRY(PlanRemoval(step.path, &work));
      break;
  }
  return work;
}

Result<> Applier::MakeDirectories(const Work& work) {
  for (const std::string& directory : work.directories) {
    auto made = host::MakeDirectory(fs_, rootfd_, directory);
    if (made || made.error().code != ErrorCode::kAlreadyExists) {
      TRY(std::move(made));
      continue;
    }
    // Somebody was faster: theirs, unless an earlier step of ours made it.
    const bool announced = std::any_of(work.before.begin(), work.before.end(), [&](const Entry& e) {
      const auto* entry = std::get_if<MadeDirectory>(&e);
      return entry != nullptr && entry->path == directory;
    });
    if (announced && !made_.contains(directory)) {
      const Entry dropped = DroppedDirectory{directory};
      TRY(ledger_.Append(std::span(&dropped, 1), Sync::kNone));
    }
  }
  made_.insert(work.directories.begin(), work.directories.end());
  return {};
}

Result<> Applier::Place(Work* work, const base::Moment& now) {
  const Step& step = *work->step;
  TRY(MakeDirectories(*work));
  TRY_ASSIGN(const host::Place place, host::OpenParent(fs_, rootfd_, step.path));
  host::ReplaceOptions options;
  options.temp_name = TempName(ledger_.nonce());
  options.may_replace = step.kind != StepKind::kInstall;
  if (!work->before.empty()) options.before_rename = [this] { return ledger_.Flush(); };
  auto placed = host::AtomicReplace(fs_, place.directory.fd(), place.name, work->bytes, options);
  if (!placed && placed.error().code == ErrorCode::kAlreadyExists) {
    work->after = Cancelled{step.path};  // foreign, and came between our look and the rename
  }
  TRY(std::move(placed));
  if (step.kind != StepKind::kRepair) work->after = Installed{step.path, now};
  return {};
}

// Only the mode differs, and no other name of this file would change with it: no new file is
// needed.
Result<> Applier::MendMode(const std::string& path, const base::Digest& digest, bool* mended) {
  const DiskState disk = ReadDisk(fs_, rootfd_, path);
  if (disk.kind != DiskState::Kind::kRegular || disk.digest != digest) return {};
  *mended = disk.mode == 0644;
  if (*mended || disk.links != 1) return {};
  const host::FsFile file(fs_, fs_.Open(rootfd_, path, O_RDONLY | O_NONBLOCK, 0));
  struct stat st {};
  if (!file.valid() || fs_.Stat(file.fd(), &st) < 0) return {};
  if (FileIdentity{st.st_dev, st.st_ino} != disk.file) return {};
  if (const int e = fs_.Chmod(file.fd(), 0644); e < 0) {
    return Fail(ErrnoError(-e, "chmod '" + path + "'"));
  }
  if (const int e = fs_.Fsync(file.fd()); e < 0)
    return Fail(ErrnoError(-e, "fsync '" + path + "'"));
  *mended = true;
  return {};
}

Result<> Applier::Remove(Work* work) {
  if (!work->remove) return {};
  TRY_ASSIGN(const host::Place place, host::OpenParent(fs_, rootfd_, work->step->path));
  struct stat st {};
  const int found = fs_.StatAt(place.directory.fd(), place.name, &st);
  if (found == -ENOENT) return {};
  if (found < 0) return Fail(ErrnoError(-found, "look at the file"));
  if (FileIdentity{st.st_dev, st.st_ino} != *work->remove) {
    return Fail(ErrorCode::kFailedPrecondition, "another file stands there now: left alone");
  }
  if (const int e = fs_.Unlink(place.directory.fd(), place.name); e < 0) {
    return Fail(ErrnoError(-e, "unlink"));
  }
  if (const int e = fs_.Fsync(place.directory.fd()); e < 0) {
    return Fail(ErrnoError(-e, "fsync the directory"));
  }
  return {};
}

Result<> Applier::Perform(Work* work, const base::Moment& now) {
  const Step& step = *work->step;
  bool mended = false;
  switch (step.kind) {
    case StepKind::kAdopt:
      return MendMode(step.path, step.revision->digest, &mended);
    case StepKind::kRepair:
      if (step.drift == DriftKind::kMode) {
        TRY(MendMode(step.path, step.revision->digest, &mended));
        if (mended) return {};
      }
      return Place(work, now);
    case StepKind::kInstall:
    case StepKind::kReplaceForeign:
    case StepKind::kUpdate:
      return Place(work, now);
    case StepKind::kRemove:
      return Remove(work);
    default:
      return {};
  }
}

// Is the temp file of this step found by RemoveLeftovers(), even if its announcement is lost? Then
// the announcement may reach the disk while the temp file is written.
bool Applier::TempIsKnown(const Work& work) const {
  const bool places = !work.bytes.empty() && work.directories.empty();
  const std::size_t slash = work.step->path.rfind('/');
  if (!places || slash == std::string::npos) return places;
  // Revisions: owned before this batch.
  const OwnedPath* owned = ledger_.state().Find(work.step->path);
  return ledger_.state().directories.contains(work.step->path.substr(0, slash)) ||
         (owned != nullptr && !owned->revisions.empty());
}

// Announces all, then does each, then records all: one flush for the batch.
void Applier::RunBatch(std::vector<Work>* batch, const base::Moment& now) {
  std::vector<Entry> before;
  for (const Work& work : *batch) {
    before.insert(before.end(), work.before.begin(), work.before.end());
  }
  const bool durable = std::any_of(before.begin(), before.end(), IsIntent);
  auto announced = ledger_.Append(before, durable ? Sync::kStart : Sync::kNone);
  for (Work& work : *batch) {
    if (announced && !work.before.empty() && !TempIsKnown(work)) announced = ledger_.Flush();
    if (!announced && !work.before.empty()) {
      work.error = announced.error();
      work.after.reset();
      continue;
    }
    auto done = Perform(&work, now);
    if (done) continue;
    work.error = std::move(done).error();
    const bool cancelled = work.after && std::holds_alternative<Cancelled>(*work.after);
    if (!cancelled) work.after.reset();
  }
  if (announced) announced = ledger_.Flush();
  std::vector<Entry> after;
  for (const Work& work : *batch) {
    if (work.after) after.push_back(*work.after);
  }
  // Not flushed: after a power cut the file itself tells that it was placed.
  auto recorded = ledger_.Append(after, Sync::kNone);
  if (recorded) return;
  for (Work& work : *batch) {
    if (work.after && !work.error) work.error = recorded.error();
  }
}

std::vector<StepResult> Applier::Apply(std::span<const Step> steps, const Desired& desired,
                                       const base::Moment& now) {
  std::vector<StepResult> results;
  std::vector<Work> batch;
  std::size_t batch_bytes = 0;
  made_.clear();
  const auto flush = [&] {
    RunBatch(&batch, now);
    for (Work& work : batch) results.push_back({*work.step, std::move(work.error)});
    batch.clear();
    batch_bytes = 0;
  };
  for (const Step& step : steps) {
    auto work = Prepare(step, desired, now);
    if (!work) {
      results.push_back({step, std::move(work).error()});
      continue;
    }
    batch_bytes += work->bytes.size();
    batch.push_back(std::move(*work));
    if (batch_bytes >= kBatchBytes) flush();
  }
  if (!batch.empty()) flush();
  return results;
}

Result<> Applier::RemoveLeftovers() {
  const std::string temp = TempName(ledger_.nonce());
  std::set<std::string> directories{""};
  for (const std::string& directory : ledger_.state().directories) directories.insert(directory);
  for (const auto& [path, owned] : ledger_.state().paths) {
    const std::size_t slash = path.rfind('/');
    if (slash != std::string::npos) directories.insert(path.substr(0, slash));
  }
  for (const std::string& directory : directories) TRY(RemoveLeftover(directory, temp));
  return {};
}

Result<> Applier::RemoveLeftover(const std::string& directory, const std::string& temp) {
  const std::string path = directory.empty() ? temp : directory + "/" + temp;
  auto place = host::OpenParent(fs_, rootfd_, path);
  if (!place) return {};  // no such directory, or not one of ours any more
  const int e = fs_.Unlink(place->directory.fd(), place->name);
  if (e < 0 && e != -ENOENT) {
    return Fail(ErrnoError(-e, "remove the temporary file '" + path + "'"));
  }
  return {};
}

// True: it is gone, or not a directory any more. False: something is in it.
Result<bool> Applier::RemoveDirectory(const std::string& path) {
  auto place = host::OpenParent(fs_, rootfd_, path);
  if (!place) {
    const ErrorCode code = place.error().code;
    if (code == ErrorCode::kNotFound || code == ErrorCode::kFailedPrecondition) return true;
    return Fail(std::move(place).error());
  }
  const int e = fs_.RemoveDirectory(place->directory.fd(), place->name);
  if (e == -ENOENT || e == -ENOTDIR) return true;
  if (e == -ENOTEMPTY || e == -EEXIST) return false;
  if (e < 0) return Fail(ErrnoError(-e, "remove the empty directory '" + path + "'"));
  if (const int s = fs_.Fsync(place->directory.fd()); s < 0) {
    return Fail(ErrnoError(-s, "fsync the directory"));
  }
  return true;
}

Result<> Applier::RemoveEmptyDirectories() {
  std::vector<Entry> dropped;
  std::optional<base::Error> failure;
  const LedgerState& state = ledger_.state();
  // Deepest first: a set is in order, a parent comes before what is below it.
  for (auto it = state.directories.rbegin(); it != state.directories.rend(); ++it) {
    const auto below = state.paths.lower_bound(*it + "/");
    if (below != state.paths.end() && below->first.starts_with(*it + "/")) continue;
    auto gone = RemoveDirectory(*it);
    if (!gone) {
      failure = std::move(gone).error();
    } else if (*gone) {
      dropped.emplace_back(DroppedDirectory{*it});
    }
  }
  TRY(ledger_.Append(dropped, Sync::kNone));
  if (failure) return Fail(std::move(*failure));
  return {};
}

}  // namespace seccompd::install
