// SPDX-License-Identifier: Apache-2.0
#include "common/install/ledger_file.h"

#include <fcntl.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "common/base/strings.h"
#include "common/host/atomic_replace.h"
#include "common/install/desired.h"

namespace seccompd::install {
namespace {

using base::ErrnoError;
using base::ErrorCode;
using base::Fail;
using base::Result;
using host::FsFile;

constexpr const char* kLedgerName = "ledger";
constexpr const char* kNewLedgerName = "ledger.new";
constexpr const char* kLockName = "lock";
constexpr const char* kKeepTemp = "kept.new";
constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kFillStep = 256 * kKiB;  // filled ahead of the appends
constexpr std::uint64_t kFillLow = 96 * kKiB;    // refilled when less is left
constexpr std::uint64_t kPage = 4 * kKiB;  // what reaches the disk as one, in no order with others
constexpr std::uint64_t kSlack = 1024 * kKiB;  // a log may exceed twice its content by this much

Result<std::string> RandomNonce() {
  std::array<std::uint8_t, 8> bytes{};
  for (std::size_t used = 0; used < bytes.size();) {
    const ssize_t n = ::getrandom(bytes.data() + used, bytes.size() - used, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(ErrnoError(errno, "getrandom"));
    used += static_cast<std::size_t>(n);
  }
  return base::HexEncode(bytes);
}

}  // namespace

Result<std::unique_ptr<LedgerFile>> LedgerFile::Open(host::FsOps& fs, int rootfd) {
  std::unique_ptr<LedgerFile> ledger(new LedgerFile(fs, rootfd));  // private constructor
  TRY(ledger->OpenDirectory());
  TRY(ledger->Lock());
  TRY(ledger->Load());
  return ledger;
}

Result<> LedgerFile::OpenDirectory() {
  const std::string name(kStateDirectory);
  int fd = fs_.Open(rootfd_, name, O_RDONLY | O_DIRECTORY, 0);
  if (fd == -ENOENT) {
    if (const int e = fs_.MakeDirectory(rootfd_, name, 0700); e < 0 && e != -EEXIST) {
      return Fail(ErrnoError(-e, "make '.seccompd' in the seccomp root"));
    }
    if (const int e = fs_.Fsync(rootfd_); e < 0) return Fail(ErrnoError(-e, "fsync the root"));
    fd = fs_.Open(rootfd_, name, O_RDONLY | O_DIRECTORY, 0);
  }
  if (fd == -ELOOP || fd == -ENOTDIR) {
    return Fail(ErrorCode::kFailedPrecondition,
                "'.seccompd' in the seccomp root is a symbolic link or a file, not made by this "
                "agent: remove it");
  }
  if (fd == -ENOSYS) {
    return Fail(ErrorCode::kFailedPrecondition, "openat2 is missing: Linux 5.6 or newer is needed");
  }
  if (fd < 0) return Fail(ErrnoError(-fd, "open '.seccompd'"));
  directory_ = FsFile(fs_, fd);
  return {};
}

Result<> LedgerFile::Lock() {
  const int fd = fs_.Open(directory_.fd(), kLockName, O_RDWR | O_CREAT, 0600);
  if (fd < 0) return Fail(ErrnoError(-fd, "open '.seccompd/lock'"));
  FsFile lock(fs_, fd);
  const int e = fs_.LockExclusive(fd);
  if (e == -EWOULDBLOCK) {
    return Fail(ErrorCode::kUnavailable,
                "another seccompd works on this seccomp root (it holds .seccompd/lock)");
  }
  if (e < 0) return Fail(ErrnoError(-e, "lock '.seccompd/lock'"));
  lock_ = std::move(lock);
  return {};
}

Result<> LedgerFile::Load() {
  for (const char* left_over : {kNewLedgerName, kKeepTemp}) {
    const int e = fs_.Unlink(directory_.fd(), left_over);
    if (e < 0 && e != -ENOENT) return Fail(ErrnoError(-e, "remove '.seccompd/ledger.new'"));
  }
  const int fd = fs_.Open(directory_.fd(), kLedgerName, O_RDWR, 0);
  if (fd == -ENOENT) {
    origin_ = LedgerOrigin::kCreated;
    TRY_ASSIGN(nonce_, RandomNonce());
    return Rewrite();
  }
  if (fd < 0) return Fail(ErrnoError(-fd, "open '.seccompd/ledger'"));
  file_ = FsFile(fs_, fd);
  auto text = host::ReadWhole(fs_, fd, kMaxLedgerBytes);
  if (!text) return Fail(base::WithContext(std::move(text).error(), ".seccompd/ledger"));
  auto replay = ReplayLog(*text);
  if (!replay && replay.error().code == ErrorCode::kFailedPrecondition) {
    origin_ = LedgerOrigin::kNewer;
    problem_ = replay.error().message;
    return {};
  }
  if (replay && replay->tail != LogEnd::kCorrupt) {
    nonce_ = std::move(replay->nonce);
    problem_ = std::move(replay->problem);
    state_ = std::move(replay->state);
    position_ = std::move(replay->end);
    filled_ = text->size();
    if (replay->tail == LogEnd::kTorn) TRY(WipeTail());
    // Not now is no reason not to start: a full disk must not take the repairs away.
    (void)Maintain();
    return {};
  }
  origin_ = LedgerOrigin::kRebuilt;
  problem_ = replay ? replay->problem : replay.error().message;
  TRY_ASSIGN(const std::string kept, Keep("a ledger that cannot be trusted", *text));
  problem_ += "; kept as .seccompd/" + kept;
  if (replay) nonce_ = replay->nonce;  // so that temp files of before are known
  if (nonce_.empty()) {
    TRY_ASSIGN(nonce_, RandomNonce());
  }
  return Rewrite();
}

// After a failed write or sync nobody knows what the disk holds: a new file is begun.
Result<> LedgerFile::Synced(int result) {
  if (result >= 0) return {};
  rewrite_ = true;
  unsynced_ = ErrnoError(-result, ".seccompd/ledger: fdatasync");
  return Fail(*unsynced_);
}

Result<> LedgerFile::Append(std::span<const Entry> entries, Sync sync) {
  if (origin_ == LedgerOrigin::kNewer) return Fail(ErrorCode::kFailedPrecondition, problem_);
  if (entries.empty()) return {};
  (void)Flush();  // if that failed, the file is written anew
  unsynced_.reset();
  if (rewrite_) TRY(Rewrite());
  std::vector<Entry> own(entries.begin(), entries.end());
  LogPosition next = position_;
  const std::string record = EncodeRecord(own, &next);
  TRY(CheckEntries(own));
  TRY(SyncEarlierPages());
  TRY(Fill(next.offset));
  auto written = host::WriteAll(fs_, file_.fd(), record, static_cast<off_t>(position_.offset));
  if (!written) {
    rewrite_ = true;
    return Fail(base::WithContext(std::move(written).error(), ".seccompd/ledger"));
  }
  if (sync == Sync::kStart) syncing_ = fs_.StartDatasync(file_.fd()) == 0;
  // Where it cannot run beside us (no AIO in this kernel, or forbidden) it runs now.
  if (sync != Sync::kNone && !syncing_) TRY(Synced(fs_.Fdatasync(file_.fd())));
  position_ = std::move(next);
  if (sync != Sync::kNone && !syncing_) unsynced_from_ = position_.offset;
  return ApplyEntries(own, &state_);
}

// A record that begins in a later page than one that is not on disk yet could be found behind a gap
// after a power cut, which is what damage looks like. Once in some 20 notes.
Result<> LedgerFile::SyncEarlierPages() {
  if (unsynced_from_ >= position_.offset) return {};
  if (unsynced_from_ / kPage == position_.offset / kPage) return {};
  TRY(Synced(fs_.Fdatasync(file_.fd())));
  unsynced_from_ = position_.offset;
  return {};
}

Result<> LedgerFile::Flush() {
  if (std::exchange(syncing_, false)) {
    TRY(Synced(fs_.FinishDatasync()));
    unsynced_from_ = position_.offset;  // nothing is appended while it runs
    return {};
  }
  if (unsynced_) return Fail(*unsynced_);
  return {};
}

// Tried on a copy of what the entries name, so that no record that cannot be replayed is written.
Result<> LedgerFile::CheckEntries(std::span<const Entry> entries) const {
  LedgerState touched;
  for (const Entry& entry : entries) {
    const std::string& path =
        std::visit([](const auto& e) -> const std::string& { return e.path; }, entry);
    if (const OwnedPath* owned = state_.Find(path)) touched.paths.try_emplace(path, *owned);
  }
  return ApplyEntries(entries, &touched);
}

// What is left of a torn append must not stay behind the records to come. In place: the space is
// allocated, so this works on a full disk too.
Result<> LedgerFile::WipeTail() {
  const std::string newlines(filled_ - position_.offset, '\n');
  TRY(host::WriteAll(fs_, file_.fd(), newlines, static_cast<off_t>(position_.offset)));
  if (const int e = fs_.Fdatasync(file_.fd()); e < 0) {
    return Fail(ErrnoError(-e, ".seccompd/ledger: fdatasync"));
  }
  return {};
}

// Newlines up to at least `needed` bytes: a record then replaces bytes that are allocated and whose
// journal entry is written, and cannot meet a full disk half way.
Result<> LedgerFile::Fill(std::uint64_t needed) {
  if (needed <= filled_) return {};
  const std::uint64_t end = needed + kFillStep;
  const std::string newlines(64 * kKiB, '\n');
  while (filled_ < end) {
    const std::uint64_t count = std::min<std::uint64_t>(newlines.size(), end - filled_);
    const ssize_t n = fs_.Write(file_.fd(), std::string_view(newlines).substr(0, count),
                                static_cast<off_t>(filled_));
    if (n <= 0) {
      if (filled_ >= needed) break;  // enough for this record
      return Fail(n == 0 ? base::Error{ErrorCode::kNoSpace, ".seccompd/ledger: nothing was taken"}
                         : ErrnoError(static_cast<int>(-n), ".seccompd/ledger: grow"));
    }
    filled_ += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<std::string> LedgerFile::ReadBody(const Revision& revision) const {
  if (revision.body.size == 0 || revision.body.size > kMaxLedgerBytes) {
    return Fail(ErrorCode::kNotFound, "the ledger keeps no text of this revision");
  }
  TRY_ASSIGN(const std::string framed, host::ReadExactly(fs_, file_.fd(), revision.body.size,
                                                         static_cast<off_t>(revision.body.offset)));
  auto bytes = UnframeBody(framed);
  if (!bytes || base::Sha256(*bytes) != revision.digest) {
    return Fail(ErrorCode::kCorrupt, "the ledger's text of this revision is damaged");
  }
  return std::move(*bytes);
}

// One record a path: bounded memory, however many revisions there are.
Result<> LedgerFile::WriteRecords(int fd, LogPosition* position, LedgerState* state) const {
  const auto write = [&](std::vector<Entry> entries) -> Result<> {
    const auto at = static_cast<off_t>(position->offset);
    const std::string record = EncodeRecord(entries, position);
    TRY(ApplyEntries(entries, state));
    return host::WriteAll(fs_, fd, record, at);
  };
  const auto text = [&](const Revision& revision) -> std::optional<std::string> {
    if (!file_.valid()) return std::nullopt;
    auto body = ReadBody(revision);
    return body ? std::optional(std::move(*body)) : std::nullopt;
  };
  std::vector<Entry> directories;
  for (const std::string& path : state_.directories) directories.emplace_back(MadeDirectory{path});
  if (!directories.empty()) TRY(write(std::move(directories)));
  for (const auto& [path, owned] : state_.paths) {
    std::vector<Entry> entries;
    std::vector<base::Digest> written;
    const auto body_once = [&](const Revision& revision) -> std::optional<std::string> {
      if (std::find(written.begin(), written.end(), revision.digest) != written.end()) return {};
      auto body = text(revision);
      if (body) written.push_back(revision.digest);
      return body;
    };
    for (const Revision& revision : owned.revisions) {
      entries.emplace_back(
          Established{path, revision, owned.owner, owned.origin, body_once(revision)});
    }
    if (owned.pending) {
      entries.emplace_back(
          Announce{path, *owned.pending, owned.owner, owned.origin, body_once(*owned.pending)});
    }
    if (owned.orphaned) entries.emplace_back(Orphaned{path, *owned.orphaned});
    if (owned.removing) entries.emplace_back(Removing{path, *owned.removing});
    if (!entries.empty()) TRY(write(std::move(entries)));
  }
  return {};
}

Result<> LedgerFile::Rewrite() {
  (void)Flush();  // its outcome does not matter: all of the state is written again
  const int e = fs_.Unlink(directory_.fd(), kNewLedgerName);
  if (e < 0 && e != -ENOENT) return Fail(ErrnoError(-e, "remove '.seccompd/ledger.new'"));
  const int fd = fs_.Open(directory_.fd(), kNewLedgerName, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (fd < 0) return Fail(ErrnoError(-fd, "create '.seccompd/ledger.new'"));
  FsFile fresh(fs_, fd);
  LogPosition position;
  LedgerState state;
  const auto put_in_place = [&]() -> Result<> {
    TRY(host::WriteAll(fs_, fd, EncodeHeader(nonce_, &position), 0));
    TRY(WriteRecords(fd, &position, &state));
    TRY(host::WriteAll(fs_, fd, std::string(kFillStep, '\n'), static_cast<off_t>(position.offset)));
    if (const int s = fs_.Fsync(fd); s < 0) return Fail(ErrnoError(-s, "fsync"));
    const int r = fs_.Rename(directory_.fd(), kNewLedgerName, kLedgerName, 0);
    if (r < 0) return Fail(ErrnoError(-r, "rename into 'ledger'"));
    return {};
  };
  auto placed = put_in_place();
  if (!placed) {
    (void)fs_.Unlink(directory_.fd(), kNewLedgerName);
    return Fail(base::WithContext(std::move(placed).error(), ".seccompd/ledger.new"));
  }
  // From here the new file is the ledger, whether or not the directory reached the disk.
  file_ = std::move(fresh);
  state_ = std::move(state);
  filled_ = position.offset + kFillStep;
  position_ = std::move(position);
  unsynced_from_ = position_.offset;
  rewrite_ = true;
  if (const int s = fs_.Fsync(directory_.fd()); s < 0) {
    return Fail(ErrnoError(-s, "fsync '.seccompd'"));
  }
  rewrite_ = false;
  return {};
}

Result<> LedgerFile::Restore() {
  if (origin_ == LedgerOrigin::kNewer) return {};
  struct stat held {};
  struct stat named {};
  const std::string path = std::string(kStateDirectory);
  const FsFile directory(fs_, fs_.Open(rootfd_, path, O_RDONLY | O_DIRECTORY, 0));
  const bool same_ledger = directory.valid() && fs_.Stat(file_.fd(), &held) == 0 &&
                           fs_.StatAt(directory.fd(), kLedgerName, &named) == 0 &&
                           held.st_ino == named.st_ino && held.st_dev == named.st_dev;
  const bool same_lock = directory.valid() && fs_.Stat(lock_.fd(), &held) == 0 &&
                         fs_.StatAt(directory.fd(), kLockName, &named) == 0 &&
                         held.st_ino == named.st_ino && held.st_dev == named.st_dev;
  if (same_ledger && same_lock) return {};
  TRY(OpenDirectory());
  if (!same_lock) TRY(Lock());
  problem_ = ".seccompd was changed under the running agent; written anew";
  return Rewrite();
}

void LedgerFile::Vouch(const std::string& path, const std::string& build) {
  const auto owned = state_.paths.find(path);
  if (owned == state_.paths.end() || owned->second.revisions.empty()) return;
  owned->second.revisions.back().build = build;
  rewrite_ = true;
}

Result<> LedgerFile::Maintain() {
  if (origin_ == LedgerOrigin::kNewer) return {};
  std::uint64_t content = 0;
  for (const auto& [path, owned] : state_.paths) {
    for (const Revision& revision : owned.revisions) content += 512 + revision.body.size;
    if (owned.pending) content += 512 + owned.pending->body.size;
  }
  if (rewrite_ || position_.offset > 2 * content + kSlack) return Rewrite();
  if (filled_ - position_.offset >= kFillLow) return {};
  TRY(Fill(position_.offset + kFillLow));
  return Synced(fs_.Fdatasync(file_.fd()));
}

Result<std::string> LedgerFile::Keep(std::string_view what, std::string_view bytes) {
  const std::string name = "kept-" + base::Sha256(bytes).Hex().substr(0, 16);
  std::string text = "# Kept by seccompd: " + base::Printable(what) +
                     ". The original follows this line (tail -n +2).\n";
  text += bytes;
  TRY(host::AtomicReplace(fs_, directory_.fd(), name, text,
                          {.temp_name = kKeepTemp, .mode = 0600, .may_replace = true}));
  return name;
}

Result<> LedgerFile::Destroy() {
  file_.Reset();
  for (const char* name : {kLedgerName, kLockName}) {
    const int e = fs_.Unlink(directory_.fd(), name);
    if (e < 0 && e != -ENOENT) {
      return Fail(ErrnoError(-e, "remove '.seccompd/" + std::string(name) + "'"));
    }
  }
  lock_.Reset();
  directory_.Reset();
  const int e = fs_.RemoveDirectory(rootfd_, std::string(kStateDirectory));
  if (e < 0 && e != -ENOTEMPTY && e != -EEXIST && e != -ENOENT) {
    return Fail(ErrnoError(-e, "remove '.seccompd'"));
  }
  if (const int s = fs_.Fsync(rootfd_); s < 0) return Fail(ErrnoError(-s, "fsync the root"));
  return {};
}

}  // namespace seccompd::install
