#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A live test that is killed leaves no process and no directory behind; and one
# that takes too long ends.
use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes ();

use XContext::Guard qw(guard_dir process_gone process_start);
use XContext::Postfix ();

my $why = XContext::Postfix::impossible();
plan(skip_all => $why) if defined $why;

# A test in small; it says what it has made and then waits for its end.
sub victim {
	my ($end) = @_;
	pipe(my $in, my $out) or die "pipe: $!\n";
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		close($in);
		open(STDOUT, '>&', $out);
		close($out);
		exec($^X, (map { "-I$_" } @INC), '-we', <<'VICTIM')
use XContext::Guard qw(guard_dir);
use XContext::Postfix;
my $postfix = XContext::Postfix->new(services => [ { name => 'plain' } ]);
$postfix->start;
$| = 1;
print guard_dir(), " $postfix->{master}\n";
my $how = <STDIN> // sleep(60);
VICTIM
		    or exit(127);
	}
	close($out);
	my ($dir, $master) = split(' ', scalar(<$in>) // '');
	my $start = process_start($master // 0);
	my $lived = defined $dir && -d $dir && !process_gone($master, $start);
	kill($end, $pid);
	waitpid($pid, 0);
	for (1 .. 500) {
		last if process_gone($master, $start) && !-e $dir;
		Time::HiRes::sleep(0.02);
	}
	ok($lived, "before SIG$end Postfix was there");
	ok(process_gone($master, $start), "after SIG$end it is gone");
	ok(!-e $dir, "after SIG$end the directory is gone");
}

victim($_) for qw(TERM INT KILL);

# One that takes too long, and reads from a program that waits for it in turn.
my $late = fork() // die "fork: $!\n";
if ($late == 0) {
	open(STDERR, '>', '/dev/null');
	exec($^X, (map { "-I$_" } @INC), '-we', <<'LATE') or exit(127);
use XContext::Guard qw(guard_child guard_dir guard_time);
guard_dir();
pipe(my $in, my $out) or die;
my $pid = open(my $said, '-|') // die;
if ($pid == 0) {
	guard_child();
	open(STDIN, '<&', $in);
	close($out);
	exec('cat');
}
our @kept = ($said, $out);
guard_time(1);
readline($said);
LATE
}
my $status;
for (1 .. 500) {
	$status = $? if waitpid($late, POSIX::WNOHANG()) == $late;
	last if defined $status;
	Time::HiRes::sleep(0.02);
}
is($status, 256, 'a test that takes too long ends');
if (!defined $status) {
	kill('KILL', $late);
	waitpid($late, 0);
}
done_testing();
