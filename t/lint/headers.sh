#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Each header compiles alone: it includes what it needs.
: "${srcdir:=.}" "${CC:=cc}"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

headers=$(cd "$srcdir" && find common ctl milter policy relay t -name '*.h')
count=0
for header in $headers; do
	count=$((count + 1))
	# Twice, so that a guard is proven too.
	printf '#include "%s"\n#include "%s"\n' "$header" "$header" \
	    > "$dir/$count.c"
done
# One driver for many: to begin it costs as much as to compile.
# shellcheck disable=SC2086
find "$dir" -name '*.c' -exec $CC -std=gnu11 -D_GNU_SOURCE \
    -DSYSCONFDIR='"/etc"' -Wall -Wextra -Werror -fsyntax-only \
    -iquote "$srcdir/common" -iquote "$srcdir" $XC_LINT_CPPFLAGS {} + || {
	echo "a header does not compile alone"
	exit 1
}
echo "$count headers"
[ "$count" -gt 0 ]
