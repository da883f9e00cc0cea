#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# No single fault opens a gate: each system call and each allocation of
# xcontext-policy and xcontext-milter fails once, one after the other, while a
# refused messenger, a permitted one, a stranger and one whom access_maps reject
# send mail through a real Postfix.  XContext::Faults says how many.
use strict;
use warnings;

use Test::More;

use XContext::Faults ();
use XContext::Inside qw(accounts);
use XContext::Live ();

my $why = XContext::Faults::impossible();
plan(skip_all => $why) if defined $why;

my $live = XContext::Live->new(start => 0,
    seconds => XContext::Faults::time_needed(),
    services => [ map { { name => $_, wiring => $_, options => [
	# New processes, and so new streams, again and again.
	'max_use = 3', 'smtpd_policy_service_retry_delay = 1s' ] } } qw(a b) ],
    conf => { access_maps => "{ 'pcre:{{/^client=127\\.0\\.2\\.66\$/ " .
	"REJECT not from there}}' }" });

my $faults = XContext::Faults->new(
    daemons => [ $live->policy, $live->milter ],
    roles => [
	{ name => 'refused', service => 'a', peer => XContext::Live::MESSENGER,
	    command => 'XCLIENT ADDR=198.51.100.9 LOGIN=root', as => '' },
	{ name => 'permitted', service => 'a', peer => XContext::Live::WEBMAIL,
	    command => 'XCLIENT ADDR=198.51.100.1 LOGIN=user@example.com',
	    as => '198.51.100.1 user@example.com' },
	{ name => 'stranger', service => 'a',
	    peer => XContext::Live::STRANGER, as => '127.0.2.1 ' },
	{ name => 'rejected', service => 'a', peer => '127.0.2.66',
	    as => '' },
	{ name => 'refused in wiring B', service => 'b',
	    peer => XContext::Live::MESSENGER,
	    command => 'XCLIENT ADDR=10.0.0.1', as => '' } ],
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
