# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Exim: a private Exim, run from where its package was unpacked
# (XC_EXIM), that takes mail for example.com by the rules of a test, and delivers
# none.
#
#	my $exim = XContext::Exim->new(rules => "deny hosts = 192.0.2.66\n");
#	... $exim->{address}, $exim->{port} ...
package XContext::Exim;

use strict;
use warnings;

use IO::Socket::INET ();
use POSIX ();
use Time::HiRes ();

use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_child guard_dir guard_process);
use XContext::Postfix ();

sub _program {
	return ($ENV{XC_EXIM} // 'build-exim/root') . '/usr/sbin/exim4';
}

# Why there can be none here; undef if there can.
sub impossible {
	return 'only root can run Exim' if $> != 0;
	return 'Exim was not unpacked (./bootstrap check does)'
	    if !-x _program();
	my $missing = join(' ', map { /^\s*(\S+) => not found/ ? $1 : () }
	    `ldd @{[_program()]} 2>&1`);
	return "Exim needs $missing" if $missing ne '';
	return 'no files of its own for Exim (unshare -m)'
	    if system('unshare -m true 2>/dev/null') != 0;
	return undef;
}

#	rules	text: of an ACL, before recipients are looked at
sub new {
	my ($class, %opt) = @_;
	my $dir = guard_dir() . '/exim';
	my $self = bless({ address => XContext::Postfix::own_address(),
	    dir => $dir }, $class);
	$self->{port} = XContext::Postfix::free_port($self->{address});
	my ($uid, $gid) = (getpwnam('nobody'))[2, 3];
	mkdir($_, 0755) or die "$_: $!\n"
	    for $dir, "$dir/spool", "$dir/log";
	chown($uid, $gid, "$dir/spool", "$dir/log");
	spit("$dir/exim.conf", $self->_conf($opt{rules} // ''));
	# Debian's has the names of its user and group built in.
	my ($passwd, $group) = map { slurp("/etc/$_") } qw(passwd group);
	spit("$dir/passwd", "${passwd}Debian-exim:x:$uid:${gid}::/:/bin/false\n");
	spit("$dir/group", "${group}Debian-exim:x:$gid:\n");
	$self->_start;
	return $self;
}

# Where it knows XCLIENT, this host may say it.
sub _conf {
	my ($self, $rules) = @_;
	return <<"END";
exim_user = nobody
exim_group = nogroup
primary_hostname = mx.example.net
spool_directory = $self->{dir}/spool
log_file_path = $self->{dir}/log/%slog
pid_file_path = $self->{dir}/pid
local_interfaces = $self->{address}
daemon_smtp_ports = $self->{port}
tls_advertise_hosts =
rfc1413_query_timeout = 0s
smtp_accept_max = 0
acl_smtp_rcpt = recipients
.ifdef _OPT_MAIN_HOSTS_XCLIENT
hosts_xclient = 127.0.0.0/8
.endif
begin acl
recipients:
$rules
accept domains = example.com
deny message = relaying is not permitted
begin routers
nobody:
driver = redirect
data = :blackhole:
END
}

sub _start {
	my ($self) = @_;
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', "$self->{dir}/out");
		open(STDERR, '>&', \*STDOUT);
		exec('unshare', '-m', 'sh', '-c', 'mount --bind ' .
		    '"$1/passwd" /etc/passwd && mount --bind "$1/group" ' .
		    '/etc/group && exec "$0" -bdf -C "$1/exim.conf"',
		    _program(), $self->{dir})
		    or POSIX::_exit(127);
	}
	guard_process($pid);
	for (1 .. 500) {
		return if IO::Socket::INET->new(PeerAddr => $self->{address},
		    PeerPort => $self->{port});
		last if waitpid($pid, POSIX::WNOHANG()) == $pid;
		Time::HiRes::sleep(0.02);
	}
	die "Exim does not answer:\n", slurp("$self->{dir}/out");
}

# "4.96", as its greeting has it.
sub version {
	my ($self) = @_;
	my $sock = IO::Socket::INET->new(PeerAddr => $self->{address},
	    PeerPort => $self->{port}) or return '';
	my ($version) = (<$sock> // '') =~ /Exim (\S+)/;
	print $sock "QUIT\r\n";
	return $version // '';
}

1;
