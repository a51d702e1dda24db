// SPDX-License-Identifier: Apache-2.0
// A workload that calls itself `argv[1]` after `argv[2]` milliseconds, and then sleeps.
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  usleep((useconds_t)atoi(argv[2]) * 1000);
  prctl(PR_SET_NAME, argv[1], 0, 0, 0);
  for (;;) pause();
}
