# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Scene: next hops that are written as code, and scenes that are
# played at the same time, because most of them wait for something.
#
#	my $port = hop($address, sub {
#		my ($hop) = @_;
#		$hop->say('220 hop');
#		$hop->greeted;			# EHLO
#		$hop->expect('MAIL');
#		sleep(100);
#	});
#	my %result = play('a name' => sub { ...; return [ 1, 'text' ] }, ...);
package XContext::Scene;

use strict;
use warnings;

use Exporter 'import';
use IO::Socket::INET ();
use POSIX ();
use Storable ();
use Time::HiRes ();

use XContext::Guard qw(guard_child guard_dir guard_group guard_process);
use XContext::Postfix ();

our @EXPORT_OK = qw(hop play);

# Listens, and runs the code with each connection, in a process of its own.
# Returns the port.
sub hop {
	my ($address, $code) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => $address,
	    LocalPort => 0, Listen => 512) or die "next hop: $@\n";
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		@SIG{qw(ALRM CHLD PIPE)} = qw(DEFAULT IGNORE IGNORE);
		# With the processes that serve the connections it is a group
		# that works here, and ends together.
		setpgrp(0, 0);
		chdir(guard_dir());
		while (1) {
			my $sock = $listener->accept or next;
			my $child = fork() // next;
			next if $child;
			close($listener);
			alarm(120);	# nothing needs longer
			eval { $code->(bless({ sock => $sock, in => '' },
			    __PACKAGE__)) };
			print STDERR "# next hop: $@" if $@ && $@ ne "over\n";
			POSIX::_exit(0);
		}
	}
	setpgrp($pid, $pid);
	guard_group($pid);
	return $listener->sockport;
}

# Runs all at the same time; returns what each has returned, by its name.
sub play {
	my %scene = @_;
	my (%from, %result);
	for my $name (sort keys %scene) {
		pipe($from{$name}, my $out) or die "pipe: $!\n";
		my $pid = fork() // die "fork: $!\n";
		if ($pid == 0) {
			guard_child();
			$SIG{ALRM} = 'DEFAULT';
			alarm(120);
			my $got = eval { $scene{$name}->() };
			$got = [ "failed: $@" ] if $@;
			print $out Storable::freeze($got);
			close($out);
			POSIX::_exit(0);
		}
		guard_process($pid);
	}
	for my $name (sort keys %from) {
		my $text = do { local $/; readline($from{$name}) };
		$result{$name} = defined $text && $text ne '' ?
		    Storable::thaw($text) : [ 'nothing' ];
	}
	1 while waitpid(-1, POSIX::WNOHANG()) > 0;
	return %result;
}

#
# What a next hop can do.  Each ends it ("over") when the other side is gone.
#
sub sock { return $_[0]{sock} }

sub say {
	my ($self, @lines) = @_;
	$self->raw(join('', map { "$_\r\n" } @lines));
}

sub raw {
	my ($self, $bytes) = @_;
	defined syswrite($self->{sock}, $bytes) or die "over\n";
}

# One byte after the other, each after that many seconds.
sub slowly {
	my ($self, $seconds, $text) = @_;
	for my $byte (split(//, "$text\r\n")) {
		Time::HiRes::sleep($seconds);
		$self->raw($byte);
	}
}

sub line {
	my ($self) = @_;
	my $at;
	while (($at = index($self->{in}, "\n")) < 0) {
		sysread($self->{sock}, $self->{in}, 65536,
		    length($self->{in})) or die "over\n";
	}
	my $line = substr($self->{in}, 0, $at + 1, '');
	$line =~ s/\r?\n\z//;
	return $line;
}

# The next command, which has to begin so; other usual ones are answered.
sub expect {
	my ($self, $verb) = @_;
	while (1) {
		my $line = $self->line;
		return $line if $line =~ /^$verb\b/;
		$self->octets($1) if $line =~ /^BDAT (\d+)/;
		$self->say($line =~ /^(?:EHLO|HELO)/ ? ('250-hop',
		    '250-PIPELINING', '250 CHUNKING') :
		    $line =~ /^DATA/ ? '354 go ahead' :
		    $line =~ /^QUIT/ ? '221 bye' : '250 2.0.0 Ok');
		die "over\n" if $line =~ /^QUIT/;
	}
}

# Says the greeting and what it offers; XCLIENT with these attributes, if any.
sub greeted {
	my ($self, $xclient) = @_;
	$self->say('220 hop');
	$self->expect('EHLO');
	$self->say('250-hop', '250-PIPELINING', defined $xclient ?
	    "250-XCLIENT$xclient" : (), '250 CHUNKING');
}

# Reads a message to its end; its length.
sub content {
	my ($self) = @_;
	my $some = "\r\n$self->{in}";	# DATA's own line end counts
	my ($n, $at) = (-2);
	while (($at = index($some, "\r\n.\r\n")) < 0) {
		# What may be a part of the end.
		my $keep = length($some) < 4 ? length($some) : 4;
		$n += length($some) - $keep;
		$some = substr($some, -$keep);
		sysread($self->{sock}, $some, 1 << 20, $keep)
		    or die "over\n";
	}
	$self->{in} = substr($some, $at + 5);
	return $n + $at + 2;
}

# Takes that many octets.
sub octets {
	my ($self, $n) = @_;
	while (length($self->{in}) < $n) {
		sysread($self->{sock}, $self->{in}, 65536,
		    length($self->{in})) or die "over\n";
	}
	return substr($self->{in}, 0, $n, '');
}

sub swallow {
	my ($self, $n) = @_;
	my $left = $n - length(substr($self->{in}, 0, $n, ''));
	while ($left > 0) {
		$left -= sysread($self->{sock}, my $some, $left < 1 << 20 ?
		    $left : 1 << 20) || die "over\n";
	}
	return $n;
}

# All that comes, until the other side has gone.
sub drain {
	my ($self) = @_;
	my $all = $self->{in};
	1 while sysread($self->{sock}, $all, 65536, length($all));
	return $all;
}

# An ordinary server from here on.
sub serve {
	my ($self) = @_;
	while (1) {
		my $line = $self->expect('DATA|BDAT');
		$self->say('354 go ahead') if $line eq 'DATA';
		my $n = $line =~ /^BDAT (\d+)/ ? $self->swallow($1) :
		    $self->content;
		$self->say("250 2.0.0 Ok: queued $n");
	}
}

# Says no more, but listens on.
sub half_close { shutdown($_[0]{sock}, 1) }
sub close { CORE::close($_[0]{sock}) }

1;
