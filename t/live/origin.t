#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# The origin of relayed mail on Postfix (received = N): the pairs that later
# filters see, for whom there are any, and what the log says.
use strict;
use warnings;

use Test::More;

use XContext::Inside qw(context_header);
use XContext::Live ();

my $live = XContext::Live->new(
    milter => { header_names => '{ "profile", "origin_address", ' .
	'"origin_name", "origin_helo" }' },
    trust => <<'TRUST', profiles => <<'PROFILES');
127.0.1.0/24	relay
127.0.3.0/24	second
127.0.4.0/24	edge
TRUST
profile relay { received = 1 }
profile second {
	received = 2
	xclient = { "ADDR" }
}
profile edge { xsetcontext = { "*" } }
PROFILES

# The pairs of the context header, and how many headers there are.
sub header_of {
	my ($n, $pairs) = context_header(@_);
	return { n => $n, %$pairs };
}

my $first = "Received: from o1.example.org (n1.example.net [203.0.113.7])\n" .
    "\tby relay.example.net (Postfix) with ESMTP id 1; now\n";
my $exim = "Received: from n2.example.net ([2600::7] helo=o2.example.org)\n" .
    " by mx.example.net with esmtp (Exim 4.96) id 2; now\n";
my $private = "Received: from o3.example.org (n3.example.net [10.0.0.1])\n" .
    "\tby mx.example.net; now\n";
my $twice = "Received: from x (t.example [203.0.113.9]) " .
    "(r.example [203.0.113.7]) by mx; now\n";

my @rows = (
    # name, peer, headers, the pairs besides the profile, why there are none
    [ 'the first', '127.0.1.1', $first . $exim, { profile => 'relay',
	origin_address => '203.0.113.7', origin_name => 'n1.example.net',
	origin_helo => 'o1.example.org' } ],
    [ 'IPv6', '127.0.1.1', $exim, { profile => 'relay',
	origin_address => '2600::7', origin_name => 'n2.example.net',
	origin_helo => 'o2.example.org' } ],
    [ 'the second', '127.0.3.1', $first . $exim, { profile => 'second',
	origin_address => '2600::7', origin_name => 'n2.example.net',
	origin_helo => 'o2.example.org' } ],
    [ 'none', '127.0.1.1', '', { profile => 'relay' }, qr/fewer/ ],
    [ 'too few', '127.0.3.1', $first, { profile => 'second' }, qr/fewer/ ],
    [ 'private', '127.0.1.1', $private, { profile => 'relay' },
	qr/not public/ ],
    [ 'two readings', '127.0.1.1', $twice, { profile => 'relay' },
	qr/more than one reading/ ],
    [ 'nonsense', '127.0.1.1', "Received: x (\n", { profile => 'relay' },
	qr/malformed/ ],
    [ 'not asked for', '127.0.4.1', $first, { profile => 'edge' } ],
);
for my $row (@rows) {
	my ($name, $peer, $headers, $want, $why) = @$row;
	my $smtp = $live->connect(local => $peer);
	$smtp->cmd('EHLO there');
	is($smtp->mail(subject => $name, headers => $headers)->code, 250,
	    "$name: mail is taken");
	$smtp->quit;
	my $mail = $live->postfix->delivered($name);
	is_deeply(header_of($mail), { n => 1, %$want }, "$name: the header");
	my $address = $want->{origin_address};
	if (defined $address) {
		ok($live->milter->event(event => 'origin',
		    address => $address), "$name: the log has it");
	} elsif (defined $why) {
		like(($live->milter->event(event => 'no_origin') // {})
		    ->{text}, $why, "$name: the log says why");
	}
}

# Each message of a session has its own, and an override changes nothing: the
# headers are the messenger's.
{
	my $smtp = $live->connect(local => '127.0.3.1');
	$smtp->cmd('EHLO there');
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220, 'an override');
	$smtp->cmd('EHLO client');
	is($smtp->mail(subject => "message $_->[0]", headers => $_->[1])
	    ->code, 250, "message $_->[0]") for [ 1, $first . $exim ],
	    [ 2, $first ], [ 3, $exim . $first ];
	$smtp->quit;
	my @got = map { header_of($live->postfix->delivered("message $_"))
	    ->{origin_address} } 1 .. 3;
	is_deeply(\@got, [ '2600::7', undef, '203.0.113.7' ],
	    'each message has its own');
}

$live->finish;
