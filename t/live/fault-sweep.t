#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# No single fault opens a gate: each system call and each allocation of
# xcontext-policy and xcontext-milter fails once, one after the other
# (t/lib/fault.c), while a refused messenger, a permitted one, a stranger and
# one whom access_maps reject send mail through a real Postfix.  None of that
# mail comes in under a refused or another's identity, no daemon ends, and the
# service is back behind each fault.
#
# There are thousands; by default so many are tried, of each kind, as fit into
# XC_FAULT_SECONDS (20).  XC_FAULT_SECONDS=all tries all, and also those while
# the daemons start, who may then end, but not by a signal.  XC_FAULT_KINDS
# chooses kinds.
use strict;
use warnings;

use Test::More;
use Time::HiRes ();

use XContext::File qw(spit);
use XContext::Guard qw(guard_dir);
use XContext::Inside qw(accounts);
use XContext::Live ();

my @kinds = split(/ /, $ENV{XC_FAULT_KINDS} // 'accept calloc connect ' .
    'epoll_ctl fallocate fcntl fstat ftruncate getpeername getsockname ' .
    'getsockopt malloc mmap open openat poll pread pwrite read realloc recv ' .
    'send socket stat write');
my $seconds = $ENV{XC_FAULT_SECONDS} // 20;
my $library = $ENV{XC_FAULT_LIBRARY} // './t/lib/fault.so';

plan(skip_all => "no $library") if !-r $library;
plan(skip_all => 'a sanitizer has its own allocations')
    if ($ENV{XC_SANITIZE} // 'no') ne 'no';

my $live = XContext::Live->new(start => 0,
    seconds => $seconds eq 'all' ? 7200 : $seconds + 240,
    services => [ map { { name => $_, wiring => $_, options => [
	# New processes, and so new streams, again and again.
	'max_use = 3', 'smtpd_policy_service_retry_delay = 1s' ] } } qw(a b) ],
    conf => { access_maps => "{ 'pcre:{{/^client=127\\.0\\.2\\.66\$/ " .
	"REJECT not from there}}' }" });

# What t/lib/fault.c maps: kind, n, counted, fired.
my %file;
for my $daemon ($live->policy, $live->milter) {
	my $file = $file{$daemon->{name}} = guard_dir() . "/$daemon->{name}";
	spit($file, pack('a16LLL', '', 0, 0, 0));
	$daemon->{env} = { LD_PRELOAD => $library, XC_FAULT => $file };
}
$live->expect_log(qr/./);	# what is complained of is counted, not read
$live->start;

sub control {
	my ($daemon, $kind, $n) = @_;
	open(my $fh, '+<', $file{$daemon->{name}}) or die "control: $!\n";
	syswrite($fh, pack('a16LLL', $kind, $n, 0, 0));
}

sub outcome {
	my ($daemon) = @_;
	open(my $fh, '<', $file{$daemon->{name}}) or die "control: $!\n";
	sysread($fh, my $bytes, 28);
	return (unpack('a16LLL', $bytes))[2, 3];	# counted, fired
}

# Who may send what as whom; as "": not at all.
my @roles = (
    { name => 'refused', service => 'a', peer => XContext::Live::MESSENGER,
	command => 'XCLIENT ADDR=198.51.100.9 LOGIN=root', as => '' },
    { name => 'permitted', service => 'a', peer => XContext::Live::WEBMAIL,
	command => 'XCLIENT ADDR=198.51.100.1 LOGIN=user@example.com',
	as => '198.51.100.1 user@example.com' },
    { name => 'stranger', service => 'a', peer => XContext::Live::STRANGER,
	as => '127.0.2.1 ' },
    { name => 'rejected', service => 'a', peer => '127.0.2.66', as => '' },
    { name => 'refused in wiring B', service => 'b',
	peer => XContext::Live::MESSENGER, command => 'XCLIENT ADDR=10.0.0.1',
	as => '' },
);
my $n_mails = 0;

# One session of a role: what came of it, and what is wrong with that.
sub session {
	my ($role) = @_;
	my $sender = sprintf('s%d@example.org', ++$n_mails);
	my ($reply, $said) = (undef, 250);
	eval {
		my $smtp = $live->connect(service => $role->{service},
		    local => $role->{peer});
		$reply = $smtp->cmd('EHLO there.example.org');
		$said = ($reply = $smtp->cmd($role->{command}))->code
		    if $reply->code == 250 && defined $role->{command};
		$smtp->cmd('EHLO client.example.org') if $said == 220;
		$reply = $smtp->mail(from => $sender, subject => $sender)
		    if $reply->code != 421;
		$smtp->close;
		1;
	} or do {
		die $@ if $@ =~ /takes too long/;
		return ('closed', undef);
	};
	my $code = $reply->code || 0;
	return ('closed', undef) if $code == 0;
	return (substr($code, 0, 1) . 'xx', undef) if $code != 250;
	my %as = map { /^(\S+) \S+ \S+ ?(.*)$/ ? ("$1 $2" => 1) : ($_ => 1) }
	    accounts($live, $sender);
	my $as = join(', ', sort keys %as);
	return ('accepted', "$role->{name}: mail was accepted as \"$as\"")
	    if $as ne $role->{as} || (defined $role->{command} &&
	    $said != 220);
	return ('accepted', undef);
}

sub want { return $_[0]{as} eq '' ? qr/^[45]xx$/ : qr/^accepted$/ }

sub is_well {
	# Postfix, and a listener without descriptors, wait a little.
	my $until = Time::HiRes::time() + 15;
	while (Time::HiRes::time() < $until) {
		return 1 if !grep { (session($_))[0] !~ want($_) } @roles;
		Time::HiRes::sleep(0.1);
	}
	return 0;
}

my (%led_to, @open, @ended, @lost);
my $n_faults = 0;

# Lets one fail; false: there was no such call any more.
sub try {
	my ($daemon, $kind, $n) = @_;
	$live->$_->forget for qw(policy_seen milter_seen);
	control($daemon, $kind, $n);
	my (@wrong, $is_other);
	for my $role (@roles) {
		my ($how, $why) = session($role);
		push(@wrong, $why) if defined $why;
		$is_other = $how if $how !~ want($role);
	}
	my ($counted, $fired) = outcome($daemon);
	control($daemon, '', 0);
	my $what = "$daemon->{name}: $kind $n";
	push(@open, map { "$what: $_" } @wrong);
	if (!$daemon->is_running) {
		my $status = $daemon->stop;
		push(@ended, sprintf('%s: wait status %#x', $what, $status));
		$daemon->start;
	}
	if (($is_other || @wrong) && !is_well()) {
		push(@lost, $what);
		$daemon->stop;
		$daemon->start;
	}
	return 0 if !$fired;
	$n_faults++;
	$led_to{@wrong ? 'fail-open' : $is_other // 'no difference'}++;
	return 1;
}

# The same while a daemon starts.
sub try_start {
	my ($daemon, $kind, $n) = @_;
	$daemon->stop;
	control($daemon, $kind, $n);
	$daemon->start(may_fail => 1);
	my @wrong = grep { defined } map { (session($_))[1] } @roles;
	my ($counted, $fired) = outcome($daemon);
	control($daemon, '', 0);
	my $what = "$daemon->{name} starts: $kind $n";
	push(@open, map { "$what: $_" } @wrong);
	my $was_running = $daemon->is_running;
	my $status = $daemon->stop;
	push(@ended, sprintf('%s: wait status %#x', $what, $status))
	    if $status & 127;
	$daemon->start;
	push(@lost, $what) if !is_well();
	return 0 if !$fired;
	$n_faults++;
	$led_to{@wrong ? 'fail-open' : $was_running ? 'a start as ever' :
	    'no start'}++;
	return 1;
}

ok(is_well(), 'without a fault all is as it should be')
    or diag($live->policy->log_text, $live->milter->log_text);

# How many calls of each kind there are in one round.
my @left;
for my $daemon ($live->policy, $live->milter) {
	for my $kind (@kinds) {
		control($daemon, $kind, 0xffffffff);
		session($_) for @roles;
		my ($counted) = outcome($daemon);
		control($daemon, '', 0);
		push(@left, [ $daemon, $kind, 1 .. $counted ]) if $counted;
		note("$daemon->{name}: $counted calls of $kind");
	}
}
# In turns, so that no kind is left out; of each the places in another order
# than that of time, so that what is left out is not the end.
srand(1);
for my $left (@left) {
	my ($daemon, $kind, @n) = @$left;
	@$left = ($daemon, $kind, $n[0], sort { rand() <=> 0.5 } @n[1 .. $#n]);
}
my $end = Time::HiRes::time() + ($seconds eq 'all' ? 7000 : $seconds);
while (@left && @lost < 3 && Time::HiRes::time() < $end) {
	my $left = shift(@left);
	my ($daemon, $kind, $n, @more) = @$left;
	try($daemon, $kind, $n);
	push(@left, [ $daemon, $kind, @more ]) if @more;
}
my $n_left = 0;
$n_left += @$_ - 2 for @left;

if ($seconds eq 'all') {
	for my $daemon ($live->policy, $live->milter) {
		for my $kind (@kinds) {
			my $n = 1;
			# Memory: every so often, or it takes hours.
			$n += $kind =~ /alloc$/ ? 1 + int($n / 8) : 1
			    while try_start($daemon, $kind, $n);
		}
	}
}

diag("$n_faults faults, $n_left left out; led to: " . join(', ',
    map { "$_ $led_to{$_}" } sort keys %led_to));
cmp_ok($n_faults, '>', 20, 'faults were tried');
is(join("\n", @open), '', 'fail-open: none');
is(join("\n", @ended), '', 'no daemon ended');
is(join("\n", @lost), '', 'the service was back each time');
$live->diagnose if $ENV{XC_FAULT_DIAGNOSE};
$live->finish;
