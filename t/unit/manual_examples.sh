#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# The examples of the manual pages, and the samples, are configurations that
# load.  In the pages an example stands in a literal display behind a comment
# that gives it the name of a file:
#
#	.\" example: NAME
#	.Bd -literal -offset indent
#
# All examples of a page are put into one directory, which stands for
# /etc/xcontext in them; each NAME.conf is then checked by xcontext-policy -t.
: "${srcdir:=.}" "${XC_POLICY:=./xcontext-policy}"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0
count=0

# Writes the examples of page $1 to files of directory $2.
extract() {
	awk -v dir="$2" '
	/^\.\\" example: /	{ file = dir "/" $3; next }
	/^\.Bd -literal/ && file != ""	{ inside = 1; printf "" > file; next }
	/^\.Ed/			{ if (inside) close(file)
				  inside = 0; file = ""; next }
	inside			{ gsub(/\\e/, "\\"); gsub(/\\&/, "")
				  gsub("/etc/xcontext/", dir "/")
				  print > file }
	END			{ if (file != "") exit 1 }' "$1" || {
		echo "$1: an example without a display"
		failed=1
	}
}

# Checks configuration $1, which errors are to call $2.
check() {
	count=$((count + 1))
	# Whose users and group need not be here.
	sed -i -e '/^user = /d' -e 's/^#*socket_group = .*/socket_group = ""/' \
	    -e 's/^#*control_users = .*/control_users = { "root" }/' "$1"
	sed -i '1s/^/user = ""\n/' "$1"
	"$XC_POLICY" -t -c "$1" > /dev/null || {
		echo "does not load: $2"
		failed=1
	}
}

for page in "$srcdir"/man/*.[1-9]; do
	name=$(basename "$page")
	mkdir "$dir/$name"
	extract "$page" "$dir/$name"
	for conf in "$dir/$name"/*.conf; do
		[ ! -e "$conf" ] || check "$conf" "$name: $(basename "$conf")"
	done
done
[ "$count" -ge 7 ] || { echo "only $count examples"; failed=1; }

# The sample, as it is and with all that is commented out in it.
mkdir "$dir/sample"
sed "s|/etc/xcontext/|$dir/sample/|" "$srcdir/etc/trust.cidr.sample" \
    > "$dir/sample/trust.cidr"
sed "s|/etc/xcontext/|$dir/sample/|" "$srcdir/etc/xcontext.conf.sample" \
    > "$dir/sample/as-is.conf"
sed 's/^#\([^ ]\)/\1/' "$dir/sample/as-is.conf" > "$dir/sample/full.conf"
check "$dir/sample/as-is.conf" "etc/xcontext.conf.sample"
check "$dir/sample/full.conf" "etc/xcontext.conf.sample without '#'"
cmp -s "$dir/sample/as-is.conf" "$dir/sample/full.conf" &&
    { echo "the sample has nothing commented out"; failed=1; }
echo "$count configurations"
exit $failed
