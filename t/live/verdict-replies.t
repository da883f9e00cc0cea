#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# The table of replies, as xcontext-smtp(7) prints it, walked where it is used:
# on Postfix by policy service and milter, on Sendmail by the milter, and by the
# relay.  Each says what its column says, with the reason and the session's
# name.
use strict;
use warnings;

use Test::More;

use XContext::Live ();
use XContext::Relay ();
use XContext::Sendmail ();

my $why = XContext::Relay::impossible() // XContext::Sendmail::impossible();
plan(skip_all => $why) if defined $why;

# Who is who: 127.0.N.0/24 has the N-th.
my @profiles = qw(none later never ends broken);
my $trust = join('', map { "127.0.$_.0/24\t$profiles[$_]\n" }
    1 .. $#profiles);
# What takes a pattern too long cannot be told.
my $profiles = <<'END';
profile later {
	xclient = { "ADDR" }
	xsetcontext = { "tenant", "n*" }
	xdumpcontext = true
}
profile never {
	xclient = { "ADDR" }
	xsetcontext = { "n*" }
	on_violation = "reject"
}
profile ends { xclient = { "ADDR" } on_violation = "disconnect" }
profile broken {
	xclient = { "ADDR", "HELO" }
	helo = { 'pcre:{{/^(a+)+$/ x}}' }
}
END
my $endless = 'a' x 48 . '!';

my $live = XContext::Live->new(trust => $trust,
    profiles => "$profiles\nlimits { context_pairs = 4 }\n",
    conf => { access_maps => '{ \'pcre:{{/^context.tenant=(a+)+$/ OK}}\' }' },
    services => [ { name => 'messengers', wiring => 'a' },
	{ name => 'next', wiring => 'plain' } ],
    main => { smtpd_hard_error_limit => 1000,
	smtpd_soft_error_limit => 1000 });
$live->expect_log(qr/event=error .*match limit exceeded/);
my $sendmail = XContext::Sendmail->new(
    milter => 'unix:' . $live->postfix->sockets . '/milter');
$sendmail->start;
my $next = '"smtp:[' . $live->postfix->address('next') . ']:' .
    $live->postfix->port('next') . '"';
my $relay = XContext::Relay->new(trust => $trust, profiles => $profiles,
    limits => { context_pairs => 4 },
    relays => { front => { next_hop => $next },
	proxy => { next_hop => $next, proxy_protocol => '{ "127.0.3.1" }' } });
$relay->start;

my %server = (Postfix => $live, Sendmail => $sendmail, relay => $relay);
my %daemon = (Postfix => $live->policy, Sendmail => $live->milter,
    relay => $relay);
my %conf;	# what each says that it decides by
my %column = (relay => 3, Sendmail => 4, Postfix => 5);

#
# The table
#
sub table {
	my $page = ($ENV{srcdir} // '.') . '/man/xcontext-smtp.7';
	my @rows;
	open(my $in, '<', $page) or die "$page: $!\n";
	while (my $line = <$in>) {
		my $is_row = ($line =~ /^\.It answered Ta / ..
		    $line =~ /^\.El/);
		push(@rows, [ split(/ Ta /, $1) ]) if $is_row &&
		    $is_row > 1 && $line =~ /^\.It (.*)/;
	}
	return @rows;
}

my @table = table();
my %walked;

# What a server says to that, by its column.
sub reply_of {
	my ($server, $to, $action, $reason) = @_;
	for my $row (@table) {
		next if $row->[0] ne $to ||
		    ($row->[1] ne 'any' && $row->[1] ne $action) ||
		    ($row->[2] ne 'any' && $row->[2] ne $reason);
		$walked{join(' ', @$row[0 .. 2])} = 1;
		return $row->[$column{$server}];
	}
	die "$to, $action, $reason: no line\n";
}

sub peer {
	my ($server, $profile) = @_;
	my ($n) = grep { $profiles[$_] eq $profile } 1 .. $#profiles;
	my $smtp = $server eq 'relay' ?
	    $relay->connect(local => "127.0.$n.1", relay => 'front') :
	    $server{$server}->connect(local => "127.0.$n.1");
	$smtp->cmd('EHLO there');
	return $smtp;
}

sub is_reply {
	my ($reply, $want, $text, $name) = @_;
	like($reply, qr/^\Q$want\E .*$text.*; session [0-9A-Z]{26}$/, $name);
}

# The decision's line is the same, whoever writes it.
sub is_logged {
	my ($server, $reply, $line, $reason, $name) = @_;
	my ($id) = $reply->text =~ /session (\S+)$/;
	my $log = $daemon{$server}->event(event => 'refuse',
	    session => $id) // {};
	is_deeply([ @$log{qw(said command reason level)} ],
	    [ $line, $line =~ /^(\S+)/, $reason, 'notice' ],
	    "$server: $name: the log says what was said");
	$conf{$server}{$log->{conf} // 'none'} = 1;
	like($log->{attribute} // 'none', $reason eq 'value' ? qr/^ADDR$/ :
	    qr/^(?:none|HELO)$/, "$server: $name: and the attribute");
}

#
# What is refused, and the mail of that session
#
my $sealed = 'can no longer be changed';
for my $row (
    [ 'not granted', 'later', 'tempfail', 'no_grant',
	'colour is not granted', 'XSETCONTEXT colour=red' ],
    [ 'not that value', 'later', 'tempfail', 'value', 'not a public address',
	'XCLIENT ADDR=10.0.0.1' ],
    [ 'not that value, for good', 'never', 'reject', 'value',
	'not a public address', 'XCLIENT ADDR=10.0.0.1' ],
    [ 'malformed', 'later', 'tempfail', 'malformed', 'n1',
	'XSETCONTEXT n1=a=b' ],
    [ 'malformed, for good', 'never', 'reject', 'malformed', 'n1',
	'XSETCONTEXT n1=a=b' ],
    [ 'no room', 'later', 'tempfail', 'limit', '4 pairs',
	'XSETCONTEXT n5=', 'XSETCONTEXT n1= n2= n3= n4=' ],
    [ 'sealed', 'later', 'tempfail', 'sealed', $sealed,
	'XSETCONTEXT n1=', 'XCLIENT ADDR=198.51.100.9', 'EHLO client' ],
    [ 'cannot be told', 'broken', 'tempfail', 'cannot_tell',
	'cannot be checked', "XCLIENT HELO=$endless" ]) {
	my ($name, $profile, $action, $reason, $text, $line, @before) = @$row;
	for my $server (sort keys %server) {
		my $smtp = peer($server, $profile);
		$smtp->cmd($_) for @before;
		my $reply = $smtp->cmd($line);
		is_reply($reply, reply_of($server, 'X command', $action,
		    $reason), $text, "$server: $name");
		is_logged($server, $reply, $line, $reason, $name);
		$smtp->cmd('EHLO there');
		is_reply($smtp->mail, reply_of($server, 'mail', $action,
		    $reason), $text, "$server: $name: the mail");
		$smtp->quit;
	}
}

#
# What ends a session: Postfix does it by itself.
#
for my $server (sort keys %server) {
	my $smtp = peer($server, 'ends');
	my $want = reply_of($server, 'X command', 'disconnect', 'value');
	my $reply = $smtp->cmd('XCLIENT ADDR=10.0.0.1');
	if ($server eq 'Postfix') {
		like($reply, qr/^421 4\.3\.0 /, "$server: the end");
	} else {
		is_reply($reply, $want, 'not a public address',
		    "$server: the end");
	}
	$smtp->cmd('NOOP');
	ok($smtp->is_closed, "$server: the session is over")
	    if $server ne 'Sendmail';
	$smtp->close;
}

# One that has not begun.
{
	my $smtp = $relay->connect(local => '127.0.3.1', relay => 'proxy',
	    greeting => 0);
	$smtp->raw("PROXY TCP4 10.0.0.1 192.0.2.1 4711 25\r\n");
	is_reply($smtp->reply, reply_of('relay', 'connection', 'disconnect',
	    'no_grant'), '', 'relay: in place of the greeting');
	$smtp->close;
}

#
# What is done
#
for my $row ([ 'relay', 'XSETCONTEXT tenant=acme' ],
    [ 'Sendmail', 'XSETCONTEXT tenant=acme' ],
    [ 'Postfix', 'XDUMPCONTEXT' ]) {
	my ($server, $line) = @$row;
	my $smtp = peer($server, 'later');
	my $reply = $smtp->cmd($line);
	my $want = reply_of($server, 'X command', 'permit', 'granted');
	like($reply, qr/^\Q$want\E /, "$server: done");
	is($smtp->mail->code, 250, "$server: done: the mail");
	$smtp->quit;
}

#
# What has to wait is no violation.  Postfix, which knows of the transaction,
# says 503 itself; the milter is asked where it may be over.
#
for my $server (sort keys %server) {
	my $smtp = peer($server, 'later');
	$smtp->cmd('MAIL FROM:<a@example.org>');
	my $want = reply_of($server, 'within a transaction', 'tempfail',
	    'malformed');
	my $reply = $smtp->cmd('XCLIENT ADDR=198.51.100.9');
	if ($server eq 'Postfix') {
		like($reply, qr/^503 5\.5\.1 /, "$server: in a transaction");
	} else {
		is_reply($reply, $want, 'not in a mail transaction',
		    "$server: in a transaction");
	}
	is($smtp->cmd('RCPT TO:<box@example.com>')->code, 250,
	    "$server: which goes on");
	$smtp->quit;
}

#
# access_maps that cannot be asked
#
for my $server ('Postfix', 'Sendmail') {
	my $smtp = peer($server, 'later');
	$smtp->cmd("XSETCONTEXT tenant=$endless");
	is_reply($smtp->mail, reply_of($server, 'access_maps', 'tempfail',
	    'cannot_tell'), 'Server configuration problem',
	    "$server: access_maps that fail");
	$smtp->quit;
}

#
# A chunk is told what DATA is, and the log, too.
#
for my $verb ('DATA', 'BDAT 3 LAST') {
	my $smtp = peer('relay', 'later');
	$smtp->cmd('MAIL FROM:<a@example.org>');
	$smtp->cmd('RCPT TO:<box@example.com>');
	my $refused = $smtp->cmd('XSETCONTEXT colour=red');
	$relay->mark;
	$smtp->raw("$verb\r\n" . ($verb eq 'DATA' ? '' : 'abc'));
	is_reply($smtp->reply, reply_of('relay', 'mail', 'tempfail',
	    'no_grant'), 'colour is not granted', "relay: $verb");
	my ($id) = $refused->text =~ /session (\S+)$/;
	is(scalar($relay->since(event => 'mail_refused', session => $id,
	    code => 451)), 1, "relay: $verb: the log");
	$smtp->quit;
}

# Policy and milter have one file, the relay another.
is(join(' ', map { scalar(keys %$_) } values %conf), '1 1 1',
    'each decides by one configuration');
is_deeply($conf{Postfix}, $conf{Sendmail}, 'which may be the same');
unlike(join(' ', map { keys %$_ } values %conf), qr/none/, 'and is known');
isnt((keys %{$conf{relay}})[0], (keys %{$conf{Postfix}})[0], 'or another');

# Whom a session that is to end cannot be told any more.
delete $walked{'mail disconnect any'};
is(join(', ', grep { !$walked{$_} } map { join(' ', @$_[0 .. 2]) } @table),
    'mail disconnect any', 'all lines but one were walked');

$sendmail->stop;
$relay->finish;
$live->finish;
