#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# The wirings in etc/ are those that the live tests run; README and the manual
# pages show them letter by letter, at the beginning of lines, because indented
# ones would continue the entry above; and the entries that xcontext-relay(8)
# tells one to copy are README's, which t/live/relay-recipes.t runs.  Nothing
# that is meant for a table or for main.cf is indented.
set -eu
srcdir=${srcdir:-.}
status=0

# The -o lines of a master.cf entry, one a line, white space as it matters.
# What only tests need, or only others, is left out.
normal() {
	sed -e 's/^[[:space:]]*//' -e '/^#/d' -e 's/@LISTENER@//g' \
	    -e 's/, policy_context=@CONTEXT@//' -e 's/@MESSENGERS@/NET/g' \
	    -e 's,192\.0\.2\.0/28,NET,g' -e 's/ *<yours>//g' |
	tr '\n' ' ' | sed -e 's/[[:space:]][[:space:]]*/ /g' \
	    -e 's/pipemap:{ /pipemap:{/g' -e 's/ -o /\n-o /g' \
	    -e 's/check_policy_service { \([^ ,]*\) }/check_policy_service \1/' |
	sed -e 1d -e 's/ *$//'
}

# entry FILE BEGIN: the entry that begins with that text.
entry() {
	awk -v begin="$2" -v tab="${3-}" '
	    tab != "" { sub("^" tab, "") }
	    index($0, begin) == 1 { on = 1; print; next }
	    on && /^ / { print; next }
	    { on = 0 }' "$1"
}

# is WANT GOT WHAT
is() {
	[ -n "$1" ] && [ "$1" = "$2" ] && return
	printf '%s:\n%s\ninstead of:\n%s\n' "$3" "$2" "$1"
	status=1
}

# wiring LETTER BEGIN FILE ...
wiring() {
	file=$srcdir/etc/wiring-$1.cf
	is "$(normal < "$srcdir/t/live/wiring-$1.cf")" \
	    "$(normal < "$file")" "$file is not t/live/wiring-$1.cf"
	[ "$(entry "$file" "$2" | grep -c '<yours>')" -eq 2 ] || {
		echo "$file does not keep others' milters and restrictions"
		status=1
	}
	begin=$2
	shift 2
	for copy; do
		is "$(entry "$file" "$begin")" \
		    "$(entry "$srcdir/$copy" "$begin")" "$copy is not $file"
	done
}

wiring a '192.0.2.25:10025 inet' README man/xcontext-policy.8
wiring b 'smtp inet' man/xcontext-policy.8

# What stands in main.cf is one line each.
grep -v '^#' "$srcdir/t/live/wiring-main.cf" | while read -r line; do
	for file in README man/xcontext-policy.8; do
		grep -qF "$line" "$srcdir/$file" && continue
		echo "$file does not have t/live/wiring-main.cf's \"$line\""
		exit 1
	done
done || status=1

# copied BEGIN [FILE]
copied() {
	[ -z "${2-}" ] || is "$(entry "$srcdir/README" "$1" '\t')" \
	    "$(entry "$srcdir/$2" "$1")" "\"$1\" in $2 is not README's"
	is "$(entry "$srcdir/README" "$1" '\t')" \
	    "$(entry "$srcdir/man/xcontext-relay.8" "$1" '\t')" \
	    "\"$1\" in man/xcontext-relay.8 is not README's"
}

# In tables and in main.cf, too, an indented line continues the one above it.
row='[0-9][0-9a-fA-F.:/]*[[:space:]]+[a-z]+$'
setting='(relay_transport|header_checks|smtpd?_[a-z_]+|[a-z]+_destination_[a-z_]+) = '
if grep -nE "^[[:blank:]]($row|$setting)" "$srcdir/README"; then
	echo "README has these lines indented"
	status=1
fi
for page in "$srcdir"/man/xcontext*.[0-9]; do
	awk '/^\.Bd .*-offset/ { on = 1 } /^\.Ed/ { on = 0 } on' "$page" |
	    grep -E "^($row|$setting)" || continue
	echo "$page has these lines indented"
	status=1
done

copied '127.0.0.1:25 inet' etc/relay-in-front.cf
copied '[::1]:25 inet' etc/relay-in-front.cf
copied '127.0.0.1:10025 inet' etc/relay-in-front.cf
copied 'xcontext unix' etc/relay-behind.cf
exit $status
