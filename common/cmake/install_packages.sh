#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs those Debian packages of packages.txt that are missing. Usage: install_packages.sh SECTION...
# (no section: all of them). Needs root only if something is missing.
set -euo pipefail
list="$(dirname "${BASH_SOURCE[0]}")/packages.txt"

if ! command -v dpkg-query >/dev/null; then
  echo "install_packages.sh: not a Debian system; the packages needed are listed in $list" >&2
  exit 2
fi
sections=" $* "
missing=()
while read -r section package; do
  if [[ -z $section || $section == '#'* ]]; then continue; fi
  if (($# > 0)) && [[ $sections != *" $section "* ]]; then continue; fi
  status="$(dpkg-query --showformat='${db:Status-Status}' --show "$package" 2>/dev/null || true)"
  if [[ $status != installed ]]; then missing+=("$package"); fi
done <"$list"

if ((${#missing[@]} == 0)); then exit 0; fi
if ((EUID != 0)); then
  echo "install_packages.sh: needs root to install: ${missing[*]}" >&2
  exit 2
fi
echo "Installing ${#missing[@]} Debian packages (a few minutes): ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes
apt-get update -qq
apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
