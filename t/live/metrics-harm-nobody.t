#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Whoever may reach the metrics' port can neither stop the service nor make it
# dear: a port that is taken, connections by the hundred, requests without end.
use strict;
use warnings;

use IO::Socket::INET ();
use Test::More;
use Time::HiRes ();

use XContext::Live ();
use XContext::Postfix ();

my $address = XContext::Postfix::own_address();
my $port = XContext::Postfix::free_port($address);
# A process of its own: those that the test forks keep its descriptors.
my $squatter = open(my $ready, '-|', $^X, '-MIO::Socket::INET', '-e',
    '$s = IO::Socket::INET->new(LocalAddr => shift, Listen => 1) or die;' .
    '$| = 1; print "ready\n"; sleep(60)', "$address:$port") or die "perl: $!\n";
<$ready>;
my $live = XContext::Live->new(
    policy => { metrics => "\"$address:$port\"" });
$live->expect_log(qr/event=metrics level=warning .*in use/);
ok($live->policy->event(event => 'metrics'),
    'the port is taken: the log says so') or diag($live->policy->log_text);

sub is_well {
	my ($when) = @_;
	my $smtp = $live->connect;
	is($smtp->cmd('EHLO there')->code, 250, "$when: EHLO");
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220,
	    "$when: XCLIENT");
	is($smtp->mail(subject => $when)->code, 250, "$when: mail");
	$smtp->quit;
}

sub dial {
	return IO::Socket::INET->new(PeerAddr => "$address:$port",
	    Timeout => 1);
}

sub page {
	my $sock = dial() or return '';
	print $sock "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
	local $SIG{ALRM} = sub { die "no end of an answer\n" };
	my $text = '';
	eval {
		alarm(20);
		1 while sysread($sock, $text, 65536, length($text));
	};
	alarm(300);
	return $text;
}

# Seconds of processor time that the daemon has taken.
sub seconds {
	open(my $fh, '<', '/proc/' . $live->policy->pid . '/stat') or return 0;
	my @field = split(/ /, <$fh> =~ s/^.*\) //r);
	return ($field[11] + $field[12]) / 100;
}

is_well('the port is taken');
kill('TERM', $squatter);
waitpid($squatter, 0);
my $text = '';
for (1 .. 40) {
	last if ($text = page()) ne '';
	Time::HiRes::sleep(0.25);
}
like($text, qr/^xcontext_sessions \d+\r?$/m, 'the port is free: it is served')
    or diag($text);

# From now on descriptors are dear.
system('prlimit', '--pid', $live->policy->pid, '--nofile=40') == 0
    or diag('no prlimit');
my $cpu = seconds();
my $log = length($live->policy->log_text);
my @held = grep { defined } map { dial() } 1 .. 40;
cmp_ok(scalar(@held), '>', 10, 'connections are held');
my $end = Time::HiRes::time() + 8;
my $n = 0;
while (Time::HiRes::time() < $end) {
	syswrite($_, 'G') for grep { $_->connected } @held;
	is_well('connections are held, ' . ++$n);
	Time::HiRes::sleep(0.5);
}
# Those in the kernel's queue may answer when they are let in.
cmp_ok(seconds() - $cpu, '<', 2, 'the processor is not busy with them');
my @lines = split(/\n/, substr($live->policy->log_text, $log));
is(scalar(grep { /libevent|level=(?:warning|error)/ } @lines), 0,
    'the log has nothing of them');
@held = ();
like(page(), qr/^xcontext_sessions \d+\r?$/m, 'and then it is served again');
$live->finish;
