#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A daemon that hangs (SIGSTOP) for longer than Postfix waits is as good as away:
# with wiring A mail has to come again; with wiring B what access_maps reject
# passes, but not where its default actions are those that the manual has for
# who would rather shut.  When it goes on, so does everything else, and nobody
# is the one before.
use strict;
use warnings;

use Test::More;
use Time::HiRes ();

use XContext::Inside qw(accounts context_header smtpd_of);
use XContext::Live ();
use XContext::Postfix ();

use constant {
	MESSENGER => '127.0.1.1',
	BANNED => '127.0.2.5',
	STRANGER => '127.0.2.1',
};

my $live = XContext::Live->new(
    services => [ { name => 'a', wiring => 'a', maxproc => 1 },
	{ name => 'b', wiring => 'b', maxproc => 1 },
	{ name => 'shut', wiring => 'b', maxproc => 1, options => [
	'smtpd_milters = { unix:xcontext/milter, default_action=tempfail },' .
	' unix:recorder/milter',
	'smtpd_client_restrictions = check_policy_service ' .
	'unix:xcontext/policy' ] } ],
    main => { max_use => 10000, max_idle => 300,
	smtpd_policy_service_timeout => '1s',
	milter_command_timeout => '1s', milter_connect_timeout => '1s' },
    milter => { header_names => '{ "session", "tenant" }' },
    conf => { access_maps => '{ \'regexp:{{/^profile=banned$/ REJECT it ' .
	'is banned}, {/^context\.tenant=closed$/ REJECT it is closed}}\' }' },
    trust => "127.0.1.1	edge\n127.0.2.5	banned\n",
    profiles => <<'END');
profile edge { xclient = { "ADDR" } xsetcontext = { "*" } seal = "never" }
profile banned { }
END
my @services = qw(a b shut);
my $n = 0;

# What becomes of mail without the policy service, and without the milter.
my %without_policy = (a => 451, b => 250, shut => 451);
my %without_milter = (b => 250, shut => 451,
    a => XContext::Postfix::milter_default_action() eq 'shutdown' ? 421 : 451);

sub begin {
	my ($service, $peer, @commands) = @_;
	my $smtp = $live->connect(service => $service, local => $peer);
	$smtp->cmd('EHLO there.example.net');
	is($smtp->cmd($_)->code, /^XCLIENT/ ? 220 : 250, "$service: $_")
	    for @commands;
	return $smtp;
}

use constant RCPT => 'RCPT TO:<box@example.com>';

# The reply to a recipient that was sent, or to the whole mail, whichever
# decides.
sub rest_of_mail {
	my ($smtp, $subject) = @_;
	my $reply = $smtp->reply;
	return $reply->code if $reply->code != 250;
	$smtp->cmd('DATA');
	return $smtp->data("Subject: $subject\n" .
	    "X-Session-Context: tenant=forged\n\nx\n")->code;
}

# A mail as far as the recipient, whose reply is not waited for: Postfix takes a
# second to find a policy service again.
sub begin_mail {
	my ($smtp, $sender) = @_;
	$sender //= 's@example.org';
	my $reply = $smtp->cmd("MAIL FROM:<$sender>");
	$smtp->raw(RCPT . "\r\n") if $reply->code == 250;
	return $reply->code;
}

sub mail {
	my ($smtp) = @_;
	my $subject = 'stopped ' . ++$n;
	my $code = begin_mail($smtp);
	return ($code == 250 ? rest_of_mail($smtp, $subject) : $code,
	    $subject);
}

sub header_of {
	my ($subject) = @_;
	my ($n, $pairs) =
	    context_header($live->postfix->delivered($subject));
	return join(' ', map { "$_=$pairs->{$_}" } grep { $_ ne 'session' }
	    sort keys %$pairs);
}

# Each of them says it in its session; then all wait for their replies.
sub say {
	my ($smtp, $line) = @_;
	$_->raw("$line\r\n") for values %$smtp;
	return map { $_ => $smtp->{$_}->reply->code } @services;
}

# Who is rejected by access_maps: somebody, and a messenger with a context.
for my $who ([ BANNED ], [ MESSENGER, 'XSETCONTEXT tenant=closed' ]) {
	my ($peer, @commands) = @$who;
	my (%smtp, %subject);
	for my $service (@services) {
		$smtp{$service} = begin($service, $peer, @commands);
		is((mail($smtp{$service}))[0], 554,
		    "$service: $peer is rejected");
		$smtp{$service}->cmd('RSET');
		# Of this, too, the daemon is asked in wiring A.
		is($smtp{$service}->cmd('MAIL FROM:<s@example.org>')->code,
		    250, "$service: MAIL");
	}
	$live->policy->signal('STOP');
	$_->raw(RCPT . "\r\n") for values %smtp;
	for my $service (@services) {
		$subject{$service} = 'stopped ' . ++$n;
		is(rest_of_mail($smtp{$service}, $subject{$service}),
		    $without_policy{$service},
		    "$service, policy hangs: what becomes of its mail");
	}
	$live->policy->signal('CONT');
	for my $service (@services) {
		$smtp{$service}->cmd('RSET');
		begin_mail($smtp{$service});
	}
	for my $service (@services) {
		is(rest_of_mail($smtp{$service}, 'another'), 554,
		    "$service, policy goes on: $peer is rejected again");
		$smtp{$service}->quit;
		ok($live->not_delivered($subject{$service}),
		    "$service, policy hung: it was not delivered")
		    if $without_policy{$service} != 250;
	}
}

# What waits for it gets its answer.
for my $service (@services) {
	my $smtp = begin($service, MESSENGER);
	$live->policy->signal('STOP');
	$smtp->raw("XSETCONTEXT tenant=acme\r\n");
	Time::HiRes::sleep(0.1);
	$live->policy->signal('CONT');
	is($smtp->reply->code, 250, "$service: a command waits");
	my ($code, $subject) = mail($smtp);
	is("$code " . header_of($subject), '250 tenant=acme',
	    "$service: and so do its consequences");
	$smtp->quit;
}

# Whoever comes to that process while one of them hangs is not the one before,
# of whom there may be questions that nobody waits for any more.
my %n_processes = (same => 0, other => 0);
for my $who ([ policy => MESSENGER ], [ policy => STRANGER ],
    [ milter => MESSENGER ], [ milter => STRANGER ]) {
	my ($daemon, $peer) = @$who;
	my (%smtp, %pid);
	for my $service (@services) {
		$smtp{$service} = begin($service, MESSENGER,
		    'XSETCONTEXT tenant=acme', 'XCLIENT ADDR=198.51.100.1',
		    $daemon eq 'policy' ? 'MAIL FROM:<s@example.org>' : ());
		$pid{$service} = smtpd_of($smtp{$service});
	}
	$live->$daemon->signal('STOP');
	my %got = say(\%smtp, $daemon eq 'policy' ? RCPT :
	    'MAIL FROM:<s@example.org>');
	is_deeply(\%got, $daemon eq 'policy' ? \%without_policy :
	    \%without_milter, "$daemon hangs: mail is left");
	for my $service (@services) {
		my $name = "$service, behind $daemon, $peer";
		$smtp{$service}->close;
		$smtp{$service} = $live->connect(service => $service,
		    local => $peer, greeting => 0);
		Time::HiRes::sleep(0.02)
		    while !defined smtpd_of($smtp{$service});
		# Now and then Postfix has another one by then.
		$n_processes{smtpd_of($smtp{$service}) == $pid{$service} ?
		    'same' : 'other'}++;
	}
	Time::HiRes::sleep(0.1);
	$live->$daemon->signal('CONT');
	my (%code, %sender);
	for my $service (@services) {
		is($smtp{$service}->reply->code, 220,
		    "$service, behind $daemon, $peer: waits");
		$smtp{$service}->cmd('EHLO next.example.net');
		$sender{$service} = 'next' . ++$n . '@example.org';
		$code{$service} = begin_mail($smtp{$service},
		    $sender{$service});
	}
	for my $service (@services) {
		my $name = "$service, behind $daemon, $peer";
		my $subject = "behind $sender{$service}";
		$code{$service} = rest_of_mail($smtp{$service}, $subject)
		    if $code{$service} == 250;
		# It may have waited for the milter for too long, too.
		ok($code{$service} == 250 || ($daemon eq 'milter' &&
		    $code{$service} == $without_milter{$service}),
		    "$name: what becomes of its mail") or
		    diag($code{$service});
		is_deeply([ accounts($live, $sender{$service}) ],
		    [ "$peer unknown " . $smtp{$service}->local_port . ' ' ],
		    "$name: it is its own"),
		    is(header_of($subject), '', "$name: so is the header")
		    if $code{$service} == 250;
		$smtp{$service}->quit;
	}
}

# Without the milter there is no header, neither ours nor anybody's.
my (%smtp, %subject);
$smtp{$_} = begin($_, MESSENGER, 'XSETCONTEXT tenant=acme') for @services;
$live->milter->signal('STOP');
my %got = say(\%smtp, 'MAIL FROM:<s@example.org>');
is_deeply(\%got, \%without_milter, 'milter hangs: what becomes of mail');
$smtp{b}->raw(RCPT . "\r\n");
is(rest_of_mail($smtp{b}, 'unfollowed'), 250, 'b, milter hangs: it passes');
unlike($live->postfix->delivered('unfollowed') // 'none',
    qr/^X-Session-Context|^none/m, 'b, milter hangs: without a header');
$smtp{b}->close;
$smtp{b} = begin('b', MESSENGER, 'XSETCONTEXT tenant=closed');
is((mail($smtp{b}))[0], 554, 'b, milter hangs: access_maps are asked');
$live->milter->signal('CONT');
$_->close for values %smtp;
for my $service (@services) {
	my $smtp = begin($service, MESSENGER, 'XSETCONTEXT tenant=acme');
	my ($code, $subject) = mail($smtp);
	is("$code " . header_of($subject), '250 tenant=acme',
	    "$service, milter goes on: all is well");
	$smtp->quit;
}

cmp_ok($n_processes{same}, '>', $n_processes{other},
    'mostly it is the same process that has the next client');
$live->finish;
