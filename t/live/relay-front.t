#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext-relay in front of a real Postfix: to whom it offers what, what the
# X commands answer and do, what is refused and how, and whom Postfix then takes
# the client for.
use strict;
use warnings;

use Test::More;

use XContext::Behind ();
use XContext::Guard qw(guard_dir guard_time);
use XContext::Inside qw(received store_tool);
use XContext::Relay ();

my $why = XContext::Behind::impossible() // XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(300);

# Who is who: 127.0.N.0/24 has the N-th.
my @profiles = qw(stranger edge webmail filter rejects disconnects bare
    anonymous override);
my $behind = XContext::Behind->new->start;
my $relay = XContext::Relay->new(
    relays => { front => { next_hop => $behind->next_hop,
	hostname => '"relay.example.net"' } },
    conf => { XCLIENT => '"required"' },
    trust => join('', map { "127.0.$_.0/24 $profiles[$_]\n" }
	1 .. $#profiles),
    profiles => <<'END');
profile edge {
	xclient = { "*" }
	addr = { "!198.51.100.128/25", "public" }
	xsetcontext = { "tenant", "route.*" }
	xdumpcontext = true
	xremoteip = true
	login = { "*@example.com" }
}
profile webmail { xclient = { "ADDR", "LOGIN" } login = { "*" } }
profile filter { xclient = { "*" } xforward = { "*" } seal = "never"
	addr = { "*" } xsetcontext = { "*" } xdumpcontext = true }
profile rejects { xclient = { "ADDR" } on_violation = "reject" }
profile disconnects { xclient = { "ADDR" } on_violation = "disconnect" }
profile bare { xdumpcontext = true }
profile anonymous { always_allow = true xclient = { "ADDR" } }
profile override { xclient = { "ADDR", "HELO" } seal = "override" }
END
$relay->start;

sub peer {
	my ($profile, %opt) = @_;
	my ($n) = grep { $profiles[$_] eq $profile } 0 .. $#profiles;
	$n = 99 if $n == 0;
	return $relay->connect(local => "127.0.$n.1", %opt);
}

# Says lines; each reply but the last must be a success.
sub session {
	my ($profile, @lines) = @_;
	my $smtp = peer($profile);
	my $last = pop(@lines);
	for my $line (@lines) {
		my $reply = $smtp->cmd($line);
		$reply->code =~ /^2/ or die "$line: $reply\n";
	}
	return ($smtp, $smtp->cmd($last));
}

sub id_of { return $_[0]->text =~ /session ([0-9A-Z]{26})$/ ? $1 : '' }

#
# What is offered
#
for my $row (
    [ stranger => '' ],
    [ edge => 'XCLIENT ADDR DESTADDR NAME REVERSE_NAME PORT DESTPORT ' .
	'PROTO HELO LOGIN,XDUMPCONTEXT,XREMOTEIP,XSETCONTEXT' ],
    [ webmail => 'XCLIENT ADDR LOGIN' ],
    [ filter => 'XCLIENT ADDR DESTADDR NAME REVERSE_NAME PORT DESTPORT ' .
	'PROTO HELO LOGIN,XDUMPCONTEXT,XFORWARD ADDR NAME PORT PROTO ' .
	'HELO IDENT SOURCE,XSETCONTEXT' ],
    [ bare => 'XDUMPCONTEXT' ],
    [ anonymous => 'XCLIENT ADDR' ]) {
	my ($profile, $want) = @$row;
	my ($smtp, $ehlo) = session($profile, 'EHLO client.example.org');
	is(join(',', sort grep { /^X/ } $ehlo->lines), $want,
	    "$profile: the X commands that it is offered");
	is_deeply([ sort map { /^(\S+)/ } grep { !/^X/ } $ehlo->lines ],
	    [ sort qw(relay.example.net PIPELINING SIZE 8BITMIME SMTPUTF8 DSN
	    CHUNKING ENHANCEDSTATUSCODES ETRN VRFY) ],
	    "$profile: and the rest, once each");
	$smtp->quit;
}

#
# XCLIENT
#
{
	my $smtp = peer('edge');
	like($smtp->greeting, qr/^220 relay\.example\.net ESMTP\b/,
	    'the greeting');
	$smtp->cmd('EHLO proxy.example.org');
	my $reply = $smtp->cmd('XCLIENT NAME=client.example.org ' .
	    'ADDR=198.51.100.9 PORT=4711 HELO=said.example.org ' .
	    'LOGIN=joe@example.com DESTADDR=203.0.113.25 DESTPORT=25');
	like($reply, qr/^220 relay\.example\.net ESMTP\b/,
	    'XCLIENT greets anew');
	is($smtp->cmd('MAIL FROM:<a@example.org>')->code, 503,
	    'and starts over: MAIL needs another EHLO');
	my $ehlo = $smtp->cmd('EHLO client.example.org');
	is(scalar(grep { /^X/ } $ehlo->lines), 0,
	    'the greeting seals, so no X command is offered any more');
	is($smtp->mail(from => 'a@example.org', subject => 'XCLIENT')->code,
	    250, 'its mail is taken');
	$smtp->quit;
	my $seen = $behind->client_of('a@example.org');
	is($seen->{client_address}, '198.51.100.9', 'Postfix: address');
	is($seen->{client_port}, '4711', 'Postfix: port');
	is($seen->{client_name}, 'client.example.org', 'Postfix: name');
	is($seen->{helo_name}, 'said.example.org', 'Postfix: HELO');
	is($seen->{protocol_name}, 'ESMTP', 'Postfix: protocol');
	is($seen->{sasl_username}, 'joe@example.com', 'Postfix: login');
	is($seen->{server_address}, '203.0.113.25', 'Postfix: destination');
	like(received($behind->delivered('XCLIENT')),
	    qr/^from said\.example\.org \(client\.example\.org \[198\.51\.100\.9\]\)/,
	    'the Received: header');
	my $event = $relay->event(event => 'override');
	is($event->{peer}, '127.0.1.1', 'log: the peer');
	is($event->{client}, '198.51.100.9', 'log: the client');
}

# Without an override it is the peer itself.
{
	my ($smtp) = session('stranger', 'EHLO there.example.org');
	my $port = $smtp->local_port;
	is($smtp->mail(from => 'b@example.org', subject => 'itself')->code,
	    250, 'a stranger\'s mail');
	$smtp->quit;
	my $seen = $behind->client_of('b@example.org');
	is($seen->{client_address}, '127.0.99.1', 'Postfix: its address');
	is($seen->{client_port}, $port, 'Postfix: its port');
	is($seen->{client_name}, 'unknown', 'Postfix: no name');
	is($seen->{helo_name}, 'there.example.org', 'Postfix: its HELO');
	is($seen->{server_address}, $relay->address, 'Postfix: our address');
	is($seen->{server_port}, $relay->port, 'Postfix: our port');
	like(received($behind->delivered('itself')),
	    qr/^from there\.example\.org \(unknown \[127\.0\.99\.1\]\)/,
	    'the Received: header');
}
{
	my ($smtp) = session('stranger', 'HELO old.example.org');
	is($smtp->mail(from => 'c@example.org')->code, 250, 'HELO: mail');
	$smtp->quit;
	is($behind->client_of('c@example.org')->{helo_name},
	    'old.example.org', 'HELO: Postfix knows it');
}

#
# Context
#
{
	my ($smtp, $reply) = session('edge', 'EHLO there',
	    'XSETCONTEXT tenant=acme route.in=a+2Bb');
	is($reply, '250 2.0.0 Ok', 'XSETCONTEXT');
	is($smtp->cmd('XREMOTEIP 198.51.100.7'), '250 2.0.0 Ok', 'XREMOTEIP');
	$smtp->raw("XDUMPCONTEXT\r\n");
	my $dump = $smtp->reply;
	my @lines = map { $_->[1] } grep { $_->[0] eq '<' } $smtp->dialogue;
	@lines = @lines[-scalar($dump->lines) .. -1];
	is($lines[-1], '250 XDUMPCONTEXT complete', 'the dump\'s last line');
	is(scalar(grep { !/^250-\[connection\] [a-z._]+ \S/ }
	    @lines[0 .. $#lines - 1]), 0, 'the form of the others');
	my %seen = map { $_ => 1 } @lines;
	is(scalar(keys %seen), scalar(@lines), 'no line twice');
	# Values are xtext, as they were said.
	for my $pair ('ehlo_domain there', 'ehlo_string EHLO there',
	    'peer_address 127.0.1.1', 'remote_address 198.51.100.7',
	    'profile edge', 'listener front', 'tenant acme', 'route.in a+b') {
		is(scalar(grep { $_ eq "250-[connection] $pair" } @lines), 1,
		    "the dump has $pair") or diag(@lines);
	}
	is($smtp->mail(from => 'd@example.org')->code, 250,
	    'XREMOTEIP: mail');
	is($behind->client_of('d@example.org')->{client_address},
	    '198.51.100.7', 'XREMOTEIP: Postfix knows');
	$smtp->quit;
}
{
	my ($smtp, $dump) = session('edge', 'EHLO there',
	    'MAIL FROM:<d@example.org>', 'RCPT TO:<box@example.com>',
	    'XDUMPCONTEXT');
	is(scalar(grep { $_ eq '[message] mailfrom d@example.org' }
	    $dump->lines), 1, 'in a message it has the sender');
	is(scalar(grep { $_ eq '[message] rcpt_count 1' } $dump->lines), 1,
	    'and the number of recipients');
	$smtp->cmd('RSET');
	is(scalar(grep { /^\[message\]/ } $smtp->cmd('XDUMPCONTEXT')->lines),
	    0, 'RSET ends that');
	$smtp->quit;
}

#
# Refusals.  A row: profile, lines, the reply, what MAIL is answered then.
#
my $later = qr/^451 4\.7\.1 .*; session /;
for my $row (
    [ 'an address that is not granted', 'edge', [ 'EHLO a',
	'XCLIENT ADDR=198.51.100.200' ],
	qr/^550 5\.7\.1 ADDR=198\.51\.100\.200 .*; session /, $later ],
    [ 'a private address', 'edge', [ 'EHLO a', 'XREMOTEIP 10.0.0.1' ],
	qr/^550 5\.7\.1 ADDR=10\.0\.0\.1 .*; session /, $later ],
    [ 'a login that is not granted', 'edge', [ 'EHLO a',
	'XCLIENT ADDR=198.51.100.9 LOGIN=root' ],
	qr/^550 5\.7\.1 LOGIN=root .*; session /, $later ],
    [ 'an attribute that is not granted', 'webmail', [ 'EHLO a',
	'XCLIENT ADDR=198.51.100.9 NAME=a.example.org' ],
	qr/^550 5\.7\.1 XCLIENT: attribute NAME is not granted; session /,
	$later ],
    [ 'a command that is not granted', 'stranger', [ 'EHLO a',
	'XCLIENT ADDR=198.51.100.9' ], qr/^550 5\.7\.1 .*; session /, $later ],
    [ 'a name that is not granted', 'edge', [ 'EHLO a',
	'XSETCONTEXT tenant=acme other=1' ],
	qr/^550 5\.7\.1 .*other.*; session /, $later ],
    [ 'a dump that is not granted', 'webmail', [ 'EHLO a',
	'XDUMPCONTEXT' ], qr/^550 5\.7\.1 .*XDUMPCONTEXT.*; session /,
	$later ],
    [ 'XFORWARD that is not granted', 'edge', [ 'EHLO a',
	'XFORWARD ADDR=198.51.100.9' ], qr/^550 5\.7\.1 .*; session /,
	$later ],
    [ 'an attribute that there is not', 'edge', [ 'EHLO a',
	'XCLIENT ADDR=198.51.100.9 BOGUS=1' ], qr/^501 5\.5\.4 .*BOGUS/,
	$later ],
    [ 'no address', 'edge', [ 'EHLO a', 'XREMOTEIP there' ],
	qr/^501 5\.5\.4 /, $later ],
    [ 'no arguments', 'edge', [ 'EHLO a', 'XCLIENT' ], qr/^501 5\.5\.4 /,
	$later ],
    [ 'no pair', 'edge', [ 'EHLO a', 'XSETCONTEXT tenant' ],
	qr/^501 5\.5\.4 /, $later ],
    [ 'on_violation = reject', 'rejects', [ 'EHLO a',
	'XCLIENT ADDR=10.0.0.1' ], qr/^550 5\.7\.1 /,
	qr/^554 5\.7\.1 ADDR=10\.0\.0\.1 .*; session / ],
    [ 'on_violation = disconnect', 'disconnects', [ 'EHLO a',
	'XCLIENT ADDR=10.0.0.1' ],
	qr/^421 4\.7\.1 ADDR=10\.0\.0\.1 .*; session /, undef ],
    [ 'sealed by the greeting', 'edge', [ 'EHLO a',
	'XCLIENT ADDR=198.51.100.9', 'EHLO b', 'XCLIENT ADDR=198.51.100.10' ],
	qr/^550 5\.7\.1 .* can no longer be changed; session /, $later ],
    [ 'sealed by MAIL', 'edge', [ 'EHLO a', 'XREMOTEIP 198.51.100.9',
	'MAIL FROM:<x@example.org>', 'RSET', 'XSETCONTEXT tenant=acme' ],
	qr/^550 5\.7\.1 /, $later ],
    [ 'sealed by the override', 'override', [ 'EHLO a',
	'XCLIENT ADDR=198.51.100.9', 'XCLIENT HELO=b' ],
	qr/^550 5\.7\.1 .* can no longer be changed; session /, $later ]) {
	my ($name, $profile, $lines, $want, $want_mail) = @$row;
	my ($smtp, $reply) = session($profile, @$lines);
	like($reply, $want, $name);
	if (!defined $want_mail) {
		ok($smtp->is_closed, "$name: the session is over");
		next;
	}
	my $refused = $relay->event(event => 'refuse', session =>
	    id_of($reply));
	ok(defined $refused && $refused->{rule} =~ ($profile eq 'stranger' ?
	    qr/^built-in/ : qr/\.conf:\d+$/), "$name: the log has the rule")
	    or diag($reply, $refused->{rule});
	$smtp->cmd('EHLO a');
	my $mail = $smtp->mail(from => 'refused@example.org',
	    subject => "refused: $name");
	like($mail, $want_mail, "$name: its mail");
	is(id_of($mail), id_of($reply), "$name: the session's name");
	$smtp->quit;
}
is(scalar($behind->seen->find(sender => 'refused@example.org')), 0,
    'no mail of a refused session has come to Postfix');

# What comes at the wrong time does no harm.
{
	my ($smtp, $reply) = session('edge', 'EHLO a',
	    'MAIL FROM:<t@example.org>', 'XCLIENT ADDR=198.51.100.9');
	like($reply, qr/^503 5\.5\.1 XCLIENT: not in a mail .*; session /,
	    'XCLIENT in a transaction');
	is($smtp->cmd('RCPT TO:<box@example.com>')->code, 250,
	    'which goes on');
	is($behind->client_of('t@example.org')->{client_address},
	    '127.0.1.1', 'as that of the peer');
	is($smtp->cmd('RSET')->code, 250, 'RSET');
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220,
	    'XCLIENT behind it');
	$smtp->quit;
}

# A refusal counts at whatever step it comes.
for my $row ([ 'RCPT' ], [ 'DATA', 'RCPT TO:<box@example.com>' ]) {
	my ($step, @before) = @$row;
	my ($smtp, $reply) = session('edge', 'EHLO a',
	    'MAIL FROM:<e@example.org>', @before, 'XSETCONTEXT other=1');
	is($reply->code, 550, "refused before $step");
	$reply = $smtp->cmd($step eq 'RCPT' ? 'RCPT TO:<box@example.com>' :
	    'DATA');
	like($reply, $later, "$step is refused, too");
	$smtp->close;
}
{
	my ($smtp) = session('edge', 'EHLO a', 'MAIL FROM:<e@example.org>',
	    'RCPT TO:<box@example.com>', 'XSETCONTEXT other=1');
	my $message = "Subject: refused BDAT\r\n\r\n";
	$smtp->raw('BDAT ' . length($message) . " LAST\r\n$message");
	is($smtp->reply->code, 451, 'BDAT is refused, too');
	is($smtp->cmd('NOOP')->code, 250, 'its octets are no commands');
	$smtp->quit;
	ok($behind->not_delivered('refused BDAT'), 'it is not delivered');
}

# Who never seals may speak for one after the other.
{
	my ($smtp) = session('filter', 'EHLO a', 'XCLIENT ADDR=198.51.100.9',
	    'EHLO a');
	is($smtp->mail(from => 'f1@example.org')->code, 250, 'one client');
	is($smtp->cmd('XCLIENT ADDR=198.51.100.10')->code, 220,
	    'seal = never: another XCLIENT');
	$smtp->cmd('EHLO a');
	is($smtp->mail(from => 'f2@example.org')->code, 250,
	    'another client');
	is($behind->client_of('f1@example.org')->{client_address},
	    '198.51.100.9', 'Postfix: the one');
	is($behind->client_of('f2@example.org')->{client_address},
	    '198.51.100.10', 'Postfix: the other');
	is($smtp->cmd('XFORWARD ADDR=198.51.100.11 NAME=f.example.org')->code,
	    250, 'XFORWARD');
	is($smtp->mail(from => 'f3@example.org')->code, 250, 'a third');
	is($behind->client_of('f3@example.org')->{client_address},
	    '198.51.100.11', 'Postfix: the third');
	is($behind->client_of('f3@example.org')->{client_name},
	    'f.example.org', 'Postfix: its name');
	$smtp->quit;
}

#
# ALWAYS-ALLOW
#
{
	my ($smtp) = session('anonymous', 'EHLO a');
	is($smtp->mail(from => 'g@example.org')->code, 250, 'ALWAYS-ALLOW');
	is($behind->client_of('g@example.org')->{sasl_username}, 'anonymous',
	    'ALWAYS-ALLOW: Postfix sees a login');
	$smtp->quit;
	($smtp) = session('anonymous', 'EHLO a', 'XCLIENT ADDR=198.51.100.9',
	    'EHLO b');
	$smtp->mail(from => 'h@example.org');
	my $seen = $behind->client_of('h@example.org');
	is($seen->{client_address}, '198.51.100.9', 'with XCLIENT: address');
	is($seen->{sasl_username}, 'anonymous', 'with XCLIENT: login');
	$smtp->quit;
}

#
# Revocation
#
{
	my %store = (store => "lmdb:$relay->{dir}/store");
	my ($before) = session('edge', 'EHLO a', 'XCLIENT ADDR=198.51.100.9',
	    'EHLO b');
	my ($idle) = session('edge', 'EHLO a');
	my ($status, $text) = store_tool(\%store, 'revoke', 'profile=edge');
	is($status, 0, 'a profile is revoked') or diag($text);
	like($before->mail(from => 'refused@example.org'), $later,
	    'the mail of who has used it is refused');
	like($before->mail, qr/revoked/, 'which says why');
	is($idle->mail(from => 'i@example.org')->code, 250,
	    'that of who has not is a stranger\'s');
	like($idle->cmd('XCLIENT ADDR=198.51.100.9'), qr/^550 5\.7\.1 /,
	    'and may do what a stranger may');
	my ($fresh, $reply) = session('edge', 'EHLO a',
	    'XCLIENT ADDR=198.51.100.9');
	like($reply, qr/^550 5\.7\.1 /, 'so is one that comes later');
	$_->close for $before, $idle, $fresh;
	store_tool(\%store, 'unrevoke', 'profile=edge');
	($fresh, $reply) = session('edge', 'EHLO a',
	    'XCLIENT ADDR=198.51.100.9');
	is($reply->code, 220, 'until it is taken back');
	$fresh->quit;
	is(scalar($behind->seen->find(sender => 'refused@example.org')), 0,
	    'nothing of it has come to Postfix');
}

#
# swaks, with its own idea of all this
#
SKIP: {
	skip('swaks is not installed', 3)
	    if system('command -v swaks > /dev/null') != 0;
	my @command = ('swaks', '--server', $relay->address, '--port',
	    $relay->port, '--local-interface', '127.0.1.7', '--from',
	    'swaks@example.org', '--to', 'box@example.com', '--ehlo',
	    'swaks.example.org', '--header', 'Subject: swaks',
	    '--xclient-addr', '198.51.100.9', '--xclient-name',
	    'client.example.org', '--xclient-delim', '--xclient-helo',
	    'asserted.example.org');
	open(my $out, '-|', @command) or die "swaks: $!\n";
	my $dialogue = do { local $/; <$out> };
	close($out);
	is($?, 0, 'swaks is content') or diag($dialogue);
	is(() = $dialogue =~ /^ *-> XCLIENT/mg, 2, 'it sent two XCLIENTs');
	like(received($behind->delivered('swaks')), qr/^from asserted\.example\.org \(client\.example\.org \[198\.51\.100\.9\]\)/,
	    'and both count');
}

$relay->finish;
$behind->finish;
alarm(0);
done_testing();
