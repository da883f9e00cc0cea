#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Dependencies point one way.  In common/ each rank includes only itself and
# those below it; a program includes common/ and itself, never another
# program.  In relay/ neither half of a dialogue knows the other, nor what joins
# them, and that knows no socket.
: "${srcdir:=.}"
cd "$srcdir" || exit 1
ranks='base table received context trust access conf smtp shared session daemon'
status=0

# Prints the headers that the sources of a directory include, each once.
included() {
	sed -n 's/^#include "\([^"]*\)".*/\1/p' "$1"/*.c "$1"/*.h | sort -u
}

wrong() {
	echo "$1 includes $2"
	status=1
}

below=
for rank in $ranks; do
	below="$below $rank"
	for header in $(included "common/$rank"); do
		case " $below " in
		*" ${header%/*} "*) [ -e "common/$header" ] ||
			wrong "common/$rank/" "$header" ;;
		*) wrong "common/$rank/" "$header" ;;
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
		    wrong $dir/ "$header"
	done
done

# Prints the headers that the files of one stem include, and those that these
# include, as far as they are of that directory.
reached() {
	seen=
	next=$(ls "$1/$2".[ch] "$1/$2"_*.[ch] 2>/dev/null)
	while [ -n "$next" ]; do
		# shellcheck disable=SC2086
		found=$(sed -n 's/^#include "\([^"]*\)".*/\1/p' $next |
		    sort -u)
		next=
		for header in $found; do
			case " $seen " in
			*" $header "*)	continue ;;
			esac
			[ -e "$1/$header" ] || continue
			seen="$seen $header"
			next="$next $1/$header"
		done
	done
	echo "$seen"
}

# knows_no STEM OTHER ...
knows_no() {
	stem=$1
	shift
	for header in $(reached relay "$stem"); do
		for other; do
			case $header in
			"$other".h|"$other"_*)
				wrong "relay/$stem" "$header" ;;
			esac
		done
	done
}

knows_no client hop transaction dialogue carrier
knows_no hop client transaction dialogue carrier
knows_no transaction carrier
knows_no dialogue carrier transaction_private
knows_no carrier client transaction dialogue_private hop_private
exit $status
