#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Line and branch coverage by folder, from the unit tests (or those of the LABELS given): the pure half
# of a folder, whose files tests/lint/layers.txt allows no system call, must reach 95 % of lines.
# Usage: tests/coverage.sh [CTEST LABELS, default 'unit|fuzz']; HTML with COVERAGE_HTML=DIR.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"
labels="${1:-unit|fuzz}"

"$root/common/cmake/install_packages.sh"
cmake --preset coverage -DSECCOMPD_TESTS=ON >/dev/null
targets=(tests/fuzz/all)
for folder in tests/unit/*/; do targets+=("${folder}all"); done
if [[ $labels != 'unit|fuzz' ]]; then targets=(all); fi
cmake --build --preset coverage -j "${JOBS:-2}" --target "${targets[@]}" >build/coverage/build.log ||
  { tail -n 40 build/coverage/build.log; exit 1; }

find build/coverage -name '*.gcda' -delete
ctest --test-dir build/coverage -L "$labels" -j "${JOBS:-2}" --output-on-failure \
  >build/coverage/tests.log 2>&1 || { grep -A20 'tests failed' build/coverage/tests.log; exit 1; }
grep -E 'tests passed' build/coverage/tests.log

gcovr --root . --filter 'common/' --filter 'agent/' --exclude-throw-branches \
  --exclude-unreachable-branches --json build/coverage/coverage.json \
  ${COVERAGE_HTML:+--html-details "$COVERAGE_HTML/index.html"} build/coverage >build/coverage/gcovr.log 2>&1 ||
  { tail -n 20 build/coverage/gcovr.log; exit 1; }
python3 -B tests/coverage_report.py build/coverage/coverage.json tests/lint/layers.txt
