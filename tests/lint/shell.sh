#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# lint.shell: shellcheck over every shell script of the tree. Usage: shell.sh ROOT
set -eu
cd "$1"
find . -name build -prune -o -name .git -prune -o -type f -print |
  while IFS= read -r file; do
    case $file in
      *.sh) printf '%s\n' "$file" ;;
      *) if head -c 64 "$file" | head -n 1 | grep -qaE '^#!.*[/ ](ba)?sh'; then printf '%s\n' "$file"; fi ;;
    esac
  done |
  xargs -r shellcheck --severity=style
