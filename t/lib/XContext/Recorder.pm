# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Recorder: shows what Postfix itself believes: a policy server that
# answers DUNNO (or what the test says) and writes each request down, and the
# C program beside it that does so for the milter protocol.
package XContext::Recorder;

use strict;
use warnings;

use IO::Select ();
use IO::Socket::UNIX ();
use POSIX ();
use Time::HiRes ();

use XContext::Guard qw(guard_child guard_forget guard_process process_gone
    process_start);

# Undoes the escapes of both recorders' files.
sub _unescape {
	my ($text) = @_;
	$text =~ s/\\x([0-9a-f]{2})/chr(hex($1))/ge;
	return $text;
}

sub _escape {
	my ($text) = @_;
	$text =~ s/([^ !-\[\]-~])/sprintf('\\x%02x', ord($1))/ge;
	return $text;
}

sub _wait_for_socket {
	my ($path, $pid) = @_;
	for (1 .. 500) {
		my $sock = IO::Socket::UNIX->new(Peer => $path);
		return if $sock;
		last if waitpid($pid, POSIX::WNOHANG()) == $pid;
		Time::HiRes::sleep(0.02);
	}
	die "nobody listens on $path\n";
}

sub _serve {
	my ($listener, $file, $answer) = @_;
	open(my $out, '>>', $file) or die "$file: $!\n";
	$out->autoflush(1);
	my $select = IO::Select->new($listener);
	my %buffer;
	while (1) {
		for my $sock ($select->can_read) {
			if ($sock == $listener) {
				my $new = $listener->accept or next;
				$select->add($new);
				$buffer{$new} = '';
				next;
			}
			if (!sysread($sock, $buffer{$sock}, 65536,
			    length($buffer{$sock}))) {
				$select->remove($sock);
				delete $buffer{$sock};
				close($sock);
				next;
			}
			while ($buffer{$sock} =~ s/^(.*?\n)\n//s) {
				my @pairs = split(/\n/, $1);
				syswrite($out, join("\t",
				    map { _escape($_) } @pairs) . "\n");
				syswrite($sock, "action=$answer\n\n");
			}
		}
	}
}

# policy(socket => PATH, file => PATH, answer => ACTION): starts one.
sub policy {
	my ($class, %opt) = @_;
	my $listener = IO::Socket::UNIX->new(Local => $opt{socket},
	    Listen => 100) or die "$opt{socket}: $!\n";
	chmod(0666, $opt{socket});
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		eval { _serve($listener, $opt{file}, $opt{answer} // 'DUNNO') };
		POSIX::_exit(1);
	}
	guard_process($pid);
	close($listener);
	return bless({ pid => $pid, start => process_start($pid),
	    file => $opt{file} }, $class);
}

# milter(program => PATH, socket => PATH, file => PATH): starts one.
sub milter {
	my ($class, %opt) = @_;
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDOUT, '>', "$opt{file}.out");
		open(STDERR, '>&', \*STDOUT);
		exec($opt{program}, $opt{socket}, $opt{file})
		    or POSIX::_exit(127);
	}
	guard_process($pid);
	_wait_for_socket($opt{socket}, $pid);
	chmod(0666, $opt{socket});
	return bless({ pid => $pid, start => process_start($pid),
	    file => $opt{file} }, $class);
}

# Everything recorded so far: one hash for each request or event.  That of a
# milter event has "event" (CONNECT, HELO, MAIL, RCPT, EOM, ABORT, CLOSE,
# UNKNOWN) and "session", a number for each milter connection.
sub all {
	my ($self) = @_;
	open(my $fh, '<', $self->{file}) or return;
	my @all;
	while (my $line = <$fh>) {
		chomp($line);
		push(@all, { map { my ($k, $v) = split(/=/, $_, 2);
		    ($k, _unescape($v // '')) } split(/\t/, $line) });
	}
	return @all;
}

# Those that fit: find(event => 'CONNECT', client_port => 25).
sub find {
	my ($self, %want) = @_;
	return grep {
		my $hash = $_;
		!grep { ($hash->{$_} // '') ne $want{$_} } keys %want;
	} $self->all;
}

# The last that fits, waiting for it some seconds; undef if none comes.
sub last {
	my ($self, %want) = @_;
	for (1 .. 250) {
		my @found = $self->find(%want);
		return $found[-1] if @found;
		Time::HiRes::sleep(0.02);
	}
	return undef;
}

sub forget {
	my ($self) = @_;
	truncate($self->{file}, 0);
}

# libmilter would take five seconds to stop in order, and there is nothing to
# lose.
sub stop {
	my ($self) = @_;
	kill('KILL', $self->{pid})
	    unless process_gone($self->{pid}, $self->{start});
	waitpid($self->{pid}, 0);
	guard_forget($self->{pid});
}

1;
