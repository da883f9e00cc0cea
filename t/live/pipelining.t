#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XCLIENT in company: pipelined with what follows, before EHLO, twice, with
# RSET, inside a transaction, before several messages.  Whoever asks is told of
# the same client each time.
use strict;
use warnings;

use Test::More;

use XContext::Inside qw(accounts received record_of smtpd_of);
use XContext::Live ();
use XContext::Postfix ();

my $live = XContext::Live->new;

my $may_pipeline = XContext::Postfix::may_pipeline();

my $n = 0;

sub envelope {
	my $sender = sprintf('p%d@example.org', ++$n);
	return ($sender, "MAIL FROM:<$sender>", 'RCPT TO:<box@example.com>',
	    'DATA');
}

sub message {
	my ($smtp, $sender) = @_;
	return $smtp->data("From: <$sender>\nSubject: $sender\n\nHello.\n");
}

sub codes { return join(' ', map { $_->code } @_) }

# The mail of that sender is in, and everybody was told this client.
sub is_from {
	my ($name, $sender, $account, $shown) = @_;
	is_deeply([ accounts($live, $sender) ], [ $account ],
	    "$name: policy and milter");
	like(received($live->postfix->delivered($sender)) // 'none',
	    qr/^from \S+ \(\Q$shown\E\)/, "$name: Received:");
}

# What is pipelined behind an XCLIENT; want: the codes up to 354.
sub pipelined {
	my ($name, $want, $account, $shown, @lines) = @_;
	my $smtp = $live->connect;
	my ($sender, @envelope) = envelope();
	my @replies = $smtp->pipeline(@lines, @envelope);
	if ($may_pipeline) {
		is(codes(@replies), $want, "$name: replies");
		is(message($smtp, $sender)->code, 250, "$name: message");
		is_from($name, $sender, $account, $shown);
	} else {
		is($replies[-1]->code, 0, "$name: ends the session");
		ok($live->not_delivered($sender), "$name: no mail gets in");
	}
	$smtp->close;
	return $sender;
}

pipelined('XCLIENT, EHLO, MAIL', '250 220 250 250 250 354',
    '198.51.100.1 a.example.org 0 ', 'a.example.org [198.51.100.1]',
    'EHLO edge.example.net', 'XCLIENT ADDR=198.51.100.1 NAME=a.example.org',
    'EHLO client.example.org');
pipelined('XCLIENT first of all, MAIL', '220 250 250 354',
    '198.51.100.2 unknown 0 ', 'unknown [198.51.100.2]',
    'XCLIENT ADDR=198.51.100.2');
pipelined('two XCLIENTs', '250 220 220 250 250 354',
    '198.51.100.3 c.example.org 33 ', 'c.example.org [198.51.100.3]',
    'EHLO edge.example.net',
    'XCLIENT ADDR=198.51.100.3 NAME=c.example.org PORT=33',
    'XCLIENT HELO=said.example.org PROTO=ESMTP');

# By itself Postfix forgets at the second what only the first has said.
{
	my $sender = pipelined('two XCLIENTs, HELO first',
	    '250 220 220 250 250 354', '198.51.100.4 d.example.org 0 ',
	    'd.example.org [198.51.100.4]', 'EHLO edge.example.net',
	    'XCLIENT HELO=said.example.org PROTO=ESMTP',
	    'XCLIENT ADDR=198.51.100.4 NAME=d.example.org');
	my $seen = $live->policy_seen->last(sender => $sender);
	is($seen->{helo_name}, 'said.example.org',
	    'two XCLIENTs, HELO first: it is not forgotten')
	    if $may_pipeline;
}

# One of two is refused, whichever it is: the session is spoilt.
for my $row ([ 'the first of two', '250 450 220 451 503 503',
    'XCLIENT ADDR=10.0.0.1', 'XCLIENT ADDR=198.51.100.4' ],
    [ 'the second of two', '250 220 450 451 503 503',
    'XCLIENT ADDR=198.51.100.4', 'XCLIENT ADDR=10.0.0.1' ]) {
	my ($name, $want, @lines) = @$row;
	my $smtp = $live->connect;
	my ($sender, @envelope) = envelope();
	my @replies = $smtp->pipeline('EHLO edge.example.net', @lines,
	    @envelope);
	is(codes(@replies), $want, "$name refused: replies")
	    if $may_pipeline;
	$smtp->close;
	ok($live->not_delivered($sender), "$name refused: no mail gets in");
	is_deeply([ $live->policy_seen->find(client_address => '10.0.0.1') ],
	    [], "$name refused: it has no effect");
}

# Before EHLO; HELO of the session is that of the client.
{
	my $smtp = $live->connect;
	is($smtp->cmd('XCLIENT ADDR=198.51.100.5 NAME=e.example.org')->code,
	    220, 'before EHLO: XCLIENT');
	my $ehlo = $smtp->cmd('EHLO client.example.org');
	is($ehlo->code, 250, 'before EHLO: EHLO');
	ok(!$ehlo->offers('XCLIENT') ||
	    $smtp->cmd('XCLIENT ADDR=198.51.100.6')->code == 450,
	    'before EHLO: sealed by it');
	$smtp->quit;
}

# Inside a transaction the answer is Postfix's, and nothing changes.
{
	my $smtp = $live->connect;
	my $port = $smtp->local_port;
	my ($sender, @envelope) = envelope();
	$smtp->cmd('EHLO edge.example.net');
	is($smtp->cmd($envelope[0])->code, 250, 'in a transaction: MAIL');
	is($smtp->cmd('XCLIENT ADDR=198.51.100.7')->code, 503,
	    'in a transaction: 503');
	is($smtp->cmd($envelope[1])->code, 250, 'in a transaction: RCPT');
	is($smtp->cmd('XCLIENT ADDR=198.51.100.7')->code, 503,
	    'in a transaction: 503 again');
	is($smtp->cmd('DATA')->code, 354, 'in a transaction: DATA');
	is(message($smtp, $sender)->code, 250, 'in a transaction: message');
	is_from('in a transaction', $sender, "127.0.1.1 unknown $port ",
	    'unknown [127.0.1.1]');
	my $record = record_of($live, smtpd_of($smtp));
	is($record->{client}, '127.0.1.1', 'in a transaction: the ledger');
	# It never became pending, so nothing is forgotten.
	my ($forget) = $live->policy->events(event => 'forget',
	    session => $record->{session});
	ok(!$forget, 'in a transaction: nothing was pending');

	# And behind it the session is as good as before.
	($sender, @envelope) = envelope();
	is($smtp->cmd('XCLIENT ADDR=198.51.100.7')->code, 220,
	    'after a transaction: XCLIENT');
	$smtp->cmd('EHLO client.example.org');
	is(codes($smtp->pipeline(@envelope)), '250 250 354',
	    'after a transaction: envelope');
	is(message($smtp, $sender)->code, 250, 'after a transaction: mail');
	is_from('after a transaction', $sender, '198.51.100.7 unknown 0 ',
	    'unknown [198.51.100.7]');
	$smtp->quit;
}

# RSET ends a transaction, not an identity.
{
	my $smtp = $live->connect;
	my ($sender, @envelope) = envelope();
	$smtp->cmd('EHLO edge.example.net');
	is($smtp->cmd('RSET')->code, 250, 'RSET before XCLIENT');
	is($smtp->cmd('XCLIENT ADDR=198.51.100.8 PORT=8')->code, 220,
	    'RSET: XCLIENT');
	is($smtp->cmd('RSET')->code, 250, 'RSET after XCLIENT');
	$smtp->cmd('EHLO client.example.org');
	is(codes($smtp->pipeline(@envelope[0, 1])), '250 250',
	    'RSET: envelope');
	is($smtp->cmd('RSET')->code, 250, 'RSET in a transaction');
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 450,
	    'RSET breaks no seal');
	$smtp->quit;

	$smtp = $live->connect;
	($sender, @envelope) = envelope();
	is($smtp->cmd('XCLIENT ADDR=198.51.100.8 PORT=8')->code, 220,
	    'RSET: XCLIENT');
	$smtp->cmd('EHLO client.example.org');
	$smtp->cmd($envelope[0]);
	$smtp->cmd('RSET');
	is(codes($smtp->pipeline(@envelope)), '250 250 354',
	    'RSET: another envelope');
	is(message($smtp, $sender)->code, 250, 'RSET: message');
	is_from('RSET', $sender, '198.51.100.8 unknown 8 ',
	    'unknown [198.51.100.8]');
	$smtp->quit;
}

# All messages of a session are its client's.
{
	my $smtp = $live->connect;
	$smtp->cmd('EHLO edge.example.net');
	is($smtp->cmd('XCLIENT ADDR=198.51.100.11 NAME=k.example.org ' .
	    'PORT=11')->code, 220, 'several messages: XCLIENT');
	$smtp->cmd('EHLO client.example.org');
	for my $i (1 .. 3) {
		my ($sender, @envelope) = envelope();
		is(codes($smtp->pipeline(@envelope)), '250 250 354',
		    "message $i: envelope");
		is(message($smtp, $sender)->code, 250, "message $i: mail");
		is_from("message $i", $sender,
		    '198.51.100.11 k.example.org 11 ',
		    'k.example.org [198.51.100.11]');
	}
	my $record = record_of($live, smtpd_of($smtp));
	is($record->{client}, '198.51.100.11', 'several messages: the ledger');
	$smtp->quit;
}

$live->finish;
