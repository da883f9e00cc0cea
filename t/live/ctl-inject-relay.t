#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext inject through xcontext-relay, which judges what it says, to a real
# Postfix: each message of a folder of MH and of a directory of .eml is there as
# from its client, and one that the relay does not grant stays where it is.
use strict;
use warnings;

use Test::More;

use XContext::Behind ();
use XContext::Ctl ();
use XContext::File qw(spit);
use XContext::Guard qw(guard_dir guard_time);
use XContext::OddMail ();
use XContext::Relay ();

my $why = XContext::Ctl::impossible() // XContext::Behind::impossible() //
    XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(120);

my $behind = XContext::Behind->new->start;
my $relay = XContext::Relay->new(
    relays => { front => { next_hop => $behind->next_hop,
	binding => '"inside"' } },
    sections => "binding inside { XCLIENT = \"required\" }\n",
    trust => "127.0.0.1\tfetcher\n", profiles => <<'END');
profile fetcher {
	xclient = { "ADDR", "NAME", "REVERSE_NAME", "PORT", "HELO" }
	addr = { "!198.51.100.30", "public" }
}
END
$relay->start;
my $dir = guard_dir();
my $ctl = XContext::Ctl->new;

# 29 is not granted, 28 and 30 are.
my %file = (mh => sub { "$dir/mh/$_[0]" }, eml => sub { "$dir/eml/$_[0].eml" });
for my $format (qw(mh eml)) {
	mkdir("$dir/$format");
	spit($file{$format}->($_), XContext::OddMail::make($_)->{text})
	    for 28 .. 30;
	spit("$dir/$format/.other", "not mail\n");
	my $got = $ctl->run('inject', '--mine', '*.example.net', '--server',
	    $relay->address('front') . ':' . $relay->port('front'),
	    '--journal', "$dir/$format.journal", "$dir/$format");
	is($got->{status}, 75, "$format: not all of it")
	    or diag($got->{err}, $relay->log_text);
	like($got->{err}, qr/^xcontext: 29(?:\.eml)?: later: XCLIENT failed: 550 /m,
	    "$format: which, and why");
	is(join(' ', map { m{([^/]*)$} } glob("$dir/$format/*")),
	    $format eq 'mh' ? '29' : '29.eml', "$format: it stays");
	for my $n (28, 30) {
		my $m = XContext::OddMail::make($n);
		my $seen = $behind->client_of($m->{sender});
		is($seen->{client_address}, $m->{origin},
		    "$format: $n is from its client");
		is($seen->{helo_name}, "helo$n.example.org", 'who greets');
	}
	ok($behind->is_idle, 'the queue is empty');
	my @n = sort map { XContext::OddMail::id($_) } $behind->mails;
	is("@n", '28 30', "$format: each once");
	$behind->forget_mails;
	$behind->seen->forget;
}

$relay->finish;
$behind->finish;
done_testing();
