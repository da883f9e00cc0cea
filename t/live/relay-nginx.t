#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A real nginx mail proxy in front of xcontext-relay, and a Postfix behind that:
# the end client's address arrives, and the end client, who types on nginx's
# connection, gains nothing.  nginx is granted everything, so that nothing but
# the seal keeps its clients from it.
use strict;
use warnings;

use IO::Socket::INET ();
use Test::More;
use Time::HiRes ();

use XContext::Behind ();
use XContext::Guard qw(guard_child guard_dir guard_process);
use XContext::Inside qw(received);
use XContext::Postfix ();
use XContext::Relay ();
use XContext::Smtp ();

my $module = '/usr/lib/nginx/modules/ngx_mail_module.so';
my ($nginx) = grep { -x } qw(/usr/sbin/nginx /usr/local/sbin/nginx);
my $why = XContext::Behind::impossible() // XContext::Relay::impossible();
$why //= 'nginx with its mail module is not installed'
    if !defined $nginx || !-e $module;
plan(skip_all => $why) if defined $why;
$SIG{ALRM} = sub { die "the test takes too long\n" };
alarm(300);

my @seals = qw(override greeting);
my $dir = guard_dir();
my $behind = XContext::Behind->new->start;
my $relay = XContext::Relay->new(
    relays => { map { ($_ => { next_hop => $behind->next_hop }) } @seals },
    conf => { XCLIENT => '"required"' }, trust => '',
    profiles => join('', map { <<"END" } @seals));
profile $_ {
	xclient = { "*" }
	addr = { "127.0.2.0/24" }
	destaddr = { "*" }
	login = { "*" }
	xforward = { "*" }
	xremoteip = true
	xsetcontext = { "*" }
	xdumpcontext = true
	seal = "$_"
}
listener $_ { trust_maps = { "inline:{127.0.0.1=$_}" } }
END
$relay->start;

# nginx asks by HTTP where a session goes; the path is the relay's name.
sub start_auth {
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
			print $peer "HTTP/1.0 200 OK\r\nAuth-Status: OK\r\n" .
			    'Auth-Server: ' . $relay->address($name) .
			    "\r\nAuth-Port: " . $relay->port($name) .
			    "\r\n\r\n" if defined $name;
			close($peer);
		}
		exit(0);
	}
	guard_process($pid);
	return $sock->sockport;
}

sub start_nginx {
	my (%port) = @_;
	my $auth = start_auth();
	my $servers = join('', map { <<"END" } sort keys %port);
	server {
		listen 127.0.0.1:$port{$_};
		auth_http 127.0.0.1:$auth/$_;
		protocol smtp;
		smtp_auth none;
	}
END
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
	xclient on;
$servers}
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
		return if IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		    PeerPort => (values %port)[0]);
		Time::HiRes::sleep(0.02);
	}
	die "nginx does not answer\n";
}

my %port = map { ($_ => XContext::Postfix::free_port('127.0.0.1')) } @seals;
start_nginx(%port);

# nginx keeps a client that talks too soon waiting; so wait for its greeting.
# It begins to copy when the transaction does, and goes on after RSET.
sub end_client {
	my ($seal, $local, $sender) = @_;
	my $smtp = XContext::Smtp->connect('127.0.0.1', $port{$seal},
	    local => $local);
	$smtp->cmd('EHLO end.example.org');
	$smtp->cmd("MAIL FROM:<$sender>");
	return $smtp;
}

for my $seal (@seals) {
	my $smtp = end_client($seal, '127.0.2.1', "$seal\@example.org");
	is($smtp->cmd('RCPT TO:<box@example.com>')->code, 250,
	    "$seal: an end client's recipient");
	is($smtp->cmd('DATA')->code, 354, "$seal: DATA");
	is($smtp->data("Subject: by nginx, $seal\n\nHello.\n")->code, 250,
	    "$seal: its mail is taken");
	my $seen = $behind->client_of("$seal\@example.org");
	is($seen->{client_address}, '127.0.2.1', "$seal: Postfix: address");
	# Older versions do not tell it; nginx's own would be wrong.
	my $port = $smtp->local_port;
	like($seen->{client_port}, qr/^(?:unknown|$port)$/,
	    "$seal: Postfix: port");
	is($seen->{helo_name}, 'end.example.org', "$seal: Postfix: HELO");
	like(received($behind->delivered("by nginx, $seal")),
	    qr/^from end\.example\.org \(unknown \[127\.0\.2\.1\]\)/,
	    "$seal: Received:");
	my $event = $relay->event(event => 'override', listener => $seal);
	is($event->{peer}, '127.0.0.1', "$seal: the log shows nginx");
	is($event->{client}, '127.0.2.1', "$seal: and whom it spoke for");
	$smtp->quit;
}

for my $seal (@seals) {
	for my $line ('XCLIENT ADDR=127.0.2.9', "XCLIENT\tADDR=127.0.2.9",
	    'xclient ADDR=127.0.2.9', ' XCLIENT ADDR=127.0.2.9',
	    'XCLIENT LOGIN=root', 'XCLIENT HELO=other.example.org',
	    'XFORWARD ADDR=127.0.2.9', 'XREMOTEIP 127.0.2.9',
	    'XSETCONTEXT tenant=evil', 'XDUMPCONTEXT') {
		(my $shown = "$seal: $line") =~ s/\t/TAB/;
		$behind->seen->forget;
		my $smtp = end_client($seal, '127.0.2.1', 'evil@example.org');
		is($smtp->cmd('RCPT TO:<box@example.com>')->code, 250,
		    "$shown: RCPT");
		is($smtp->cmd('RSET')->code, 250, "$shown: RSET");
		my $reply = $smtp->cmd($line);
		like($reply->code, qr/^5/, "$shown: is refused");
		my $mail = $smtp->mail(from => 'evil@example.org');
		# What is no X command to us is one to nobody.
		is($mail->code, $reply->code == 500 ? 250 : 451,
		    "$shown: its mail");
		$smtp->close;
		is_deeply([ grep { $_->{client_address} ne '127.0.2.1' ||
		    $_->{helo_name} ne 'end.example.org' ||
		    $_->{sasl_username} ne '' } $behind->seen->all ], [],
		    "$shown: no other identity");
	}
}

# An end client whom nginx may not speak for.
{
	my $smtp = end_client('greeting', '127.0.4.1', 'no@example.org');
	my $reply = $smtp->cmd('RCPT TO:<box@example.com>');
	like($reply->code, qr/^(?:[45]|0$)/,
	    'nginx may not speak for just anybody');
	$smtp->close;
	is(scalar($behind->seen->find(sender => 'no@example.org')), 0,
	    'no mail gets in');
}

$relay->finish;
$behind->finish;
alarm(0);
done_testing();
