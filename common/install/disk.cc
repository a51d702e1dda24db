// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "common/host/atomic_replace.h"
#include "common/install/apply.h"

namespace seccompd::install {
namespace {

using host::FsFile;
using host::FsOps;

DiskState Unreadable(int error, const std::string& what) {
  return {.kind = DiskState::Kind::kUnreadable, .note = base::ErrnoError(error, what).message};
}

// Which level above `path` is a symlink or no directory.
DiskState BlockedAt(FsOps& fs, int rootfd, const std::string& path) {
  DiskState state{.kind = DiskState::Kind::kBlocked};
  for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
    const std::string level = path.substr(0, at);
    auto place = host::OpenParent(fs, rootfd, level);
    if (!place) break;  // it changed meanwhile; the next look will tell
    struct stat st {};
    if (fs.StatAt(place->directory.fd(), place->name, &st) < 0) break;
    if (S_ISDIR(st.st_mode)) continue;
    state.blocked_at = level;
    state.blocked_by_link = S_ISLNK(st.st_mode);
    break;
  }
  state.note = state.blocked_by_link ? "'" + state.blocked_at + "' is a symbolic link: remove it"
                                     : "'" + state.blocked_at + "' is no directory: remove it";
  return state;
}

void Fill(const struct stat& st, DiskState* state) {
  state->mode = st.st_mode & 07777;
  state->size = static_cast<std::uint64_t>(st.st_size);
  state->links = st.st_nlink;
  state->file = {st.st_dev, st.st_ino};
}

// A file that open(2) refused: what is it?
DiskState LookAt(FsOps& fs, int rootfd, const std::string& path, int error) {
  auto place = host::OpenParent(fs, rootfd, path);
  if (!place) {
    if (place.error().code == base::ErrorCode::kNotFound) return {};
    if (place.error().code == base::ErrorCode::kFailedPrecondition) {
      return BlockedAt(fs, rootfd, path);
    }
    return {.kind = DiskState::Kind::kUnreadable, .note = place.error().message};
  }
  struct stat st {};
  const int e = fs.StatAt(place->directory.fd(), place->name, &st);
  if (e == -ENOENT) return {};
  if (e < 0) return Unreadable(-e, "look at '" + path + "'");
  DiskState state;
  Fill(st, &state);
  if (S_ISLNK(st.st_mode)) {
    state.kind = DiskState::Kind::kSymlink;
  } else if (S_ISDIR(st.st_mode)) {
    state.kind = DiskState::Kind::kDirectory;
  } else if (!S_ISREG(st.st_mode)) {
    state.kind = DiskState::Kind::kOther;
  } else {
    return Unreadable(error, "open '" + path + "'");
  }
  return state;
}

}  // namespace

DiskState ReadDisk(FsOps& fs, int rootfd, const std::string& path, const Prepared* desired,
                   const MeaningFunction& meaning) {
  // O_NONBLOCK: a fifo planted here must not hang us.
  const FsFile file(fs, fs.Open(rootfd, path, O_RDONLY | O_NONBLOCK, 0));
  if (!file.valid()) return LookAt(fs, rootfd, path, -file.fd());
  struct stat st {};
  if (const int e = fs.Stat(file.fd(), &st); e < 0) return Unreadable(-e, "stat '" + path + "'");
  DiskState state;
  Fill(st, &state);
  if (S_ISDIR(st.st_mode)) {
    state.kind = DiskState::Kind::kDirectory;
    return state;
  }
  if (!S_ISREG(st.st_mode)) {
    state.kind = DiskState::Kind::kOther;
    return state;
  }
  state.kind = DiskState::Kind::kRegular;
  auto bytes = host::ReadWhole(fs, file.fd(), kMaxInstalledBytes);
  if (!bytes) {
    if (bytes.error().code == base::ErrorCode::kResourceExhausted && bytes.error().sys_errno == 0) {
      return state;  // larger than any profile: it differs from all of ours
    }
    return {.kind = DiskState::Kind::kUnreadable, .note = bytes.error().message};
  }
  state.digest = base::Sha256(*bytes);
  if (desired != nullptr && desired->valid() && meaning && state.digest != desired->digest) {
    state.same_meaning = meaning(*bytes) == desired->meaning;
  }
  return state;
}

}  // namespace seccompd::install
