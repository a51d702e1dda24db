// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace seccompd::agent {

// Parses the command line (flags, then SECCOMPD_* variables, then --config) and runs one
// subcommand. Returns the exit code: 0 ok, 1 findings, 2 usage, 70 internal.
int RunCommandLine(int argc, char** argv);

}  // namespace seccompd::agent
