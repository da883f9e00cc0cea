#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Which next hop a message goes to, from which address and how protected: by
# transport_maps, by the DNS, by LMTP, with TLS.
use strict;
use warnings;

use Test::More;

use XContext::Dns ();
use XContext::Guard qw(guard_child guard_dir guard_process guard_time
    process_start stop_process);
use XContext::Hop ();
use XContext::Postfix ();
use XContext::Recorder ();
use XContext::Relay ();

my $why = XContext::Postfix::impossible() // XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(300);

my $dir = guard_dir();

#
# Three hosts, on the same port
#
my @address = map { my @part = split(/\./, XContext::Postfix::own_address());
    $part[1] += 64 * $_; join('.', @part) } 0 .. 2;

sub common_port {
	for (1 .. 100) {
		my $port = XContext::Postfix::free_port($address[0]);
		my @free = grep { IO::Socket::IP->new(LocalHost => $_,
		    LocalPort => $port, Listen => 1) } @address;
		return $port if @free == @address;
	}
	die "no port is free\n";
}

my $port = common_port();
my @host = map { XContext::Hop->new(address => $_, port => $port) } @address;

#
# A Postfix with TLS, and one without
#
sub run {
	my (@command) = @_;
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		open(STDOUT, '>', "$dir/command.out");
		open(STDERR, '>&', \*STDOUT);
		exec(@command) or exit(127);
	}
	waitpid($pid, 0);
	die "$command[0] $command[1] has failed\n" if $? != 0;
}

sub certificate {
	my ($name, $subject, @rest) = @_;
	run(qw(openssl req -x509 -newkey ec -pkeyopt
	    ec_paramgen_curve:P-256 -nodes -days 2 -subj), "/CN=$subject",
	    '-keyout', "$dir/$name.key", '-out', "$dir/$name.pem", @rest);
}

my $tls_address = XContext::Postfix::own_address();
certificate('ca', 'an authority');
certificate('stranger', 'another authority');
certificate('tls', 'tls.example', '-CA', "$dir/ca.pem", '-CAkey',
    "$dir/ca.key", '-addext',
    "subjectAltName=DNS:tls.example,IP:$tls_address");

my $recorder = 'check_policy_service unix:recorder/policy';
my $postfix = XContext::Postfix->new(services => [
    { name => 'tls', options => [ 'smtpd_tls_security_level = may',
	'smtpd_authorized_xclient_hosts = 127.0.0.1',
	"smtpd_tls_cert_file = $dir/tls.pem",
	"smtpd_tls_key_file = $dir/tls.key" ] },
    { name => 'plain' } ],
    main => { virtual_mailbox_domains => 'static:all',
	smtpd_recipient_restrictions => $recorder });
mkdir($postfix->queue . '/recorder', 0755);
my $seen = XContext::Recorder->policy(file => "$dir/policy.seen",
    socket => $postfix->queue . '/recorder/policy');
$postfix->start;

# What offers STARTTLS, and then does not mean it.
my %liar = map { $_->[0] => XContext::Hop->new(keywords => [ 'STARTTLS' ],
    replies => { STARTTLS => $_->[1] }) }
    [ refuses => '454 4.7.0 not now' ], [ breaks => "220 go\n500 no" ];

#
# The DNS
#
my $dns = XContext::Dns->new(records => {
	'mx.example' => { MX => [ [ 20, 'b.mx.example' ],
	    [ 10, 'a.mx.example' ], [ 30, 'c.mx.example' ] ] },
	(map { ('a', 'b', 'c')[$_] . '.mx.example' =>
	    { A => [ $address[$_] ] } } 0 .. 2),
	'half.example' => { MX => [ [ 5, 'gone.half.example' ],
	    [ 10, 'c.mx.example' ] ] },
	'own.example' => { A => [ $address[1] ] },
	'two.example' => { A => [ @address[2, 2] ] },
	'null.example' => { MX => [ [ 0, '' ] ], A => [ $address[0] ] },
	'lost.example' => { MX => [ [ 5, 'gone.half.example' ] ] },
	'broken.example' => 'SERVFAIL',
	'silent.example' => 'silence',
	'empty.example' => {},
	'tls.example' => { A => [ $tls_address ] },
	'alias.example' => { A => [ $tls_address ] },
	'mx-tls.example' => { MX => [ [ 1, 'tls.example' ] ] }
});

#
# The relay
#
my $lmtp = XContext::Hop->new(lmtp => 1, replies => {
    RCPT => sub { $_[0] =~ /nobody/ ? '550 5.1.1 no such box' :
	'250 2.1.5 Ok' },
    '.' => sub { $_[0] =~ /full/ ? "452-4.2.2 this box\n452 4.2.2 is full" :
	"250 2.0.0 $_[0]" } });
my $lmtp_path = XContext::Hop->new(lmtp => 1, path => "$dir/lmtp");
my $sink_port = XContext::Postfix::free_port($address[0]);

my ($tls_port, $plain_port) = ($postfix->port('tls'),
    $postfix->port('plain'));
my %tls_way = (
	'tls.test' => "smtp:[tls.example]:$tls_port",
	'alias.test' => "smtp:[alias.example]:$tls_port",
	'mx.test' => "smtp:mx-tls.example:$tls_port",
	'address.test' => "smtp:[$tls_address]:$tls_port",
	'told.test' => "smtp:[tls.example]:$tls_port",
	'plain.test' => "smtp:[$tls_address]:$plain_port",
	map { ("$_.test" => $liar{$_}->target) } keys %liar);

sub ways {
	my (%way) = @_;
	return '{ "inline:{' . join(', ', map { "{$_=$way{$_}}" }
	    sort keys %way) . '}" }';
}

my $relay = XContext::Relay->new(conf => { resolver =>
    '"' . $dns->server . '"' },
    sections => <<"END", relays => {
Domain told.test { XCLIENT = "required" }
Binding no { tls = "no" }
Binding may { tls = "may" }
Binding encrypt { tls = "encrypt" }
Binding verify { tls = "verify"  tls_ca_file = "$dir/ca.pem" }
Binding stranger { tls = "verify"  tls_ca_file = "$dir/stranger.pem" }
Binding two { source_address = "127.0.0.2" }
Binding nowhere { source_address = "192.0.2.77" }
Binding_Group customers {
	source_address = "127.0.0.3"
	Binding three { }
	Binding four { source_address = "127.0.0.4" }
}
END
    ways => { transport_maps => ways(
	'a.example' => "smtp:[$address[0]]:$port",
	'also.example' => "smtp:[$address[0]]:$port",
	'.below.example' => "smtp:[$address[1]]:$port",
	'vip@a.example' => "smtp:[$address[2]]:$port") },
    rest => { next_hop => "\"smtp:[$address[2]]:$port\"",
	transport_maps => ways('a.example' => "smtp:[$address[0]]:$port") },
    mx => { connect_timeout => 3,
	transport_maps => "{ 'pcre:{{/\@(.*)\$/ smtp:\$1:$port}}' }" },
    host => { transport_maps =>
	"{ 'pcre:{{/\@(.*)\$/ smtp:[\$1]:$port}}' }" },
    # The mail exchangers' own port.
    mx25 => { next_hop => '"smtp:"' },
    lmtp => { protocol => '"lmtp"', next_hop => $lmtp->next_hop },
    'lmtp-path' => { protocol => '"lmtp"',
	next_hop => $lmtp_path->next_hop },
    'lmtp-sink' => { protocol => '"lmtp"',
	next_hop => "\"lmtp:[$address[0]]:$sink_port\"" },
    'smtp-lmtp' => { next_hop => $lmtp->next_hop },
    (map { ("from-$_" => { next_hop => $host[0]->next_hop,
	binding => "\"$_\"" }) } qw(two three four nowhere)),
    (map { ("tls-$_" => { transport_maps => ways(%tls_way),
	binding => "\"$_\"" }) } qw(no may encrypt verify stranger))
    });
$relay->start;

# The reply to a mail of that relay.
sub mail_by {
	my ($name, $to, %opt) = @_;
	my $smtp = $relay->connect(relay => $name, local => '127.0.2.1');
	my $reply = $smtp->cmd('EHLO there');
	$reply = $smtp->mail(to => $to, %opt) if $reply->code == 250;
	$smtp->quit if $reply->code != 421;
	$smtp->close;
	return $reply;
}

# Which hosts have got a message since.
sub reached {
	$relay->is_idle or diag('the relay does not let go');
	$_->is_idle for @host;
	my $reached = join('', map { ('a', 'b', 'c')[$_] x
	    $host[$_]->messages } 0 .. 2);
	$_->forget for @host;
	return $reached;
}

#
# transport_maps
#
for my $row ([ 'ways', 'box@a.example', 250, 'a' ],
    [ 'ways', 'BOX@A.Example', 250, 'a' ],
    [ 'ways', 'vip@a.example', 250, 'c' ],
    [ 'ways', 'box@deep.below.example', 250, 'b' ],
    [ 'ways', 'box@below.example', 451, '' ],
    [ 'rest', 'box@a.example', 250, 'a' ],
    [ 'rest', 'box@any.example', 250, 'c' ]) {
	my ($name, $to, $code, $want) = @$row;
	is(mail_by($name, $to)->code, $code, "$name: $to");
	is(reached(), $want, 'goes there');
}
{
	my $smtp = $relay->connect(relay => 'ways');
	$smtp->cmd('EHLO there');
	is($smtp->cmd('MAIL FROM:<a@example.org>')->code, 250,
	    'a mail to several');
	my @replies = map { $smtp->cmd("RCPT TO:<$_>")->code } 'x@a.example',
	    'vip@a.example', 'y@also.example', 'z@deep.below.example',
	    'nowhere@unknown.example';
	is("@replies", '250 452 250 452 451',
	    'those with other next hops have to come later');
	is($smtp->cmd('DATA')->code, 354, 'the rest is sent');
	is($smtp->data("Subject: x\n\nHello.\n")->code, 250, 'and taken');
	is($smtp->cmd('MAIL FROM:<a@example.org>')->code, 250, 'next');
	is($smtp->cmd('RCPT TO:<vip@a.example>')->code, 250,
	    'they come later, on the same connection');
	is($smtp->cmd('DATA')->code, 354, 'to be sent');
	is($smtp->data("Subject: y\n\nHello.\n")->code, 250, 'and taken');
	my ($message) = $host[0]->messages;
	is($message->{recipients}, 'x@a.example,y@also.example',
	    'the first next hop has got its two');
	is(reached(), 'ac', 'and the second its one') if $smtp->quit;
}

#
# The DNS
#
sub check_mx {
	my ($domain, $reply, $want, $name) = @_;
	like(mail_by('mx', "box\@$domain"), $reply, $name);
	is(reached(), $want, "it goes to " . ($want || 'nobody'));
}

check_mx('mx.example', qr/^250/, 'a', 'the best preference');

# What a host makes of one client must not send others' mail elsewhere.
$host[0]->restart(replies => {
    EHLO => sub { $_[0] =~ /poison/ ? '421 4.7.0 go away' :
	"250-mx\n250 PIPELINING" },
    MAIL => sub { $_[0] =~ /poison/ ? '421 4.7.0 go away' : '250 2.1.0 Ok' }
    });
{
	my $smtp = $relay->connect(relay => 'mx', local => '127.0.2.1');
	is($smtp->cmd('EHLO poison')->code, 250, 'somebody greets');
	is($smtp->mail(to => 'box@mx.example')->code, 250, 'and is sent on');
	$smtp->quit;
	is(reached(), 'b', 'it goes to the next host');
}
check_mx('mx.example', qr/^250/, 'a', 'behind a greeting that it does not ' .
    'like');
is(mail_by('mx', 'box@mx.example', from => 'poison@example.org')->code, 250,
    'a sender that the first host does not like');
is(reached(), 'b', 'goes to the next host');
check_mx('mx.example', qr/^250/, 'a', 'and others do not');
$host[0]->restart(replies => {});

$host[0]->stop;
$relay->mark;
check_mx('mx.example', qr/^250/, 'b', 'the second, if the first is away');
my @failed = $relay->since(event => 'hop_failed');
is(scalar(@failed), 1, 'log: once');
like($failed[0]{text}, qr/refused/, 'why');
is($failed[0]{host}, "a.mx.example[$address[0]]", 'which');
is(($relay->since(event => 'message'))[0]{host},
    "b.mx.example[$address[1]]", 'and who has got it');
$host[0]->start;
check_mx('mx.example', qr/^250/, 'b', 'it is back, but has failed of late');
$host[0]->stop;
$host[0]->start(greeting => '554 5.3.2 no service here');
check_mx('mx.example', qr/^250/, 'b', 'if it greets with 554');
$host[0]->restart(greeting => '421 4.3.2 not now');
check_mx('mx.example', qr/^250/, 'b', 'if it greets with 421');
$host[0]->restart(greeting => 'cut');
check_mx('mx.example', qr/^250/, 'b', 'if it says nothing');
$host[0]->restart(greeting => 'silence');
$host[1]->stop;
check_mx('mx.example', qr/^250/, 'c', 'if it keeps silent, and the second ' .
    'is away');
$_->stop for @host[0, 2];
check_mx('mx.example', qr/^451 4\.4\.1 /, '', 'if all are away: later');
$host[0]->{greeting} = undef;
$_->start for @host;
check_mx('mx.example', qr/^250/, 'a', 'all are back');

check_mx('half.example', qr/^250/, 'c', 'one has no address');
check_mx('own.example', qr/^250/, 'b', 'none: the domain itself');
check_mx('null.example', qr/^550 5\.1\.2 null\.example: .*null MX/, '',
    'a null MX');
check_mx('gone.example', qr/^550 5\.1\.2 gone\.example: no such/, '',
    'no such domain');
check_mx('empty.example', qr/^550 5\.1\.2 /, '', 'no address');
check_mx('lost.example', qr/^550 5\.1\.2 /, '', 'none of the hosts exists');
check_mx('broken.example', qr/^451 4\.4\.\d /, '', 'nobody can tell');
check_mx('silent.example', qr/^451 4\.4\.\d /, '', 'nobody answers');
check_mx('[' . $address[1] . ']', qr/^250/, 'b', 'an address, in brackets');
is(scalar($dns->find(name => 'own.example', type => 'MX')), 1,
    'MX is asked for first');
$dns->forget;
like(mail_by('host', 'box@own.example'), qr/^250/, 'a host, in brackets');
is(reached(), 'b', 'is asked for its address');
# Not of that name; of another there may be one on its way.
is(scalar($dns->find(name => 'own.example', type => 'MX')), 0,
    'and not for MX');
SKIP: {
	my $here = IO::Socket::IP->new(LocalHost => $address[0],
	    LocalPort => 25, Listen => 1) or skip('port 25 is taken', 2);
	close($here);
	my $smtp = XContext::Hop->new(address => $address[0], port => 25);
	like(mail_by('mx25', 'box@mx.example'), qr/^250/,
	    'the port of mail exchangers is 25');
	is(scalar($smtp->messages), 1, 'which is where it goes');
	$smtp->stop;
}

#
# LMTP
#
sub lmtp_session {
	my ($name) = @_;
	my $smtp = $relay->connect(relay => $name);
	is($smtp->cmd('EHLO there')->code, 500, "$name: this is no SMTP");
	is($smtp->cmd('LHLO there')->code, 250, 'it is LMTP');
	is($smtp->cmd('MAIL FROM:<a@example.org>')->code, 250, 'a mail');
	return $smtp;
}

sub replies {
	my ($n, $smtp, $first) = @_;
	return join(' | ', $first, map { $smtp->reply } 2 .. $n);
}

{
	my $want = "250 2.0.0 one\@example.com | 452 4.2.2 this box\n" .
	    '4.2.2 is full | 250 2.0.0 two@example.com';
	my $smtp = lmtp_session('lmtp');
	is(join(' ', map { $smtp->cmd("RCPT TO:<$_\@example.com>")->code }
	    qw(one nobody full two)), '250 550 250 250', 'to four');
	is($smtp->cmd('DATA')->code, 354, 'DATA');
	is(replies(3, $smtp, $smtp->data("Subject: x\n\nHello.\n")), $want,
	    'a reply for each of those who were accepted');
	is($smtp->cmd('MAIL FROM:<a@example.org>')->code, 250, 'again');
	is(join(' ', map { $smtp->cmd("RCPT TO:<$_\@example.com>")->code }
	    qw(one full two)), '250 250 250', 'to three');
	is($smtp->cmd("BDAT 6\r\nHell")->code, 250, 'a chunk has one reply');
	is(replies(3, $smtp, $smtp->cmd("BDAT 4 LAST\r\no.")), $want,
	    'the last one has three');
	is($smtp->cmd('NOOP')->code, 250, 'and no more');
	$smtp->quit;
	my @messages = $lmtp->messages;
	is($messages[0]{text}, "Subject: x\r\n\r\nHello.\r\n", 'DATA came');
	is($messages[1]{text}, "Hell\r\no.\r\n", 'the chunks, too');

	$smtp = lmtp_session('lmtp');
	is(join(' ', map { $smtp->cmd("RCPT TO:<$_\@example.com>")->code }
	    qw(one two)), '250 250', 'to two');
	$lmtp->restart(replies => { '.' => 'cut' });
	my $reply = $smtp->cmd('DATA');
	is($reply->code, 451, 'the next hop is gone') if $reply->code != 354;
	$smtp->close;
	$smtp = lmtp_session('lmtp');
	is(join(' ', map { $smtp->cmd("RCPT TO:<$_\@example.com>")->code }
	    qw(one two)), '250 250', 'to two');
	is($smtp->cmd('DATA')->code, 354, 'DATA');
	like(replies(2, $smtp, $smtp->data("Subject: x\n\nHello.\n")),
	    qr/^451 4\.4\.2 .* \| 451 4\.4\.2 /,
	    'it goes instead of answering: each is told');
	$smtp->quit;
	$lmtp->restart(replies => {});
}
{
	my $smtp = $relay->connect(relay => 'smtp-lmtp');
	is($smtp->cmd('EHLO there')->code, 250, 'a client of SMTP');
	is($smtp->cmd('MAIL FROM:<a@example.org>')->code, 250, 'its mail');
	is(join(' ', map { $smtp->cmd("RCPT TO:<$_\@example.com>")->code }
	    qw(one two)), '250 452',
	    'LMTP has a reply for each recipient, SMTP has one');
	is($smtp->cmd('DATA')->code, 354, 'DATA');
	is($smtp->data("Subject: x\n\nHello.\n")->code, 250, 'one is told');
	$smtp->quit;
}
{
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDOUT, '>', "$dir/sink.out");
		open(STDERR, '>&', \*STDOUT);
		exec('smtp-sink', '-u', 'nobody', '-L',
		    "$address[0]:$sink_port", 10) or exit(127);
	}
	guard_process($pid);
	for (1 .. 100) {
		last if IO::Socket::IP->new(PeerHost => $address[0],
		    PeerPort => $sink_port);
		select(undef, undef, undef, 0.05);
	}
	for my $name ('lmtp-sink', 'lmtp-path') {
		my $smtp = lmtp_session($name);
		is(join(' ', map { $smtp->cmd("RCPT TO:<$_\@example.com>")
		    ->code } qw(one two three)), '250 250 250', 'to three');
		is($smtp->cmd('DATA')->code, 354, 'DATA');
		like(replies(3, $smtp, $smtp->data("Subject: x\n\nHi.\n")),
		    qr/^250 [^|]* \| 250 [^|]* \| 250 /, 'three replies');
		is($smtp->cmd('NOOP')->code, 250, 'and no more');
		$smtp->quit;
	}
	stop_process($pid, process_start($pid), 5);
	waitpid($pid, 0);
}

#
# From which address
#
for my $row ([ two => '127.0.0.2' ], [ three => '127.0.0.3' ],
    [ four => '127.0.0.4' ]) {
	my ($name, $want) = @$row;
	$host[0]->forget;
	is(mail_by("from-$name", 'box@example.com')->code, 250,
	    "by the binding $name");
	is($host[0]->last(event => 'connect')->{from}, $want,
	    'from its address, or its group\'s');
}
$relay->mark;
is(mail_by('from-nowhere', 'box@example.com'), '421 4.4.1 the next hop ' .
    'cannot be reached', 'from an address of another\'s: who says EHLO is ' .
    'not told why');
like(($relay->since(event => 'hop_failed'))[0]{text}, qr/source address/,
    'the log has it');

#
# How protected: tls, where to, the reply, whether it was
#
my $n_mails = 0;
for my $row (
    [ 'no', 'tls', qr/^250/, 0 ],
    [ 'may', 'tls', qr/^250/, 1 ],
    [ 'may', 'plain', qr/^250/, 0 ],
    [ 'encrypt', 'tls', qr/^250/, 1 ],
    [ 'encrypt', 'alias', qr/^250/, 1 ],
    [ 'encrypt', 'plain', qr/^451 4\.7\.4 .*not offered/ ],
    [ 'verify', 'tls', qr/^250/, 1 ],
    [ 'verify', 'mx', qr/^250/, 1 ],
    [ 'verify', 'address', qr/^250/, 1 ],
    [ 'verify', 'alias', qr/^451 4\.7\.5 .*mismatch/ ],
    [ 'verify', 'plain', qr/^451 4\.7\.4 .*not offered/ ],
    [ 'stranger', 'tls', qr/^451 4\.7\.5 .*certificate/ ],
    [ 'may', 'refuses', qr/^250/ ],
    [ 'encrypt', 'refuses', qr/^451 4\.7\.4 .*not now/ ],
    [ 'verify', 'refuses', qr/^451 4\.7\.4 .*not now/ ],
    [ 'may', 'breaks', qr/^250/ ],
    [ 'encrypt', 'breaks', qr/^451 4\.7\.5 / ],
    [ 'verify', 'breaks', qr/^451 4\.7\.5 / ],
    [ 'verify', 'told', qr/^250/, 1, '127.0.2.1' ],
    [ 'no', 'told', qr/^250/, 0, '127.0.2.1' ]) {
	my ($binding, $way, $want, $is_tls, $client) = @$row;
	my $sender = 'tls' . ++$n_mails . '@sender.example';
	like(mail_by("tls-$binding", "box\@$way.test", from => $sender),
	    $want, "$binding: $way");
	my ($request) = $seen->find(sender => $sender);
	if (!defined $is_tls) {
		is($request, undef, 'Postfix has seen nothing of it');
		next;
	}
	like($request->{encryption_protocol} // 'nothing',
	    $is_tls ? qr/^TLSv1\.\d$/ : qr/^$/, 'Postfix: TLS or none');
	is($request->{client_address}, $client // '127.0.0.1', 'whose');
}
is(scalar(grep { /^MAIL/ } $liar{$_}->commands), 1,
    "$_: one mail, without TLS") for sort keys %liar;

$relay->finish(qr/event=hop_failed/);
$postfix->stop;
$_->stop for @host, values %liar, $lmtp, $lmtp_path, $dns, $seen;
done_testing();
