#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A real rspamd behind the server that stored mail is injected into judges the
# client that the mail came from: by its SPF result, from a DNS server of the
# test's own.
use strict;
use warnings;

use IO::Socket::IP ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use XContext::Ctl ();
use XContext::Dns ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_child guard_dir guard_process);
use XContext::Live ();
use XContext::Postfix ();

my $rspamd = '/usr/bin/rspamd';
my $why = XContext::Ctl::impossible() //
    (-x $rspamd ? undef : 'no rspamd');
plan(skip_all => $why) if defined $why;

my $port = XContext::Postfix::free_port('127.0.0.1');
my $milter = "inet:127.0.0.1:$port";
my $live = XContext::Live->new(
    services => [ { name => 'in', wiring => 'a' } ],
    start => 0, trust => "127.0.0.1\tfetcher\n",
    policy => { other_milters => qq("$milter") }, profiles => <<'END');
profile fetcher {
	xclient = { "ADDR", "NAME", "REVERSE_NAME", "PORT", "HELO" }
}
END
my $postfix = $live->postfix;
for my $service (values %{$postfix->{services}}) {
	s{unix:recorder/milter}{$milter} for @{$service->{options}};
}
$postfix->configure;

my $dns = XContext::Dns->new(records => {
    'example.org' => { TXT => [ 'v=spf1 ip4:203.0.113.7 -all' ] } });
my $dir = guard_dir() . '/rspamd';
mkdir($dir);
my ($uid, $gid) = (getpwnam('_rspamd'))[2, 3];
chown($uid, $gid, $dir);
# All of them would take it half a minute to read.
spit("$dir/tld", "com\norg\n");
# Nothing but SPF, and a header that says what it has found.
spit("$dir/rspamd.conf", <<"END");
options {
	pidfile = "$dir/pid";
	cache_file = "$dir/cache";
	control_socket = "$dir/control mode=0600";
	filters = "";
	url_tld = "$dir/tld";
	local_addrs = [];
	dns {
		nameserver = "@{[$dns->server]}:1";
		timeout = 1s;
		retransmits = 2;
	}
}
logging {
	type = "file";
	filename = "$dir/log";
	level = "info";
}
modules {
	path = "/usr/share/rspamd/plugins/spf.lua";
	path = "/usr/share/rspamd/plugins/milter_headers.lua";
}
spf { check_local = true; }
actions { reject = 1000; }
group "spf" {
	symbols {
		"R_SPF_ALLOW" { weight = 0.1; }
		"R_SPF_FAIL" { weight = 0.1; }
	}
}
milter_headers {
	use = [ "authentication-results" ];
	skip_local = false;
	skip_authenticated = false;
}
worker "normal" { enabled = false; count = 0; }
worker "controller" { enabled = false; count = 0; }
worker "rspamd_proxy" {
	bind_socket = "127.0.0.1:$port";
	milter = yes;
	count = 1;
	upstream "local" { default = yes; self_scan = yes; }
}
END
my $pid = fork() // die "fork: $!\n";
if ($pid == 0) {
	guard_child();
	open(STDOUT, '>', "$dir/out");
	open(STDERR, '>&', \*STDOUT);
	open(STDIN, '<', '/dev/null');
	chdir($dir);
	exec($rspamd, '-f', '-u', '_rspamd', '-g', '_rspamd', '-c',
	    "$dir/rspamd.conf") or POSIX::_exit(127);
}
guard_process($pid);
my ($end, $sock) = (time + 60);
sleep(0.1) while time < $end && kill(0, $pid) &&
    !($sock = IO::Socket::IP->new(PeerHost => '127.0.0.1',
    PeerPort => $port));
ok(defined $sock, 'rspamd listens') or
    diag(map { -e $_ ? slurp($_) : () } "$dir/out", "$dir/log");
undef $sock;
$live->start;

my $ctl = XContext::Ctl->new;
my $server = $postfix->address('in') . ':' . $postfix->port('in');

sub stored {
	my ($client, $subject) = @_;
	return "Return-Path: <a\@example.org>\n" .
	    "Received: from box.example.net (box.example.net [192.0.2.1])\n" .
	    "\tby store.example.net with ESMTP id 2; now\n" .
	    "Received: from helo.example.org (host.example.org [$client])\n" .
	    "\tby box.example.net with ESMTP id 1; now\n" .
	    "From: a\@example.org\nSubject: $subject\n" .
	    "Date: Mon, 30 Nov 2026 10:00:00 +0000\n" .
	    "Message-ID: <$subject\@example.org>\n\ntext\n";
}

# What rspamd has found of it.
sub spf_of {
	my ($subject) = @_;
	my $mail = $postfix->delivered($subject) // '';
	my ($said) = $mail =~
	    /^Authentication-Results:((?:.*\n)(?:[ \t].*\n)*)/m;
	return ($said // "none:\n$mail") =~ s/\s+/ /gr;
}

for my $row ([ '203.0.113.7', 'pass', 'its own host' ],
    [ '203.0.113.8', 'fail', 'another host' ]) {
	my ($client, $want, $name) = @$row;
	my $got = $ctl->run(in => stored($client, "spf-$want"), 'inject',
	    '--mine', '*.example.net', '--server', $server, '-',
	    'b@example.com');
	is($got->{status}, 0, "$name: taken") or diag($got->{err});
	like(spf_of("spf-$want"), qr/spf=$want \(.*\Q$client\E/,
	    "$name: SPF is asked of $client");
}

# Were it said by the messenger as its own, its own address would be judged.
{
	my $got = $ctl->run(in => stored('10.0.0.1', 'spf-self'), 'inject',
	    '--mine', '*.example.net', '--unknown', 'self', '--server',
	    $server, '-', 'b@example.com');
	is($got->{status}, 0, 'ours: taken') or diag($got->{err});
	like(spf_of('spf-self'), qr/spf=fail \(.*127\.0\.0\.1/,
	    'ours: SPF is asked of us');
}
ok($dns->find(name => 'example.org', type => 'TXT'), 'by our DNS server');

$live->finish;
diag(slurp("$dir/log")) if !Test::More->builder->is_passing;
