#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# SIGHUP: with a broken configuration or table the old rules stay and the log
# says file:line; with a good one new sessions follow it, and running ones are
# not cut and keep the rules that they began with.
use strict;
use warnings;

use Test::More;
use Time::HiRes ();

use XContext::Inside qw(accounts);
use XContext::Live ();

my $live = XContext::Live->new;
$live->expect_log(qr/event=reload_failed/);
my @daemons = ($live->policy, $live->milter);
my %pid = map { ($_->{name}, $_->pid) } @daemons;
my $n = 0;

sub replace {
	my ($path, $text) = @_;
	open(my $fh, '>', $path) or die "$path: $!\n";
	print $fh $text;
	close($fh);
}

# SIGHUP; the event that it must lead to, which is a new one.
sub hup {
	my ($daemon, $event) = @_;
	my $before = () = $daemon->events(event => $event);
	$daemon->signal('HUP');
	for (1 .. 250) {
		my @events = $daemon->events(event => $event);
		return $events[-1] if @events > $before;
		Time::HiRes::sleep(0.02);
	}
	return undef;
}

sub begin {
	my ($peer) = @_;
	my $smtp = $live->connect(local => $peer);
	$smtp->cmd('EHLO edge.example.net');
	return $smtp;
}

sub override {
	my ($smtp, $address) = @_;
	my $reply = $smtp->cmd("XCLIENT ADDR=$address");
	$smtp->cmd('EHLO client.example.org') if $reply->code == 220;
	return $reply->code;
}

sub mail_is_from {
	my ($name, $smtp, $address) = @_;
	my $sender = sprintf('r%d@example.org', ++$n);
	my $reply = $smtp->mail(from => $sender);
	is($reply->code, 250, "$name: mail") or diag($reply);
	is_deeply([ accounts($live, $sender) ], [ "$address unknown 0 " ],
	    "$name: under its identity");
}

# The rules as they were at the start are in force.
sub rules_are_old {
	my ($name) = @_;
	my $connects = () = $live->milter->events(event => 'connect');
	my $smtp = begin(XContext::Live::MESSENGER);
	is(override($smtp, '198.51.100.1'), 220,
	    "$name: the messenger may still override");
	mail_is_from($name, $smtp, '198.51.100.1');
	$smtp->quit;
	$smtp = begin(XContext::Live::STRANGER);
	isnt(override($smtp, '198.51.100.1'), 220,
	    "$name: the stranger may not");
	$smtp->quit;
	my $now = () = $live->milter->events(event => 'connect');
	cmp_ok($now, '>', $connects, "$name: the milter logs as before");
}

# Two that run through all of it.
my $early = begin(XContext::Live::MESSENGER);
my $overridden = begin(XContext::Live::MESSENGER);
is(override($overridden, '198.51.100.2'), 220, 'a session is overridden');

my $good_conf = do {
	open(my $fh, '<', $live->{conf_file}) or die;
	local $/;
	<$fh>;
};
my $conf_lines = () = $good_conf =~ /\n/g;

# What is broken: configuration, table, what the log must name.
my @rows = (
	[ 'an unknown setting', $good_conf . "no_such_setting = \"x\"\n",
	    undef, 'xcontext.conf:' . ($conf_lines + 1) ],
	[ 'a bad value', $good_conf . "profile x {\n\tseal = \"no\"\n}\n",
	    undef, 'xcontext.conf:' . ($conf_lines + 2) ],
	[ 'an attribute that does not exist', $good_conf .
	    "profile x {\n\n\txclient = { \"ADR\" }\n}\n",
	    undef, 'xcontext.conf:' . ($conf_lines + 3) ],
	[ 'a brace that is not closed', $good_conf . "profile x {\n",
	    undef, 'xcontext.conf:' . ($conf_lines + 1) ],
	[ 'a bad line in the table', $good_conf,
	    "127.0.2.0/24\tedge\n127.0.1.0/33\tedge\n", 'trust.cidr:2' ],
	[ 'no configuration', undef, undef, 'xcontext.conf' ],
	[ 'no table', $good_conf, '', 'trust.cidr' ],
);

for my $row (@rows) {
	my ($name, $conf, $trust, $where) = @$row;
	replace($live->{conf_file}, $conf // '');
	replace($live->{trust_file}, $trust // $live->{trust});
	unlink($live->{conf_file}) if !defined $conf;
	unlink($live->{trust_file}) if defined $trust && $trust eq '';
	for my $daemon (@daemons) {
		my $event = hup($daemon, 'reload_failed');
		like($event->{text} // 'no event', qr/\Q$where\E\b/,
		    "$name: $daemon->{name} says where");
		is($event->{level}, 'error', "$name: as an error");
	}
	rules_are_old($name);
}

# Roles are exchanged, and the log gets quiet.
$live->{trust} = "127.0.2.0/24\tedge\n";
$live->{opt}{conf}{log_all} = 'false';
$live->write_conf;
ok(hup($_, 'reload'), "$_->{name} reloads") for @daemons;

my $connects = () = $live->milter->events(event => 'connect');
my $smtp = begin(XContext::Live::STRANGER);
is(override($smtp, '198.51.100.3'), 220, 'new rules: for a new session');
mail_is_from('new rules', $smtp, '198.51.100.3');
$smtp->quit;
$smtp = begin(XContext::Live::MESSENGER);
isnt(override($smtp, '198.51.100.3'), 220, 'new rules: and for another');
$smtp->quit;
is(scalar(() = $live->milter->events(event => 'connect')), $connects,
    'new rules: the milter follows them too');

is(override($early, '198.51.100.4'), 220,
    'a running session keeps its rules');
mail_is_from('a running session', $early, '198.51.100.4');
mail_is_from('an overridden session', $overridden, '198.51.100.2');
is($_->quit->code, 221, 'and was not cut') for $early, $overridden;

# A storm of them in the middle of sessions.  ThreadSanitizer blocks signals in
# the milter's first thread for moments of its own, in which SIGHUP would be
# libmilter's, which takes it for an order to stop: there only policy has it.
my @stormed = ($ENV{XC_SANITIZE} // '') eq 'thread' ? ($live->policy) :
    @daemons;
$smtp = begin(XContext::Live::STRANGER);
for my $i (1 .. 30) {
	$_->signal('HUP') for @stormed;
	$smtp->cmd('NOOP') if $i % 5;
	is(override($smtp, '198.51.100.5'), 220, 'in a storm: XCLIENT')
	    if $i == 15;
}
mail_is_from('in a storm', $smtp, '198.51.100.5');
$smtp->quit;
is($_->pid, $pid{$_->{name}}, "$_->{name} is the same process"),
    ok($_->is_running, "$_->{name} is alive") for @daemons;

$live->finish;
