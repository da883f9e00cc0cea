#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Colours are for terminals alone, and for those who want them; the texts are
# the same without.
use strict;
use warnings;

use Test::More;

use XContext::Ctl ();
use XContext::File qw(spit);
use XContext::Guard qw(guard_dir guard_time);

my $why = XContext::Ctl::impossible();
plan(skip_all => $why) if defined $why;
plan(skip_all => 'no script(1)') if system('script -V >/dev/null 2>&1') != 0;
guard_time(120);
my $dir = guard_dir();
chmod(0755, $dir);
my ($conf, $new, $trial) = map { "$dir/$_.conf" } qw(xcontext new trial);
my $text = "user = \"\"\ntrust_maps = { \"inline:{{192.0.2.25 = edge}}\" }\n";
spit($conf, "${text}profile edge { xclient = { \"ADDR\", \"HELO\" } }\n" .
    "profile nobody { }\n");
spit($new, "${text}profile edge { xclient = { \"ADDR\", \"NAME\" } }\n");
spit($trial, "${text}profile edge { report_only = yes }\n");
spit("$dir/tests", "peer 192.0.2.25\nXCLIENT ADDR=203.0.113.7\n= permit\n" .
    "XCLIENT ADDR=10.0.0.1\n= permit\n");

# The colour of each.
my %word = ('not ok' => 31, ok => 32, gains => 32, loses => 31,
    edge => 1, tempfail => 31, warning => 33,
    'permit \(only reported\)' => 33);

# What it prints on a terminal, with these settings of the environment.
sub on_terminal {
	my ($environment, @args) = @_;
	my $command = join(' ', "env $environment", XContext::Ctl::program(),
	    map { "'$_'" } @args);
	local $ENV{ASAN_OPTIONS} = ($ENV{ASAN_OPTIONS} // '') .
	    ':detect_leaks=0';
	open(my $from, '-|', 'script', '-qec', $command, '/dev/null') or
	    die "script: $!\n";
	local $/;
	my $out = <$from>;
	close($from);
	return $out =~ s/\r//gr;
}

sub is_coloured {
	my ($words, @args) = @_;
	my $name = $args[2];
	my $plain = XContext::Ctl->new->run(@args)->{out};
	my $coloured = on_terminal('TERM=xterm NO_COLOR=', @args);
	unlike($plain, qr/\x1b/, "$name: none in a pipe");
	like($coloured, qr/\x1b\[$word{$_}m$_ *\x1b\[0m/, "$name: $_")
	    for @$words;
	my $without = $coloured =~ s/\x1b\[\d+m//gr;
	unlike($without, qr/\x1b/, "$name: and nothing but colours");
	is($without, $plain, "$name: the texts are the same");
	is(on_terminal($_, @args), $plain, "$name: none with $_") for
	    'TERM=xterm NO_COLOR=1', 'TERM=dumb', '-u TERM';
	unlike(on_terminal('TERM=xterm', @args, '--json'), qr/\x1b/,
	    "$name: none in JSON") if $name ne 'test';
}

is_coloured([ 'edge' ], '-c', $conf, 'may', '192.0.2.25');
is_coloured([ 'tempfail' ], '-c', $conf, 'explain', '--peer', '192.0.2.25',
    'XCLIENT LOGIN=x');
is_coloured([ 'permit \(only reported\)' ], '-c', $trial, 'explain', '--peer',
    '192.0.2.25', 'XCLIENT PORT=25');
is_coloured([ 'gains', 'loses' ], '-c', $conf, 'diff', $conf, $new);
is_coloured([ 'ok', 'not ok' ], '-c', $conf, 'test', "$dir/tests");
spit($conf, "user = \"\"\ntrust_maps = { \"inline:{{192.0.2.25 = root}}\" }\n");
is_coloured([ 'warning' ], '-c', $conf, 'lint');
done_testing;
