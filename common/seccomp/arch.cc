// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/arch.h"

#include <algorithm>

namespace seccompd::seccomp {
namespace {

struct ArchInfo {
  Arch arch;
  std::string_view oci;
  std::string_view display;
  std::uint32_t audit;
};

// In the order of Arch. AUDIT_ARCH_* is EM_* | 64 bit 0x80000000 | little endian 0x40000000 | N32
// 0x20000000 (include/uapi/linux/audit.h, elf-em.h).
constexpr std::array<ArchInfo, kArchCount> kArchs{{
    {Arch::kX86, "SCMP_ARCH_X86", "i386", 0x40000003},
    {Arch::kX86_64, "SCMP_ARCH_X86_64", "x86_64", 0xc000003e},
    {Arch::kX32, "SCMP_ARCH_X32", "x32", 0xc000003e},
    {Arch::kArm, "SCMP_ARCH_ARM", "arm", 0x40000028},
    {Arch::kAarch64, "SCMP_ARCH_AARCH64", "aarch64", 0xc00000b7},
    {Arch::kMips, "SCMP_ARCH_MIPS", "mips", 0x00000008},
    {Arch::kMips64, "SCMP_ARCH_MIPS64", "mips64", 0x80000008},
    {Arch::kMips64N32, "SCMP_ARCH_MIPS64N32", "mips64n32", 0xa0000008},
    {Arch::kMipsel, "SCMP_ARCH_MIPSEL", "mipsel", 0x40000008},
    {Arch::kMipsel64, "SCMP_ARCH_MIPSEL64", "mipsel64", 0xc0000008},
    {Arch::kMipsel64N32, "SCMP_ARCH_MIPSEL64N32", "mipsel64n32", 0xe0000008},
    {Arch::kPpc, "SCMP_ARCH_PPC", "ppc", 0x00000014},
    {Arch::kPpc64, "SCMP_ARCH_PPC64", "ppc64", 0x80000015},
    {Arch::kPpc64le, "SCMP_ARCH_PPC64LE", "ppc64le", 0xc0000015},
    {Arch::kS390, "SCMP_ARCH_S390", "s390", 0x00000016},
    {Arch::kS390x, "SCMP_ARCH_S390X", "s390x", 0x80000016},
    {Arch::kRiscv64, "SCMP_ARCH_RISCV64", "riscv64", 0xc00000f3},
    {Arch::kParisc, "SCMP_ARCH_PARISC", "parisc", 0x0000000f},
    {Arch::kParisc64, "SCMP_ARCH_PARISC64", "parisc64", 0x8000000f},
}};

struct Alias {
  std::string_view name;
  Arch arch;
};

// GOARCH, libseccomp-golang and uname -m, where they differ from the display name.
constexpr std::array<Alias, 12> kAliases{{
    {"amd64", Arch::kX86_64},
    {"386", Arch::kX86},
    {"x86", Arch::kX86},
    {"i686", Arch::kX86},
    {"arm64", Arch::kAarch64},
    {"armv7l", Arch::kArm},
    {"mipsle", Arch::kMipsel},
    {"mips64le", Arch::kMipsel64},
    {"mips64p32", Arch::kMips64N32},
    {"mips64p32le", Arch::kMipsel64N32},
    {"ppc64el", Arch::kPpc64le},
    {"hppa", Arch::kParisc},
}};

const ArchInfo& Info(Arch arch) { return kArchs[static_cast<std::size_t>(arch)]; }

}  // namespace

std::optional<Arch> ArchFromOci(std::string_view name) {
  const auto found = std::find_if(kArchs.begin(), kArchs.end(),
                                  [name](const ArchInfo& info) { return info.oci == name; });
  return found == kArchs.end() ? std::nullopt : std::optional(found->arch);
}

std::string_view OciName(Arch arch) { return Info(arch).oci; }

std::optional<Arch> ArchFromName(std::string_view name) {
  for (const ArchInfo& info : kArchs) {
    if (info.display == name) return info.arch;
  }
  for (const Alias& alias : kAliases) {
    if (alias.name == name) return alias.arch;
  }
  return std::nullopt;
}

std::string_view DisplayName(Arch arch) { return Info(arch).display; }

std::uint32_t AuditArch(Arch arch) { return Info(arch).audit; }

std::uint32_t LibseccompToken(Arch arch) {
  constexpr std::uint32_t kX32Token = 0x4000003e;  // EM_X86_64 | little endian, not 64 bit
  return arch == Arch::kX32 ? kX32Token : AuditArch(arch);
}

Arch NativeArch() {
#if defined(__x86_64__) && defined(__ILP32__)
  return Arch::kX32;
#elif defined(__x86_64__)
  return Arch::kX86_64;
#elif defined(__i386__)
  return Arch::kX86;
#elif defined(__aarch64__)
  return Arch::kAarch64;
#elif defined(__arm__)
  return Arch::kArm;
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
  return Arch::kPpc64le;
#elif defined(__powerpc64__)
  return Arch::kPpc64;
#elif defined(__s390x__)
  return Arch::kS390x;
#elif defined(__riscv) && __riscv_xlen == 64
  return Arch::kRiscv64;
#else
#error "name the native architecture of this build"
#endif
}

std::span<const Arch> CompatArchs(Arch native) {
  static constexpr std::array kOfX86_64{Arch::kX86, Arch::kX32};
  static constexpr std::array kOfAarch64{Arch::kArm};
  static constexpr std::array kOfMips64{Arch::kMips, Arch::kMips64N32};
  static constexpr std::array kOfMipsel64{Arch::kMipsel, Arch::kMipsel64N32};
  static constexpr std::array kOfPpc64{Arch::kPpc};
  static constexpr std::array kOfS390x{Arch::kS390};
  static constexpr std::array kOfParisc64{Arch::kParisc};
  switch (native) {
    case Arch::kX86_64:
      return kOfX86_64;
    case Arch::kAarch64:
      return kOfAarch64;
    case Arch::kMips64:
      return kOfMips64;
    case Arch::kMipsel64:
      return kOfMipsel64;
    case Arch::kPpc64:
      return kOfPpc64;
    case Arch::kS390x:
      return kOfS390x;
    case Arch::kParisc64:
      return kOfParisc64;
    default:
      return {};
  }
}

}  // namespace seccompd::seccomp
