#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Without xcontext-policy a listener for messengers (wiring A) answers 421, and
# one for everybody (wiring B) receives all mail but the messengers'.  Without
# xcontext-milter Postfix does what milter_default_action says, and the
# policy service still refuses what was refused.  When they are back, so is
# everything else.
use strict;
use warnings;

use Test::More;

use XContext::Inside qw(accounts received);
use XContext::Live ();
use XContext::Postfix ();

my $live = XContext::Live->new(services => [
    { name => 'a', wiring => 'a' },
    { name => 'b', wiring => 'b' },
    # Wiring A, but with the other default action for our milter.
    { name => 'accept', wiring => 'a', options => [ 'smtpd_milters = ' .
	'{ unix:xcontext/milter, default_action=accept }, ' .
	'unix:recorder/milter' ] } ]);
my $n = 0;
# What Postfix does without a milter: "tempfail", or in newer ones "shutdown".
my $action = XContext::Postfix::milter_default_action();

# A session to its end: EHLO, perhaps a command, mail.  Returns the replies to
# the command and the mail, and what there is to know of that mail.
sub session {
	my ($service, $peer, $command) = @_;
	my $sender = sprintf('away%d@example.org', ++$n);
	my $smtp = $live->connect(service => $service, local => $peer);
	my %result = (sender => $sender, port => $smtp->local_port,
	    ehlo => $smtp->greeting->code == 421 ? 421 :
	    $smtp->cmd('EHLO edge.example.net')->code);
	return \%result if $smtp->{closed} || $result{ehlo} == 421;
	$result{command} = $smtp->cmd($command)->code if defined $command;
	return \%result if ($result{command} // 0) == 421;
	$smtp->cmd('EHLO client.example.org')
	    if ($result{command} // 0) == 220;
	$result{mail} = $smtp->mail(from => $sender, subject => $sender)->code;
	$smtp->quit;
	return \%result;
}

sub is_delivered {
	my ($name, $result, $address) = @_;
	is($result->{mail}, 250, "$name: mail is accepted") or
	    diag(explain($result));
	like(received($live->postfix->delivered($result->{sender})) // 'none',
	    qr/^from \S+ \(\S+ \[\Q$address\E\]\)/,
	    "$name: and delivered as it should be");
}

sub is_not_delivered {
	my ($name, $result) = @_;
	ok($live->not_delivered($result->{sender}), "$name: no mail gets in");
}

sub all_is_well {
	my ($when) = @_;
	for my $service (qw(a b accept)) {
		my $name = "$when, $service";
		my $r = session($service, XContext::Live::MESSENGER,
		    'XCLIENT ADDR=198.51.100.1');
		is($r->{command}, 220, "$name: a messenger overrides");
		is_delivered($name, $r, '198.51.100.1');
		$r = session($service, XContext::Live::MESSENGER,
		    'XCLIENT ADDR=10.0.0.1');
		is($r->{command}, 450, "$name: is refused with our text");
		is($r->{mail}, 451, "$name: and its mail as well");
	}
}

all_is_well('at first');

# Ended well, then as a crash would end it, which leaves its sockets.
for my $end (qw(stop kill)) {
	my $name = "without policy ($end)";
	$live->policy->$end;
	for my $service (qw(a accept)) {
		for my $peer (XContext::Live::MESSENGER,
		    XContext::Live::STRANGER) {
			my $r = session($service, $peer,
			    'XCLIENT ADDR=198.51.100.2');
			is($r->{ehlo}, 421, "$name, $service: 421 for $peer");
		}
	}
	my $r = session('b', XContext::Live::STRANGER);
	is_delivered("$name, b: a stranger", $r, XContext::Live::STRANGER);
	$r = session('b', XContext::Live::MESSENGER);
	is($r->{ehlo}, 421, "$name, b: 421 for a messenger");
	is_not_delivered("$name, b: a messenger", $r);
	$r = session('b', XContext::Live::STRANGER,
	    'XCLIENT ADDR=198.51.100.2');
	is($r->{command}, 421, "$name, b: 421 for XCLIENT of a stranger");
	is_deeply([ $live->policy_seen->find(
	    client_address => '198.51.100.2') ], [],
	    "$name: nobody becomes somebody else");
	$live->policy->start;
	all_is_well("policy after $end");
}

for my $end (qw(stop kill)) {
	my $name = "without milter ($end)";
	$live->milter->$end;
	my $r = session('a', XContext::Live::MESSENGER,
	    'XCLIENT ADDR=198.51.100.3');
	is_deeply([ @$r{qw(ehlo command mail)} ], $action eq 'shutdown' ?
	    [ 421, undef, undef ] : [ 250, 220, 451 ],
	    "$name, $action: XCLIENT is Postfix's, mail is not taken");
	is_not_delivered("$name, $action", $r);
	$r = session('a', XContext::Live::STRANGER);
	is_delivered("$name, $action: a stranger needs no milter", $r,
	    XContext::Live::STRANGER);
	for my $service (qw(accept b)) {
		$r = session($service, XContext::Live::MESSENGER,
		    'XCLIENT ADDR=198.51.100.3');
		is_delivered("$name, $service", $r, '198.51.100.3');
		is_deeply([ accounts($live, $r->{sender}) ],
		    [ '198.51.100.3 unknown 0 ' ],
		    "$name, $service: under its identity");
		$r = session($service, XContext::Live::MESSENGER,
		    'XCLIENT ADDR=10.0.0.1');
		is($r->{command}, 500, "$name, $service: without our text");
		is($r->{mail}, 451, "$name, $service: policy still refuses");
		is_not_delivered("$name, $service", $r);
	}
	$live->milter->start;
	all_is_well("milter after $end");
}

$live->policy->stop;
$live->milter->stop;
my $r = session('b', XContext::Live::STRANGER);
is_delivered('without both, b: a stranger', $r, XContext::Live::STRANGER);
is(session($_, XContext::Live::MESSENGER)->{ehlo}, 421,
    "without both, $_: 421 for a messenger") for qw(a b accept);
$live->policy->start;
$live->milter->start;
all_is_well('with both again');

$live->finish;
