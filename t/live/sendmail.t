#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext-milter alone on a real Sendmail: all commands, judged in full, the
# context and the policy by it, the header, the origin.
use strict;
use warnings;

use Test::More;

use XContext::Ctl ();
use XContext::Daemon ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_dir guard_time);
use XContext::Inside qw(context_header);
use XContext::Sendmail ();

my $why = XContext::Sendmail::impossible() //
    XContext::Daemon::impossible() // XContext::Ctl::impossible();
plan(skip_all => $why) if defined $why;
guard_time(300);

my $dir = guard_dir();
my $store = "lmdb:$dir/run/store";
my $tool = $ENV{XC_STORE_TOOL} // './t/lib/store_tool';

spit("$dir/access", <<'END');
context.tenant=blocked	REJECT this tenant is blocked
context.tenant=later	451 4.7.5 come back
context.tenant=coded	REJECT 5.7.9 only 100% of it
context.tenant=slow	DEFER
context.tenant=thrown	DISCARD
context.tenant=fine	OK
context.tenant=filtered	FILTER smtp:[127.0.0.1]
client=198.51.100.66	554 5.7.9 this client
END
spit("$dir/xcontext.conf", <<"END");
store = "$store"
runtime_directory = "$dir/run"
state_directory = "$dir/run"
user = ""
allowed_users = { "root" }
log = "stderr"
log_all = true
trust_maps = { "cidr:{{127.0.1.0/24 edge}, {127.0.3.0/24 closer}, {127.0.4.0/24 anonymous}, {127.0.5.0/24 never}}" }
access_maps = { "texthash:$dir/access" }
limits { context_pairs = 4 }
profile edge {
	xclient = { "*" }
	login = { "joe" }
	xremoteip = true
	addr = { "!198.51.100.128/25", "public" }
	xsetcontext = { "tenant", "n*" }
	xdumpcontext = true
	received = 2
}
profile closer { xsetcontext = { "a" } on_violation = "disconnect" }
profile anonymous { always_allow = true xdumpcontext = true }
profile never {
	xclient = { "*" }
	xsetcontext = { "*" }
	xdumpcontext = true
	seal = "never"
}
milter {
	listen = "unix:$dir/milter"
	header_names = { "session", "peer_address", "remote_address", "tenant",
	    "auth_user", "mailfrom", "rcpt_count", "queue_id", "ehlo_domain",
	    "origin_address", "origin_name", "origin_helo" }
}
END
my $milter = XContext::Daemon->new(name => 'xcontext-milter',
    conf => "$dir/xcontext.conf", log => "$dir/milter.log",
    sockets => [ "$dir/milter" ]);
$milter->start;
my $sendmail = XContext::Sendmail->new(milter => "unix:$dir/milter",
    name => 'MTA-in');
$sendmail->start;

sub session {
	my ($local, @lines) = @_;
	my $smtp = $sendmail->connect(local => $local // '127.0.1.1');
	$smtp->cmd('EHLO there');
	$smtp->cmd($_) for @lines;
	return $smtp;
}

# Lines without the enhanced status code that libmilter puts in each.
sub dump_of {
	my ($smtp) = @_;
	my $reply = $smtp->cmd('XDUMPCONTEXT');
	is($reply->code, 450, 'a dump is 450') or diag($reply);
	return { map { /^(?:4\.0\.0 )?\[(\w+)\] (\S+) ?(.*)$/ ?
	    ("$1.$2" => $3) : /complete$/ ? (complete => 1) : () }
	    $reply->lines };
}

# Sendmail says 500 between a message and the next MAIL, whatever it is told.
my @rows = (
    # name, lines before, line, code, text, and then mail
    [ 'XSETCONTEXT', [], 'XSETCONTEXT tenant=acme n1=a+20b', 450,
	qr/^4\.0\.0 XSETCONTEXT accepted; session [0-9A-Z]{26}$/, 250 ],
    [ 'in small letters', [], 'xsetcontext TENANT=acme', 450, qr/accepted/,
	250 ],
    [ 'XSETCONTEXT, not granted', [], 'XSETCONTEXT tenant=a colour=red', 550,
	qr/^5\.7\.1 XSETCONTEXT: colour is not granted; session /, 451 ],
    [ 'XSETCONTEXT, built in', [], 'XSETCONTEXT auth_user=root', 550,
	qr/auth_user is not granted/, 451 ],
    [ 'XSETCONTEXT, malformed', [], 'XSETCONTEXT tenant=a=b', 501,
	qr/^5\.5\.4 tenant: /, 451 ],
    [ 'XSETCONTEXT, encoded LF', [], 'XSETCONTEXT tenant=a+0AX:', 501,
	qr/^5\.5\.4 tenant: /, 451 ],
    [ 'XSETCONTEXT, over the limit', [ 'XSETCONTEXT n1= n2= n3= n4=' ],
	'XSETCONTEXT n5=', 552, qr/n5.*4 pairs/, 451 ],
    [ 'XSETCONTEXT, sealed', [ 'XCLIENT ADDR=198.51.100.9', 'EHLO c' ],
	'XSETCONTEXT tenant=a', 550, qr/can no longer be changed/, 451 ],
    [ 'XSETCONTEXT in mail', [ 'MAIL FROM:<a@example.org>' ],
	'XSETCONTEXT tenant=acme', 450, qr/accepted/, undef ],
    [ 'XCLIENT', [], 'XCLIENT ADDR=198.51.100.9 NAME=c.example.org', 450,
	qr/^4\.0\.0 XCLIENT accepted: the client is 198\.51\.100\.9; /,
	250 ],
    [ 'XCLIENT, this address', [], 'XCLIENT ADDR=198.51.100.200', 550,
	qr/^5\.7\.1 ADDR=198\.51\.100\.200 is not allowed/, 451 ],
    [ 'XCLIENT, this login', [], 'XCLIENT LOGIN=root', 550,
	qr/^5\.7\.1 LOGIN=root is not allowed/, 451 ],
    [ 'XCLIENT, malformed', [], 'XCLIENT ADDR=198.51.100', 501, qr/^5\.5\.4 /,
	451 ],
    [ 'XCLIENT, sealed', [ 'XCLIENT ADDR=198.51.100.9', 'EHLO c' ],
	'XCLIENT ADDR=198.51.100.10', 550, qr/can no longer be changed/,
	451 ],
    [ 'XCLIENT in mail', [ 'MAIL FROM:<a@example.org>' ],
	'XCLIENT ADDR=198.51.100.9', 503, qr/^5\.5\.1 XCLIENT: not in a mail/,
	undef ],
    [ 'XREMOTEIP', [], 'XREMOTEIP 198.51.100.9', 450,
	qr/XREMOTEIP accepted: the client is 198\.51\.100\.9; /, 250 ],
    [ 'XREMOTEIP, IPv6', [], 'XREMOTEIP IPV6:2600::9', 450,
	qr/the client is 2600::9; /, 250 ],
    [ 'XREMOTEIP, private', [], 'XREMOTEIP 10.0.0.9', 550,
	qr/not a public address/, 451 ],
    [ 'XREMOTEIP, malformed', [], 'XREMOTEIP', 501, qr/expected one/, 451 ],
    [ 'XREMOTEIP in mail', [ 'MAIL FROM:<a@example.org>' ],
	'XREMOTEIP 198.51.100.9', 503, qr/not in a mail/, undef ],
    [ 'XDUMPCONTEXT, malformed', [], 'XDUMPCONTEXT now', 501,
	qr/takes no arguments/, 451 ],
    [ 'XDUMPCONTEXT, sealed', [ 'XCLIENT ADDR=198.51.100.9', 'EHLO c' ],
	'XDUMPCONTEXT', 550, qr/can no longer be changed/, 250 ],
    [ 'XFORWARD is nobody\'s', [], 'XFORWARD ADDR=198.51.100.9', 500,
	qr/unrecognized/, 250 ],
    [ 'another word', [], 'XSETCONTEXTS a=b', 500, qr/unrecognized/, 250 ],
);
for my $row (@rows) {
	my ($name, $before, $line, $code, $text, $mail) = @$row;
	my $smtp = session(undef, @$before);
	my $reply = $smtp->cmd($line);
	is($reply->code, $code, "$name: the code");
	like($reply->text, $text, "$name: the text");
	if (defined $mail) {
		is($smtp->mail(subject => $name)->code, $mail,
		    "$name: the mail");
	} else {
		is($smtp->cmd('RCPT TO:<box@example.com>')->code, 250,
		    "$name: RCPT");
		is($smtp->cmd('DATA')->code, 354, "$name: DATA");
		is($smtp->data("Subject: $name\n\nx\n")->code, 250,
		    "$name: the end of the message");
	}
	$smtp->quit;
}

for my $line ('XSETCONTEXT tenant=a', 'XCLIENT ADDR=198.51.100.9',
    'XREMOTEIP 198.51.100.9', 'XDUMPCONTEXT') {
	my $smtp = session('127.0.2.1');
	is($smtp->cmd($line)->code, 550, "a stranger: $line");
	is($smtp->mail->code, 451, 'and its mail');
	$smtp->quit;
}
{
	my $smtp = session('127.0.3.1');
	is($smtp->cmd('XSETCONTEXT b=c')->code, 421, 'disconnect');
	ok($smtp->is_closed || $smtp->cmd('NOOP')->code == 0, 'it is');
}

{
	my $smtp = session();
	my @codes = map { $smtp->cmd("XSETCONTEXT n1=$_")->code } 1 .. 26;
	is(join(' ', @codes), join(' ', (450) x 25, 421),
	    'Sendmail counts: the 26th is one too many');
	$smtp->close;
}

# Contexts, the message's with its transaction.
{
	my $smtp = session(undef, 'XSETCONTEXT tenant=acme ' .
	    'n1=100+25+2B+20[message]+20x');
	my $dump = dump_of($smtp);
	is($dump->{'connection.n1'}, '100%+ +5Bmessage] x',
	    'a value is what it is');
	is($dump->{'connection.tenant'}, 'acme', 'a dump');
	is($dump->{'connection.listener'}, 'MTA-in', 'the listener');
	is($dump->{'connection.ehlo_domain'}, 'there', 'the greeting');
	ok($dump->{complete}, 'it is complete');
	ok(!grep(/^message/, keys %$dump), 'no message');
	$smtp->cmd('MAIL FROM:<a@example.org>');
	$smtp->cmd('RCPT TO:<box@example.com>');
	$dump = dump_of($smtp);
	is($dump->{'message.mailfrom'}, 'a@example.org', 'a message');
	is($dump->{'message.rcpt_count'}, 1, 'and its recipients');
	$smtp->cmd('RSET');
	$smtp->cmd('EHLO again');
	$dump = dump_of($smtp);
	ok(!grep(/^message/, keys %$dump), 'RSET ends it');
	is($dump->{'connection.ehlo_domain'}, 'again', 'another greeting');
	like($smtp->cmd('XCLIENT ADDR=198.51.100.9 HELO=said')->text,
	    qr/accepted/, 'an override');
	$dump = dump_of($smtp);
	is($dump->{'connection.ehlo_domain'}, 'said', 'its greeting');
	is($dump->{'connection.peer_address'}, '127.0.1.1', 'the peer');
	is($dump->{'connection.remote_address'}, '198.51.100.9', 'the client');
	is($dump->{'connection.tenant'}, 'acme', 'the context is still there');
	my @list = grep { /^session=/ } `$tool $store list`;
	is(scalar(@list), 1, 'one session in the store') or diag(@list);
	$smtp->quit;
	for (1 .. 100) {
		@list = grep { /^session=/ } `$tool $store list`;
		last if !@list;
		select(undef, undef, undef, 0.02);
	}
	is(scalar(@list), 0, 'and none when it is over');
}

# What a client chose, and nobody can say on, is unavailable, and its messenger
# goes on: with this mail, and with the next client's.
my @chosen = (
    # name, arguments, what the dump says, what the log says is left out
    [ 'equals sign', 'HELO=equals=sign', ehlo_domain => 'equals=sign', '' ],
    [ 'plus signs', 'HELO=a+b+41', ehlo_domain => 'a+b+41', '' ],
    [ 'a blank, encoded', 'HELO=a+20b', ehlo_domain => 'a?b', '' ],
    [ 'quotes', 'HELO="a"', ehlo_domain => '?a?', '' ],
    [ 'a word that no MTA has', 'HELO=[TEMPUNAVAIL]', ehlo_domain => undef,
	'' ],
    [ 'UTF-8', "HELO=\xc3\xa4.test", ehlo_domain => undef, 'HELO' ],
    [ 'UTF-8, encoded', 'HELO=+C3+A4.test', ehlo_domain => undef, 'HELO' ],
    [ 'bytes of no text', "HELO=a\xff\x81.test", ehlo_domain => undef,
	'HELO' ],
    [ 'a control, encoded', 'HELO=a+01', ehlo_domain => undef, 'HELO' ],
    [ '255 characters', 'HELO=' . 'h' x 255, ehlo_domain => 'h' x 255, '' ],
    [ '256 characters', 'HELO=' . 'h' x 256, ehlo_domain => undef, 'HELO' ],
    [ '255 umlauts', 'HELO=' . '+C3+A4' x 255, ehlo_domain => undef, 'HELO' ],
    [ 'a name that is none', 'NAME=-a_/', remote_name => undef, 'NAME' ],
    [ 'a name in UTF-8', "NAME=\xc3\xa4.example", remote_name => undef,
	'NAME' ],
    [ 'bare IPv6', 'ADDR=2600::9', remote_address => '2600::9', '' ],
    [ 'a zone', 'ADDR=IPV6:fe80::1%eth0', remote_address => undef, 'ADDR' ],
    [ 'a bare zone', 'ADDR=fe80::1%eth0', remote_address => undef, 'ADDR' ],
);
for my $row (@chosen) {
	my ($name, $args, $pair, $want, $unsaid) = @$row;
	$args = "ADDR=198.51.100.9 $args" if $args !~ /^ADDR/;
	my $smtp = session('127.0.5.1');
	my $reply = $smtp->cmd("XCLIENT $args");
	is($reply->code, 450, "$name: the code");
	like($reply->text, qr/^4\.0\.0 XCLIENT accepted: /, "$name: accepted");
	my $dump = dump_of($smtp);
	is($dump->{"connection.$pair"}, $want, "$name: what is known of it");
	my $line = $milter->event(session => $dump->{'connection.session'},
	    command => 'XCLIENT');
	is($line->{text}, 'granted' . ($unsaid ne '' ?
	    "; [UNAVAILABLE] for what cannot be said on: $unsaid" : ''),
	    "$name: what the log says of it");
	is($smtp->mail(subject => "chosen: $name")->code, 250,
	    "$name: the mail");
	# Sendmail asks about no X command before the next greeting.
	$smtp->cmd('EHLO there');
	like($smtp->cmd('XCLIENT ADDR=198.51.100.10 HELO=next')->text,
	    qr/accepted: the client is 198\.51\.100\.10; /, 'the next client');
	$dump = dump_of($smtp);
	is($dump->{'connection.ehlo_domain'}, 'next', 'with its own greeting');
	is($smtp->mail(subject => "behind: $name")->code, 250, 'and mail');
	$smtp->quit;
}

# The header, and who else would like to write it.
{
	my $smtp = session(undef, 'XSETCONTEXT tenant=acme+20inc');
	is($smtp->mail(subject => 'headers', from => 'a@example.org',
	    headers => "Received: from relay.example.net by mx; now\n" .
	    "Received: from o.example.org (o.example.net [203.0.113.7])\n" .
	    "\tby relay.example.net; now\n" .
	    "X-Session-Context: tenant=evil\n" x 3 .
	    "X-Session-Context : tenant=evil\n" .
	    "x-session-context:\n tenant=evil\n" .
	    "X-Session-Contexts: stays\n")->code, 250, 'mail with headers');
	my $mail = $sendmail->delivered('headers');
	my ($n, $pairs) = context_header($mail);
	is($n, 1, 'one context header');
	unlike($mail, qr/evil/, 'nothing of those from outside');
	like($mail, qr/^X-Session-Contexts: stays$/m, 'another one stays');
	delete $pairs->{$_} for qw(session queue_id);
	is_deeply($pairs, { peer_address => '127.0.1.1',
	    remote_address => '127.0.1.1', tenant => 'acme+20inc',
	    mailfrom => 'a@example.org', rcpt_count => 1,
	    ehlo_domain => 'there', origin_address => '203.0.113.7',
	    origin_name => 'o.example.net', origin_helo => 'o.example.org' },
	    'what it says');
	is($milter->event(event => 'origin')->{address}, '203.0.113.7',
	    'log: the origin');
	$smtp->quit;

	$smtp = session();
	$smtp->mail(subject => 'no origin',
	    headers => "Received: from a (a [203.0.113.7]) by mx; now\n");
	($n, $pairs) = context_header($sendmail->delivered('no origin'));
	is($pairs->{origin_address}, undef, 'one Received: is not two');
	like($milter->event(event => 'no_origin')->{text}, qr/fewer/,
	    'log: why');
	$smtp->quit;

	$smtp = session('127.0.2.1');
	$smtp->mail(subject => 'of a stranger',
	    headers => "X-Session-Context: tenant=evil\n");
	$mail = $sendmail->delivered('of a stranger');
	($n, $pairs) = context_header($mail);
	is($n, 1, 'a stranger has a context, too');
	is($pairs->{tenant}, undef, 'but not what it says');
	$smtp->quit;

	$smtp = session('127.0.4.1');
	$smtp->mail(subject => 'anonymous');
	($n, $pairs) = context_header($sendmail->delivered('anonymous'));
	is($pairs->{auth_user}, 'anonymous', 'always_allow');
	$smtp->quit;
}

# Policy by context.
for my $row ([ 'blocked', 554, qr/^5\.7\.1 this tenant is blocked/ ],
    [ 'later', 451, qr/^4\.7\.5 come back/ ],
    [ 'coded', 554, qr/^5\.7\.9 only 100% of it; session / ],
    [ 'slow', 450, qr/^4\.7\.1 .*Access denied/ ],
    [ 'filtered', 451, qr/^4\.3\.5 Server configuration problem/ ],
    [ 'fine', 250, qr/./ ], [ 'thrown', 250, qr/./ ]) {
	my ($tenant, $code, $text) = @$row;
	my $smtp = session(undef, "XSETCONTEXT tenant=$tenant");
	my $reply = $smtp->mail(subject => "tenant $tenant");
	is($reply->code, $code, "access_maps: $tenant");
	like($reply->text, $text, "access_maps: $tenant, the text");
	$smtp->quit;
}
ok($sendmail->delivered('tenant fine'), 'OK is delivered');
ok(!defined $sendmail->delivered('tenant thrown', 0), 'DISCARD is not');
is($milter->event(event => 'access', key => 'context.tenant=blocked')
    ->{rule}, "$dir/access:1", 'log: the rule');
{
	my $smtp = session(undef, 'XREMOTEIP 198.51.100.66');
	my $reply = $smtp->mail(subject => 'client');
	is($reply->code, 554, 'access_maps: the client is the asserted one');
	like($reply->text, qr/^5\.7\.9 /, 'with the status that was given');
	$smtp->quit;
}

# Revocation.
{
	my $smtp = session(undef, 'XSETCONTEXT tenant=acme');
	my $other = session(undef, 'XSETCONTEXT tenant=acme');
	is(system("$tool $store revoke profile=edge"), 0, 'revoke');
	is($other->cmd('MAIL FROM:<a@example.org>')->code, 451,
	    'at the next message');
	$other->quit;
	is($smtp->cmd('XSETCONTEXT tenant=more')->code, 550,
	    'at the next command');
	is($smtp->cmd('MAIL FROM:<a@example.org>')->code, 451,
	    'its mail is refused, and not its recipients alone');
	$smtp->quit;
	$smtp = session();
	is($smtp->mail(subject => 'revoked')->code, 250,
	    'a new session without a context is a stranger\'s');
	is($smtp->cmd('XSETCONTEXT tenant=a')->code, 500,
	    'whom Sendmail does not ask about between messages');
	$smtp->quit;
	is(system("$tool $store unrevoke profile=edge"), 0, 'unrevoke');
	$smtp = session();
	is($smtp->cmd('XSETCONTEXT tenant=a')->code, 450, 'granted again');
	$smtp->quit;
}

# The milter goes away and comes back.
{
	my $smtp = session(undef, 'XSETCONTEXT tenant=acme');
	$milter->kill;
	$milter->start;
	is(scalar(grep { /^session=/ } `$tool $store list`), 1,
	    'the record of a living process is left alone');
	is($smtp->mail(subject => 'orphaned')->code, 451,
	    'a session without its milter has to come again');
	$smtp->close;
	$smtp = session(undef, 'XSETCONTEXT tenant=acme');
	is($smtp->mail(subject => 'anew')->code, 250, 'the next one is served');
	$smtp->quit;
	$milter->stop;
	$milter->start;
	is(scalar(grep { /^session=/ } `$tool $store list`), 0,
	    'what nobody comes back for is swept');
	$smtp = session(undef, 'XSETCONTEXT tenant=acme');
	is($smtp->mail(subject => 'once more')->code, 250, 'and it serves');
	$smtp->quit;
}

# On trial: access_maps decide, and the former ones say what they would have.
{
	my $ctl = XContext::Ctl->new(conf => "$dir/xcontext.conf");
	spit("$dir/mild", slurp("$dir/access") =~ s/REJECT this/WARN this/r);
	spit("$dir/new.conf", slurp("$dir/xcontext.conf") =~
	    s{texthash:\Q$dir\E/access}{texthash:$dir/mild}r);
	my $got = $ctl->run('apply', "$dir/new.conf", '--confirm', '10m');
	is($got->{status}, 0, 'apply --confirm') or diag(@$got{qw(out err)});
	for my $row ([ 'blocked', 250 ], [ 'coded', 554 ]) {
		my ($tenant, $code) = @$row;
		my $smtp = session(undef, "XSETCONTEXT tenant=$tenant");
		is($smtp->mail(subject => "on trial: $tenant")->code, $code,
		    "on trial: $tenant");
		$smtp->quit;
	}
	my @differ = $milter->events(event => 'differ');
	is(scalar(@differ), 1, 'what differs is told');
	is(join('|', @{$differ[0]}{qw(line rule former_action former_rule)}),
	    "WARN this tenant is blocked|$dir/mild:1|" .
	    "REJECT this tenant is blocked|$dir/access:1",
	    'and by which rules');
	is($ctl->run('confirm', '--abort')->{status}, 0, 'taken back');
	my $smtp = session(undef, 'XSETCONTEXT tenant=blocked');
	is($smtp->mail(subject => 'back')->code, 554, 'as before');
	$smtp->quit;
}

$sendmail->stop;
is($milter->stop, 0, 'xcontext-milter ends well');
is(join("\n", $milter->complaints(qr/a milter cannot do/)), '',
    'it complains of nothing unexpected');
done_testing();
