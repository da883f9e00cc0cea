#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# The relay's memory depends on the number of its connections alone: on nothing
# that is sent, and not on who does not read.
#
# XC_CONNECTIONS (5000; 300 with sanitizers, whose own memory cannot be told
# from the relay's) is how many idle clients there are, XC_MIB (1024; 128) how
# long the long message.
use strict;
use warnings;

use IO::Socket::INET ();
use Test::More;
use Time::HiRes qw(sleep time);

use XContext::Guard qw(guard_child guard_dir guard_process guard_time);
use XContext::Postfix ();
use XContext::Relay ();
use XContext::Scene qw(hop);
use XContext::Smtp ();

my $why = XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(280);

my $is_plain = ($ENV{XC_SANITIZE} // 'no') eq 'no';
my $n = $ENV{XC_CONNECTIONS} // ($is_plain ? 5000 : 300);
my $mib = $ENV{XC_MIB} // ($is_plain ? 1024 : 128);

# Each idle client takes a descriptor here, and two in the relay.
if (!$ENV{XC_DESCRIPTORS}) {
	$ENV{XC_DESCRIPTORS} = `ulimit -n \$(ulimit -Hn); ulimit -n` + 0;
	exec('sh', '-c', 'ulimit -n $(ulimit -Hn); exec "$@"', 'sh', $^X,
	    '-w', (map { "-I$_" } @INC), $0) or die "sh: $!\n";
}
my $most = int(($ENV{XC_DESCRIPTORS} - 1000) / 2);
$n = $most if $n > $most;
note("$n connections");

my $dir = guard_dir();
my $address = XContext::Postfix::own_address();
my $tls_client = ($ENV{XC_BUILD} // '.') . '/t/lib/tls_client';
system($tls_client, 'certificate', $dir) == 0 or die "no certificate\n";

# A next hop in one process, which serves one connection after the other: so
# far, and then it is idle.  Those from number on take a message first.
sub idle_hop {
	my ($number) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => $address,
	    LocalPort => 0, Listen => 512) or die "next hop: $@\n";
	my $pid = fork() // die "fork: $!\n";
	return ($listener->sockport, guard_process($pid)) if $pid;
	guard_child();
	my @all;
	while (my $sock = $listener->accept) {
		my $hop = bless({ sock => $sock, in => '' },
		    'XContext::Scene');
		push(@all, $sock);
		$hop->greeted(' NAME ADDR PORT PROTO HELO');
		$hop->line =~ /^XCLIENT / or die "no XCLIENT\n";
		$hop->greeted(' NAME ADDR PORT PROTO HELO');
		next if @all < $number;
		$hop->expect('DATA');
		$hop->say('354 go ahead');
		$hop->content;
		$hop->say('250 2.0.0 Ok: queued');
	}
	exit(1);
}

# One for each part of the test: what an earlier one has given back would hide
# what a later one takes.
my @relays;
my %tls = (tls => '"may"', tls_certificate => "\"$dir/server.pem\"",
    tls_key => "\"$dir/server.key\"");
sub relay {
	my ($port, %more) = @_;
	my $relay = XContext::Relay->new(conf => { log_all => 'false',
	    XCLIENT => '"ifavailable"' }, sections => "binding secure " .
	    "{\n\tXCLIENT = \"no\"\n\ttls = \"encrypt\"\n}\n",
	    relays => { front => { connections => 8000,
	    peer_connections => 0, next_hop => "\"smtp:[$address]:$port\"",
	    %more } });
	$relay->start;
	push(@relays, $relay);
	return $relay;
}

my $sink = hop($address, sub { $_[0]->greeted; $_[0]->serve });
my $go = "$dir/go";
my $late = hop($address, sub {
	my ($hop) = @_;
	$hop->greeted;
	$hop->expect('DATA');
	$hop->say('354 go ahead');
	sleep(0.1) until -e $go;
	$hop->say('250 2.0.0 Ok: ' . $hop->content);
	$hop->drain;
});
my @lines = ('x' x 900) x 7;
my $chatty = hop($address, sub {
	my ($hop) = @_;
	$hop->greeted;
	while (1) {
		my $line = $hop->expect('NOOP');
		$hop->say((map { "250-$_" } @lines), '250 ' . substr($line,
		    5));
	}
});

# In KiB: VmHWM, RssAnon ...
sub memory {
	my ($relay, $what) = @_;
	$what //= 'RssAnon';
	open(my $fh, '<', '/proc/' . $relay->pid . '/status')
	    or die "no status: $!\n";
	my ($kib) = map { /^$what:\s+(\d+) kB/ ? $1 : () } <$fh>;
	return $kib;
}

# The highest that it has been begins anew.
sub forget_peak {
	my ($relay) = @_;
	open(my $fh, '>', '/proc/' . $relay->pid . '/clear_refs')
	    or die "clear_refs: $!\n";
	print $fh '5';
}

sub at_most {
	my ($kib, $max, $name) = @_;
	note(sprintf('%s: %.1f KiB', $name, $kib));
	return pass("$name (not measured)") if !$is_plain;
	cmp_ok($kib, '<=', $max, $name);
}

sub greeted {
	my ($relay) = @_;
	my $smtp = $relay->connect(timeout => 60);
	$smtp->cmd('EHLO client.example.org')->code eq '250'
	    or die "no EHLO\n";
	return $smtp;
}

sub to_content {
	my ($smtp) = @_;
	return join(' ', map { $_->code } $smtp->pipeline(
	    'MAIL FROM:<a@example.org>', 'RCPT TO:<b@example.com>', 'DATA'));
}

#
# Idle connections, each with one to the next hop that knows the client.
#
my $n_busy = 200;
my ($idle) = idle_hop($n + 1);
my $relay = relay($idle);
my @idle = map { greeted($relay) } 1 .. 50;
my $before = memory($relay);
push(@idle, greeted($relay)) while @idle < $n;
at_most((memory($relay) - $before) / ($n - 50), 8, 'an idle connection');

$before = memory($relay);
my $n_accepted = 0;
for (1 .. $n_busy) {
	push(@idle, greeted($relay));
	$n_accepted++ if to_content($idle[-1]) eq '250 250 354' &&
	    $idle[-1]->data('x' x 70 . "\n" x 5000)->code eq '250';
}
is($n_accepted, $n_busy, 'messages are accepted meanwhile');
at_most((memory($relay) - $before) / $n_busy, 8,
    'an idle connection that has sent a message');
$_->close for @idle;

# With TLS, measured by a program that stays until its input ends.
my @inputs;
sub tls_clients {
	my ($relay, $n) = @_;
	pipe(my $in, my $out) or die "pipe: $!\n";
	my $pid = open(my $said, '-|') // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDIN, '<&', $in);
		close($_) for @inputs, $in, $out;
		exec($tls_client, 'idle', $relay->address, $relay->port, $n)
		    or exit(127);
	}
	push(@inputs, $out, $said);
	return readline($said) // 'nothing';
}

sub with_tls {
	my ($relay, $n, $max, $name) = @_;
	tls_clients($relay, 20);
	my $before = memory($relay);
	is(tls_clients($relay, $n), "ready\n", "$name: $n clients");
	at_most((memory($relay) - $before) / $n, $max, $name);
}

my $secure = relay($sink, %tls);
with_tls($secure, 400, 40, 'an idle connection with TLS');
# From 3.5 on OpenSSL keeps what it made of ML-KEM, 6 KiB and more an end.
with_tls(relay($secure->port, %tls, binding => '"secure"'), 200, 64,
    'an idle connection with TLS on both sides');
close(shift(@inputs)) while @inputs;
is(`$tls_client renegotiate @{[$secure->address, $secure->port]}`,
    "refused\n", 'TLS is not renegotiated');

#
# A long message.
#
my $line = 'x' x 98 . "\r\n";
my $block = $line x 10240;		# 1000 KiB
my $n_blocks = int($mib * 1.024);
$mib = sprintf('%.0f', $n_blocks * length($block) / 2 ** 20);

sub long_message {
	my ($name, $begin, $end) = @_;
	my $relay = relay($sink);
	my $smtp = greeted($relay);
	forget_peak($relay);
	my ($before, $began) = (memory($relay, 'VmHWM'), time());
	$begin->($smtp);
	for (1 .. $n_blocks) {
		my $rest = $block;
		while ($rest ne '') {
			my $sent = syswrite($smtp->{sock}, $rest)
			    // die "$name: $!\n";
			substr($rest, 0, $sent, '');
		}
	}
	$smtp->raw($end);
	is($smtp->reply, '250 2.0.0 Ok: queued ' .
	    $n_blocks * length($block), "$mib MiB as $name: all of it");
	note(sprintf('%.0f MiB/s', $mib / (time() - $began)));
	at_most(memory($relay, 'VmHWM') - $before, 1024,
	    "$mib MiB as $name: more memory at most");
	$smtp->quit;
}

long_message('DATA', sub { to_content($_[0]) }, ".\r\n");
long_message('BDAT', sub {
	$_[0]->pipeline('MAIL FROM:<a@example.org>',
	    'RCPT TO:<b@example.com>');
	$_[0]->raw('BDAT ' . $n_blocks * length($block) . " LAST\r\n");
}, '');

#
# Those who do not read.
#
# As often the text as it goes in, or up to so many bytes.  Returns how many, of
# each.
sub push_all {
	my ($text, $max, @smtp) = @_;
	my %sent = map { ($_ => 0) } @smtp;
	$_->{sock}->blocking(0) for @smtp;
	my $idle_since = time();
	# What nobody reads fills all that there is within that time.
	while (time() < $idle_since + 0.5) {
		for my $smtp (@smtp) {
			next if $sent{$smtp} >= $max;
			my $n = syswrite($smtp->{sock}, substr($text,
			    $sent{$smtp} % length($text))) // next;
			$sent{$smtp} += $n;
			$idle_since = time();
		}
		select(undef, undef, undef, 0.01);
	}
	$_->{sock}->blocking(1) for @smtp;
	return map { $sent{$_} } @smtp;
}

$relay = relay($late);
my @late = map { greeted($relay) } 1 .. 40;
to_content($_) for @late;
$before = memory($relay);
my @sent = push_all($block, 2 ** 40, @late);
cmp_ok($sent[0], '>', 100000, 'a next hop that reads late: some goes in');
at_most((memory($relay) - $before) / @late, 200,
    'a connection whose next hop does not read');
open(my $fh, '>', $go) or die "$go: $!\n";
close($fh);
$_->raw("\r\n.\r\n") for @late;
is_deeply([ map { $_->reply . '' } @late ],
    [ map { '250 2.0.0 Ok: ' . ($_ + 2) } @sent ],
    'a next hop that reads late: it gets all');
$_->close for @late;

# The replies to these are more than what fits between.
my $n_commands = 2000;
my $commands = join('', map { sprintf("NOOP %07d\r\n", $_) }
    1 .. $n_commands);
$relay = relay($chatty);
my @deaf = map { greeted($relay) } 1 .. 10;
$before = memory($relay);
is_deeply([ push_all($commands, length($commands), @deaf) ],
    [ (length($commands)) x @deaf ], 'clients that do not read');
at_most((memory($relay) - $before) / @deaf, 200,
    'a connection whose client does not read');
my @wrong;
for my $smtp (@deaf) {
	for my $number (1 .. $n_commands) {
		my $reply = $smtp->reply;
		push(@wrong, "$number: " . substr($reply, -20))
		    if ($reply->lines)[-1] ne sprintf('%07d', $number);
		@{$smtp->{dialogue}} = ();
	}
	my $reply = $smtp->cmd('QUIT');
	push(@wrong, "$reply") if $reply->code ne '221';
}
is_deeply(\@wrong, [], 'each reply comes, once and in its turn');

ok($_->is_idle, 'no connection is left') for @relays;
alarm(0);
$_->finish(qr/event=xclient_not_offered/) for @relays;
done_testing();
