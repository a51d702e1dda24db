// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>

#include "agent/cli/command_line.h"

int main(int argc, char** argv) {
  try {
    return seccompd::agent::RunCommandLine(argc, argv);
  } catch (const std::exception& error) {
    // A bug of ours: no function of this program throws on purpose.
    static_cast<void>(std::fprintf(stderr, "seccompd: internal error: %s\n", error.what()));
    return 70;
  }
}
