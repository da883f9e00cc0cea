#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Postfix, a relay behind it, and another Postfix: XFORWARD in, XCLIENT out, and
# the last one sees the client that the first one had.
use strict;
use warnings;

use Test::More;
use Time::HiRes ();

use XContext::Guard qw(guard_time);
use XContext::Postfix ();
use XContext::Recorder ();
use XContext::Relay ();
use XContext::Smtp ();

my $why = XContext::Postfix::impossible() // XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(300);

#
# The stage: three programs, last one first
#
my $last = XContext::Postfix->new(services => [
    { name => 'last', options => [
	'smtpd_authorized_xclient_hosts = 127.0.0.1' ] },
    { name => 'early', options => [
	'smtpd_authorized_xclient_hosts = 127.0.0.1',
	'smtpd_delay_reject = no' ] } ],
    main => { myhostname => 'last.example.net',
	virtual_mailbox_domains => 'example.com, early.example',
	virtual_mailbox_maps =>
	    'pcre:{{/^nobody@/ DUNNO}, {/^[^@]+@[^@]+$$/ box/}}',
	smtpd_client_restrictions => 'check_client_access ' .
	    'cidr:{{198.51.100.66 554 5.7.1 not this client}}',
	smtpd_recipient_restrictions => 'check_recipient_access ' .
	    'pcre:{{/^nobody@/ 550 5.1.1 no such box}}, ' .
	    'check_policy_service unix:recorder/policy',
	maximal_queue_lifetime => '0' });
mkdir($last->queue . '/recorder', 0755);
my $seen = XContext::Recorder->policy(file => $last->dir . '/policy.seen',
    socket => $last->queue . '/recorder/policy');

sub target_of {
	my ($service) = @_;
	return 'smtp:[' . $last->address($service) . ']:' .
	    $last->port($service);
}

my $relay = XContext::Relay->new(conf => { XCLIENT => '"required"' },
    relays => { map { $_ => { next_hop => '"' . target_of($_) . '"' } }
    'last', 'early' });

my @relay_targets = map { 'smtp:[' . $relay->address($_) . ']:' .
    $relay->port($_) } 'last', 'early';
my $first = XContext::Postfix->new(services => [ { name => 'first',
    options => [ 'smtpd_authorized_xclient_hosts = 127.0.1.1' ] } ],
    main => { virtual_mailbox_domains => '',
	relay_domains => 'example.com, early.example',
	relay_transport => $relay_targets[0],
	transport_maps => "inline:{early.example=$relay_targets[1]}",
	smtp_bind_address => '127.0.4.1',
	smtp_send_xforward_command => 'yes',
	# One connection, as long as there is anything to be sent.
	smtp_destination_concurrency_limit => '1',
	smtp_connection_cache_destinations => 'static:all',
	smtp_connection_cache_time_limit => '2s' });
$_->start for $last, $relay, $first;

# A session of that client with the first Postfix.
sub session {
	my ($address, $name, $helo) = @_;
	my $smtp = XContext::Smtp->connect($first->address('first'),
	    $first->port('first'), local => '127.0.1.1');
	$smtp->cmd('EHLO test');
	$address = "IPV6:$address" if $address =~ /:/;
	$smtp->cmd("XCLIENT ADDR=$address NAME=$name REVERSE_NAME=$name")
	    ->code == 220 or die "no XCLIENT\n";
	$smtp->cmd("EHLO $helo");
	return $smtp;
}

sub send_mail {
	my ($smtp, $subject, %opt) = @_;
	return $smtp->mail(from => "$subject\@sender.example",
	    subject => $subject, %opt);
}

# Hands a mail to the first Postfix as a program on its host does.
sub submit {
	my ($subject) = @_;
	open(my $in, '|-', XContext::Postfix::program('sendmail'), '-C',
	    $first->dir . '/etc', '-f', "$subject\@sender.example",
	    'box@example.com') or die "sendmail: $!\n";
	print $in "Subject: $subject\n\nHello.\n";
	close($in) or die "sendmail: it has failed\n";
}

# Whom the last Postfix takes for the client: "address name greeting".
sub client_of {
	my ($subject) = @_;
	my $request = $seen->last(sender => "$subject\@sender.example")
	    or return undef;
	return join(' ', map { $request->{$_} }
	    qw(client_address client_name helo_name));
}

# What the first Postfix says of a recipient, once it says anything.
sub status_of {
	my ($to, $status) = @_;
	for (1 .. 500) {
		my ($line) = grep { /to=<\Q$to\E>.*status=$status/ }
		    split(/\n/, $first->log_text);
		return $line if defined $line;
		Time::HiRes::sleep(0.02);
	}
	return undef;
}

#
# One client
#
{
	my $smtp = session('198.51.100.7', 'first.example.org', 'laptop');
	is(send_mail($smtp, 'one')->code, 250, 'a mail to the first');
	$smtp->quit;
	my $mail = $last->delivered('one') // '';
	my $from = 'Received: from laptop ' .
	    '(first.example.org [198.51.100.7])';
	like($mail, qr/^\Q$from\E\n\tby last\..*^\Q$from\E\n\tby mx\./ms,
	    'it is at the last');
	is(client_of('one'), '198.51.100.7 first.example.org laptop',
	    'who takes it for the client\'s');
	my $message = $relay->event(event => 'message');
	is($message->{peer}, '127.0.4.1', 'log: from the first');
	is($message->{sender}, 'one@sender.example', 'log: whose');
}

# Clients without a name, and of IPv6.
{
	my @clients = ([ '198.51.100.8', '[UNAVAILABLE]', 'desktop',
	    '198.51.100.8 unknown desktop' ],
	    [ '2001:db8::7', 'six.example.org', '[IPv6:2001:db8::7]',
	    '2001:db8::7 six.example.org [IPv6:2001:db8::7]' ]);
	for (@clients) {
		my ($address, $name, $helo, $want) = @$_;
		my $subject = "client-$helo" =~ s/[^a-z0-9]/-/gir;
		my $smtp = session($address, $name, $helo);
		is(send_mail($smtp, $subject)->code, 250,
		    "a mail of $address");
		$smtp->quit;
		ok(defined $last->delivered($subject), 'it arrives');
		is(client_of($subject), $want, 'as that client\'s');
	}
}

#
# Several clients on one connection of smtp(8)
#
{
	$first->is_idle;
	# Of another session, which was before.
	$relay->is_idle or diag('the connection is kept');
	$relay->mark;
	my @sessions = map { session("198.51.100.$_", "c$_.example.org",
	    "helo$_") } 11 .. 13;
	my @order = (0, 1, 1, 2, 0, 2, 2, 1);
	my @subjects;
	for my $i (@order) {
		my $subject = 'cached-' . @subjects . "-$i";
		push(@subjects, $subject);
		is(send_mail($sessions[$i], $subject)->code, 250,
		    "mail $#subjects of client $i");
	}
	$_->quit for @sessions;
	for my $subject (@subjects) {
		my ($i) = $subject =~ /(\d)$/;
		my $n = 11 + $i;
		ok(defined $last->delivered($subject), "$subject arrives");
		is(client_of($subject),
		    "198.51.100.$n c$n.example.org helo$n", 'as its own');
	}
	# Nobody's mail, on the same connection.
	submit('local');
	ok(defined $last->delivered('local'), 'mail of no client arrives');
	is(client_of('local'), '127.0.4.1 unknown mx.example.net',
	    'as the first one\'s own');
	$relay->is_idle or diag('the connection is kept');
	my %session = map { $_->{session} => 1 }
	    $relay->since(event => 'message');
	is(scalar(keys %session), 1, 'in one session of the relay');
	# "+" stands for each time when the last one is told.
	my ($told, $want, $before) = ('', '', '');
	for my $event ($relay->since) {
		$told .= '+' if ($event->{event} // '') eq 'xclient_sent';
		next if ($event->{event} // '') ne 'message';
		my ($who) = $event->{sender} =~ /(.)@/;
		$told .= $who;
		$want .= $who eq $before ? $who : "+$who";
		$before = $who;
	}
	is($told, $want, 'the last one is told as often as that changes');
	is(length($told =~ s/\+//gr), @order + 1, 'one message each');
}

#
# Recipients
#
{
	$relay->mark;
	my $smtp = session('198.51.100.7', 'first.example.org', 'laptop');
	$smtp->cmd('MAIL FROM:<several@sender.example>');
	$smtp->cmd("RCPT TO:<$_\@example.com>")
	    for qw(a b nobody c);
	$smtp->cmd('DATA');
	is($smtp->data("Subject: several\n\nHello.\n")->code, 250,
	    'a mail to four');
	$smtp->quit;
	like(status_of('nobody@example.com', 'bounced'),
	    qr/said: 550 5\.1\.1 .*no such box/,
	    'one of them is refused by the last, and the first is told');
	ok(status_of("$_\@example.com", 'sent'), "$_ gets it")
	    for qw(a b c);
	ok($last->is_idle, 'the last one has delivered');
	is(scalar(grep { /^Subject: several$/m } $last->mails), 3,
	    'three copies');
	is($relay->event(event => 'message',
	    sender => 'several@sender.example')->{recipients}, 3,
	    'in one transaction');
}

#
# The client is unwelcome at the last
#
for my $domain ('example.com', 'early.example') {
	my $smtp = session('198.51.100.66', 'bad.example.org', 'laptop');
	is(send_mail($smtp, 'unwelcome', to => "bad\@$domain")->code, 250,
	    "$domain: an unwelcome client's mail");
	$smtp->quit;
	like(status_of("bad\@$domain", 'bounced'),
	    qr/dsn=5\.7\.1.*said: 554 5\.7\.1 .*not this client/,
	    'the first is told why it is refused');
}
is($relay->event(event => 'xclient_verdict')->{text} =~ s/^554 .*/554/r,
    '554', 'log: the last did not want that client');

#
# The last one is away
#
{
	my $n = 12;
	$first->is_idle;
	$relay->is_idle or diag('the connection is kept');
	$last->stop;
	for my $i (1 .. $n) {
		my $smtp = session("198.51.100.$i", "c$i.example.org", 'x');
		is(send_mail($smtp, "later-$i")->code, 250,
		    "the last is away: mail $i is taken by the first");
		$smtp->quit;
	}
	like(status_of('box@example.com', 'deferred'),
	    qr/421 4\.4\.1 the next hop cannot be reached/,
	    'and waits there');
	ok(!(grep { /^Subject: later-/m } $last->mails), 'none is lost');
	$last->start;
	# A queue run that comes just then finds a mail "still being delivered",
	# and qmgr(8) may look at it minutes later: so it is told again.
	my $waits = 1;
	for (1 .. 45) {
		$first->flush;
		last if !($waits = !$first->is_idle(2));
	}
	ok(!$waits, 'the last is back: none waits');
	ok($last->is_idle, 'and none is on its way');
	my @subjects = map { /^Subject: (later-\d+)$/m } $last->mails;
	is(join(' ', sort @subjects),
	    join(' ', sort map { "later-$_" } 1 .. $n), 'each is there, once');
	is(client_of("later-$_"), "198.51.100.$_ c$_.example.org x",
	    "mail $_ as its client's") for 1 .. $n;
}

$first->stop;
$relay->finish(qr/event=hop_failed/);
$last->stop;
$seen->stop;
done_testing();
