#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A real nginx mail proxy in front of xcontext-relay, and a Postfix behind that:
# the end client's address arrives, and the end client, who types on nginx's
# connection, gains nothing.  nginx is granted everything, so that nothing but
# the seal keeps its clients from it.
use strict;
use warnings;

use Test::More;

use XContext::Behind ();
use XContext::Guard qw(guard_time);
use XContext::Inside qw(received);
use XContext::Nginx ();
use XContext::Relay ();

my $why = XContext::Behind::impossible() // XContext::Relay::impossible() //
    XContext::Nginx::impossible();
plan(skip_all => $why) if defined $why;
guard_time(300);

my @seals = qw(override greeting);
my $behind = XContext::Behind->new->start;
my $relay = XContext::Relay->new(
    relays => { map { ($_ => { next_hop => $behind->next_hop }) } @seals },
    conf => { XCLIENT => '"required"' }, trust => '',
    profiles => join('', map { <<"END" } @seals));
profile $_ {
	xclient = { "*" }
	addr = { "127.0.2.0/24" }
	destaddr = { "*" }
	login = { "*" }
	xforward = { "*" }
	xremoteip = true
	xsetcontext = { "*" }
	xdumpcontext = true
	seal = "$_"
}
listener $_ { trust_maps = { "inline:{127.0.0.1=$_}" } }
END
$relay->start;

my $nginx = XContext::Nginx->new(behind => {
    map { ($_ => [ $relay->address($_), $relay->port($_) ]) } @seals });
$nginx->start;

# nginx keeps a client that talks too soon waiting; so wait for its greeting.
# It begins to copy when the transaction does, and goes on after RSET.
sub end_client {
	my ($seal, $local, $sender) = @_;
	my $smtp = $nginx->connect($seal, local => $local);
	$smtp->cmd('EHLO end.example.org');
	$smtp->cmd("MAIL FROM:<$sender>");
	return $smtp;
}

for my $seal (@seals) {
	my $smtp = end_client($seal, '127.0.2.1', "$seal\@example.org");
	is($smtp->cmd('RCPT TO:<box@example.com>')->code, 250,
	    "$seal: an end client's recipient");
	is($smtp->cmd('DATA')->code, 354, "$seal: DATA");
	is($smtp->data("Subject: by nginx, $seal\n\nHello.\n")->code, 250,
	    "$seal: its mail is taken");
	my $seen = $behind->client_of("$seal\@example.org");
	is($seen->{client_address}, '127.0.2.1', "$seal: Postfix: address");
	# Older versions do not tell it; nginx's own would be wrong.
	my $port = $smtp->local_port;
	like($seen->{client_port}, qr/^(?:unknown|$port)$/,
	    "$seal: Postfix: port");
	is($seen->{helo_name}, 'end.example.org', "$seal: Postfix: HELO");
	like(received($behind->delivered("by nginx, $seal")),
	    qr/^from end\.example\.org \(unknown \[127\.0\.2\.1\]\)/,
	    "$seal: Received:");
	my $event = $relay->event(event => 'override', listener => $seal);
	is($event->{peer}, '127.0.0.1', "$seal: the log shows nginx");
	is($event->{client}, '127.0.2.1', "$seal: and whom it spoke for");
	$smtp->quit;
}

for my $seal (@seals) {
	for my $line ('XCLIENT ADDR=127.0.2.9', "XCLIENT\tADDR=127.0.2.9",
	    'xclient ADDR=127.0.2.9', ' XCLIENT ADDR=127.0.2.9',
	    'XCLIENT LOGIN=root', 'XCLIENT HELO=other.example.org',
	    'XFORWARD ADDR=127.0.2.9', 'XREMOTEIP 127.0.2.9',
	    'XSETCONTEXT tenant=evil', 'XDUMPCONTEXT') {
		(my $shown = "$seal: $line") =~ s/\t/TAB/;
		$behind->seen->forget;
		my $smtp = end_client($seal, '127.0.2.1', 'evil@example.org');
		is($smtp->cmd('RCPT TO:<box@example.com>')->code, 250,
		    "$shown: RCPT");
		is($smtp->cmd('RSET')->code, 250, "$shown: RSET");
		my $reply = $smtp->cmd($line);
		like($reply->code, qr/^5/, "$shown: is refused");
		my $mail = $smtp->mail(from => 'evil@example.org');
		# What is no X command to us is one to nobody.
		# To read is no violation.
		is($mail->code, $reply->code == 500 ||
		    $line eq 'XDUMPCONTEXT' ? 250 : 451,
		    "$shown: its mail");
		$smtp->close;
		is_deeply([ grep { $_->{client_address} ne '127.0.2.1' ||
		    $_->{helo_name} ne 'end.example.org' ||
		    $_->{sasl_username} ne '' } $behind->seen->all ], [],
		    "$shown: no other identity");
	}
}

# An end client whom nginx may not speak for.
{
	my $smtp = end_client('greeting', '127.0.4.1', 'no@example.org');
	my $reply = $smtp->cmd('RCPT TO:<box@example.com>');
	like($reply->code, qr/^(?:[45]|0$)/,
	    'nginx may not speak for just anybody');
	$smtp->close;
	is(scalar($behind->seen->find(sender => 'no@example.org')), 0,
	    'no mail gets in');
}

$relay->finish;
$behind->finish;
alarm(0);
done_testing();
