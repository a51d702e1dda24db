// SPDX-License-Identifier: Apache-2.0
#include "common/filters/load_failure.h"

#include <fmt/format.h>

#include <cerrno>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "common/base/strings.h"

namespace seccompd::filters {
namespace {

using base::Error;
using base::ErrorCode;

// Bits of linux/capability.h.
constexpr unsigned kCapSysAdmin = 21;
constexpr unsigned kCapPerfmon = 38;
constexpr unsigned kCapBpf = 39;

constexpr std::size_t kLogLines = 4;

bool Has(std::uint64_t set, unsigned capability) { return (set >> capability & 1) != 0; }

// "5.10.0-28-amd64" -> 5010; nullopt where the text does not begin like a release.
std::optional<int> Version(std::string_view release) {
  const auto pieces = base::Split(release, '.');
  if (pieces.size() < 2) return std::nullopt;
  const auto minor_end = pieces[1].find_first_not_of("0123456789");
  const auto major = base::ParseInt<int>(pieces[0]);
  const auto minor = base::ParseInt<int>(pieces[1].substr(0, minor_end));
  if (!major || !minor || *major > 1000 || *minor > 999) return std::nullopt;
  return *major * 1000 + *minor;
}

std::string MissingCapabilities(std::uint64_t effective) {
  if (Has(effective, kCapSysAdmin)) return "";
  const bool bpf = Has(effective, kCapBpf);
  const bool perfmon = Has(effective, kCapPerfmon);
  if (!bpf && !perfmon) return "CAP_BPF and CAP_PERFMON";
  if (!bpf) return "CAP_BPF";
  return perfmon ? "" : "CAP_PERFMON";
}

bool IsPermission(int sys_errno) { return sys_errno == EPERM || sys_errno == EACCES; }

// The last lines that say something, as one line.
std::string LogTail(std::string_view log) {
  std::vector<std::string> lines;
  for (std::string_view line : base::Split(log, '\n')) {
    line = base::TrimSpace(line);
    if (!line.empty()) lines.push_back(base::Printable(line));
  }
  if (lines.size() > kLogLines) {
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(kLogLines));
  }
  return base::Join(lines, "; ");
}

Error Precondition(std::string message, int sys_errno) {
  return {.code = ErrorCode::kFailedPrecondition,
          .message = std::move(message),
          .sys_errno = sys_errno};
}

Error Denied(std::string message, int sys_errno) {
  return {
      .code = ErrorCode::kPermissionDenied, .message = std::move(message), .sys_errno = sys_errno};
}

// What the kernel itself lacks.
std::optional<Error> KernelLacks(const LoadFailure& f) {
  if (!f.has_seccomp) {
    return Precondition("this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)", f.sys_errno);
  }
  if (f.bpf_errno == ENOSYS && f.seccomp_mode == 0) {
    return Precondition("this kernel has no bpf(2) (CONFIG_BPF_SYSCALL)", f.sys_errno);
  }
  const auto version = Version(f.kernel_release);
  if (version && *version < 5010) {
    return Precondition(
        fmt::format("kernel {} is too old: a task iterator that can read filters needs Linux 5.10",
                    base::Printable(f.kernel_release)),
        f.sys_errno);
  }
  if (!f.has_btf) {
    return Precondition(
        "this kernel has no type information: /sys/kernel/btf/vmlinux is missing "
        "(CONFIG_DEBUG_INFO_BTF)",
        f.sys_errno);
  }
  return std::nullopt;
}

// What keeps this process from the kernel.
std::optional<Error> ProcessLacks(const LoadFailure& f) {
  const std::string missing = MissingCapabilities(f.effective);
  if (!missing.empty()) {
    return Denied(fmt::format("this process lacks {}: add it to the container's "
                              "securityContext.capabilities.add",
                              missing),
                  f.sys_errno);
  }
  if (f.user_namespace) {
    return Denied(
        "this process is in a user namespace, where capabilities do not count for bpf(2): the pod "
        "must not set hostUsers: false",
        f.sys_errno);
  }
  if (f.seccomp_mode == 2 && f.bpf_errno != 0 && f.bpf_errno != EINVAL) {
    return Denied(fmt::format("this process runs under a seccomp filter that refuses bpf(2) ({})",
                              std::generic_category().message(f.bpf_errno)),
                  f.sys_errno);
  }
  return std::nullopt;
}

}  // namespace

Error Explain(const LoadFailure& f) {
  if (auto error = KernelLacks(f)) return *std::move(error);
  if (auto error = ProcessLacks(f)) return *std::move(error);
  if (f.lockdown == "confidentiality") {
    return Precondition(
        "kernel lockdown is in confidentiality mode, which refuses BPF reads of kernel memory",
        f.sys_errno);
  }
  const auto version = Version(f.kernel_release);
  if (IsPermission(f.sys_errno) && version && *version < 5011 &&
      f.memlock_limit < f.memlock_needed) {
    return Precondition(
        fmt::format("RLIMIT_MEMLOCK is {} bytes, before Linux 5.11 the maps need {}",
                    f.memlock_limit, f.memlock_needed),
        f.sys_errno);
  }
  if (IsPermission(f.sys_errno) && f.bpf_errno != 0 && f.bpf_errno != EINVAL) {
    return Denied(fmt::format("a security module refuses bpf(2) ({})",
                              std::generic_category().message(f.bpf_errno)),
                  f.sys_errno);
  }
  const std::string tail = LogTail(f.log);
  Error error = base::ErrnoError(f.sys_errno, "the kernel refused the task iterator");
  if (!tail.empty()) error.message += " (" + tail + ")";
  return error;
}

}  // namespace seccompd::filters
