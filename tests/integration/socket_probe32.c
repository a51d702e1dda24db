// SPDX-License-Identifier: Apache-2.0
// socket_probe.c for i386, on its own: no C library and no header, so that a compiler without
// 32-bit libraries (which cannot stand beside a cross compiler) builds it, too.
enum {
  kClose = 6,
  kPause = 29,
  kSocketcall = 102,
  kPrctl = 172,
  kSocket = 359,
  kAlg = 38,
  kInet = 2,
  kSeqpacket = 5,
  kStream = 1,
  kSetName = 15
};

static int Call(int number, int a, int b, int c) {
  int result = number;
  __asm__ volatile("int $0x80" : "+a"(result) : "b"(a), "c"(b), "d"(c) : "memory");
  return result;
}

// The error as a number; 0 for a socket, which is closed.
static int Error(int result) {
  if (result < 0) return -result;
  Call(kClose, result, 0, 0);
  return 0;
}

static char* Append(char* to, int number) {
  if (number >= 100) *to++ = (char)('0' + number / 100 % 10);
  if (number >= 10) *to++ = (char)('0' + number / 10 % 10);
  *to++ = (char)('0' + number % 10);
  return to;
}

void _start(void) {
  char name[16];
  long args[3] = {kAlg, kSeqpacket, 0};
  char* to = Append(name, Error(Call(kSocket, kAlg, kSeqpacket, 0)));
  *to++ = ' ';
  to = Append(to, Error(Call(kSocketcall, 1, (int)(long)args, 0)));
  *to++ = ' ';
  to = Append(to, Error(Call(kSocket, kInet, kStream, 0)));
  *to = 0;
  Call(kPrctl, kSetName, (int)(long)name, 0);
  for (;;) Call(kPause, 0, 0, 0);
}
