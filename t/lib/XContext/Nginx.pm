# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Nginx: a real nginx as a mail proxy for SMTP, which says XCLIENT,
# and who answers it where a session goes.
#
#	my $nginx = XContext::Nginx->new(
#	    behind => { mx => [ '127.0.0.1', 2525 ] });
#	$nginx->start;
#	$nginx->connect('mx', local => '127.0.2.1');
#
# XContext::Nginx::run starts one with a configuration of the test's own, and
# run_file one with a whole file.
package XContext::Nginx;

use strict;
use warnings;

use IO::Socket::INET ();
use POSIX ();
use Time::HiRes ();

use XContext::File qw(spit);
use XContext::Guard qw(guard_child guard_dir guard_process);
use XContext::Postfix ();
use XContext::Smtp ();

my $module = '/usr/lib/nginx/modules/ngx_mail_module.so';
my ($program) = grep { -x } qw(/usr/sbin/nginx /usr/local/sbin/nginx);

# Why there can be no test with nginx here; undef if there can.
sub impossible {
	return 'nginx with its mail module is not installed'
	    if !defined $program || !-e $module;
	return undef;
}

# Starts nginx with that text as its configuration, behind what any test needs,
# and waits until it answers there.
sub run {
	my ($address, $port, $text) = @_;
	my $dir = guard_dir() . '/nginx';
	run_file($address, $port, <<"END" . $text);
load_module $module;
pid $dir/pid;
error_log $dir/log;
events { }
END
}

# The same with that text as it is.
sub run_file {
	my ($address, $port, $text) = @_;
	my $dir = guard_dir() . '/nginx';
	mkdir($dir, 0755);
	spit("$dir/nginx.conf", $text);
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		exec($program, '-p', $dir, '-e', "$dir/log", '-c',
		    "$dir/nginx.conf", '-g',
		    'daemon off; master_process off;') or POSIX::_exit(127);
	}
	guard_process($pid);
	for (1 .. 250) {
		return if IO::Socket::INET->new(PeerAddr => $address,
		    PeerPort => $port);
		Time::HiRes::sleep(0.02);
	}
	die "nginx does not answer\n";
}

#	behind		{ name => [ address, port ] }, each behind a port of its
#			own of 127.0.0.1; names are words
sub new {
	my ($class, %opt) = @_;
	my %port = map { ($_ => XContext::Postfix::free_port('127.0.0.1')) }
	    keys %{$opt{behind}};
	return bless({ behind => $opt{behind}, port => \%port }, $class);
}

# nginx asks by HTTP where a session goes; the path is the name.
sub _start_auth {
	my ($self) = @_;
	my $sock = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
	    Listen => 16) or die "auth: $!\n";
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		while (my $peer = $sock->accept) {
			my ($name) = (<$peer> // '') =~ m{^GET /(\w+) };
			while (my $line = <$peer>) {
				last if $line =~ /^\r?\n/;
			}
			printf $peer "HTTP/1.0 200 OK\r\nAuth-Status: OK\r\n" .
			    "Auth-Server: %s\r\nAuth-Port: %s\r\n\r\n",
			    @{$self->{behind}{$name}} if defined $name;
			close($peer);
		}
		POSIX::_exit(0);
	}
	guard_process($pid);
	return $sock->sockport;
}

sub start {
	my ($self) = @_;
	my $auth = $self->_start_auth;
	my @names = sort keys %{$self->{port}};
	my $servers = join('', map { <<"END" } @names);
	server {
		listen 127.0.0.1:$self->{port}{$_};
		auth_http 127.0.0.1:$auth/$_;
		protocol smtp;
		smtp_auth none;
	}
END
	run('127.0.0.1', $self->{port}{$names[0]}, <<"END");
mail {
	server_name proxy.example.net;
	xclient on;
$servers}
END
	return $self;
}

# To the port of that name, as XContext::Smtp's.
sub connect {
	my ($self, $name, %how) = @_;
	return XContext::Smtp->connect('127.0.0.1', $self->{port}{$name}, %how);
}

1;
