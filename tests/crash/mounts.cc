// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/mounts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "common/base/unique_fd.h"
#include "tests/support/subprocess.h"

namespace seccompd::crash {
namespace {

using base::ErrnoError;
using base::ErrorCode;
using base::Fail;
using base::Result;

// Runs a tool of the system; its complaint, "" when it was content.
std::string Run(std::vector<std::string> argv) {
  const auto outcome = test_support::RunCommand({.argv = std::move(argv)});
  if (!outcome) return outcome.error().message;
  if (outcome->exit_code == 0) return "";
  return outcome->err.empty() ? "exit " + std::to_string(outcome->exit_code) : outcome->err;
}

}  // namespace

Result<> OwnMountNamespace() {
  if (::unshare(CLONE_NEWNS) != 0) return Fail(ErrnoError(errno, "unshare"));
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return Fail(ErrnoError(errno, "make / private"));
  }
  return {};
}

Mount::Mount(const std::string& source, const std::string& type, std::string target,
             const std::string& options, bool read_only)
    : target_(std::move(target)) {
  const unsigned long flags =
      (type.empty() ? 1UL * MS_BIND : 0UL) | (read_only ? 1UL * MS_RDONLY : 0UL);
  if (::mount(source.c_str(), target_.c_str(), type.empty() ? nullptr : type.c_str(), flags,
              options.c_str()) != 0) {
    error_ = ErrnoError(errno, "mount " + target_).message;
  }
}

Mount::~Mount() {
  if (error_.empty()) (void)::umount2(target_.c_str(), MNT_DETACH);
}

Result<> MakeExt4(const std::string& image) {
  if (::truncate(image.c_str(), off_t{16} << 20) != 0) return Fail(ErrnoError(errno, "truncate"));
  const std::string complaint = Run({"/usr/sbin/mkfs.ext4", "-q", "-F", image});
  if (!complaint.empty()) return Fail(ErrorCode::kUnavailable, "mkfs.ext4: " + complaint);
  return {};
}

LoopMount::LoopMount(const std::string& image, std::string target, const std::string& options)
    : target_(std::move(target)) {
  error_ = Run({"mount", "-t", "ext4", "-o", "loop" + (options.empty() ? "" : "," + options), image,
                target_});
}

LoopMount::~LoopMount() {
  // Not lazily: the loop device must be free for the next mount of the image.
  if (error_.empty()) (void)::umount2(target_.c_str(), 0);
}

Result<> LoopMount::BreakFileSystem() const {
  struct stat st {};
  if (::stat(target_.c_str(), &st) != 0) return Fail(ErrnoError(errno, "stat"));
  const std::string trigger =
      "/sys/fs/ext4/loop" + std::to_string(minor(st.st_dev)) + "/trigger_fs_error";
  std::ofstream file(trigger);
  file << "a test of seccompd\n";
  file.close();
  if (!file) return Fail(ErrorCode::kUnavailable, trigger + ": cannot be written");
  return {};
}

void FillUp(const std::string& path) {
  std::filesystem::create_directory(path);
  const base::UniqueFd fd(::open((path + "/bytes").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string block(4'096, 'x');
  // At most 2 MiB: a file system that has more is to be out of inodes.
  for (int i = 0; i < 512; ++i) {
    if (::write(fd.get(), block.data(), block.size()) <= 0) return;
  }
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = path + "/" + std::to_string(i);
    const base::UniqueFd file(::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!file.valid()) return;
  }
  ADD_FAILURE() << path << ": does not get full";
}

void SwapForLink(const std::string& path, const std::string& target, const std::string& spare) {
  ASSERT_EQ(::symlink(target.c_str(), spare.c_str()), 0);
  ASSERT_EQ(::renameat2(AT_FDCWD, spare.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE), 0);
}

bool SetImmutable(const std::string& path, bool immutable) {
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  int flags = 0;
  if (!fd.valid() || ::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) != 0) return false;
  flags = immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
  return ::ioctl(fd.get(), FS_IOC_SETFLAGS, &flags) == 0;
}

}  // namespace seccompd::crash
