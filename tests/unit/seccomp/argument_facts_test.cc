// SPDX-License-Identifier: Apache-2.0
#include "common/seccomp/argument_facts.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/net.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include <set>

namespace seccompd::seccomp {
namespace {

constexpr Arch kNative = Arch::kX86_64;

std::optional<std::uint64_t> ValueOf(std::string_view syscall, std::uint32_t index,
                                     std::string_view text) {
  return ParseArgumentValue(FactsOfArgument(syscall, kNative, index), text);
}

#define EXPECT_SYMBOL(syscall, index, symbol) \
  EXPECT_EQ(ValueOf(syscall, index, #symbol), static_cast<std::uint64_t>(symbol)) << #symbol

TEST(ArgumentFacts, ValuesAreThoseOfTheKernelHeaders) {
  EXPECT_SYMBOL("socket", 0, AF_UNIX);
  EXPECT_SYMBOL("socket", 0, AF_NETLINK);
  EXPECT_SYMBOL("socket", 0, AF_PACKET);
  EXPECT_SYMBOL("socket", 0, AF_ALG);
  EXPECT_SYMBOL("socket", 0, AF_VSOCK);
  EXPECT_SYMBOL("socket", 0, AF_XDP);
  EXPECT_SYMBOL("clone", 0, CLONE_NEWNS);
  EXPECT_SYMBOL("clone", 0, CLONE_NEWUSER);
  EXPECT_SYMBOL("clone", 0, CLONE_NEWCGROUP);
  EXPECT_SYMBOL("clone", 0, CLONE_NEWTIME);
  EXPECT_SYMBOL("unshare", 0, CLONE_NEWNET);
  EXPECT_SYMBOL("clone", 0, CLONE_THREAD);
  EXPECT_SYMBOL("clone", 0, CLONE_IO);
  EXPECT_SYMBOL("personality", 0, PER_LINUX32);
  EXPECT_SYMBOL("personality", 0, ADDR_NO_RANDOMIZE);
  EXPECT_SYMBOL("personality", 0, UNAME26);
  EXPECT_SYMBOL("prctl", 0, PR_SET_NO_NEW_PRIVS);
  EXPECT_SYMBOL("prctl", 0, PR_SET_SECCOMP);
  EXPECT_SYMBOL("prctl", 0, PR_SET_MM);
  EXPECT_SYMBOL("prctl", 0, PR_SET_PTRACER);
  EXPECT_SYMBOL("prctl", 0, PR_SET_VMA);
  EXPECT_SYMBOL("prctl", 0, PR_CAP_AMBIENT);
  EXPECT_SYMBOL("ioctl", 1, TIOCSTI);
  EXPECT_SYMBOL("ioctl", 1, TIOCLINUX);
  EXPECT_SYMBOL("ioctl", 1, TIOCCONS);
  EXPECT_SYMBOL("ioctl", 1, TIOCSETD);
  EXPECT_SYMBOL("ioctl", 1, FIONBIO);
  EXPECT_SYMBOL("bpf", 0, BPF_PROG_LOAD);
  EXPECT_SYMBOL("bpf", 0, BPF_BTF_LOAD);
  EXPECT_SYMBOL("bpf", 0, BPF_LINK_CREATE);
  EXPECT_SYMBOL("bpf", 0, BPF_ITER_CREATE);
  EXPECT_SYMBOL("keyctl", 0, KEYCTL_SEARCH);
  EXPECT_SYMBOL("keyctl", 0, KEYCTL_READ);
  EXPECT_SYMBOL("ptrace", 0, PTRACE_SEIZE);
  EXPECT_SYMBOL("ptrace", 0, PTRACE_ATTACH);
  EXPECT_SYMBOL("seccomp", 0, SECCOMP_SET_MODE_FILTER);
  EXPECT_SYMBOL("seccomp", 0, SECCOMP_GET_NOTIF_SIZES);
  EXPECT_SYMBOL("mmap", 2, PROT_EXEC);
  EXPECT_SYMBOL("socketcall", 0, SYS_SOCKET);
  EXPECT_SYMBOL("socketcall", 0, SYS_SOCKETPAIR);
}
#undef EXPECT_SYMBOL

TEST(ArgumentFacts, TextsAreReadBack) {
  const auto flags = FactsOfArgument("unshare", kNative, 0);
  const auto domain = FactsOfArgument("socket", kNative, 0);
  EXPECT_EQ(ArgumentValueText(domain, 38), "AF_ALG");
  EXPECT_EQ(ArgumentValueText(domain, 250), "250");
  EXPECT_EQ(ArgumentValueText(flags, 0), "0");
  EXPECT_EQ(ArgumentValueText(flags, CLONE_VM | CLONE_FS), "CLONE_{VM,FS}");
  EXPECT_EQ(ArgumentValueText(flags, CLONE_NEWNS | 1), "CLONE_NEWNS|1");
  EXPECT_EQ(ArgumentValueText(flags, 0x7e020000), "CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}");
  EXPECT_EQ(ArgumentValueText({}, 0x12345), "0x12345");
  EXPECT_EQ(ParseArgumentValue(flags, "CLONE_NEWNS | 0x1"), CLONE_NEWNS | 1U);
  EXPECT_FALSE(ParseArgumentValue(flags, ""));
  EXPECT_FALSE(ParseArgumentValue(flags, "CLONE_NEWNS|"));
  EXPECT_FALSE(ParseArgumentValue(domain, "CLONE_NEWNS"));
}

TEST(ArgumentFacts, NamesAreFoundAndUnique) {
  EXPECT_EQ(ArgumentIndex("clone", Arch::kX86_64, "flags"), 0U);
  EXPECT_EQ(ArgumentIndex("clone", Arch::kS390x, "flags"), 1U);
  EXPECT_EQ(ArgumentIndex("read", kNative, "arg5"), 5U);
  EXPECT_FALSE(ArgumentIndex("read", kNative, "arg6"));
  EXPECT_FALSE(ArgumentIndex("read", kNative, ""));
  for (const char* syscall : {"socket", "clone", "bpf", "prctl", "ioctl", "mmap"}) {
    std::set<std::string_view> names;
    for (std::uint32_t i = 0; i < kArgumentCount; ++i) {
      const auto name = FactsOfArgument(syscall, kNative, i).name;
      EXPECT_TRUE(name.empty() || names.insert(name).second) << syscall;
    }
    EXPECT_FALSE(names.empty());
  }
}

}  // namespace
}  // namespace seccompd::seccomp
