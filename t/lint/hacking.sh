#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# What HACKING names exists: each path; and, in a line that begins with a tab
# and a source, or in one below it that goes on with ">", each function in that
# file, and each type or constant in that header.
: "${srcdir:=.}"
cd "$srcdir" || exit 1
[ -s HACKING ] || { echo "there is no HACKING"; exit 1; }
status=0
names=$(mktemp) || exit 1
trap 'rm -f "$names"' EXIT

# Paths; some stand for several files, and those with capitals for none.
for path in $(grep -o -E \
    '(^|[^A-Za-z0-9_./-])(common|debian|policy|milter|relay|man|etc|t)/[A-Za-z0-9_.*/-]+' \
    HACKING | sed -E -e 's/^[^a-z.]//' -e 's/[.,:;]+$//' | sort -u); do
	case $path in
	*NAME* | *MODULE* | *WHAT-IT-SHOWS*) continue ;;
	esac
	# shellcheck disable=SC2086
	set -- $path
	[ ! -e "$1" ] || continue
	[ ! -e "$path.c" ] || continue		# a program
	echo "HACKING names $path, which does not exist"
	status=1
done

# "FILE NAME" of each function.
awk '
	/^\t[a-z]+\/[a-z0-9_\/]+\.[ch]\t/ {
		file = $1
		sub(/^\t[^\t]+/, "")
		tell()
		next
	}
	file != "" && /^\t\t+> / { tell(); next }
	{ file = "" }
	function tell(    n, i, word) {
		gsub(/[>,]/, " ")
		n = split($0, word, " ")
		for (i = 1; i <= n; i++)
			print file, word[i]
	}' HACKING > "$names"
[ -s "$names" ] || { echo "no function is named in HACKING"; exit 1; }
awk '
	# What a source defines at the beginning of a line, or a header has.
	function learn(file,    line, n, i, word) {
		is_known[file] = 1
		while ((getline line < file) > 0) {
			if (file ~ /\.h$/)
				n = split(line, word, /[^A-Za-z0-9_]+/)
			else if (line ~ /^[A-Za-z0-9_]+\(/)
				n = split(line, word, "(")
			else
				n = 0
			for (i = 1; i <= n; i++)
				has[file, word[i]] = 1
		}
		close(file)
	}
	!($1 in is_known) { learn($1) }
	!(($1, $2) in has) {
		print "HACKING: there is no " $2 " in " $1
		is_wrong = 1
	}
	END { exit is_wrong }' "$names" || status=1
echo "$(wc -l < "$names") functions"
exit $status
