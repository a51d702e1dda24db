// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace seccompd::bench {

// A benchmark that cannot do its work gives no figure.
inline void Check(bool ok) {
  if (ok) return;
  std::perror("benchmark");
  std::abort();
}

inline double Seconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

// The value below which `share` of them lie: other work on the machine only ever adds time.
inline double Quantile(std::vector<double> values, double share) {
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

// The floor of every install: what any correct one has to do, at "bare.json" below `dirfd`.
inline void BareReplace(int dirfd, const std::string& bytes) {
  const int fd = ::openat(dirfd, "temp", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
  Check(fd >= 0);
  Check(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  Check(::fchmod(fd, 0644) == 0);
  Check(::fsync(fd) == 0);
  Check(::close(fd) == 0);
  Check(::renameat(dirfd, "temp", dirfd, "bare.json") == 0);
  Check(::fsync(dirfd) == 0);
}

}  // namespace seccompd::bench
