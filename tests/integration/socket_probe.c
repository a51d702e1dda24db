// SPDX-License-Identifier: Apache-2.0
// Makes socket calls in every way a process can and tells the errors as its name (prctl), which the
// host reads from /proc/PID/comm; then sleeps. With an argument: what CRI-O's default restricts
// instead, a netlink socket for audit, another one, and one of AF_VSOCK. socket_probe32.c is for
// i386.
#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kAlg = 38, kInet = 2, kNetlink = 16, kVsock = 40, kAudit = 9 };
enum { kSeqpacket = 5, kStream = 1, kRaw = 3 };

static int Error(long result) {
  if (result < 0) return errno;
  close((int)result);
  return 0;
}

// The i386 call from 64-bit code.
static int Int80(long number, long a, long b, long c) {
  long result = number;
  __asm__ volatile("int $0x80"
                   : "+a"(result)
                   : "b"(a), "c"(b), "d"(c)
                   : "memory", "r8", "r9", "r10", "r11");
  if (result < 0) return (int)-result;
  close((int)result);
  return 0;
}

int main(int argc, char** argv) {
  (void)argv;
  char name[16];
  const long kX32 = 0x40000000;
  if (argc > 1) {
    snprintf(name, sizeof name, "%d %d %d", Error(syscall(SYS_socket, kNetlink, kRaw, kAudit)),
             Error(syscall(SYS_socket, kNetlink, kRaw, 0)),
             Error(syscall(SYS_socket, kVsock, kStream, 0)));
  } else {
    snprintf(name, sizeof name, "%d %d %d %d %d",
             Error(syscall(SYS_socket, (long)kAlg, kSeqpacket, 0)),
             Error(syscall(SYS_socket, 1L << 32 | kAlg, kSeqpacket, 0)),
             Error(syscall(kX32 | SYS_socket, (long)kAlg, kSeqpacket, 0)),
             Int80(359, kAlg, kSeqpacket, 0), Error(syscall(SYS_socket, (long)kInet, kStream, 0)));
  }
  prctl(PR_SET_NAME, name, 0, 0, 0);
  for (;;) pause();
}
