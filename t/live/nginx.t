#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A real nginx mail proxy as the messenger: it says XCLIENT and EHLO and copies
# bytes from then on, so that the end client is typing on its connection.
use strict;
use warnings;

use IO::Socket::INET ();
use Test::More;
use Time::HiRes ();

use XContext::Guard qw(guard_child guard_dir guard_process);
use XContext::Live ();
use XContext::Postfix ();
use XContext::Smtp ();

my $module = '/usr/lib/nginx/modules/ngx_mail_module.so';
my ($nginx) = grep { -x } qw(/usr/sbin/nginx /usr/local/sbin/nginx);
plan(skip_all => 'nginx with its mail module is not installed')
    if !defined $nginx || !-e $module;

my $live = XContext::Live->new(trust => "127.0.0.1 edge\n",
    profiles => <<'END');
profile edge {
	xclient = { "ADDR", "PORT", "NAME", "HELO" }
	addr = { "127.0.2.0/24" }
	seal = "override"
}
END
my $dir = guard_dir();

# nginx asks by HTTP where a session goes.
sub start_auth {
	my $sock = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
	    Listen => 16) or die "auth: $!\n";
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		while (my $peer = $sock->accept) {
			while (my $line = <$peer>) {
				last if $line =~ /^\r?\n/;
			}
			print $peer "HTTP/1.0 200 OK\r\nAuth-Status: OK\r\n" .
			    'Auth-Server: ' .
			    $live->postfix->address('messengers') .
			    "\r\nAuth-Port: " .
			    $live->postfix->port('messengers') . "\r\n\r\n";
			close($peer);
		}
		exit(0);
	}
	guard_process($pid);
	return $sock->sockport;
}

sub start_nginx {
	my ($port) = @_;
	my $auth = start_auth();
	mkdir("$dir/nginx", 0755);
	open(my $fh, '>', "$dir/nginx/nginx.conf") or die "nginx.conf: $!\n";
	print $fh <<"END";
load_module $module;
daemon off;
master_process off;
pid $dir/nginx/pid;
error_log $dir/nginx/log;
events { }
mail {
	server_name proxy.example.net;
	auth_http 127.0.0.1:$auth/;
	xclient on;
	server {
		listen 127.0.0.1:$port;
		protocol smtp;
		smtp_auth none;
	}
}
END
	close($fh);
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		exec($nginx, '-p', "$dir/nginx", '-c', "$dir/nginx/nginx.conf")
		    or exit(127);
	}
	guard_process($pid);
	for (1 .. 200) {
		return if IO::Socket::INET->new(
		    PeerAddr => "127.0.0.1:$port");
		Time::HiRes::sleep(0.02);
	}
	die "nginx does not answer\n";
}

my $port = XContext::Postfix::free_port('127.0.0.1');
start_nginx($port);

sub end_client {
	return XContext::Smtp->connect('127.0.0.1', $port,
	    local => $_[0]);
}

# nginx keeps a client that talks too soon waiting; so wait for its greeting.
{
	my $smtp = end_client('127.0.2.1');
	is($smtp->cmd('EHLO end.example.org')->code, 250,
	    'an end client is greeted through nginx');
	is($smtp->mail(subject => 'through nginx')->code, 250,
	    'its mail is taken');
	$smtp->quit;
	my $mail = $live->postfix->delivered('through nginx') // '';
	like($mail, qr/^Received: from end\.example\.org .*\[127\.0\.2\.1\]/m,
	    'as its own');
	my ($override) = $live->policy->events(event => 'override');
	is($override->{peer}, '127.0.0.1', 'the log shows nginx');
	is($override->{client}, '127.0.2.1', 'and whom it spoke for');
}

# Typing on nginx's connection, the end client has none of nginx's rights.
for my $line ('XCLIENT ADDR=127.0.2.9', "XCLIENT\tADDR=127.0.2.9",
    'XFORWARD ADDR=127.0.2.9', 'XCLIENT HELO=other.example.org',
    'XREMOTEIP 127.0.2.9', 'XSETCONTEXT tenant=evil', 'XDUMPCONTEXT') {
	(my $shown = $line) =~ s/([^ -~])/sprintf('\\x%02x', ord($1))/ge;
	$live->policy_seen->forget;
	my $smtp = end_client('127.0.2.1');
	$smtp->cmd('EHLO end.example.org');
	# nginx begins to copy when the transaction does.
	is($smtp->cmd('MAIL FROM:<sender@example.org>')->code, 250,
	    "$shown: MAIL");
	is($smtp->cmd('RCPT TO:<box@example.com>')->code, 250,
	    "$shown: RCPT");
	is($smtp->cmd('RSET')->code, 250, "$shown: RSET");
	like($smtp->cmd($line)->code, qr/^[45]/, "$shown: is refused");
	is($smtp->mail(subject => "nginx: $shown")->code, 451,
	    "$shown: and has spoilt the session") if !$smtp->{closed};
	$smtp->close;
	ok($live->not_delivered("nginx: $shown"), "$shown: no mail");
	is_deeply([ grep { $_->{client_address} ne '127.0.2.1' }
	    $live->policy_seen->all ], [], "$shown: no other identity");
}

# An end client whom nginx may not speak for.
{
	my $smtp = end_client('127.0.4.1');
	$smtp->cmd('EHLO end.example.org');
	my $reply = $smtp->mail(subject => 'nginx may not');
	like($reply->code, qr/^[45]/, 'nginx may not speak for just anybody');
	$smtp->close;
	ok($live->not_delivered('nginx may not'), 'no mail gets in');
}

$live->finish;
