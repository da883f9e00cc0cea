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

use XContext::File qw(spit);

sub program {
	return $ENV{XC_CTL} // './xcontext';
}

# Why it cannot be run; undef if it can.
sub impossible {
	return -x program() ? undef : 'no ' . program();
}

# Makes a program at $path, for XC_CTL, that is ours on a host where there is no
# program of that name.  The caller has seen that unshare -m works.
sub without {
	my ($path, $name) = @_;
	my @files = grep { -x } map { "$_/$name" } split(/:/,
	    "$ENV{PATH}:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin");
	spit($path, "#!/bin/sh\nexec unshare -m sh -c '" .
	    join('', map { "mount --bind /dev/null $_ || exit 99; " } @files) .
	    'exec "$0" "$@"\' \'' . program() . "' \"\$\@\"\n");
	chmod(0755, $path);
	return $path;
}

sub new {
	my ($class, %opt) = @_;
	return bless({ %opt }, $class);
}

my $n_runs = 0;

# To look for leaks takes longer than all else that it does, and what leaks in a
# program that ends does little harm: every tenth run is looked at.
sub _sanitizer_options {
	my $options = $ENV{ASAN_OPTIONS} // '';
	return $n_runs++ % 10 == 0 ? $options : "$options:detect_leaks=0";
}

# What it reads is little enough to be written at once, and so is what it says.
sub run {
	my ($self, @args) = @_;
	local $ENV{ASAN_OPTIONS} = _sanitizer_options();
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
