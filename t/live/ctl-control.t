#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# What xcontext(1) asks of the daemons themselves: ping, stats, reload and trace,
# of all three, with a Postfix whose mail goes on whatever somebody does to their
# control sockets.
use strict;
use warnings;

use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use IO::Select ();
use IO::Socket::UNIX ();
use IPC::Open3 qw(open3);
use JSON::PP ();
use POSIX ();
use Symbol qw(gensym);
use Test::More;
use Time::HiRes ();

use XContext::Ctl ();
use XContext::Daemon ();
use XContext::File qw(replace slurp);
use XContext::Guard qw(guard_child guard_dir guard_forget guard_process);
use XContext::Live ();
use XContext::Postfix ();

my $why = XContext::Ctl::impossible() // XContext::Live::impossible() //
    XContext::Daemon::impossible('xcontext-relay');
plan(skip_all => $why) if defined $why;
my $address = XContext::Postfix::own_address();
my $front = "$address:" . XContext::Postfix::free_port($address);
my $live = XContext::Live->new(start => 0,
    conf => { log_all => 'false', control_users => '{ "postfix" }' },
    profiles => <<"END");
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
my %daemon = (policy => $live->policy, milter => $live->milter,
    relay => $relay);
my @kinds = qw(policy milter relay);
my $ctl = XContext::Ctl->new(conf => $live->{conf_file});
my $run = "$live->{dir}/xcontext";
$live->expect_log(qr/event=control_refused/, qr/event=reload_failed/,
    qr/event=refuse/);

sub rows {
	my ($want, $name, @args) = @_;
	my $got = $ctl->run(@args, '--json');
	is($got->{status}, $want, "$name: status") or
	    diag($got->{out}, $got->{err});
	return @{JSON::PP::decode_json($got->{out})};
}

# A session of a messenger's; the reply to its mail.
sub mail {
	my ($subject, $attributes) = @_;
	my $smtp = $live->connect;
	$smtp->cmd('EHLO proxy.example.net');
	my $code = $smtp->cmd('XCLIENT ' . ($attributes //
	    'ADDR=198.51.100.9'))->code;
	if ($code == 220) {
		$smtp->cmd('EHLO client.example.org');
		$code = $smtp->mail(subject => $subject)->code;
	}
	$smtp->quit;
	return $code;
}

sub is_well {
	my ($when) = @_;
	my $begun = Time::HiRes::time();
	is(mail($when), 250, "$when: mail goes in");
	cmp_ok(Time::HiRes::time() - $begun, '<', 3, "$when: at once");
}

#
# ping and stats
#
my %fingerprint;
{
	my @rows = rows(0, 'ping', 'ping');
	is_deeply([ map { [ @$_{qw(what state pid)} ] } @rows ],
	    [ map { [ "xcontext-$_", 'up', $daemon{$_}->pid ] } @kinds ],
	    'ping: all three');
	%fingerprint = map { $_->{fingerprint} => 1 } @rows;
	is(scalar keys %fingerprint, 1, 'ping: by one configuration');
	@rows = rows(0, 'ping --wiring', 'ping', '--wiring');
	is_deeply([ map { $_->{what} } grep { $_->{state} eq 'answers' }
	    @rows ], [ 'policy', 'maps', 'milter', 'relay front' ],
	    'ping --wiring: each socket answers');
	is_deeply([ map { join(' ', sort keys %$_) } @rows ],
	    [ ('fingerprint pid since state text trial_until version what where') x
	    7 ],
	    'ping --wiring: all rows have the same keys');
	chmod(0600, "$live->{sockets}/maps") or die;
	@rows = rows(1, 'ping --wiring, wrong mode', 'ping', '--wiring');
	is_deeply([ map { $_->{what} . ': ' . $_->{text} } grep {
	    $_->{state} eq 'fails' } @rows ],
	    [ 'maps: cannot be reached by postfix: Permission denied' ],
	    'ping --wiring: what Postfix cannot reach');
	chmod(0660, "$live->{sockets}/maps") or die;
	is_well('after pings');
	@rows = rows(0, 'stats', 'stats');
	my ($sum) = grep { $_->{name} eq 'xcontext_decisions_total' &&
	    ($_->{labels}{command} // '') eq 'XCLIENT' &&
	    $_->{labels}{profile} eq 'edge' } @rows;
	is($sum->{value}, 1, 'stats: the decision that was made');
	is($sum->{daemon}, 'policy', 'stats: by whom');
	like($ctl->run('stats')->{out}, qr/^policy\ +
	    xcontext_decisions_total\ +1\ +profile=edge\ command=XCLIENT/mx,
	    'stats: for a person');
}

#
# Who may
#
sub ask_as {
	my ($user, $kind) = @_;
	my ($uid, $gid) = (getpwnam($user))[2, 3];
	pipe(my $in, my $out) or die "pipe: $!\n";
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		$( = $) = "$gid $gid";
		POSIX::setuid($uid);
		open(STDOUT, '>&', $out);
		open(STDERR, '>&', $out);
		exec(XContext::Ctl::program(), '-c', $live->{conf_file},
		    $kind) or POSIX::_exit(127);
	}
	close($out);
	my $text = do { local $/; <$in> };
	waitpid($pid, 0);
	return ($? >> 8, $text);
}
SKIP: {
	# As far as directories are concerned he gets there.
	my ($status, $text) = ask_as('nobody', 'help');
	skip("nobody cannot run it here: $text", 5) if $status != 0;
	my %mode = map { $_ => (stat($_))[2] & 07777 } $live->{dir}, $run,
	    $live->{conf_file}, $live->{trust_file};
	chmod($mode{$_} | 0055, $_) for keys %mode;
	chmod(0755, $live->{dir} =~ s{/[^/]+$}{}r)
	    if ($live->{dir} =~ s{/[^/]+$}{}r) !~ m{^/tmp/?$};
	($status, $text) = ask_as('nobody', 'ping');
	is($status, 1, 'nobody may not ask');
	like($text, qr/^xcontext-policy +refused .*not in control_users$/m,
	    'and is told why');
	($status, $text) = ask_as('nobody', 'reload');
	is($status, 1, 'nor reload');
	($status, $text) = ask_as('postfix', 'ping');
	is($status, 0, 'whoever is in control_users may') or diag($text);
	is(scalar $live->policy->events(event => 'control_refused',
	    uid => scalar getpwnam('nobody')), 2, 'the log says who came');
	chmod($mode{$_}, $_) for keys %mode;
}

#
# reload
#
{
	my @rows = rows(0, 'reload', 'reload');
	is_deeply([ map { $_->{result} } @rows ], [ ('reloaded') x 3 ],
	    'reload: all three');
	my $good = slurp($live->{conf_file});
	replace($live->{conf_file}, "bogus = 1\n$good");
	@rows = rows(1, 'reload, a bad file', 'reload');
	is_deeply([ map { "$_->{result}: $_->{text}" } @rows ],
	    [ ("kept the old: $live->{conf_file}:1: no such option 'bogus'")
	    x 3 ], 'reload: each kept the old, and says file and line');
	is_well('under the old rules');
	like((rows(0, 'ping, a bad file', 'ping'))[0]{text},
	    qr/broken now: .*:1: /, 'ping: the file is broken');
	replace($live->{conf_file}, $good =~ s/"ADDR", "NAME"/"NAME"/r);
	@rows = rows(0, 'ping, another file', 'ping');
	like($rows[0]{text}, qr/has changed since/, 'ping: it has changed');
	@rows = rows(0, 'reload, stricter', 'reload');
	ok(!$fingerprint{$rows[0]{fingerprint}}, 'reload: another one');
	like(mail('stricter'), qr/^[45]/, 'the new rules are in force');
	replace($live->{conf_file}, $good);
	my ($example) = slurp(($ENV{srcdir} // '.') . '/man/xcontext.1') =~
	    /^\.Bd .*?\n(xcontext reload\n.*?)^\.Ed/ms;
	for my $line (split(/\n/, $example)) {
		my (undef, @args) = split(/ /, $line);
		my $got = $ctl->run(@args);
		is($got->{status}, 0, "the manual: $line") or
		    diag($got->{out}, $got->{err});
	}
}

#
# trace
#
sub trace {
	my (@args) = @_;
	my $err = gensym();
	my $pid = open3(my $in, my $out, $err, XContext::Ctl::program(), '-c',
	    $live->{conf_file}, 'trace', @args);
	guard_process($pid);
	close($in);
	my $said = '';
	while ((() = $said =~ /tracing/g) < 3 &&
	    IO::Select->new($err)->can_read(10)) {
		sysread($err, $said, 4096, length($said)) or last;
	}
	is(scalar(() = $said =~ /tracing xcontext-/g), 3,
	    "trace @args: of all three") or diag($said);
	return { pid => $pid, out => $out };
}

# What it said until it ended by itself; that must be soon.
sub heard {
	my ($trace) = @_;
	my $text = '';
	while (IO::Select->new($trace->{out})->can_read(10)) {
		sysread($trace->{out}, $text, 65536, length($text)) or last;
	}
	waitpid($trace->{pid}, 0);
	guard_forget($trace->{pid});
	return ($? >> 8, $text);
}
{
	my $all = trace('--only', 2, '--profile', 'edge');
	my $here = trace('--only', 1, '--json', '--peer',
	    XContext::Live::MESSENGER2);
	my $terse = trace('--only', 1, '--terse', '--peer', '127.0.1.0/24');
	like(mail('refused', 'LOGIN=root'), qr/^[45]/, 'a refusal');
	my $smtp = $live->connect(local => XContext::Live::MESSENGER2);
	$smtp->cmd('XCLIENT ADDR=198.51.100.10');
	$smtp->quit;
	my ($status, $text) = heard($all);
	is($status, 0, 'trace: it ends after --only');
	is(scalar(() = $text =~ /\n/g), 2, 'trace: after so many lines');
	like($text, qr/\bevent=refuse .*\bpeer=127\.0\.1\.1 .*profile=edge\b.*
	    \bsaid="XCLIENT\ LOGIN=root"/x, 'trace: what was refused')
	    or diag($text);
	($status, $text) = heard($here);
	is($status, 0, 'trace --peer: it ends');
	my $one = JSON::PP::decode_json($text);
	is($one->{peer}, XContext::Live::MESSENGER2,
	    'trace --peer: nobody else');
	is($one->{program}, 'xcontext-policy', 'trace --json: by whom');
	($status, $text) = heard($terse);
	like($text, qr/^\d\d:\d\d:\d\d \w+ (?:XCLIENT )?127\.0\.1\.1 /,
	    'trace --terse') or diag($text);
}

#
# Those who harm nobody
#
sub dial {
	my ($kind) = @_;
	return IO::Socket::UNIX->new(Peer => "$run/control.$kind");
}
{
	my @silent = map { my $kind = $_; map { dial($kind) // () } 1 .. 50 }
	    @kinds;
	is(scalar @silent, 150, '50 silent connections to each');
	is_well('they are there');
	rows(0, 'ping beside them', 'ping');
	for my $kind (@kinds) {
		my @open = glob('/proc/' . $daemon{$kind}->pid . '/fd/*');
		cmp_ok(scalar @open, '<', 60,
		    "$kind: its descriptors are not used up");
	}
}
{
	# It fills whatever there is on the way, and then some.
	my @deaf = map { my $sock = dial('policy'); syswrite($sock,
	    "trace\n"); $sock } 1 .. 2;
	is_well('a reader of a trace does not read');
	my $smtp = $live->connect;
	$smtp->cmd('NOOP') for 1 .. 10;
	$smtp->quit;
	rows(0, 'ping beside it', 'ping');
}
{
	$live->policy->signal('STOP');
	my $begun = Time::HiRes::time();
	my @rows = rows(1, 'ping, one hangs', 'ping');
	cmp_ok(Time::HiRes::time() - $begun, '<', 5, 'ping: within bounds');
	is_deeply([ map { $_->{state} } @rows[0 .. 2] ],
	    [ 'silent', 'up', 'up' ], 'ping: which one');
	$begun = Time::HiRes::time();
	@rows = rows(1, 'ping --wiring, one hangs', 'ping', '--wiring');
	cmp_ok(Time::HiRes::time() - $begun, '<', 10,
	    'ping --wiring: within bounds');
	is_deeply([ map { $_->{what} . ': ' . $_->{text} } grep {
	    $_->{state} eq 'fails' } @rows ], [ map { "$_: does not answer by " .
	    'postfix: nothing came in time: does it hang?' } qw(policy maps) ],
	    'ping --wiring: which sockets');
	@rows = rows(1, 'reload, one hangs', 'reload');
	is_deeply([ map { $_->{result} } @rows ],
	    [ 'silent', 'reloaded', 'reloaded' ], 'reload: which one');
	$live->policy->signal('CONT');
	# Who asked it meanwhile is gone.
	$live->expect_log(qr/event=no_peer_process/);
	is_well('it goes on');
}

is($relay->stop, 0, 'xcontext-relay ends well');
is_deeply([ $relay->complaints(@{$live->{expected}}) ], [],
    'xcontext-relay complains of nothing unexpected');
my ($down) = grep { $_->{what} eq 'xcontext-relay' }
    rows(1, 'ping, one has ended', 'ping');
is($down->{state}, 'down', 'ping: it does not run');
like($down->{text},
    qr/does not run, or it is a version without.*systemctl status/,
    'ping: what that may mean');
ok(!-e "$run/control.relay", 'its socket is gone');

#
# Another version, or somebody else, at the socket
#
{
	my @answers = (
		[ 'no JSON', "HTTP/1.1 400 Bad request\r\n\r\n",
		    'bad answer', qr/is it another version/ ],
		[ 'half', "{\"data\":{\"pid\":1}}\n{\"en", 'bad answer',
		    qr/it hung up/ ],
		[ 'nothing', '', 'bad answer', qr/it hung up/ ],
		[ 'no end to it', '{' x 100000, 'bad answer',
		    qr/its answer is too long/ ],
		[ 'a version without ping',
		    "{\"error\":\"the request \\\"ping\\\" is not known\"}\n",
		    'refused', qr/"ping" is not known/ ],
		[ 'a terminal\'s commands', "{\"data\":{\"pid\":{},\"version\":" .
		    "\"\\u001b[31m\",\"since\":7}}\n{\"end\":true}\n", 'up',
		    qr/has changed since/ ],
		[ 'data of no kind', "{\"end\":true}\n", 'up',
		    qr/has changed since/ ],
	);
	my $server = IO::Socket::UNIX->new(Local => "$run/control.relay",
	    Listen => 5) or die "control.relay: $!\n";
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		$SIG{PIPE} = 'IGNORE';
		for my $answer (@answers) {
			my $sock = $server->accept or last;
			sysread($sock, my $request, 4096);
			syswrite($sock, $answer->[1]);
		}
		POSIX::_exit(0);
	}
	guard_process($pid);
	close($server);
	for my $answer (@answers) {
		my ($name, undef, $state, $text) = @$answer;
		my $got = $ctl->run('ping');
		like($got->{out}, qr/^xcontext-relay +$state .*$text/m,
		    "an answer that is $name") or diag($got->{err});
		unlike($got->{out}, qr/[^ -~\n]/, 'and nothing unprintable');
	}
	waitpid($pid, 0);
	guard_forget($pid);
	unlink("$run/control.relay");
}
{
	my $none = "$live->{dir}/none.conf";
	replace($none, "control = \"\"\n");
	my $got = XContext::Ctl->new(conf => $none)->run('ping');
	is($got->{status}, 69, 'no control sockets: status');
	like($got->{err}, qr/none\.conf: control = "": the daemons have no/,
	    'and why');
}
$live->finish;
