#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Next hops that have taken over XCLIENT, but not all that Postfix says by it:
# the identity of IPv4 and IPv6 clients arrives at each as it reads it, and
# nothing of one client stays for the next one.
use strict;
use warnings;

use Test::More;

use XContext::Dialect ();
use XContext::Guard qw(guard_time);
use XContext::Relay ();

my $why = XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(120);

my %hop = (map({ $_ => XContext::Dialect::hop($_) } XContext::Dialect::kinds()),
    once => XContext::Dialect::hop('kumomta', again => 0),
    'dovecot-lmtp' => XContext::Dialect::hop('dovecot', lmtp => 1));
my $relay = XContext::Relay->new(conf => { XCLIENT => '"required"' },
    profiles => <<'END',
profile edge { xclient = { "*" } addr = { "*" } login = { "*" } }
profile filter {
	xclient = { "*" }
	xforward = { "*" }
	addr = { "*" }
	login = { "*" }
	seal = "never"
}
END
    relays => { (map { $_ => { next_hop => $hop{$_}->next_hop } } keys %hop),
	# Told as Postfix would be.
	wrong => { next_hop => $hop{kumomta}->next_hop,
	    binding => '"postfix"' } },
    sections => "binding postfix { xclient_dialect = \"postfix\" }\n");
$relay->start;

# Of a message: what its hop knows, by words; the others' order is its own.
sub seen_by {
	my ($reply, @words) = @_;
	my %known = $reply->text =~ /(\w+)=(\S+)/g;
	return join(' ', map { $known{$_} // 'none' } @words);
}

# Each dialect's words, and what there is of a client who has all, or nothing
# but an address.
my %words = (kumomta => [ qw(addr port) ], exim => [ qw(addr port name login) ],
    dovecot => [ qw(addr port helo proto login) ]);
my %kind = (once => 'kumomta', 'dovecot-lmtp' => 'dovecot',
    'dovecot-2.3' => 'dovecot');
my @clients = (
	# addr, port, name, helo, what Dovecot makes of helo
	[ '198.51.100.1', 1111, 'one.example.org', 'helo1', 'helo1' ],
	[ '2001:db8::2', 2222, 'two.example.org', '[IPv6:2001:db8::2]',
	    '[IPv6:2001:db8::2]' ],
	[ '2001:db8::3' ],
	[ '198.51.100.4', 4444, 'four.example.org', 'no?domain', 'own' ],
	[ '198.51.100.5', 5555, undef, 'my_pc', 'own' ],
	[ '198.51.100.5' ],
	[ '2001:db8::6', 6666, undef, 'equals=sign', 'own' ],
	[ '198.51.100.1', 1111, 'one.example.org', 'helo1', 'helo1' ],
);

sub want {
	my ($kind, $client, $login) = @_;
	my ($addr, $port, $name, undef, $helo) = @$client;
	return join(' ', $addr, $port // 0) if $kind eq 'kumomta';
	return join(' ', $addr, map { $_ // '-' } $port, $name, $login)
	    if $kind eq 'exim';
	return join(' ', $addr, $port // 'own', $helo // 'own',
	    defined $client->[3] ? 'ESMTP' : 'own', $login // 'own');
}

sub tagged { return ($_[0] =~ /:/ ? 'IPV6:' : '') . $_[0] }

for my $name (sort keys %hop) {
	my $kind = $kind{$name} // $name;
	$relay->mark;
	my $smtp = $relay->connect(relay => $name, local => '127.0.4.1');
	$smtp->cmd('EHLO filter.example.net');
	for my $client (@clients) {
		my ($addr, $port, $host, $helo) = @$client;
		my $line = 'XFORWARD ADDR=' . tagged($addr) .
		    (defined $port ? " PORT=$port" : '') .
		    (defined $host ? " NAME=$host" : '') .
		    (defined $helo ? " HELO=$helo PROTO=ESMTP" : '');
		is($smtp->cmd($line)->code, 250, "$name: $line");
		my $reply = $smtp->mail;
		is($reply->code, 250, "$name: $addr: accepted")
		    or diag("$reply");
		is(seen_by($reply, @{$words{$kind}}), want($kind, $client),
		    "$name: $addr: as that client's");
	}
	$smtp->quit;
	# Users, and then a client who is none, on one connection.
	$smtp = $relay->connect(relay => $name, local => '127.0.4.1');
	for my $row ([ '198.51.100.7', 'anna' ], [ '2001:db8::8', 'anna' ],
	    [ '2001:db8::9' ], [ '198.51.100.7', 'bob' ]) {
		my ($addr, $login) = @$row;
		$smtp->cmd('EHLO proxy.example.net');
		is($smtp->cmd('XCLIENT PORT=77 ADDR=' . tagged($addr) .
		    (defined $login ? " LOGIN=$login" : ''))->code, 220,
		    "$name: XCLIENT of $addr");
		is($smtp->cmd('EHLO helo')->code, 250, "$name: its greeting");
		is(seen_by($smtp->mail, @{$words{$kind}}), want($kind,
		    [ $addr, 77, undef, 'helo', 'helo' ], $login),
		    "$name: $addr: as that user's");
	}
	$smtp->quit;
	ok($relay->is_idle, "$name: the relay lets go");
	is(join(' ', map { $_->{event} } grep { ($_->{event} // '') =~
	    /^(?:xclient_(?!sent)|hop_failed|mail_refused)/ } $relay->since),
	    '', "$name: nothing was refused");
	is(scalar($hop{$name}->find(event => 'command', verb => 'XCLIENT')),
	    scalar($relay->since(event => 'xclient_sent')),
	    "$name: nor tried in vain");
}

# These hops do refuse what those servers would: were they told as Postfix is,
# no IPv6 client's mail would go.
{
	my $smtp = $relay->connect(relay => 'wrong', local => '127.0.4.1');
	$smtp->cmd('EHLO filter.example.net');
	for my $args ('ADDR=IPV6:2001:db8::2 PORT=22', 'ADDR=198.51.100.1') {
		$smtp->cmd("XFORWARD $args");
		is($smtp->mail->code, 451, "in another dialect: $args");
	}
	$smtp->quit;
}

$relay->finish(qr/event=(?:xclient_refused|hop_failed)/);
$_->stop for values %hop;
done_testing();
