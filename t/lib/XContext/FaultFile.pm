# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::FaultFile: tells a daemon that runs with t/lib/fault.so preloaded
# what is to fail, and how often it has asked for what.
package XContext::FaultFile;

use strict;
use warnings;

use Errno ();

use XContext::File qw(spit);

use constant {
	HEAD => 'LlLLLL',	# kind, error, n, counted, fired, kinds
	HEAD_SIZE => 24,
	KIND => 'Z20L',		# name, counted
	KIND_SIZE => 24,
	ROOM => 4096,
};

# Makes the file; {env} is what the daemon needs in its environment.
sub new {
	my ($class, $library, $path) = @_;
	spit($path, "\0" x ROOM);
	open(my $fh, '+<', $path) or die "$path: $!\n";
	return bless({ fh => $fh, env => { LD_PRELOAD => $library,
	    XC_FAULT => $path } }, $class);
}

sub _at {
	my ($self, $at, $n) = @_;
	sysseek($self->{fh}, $at, 0);
	sysread($self->{fh}, my $bytes, $n);
	return $bytes;
}

# How many calls of each kind there were since the daemon was started first.
sub counts {
	my ($self) = @_;
	my $n = (unpack(HEAD, $self->_at(0, HEAD_SIZE)))[5];
	my @of = unpack('(' . KIND . ')*',
	    $self->_at(HEAD_SIZE, $n * KIND_SIZE));
	my %counts = @of;
	$self->{index} = { map { $of[2 * $_] => $_ } 0 .. $n - 1 };
	return \%counts;
}

# Lets the n-th call of a kind fail; "close/EINTR" is "close" with that error.
# 0: none does.
sub arm {
	my ($self, $what, $n) = @_;
	my ($kind, $error) = split(/\//, $what);
	$self->counts if !$self->{index};
	my $index = $self->{index}{$kind} // die "no such kind: $kind\n";
	my $errno = defined $error ? Errno->can($error)->() : 0;
	sysseek($self->{fh}, 0, 0);
	syswrite($self->{fh}, pack('LlLLL', $index, $errno, $n, 0, 0));
}

sub disarm {
	my ($self) = @_;
	sysseek($self->{fh}, 8, 0);
	syswrite($self->{fh}, pack('L', 0));
}

sub has_fired {
	my ($self) = @_;
	return (unpack(HEAD, $self->_at(0, HEAD_SIZE)))[4];
}

1;
