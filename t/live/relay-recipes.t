#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# The recipes of README's section "The relay", copied from there as one would
# copy them, with addresses and ports of the test's own: the last server sees
# the first client.  haproxy's and nginx's are whole files, and in etc/; and all
# that README has for xcontext.conf may stand in one.
use strict;
use warnings;

use IO::Socket::INET ();
use Test::More;
use Time::HiRes ();

use XContext::Daemon ();
use XContext::Dns ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_child guard_dir guard_process guard_time);
use XContext::Nginx ();
use XContext::Postfix ();
use XContext::Readme qw(displays readme recipe section with);
use XContext::Smtp ();

my $why = XContext::Postfix::impossible() //
    XContext::Daemon::impossible('xcontext-relay');
plan(skip_all => $why) if defined $why;
guard_time(300);

use constant CLIENT => '127.0.2.1';
my $dir = guard_dir();
my $here = XContext::Postfix::own_address();

# The options of a master.cf entry, as XContext::Postfix takes them.
sub options {
	my ($entry) = @_;
	return [ map { s/=/ = /r } $entry =~ /^  -o (\S+)$/mg ];
}

sub free_port { return XContext::Postfix::free_port($_[0] // $here) }

# A file of etc/, and README's display of it.
sub is_shipped {
	my ($name, $display) = @_;
	my $file = slurp(($ENV{srcdir} // '.') . "/etc/$name");
	$file =~ s/\A(?:#.*\n)*//;
	is($display, $file, "etc/$name is README's");
}

# A relay with that configuration, which listens on that port.
my @relays;

sub start_relay {
	my ($text, @sockets) = @_;
	my $name = 'relay' . @relays;
	spit("$dir/$name.conf", <<"END" . $text);
store = "lmdb:$dir/$name/store"
runtime_directory = "$dir/$name"
state_directory = "$dir/$name"
user = ""
allowed_users = { "root" }
log = "stderr"
END
	push(@relays, XContext::Daemon->new(name => 'xcontext-relay',
	    conf => "$dir/$name.conf", log => "$dir/$name.log",
	    sockets => \@sockets));
	$relays[-1]->start;
	return $relays[-1];
}

sub start_program {
	my ($port, @command) = @_;
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		exec(@command) or exit(127);
	}
	guard_process($pid);
	for (1 .. 250) {
		return if IO::Socket::INET->new(PeerAddr => "$here:$port");
		Time::HiRes::sleep(0.02);
	}
	die "$command[0] does not answer\n";
}

my ($front, $inside) = recipe(1);
my ($binding) = $front =~ /^(binding .*\n)/m;
my ($options) = $inside =~
    /^127\.0\.0\.1:10025 inet n - y - - smtpd\n((?:  .*\n)+)/m;
ok(defined $options, 'a server on the loopback address');
my $postfix = XContext::Postfix->new(services => [ { name => 'inside',
    options => options($options) }, { name => 'local' } ]);
my ($to, $to_port) = ($postfix->address('inside'), $postfix->port('inside'));
$postfix->start;

# Sends a mail and tells what the last server thinks of it.
sub check_with {
	my ($name, $smtp, $client) = @_;
	is($smtp->cmd('EHLO first.example.org')->code, 250, "$name: EHLO");
	is($smtp->mail(subject => $name)->code, 250, "$name: a mail");
	$smtp->quit;
	like($postfix->delivered($name) // 'nothing',
	    qr/^Received: from first\.example\.org .*\[\Q$client\E\]/m,
	    "$name: the last server sees the first client");
}

sub check {
	my ($name, $port) = @_;
	check_with($name, XContext::Smtp->connect($here, $port,
	    local => CLIENT), CLIENT);
}

{
	my ($port, $port6) = (free_port(), free_port('::1'));
	system("openssl req -x509 -newkey ec -pkeyopt " .
	    "ec_paramgen_curve:prime256v1 -nodes -days 2 " .
	    "-subj /CN=mx.example.com -keyout $dir/key.pem " .
	    "-out $dir/certificate.pem 2>/dev/null") == 0
	    or die "openssl makes no certificate\n";
	my $relay = start_relay(with($front,
	    '192.0.2.25:25' => "$here:$port",
	    '[2001:db8::25]:25' => "[::1]:$port6",
	    '/etc/ssl/certs/mx.example.com.pem' => "$dir/certificate.pem",
	    '/etc/ssl/private/mx.example.com.key' => "$dir/key.pem",
	    '[127.0.0.1]:10025' => "[$to]:$to_port"), "$here:$port");
	check('in front of Postfix', $port);
	is($relay->event(event => 'message')->{code}, 250,
	    'in front of Postfix: its log');
	my $smtp = XContext::Smtp->connect($here, $port, local => CLIENT);
	ok($smtp->cmd('EHLO first.example.org')->offers('STARTTLS'),
	    'in front of Postfix: STARTTLS stays');
	$smtp->quit;
	check_with('with TLS', XContext::Smtp->connect_tls($here, $port),
	    '127.0.0.1');
	check_with('by IPv6', XContext::Smtp->connect('::1', $port6),
	    'IPv6:::1');
	like($inside, qr/^127\.0\.0\.1:25 inet n - y - - smtpd\n(?!  )/m,
	    'localhost stays');
	like($inside, qr/^\[::1\]:25 inet n - y - - smtpd\n(?!  )/m,
	    'localhost stays, by IPv6');
	check_with('from localhost', XContext::Smtp->connect(
	    $postfix->address('local'), $postfix->port('local'),
	    local => CLIENT), CLIENT);
}

{
	my ($conf, $master, $main) = recipe(2);
	my $port = free_port();
	my $relay = start_relay(with($conf,
	    '127.0.0.1:10027' => "$here:$port",
	    '"smtp:"' => "\"smtp:[$to]:$to_port\""), "$here:$port");
	my %main = with($main, '[127.0.0.1]:10027' => "[$here]:$port") =~
	    /^(\w+) = (.*)$/mg;
	# What a main.cf may say already, and the way to the relay cannot do.
	my $first = XContext::Postfix->new(services => [ { name => 'first' } ],
	    master => with($master, ' y ' => ' n '),
	    main => { %main, virtual_mailbox_domains => '',
	    relay_domains => 'example.com',
	    smtp_tls_security_level => 'encrypt' });
	$first->start;
	my $smtp = XContext::Smtp->connect($first->address('first'),
	    $first->port('first'), local => CLIENT);
	$smtp->cmd('EHLO first.example.org');
	is($smtp->mail(subject => 'behind Postfix')->code, 250,
	    'behind Postfix: a mail');
	$smtp->quit;
	my $client = CLIENT;
	like($postfix->delivered('behind Postfix', 30) // 'nothing',
	    qr/^Received: from first\.example\.org .*\[\Q$client\E\]/m,
	    'behind Postfix: the last server sees the first client');
	like($relay->event(event => 'xclient_sent')->{line},
	    qr/ADDR=\Q$client\E/, 'behind Postfix: its log');
	like($conf, qr/tls = "may"/, 'behind Postfix: TLS where it is offered');
	$first->stop;
}

SKIP: {
	my ($haproxy) = grep { -x } qw(/usr/sbin/haproxy
	    /usr/local/sbin/haproxy);
	skip('haproxy is not installed', 4) if !defined $haproxy;
	my ($cfg, $conf) = recipe(3);
	is_shipped('relay-haproxy.cfg', $cfg);
	my ($port, $outside, $outside6) = (free_port(), free_port(),
	    free_port('::1'));
	start_relay($binding . with($conf,
	    '192.0.2.25:2525' => "$here:$port",
	    '192.0.2.8/32' => '127.0.0.1/32',
	    'profile haproxy {' => 'profile haproxy { addr = { "127.0.2.1" } ',
	    '[127.0.0.1]:10025' => "[$to]:$to_port"), "$here:$port");
	spit("$dir/haproxy.cfg", with($cfg,
	    'bind :25' => "bind $here:$outside",
	    'bind [::]:25' => "bind [::1]:$outside6",
	    '192.0.2.25:2525' => "$here:$port"));
	start_program($outside, $haproxy, '-q', '-db', '-f',
	    "$dir/haproxy.cfg");
	check('haproxy in front', $outside);
}

SKIP: {
	my $why = XContext::Nginx::impossible();
	skip($why, 5) if defined $why;
	my ($cfg, $conf) = recipe(4);
	is_shipped('relay-nginx.conf', $cfg);
	my ($port, $outside, $outside6, $auth) = (free_port(), free_port(),
	    free_port('::1'), free_port());
	my $dns = XContext::Dns->new(records => {
	    '1.2.0.127.in-addr.arpa' => { PTR => [ 'first.example.net' ] },
	    'first.example.net' => { A => [ CLIENT ] } });
	start_relay($binding . with($conf,
	    '192.0.2.25:2526' => "$here:$port",
	    '192.0.2.8/32' => '127.0.0.1/32',
	    'profile nginx {' => 'profile nginx { addr = { "127.0.2.1" } ',
	    '[127.0.0.1]:10025' => "[$to]:$to_port"), "$here:$port");
	XContext::Nginx::run_file($here, $outside, with($cfg,
	    '/run/nginx.pid' => "$dir/nginx.pid",
	    '127.0.0.1:53' => $dns->server,
	    'listen 25;' => "listen $here:$outside;",
	    'listen [::]:25;' => "listen [::1]:$outside6;",
	    '127.0.0.1:8025' => "$here:$auth",
	    'Auth-Server 192.0.2.25' => "Auth-Server $here",
	    'Auth-Port 2526' => "Auth-Port $port"));
	check('nginx in front', $outside);
	like($postfix->delivered('nginx in front'),
	    qr/^Received: from first\.example\.org \(first\.example\.net /m,
	    'nginx in front: the client has its name');
}

for my $relay (@relays) {
	is($relay->stop, 0, "a relay ends well");
	is(join("\n", $relay->complaints(qr/event=limit/)), '',
	    'and complains of nothing');
}
$postfix->stop;

# All that README puts into xcontext.conf, but for the first hour, which has a
# test of its own.
{
	my $readme = readme();
	$readme =~ s/\Q$_\E// for section('The first hour');
	my @texts = grep { /^(?:profile|relay|milter)\b.*\{/m }
	    displays($readme);
	cmp_ok(scalar(@texts), '>=', 5, 'README has configurations');
	my $whole = with(join('', "user = \"\"\n", @texts),
	    '/etc/xcontext/trust.cidr' => "$dir/trust.cidr",
	    '/etc/ssl/certs/mx.example.com.pem' => "$dir/certificate.pem",
	    '/etc/ssl/private/mx.example.com.key' => "$dir/key.pem");
	spit("$dir/whole.conf", $whole);
	# Its tables are of IPv4 and IPv6, and name the profiles above.
	my @rules = readme() =~ /^([\da-f.:\/]+\t+\w+\n)/mg;
	cmp_ok(scalar(@rules), '>=', 3, 'README has rules for trust.cidr');
	spit("$dir/trust.cidr", join('', @rules));
	my $relay = $ENV{XC_RELAY} // './xcontext-relay';
	is(`$relay -t -c $dir/whole.conf 2>&1`, "$dir/whole.conf: ok\n",
	    'which may stand in one file');
}
done_testing();
