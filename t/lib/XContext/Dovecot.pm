# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Dovecot: a private Dovecot with mailboxes to be fetched from by IMAP
# and POP3, to be delivered to by LMTP, and, if the test has a mail server for
# that, to be sent by, on 127.0.0.1.  Every user has the password "secret".
#
#	my $dovecot = XContext::Dovecot->new;
#	$dovecot->put('joe', TEXT);
#	$dovecot->port('pop3');
#	$dovecot->mails('joe');		# texts
package XContext::Dovecot;

use strict;
use warnings;

use IO::Socket::INET ();
use POSIX ();
use Time::HiRes ();

use XContext::File qw(spit);
use XContext::Guard qw(guard_child guard_dir guard_process);
use XContext::Postfix ();

my $program = '/usr/sbin/dovecot';

# Why there can be none here; undef if there can.
sub impossible {
	return 'a private Dovecot needs root' if $> != 0;
	return 'no Dovecot' if !-x $program;
	return 'another Dovecot than 2.3, which has other settings'
	    if `$program --version` !~ /^2\.3\./;
	for my $protocol (qw(imap pop3 lmtp)) {
		return "no Dovecot for $protocol"
		    if !-e "/usr/lib/dovecot/$protocol";
	}
	return undef;
}

sub has_submission { return -e '/usr/lib/dovecot/submission' }

#	relay	[ address, port ] of the mail server that the port "submission"
#		hands mail to; default: there is no such port
sub new {
	my ($class, %opt) = @_;
	my $dir = guard_dir() . '/dovecot';
	mkdir($_, 0755) for $dir, "$dir/mail";
	my ($uid, $gid) = (getpwnam('nobody'))[2, 3];
	chown($uid, $gid, "$dir/mail");
	my %port = map { $_ => XContext::Postfix::free_port('127.0.0.1') }
	    qw(imap pop3 lmtp submission);
	my $self = bless({ dir => $dir, port => \%port, n => 0, uid => $uid,
	    gid => $gid, relay => $opt{relay} }, $class);
	spit("$dir/dovecot.conf", $self->_conf);
	$self->_start;
	return $self;
}

sub _conf {
	my ($self) = @_;
	my ($dir, $port) = @$self{qw(dir port)};
	return _common_conf($self) . (defined $self->{relay} ? <<"END" : '');
protocols = imap pop3 lmtp submission
submission_relay_host = $self->{relay}[0]
submission_relay_port = $self->{relay}[1]
service submission-login {
	inet_listener submission {
		port = $port->{submission}
	}
}
END
}

sub _common_conf {
	my ($self) = @_;
	my ($dir, $port) = @$self{qw(dir port)};
	return <<"END";
base_dir = $dir/run
state_dir = $dir/state
log_path = $dir/log
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
login_trusted_networks = 127.0.0.0/8
mail_location = maildir:$dir/mail/%u
first_valid_uid = 1
passdb {
	driver = static
	args = password=secret
}
userdb {
	driver = static
	args = uid=$self->{uid} gid=$self->{gid} home=$dir/mail/%u allow_all_users=yes
}
service imap-login {
	inet_listener imap {
		port = $port->{imap}
	}
	inet_listener imaps {
		port = 0
	}
}
service pop3-login {
	inet_listener pop3 {
		port = $port->{pop3}
	}
	inet_listener pop3s {
		port = 0
	}
}
service lmtp {
	inet_listener lmtp {
		port = $port->{lmtp}
	}
}
END
}

sub _start {
	my ($self) = @_;
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		exec($program, '-F', '-c', "$self->{dir}/dovecot.conf")
		    or POSIX::_exit(127);
	}
	guard_process($pid);
	for (1 .. 500) {
		return if IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		    PeerPort => $self->{port}{pop3});
		Time::HiRes::sleep(0.02);
	}
	die "Dovecot does not answer\n";
}

sub port { return $_[0]{port}{$_[1]} }

sub put {
	my ($self, $user, $text) = @_;
	my $box = "$self->{dir}/mail/$user";
	for my $dir ($box, map { "$box/$_" } qw(new cur tmp)) {
		mkdir($dir, 0700);
		chown(@$self{qw(uid gid)}, $dir);
	}
	my $file = "$box/new/" . ++$self->{n} . '.test';
	spit($file, $text);
	chown(@$self{qw(uid gid)}, $file);
}

sub mails {
	my ($self, $user) = @_;
	return map { XContext::File::slurp($_) }
	    glob("$self->{dir}/mail/$user/{new,cur}/*");
}

sub log_text { return XContext::File::slurp("$_[0]{dir}/log") }

1;
