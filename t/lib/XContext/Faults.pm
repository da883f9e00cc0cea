# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Faults: lets each system call and each allocation of daemons fail
# once (t/lib/fault.c), while sessions of certain roles send mail; and tests
# that none of that mail comes in under a refused or another's identity, that no
# daemon ends, and that the service is back behind each fault.
#
# There are thousands; by default so many are tried, of each kind, as fit into
# XC_FAULT_SECONDS (20).  XC_FAULT_SECONDS=all tries all, and also those while
# the daemons start, who may then end, but not by a signal.  XC_FAULT_KINDS
# chooses kinds.
package XContext::Faults;

use strict;
use warnings;

use Test::More ();
use Time::HiRes ();

use XContext::File qw(spit);
use XContext::Guard qw(guard_dir);

my @kinds = split(/ /, $ENV{XC_FAULT_KINDS} // 'accept calloc connect ' .
    'epoll_ctl fallocate fcntl fstat ftruncate getpeername getsockname ' .
    'getsockopt malloc mmap open openat poll pread pwrite read realloc recv ' .
    'send sendmsg socket stat write');
my $seconds = $ENV{XC_FAULT_SECONDS} // 20;
my $library = $ENV{XC_FAULT_LIBRARY} // './t/lib/fault.so';

# Why none can be made here; undef if they can.
sub impossible {
	return "no $library" if !-r $library;
	return 'a sanitizer has its own allocations'
	    if ($ENV{XC_SANITIZE} // 'no') ne 'no';
	return;
}

# What a test needs at most.
sub time_needed { return $seconds eq 'all' ? 7200 : $seconds + 240 }

# All are needed:
#	daemons	each an XContext::Daemon, not started yet
#	roles	each a hash: name, as (whom its mail is accepted as, "": it
#		is not), command (an X command that is to be accepted with 220,
#		or, as "", is not; undef: none), and what connect and seen want
#	connect	sub { my ($role) = @_; }: an XContext::Smtp
#	seen	sub { my ($sender, $role) = @_; }: whom that one's mail was
#		accepted as
#	forget	sub {}: what was seen is of no use any more
sub new {
	my ($class, %opt) = @_;
	my $self = bless({ %opt, n_mails => 0, n_faults => 0, led_to => {},
	    open => [], ended => [], lost => [] }, $class);
	# What the library maps: kind, n, counted, fired.
	for my $daemon (@{$self->{daemons}}) {
		my $file = $self->{file}{$daemon->{name}} =
		    guard_dir() . "/$daemon->{name}.fault";
		spit($file, pack('a16LLL', '', 0, 0, 0));
		$daemon->{env} = { LD_PRELOAD => $library, XC_FAULT => $file };
	}
	return $self;
}

sub _control {
	my ($self, $daemon, $kind, $n) = @_;
	open(my $fh, '+<', $self->{file}{$daemon->{name}})
	    or die "control: $!\n";
	syswrite($fh, pack('a16LLL', $kind, $n, 0, 0));
}

sub _outcome {
	my ($self, $daemon) = @_;
	open(my $fh, '<', $self->{file}{$daemon->{name}})
	    or die "control: $!\n";
	sysread($fh, my $bytes, 28);
	return (unpack('a16LLL', $bytes))[2, 3];	# counted, fired
}

# One session of a role: what came of it, and what is wrong with that.
sub session {
	my ($self, $role) = @_;
	my $sender = sprintf('s%d@example.org', ++$self->{n_mails});
	my ($reply, $said) = (undef, 250);
	eval {
		my $smtp = $self->{connect}->($role);
		$reply = $smtp->cmd('EHLO there.example.org');
		$said = ($reply = $smtp->cmd($role->{command}))->code
		    if $reply->code == 250 && defined $role->{command};
		$smtp->cmd('EHLO client.example.org') if $said == 220;
		$reply = $smtp->mail(from => $sender, subject => $sender)
		    if $reply->code != 421;
		$smtp->close;
		1;
	} or return ('closed', undef);
	my $code = $reply->code || 0;
	return ('closed', undef) if $code == 0;
	return (substr($code, 0, 1) . 'xx', undef) if $code != 250;
	my $as = $self->{seen}->($sender, $role);
	return ('accepted', "$role->{name}: mail was accepted as \"$as\"")
	    if $as ne $role->{as} || (defined $role->{command} &&
	    $said != 220);
	return ('accepted', undef);
}

sub _want { return $_[0]{as} eq '' ? qr/^[45]xx$/ : qr/^accepted$/ }

sub is_well {
	my ($self) = @_;
	# Postfix, and a listener without descriptors, wait a little.
	my $until = Time::HiRes::time() + 15;
	while (Time::HiRes::time() < $until) {
		return 1 if !grep { ($self->session($_))[0] !~ _want($_) }
		    @{$self->{roles}};
		Time::HiRes::sleep(0.1);
	}
	return 0;
}

# Lets one fail.
sub _try {
	my ($self, $daemon, $kind, $n) = @_;
	$self->{forget}->();
	$self->_control($daemon, $kind, $n);
	my (@wrong, $is_other);
	for my $role (@{$self->{roles}}) {
		my ($how, $why) = $self->session($role);
		push(@wrong, $why) if defined $why;
		$is_other = $how if $how !~ _want($role);
	}
	my ($counted, $fired) = $self->_outcome($daemon);
	$self->_control($daemon, '', 0);
	my $what = "$daemon->{name}: $kind $n";
	push(@{$self->{open}}, map { "$what: $_" } @wrong);
	if (!$daemon->is_running) {
		my $status = $daemon->stop;
		push(@{$self->{ended}},
		    sprintf('%s: wait status %#x', $what, $status));
		$daemon->start;
	}
	if (($is_other || @wrong) && !$self->is_well) {
		push(@{$self->{lost}}, $what);
		$daemon->stop;
		$daemon->start;
	}
	return if !$fired;
	$self->{n_faults}++;
	$self->{led_to}{@wrong ? 'fail-open' : $is_other //
	    'no difference'}++;
}

# The same while a daemon starts; false: there was no such call any more.
sub _try_start {
	my ($self, $daemon, $kind, $n) = @_;
	$daemon->stop;
	$self->_control($daemon, $kind, $n);
	$daemon->start(may_fail => 1);
	my @wrong = grep { defined } map { ($self->session($_))[1] }
	    @{$self->{roles}};
	my ($counted, $fired) = $self->_outcome($daemon);
	$self->_control($daemon, '', 0);
	my $what = "$daemon->{name} starts: $kind $n";
	push(@{$self->{open}}, map { "$what: $_" } @wrong);
	my $was_running = $daemon->is_running;
	my $status = $daemon->stop;
	push(@{$self->{ended}}, sprintf('%s: wait status %#x', $what, $status))
	    if $status & 127;
	$daemon->start;
	push(@{$self->{lost}}, $what) if !$self->is_well;
	return 0 if !$fired;
	$self->{n_faults}++;
	$self->{led_to}{@wrong ? 'fail-open' : $was_running ?
	    'a start as ever' : 'no start'}++;
	return 1;
}

# How many calls of each kind there are in one round: [ daemon, kind, 1, ... ].
sub _places {
	my ($self) = @_;
	my @places;
	for my $daemon (@{$self->{daemons}}) {
		for my $kind (@kinds) {
			$self->_control($daemon, $kind, 0xffffffff);
			$self->session($_) for @{$self->{roles}};
			my ($counted) = $self->_outcome($daemon);
			$self->_control($daemon, '', 0);
			Test::More::note("$daemon->{name}: $counted calls " .
			    "of $kind");
			# In another order than that of time, so that what is
			# left out is not the end.
			push(@places, [ $daemon, $kind, 1,
			    sort { rand() <=> 0.5 } 2 .. $counted ])
			    if $counted;
		}
	}
	return @places;
}

# The whole test; the daemons are running.
sub run {
	my ($self) = @_;
	Test::More::ok($self->is_well, 'without a fault all is as it should be')
	    or Test::More::diag(map { $_->log_text } @{$self->{daemons}});
	srand(1);
	my @left = $self->_places;
	# In turns, so that no kind is left out.
	my $end = Time::HiRes::time() + ($seconds eq 'all' ? 7000 : $seconds);
	while (@left && @{$self->{lost}} < 3 && Time::HiRes::time() < $end) {
		my ($daemon, $kind, $n, @more) = @{shift(@left)};
		$self->_try($daemon, $kind, $n);
		push(@left, [ $daemon, $kind, @more ]) if @more;
	}
	my $n_left = 0;
	$n_left += @$_ - 2 for @left;
	$self->_run_starts if $seconds eq 'all';
	Test::More::diag("$self->{n_faults} faults, $n_left left out; led " .
	    'to: ' . join(', ', map { "$_ $self->{led_to}{$_}" }
	    sort keys %{$self->{led_to}}));
	Test::More::cmp_ok($self->{n_faults}, '>', 20, 'faults were tried');
	Test::More::is(join("\n", @{$self->{open}}), '', 'fail-open: none');
	Test::More::is(join("\n", @{$self->{ended}}), '', 'no daemon ended');
	Test::More::is(join("\n", @{$self->{lost}}), '',
	    'the service was back each time');
}

sub _run_starts {
	my ($self) = @_;
	for my $daemon (@{$self->{daemons}}) {
		for my $kind (@kinds) {
			my $n = 1;
			# Memory: every so often, or it takes hours.
			$n += $kind =~ /alloc$/ ? 1 + int($n / 8) : 1
			    while $self->_try_start($daemon, $kind, $n);
		}
	}
}

1;
