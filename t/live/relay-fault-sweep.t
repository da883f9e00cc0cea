#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# No single fault opens a gate in front of a mail server, either: each system
# call, allocation, question to the store and to tables of xcontext-relay fails
# once, one after the other, while messengers of each kind, and a stranger, send
# mail to a real Postfix behind it.  XContext::Faults says how many.
use strict;
use warnings;

use Test::More;

use XContext::Behind ();
use XContext::Faults ();
use XContext::File qw(spit);
use XContext::Guard qw(guard_dir guard_time);
use XContext::Relay ();

my $why = XContext::Faults::impossible() // XContext::Behind::impossible() //
    XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(XContext::Faults::time_needed());

my $behind = XContext::Behind->new;
$behind->start;

# Each kind of table that can fail is asked by whoever is in none.
my $dir = guard_dir();
my %table = (
    'trust.lmdb' => "127.0.1.1	edge\n127.0.1.2	edge\n",
    'trust.pcre' => "/^127\\.0\\.1\\.3\$/	setter\n" .
	"/^127\\.0\\.1\\.4\$/	filter\n",
    'trust.regexp' => "/^127\\.0\\.1\\.5\$/	trial\n",
    'trust.cidr' => "127.0.1.6	trial\n",
    'binding.lmdb' => "context.tenant=safe	safe\n",
    'binding.pcre' => "/^context\\.tenant=secret\$/	safe\n",
    'transport.lmdb' => "example.org	smtp:[127.0.0.1]:1\n");
spit("$dir/$_", $table{$_}) for keys %table;
for my $name (map { /^(\w+)\.lmdb$/ } keys %table) {
	system(($ENV{XC_POSTFIX_SBIN} // '/usr/sbin') . '/postmap', '-c',
	    $behind->dir . '/etc', "lmdb:$dir/$name.lmdb") == 0
	    or BAIL_OUT('postmap makes no LMDB table');
}

sub maps {
	my ($name, @types) = @_;
	return '{ ' . join(', ', map { "\"$_:$dir/$name.$_\"" } @types) . ' }';
}

my $relay = XContext::Relay->new(
    conf => { XCLIENT => '"required"',
	trust_maps => maps('trust', qw(lmdb pcre regexp cidr)) },
    relays => { front => { next_hop => $behind->next_hop,
	transport_maps => maps('transport', 'lmdb'),
	binding_maps => maps('binding', qw(lmdb pcre)),
	connect_timeout => 2, reply_timeout => 3, final_timeout => 4 } },
    # The next hop has no TLS: such mail cannot go.
    sections => "binding safe { tls = \"encrypt\" }\n",
    profiles => <<'END');
profile edge {
	xclient = { "*" }
	addr = { "public" }
}
profile setter {
	xsetcontext = { "*" }
}
profile filter {
	xforward = { "*" }
	addr = { "public" }
	seal = "never"
}
profile trial {
	report_only = true
}
END

my $faults = XContext::Faults->new(daemons => [ $relay ], roles => [
	{ name => 'refused', peer => '127.0.1.1',
	    command => 'XCLIENT ADDR=10.0.0.1', as => '' },
	{ name => 'stranger', peer => '127.0.2.1', as => '127.0.2.1' },
	{ name => 'permitted', peer => '127.0.1.2',
	    command => 'XCLIENT ADDR=198.51.100.1 NAME=c.example.org',
	    as => '198.51.100.1' },
	{ name => 'setter', peer => '127.0.1.3',
	    command => 'XSETCONTEXT tenant=secret', as => '' },
	{ name => 'filter', peer => '127.0.1.4', code => 250,
	    command => 'XFORWARD ADDR=198.51.100.4 NAME=four.example.org',
	    as => '198.51.100.4' },
	{ name => 'a refused message', peer => '127.0.1.4',
	    command => 'XFORWARD ADDR=10.0.0.1', as => '' },
	{ name => 'reporter', peer => '127.0.1.5',
	    command => 'XCLIENT ADDR=198.51.100.5', as => '198.51.100.5' },
	{ name => 'reporter as root', peer => '127.0.1.6',
	    command => 'XCLIENT ADDR=198.51.100.6 LOGIN=root', as => '' } ],
    connect => sub { $relay->connect(local => $_[0]{peer}) },
    seen => sub { $behind->client_of($_[0])->{client_address} // 'nobody' },
    forget => sub { $behind->seen->forget });
$relay->start;
$faults->run;
$relay->finish(qr/./);
$behind->finish;
done_testing();
