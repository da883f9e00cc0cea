#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext-relay in front of a real Postfix: what SMTP's own extensions are
# through it, to the octet; clients on a UNIX-domain socket.
use strict;
use warnings;

use POSIX ();
use Test::More;

use XContext::Behind ();
use XContext::Guard qw(guard_child guard_dir guard_time);
use XContext::Relay ();
use XContext::Smtp ();

my $why = XContext::Behind::impossible() // XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(300);

my $dir = guard_dir();
mkdir("$dir/socket", 0755);
my $path = "$dir/socket/relay";
my $behind = XContext::Behind->new(main => {
    message_size_limit => '100000' })->start;
my $relay = XContext::Relay->new(relays => {
    front => { next_hop => $behind->next_hop },
    strict => { next_hop => $behind->next_hop,
	bare_newline => '"reject"' },
    local => { next_hop => $behind->next_hop, listen => "\"unix:$path\"" } },
    conf => { XCLIENT => '"required"', socket_group => '"mail"',
	allowed_users => '{ "root" }' },
    profiles => <<'END');
profile edge { xclient = { "*" } addr = { "*" } xdumpcontext = true }
profile filter { xclient = { "*" } xforward = { "*" } addr = { "*" } }
profile user { xclient = { "ADDR" } xdumpcontext = true }
listener local { trust_maps = { "inline:{localhost=user}" } }
END
$relay->start;

sub session {
	my ($relay_name, @lines) = @_;
	my $smtp = $relay->connect(relay => $relay_name,
	    local => '127.0.2.1');
	for my $line ('EHLO client.example.org', @lines) {
		my $reply = $smtp->cmd($line);
		$reply->code =~ /^2/ or die "$line: $reply\n";
	}
	return $smtp;
}

# The body of the delivered mail with that subject.
sub body {
	my ($subject) = @_;
	my $mail = $behind->delivered($subject) // return '';
	return $mail =~ /^.*?\n\n(.*)/s ? $1 : '';
}

#
# PIPELINING
#
{
	my $smtp = session('front');
	my @replies = $smtp->pipeline('MAIL FROM:<a@example.org>',
	    'RCPT TO:<box@example.com>', 'RCPT TO:<box@elsewhere.example>',
	    'RCPT TO:<second@example.com>', 'BOGUS', 'DATA');
	is(join(' ', map { $_->code } @replies),
	    '250 250 554 250 500 354', 'a group of commands in order') or
	    diag(@replies);
	$smtp->raw("Subject: pipelined\r\n\r\nHello.\r\n.\r\n" .
	    "MAIL FROM:<b\@example.org>\r\nRCPT TO:<box\@example.com>\r\n" .
	    "DATA\r\n");
	is(join(' ', map { $smtp->reply->code } 1 .. 4), '250 250 250 354',
	    'a message\'s end and the next group');
	is($smtp->data("Subject: the second\n\nHello.\n")->code, 250,
	    'the second message');
	# RFC 2920, 3.1: where a group may have it.
	@replies = $smtp->pipeline('MAIL FROM:<a@example.org>', 'RSET',
	    'NOOP');
	is(join(' ', map { $_->code } @replies), '250 250 250',
	    'NOOP at the end of a group');
	# Where it may not: the next hop is spared it.
	@replies = $smtp->pipeline('MAIL FROM:<a@example.org>', 'NOOP',
	    'RCPT TO:<box@example.com>', 'RSET');
	is(join(' ', map { $_->code } @replies), '250 250 250 250',
	    'NOOP within a group');
	$smtp->quit;
	is(body('pipelined'), "Hello.\n", 'the first is delivered');
	is(body('the second'), "Hello.\n", 'so is the second');
}

#
# 8BITMIME, SMTPUTF8, DSN, SIZE
#
{
	my $smtp = session('front', 'MAIL FROM:<a@example.org> BODY=8BITMIME',
	    'RCPT TO:<box@example.com>');
	$smtp->cmd('DATA');
	my $octets = join('', map { chr } 0x80 .. 0xff);
	is($smtp->data("Subject: eight bits\n\n$octets\n..\n.x\n")->code, 250,
	    '8BITMIME');
	is(body('eight bits'), "$octets\n..\n.x\n",
	    'all octets come through, and dots');

	is($smtp->cmd("MAIL FROM:<j\xc3\xb6rg\@example.org> SMTPUTF8")->code,
	    250, 'SMTPUTF8');
	$smtp->cmd('RCPT TO:<box@example.com>');
	is($behind->client_of("j\xc3\xb6rg\@example.org")->{client_address},
	    '127.0.2.1', 'SMTPUTF8: Postfix has the sender');
	$smtp->cmd('RSET');

	is($smtp->cmd('MAIL FROM:<a@example.org> SIZE=200000')->code, 552,
	    'SIZE: too much is refused at MAIL');
	is($smtp->cmd('MAIL FROM:<a@example.org> SIZE=2000')->code, 250,
	    'SIZE: what may be is not');
	$smtp->cmd('RCPT TO:<box@example.com>');
	is($behind->client_of('a@example.org')->{size}, '2000',
	    'SIZE: Postfix has it');
	$smtp->cmd('DATA');
	is($smtp->data("Subject: too much\n\n" . ('x' x 78 . "\n") x 2000)
	    ->code, 552, 'SIZE: too much is refused at the end');

	is($smtp->cmd('MAIL FROM:<a@example.org> RET=HDRS ENVID=QQ314159')
	    ->code, 250, 'DSN: MAIL');
	is($smtp->cmd('RCPT TO:<box@example.com> NOTIFY=NEVER ' .
	    'ORCPT=rfc822;orcpt@example.com')->code, 250, 'DSN: RCPT');
	is($smtp->cmd('RCPT TO:<box@example.com> NOTIFY=BOGUS')->code, 501,
	    'DSN: Postfix reads it');
	$smtp->cmd('RSET');
	is($smtp->cmd('MAIL FROM:<a@example.org> RET=BOGUS')->code, 501,
	    'DSN: MAIL\'s too');
	is($smtp->cmd('MAIL FROM:<a@example.org> BOGUS=1')->code, 555,
	    'an unknown parameter: Postfix says so');
	is($smtp->cmd('VRFY box@example.com')->code, 252, 'VRFY');
	is($smtp->cmd('ETRN example.com')->code =~ /^[45]/ ? 1 : 0, 1,
	    'ETRN');
	$smtp->quit;
}

#
# CHUNKING
#
{
	my $smtp = session('front', 'MAIL FROM:<a@example.org>',
	    'RCPT TO:<box@example.com>');
	my $head = "Subject: chunks\r\n\r\n.\r\n";
	$smtp->raw('BDAT ' . length($head) . "\r\n$head");
	is($smtp->reply->code, 250, 'BDAT: a chunk');
	# What looks like commands, or like the end, is content.
	my $rest = "QUIT\r\n.\r\nRSET\r\n" . ('y' x 70 . "\r\n") x 500;
	$smtp->raw('BDAT ' . length($rest) . "\r\n$rest" .
	    "BDAT 0 LAST\r\n");
	is($smtp->reply->code, 250, 'BDAT: another');
	is($smtp->reply->code, 250, 'BDAT: the last, with nothing in it');
	(my $want = ".\r\n$rest") =~ s/\r//g;
	is(body('chunks'), $want, 'BDAT: to the octet');

	$smtp->raw("MAIL FROM:<a\@example.org>\r\nRCPT TO:<no\@where>\r\n" .
	    "BDAT 4 LAST\r\nRSETNOOP\r\n");
	is(join(' ', map { $smtp->reply->code } 1 .. 4), '250 554 554 250',
	    'BDAT: octets of a refused message are not read as commands');
	is($smtp->cmd('BDAT x'), '521 5.5.4 Syntax: BDAT size [LAST]',
	    'BDAT: of what nobody knows the size of nothing more is read');
	ok($smtp->is_closed, 'the session is over');
}

#
# What is no end of a message
#
for my $end ("\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n") {
	(my $shown = $end) =~ s/\r/CR/g;
	$shown =~ s/\n/LF/g;
	my $smtp = session('front', 'MAIL FROM:<a@example.org>',
	    'RCPT TO:<box@example.com>');
	$smtp->cmd('DATA');
	$smtp->raw("Subject: $shown\r\n\r\nfirst${end}MAIL FROM:" .
	    "<smuggled\@example.org>\r\nRCPT TO:<box\@example.com>\r\n" .
	    "DATA\r\nSubject: smuggled $shown\r\n\r\nsecond\r\n.\r\n");
	is($smtp->reply->code, 250, "$shown: one message");
	is($smtp->cmd('NOOP')->code, 250, "$shown: and one reply");
	like(body($shown), qr/first.*smuggled.*second/s,
	    "$shown: all of it is content");
	$smtp->quit;

	$smtp = session('strict', 'MAIL FROM:<a@example.org>',
	    'RCPT TO:<box@example.com>');
	$smtp->cmd('DATA');
	$smtp->raw("Subject: strict $shown\r\n\r\nfirst${end}x\r\n.\r\n");
	like($smtp->reply->code, qr/^5/, "$shown: bare_newline = reject");
	$smtp->close;
	ok($behind->not_delivered("strict $shown"),
	    "$shown: it is not delivered");
}
is(scalar($behind->seen->find(sender => 'smuggled@example.org')), 0,
    'nothing was smuggled');

#
# A UNIX-domain socket
#
{
	my $smtp = XContext::Smtp->connect_unix($path);
	my $ehlo = $smtp->cmd('EHLO local.example.org');
	ok($ehlo->offers('XCLIENT ADDR'), 'UNIX: its own profile');
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220,
	    'UNIX: XCLIENT');
	$smtp->cmd('EHLO client.example.org');
	is($smtp->mail(from => 'u@example.org')->code, 250, 'UNIX: mail');
	is($behind->client_of('u@example.org')->{client_address},
	    '198.51.100.9', 'UNIX: Postfix knows of whom');
	$smtp->quit;

	$smtp = XContext::Smtp->connect_unix($path);
	$smtp->cmd('EHLO local.example.org');
	is($smtp->mail(from => 'v@example.org')->code, 250,
	    'UNIX: mail of its own');
	is($behind->client_of('v@example.org')->{client_address}, 'unknown',
	    'UNIX: that has no address');
	$smtp->quit;

	# The group may use the socket, but is not among allowed_users.
	my $pid = open(my $out, '-|') // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		POSIX::setgid(scalar getgrnam('mail'));
		POSIX::setuid(scalar getpwnam('nobody'));
		print XContext::Smtp->connect_unix($path)->greeting;
		close(STDOUT);
		POSIX::_exit(0);
	}
	my $reply = <$out>;
	waitpid($pid, 0);
	is($reply, '421 4.7.0 you may not use this service',
	    'UNIX: another user is turned away');
	is($relay->event(event => 'connection_refused')->{reason},
	    'user is not in allowed_users', 'the log says why');
}

$relay->finish(qr/event=connection_refused/);
$behind->finish;
alarm(0);
done_testing();
