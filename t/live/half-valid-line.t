#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A line that Postfix would refuse halfway changes nothing at all: the identity
# that the session had before it is the one that policy and milter see after.
use strict;
use warnings;

use Test::More;

use XContext::Live ();

my $live = XContext::Live->new(profiles => <<'END');
profile edge {
	xclient = { "*" }
	login = { "*" }
	report_only = true
}
profile webmail { }
END

# With a profile that only reports, the session goes on after the refusal, so
# that it shows what has become of its identity.
my $good = 'XCLIENT ADDR=198.51.100.1 NAME=first.example.org LOGIN=joe ' .
    'PORT=4711';
my @lines = (
	[ 'an unknown attribute', 'LOGIN=root ADDR=198.51.100.9 BOGUS=1' ],
	[ 'a duplicate', 'ADDR=198.51.100.9 ADDR=198.51.100.10' ],
	[ 'a duplicate in another case', 'LOGIN=root login=joe' ],
	[ 'no equals sign', 'ADDR=198.51.100.9 NAME' ],
	[ 'an empty value', 'ADDR=198.51.100.9 LOGIN=' ],
	[ 'an empty name', 'ADDR=198.51.100.9 =root' ],
	[ 'a value that decodes to nothing but a NUL',
	    'ADDR=198.51.100.9 LOGIN=+00' ],
	[ '256 characters', 'ADDR=198.51.100.9 LOGIN=' . ('a' x 256) ],
	[ 'bad xtext', 'ADDR=198.51.100.9 LOGIN=a+4' ],
	[ 'lower-case xtext', 'ADDR=198.51.100.9 LOGIN=a+3d' ],
	[ 'an encoded NUL', 'ADDR=198.51.100.9 LOGIN=ro+00ot' ],
	[ 'an encoded newline', 'ADDR=198.51.100.9 LOGIN=a+0Ab' ],
	[ 'a control byte', "ADDR=198.51.100.9 LOGIN=a\x01b" ],
	[ 'an 8-bit byte', "ADDR=198.51.100.9 LOGIN=a\xc3\xa9b" ],
	[ 'a bare CR', "ADDR=198.51.100.9 LOGIN=a\rHELO=b" ],
	[ 'IPv4 for IPv6', 'LOGIN=root ADDR=IPV6:198.51.100.9' ],
	[ 'a bad address', 'LOGIN=root ADDR=198.51.100.256' ],
	[ 'a port that is none', 'ADDR=198.51.100.9 PORT=65536' ],
	[ 'a protocol that is none', 'ADDR=198.51.100.9 PROTO=LMTP' ],
	[ 'a greeting that is left open',
	    'HELO="a ADDR=198.51.100.9 LOGIN=root' ],
	[ 'a greeting with an end of line', 'ADDR=198.51.100.9 HELO=a+0D+0A' ],
	[ 'an attribute of XFORWARD', 'ADDR=198.51.100.9 IDENT=4711' ],
	[ 'nothing at all', '' ],
	[ 'a line over 512 octets', 'ADDR=198.51.100.9 HELO=' .
	    ('h' x 240) . ' LOGIN=' . ('l' x 240) ],
	[ 'a line that Postfix cuts off into a valid one',
	    'ADDR=198.51.100.9' . (' ' x 2022) . ' BOGUS=1' ],
	[ 'a line of 2 KB', 'ADDR=198.51.100.9 HELO=' . ('h' x 255) .
	    ' LOGIN=' . ('l' x 255) . ' BOGUS=' . ('b' x 1500) ],
);

for my $row (@lines) {
	my ($name, $args) = @$row;
	$live->policy_seen->forget;
	$live->milter_seen->forget;
	my $smtp = $live->connect;
	$smtp->cmd('EHLO proxy.example.net');
	is($smtp->cmd($good)->code, 220, "$name: the session has a client");
	my $reply = $smtp->cmd("XCLIENT $args");
	# Postfix from 3.10 on says itself that a command is too long.
	like("$reply", qr/^450 4\.5\.4 |^500 5\.5\.2 .*command too long/,
	    "$name: is refused as bad syntax");
	is($smtp->cmd('EHLO client.example.org')->code, 250, "$name: EHLO");
	is($smtp->mail(subject => "half: $name")->code, 250,
	    "$name: the session goes on");
	$smtp->quit;
	my $seen = $live->policy_seen->last(protocol_state => 'RCPT');
	is_deeply([ @$seen{qw(client_address client_name client_port
	    sasl_username)} ],
	    [ '198.51.100.1', 'first.example.org', '4711', 'joe' ],
	    "$name: policy sees who it was");
	my @connects = $live->milter_seen->find(event => 'CONNECT');
	is($connects[-1]{addr}, '198.51.100.1', "$name: the milter too");
	is(scalar(grep { $_->{addr} eq '198.51.100.9' } @connects), 0,
	    "$name: which never saw anybody else");
}

# Without report_only the session's mail is refused.
$live->{profiles} =~ s/report_only = true/report_only = false/;
$live->write_conf;
$live->policy->signal('HUP');
{
	my $reloaded;
	for (1 .. 100) {
		last if ($reloaded) = $live->policy->events(event => 'reload');
		select(undef, undef, undef, 0.05);
	}
	ok($reloaded, 'the configuration was reloaded');
	my $smtp = $live->connect;
	$smtp->cmd('EHLO proxy.example.net');
	$smtp->cmd('XCLIENT LOGIN=root ADDR=198.51.100.9 BOGUS=1');
	is($smtp->mail(subject => 'half: at last')->code, 451,
	    'without report_only mail of such a session is refused');
	$smtp->quit;
	ok($live->not_delivered('half: at last'), 'and does not get in');
}

$live->finish;
