#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the image and checks it. Usage: run.sh [compile | prebuilt [RELEASE-BINARY]]. Root. Exit 77: skipped.
# Without a binary, prebuilt makes one by the release preset, mostly from the compiler cache.
# The base system is kept in build/image/base, once made.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
how="${1:-compile}"
binary="${2:-}"
limit_bytes=$((25 << 20))
base="$root/build/image/base"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

give_up() {
  if [[ ${CI:-} == true ]]; then echo "FAILED: $1"; exit 1; fi
  echo "SKIPPED: $1"
  exit 77
}
fail() { echo "FAILED: $1"; exit 1; }

((EUID == 0)) || give_up "building an image without a daemon needs root here"
for tool in buildah debootstrap; do
  command -v "$tool" >/dev/null || give_up "$tool is not installed"
done

mirror="$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d/ 2>/dev/null |
  head -n 1 | tr -d ' ' || true)"
if [[ ! -e $base/complete ]]; then
  rm -rf "$base"
  mkdir -p "$(dirname "$base")"
  debootstrap --variant=minbase bookworm "$base" ${mirror:+"$mirror"} >"$work/base.log" 2>&1 ||
    give_up "debootstrap failed: $(tail -n 1 "$work/base.log")"
  touch "$base/complete"
fi

if [[ $how == prebuilt && -z $binary ]]; then
  (cd "$root" && cmake --preset release -DSECCOMPD_TESTS=OFF -DSECCOMPD_BENCH=OFF >"$work/make.log" 2>&1 &&
    cmake --build --preset release -j 2 --target seccompd >>"$work/make.log" 2>&1) ||
    { tail -n 20 "$work/make.log"; fail "the release build"; }
  binary="$root/build/release/agent/seccompd"
fi

store=(buildah --root "$work/store" --runroot "$work/run" --storage-driver vfs)
container="$("${store[@]}" from scratch)"
"${store[@]}" add --quiet "$container" "$base" / >/dev/null
"${store[@]}" commit --quiet "$container" localhost/debian:bookworm-slim >/dev/null

context="$root"
if [[ $how == prebuilt ]]; then
  # Only what the packaging stages copy: the binary must not depend on the tree it is packed beside.
  context="$work/context"
  mkdir -p "$context/build/image" "$context/common/cmake" "$context/docker"
  cp "$root"/common/cmake/packages.txt "$root"/common/cmake/install_packages.sh "$context/common/cmake/"
  cp "$root"/docker/* "$context/docker/"
  install -s "$binary" "$context/build/image/seccompd"
fi
# The compiler's cache of this machine, if it has one, with paths made relative: it changes how long compiling in
# the image takes, not what comes out.
cache=()
if [[ $how == compile ]] && command -v ccache >/dev/null; then
  mkdir "$work/ccache"
  printf 'base_dir = /src\nhash_dir = false\n' >"$work/ccache/ccache.conf"
  cache=(--volume "$(ccache --get-config cache_dir):/root/.cache/ccache" --volume "$work/ccache:/root/.config/ccache")
fi
build() {
  "${store[@]}" bud --quiet --isolation chroot --network host --timestamp 0 "${cache[@]}" --file "$context/docker/Dockerfile" \
    --build-arg BASE=localhost/debian:bookworm-slim --build-arg BUILD="$how" --build-arg REVISION=test \
    --tag "$1" "$context" >"$work/build.log" 2>&1 || { tail -n 30 "$work/build.log"; fail "buildah bud"; }
}
build localhost/seccompd:test

image="$("${store[@]}" from --pull-never localhost/seccompd:test)"
rootfs="$("${store[@]}" mount "$image")"
size="$(du --summarize --bytes "$rootfs" | cut -f1)"
echo "image: $size bytes uncompressed, $(find "$rootfs" -type f | wc -l) files, limit $limit_bytes"
((size <= limit_bytes)) || fail "the image is larger than $limit_bytes bytes"
for shell in bin/sh usr/bin/sh bin/bash usr/bin/bash bin/busybox usr/bin/apt usr/bin/dpkg usr/bin/openssl; do
  [[ ! -e $rootfs/$shell ]] || fail "the image has /$shell"
done
[[ -z $(find "$rootfs" -perm /6000) ]] || fail "a file is set-uid or set-gid"
[[ $(find "$rootfs" -type f -perm /111 ! -name '*.so*') == "$rootfs/usr/bin/seccompd" ]] ||
  fail "there is another program in it"
"${store[@]}" inspect --type image localhost/seccompd:test >"$work/inspect"
for text in '"org.opencontainers.image.title": "seccompd"' '"org.opencontainers.image.licenses": "Apache-2.0"' \
  '"org.opencontainers.image.revision": "test"' '"User": "65532:65532"'; do
  grep -qF "$text" "$work/inspect" || fail "no $text in the image's configuration"
done

# As its user, on its own root, as a runtime starts it.
inside() { chroot --userspec=65532:65532 "$rootfs" /usr/bin/seccompd "$@"; }
inside version | tee "$work/version"
grep -q '^seccompd ' "$work/version" || fail "version"
printf '{"defaultAction": "SCMP_ACT_LOG"}' | inside validate - || fail "validate"
if printf '{"defaultAction": "SCMP_ACT_NONSENSE"}' | inside validate - >/dev/null; then fail "validate takes nonsense"; fi

# audit: /proc, the cgroup tree and a seccomp root as the chart mounts them.
mkdir -p "$rootfs/proc" "$work/cgroup" "$work/seccomp" "$rootfs/host"
printf 'cpu\n' >"$work/cgroup/cgroup.controllers"
: >"$work/cgroup/cgroup.procs"
# shellcheck disable=SC2016  # expands in there
unshare --mount bash -euc '
  rootfs="$1" work="$2"
  mount --rbind /proc "$rootfs/proc"
  mount --bind "$work" "$rootfs/host"
  exec chroot "$rootfs" /usr/bin/seccompd audit --pods none --path.cgroupfs /host/cgroup \
    --seccomp-root /host/seccomp -o json' - "$rootfs" "$work" >"$work/audit.json" 2>"$work/audit.err" ||
  { code=$?; ((code == 1)) || { cat "$work/audit.err"; fail "audit ended with $code"; }; }
grep -q '"schema":"seccompd.io/audit/v1"' "$work/audit.json" || { cat "$work/audit.err"; fail "audit printed no report"; }
echo "audit: $(wc -c <"$work/audit.json") bytes of report"

if [[ $how == prebuilt ]]; then
  build localhost/seccompd:again
  digest() { "${store[@]}" inspect --type image --format '{{.FromImageID}}' "$1"; }
  [[ $(digest localhost/seccompd:test) == "$(digest localhost/seccompd:again)" ]] || fail "two builds differ"
  echo "reproducible: two builds from one binary are one image"
fi
