#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# "xcontext-relay -t" warns of a relay that would send anybody's mail anywhere,
# and takes the configuration nevertheless.
use strict;
use warnings;

use Test::More;

use XContext::Daemon ();
use XContext::File qw(spit);
use XContext::Guard qw(guard_dir);

my $why = XContext::Daemon::impossible('xcontext-relay');
plan(skip_all => $why) if defined $why;
my $dir = guard_dir();
my $relay = $ENV{XC_RELAY} // './xcontext-relay';

my @rows = (
    [ 'every address', '0.0.0.0:2525', 'next_hop = "smtp:"', 1 ],
    [ 'every IPv6 address', '[::]:2525', 'next_hop = "smtp:"', 1 ],
    [ 'every address, by a table', '0.0.0.0:2525',
	"next_hop = \"smtp:[::1]\"\ntransport_maps = { 'static:smtp:' }", 1 ],
    [ 'a loopback address', '127.0.0.1:2525', 'next_hop = "smtp:"', 0 ],
    [ 'one next hop', '0.0.0.0:2525', 'next_hop = "smtp:[127.0.0.1]:25"', 0 ],
    [ 'listed domains', '0.0.0.0:2525',
	"transport_maps = { 'inline:{example.com=smtp:}' }", 0 ],
);
for my $row (@rows) {
	my ($name, $listen, $where, $is_open) = @$row;
	spit("$dir/relay.conf", <<"END");
# The section begins in line 3.
user = ""
relay out {
	listen = "$listen"
	$where
}
END
	my $said = `$relay -t -c $dir/relay.conf 2>&1`;
	is($?, 0, "$name: it is a configuration");
	like($said, $is_open ? qr{^\Q$dir\E/relay\.conf:3: warning: relay "out": } :
	    qr/^[^\n]*: ok\n\z/, "$name: " . ($is_open ? 'but an open relay' : 'and fine'));
}
done_testing();
