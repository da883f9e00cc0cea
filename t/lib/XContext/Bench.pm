# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Bench: what the benchmarks have in common: servers and their CPU
# time, rounds in which all sides take turns, and the table of results.
#
# A missed goal is told in the table; a measurement that fails is "BROKEN"
# there, and then the exit status is 1.
package XContext::Bench;

use strict;
use warnings;

use Exporter 'import';
use IO::Socket::IP ();
use POSIX ();
use Time::HiRes ();

use XContext::Guard qw(guard_child guard_dir guard_process stop_process
    process_start);
use XContext::Postfix ();

our @EXPORT_OK = qw(bench_begin bench_end broken clear_logs cores cpu_of
    figures judge median pid_of pin raise_limit rounds run running say_line
    start stop take_turns thousands write_file);

use constant DESCRIPTORS => 65536;	# that a server may have, if we may say

my ($dir, $title, $n_rounds, %daemon, @report);
my ($n_met, $n_missed, $n_broken) = (0, 0, 0);

# bench_begin(TITLE, ROUNDS, HOW): makes the directory for all sockets and logs,
# and returns its path.  The report's head is the title, and says how it is
# measured.
sub bench_begin {
	($title, $n_rounds, my $how) = @_;
	$ENV{XC_TEST_BASE} //= '/dev/shm' if -w '/dev/shm';
	$dir = guard_dir();
	say_line('%s (%s)', $title, POSIX::strftime('%Y-%m-%d', gmtime()));
	say_line('');
	say_line('%s; %s.', _machine(), $how);
	return $dir;
}

# bench_end(\@sections, WANTED, FILE): runs the sections, [ NAME, CODE ], or, if
# WANTED names some, these; writes the report into FILE, if there is one.  The
# exit status.
sub bench_end {
	my ($sections, $names, $file) = @_;
	my %wanted = map { $_ => 1 } split(/,/, $names // '');
	for my $section (@$sections) {
		my ($name, $run) = @$section;
		next if %wanted && !$wanted{$name};
		say_line('');
		eval { $run->() };
		broken($name, $@) if $@;
	}
	say_line('');
	say_line('%d goals met, %d missed, %d measurements broken.', $n_met,
	    $n_missed, $n_broken);
	_write_report($file) if defined $file;
	return $n_broken > 0 ? 1 : 0;
}

# The machine, for the reader of the table.
sub _machine {
	open(my $fh, '<', '/proc/cpuinfo') or return 'unknown';
	my ($model) = map { /^model name\s*:\s*(.*)/ } <$fh>;
	return sprintf('%d cores (%s), Linux %s, Postfix %s', scalar(cores()),
	    $model // 'unknown', (POSIX::uname())[2],
	    -x XContext::Postfix::program('postconf') ?
	    XContext::Postfix::version() : 'none');
}

# Replaces the results under the same title, from their head to the next one's
# or the end; where there are none, adds them at the end.
sub _write_report {
	my ($file) = @_;
	open(my $fh, '<', $file) or die "$file: $!\n";
	my $text = join('', <$fh>);
	close($fh);
	my $report = join('', map { "$_\n" } @report);
	$text =~ s/^\Q$title\E \(.*?(?=^Results|\z)/$report\n/ms
	    or $text .= "\n$report";
	$text =~ s/\n+\z/\n/;
	write_file($file, $text);
}

sub say_line {
	my $line = sprintf(shift, @_);
	$line =~ s/\s+$//;
	push(@report, $line);
	print "$line\n";
}

sub broken {
	my ($what, $why) = @_;
	chomp($why);
	$n_broken++;
	say_line('BROKEN: %s: %s', $what, $why);
}

# "met" or "MISSED"; "" if there is no goal.
sub judge {
	my ($is_met) = @_;
	return '' if !defined $is_met;
	$is_met ? $n_met++ : $n_missed++;
	return $is_met ? 'met' : 'MISSED';
}

sub median {
	my @v = sort { $a <=> $b } @_;
	return @v % 2 ? $v[$#v / 2] : ($v[@v / 2 - 1] + $v[@v / 2]) / 2;
}

sub thousands {
	my $n = sprintf('%.0f', shift);
	1 while $n =~ s/^(\d+)(\d{3})/$1,$2/;
	return $n;
}

# Processes.

# Runs a tool to its end; its output.  Dies with what it says if it fails.
sub run {
	my @command = @_;
	my $err = "$dir/tool.err";
	my $pid = open(my $out, '-|') // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDERR, '>', $err);
		exec(@command) or POSIX::_exit(127);
	}
	my $text = do { local $/; <$out> };
	close($out) and return $text;
	open(my $fh, '<', $err);
	die join('', "$command[0] failed: ", <$fh>, "\n");
}

sub figures {
	return { map { split(/=/, $_, 2) } split(' ', run(@_)) };
}

# Shell commands that allow a process as many descriptors as can be.
sub raise_limit {
	return sprintf('ulimit -n %d 2>/dev/null || ulimit -n $(ulimit -Hn);',
	    DESCRIPTORS);
}

# True if a server listens there: a UNIX-domain socket, or a port of ours.
sub _listens {
	my ($at) = @_;
	return -S $at if $at !~ /^\d+$/;
	return defined IO::Socket::IP->new(PeerHost => '127.0.0.1',
	    PeerPort => $at, Proto => 'tcp');
}

# Starts a server and waits until it listens at $socket, which is a path or a
# port of 127.0.0.1.  Its output goes to $name.log in our directory.
sub start {
	my ($name, $socket, @command) = @_;
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', "$dir/$name.log");
		open(STDERR, '>&', \*STDOUT);
		exec('/bin/sh', '-c', raise_limit() . 'exec "$@"', 'sh',
		    @command) or POSIX::_exit(127);
	}
	guard_process($pid);
	$daemon{$name} = { pid => $pid, start => process_start($pid) };
	for (1 .. 200) {
		return if _listens($socket);
		last if waitpid($pid, POSIX::WNOHANG()) > 0;
		Time::HiRes::sleep(0.05);
	}
	open(my $fh, '<', "$dir/$name.log");
	die join('', "$name does not start: ", <$fh>, "\n");
}

sub stop {
	my ($name) = @_;
	my $d = delete $daemon{$name} or return;
	stop_process($d->{pid}, $d->{start}, 10);
	waitpid($d->{pid}, 0);
}

# The names of those that are running.
sub running {
	my @names = sort keys %daemon;
	return @names;
}

sub pid_of { return $daemon{$_[0]}{pid} }

# The CPU time in us that a process has used in all its threads, by the clock
# that clock_getcpuclockid(3) would name.
sub cpu_of {
	my ($pid) = @_;
	use integer;
	my $seconds = Time::HiRes::clock_gettime((~$pid << 3) | 2);
	no integer;
	die "process $pid has ended\n" if $seconds < 0;
	return $seconds * 1e6;
}

# Those that we may use.
sub cores {
	open(my $fh, '<', '/proc/self/status') or return;
	my ($list) = map { /^Cpus_allowed_list:\s*(\S+)/ } <$fh>;
	return map { /(\d+)-(\d+)/ ? $1 .. $2 : $_ } split(/,/, $list);
}

# Keeps a server on one core, or, without one, lets it go anywhere.
sub pin {
	my ($name, $core) = @_;
	run('taskset', '-apc', $core // join(',', cores()), pid_of($name));
}

sub clear_logs {
	truncate("$dir/$_.log", 0) for keys %daemon;
}

sub write_file {
	my ($path, $text) = @_;
	open(my $fh, '>', $path) or die "$path: $!\n";
	print $fh $text;
	close($fh) or die "$path: $!\n";
}

# Rounds: all sides take turns; medians, and the median of their ratios.

# take_turns(\@names, \%run): lets each side run once a round, another one being
# the first each time; the figures of each round, by name.
sub take_turns {
	my ($names, $run) = @_;
	my @order = @$names;
	my @rounds;
	for (1 .. $n_rounds) {
		push(@rounds, { map { $_ => $run->{$_}->() } @order });
		push(@order, shift(@order));
	}
	return @rounds;
}

# rounds(\&ours, \&theirs, key ...): { ours => { key => median },
# theirs => ..., ratio => { key => median of ours / theirs } }
sub rounds {
	my ($ours, $theirs, @keys) = @_;
	my @rounds = take_turns([ qw(theirs ours) ],
	    { ours => $ours, theirs => $theirs });
	my %result;
	for my $key (@keys) {
		for my $side (qw(ours theirs)) {
			$result{$side}{$key} =
			    median(map { $_->{$side}{$key} } @rounds);
		}
		$result{ratio}{$key} = median(map {
		    $_->{theirs}{$key} > 0 ?
		    $_->{ours}{$key} / $_->{theirs}{$key} : 0 } @rounds);
	}
	return \%result;
}

1;
