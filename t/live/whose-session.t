#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# What is known of a session is used for that connection only: not for the next
# one of the same smtpd process, whether xcontext-policy is away, hangs, comes
# back, or Postfix did not execute what it was allowed; and what a mail was
# decided by stays until it is done.
use strict;
use warnings;

use Test::More;

use XContext::Inside qw(context_header record_of smtpd_of);
use XContext::Live ();

use constant {
	MESSENGER => '127.0.1.1',
	STRANGER => '127.0.2.1',
	INSIDE => '127.0.1.77',		# a client in the messengers' network
};

my $live = XContext::Live->new(seconds => 900,
    services => [ (map { { name => $_, wiring => $_, maxproc => 1,
	messengers => '127.0.1.0/24' } } qw(a b)),
	{ name => 'early', wiring => 'a', maxproc => 1,
	options => [ 'smtpd_delay_reject = no' ] } ],
    main => { max_use => 10000, max_idle => 300 },
    milter => { header_names => '{ "session", "tenant" }' },
    conf => { access_maps => '{ \'regexp:{{/^profile=banned$/ REJECT it ' .
	'is banned}, {/^context\.tenant=closed$/ REJECT it is closed}}\' }' },
    trust => "127.0.1.1	edge\n127.0.1.4	never\n127.0.1.5	once\n" .
	"127.0.2.5	banned\n",
    profiles => <<'END');
profile edge {
	xclient = { "*" }
	addr = { "127.0.0.0/8", "public" }
	xsetcontext = { "*" }
	xdumpcontext = true
}
profile never {
	xclient = { "*" }
	addr = { "127.0.0.0/8", "public" }
	xsetcontext = { "*" }
	xdumpcontext = true
	seal = "never"
}
profile once { xclient = { "ADDR" } addr = { "127.0.0.0/8" } }
profile banned { }
END

my $n = 0;

sub session {
	my ($service, $peer, %opt) = @_;
	return $live->connect(service => $service, local => $peer, %opt);
}

# Its pairs, as one text.
sub header {
	my ($subject) = @_;
	my ($n, $pairs) =
	    context_header($live->postfix->delivered($subject));
	return join(' ', map { "$_=$pairs->{$_}" } sort keys %$pairs);
}

# The reply to a mail and, if it was accepted, its context header.
sub mail {
	my ($smtp) = @_;
	my $subject = 'whose ' . ++$n;
	my $code = $smtp->mail(subject => $subject)->code;
	return ($code, $code == 250 ? header($subject) : undef);
}

# A messenger says what it is about, and leaves while the daemon is away.
sub left_behind {
	my ($service, $with_mail) = @_;
	my $smtp = session($service, MESSENGER);
	$smtp->cmd('EHLO first.example.net');
	is($smtp->cmd('XSETCONTEXT tenant=acme')->code, 250,
	    "$service: a context");
	if ($with_mail) {
		my ($code, $header) = mail($smtp);
		is($code, 250, "$service: its mail");
		like($header // '', qr/tenant=acme/, "$service: is its own");
	}
	my $pid = smtpd_of($smtp);
	$live->policy->kill;
	$smtp->quit;
	return $pid;
}

for my $service (qw(a b)) {
	for my $with_mail (0, 1) {
		my $name = "$service, " . ($with_mail ? 'port seen' :
		    'port not seen');
		my $pid = left_behind($service, $with_mail);
		my $smtp = session($service, MESSENGER);
		is(smtpd_of($smtp), $pid, "$name: the same process");
		$live->policy->start;
		$smtp->cmd('HELO second.example.net');
		my ($code, $header) = mail($smtp);
		ok($code == 250 || $code == 451, "$name: its mail: $code");
		unlike($header // '', qr/acme/, "$name: no tenant of another");
		$smtp->quit;

		left_behind($service, $with_mail);
		$smtp = session($service, MESSENGER);
		$live->policy->start;
		$smtp->cmd('HELO second.example.net');
		like($smtp->cmd('XSETCONTEXT route=x')->code, qr/^[45]/,
		    "$name: XSETCONTEXT has no effect");
		unlike($smtp->cmd('XDUMPCONTEXT')->text, qr/acme/,
		    "$name: XDUMPCONTEXT shows nothing");
		($code, $header) = mail($smtp) if !$smtp->{closed};
		unlike($header // '', qr/acme/, "$name: nor does the header");
		$smtp->quit if !$smtp->{closed};
	}
}

# Where mail does not wait for the daemon.
for my $with_mail (0, 1) {
	left_behind('b', $with_mail);
	my $smtp = session('b', MESSENGER);
	$smtp->cmd('HELO second.example.net');
	my ($code, $header) = mail($smtp);
	is($code, 250, 'b, without policy: mail is taken');
	unlike($header // '', qr/session=|acme/,
	    'b, without policy: without a context');
	$smtp->quit;
	$live->policy->start;
}

# A refused session is nobody else's.
{
	my $smtp = session('b', MESSENGER);
	$smtp->cmd('EHLO first.example.net');
	is($smtp->cmd('XCLIENT IDENT=1')->code, 450, 'b: refused');
	$live->policy->kill;
	$smtp->quit;
	$smtp = session('b', STRANGER);
	$live->policy->start;
	$smtp->cmd('EHLO stranger.example.org');
	is((mail($smtp))[0], 250, 'b: the next client was not');
	$smtp->quit;
}

# Who connected before the daemon came back is asked about all the same.
for my $service (qw(a b)) {
	my $smtp = session($service, '127.0.2.5');
	$smtp->cmd('EHLO banned.example.org');
	is((mail($smtp))[0], 554, "$service: a profile is rejected");
	$smtp->cmd('RSET');
	$live->policy->kill;
	$live->policy->start;
	is((mail($smtp))[0], 554, "$service: and after a restart");
	$smtp->quit;
}

# Postfix does not take an XCLIENT in a transaction; then that very client
# connects, by that very port.
for my $service (qw(a b)) {
	my $port = XContext::Postfix::free_port(STRANGER);
	my $smtp = session($service, '127.0.1.4');
	$smtp->cmd('EHLO filter.example.net');
	$smtp->cmd('XSETCONTEXT tenant=acme');
	$smtp->cmd('MAIL FROM:<a@example.org>');
	# Newer ones say 500 for what is the milter's 503.
	like($smtp->cmd('XCLIENT ADDR=' . STRANGER . " PORT=$port")->code,
	    qr/^50[03]$/, "$service: XCLIENT in a transaction");
	$smtp->quit;
	$smtp = session($service, STRANGER, local_port => $port);
	$smtp->cmd('EHLO stranger.example.org');
	unlike($smtp->cmd('XDUMPCONTEXT')->text, qr/acme/,
	    "$service: the client has no context of the messenger's");
	like($smtp->cmd('XSETCONTEXT a=b')->code, qr/^[45]/,
	    "$service: nor may it set one");
	is((record_of($live, smtpd_of($smtp)) // {})->{override}, undef,
	    "$service: for there was no override");
	$smtp->quit;

	$smtp = session($service, '127.0.1.4');
	$smtp->cmd('EHLO filter.example.net');
	$smtp->cmd('MAIL FROM:<a@example.org>');
	like($smtp->cmd('XCLIENT ADDR=[UNAVAILABLE]')->code, qr/^50[03]$/,
	    "$service: nor without an address");
	$smtp->quit;
	$smtp = session($service, STRANGER);
	ok(!$smtp->cmd('EHLO stranger.example.org')->offers('XCLIENT'),
	    "$service: nobody is offered XCLIENT for it");
	$smtp->quit;

	# Many clients' mails still go over one connection.
	$smtp = session($service, '127.0.1.4');
	for my $client (1 .. 3) {
		my $line = "XCLIENT ADDR=127.0.1.10$client";
		my $reply = $smtp->cmd($line);
		$reply = $smtp->cmd($line)
		    if $service eq 'b' && $reply->code == 450;
		is($reply->code, 220, "$service: client $client");
		is((mail($smtp))[0], 250, "$service: its mail");
		$smtp->cmd('MAIL FROM:<a@example.org>');
		$smtp->cmd('RSET');
	}
	$smtp->quit;
}

# MAIL seals, also one that is taken back, and whoever is in the same network.
for my $service (qw(a b)) {
	my $smtp = session($service, '127.0.1.5');
	is($smtp->cmd('XCLIENT ADDR=' . INSIDE)->code, 220,
	    "$service: an override");
	is($smtp->cmd('MAIL FROM:<a@example.org>')->code, 250,
	    "$service: MAIL");
	$smtp->cmd('RSET');
	like($smtp->cmd('XCLIENT ADDR=127.0.1.78')->code, qr/^[45]/,
	    "$service: has sealed it");
	$smtp->quit;
}
{
	my $smtp = session('early', '127.0.1.5');
	for my $client (80 .. 82) {
		is($smtp->cmd("XCLIENT ADDR=127.0.1.$client")->code, 220,
		    "a request at the connection does not: client $client");
	}
	$smtp->quit;
}

# What a mail was decided by.
for my $service (qw(a b)) {
	my $smtp = session($service, MESSENGER);
	$smtp->cmd('EHLO app.example.net');
	$smtp->cmd('XSETCONTEXT tenant=open');
	$smtp->cmd('MAIL FROM:<a@example.org>');
	is($smtp->cmd('RCPT TO:<box@example.com>')->code, 250,
	    "$service: decided");
	is($smtp->cmd('XSETCONTEXT tenant=closed')->code, 450,
	    "$service: the context stays");
	my $subject = 'whose ' . ++$n;
	$smtp->cmd('DATA');
	is($smtp->data("Subject: $subject\n\nx\n")->code, 250,
	    "$service: and the mail goes in");
	like(header($subject), qr/tenant=open/, "$service: as it was decided");
	is($smtp->cmd('XSETCONTEXT tenant=closed')->code, 250,
	    "$service: for the next mail it may change");
	is((mail($smtp))[0], 554, "$service: which is decided by it");
	$smtp->cmd('RSET');
	# Where RSET is not asked about, it takes a command for us to see it.
	my $reply = $smtp->cmd('XSETCONTEXT tenant=open');
	$reply = $smtp->cmd('XSETCONTEXT tenant=open')
	    if $service eq 'b' && $reply->code == 450;
	is($reply->code, 250,
	    "$service: and so may it for the one after a RSET");
	is((mail($smtp))[0], 250, "$service: likewise");
	$smtp->quit;
}

# Without the milter nobody tells of the transaction, and Postfix says 503 to what
# is then permitted.  The next client, in the messengers' network and without a
# name, may be shown the word XCLIENT for it, but has nothing by it.
$live->milter->stop;
{
	my $smtp = session('b', '127.0.1.4');
	$smtp->cmd('EHLO filter.example.net');
	$smtp->cmd('XSETCONTEXT tenant=acme');
	$smtp->cmd('MAIL FROM:<a@example.org>');
	is($smtp->cmd('XCLIENT ADDR=[UNAVAILABLE]')->code, 503,
	    'b, no milter: XCLIENT in a transaction');
	my $pid = smtpd_of($smtp);
	$smtp->quit;
	$smtp = session('b', INSIDE);
	is(smtpd_of($smtp), $pid, 'b, no milter: the same process');
	my $ehlo = $smtp->cmd('EHLO stranger.example.org');
	note('XCLIENT is ' . ($ehlo->offers('XCLIENT') ? '' : 'not ') .
	    'offered');
	like($smtp->cmd($_)->code, qr/^[45]/, "b, no milter: $_")
	    for 'XCLIENT ADDR=198.51.100.9', 'XCLIENT NAME=a.example.org',
	    'XSETCONTEXT tenant=b', 'XDUMPCONTEXT';
	is((record_of($live, $pid) // {})->{override}, undef,
	    'b, no milter: nothing is overridden');
	my ($code, $header) = mail($smtp);
	isnt($code, 250, 'b, no milter: what was refused refuses its mail');
	$smtp->quit;
	$smtp = session('b', STRANGER);
	ok(!$smtp->cmd('EHLO stranger.example.org')->offers('XCLIENT'),
	    'b, no milter: outside of that network not even the word');
	$smtp->quit;
}

$live->expect_log(qr/level=warning/, qr/event=error/);
$live->finish;
