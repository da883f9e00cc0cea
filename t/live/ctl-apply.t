#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext apply --confirm, with all three daemons and a Postfix: whatever is
# killed, or ended and started again, the rules that were there before are in
# force again within a second of the deadline unless they were confirmed; no
# session is cut; and while both decide, what differs is told and counted.
use strict;
use warnings;

use JSON::PP ();
use POSIX qw(mkfifo);
use Test::More;
use Time::HiRes qw(sleep time);

use XContext::Ctl ();
use XContext::Daemon ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_dir guard_process);
use XContext::Live ();
use XContext::Postfix ();

my $why = XContext::Ctl::impossible() // XContext::Live::impossible() //
    XContext::Daemon::impossible('xcontext-relay');
plan(skip_all => $why) if defined $why;
my $address = XContext::Postfix::own_address();
my $front = "$address:" . XContext::Postfix::free_port($address);
my $live = XContext::Live->new(start => 0, profiles => <<"END");
profile edge { xclient = { "ADDR", "NAME" } addr = { "public" } }
profile webmail { xclient = { "ADDR", "LOGIN" } login = { "*\@example.com" } }
relay front {
	listen = "$front"
	next_hop = "smtp:[127.0.0.1]:9"
	connections = 100
}
END
my $relay = XContext::Daemon->new(name => 'xcontext-relay',
    conf => $live->{conf_file}, log => "$live->{dir}/relay.log",
    sockets => [ $front ]);
$live->start;
$relay->start;
my @daemons = ($live->policy, $live->milter, $relay);
my $conf = $live->{conf_file};
my $old = slurp($conf);
my $strict = "$live->{dir}/strict";
spit("$live->{dir}/access", "profile=edge\tWARN on trial\n");
spit($strict, $old =~ s/"ADDR", "NAME"/"NAME"/r =~
    s/^trust_maps/access_maps = { "texthash:$live->{dir}\/access" }\n$&/mr);
my @stat = (stat($conf))[2, 4, 5];
my $ctl = XContext::Ctl->new(conf => $conf);
$live->expect_log(qr/event=refuse/, qr/event=reload_failed/);

sub begin {
	my $smtp = $live->connect;
	$smtp->cmd('EHLO proxy.example.net');
	return $smtp;
}

# By which rules a session is judged that begins now.
sub rules {
	my $smtp = begin();
	my $code = $smtp->cmd('XCLIENT ADDR=198.51.100.9')->code;
	$smtp->quit;
	return $code == 220 ? 'old' : 'new';
}

# The deadline of what is on trial; now, if that is over already.
sub deadline {
	my $journal = eval { slurp("$conf.trial") } // '';
	return $journal =~ /^until (\d+)$/m ? $1 / 1000 : time();
}

# They come back by themselves, not before the deadline and in time: who is
# judged by the new ones has connected within a second of it, at the latest.
sub comes_back {
	my ($name, $until) = @_;
	my ($begun, $rules);
	do {
		sleep(0.05);
		$begun = time();
		$rules = rules();
	} while ($rules eq 'new' && $begun < $until + 1);
	is($rules, 'old', "$name: within a second of the deadline");
	cmp_ok(time(), '>=', $until, "$name: not before the deadline");
	is(rules(), 'old', "$name: and stay");
}

# As long as that can be told on a busy machine.
sub is_on_trial {
	my ($name, $until) = @_;
	my $rules = rules();
	ok($rules eq 'new' || time() >= $until, "$name: on trial");
}

sub wait_until {
	my ($until) = @_;
	sleep(0.05) while time() < $until;
}

sub is_whole {
	my ($name) = @_;
	ok(slurp($conf) eq $old, "$name: the file is what it was");
	is(join(' ', (stat($conf))[2, 4, 5]), "@stat",
	    "$name: and whose it was");
	is(join(' ', glob("$conf?*")), '', "$name: nothing is beside it");
}

# Where the daemons may not write root does, the next time that it is there.
sub settle {
	my ($name) = @_;
	is($ctl->run('reload')->{status}, 0, "$name: reload");
	is_whole($name);
}

sub apply {
	my ($want, $name, @args) = @_;
	my $got = $ctl->run('apply', @args);
	is($got->{status}, $want, "$name: status") or
	    diag($got->{out}, $got->{err});
	return $got;
}

#
# What is refused
#
is(rules(), 'old', 'to begin with');
{
	my $bad = "$live->{dir}/bad";
	spit($bad, $old . "bogus = 1\n");
	my $got = apply(78, 'a bad file', $bad, '--confirm', '2s');
	like($got->{err}, qr/nothing was changed: \Q$bad\E:\d+: no such option/,
	    'a bad file: where');
	spit($bad, $old =~ s/127\.0\.0\.1\]:9"/$&\n\ttls = "may"
	    tls_certificate = "\/nonexistent" tls_key = "\/nonexistent"/r);
	$got = apply(1, 'one daemon refuses it', $bad, '--confirm', '2s');
	like($got->{out}, qr/^xcontext-policy\ +not\ asked .*^xcontext-relay\ +
	    kept\ the\ old .*nonexistent/msx, 'one daemon refuses it: which')
	    or diag($got->{out});
	like($got->{err}, qr/the former configuration is in its place, and in force/,
	    'one daemon refuses it: what then');
	is_whole('one daemon refuses it');
	spit($bad, $old =~ s/^store = .*$/store = "lmdb:$live->{dir}\/other"/mr);
	$got = apply(78, 'another store', $bad, '--confirm', '2s');
	like($got->{err}, qr/store .* takes a restart/, 'another store: why');
	spit("$bad.cidr", "0.0.0.0/0 edge\n");
	spit($bad, $old =~ s/cidr:[^"]*/cidr:$bad.cidr/r);
	$got = apply(78, 'the Internet', $bad);
	like($got->{err}, qr/has errors that the configuration in force has not/,
	    'the Internet: why') or diag($got->{err});
	is($ctl->run('confirm')->{status}, 1, 'nothing to confirm');
	my $program = 'setpriv --reuid=65534 --clear-groups ' .
	    XContext::Ctl::program();
	like(qx($program -c $conf confirm 2>&1),
	    qr/\Q$conf\E: cannot be changed: .* denied; try it as root$/,
	    'who may not');
	is($ctl->run('apply', $strict, '--confirm', '8d')->{status}, 64,
	    'too long');
	is_whole('refusals');
	is(rules(), 'old', 'after all that is refused');
}

#
# What can be read only once
#
{
	my ($mild, $pipe) = ("$live->{dir}/mild", "$live->{dir}/pipe");
	spit($mild, "# by a pipe\n$old");
	mkfifo($pipe, 0600) or die("mkfifo: $!");
	my $pid = fork() // die("fork: $!");
	if ($pid == 0) {
		{ exec("/bin/sh", "-c", 'exec cat "$0" > "$1"', $mild, $pipe) }
		POSIX::_exit(1);
	}
	guard_process($pid);
	apply(0, 'from a pipe', $pipe);
	waitpid($pid, 0);
	is(slurp($conf), slurp($mild), 'what was checked is in its place');
	spit($mild, $old);
	apply(0, 'as it was', $mild);
	is_whole('from a pipe');
}

#
# On trial
#
{
	my $got = apply(0, 'on trial', $strict, '--confirm', '60s');
	my $deadline = deadline();
	like($got->{out}, qr/loses.*XCLIENT/s, 'on trial: who loses what');
	like($got->{out}, qr/^Tables are not copied/m, 'on trial: what it is not');
	like($got->{out}, qr/^On trial until \d{4}-/m, 'on trial: until when');
	is(rules(), 'new', 'on trial: new sessions');
	my $differ = $live->policy->event(event => 'differ');
	is("$differ->{action} $differ->{former_action}", 'tempfail permit',
	    'both decide') or diag($differ->{raw});
	like("$differ->{rule} $differ->{former_profile} $differ->{said}",
	    qr/^\Q$conf\E:\d+ edge XCLIENT ADDR=/, 'and by which rules')
	    or diag($differ->{raw});
	my $plain = begin();
	is($plain->mail->code, 250, 'a mail meanwhile');
	$plain->quit;
	($differ) = grep { ($_->{former_action} // '') eq 'none' }
	    $live->policy->events(event => 'differ');
	is($differ->{line}, 'WARN on trial', 'access_maps decide both, too');
	my ($row) = grep { $_->{name} eq 'xcontext_trial_differences_total' &&
	    $_->{daemon} eq 'policy' } @{$ctl->json('stats')};
	is($row->{value}, scalar(() = $live->policy->events(event =>
	    'differ')), 'and all that is counted');
	my ($until) = grep { $_->{name} eq 'xcontext_trial_until_seconds' }
	    @{$ctl->json('stats')};
	is($until->{value}, int($deadline), 'stats: until when');
	is(scalar(grep { ($_->{trial_until} // '') =~ /^\d{4}-/ &&
	    $_->{text} =~ /on trial until .*, by root/ }
	    @{$ctl->json('ping')}), 3, 'ping: until when, by whom');
	$got = apply(1, 'a second one', $strict, '--confirm', '2s');
	like($got->{err}, qr/there is one on trial, by root.*, until \d{4}-/,
	    'a second one: by whom, until when');
	is($ctl->run('reload')->{status}, 0, 'a reload meanwhile');
	is(rules(), 'new', 'is none of its end');
	is($ctl->run('confirm', '--abort')->{status}, 0, 'aborted: done');
	is(rules(), 'old', 'aborted: at once');
	is_whole('aborted');
}
{
	my $early = begin();
	apply(0, 'a deadline', $strict, '--confirm', '2s');
	my $until = deadline();
	my $late = begin();
	comes_back('the deadline', $until);
	is($early->cmd('XCLIENT ADDR=198.51.100.9')->code, 220,
	    'a session from before goes on by its rules');
	$early->cmd('EHLO client.example.org');
	is($early->mail->code, 250, 'and its mail');
	is($late->cmd('NOOP')->code, 250, 'one that began meanwhile survives');
	is($late->mail->code, 250, 'and its mail');
	$_->quit for $early, $late;
	for my $daemon (@daemons) {
		is($daemon->event(event => 'trial_end')->{result}, 'back',
		    "$daemon->{name} says so");
	}
	settle('the deadline');
}

#
# Confirmed, and for good
#
{
	apply(0, 'confirmed', $strict, '--confirm', '3s');
	my $until = deadline();
	is($ctl->run('confirm')->{status}, 0, 'confirmed: done');
	wait_until($until + 0.2);
	is(rules(), 'new', 'confirmed: beyond the deadline');
	ok(slurp($conf) eq slurp($strict), 'confirmed: the file is the new one');
	is(join(' ', glob("$conf?*")), '', 'confirmed: nothing is beside it');
	my $back = "$live->{dir}/back";
	spit($back, $old);
	my ($example) = slurp(($ENV{srcdir} // '.') . '/man/xcontext.1') =~
	    /^\.Sh EXAMPLES.*?^\.Bd [^\n]*\n(xcontext apply.*?)^\.Ed/ms;
	for my $line (split(/\n/, $example)) {
		my (undef, @args) = split(/ /, $line =~
		    s{/etc/xcontext/xcontext\.conf\.new}{$strict}r);
		is($ctl->run(@args)->{status}, 0, "the manual: $line");
	}
	my $got = apply(0, 'for good', $back);
	like($got->{out}, qr/gains/, 'for good: who gains');
	is(rules(), 'old', 'for good: at once');
	is_whole('for good');
}

#
# Whoever is killed, whoever is started again
#
sub restart {
	my ($how, @which) = @_;
	for my $daemon (@which) {
		$how eq 'kill' ? $daemon->kill : $daemon->stop;
	}
}
{
	apply(0, 'restart before', $strict, '--confirm', '3s');
	my $until = deadline();
	restart('kill', @daemons);
	$_->start for @daemons;
	is_on_trial('killed and started before the deadline', $until);
	comes_back('killed and started before the deadline', $until);
	settle('killed and started before the deadline');
}
{
	apply(0, 'restart behind', $strict, '--confirm', '1s');
	my $until = deadline();
	restart('stop', @daemons);
	wait_until($until);
	$_->start for @daemons;
	is(rules(), 'old', 'ended, and started behind the deadline: back');
	is_whole('ended, and started behind the deadline');
}
{
	apply(0, 'edited', $strict, '--confirm', '1s');
	my $until = deadline();
	my $edited = slurp($conf) . "# a change\n";
	spit($conf, $edited);
	comes_back('edited meanwhile', $until);
	is($ctl->run('reload')->{status}, 0, 'edited meanwhile: reload');
	ok(slurp($conf) eq $old, 'edited meanwhile: the file is what it was');
	ok(slurp("$conf.edited") eq $edited, 'and the change is kept');
	unlink("$conf.edited");
}
SKIP: {
	skip('no strace', 1) if system('strace -V > /dev/null 2>&1') != 0;
	my $wrapper = "$live->{dir}/strace";
	# Its messages to the daemons: a ping to each, and then of each a ping
	# and a reload.
	for my $point ([ 'rename', 1 ], [ 'rename', 2 ], [ 'rename', 3 ],
	    [ 'sendto', 5 ], [ 'sendto', 9 ]) {
		my ($call, $n) = @$point;
		spit($wrapper, "#!/bin/sh\nASAN_OPTIONS=\$ASAN_OPTIONS:" .
		    "detect_leaks=0 exec strace -qq -o /dev/null -e " .
		    "trace=$call -e inject=$call:signal=KILL:when=$n '" .
		    XContext::Ctl::program() . "' \"\$@\"\n");
		chmod(0755, $wrapper);
		my $got;
		{
			local $ENV{XC_CTL} = $wrapper;
			$got = $ctl->run('apply', $strict, '--confirm', '1s');
		}
		my $name = "killed at $call $n";
		is($got->{signal}, 9, "$name: it is");
		wait_until(deadline() + 1) if -e "$conf.trial";
		is(rules(), 'old', "$name: a second behind the deadline");
		is($ctl->run('reload')->{status}, 0, "$name: reload");
		ok(slurp($conf) eq $old, "$name: the file is what it was");
	}
	apply(0, 'behind all that', $strict, '--confirm', '60s');
	is($ctl->run('confirm', '--abort')->{status}, 0, 'and back');
	is_whole('behind all that');
}

is($relay->stop, 0, 'xcontext-relay ends well');
is_deeply([ $relay->complaints(@{$live->{expected}}) ], [],
    'xcontext-relay complains of nothing unexpected');
$live->finish;
