#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Where smtpd_command_filter is not wired, or lets an XCLIENT pass, Postfix
# executes it unasked.  It is noticed by what Postfix asks next, and nothing of
# that session is accepted.
use strict;
use warnings;

use Test::More;

use XContext::Live ();

# A filter that forgets the tab.
my $live = XContext::Live->new(
    services => [ { name => 'leaky', wiring => 'a', options => [
	'smtpd_command_filter = pipemap:{regexp:{{/^((EHLO|XCLIENT)( .*)?)$$/ ' .
	'$$1}}, socketmap:unix:xcontext/maps:command}' ] } ]);

for my $row (
    [ 'an address', "XCLIENT\tADDR=203.0.113.66", '203.0.113.66' ],
    [ 'a private address', "XCLIENT\tADDR=10.0.0.66", '10.0.0.66' ],
    [ 'a login', "XCLIENT\tADDR=203.0.113.67 LOGIN=root",
	'203.0.113.67' ],
    [ 'a login alone', "XCLIENT\tLOGIN=root", XContext::Live::MESSENGER ],
    [ 'no address at all', "XCLIENT\tADDR=[UNAVAILABLE]", 'unknown' ],
    [ 'after a permitted one', "XCLIENT\tADDR=203.0.113.68",
	'203.0.113.68', 'XCLIENT ADDR=198.51.100.9' ]) {
	my ($name, $line, $client, $first) = @$row;
	$live->policy_seen->forget;
	my $smtp = $live->connect;
	$smtp->cmd('EHLO proxy.example.net');
	if (defined $first) {
		is($smtp->cmd($first)->code, 220, "$name: the first");
		$smtp->cmd('EHLO end.example.org');
	}
	is($smtp->cmd($line)->code, 220, "$name: Postfix executes it unasked");
	my $mail = $smtp->{closed} ? undef :
	    $smtp->mail(subject => "unseen: $name");
	like(defined $mail ? $mail->code : 421, qr/^[45]/,
	    "$name: no mail is accepted");
	$smtp->close;
	ok($live->not_delivered("unseen: $name"), "$name: nor delivered");
	my @refused = grep { $_->{reason} =~ /^(?:unseen_override|mismatch)$/ }
	    $live->policy->events(event => 'refuse', client => $client);
	ok(scalar(@refused), "$name: the log says so");
	$smtp = $live->connect;
	is($smtp->cmd("XCLIENT ADDR=198.51.100.1")->code, 220,
	    "$name: the next session is as any other");
	$smtp->cmd('EHLO end.example.org');
	is($smtp->mail(subject => "after: $name")->code, 250,
	    "$name: and its mail is taken");
	$smtp->quit;
}
$live->expect_log(qr/reason=(?:unseen_override|mismatch)/);

$live->finish;
