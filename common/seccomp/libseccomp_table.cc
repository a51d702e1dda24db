// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/libseccomp_table.h"

#include <seccomp.h>

#include <cstdlib>
#include <memory>

namespace seccompd::seccomp {
namespace {

struct Free {
  void operator()(char* text) const {
    std::free(text);
  }  // NOLINT: libseccomp returns malloc'ed text
};

// libseccomp cannot list its table, so every number a call can have is asked for. A number that is
// none costs it a walk over all names: a block ends after a gap wider than any (89 on x86_64).
constexpr int kNumbers = 1024;  // system calls per block; the highest in use is below 600
constexpr int kWidestGap = 192;

void AddBlock(SyscallTable& table, Arch arch, std::uint32_t token, int first, int count) {
  int last = first;
  for (int number = first; number < first + count && number - last <= kWidestGap; ++number) {
    const std::unique_ptr<char, Free> name(seccomp_syscall_resolve_num_arch(token, number));
    if (name == nullptr) continue;
    table.Add(arch, name.get(), number);
    last = number;
  }
}

void AddArch(SyscallTable& table, Arch arch) {
  constexpr int kArmPrivate = 0x0f0000;                 // __ARM_NR_BASE
  constexpr int kO32 = 4000, kN64 = 5000, kN32 = 6000;  // arch/mips/include/uapi/asm/unistd.h
  const std::uint32_t token = LibseccompToken(arch);
  switch (arch) {
    case Arch::kX32:
      return AddBlock(table, arch, token, static_cast<int>(kX32Bit), kNumbers);
    case Arch::kArm:
      AddBlock(table, arch, token, kArmPrivate, 16);
      break;
    case Arch::kMips:
    case Arch::kMipsel:
      return AddBlock(table, arch, token, kO32, kNumbers);
    case Arch::kMips64:
    case Arch::kMipsel64:
      return AddBlock(table, arch, token, kN64, kNumbers);
    case Arch::kMips64N32:
    case Arch::kMipsel64N32:
      return AddBlock(table, arch, token, kN32, kNumbers);
    default:
      break;
  }
  AddBlock(table, arch, token, 0, kNumbers);
}

}  // namespace

SyscallTable LoadLibseccompTable(bool all_archs) {
  SyscallTable table;
  if (all_archs) {
    for (std::size_t i = 0; i < kArchCount; ++i) AddArch(table, static_cast<Arch>(i));
    return table;
  }
  AddArch(table, NativeArch());
  for (const Arch arch : CompatArchs(NativeArch())) AddArch(table, arch);
  return table;
}

}  // namespace seccompd::seccomp
