#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A real nginx mail proxy as the messenger: it says XCLIENT and EHLO and copies
# bytes from then on, so that the end client is typing on its connection.  It is
# granted everything, so that nothing but the seal keeps its clients from it;
# behind one of its ports the override seals, behind the other the greeting.
use strict;
use warnings;

use Test::More;

use XContext::Live ();
use XContext::Nginx ();

my $why = XContext::Nginx::impossible();
plan(skip_all => $why) if defined $why;

my @seals = qw(override greeting);
my $live = XContext::Live->new(
    services => [ map { { name => $_, wiring => 'a', listener => $_ } }
	@seals ],
    trust => '', profiles => join('', map { <<"END" } @seals));
profile $_ {
	xclient = { "ADDR", "PORT", "NAME", "HELO" }
	addr = { "127.0.2.0/24" }
	xforward = { "*" }
	xremoteip = true
	xsetcontext = { "*" }
	xdumpcontext = true
	seal = "$_"
}
listener $_ { trust_maps = { "inline:{127.0.0.1=$_}" } }
END

my $postfix = $live->postfix;
my $nginx = XContext::Nginx->new(behind => {
    map { ($_ => [ $postfix->address($_), $postfix->port($_) ]) } @seals });
$nginx->start;

sub end_client {
	my ($seal, $local) = @_;
	return $nginx->connect($seal, local => $local);
}

# nginx keeps a client that talks too soon waiting; so wait for its greeting.
for my $seal (@seals) {
	my $smtp = end_client($seal, '127.0.2.1');
	is($smtp->cmd('EHLO end.example.org')->code, 250,
	    "$seal: an end client is greeted through nginx");
	is($smtp->mail(subject => "through nginx, $seal")->code, 250,
	    "$seal: its mail is taken");
	$smtp->quit;
	my $mail = $live->postfix->delivered("through nginx, $seal") // '';
	like($mail, qr/^Received: from end\.example\.org .*\[127\.0\.2\.1\]/m,
	    "$seal: as its own");
	my ($override) = $live->policy->events(event => 'override',
	    profile => $seal);
	is($override->{peer}, '127.0.0.1', "$seal: the log shows nginx");
	is($override->{client}, '127.0.2.1', "$seal: and whom it spoke for");
}

# What nginx says for itself it is granted.
for my $seal (@seals) {
	my $smtp = $live->connect(service => $seal, local => '127.0.0.1');
	is($smtp->cmd($_)->code, 250, "$seal: nginx itself may: $_")
	    for 'EHLO proxy.example.net', 'XSETCONTEXT tenant=evil';
	is($smtp->cmd('XDUMPCONTEXT')->code, 450, "$seal: and may read it");
	is($smtp->cmd('XREMOTEIP 127.0.2.9')->code, 220, "$seal: and speak");
	$smtp->quit;
}

# Typing on nginx's connection, the end client has none of nginx's rights.
for my $line ('XCLIENT ADDR=127.0.2.9', "XCLIENT\tADDR=127.0.2.9",
    'XFORWARD ADDR=127.0.2.9', 'XCLIENT HELO=other.example.org',
    'XREMOTEIP 127.0.2.9', 'XSETCONTEXT tenant=evil', 'XDUMPCONTEXT') {
	for my $seal (@seals) {
		(my $shown = "$line, $seal") =~
		    s/([^ -~])/sprintf('\\x%02x', ord($1))/ge;
		my ($command) = $line =~ /^(\w+)/;
		$live->policy_seen->forget;
		my $n_sealed = () = $live->policy->events(event => 'refuse',
		    command => $command, reason => 'sealed',
		    profile => $seal);
		my $smtp = end_client($seal, '127.0.2.1');
		$smtp->cmd('EHLO end.example.org');
		# nginx begins to copy when the transaction does.
		is($smtp->cmd('MAIL FROM:<sender@example.org>')->code, 250,
		    "$shown: MAIL");
		is($smtp->cmd('RCPT TO:<box@example.com>')->code, 250,
		    "$shown: RCPT");
		is($smtp->cmd('RSET')->code, 250, "$shown: RSET");
		like($smtp->cmd($line)->code, qr/^[45]/,
		    "$shown: is refused");
		is(scalar(() = $live->policy->events(event => 'refuse',
		    command => $command, reason => 'sealed',
		    profile => $seal)), $n_sealed + 1,
		    "$shown: because of the seal");
		# To read is no violation.
		my $spoils = $command ne 'XDUMPCONTEXT';
		is($smtp->mail(subject => "nginx: $shown")->code,
		    $spoils ? 451 : 250, "$shown: and has spoilt the session, " .
		    "or not") if !$smtp->{closed};
		$smtp->close;
		ok($live->not_delivered("nginx: $shown"), "$shown: no mail")
		    if $spoils;
		is_deeply([ grep { $_->{client_address} ne '127.0.2.1' }
		    $live->policy_seen->all ], [],
		    "$shown: no other identity");
	}
}

# An end client whom nginx may not speak for.
for my $seal (@seals) {
	my $smtp = end_client($seal, '127.0.4.1');
	$smtp->cmd('EHLO end.example.org');
	my $reply = $smtp->mail(subject => "nginx may not, $seal");
	like($reply->code, qr/^[45]/,
	    "$seal: nginx may not speak for just anybody");
	$smtp->close;
	ok($live->not_delivered("nginx may not, $seal"),
	    "$seal: no mail gets in");
}

$live->finish;
