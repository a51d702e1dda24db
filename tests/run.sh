#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds and runs every test. Usage: tests/run.sh [PRESET] [CTEST ARGUMENTS...]
# PRESET is one of CMakePresets.json, default dev (ASan and UBSan). Without root the tests that start
# containers are skipped; with CI=true that is a failure.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"

preset=dev
if (($# > 0)) && [[ $1 != -* ]]; then
  preset="$1"
  shift
fi

if ((EUID != 0)) && command -v sudo >/dev/null; then
  echo "Tests start containers, so they run as root: sudo $0 $preset $*"
  exec sudo --preserve-env=CI,ASAN_OPTIONS -- "$root/tests/run.sh" "$preset" "$@"
fi

# As the owner of the tree, so that sudo leaves no build directory that its owner cannot use.
owner="$(stat -c %U "$root")"
as_owner() {
  if ((EUID != 0)) || [[ $owner == root || $owner == UNKNOWN ]]; then
    "$@"
  else
    runuser -u "$owner" -- "$@"
  fi
}

jobs=2
"$root/common/cmake/install_packages.sh"
as_owner cmake --preset "$preset" -DSECCOMPD_TESTS=ON
as_owner cmake --build --preset "$preset" -j "$jobs"

# Objects that live until exit are freed; LeakSanitizer is on unless the caller knows better (it cannot
# run where ptrace is forbidden, as in some containers).
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1}"
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
code=0
ctest --test-dir "build/$preset" -j "$jobs" --output-on-failure "$@" 2>&1 | tee "$log" || code=$?

total="$(grep -E '^[0-9]+% tests passed' "$log" | tail -n 1 || true)"
skipped="$(grep -c '\*\*\*Skipped' "$log" || true)"
echo "$preset: ${total:-no test ran}, $skipped skipped, $(sed -n 's/^Total Test time (real) = *//p' "$log")"
if [[ -z $total ]] && ((code == 0)); then code=1; fi
exit "$code"
