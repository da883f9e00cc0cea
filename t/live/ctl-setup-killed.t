#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext setup postfix, killed before each of its steps: before each directory
# that it makes and each file that it puts on disk, gives a mode or renames.
# Then --undo, which is killed before each of its own, puts everything back.
#
# XC_SETUP_STEP (4): only before every fourth of them, from one by chance on; 1:
# before each.
use strict;
use warnings;

use Test::More;

use XContext::Ctl ();
use XContext::Debian ();
use XContext::File qw(spit);
use XContext::Guard qw(guard_dir guard_time);

XContext::Debian::enter_own_network();
my $why = XContext::Ctl::impossible() // XContext::Debian::impossible();
plan(skip_all => $why) if defined $why;
plan(skip_all => 'no strace') if system('strace -V > /dev/null 2>&1') != 0;
guard_time(600);

# All three files are changed.
my $debian = XContext::Debian->new(
    main => "smtpd_milters = inet:127.0.0.1:11332\n");
my $ctl = XContext::Ctl->new(conf => $debian->conf);
my $before = $debian->state_of_files;
my $wrapper = guard_dir() . '/strace';

# Killed before the n-th call of that name, if there are so many.
sub run_killed {
	my ($call, $n, $how) = @_;
	spit($wrapper, "#!/bin/sh\nASAN_OPTIONS=\$ASAN_OPTIONS:detect_leaks=0 " .
	    "exec strace -qq -o /dev/null -e trace=$call " .
	    "-e inject=$call:signal=KILL:when=$n '" .
	    XContext::Ctl::program() . "' \"\$@\"\n");
	chmod(0755, $wrapper);
	local $ENV{XC_CTL} = $wrapper;
	return setup($how);
}

sub setup {
	my ($how) = @_;
	return $ctl->run('setup', 'postfix', $how, '--config-directory',
	    $debian->etc);
}

sub is_as_before {
	my ($name) = @_;
	ok($debian->state_of_files eq $before, "$name: all is as it was");
	is(join(' ', glob($debian->conf . '?*')), '',
	    "$name: and nothing beside it");
}

my @calls = qw(mkdir fsync fchmod rename);
my $step = $ENV{XC_SETUP_STEP} // 4;
my %points;
for my $call (@calls) {
	for (my $n = 1 + int(rand($step)); $n < 100; $n += $step) {
		my $got = run_killed($call, $n, '--apply');
		if ($got->{signal} == 0) {
			is($got->{status}, 0, "no $call is left to be killed " .
			    'before') or diag($got->{err});
			is(setup('--undo')->{status}, 0, 'it is undone');
			is_as_before('whole');
			last;
		}
		$points{apply}++;
		my $undone = setup('--undo');
		ok($undone->{status} <= 1 && $undone->{signal} == 0,
		    "killed before $call $n") or diag($undone->{err});
		is_as_before("killed before $call $n");
	}
}
cmp_ok($points{apply}, '>=', 15 / $step - 1, "--apply was killed at $points{apply} points");

# Applied once, and kept, with its journal, to be put there again.
is(setup('--apply')->{status}, 0, 'applied');
my @applied = ($debian->main_cf, $debian->master_cf, $debian->conf,
    "$debian->{dir}/state");
mkdir("$debian->{dir}/applied");
system('cp', '-a', @applied, "$debian->{dir}/applied");
for my $call (qw(rename unlink)) {
	for (my $n = 1 + int(rand($step)); $n < 100; $n += $step) {
		for my $path (@applied) {
			my ($name) = $path =~ m{([^/]*)$};
			system('cp', '-aT', "$debian->{dir}/applied/$name",
			    $path);
		}
		my $got = run_killed($call, $n, '--undo');
		my $again = setup('--undo');
		is_as_before("--undo killed before $call $n");
		last if $got->{signal} == 0;
		$points{undo}++;
		ok($again->{status} <= 1, 'and says so') or diag($again->{err});
	}
}
cmp_ok($points{undo} // 0, '>=', 6 / $step - 1, "--undo was killed at $points{undo} points");

# Interrupted, it can also be gone on with.
my $got = run_killed('rename', 3, '--apply');
is($got->{signal}, 9, 'killed again');
ok($debian->state_of_files ne $before, 'with half of it done');
is(setup('--apply')->{status}, 0, 'and now gone on with');
is(setup('--undo')->{status}, 0, 'and undone');
is_as_before('both');

# Postfix does not take it: a "postfix check" that fails.
{
	my $text = XContext::File::slurp($debian->main_cf);
	my $fake = guard_dir() . '/fake';
	mkdir($fake);
	spit($debian->main_cf, "$text\ncommand_directory = $fake\n");
	my $now = $debian->state_of_files;
	spit("$fake/postfix", "#!/bin/sh\necho no >&2; exit 1\n");
	chmod(0755, "$fake/postfix");
	my $got = setup('--apply');
	is($got->{status}, 70, 'what Postfix does not take');
	like($got->{err}, qr{/postfix: no; all files are as they were},
	    'is said');
	ok($debian->state_of_files eq $now, 'and taken back');
	is(setup('--undo')->{status}, 1, 'there is nothing to undo');
	spit($debian->main_cf, $text);
}

# What postconf cannot read is put back, too.
is(setup('--apply')->{status}, 0, 'applied');
spit($debian->main_cf, "x\n");
is(setup('--undo')->{status}, 65, 'a main.cf of somebody else');
is($ctl->run('setup', 'postfix', '--undo', '--force', '--config-directory',
    $debian->etc)->{status}, 0, 'is replaced if that is said');
is_as_before('forced');

# Another one is at work.
is(setup('--apply')->{status}, 0, 'applied');
my ($journal) = glob("$debian->{dir}/state/setup/*");
{
	my $pid = open(my $other, '-|', 'flock', '--no-fork', $journal, 'sh',
	    '-c', 'echo locked; exec sleep 60') // die "flock: $!\n";
	XContext::Guard::guard_process($pid);
	scalar <$other>;
	my $got = setup('--undo');
	is($got->{status}, 75, 'another setup is at work');
	like($got->{err}, qr/another setup is at work/, 'and that is said');
	kill('TERM', $pid);
}
done_testing();
