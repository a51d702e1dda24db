#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A full node (500 pods, 2,000 containers, 10,000 processes, 100 profiles of 64 KiB), 30 container
# starts a second for a minute by crun, then a soak under churn. Root. The containers that stay, and the
# soak's, are synthetic: processes in cgroups like a kubelet's, in a cgroup tree of their own. Fails if a
# container that lived a second was never judged, or if memory, descriptors, threads or watches grow.
# Usage: tests/load/run.sh [SOAK_SECONDS [load.py OPTIONS...]]
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root"
if [[ ${SECCOMPD_LOAD_INSIDE:-} != yes ]]; then
  "$root/common/cmake/install_packages.sh"
  cmake --preset release -DSECCOMPD_TESTS=ON >/dev/null
  cmake --build --preset release -j 2 --target load_crowd seccompd
  SECCOMPD_LOAD_INSIDE=yes exec unshare --mount --propagation private "$0" "$@"
fi
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
mkdir -p build/release/load
python3 -B tests/load/load.py --agent build/release/agent/seccompd \
  --crowd build/release/tests/load/load_crowd --cgroup-root "$own" \
  --out build/release/load/report.json --soak-seconds "$soak" "$@"
