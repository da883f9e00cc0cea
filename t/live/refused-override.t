#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A refused override: the session keeps the identity that it had, no mail gets
# in, policy and milter agree about who the client is, and the log says why.
use strict;
use warnings;

use Test::More;

use XContext::Live ();

my $live = XContext::Live->new;

# peer, line, the attribute that the log blames, the reason
my @rows = (
	[ 'an attribute that is not granted', XContext::Live::WEBMAIL,
	    'XCLIENT ADDR=198.51.100.9 HELO=a.example.org', 'HELO',
	    'no_grant' ],
	[ 'LOGIN without grant', XContext::Live::MESSENGER,
	    'XCLIENT ADDR=198.51.100.9 LOGIN=root', 'LOGIN', 'no_grant' ],
	[ 'LOGIN outside its table', XContext::Live::WEBMAIL,
	    'XCLIENT LOGIN=root', 'LOGIN', 'value' ],
	[ 'an address outside the range', XContext::Live::MESSENGER,
	    'XCLIENT ADDR=198.51.100.200', 'ADDR', 'value' ],
	[ 'a private address', XContext::Live::MESSENGER,
	    'XCLIENT ADDR=10.1.2.3', 'ADDR', 'value' ],
	[ 'a loopback address', XContext::Live::MESSENGER,
	    'XCLIENT ADDR=127.0.0.1', 'ADDR', 'value' ],
	[ 'another messenger\'s address', XContext::Live::MESSENGER,
	    'XCLIENT ADDR=127.0.1.2', 'ADDR', 'value' ],
	[ 'a name under a protected zone', XContext::Live::MESSENGER,
	    'XCLIENT ADDR=198.51.100.9 NAME=x.internal.example.net', 'NAME',
	    'value' ],
);

for my $row (@rows) {
	my ($name, $peer, $line, $attribute, $reason) = @$row;
	my $subject = "refused: $name";
	$live->policy_seen->forget;
	$live->milter_seen->forget;
	my $smtp = $live->connect(local => $peer);
	my $port = $smtp->local_port;
	$smtp->cmd('EHLO proxy.example.net');
	my $reply = $smtp->cmd($line);
	is($reply->code, 450, "$name: the command gets 450");
	like("$reply", qr/4\.7\.1 .*session [0-9A-Z]{26}/,
	    "$name: with the session's name");
	my $mail = $smtp->mail(subject => $subject);
	is($mail->code, 451, "$name: mail gets 451");
	$smtp->quit;
	ok($live->not_delivered($subject), "$name: no mail gets in");
	is_deeply([ grep { $_->{client_address} ne $peer }
	    $live->policy_seen->all ], [],
	    "$name: policy never saw another client");
	is_deeply([ grep { $_->{addr} ne $peer }
	    $live->milter_seen->find(event => 'CONNECT') ], [],
	    "$name: nor did a milter");
	my ($refuse) = reverse $live->policy->events(event => 'refuse',
	    peer => $peer);
	is($refuse->{attribute}, $attribute, "$name: the log names it");
	is($refuse->{reason}, $reason, "$name: the log says why");
	like($refuse->{rule} // '', qr/xcontext\.conf:\d+$/,
	    "$name: the log names the rule");
}

{
	my $smtp = $live->connect(local => XContext::Live::STRANGER);
	my $ehlo = $smtp->cmd('EHLO stranger.example.org');
	ok(!$ehlo->offers('XCLIENT'), 'a stranger: no XCLIENT in EHLO');
	ok(!$ehlo->offers('XFORWARD'), 'a stranger: no XFORWARD either');
	like($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, qr/^[45]/,
	    'a stranger: XCLIENT is refused');
	$smtp->mail(subject => 'a stranger');
	$smtp->quit;
	is_deeply([ $live->policy_seen->find(
	    client_address => '198.51.100.9') ], [],
	    'a stranger: stays who it is');
}

# Without an attempt at XCLIENT a stranger's mail is mail.
{
	my $smtp = $live->connect(local => XContext::Live::STRANGER);
	$smtp->cmd('EHLO stranger.example.org');
	is($smtp->mail(subject => 'honest')->code, 250,
	    'an honest stranger: mail is accepted');
	$smtp->quit;
	like($live->postfix->delivered('honest') // '',
	    qr/^Received: from stranger\.example\.org .*\[127\.0\.2\.1\]/m,
	    'an honest stranger: Received:');
}

# An end client behind a messenger that passes bytes through.
{
	my $smtp = $live->connect;
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220,
	    'a pass-through messenger speaks first');
	is($smtp->cmd('EHLO end.example.org')->code, 250,
	    'then its end client');
	is($smtp->cmd('XCLIENT ADDR=198.51.100.10')->code, 450,
	    'sealed: the end client cannot override');
	is($smtp->mail(subject => 'sealed')->code, 451,
	    'sealed: and has spoilt its session');
	$smtp->quit;
	ok($live->not_delivered('sealed'), 'sealed: no mail gets in');
	is_deeply([ $live->policy_seen->find(
	    client_address => '198.51.100.10') ], [],
	    'sealed: the identity stays');
	my ($refuse) = $live->policy->events(event => 'refuse',
	    reason => 'sealed');
	is($refuse->{client}, '198.51.100.9', 'sealed: the log says so');
}

$live->finish;
