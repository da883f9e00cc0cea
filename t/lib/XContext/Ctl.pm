# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
package XContext::Ctl;

# The administrator's command, as it is called.
#
#	my $ctl = XContext::Ctl->new(conf => FILE);
#	my $got = $ctl->run(in => TEXT, 'may', '192.0.2.1');
#	$got->{status}, $got->{out}, $got->{err}
#	my $data = $ctl->json('sessions');	# dies if it is none
use strict;
use warnings;

use IPC::Open3 qw(open3);
use JSON::PP ();
use Symbol qw(gensym);

sub program {
	return $ENV{XC_CTL} // './xcontext';
}

# Why it cannot be run; undef if it can.
sub impossible {
	return -x program() ? undef : 'no ' . program();
}

sub new {
	my ($class, %opt) = @_;
	return bless({ %opt }, $class);
}

# What it reads is little enough to be written at once, and so is what it says.
sub run {
	my ($self, @args) = @_;
	my $in = '';
	(undef, $in, @args) = @args if @args && $args[0] eq 'in';
	my $err = gensym();
	local $SIG{PIPE} = 'IGNORE';
	my $pid = open3(my $to, my $from, $err, program(),
	    (defined $self->{conf} ? ('-c', $self->{conf}) : ()), @args);
	print $to $in;
	close($to);
	local $/;
	my $got = { out => scalar <$from>, err => scalar <$err> };
	waitpid($pid, 0);
	$got->{status} = $? >> 8;
	$got->{signal} = $? & 127;
	return $got;
}

sub json {
	my ($self, @args) = @_;
	my $got = $self->run(@args, '--json');
	return JSON::PP::decode_json($got->{out});
}

1;
