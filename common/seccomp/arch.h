// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace seccompd::seccomp {

// The architectures of OCI runtime-spec (config-linux.md) that libseccomp 2.5 knows.
enum class Arch : std::uint8_t {
  kX86,
  kX86_64,
  kX32,
  kArm,
  kAarch64,
  kMips,
  kMips64,
  kMips64N32,
  kMipsel,
  kMipsel64,
  kMipsel64N32,
  kPpc,
  kPpc64,
  kPpc64le,
  kS390,
  kS390x,
  kRiscv64,
  kParisc,
  kParisc64,
};
inline constexpr std::size_t kArchCount = 19;

// "SCMP_ARCH_X86_64".
std::optional<Arch> ArchFromOci(std::string_view name);
std::string_view OciName(Arch arch);

// "x86_64", "i386", "x32", "aarch64": what our tables and --node-arch say; also accepts Go's
// "amd64", "arm64", "386" and libseccomp-golang's names.
std::optional<Arch> ArchFromName(std::string_view name);
std::string_view DisplayName(Arch arch);

// AUDIT_ARCH_* of seccomp_data.arch (include/uapi/linux/audit.h); x32 shares x86_64's.
std::uint32_t AuditArch(Arch arch);

// SCMP_ARCH_* of seccomp.h: AuditArch, but x32 has a token of its own.
std::uint32_t LibseccompToken(Arch arch);

// Set in seccomp_data.nr by x32 callers (arch/x86/include/uapi/asm/unistd.h).
inline constexpr std::uint32_t kX32Bit = 0x40000000;

// The architecture this binary was built for.
Arch NativeArch();

// Other architectures whose calls a process on `native` can make (x86_64: i386 and x32; aarch64:
// arm).
std::span<const Arch> CompatArchs(Arch native);

}  // namespace seccompd::seccomp
