#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Searches with every harness, or those named, and keeps what is new in found/. Two run at a time
# (JOBS). Exit 1 if one found a fault: its input lies in build/fuzz/search/THING/faults.
# Usage: tests/fuzz/run.sh [SECONDS_EACH [THING...]]
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root"
search() {
  local thing="$1" seconds="$2" work="build/fuzz/search/$1" status=0
  rm -rf "$work"
  mkdir -p "$work/faults" "$work/merged"
  python3 -B tests/fuzz/found.py unpack "$thing" "$work/inputs"
  local harness="build/fuzz/tests/fuzz/fuzz_$thing"
  "$harness" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=3000 \
    -artifact_prefix="$work/faults/" "$work/inputs" "tests/fuzz/corpus/$thing" >"$work/log" 2>&1 || status=1
  # The fewest inputs that reach every edge; what they do there is for the next search to find.
  "$harness" -set_cover_merge=1 -use_counters=0 "$work/merged" "$work/inputs" >"$work/merge.log" 2>&1 || status=1
  python3 -B tests/fuzz/found.py pack "$thing" "$work/merged"
  python3 -B tests/fuzz/found.py row "$thing" "$work/log"
  return "$status"
}
if [[ ${1:-} == --one ]]; then
  search "$2" "$3"
  exit
fi

seconds="${1:-60}"
if (($# > 0)); then shift; fi
things=("$@")
if ((${#things[@]} == 0)); then
  for source in tests/fuzz/fuzz_*.cc; do
    thing="${source#tests/fuzz/fuzz_}"
    things+=("${thing%.cc}")
  done
fi

"$root/common/cmake/install_packages.sh"
cmake --preset fuzz -DSECCOMPD_TESTS=ON >/dev/null
cmake --build --preset fuzz -j "${JOBS:-2}" --target "${things[@]/#/fuzz_}"

echo "| harness | seconds | runs | edges | features |"
echo "|---|---|---|---|---|"
printf '%s\n' "${things[@]}" | xargs -P "${JOBS:-2}" -I{} "$0" --one {} "$seconds"
