// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>
#include <string_view>

#include "agent/cli/command_line.h"
#include "agent/daemon/stop_signals.h"

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "run" || command == "wait") seccompd::agent::HoldStopSignals();
  try {
    return seccompd::agent::RunCommandLine(argc, argv);
  } catch (const std::exception& error) {
    // A bug of ours: no function of this program throws on purpose.
    static_cast<void>(std::fprintf(stderr, "seccompd: internal error: %s\n", error.what()));
    return 70;
  }
}
