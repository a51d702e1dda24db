// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/base/result.h"

namespace seccompd::crash {

// From now on this process and its children mount for themselves only.
[[nodiscard]] base::Result<> OwnMountNamespace();

// A mount that goes away with it. `type` "": a bind mount of the directory `source`.
class Mount {
 public:
  Mount(const std::string& source, const std::string& type, std::string target,
        const std::string& options, bool read_only = false);
  ~Mount();
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  [[nodiscard]] const std::string& error() const { return error_; }  // "" mounted

 private:
  std::string target_;
  std::string error_;
};

[[nodiscard]] base::Result<> MakeExt4(const std::string& image);

// The ext4 of an image file on a free loop device.
class LoopMount {
 public:
  LoopMount(const std::string& image, std::string target, const std::string& options);
  ~LoopMount();
  LoopMount(const LoopMount&) = delete;
  LoopMount& operator=(const LoopMount&) = delete;

  [[nodiscard]] const std::string& error() const { return error_; }
  // The kernel is told that the file system is damaged: with errors=remount-ro it turns read-only,
  // whoever has files open.
  [[nodiscard]] base::Result<> BreakFileSystem() const;

 private:
  std::string target_;
  std::string error_;
};

// Makes the directory `path` and fills it until nothing more goes in: bytes, or else inodes.
void FillUp(const std::string& path);
// Puts a symlink to `target` in the place of `path` in one step; what was there is then at `spare`.
void SwapForLink(const std::string& path, const std::string& target, const std::string& spare);
// chattr +i or -i; false if the file system has no such flag.
[[nodiscard]] bool SetImmutable(const std::string& path, bool immutable);

}  // namespace seccompd::crash
