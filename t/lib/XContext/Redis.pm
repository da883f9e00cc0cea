# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Redis: a private Redis, or sentinel, on 127.0.0.1.
#
#	my $redis = XContext::Redis->new(conf => [ 'appendonly yes' ]);
#	$redis->port;
#	$redis->cli('SET', 'a', 'b');	# what redis-cli says, without its end
#	$redis->stop; $redis->start; $redis->signal('STOP');
#
# With "sentinel" it is one; its configuration is its own, for it writes into it.
package XContext::Redis;

use strict;
use warnings;

use IO::Socket::INET ();
use POSIX ();
use Time::HiRes ();

use XContext::File qw(spit);
use XContext::Guard qw(guard_child guard_dir guard_forget guard_process
    process_start stop_process);
use XContext::Postfix ();

my $program = '/usr/bin/redis-server';
my $n = 0;

# Why there can be none here; undef if there can.
sub impossible {
	return 'no Redis' if !-x $program || !-x '/usr/bin/redis-cli';
	return undef;
}

# "tls": the port speaks TLS; "args": of redis-cli besides.
sub new {
	my ($class, %opt) = @_;
	my $dir = guard_dir() . '/redis' . ++$n;
	mkdir($dir, 0755) or die "$dir: $!\n";
	my $self = bless({ %opt, dir => $dir,
	    port => XContext::Postfix::free_port('127.0.0.1') }, $class);
	my $port = $opt{tls} ? "port 0\ntls-port" : 'port';
	spit("$dir/conf", join("\n", "$port $self->{port}", 'bind 127.0.0.1',
	    "dir $dir", "logfile $dir/log", 'daemonize no',
	    $opt{sentinel} ? () : ('save ""'), @{$opt{conf} // []}) . "\n");
	$self->start;
	return $self;
}

sub start {
	my ($self) = @_;
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		exec($program, "$self->{dir}/conf",
		    $self->{sentinel} ? '--sentinel' : ()) or POSIX::_exit(127);
	}
	guard_process($pid);
	@$self{qw(pid start)} = ($pid, process_start($pid));
	for (1 .. 500) {
		return if IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		    PeerPort => $self->{port});
		Time::HiRes::sleep(0.02);
	}
	die "Redis does not answer\n";
}

sub stop {
	my ($self) = @_;
	$self->signal('CONT');
	stop_process(@$self{qw(pid start)}, 10);
	waitpid($self->{pid}, 0);
	guard_forget($self->{pid});
}

sub signal {
	my ($self, $signal) = @_;
	kill($signal, $self->{pid});
}

sub port { return $_[0]{port} }
sub dir { return $_[0]{dir} }

sub cli {
	my ($self, @args) = @_;
	open(my $from, '-|', '/usr/bin/redis-cli', '-h', '127.0.0.1', '-p',
	    $self->{port}, @{$self->{args} // []}, @args)
	    or die "redis-cli: $!\n";
	local $/;
	my $said = <$from> // '';
	close($from);
	$said =~ s/\n+\z//;
	return $said;
}

# Waits until what redis-cli says matches; false: it does not.
sub wait_for {
	my ($self, $want, @args) = @_;
	for (1 .. 500) {
		return 1 if $self->cli(@args) =~ $want;
		Time::HiRes::sleep(0.04);
	}
	return 0;
}

1;
