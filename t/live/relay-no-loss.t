#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Messages through the relay while it and the last hop are killed at random
# moments: each is counted at the last hop, and none is lost that was
# acknowledged to the client.
#
# XC_MESSAGES (10000; 1500 with sanitizers) is how many, XC_SEED makes other
# moments.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use XContext::Counter ();
use XContext::Guard qw(guard_dir guard_time);
use XContext::Load ();
use XContext::Postfix ();
use XContext::Relay ();

my $why = XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(300);

my $is_plain = ($ENV{XC_SANITIZE} // 'no') eq 'no';
my $n = $ENV{XC_MESSAGES} // ($is_plain ? 10000 : 1500);
my $seed = $ENV{XC_SEED} // 1;
srand($seed);
note("XC_SEED=$seed");

my $dir = guard_dir();
my $address = XContext::Postfix::own_address();
my ($relay, @logs);

# A log for each life: what its start is told by is then found at once.
sub start_relay {
	push(@logs, $relay->{log} = "$dir/relay-log." . @logs);
	$relay->{n_starts} = 0;
	$relay->start;
}

sub make_relay {
	my ($port) = @_;
	$relay = XContext::Relay->new(conf => { XCLIENT => '"ifavailable"',
	    log_all => 'false' }, relays => {
		fixed => { next_hop => "\"smtp:[$address]:$port\"" },
		mapped => { transport_maps =>
		    "{ \"static:smtp:[$address]:$port\" }" } });
	start_relay();
}

# Kills, after some messages, what a name stands for in %$victims, and brings it
# back after a while in which clients meet what is left.
sub disturbance {
	my ($rate, $killed, %victims) = @_;
	my ($next, $back, $victim) = (0, 0);
	my @names = sort keys %victims;
	my @first = @names;
	return sub {
		my ($load) = @_;
		if ($back) {
			return if time() < $back;
			$_->[1]() for @{$victims{$victim}};
			$back = 0;
			$next = $load->{n_acked} + 20 + rand($rate);
		} elsif ($load->{n_acked} >= $next) {
			# Each of them once, whatever else.
			$victim = @first ? shift(@first) :
			    $names[rand(@names)];
			$killed->{$victim}++;
			$_->[0]() for @{$victims{$victim}};
			$back = time() + rand(0.1);
		}
	};
}

sub run {
	my ($name, $n, $rate, $victims, %opt) = @_;
	my $load = XContext::Load->new(n => $n, sessions => 40, targets => [
	    { address => $relay->address('fixed'),
		port => $relay->port('fixed') },
	    { address => $relay->address('mapped'),
		port => $relay->port('mapped'), answers_mail => 1 } ], %opt);
	my ($began, %killed) = (time());
	my $disturb = disturbance($rate, \%killed, %$victims);
	ok($load->run(200, $disturb), "$name: all of $n are acknowledged");
	note(sprintf('%.1f s, %d tries in vain, %d uncertain, killed: %s',
	    time() - $began, $load->{n_failed},
	    scalar keys %{$load->{uncertain}}, join(', ', map {
	    "$_ $killed{$_}" } sort keys %killed)));
	cmp_ok($killed{$_} // 0, '>', 0, "$name: killed, $_")
	    for keys %$victims;
	start_relay() if !$relay->is_running;
	return $load;
}

# What the last hop has, and what its senders were told.
sub judge {
	my ($name, $load, $seen) = @_;
	is_deeply($load->{wrong}, [],
	    "$name: each reply is the one to what was said");
	is_deeply([ grep { $load->{acked}{$_} != 1 }
	    keys %{$load->{acked}} ], [], "$name: none is acknowledged twice");
	is(keys %{$load->{acked}}, $load->{n},
	    "$name: as many are acknowledged as there are");
	is_deeply([ grep { !$seen->{$_} } keys %{$load->{acked}} ], [],
	    "$name: what was acknowledged is at the last hop");
	is_deeply([ grep { $seen->{$_} != 1 } keys %$seen ], [],
	    "$name: the relay sends nothing twice");
	is_deeply([ grep { !$load->{acked}{$_} && !$load->{uncertain}{$_} }
	    keys %$seen ], [],
	    "$name: nothing arrived that was said to have failed");
}

sub finish_relay {
	is($relay->stop, 0, 'the relay ends well');
	my @complaints = map { $relay->{log} = $_; $relay->complaints(
	    qr/event=hop_failed/, qr/event=xclient_failed/) } @logs;
	is_deeply(\@complaints, [], 'it complains of nothing else');
}

my @relay = (sub { $relay->kill }, sub { start_relay() });

# The counting last hop has its whims as well.
my $hop = XContext::Counter->new(address => $address,
    port => XContext::Postfix::free_port($address), file => "$dir/counted",
    whims => 0.003);
my @hop = (sub { $hop->kill }, sub { $hop->start });
$hop->start;
make_relay($hop->{port});
my $load = run('counter', $n, 300, { hop => [ \@hop ],
    relay => [ \@relay ], both => [ \@relay, \@hop ] });
$hop->kill;
my ($seen, @wrong) = $hop->seen;
is_deeply(\@wrong, [], 'what is counted is whole, and nothing else came');
judge('counter', $load, $seen);
finish_relay();

# Postfix, whose smtpd processes are killed.
# Its master waits for a minute where one is killed too early.
my $postfix = XContext::Postfix->new(
    main => { service_throttle_time => '1s' },
    services => [ { name => 'last', options => [
	'smtpd_authorized_xclient_hosts = 127.0.0.0/8' ] } ]);
$postfix->start;

# The processes that serve connections, of this Postfix alone.
sub smtpds {
	my @found;
	for my $file (glob('/proc/[0-9]*/stat')) {
		open(my $fh, '<', $file) or next;
		my $line = <$fh> // next;
		push(@found, $1)
		    if $line =~ /^(\d+) \(smtpd\) \S+ $postfix->{master} /;
	}
	return @found;
}

sub kill_smtpd {
	my @found = smtpds();
	kill('KILL', $found[rand(@found)]) if @found;
}

make_relay($postfix->port('last'));
$load = run('Postfix', $n > 4000 ? int($n / 10) : 400, 40, { smtpd =>
    [ [ \&kill_smtpd, sub {} ] ], relay => [ \@relay ] },
    texts => qr/^(?:2\.[01]\.[05] Ok|End data)/);
ok($postfix->is_idle(60), 'Postfix: all is delivered');
my %seen;
$seen{$_}++ for map { /^Id: (\d+-\d+) /m ? $1 : 'unknown' } $postfix->mails;
judge('Postfix', $load, \%seen);
finish_relay();
$postfix->stop;

done_testing();
