#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# No single fault opens a gate: each system call, allocation, question to the
# store and to tables of xcontext-policy and xcontext-milter fails once, one
# after the other, while messengers of each kind, and strangers, send mail
# through a real Postfix in both wirings.  XContext::Faults says how many.
use strict;
use warnings;

use Test::More;

use XContext::Faults ();
use XContext::File qw(spit);
use XContext::Guard qw(guard_dir);
use XContext::Inside qw(accounts);
use XContext::Live ();

my $why = XContext::Faults::impossible() // XContext::Live::impossible();
plan(skip_all => $why) if defined $why;

# Each kind of table that can fail is asked by whoever is in none.
my $dir = guard_dir();
my %table = (
    'trust.lmdb' => "127.0.1.1	edge\n127.0.1.2	webmail\n",
    'trust.pcre' => "/^127\\.0\\.1\\.3\$/	setter\n" .
	"/^127\\.0\\.1\\.4\$/	filter\n",
    'trust.regexp' => "/^127\\.0\\.1\\.5\$/	trial\n",
    'trust.cidr' => "127.0.1.6	trial\n",
    'access.lmdb' => "context.tenant=evil	REJECT this tenant\n",
    'access.pcre' => "/^client=127\\.0\\.2\\.66\$/	REJECT not from there\n");
spit("$dir/$_", $table{$_}) for keys %table;

sub maps {
	my ($name, @types) = @_;
	return '{ ' . join(', ', map { "\"$_:$dir/$name.$_\"" } @types) . ' }';
}

my @roles = (
	{ name => 'refused', peer => '127.0.1.1',
	    command => 'XCLIENT ADDR=198.51.100.9 LOGIN=root', as => '' },
	{ name => 'stranger', peer => '127.0.2.1', as => '127.0.2.1 ' },
	{ name => 'permitted', peer => '127.0.1.2',
	    command => 'XCLIENT ADDR=198.51.100.1 LOGIN=user@example.com',
	    as => '198.51.100.1 user@example.com' },
	{ name => 'rejected', peer => '127.0.2.66', as => '' },
	{ name => 'setter', peer => '127.0.1.3',
	    command => 'XSETCONTEXT tenant=evil', as => '' },
	{ name => 'filter', peer => '127.0.1.4', code => 250,
	    command => 'XFORWARD ADDR=198.51.100.4 NAME=four.example.org',
	    as => '127.0.1.4 ' },
	{ name => 'reporter', peer => '127.0.1.5',
	    command => 'XCLIENT ADDR=198.51.100.5', as => '198.51.100.5 ' },
	{ name => 'reporter as root', peer => '127.0.1.6',
	    command => 'XCLIENT ADDR=198.51.100.6 LOGIN=root', as => '' });

my $live = XContext::Live->new(start => 0,
    seconds => XContext::Faults::time_needed(),
    # One process for four sessions: a fault may leave something to the next
    # session of the process, and new processes come again and again.
    services => [ map { { name => $_, wiring => $_, maxproc => 1, options => [
	'max_use = 4', 'smtpd_policy_service_retry_delay = 1s' ] } } qw(a b) ],
    # libmilter leaves the MTA alone with a reply that it could not write.
    main => { service_throttle_time => '1s', milter_command_timeout => '3s',
	milter_connect_timeout => '3s', milter_content_timeout => '3s',
	smtpd_policy_service_timeout => '5s' },
    conf => { trust_maps => maps('trust', qw(lmdb pcre regexp cidr)),
	access_maps => maps('access', qw(lmdb pcre)) },
    profiles => <<'END');
profile edge {
	xclient = { "ADDR" }
}
profile webmail {
	xclient = { "ADDR", "LOGIN" }
	login = { "*@example.com" }
}
profile setter {
	xsetcontext = { "*" }
}
profile filter {
	xforward = { "*" }
	seal = "never"
}
profile trial {
	report_only = true
}
END
for my $name (qw(trust access)) {
	system(($ENV{XC_POSTFIX_SBIN} // '/usr/sbin') . '/postmap', '-c',
	    $live->postfix->dir . '/etc', "lmdb:$dir/$name.lmdb") == 0
	    or BAIL_OUT('postmap makes no LMDB table');
}

my $faults = XContext::Faults->new(
    daemons => [ $live->policy, $live->milter ],
    roles => [ map { my $wiring = $_; map { { %$_, service => $wiring,
	name => "$_->{name} in wiring \U$wiring" } } @roles } qw(a b) ],
    connect => sub { $live->connect(service => $_[0]{service},
	local => $_[0]{peer}) },
    seen => sub {
	my %as = map { /^(\S+) \S+ \S+ ?(.*)$/ ? ("$1 $2" => 1) : ($_ => 1) }
	    accounts($live, $_[0]);
	return join(', ', sort keys %as);
    },
    forget => sub { $live->$_->forget for qw(policy_seen milter_seen) });
$live->expect_log(qr/./);	# what is complained of is counted, not read
$live->start;
$faults->run;
$live->diagnose if $ENV{XC_FAULT_DIAGNOSE};
$live->finish;
