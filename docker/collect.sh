#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A binary and every library that it loads, at their places below a new root. Usage: collect.sh BINARY ROOT
set -euo pipefail
binary="$1" root="$2"

mkdir -p "$root/usr/bin" "$root/usr/share/doc" "$root/etc"
install -m 0755 "$binary" "$root/usr/bin/seccompd"
# Each library once, under the name that the loader asks for; the loader itself is the line without =>.
ldd "$binary" | awk '/=> \//{print $3} /^\t\/.*ld-linux/{print $1}' | sort -u | while read -r library; do
  install -D -m 0755 "$(readlink -f "$library")" "$root$library"
  package="$(dpkg-query --search "$(readlink -f "$library")" 2>/dev/null | head -n 1 | cut -d: -f1 || true)"
  if [[ -n $package && -r /usr/share/doc/$package/copyright ]]; then
    install -D -m 0644 "$(readlink -f "/usr/share/doc/$package/copyright")" "$root/usr/share/doc/$package/copyright"
  fi
done
printf 'seccompd:x:65532:65532::/:/sbin/nologin\nroot:x:0:0::/:/sbin/nologin\n' >"$root/etc/passwd"
# Reproducible: no time of the build in it.
find "$root" -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH:-0}" {} +
