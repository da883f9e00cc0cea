#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# README's recipe 2: a Postfix whose smtp(8) sends through the relay, over one
# connection for everybody's mail.  What one of its clients says of itself, that
# nobody can say on, costs neither its own mail nor that of the others.
use strict;
use warnings;

use Test::More;

use XContext::Behind ();
use XContext::Guard qw(guard_time);
use XContext::Postfix ();
use XContext::Readme qw(recipe with);
use XContext::Relay ();
use XContext::Smtp ();

my $why = XContext::Behind::impossible() // XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(300);

use constant GOOD => '127.0.2.1';

#
# The stage: the last server, the relay by the recipe, the first server
#
my $last = XContext::Behind->new;
$last->start;
my ($conf, $master, $main) = recipe(2);
my ($relay_section) = $conf =~ /^relay out \{\n(.*?)^\}\n/ms;
my ($to) = $last->next_hop =~ /^"smtp:(.*)"$/;
my $relay = XContext::Relay->new(trust => '',
    relays => { out => { map { /^\t(\w+) = (.*)$/ ? ($1, $2) : () }
    grep { !/listen/ } split(/^/, with($relay_section,
    '"smtp:"' => "\"smtp:$to\"")) }, front => {
    next_hop => "\"smtp:$to\"", binding => '"inside"' } },
    sections => "binding inside { XCLIENT = \"required\" }\n" .
    "profile edge { xclient = { \"*\" } }\nlistener front { trust_maps = " .
    "{ \"inline:{127.0.1.1=edge}\" } }\n",
    # The one that may forward is the first server, and nobody else; not
    # everybody.
    profiles => with($conf =~ s/^relay out \{\n.*?^\}\n//msr,
    'inline:{127.0.0.1=postfix}' => 'inline:{127.0.4.1=postfix}',
    'addr = { "*" }' => 'addr = { "!127.0.5.0/24", "*" } ' .
    'on_violation = "reject"'));
$relay->start;

my %main = with($main, '[127.0.0.1]:10027' => '[' . $relay->address('out') .
    ']:' .
    $relay->port('out')) =~ /^(\w+) = (.*)$/mg;
my $first = XContext::Postfix->new(services => [ { name => 'first' } ],
    master => with($master, ' y ' => ' n '),
    main => { %main, virtual_mailbox_domains => '',
	relay_domains => 'example.com',
	smtp_bind_address => '127.0.4.1',
	# All of it over one connection.
	xcontext_destination_concurrency_limit => '1',
	smtp_connection_cache_on_demand => 'yes',
	smtp_connection_cache_destinations => 'static:all',
	smtp_connection_cache_time_limit => '2s',
	# What is deferred stays where it is seen.
	minimal_backoff_time => '1000s' });
$first->start;

# Has the first server take a mail from a client that greets like that.
sub submit {
	my ($subject, $greeting, $local) = @_;
	my $smtp = XContext::Smtp->connect($first->address('first'),
	    $first->port('first'), local => $local);
	$smtp->cmd($greeting);
	is($smtp->mail(from => "$subject\@sender.example",
	    subject => $subject)->code, 250, "$subject: the first takes it");
	$smtp->quit;
}

# Of that sender's message: whom the relay has told the last server of.
sub told_of {
	my ($subject) = @_;
	my $message = $relay->event(event => 'message',
	    sender => "$subject\@sender.example") // return undef;
	my $told;
	for my $event ($relay->events(session => $message->{session})) {
		$told = $event->{line}
		    if ($event->{event} // '') eq 'xclient_sent';
		return $told if ($event->{sender} // '') eq
		    "$subject\@sender.example";
	}
	return undef;
}

#
# Hostile greetings, each between good clients' mail
#
my @hostile = (
	# name, greeting, what is said of it by XCLIENT
	[ 'equals', 'EHLO equals=sign', 'equals+3Dsign' ],
	[ 'pluses', 'EHLO a+b+41', 'a+2Bb+2B41' ],
	[ 'utf-8', "EHLO \xc3\xa4.test", '[UNAVAILABLE]' ],
	[ 'no-text', "EHLO a\xff.test", '[UNAVAILABLE]' ],
	[ 'longest', 'EHLO ' . 'h' x 255, 'h' x 255 ],
	[ 'too-long', 'EHLO ' . 'h' x 256, '[UNAVAILABLE]' ],
	[ 'longer', 'EHLO ' . "\xc3\xa4" x 250, '[UNAVAILABLE]' ],
	[ 'blank', 'EHLO with a blank', 'with?a?blank' ],
	[ 'word', 'EHLO [UNAVAILABLE]', '[UNAVAILABLE]' ],
	[ 'helo', 'HELO equals=sign', 'equals+3Dsign' ],
);
# And one whom the first server may not forward for.
my @refused = map { "refused-$_" } 1 .. 2;
my ($n, @good) = (0);
submit('refused-1', 'EHLO refused.example.org', '127.0.5.1');
for my $row (@hostile) {
	my ($name, $greeting) = @$row;
	for my $turn (1, 0) {
		push(@good, 'good-' . ++$n);
		submit($good[-1], "EHLO good$n.example.org", GOOD);
		submit("hostile-$name", $greeting, "127.0.3.$n") if $turn;
	}
}
submit('refused-2', 'EHLO equals=sign', '127.0.5.2');
submit('good-' . ++$n, "EHLO good$n.example.org", GOOD);
push(@good, "good-$n");
ok($first->is_idle(60), 'no mail waits at the first')
    or diag(grep { /deferred|bounced/ } split(/^/, $first->log_text));
for my $row (@hostile) {
	my ($name, $greeting, $said) = @$row;
	my $subject = "hostile-$name";
	my $told = told_of($subject) // '';
	ok(defined $last->delivered($subject), "$subject: it arrives");
	like($last->client_of("$subject\@sender.example")->{client_address},
	    qr/^127\.0\.3\.\d+$/, "$subject: as its client's");
	like($told, qr/ HELO=\Q$said\E$/, "$subject: its greeting");
}
for my $subject (@good) {
	ok(defined $last->delivered($subject), "$subject: it arrives");
	is(join(' ', @{$last->client_of("$subject\@sender.example")}{
	    qw(client_address helo_name)}),
	    GOOD . ' ' . ($subject =~ s/-//r) . '.example.org',
	    "$subject: as its client's");
}
is(scalar($last->mails), @good + @hostile, 'each of them once');
ok(!defined $last->delivered($_, 0), "$_: it does not") for @refused;
is(scalar(() = $first->log_text =~
    /to=<box\@example\.com>.* status=bounced/g), @refused,
    'nothing else comes back');
is(scalar(() = $first->log_text =~ /status=deferred/g), 0,
    'nothing is deferred');

# They have not been spared by a connection of their own.
{
	$relay->is_idle or diag('the connection is kept');
	my %session = map { $_->{session} => 1 }
	    $relay->events(event => 'message');
	is(scalar(keys %session), 1, 'all in one session of the relay');
	my @unsaid = grep { ($_->{text} // '') =~ /for what cannot be said on/ }
	    $relay->events(event => 'permit', command => 'XFORWARD');
	cmp_ok(scalar(@unsaid), '>=', 3, 'log: what was left out');
	is(scalar(grep { $_->{text} !~ /: HELO$/ } @unsaid), 0,
	    'log: the greeting');
}

#
# An address with a zone, which smtp(8) leaves out, and other relays do not
#
my @zones = ('IPV6:fe80::1%eth0', 'fe80::1%eth0');

sub relay_mail {
	my ($smtp, $subject) = @_;
	is($smtp->mail(from => "$subject\@sender.example",
	    subject => $subject)->code, 250, "$subject: it is taken");
	ok(defined $last->delivered($subject), "$subject: it arrives");
	return $last->client_of("$subject\@sender.example")->{client_address};
}

sub forwarded {
	my ($smtp, $address, $subject) = @_;
	is($smtp->cmd("XFORWARD ADDR=$address HELO=x PROTO=ESMTP " .
	    'SOURCE=REMOTE')->code, 250, "$subject: it is forwarded");
	return relay_mail($smtp, $subject);
}

for my $i (0 .. $#zones) {
	my $smtp = $relay->connect(relay => 'out',
	    local => '127.0.4.1');
	$smtp->cmd('EHLO postfix');
	is(forwarded($smtp, '198.51.100.7', "before-zone-$i"),
	    '198.51.100.7', 'before the zone');
	is(forwarded($smtp, $zones[$i], "zone-$i"), 'unknown',
	    'nobody is told as who has a zone');
	is(forwarded($smtp, '198.51.100.8', "behind-zone-$i"),
	    '198.51.100.8', 'behind the zone');
	$smtp->quit;
	# By XCLIENT
	for my $address ($zones[$i], '198.51.100.9') {
		$smtp = $relay->connect(relay => 'front');
		$smtp->cmd('EHLO proxy.example.net');
		my $reply = $smtp->cmd("XCLIENT ADDR=$address");
		is($reply->code, 220, "XCLIENT ADDR=$address");
		$smtp->cmd('EHLO client.example.org');
		is(relay_mail($smtp, 'xclient-' . ($address =~ s/\W/-/gr) .
		    "-$i"), $address eq $zones[$i] ? 'unknown' : $address,
		    'whom the last one takes it for');
		$smtp->quit;
	}
}
for my $command (qw(XFORWARD XCLIENT)) {
	is(scalar($relay->events(command => $command, action => 'permit',
	    text => 'granted; [UNAVAILABLE] for what cannot be said on: ADDR')),
	    2, "log: what was left out of $command");
}

$first->stop;
$relay->finish;
$last->finish;
done_testing();
