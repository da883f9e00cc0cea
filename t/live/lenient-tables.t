#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# With tables = lenient a generated table whose lines have bits of a host stops
# no daemon, neither at its start nor at SIGHUP: such lines are passed over, and
# told with file:line, and counted.  What is right in the table is in force.
# Strict, the default, refuses it, and so does lenient what else is wrong.
use strict;
use warnings;

use Test::More;
use Time::HiRes ();

use XContext::File qw(spit);
use XContext::Live ();
use XContext::Postfix ();

my $address = XContext::Postfix::own_address();
my %metrics = map { $_ => "$address:" .
    XContext::Postfix::free_port($address) } qw(policy milter);
my $generated = "127.0.1.0/24	edge\n127.0.2.1/24	edge\n" .
    "127.0.3.0/24	webmail\n127.0.4.9/8	webmail\n";
my $live = XContext::Live->new(start => 0, trust => $generated,
    conf => { tables => '"lenient"' },
    policy => { metrics => "\"$metrics{policy}\"" },
    milter => { metrics => "\"$metrics{milter}\"" });
$live->expect_log(qr/event=table_lines_skipped/, qr/event=reload_failed/);
# What names no table stands above what does.
my $lenient = do { open(my $fh, '<', $live->{conf_file}) or die; local $/;
    <$fh> };
my $strict = $lenient =~ s/^tables = .*\n//mr;

# SIGHUP, and the event that it leads to.
sub hup {
	my ($daemon, $event) = @_;
	my $before = () = $daemon->events(event => $event);
	$daemon->signal('HUP');
	for (1 .. 250) {
		my @events = $daemon->events(event => $event);
		return $events[-1] if @events > $before;
		Time::HiRes::sleep(0.02);
	}
	return {};
}

sub is_skipped {
	my ($daemon, $kind, $count, $where, $when) = @_;
	my $skipped = $daemon->event(event => 'table_lines_skipped',
	    count => $count) // {};
	is($skipped->{count}, $count, "$when: how many were passed over");
	is($skipped->{level}, 'warning', "$when: as a warning");
	like($skipped->{text} // 'none', qr/\Q$live->{trust_file}:$where\E\b/,
	    "$when: where the first stands");
	like($daemon->metrics($metrics{$kind}),
	    qr/^xcontext_table_lines_skipped $count\r?$/m,
	    "$when: and they are counted");
}

for my $kind (qw(policy milter)) {
	my $daemon = $live->$kind;
	spit($live->{conf_file}, $strict);
	isnt($daemon->start(may_fail => 1), 0, "$kind: strict refuses it");
	like($daemon->log_text, qr/\Q$live->{trust_file}:2\E\b/,
	    "$kind: and says where");
	spit($live->{conf_file}, $lenient);
	is($daemon->start, 0, "$kind: lenient starts");
	is_skipped($daemon, $kind, 2, 2, "$kind, start");

	spit($live->{trust_file}, "127.0.1.0/24	edge\n" .
	    "127.0.3.0/24	webmail\n127.0.4.9/8	webmail\n");
	is(hup($daemon, 'reload')->{event}, 'reload', "$kind: reloads");
	is_skipped($daemon, $kind, 1, 3, "$kind, SIGHUP");

	spit($live->{trust_file}, "127.0.1.0/24	nosuch\n");
	like(hup($daemon, 'reload_failed')->{text} // '',
	    qr/\Q$live->{trust_file}:1\E\b.*nosuch/,
	    "$kind: a profile that is not there is no such line");
	spit($live->{trust_file}, $generated);
}
is($live->lookup('profile', '127.0.1.1'), 'OK edge', 'a good line counts');
is($live->lookup('profile', '127.0.2.1'), 'NOTFOUND ', 'a bad one does not');
spit($live->{trust_file}, "127.0.1.0/24	edge\n");
isnt(hup($live->$_, 'reload')->{event}, undef, "$_: it is mended"),
    like($live->$_->metrics($metrics{$_}),
    qr/^xcontext_table_lines_skipped 0\r?$/m, "$_: nothing is skipped")
    for qw(policy milter);
$live->finish;
