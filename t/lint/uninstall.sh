#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# "make uninstall" takes away all that "make install" brought, directories of
# our own, too; but not a configuration that somebody has changed.
set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
[ -e Makefile ] || { echo "not in a build directory"; exit 77; }
# What runs this must not be waited for.
unset MAKEFLAGS MFLAGS MAKELEVEL

run() {
	"${MAKE:-make}" "$@" "DESTDIR=$dir" > "$dir.log" 2>&1 || {
		cat "$dir.log"
		rm -f "$dir.log"
		exit 1
	}
	rm -f "$dir.log"
}

run install
conf=$(find "$dir" -name xcontext.conf -path '*/xcontext/xcontext.conf')
[ -n "$conf" ] || { echo "no configuration was installed"; exit 1; }
[ "$(find "$dir" -name 'wiring-?.cf' | wc -l)" -eq 2 ] ||
    { echo "no wirings were installed"; exit 1; }
run uninstall
left=$(find "$dir" ! -type d -o -name xcontext -o -name '*.d' -o \
    -path '*/systemd/system')
[ -z "$left" ] || { echo "left:"; echo "$left"; exit 1; }

run install
echo '# mine' >> "$conf"
run uninstall
[ -e "$conf" ] || { echo "a changed configuration was removed"; exit 1; }
