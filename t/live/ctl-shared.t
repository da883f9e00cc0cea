#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# The engine that several hosts share, as "xcontext ping" and the daemons see it:
# a real Redis, by each way to it, with each fault that it can have.
use strict;
use warnings;

use JSON::PP ();
use Test::More;
use Time::HiRes ();

use XContext::Ctl ();
use XContext::Daemon ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_dir);
use XContext::Postfix ();
use XContext::Redis ();

my $why = XContext::Ctl::impossible() // XContext::Redis::impossible() //
    XContext::Daemon::impossible(map { "xcontext-$_" }
    qw(policy milter relay));
plan(skip_all => $why) if defined $why;
my $dir = guard_dir();
my $conf = "$dir/xcontext.conf";
my $ctl = XContext::Ctl->new(conf => $conf);

# Writes a configuration of these settings.
sub configure {
	my (%setting) = @_;
	my $deadline = delete $setting{deadline} // 200;
	spit($conf, join('', "shared_deadline = $deadline\n",
	    map { "$_ = '$setting{$_}'\n" } sort keys %setting));
}

# What ping says of the engine: subject => row, and how long it took.
my $took;
sub engine {
	my ($url, %setting) = @_;
	configure(user => '', runtime_directory => $dir, shared => $url,
	    %setting);
	my $begun = Time::HiRes::time();
	my $got = $ctl->run('ping', '--json');
	$took = Time::HiRes::time() - $begun;
	is($got->{signal}, 0, 'it ends by itself') or diag($got->{err});
	my $rows = JSON::PP::decode_json($got->{out});
	return { map { $_->{what} => $_ } grep { $_->{what} =~ /^shared/ }
	    @$rows };
}

# The states of all subjects, in order, as one text.
sub states {
	my ($rows) = @_;
	return join(' ', map { $rows->{"shared$_"}{state} // '-' } '',
	    ' rights', ' memory', ' persistence', ' replicas');
}

sub text {
	my ($rows, $what) = @_;
	return $rows->{$what}{text} // '';
}

my @bare = qw(answers well well warns warns);
my $redis = XContext::Redis->new;
my $port = $redis->port;
my $url = "redis://127.0.0.1:$port";

#
# Ways to it
#
my $rows = engine($url);
is(states($rows), "@bare", 'a bare one: what is kept is doubtful');
like($rows->{shared}{version}, qr/^(?:redis|valkey) \d+\.\d+/,
    'its version');
is($rows->{shared}{where}, "127.0.0.1:$port", 'where it is');
is($redis->cli('DBSIZE'), '0', 'nothing is left in it');
is(states(engine("redis://localhost:$port")), "@bare", 'by a name');
$rows = engine("redis://127.0.0.1:1,127.0.0.1:$port/3");
is(states($rows), "@bare", 'the second host, a database');
is($rows->{shared}{where}, "127.0.0.1:$port", 'where that is');
like(text(engine("$url/99"), 'shared'), qr/^SELECT: ERR DB index/,
    'a database that it has not');
like(text(engine('redis://127.0.0.1:1'), 'shared'), qr/^connect: /,
    'nobody is there');
like(text(engine("redis://nobody.invalid:$port", deadline => 50),
    'shared'), qr/^its name: /, 'a name that nobody has');
cmp_ok($took, '<', 3, 'that is known in time');

# A configuration with a password in it says where, and does not show it.
configure(user => '', shared => "redis://u:hush\@127.0.0.1:$port");
my $got = $ctl->run('may', '192.0.2.1');
like("$got->{out}$got->{err}", qr/xcontext\.conf:2: shared: a password must/,
    'a password in the URL: where, and what is expected');
unlike("$got->{out}$got->{err}", qr/hush/, 'and it is not shown');

#
# Rights
#
is($redis->cli('ACL', 'SETUSER', 'xcontext', 'on', '>hush', 'resetkeys',
    '~xc:*', 'resetchannels', '-@all', '+select', '+role', '+info', '+set',
    '+get', '+del'), 'OK', 'the line of the manual');
my $secret = "$dir/secret";
spit($secret, "hush\n");
chmod(0640, $secret);
my $as = "redis://xcontext\@127.0.0.1:$port";
is(states(engine("$as/3", shared_password_file => $secret)), "@bare",
    'a user with the rights that are needed, and no other');
for my $right (qw(role info set get del)) {
	$redis->cli('ACL', 'SETUSER', 'xcontext', "-$right");
	$rows = engine($as, shared_password_file => $secret);
	my $of = $right eq 'role' ? 'shared' : 'shared rights';
	is($rows->{$of}{state}, 'fails', "without $right");
	like(text($rows, $of), qr/^\U$right\E: NOPERM/, "without $right: why");
	$redis->cli('ACL', 'SETUSER', 'xcontext', "+$right");
}
$redis->cli('ACL', 'SETUSER', 'xcontext', 'resetkeys', '~other:*');
like(text(engine($as, shared_password_file => $secret), 'shared rights'),
    qr/^SET: NOPERM/, 'without the keys');
spit($secret, "wrong\n");
like(text(engine($as, shared_password_file => $secret), 'shared'),
    qr/^AUTH: WRONGPASS/, 'a wrong password');
chmod(0644, $secret);
like(text(engine($as, shared_password_file => $secret), 'shared'),
    qr/secret: others may read/, 'a password that others may read');
like(text(engine($as, shared_password_file => "$dir/none"), 'shared'),
    qr/none: No such file/, 'a password that is not there');

#
# What it keeps
#
$redis->cli('CONFIG', 'SET', 'appendonly', 'yes');
is(states(engine($url)), 'answers well well well warns', 'with a log');
$redis->cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
$rows = engine($url);
is(states($rows), 'answers well fails well warns', 'with an eviction');
like(text($rows, 'shared memory'), qr/is allkeys-lru/, 'which');
$redis->cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
$redis->cli('CONFIG', 'SET', 'maxmemory', '1');
like(text(engine($url), 'shared rights'), qr/^SET: OOM/,
    'no memory is left');
$redis->cli('CONFIG', 'SET', 'maxmemory', '0');

#
# It hangs, it ends, it comes back
#
$redis->signal('STOP');
$rows = engine($url, deadline => 50);
like(text($rows, 'shared'), qr/not in time/, 'it hangs');
cmp_ok($took, '<', 10, 'that is known soon');
$redis->signal('CONT');
is(states(engine($url)), 'answers well well well warns', 'it goes on');
$redis->stop;
is(engine($url)->{shared}{state}, 'fails', 'it has ended');
$redis->start;
is(states(engine($url)), "@bare", 'it is back');

#
# A socket in the file system, and TLS
#
sub certificate {
	my ($name, $more) = @_;
	system("openssl req -x509 -newkey ec -pkeyopt " .
	    "ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=$name " .
	    "-keyout $dir/$name.key -out $dir/$name.pem $more 2>/dev/null")
	    == 0 or die "openssl cannot make a certificate\n";
	chmod(0644, "$dir/$name.key");
}
certificate('engine', '-addext subjectAltName=DNS:localhost');
certificate('client', '');
my $socket = "$dir/engine.sock";
my $safe = XContext::Redis->new(tls => 1, conf => [
    "unixsocket $socket", 'unixsocketperm 700', "tls-cert-file $dir/engine.pem",
    "tls-key-file $dir/engine.key", "tls-ca-cert-file $dir/client.pem" ],
    args => [ '--tls', '--cacert', "$dir/engine.pem", '--sni', 'localhost',
    '--cert', "$dir/client.pem", '--key', "$dir/client.key" ]);
$rows = engine("redis+unix://$socket?database=2");
is(states($rows), "@bare", 'by a socket');
is($rows->{shared}{where}, $socket, 'where that is');
my $tls = 'rediss://localhost:' . $safe->port;
my %ca = (shared_tls_ca_file => "$dir/engine.pem");
my %client = (shared_tls_certificate => "$dir/client.pem",
    shared_tls_key => "$dir/client.key");
is(states(engine($tls, %ca, %client)), "@bare", 'TLS, both certificates');
is(engine($tls, %ca)->{shared}{state}, 'fails', 'without one of ours');
like(text(engine($tls, %client), 'shared'), qr/^TLS handshake: .*verif/,
    'a CA that is not known');
like(text(engine('rediss://127.0.0.1:' . $safe->port, %ca, %client),
    'shared'), qr/^TLS handshake: .*mismatch/, 'another name than its own');
like(text(engine($tls, shared_tls_ca_file => "$dir/none"), 'shared'),
    qr/none: No such file/, 'a CA that is not there');
is(engine('redis://localhost:' . $safe->port, deadline => 50)
    ->{shared}{state}, 'fails', 'TLS that is not spoken');
is(engine("rediss://127.0.0.1:$port", deadline => 50)->{shared}{state},
    'fails', 'TLS where there is none');
configure(user => '', shared => $tls, shared_tls_key => "$dir/client.key");
$got = $ctl->run('may', '192.0.2.1');
like("$got->{out}$got->{err}",
    qr/conf:3: shared_tls_key: shared_tls_certificate is missing/,
    'half of a pair');

#
# Replicas and sentinels
#
my $replica = XContext::Redis->new(conf => [ "replicaof 127.0.0.1 $port",
    'repl-diskless-sync-delay 0' ]);
ok($replica->wait_for(qr/master_link_status:up/, 'INFO', 'replication'),
    'a replica');
is(states(engine($url)), 'answers well well warns well', 'it is seen');
like(text(engine('redis://127.0.0.1:' . $replica->port), 'shared'),
    qr/^ROLE: it is a replica/, 'it is not taken for the master');
is(engine('redis://127.0.0.1:' . $replica->port . ",127.0.0.1:$port")
    ->{shared}{where}, "127.0.0.1:$port", 'the master is found behind it');

my $sentinel = XContext::Redis->new(sentinel => 1, conf => [
    "sentinel monitor it 127.0.0.1 $port 1",
    'sentinel down-after-milliseconds it 300',
    'sentinel failover-timeout it 2000' ]);
my $ask = 'redis://127.0.0.1:1,127.0.0.1:' . $sentinel->port .
    '/1?sentinel=';
$rows = engine($ask . 'it');
is(states($rows), 'answers well well warns well', 'by a sentinel');
is($rows->{shared}{where}, "127.0.0.1:$port", 'where it says');
like(text(engine($ask . 'other'), 'shared'), qr/knows no such master/,
    'a master that it does not know');
ok($sentinel->wait_for(qr/num-slaves\s+1\b/, 'SENTINEL', 'MASTER', 'it'),
    'it knows the replica');
$redis->stop;
my $new = '127.0.0.1:' . $replica->port;
my $begun = Time::HiRes::time();
until (states($rows = engine($ask . 'it')) =~ /^answers/ ||
    Time::HiRes::time() > $begun + 30) {
	Time::HiRes::sleep(0.1);
}
is($rows->{shared}{where}, $new, 'a failover: the new master is asked');
$sentinel->stop;
$safe->stop;

#
# The start of each daemon
#
my $front = '127.0.0.1:' . XContext::Postfix::free_port('127.0.0.1');
my %sockets = (policy => [ "$dir/policy", "$dir/maps" ],
    milter => [ "$dir/milter" ], relay => [ $front ]);

# Its lines about the engine, when there are so many.
sub told {
	my ($daemon, $n) = @_;
	my @lines;
	for (1 .. 500) {
		@lines = $daemon->events(event => 'shared');
		last if @lines >= $n;
		Time::HiRes::sleep(0.02);
	}
	return @lines;
}

for my $kind (sort keys %sockets) {
	my $daemon = XContext::Daemon->new(name => "xcontext-$kind",
	    conf => $conf, log => "$dir/$kind.log", sockets => $sockets{$kind});
	for my $where ($new, '127.0.0.1:1') {
		spit($conf, <<"END");
user = ""
log = "stderr"
runtime_directory = "$dir"
state_directory = "$dir"
store = "lmdb:$dir/store"
shared = "redis://$where"
policy { listen = "unix:$dir/policy" maps = "unix:$dir/maps" }
milter { listen = "unix:$dir/milter" }
relay front { listen = "$front" next_hop = "smtp:[127.0.0.1]:9" }
END
		spit("$dir/$kind.log", '');
		$daemon->start;
		my @lines = told($daemon, $where eq $new ? 3 : 1);
		is(join(' ', map { "$_->{what}: $_->{state}" } @lines),
		    $where eq $new ? 'shared: answers ' .
		    'shared persistence: warns shared replicas: warns' :
		    'shared: fails', "$kind, $where: it says so");
		is($lines[0]{where}, $where, "$kind, $where: where");
		is($daemon->stop(5), 0, "$kind, $where: it ends");
	}
	# It is stopped before it knows.
	$replica->signal('STOP');
	spit($conf, slurp($conf) =~ s/127.0.0.1:1"/$new"/r);
	$daemon->start;
	is($daemon->stop(5), 0, "$kind: it ends while it asks");
	$replica->signal('CONT');
}
$replica->stop;
done_testing();
