#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A client that sends several transactions at once, each for another next hop:
# each goes its own way, and a next hop that cannot be reached is told at once.
use strict;
use warnings;

use Test::More;
use Time::HiRes ();

use XContext::Guard qw(guard_dir guard_time);
use XContext::Hop ();
use XContext::Relay ();

my $why = XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(60);

my %hop = map { $_ => XContext::Hop->new(keywords => [ 'PIPELINING' ]) }
    qw(one two);
my $nobody = guard_dir() . '/nobody';
my $relay = XContext::Relay->new(relays => { front => {
    transport_maps => '{ "inline:{ ' . join(', ',
	'away.example.com=smtp:unix:' . $nobody,
	map { "$_.example.com=" . $hop{$_}->target } sort keys %hop) .
	' }" }' } });
$relay->start;

sub transaction {
	my ($domain) = @_;
	return ('MAIL FROM:<a@example.net>', "RCPT TO:<b\@$domain>");
}

# The replies to two transactions that come in one piece.
sub codes {
	my ($first, $second) = @_;
	my $smtp = $relay->connect;
	$smtp->cmd('EHLO client.example.net');
	my @replies = $smtp->pipeline(transaction("$first.example.com"),
	    'RSET', transaction("$second.example.com"));
	$smtp->cmd('QUIT');
	return join(' ', map { $_->code } @replies);
}

is(codes('one', 'two'), '250 250 250 250 250', 'two next hops: the replies');
for my $name (sort keys %hop) {
	is_deeply([ grep { /^RCPT/ } $hop{$name}->commands ],
	    [ "RCPT TO:<b\@$name.example.com>" ],
	    "... what next hop $name was told");
}
my $from = Time::HiRes::time();
is(codes('one', 'away'), '250 250 250 250 451', 'one is away: the replies');
cmp_ok(Time::HiRes::time() - $from, '<', 10, '... at once');
$relay->finish(qr/ event=hop_failed .*No such file/);
done_testing();
