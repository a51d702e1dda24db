// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "common/base/digest.h"
#include "common/base/time.h"
#include "common/install/plan.h"
#include "common/install/prepare.h"

namespace seccompd::install {

// Desired states, revisions and times as literals.
inline base::WallTime At(std::int64_t seconds) {
  return base::WallTime(std::chrono::seconds(1'700'000'000 + seconds));
}

// A desired file whose rendering is `bytes`; its meaning is its bytes. Empty bytes: invalid.
inline DesiredFile Want(std::string path, std::string bytes, std::string owner = "ns/cm") {
  DesiredFile file;
  file.claim.path = std::move(path);
  file.claim.text = bytes;
  file.claim.origin = "ConfigMap " + owner;
  file.claim.owner = std::move(owner);
  if (bytes.empty()) {
    file.note = "E0101: not JSON";
    return file;
  }
  file.prepared.digest = base::Sha256(bytes);
  file.prepared.meaning = base::Sha256("meaning " + bytes);
  file.prepared.bytes = std::move(bytes);
  return file;
}

inline Desired Wanted(std::vector<DesiredFile> files) {
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.claim.path < b.claim.path; });
  Desired desired;
  desired.files = std::move(files);
  return desired;
}

inline Revision Rev(std::uint32_t number, const std::string& bytes, std::int64_t seconds = 0) {
  return {.number = number,
          .digest = base::Sha256(bytes),
          .meaning = base::Sha256("meaning " + bytes),
          .size = bytes.size(),
          .installed = At(seconds),
          .body = {}};
}

inline OwnedPath Owned(std::vector<Revision> revisions, std::string owner = "ns/cm") {
  OwnedPath owned;
  owned.revisions = std::move(revisions);
  owned.origin = "ConfigMap " + owner;
  owned.owner = std::move(owner);
  return owned;
}

inline DiskState Regular(const std::string& bytes, mode_t mode = 0644) {
  DiskState disk;
  disk.kind = DiskState::Kind::kRegular;
  disk.digest = base::Sha256(bytes);
  disk.mode = mode;
  disk.size = bytes.size();
  disk.links = 1;
  disk.file = {1, 42};
  return disk;
}

inline DiskState Of(DiskState::Kind kind) {
  DiskState disk;
  disk.kind = kind;
  return disk;
}

// A working pod source in which nothing refers to anything but `paths`.
inline References Refers(std::set<std::string, std::less<>> paths = {}) {
  return {.known = true, .paths = std::move(paths)};
}

}  // namespace seccompd::install
