#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext-policy takes the sockets that a service manager bound, tells it how
# it fares, and a restart refuses no connection: who asks meanwhile waits.
use strict;
use warnings;

use Fcntl qw(F_DUPFD);
use IO::Socket::UNIX ();
use POSIX ();
use Socket qw(SOCK_DGRAM SOCK_STREAM);
use Test::More;

use XContext::Daemon ();
use XContext::Guard qw(guard_child guard_dir guard_process stop_process
    process_start);

my $why = XContext::Daemon::impossible();
plan(skip_all => $why) if defined $why;
my $program = XContext::Daemon::program('xcontext-policy');
my $needed = qx(ldd $program 2>/dev/null) // '';
plan(skip_all => 'built without libsystemd') if $needed !~ /libsystemd/;

alarm(120);
my $dir = guard_dir();
open(my $fh, '>', "$dir/xcontext.conf") or die "xcontext.conf: $!\n";
print $fh <<"END";
store = "lmdb:$dir/run/store"
runtime_directory = "$dir/run"
state_directory = "$dir/run"
user = ""
log = "stderr"
allowed_users = { "root" }
trust_maps = { "static:edge" }
profile edge { xclient = { "*" } }
policy { listen = "unix:$dir/policy" maps = "unix:$dir/maps" }
END
close($fh);

# The manager's side.
my %sock = map { $_ => IO::Socket::UNIX->new(Local => "$dir/$_",
    Type => SOCK_STREAM, Listen => 64) // die "$_: $!\n" } qw(policy maps);
my $notify = IO::Socket::UNIX->new(Local => "$dir/notify",
    Type => SOCK_DGRAM) or die "notify: $!\n";
my $generation = 0;

sub start {
	$generation++;
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDERR, '>>', "$dir/log.$generation");
		# First out of the way, then to where the daemon looks.
		my @from = map { fcntl($sock{$_}, F_DUPFD, 20) + 0 }
		    qw(maps policy);
		POSIX::dup2($from[$_], 3 + $_) for 0, 1;
		POSIX::close($_) for @from;
		$ENV{LISTEN_PID} = $$;
		$ENV{LISTEN_FDS} = 2;
		$ENV{LISTEN_FDNAMES} = 'maps:policy';
		$ENV{NOTIFY_SOCKET} = "$dir/notify";
		exec($program, '-f', '-c', "$dir/xcontext.conf")
		    or POSIX::_exit(127);
	}
	guard_process($pid);
	return $pid;
}

# The next word of the daemon to its manager.
sub told {
	my $text = '';
	local $SIG{ALRM} = sub { die "nothing was told\n" };
	alarm(20);
	defined recv($notify, $text, 4096, 0) or die "recv: $!\n";
	alarm(120);
	return $text;
}

sub ask {
	my ($sock) = @_;
	my $request = 'xclient 192.0.2.1';
	syswrite($sock, length($request) . ":$request,");
}

sub hear {
	my ($sock) = @_;
	sysread($sock, my $reply, 4096) or return '(closed)';
	return $reply;
}

sub dial { return IO::Socket::UNIX->new(Peer => "$dir/maps") }

my $pid = start();
like(told(), qr/^READY=1$/m, 'it says when it is ready');
my $client = dial();
ok($client, 'the socket is the manager\'s');
ask($client);
is(hear($client), '7:OK edge,', 'and answers');
ok(-S "$dir/policy", 'policy too');

kill('HUP', $pid);
like(told(), qr/^RELOADING=1$/m, 'it says that it reloads');
like(told(), qr/^READY=1$/m, 'and that it has');

kill('TERM', $pid);
like(told(), qr/^STOPPING=1$/m, 'it says that it stops');
waitpid($pid, 0);
is($?, 0, 'it ends well');
is(hear($client), '(closed)', 'its connections are closed');

# Nobody is there; but the socket is.
$client = dial();
ok($client, 'while it is away, a connection is not refused');
ask($client);
$pid = start();
like(told(), qr/^READY=1$/m, 'the next one starts');
is(hear($client), '7:OK edge,', 'and answers what was asked meanwhile');

kill('TERM', $pid);
waitpid($pid, 0);
ok(-S "$dir/maps", 'the sockets stay the manager\'s');
done_testing();
