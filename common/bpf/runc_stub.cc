// SPDX-License-Identifier: Apache-2.0
#include "common/bpf/runc_stub.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/base/strings.h"
#include "common/bpf/layout.h"
#include "common/bpf/opcodes.h"
#include "common/bpf/return_value.h"

namespace seccompd::bpf {
namespace {

using seccomp::ActionKind;
using seccomp::Arch;

constexpr Instruction kEnosysReturn = {.code = kRetK, .k = kRetErrno | kEnosys};
constexpr std::uint32_t kNrOffset = 0;
constexpr std::uint32_t kArchOffset = 4;

std::optional<std::uint32_t> HighestNumber(const seccomp::Profile& profile, Arch arch,
                                           const seccomp::SyscallTable& table) {
  std::optional<std::uint32_t> highest;
  for (const seccomp::SyscallRule& rule : profile.syscalls) {
    for (const std::string& name : rule.names) {
      const auto number = table.Number(arch, name);
      if (!number || *number < 0) continue;  // negative: libseccomp's for "not on this one"
      highest = std::max(highest.value_or(0), static_cast<std::uint32_t>(*number));
    }
  }
  return highest;
}

bool IsS390(std::uint32_t arch) {
  return arch == seccomp::AuditArch(Arch::kS390) || arch == seccomp::AuditArch(Arch::kS390x);
}

// What an architecture's numbers go through, ending in ENOSYS or in a jump over `behind`
// instructions.
Program Section(const LastSyscall* last, const LastSyscall* x32, bool zero, std::uint32_t behind) {
  Program body = {{.code = kLdAbs, .k = kNrOffset}};
  if (zero) {
    body.push_back({.code = kJeqK, .jt = 0, .jf = 1, .k = 0});
    body.push_back(kEnosysReturn);
  }
  const auto above = [&body](std::uint32_t number) {
    body.push_back({.code = kJgtK, .jt = 0, .jf = 1, .k = number});
    body.push_back(kEnosysReturn);
  };
  const bool two_abis =
      (last != nullptr ? last->arch : x32->arch) == seccomp::AuditArch(Arch::kX86_64);
  if (!two_abis) {
    above(last->nr);
    body.push_back({.code = kJa, .k = behind});
    return body;
  }
  // x32 numbers of a profile without x32 go to the filter, which kills them.
  const std::uint32_t x32_size = x32 != nullptr ? 3 : 1;
  const std::uint8_t own_size = last != nullptr ? 3 : 1;
  body.push_back({.code = kJsetK, .jt = own_size, .jf = 0, .k = seccomp::kX32Bit});
  if (last != nullptr) above(last->nr);
  body.push_back({.code = kJa, .k = behind + x32_size});
  if (x32 != nullptr) above(x32->nr);
  body.push_back({.code = kJa, .k = behind});
  return body;
}

const LastSyscall* Find(const std::vector<LastSyscall>& last, std::uint32_t arch, bool x32) {
  const auto found = std::find_if(last.begin(), last.end(), [&](const LastSyscall& one) {
    return one.arch == arch && one.x32 == x32;
  });
  return found == last.end() ? nullptr : &*found;
}

}  // namespace

std::optional<RuncStub> RuncStubOf(std::string_view version) {
  if (version.starts_with('v')) version.remove_prefix(1);
  std::array<std::uint32_t, 3> numbers{};
  for (std::uint32_t& number : numbers) {
    const std::size_t digits = std::min(version.find_first_not_of("0123456789"), version.size());
    const auto parsed = base::ParseInt<std::uint32_t>(version.substr(0, digits));
    if (!parsed) return std::nullopt;
    number = *parsed;
    version.remove_prefix(digits);
    if (&number == &numbers.back() || !version.starts_with('.')) break;
    version.remove_prefix(1);
  }
  constexpr std::array<std::uint32_t, 3> kNativeImplied = {1, 1, 15};
  constexpr std::array<std::uint32_t, 3> kS390Zero = {1, 1, 3};
  return RuncStub{.native_implied = numbers >= kNativeImplied, .s390_zero = numbers >= kS390Zero};
}

std::vector<LastSyscall> LastSyscalls(const seccomp::Profile& profile, Arch native,
                                      const seccomp::SyscallTable& table, const RuncStub& version) {
  std::vector<LastSyscall> last;
  const ActionKind by_default = profile.default_action;
  if (by_default == ActionKind::kAllow || by_default == ActionKind::kLog ||
      by_default == ActionKind::kTrace) {
    return last;
  }
  std::vector<Arch> archs = profile.architectures;
  if (version.native_implied) archs.push_back(native);
  for (const Arch arch : archs) {
    const std::uint32_t audit_arch = seccomp::AuditArch(arch);
    const bool x32 = arch == Arch::kX32;
    if (Find(last, audit_arch, x32) != nullptr) continue;
    const auto highest = HighestNumber(profile, arch, table);
    if (highest) last.push_back({.arch = audit_arch, .x32 = x32, .nr = *highest});
  }
  return last;
}

base::Result<Program> WithRuncStub(const Program& filter, const std::vector<LastSyscall>& last,
                                   const RuncStub& version) {
  if (last.empty()) return filter;
  std::vector<std::uint32_t> archs;
  for (const LastSyscall& one : last) {
    if (std::find(archs.begin(), archs.end(), one.arch) == archs.end()) archs.push_back(one.arch);
  }
  // From behind, because each section jumps over what follows it.
  Program stub;
  for (auto arch = archs.rbegin(); arch != archs.rend(); ++arch) {
    Program section =
        Section(Find(last, *arch, false), Find(last, *arch, true),
                version.s390_zero && IsS390(*arch), static_cast<std::uint32_t>(stub.size()));
    section.insert(
        section.begin(),
        {.code = kJeqK, .jt = 0, .jf = static_cast<std::uint8_t>(section.size()), .k = *arch});
    stub.insert(stub.begin(), section.begin(), section.end());
  }
  stub.insert(stub.begin(), {.code = kLdAbs, .k = kArchOffset});
  stub.insert(stub.end(), filter.begin(), filter.end());
  if (stub.size() > kMaxInstructions) {
    return base::Fail(base::ErrorCode::kInvalidArgument,
                      fmt::format("the filter with runc's stub has {} instructions, the kernel "
                                  "takes {}; use fewer rules or architectures",
                                  stub.size(), kMaxInstructions));
  }
  return stub;
}

}  // namespace seccompd::bpf
