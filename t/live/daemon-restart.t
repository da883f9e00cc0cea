#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A daemon ends, well or by SIGKILL, and comes back in the middle of sessions,
# at each of their steps: each goes on with its identity or gets 4xx, and
# nothing is accepted under a wrong one.
use strict;
use warnings;

use Test::More;

use XContext::Inside qw(accounts received);
use XContext::Live ();

my $live = XContext::Live->new(
    services => [ map { { name => $_, wiring => $_,
	messengers => '127.0.0.0/22' } } qw(a b) ],
    trust => "127.0.1.1	edge\n127.0.1.3	webmail\n");
my $n = 0;
my @sessions;		# those that are played now

# Who takes part: peer, XCLIENT, whom all must see (PORT: the connection's own
# port; undef: none of its mail may get in).
my @parts = (
	[ 'an override', '127.0.1.1', 'XCLIENT ADDR=198.51.100.1 ' .
	    'NAME=one.example.org PORT=11', '198.51.100.1 one.example.org 11 ',
	    'one.example.org [198.51.100.1]' ],
	[ 'a login', '127.0.1.3', 'XCLIENT ADDR=198.51.100.2 ' .
	    'LOGIN=user@example.com', '198.51.100.2 unknown 0 ' .
	    'user@example.com', 'unknown [198.51.100.2]' ],
	[ 'a refused one', '127.0.1.1', 'XCLIENT ADDR=10.0.0.1', undef ],
	[ 'a messenger for itself', '127.0.1.1', undef,
	    '127.0.1.1 unknown PORT ', 'unknown [127.0.1.1]' ],
	[ 'a stranger', '127.0.2.1', undef, '127.0.2.1 unknown PORT ',
	    'unknown [127.0.2.1]' ],
);

my @steps = ('EHLO', 'XCLIENT', 'EHLO again', 'MAIL', 'RCPT', 'message');

sub begin {
	my ($service, $part) = @_;
	my ($who, $peer, $command, $account, $shown) = @$part;
	my $smtp = $live->connect(service => $service, local => $peer);
	my $port = $smtp->local_port;
	$account =~ s/PORT/$port/ if defined $account;
	return { smtp => $smtp, name => "$who, wiring $service",
	    command => $command // 'NOOP', account => $account,
	    shown => $shown, mail => [] };
}

# Says the lines of all sessions at once, since Postfix waits a second before it
# asks a policy service again that has gone; then hears what they are told.
sub say {
	my %line = @_;
	for my $at (sort keys %line) {
		my $smtp = $sessions[$at]{smtp};
		$smtp->{closed} ? delete $line{$at} : $smtp->raw($line{$at});
	}
	my %code;
	for my $at (sort keys %line) {
		my $smtp = $sessions[$at]{smtp};
		$code{$at} = $smtp->reply->code;
		$smtp->{closed} = 1 if $code{$at} == 421;
	}
	return %code;
}

sub say_all {
	my ($line) = @_;
	return say(map { ($_, $line->($sessions[$_]) . "\r\n") }
	    0 .. $#sessions);
}

sub step {
	my ($step) = @_;
	if ($step eq 'XCLIENT') {
		say_all(sub { $_[0]{command} });
	} elsif ($step eq 'MAIL') {
		say_all(sub {
			$_[0]{sender} = sprintf('re%d@example.org', ++$n);
			"MAIL FROM:<$_[0]{sender}>";
		});
	} elsif ($step eq 'RCPT') {
		say_all(sub { 'RCPT TO:<box@example.com>' });
	} elsif ($step eq 'message') {
		my %code = say_all(sub { 'DATA' });
		my %end = say(map { ($_, "Subject: $sessions[$_]{sender}\r\n" .
		    "\r\n.\r\n") } grep { $code{$_} == 354 } keys %code);
		push(@{$sessions[$_]{mail}}, [ $sessions[$_]{sender},
		    $end{$_} // $code{$_} // 0 ]) for 0 .. $#sessions;
	} else {
		say_all(sub { 'EHLO edge.example.net' });
	}
}

# What became of a session's mails.  Returns how many were accepted.
sub judge {
	my ($s, $when) = @_;
	my $name = "$when, $s->{name}";
	my $accepted = 0;
	for my $mail (@{$s->{mail}}) {
		my ($sender, $code) = @$mail;
		if ($code != 250) {
			ok($live->not_delivered($sender),
			    "$name: refused ($code), not in");
			next;
		}
		$accepted++;
		my @accounts = accounts($live, $sender);
		is_deeply(\@accounts, [ $s->{account} // 'nobody' ],
		    "$name: accepted, from whom");
		like(received($live->postfix->delivered($sender)) // 'none',
		    qr/^from \S+ \(\Q@{[$s->{shown} \/\/ 'nobody']}\E\)/,
		    "$name: accepted, Received:");
	}
	return $accepted;
}

# All parts in all wirings, to that step; then it happens; then on to the end
# and one more mail.  Returns how many mails of each session were accepted.
sub play {
	my ($when, $last, $happens) = @_;
	$_->forget for $live->policy_seen, $live->milter_seen;
	$live->postfix->forget_mails;
	@sessions = map { my $part = $_; map { begin($_, $part) }
	    qw(a b) } @parts;
	step($steps[$_]) for 0 .. $last;
	$happens->();
	step($_) for @steps[$last + 1 .. $#steps], qw(MAIL RCPT message);
	$_->{smtp}->close for @sessions;
	return { map { ($_->{name}, judge($_, $when)) } @sessions };
}

sub restart {
	my ($daemon, $end) = @_;
	return sub {
		$daemon->$end;
		$daemon->start;
	};
}

my %all_goes_on = map { my $who = $_->[0]; my $mails = defined $_->[3] ? 2 : 0;
    map { ("$who, wiring $_" => $mails) } qw(a b) } @parts;

is_deeply(play('undisturbed', 0, sub {}), \%all_goes_on,
    'undisturbed, all goes well');

for my $end (qw(stop kill)) {
	for my $last (0 .. $#steps) {
		my $when = "policy: $end after $steps[$last]";
		is_deeply(play($when, $last, restart($live->policy, $end)),
		    \%all_goes_on, "$when: all sessions go on");
	}
}

# Postfix forgets a milter that is gone until the next connection or XCLIENT,
# and then (tempfail) takes no more mail where it was needed.
for my $last (0 .. $#steps) {
	my $when = "milter: kill after $steps[$last]";
	my $accepted = play($when, $last, restart($live->milter, 'kill'));
	is($accepted->{"a stranger, wiring $_"}, 2,
	    "$when: no matter for a stranger, wiring $_") for qw(a b);
	is($accepted->{"a refused one, wiring $_"}, 0,
	    "$when: what was refused stays so, wiring $_") for qw(a b);
	is($accepted->{'a login, wiring a'}, $last < 1 ? 2 :
	    $last == $#steps ? 1 : 0, "$when: tempfail, wiring a");
	is($accepted->{'a login, wiring b'}, 2, "$when: accept, wiring b");
}

# It does not leave sessions alone that are in progress.
for my $last (1, 3, 4) {
	my $when = "milter: SIGTERM after $steps[$last]";
	is_deeply(play($when, $last, sub { $live->milter->signal('TERM') }),
	    \%all_goes_on, "$when: it sees sessions through");
	$live->milter->stop;
	$live->milter->start;
}

# Not there any more for the rest of the session.
for my $last (0, 1, 2, 4) {
	my $when = "policy: gone after $steps[$last]";
	my $accepted = play($when, $last, sub { $live->policy->kill });
	# A mail of which nothing more is asked goes in.
	my $before = $steps[$last] =~ /^(?:RCPT|message)$/ ? 1 : 0;
	cmp_ok($accepted->{"$_, wiring a"}, '<=', $before,
	    "$when: no more mail with wiring a, $_") for map { $_->[0] } @parts;
	is($accepted->{'a stranger, wiring b'}, 2,
	    "$when: all mail of a stranger with wiring b");
	is($accepted->{'a refused one, wiring b'}, 0,
	    "$when: none of a refused one");
	$live->policy->start;
}

$live->finish;
