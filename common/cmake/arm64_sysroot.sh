#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Debian's arm64 libraries and headers, unpacked into a folder for the preset `arm64`: nothing of them is installed, no
# script of theirs is run, and the machine's own packages stay as they are. Usage: arm64_sysroot.sh [FOLDER]
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
sysroot="${1:-$here/../../build/arm64-sysroot}"
mapfile -t packages < <(awk '$1 == "build" && $2 ~ /-dev$/ {print $2}' "$here/packages.txt")
wanted="$(printf '%s\n' "${packages[@]}")"
if [[ -e $sysroot/packages && $(<"$sysroot/packages") == "$wanted" ]]; then exit 0; fi

rm -rf "$sysroot"
mkdir -p "$sysroot"/usr/{bin,sbin,lib} "$sysroot"/apt/{lists,archives}/partial
for folder in bin sbin lib; do ln -s "usr/$folder" "$sysroot/$folder"; done
sysroot="$(cd "$sysroot" && pwd)"
# An apt of its own for arm64: no package counts as installed, so all that is needed is fetched. Of the machine's
# sources only Debian's own: others need not have this architecture.
mkdir "$sysroot/apt/sources"
for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian*.sources /etc/apt/sources.list.d/debian*.list; do
  [[ ! -s $file ]] || cp "$file" "$sysroot/apt/sources/"
done
mv "$sysroot/apt/sources/sources.list" "$sysroot/apt/sources.list" 2>/dev/null || : >"$sysroot/apt/sources.list"
: >"$sysroot/apt/status"
apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Install-Recommends=false
  -o APT::Sandbox::User=root -o "Dir::State::status=$sysroot/apt/status" -o "Dir::State::Lists=$sysroot/apt/lists"
  -o "Dir::Cache::Archives=$sysroot/apt/archives" -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache="
  -o "Dir::Etc::sourcelist=$sysroot/apt/sources.list" -o "Dir::Etc::sourceparts=$sysroot/apt/sources")
"${apt[@]}" update
"${apt[@]}" install --yes --download-only "${packages[@]}" >/dev/null
for package in "$sysroot"/apt/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar --extract --keep-directory-symlink --directory "$sysroot" \
    ./usr ./lib 2>/dev/null || true
done
# What a link names from the root means the root of the folder.
find "$sysroot/usr" -lname '/*' | while read -r link; do
  ln --symbolic --force --relative --no-dereference "$sysroot$(readlink "$link")" "$link"
done
[[ -e $sysroot/usr/lib/aarch64-linux-gnu/libc.so.6 ]] || { echo "arm64_sysroot.sh: no libc was unpacked" >&2; exit 1; }
rm -rf "$sysroot/apt"
printf '%s\n' "${packages[@]}" >"$sysroot/packages"
echo "arm64 sysroot: $(du --summarize --human-readable "$sysroot" | cut -f1) in $sysroot"
