// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "common/base/unique_fd.h"
#include "common/metrics/process.h"

namespace seccompd::metrics {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;  // /proc/stat of a large machine
constexpr std::uint64_t kMaxEntries = 1'000'000;

// "" if it cannot be read or is too large.
std::string ReadText(int dirfd, const char* path) {
  const base::UniqueFd fd(::openat(dirfd, path, O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return "";
  std::string text;
  std::array<char, 4096> chunk{};
  while (text.size() <= kMaxFileBytes) {
    const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return "";
    if (got == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return "";
}

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

std::optional<std::uint64_t> CountFds(int dirfd) {
  base::UniqueFd fd(::openat(dirfd, "self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return std::nullopt;
  const std::unique_ptr<DIR, CloseDir> dir(::fdopendir(fd.get()));
  if (!dir) return std::nullopt;
  static_cast<void>(fd.release());
  std::uint64_t entries = 0;
  while (entries < kMaxEntries) {
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    if (entry->d_name[0] != '.') ++entries;
  }
  return entries > 0 ? entries - 1 : entries;  // without the one that lists them
}

}  // namespace

ProcessTexts ReadProcessTexts(int procfd) {
  return ProcessTexts{.stat = ReadText(procfd, "self/stat"),
                      .limits = ReadText(procfd, "self/limits"),
                      .netstat = ReadText(procfd, "self/net/netstat"),
                      .system = ReadText(procfd, "stat"),
                      .open_fds = CountFds(procfd)};
}

ProcessUnits SystemUnits() {
  return ProcessUnits{.ticks_per_second = ::sysconf(_SC_CLK_TCK),
                      .page_bytes = ::sysconf(_SC_PAGESIZE)};
}

}  // namespace seccompd::metrics
