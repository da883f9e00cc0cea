# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Sendmail: a private Sendmail, run from where its packages were
# unpacked (XC_SENDMAIL), that delivers into files of the test's directory.
#
#	my $sendmail = XContext::Sendmail->new(milter => "unix:$path");
#	$sendmail->start;
#	my $smtp = $sendmail->connect(local => '127.0.1.1');
#	$sendmail->delivered('a subject');
package XContext::Sendmail;

use strict;
use warnings;

use IO::Socket::INET ();
use IO::Socket::UNIX ();
use POSIX ();
use Socket ();
use Time::HiRes ();

use XContext::File qw(spit);
use XContext::Guard qw(guard_child guard_dir guard_forget guard_process
    process_start stop_process);
use XContext::Postfix ();
use XContext::Smtp ();

sub _root { return $ENV{XC_SENDMAIL} // 'build-sendmail/root' }
sub _program { return _root() . '/usr/libexec/sendmail/sendmail' }
sub _cf { return _root() . '/usr/share/sendmail/cf' }

# Why there can be no test with Sendmail here; undef if there can.
sub impossible {
	return 'only root can run Sendmail' if $> != 0;
	return 'Sendmail was not unpacked (./bootstrap check does)'
	    if !-x _program() || !-e _cf() . '/m4/cf.m4';
	my $missing = join(' ', map { /^\s*(\S+) => not found/ ? $1 : () }
	    `ldd @{[_program()]} 2>&1`);
	return "Sendmail needs $missing" if $missing ne '';
	return 'no name and files of its own for Sendmail (unshare -mu)'
	    if system('unshare -mu true 2>/dev/null') != 0;
	return 'm4 is not installed' if !grep { -x "$_/m4" }
	    split(/:/, $ENV{PATH});
	return undef;
}

# All optional but one of the first two:
#	milter		its socket: "unix:/path", "inet:port@host"
#	filter		text: the line of the .mc file that names it
#	address, port	default: an own address, a free port
#	name		of the listener ("MTA")
#	hosts		text: more of its /etc/hosts, for names of clients
#	mc		text: more of the .mc file, before the mailers
#	cf		text: more of the .cf file, behind all else
sub new {
	my ($class, %opt) = @_;
	my $dir = guard_dir() . '/sendmail';
	my $self = bless({ name => 'MTA', mc => '', cf => '', hosts => '',
	    address => XContext::Postfix::own_address(), dir => $dir, %opt },
	    $class);
	$self->{port} //= XContext::Postfix::free_port($self->{address});
	mkdir($_, 0755) for $dir, "$dir/mail", "$dir/dev";
	mkdir("$dir/queue", 0700);
	$self->configure;
	return $self;
}

sub address { return $_[0]{address} }
sub port { return $_[0]{port} }
sub dir { return $_[0]{dir} }

sub configure {
	my ($self) = @_;
	my $filter = $self->{filter} // "INPUT_MAIL_FILTER(`xcontext', " .
	    "`S=$self->{milter}, F=T, T=S:10s;R:10s;E:30s')dnl\n";
	my ($dir, $cf) = ($self->{dir}, _cf());
	my $files = join('', map { "define(`$_', `-o $dir/none')dnl\n" }
	    qw(confCW_FILE confCT_FILE confCR_FILE));
	spit("$dir/service.switch", "hosts files\naliases files\n");
	spit("$dir/deliver", "#!/bin/sh\n" .
	    "f=\$1/\$\$; cat > \$f.part; mv \$f.part \$f\n");
	chmod(0755, "$dir/deliver");
	spit("$dir/sendmail.mc", <<"END");
define(`_USE_ETC_MAIL_')dnl
define(`MAIL_SETTINGS_DIR', `$dir/')dnl
include(`$cf/m4/cf.m4')dnl
OSTYPE(`linux')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
DAEMON_OPTIONS(`Family=inet, Name=$self->{name}, Port=$self->{port}, Addr=$self->{address}')dnl
define(`QUEUE_DIR', `$dir/queue')dnl
define(`confPID_FILE', `$dir/pid')dnl
define(`ALIAS_FILE', `')dnl
define(`HELP_FILE', `')dnl
define(`STATUS_FILE', `')dnl
define(`confHOST_STATUS_DIRECTORY', `')dnl
define(`confCONTROL_SOCKET_NAME', `')dnl
define(`confDEAD_LETTER_DROP', `$dir/dead.letter')dnl
define(`confSERVICE_SWITCH_FILE', `$dir/service.switch')dnl
define(`confDELIVERY_MODE', `interactive')dnl
define(`confDOMAIN_NAME', `mx.example.net')dnl
define(`confTO_IDENT', `0')dnl
define(`confQUEUE_LA', `9999')dnl
define(`confREFUSE_LA', `9999')dnl
define(`confDONT_PROBE_INTERFACES', `true')dnl
${files}LOCAL_DOMAIN(`example.com')dnl
${filter}$self->{mc}MAILER_DEFINITIONS
MAILER(`local')dnl
MAILER(`smtp')dnl
Mkeep,	P=$dir/deliver, F=DFMPSmn8u, S=EnvFromL/HdrFromL, R=EnvToL/HdrToL, T=DNS/RFC822/X-Unix, A=deliver $dir/mail \$u
LOCAL_RULE_0
R\$* < @ example.com . > \$*	\$#keep \$@ example.com \$: \$1
$self->{cf}
END
	system("m4 -D_CF_DIR_=$cf/ $dir/sendmail.mc > $dir/sendmail.cf") == 0
	    or die "m4 cannot make sendmail.cf\n";
}

# It waits a minute where its host's name has no dots, asks the host's name
# servers about clients, and writes to the host's log.  So it gets a name, two
# files of /etc and a /dev of its own.
my $inside = <<'END';
set -e
hostname mx.example.net
mount --bind "$1/hosts" /etc/hosts
mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf
for node in null zero full random urandom; do
	: > "$1/dev/$node"
	mount --bind "/dev/$node" "$1/dev/$node"
done
mount --rbind "$1/dev" /dev
exec "$0" -bD -C "$1/sendmail.cf"
END

sub _surroundings {
	my ($self) = @_;
	my $dir = $self->{dir};
	spit("$dir/hosts", "127.0.0.1 localhost\n::1 localhost\n" .
	    "$self->{address} mx.example.net\n$self->{hosts}");
	spit("$dir/nsswitch.conf", "passwd: files\ngroup: files\n" .
	    "hosts: files\n");
}

# Writes down what comes by /dev/log, each line with its <priority> in front.
sub _start_log {
	my ($self) = @_;
	my $path = "$self->{dir}/dev/log";
	my $sock = IO::Socket::UNIX->new(Local => $path,
	    Type => Socket::SOCK_DGRAM()) or die "$path: $!\n";
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(my $out, '>>', $self->log_file);
		while (defined $sock->recv(my $line, 65536)) {
			syswrite($out, "$line\n");
		}
		POSIX::_exit(1);
	}
	guard_process($pid);
	@$self{qw(log_pid log_start)} = ($pid, process_start($pid));
}

sub log_file { return "$_[0]{dir}/mail.log" }

sub log_text {
	my ($self) = @_;
	open(my $fh, '<', $self->log_file) or return '';
	local $/;
	return <$fh> // '';
}

# In the foreground (-bD), its sessions in children.
sub start {
	my ($self) = @_;
	my $log = "$self->{dir}/log";
	$self->_surroundings;
	$self->_start_log unless defined $self->{log_pid};
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', $log);
		open(STDERR, '>&', \*STDOUT);
		exec('unshare', '-mu', 'sh', '-c', $inside, _program(),
		    $self->{dir}) or POSIX::_exit(127);
	}
	guard_process($pid);
	@$self{qw(pid start)} = ($pid, process_start($pid));
	for (1 .. 500) {
		return $self if IO::Socket::INET->new(
		    PeerAddr => $self->{address}, PeerPort => $self->{port});
		last if waitpid($pid, POSIX::WNOHANG()) == $pid;
		Time::HiRes::sleep(0.02);
	}
	open(my $fh, '<', $log);
	die "Sendmail does not start:\n", $fh ? <$fh> : '', $self->log_text;
}

sub stop {
	my ($self) = @_;
	return if !defined $self->{pid};
	stop_process($self->{pid}, $self->{start}, 10);
	waitpid($self->{pid}, 0);
	guard_forget($self->{pid});
	stop_process($self->{log_pid}, $self->{log_start}, 5);
	waitpid($self->{log_pid}, 0);
	guard_forget($self->{log_pid});
	unlink("$self->{dir}/dev/log");
	delete @$self{qw(pid log_pid)};
}

# As XContext::Smtp's.
sub connect {
	my ($self, %how) = @_;
	return XContext::Smtp->connect($self->{address}, $self->{port}, %how);
}

sub mails {
	my ($self) = @_;
	my @mails;
	for my $file (grep { !/\.part$/ } glob("$self->{dir}/mail/*")) {
		open(my $fh, '<', $file) or next;
		local $/;
		push(@mails, scalar <$fh>);
	}
	return @mails;
}

# The delivered mail with that Subject, waiting for it up to that many seconds
# (10); undef if there is none.
sub delivered {
	my ($self, $subject, $seconds) = @_;
	my $end = Time::HiRes::time() + ($seconds // 10);
	while (1) {
		for my $mail ($self->mails) {
			return $mail if $mail =~ /^Subject: \Q$subject\E$/m;
		}
		return undef if Time::HiRes::time() > $end;
		Time::HiRes::sleep(0.05);
	}
}

1;
