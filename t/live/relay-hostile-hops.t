#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# README's recipe 2: to Postfix the relay is one destination, and one that does
# not answer in time is taken for dead: the mail for all others waits then.  So
# Postfix has to wait for longer than the relay does for a next hop, to which
# any domain may point.
use strict;
use warnings;

use Test::More;

use XContext::Guard qw(guard_time);
use XContext::Hop ();
use XContext::Postfix ();
use XContext::Readme qw(recipe with);
use XContext::Relay ();
use XContext::Smtp ();

my $why = XContext::Postfix::impossible() // XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(120);

# Seconds, instead of the minutes that both have.
use constant { POSTFIX => 2, RELAY => 4 };

my %hop = map { $_->[0] => XContext::Hop->new(keywords => [ 'PIPELINING' ],
    replies => { map { $_ => 'silence' } @{$_->[1]} }) }
    [ good => [] ], [ rcpt => [ 'RCPT', 'DATA' ] ], [ data => [ 'DATA' ] ];
my ($conf, $master, $main) = recipe(2);
my ($section) = $conf =~ /^relay out \{\n(.*?)^\}\n/ms;
my $relay = XContext::Relay->new(trust => '', relays => { out => {
    (map { /^\t(\w+) = (.*)$/ ? ($1, $2) : () } grep { !/listen/ }
    split(/^/, $section)), reply_timeout => RELAY,
    transport_maps => '{ "inline:{ ' . join(', ',
    map { "$_.example.com=" . $hop{$_}->target } sort keys %hop) . ' }" }' } },
    profiles => $conf =~ s/^relay out \{\n.*?^\}\n//msr);
$relay->start;

my %main = with($main, '[127.0.0.1]:10027' => '[' . $relay->address('out') .
    ']:' . $relay->port('out')) =~ /^(\w+) = (.*)$/mg;
my $first = XContext::Postfix->new(services => [ { name => 'first' } ],
    master => with($master, ' y ' => ' n '),
    main => { %main, virtual_mailbox_domains => '',
	smtp_rcpt_timeout => POSTFIX . 's',
	smtp_data_init_timeout => POSTFIX . 's',
	relay_domains => join(' ', map { "$_.example.com" } sort keys %hop),
	# What is deferred stays where it is seen.
	minimal_backoff_time => '1000s' });
$first->start;

sub submit {
	my ($name, $subject) = @_;
	my $smtp = XContext::Smtp->connect($first->address('first'),
	    $first->port('first'));
	$smtp->cmd('EHLO client.example.net');
	is($smtp->mail(from => "$subject\@sender.example",
	    to => "box\@$name.example.com", subject => $subject)->code, 250,
	    "$subject: the first takes it");
	$smtp->quit;
}

# What its log says became of a message.
sub fate {
	my ($subject) = @_;
	for (1 .. 1000) {
		my $log = $first->log_text;
		my ($id) = $log =~ /: (\w+): from=<\Q$subject\E@/;
		return $1 if defined $id &&
		    $log =~ /: \Q$id\E: to=<.*?>,.*(status=.*)/;
		select(undef, undef, undef, 0.02);
	}
	return 'nothing';
}

# As many as make a destination a dead one.
my @slow = map { ("rcpt-$_", "data-$_") } 1 .. 6;
submit($_ =~ s/-.*//r, $_) for @slow;
like(fate($_), qr/^status=deferred \(host .* said: 451/,
    "$_: the relay is waited for") for @slow;
submit('good', 'good');
like(fate('good'), qr/^status=sent/, 'the mail of others goes on');

# The whole of it.  A connection is made ready in reply_timeout, which is so
# long after RCPT at the latest, and up to three more times; MAIL and RCPT are
# asked behind that.
my %relay = `$ENV{XC_RELAY} -T -c $relay->{conf}` =~
    /^\s*(\w+_timeout) = (\d+)/mg;
my %postfix = $master =~ /-o (smtp_\w+_timeout)=(\d+)s$/mg;
$relay{reply_timeout} = 300 if $relay{reply_timeout} == RELAY;
cmp_ok($postfix{smtp_rcpt_timeout} // 300, '>',
    (1 + 1 + 3 + 2) * $relay{reply_timeout}, 'at RCPT');
cmp_ok($postfix{smtp_data_init_timeout} // 120, '>', $relay{reply_timeout},
    'at DATA');
cmp_ok($postfix{smtp_data_xfer_timeout} // 180, '>', $relay{data_timeout},
    'in a message');
cmp_ok($postfix{smtp_data_done_timeout} // 600, '>', $relay{final_timeout},
    'behind it');

$first->stop;
$relay->finish(qr/ event=(hop_failed|timeout|xclient_not_offered) /);
done_testing();
