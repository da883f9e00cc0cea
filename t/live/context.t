#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# The session's context on Postfix: each command granted, not granted,
# malformed, over a limit, sealed, in a transaction and pipelined; and what
# becomes of the pairs.
use strict;
use warnings;

use Test::More;

use XContext::Live ();
use XContext::Postfix ();

my $live = XContext::Live->new(
    services => [ { name => 'messengers', wiring => 'a' },
	{ name => 'everybody', wiring => 'b' },
	{ name => 'single', wiring => 'a', maxproc => 1 } ],
    # Whatever it calls itself, it is a Postfix.
    main => { mail_name => '8.17.1', smtpd_hard_error_limit => 1000,
	smtpd_soft_error_limit => 1000, smtpd_junk_command_limit => 1000 },
    conf => { limits => undef },
    trust => <<'TRUST', profiles => <<'PROFILES');
127.0.1.0/24	edge
127.0.3.0/24	webmail
127.0.4.0/24	reader
127.0.5.0/24	always
TRUST
limits {
	context_pairs = 4
	context_size = 4096
}
profile edge {
	xclient = { "*" }
	xremoteip = true
	addr = { "!198.51.100.128/25", "public" }
	xsetcontext = { "tenant", "!route.secret", "route.*", "n*" }
	xdumpcontext = true
}
profile webmail {
	xclient = { "ADDR" }
	on_violation = "reject"
}
profile always { always_allow = true }
profile reader { xdumpcontext = true xsetcontext = { "*" } seal = "never" }
PROFILES
my $may_pipeline = XContext::Postfix::may_pipeline();

# The lines of a dump, without codes.
sub dump_of {
	my ($smtp) = @_;
	my $reply = $smtp->cmd('XDUMPCONTEXT');
	is($reply->code, 450, 'a dump is 450') or diag($reply->text);
	# libmilter puts an enhanced status code into each line.
	return map { s/^4\.0\.0 //r } split(/\n/, $reply->text);
}

sub has {
	my ($lines, $want, $what) = @_;
	ok(scalar(grep { $_ eq $want } @$lines), $what // "shows: $want") or
	    diag(join("\n", @$lines));
}

sub messenger {
	my (%opt) = @_;
	my $smtp = $live->connect(%opt);
	$smtp->cmd('EHLO there');
	return $smtp;
}

{
	my $smtp = messenger();
	my $reply = $smtp->cmd('XSETCONTEXT tenant=acme ' .
	    'route.a=100+25+2B+20[message]+20gr+C3+BCn+20+20');
	is($reply->code . ' ' . $reply->text, '250 2.0.0 Ok', 'granted');
	my @dump = dump_of($smtp);
	is($dump[-1], 'XDUMPCONTEXT complete', 'the last line');
	is($dump[0] =~ /^\[connection\] session [0-9A-Z]{26}$/, 1,
	    'the first line');
	has(\@dump, $_) for '[connection] profile edge',
	    '[connection] peer_address 127.0.1.1',
	    '[connection] remote_address 127.0.1.1',
	    '[connection] ehlo_domain there',
	    '[connection] ehlo_string EHLO there',
	    '[connection] tenant acme',
	    '[connection] route.a 100%+ +5Bmessage] gr+C3+BCn  ';
	ok(!grep(/^\[message\]/, @dump), 'no message, no message context');
	is($smtp->cmd('xsetcontext TENANT=other')->code, 250,
	    'a value is set again, in any case');
	@dump = dump_of($smtp);
	has(\@dump, '[connection] tenant other', 'it overrides');
	is(scalar(grep(/ tenant /i, @dump)), 1, 'and is there once');
	is($smtp->cmd('MAIL FROM:<a@example.org>')->code, 250, 'MAIL');
	is($smtp->cmd('XSETCONTEXT n1=in+2Bmail')->code, 250,
	    'inside a transaction');
	is($smtp->cmd('RCPT TO:<box@example.com>')->code, 250, 'RCPT');
	@dump = dump_of($smtp);
	has(\@dump, $_) for '[connection] n1 in+mail',
	    '[message] mailfrom a@example.org', '[message] rcpt_count 1';
	is($smtp->cmd('RSET')->code, 250, 'RSET');
	@dump = dump_of($smtp);
	ok(!grep(/^\[message\]/, @dump), 'RSET ends the message context');
	has(\@dump, '[connection] n1 in+mail',
	    'but not the connection context');
	is($smtp->mail(subject => 'with context')->code, 250,
	    'mail passes after all that');
	@dump = dump_of($smtp);
	ok(!grep(/^\[message\]/, @dump), 'so does the end of the message');
	$smtp->quit;
	ok($live->postfix->delivered('with context'), 'and is delivered');
}


# What is refused: the reply, and what becomes of the session's mail.
my $long = 'x' x 1025;
my @refused = (
    # name, peer, commands before, command, reply, text, mail
    [ 'not granted', 'edge', [], 'XSETCONTEXT colour=red', 450,
	qr/^4\.7\.1 XSETCONTEXT: colour is not granted; session /, 451 ],
    [ 'all or nothing', 'edge', [], 'XSETCONTEXT tenant=a colour=red', 450,
	qr/colour is not granted/, 451 ],
    [ 'negated', 'edge', [], 'XSETCONTEXT route.secret=1', 450,
	qr/route\.secret is not granted/, 451 ],
    [ 'a stranger', 'stranger', [], 'XSETCONTEXT tenant=a', 450,
	qr/not granted/, 451 ],
    [ 'a peer with other grants', 'webmail', [], 'XSETCONTEXT tenant=a', 450,
	qr/not granted/, 554 ],
    [ 'malformed: no value', 'edge', [], 'XSETCONTEXT tenant', 450,
	qr/^4\.5\.4 .*tenant/, 451 ],
    [ 'malformed: nothing', 'edge', [], 'XSETCONTEXT', 450, qr/^4\.5\.4 /,
	451 ],
    [ 'malformed: raw value', 'edge', [], 'XSETCONTEXT tenant=a=b', 450,
	qr/^4\.5\.4 .*tenant.*xtext/, 451 ],
    [ 'malformed: twice', 'edge', [], 'XSETCONTEXT tenant=a TENANT=b', 450,
	qr/^4\.5\.4 tenant/i, 451 ],
    [ 'a value over 1024 bytes, not one of 1024', 'edge',
	[ 'XSETCONTEXT tenant=' . 'y' x 1024 ], "XSETCONTEXT tenant=$long",
	450, qr/^4\.5\.4 .*tenant.*1024/, 451 ],
    [ 'one pair too many', 'edge', [ 'XSETCONTEXT n1=1 n2=2 n3=3 n4=4' ],
	'XSETCONTEXT n5=5', 450, qr/^4\.3\.4 .*n5.*4 pairs/, 451 ],
    [ 'too many bytes', 'edge', [ map { "XSETCONTEXT n$_=" . 'x' x 1000 }
	1 .. 4 ], 'XSETCONTEXT n1=' . 'y' x 1024 . ' n2=' . 'y' x 900 .
	' tenant=', 450, qr/^4\.3\.4 .*tenant/, 451 ],
    [ 'sealed', 'edge', [ 'XCLIENT ADDR=198.51.100.9', 'EHLO client' ],
	'XSETCONTEXT tenant=a', 450, qr/can no longer be changed/, 451 ],
    [ 'XREMOTEIP: not granted', 'webmail', [], 'XREMOTEIP 198.51.100.9', 450,
	qr/XREMOTEIP is not granted/, 554 ],
    [ 'XREMOTEIP: this address', 'edge', [], 'XREMOTEIP 198.51.100.200', 450,
	qr/ADDR=198\.51\.100\.200 is not allowed/, 451 ],
    [ 'XREMOTEIP: a private one', 'edge', [], 'XREMOTEIP 10.1.1.1', 450,
	qr/not a public address/, 451 ],
    [ 'XREMOTEIP: malformed', 'edge', [], 'XREMOTEIP 198.51.100', 450,
	qr/^4\.5\.4 XREMOTEIP: expected one/, 451 ],
    [ 'XREMOTEIP: two', 'edge', [], 'XREMOTEIP 198.51.100.1 198.51.100.2',
	450, qr/^4\.5\.4 XREMOTEIP: expected one/, 451 ],
    [ 'XREMOTEIP: nothing', 'edge', [], 'XREMOTEIP', 450,
	qr/^4\.5\.4 XREMOTEIP: expected one/, 451 ],
    [ 'XREMOTEIP: too long', 'edge', [], 'XREMOTEIP 198.51.100.1' . ' ' x 500,
	450, qr/^4\.5\.4 .*512/, 451 ],
    [ 'XREMOTEIP: sealed', 'edge', [ 'XCLIENT ADDR=198.51.100.9',
	'EHLO client' ], 'XREMOTEIP 198.51.100.10', 450,
	qr/can no longer be changed/, 451 ],
    [ 'XDUMPCONTEXT: not granted', 'webmail', [], 'XDUMPCONTEXT', 450,
	qr/XDUMPCONTEXT is not granted/, 554 ],
    [ 'XDUMPCONTEXT: malformed', 'edge', [], 'XDUMPCONTEXT all', 450,
	qr/^4\.5\.4 XDUMPCONTEXT takes no arguments/, 451 ],
    [ 'XDUMPCONTEXT: sealed', 'edge', [ 'XCLIENT ADDR=198.51.100.9',
	'EHLO client' ], 'XDUMPCONTEXT', 450, qr/can no longer be changed/,
	250 ],
);
my %peer = (edge => '127.0.1.1', webmail => '127.0.3.1',
    reader => '127.0.4.1', stranger => '127.0.2.1');

for my $row (@refused) {
	my ($name, $who, $before, $command, $code, $text, $mail) = @$row;
	my $smtp = messenger(local => $peer{$who});
	for my $line (@$before) {
		my $reply = $smtp->cmd($line);
		like($reply->code, qr/^2/, "$name: $line") or diag($reply);
	}
	my $reply = $smtp->cmd($command);
	is($reply->code, $who eq 'stranger' ? 500 : $code, "$name: the reply");
	like($reply->text, $text, "$name: the text") unless $who eq 'stranger';
	is($smtp->mail(subject => "refused: $name")->code, $mail,
	    "$name: the mail");
	$smtp->quit;
	if ($name eq 'all or nothing') {
		my $log = $live->policy->event(event => 'refuse',
		    command => 'XSETCONTEXT', reason => 'no_grant');
		like($log->{rule}, qr/xcontext\.conf:\d+$/, 'log: the rule');
	}
}

# Nothing of a refused line stays.
{
	my $smtp = messenger(local => '127.0.1.1');
	$smtp->cmd('XSETCONTEXT tenant=first');
	$smtp->cmd('XSETCONTEXT n1=1 colour=red');
	my @dump = dump_of($smtp);
	has(\@dump, '[connection] tenant first');
	ok(!grep(/ (?:n1|colour) /, @dump), 'a refused line changed nothing');
	$smtp->quit;
}

# XREMOTEIP is an XCLIENT.
for my $row ([ '198.51.100.7', '198.51.100.7' ],
    [ 'IPV6:2001:db8::7', '2001:db8::7' ],
    [ 'ipv6:2600::7', '2600::7' ], [ '2600::8', '2600::8' ]) {
	my ($said, $is) = @$row;
	my $smtp = messenger();
	my $reply = $smtp->cmd("XREMOTEIP $said");
	is($reply->code, 220, "XREMOTEIP $said: a new greeting");
	is($smtp->cmd('EHLO client')->code, 250, 'EHLO');
	is($smtp->mail(subject => "as $said")->code, 250, 'mail');
	my $seen = $live->policy_seen->last(client_address => $is);
	is($seen->{client_name}, 'unknown', "$said: no name stays");
	is($live->milter_seen->last(event => 'CONNECT', addr => $is)->{addr},
	    $is, "$said: milters anew");
	like($live->postfix->delivered("as $said"),
	    qr/^Received: from client \(unknown \[(?:IPv6:)?\Q$is\E\]\)/m,
	    "$said: Received: shows it");
	is($smtp->cmd('XREMOTEIP 198.51.100.8')->code, 450,
	    "$said: sealed by the greeting");
	$smtp->quit;
}

# Pairs survive an override, in each of its forms, and follow it.
{
	my $smtp = messenger();
	# From 3.9 on, nothing may follow a NOOP before its reply, and that is
	# what Postfix takes this command for.
	my @lines = ('XSETCONTEXT tenant=acme', 'NOOP',
	    'XSETCONTEXT route.a=1', 'XSETCONTEXT route.b=2');
	my @replies = $may_pipeline ? $smtp->pipeline(@lines) :
	    map { $smtp->cmd($_) } @lines;
	is(join(' ', map { $_->code } @replies), '250 250 250 250',
	    $may_pipeline ? 'pipelined' : 'one after the other');
	if (!$may_pipeline) {
		my $other = messenger();
		is(($other->pipeline(@lines))[0]->code, 554,
		    'pipelined, Postfix ends the session');
		$other->close;
	}
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9 NAME=client.example.org')
	    ->code, 220, 'then an override');
	is($smtp->cmd('XSETCONTEXT route.a=3')->code, 250,
	    'and more of it before the seal');
	my @dump = dump_of($smtp);
	has(\@dump, $_) for '[connection] tenant acme',
	    '[connection] route.a 3', '[connection] route.b 2',
	    '[connection] peer_address 127.0.1.1',
	    '[connection] remote_address 198.51.100.9',
	    '[connection] remote_name client.example.org';
	ok(!grep(/ ehlo_/, @dump), 'the new client has not greeted');
	is($smtp->cmd('XREMOTEIP 198.51.100.10')->code, 220, 'another one');
	@dump = dump_of($smtp);
	has(\@dump, $_) for '[connection] tenant acme',
	    '[connection] remote_address 198.51.100.10';
	ok(!grep(/ remote_name /, @dump), 'nothing of the client before');
	$smtp->quit;
}

# Pipelined behind the rest, XREMOTEIP is as good as XCLIENT; from 3.9 on,
# nothing may come before the greeting that answers it.
{
	my $smtp = messenger();
	my @replies = $smtp->pipeline('XDUMPCONTEXT', 'XREMOTEIP 198.51.100.11',
	    'EHLO client', 'XREMOTEIP 198.51.100.12', 'XDUMPCONTEXT',
	    'MAIL FROM:<a@example.org>');
	if ($may_pipeline) {
		is(join(' ', map { $_->code } @replies),
		    '450 220 250 450 450 451',
		    'pipelined: sealed by the greeting behind XREMOTEIP');
		like($replies[$_]->text, qr/can no longer be changed/,
		    "pipelined: why, reply $_") for 3 .. 5;
	} else {
		is($replies[-1]->code, 0,
		    'pipelined behind XREMOTEIP, Postfix ends the session');
	}
	$smtp->close;
	$smtp = messenger();
	@replies = $smtp->pipeline('XDUMPCONTEXT', 'XDUMPCONTEXT',
	    'XSETCONTEXT n1=last');
	is(join(' ', map { $_->code } @replies), '450 450 250',
	    'XDUMPCONTEXT pipelined, and XSETCONTEXT at the end');
	has([ dump_of($smtp) ], '[connection] n1 last');
	$smtp->quit;
}

# A restart of either daemon, in the middle of a session.
for my $daemon ($live->policy, $live->milter) {
	for my $how (qw(stop kill)) {
		my $smtp = messenger();
		$smtp->cmd('XSETCONTEXT tenant=acme');
		$daemon->$how;
		$daemon->start;
		my $reply = $smtp->cmd('XCLIENT ADDR=198.51.100.9');
		is($reply->code, 220, "$daemon->{name}, $how: an override");
		has([ dump_of($smtp) ], '[connection] tenant acme',
		    "$daemon->{name}, $how: the context is still there");
		$smtp->quit;
	}
}

# The next session of the same process has nothing of it, however the one
# before has ended.
{
	my %session;
	for my $end (qw(quit close quit)) {
		my $smtp = messenger(service => 'single');
		my @dump = dump_of($smtp);
		ok(!grep(/ tenant /, @dump), 'nothing is inherited');
		$session{$dump[0]}++;
		is($smtp->cmd('XSETCONTEXT tenant=acme')->code, 250, 'a pair');
		is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220,
		    'an override') if $end eq 'close';
		$smtp->$end;
	}
	is(scalar(keys %session), 3, 'each is another session');
	my ($last) = map { $_->{pid} } reverse
	    $live->milter->events(event => 'connect');
	is(scalar(grep { $_->{pid} eq $last }
	    $live->milter->events(event => 'connect',
	    client => '127.0.1.1')) >= 3, 1, 'of the same process');
}

# One listener for everybody.
{
	my $smtp = messenger(service => 'everybody');
	is($smtp->cmd('XSETCONTEXT tenant=acme')->code, 250, 'wiring B');
	has([ dump_of($smtp) ], '[connection] tenant acme');
	is($smtp->cmd('XREMOTEIP 198.51.100.9')->code, 220, 'an override');
	is($smtp->cmd('XSETCONTEXT tenant=other')->code, 450,
	    'is the last word there');
	$smtp->quit;
	$smtp = $live->connect(service => 'everybody', local => '127.0.2.1');
	$smtp->cmd('EHLO there');
	like($smtp->cmd('XSETCONTEXT tenant=acme')->code, qr/^[45]/,
	    'wiring B: a stranger');
	$smtp->quit;
}

# Revocation.
{
	my $tool = $ENV{XC_STORE_TOOL} // './t/lib/store_tool';
	my $store = "lmdb:$live->{dir}/xcontext/store";
	my ($with, $without, $always) = (messenger(), messenger(),
	    messenger(local => '127.0.5.1'));
	$with->cmd('XSETCONTEXT tenant=acme');
	is(system("$tool $store revoke profile=edge"), 0, 'revoke a profile');
	is(system("$tool $store revoke peer=127.0.5.1"), 0, 'and a peer');
	is($with->mail(subject => 'revoked')->code, 451,
	    'what rests on a grant is refused');
	is($without->mail(subject => 'still a stranger')->code, 250,
	    'what does not, is not');
	is($without->cmd('XSETCONTEXT tenant=acme')->code, 450,
	    'but nothing is granted any more');
	is($always->mail(subject => 'not always')->code, 451,
	    'who is always allowed, is no more');
	$_->quit for $with, $without, $always;
	is(system("$tool $store unrevoke profile=edge"), 0, 'unrevoke');
	$with = messenger();
	is($with->cmd('XSETCONTEXT tenant=acme')->code, 250, 'granted again');
	$with->quit;
}

# A profile without a seal may read and write at any time.
{
	my $smtp = messenger(local => $peer{reader});
	$smtp->cmd('MAIL FROM:<>');
	my @dump = dump_of($smtp);
	has(\@dump, '[message] mailfrom', 'the null sender');
	for my $name (qw(auth_user AUTH_USER Profile session mailfrom
	    origin_address)) {
		is($smtp->cmd("XSETCONTEXT $name=joe")->code, 450,
		    "a pattern does not grant a built-in name: $name");
	}
	$smtp->quit;
}

# In a transaction, Postfix takes no override, and no harm is done.
for my $line ('XREMOTEIP 198.51.100.9', 'XCLIENT ADDR=198.51.100.9') {
	my $smtp = messenger();
	$smtp->cmd('MAIL FROM:<a@example.org>');
	is($smtp->cmd($line)->code, 503, "in a transaction: $line");
	is($smtp->cmd('RCPT TO:<box@example.com>')->code, 250, 'RCPT');
	is($smtp->cmd('DATA')->code, 354, 'DATA');
	is($smtp->data("Subject: $line\n\nx\n")->code, 250,
	    'the message is taken');
	like($live->postfix->delivered($line), qr/\[127\.0\.1\.1\]/,
	    'from the messenger');
	$smtp->quit;
}

$live->finish;
