#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# The systemd units can do what they say: a reload reaches a daemon that is no
# root, is checked first, and what cannot get better is not tried again; they
# start before Debian's Postfix; and systemd-analyze, where there is one, finds
# them valid and little exposed.
set -u
srcdir=${srcdir:-.}
status=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

complain() {
	echo "$*"
	status=1
}

# has UNIT LINE ...: these lines, in that order.
has() {
	unit=$1
	shift
	last=0
	for line; do
		at=$(grep -n -F -x -- "$line" "$unit" | head -1 | cut -d: -f1)
		[ -n "$at" ] && [ "$at" -gt "$last" ] ||
		    complain "$unit: no \"$line\", or in a wrong place"
		last=${at:-$last}
	done
}

for name in milter policy relay; do
	unit=$dir/xcontext-$name.service
	sed -e "s|@sbindir@|$dir|g" -e 's|@sysconfdir@|/etc|g' \
	    "$srcdir/etc/xcontext-$name.service.in" > "$unit"
	printf '#!/bin/sh\n' > "$dir/xcontext-$name"
	chmod +x "$dir/xcontext-$name"
	has "$unit" "Before=postfix@-.service postfix.service" \
	    "ExecReload=$dir/xcontext-$name -t -c /etc/xcontext/xcontext.conf" \
	    "ExecReload=+/bin/sh -c 'kill -HUP \$\$MAINPID'" \
	    'RestartPreventExitStatus=64 78'
	# Man pages are not where systemd looks for them.
	sed -i /^Documentation=/d "$unit"
done
for name in policy policy-maps; do
	sed /^Documentation=/d "$srcdir/etc/xcontext-$name.socket" \
	    > "$dir/xcontext-$name.socket"
	# It would be changed by name, in a directory of the daemons' user.
	! grep -E '^Socket(User|Group)=' "$dir/xcontext-$name.socket" ||
	    complain "xcontext-$name.socket: has an owner of its own"
done

if command -v systemd-analyze > /dev/null; then
	# What it says of others' units is not about ours.
	systemd-analyze verify "$dir"/*.service "$dir"/*.socket 2>&1 |
	    grep xcontext > "$dir/verify" &&
	    complain "$(cat "$dir/verify")"
	for unit in "$dir"/*.service; do
		systemd-analyze security --offline=yes --no-pager \
		    --threshold=15 "$unit" > "$dir/security" 2>&1 ||
		    complain "$(tail -2 "$dir/security")"
	done
else
	echo "no systemd-analyze: exposure not looked at"
fi
exit $status
