// SPDX-License-Identifier: Apache-2.0
#include "common/filters/load_facts.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/strings.h"
#include "common/base/unique_fd.h"

namespace seccompd::filters {
namespace {

// Kernel files of one line; nullopt where it cannot be read.
std::optional<std::string> ReadLine(const char* path) {
  const base::UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return std::nullopt;
  std::array<char, 512> bytes{};
  const ssize_t size = ::read(fd.get(), bytes.data(), bytes.size());
  if (size < 0) return std::nullopt;
  return std::string(bytes.data(), static_cast<std::size_t>(size));
}

std::uint64_t EffectiveCapabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return 0;
  return std::uint64_t{data[1].effective} << 32 | data[0].effective;
}

// The initial namespace maps every id to itself in one line.
bool InUserNamespace() {
  const auto map = ReadLine("/proc/self/uid_map");
  if (!map) return false;
  std::array<std::string_view, 3> numbers;
  std::size_t found = 0;
  for (std::string_view piece : base::Split(base::TrimSpace(*map), ' ')) {
    if (piece.empty()) continue;
    if (found == numbers.size()) return true;
    numbers[found++] = piece;
  }
  return numbers != std::array<std::string_view, 3>{"0", "0", "4294967295"};
}

// "none [integrity] confidentiality" -> "integrity".
std::string ActiveLockdown() {
  const std::string line = ReadLine("/sys/kernel/security/lockdown").value_or("");
  const auto open = line.find('[');
  const auto close = line.find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return "";
  return line.substr(open + 1, close - open - 1);
}

// A command that no kernel has: EINVAL says that the call got as far as the command.
int BpfErrno() {
  constexpr int kNoCommand = 0x7fff;
  std::array<std::uint64_t, 16> attributes{};
  return ::syscall(SYS_bpf, kNoCommand, attributes.data(), sizeof(attributes)) < 0 ? errno : 0;
}

}  // namespace

LoadFailure GatherLoadFacts() {
  LoadFailure facts;
  utsname names{};
  if (::uname(&names) == 0) facts.kernel_release = static_cast<const char*>(names.release);
  facts.has_btf = ::access("/sys/kernel/btf/vmlinux", R_OK) == 0;
  const int mode = ::prctl(PR_GET_SECCOMP);
  facts.has_seccomp = mode >= 0 || errno != EINVAL;
  // A filter that refuses even this question is a filter.
  facts.seccomp_mode = mode >= 0 ? mode : facts.has_seccomp ? 2 : 0;
  facts.effective = EffectiveCapabilities();
  facts.user_namespace = InUserNamespace();
  facts.bpf_errno = BpfErrno();
  facts.lockdown = ActiveLockdown();
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0) facts.memlock_limit = limit.rlim_cur;
  return facts;
}

}  // namespace seccompd::filters
