#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The hardening of what ships, and that it loads libc alone. Usage: binary.sh SECCOMPD
set -eu
binary="$1"
fail() { echo "FAILED: $1"; exit 1; }
has() { readelf -W "$1" "$binary" | grep -Eq "$2" || fail "$3"; }

has -h 'Type: +DYN' "not position independent"
has -l 'GNU_RELRO' "no RELRO"
has -d 'FLAGS.*(BIND_NOW|NOW)' "not bound at start"
has -l 'GNU_STACK.* RW ' "an executable stack"
has -s '__stack_chk_fail' "no stack protector"
if readelf -W -l "$binary" | grep -q 'LOAD.* RWE '; then fail "a segment that can be written and executed"; fi
loaded="$(readelf -W -d "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v '^ld-linux' | tr '\n' ' ')"
[ "$loaded" = "libc.so.6 " ] || fail "it loads $loaded"
echo "position independent, RELRO, bound at start; loads $loaded"
