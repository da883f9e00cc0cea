#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# The recipes of README's section "The relay", copied from there as one would
# copy them, with addresses and ports of the test's own: the last server sees
# the first client.
use strict;
use warnings;

use IO::Socket::INET ();
use Test::More;
use Time::HiRes ();

use XContext::Daemon ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_child guard_dir guard_process);
use XContext::Nginx ();
use XContext::Postfix ();
use XContext::Smtp ();

my $why = XContext::Postfix::impossible() //
    XContext::Daemon::impossible('xcontext-relay');
plan(skip_all => $why) if defined $why;
$SIG{ALRM} = sub { die "the test takes too long\n" };
alarm(300);

use constant CLIENT => '127.0.2.1';
my $dir = guard_dir();
my $here = XContext::Postfix::own_address();

# The displays of the section's recipe of that number, without their indent.
sub recipe {
	my ($number) = @_;
	my $text = slurp(($ENV{srcdir} // '.') . '/README');
	my ($section) = $text =~ /^The relay\n-+\n(.*?)^\S[^\n]*\n---/ms
	    or die "README has no section of the relay\n";
	my ($part) = $section =~ /^$number\. (.*?)(?=^\S|\z)/ms
	    or die "README has no recipe $number\n";
	my @displays = $part =~ /((?:^\t[^\n]*\n)+)/mg;
	s/^\t//mg for @displays;
	return @displays;
}

# Replaces what stands there by what is so here; each must be there.
sub with {
	my ($text, @pairs) = @_;
	while (my ($from, $to) = splice(@pairs, 0, 2)) {
		$text =~ s/\Q$from\E/$to/g
		    or die "the recipe has no $from:\n$text";
	}
	return $text;
}

# The options of a master.cf entry, as XContext::Postfix takes them.
sub options {
	my ($entry) = @_;
	return [ map { s/=/ = /r } $entry =~ /^  -o (\S+)$/mg ];
}

sub free_port { return XContext::Postfix::free_port($here) }

# A relay with that configuration, which listens on that port.
my @relays;

sub start_relay {
	my ($port, $text) = @_;
	my $name = 'relay' . @relays;
	spit("$dir/$name.conf", <<"END" . $text);
store = "lmdb:$dir/$name/store"
runtime_directory = "$dir/$name"
user = ""
allowed_users = { "root" }
log = "stderr"
END
	push(@relays, XContext::Daemon->new(name => 'xcontext-relay',
	    conf => "$dir/$name.conf", log => "$dir/$name.log",
	    sockets => [ "$here:$port" ]));
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
my $postfix = XContext::Postfix->new(services => [ { name => 'inside',
    options => options((split(/\n/, $inside, 2))[1]) } ]);
my ($to, $to_port) = ($postfix->address('inside'), $postfix->port('inside'));
like($inside, qr/^127\.0\.0\.1:10025 inet n - y - - smtpd$/m,
    'a server on the loopback address');
$postfix->start;

# Sends a mail to that port and tells what the last server thinks of it.
sub check {
	my ($name, $port) = @_;
	my $smtp = XContext::Smtp->connect($here, $port, local => CLIENT);
	is($smtp->cmd('EHLO first.example.org')->code, 250, "$name: EHLO");
	is($smtp->mail(subject => $name)->code, 250, "$name: a mail");
	$smtp->quit;
	my $client = CLIENT;
	like($postfix->delivered($name) // 'nothing',
	    qr/^Received: from first\.example\.org .*\[\Q$client\E\]/m,
	    "$name: the last server sees the first client");
}

{
	my $port = free_port();
	my $relay = start_relay($port, with($front,
	    '192.0.2.25:25' => "$here:$port",
	    '[127.0.0.1]:10025' => "[$to]:$to_port"));
	check('in front of Postfix', $port);
	is($relay->event(event => 'message')->{code}, 250,
	    'in front of Postfix: its log');
}

{
	my ($conf, $master, $main) = recipe(2);
	my $port = free_port();
	my $relay = start_relay($port, with($conf,
	    '127.0.0.1:10027' => "$here:$port",
	    '"smtp:"' => "\"smtp:[$to]:$to_port\""));
	my %main = with($main, '[127.0.0.1]:10027' => "[$here]:$port") =~
	    /^(\w+) = (.*)$/mg;
	my $first = XContext::Postfix->new(services => [ { name => 'first' } ],
	    master => with($master, ' y ' => ' n '),
	    main => { %main, virtual_mailbox_domains => '',
	    relay_domains => 'example.com' });
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
	$first->stop;
}

SKIP: {
	my ($haproxy) = grep { -x } qw(/usr/sbin/haproxy
	    /usr/local/sbin/haproxy);
	skip('haproxy is not installed', 3) if !defined $haproxy;
	my ($cfg, $conf) = recipe(3);
	my ($port, $outside) = (free_port(), free_port());
	start_relay($port, $binding . with($conf,
	    '192.0.2.25:2525' => "$here:$port",
	    '192.0.2.8/32' => '127.0.0.1/32',
	    'profile haproxy {' => 'profile haproxy { addr = { "127.0.2.1" } ',
	    '[127.0.0.1]:10025' => "[$to]:$to_port"));
	spit("$dir/haproxy.cfg", "defaults\n" . join('', map {
	    "\ttimeout $_ 60s\n" } qw(client connect server)) . with($cfg,
	    'bind :25' => "bind $here:$outside",
	    '192.0.2.25:2525' => "$here:$port"));
	start_program($outside, $haproxy, '-q', '-db', '-f',
	    "$dir/haproxy.cfg");
	check('haproxy in front', $outside);
}

SKIP: {
	my $why = XContext::Nginx::impossible();
	skip($why, 3) if defined $why;
	my ($cfg, $conf) = recipe(4);
	my ($port, $outside, $auth) = (free_port(), free_port(), free_port());
	start_relay($port, $binding . with($conf,
	    '192.0.2.25:2525' => "$here:$port",
	    '192.0.2.8/32' => '127.0.0.1/32',
	    'profile nginx {' => 'profile nginx { addr = { "127.0.2.1" } ',
	    '[127.0.0.1]:10025' => "[$to]:$to_port"));
	my $temp = join('', map { "${_}_temp_path $dir/nginx/$_;\n" }
	    qw(client_body proxy fastcgi uwsgi scgi));
	XContext::Nginx::run($here, $outside, with($cfg,
	    'listen 25;' => "listen $here:$outside;",
	    '127.0.0.1:8025' => "$here:$auth",
	    'Auth-Server 192.0.2.25' => "Auth-Server $here",
	    'Auth-Port 2525' => "Auth-Port $port",
	    "http {\n" => "http {\naccess_log off;\n$temp"));
	check('nginx in front', $outside);
}

for my $relay (@relays) {
	is($relay->stop, 0, "a relay ends well");
	is(join("\n", $relay->complaints(qr/event=limit/)), '',
	    'and complains of nothing');
}
$postfix->stop;
done_testing();
