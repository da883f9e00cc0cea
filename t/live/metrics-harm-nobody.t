#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Whoever may reach the metrics' port of a daemon can neither stop its service nor
# make it dear: a port that is taken, connections by the hundred, requests
# without end.  The mail of this test goes through all three of them.
use strict;
use warnings;

use IO::Socket::INET ();
use Test::More;
use Time::HiRes ();

use XContext::Daemon ();
use XContext::Guard qw(guard_dir guard_forget guard_process);
use XContext::Live ();
use XContext::Postfix ();

my $why = XContext::Live::impossible() //
    XContext::Daemon::impossible('xcontext-relay');
plan(skip_all => $why) if defined $why;
guard_dir();
my $address = XContext::Postfix::own_address();
my %port = map { $_ => "$address:" . XContext::Postfix::free_port($address) }
    qw(policy milter relay front mx);
# A process of its own: those that the test forks keep its descriptors.
my $squatter = open(my $ready, '-|', $^X, '-MIO::Socket::INET', '-e',
    '@s = map { IO::Socket::INET->new(LocalAddr => $_, Listen => 1) or die }' .
    ' @ARGV; $| = 1; print "ready\n"; sleep(60)',
    @port{qw(policy milter relay)}) or die "perl: $!\n";
guard_process($squatter);
<$ready>;
my ($mx) = $port{mx} =~ /(\d+)$/;
my $live = XContext::Live->new(start => 0,
    services => [ { name => 'messengers', wiring => 'a',
	address => $address, port => $mx } ],
    policy => { metrics => "\"$port{policy}\"" },
    milter => { metrics => "\"$port{milter}\"" },
    conf => { relay_metrics => "\"$port{relay}\"" },
    trust => "127.0.1.0/24	edge\n$address	inside\n", profiles => <<"END");
profile edge { xclient = { "ADDR" } addr = { "public" } }
profile inside { xclient = { "*" } addr = { "*" } }
binding inside { XCLIENT = "required" source_address = "$address" }
relay front {
	listen = "$port{front}"
	next_hop = "smtp:[$address]:$mx"
	binding = "inside"
	connections = 100
}
END
$live->expect_log(qr/event=metrics level=warning .*in use/);
my $relay = $live->{relay} = XContext::Daemon->new(name => 'xcontext-relay',
    conf => $live->{conf_file}, log => "$live->{dir}/relay.log",
    sockets => [ $port{front} ]);
my %daemon = (policy => $live->policy, milter => $live->milter,
    relay => $relay);
my @kinds = sort keys %daemon;
$live->start;
$relay->start;
for my $kind (@kinds) {
	my $event = $daemon{$kind}->event(event => 'metrics') // {};
	is($event->{level}, 'warning', "$kind: the port is taken: it says so")
	    or diag($daemon{$kind}->log_text);
}

sub is_well {
	my ($when) = @_;
	my ($host, $front) = split(/:/, $port{front});
	my $smtp = XContext::Smtp->connect($host, $front,
	    local => XContext::Live::MESSENGER);
	is($smtp->cmd('EHLO there')->code, 250, "$when: EHLO");
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220,
	    "$when: XCLIENT");
	$smtp->cmd('EHLO client');
	is($smtp->mail(subject => $when)->code, 250, "$when: mail");
	$smtp->quit;
}

sub dial {
	my ($kind) = @_;
	return IO::Socket::INET->new(PeerAddr => $port{$kind}, Timeout => 1);
}

# Seconds of processor time that the daemon has taken.
sub seconds {
	my ($kind) = @_;
	open(my $fh, '<', '/proc/' . $daemon{$kind}->pid . '/stat')
	    or return 0;
	my @field = split(/ /, <$fh> =~ s/^.*\) //r);
	return ($field[11] + $field[12]) / 100;
}

sub is_served {
	my ($kind, $when) = @_;
	my $text = '';
	for (1 .. 40) {
		last if ($text = $daemon{$kind}->metrics($port{$kind})) ne '';
		Time::HiRes::sleep(0.25);
	}
	like($text, qr/^xcontext_build_info\S* 1\r?$/m,
	    "$kind, $when: it is served") or diag($text);
}

is_well('the ports are taken');
kill('TERM', $squatter);
waitpid($squatter, 0);
guard_forget($squatter);
is_served($_, 'the port is free') for @kinds;

# How many descriptors it has.
sub descriptors { return scalar(() = glob("/proc/$_[0]/fd/*")) }

my (%cpu, %log, %held, %open);
for my $kind (@kinds) {
	$open{$kind} = descriptors($daemon{$kind}->pid);
	$cpu{$kind} = seconds($kind);
	$log{$kind} = length($daemon{$kind}->log_text);
	# As many as there is room for in the kernel's queue.
	for (1 .. 40) {
		my $sock = dial($kind) // last;
		push(@{$held{$kind}}, $sock);
	}
	cmp_ok(scalar(@{$held{$kind}}), '>', 10,
	    "$kind: connections are held");
}
my $end = Time::HiRes::time() + 8;
my $n = 0;
while (Time::HiRes::time() < $end) {
	local $SIG{PIPE} = 'IGNORE';
	syswrite($_, 'G') for grep { $_->connected } map { @$_ } values %held;
	is_well('connections are held, ' . ++$n);
	Time::HiRes::sleep(0.5);
}
# Those in the kernel's queue may answer when they are let in.
for my $kind (@kinds) {
	# Four connections, and what a few sessions leave open for a while.
	cmp_ok(descriptors($daemon{$kind}->pid) - $open{$kind}, '<', 15,
	    "$kind: nor are its descriptors used up");
	cmp_ok(seconds($kind) - $cpu{$kind}, '<', 2,
	    "$kind: the processor is not busy with them");
	my @lines = split(/\n/, substr($daemon{$kind}->log_text, $log{$kind}));
	is_deeply([ grep { /libevent|level=(?:warning|error)/ } @lines ], [],
	    "$kind: the log has nothing of them");
}
%held = ();
is_served($_, 'nobody holds it any more') for @kinds;
is($relay->stop, 0, 'xcontext-relay ends well');
is_deeply([ $relay->complaints(@{$live->{expected}}) ], [],
    'xcontext-relay complains of nothing unexpected');
$live->finish;
