#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext-relay's TLS with clients: STARTTLS, a certificate that gives a
# profile, and AUTH, which a real Postfix behind it answers with the help of a
# server of the test's own that speaks Dovecot's auth protocol.
use strict;
use warnings;

use IO::Socket::UNIX ();
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Test::More;

use XContext::Behind ();
use XContext::Guard qw(guard_child guard_dir guard_process guard_time);
use XContext::Relay ();
use XContext::Smtp ();

my $why = XContext::Behind::impossible() // XContext::Relay::impossible();
$why //= 'openssl is not installed'
    if system('command -v openssl > /dev/null') != 0;
plan(skip_all => $why) if defined $why;
guard_time(300);

my $dir = guard_dir();

# A key and a certificate of that name, signed by itself.
sub certificate {
	my ($name) = @_;
	system("openssl req -x509 -newkey ec -pkeyopt " .
	    "ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=$name " .
	    "-keyout $dir/$name.key -out $dir/$name.pem 2>/dev/null") == 0
	    or die "openssl cannot make a certificate\n";
	chmod(0644, "$dir/$name.key");
	my $text = `openssl x509 -in $dir/$name.pem -noout -fingerprint -sha256`;
	return $text =~ /=([0-9A-F:]+)$/ ? $1 : die "no fingerprint\n";
}

# Lets joe in with the password "secret"; what it sees of that is in a file.
sub start_auth {
	my ($path) = @_;
	my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 10)
	    or die "$path: $!\n";
	chmod(0666, $path);
	my $right = encode_base64("\0joe\0secret", '');
	my $pid = fork() // die "fork: $!\n";
	return guard_process($pid) if $pid != 0;
	guard_child();
	$SIG{CHLD} = 'IGNORE';
	while (my $sock = $listener->accept) {
		next if fork() // 1;
		syswrite($sock, "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\n" .
		    "SPID\t1\nCUID\t1\nCOOKIE\t1\nDONE\n");
		while (my $line = <$sock>) {
			my ($id, $given) = $line =~
			    /^(?:AUTH|CONT)\t(\d+)(?:.*\tresp=|\t)(\S+)$/ or
			    (syswrite($sock, "CONT\t$1\t\n"), next)
			    if $line =~ /^(?:AUTH|CONT)\t(\d+)/;
			next if !defined $id;
			syswrite($sock, $given eq $right ?
			    "OK\t$id\tuser=joe\n" :
			    "FAIL\t$id\tuser=joe\n");
		}
		POSIX::_exit(0);
	}
	POSIX::_exit(1);
}

certificate('relay.example.net');
my $fingerprint = certificate('messenger.example.net');
certificate('somebody.example.net');
my $behind = XContext::Behind->new(services => [ { name => 'mx' },
    { name => 'submission', options => [ 'smtpd_sasl_auth_enable=yes',
	'smtpd_sasl_type=dovecot', 'smtpd_sasl_path=recorder/auth',
	'smtpd_recipient_restrictions=permit_sasl_authenticated, reject',
	'smtpd_data_restrictions=check_policy_service unix:recorder/policy'
	] } ]);
$behind->start;
start_auth($behind->queue . '/recorder/auth');
my %tls = (tls_certificate => "\"$dir/relay.example.net.pem\"",
    tls_key => "\"$dir/relay.example.net.key\"");
my $relay = XContext::Relay->new(relays => {
    may => { next_hop => $behind->next_hop('submission'),
	tls => '"may"', %tls },
    encrypt => { next_hop => $behind->next_hop, tls => '"encrypt"', %tls,
	tls_client_ca => "\"$dir/messenger.example.net.pem\"" },
    blind => { next_hop => $behind->next_hop('submission'),
	tls => '"may"', binding => '"blind"', %tls },
    no => { next_hop => $behind->next_hop('submission'), auth => '"always"' },
    none => { next_hop => $behind->next_hop('submission'), auth => '"no"',
	tls => '"may"', %tls } },
    conf => { XCLIENT => '"required"',
	trust_maps => "{ \"inline:{{$fingerprint=edge}}\", " .
	    '"inline:{127.0.4.1=filter}", "inline:{127.0.5.1=proxy}" }' },
    sections => "binding blind { XCLIENT = \"no\" }\n",
    profiles => <<'END');
profile edge { xclient = { "ADDR" } xdumpcontext = true }
profile filter { xforward = { "*" } }
profile proxy { xclient = { "*" } xdumpcontext = true }
END
$relay->start;

sub connect_tls {
	my ($name, %opt) = @_;
	if (defined $opt{certificate}) {
		$opt{key} = "$dir/$opt{certificate}.key";
		$opt{certificate} = "$dir/$opt{certificate}.pem";
	}
	return XContext::Smtp->connect_tls($relay->address($name),
	    $relay->port($name), local => '127.0.2.1', %opt);
}

sub plain { return encode_base64("\0$_[0]\0$_[1]", '') }

#
# STARTTLS
#
{
	my $smtp = $relay->connect(relay => 'encrypt', local => '127.0.2.1');
	my $ehlo = $smtp->cmd('EHLO client.example.org');
	ok($ehlo->offers('STARTTLS'), 'STARTTLS is offered');
	is($smtp->cmd('NOOP')->code, 250, 'encrypt: NOOP in the clear');
	for my $line ('MAIL FROM:<a@example.org>', 'XDUMPCONTEXT',
	    'XCLIENT ADDR=198.51.100.9', 'VRFY box', 'AUTH PLAIN') {
		is($smtp->cmd($line),
		    '530 5.7.0 Must issue a STARTTLS command first',
		    "encrypt: $line");
	}
	is($smtp->cmd('STARTTLS now')->code, 501, 'STARTTLS with arguments');
	$smtp->raw("STARTTLS\r\nEHLO injected.example.org\r\n");
	is($smtp->reply->code, 554, 'nothing may be sent behind STARTTLS');
	ok($smtp->is_closed, 'that is the end of the session');

	$smtp = connect_tls('encrypt');
	is($smtp->cmd('MAIL FROM:<a@example.org>')->code, 503,
	    'TLS: what was greeted before is forgotten');
	$ehlo = $smtp->cmd('EHLO client.example.org');
	ok(!$ehlo->offers('STARTTLS'), 'TLS: it is not offered any more');
	is($smtp->cmd('STARTTLS')->code, 503, 'TLS: once is enough');
	is($smtp->mail(from => 'a@example.org', subject => 'TLS')->code, 250,
	    'TLS: mail');
	is($behind->client_of('a@example.org')->{client_address},
	    '127.0.2.1', 'TLS: whose, Postfix knows');
	$smtp->quit;
	$smtp = $relay->connect(relay => 'no', local => '127.0.2.1');
	ok(!$smtp->cmd('EHLO a')->offers('STARTTLS'), 'no: not offered');
	is($smtp->cmd('STARTTLS')->code, 502, 'no: not taken');
	$smtp->quit;
}

#
# Certificates
#
for my $row ([ 'of a messenger', 'messenger.example.net', 1 ],
    [ 'of somebody', 'somebody.example.net', 0 ], [ 'none', undef, 0 ]) {
	my ($name, $certificate, $is_known) = @$row;
	my $smtp = connect_tls('encrypt', certificate => $certificate);
	my $ehlo = $smtp->cmd('EHLO client.example.org');
	is($ehlo->offers('XCLIENT ADDR'), $is_known,
	    "certificate $name: XCLIENT is offered or not");
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code,
	    $is_known ? 220 : 550, "certificate $name: XCLIENT");
	$smtp->cmd('EHLO client.example.org');
	is($smtp->mail(from => 'c@example.org')->code,
	    $is_known ? 250 : 451, "certificate $name: mail");
	$smtp->close;
}
is_deeply([ map { $_->{client_address} }
    $behind->seen->find(sender => 'c@example.org') ],
    [ ('198.51.100.9') x 2 ], 'Postfix knows of one of them');
{
	# The certificate is asked about only where the address says nothing.
	my $smtp = connect_tls('encrypt', local => '127.0.5.1',
	    certificate => 'messenger.example.net');
	$smtp->cmd('EHLO a');
	like($smtp->cmd('XDUMPCONTEXT')->text, qr/ profile proxy$/m,
	    'the address goes before the certificate');
	$smtp->quit;
}

#
# AUTH
#
{
	my $smtp = $relay->connect(relay => 'may', local => '127.0.2.1');
	ok(!$smtp->cmd('EHLO a')->offers('AUTH'),
	    'AUTH is not offered in the clear');
	is($smtp->cmd('AUTH PLAIN ' . plain('joe', 'secret'))->code, 538,
	    'AUTH is not taken in the clear');
	$smtp->quit;

	$smtp = connect_tls('may');
	my $ehlo = $smtp->cmd('EHLO a');
	ok($ehlo->offers('AUTH PLAIN'), 'TLS: AUTH is offered');
	is($smtp->mail(from => 'd@example.org')->code, 554,
	    'TLS: without it Postfix takes no mail');
	$smtp->cmd('RSET');
	is($smtp->cmd('AUTH PLAIN ' . plain('joe', 'wrong'))->code, 535,
	    'TLS: a wrong password');
	is($smtp->cmd('AUTH PLAIN')->code, 334, 'TLS: AUTH in two steps');
	is($smtp->cmd(plain('joe', 'secret'))->code, 235,
	    'TLS: the right password');
	is($smtp->cmd('AUTH PLAIN ' . plain('joe', 'secret'))->code, 503,
	    'TLS: once is enough');
	is($smtp->mail(from => 'd@example.org')->code, 250, 'TLS: mail');
	my $seen = $behind->client_of('d@example.org');
	is($seen->{sasl_username}, 'joe', 'TLS: Postfix knows who it is');
	is($seen->{client_address}, '127.0.2.1', 'TLS: and from where');
	is($smtp->mail(from => 'e@example.org')->code, 250,
	    'TLS: another mail');
	is($behind->client_of('e@example.org')->{sasl_username}, 'joe',
	    'TLS: of the same');
	$smtp->quit;

	$smtp = connect_tls('may');
	$smtp->cmd('EHLO a');
	is($smtp->cmd('AUTH PLAIN')->code, 334, 'an exchange');
	is($smtp->cmd('*')->code, 501, 'that is called off');
	is($smtp->cmd('NOOP')->code, 250, 'the session goes on');
	$smtp->quit;
}
{
	my $smtp = connect_tls('none');
	ok(!$smtp->cmd('EHLO a')->offers('AUTH'), 'auth = no: not offered');
	is($smtp->cmd('AUTH PLAIN ' . plain('joe', 'secret'))->code, 502,
	    'auth = no: not taken');
	$smtp->quit;
	$smtp = $relay->connect(relay => 'no', local => '127.0.2.1');
	ok($smtp->cmd('EHLO a')->offers('AUTH PLAIN'),
	    'auth = always: offered in the clear');
	is($smtp->cmd('AUTH PLAIN ' . plain('joe', 'secret'))->code, 235,
	    'auth = always: taken');
	$smtp->quit;
}
# Who may XFORWARD says at MAIL for whom it speaks; XCLIENT would take away the
# login.
{
	my $smtp = connect_tls('may', local => '127.0.4.1');
	$smtp->cmd('EHLO a');
	is($smtp->cmd('AUTH PLAIN ' . plain('joe', 'secret'))->code, 235,
	    'a filter that logs in');
	is($smtp->mail(from => 'f@example.org')->code, 250, 'its mail');
	my $seen = $behind->client_of('f@example.org');
	is($seen->{sasl_username}, 'joe', 'Postfix knows who it is');
	is($seen->{client_address}, '127.0.4.1', 'and from where');
	is($smtp->cmd('XFORWARD ADDR=198.51.100.9')->code, 250, 'XFORWARD');
	like($smtp->mail(from => 'g@example.org'),
	    qr/^451 4\.7\.6 .* after AUTH$/, 'comes too late');
	$smtp->close;
	is(scalar($behind->seen->find(sender => 'g@example.org')), 0,
	    'Postfix has not seen that mail');
}
# The next client has not logged in.
for my $name ('may', 'blind') {
	my $smtp = connect_tls($name, local => '127.0.5.1');
	$smtp->cmd('EHLO a');
	is($smtp->cmd('AUTH PLAIN ' . plain('joe', 'secret'))->code, 235,
	    "$name: a proxy that logs in");
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220,
	    "$name: and speaks for another");
	$smtp->cmd('EHLO a');
	is($smtp->mail(from => 'h@example.org')->code, 554,
	    "$name: that has not");
	$smtp->close;
}

$relay->finish;
$behind->finish;
alarm(0);
done_testing();
