#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Dependencies point one way: common/ includes no program's header, and the
# programs do not include each other's.
: "${srcdir:=.}"
cd "$srcdir" || exit 1
status=0
for dir in common policy milter relay; do
	for header in $(sed -n 's/^#include "\([^"]*\)".*/\1/p' \
	    "$dir"/*.c "$dir"/*.h | sort -u); do
		[ -e "common/$header" ] || [ -e "$dir/$header" ] || {
			echo "$dir/ includes $header"
			status=1
		}
	done
done
exit $status
