#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# The wirings that README and xcontext-policy(8) tell one to copy are those that
# the live tests run, and the entries that xcontext-relay(8) does are README's,
# which t/live/relay-recipes.t runs.
set -eu
srcdir=${srcdir:-.}
status=0

# The -o lines of a master.cf entry, one a line, white space as it matters.
# What only tests need is left out.
normal() {
	sed -e 's/^[[:space:]]*//' -e '/^#/d' -e 's/@LISTENER@//g' \
	    -e 's/, policy_context=@CONTEXT@//' -e 's/@MESSENGERS@/NET/g' \
	    -e 's,192\.0\.2\.0/28,NET,g' |
	tr '\n' ' ' | sed -e 's/[[:space:]][[:space:]]*/ /g' \
	    -e 's/pipemap:{ /pipemap:{/g' -e 's/ -o /\n-o /g' \
	    -e 's/check_policy_service { \([^ ,]*\) }/check_policy_service \1/' |
	sed -e 1d -e 's/ *$//'
}

# entry FILE BEGIN: the entry that begins with that text.
entry() {
	awk -v begin="$2" '
	    sub(/^\t/, "") || 1 { line = $0 }
	    index(line, begin) == 1 { on = 1; print line; next }
	    on && line ~ /^ / { print line; next }
	    { on = 0 }' "$1"
}

# same WIRING FILE BEGIN
same() {
	want=$(normal < "$srcdir/t/live/wiring-$1.cf")
	got=$(entry "$srcdir/$2" "$3" | normal)
	[ -n "$want" ] && [ "$got" = "$want" ] && return
	echo "wiring $1 in $2 is not that of t/live/wiring-$1.cf:"
	echo "$got"
	echo "instead of:"
	echo "$want"
	status=1
}

same a README '10025 inet'
same a man/xcontext-policy.8 '10025 inet'
same b man/xcontext-policy.8 'smtp inet'

# What stands in main.cf is one line each.
grep -v '^#' "$srcdir/t/live/wiring-main.cf" | while read -r line; do
	for file in README man/xcontext-policy.8; do
		grep -qF "$line" "$srcdir/$file" && continue
		echo "$file does not have t/live/wiring-main.cf's \"$line\""
		exit 1
	done
done || status=1

# copied BEGIN
copied() {
	want=$(entry "$srcdir/README" "$1")
	got=$(entry "$srcdir/man/xcontext-relay.8" "$1")
	[ -n "$want" ] && [ "$got" = "$want" ] && return
	echo "\"$1\" in man/xcontext-relay.8 is not README's"
	status=1
}

copied '127.0.0.1:10025 inet'
copied 'xcontext unix'
exit $status
