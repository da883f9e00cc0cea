#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# What xcontext(1) shows of the sessions of a Postfix, and what it takes away
# from them.
use strict;
use warnings;

use Test::More;

use XContext::Ctl ();
use XContext::File qw(slurp);
use XContext::Live ();

my $why = XContext::Ctl::impossible();
plan(skip_all => $why) if defined $why;
my $live = XContext::Live->new;
my $ctl = XContext::Ctl->new(conf => $live->{conf_file});
my $peer = XContext::Live::MESSENGER;

sub sessions {
	my (@args) = @_;
	my $got = $ctl->run('sessions', '--json', @args);
	my $list = JSON::PP::decode_json($got->{out});

	is($got->{status}, @$list ? 0 : 1, 'the status says whether there is one');
	return @$list;
}

is(scalar sessions(), 0, 'no session');

my $smtp = $live->connect;
$smtp->cmd('EHLO proxy.example.net');
is($smtp->cmd('XCLIENT ADDR=198.51.100.9 NAME=a.example.org')->code, 220,
    'an override');
$smtp->cmd('EHLO client.example.org');
my ($s) = sessions();
is($s->{peer}, $peer, 'sessions: the peer');
is($s->{client}, '198.51.100.9', 'sessions: the client');
is($s->{profile}, 'edge', 'sessions: the profile');
is($s->{state}, 'sealed', 'sessions: the state');
is($s->{keeper}, 'policy', 'sessions: who keeps it');
like($ctl->run('sessions')->{out}, qr/^SESSION +PEER .*\n\Q$s->{session}\E  /,
    'sessions: a table');
is(scalar sessions('--peer', '127.0.1.0/24'), 1, '--peer NETWORK');
is(scalar sessions('--peer', '127.0.9.0/24'), 0, '--peer of another');
is(scalar sessions('--peer', $peer), 1, '--peer ADDRESS');
is(scalar sessions('--profile', 'edge'), 1, '--profile');
is(scalar sessions('--profile', 'webmail'), 0, '--profile of others');

my $one = $ctl->json('show', $s->{session});
is($one->{override}, 'XCLIENT ADDR=198.51.100.9 NAME=a.example.org ' .
    'PORT=[UNAVAILABLE]', 'show: how it came about');
is($one->{greeting}, 'EHLO client.example.org', 'show: the greeting');
is(join(' ', map { $_->{event} } @{$one->{trail}}),
    'begun permitted overridden sealed', 'show: the trail');
like($ctl->run('show', lc $s->{session})->{out}, qr/^client +198\.51\.100\.9$/m,
    'show: for a person, whatever the case');
is($ctl->run('show', '01ARZ3NDEKTSV4RRFFQ69G5FAV')->{status}, 1,
    'show: none of that name');

#
# Revocation
#
is($ctl->run('revocations')->{status}, 1, 'nothing is revoked');
is($smtp->mail(subject => 'before')->code, 250, 'mail before');
my $got = $ctl->run('revoke', $peer, '--for', '1h');
is($got->{status}, 0, 'revoke') or diag($got->{err});
like($got->{out}, qr/^revoked +peer=\Q$peer\E$/m, 'revoke: what');
my ($revoked) = @{$ctl->json('revocations')};
is($revoked->{revoked}, "peer=$peer", 'revocations: it is listed');
ok($revoked->{in_force}, 'revocations: in force');
like($smtp->mail(subject => 'revoked')->code, qr/^[45]/,
    'mail of a session that rests on it is refused at once');
ok($live->not_delivered('revoked'), 'and gets nowhere');
is($ctl->json('show', $s->{session})->{state}, 'refused',
    'the session is refused');
my $other = $live->connect;
$other->cmd('EHLO proxy.example.net');
like($other->cmd('XCLIENT ADDR=198.51.100.9')->code, qr/^[45]/,
    'a new session has no rights');
$other->quit;
$smtp->quit;

is($ctl->run('unrevoke', $peer)->{status}, 0, 'unrevoke');
is($ctl->run('unrevoke', $peer)->{status}, 1, 'once');
is($ctl->run('unrevoke', 'left')->{status}, 1,
    'also of a profile that the configuration has no more');
is($ctl->run('revocations')->{status}, 1, 'nothing is revoked any more');
$smtp = $live->connect;
is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220, 'the rights are back');
$smtp->quit;

is($ctl->run('revoke', 'edge')->{status}, 0, 'a profile is revoked');
$smtp = $live->connect;
like($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, qr/^[45]/,
    'nobody that has it may');
$smtp->quit;
is($ctl->run('unrevoke', 'edge')->{status}, 0, 'and given back');

# While a message is on its way: its end is refused.
{
	my $smtp = $live->connect(local => $peer);
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220, 'XCLIENT');
	$smtp->cmd('EHLO client.example.org');
	is($smtp->cmd($_)->code, /^DATA/ ? 354 : 250, $_)
	    for 'MAIL FROM:<s@example.org>', 'RCPT TO:<box@example.com>',
	    'DATA';
	$smtp->raw("Subject: in flight\r\n\r\nfirst\r\n");
	is($ctl->run('revoke', $peer)->{status}, 0, 'it is revoked in flight');
	$smtp->raw("last\r\n.\r\n");
	like($smtp->reply, qr/^451 4\.7\.1 .*have been revoked/,
	    'the end of the message is refused');
	$smtp->quit;
	ok($live->not_delivered('in flight'), 'it gets nowhere');
	is($ctl->run('unrevoke', $peer)->{status}, 0, 'given back');
}

# Of a network, with a reason, and of one session alone.
my @smtp = map { $live->connect } 1 .. 2;
for my $smtp (@smtp) {
	$smtp->cmd('XCLIENT ADDR=198.51.100.9');
	$smtp->cmd('EHLO client.example.org');
	is($smtp->mail(subject => 'one of two')->code, 250, 'one of two');
}
my ($name) = map { $_->{session} } sessions();
is($ctl->run('revoke', lc $name)->{status}, 0, 'a session is revoked');
is(join(' ', sort map { substr($_->mail(subject => 'x')->code, 0, 1) =~
    /[45]/ ? 'refused' : 'taken' } @smtp), 'refused taken',
    'its mail is refused, and the other\'s taken');
is($ctl->run('revoke', '127.0.0.0/8', '--reason', 'a leak')->{status}, 0,
    'a network is revoked');
like($smtp[$_]->mail(subject => 'x')->code, qr/^[45]/,
    'all of it is refused') for 0, 1;
is_deeply([ map { [ @$_{qw(revoked reason)} ] } @{$ctl->json('revocations')} ],
    [ [ 'network=127.0.0.0/8', 'a leak' ], [ "session=$name", '' ] ],
    'both are listed, and why');
is($ctl->run('unrevoke', $_)->{status}, 0, "$_ is given back")
    for '127.0.0.0/8', $name;
$_->quit for @smtp;

# What is revoked outlasts the daemons, the store and the host's boot.
{
	my $dir = $live->{dir};
	is($ctl->run('revoke', 'edge', '--reason', 'a leak')->{status}, 0,
	    'a profile is revoked');
	$_->kill for $live->policy, $live->milter;
	my $store = "$dir/xcontext/store";
	unlink(glob("$store/*"));
	rmdir($store) or die "$store: $!\n";
	$_->start for $live->policy, $live->milter;
	is($ctl->json('revocations')->[0]{reason}, 'a leak',
	    'it is still listed, without the store, after a kill');
	my $smtp = $live->connect;
	like($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, qr/^[45]/,
	    'nobody may');
	# Unmounted, say: nobody can tell.
	rename("$dir/xcontext/revoked", "$dir/xcontext/away") or die "$!\n";
	$smtp = $live->connect;
	like($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, qr/^4/,
	    'where it has vanished nobody can tell');
	$live->expect_log(qr/what is revoked has vanished/);
	rename("$dir/xcontext/away", "$dir/xcontext/revoked") or die "$!\n";
	is($ctl->run('unrevoke', 'edge')->{status}, 0, 'unrevoke');
	$smtp = $live->connect;
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220,
	    'the rights are back');
}

# The manual's example.
my ($block) = slurp(($ENV{srcdir} // '.') . '/man/xcontext.1') =~
    /^(xcontext revoke .*?)^\.Ed/ms;
ok(defined $block, 'the manual has an example');
for my $line (split(/\n/, $block)) {
	my (undef, @args) = split(' ', $line);
	my $got = $ctl->run(@args);
	ok($got->{status} <= 1 && $got->{err} eq '', "it runs: $line") or
	    diag($got->{err});
}
is($ctl->run('unrevoke', '192.0.2.25')->{status}, 0, 'and is taken back');

$live->finish;
