#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Dependencies point one way.  In common/ each rank includes only itself and
# those below it; a program includes common/ and itself, never another
# program.
: "${srcdir:=.}"
cd "$srcdir" || exit 1
ranks='base table received context trust access conf session daemon'
status=0

# Prints the headers that the sources of a directory include, each once.
included() {
	sed -n 's/^#include "\([^"]*\)".*/\1/p' "$1"/*.c "$1"/*.h | sort -u
}

wrong() {
	echo "$1/ includes $2"
	status=1
}

below=
for rank in $ranks; do
	below="$below $rank"
	for header in $(included "common/$rank"); do
		case " $below " in
		*" ${header%/*} "*) [ -e "common/$header" ] ||
			wrong "common/$rank" "$header" ;;
		*) wrong "common/$rank" "$header" ;;
		esac
	done
done
for dir in common/*/; do
	dir=${dir%/}
	case " $ranks " in
	*" ${dir#common/} "*) ;;
	*)	echo "$dir/ is no rank"
		status=1 ;;
	esac
done
for dir in ctl milter policy relay; do
	for header in $(included $dir); do
		[ -e "common/$header" ] || [ -e "$dir/$header" ] ||
		    wrong $dir "$header"
	done
done
exit $status
