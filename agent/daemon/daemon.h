// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/config.h"
#include "agent/log.h"

namespace seccompd::agent {

// `seccompd run`: the composition root. Opens the roots, starts the loops on one io_context and
// runs until SIGTERM or SIGINT (0), a wrong flag or missing directory (2), a defect of ours (70),
// or the loss of something that only a restart brings back (75): the seccomp root became another
// directory, the compile process was killed.
int RunDaemon(const RunConfig& config, const Log& log);

}  // namespace seccompd::agent
