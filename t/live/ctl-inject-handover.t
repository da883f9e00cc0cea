#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext inject to a real Sendmail, which knows no XCLIENT: through a relay that
# hands its sessions over, so that the milter of Sendmail sees each message's
# client, and access_maps decide by it.
use strict;
use warnings;

use Test::More;

use XContext::Ctl ();
use XContext::Daemon ();
use XContext::File qw(spit);
use XContext::Guard qw(guard_dir guard_time);
use XContext::Inside qw(context_header);
use XContext::OddMail ();
use XContext::Relay ();
use XContext::Sendmail ();

my $why = XContext::Ctl::impossible() // XContext::Sendmail::impossible() //
    XContext::Daemon::impossible('xcontext-milter') //
    XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(120);

my $dir = guard_dir();
my %m = map { $_ => XContext::OddMail::make($_) } 28 .. 30;
spit("$dir/access", "client=$m{29}{origin}\t554 5.7.9 this client\n" .
    "client=127.0.0.1\tREJECT the relay\n");
my $sendmail = XContext::Sendmail->new(milter => "unix:$dir/milter");
my $next = sprintf('"smtp:[%s]:%d"', $sendmail->address, $sendmail->port);
my $relay = XContext::Relay->new(
    relays => { front => { hand_over => 'true', next_hop => $next } },
    conf => { access_maps => "{ \"texthash:$dir/access\" }",
	allowed_users => '{ "root" }' },
    trust => "127.0.0.1\tfetcher\n", profiles => <<'END',
profile fetcher { xclient = { "ADDR", "NAME", "REVERSE_NAME", "PORT", "HELO" } }
END
    sections => <<"END");
milter {
	listen = "unix:$dir/milter"
	header_names = { "session", "peer_address", "remote_address",
	    "remote_name", "ehlo_domain" }
}
END
my $milter = XContext::Daemon->new(name => 'xcontext-milter',
    conf => $relay->{conf}, log => "$dir/milter.log",
    sockets => [ "$dir/milter" ]);
$relay->start;
$milter->start;
$sendmail->start;
my $ctl = XContext::Ctl->new;

for my $n (28 .. 30) {
	my $got = $ctl->run(in => $m{$n}{text}, 'inject', '--mine',
	    '*.example.net', '--server', $relay->address('front') . ':' .
	    $relay->port('front'), '-', 'box@example.com');
	is($got->{status} == 0 ? 'taken' : 'not', $n == 29 ? 'not' : 'taken', "message $n")
	    or diag($got->{err}, $relay->log_text);
	like($got->{err}, qr/554 5\.7\.9 this client/, '... is refused')
	    if $n == 29;
}
my %got = map { (XContext::OddMail::id($_) // 0) => $_ } $sendmail->mails;
is(join(' ', sort keys %got), '28 30', 'those that are permitted are there');
for my $n (28, 30) {
	my $seen = (context_header($got{$n}))[1];
	is($seen->{remote_address}, $m{$n}{origin}, "message $n: its client");
	is($seen->{remote_name}, "host$n.example.org", '... its name');
	is($seen->{ehlo_domain}, "helo$n.example.org", '... its greeting');
	is($seen->{peer_address}, '127.0.0.1', '... and who said so');
}

$sendmail->stop;
is($milter->stop, 0, 'xcontext-milter ends well');
is(join("\n", $milter->complaints), '', 'it complains of nothing');
$relay->finish;
done_testing();
