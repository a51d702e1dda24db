#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A full node (500 pods, 2,000 containers, 10,000 processes, 100 profiles of 64 KiB), 30 container
# starts a second for a minute by crun, then a soak under churn. Root. The containers that stay, and the
# soak's, are synthetic: processes in cgroups like a kubelet's, in a cgroup tree of their own. Fails if a
# container that lived a second was never judged, or if memory, descriptors, threads or watches grow.
# Usage: tests/load/run.sh [--sanitize] [SOAK_SECONDS [load.py OPTIONS...]]
# --sanitize: the same with AddressSanitizer and UBSan; any report fails the run. What it misses, several
# times slower, is reported only.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root"
if [[ -z ${SECCOMPD_LOAD_BUILD:-} ]]; then
  "$root/common/cmake/install_packages.sh"
  build=build/release
  configure=(--preset release)
  if [[ ${1:-} == --sanitize ]]; then
    shift
    build=build/sanitized
    configure=(--preset dev -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo)
    set -- "${1:-60}" --slow "${@:2}"
  fi
  cmake "${configure[@]}" -DSECCOMPD_TESTS=ON >/dev/null
  cmake --build "$build" -j 2 --target load_crowd seccompd
  SECCOMPD_LOAD_BUILD="$build" exec unshare --mount --propagation private "$0" "$@"
fi
build="$SECCOMPD_LOAD_BUILD"
# What is freed waits in a quarantine, by default of 256 MiB, which would count as growth. LeakSanitizer
# needs ptrace(2), which a confined agent has given up: with --confinement off leaks are told, too.
leaks=0
if [[ "$*" == *"--confinement off"* ]]; then leaks=1; fi
export ASAN_OPTIONS=quarantine_size_mb=8:malloc_context_size=8:detect_leaks=$leaks
export UBSAN_OPTIONS=print_stacktrace=1
soak="${1:-60}"
if (($# > 0)); then shift; fi

# In this mount namespace only: crun refuses a hybrid layout.
umount --recursive /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
own="/sys/fs/cgroup/seccompd-load-$$"
mkdir "$own"
cleanup() {
  # Deepest first; what is not empty yet belongs to processes that end right now.
  for _ in 1 2 3 4 5; do
    find "$own" -depth -type d -exec rmdir {} + 2>/dev/null && break
    sleep 1
  done
}
trap cleanup EXIT
mkdir -p "$build/load"
python3 -B tests/load/load.py --agent "$build/agent/seccompd" \
  --crowd "$build/tests/load/load_crowd" --cgroup-root "$own" \
  --out "$build/load/report.json" --soak-seconds "$soak" "$@"
