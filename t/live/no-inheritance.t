#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# One smtpd process serves messengers and strangers in every order, also after
# messengers that named the stranger's own address in an XCLIENT which Postfix
# then refused: nobody inherits a grant, a login or a context.
use strict;
use warnings;

use Test::More;

use XContext::Inside qw(accounts received record_of smtpd_of);
use XContext::Live ();

use constant {
	MESSENGER => '127.0.1.1',
	WEBMAIL => '127.0.1.3',
	STRANGER => '127.0.2.1',
};

# They may even assert the stranger's address, and one of them for many
# clients in one session.
my $profiles = <<'END';
profile edge {
	xclient = { "ADDR", "PORT", "NAME", "REVERSE_NAME", "HELO", "PROTO" }
	addr = { "127.0.2.0/24", "public" }
	xforward = { "*" }
	seal = "never"
}
profile webmail {
	xclient = { "ADDR", "LOGIN", "NAME" }
	addr = { "127.0.2.0/24", "public" }
	login = { "*@example.com" }
}
END

my $live = XContext::Live->new(
    services => [ map { { name => $_, wiring => $_, maxproc => 1,
	messengers => '127.0.1.0/24' } } qw(a b) ],
    main => { max_use => 10000, max_idle => 300 },
    trust => "127.0.1.1	edge\n127.0.1.3	webmail\n",
    profiles => $profiles);

my ($service, $n, $name, %pids) = ('a', 0);

sub open_session {
	my ($peer) = @_;
	my $smtp = $live->connect(service => $service, local => $peer);
	$pids{$service}{smtpd_of($smtp) // 'none'}++;
	return $smtp;
}

# Sends a mail and demands that all who were told who it is from were told
# this: "address name port login" and how Received: shows it.
sub mail_as {
	my ($smtp, $account, $shown) = @_;
	my $id = sprintf('%s%d', $service, ++$n);
	my $reply = $smtp->mail(subject => "mail $id",
	    from => "$id\@example.org");
	is($reply->code, 250, "$name: mail is accepted") or diag($reply);
	is_deeply([ accounts($live, "$id\@example.org") ], $account,
	    "$name: policy and milter agree");
	return if $reply->code != 250;
	like(received($live->postfix->delivered("mail $id")) // 'none',
	    qr/^from \S+ \(\Q$shown\E\)/, "$name: Received:");
}

sub record_is {
	my ($smtp, %want) = @_;
	my $record = record_of($live, smtpd_of($smtp)) // {};
	is_deeply({ map { ($_, $record->{$_}) } keys %want }, \%want,
	    "$name: and so does the ledger");
}

sub messenger_refused {
	my ($peer, $line) = @_;
	my $smtp = open_session($peer);
	$smtp->cmd('EHLO messenger.example.net');
	$smtp->cmd('MAIL FROM:<a@example.org>');
	# Newer ones say 500 for what is the milter's 503.
	like($smtp->cmd($line)->code, qr/^50[03]$/,
	    "$name: XCLIENT in a transaction");
	return $smtp;
}

# What a session can be.
my %kind = (
	'a stranger' => sub {
		my $smtp = open_session(STRANGER);
		my $port = $smtp->local_port;
		$smtp->cmd('EHLO stranger.example.org');
		mail_as($smtp, [ "127.0.2.1 unknown $port " ],
		    'unknown [127.0.2.1]');
		is(record_of($live, smtpd_of($smtp)), undef,
		    "$name: the ledger has nothing to say");
		$smtp->quit;
	},
	'a greedy stranger' => sub {
		my $smtp = open_session(STRANGER);
		$smtp->cmd('EHLO greedy.example.org');
		like($smtp->mail(to => 'x@elsewhere.example')->code,
		    qr/^[45]/, "$name: no relay");
		$smtp->cmd('RSET');
		for my $line ('XCLIENT ADDR=198.51.100.66', 'XFORWARD ' .
		    'ADDR=198.51.100.66', 'XCLIENT LOGIN=a@example.com',
		    'XCLIENT HELO=x.example.org') {
			like($smtp->cmd($line)->code, qr/^[45]/,
			    "$name: $line has no effect");
		}
		my $id = sprintf('%s%d', $service, ++$n);
		my $port = $smtp->local_port;
		like($smtp->mail(from => "$id\@example.org")->code,
		    qr/^(?:250|451)$/, "$name: mail");
		my @accounts = accounts($live, "$id\@example.org");
		is_deeply([ grep { $_ ne "127.0.2.1 unknown $port " }
		    @accounts ], [], "$name: under no other identity");
		my $record = record_of($live, smtpd_of($smtp)) // {};
		is_deeply([ @$record{qw(peer client override)} ],
		    [ STRANGER, STRANGER, undef ], "$name: nor in the ledger");
		$smtp->quit;
	},
	# Before anything tells its connection from an executed override.
	'a hasty stranger' => sub {
		my $smtp = open_session(STRANGER);
		for my $line ('XCLIENT HELO=x.example.org',
		    'XCLIENT LOGIN=user@example.com',
		    'XFORWARD ADDR=198.51.100.66',
		    'XCLIENT ADDR=198.51.100.66') {
			like($smtp->cmd($line)->code, qr/^[45]/,
			    "$name: $line has no effect");
		}
		my $id = sprintf('%s%d', $service, ++$n);
		my $port = $smtp->local_port;
		$smtp->cmd('EHLO hasty.example.org');
		is($smtp->mail(from => "$id\@example.org")->code, 451,
		    "$name: has spoilt its session");
		is_deeply([ grep { $_ ne "127.0.2.1 unknown $port " }
		    accounts($live, "$id\@example.org") ], [],
		    "$name: under no other identity");
		is((record_of($live, smtpd_of($smtp)) // {})->{client},
		    STRANGER, "$name: nor in the ledger");
		$smtp->quit;
	},
	'an override' => sub {
		my $smtp = open_session(MESSENGER);
		$smtp->cmd('EHLO edge.example.net');
		is($smtp->cmd('XCLIENT ADDR=127.0.2.1 PORT=7 ' .
		    'NAME=m.example.org')->code, 220, "$name: XCLIENT");
		$smtp->cmd('EHLO client.example.org');
		mail_as($smtp, [ '127.0.2.1 m.example.org 7 ' ],
		    'm.example.org [127.0.2.1]');
		record_is($smtp, peer => MESSENGER, client => STRANGER,
		    profile => 'edge');
		$smtp->quit;
	},
	'a login' => sub {
		my $smtp = open_session(WEBMAIL);
		$smtp->cmd('EHLO web.example.net');
		is($smtp->cmd('XCLIENT ADDR=127.0.2.1 ' .
		    'LOGIN=user@example.com')->code, 220, "$name: XCLIENT");
		$smtp->cmd('EHLO browser.example.org');
		mail_as($smtp, [ '127.0.2.1 unknown 0 user@example.com' ],
		    'unknown [127.0.2.1]');
		record_is($smtp, peer => WEBMAIL, client => STRANGER,
		    profile => 'webmail');
		$smtp->quit;
	},
	'a messenger for itself' => sub {
		my $smtp = open_session(MESSENGER);
		my $port = $smtp->local_port;
		$smtp->cmd('EHLO edge.example.net');
		mail_as($smtp, [ "127.0.1.1 unknown $port " ],
		    'unknown [127.0.1.1]');
		record_is($smtp, peer => MESSENGER, client => MESSENGER,
		    override => undef);
		$smtp->quit;
	},
	# Postfix takes no XCLIENT in a transaction, which we cannot know.
	'an override refused, then QUIT' => sub {
		messenger_refused(MESSENGER, 'XCLIENT ADDR=127.0.2.1')->quit;
	},
	'a login refused, then a hang-up' => sub {
		messenger_refused(WEBMAIL, 'XCLIENT ADDR=127.0.2.1 ' .
		    'NAME=[UNAVAILABLE] LOGIN=user@example.com')->close;
	},
	'a hang-up in XCLIENT' => sub {
		my $smtp = open_session(WEBMAIL);
		$smtp->raw("XCLIENT ADDR=127.0.2.1 LOGIN=u\@example.com\r\n");
		$smtp->close;
	},
);

# A walk in which every kind follows every kind, itself too: from each the
# successors that it did not have yet, in turn.
sub every_pair {
	my @kinds = @_;
	my %left = map { $_ => [ @kinds ] } @kinds;
	my @stack = ($kinds[0]);
	my @walk;
	while (@stack) {
		my $next = shift(@{$left{$stack[-1]}});
		defined $next ? push(@stack, $next) :
		    unshift(@walk, pop(@stack));
	}
	return @walk;
}

for my $which (qw(a b)) {
	$service = $which;
	my $before = 'nobody';
	for my $kind (every_pair(sort keys %kind)) {
		$name = "wiring $service, $kind after $before";
		$kind{$kind}->();
		$before = $kind;
	}
	is(scalar keys %{$pids{$service}}, 1,
	    "wiring $service: it was one process") or
	    diag(explain($pids{$service}));
}

$live->finish;
