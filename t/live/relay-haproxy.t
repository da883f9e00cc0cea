#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A real haproxy in front of xcontext-relay, with both versions of the PROXY
# protocol and what version 2 can say besides; peers that have to send a header
# and do not, or must not and do; and the PROXY protocol towards a Postfix, with
# and without a haproxy between.
use strict;
use warnings;

use IO::Socket::IP ();
use IO::Socket::UNIX ();
use POSIX ();
use Test::More;
use Time::HiRes ();

use XContext::Behind ();
use XContext::Guard qw(guard_child guard_dir guard_forget guard_process
    guard_time process_start stop_process);
use XContext::Postfix ();
use XContext::Relay ();
use XContext::Smtp ();

my ($haproxy) = grep { -x } qw(/usr/sbin/haproxy /usr/local/sbin/haproxy);
my $why = XContext::Behind::impossible() // XContext::Relay::impossible();
$why //= 'haproxy is not installed' if !defined $haproxy;
$why //= 'openssl is not installed'
    if system('command -v openssl > /dev/null') != 0;
plan(skip_all => $why) if defined $why;
guard_time(300);

my $dir = guard_dir();
mkdir("$dir/haproxy", 0755);
mkdir("$dir/socket", 0755);
my $own = XContext::Postfix::own_address();
my $ports = { map { ($_ => XContext::Postfix::free_port($own)) }
    qw(one two looked tls out six) };
my $has_ipv6 = defined IO::Socket::IP->new(LocalHost => '::1', Listen => 1);

# A certificate of that name, signed by itself or by the one of that name.
sub certificate {
	my ($name, $by) = @_;
	my $path = "$dir/haproxy/$name";
	my $new = "openssl req -newkey ec -pkeyopt " .
	    "ec_paramgen_curve:prime256v1 -nodes -subj /CN=$name " .
	    "-keyout $path.key";
	my $sign = defined $by ? "$new -out $path.csr 2>/dev/null && " .
	    "openssl x509 -req -in $path.csr -CA $dir/haproxy/$by.pem " .
	    "-CAkey $dir/haproxy/$by.key -CAcreateserial -days 2 " .
	    "-out $path.pem 2>/dev/null" :
	    "$new -x509 -days 2 -out $path.pem 2>/dev/null";
	system($sign) == 0 && system("cat $path.pem $path.key > " .
	    "$path.both") == 0 or die "openssl cannot make $name\n";
	chmod(0644, "$path.key");
}

certificate('mx.example.net');
certificate('ca.example.net');
certificate('client.example.net', 'ca.example.net');
certificate('liar.example.net');

my $behind = XContext::Behind->new(services => [ { name => 'mx' },
    { name => 'proxied', options =>
	[ 'smtpd_upstream_proxy_protocol = haproxy' ] } ])->start;
my $relay = XContext::Relay->new(relays => {
    front => { next_hop => $behind->next_hop,
	proxy_protocol_timeout => 5, proxy_protocol => '{ "127.0.6.0/24", "127.0.7.0/24" }',
	tls => '"may"',
	tls_certificate => "\"$dir/haproxy/mx.example.net.pem\"",
	tls_key => "\"$dir/haproxy/mx.example.net.key\"",
	tls_client_ca => "\"$dir/haproxy/ca.example.net.pem\"" },
    out => { next_hop => $behind->next_hop('proxied'),
	proxy_protocol_out => 'true' },
    through => { next_hop => "\"smtp:[$own]:$ports->{out}\"",
	proxy_protocol_out => 'true' } },
    conf => { XCLIENT => '"required"' },
    limits => { log_rate => 1000 }, trust => <<'END',
127.0.6.1	proxy
127.0.6.2	looked
127.0.6.3	disconnects
127.0.1.0/24	never
END
    profiles => <<'END');
profile proxy {
	xclient = { "*" }
	addr = { "127.0.2.0/24", "198.51.100.0/24", "2001:db8::/32" }
	destaddr = { "*" }
	xsetcontext = { "*" }
	xdumpcontext = true
	xremoteip = true
}
profile looked {
	xclient = { "*" }
	addr = { "*" }
	destaddr = { "*" }
	xdumpcontext = true
	seal = "never"
}
profile disconnects { xclient = { "ADDR" } on_violation = "disconnect" }
profile never { xclient = { "*" } addr = { "*" } seal = "never" }
END
$relay->start;

my $to = $relay->address('front') . ':' . $relay->port('front');
my $proxied = $behind->address('proxied') . ':' . $behind->port('proxied');
open(my $fh, '>', "$dir/haproxy/cfg") or die "cfg: $!\n";
print $fh <<"END";
global
	stats socket $dir/haproxy/stats mode 600 level admin
defaults
	mode tcp
	timeout connect 10s
	timeout client 60s
	timeout server 60s
	timeout check 5s
listen one
	bind $own:$ports->{one}
	bind unix\@$dir/socket/one
	server relay $to source 127.0.6.1 send-proxy
listen two
	bind $own:$ports->{two}
	bind unix\@$dir/socket/two
	option smtpchk EHLO check.example.net
	server relay $to source 127.0.6.1 send-proxy-v2 check inter 500ms
listen looked
	bind $own:$ports->{looked}
	server relay $to source 127.0.6.2 send-proxy-v2 proxy-v2-options crc32c
frontend tls
	bind $own:$ports->{tls} ssl crt $dir/haproxy/mx.example.net.both ca-file $dir/haproxy/ca.example.net.pem verify optional crt-ignore-err all ca-ignore-err all
	unique-id-format id-%ci
	default_backend tls
backend tls
	server relay $to source 127.0.6.2 send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher,authority,unique-id,crc32c
listen out
	bind $own:$ports->{out} accept-proxy
	server postfix $proxied send-proxy
END
# A listener of IPv6 whose clients are of IPv4.
print $fh <<"END" if $has_ipv6;
listen six
	bind ::1:$ports->{six}
	tcp-request connection set-src ipv4(198.51.100.7)
	server relay $to source 127.0.6.1 send-proxy-v2
END
close($fh) or die "cfg: $!\n";
sub start_haproxy {
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDOUT, '>', "$dir/haproxy/log");
		open(STDERR, '>&', \*STDOUT);
		exec($haproxy, '-db', '-f', "$dir/haproxy/cfg") or
		    POSIX::_exit(127);
	}
	guard_process($pid);
	for (1 .. 500) {
		return [ $pid, process_start($pid) ] if IO::Socket::UNIX->new(
		    Peer => "$dir/haproxy/stats");
		last if waitpid($pid, POSIX::WNOHANG()) == $pid;
		Time::HiRes::sleep(0.02);
	}
	die "haproxy does not start:\n", `cat $dir/haproxy/log`;
}
my $running = start_haproxy();

sub by_haproxy {
	my ($name, %opt) = @_;
	return XContext::Smtp->connect($own, $ports->{$name},
	    local => '127.0.2.1', %opt);
}

# One that has to send a header, or must not, and what it says first.
sub raw {
	my ($local, $bytes) = @_;
	my $smtp = $relay->connect(relay => 'front', local => $local,
	    greeting => 0);
	$smtp->raw($bytes) if $bytes ne '';
	return $smtp;
}

sub pairs {
	my ($smtp) = @_;
	return { map { /^\[connection\] (\S+) (\S*)$/ ? ($1, $2) : () }
	    $smtp->cmd('XDUMPCONTEXT')->lines };
}

#
# Late: what takes its time goes on while the rest is looked at.
#
my $v1 = "PROXY TCP4 198.51.100.9 203.0.113.25 4711 25\r\n";
my %late = (
    'nothing' => [ '' ],
    'half a header' => [ substr($v1, 0, 20) ],
    'half a signature' => [ "\r\n\r\n\0\r\nQ" ],
    'an octet now and then' => [ split(//, substr($v1, 0, -2)) ]);
my %waiting;
for my $name (keys %late) {
	$waiting{$name} = fork() // die "fork: $!\n";
	next if $waiting{$name} != 0;
	guard_child();
	my $since = Time::HiRes::time();
	my $smtp = raw('127.0.6.1', '');
	for my $bytes (@{$late{$name}}) {
		last if $smtp->is_closed(0.3);
		$smtp->raw($bytes);
	}
	my $is_closed = $smtp->is_closed(30);
	my $took = Time::HiRes::time() - $since;
	my $is_told = grep { $_->[0] eq '<' } $smtp->dialogue;
	POSIX::_exit(!$is_closed ? 1 : $is_told ? 2 : $took < 4 ? 3 :
	    $took > 11 ? 4 : 0);
}

#
# Both versions
#
for my $version ('one', 'two') {
	my $smtp = by_haproxy($version);
	my $ehlo = $smtp->cmd('EHLO client.example.org');
	is(scalar(grep { /^X/ } $ehlo->lines), 0,
	    "$version: nothing is offered to the end client");
	is($smtp->mail(from => "$version\@example.org")->code, 250,
	    "$version: its mail is taken");
	my $seen = $behind->client_of("$version\@example.org");
	is($seen->{client_address}, '127.0.2.1', "$version: Postfix: address");
	is($seen->{client_port}, $smtp->local_port,
	    "$version: Postfix: port");
	is($seen->{helo_name}, 'client.example.org', "$version: Postfix: HELO");
	is($seen->{server_address}, $own, "$version: Postfix: destination");
	is($seen->{server_port}, $ports->{$version},
	    "$version: Postfix: and its port");
	$smtp->quit;
	for my $line ('XCLIENT ADDR=198.51.100.9', 'XREMOTEIP 198.51.100.9',
	    'XSETCONTEXT tenant=evil', 'XDUMPCONTEXT') {
		$smtp = by_haproxy($version);
		$smtp->cmd('EHLO client.example.org');
		is($smtp->cmd($line)->code, 550, "$version: sealed: $line");
		# To read is no violation.
		is($smtp->mail(from => 'evil@example.org')->code, 451,
		    "$version: and the mail") if $line ne 'XDUMPCONTEXT';
		$smtp->close;
	}
}

# Of its clients on a UNIX-domain socket haproxy says nothing: they are haproxy
# itself, but without its grants.
for my $version ('one', 'two') {
	for my $line ('XCLIENT ADDR=198.51.100.9', 'XREMOTEIP 198.51.100.9',
	    'XSETCONTEXT tenant=evil', 'XDUMPCONTEXT') {
		my $smtp = XContext::Smtp->connect_unix(
		    "$dir/socket/$version");
		my $ehlo = $smtp->cmd('EHLO local.example.org');
		is(scalar(grep { /^X/ } $ehlo->lines), 0,
		    "$version, UNIX: nothing is offered");
		is($smtp->cmd($line)->code, 550,
		    "$version, UNIX: sealed: $line");
		is($smtp->mail(from => 'evil@example.org')->code, 451,
		    "$version, UNIX: and the mail") if $line ne 'XDUMPCONTEXT';
		$smtp->close;
	}
	my $smtp = XContext::Smtp->connect_unix("$dir/socket/$version");
	$smtp->cmd('EHLO local.example.org');
	is($smtp->mail(from => "unix-$version\@example.org")->code, 250,
	    "$version, UNIX: mail");
	is($behind->client_of("unix-$version\@example.org")
	    ->{client_address}, '127.0.6.1', "$version, UNIX: haproxy's own");
	$smtp->quit;

	# A certificate, whosever it is, gives the grants not back.
	$smtp = XContext::Smtp->connect_tls(undef, undef,
	    path => "$dir/socket/$version",
	    certificate => "$dir/haproxy/client.example.net.pem",
	    key => "$dir/haproxy/client.example.net.key");
	my $ehlo = $smtp->cmd('EHLO local.example.org');
	is(scalar(grep { /^X/ } $ehlo->lines), 0,
	    "$version, UNIX, TLS: nothing is offered");
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 550,
	    "$version, UNIX, TLS: sealed");
	$smtp->close;
}
is(scalar($behind->seen->find(sender => 'evil@example.org')), 0,
    'no mail of a refused session has come to Postfix');

SKIP: {
	skip('no IPv6', 3) if !$has_ipv6;
	my $smtp = XContext::Smtp->connect('::1', $ports->{six});
	$smtp->cmd('EHLO client.example.org');
	is($smtp->mail(from => 'six@example.org')->code, 250,
	    'an IPv4 client of an IPv6 listener: mail');
	my $seen = $behind->client_of('six@example.org');
	is($seen->{client_address}, '198.51.100.7',
	    'an IPv4 client of an IPv6 listener: address');
	is($seen->{client_port}, $smtp->local_port,
	    'an IPv4 client of an IPv6 listener: port');
	$smtp->quit;
}

# Its health check is content.
{
	my $state = '';
	for (1 .. 100) {
		my $sock = IO::Socket::UNIX->new(
		    Peer => "$dir/haproxy/stats") or die "stats: $!\n";
		syswrite($sock, "show stat\n");
		($state) = join('', <$sock>) =~ /^(two,relay,.*)$/m;
		last if $state =~ /L7OK/;
		Time::HiRes::sleep(0.05);
	}
	like($state, qr/,UP,.*L7OK/, 'haproxy checks, and finds it up');
}

#
# What version 2 says besides
#
{
	my $smtp = by_haproxy('looked');
	$smtp->cmd('EHLO client.example.org');
	my $pairs = pairs($smtp);
	is($pairs->{remote_address}, '127.0.2.1', 'CRC32c: the client');
	is($pairs->{peer_address}, '127.0.6.2', 'CRC32c: the peer');
	is(scalar(grep { /^proxy_/ } keys %$pairs), 0,
	    'CRC32c: nothing more');
	$smtp->quit;
}
for my $row ([ 'a verified client', 'client.example.net', 1 ],
    [ 'one that is not verified', 'liar.example.net', 0 ],
    [ 'one without a certificate', undef, 0 ]) {
	my ($name, $certificate, $is_verified) = @$row;
	my $smtp = XContext::Smtp->connect_tls($own, $ports->{tls},
	    local => '127.0.2.1', server_name => 'mx.example.net',
	    defined $certificate ?
	    (certificate => "$dir/haproxy/$certificate.pem",
	    key => "$dir/haproxy/$certificate.key") : ());
	$smtp->cmd('EHLO client.example.org');
	my $pairs = pairs($smtp);
	is($pairs->{remote_address}, '127.0.2.1', "$name: the client");
	is($pairs->{proxy_authority}, 'mx.example.net', "$name: authority");
	is($pairs->{proxy_unique_id}, 'id-127.0.2.1', "$name: unique id");
	like($pairs->{proxy_ssl_version}, qr/^TLSv1\.[23]$/,
	    "$name: TLS version");
	like($pairs->{proxy_ssl_cipher}, qr/^[A-Z0-9_-]+$/,
	    "$name: TLS cipher");
	is($pairs->{proxy_ssl_cn}, $is_verified ? 'client.example.net' :
	    undef, "$name: its name, if it can be believed");
	is($smtp->mail(from => 'tls@example.org')->code, 250, "$name: mail");
	is($behind->client_of('tls@example.org')->{client_address},
	    '127.0.2.1', "$name: Postfix: address");
	$behind->seen->forget;
	$smtp->close;
}

#
# Headers by hand
#
my $crc32c = sub {
	my $crc = 0xffffffff;
	for my $octet (unpack('C*', $_[0])) {
		$crc ^= $octet;
		$crc = $crc & 1 ? $crc >> 1 ^ 0x82f63b78 : $crc >> 1
		    for 1 .. 8;
	}
	return ~$crc & 0xffffffff;
};

# Version 2 with a CRC32c, that is off by so much.
sub v2 {
	my ($addresses, $family, $error) = @_;
	my $head = "\r\n\r\n\0\r\nQUIT\n\x21$family" .
	    pack('n', length($addresses) + 7) . $addresses . "\x03\0\4";
	return $head . pack('N', $crc32c->("$head\0\0\0\0") ^ $error);
}

my $v4 = pack('C8nn', 198, 51, 100, 9, 203, 0, 113, 25, 4711, 25);
my $v6 = pack('n16nn', 0x2001, 0xdb8, (0) x 5, 9, 0x2001, 0xdb8, (0) x 5, 1,
    4711, 25);
for my $row (
    [ 'version 1', $v1, '198.51.100.9' ],
    [ 'version 1, IPv6', "PROXY TCP6 2001:db8::9 2001:db8::1 4711 25\r\n",
	'2001:db8::9' ],
    [ 'version 2', v2($v4, "\x11", 0), '198.51.100.9' ],
    [ 'version 2, IPv6', v2($v6, "\x21", 0), '2001:db8::9' ]) {
	my ($name, $header, $want) = @$row;
	for my $how ('whole', 'in pieces', 'with what comes next') {
		my $smtp = raw('127.0.6.1', '');
		if ($how eq 'in pieces') {
			for my $octet (split(//, $header)) {
				$smtp->raw($octet);
				Time::HiRes::sleep(0.002);
			}
		} else {
			$smtp->raw($header . ($how eq 'whole' ? '' :
			    "EHLO client.example.org\r\n"));
		}
		is($smtp->reply->code, 220, "$name, $how: it is greeted");
		my $ehlo = $how eq 'with what comes next' ? $smtp->reply :
		    $smtp->cmd('EHLO client.example.org');
		is($ehlo->code, 250, "$name, $how: EHLO");
		is($smtp->mail(from => 'hand@example.org')->code, 250,
		    "$name, $how: mail");
		my $seen = $behind->client_of('hand@example.org');
		is($seen->{client_address}, $want, "$name, $how: Postfix");
		is($seen->{client_port}, '4711', "$name, $how: its port");
		$behind->seen->forget;
		$smtp->quit;
	}
}

# No header, or no such header: not a word.
for my $row (
    [ 'SMTP', "EHLO client.example.org\r\n" ],
    [ 'garbage', "\x16\x03\x01\x02\0\x01\0\x01" ],
    [ 'a zero', "\0" ],
    [ 'no such protocol', "PROXY UDP4 198.51.100.9 203.0.113.25 1 25\r\n" ],
    [ 'no address', "PROXY TCP4 198.51.100 203.0.113.25 1 25\r\n" ],
    [ 'a port that is too high',
	"PROXY TCP4 198.51.100.9 203.0.113.25 65536 25\r\n" ],
    [ 'no end', 'PROXY TCP4 ' . '9' x 200 ],
    [ 'another CRC32c', v2($v4, "\x11", 1) ],
    [ 'addresses cut short', v2(substr($v4, 0, 11), "\x11", 0) ],
    [ 'a later version', "\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0" ],
    [ 'as much as there may be, and no TLVs',
	"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff" . "\xff" x 65535 ]) {
	my ($name, $bytes) = @$row;
	my $smtp = raw('127.0.6.1', $bytes);
	ok($smtp->is_closed, "$name: the connection is closed");
	is(scalar(grep { $_->[0] eq '<' } $smtp->dialogue), 0,
	    "$name: without a word");
}
{
	my $smtp = raw('127.0.6.1', substr($v1, 0, 20));
	$smtp->close;
	is(raw('127.0.6.1', $v1)->reply->code, 220,
	    'a header that is cut off harms nobody');
}

# As long as a header may be, at once and in pieces, and SMTP behind it.
my $noop = "\4" . pack('n', 65513) . "\0" x 65513;
for my $size (70000, 8191, 1000) {
	my $smtp = raw('127.0.6.1', '');
	my $bytes = v2("$v4$noop", "\x11", 0) . "EHLO client.example.org\r\n";
	while ($bytes ne '') {
		$smtp->raw(substr($bytes, 0, $size, ''));
		Time::HiRes::sleep(0.005);
	}
	is($smtp->reply->code, 220, "65,551 octets, by $size: greeted");
	is($smtp->reply->code, 250, "65,551 octets, by $size: EHLO");
	is($smtp->mail(from => 'long@example.org')->code, 250,
	    "65,551 octets, by $size: mail");
	is($behind->client_of('long@example.org')->{client_address},
	    '198.51.100.9', "65,551 octets, by $size: Postfix");
	$behind->seen->forget;
	$smtp->quit;
}

# Ends of two families, as haproxy writes them.
{
	my $mapped = pack('x10nC4', 0xffff, 198, 51, 100, 9);
	my $v6 = pack('n8', 0x2001, 0xdb8, (0) x 5, 9);
	my $ports = pack('nn', 4711, 25);
	for my $row (
	    [ 'version 1', "PROXY TCP6 ::ffff:198.51.100.9 2001:db8::1 " .
		"4711 25\r\n", '198.51.100.9' ],
	    [ 'version 2', v2("$mapped$v6$ports", "\x21", 0),
		'198.51.100.9' ],
	    [ 'version 2, IPv6', v2("$v6$mapped$ports", "\x21", 0),
		'2001:db8::9' ]) {
		my ($name, $header, $want) = @$row;
		my $smtp = raw('127.0.6.1', $header);
		is($smtp->reply->code, 220, "two families, $name: greeted");
		is($smtp->cmd('EHLO client.example.org')->code, 250,
		    "two families, $name: EHLO");
		is($smtp->mail(from => 'two@example.org')->code, 250,
		    "two families, $name: mail");
		my $seen = $behind->client_of('two@example.org');
		is($seen->{client_address}, $want,
		    "two families, $name: Postfix");
		is($seen->{client_port}, '4711', "two families, $name: port");
		$behind->seen->forget;
		$smtp->quit;
	}
}

# What cloud providers' balancers add.
{
	my $smtp = raw('127.0.6.2', v2($v4 .
	    "\xea" . pack('n/a', "\1vpce-08d2bf15fac5001c9") .
	    "\xee" . pack('n/a', "\1" . pack('V', 17857)) .
	    "\xe0" . pack('n/a', pack('NN', 1, 2)), "\x11", 0));
	is($smtp->reply->code, 220, 'cloud providers: greeted');
	my $pairs = pairs($smtp);
	is($pairs->{proxy_aws_vpce_id}, 'vpce-08d2bf15fac5001c9', 'Amazon');
	is($pairs->{proxy_azure_pel_id}, 17857, 'Microsoft');
	is($pairs->{proxy_gcp_conn_id}, 4294967298, 'Google');
	$smtp->quit;
}

# A header that may not be said.
{
	my $smtp = raw('127.0.6.1',
	    "PROXY TCP4 203.0.113.77 203.0.113.25 1 25\r\n");
	is($smtp->reply->code, 220, 'a client that it may not speak for');
	is($smtp->cmd('EHLO a')->code, 250, 'is greeted');
	my $mail = $smtp->mail(from => 'no@example.org');
	like($mail, qr/^451 4\.7\.1 ADDR=203\.0\.113\.77 .*; session /,
	    'but its mail is refused');
	$smtp->close;
	$smtp = raw('127.0.6.3', $v1);
	like($smtp->reply, qr/^421 4\.7\.1 .*; session /,
	    'on_violation = disconnect');
	ok($smtp->is_closed, 'ends it at once');
	# A peer of which nothing is said but that it sends headers.
	$smtp = raw('127.0.7.1', $v1);
	is($smtp->reply->code, 220, 'a peer without a profile');
	$smtp->cmd('EHLO a');
	is($smtp->mail(from => 'no@example.org')->code, 451,
	    'speaks for nobody');
	$smtp->close;
	is(scalar($behind->seen->find(sender => 'no@example.org')), 0,
	    'Postfix has seen none of this mail');
}

# Whoever is not to send one sends SMTP.
{
	my $smtp = raw('127.0.2.1', $v1);
	is($smtp->reply->code, 220, 'a stranger with a header is greeted');
	is($smtp->reply->code, 500, 'its header is an unknown command');
	$smtp->cmd('EHLO a');
	is($smtp->mail(from => 'stranger@example.org')->code, 250,
	    'its mail');
	is($behind->client_of('stranger@example.org')->{client_address},
	    '127.0.2.1', 'is its own');
	$smtp->quit;
	$smtp = raw('127.0.2.1', v2($v4, "\x11", 0));
	is($smtp->reply->code, 220, 'a stranger with version 2 is greeted');
	like(join(' ', map { $smtp->reply->code } 1 .. 2), qr/^[05]/,
	    'which is no SMTP');
	$smtp->close;
}

#
# Outwards
#
for my $name ('out', 'through') {
	my $smtp = $relay->connect(relay => $name, local => '127.0.2.3');
	my $port = $smtp->local_port;
	$smtp->cmd('EHLO client.example.org');
	is($smtp->mail(from => "$name\@example.org", subject => $name)->code,
	    250, "$name: mail");
	$smtp->quit;
	my $seen = $behind->client_of("$name\@example.org");
	is($seen->{client_address}, '127.0.2.3', "$name: Postfix: address");
	is($seen->{client_port}, $port, "$name: Postfix: port");
	is($seen->{helo_name}, 'client.example.org', "$name: Postfix: HELO");
	is($seen->{server_address}, $relay->address($name),
	    "$name: Postfix: destination");
	like($behind->delivered($name),
	    qr/^Received: from client\.example\.org .*\[127\.0\.2\.3\]/m,
	    "$name: Received:");

	# The header cannot be said again: the next client has a connection
	# of its own.
	$smtp = $relay->connect(relay => $name, local => '127.0.1.1');
	for my $client ('198.51.100.1', '198.51.100.2') {
		$smtp->cmd('EHLO proxy.example.org');
		is($smtp->cmd("XCLIENT ADDR=$client PORT=77")->code, 220,
		    "$name: XCLIENT");
		$smtp->cmd('EHLO client.example.org');
		is($smtp->mail(from => "$client\@example.org")->code, 250,
		    "$name: mail of $client");
		$seen = $behind->client_of("$client\@example.org");
		is($seen->{client_address}, $client, "$name: Postfix: $client");
		is($seen->{client_port}, '77', "$name: Postfix: its port");
		$behind->seen->forget;
	}
	$smtp->quit;
}

#
# What came late
#
for my $name (sort keys %waiting) {
	waitpid($waiting{$name}, 0);
	is($? >> 8, 0, "$name: after five seconds it is closed, without a word");
}
{
	my @late = grep { $_->{text} =~ /did not come in time, which is 5 / }
	    $relay->events(event => 'proxy_header');
	is(scalar(@late), 4, 'the log says so');
	is(scalar(grep { $_->{text} =~ /nothing came; check that this peer / }
	    @late), 1, 'and what to check where nothing came');
	like(join(' ', sort map { $_->{text} =~ /: (\d+) octets of it came$/ }
	    @late), qr/^1\d 20 8$/, 'and how much, where something did');
}

stop_process(@$running, 5);
waitpid($running->[0], 0);
guard_forget($running->[0]);
$relay->finish(qr/event=proxy_header/);
$behind->finish;
alarm(0);
done_testing();
