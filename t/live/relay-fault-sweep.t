#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# No single fault opens a gate in front of a mail server, either: each system
# call and each allocation of xcontext-relay fails once, one after the other,
# while a refused messenger, a permitted one, one whose message is refused, and
# a stranger send mail to a real Postfix behind it.  XContext::Faults says how
# many.
use strict;
use warnings;

use Test::More;

use XContext::Behind ();
use XContext::Faults ();
use XContext::Guard qw(guard_time);
use XContext::Relay ();

my $why = XContext::Faults::impossible() // XContext::Behind::impossible() //
    XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(XContext::Faults::time_needed());

my $behind = XContext::Behind->new;
$behind->start;
my $relay = XContext::Relay->new(conf => { XCLIENT => '"required"' },
    relays => { front => { next_hop => $behind->next_hop,
	connect_timeout => 2, reply_timeout => 3, final_timeout => 4 } },
    profiles => <<'END');
profile edge {
	xclient = { "*" }
	addr = { "public" }
}
profile filter {
	xforward = { "*" }
	addr = { "public" }
}
END

my $faults = XContext::Faults->new(daemons => [ $relay ], roles => [
	{ name => 'refused', peer => '127.0.1.1',
	    command => 'XCLIENT ADDR=10.0.0.1', as => '' },
	{ name => 'permitted', peer => '127.0.1.2',
	    command => 'XCLIENT ADDR=198.51.100.1 NAME=c.example.org',
	    as => '198.51.100.1' },
	{ name => 'a refused message', peer => '127.0.4.1',
	    command => 'XFORWARD ADDR=10.0.0.1', as => '' },
	{ name => 'stranger', peer => '127.0.2.1', as => '127.0.2.1' } ],
    connect => sub { $relay->connect(local => $_[0]{peer}) },
    seen => sub { $behind->client_of($_[0])->{client_address} // 'nobody' },
    forget => sub { $behind->seen->forget });
$relay->start;
$faults->run;
$relay->finish(qr/./);
$behind->finish;
done_testing();
