#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext-relay looks up the names of its clients, at a name server of the
# test's own: which are believed, what they are worth, and what happens when
# nobody answers.  Clients behind a PROXY header are looked up as any others, and
# Postfix then believes the names.
use strict;
use warnings;

use IO::Socket::INET ();
use POSIX ();
use Socket qw(inet_aton);
use Test::More;
use Time::HiRes ();

use XContext::Behind ();
use XContext::Guard qw(guard_child guard_process guard_time);
use XContext::Inside qw(received);
use XContext::Postfix ();
use XContext::Relay ();

my $why = XContext::Behind::impossible() // XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(300);

# What is asked, and what that is answered; undef: nothing at all.
my %zone = (
    '1.8.0.127.in-addr.arpa PTR' => [ 'messenger.example.net' ],
    'messenger.example.net A' => [ '127.0.8.1' ],
    # Anybody can say this of his own address.
    '2.8.0.127.in-addr.arpa PTR' => [ 'messenger.example.net' ],
    '3.8.0.127.in-addr.arpa PTR' => [ 'nowhere.example.net' ],
    '4.8.0.127.in-addr.arpa PTR' => undef,
    '5.8.0.127.in-addr.arpa PTR' => [ '127.0.1.1' ],
    '127.0.1.1 A' => [ '127.0.8.5' ],
    '6.8.0.127.in-addr.arpa PTR' => [ 'bad_name!.example.net' ],
    'bad_name!.example.net A' => [ '127.0.8.6' ],
    # The second of several.
    '7.8.0.127.in-addr.arpa PTR' => [ 'two.example.net' ],
    # The proxy's, and nobody answers.
    '1.9.0.127.in-addr.arpa PTR' => undef,
    'two.example.net A' => [ '127.0.8.99', '127.0.8.7' ]);

sub dns_name {
	return join('', map { chr(length) . $_ } split(/\./, $_[0])) . "\0";
}

sub dns_answer {
	my ($question) = @_;
	my ($at, @labels) = (12);
	while ((my $n = ord(substr($question, $at, 1))) > 0) {
		push(@labels, substr($question, $at + 1, $n));
		$at += 1 + $n;
	}
	my $type = unpack('n', substr($question, $at + 1, 2));
	my $key = lc(join('.', @labels)) .
	    ($type == 12 ? ' PTR' : $type == 1 ? ' A' : ' other');
	return undef if exists $zone{$key} && !defined $zone{$key};
	my @found = @{$zone{$key} // []};
	my $answers = join('', map { my $data = $type == 12 ? dns_name($_) :
	    inet_aton($_); "\xc0\x0c" . pack('nnNn', $type, 1, 60,
	    length($data)) . $data } @found);
	# A name with no such record is NOERROR, one that is not there NXDOMAIN.
	my $is_there = grep { index($_, lc(join('.', @labels)) . ' ') == 0 }
	    keys %zone;
	return substr($question, 0, 2) . pack('n5', 0x8580 |
	    ($is_there ? 0 : 3), 1, scalar(@found), 0, 0) .
	    substr($question, 12, $at + 5 - 12) . $answers;
}

sub start_dns {
	my $sock = IO::Socket::INET->new(Proto => 'udp',
	    LocalAddr => '127.0.0.1') or die "dns: $!\n";
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		while (defined(my $from = $sock->recv(my $question, 512))) {
			my $answer = dns_answer($question) // next;
			$sock->send($answer, 0, $from);
		}
		POSIX::_exit(1);
	}
	guard_process($pid);
	return '127.0.0.1:' . $sock->sockport;
}

my $behind = XContext::Behind->new(services => [ { name => 'mx' },
    { name => 'strict', options =>
	[ 'smtpd_sender_restrictions = reject_unknown_client_hostname' ] } ])
    ->start;
my $relay = XContext::Relay->new(
    relays => { front => { next_hop => $behind->next_hop,
	name_lookup => 'true' },
    proxied => { next_hop => $behind->next_hop('strict'),
	name_lookup => 'true', proxy_protocol => '{ "127.0.9.1" }' },
    unnamed => { next_hop => $behind->next_hop,
	proxy_protocol => '{ "127.0.9.1" }' } },
    conf => { XCLIENT => '"required"', resolver => '"' . start_dns() . '"',
	trust_maps => '{ "inline:{messenger.example.net=edge, ' .
	'127.0.1.1=edge, two.example.net=edge, 127.0.9.1=proxy}" }' },
    profiles => <<'END');
profile edge { xclient = { "ADDR" } xdumpcontext = true }
profile proxy {
	xclient = { ADDR, PORT, DESTADDR, DESTPORT }
	addr = { "*" }
	xdumpcontext = true
	seal = "never"
}
END
$relay->start;

# The one whose name does not come is waited for meanwhile.
my $waiting = fork() // die "fork: $!\n";
if ($waiting == 0) {
	guard_child();
	my $since = Time::HiRes::time();
	my $smtp = $relay->connect(relay => 'front', local => '127.0.8.4');
	my $took = Time::HiRes::time() - $since;
	$smtp->cmd('EHLO client.example.org');
	my $reply = $smtp->mail(from => 's@example.org');
	$smtp->quit;
	POSIX::_exit($reply->code != 250 ? 1 : $took < 2 ? 2 :
	    $took > 9 ? 3 : 0);
}

for my $row (
    [ 'a verified name', '127.0.8.1', 'messenger.example.net', 1 ],
    [ 'somebody else\'s name', '127.0.8.2', 'unknown', 0 ],
    [ 'a name without an address', '127.0.8.3', 'unknown', 0 ],
    [ 'a name that is an address', '127.0.8.5', 'unknown', 0 ],
    [ 'a name that is none', '127.0.8.6', 'unknown', 0 ],
    [ 'the second of its addresses', '127.0.8.7', 'two.example.net', 1 ],
    [ 'no name', '127.0.8.8', 'unknown', 0 ]) {
	my ($name, $local, $want, $is_granted) = @$row;
	my $smtp = $relay->connect(relay => 'front', local => $local);
	my $ehlo = $smtp->cmd('EHLO client.example.org');
	is($ehlo->offers('XCLIENT ADDR'), $is_granted,
	    "$name: what it is granted");
	if ($is_granted) {
		like($smtp->cmd('XDUMPCONTEXT')->text,
		    qr/^\[connection\] remote_name \Q$want\E$/m,
		    "$name: in the context");
	}
	is($smtp->mail(from => "$local\@example.org", subject => $name)
	    ->code, 250, "$name: mail");
	is($behind->client_of("$local\@example.org")->{client_name}, $want,
	    "$name: Postfix");
	like(received($behind->delivered($name)),
	    qr/^from client\.example\.org \(\Q$want\E \[\Q$local\E\]\)/,
	    "$name: Received:");
	$smtp->quit;
}

waitpid($waiting, 0);
is($? >> 8, 0, 'without an answer it goes on after some seconds');
is($behind->client_of('s@example.org')->{client_name}, 'unknown',
    'without a name');

#
# Behind a PROXY header
#
sub by_proxy {
	my ($relay_name, $client, $then) = @_;
	my $smtp = $relay->connect(relay => $relay_name, local => '127.0.9.1',
	    greeting => 0);
	$smtp->raw("PROXY TCP4 $client 192.0.2.25 4711 25\r\n" . ($then // ''));
	return $smtp;
}

for my $row (
    [ 'a verified name', '127.0.8.1', 'messenger.example.net' ],
    [ 'somebody else\'s name', '127.0.8.2', undef ],
    [ 'a name that is none', '127.0.8.6', undef ],
    [ 'the second of its addresses', '127.0.8.7', 'two.example.net' ],
    [ 'no name', '127.0.8.8', undef ]) {
	my ($name, $client, $want) = @$row;
	$name = "proxied, $name";
	$relay->mark;
	# What comes at once behind the header is not lost over the lookup.
	my $smtp = by_proxy('proxied', $client,
	    "EHLO client.example.org\r\n");
	is($smtp->reply->code, 220, "$name: greeted");
	is($smtp->reply->code, 250, "$name: EHLO");
	my ($sent) = map { $_->{line} } $relay->since(event => 'xclient_sent');
	my ($override) = map { $_->{line} } $relay->since(event => 'override');
	my $said = defined $want ? qr/ NAME=\Q$want\E (?!REVERSE_NAME)/ :
	    qr/ NAME=\[UNAVAILABLE\] REVERSE_NAME=\[UNAVAILABLE\] /;
	like($sent, $said, "$name: XCLIENT");
	like($override, $said, "$name: the decision's line");
	my $pairs = $smtp->cmd('XDUMPCONTEXT')->text;
	is($pairs =~ /^\[connection\] remote_name (.*)$/m ? $1 : undef, $want,
	    "$name: in the context");
	unlike($pairs, qr/peer_name/, "$name: and not the proxy's");
	my $mail = $smtp->mail(from => "proxied.$client\@example.org",
	    subject => "$name");
	is($mail->code, defined $want ? 250 : 450,
	    "$name: reject_unknown_client_hostname");
	is($behind->client_of("proxied.$client\@example.org")->{client_name},
	    $want, "$name: Postfix") if defined $want;
	$smtp->quit;
}

# Nobody answers: nobody can tell.
{
	my $since = Time::HiRes::time();
	$relay->mark;
	my $smtp = by_proxy('proxied', '127.0.8.4');
	is($smtp->reply->code, 220, 'proxied, without an answer: greeted');
	my $took = Time::HiRes::time() - $since;
	ok($took > 2 && $took < 9, 'after some seconds');
	$smtp->cmd('EHLO client.example.org');
	my ($sent) = map { $_->{line} } $relay->since(event => 'xclient_sent');
	like($sent, qr/ NAME=\[TEMPUNAVAIL\] REVERSE_NAME=\[TEMPUNAVAIL\] /,
	    'and Postfix is told that nobody could tell');
	$smtp->quit;
}

# The name has its time from the header on; and is waited for by its client
# alone, who may be gone before.
{
	my $gone = by_proxy('proxied', '127.0.8.4');
	$gone->close;
	my $smtp = $relay->connect(relay => 'proxied', local => '127.0.9.1',
	    greeting => 0);
	Time::HiRes::sleep(6);
	$smtp->raw("PROXY TCP4 127.0.8.1 192.0.2.25 4711 25\r\n");
	is($smtp->reply->code, 220, 'a header that comes after some time');
	$smtp->cmd('EHLO client.example.org');
	like($smtp->cmd('XDUMPCONTEXT')->text,
	    qr/^\[connection\] remote_name messenger\.example\.net$/m,
	    'is looked up nevertheless');
	$smtp->quit;
}

# A proxy that speaks for itself waits for no name, for it checks our health;
# and name_lookup = false counts for clients behind it, too.
{
	my $since = Time::HiRes::time();
	my $smtp = $relay->connect(relay => 'proxied', local => '127.0.9.1',
	    greeting => 0);
	$smtp->raw("PROXY UNKNOWN\r\n");
	is($smtp->reply->code, 220, 'a health check is greeted');
	ok(Time::HiRes::time() - $since < 2, 'at once');
	$smtp->quit;
	$smtp = by_proxy('unnamed', '127.0.8.1');
	is($smtp->reply->code, 220, 'without name_lookup: greeted');
	unlike($smtp->cmd('XDUMPCONTEXT')->text, qr/ remote_name /,
	    'without name_lookup: no name');
	$smtp->quit;
}

$relay->finish;
$behind->finish;
alarm(0);
done_testing();
