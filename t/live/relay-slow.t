#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Who is slow, on either side of the relay, is waited for as long as the
# configuration says, and not longer because a byte comes now and then.
use strict;
use warnings;

use IO::Socket::INET ();
use Test::More;
use Time::HiRes qw(sleep time);

use XContext::Guard qw(guard_dir guard_time);
use XContext::Postfix ();
use XContext::Relay ();
use XContext::Scene qw(hop play);
use XContext::Smtp ();

my $why = XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(200);

my $dir = guard_dir();
my $address = XContext::Postfix::own_address();
system(($ENV{XC_BUILD} // '.') . '/t/lib/tls_client', 'certificate', $dir) == 0
    or die "no certificate\n";

# Where the next hop is slow: what it does instead of saying what is expected.
my %slow = (
	greeting => sub { $_[0]->slowly(0.3, '220 this hop is slow') },
	EHLO => sub { $_[0]->slowly(0.3, '250-this hop is slow') },
	MAIL => sub { $_[0]->slowly(0.3, '250 2.1.0 this hop is slow') },
	DATA => sub { $_[0]->slowly(0.3, '354 this hop is slow') },
	end => sub { $_[0]->slowly(0.3, '250 2.0.0 this hop is slow') },
);

# A next hop that gets as far as that, and then is slow, or silent.
sub slow_hop {
	my ($at, $is_silent) = @_;
	my $slow = sub {
		my ($hop) = @_;
		$is_silent ? $hop->drain : $slow{$at}->($hop);
		$hop->drain;
		die "over\n";
	};
	return hop($address, sub {
		my ($hop) = @_;
		$slow->($hop) if $at eq 'greeting';
		$hop->say('220 hop');
		if ($at ne 'end') {
			$hop->expect($at);
		} else {
			$hop->expect('DATA');
			$hop->say('354 go ahead');
			$hop->content;
		}
		$slow->($hop);
	});
}

my %short = (command_timeout => 2, data_timeout => 2, connect_timeout => 2,
    reply_timeout => 2, final_timeout => 2, total_timeout => 100);
my $fast = hop($address, sub { $_[0]->greeted; $_[0]->serve });
my %relays = (front => { %short, next_hop => "\"smtp:[$address]:$fast\"",
	tls => '"may"', tls_certificate => "\"$dir/server.pem\"",
	tls_key => "\"$dir/server.key\"" },
    proxy => { %short, next_hop => "\"smtp:[$address]:$fast\"",
	proxy_protocol => '{ "127.0.0.0/8" }' },
    login => { %short, auth => '"always"', next_hop =>
	"\"smtp:[$address]:" . hop($address, sub {
		$_[0]->say('220 hop');
		$_[0]->expect('EHLO');
		$_[0]->say('250-hop', '250 AUTH LOGIN');
		$_[0]->expect('AUTH');
		$_[0]->say('334 VXNlcm5hbWU6');
		$_[0]->drain;
	}) . '"' },
    # A client of a busy host stops, too: here the hop's time has to be over first.
    stuck => { %short, data_timeout => 30, next_hop => "\"smtp:[$address]:" .
	hop($address, sub {
		$_[0]->greeted;
		$_[0]->expect('DATA');
		$_[0]->say('354 go ahead');
		sleep(60);
	}) . '"' },
    viscous => { %short, data_timeout => 30, next_hop => "\"smtp:[$address]:" .
	hop($address, sub {
		$_[0]->greeted;
		$_[0]->expect('DATA');
		$_[0]->say('354 go ahead');
		sleep(0.1) while sysread($_[0]->sock, my $some, 10);
	}) . '"' },
    # Longer than it may be silent, even if this host sleeps in between.
    patient => { %short, next_hop => "\"smtp:[$address]:$fast\"",
	map { $_ => 8 } qw(command_timeout data_timeout reply_timeout
	final_timeout) },
    total => { %short, next_hop => "\"smtp:[$address]:$fast\"",
	total_timeout => 4 });
for my $at (keys %slow) {
	for my $is_silent (0, 1) {
		my $port = slow_hop($at, $is_silent);
		$relays{"hop_$at" . ($is_silent ? '_silent' : '')} = {
		    %short, next_hop => "\"smtp:[$address]:$port\"" };
	}
}
my $relay = XContext::Relay->new(conf => { XCLIENT => '"no"' },
    relays => \%relays);
$relay->start;

sub begin {
	my ($name, @more) = @_;
	return $relay->connect(relay => $name, timeout => 60, @more);
}

# Time until the relay has closed, and the last that it has said.
sub ending {
	my ($smtp, $began) = @_;
	my $last = '';
	while (1) {
		my $reply = eval { $smtp->reply } // last;
		last if $reply->code eq '0';
		$last = "$reply";
	}
	return [ time() - $began, $last ];
}

# Bytes of the text, one each time, until the relay has had enough.
sub drip {
	my ($smtp, $seconds, $text) = @_;
	my $began = time();
	for my $byte (split(//, $text)) {
		$smtp->raw($byte) or last;
		my $r = '';
		vec($r, fileno($smtp->{sock}), 1) = 1;
		last if select($r, undef, undef, $seconds) > 0;
	}
	return ending($smtp, $began);
}

sub in_content {
	my ($name) = @_;
	my $smtp = begin($name);
	$smtp->cmd('EHLO client.example.org');
	$smtp->pipeline('MAIL FROM:<a@example.org>', 'RCPT TO:<b@example.com>',
	    'DATA');
	return $smtp;
}

# A whole mail; each reply.
sub mail {
	my ($name) = @_;
	my $smtp = begin($name);
	my $began = time();
	my @said;
	for my $line ('EHLO client.example.org', 'MAIL FROM:<a@example.org>',
	    'RCPT TO:<b@example.com>', 'DATA', "Subject: x\r\n\r\nx\r\n.") {
		my $reply = $smtp->cmd($line);
		push(@said, $reply->code);
		return [ time() - $began, join(' ', @said), $reply->text ]
		    if $reply->code !~ /^[23]/;
	}
	return [ time() - $began, join(' ', @said), '' ];
}

# More than all buffers on the way take; the reply to the end of it.
sub long_mail {
	my $smtp = in_content(@_);
	my $began = time();
	my $line = 'x' x 98 . "\r\n";
	# In pieces: what is left of a long text is copied with each write.
	$smtp->raw($line x 1000) or last for 1 .. 320;
	$smtp->raw(".\r\n");
	return [ time() - $began, $smtp->reply . '' ];
}

my %scene = (
	# Clients.
	'a command that drips' => sub {
		drip(begin('front'), 0.2, 'EHLO ' . 'x' x 100) },
	'a command that does not come' => sub {
		ending(begin('front'), time()) },
	'a message that drips' => sub {
		drip(in_content('front'), 0.2, 'x' x 100) },
	'a message that comes too slowly' => sub {
		my ($smtp, $began) = (in_content('front'), time());
		for (1 .. 50) {
			$smtp->raw('x' x 18 . "\r\n") or last;
			sleep(0.1);
		}
		return ending($smtp, $began);
	},
	'a message that comes slowly, but fast enough' => sub {
		my ($smtp, $began) = (in_content('patient'), time());
		for (1 .. 90) {
			$smtp->raw(('x' x 98 . "\r\n") x 10) or last;
			sleep(0.1);
		}
		$smtp->raw(".\r\n");
		return [ time() - $began, $smtp->reply->code ];
	},
	'a message that stops, after much of it' => sub {
		my ($smtp, $began) = (in_content('front'), time());
		my $line = 'x' x 98 . "\r\n";
		$smtp->raw($line x 20000);
		return ending($smtp, $began);
	},
	'a chunk that drips' => sub {
		my $smtp = begin('front');
		$smtp->cmd('EHLO client.example.org');
		$smtp->pipeline('MAIL FROM:<a@example.org>',
		    'RCPT TO:<b@example.com>');
		$smtp->raw("BDAT 1000 LAST\r\n");
		return drip($smtp, 0.2, 'x' x 100);
	},
	# Until it is over, nobody waits for its reply.
	'a chunk that comes slowly, but fast enough' => sub {
		my ($smtp, $began) = (begin('front'), time());
		$smtp->cmd('EHLO client.example.org');
		$smtp->pipeline('MAIL FROM:<a@example.org>',
		    'RCPT TO:<b@example.com>');
		$smtp->raw("BDAT 5000 LAST\r\n");
		for (1 .. 50) {
			$smtp->raw('x' x 98 . "\r\n") or last;
			sleep(0.1);
		}
		return [ time() - $began, $smtp->reply->code ];
	},
	'a password that does not come' => sub {
		my $smtp = begin('login');
		$smtp->cmd('EHLO client.example.org');
		$smtp->cmd('AUTH LOGIN')->code eq '334' or die "no 334\n";
		return ending($smtp, time());
	},
	'a handshake that does not come' => sub {
		my ($smtp, $began) = (begin('front'), time());
		$smtp->cmd('EHLO client.example.org');
		$smtp->cmd('STARTTLS');
		return ending($smtp, $began);
	},
	'a handshake that drips' => sub {
		my ($smtp, $began) = (begin('front'), time());
		$smtp->cmd('EHLO client.example.org');
		$smtp->cmd('STARTTLS');
		return drip($smtp, 0.2, "\x16\x03\x01\x02\x00\x01\x00\x01" .
		    "\xfc\x03\x03" . 'x' x 500);
	},
	'a PROXY header that drips' => sub {
		drip(begin('proxy', greeting => 0), 0.5,
		    'PROXY TCP4 198.51.100.1 198.51.100.2 1000 25' x 10) },
	'a session that takes long' => sub {
		my ($smtp, $began) = (begin('total'), time());
		for (1 .. 40) {
			my $reply = $smtp->cmd('NOOP');
			return [ time() - $began, "$reply" ]
			    if $reply->code != 250;
			sleep(0.5);
		}
	},
	# Next hops.
	'a hop that takes no more' => sub { long_mail('stuck') },
	'a hop that takes it too slowly' => sub { long_mail('viscous') },
	map { my $name = $_; ($name => sub { mail($name) }) }
	    grep { /^hop_/ } keys %relays
);

my %got = play(%scene);

# Ends after so many seconds, which a busy host may make many more: what must not
# count instead is total_timeout, or the minute of a hop that sleeps.
sub ends {
	my ($name, $min, $last) = @_;
	my ($seconds, $said) = @{$got{$name}};
	like($said, $last, "$name: what is said");
	cmp_ok($seconds, '>', $min - 0.2, "$name: not too early");
	cmp_ok($seconds, '<', $min + 40, "$name: not too late");
}

ends($_, 2, qr/^421 4\.4\.2 .*timeout/) for grep {
    /^a (?:command|password|(?:message|chunk) that (?:drips|comes too|stops))/ }
    keys %got;
ends('a message that comes slowly, but fast enough', 9, qr/^250$/);
ends('a chunk that comes slowly, but fast enough', 5, qr/^250$/);
ends($_, 2, qr/^451 4\.4\.2 .*did not take the message$/)
    for grep { /^a hop/ } keys %got;
ends($_, 2, qr/^$/) for grep { /handshake/ } keys %got;
ends('a PROXY header that drips', 10, qr/^$/);
ends('a session that takes long', 4, qr/^421 4\.4\.2 .*timeout/);

# The reply that says that nobody can tell comes last.
my %codes = (greeting => '421', EHLO => '421', MAIL => '250 451',
    DATA => '250 250 250 451', end => '250 250 250 354 451');
for my $at (sort keys %codes) {
	for my $name ("hop_$at", "hop_${at}_silent") {
		ends($name, 2, qr/^$codes{$at}$/);
		like($got{$name}[2] // '', qr/^4\.4\.[12] .*in time/,
		    "$name: it is said why");
	}
}

# What ended so leaves nothing behind.
ok($relay->is_idle, 'no connection is left');
is(scalar(grep { defined $_->{text} && $_->{text} eq 'next hop' }
    $relay->events(event => 'timeout')), 12, 'a log line each');
alarm(0);
$relay->finish(qr/event=hop_failed/, qr/event=proxy_header/);
done_testing();
