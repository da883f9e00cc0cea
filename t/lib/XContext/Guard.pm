# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Guard: what a live test started or made is gone when it ends, however
# it ends.
#
# A second process, the guardian, waits at the end of a pipe that only the test
# holds open.  When the test closes it, or dies (also by SIGKILL), the guardian
# ends the processes that were announced to it, takes off the file systems that
# were mounted in the test's directory, and removes that.  It
# ends a process only if its start time is the announced one, and a member of
# an announced process group only if that works in the test's directory: so it
# never ends what the test did not start.
package XContext::Guard;

use strict;
use warnings;

use Carp ();
use Exporter 'import';
use File::Path ();
use IO::Handle ();
use POSIX ();
use Time::HiRes ();

our @EXPORT_OK = qw(guard_dir guard_process guard_group guard_forget
    guard_child guard_mount guard_time process_start process_gone stop_process stop_group);

my $dir;		# the test's directory
my $pipe;		# our end towards the guardian
my $guardian;
my $owner = $$;
my $is_late;		# guard_time has ended the test

# The fields of /proc/PID/stat behind the command's name; empty if the
# process is gone.  [0] is the state, [2] the process group, [19] the start.
sub _stat {
	my ($pid) = @_;
	open(my $fh, '<', "/proc/$pid/stat") or return;
	my $line = <$fh> // return;
	$line =~ s/^.*\) //s;
	return split(' ', $line);
}

sub process_start {
	my ($pid) = @_;
	return (_stat($pid))[19] // 0;
}

# True if there is no such process any more (a zombie does nothing either).
sub process_gone {
	my ($pid, $start) = @_;
	my @stat = _stat($pid);
	return !@stat || $stat[0] eq 'Z' || $stat[19] != $start;
}

sub _wait_until {
	my ($seconds, $done) = @_;
	my $end = Time::HiRes::time() + $seconds;
	until ($done->()) {
		return 0 if Time::HiRes::time() > $end;
		Time::HiRes::sleep(0.02);
	}
	return 1;
}

sub stop_process {
	my ($pid, $start, $seconds) = @_;
	return 1 if process_gone($pid, $start);
	kill('TERM', $pid);
	return 1 if _wait_until($seconds, sub { process_gone($pid, $start) });
	kill('KILL', $pid) unless process_gone($pid, $start);
	_wait_until(2, sub { process_gone($pid, $start) });
	return 0;
}

# The processes of a group that work in the test's directory.
sub _members {
	my ($group, $where) = @_;
	my @found;
	opendir(my $dh, '/proc') or return;
	for my $pid (grep { /^\d+$/ } readdir($dh)) {
		my @stat = _stat($pid) or next;
		next if $stat[2] != $group || $stat[0] eq 'Z';
		my $cwd = readlink("/proc/$pid/cwd") // next;
		push(@found, $pid) if index("$cwd/", "$where/") == 0;
	}
	return @found;
}

sub stop_group {
	my ($group, $where, $seconds) = @_;
	my $gone = sub { !_members($group, $where) };
	kill('TERM', _members($group, $where));
	return 1 if _wait_until($seconds, $gone);
	kill('KILL', _members($group, $where));
	_wait_until(2, $gone);
	return 0;
}

# The guardian's whole life.
sub _guard {
	my ($in, $where) = @_;
	my (%process, %group, @mounts);
	local @SIG{qw(INT TERM HUP QUIT PIPE)} = ('IGNORE') x 5;
	while (my $line = <$in>) {
		my ($what, $pid, $start) = split(' ', $line);
		$process{$pid} = $start if $what eq 'process';
		$group{$pid} = 1 if $what eq 'group';
		push(@mounts, $pid) if $what eq 'mount';
		delete $process{$pid}, delete $group{$pid}
		    if $what eq 'forget';
	}
	stop_group($_, $where, 5) for keys %group;
	stop_process($_, $process{$_}, 5) for keys %process;
	system('umount', '-l', $_) for @mounts;
	File::Path::remove_tree($where) unless $ENV{XC_KEEP};
	print STDERR "# kept: $where\n" if $ENV{XC_KEEP};
}

# Makes the test's directory (once) and the guardian; returns its path.
# Not under a world-writable directory: mail programs refuse sockets there.
sub guard_dir {
	return $dir if defined $dir;
	my $base = $ENV{XC_TEST_BASE} // '/run';
	for my $try (1 .. 100) {
		my $name = sprintf('%s/xcontext-test.%d.%04x', $base, $$,
		    rand(65536));
		mkdir($name, 0755) or next;
		$dir = $name;
		last;
	}
	die "cannot make a directory in $base: $!\n" if !defined $dir;
	chmod(0755, $dir);
	pipe(my $in, $pipe) or die "pipe: $!\n";
	$guardian = fork() // die "fork: $!\n";
	if ($guardian == 0) {
		close($pipe);
		# Nobody may wait for the output of the guardian alone.
		open(STDOUT, '>', '/dev/null');
		POSIX::setsid();
		_guard($in, $dir);
		POSIX::_exit(0);
	}
	close($in);
	$pipe->autoflush(1);
	$SIG{$_} = sub { exit(128 + 15) } for qw(INT TERM HUP);
	return $dir;
}

# The test has so many seconds.  It does not die then, which an eval in a loop
# would survive: it exits, and waits for no program that it reads from, which
# may wait for the test to close something.
sub guard_time {
	my ($seconds) = @_;
	$SIG{ALRM} = sub {
		print STDERR Carp::longmess('the test takes too long');
		$is_late = 1;
		exit(1);
	};
	alarm($seconds);
}

sub guard_process {
	my ($pid) = @_;
	print $pipe "process $pid ", process_start($pid), "\n";
}

sub guard_group {
	my ($group) = @_;
	print $pipe "group $group\n";
}

# A file system of the test's own, mounted in its directory.
sub guard_mount {
	my ($path) = @_;
	print $pipe "mount $path\n";
}

sub guard_forget {
	my ($pid) = @_;
	print $pipe "forget $pid\n";
}

# In a forked child that goes on as perl: it must not keep the guardian
# waiting, nor do the test's clean-up when it exits.
sub guard_child {
	close($pipe) if $pipe;
	undef $pipe;
	$SIG{$_} = 'DEFAULT' for qw(ALRM INT TERM HUP);
}

END {
	if ($$ == $owner && $pipe) {
		my $status = $?;
		close($pipe);
		waitpid($guardian, 0);
		POSIX::_exit($status) if $is_late;
		$? = $status;
	}
}

1;
