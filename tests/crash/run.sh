#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The long run: kills the release build of the agent that many times. Usage: tests/crash/run.sh [KILLS [SECONDS]]
# In memory (TMPDIR=/dev/shm) unless TMPDIR says otherwise: SIGKILL does not test the disk.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root"
"$root/common/cmake/install_packages.sh"
cmake --preset release -DSECCOMPD_TESTS=ON >/dev/null
cmake --build --preset release -j 2 --target crash_test seccompd
TMPDIR="${TMPDIR:-/dev/shm}" SECCOMPD_KILLS="${1:-5000}" \
  SECCOMPD_KILL_SECONDS="${2:-1000000}" build/release/tests/crash/crash_test --gtest_filter=AgentKill.*
