#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# No writable variable with static lifetime but those named in
# t/lint/globals.allowed (object, symbol, why).  XC_OBJECTS are the archives
# and objects that the programs are made of.
: "${srcdir:=.}"
[ "$XC_SANITIZE" = no ] ||
    { echo 'sanitizers add variables of their own'; exit 77; }
[ -n "$XC_OBJECTS" ] || { echo "XC_OBJECTS is empty"; exit 1; }

# objdump prints ADDRESS FLAGS SECTION SIZE NAME; what is only relocated
# (.data.rel.ro) is read-only when main() runs.
# shellcheck disable=SC2086
found=$(objdump -t $XC_OBJECTS | awk '
	/file format/	{ object = $1; sub(/:$/, "", object)
			  sub(/.*\//, "", object); sub(/\.o$/, "", object)
			  sub(/^.*-/, "", object) }
	/ O / && NF >= 4 {
		for (i = 2; i < NF; i++)
			if ($i ~ /^(\.data|\.bss|\.tbss|\.tdata|\*COM\*)/ &&
			    $i !~ /^\.data\.rel\.ro/)
				print object, $NF
	}' | sed 's/\.[0-9]*$//' | sort -u)
status=0
known=$(mktemp)
trap 'rm -f "$known"' EXIT
sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$srcdir/t/lint/globals.allowed" |
    awk '{ print $1, $2 }' | sort -u > "$known"
new=$(printf '%s\n' "$found" | sed '/^$/d' | comm -23 - "$known")
gone=$(printf '%s\n' "$found" | sed '/^$/d' | comm -13 - "$known")
if [ -n "$new" ]; then
	printf 'writable variables that are not in globals.allowed:\n%s\n' "$new"
	status=1
fi
if [ -n "$gone" ]; then
	printf 'in globals.allowed, but not in the programs:\n%s\n' "$gone"
	status=1
fi
exit $status
