#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# debian/ fits the tree: its version is configure's, it asks for the libraries
# that bootstrap installs, each override of lintian has a reason, and each
# daemon has a profile of AppArmor, in complain mode, that apparmor_parser, where
# there is one, can read.
srcdir=${srcdir:-.}
[ -e "$srcdir/debian/control" ] ||
    { echo 'no debian/, which no tarball has'; exit 77; }
cd "$srcdir" || exit 1
status=0

complain() {
	echo "$*"
	status=1
}

# is WANT GOT WHAT
is() {
	[ -n "$1" ] && [ "$1" = "$2" ] || complain "$3: \"$2\", not \"$1\""
}

is "$(sed -n 's/^AC_INIT(\[xcontext], \[\(.*\)])$/\1/p' configure.ac)" \
    "$(sed -n '1s/^xcontext (\(.*\)-[^-]*) .*/\1/p' debian/changelog)" \
    "the version in debian/changelog"

# libraries FILE
libraries() {
	sed -n '/^\(packages=\|Build-Depends:\)/,/^\(\tbinutils\|Standards-\)/p' \
	    "$1" | tr -cs 'a-z0-9-' '\n' | grep -E '^(lib.*|zlib1g)-dev$' |
	    grep -v '^libc6-dev$' | sort | tr '\n' ' '
}
is "$(libraries bootstrap)" "$(libraries debian/control)" \
    "what debian/control builds with"

awk '/^#/ { has_reason = 1; next }
    !has_reason { print "debian/lintian-overrides: no reason: " $0; bad = 1 }
    { has_reason = 0 }
    END { exit bad }' debian/lintian-overrides || status=1

command -v apparmor_parser > /dev/null ||
    echo 'no apparmor_parser: profiles are not read'
for unit in etc/xcontext-*.service.in; do
	name=$(basename "$unit" .service.in)
	profile=debian/apparmor/$name
	grep -q -F -x "profile $name /usr/sbin/$name flags=(complain) {" \
	    "$profile" || complain "$profile: not $name's, or not a complaint"
	command -v apparmor_parser > /dev/null || continue
	said=$(apparmor_parser -Q -K "$profile" 2>&1) ||
	    complain "$profile: $said"
done
exit $status
