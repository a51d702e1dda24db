// SPDX-License-Identifier: Apache-2.0
#include "common/host/host_root.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace seccompd::host {

using base::ErrnoError;
using base::ErrorCode;
using base::Fail;
using base::Result;
using base::UniqueFd;

Result<UniqueFd> OpenDirectory(const std::string& path) {
  for (;;) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.valid()) return fd;
    if (errno != EINTR) return Fail(ErrnoError(errno, "open directory '" + path + "'"));
  }
}

Result<HostRoot> OpenHostRoot(const HostPaths& paths) {
  const auto open = [](const std::string& path, const char* flag, UniqueFd* out) -> Result<> {
    if (path.empty()) return {};
    auto fd = OpenDirectory(path);
    if (!fd) return Fail(base::WithContext(std::move(fd).error(), flag));
    *out = std::move(*fd);
    return {};
  };
  HostRoot root;
  TRY(open(paths.proc, "--path.procfs", &root.proc));
  TRY(open(paths.cgroup, "--path.cgroupfs", &root.cgroup));
  TRY(open(paths.seccomp, "--seccomp-root", &root.seccomp));
  return root;
}

Result<UniqueFd> OpenBeneath(int dirfd, const std::string& path, int flags) {
  struct open_how how {};
  how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags | O_CLOEXEC | O_NOCTTY));
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int attempt = 0;; ++attempt) {
    UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, dirfd, path.c_str(), &how, sizeof(how))));
    if (fd.valid()) return fd;
    // EAGAIN: a rename raced with the walk (openat2(2)).
    if ((errno == EINTR || errno == EAGAIN) && attempt < 100) continue;
    return Fail(ErrnoError(errno, "open '" + path + "'"));
  }
}

Result<std::string> ReadFile(int dirfd, const std::string& path, std::size_t max_bytes) {
  UniqueFd fd;
  do {
    fd.reset(::openat(dirfd, path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  } while (!fd.valid() && errno == EINTR);
  if (!fd.valid()) return Fail(ErrnoError(errno, "open '" + path + "'"));
  return ReadFile(fd, path, max_bytes);
}

Result<std::string> ReadFile(const UniqueFd& fd, const std::string& path, std::size_t max_bytes) {
  constexpr std::size_t kChunk = 16'384;
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return Fail(ErrnoError(errno, "stat '" + path + "'"));
  if (!S_ISREG(st.st_mode)) {
    return Fail(ErrorCode::kInvalidArgument, "'" + path + "' is not a regular file");
  }
  std::string text;
  // procfs says size 0; the last, empty read must fit too.
  const auto expected = static_cast<std::size_t>(std::max<off_t>(st.st_size, 0));
  std::size_t used = 0;
  for (;;) {
    const std::size_t want = used == 0 ? std::max(expected + 1, kChunk) : kChunk;
    text.resize(std::min(used + want, max_bytes + 1));
    const ssize_t n = ::read(fd.get(), text.data() + used, text.size() - used);
    if (n < 0) {
      if (errno == EINTR) continue;
      return Fail(ErrnoError(errno, "read '" + path + "'"));
    }
    used += static_cast<std::size_t>(n);
    if (used > max_bytes) {
      return Fail(ErrorCode::kResourceExhausted,
                  "'" + path + "' is longer than " + std::to_string(max_bytes) + " bytes");
    }
    if (n == 0) break;
  }
  text.resize(used);
  text.shrink_to_fit();  // many are kept, and most are far smaller than a chunk
  return text;
}

}  // namespace seccompd::host
