#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Cross-builds the release binary for arm64 (preset arm64) and runs it under qemu-user: version, validate, and what it
# renders and compiles there against what the binary of this machine makes for an arm64 node. Exit 77: skipped.
# Usage: run.sh [SECCOMPD-OF-THIS-MACHINE]
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root"
native="${1:-build/release/agent/seccompd}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

give_up() {
  if [[ ${CI:-} == true ]]; then echo "FAILED: $1"; exit 1; fi
  echo "SKIPPED: $1"
  exit 77
}
fail() { echo "FAILED: $1"; exit 1; }

common/cmake/install_packages.sh build cross
common/cmake/arm64_sysroot.sh || give_up "the arm64 libraries cannot be fetched"
cmake --preset arm64 >"$work/log" 2>&1 || { tail -n 20 "$work/log"; fail "configuring"; }
cmake --build --preset arm64 -j 2 --target seccompd >"$work/log" 2>&1 || { tail -n 20 "$work/log"; fail "building"; }
[[ -x $native ]] || fail "no $native to compare with: build the release preset, or name a binary"

there() { qemu-aarch64-static -L build/arm64-sysroot build/arm64/agent/seccompd "$@"; }
readelf --file-header build/arm64/agent/seccompd | grep -q 'Machine:.*AArch64' || fail "the binary is not for arm64"
there version | tee "$work/version"
grep -q '^seccompd ' "$work/version" || fail "version"

profiles=(tests/data/profiles/*.json tests/fuzz/corpus/profile/*)
((${#profiles[@]} > 4)) || fail "no profiles to try"
accepted=0
for profile in "${profiles[@]}"; do
  here=0 away=0
  "$native" validate --target aarch64/6.1 "$profile" >"$work/here" 2>&1 || here=$?
  there validate --target aarch64/6.1 "$profile" >"$work/away" 2>&1 || away=$?
  ((here == away)) || fail "validate $profile ends with $away there, with $here here"
  cmp "$work/here" "$work/away" || fail "validate $profile says something else there"
  ((here == 0)) || continue
  accepted=$((accepted + 1))
  "$native" render --node-arch aarch64 --node-kernel 6.1 "$profile" >"$work/here" 2>/dev/null
  there render --node-kernel 6.1 "$profile" >"$work/away" 2>/dev/null
  cmp "$work/here" "$work/away" || fail "$profile is rendered differently there"
done
((accepted > 0)) || fail "no profile was accepted"
echo "validate and render: ${#profiles[@]} profiles, $accepted accepted, the same as this machine's for an arm64 node"
there explain runtime-default socket clone >"$work/away"
grep -q '^socket *aarch64 *198 .*AF_ALG' "$work/away" || fail "explain runtime-default"
echo "explain: the runtime's default, compiled there: $(head -n 1 "$work/away")"
