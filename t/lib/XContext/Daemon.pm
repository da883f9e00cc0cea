# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Daemon: one of our daemons in the foreground, its log in a file.
# Programs come from XC_POLICY, XC_MILTER and XC_RELAY (the Makefile sets them).
package XContext::Daemon;

use strict;
use warnings;

use IO::Select ();
use IO::Socket::INET ();
use IO::Socket::UNIX ();
use POSIX ();
use Time::HiRes ();

use XContext::Guard qw(guard_child guard_forget guard_process process_gone
    process_start stop_process);

my %program = (
	'xcontext-policy' => 'XC_POLICY',
	'xcontext-milter' => 'XC_MILTER',
	'xcontext-relay' => 'XC_RELAY',
);

sub program {
	my ($name) = @_;
	return $ENV{$program{$name}} // "./$name";
}

# Why the named ones, or else those of an MTA, cannot be run; undef if they can.
sub impossible {
	my (@names) = @_;
	@names = ('xcontext-milter', 'xcontext-policy') if !@names;
	for my $name (@names) {
		return 'no ' . program($name) if !-x program($name);
	}
	return undef;
}

# new(name => NAME, conf => FILE, log => FILE, sockets => [ PATH, ... ]).
# {env} is added to its environment.
sub new {
	my ($class, %opt) = @_;
	return bless({ %opt, tail => 0 }, $class);
}

# Starts it and waits until it serves.  Dies with its log if it does not,
# unless may_fail => 1: then returns its exit status.
sub start {
	my ($self, %opt) = @_;
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDIN, '<', '/dev/null');
		open(STDERR, '>>', $self->{log});
		open(STDOUT, '>&', \*STDERR);
		%ENV = (%ENV, %{$self->{env} // {}});
		exec(program($self->{name}), '-f', '-c', $self->{conf},
		    @{$opt{arguments} // []})
		    or POSIX::_exit(127);
	}
	guard_process($pid);
	$self->{pid} = $pid;
	$self->{start} = process_start($pid);
	for (1 .. 1000) {
		return 0 if $self->is_serving;
		if (waitpid($pid, POSIX::WNOHANG()) == $pid) {
			$self->{status} = $?;
			guard_forget($pid);
			delete $self->{pid};
			return $? if $opt{may_fail};
			die "$self->{name} does not start:\n",
			    $self->log_text;
		}
		Time::HiRes::sleep(0.02);
	}
	die "$self->{name} does not serve:\n", $self->log_text;
}

# True when each of its sockets answers.
sub is_serving {
	my ($self) = @_;
	return !grep { !_answers($_) } @{$self->{sockets}};
}

# A socket is a path, or "address:port".
sub _answers {
	my ($where) = @_;
	my $sock = $where =~ m{^/} ?
	    -S $where && IO::Socket::UNIX->new(Peer => $where) :
	    IO::Socket::INET->new(PeerAddr => $where);
	return 0 if !$sock;
	close($sock);
	return 1;
}

sub pid { return $_[0]{pid} }
sub is_running { return defined $_[0]{pid} &&
    !process_gone($_[0]{pid}, $_[0]{start}) }

# Once this returns, what was to be stopped (STOP) does nothing any more.
sub signal {
	my ($self, $name) = @_;
	return if !$self->is_running;
	kill($name, $self->{pid});
	return if $name ne 'STOP';
	Time::HiRes::sleep(0.001) while grep { !_is_stopped($_) }
	    glob("/proc/$self->{pid}/task/*/stat");
}

# Each thread takes note of the signal by itself.  One that has ended does
# nothing, either.
sub _is_stopped {
	my ($stat) = @_;
	open(my $fh, '<', $stat) or return 1;
	return (<$fh> // ') T') =~ /\) [TtXZ]/;
}

# SIGTERM; returns the wait status.  It must end within that many seconds.
sub stop {
	my ($self, $seconds) = @_;
	return $self->{status} if !defined $self->{pid};
	stop_process($self->{pid}, $self->{start}, $seconds // 15);
	return $self->_reap;
}

# SIGKILL: as a crash would.
sub kill {
	my ($self) = @_;
	CORE::kill('KILL', $self->{pid}) if $self->is_running;
	$self->_reap;
	$self->{was_killed} = 1;
}

sub _reap {
	my ($self) = @_;
	waitpid($self->{pid}, 0);
	$self->{status} = $?;
	guard_forget($self->{pid});
	delete $self->{pid};
	return $self->{status};
}

sub log_text {
	my ($self) = @_;
	open(my $fh, '<', $self->{log}) or return '';
	local $/;
	return <$fh> // '';
}

sub log_lines { return split(/\n/, $_[0]->log_text) }

# What is served at that address, or nothing, if nobody answers there.
sub metrics {
	my ($self, $address) = @_;
	my $sock = IO::Socket::INET->new(PeerAddr => $address, Timeout => 5)
	    or return '';
	print $sock "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
	my $text = '';
	while (IO::Select->new($sock)->can_read(10)) {
		sysread($sock, $text, 65536, length($text)) or last;
	}
	return $text;
}

# A line as a hash: session, event, peer, client, ...; "raw" is the line.
sub parse_line {
	my ($line) = @_;
	my %pair = (raw => $line);
	while ($line =~ /\G\s*([A-Za-z_][\w.]*)=("(?:[^"\\]|\\.)*"|\S*)/gc) {
		my ($key, $value) = ($1, $2);
		if ($value =~ s/^"(.*)"$/$1/s) {
			$value =~ s/\\x([0-9A-F]{2})|\\(.)/
			    defined $1 ? chr(hex($1)) : $2/ge;
		}
		$pair{$key} //= $value;
	}
	return \%pair;
}

# Log lines that fit: events(event => 'refuse', attribute => 'LOGIN').
sub events {
	my ($self, %want) = @_;
	return grep {
		my $line = $_;
		!grep { ($line->{$_} // '') ne $want{$_} } keys %want;
	} map { parse_line($_) } $self->log_lines;
}

# The last of these, waiting up to 5 seconds; undef if there is none.
sub event {
	my ($self, %want) = @_;
	for (1 .. 250) {
		my @found = $self->events(%want);
		return $found[-1] if @found;
		Time::HiRes::sleep(0.02);
	}
	return undef;
}

# What the log holds that nobody wants to see: sanitizers' reports, and lines
# at warning or above but those that fit one of these patterns.
sub complaints {
	my ($self, @expected) = @_;
	return grep {
		my $line = $_;
		($line =~ /\blevel=(?:warning|error)\b/ &&
		!grep { $line =~ $_ } @expected) ||
		$line =~ /Sanitizer|runtime error:|^==\d+==|Assertion/;
	} $self->log_lines;
}

1;
