#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XFORWARD, which Postfix grants once and for all at connect: refused without a
# grant, and to whoever drives the connection after a seal; each for its message.
use strict;
use warnings;

use Test::More;

use XContext::Live ();

my $REJECTS = '127.0.4.1';
my $live = XContext::Live->new(trust => <<'TRUST', profiles => <<'END');
127.0.1.0/24	edge
127.0.3.0/24	webmail
127.0.4.0/24	gateway
TRUST
profile edge {
	xclient = { "*" }
	xforward = { "NAME", "ADDR", "PORT", "HELO", "PROTO", "IDENT",
	    "SOURCE" }
	addr = { "!198.51.100.128/25", "public" }
}
profile gateway {
	xforward = { "*" }
	on_violation = "reject"
}
profile webmail {
	xclient = { "*" }
	xforward = { "NAME" }
}
END

{
	my $smtp = $live->connect;
	my $ehlo = $smtp->cmd('EHLO proxy.example.net');
	ok($ehlo->offers('XFORWARD'), 'granted: XFORWARD is offered');
	my $reply = $smtp->cmd('XFORWARD NAME=spike.example.org ' .
	    'ADDR=198.51.100.9 PORT=4711 PROTO=ESMTP HELO=spike.example.org ' .
	    'IDENT=ABC123 SOURCE=REMOTE');
	is($reply->code, 250, 'granted: all seven attributes are taken');
	is($smtp->mail(subject => 'forwarded')->code, 250,
	    'granted: mail goes in');
	$smtp->quit;
	ok(defined $live->postfix->delivered('forwarded'), 'granted: for good');
	like($live->postfix->log_text,
	    qr/client=spike\.example\.org\[198\.51\.100\.9\]/,
	    'granted: Postfix logs the origin');
	my ($permit) = $live->policy->events(event => 'permit',
	    command => 'XFORWARD');
	is($permit->{peer}, XContext::Live::MESSENGER, 'granted: our log');
}

# smtp(8) says one for each message of a connection, and goes on whatever the
# reply was: each message is its own client's.
for my $row ([ 'tempfail', XContext::Live::MESSENGER, 451 ],
    [ 'reject', $REJECTS, 554 ]) {
	my ($name, $peer, $want) = @$row;
	my $smtp = $live->connect(local => $peer);
	$smtp->cmd('EHLO proxy.example.net');
	for my $n (1 .. 6) {
		my $is_bad = $n == 2 || $n == 3 || $n == 5;
		my $addr = $is_bad ? '10.0.0.1' : "198.51.100.$n";
		my $subject = "xforward: $name, message $n";

		like($smtp->cmd("XFORWARD NAME=c$n.example.org ADDR=$addr")
		    ->code, $is_bad ? qr/^[45]/ : qr/^250/,
		    "$name: client $n is told");
		is($smtp->mail(subject => $subject)->code,
		    $is_bad ? $want : 250, "$name: message $n");
		# Some go on with RSET, some do not.
		$smtp->cmd('RSET') if $n == 2;
		$is_bad ? ok($live->not_delivered($subject), "$subject: not in")
		    : ok(defined $live->postfix->delivered($subject),
		    "$subject: in");
	}
	$smtp->quit;
}
unlike($live->postfix->log_text, qr/client=c[235]\.example\.org/,
    'who was refused is nobody\'s client');

my @refused = (
	[ 'an attribute without grant', XContext::Live::WEBMAIL,
	    'XFORWARD NAME=spike.example.org HELO=h' ],
	[ 'an address outside the range', XContext::Live::MESSENGER,
	    'XFORWARD ADDR=198.51.100.200' ],
	[ 'a private address', XContext::Live::MESSENGER,
	    'XFORWARD ADDR=10.0.0.1' ],
	[ 'a malformed line', XContext::Live::MESSENGER,
	    'XFORWARD ADDR=198.51.100.9 BOGUS=1' ],
	[ 'a stranger', XContext::Live::STRANGER,
	    'XFORWARD ADDR=198.51.100.9' ],
);
for my $row (@refused) {
	my ($name, $peer, $line) = @$row;
	my $smtp = $live->connect(local => $peer);
	$smtp->cmd('EHLO proxy.example.net');
	like($smtp->cmd($line)->code, qr/^[45]/, "$name: refused");
	is($smtp->mail(subject => "xforward: $name")->code, 451,
	    "$name: mail gets 451");
	$smtp->quit;
	ok($live->not_delivered("xforward: $name"), "$name: no mail gets in");
}
unlike($live->postfix->log_text, qr/\[(?:10\.0\.0\.1|198\.51\.100\.200)\]/,
    'what was refused is nowhere in the log of Postfix');

# The end client behind a messenger that passes bytes through.
{
	my $smtp = $live->connect;
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220, 'override');
	is($smtp->cmd('EHLO end.example.org')->code, 250, 'and greeting');
	is($smtp->cmd('XFORWARD ADDR=203.0.113.5')->code, 450,
	    'the end client cannot use its messenger\'s XFORWARD');
	is($smtp->mail(subject => 'xforward: sealed')->code, 451,
	    'and has spoilt its session');
	$smtp->quit;
	ok($live->not_delivered('xforward: sealed'), 'no mail gets in');
}

# After an override, before the seal: by the messenger's own grants.
for my $row ([ XContext::Live::MESSENGER, 'HELO=h', 250 ],
    [ XContext::Live::WEBMAIL, 'HELO=h', 450 ]) {
	my ($peer, $args, $want) = @$row;
	my $smtp = $live->connect(local => $peer);
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220,
	    "$peer overrides");
	is($smtp->cmd("XFORWARD $args")->code, $want,
	    "and then its XFORWARD gets $want");
	$smtp->quit;
}

$live->finish;
