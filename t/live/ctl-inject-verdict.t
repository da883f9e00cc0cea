#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext inject to a real Postfix that says at XCLIENT, and at the EHLO behind
# it, what it holds of the client (smtpd_delay_reject = no): whom it refuses for
# good is rejected, whom it cannot be told of waits, and neither costs the next.
use strict;
use warnings;

use JSON::PP ();
use Test::More;

use XContext::Behind ();
use XContext::Ctl ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_dir guard_time);
use XContext::OddMail ();

my $why = XContext::Ctl::impossible() // XContext::Behind::impossible();
plan(skip_all => $why) if defined $why;
guard_time(120);

# What is said to whom: at XCLIENT by his address, at EHLO by his name.
my %at_xclient = (29 => '554 5.7.9 not he', 30 => '521 5.7.9 nor he',
    31 => '550 5.7.9 not granted', 32 => '451 4.7.9 not now',
    33 => '501 5.7.9 what');
my %at_ehlo = (37 => '554 5.7.9 not by that name', 38 => '550 5.7.9 nor that',
    39 => '450 4.7.9 not that now', 40 => '502 5.7.9 no such command');
my %m = map { $_ => XContext::OddMail::make($_) } 28 .. 35, 37 .. 43;
# These two greet by no name, so that ours is said: that is about us, or not.
$m{$_}{text} =~ s/helo$_\.example\.org/!/ for 41, 42;
my $behind = XContext::Behind->new(services => [ { name => 'mx',
    options => [ 'smtpd_delay_reject = no' ] } ],
    main => { smtpd_client_restrictions => 'check_client_access cidr:{' .
	join(', ', map { "{$m{$_}{origin} $at_xclient{$_}}" }
	sort keys %at_xclient) . '}',
	smtpd_helo_restrictions => 'check_client_access cidr:{' .
	"{$m{41}{origin} 504 5.5.2 need a name}, " .
	"{$m{42}{origin} 554 5.7.9 none at all}}, check_helo_access inline:{" .
	join(', ', map { "{helo$_.example.org = $at_ehlo{$_}}" }
	sort keys %at_ehlo) . '}' })->start;
my $dir = guard_dir();
my $ctl = XContext::Ctl->new;
mkdir("$dir/$_") for qw(mh rejects);
spit("$dir/mh/$_", $m{$_}{text}) for keys %m;

my $got = $ctl->run('inject', '--mine', '*.example.net', '--server',
    $behind->address('mx') . ':' . $behind->port('mx'), '-j', '1',
    '--journal', "$dir/journal", '--rejects', "$dir/rejects", "$dir/mh");
is($got->{status}, 75, 'not all of it') or diag($got->{err});
my %said;
$got->{err} =~ s/^xcontext: (\d+): (\w+: .*)$/$said{$1} = $2/gem;
is($said{29}, "rejected: 554 5.7.9 <host29.example.org[$m{29}{origin}]>: Client host rejected: not he", 'XCLIENT: 554');
like($said{30}, qr/^rejected: 521 5\.7\.9 .*nor he/, 'XCLIENT: 521');
like($said{31}, qr/^later: XCLIENT failed: 550 5\.7\.9 /, 'XCLIENT: 550');
like($said{32}, qr/^later: 451 4\.7\.9 .*not now/, 'XCLIENT: 451');
like($said{33}, qr/^later: XCLIENT failed: 501 5\.7\.9 /, 'XCLIENT: 501');
like($said{37}, qr/^rejected: 554 5\.7\.9 .*not by that name/, 'EHLO: 554');
like($said{38}, qr/^rejected: 550 5\.7\.9 .*nor that/, 'EHLO: 550');
like($said{39}, qr/^later: .*450 4\.7\.9 .*not that now/, 'EHLO: 450');
like($said{40}, qr/^later: EHLO failed: 502 5\.7\.9 /, 'EHLO: 502');
like($said{41}, qr/^later: EHLO failed: 504 5\.5\.2 /, 'EHLO with our name: 504');
like($said{42}, qr/^rejected: 554 5\.7\.9 .*none at all/, '... and 554');

is(join(' ', sort map { m{([^/]*)$} } glob("$dir/mh/*")), '31 32 33 39 40 41',
    'what waits is where it was');
my @rejects = map { JSON::PP::decode_json(slurp($_)) }
    glob("$dir/rejects/*.json");
is(join(' ', sort map { $_->{name} } @rejects), '29 30 37 38 42',
    'what is rejected is in its place');
is(scalar(grep { $_->{rcpt}{'a@example.com'}[1] =~ /^5\d\d 5\.7\.9 / }
    @rejects), 5, 'with the reason');
for my $n (28, 34, 35, 43) {
	my $seen = $behind->client_of($m{$n}{sender});
	is($seen->{client_address}, $m{$n}{origin}, "$n is from its client");
	is($seen->{helo_name}, "helo$n.example.org", 'who greets');
}
ok($behind->is_idle, 'the queue is empty');
is(join(' ', sort map { XContext::OddMail::id($_) } $behind->mails),
    '28 34 35 43', 'who is welcome is there');
is($ctl->run('inject', '--status', '--journal', "$dir/journal")->{out} =~
    tr/\n//, 15, 'the journal knows of all');

$behind->finish;
done_testing();
