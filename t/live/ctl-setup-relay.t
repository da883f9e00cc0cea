#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext setup relay: xcontext-relay in front of a Postfix as Debian sets it
# up, which has milters, restrictions, TLS, IPv6 and localhost, and behind one.
# Real sessions go through it, all that was asked before is asked still, --check
# finds what is wrong, and --undo puts everything back, also after --apply was
# killed at one of its steps.
use strict;
use warnings;

use IO::Socket::IP ();
use Test::More;
use Time::HiRes ();

use XContext::Ctl ();
use XContext::Daemon ();
use XContext::Debian ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_dir guard_time);
use XContext::Postfix ();
use XContext::Setup qw(fails finds setup_by steps succeeds with_file);
use XContext::Smtp ();

XContext::Debian::enter_own_network();
my $why = XContext::Ctl::impossible() // XContext::Debian::impossible() //
    XContext::Daemon::impossible('xcontext-relay');
plan(skip_all => $why) if defined $why;
plan(skip_all => 'no strace') if system('strace -V > /dev/null 2>&1') != 0;
guard_time(600);
my ($v4, $v6) = ('192.0.2.25', '2001:db8::25');
XContext::Debian::add_addresses($v4, $v6) or
    plan(skip_all => 'no network of its own with an IPv6 address');

my ($debian, $ctl, $before);

sub begin {
	my ($title, %opt) = @_;
	note($title);
	$debian = XContext::Debian->new(%opt);
	# Its port 25 is everywhere, as the package has it.
	my ($text, $address) = (slurp($debian->master_cf), $debian->address);
	$text =~ s/^\Q$address\E:(?=smtp +inet)//m if !$opt{keep};
	spit($debian->master_cf, $text);
	$ctl = XContext::Ctl->new(conf => $debian->conf);
	$before = $debian->state_of_files;
}

sub setup {
	my (@args) = @_;
	return $ctl->run('setup', 'relay', '--config-directory', $debian->etc,
	    @args);
}

setup_by(\&setup, sub { $debian->state_of_files });

my $relay;

sub start_relay {
	my (@sockets) = @_;
	$relay = XContext::Daemon->new(name => 'xcontext-relay',
	    conf => $debian->conf, log => "$debian->{dir}/relay.log",
	    sockets => \@sockets);
	$relay->start;
}

sub apply {
	my (@args) = @_;
	succeeds('--plan', '--plan', @args);
	ok($debian->state_of_files eq $before, '--plan changes nothing');
	my $out = succeeds('--apply', '--apply', @args);
	my $applied = $debian->state_of_files;
	ok($applied ne $before, '--apply does');
	like(succeeds('--apply again', '--apply', @args), qr/nothing to change/,
	    'and again it says so');
	ok($debian->state_of_files eq $applied, 'twice is once');
	return $out;
}

sub undo {
	like(succeeds('--undo', '--undo'),
	    qr/^\tsystemctl disable --now xcontext-relay\n\tpostfix -c \S+ reload$/m,
	    'in this order');
	ok($debian->state_of_files eq $before, 'all is as it was');
	fails(1, qr/there is nothing to undo/, '--undo');
}

# Killed before the n-th call of that name, if there are so many.
sub run_killed {
	my ($call, $n, @args) = @_;
	my $wrapper = guard_dir() . '/strace';
	spit($wrapper, "#!/bin/sh\nASAN_OPTIONS=\$ASAN_OPTIONS:detect_leaks=0 " .
	    "exec strace -qq -o /dev/null -e trace=$call " .
	    "-e inject=$call:signal=KILL:when=$n '" .
	    XContext::Ctl::program() . "' \"\$@\"\n");
	chmod(0755, $wrapper);
	local $ENV{XC_CTL} = $wrapper;
	return setup('--apply', @args);
}

# Before each of its renames; gone on with, it is what it is at once.
sub killed {
	my (@args) = @_;
	for my $n (1 .. 100) {
		my $got = run_killed('rename', $n, @args);
		my $at = "killed before rename $n";
		is_deeply([ setup('--apply', @args)->{status}, steps(@args) ],
		    [ 0, [] ], "$at: gone on with") if $n % 2;
		my $undone = setup('--undo');
		cmp_ok($undone->{status}, '<=', 1, $at) or diag($undone->{err});
		ok($debian->state_of_files eq $before,
		    "$at: all is as it was");
		next if $got->{signal} != 0;
		cmp_ok($n, '>=', 4, 'there were some');
		last;
	}
}

my $dir = guard_dir();
system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 " .
    "-nodes -days 2 -subj /CN=mx.example.net -keyout $dir/key.pem " .
    "-out $dir/certificate.pem 2>/dev/null") == 0
    or die "openssl makes no certificate\n";
chmod(0644, "$dir/key.pem");

#
# In front
#
my $others = <<"END";
smtpd_milters = unix:others/milter
milter_default_action = tempfail
smtpd_client_restrictions = check_policy_service unix:others/policy
smtpd_tls_cert_file = $dir/certificate.pem
smtpd_tls_key_file = $dir/key.pem
END
my @front = qw(--where front);
begin('in front', main => $others, master => sub {
	s/^(smtp +inet .*\n)/$1  -o syslog_name=postfix\/mx\n/m });
is_deeply(steps(@front), [ 'binding inside', 'relay front', 'relay front6',
    'entry smtp inet' ], 'the steps');
$debian->start_others;
$debian->start;
my $out = apply(@front);
like($out, qr/^\tpostfix -c \S+ reload\n\tsystemctl restart xcontext-relay$/m,
    'what makes it take effect');
like($out, qr/^What it costs:\n(?:\t\* .*\n)*\t\* each user of this host can connect to 127\.0\.0\.1:10025/m,
    'and what it costs');
like(slurp($debian->master_cf), qr{^127\.0\.0\.1:25 +inet .* smtpd
  -o syslog_name=postfix/mx
\[::1\]:25 +inet .* smtpd
  -o syslog_name=postfix/mx
127\.0\.0\.1:10025 inet n - y - - smtpd
  -o smtpd_authorized_xclient_hosts=127\.0\.0\.1
  -o smtpd_tls_security_level=none
  -o \{ syslog_name = postfix/mx \}
}m, 'localhost stays, and the listener behind is as README has it') or
    diag(slurp($debian->master_cf));
like(slurp($debian->conf), qr/^relay front \{
\tlisten = "192\.0\.2\.25:25"
\tnext_hop = "smtp:\[127\.0\.0\.1\]:10025"
\tbinding = "inside"
\thostname = "mx\.example\.net"
\ttls = "may"
\ttls_certificate = "\Q$dir\E\/certificate\.pem"
\ttls_key = "\Q$dir\E\/key\.pem"
\}\n/m, 'the relay, with the certificate of Postfix');
# Postfix moves while it runs.
succeeds('--reload', '--apply', @front, '--reload');
for (1 .. 250) {
	last if !IO::Socket::IP->new(PeerHost => $v4, PeerPort => 25);
	Time::HiRes::sleep(0.02);
}
finds('it does not run', 'error', qr/relay front$/,
    qr/^192\.0\.2\.25:25 cannot be reached: Connection refused/);
start_relay("$v4:25");
my $got = setup('--check');
is($got->{status}, 0, '--check') or diag($got->{out});

# The manual's example.
{
	my ($block) = slurp(($ENV{srcdir} // '.') . '/man/xcontext.1') =~
	    /^(xcontext setup relay .*?)^\.Ed/ms;
	ok(defined $block, 'the manual has an example');
	for my $line (split(/\n/, $block // '')) {
		my (undef, undef, undef, @args) = split(' ', $line);
		succeeds("it runs: $line", @args);
	}
}

sub seen {
	my ($name, $address) = @_;
	ok(defined $debian->{milter_seen}->last(event => 'CONNECT',
	    client_addr => $address), "$name: the milter is asked");
	ok(defined $debian->{policy_seen}->last(client_address => $address),
	    "$name: the policy service is asked");
}

sub mail_from {
	my ($name, $smtp, $received) = @_;
	$smtp->cmd('EHLO client.example.org');
	is($smtp->mail(subject => $name)->code, 250, "$name: mail");
	$smtp->quit;
	like($debian->postfix->delivered($name) // 'nothing',
	    qr/^Received: from client\.example\.org .*\[\Q$received\E\]/m,
	    "$name: it comes from the client");
}

mail_from('a stranger', XContext::Smtp->connect($v4, 25,
    local => '127.0.2.1'), '127.0.2.1');
seen('a stranger', '127.0.2.1');
my $smtp = XContext::Smtp->connect($v4, 25, local => '127.0.1.1');
$smtp->cmd('EHLO proxy.example.net');
is($smtp->cmd('XCLIENT ADDR=10.0.0.1')->code, 550, 'a wrong XCLIENT');
$smtp->quit;
$smtp = XContext::Smtp->connect($v4, 25, local => '127.0.1.1');
ok($smtp->cmd('EHLO proxy.example.net')->offers('XCLIENT'),
    'a messenger is offered XCLIENT');
is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220, 'which works');
mail_from('a messenger', $smtp, '198.51.100.9');
seen('a messenger', '198.51.100.9');
$smtp = XContext::Smtp->connect($v4, 25, local => '127.0.2.1');
ok(!$smtp->cmd('EHLO stranger.example.net')->offers('XCLIENT'),
    'a stranger is not');
like($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, qr/^5/,
    'and refused');
$smtp->quit;
$smtp = XContext::Smtp->connect($v4, 25, local => '127.0.2.1');
$smtp->cmd('EHLO stranger.example.net');
$smtp->cmd('MAIL FROM:<a@example.org>');
like($smtp->cmd('RCPT TO:<b@elsewhere.example>')->code, qr/^[45]/,
    'it is no open relay');
$smtp->quit;
mail_from('by TLS', XContext::Smtp->connect_tls($v4, 25), $v4);
mail_from('by IPv6', XContext::Smtp->connect($v6, 25), 'IPv6:' . $v6);
mail_from('localhost', XContext::Smtp->connect('127.0.0.1', 25), '127.0.0.1');
mail_from('localhost, IPv6', XContext::Smtp->connect('::1', 25), 'IPv6:::1');

# What is wrong is found.
my ($conf, $master) = ($debian->conf, $debian->master_cf);
with_file('no XCLIENT for the relay', $master,
    sub { s/(xclient_hosts=)127\.0\.0\.1/$1/ }, [ 'error',
    qr{10025/inet: smtpd_authorized_xclient_hosts$}, qr/is not in it/ ]);
with_file('XCLIENT for others', $master,
    sub { s/(xclient_hosts=127\.0\.0\.1)/$1,8.8.8.0\/24/ }, [ 'error',
    qr/smtpd_authorized_xclient_hosts$/, qr{8\.8\.8\.0/24 is granted} ]);
with_file('a listener for the world', $master,
    sub { s/^127\.0\.0\.1:(?=10025)//m }, [ 'error', qr{^master.cf 10025/inet$},
    qr/the Internet can reach the listener behind/ ]);
with_file('TLS that nobody speaks', $master,
    sub { s/(tls_security_level=)none/$1encrypt/ }, [ 'error',
    'master.cf 127.0.0.1:10025/inet: smtpd_tls_security_level',
    'it is "encrypt", and the relay does not encrypt within this host',
    '530 for all mail', 'xcontext setup relay --where front --plan shows the ' .
    'whole, --apply makes it' ]);
with_file('a port for two', $master,
    sub { s/^127\.0\.0\.1:25 /smtp /m }, [ 'error', qr{^master.cf smtp/inet$},
    qr/where the relay is to listen/ ]);
with_file('another address', $master,
    sub { $_ .= "8.8.8.8:25 inet n - y - - smtpd\n" }, [ 'warning',
    qr{^master.cf 8\.8\.8\.8:25/inet$}, qr/Postfix itself serves port 25/ ]);
with_file('an open relay', $conf, sub { s/XCLIENT = "required"/XCLIENT = "ifavailable"/ },
    [ 'error', qr/relay front$/, qr/XCLIENT is "ifavailable"/ ],
    [ 'error', qr/relay front6$/, qr/XCLIENT is "ifavailable"/ ]);
with_file('no TLS', $conf, sub { s/(relay front \{.*?)tls = "may"/$1tls = "no"/s },
    [ 'warning', qr/relay front$/, qr/no STARTTLS/ ]);
with_file('no relay', $conf, sub { s/:10025"/:9"/g }, [ 'error',
    qr/^master\.cf$/, qr/no mail comes to Postfix by a relay/ ]);
if (($ENV{XC_SANITIZE} // 'no') eq 'no') {
	chmod(0600, "$dir/key.pem");
	finds('a key that cannot be read', 'error', qr/relay front$/,
	    qr/user "daemon" cannot read \S+key\.pem: Permission denied/);
}

# Its settings come back, if one of them was taken away.
{
	my $text = slurp($master);
	spit($master, $text =~ s/(xclient_hosts=)127\.0\.0\.1/$1/r);
	is_deeply(steps(@front), [ 'entry 127.0.0.1:10025 inet' ],
	    'what was taken away comes back');
	spit($master, $text);
}
# Somebody else's change is not lost.
spit($master, slurp($master) . "# somebody's\n");
$got = setup('--undo');
is($got->{status}, 65, 'changed since');
like($got->{err}, qr/master\.cf: changed since by somebody else/, 'is told');
spit($master, slurp($master) =~ s/# somebody's\n//r);
is($relay->stop, 0, 'the relay ends well');
is(join("\n", $relay->complaints(qr/event=limit/)), '', 'and complains of nothing');
$debian->stop;
undo();
killed(@front);

# Beside "setup postfix", each with a way back of its own.
is($ctl->run('setup', 'postfix', '--apply', '--config-directory',
    $debian->etc)->{status}, 0, 'setup postfix');
{
	my $wired = $debian->state_of_files;
	succeeds('--apply beside it', '--apply', @front);
	like(slurp($master), qr/^127\.0\.0\.1:10026 inet n - y - - smtpd$/m,
	    'at another port');
	succeeds('--undo beside it', '--undo');
	ok($debian->state_of_files eq $wired, 'that is left');
	is($ctl->run('setup', 'postfix', '--undo', '--config-directory',
	    $debian->etc)->{status}, 0, 'setup postfix --undo');
	ok($debian->state_of_files eq $before, 'and taken back');
}

# What the options say.
fails(64, qr/expected --where front/, '--plan');
fails(64, qr/expected --where front/, '--plan', '--where', 'x');
fails(64, qr/the relay has to go before Postfix is reloaded/, '--undo', @front,
    '--reload');
fails(64, qr/--bind $v4: the Internet can reach it, and this listener is for the relay alone/,
    '--plan', @front, '--bind', $v4);
is_deeply(steps(@front, '--bind', $v4, '--allow-public'), [ 'binding inside',
    'relay front', 'relay front6', 'entry smtp inet' ], 'unless it is said');
like(join('', @{JSON::PP::decode_json(setup('--plan', '--json', @front,
    '--bind', '::1', '--port', '10099')->{out})->{steps}[3]{new}}),
    qr/\[::1\]:10099 inet.*xclient_hosts=\[::1\]/, 'behind it, IPv6');
fails(64, qr/--mail x: expected relay/, '--plan', qw(--where behind --mail x));
{
	my $text = slurp($master);
	my %wrong = (
	    'postscreen has port 25' => sub { s/^smtp +inet.*\n.*\n//m;
		s/^#(smtp +inet .*postscreen)$/$1/m },
	    'no smtpd serves port 25' => sub { s/^smtp +inet/127.0.0.1:25 inet/m },
	    'asks xcontext itself' => sub { s{(syslog_name=postfix/mx)}
		{$1 -o smtpd_authorized_xclient_hosts=socketmap:unix:xcontext/maps:xclient} },
	    'by the PROXY protocol' => sub { s{(syslog_name=postfix/mx)}
		{$1 -o smtpd_upstream_proxy_protocol=haproxy} });
	for my $wrong (sort keys %wrong) {
		local $_ = $text;
		$wrong{$wrong}->();
		spit($master, $_);
		my $got = setup('--plan', @front);
		is($got->{status}, 78, "$wrong: the status");
		like($got->{err}, qr/\Q$wrong\E/, 'it is told');
	}
	spit($master, $text);
	$text = slurp($debian->main_cf);
	spit($debian->main_cf, $text . "inet_interfaces = no.such.example\n");
	$got = setup('--plan', @front);
	is($got->{status}, 65, 'inet_interfaces');
	like($got->{err}, qr/no address of "no\.such\.example"/, 'is told');
	spit($debian->main_cf, $text . "inet_interfaces = 127.0.0.1, $v4\n");
	is_deeply(steps(@front), [ 'binding inside', 'relay front',
	    'entry smtp inet' ], 'the addresses that Postfix has, and no others');
	spit($debian->main_cf, $text . "smtpd_tls_ask_ccert = yes\n" .
	    "smtpd_tls_eccert_file = $dir/certificate.pem\n" .
	    "smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = yes\n");
	$out = succeeds('costs', '--plan', @front);
	like($out, qr/no longer sees clients' certificates/, 'certificates');
	like($out, qr/not that of smtpd_tls_eccert_file/, 'two of them');
	like($out, qr/\+ +-o smtpd_tls_auth_only=no/, 'AUTH is offered still');
	like($out, qr/\+ +auth = "tls"/, 'with TLS');
	spit($debian->main_cf, $text . "smtpd_tls_key_file = /nosuch\n");
	like(succeeds('no key', '--plan', @front), qr/are not there: the relay offers no STARTTLS/,
	    'a key that is not there');
	spit($debian->main_cf, $text);
}

#
# Behind
#
my $next = XContext::Postfix->new(services => [ { name => 'next',
    options => [ 'smtpd_authorized_xclient_hosts = 127.0.0.0/8' ] } ]);
$next->start;
my $hop = '[' . $next->address('next') . ']:' . $next->port('next');
my @behind = qw(--where behind);
begin('behind', keep => 1, main => "virtual_mailbox_domains =\n" .
    "relay_domains = example.com\nrelayhost = $hop\n" .
    "smtp_tls_policy_maps = static:may\n");
my @steps = ('binding outside', 'profile postfix', 'relay out', 'listener out',
    'entry xcontext unix', 'relay_transport',
    'xcontext_destination_recipient_limit',
    'xcontext_destination_concurrency_limit');
is_deeply(steps(@behind), \@steps, 'the steps');
$out = apply(@behind);
like($out, qr/\* smtp_tls_policy_maps do not count/, 'what it costs');
{
	my $want = slurp(($ENV{srcdir} // '.') . '/etc/relay-behind.cf');
	$want =~ s/^#.*\n//mg;
	like(slurp($debian->master_cf), qr/^\Q$want\E/m,
	    'the entry is that of etc/relay-behind.cf');
}
like(slurp($debian->conf), qr/^relay out \{
\tlisten = "127\.0\.0\.1:10027"
\tnext_hop = "smtp:\Q$hop\E"
\tbinding = "outside"
\tconnect_timeout = "10"
\}
listener out \{
\ttrust_maps = \{ "inline:\{127\.0\.0\.1=postfix\}" \}
\}\n/m, 'the relay goes on where relayhost is');
start_relay('127.0.0.1:10027');
$debian->start;
$got = setup('--check');
is($got->{status}, 0, '--check') or diag($got->{out});
$smtp = $debian->connect('127.0.2.1');
$smtp->cmd('EHLO first.example.org');
is($smtp->mail(subject => 'behind')->code, 250, 'a mail');
$smtp->quit;
like($next->delivered('behind', 30) // 'nothing',
    qr/^Received: from first\.example\.org .*\[127\.0\.2\.1\]/m,
    'the next hop sees the first client');
$master = $debian->master_cf;
$conf = $debian->conf;
my $fix = 'xcontext setup relay --where behind --plan shows the whole, ' .
    '--apply makes it';
with_file('no XFORWARD', $master, sub { s/(xforward_command=)yes/$1no/ },
    [ 'error', qr/xcontext\/unix: smtp_send_xforward/, qr/not "yes"/ ]);
with_file('TLS to the relay', $master, sub { s/(tls_security_level=)none/$1encrypt/ },
    [ 'error', qr/xcontext\/unix: smtp_tls_security_level/, qr/"encrypt"/ ]);
with_file('TLS of others', $master, sub { s/  -o smtp_tls_policy_maps=\n// },
    [ 'warning', qr/smtp_tls_policy_maps/, qr/to the relay, too/ ]);
with_file('time-outs of others', $master, sub { s/  -o smtp_rcpt_timeout=.*\n// },
    [ 'warning', qr/smtp_rcpt_timeout/, qr/Postfix's own/ ]);
with_file('no transport', $master, sub { s/^xcontext unix/other unix/m },
    [ 'error', qr/^main\.cf$/, qr/no smtp client for/ ]);
with_file('one recipient', $debian->main_cf,
    sub { s/^(xcontext_destination_recipient_limit = )1$/${1}50/m },
    [ 'warning', 'main.cf xcontext_destination_recipient_limit',
    'it is not 1', 'a message whose recipients have different next hops gets ' .
    '452 4.5.3 for all but the first of these', $fix ]);
with_file('few processes', $debian->main_cf,
    sub { s/^(xcontext_destination_concurrency_limit = )200$/${1}20/m },
    [ 'note', 'main.cf xcontext_destination_concurrency_limit', 'it is 20',
    'so many messages at once, for all domains together: a few slow ones ' .
    'hold up the rest', $fix ]);
with_file('no trust', $conf, sub { s/127\.0\.0\.1=postfix/127.0.0.9=postfix/ },
    [ 'error', qr/relay out$/, qr/"stranger", which grants no XFORWARD/ ]);
spit("$dir/relay.pcre", "/^(127)/ of_\$1\n");
with_file('a table that fails', $conf,
    sub { s/"inline:\{127\.0\.0\.1=postfix\}"/"pcre:$dir\/relay.pcre"/ },
    [ 'error', "$conf relay out", "$dir/relay.pcre:1: " .
    "pcre:$dir/relay.pcre names profile \"of_127\" for 127.0.0.1, and there " .
    'is none',
    '451 for all mail', 'mend the table' ]);
with_file('a seal', $conf, sub { s/seal = "never"/seal = "override"/ },
    [ 'warning', qr/relay out$/, qr/"postfix" seals/ ]);
{
	my $change = sub { s/127\.0\.0\.1(?=\]?:10027)/8.8.8.8/ };
	my $text = slurp($debian->main_cf);
	spit($debian->main_cf, $text =~ s/127\.0\.0\.1(?=\]:10027)/8.8.8.8/r);
	with_file('an open relay', $conf, $change, [ 'error', qr/relay out$/,
	    qr/the Internet can reach it/ ]);
	spit($debian->main_cf, $text);
}
is($relay->stop, 0, 'the relay ends well');
is(join("\n", $relay->complaints(qr/event=limit/)), '', 'and complains of nothing');
$debian->stop;
undo();
killed(@behind);
fails(64, qr/is for Postfix alone: who connects to it can send mail anywhere/,
    '--plan', @behind, '--bind', $v4);
fails(64, qr/listens at one address/, '--plan', @behind, qw(--bind all
    --allow-public));
is_deeply(steps(@behind, '--bind', '::1'), \@steps, 'by IPv6');
{
	my $text = slurp($debian->main_cf);
	my %wrong = (
	    'relay_transport = lmtp:x: this is not' => 'relay_transport = lmtp:x',
	    'a port that is a number' => 'relayhost = [x.example]:submission',
	    'the relay logs in nowhere' => 'smtp_sasl_auth_enable = yes',
	    'the relay cannot promise that' => 'smtp_tls_security_level = dane-only',
	    'lead to different next hops' => "default_transport = smtp:[x.example]",
	);
	for my $wrong (sort keys %wrong) {
		spit($debian->main_cf, "$text$wrong{$wrong}\n");
		my $got = setup('--plan', @behind, '--mail', 'all');
		is($got->{status}, 78, "$wrong{$wrong}: the status");
		like($got->{err}, qr/\Q$wrong\E/, 'it is told');
	}
	spit($debian->main_cf, $text . "default_transport = smtp\n" .
	    "transport_maps = static:x\nsmtp_bind_address = 127.0.0.9\n" .
	    "sender_dependent_relayhost_maps = static:x\n" .
	    "smtp_tls_security_level = secure\nsmtp_tls_CAfile = $dir/certificate.pem\n");
	$out = succeeds('all', '--plan', @behind, '--mail', 'all');
	like($out, qr/^\d+\. \S+main\.cf: default_transport$/m, 'all mail');
	like($out, qr/\* what transport_maps speak of/, 'transport_maps');
	like($out, qr/\* sender_dependent_\.\.\. maps/, 'sender_dependent_');
	like($out, qr/\* the relay verifies next hops by the CAs/, 'TLS');
	like($out, qr/\+ +tls = "verify"\n.*\+ +tls_ca_file = /, 'as it was');
	like($out, qr/\+ +source_address = "127\.0\.0\.9"/,
	    'it connects from where Postfix did');
	spit($debian->main_cf, $text);
	$text = slurp($debian->master_cf);
	spit($debian->master_cf, $text . "xcontext unix - n n - - pipe\n" .
	    "  flags=R user=nobody argv=/bin/true\n");
	$got = setup('--plan', @behind);
	is($got->{status}, 78, 'a transport of that name');
	like($got->{err}, qr/"xcontext unix" is of another program, pipe/,
	    'is told');
	spit($debian->master_cf, $text);
}
$next->stop;
done_testing();
