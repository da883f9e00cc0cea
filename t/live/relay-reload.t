#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext-relay as a daemon: SIGHUP, SIGTERM, limits on connections, metrics,
# and that it gives up root.
use strict;
use warnings;

use IO::Socket::INET ();
use Test::More;
use Time::HiRes ();

use XContext::Behind ();
use XContext::File qw(spit);
use XContext::Guard qw(guard_dir guard_time process_gone process_start);
use XContext::Hop ();
use XContext::Postfix ();
use XContext::Relay ();
use XContext::Smtp ();

my $why = XContext::Behind::impossible() // XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(300);

my $dir = guard_dir();
my $is_sanitized = ($ENV{XC_SANITIZE} // 'no') ne 'no';
my $behind = XContext::Behind->new(services => [ { name => 'mx' },
    { name => 'other', options => [ 'myhostname=other.example.net' ] } ])
    ->start;

#
# A message that does not come to its end: what it is given is looked at last.
#
my $hop = XContext::Hop->new;
my $bounded = XContext::Relay->new(name => 'bounded', relays => { front => {
    next_hop => $hop->next_hop } });
$bounded->start;
my $endless = $bounded->connect(local => '127.0.2.1');
$endless->cmd('EHLO a');
$endless->cmd('MAIL FROM:<a@example.org>');
$endless->cmd('RCPT TO:<b@example.com>');
is($endless->cmd('DATA')->code, 354, 'a message begins');
$endless->raw("Subject: endless\r\n\r\nHello.\r\n");
my ($bounded_pid, $bounded_start) = ($bounded->pid,
    process_start($bounded->pid));
my $bounded_since = Time::HiRes::time();
$bounded->signal('TERM');

#
# SIGHUP
#
my $metrics = "$behind->{postfix}{services}{mx}{address}:" .
    XContext::Postfix::free_port(XContext::Postfix::own_address());
my $relay = XContext::Relay->new(relays => {
    front => { next_hop => $behind->next_hop, peer_connections => 4,
	connections => 6 },
    proxied => { next_hop => $behind->next_hop, peer_connections => 4,
	proxy_protocol => '{ "127.0.6.0/24" }' } },
    conf => { XCLIENT => '"required"', relay_metrics => "\"$metrics\"" });
$relay->start;

sub greeted {
	my (%opt) = @_;
	my $smtp = $relay->connect(relay => 'front', %opt);
	return ($smtp, $smtp->cmd('EHLO client.example.org'));
}

# By which name the Postfix that has taken a mail calls itself.
sub taken_by {
	my ($smtp, $subject) = @_;
	my $reply = $smtp->mail(subject => $subject);
	return "$reply" if $reply->code != 250;
	my $mail = $behind->delivered($subject) // return 'lost';
	return $mail =~ /^\s+by (\S+)/m ? $1 : 'nobody';
}

{
	my ($old, $ehlo) = greeted();
	ok($ehlo->offers('XCLIENT'), 'before: XCLIENT is granted');
	is($old->cmd('MAIL FROM:<old@example.org>')->code, 250,
	    'before: a transaction begins');
	$relay->{trust} = "127.0.4.0/24 filter\n";
	$relay->{relays}{front}{next_hop} = $behind->next_hop('other');
	$relay->{relays}{front}{hostname} = '"renamed.example.net"';
	my $event = $relay->reload;
	is($event->{event}, 'reload', 'SIGHUP: it is read') or
	    diag($event->{raw});
	my ($new, $then) = greeted();
	ok(!$then->offers('XCLIENT'), 'a new session: XCLIENT is not granted');
	is(($then->lines)[0], 'renamed.example.net',
	    'a new session: the new name');
	is(taken_by($new, 'new'), 'other.example.net',
	    'a new session: the new next hop');
	$new->quit;
	$old->cmd('RCPT TO:<box@example.com>');
	$old->cmd('DATA');
	is($old->data("Subject: old\n\nHello.\n")->code, 250,
	    'the old session: its transaction is not disturbed');
	like($behind->delivered('old'), qr/^\s+by mx\.example\.net/m,
	    'the old session: the old next hop');
	is($old->cmd('XCLIENT ADDR=198.51.100.9')->code, 220,
	    'the old session: what it was granted');
	$old->quit;
}

# What is wrong is not taken, nor half of it.
spit("$dir/broken.pem", "no certificate\n");
for my $row (
    [ 'an unknown setting', sub { $relay->{relays}{front}{bogus} = '"1"' },
	sub { delete $relay->{relays}{front}{bogus} },
	qr/relay\.conf:\d+: .*bogus/ ],
    [ 'a next hop that is none', sub { $relay->{relays}{front}{next_hop} =
	'"there"' }, sub { $relay->{relays}{front}{next_hop} =
	$behind->next_hop('other') }, qr/relay\.conf:\d+: .*next_hop/ ],
    [ 'a table that is broken', sub { $relay->{trust} = "127.0.1.0/33 x\n" },
	sub { $relay->{trust} = "127.0.4.0/24 filter\n" },
	qr/relay\.cidr:1: / ],
    [ 'a certificate that is none', sub { @{$relay->{relays}{front}}{
	'tls', 'tls_certificate', 'tls_key'} = ('"may"',
	("\"$dir/broken.pem\"") x 2) }, sub { delete @{
	$relay->{relays}{front}}{'tls', 'tls_certificate', 'tls_key'} },
	qr/relay\.conf:\d+: .*broken\.pem/ ]) {
	my ($name, $break, $mend, $want) = @$row;
	$relay->{relays}{front}{hostname} = '"never.example.net"';
	$break->();
	my $event = $relay->reload;
	is($event->{event}, 'reload_failed', "$name: it is not taken");
	like($event->{text}, $want, "$name: the log says where");
	my ($smtp, $ehlo) = greeted();
	is(($ehlo->lines)[0], 'renamed.example.net',
	    "$name: the old configuration stays");
	is(taken_by($smtp, "stays: $name"), 'other.example.net',
	    "$name: and serves");
	$smtp->quit;
	$mend->();
}
$relay->{relays}{front}{hostname} = '"mended.example.net"';
is($relay->reload->{event}, 'reload', 'mended: it is taken');
{
	my ($smtp, $ehlo) = greeted();
	is(($ehlo->lines)[0], 'mended.example.net', 'mended: it counts');
	$smtp->quit;
}

# Where it listens does not change, and it says so.
{
	my $listen = $relay->{relays}{front}{listen};
	my $port = XContext::Postfix::free_port($relay->address('front'));
	$relay->{relays}{front}{listen} = sprintf('"%s:%d"',
	    $relay->address('front'), $port);
	is($relay->reload->{event}, 'reload', 'another port: it is read');
	ok($relay->event(event => 'reload', key => 'relay.listen'),
	    'another port: the log warns');
	ok(!IO::Socket::INET->new(PeerAddr => $relay->address('front'),
	    PeerPort => $port), 'another port: nobody is there');
	$relay->{relays}{front}{listen} = $listen;
	my ($smtp) = greeted();
	is($smtp->cmd('NOOP')->code, 250, 'another port: the old one serves');
	$smtp->quit;
	$relay->reload;
}

#
# Limits
#
ok($relay->is_idle, 'nobody is connected');
{
	my @held = map { $relay->connect(relay => 'front') } 1 .. 4;
	my $more = $relay->connect(relay => 'front');
	is($more->greeting, '421 4.7.0 too many connections',
	    'peer_connections: the fifth of one address');
	ok($more->is_closed, 'peer_connections: it is closed');
	is($relay->event(event => 'connection_refused')->{reason},
	    'peer_connections is reached', 'peer_connections: the log');
	push(@held, map { $relay->connect(relay => 'front',
	    local => '127.0.2.1') } 1 .. 2);
	is($held[-1]->greeting->code, 220,
	    'peer_connections: another address');
	$more = $relay->connect(relay => 'front', local => '127.0.3.1');
	is($more->greeting, '421 4.7.0 too many connections',
	    'connections: the seventh of all');
	ok($relay->event(event => 'connection_refused',
	    reason => 'connections is reached'), 'connections: the log');
	$held[0]->quit;
	Time::HiRes::sleep(0.1);
	my $next = $relay->connect(relay => 'front', local => '127.0.3.1');
	is($next->greeting->code, 220, 'where one goes another may come');
	my @elsewhere = map { $relay->connect(relay => 'proxied') } 1 .. 4;
	is($elsewhere[3]->greeting->code, 220,
	    'each relay counts for itself');
	$_->close for @held, $next, @elsewhere;
	ok($relay->is_idle, 'all have gone');
}

#
# Metrics
#
sub metrics_of {
	my ($path) = @_;
	my $sock = IO::Socket::INET->new(PeerAddr => $metrics)
	    or return 'nobody answers';
	print $sock "GET $path HTTP/1.0\r\n\r\n";
	local $/;
	return <$sock>;
}
{
	my $smtp = $relay->connect(relay => 'proxied', local => '127.0.6.1',
	    greeting => 0);
	$smtp->raw("EHLO a\r\n");
	ok($smtp->is_closed, 'one without a PROXY header');
	my $before = metrics_of('/metrics');
	like($before, qr{^HTTP/1\.[01] 200 }, 'metrics are there');
	my ($open) = greeted();
	is($open->mail(subject => 'counted')->code, 250, 'a mail');
	is($open->cmd('XCLIENT ADDR=198.51.100.9')->code, 550,
	    'a refusal');
	my $after = metrics_of('/metrics');
	my $value = sub {
		my ($text, $name) = @_;
		return $text =~ /^\Q$name\E (\d+)$/m ? $1 : 0;
	};
	for my $row (
	    [ 'xcontext_relay_connections_total', 1 ],
	    [ 'xcontext_relay_sessions', 1 ],
	    [ 'xcontext_relay_messages_total{result="accepted"}', 1 ],
	    [ 'xcontext_relay_commands_total{verb="DATA"}', 1 ],
	    [ 'xcontext_relay_commands_total{verb="XCLIENT"}', 1 ],
	    [ 'xcontext_relay_xclient_total{mode="required",result="sent"}',
		1 ]) {
		my ($name, $more) = @$row;
		is($value->($after, $name) - $value->($before, $name), $more,
		    $name) or diag($after);
	}
	ok($value->($after, 'xcontext_relay_content_bytes_total') >
	    $value->($before, 'xcontext_relay_content_bytes_total'),
	    'content is counted');
	for my $row ([ 'connections', 1 ], [ 'peer_connections', 1 ],
	    [ 'proxy_header', 1 ]) {
		my ($reason, $n) = @$row;
		is($value->($after, 'xcontext_relay_connections_refused_total' .
		    "{reason=\"$reason\"}"), $n, "refused: $reason");
	}
	like($after, qr/^xcontext_\w+\{[^}]*profile="stranger"[^}]*XCLIENT[^}]*\} 1$/m,
	    'the refusal by profile and command');
	like(metrics_of('/'), qr{^HTTP/1\.[01] 404 }, 'nothing else is there');
	$open->quit;
}

# Behind a PROXY header it is not the proxy that counts, but whom it names.
sub by_proxy {
	my ($header) = @_;
	my $smtp = $relay->connect(relay => 'proxied', local => '127.0.6.1',
	    greeting => 0);
	$smtp->raw("PROXY $header\r\n") if defined $header;
	return $smtp;
}

{
	my $one = 'TCP4 198.51.100.1 192.0.2.25 4711 25';
	my $other = 'TCP6 ::ffff:198.51.100.2 2001:db8::25 4711 25';
	my @silent = map { by_proxy() } 1 .. 5;
	my @held = map { by_proxy($one) } 1 .. 4;
	is(join(' ', map { $_->reply->code } @held), '220 220 220 220',
	    'behind a proxy: as many as one client may have');
	my $more = by_proxy($one);
	is($more->reply, '421 4.7.0 too many connections',
	    'behind a proxy: the fifth of one client');
	ok($more->is_closed, 'behind a proxy: it is closed');
	is(scalar($relay->events(event => 'connection_refused',
	    reason => 'peer_connections is reached', peer => '127.0.6.1',
	    client => '198.51.100.1')), 1, 'behind a proxy: the log');
	push(@held, map { by_proxy($other) } 1 .. 4);
	is($held[-1]->reply->code, 220, 'behind a proxy: another client');
	is(by_proxy($other)->reply->code, 421,
	    'behind a proxy: who has his own number');
	my @own = map { by_proxy('UNKNOWN') } 1 .. 4;
	is($own[-1]->reply->code, 220, 'behind a proxy: the proxy itself');
	is(by_proxy('UNKNOWN')->reply->code, 421,
	    'behind a proxy: which is as one client');
	my $direct = $relay->connect(relay => 'proxied',
	    local => '127.0.3.1');
	is($direct->greeting->code, 220, 'behind a proxy: or beside it');
	$held[0]->quit;
	Time::HiRes::sleep(0.1);
	my $next = by_proxy($one);
	is($next->reply->code, 220,
	    'behind a proxy: where one goes another may come');
	$_->close for @silent, @held, @own, $direct, $next;
	ok($relay->is_idle, 'behind a proxy: all have gone');
	@held = map { by_proxy($one) } 1 .. 4;
	is($held[3]->reply->code, 220, 'behind a proxy: and are forgotten');
	$_->close for @held;
	ok($relay->is_idle, 'behind a proxy: again');
}

#
# Who it is
#
SKIP: {
	skip('a program that changes its user cannot be looked at', 5)
	    if $is_sanitized;
	my ($uid, $gid) = (getpwnam('daemon'))[2, 3];
	open(my $fh, '<', '/proc/' . $relay->pid . '/status')
	    or die "status: $!\n";
	my %status = map { /^(\w+):\s+(.*?)\s*$/ } <$fh>;
	is($status{Uid}, join("\t", ($uid) x 4), 'all its user ids');
	is($status{Gid}, join("\t", ($gid) x 4), 'all its group ids');
	is(join(' ', grep { $_ != $gid } split(' ', $status{Groups})), '',
	    'no other groups');
	is($status{CapEff} =~ /^0+$/ ? 1 : 0, 1, 'no capabilities');
	is($status{CapPrm} =~ /^0+$/ ? 1 : 0, 1, 'nor can it get any');
}

# A key that root alone can read is read before that, and not again.
SKIP: {
	skip('a program that changes its user cannot be looked at', 5)
	    if $is_sanitized;
	skip('openssl is not installed', 5)
	    if system('openssl req -x509 -newkey ec -pkeyopt ' .
	    'ec_paramgen_curve:prime256v1 -nodes -subj /CN=a ' .
	    "-keyout $dir/key.pem -out $dir/cert.pem 2>/dev/null") != 0;
	chmod(0600, "$dir/key.pem");
	my $secret = XContext::Relay->new(name => 'secret', relays => {
	    front => { next_hop => $behind->next_hop, tls => '"may"',
	    tls_certificate => "\"$dir/cert.pem\"",
	    tls_key => "\"$dir/key.pem\"" } });
	$secret->start;
	ok($secret->event(event => 'limit', key => 'relay.tls_key'),
	    'a key of root\'s own: the log warns');
	my $event = $secret->reload;
	is($event->{event}, 'reload_failed', 'SIGHUP fails with it');
	like($event->{text}, qr/secret\.conf:\d+: .*key\.pem.*denied/,
	    'and says why');
	my $smtp = XContext::Smtp->connect_tls($secret->address,
	    $secret->port, local => '127.0.2.1');
	is($smtp->cmd('EHLO a')->code, 250, 'TLS goes on');
	$smtp->quit;
	chmod(0644, "$dir/key.pem");
	is($secret->reload->{event}, 'reload', 'until it may be read');
	$secret->finish(qr/event=(?:limit|reload_failed)/);
}

#
# What a stranger can do as often as he likes does not fill the log.
#
{
	my $limited = XContext::Relay->new(name => 'limited',
	    limits => { log_rate => 3 },
	    relays => { front => { next_hop => $behind->next_hop } });
	$limited->start;
	for (1 .. 8) {
		my $smtp = $limited->connect(local => '127.0.2.1');
		$smtp->raw("EHLO a\r\nNOOP\r\n");
		is($smtp->reply->code, 554, 'a client that does not wait');
		$smtp->close;
	}
	my $smtp = $limited->connect(local => '127.0.2.1');
	$smtp->raw("NOOP \x01\r\n");
	is($smtp->reply->code, 554, 'and one with a control character');
	$smtp->close;
	ok($limited->is_idle, 'all have gone');
	my %n;
	$n{$_->{text}}++ for $limited->events(event => 'protocol_error');
	is(join(' ', sort values %n), '1 3',
	    'each kind of protocol error: as log_rate has it');
	$limited->finish;
}

#
# SIGTERM
#
{
	my ($busy) = greeted(local => '127.0.2.1');
	$busy->cmd('MAIL FROM:<last@example.org>');
	$busy->cmd('RCPT TO:<box@example.com>');
	is($busy->cmd('DATA')->code, 354, 'a message is under way');
	$busy->raw("Subject: the last\r\n\r\nfirst\r\n");
	my ($idle) = greeted(local => '127.0.3.1');
	my $ungreeted = $relay->connect(relay => 'front',
	    local => '127.0.3.2');
	my $since = Time::HiRes::time();
	my ($pid, $start) = ($relay->pid, process_start($relay->pid));
	$relay->signal('TERM');
	like($idle->reply, qr/^421 4\.3\.2 mended\.example\.net /,
	    'an idle client is told');
	ok($idle->is_closed, 'and left');
	is($ungreeted->reply->code, 421, 'so is one that only came');
	ok(!eval { $relay->connect(relay => 'front'); 1 },
	    'nobody else comes in');
	Time::HiRes::sleep(0.5);
	ok(!process_gone($pid, $start), 'it waits for the message');
	is($busy->data("second\n")->code, 250, 'whose end is answered');
	like($behind->delivered('the last'), qr/first\n+second/,
	    'and which is delivered whole');
	is($busy->reply->code, 421, 'then that client is told, too');
	for (1 .. 100) {
		last if process_gone($pid, $start);
		Time::HiRes::sleep(0.02);
	}
	ok(process_gone($pid, $start), 'then it ends');
	ok(Time::HiRes::time() - $since < 20, 'and not by its bound');
}
$relay->finish(qr/event=(?:reload_failed|connection_refused|proxy_header)/,
    qr/event=reload .*key=relay\.listen/);
$behind->finish;

#
# The bound
#
for (1 .. 45 * 50) {
	last if process_gone($bounded_pid, $bounded_start);
	Time::HiRes::sleep(0.02);
}
my $took = Time::HiRes::time() - $bounded_since;
ok($took > 25 && $took < 45, 'a message without an end has thirty seconds')
    or diag($took);
ok($endless->is_closed, 'its client is left');
is(scalar(grep { /^250/ } map { $_->[1] } ($endless->dialogue)[-2 .. -1]), 0,
    'without a success');
is(scalar($hop->messages), 0, 'the next hop has no message');
$bounded->finish;
$hop->stop;
alarm(0);
done_testing();
