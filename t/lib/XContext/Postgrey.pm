# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Postgrey: a private postgrey, which has whoever is new to it come
# again later.
#
#	my $grey = XContext::Postgrey->new(delay => 300);
#	... check_policy_service unix:$grey->{socket} ...
package XContext::Postgrey;

use strict;
use warnings;

use IO::Socket::UNIX ();
use POSIX ();
use Time::HiRes ();

use XContext::File qw(spit);
use XContext::Guard qw(guard_child guard_dir guard_process);

my ($program) = grep { -x } qw(/usr/sbin/postgrey /usr/local/sbin/postgrey);
my $n_servers = 0;

# Why there can be none here; undef if there can.
sub impossible {
	return 'postgrey needs root' if $> != 0;
	return 'postgrey is not installed' if !defined $program;
	return undef;
}

#	delay	seconds
#	clients	text: the list of clients who need not wait
sub new {
	my ($class, %opt) = @_;
	my $dir = guard_dir() . '/postgrey' . ($n_servers++ || '');
	my ($uid, $gid) = (getpwnam('nobody'))[2, 3];
	mkdir($dir, 0755) or die "$dir: $!\n";
	mkdir("$dir/db", 0700) or die "$dir/db: $!\n";
	chown($uid, $gid, "$dir/db", $dir);
	spit("$dir/clients", $opt{clients} // '');
	spit("$dir/recipients", '');
	my $self = bless({ socket => "$dir/socket" }, $class);
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDOUT, '>', "$dir/log");
		open(STDERR, '>&', \*STDOUT);
		exec($program, "--unix=$self->{socket}", "--dbdir=$dir/db",
		    '--user=nobody', '--group=nogroup', "--delay=$opt{delay}",
		    "--whitelist-clients=$dir/clients",
		    "--whitelist-recipients=$dir/recipients",
		    '--auto-whitelist-clients=0', '--hostname=mx.example.net')
		    or POSIX::_exit(127);
	}
	guard_process($pid);
	for (1 .. 500) {
		return $self if IO::Socket::UNIX->new(Peer => $self->{socket});
		last if waitpid($pid, POSIX::WNOHANG()) == $pid;
		Time::HiRes::sleep(0.02);
	}
	die "postgrey does not answer\n";
}

1;
