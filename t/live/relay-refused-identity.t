#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XCLIENT = "ifavailable", and a next hop that says 500 to it: to one client, as
# a Postfix does whose command filter grants it to others, or to all.
use strict;
use warnings;

use Test::More;

use XContext::Guard qw(guard_time);
use XContext::Hop ();
use XContext::Relay ();

my $why = XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(60);

my $no = '500 5.5.2 Error: command not recognized';
my %hop = (
	one => XContext::Hop->new(xclient => 'NAME ADDR', replies => {
		XCLIENT => sub { $_[0] =~ /ADDR=198\.51\.100\.66\b/ ? $no :
		    '220 anew' } }),
	all => XContext::Hop->new(xclient => 'NAME ADDR',
	    replies => { XCLIENT => $no }));
my $relay = XContext::Relay->new(conf => { XCLIENT => '"ifavailable"' },
    profiles => "profile edge { xclient = { ADDR } addr = { \"*\" } }\n",
    trust => "127.0.4.0/24\tedge\n",
    relays => { map { $_ => { next_hop => $hop{$_}->next_hop } } keys %hop });
$relay->start;

# Mail in a session of its own; returns what the next hop was told of it.
sub told_of {
	my ($name, $addr) = @_;
	my $smtp = $relay->connect(relay => $name, local => '127.0.4.1');
	$hop{$name}->forget;
	is($smtp->cmd("XCLIENT ADDR=$addr")->code, 220, "$name: $addr");
	$smtp->cmd('EHLO client.example.org');
	is($smtp->mail->code, 250, "$name: its mail is taken");
	$smtp->quit;
	return scalar(grep { /^XCLIENT .*ADDR=\Q$addr\E\b/ }
	    $hop{$name}->commands);
}

is(told_of('one', '198.51.100.1'), 1, 'the first client is told of');
is(told_of('one', '198.51.100.66'), 1, '... and one whom it refuses');
is(told_of('one', '198.51.100.2'), 1, '... and the next one');
is(told_of('all', '198.51.100.1'), 1, 'one that knows no XCLIENT is asked');
is(told_of('all', '198.51.100.2'), 0, '... once');

$relay->finish(qr/event=xclient_refused/);
$_->stop for values %hop;
done_testing();
