#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A permitted override: policy request, milter, Received: header and our log
# all show the client, and the decision line shows peer and client.
use strict;
use warnings;

use Test::More;

use XContext::Live ();

# A messenger whose name Postfix knows (hosts(5)), for what must not stay of it.
my $live = XContext::Live->new(services => [
	{ name => 'messengers', wiring => 'a' },
	{ name => 'named', wiring => 'a',
	    options => [ 'smtpd_peername_lookup = yes',
		'smtp_host_lookup = native' ] } ],
	trust => "127.0.1.0/24\tedge\n127.0.0.1\tedge\n");

# Who a mail came from, as Postfix wrote it down.
sub received {
	my ($mail) = @_;
	return ($mail // '') =~ /^Received: (.*)$/m ? $1 : undef;
}

{
	my $smtp = $live->connect;
	my $ehlo = $smtp->cmd('EHLO proxy.example.net');
	ok($ehlo->offers('XCLIENT'), 'a messenger is offered XCLIENT');
	my $reply = $smtp->cmd('XCLIENT ADDR=198.51.100.9 ' .
	    'NAME=client.example.org PORT=4711 HELO=asserted.example.org');
	is($reply->code, 220, 'the override is executed');
	is($smtp->cmd('EHLO said.example.org')->code, 250, 'EHLO');
	is($smtp->mail(subject => 'permitted')->code, 250, 'mail is accepted');
	$smtp->quit;

	my $seen = $live->policy_seen->last(client_address => '198.51.100.9');
	is($seen->{client_name}, 'client.example.org', 'policy: name');
	is($seen->{client_port}, '4711', 'policy: port');
	is($seen->{helo_name}, 'said.example.org', 'policy: HELO');
	is($seen->{sasl_username}, '', 'policy: no login');
	$seen = $live->milter_seen->last(event => 'CONNECT',
	    addr => '198.51.100.9');
	is($seen->{name}, 'client.example.org', 'milter: name');
	is($seen->{port}, '4711', 'milter: port');
	my $mail = $live->postfix->delivered('permitted');
	is(received($mail), 'from said.example.org (client.example.org ' .
	    '[198.51.100.9])', 'Received: shows the client');

	my $permit = $live->policy->event(event => 'permit',
	    peer => '127.0.1.1');
	is($permit->{action}, 'permit', 'log: the decision');
	is($permit->{profile}, 'edge', 'log: the profile');
	my $override = $live->policy->event(event => 'override',
	    client => '198.51.100.9');
	is($override->{peer}, '127.0.1.1', 'log: peer beside client');
	is($override->{session}, $permit->{session}, 'log: one session');
	my $connect = $live->milter->event(event => 'connect',
	    client => '198.51.100.9');
	is($connect->{peer}, '127.0.1.1', 'milter log: the peer');
	is($connect->{session}, $permit->{session},
	    'milter log: the same session');
}

{
	my $smtp = $live->connect;
	$smtp->cmd('EHLO proxy.example.net');
	is($smtp->cmd('XCLIENT NAME=two.example.org ADDR=198.51.100.10')->code,
	    220, 'several commands: name and address first');
	is($smtp->cmd('XCLIENT HELO=helo.example.org PROTO=ESMTP')->code, 220,
	    'several commands: then HELO and PROTO');
	is($smtp->mail(subject => 'accumulated')->code, 250, 'mail');
	$smtp->quit;
	my $seen = $live->policy_seen->last(client_address => '198.51.100.10');
	is($seen->{client_name}, 'two.example.org', 'they accumulate: name');
	is($seen->{helo_name}, 'helo.example.org', 'they accumulate: HELO');
	is($seen->{protocol_name}, 'ESMTP', 'they accumulate: PROTO');
	is(received($live->postfix->delivered('accumulated')),
	    'from helo.example.org (two.example.org [198.51.100.10])',
	    'they accumulate: Received:');
}

{
	my $smtp = $live->connect(service => 'named', local => '127.0.0.1');
	$smtp->cmd('EHLO proxy.example.net');
	$smtp->mail(subject => 'by name');
	is($live->policy_seen->last(client_address => '127.0.0.1')
	    ->{client_name}, 'localhost', 'a peer with a name');
	$smtp->quit;
}

{
	my $smtp = $live->connect(service => 'named', local => '127.0.0.1');
	my $port = $smtp->local_port;
	is($smtp->cmd('XCLIENT ADDR=198.51.100.11')->code, 220,
	    'an address alone');
	$smtp->cmd('EHLO a.example.org');
	is($smtp->mail(subject => 'nameless')->code, 250, 'mail');
	$smtp->quit;
	my $seen = $live->policy_seen->last(client_address => '198.51.100.11');
	is($seen->{client_name}, 'unknown', 'no trace of the peer: name');
	is($seen->{reverse_client_name}, 'unknown',
	    'no trace of the peer: reverse name');
	isnt($seen->{client_port}, $port, 'no trace of the peer: port');
	$seen = $live->milter_seen->last(event => 'CONNECT',
	    addr => '198.51.100.11');
	unlike($seen->{name}, qr/localhost/, 'no trace for milters: name');
	is($seen->{client_name}, 'unknown', 'no trace for milters: macro');
	is($seen->{client_ptr}, 'unknown', 'no trace for milters: its reverse');
}

$live->finish;
