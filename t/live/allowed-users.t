#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A user who is not in allowed_users gets nothing from any socket, not even if
# the sockets' modes let it in, and the log says so.
use strict;
use warnings;

use IO::Select ();
use IO::Socket::UNIX ();
use POSIX ();
use Test::More;

use XContext::Guard qw(guard_child);
use XContext::Live ();

my $live = XContext::Live->new;
my $sockets = $live->postfix->sockets;
$live->expect_log(qr/event=(?:connection|user)_refused/);

# What a client says first, and what shows that it was served.
my $map_request = 'xclient 127.0.1.1';
my @services = (
	[ 'maps', length($map_request) . ":$map_request,", qr/^\d+:OK / ],
	[ 'policy', "request=smtpd_access_policy\nprotocol_state=RCPT\n" .
	    "client_address=127.0.2.1\n\n", qr/^action=/ ],
	# SMFIC_OPTNEG, version 6, all actions and steps.
	[ 'milter', pack('N a N N N', 13, 'O', 6, 0x1ff, 0x1fffff),
	    qr/^....O/s ],
);

# What that user gets, from a process of its own: "answer: ...", "closed",
# "silence" or "no connection".
sub ask_as {
	my ($user, $path, $request) = @_;
	my ($uid, $gid) = (getpwnam($user))[2, 3];
	pipe(my $in, my $out) or die "pipe: $!\n";
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		$( = $) = "$gid $gid";
		POSIX::setuid($uid);
		my $what = $> == $uid ? ask($path, $request) : 'setuid failed';
		syswrite($out, $what);
		POSIX::_exit(0);
	}
	close($out);
	my $what = do { local $/; <$in> };
	waitpid($pid, 0);
	return $what;
}

sub ask {
	my ($path, $request) = @_;
	local $SIG{PIPE} = 'IGNORE';
	my $sock = IO::Socket::UNIX->new(Peer => $path)
	    or return "no connection: $!";
	syswrite($sock, $request);
	IO::Select->new($sock)->can_read(5) or return 'silence';
	my $n = sysread($sock, my $answer, 4096);
	return $n ? "answer: $answer" : 'closed';
}

sub is_served {
	my ($user, $service) = @_;
	my ($socket, $request, $served) = @$service;
	my $what = ask_as($user, "$sockets/$socket", $request);
	return $what =~ /^answer: (.*)/s && $1 =~ $served;
}

# As installed, the socket's mode keeps others out.
for my $service (@services) {
	like(ask_as('nobody', "$sockets/$service->[0]", $service->[1]),
	    qr/^no connection/, "$service->[0]: its mode keeps others out");
}

chmod(0666, map { "$sockets/$_->[0]" } @services) == @services or die;
for my $service (@services) {
	my ($socket, $request) = @$service;
	ok(is_served('root', $service), "$socket: root is served");
	ok(is_served('postfix', $service), "$socket: postfix is served");
	is(ask_as('nobody', "$sockets/$socket", $request), 'closed',
	    "$socket: nobody gets nothing");
	ok(is_served('root', $service), "$socket: and all goes on");
}

my $uid = getpwnam('nobody');
is(scalar $live->policy->events(event => 'connection_refused',
    uid => $uid, level => 'warning'), 2, 'the policy log says so');
is(scalar $live->milter->events(event => 'user_refused', uid => $uid,
    level => 'warning'), 1, 'the milter log says so');

# It is the user that counts, not who else is allowed.
$live->{opt}{conf}{allowed_users} = '{ "root", "nobody" }';
$live->write_conf;
for my $daemon ($live->policy, $live->milter) {
	$daemon->signal('HUP');
	ok($daemon->event(event => 'reload'), "$daemon->{name} reloads");
}
for my $service (@services) {
	my ($socket, $request) = @$service;
	ok(is_served('nobody', $service),
	    "$socket: when allowed, nobody is served");
	is(ask_as('postfix', "$sockets/$socket", $request), 'closed',
	    "$socket: and postfix no more");
}

$live->finish;
