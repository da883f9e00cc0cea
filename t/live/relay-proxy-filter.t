#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# smtpd_proxy_filter over a UNIX-domain socket: the relay finds the session that
# xcontext-policy follows by the smtpd process, so that the next hop is told of
# the client, and the binding is found by the context, without a word about
# either in the SMTP session.  Of a session that nobody follows, for it has no
# grants, smtpd tells by XFORWARD.
use strict;
use warnings;

use IO::Socket::UNIX ();
use Test::More;

use XContext::File qw(replace);
use XContext::Guard qw(guard_dir);
use XContext::Hop ();
use XContext::Live ();
use XContext::Relay ();

my $profiles = <<'END';
profile edge {
	xclient = { "*" }
	addr = { "public" }
	xsetcontext = { "tenant" }
}
profile webmail {
	xclient = { "ADDR" }
}
profile smtpd {
	xforward = { "*" }
	addr = { "*" }
}
END
my $live = XContext::Live->new(start => 0, profiles => $profiles,
    services => [ { name => 'messengers', wiring => 'a', options => [
	'smtpd_proxy_filter = unix:xcontext/relay' ] } ]);
my $hop = XContext::Hop->new(xclient => 'NAME ADDR PORT HELO PROTO');
my $socket = $live->postfix->sockets . '/relay';
my $relay = XContext::Relay->new(profiles => $profiles,
    trust => "127.0.1.0/24\tedge\n",
    conf => { store => "\"lmdb:$live->{dir}/xcontext/store\"",
	socket_group => '"postfix"',
	allowed_users => '{ "postfix", "root" }', XCLIENT => '"required"' },
    sections => "binding acme { XCLIENT = \"no\" }\n" .
	"listener filter { trust_maps = { 'inline:{localhost=smtpd}' } }\n",
    relays => { filter => { listen => "\"unix:$socket\"",
	next_hop => $hop->next_hop,
	binding_maps => "{ 'pcre:{{/^context\\.tenant=acme\$/ acme}}' }" } });
$live->start;
$relay->start;

# The last line of the next reply.
sub reply {
	my ($socket) = @_;

	while (defined(my $line = $socket->getline)) {
		return $line if $line =~ /^\d{3} /;
	}
	return '';
}

{
	my $smtp = $live->connect;
	$smtp->cmd('EHLO proxy.example.net');
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9 NAME=client.example.org ' .
	    'LOGIN=joe')->code, 450, 'what is not granted is refused');
	$smtp->close;
	$smtp = $live->connect;
	$smtp->cmd('EHLO proxy.example.net');
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9 NAME=client.example.org')
	    ->code, 220, 'an override');
	$smtp->cmd('EHLO client.example.org');
	is($smtp->mail(subject => 'followed')->code, 250,
	    'mail of it passes the filter');
	$smtp->quit;
	my ($said) = grep { /^XCLIENT / } $hop->commands;
	like($said, qr/ ADDR=198\.51\.100\.9\b/,
	    'the next hop is told of the client');
	like($said, qr/ NAME=client\.example\.org\b/, '... and of its name');
	my $message = $relay->event(event => 'message',
	    client => '198.51.100.9');
	is($message->{peer}, '127.0.1.1', 'the log shows the messenger');
	is($message->{session},
	    $live->policy->event(event => 'override')->{session},
	    '... and the session by its one name');
}

{
	my $smtp = $live->connect;
	$smtp->cmd('EHLO app.example.net');
	is($smtp->cmd('XSETCONTEXT tenant=acme')->code, 250, 'a context');
	is($smtp->mail(subject => 'by context')->code, 250,
	    'mail of it passes the filter');
	$smtp->quit;
	my $message = $relay->event(event => 'message', binding => 'acme');
	is($message->{xclient}, 'no', 'the binding is found by the context');
	is(scalar(grep { /^XCLIENT / } $hop->commands), 1,
	    '... and sends no XCLIENT');
}

{
	my $smtp = $live->connect(local => '127.0.2.1');
	$smtp->cmd('EHLO stranger.example.net');
	is($smtp->mail(subject => 'a stranger')->code, 250,
	    'a stranger\'s mail passes, too');
	$smtp->quit;
	my ($said) = grep { /^XCLIENT .*ADDR=127\.0\.2\.1/ } $hop->commands;
	ok(defined $said, '... under its own address');
}

# A relay whose store has gone cannot tell who is behind the socket.
{
	my $path = guard_dir() . '/lost.sock';
	my $lost = XContext::Relay->new(name => 'lost',
	    relays => { lost => { listen => "\"unix:$path\"",
		next_hop => $hop->next_hop } });
	$lost->start;
	rename("$lost->{dir}/store", "$lost->{dir}/away") or die "$!\n";
	replace("$lost->{dir}/store", '');
	my $socket = IO::Socket::UNIX->new(Peer => $path) or die "$path: $!";
	reply($socket);
	my @replies = map { $socket->print("$_\r\n"); reply($socket) }
	    'EHLO smtpd.example', 'MAIL FROM:<a@example.org>';
	like($replies[-1], qr/^451 4\.3\.0 it cannot be told who may do what;/,
	    'its mail waits, and the client is not told which file it is');
	like($lost->event(event => 'error')->{text}, qr/\Q$lost->{dir}/,
	    '... but the log is');
	$socket->close;
	$lost->finish(qr/event=error .*Not a directory/);
}

$relay->finish;
$hop->stop;
$live->finish;
