#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Each header compiles alone: it includes what it needs.
: "${srcdir:=.}" "${CC:=cc}"
failed=0
count=0
for header in $(cd "$srcdir" && find common ctl milter policy relay t -name '*.h' |
    sort); do
	count=$((count + 1))
	# Twice, so that a guard is proven too.
	printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
	    $CC -std=gnu11 -D_GNU_SOURCE -DSYSCONFDIR='"/etc"' -Wall -Wextra \
	    -Werror -fsyntax-only -iquote "$srcdir/common" \
	    -iquote "$srcdir" $XC_LINT_CPPFLAGS \
	    -x c - || { echo "does not compile alone: $header"; failed=1; }
done
echo "$count headers"
[ "$count" -gt 0 ] && [ "$failed" -eq 0 ]
