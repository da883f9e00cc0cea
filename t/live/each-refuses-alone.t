#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Policy service and milter each keep a refused session's mail out by
# themselves: the other may be left out of the wiring.
use strict;
use warnings;

use Test::More;

use XContext::Live ();

my $live = XContext::Live->new(services => [
	{ name => 'policy', wiring => 'a', options => [
	    'smtpd_milter_maps =', 'smtpd_milters =' ] },
	{ name => 'milter', wiring => 'a', options => [
	    'smtpd_client_restrictions =' ] } ]);

for my $name ('policy', 'milter') {
	my $smtp = $live->connect(service => $name);
	$smtp->cmd('EHLO proxy.example.net');
	like($smtp->cmd('XCLIENT ADDR=10.1.2.3')->code, qr/^[45]/,
	    "$name alone: the command is refused");
	my $reply = $smtp->mail(subject => "$name alone");
	is($reply->code, 451, "$name alone: so is mail");
	like("$reply", qr/4\.7\.1 .*session [0-9A-Z]{26}/,
	    "$name alone: with the session's name");
	$smtp->quit;
	ok($live->not_delivered("$name alone"), "$name alone: no mail");

	$smtp = $live->connect(service => $name);
	$smtp->cmd('EHLO proxy.example.net');
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220,
	    "$name alone: what is permitted is executed");
	$smtp->cmd('EHLO client.example.org');
	is($smtp->mail(subject => "$name permits")->code, 250,
	    "$name alone: and mail accepted");
	$smtp->quit;
}

$live->finish;
