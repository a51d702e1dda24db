#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A binary and every library that it loads, at their places below a new root, with the notices of the
# "runtime" packages. Usage: collect.sh BINARY ROOT PACKAGES.TXT
set -euo pipefail
binary="$1" root="$2" packages="$3"

mkdir -p "$root/usr/bin" "$root/usr/share/doc" "$root/etc"
install -m 0755 "$binary" "$root/usr/bin/seccompd"
# Each library once, under the name that the loader asks for; the loader itself is the line without =>.
ldd "$binary" | awk '/=> \//{print $3} /^\t\/.*ld-linux/{print $1}' | sort -u | while read -r library; do
  install -D -m 0755 "$(readlink -f "$library")" "$root$library"
done
# Most of them are linked in: ldd does not know.
awk '$1 == "runtime" {print $2}' "$packages" | while read -r package; do
  install -D -m 0644 "$(readlink -f "/usr/share/doc/$package/copyright")" "$root/usr/share/doc/$package/copyright"
done
printf 'seccompd:x:65532:65532::/:/sbin/nologin\nroot:x:0:0::/:/sbin/nologin\n' >"$root/etc/passwd"
# Reproducible: no time of the build in it.
find "$root" -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH:-0}" {} +
