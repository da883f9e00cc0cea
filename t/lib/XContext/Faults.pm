# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Faults: lets each system call, each allocation, each question to the
# store and to tables of daemons fail once (t/lib/fault.c), while sessions of
# certain roles send mail; and tests that none of that mail comes in under a
# refused or another's identity, that no daemon ends, and that the service is
# back behind each fault.
#
# A first round without a fault tells how many there are: how often each daemon
# calls what in each role's session.  Then one session has a fault, and the next
# one has none, so that what a fault leaves behind is seen as well.
#
# There are thousands; by default so many are tried, of each kind and each
# role, as fit into XC_FAULT_SECONDS (20).  XC_FAULT_SEED makes another choice.
# XC_FAULT_SECONDS=all tries all, and also those while the daemons start, who
# may then end, but not by a signal of ours.  XC_FAULT_KINDS chooses kinds, and
# XC_FAULT_DAEMONS daemons.
package XContext::Faults;

use strict;
use warnings;

use List::Util ();
use Test::More ();
use Time::HiRes ();

use XContext::FaultFile ();
use XContext::Guard qw(guard_dir);

# Others than the usual error of a kind; but none that tells the truth of a peer
# that has gone.
my %errors = (accept => [ 'ECONNABORTED' ], close => [ 'EINTR' ],
    connect => [ 'EAGAIN' ], fcntl => [ 'EINTR' ], flock => [ 'EINTR' ],
    mdb_txn_begin => [ 'ENOMEM' ], mdb_txn_commit => [ 'ENOSPC' ],
    open => [ 'EACCES' ], openat => [ 'EACCES' ], poll => [ 'EINTR' ],
    read => [ 'EINTR' ], readv => [ 'EINTR' ],
    recv => [ 'EINTR' ], send => [ 'EINTR' ],
    stat => [ 'ENOMEM' ], write => [ 'EINTR' ]);

my $seconds = $ENV{XC_FAULT_SECONDS} // 20;
my $is_all = $seconds eq 'all';
my $seed = $ENV{XC_FAULT_SEED} // 1;
my %only_kinds = map { $_ => 1 } split(/ /, $ENV{XC_FAULT_KINDS} // '');
my %only_daemons = map { $_ => 1 } split(/ /, $ENV{XC_FAULT_DAEMONS} // '');
my $library = $ENV{XC_FAULT_LIBRARY} // './t/lib/fault.so';

# Why none can be made here; undef if they can.
sub impossible {
	return "no $library" if !-r $library;
	return 'with a sanitizer, its calls stand in front of those that ' .
	    'are to fail: its own malloc never asks ours, and what it ' .
	    'allocates for itself must not fail'
	    if ($ENV{XC_SANITIZE} // 'no') ne 'no';
	return;
}

# What a test needs at most.
sub time_needed { return $is_all ? 14400 : $seconds + 240 }

# All are needed:
#	daemons	each an XContext::Daemon, not started yet
#	roles	each a hash: name, as (whom its mail is accepted as, "": it
#		is not), command (an X command), code (what it is told, 220;
#		where no mail is accepted, anything), and what connect and
#		seen want.  The first whose mail is accepted needs all of the
#		service
#	connect	sub { my ($role) = @_; }: an XContext::Smtp
#	seen	sub { my ($sender, $role) = @_; }: whom that one's mail was
#		accepted as
#	forget	sub {}: what was seen is of no use any more
sub new {
	my ($class, %opt) = @_;
	my $self = bless({ %opt, n_mails => 0, n_faults => 0, n_silent => 0,
	    led_to => {}, open => [], ended => [], lost => [] }, $class);
	for my $daemon (@{$self->{daemons}}) {
		my $file = XContext::FaultFile->new($library,
		    guard_dir() . "/$daemon->{name}.fault");
		$self->{file}{$daemon->{name}} = $file;
		$daemon->{env} = $file->{env};
	}
	return $self;
}

# One session of a role: what came of it, and what is wrong with that.
sub session {
	my ($self, $role) = @_;
	my $sender = sprintf('s%d@example.org', ++$self->{n_mails});
	my ($reply, $said) = (undef, '');
	$self->{forget}->();
	eval {
		my $smtp = $self->{connect}->($role);
		$reply = $smtp->greeting;
		$reply = $smtp->cmd('EHLO there.example.org')
		    if $reply->code == 220;
		$said = ($reply = $smtp->cmd($role->{command}))->code
		    if $reply->code == 250 && defined $role->{command};
		$smtp->cmd('EHLO client.example.org') if $said eq '220';
		$reply = $smtp->mail(from => $sender, subject => $sender)
		    if $reply->code && $reply->code != 421;
		$smtp->close;
		1;
	} or return ('closed', undef);
	my $code = $reply->code || 0;
	return ('closed', undef) if $code == 0;
	return (substr($code, 0, 1) . 'xx', undef) if $code != 250;
	my $as = $self->{seen}->($sender, $role);
	return ('accepted', "$role->{name}: mail was accepted as \"$as\", " .
	    "though $role->{command} was told $said")
	    if defined $role->{command} && $said ne ($role->{code} // 220);
	return ('accepted', "$role->{name}: mail was accepted as \"$as\"")
	    if $role->{as} eq '' || $as ne $role->{as};
	return ('accepted', undef);
}

sub _is_expected {
	my ($role, $how) = @_;
	return $role->{as} eq '' ? $how =~ /^[45]xx$/ : $how eq 'accepted';
}

# Whether each of these roles is served as it should be, within some seconds.
sub is_well {
	my ($self, @roles) = @_;
	@roles = @{$self->{roles}} if !@roles;
	# Postfix, and a listener without descriptors, wait a little.
	my $until = Time::HiRes::time() + 15;
	while (Time::HiRes::time() < $until) {
		return 1 if !grep { !_is_expected($_, ($self->session($_))[0])
		    } @roles;
		Time::HiRes::sleep(0.1);
	}
	return 0;
}

#
# What there is to fail
#
sub _delta {
	my ($before, $after) = @_;
	my %n = map { $_ => $after->{$_} - ($before->{$_} // 0) }
	    grep { !%only_kinds || $only_kinds{$_} } keys %$after;
	return \%n;
}

# Each kind as often as it has errors.
sub _with_errors {
	my ($kind) = @_;
	return $kind, map { "$kind/$_" } @{$errors{$kind} // []};
}

# For each role, in turns of daemons and kinds, so that none is left out:
# [ daemon, what, n ], ...
sub _places {
	my ($self) = @_;
	my %n;
	my @of = map { [] } @{$self->{roles}};
	for my $role (0 .. $#{$self->{roles}}) {
		my @before = map { $self->{file}{$_->{name}}->counts }
		    @{$self->{daemons}};
		$self->session($self->{roles}[$role]);
		my @lists;
		for my $i (0 .. $#before) {
			my $daemon = $self->{daemons}[$i];
			my $n = _delta($before[$i],
			    $self->{file}{$daemon->{name}}->counts);
			next if %only_daemons && !$only_daemons{$daemon->{name}};
			for my $kind (sort grep { $n->{$_} } keys %$n) {
				$n{$daemon->{name}}{$kind} += $n->{$kind};
				push(@lists, map { my $what = $_;
				    [ map { [ $daemon, $what, $_ ] }
				    List::Util::shuffle(1 .. $n->{$kind}) ] }
				    _with_errors($kind));
			}
		}
		@lists = List::Util::shuffle(@lists);
		while (@lists) {
			push(@{$of[$role]}, map { shift(@$_) } @lists);
			@lists = grep { @$_ } @lists;
		}
	}
	$self->_print_places(\%n);
	return @of;
}

sub _print_places {
	my ($self, $n) = @_;
	for my $name (sort keys %$n) {
		my $all = List::Util::sum(0, map { $n->{$name}{$_} *
		    (1 + @{$errors{$_} // []}) } keys %{$n->{$name}});
		Test::More::diag("$name: $all faults in " .
		    @{$self->{roles}} . ' sessions: ' . join(', ',
		    map { "$_ $n->{$name}{$_}" . ('+' x
		    @{$errors{$_} // []}) } sort keys %{$n->{$name}}));
	}
}

#
# One fault
#
sub _record {
	my ($self, $role, $how) = @_;
	my $class = $role->{as} eq '' ? 'refusal expected' : 'permit expected';
	$self->{n_faults}++;
	$self->{led_to}{$class}{$how}++;
}

# A daemon that has ended is started again.
sub _look_after {
	my ($self, $what) = @_;
	for my $daemon (grep { !$_->is_running } @{$self->{daemons}}) {
		my $status = $daemon->_reap;
		push(@{$self->{ended}}, sprintf('%s: %s ended, wait status %#x',
		    $what, $daemon->{name}, $status));
		$daemon->start;
	}
}

# The probe is the first role that has mail accepted; if it fails, all are
# waited for.
sub _wait_for_service {
	my ($self, $what) = @_;
	my ($probe) = grep { $_->{as} ne '' } @{$self->{roles}};
	return if ($self->session($probe))[0] eq 'accepted';
	return if $self->is_well;
	push(@{$self->{lost}}, $what);
	for my $daemon (@{$self->{daemons}}) {
		$daemon->kill;
		$daemon->start;
	}
}

# Lets one fail in a role's session, and plays the next one's without.
sub _try {
	my ($self, $role, $next, $place) = @_;
	my ($daemon, $kind, $n) = @$place;
	my $file = $self->{file}{$daemon->{name}};
	my $what = "$daemon->{name}: $kind $n, $role->{name}";
	$file->arm($kind, $n);
	my ($how, $why) = $self->session($role);
	$self->_look_after($what);
	my ($how_next, $why_next) = $self->session($next);
	$self->_look_after($what);
	my $fired = $file->has_fired;
	$file->disarm;
	push(@{$self->{open}}, map { "$what: $_" }
	    grep { defined } $why, $why_next);
	$self->_wait_for_service($what) if !_is_expected($role, $how) ||
	    !_is_expected($next, $how_next);
	return $self->{n_silent}++ if !$fired;
	$self->_record($role, defined $why || defined $why_next ?
	    'fail-open' : _is_expected($next, $how_next) ? $how :
	    "$how and the next $how_next");
}

#
# A daemon's start
#
# Its log says when it serves, and is to be short.
sub _end {
	my ($daemon) = @_;
	$daemon->kill if $daemon->is_running;
	truncate($daemon->{log}, 0);
	$daemon->{n_starts} = 0;
}

# Libraries that do not survive it if they have no memory for what they read, or
# look up in passwd(5), when a daemon starts.
sub is_no_fault_of_ours {
	my ($said) = @_;
	return $said =~ /^fault: \w+ \d+ in \S*\blibconfuse\./m ||
	    $said =~ /^fault: malloc \d+ in \S*\blibc\./m;
}

# It may refuse to start, but not by a signal.
sub _try_start {
	my ($self, $daemon, $kind, $n) = @_;
	my $file = $self->{file}{$daemon->{name}};
	my $what = "$daemon->{name} starts: $kind $n";
	_end($daemon);
	$file->arm($kind, $n);
	# One whose log says nothing may serve nevertheless.
	my $status = eval { $daemon->start(may_fail => 1) } // 0;
	my $fired = $file->has_fired;
	my @wrong = !$fired || !$daemon->is_running ? () : grep { defined } map {
	    ($self->session($_))[1] } @{$self->{roles}};
	$file->disarm;
	# Its sockets answer before it knows whether it can serve.
	my $was_running = $daemon->is_running;
	if (!$was_running) {
		@wrong = ();
		$status = $daemon->_reap if defined $daemon->{pid};
	}
	push(@{$self->{open}}, map { "$what: $_" } @wrong);
	push(@{$self->{ended}}, sprintf('%s: wait status %#x', $what, $status))
	    if $status & 127 && !is_no_fault_of_ours($daemon->log_text);
	push(@{$self->{lost}}, $what)
	    if $fired && $was_running && !$self->is_well;
	if (!$was_running) {
		_end($daemon);
		$daemon->start;
	}
	return if !$fired;
	$self->{n_faults}++;
	$self->{led_to}{'at start'}{@wrong ? 'fail-open' : $was_running ?
	    'served' : $status & 127 ? 'ended in a library' : 'no start'}++;
}

# Of memory, and what else there is by the hundred, every so often, or it takes
# hours.
sub _starts {
	my ($self, $daemon) = @_;
	my $file = $self->{file}{$daemon->{name}};
	_end($daemon);
	my $before = $file->counts;
	$daemon->start;
	my $n = _delta($before, $file->counts);
	for my $kind (sort grep { $n->{$_} } keys %$n) {
		my $step = $n->{$kind} > 60 ? $n->{$kind} / 60 : 1;
		for my $what (_with_errors($kind)) {
			for (my $at = 1; $at <= $n->{$kind}; $at += $step) {
				$self->_try_start($daemon, $what, int($at));
				return if @{$self->{lost}} > 3;
			}
		}
	}
}

#
# The whole test; the daemons are running.
#
sub run {
	my ($self) = @_;
	Test::More::ok($self->is_well, 'without a fault all is as it should be')
	    or Test::More::diag(map { $_->log_text } @{$self->{daemons}});
	Test::More::diag("XC_FAULT_SEED=$seed");
	srand($seed);
	my $n_left = $self->_rounds($self->_places);
	$self->_print($n_left);
	if ($is_all) {
		$self->_starts($_) for grep { !%only_daemons ||
		    $only_daemons{$_->{name}} } @{$self->{daemons}};
		$self->_print($n_left);
	}
	Test::More::cmp_ok($self->{n_faults}, '>', 20, 'faults were tried');
	Test::More::is(join("\n", @{$self->{open}}), '', 'fail-open: none');
	Test::More::is(join("\n", @{$self->{ended}}), '', 'no daemon ended');
	Test::More::is(join("\n", @{$self->{lost}}), '',
	    'the service was back each time');
}

# Roles in turns; every other session has a fault, in one round these, in the
# next those.  Returns how many are left.
sub _rounds {
	my ($self, @left) = @_;
	my $roles = $self->{roles};
	my $end = Time::HiRes::time() + ($is_all ? 14000 : $seconds);
	for (my $turn = 0; grep { @$_ } @left; $turn++) {
		for (my $at = $turn % 2; $at < @$roles; $at += 2) {
			last if Time::HiRes::time() > $end ||
			    @{$self->{lost}} > 3;
			my $place = shift(@{$left[$at]}) // next;
			$self->_try($roles->[$at],
			    $roles->[($at + 1) % @$roles], $place);
		}
		last if Time::HiRes::time() > $end || @{$self->{lost}} > 3;
	}
	return List::Util::sum(map { scalar(@$_) } @left);
}

sub _print {
	my ($self, $n_left) = @_;
	my $led_to = $self->{led_to};
	my $n_open = List::Util::sum(0, map { $_->{'fail-open'} // 0 }
	    values %$led_to);
	Test::More::diag("$self->{n_faults} faults tried, $n_left left out, " .
	    "$self->{n_silent} calls did not come again; fail-open: $n_open");
	for my $class (sort keys %$led_to) {
		Test::More::diag("$class: " . join('; ', map {
		    "$_ $led_to->{$class}{$_}" }
		    sort keys %{$led_to->{$class}}));
	}
}

1;
