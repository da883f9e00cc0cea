#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A next hop that xcontext itself guards: a Postfix with the policy service and
# the milter (wiring A), whose seal lets each connection have one client.  The
# relay in front of it carries several clients' mail in one session, and each
# arrives as its own.
use strict;
use warnings;

use Test::More;

use XContext::Live ();
use XContext::Postfix ();
use XContext::Relay ();

# Sealed by the greeting, and by the override itself.
my $live = XContext::Live->new(
    services => [ { name => 'greeting', wiring => 'a' },
	{ name => 'override', wiring => 'a', listener => 'override' } ],
    conf => { trust_maps => '{ "inline:{127.0.0.1=relay}" }' },
    profiles => <<'END');
profile relay { xclient = { "*" } addr = { "*" } }
profile once { xclient = { "*" } addr = { "*" } seal = "override" }
listener override { trust_maps = { "inline:{127.0.0.1=once}" } }
END

my @modes = ('required', 'ifavailable');
my $relay = XContext::Relay->new(relays => { map { my $service = $_;
    map { ("$service-$_" => { binding => "\"$_\"", next_hop => '"smtp:[' .
	$live->postfix->address($service) . ']:' .
	$live->postfix->port($service) . '"' }) } @modes }
    'greeting', 'override' },
    sections => join('', map { "binding $_ { XCLIENT = \"$_\" }\n" } @modes));
$relay->start;

# Whom the next hop took for the client, and how it greeted.
sub client_of {
	my ($subject) = @_;
	my $seen = $live->policy_seen->last(protocol_state => 'RCPT',
	    sender => "$subject\@sender.example") // {};
	return join(' ', map { $_ // '' } @$seen{qw(client_address
	    client_name helo_name)});
}

for my $name (map { my $service = $_; map { "$service-$_" } @modes }
    'greeting', 'override') {
	$relay->mark;
	my $smtp = $relay->connect(relay => $name, local => '127.0.4.1');
	$smtp->cmd('EHLO filter.example.net');
	# The second one twice, and the first one once more.
	my @order = (1, 2, 2, 3, 1);
	for my $i (0 .. $#order) {
		my $n = $order[$i];
		my $subject = "$name-$i-of-$n";
		is($smtp->cmd("XFORWARD ADDR=198.51.100.$n " .
		    "NAME=c$n.example.org HELO=helo$n PROTO=ESMTP " .
		    'SOURCE=REMOTE')->code, 250, "$subject: XFORWARD");
		my $reply = $smtp->mail(from => "$subject\@sender.example",
		    subject => $subject);
		is($reply->code, 250, "$subject: it is accepted")
		    or diag("$reply");
		ok(defined $live->postfix->delivered($subject),
		    "$subject: it arrives");
		is(client_of($subject),
		    "198.51.100.$n c$n.example.org helo$n",
		    "$subject: as its own client's");
	}
	$smtp->quit;
	$relay->is_idle or diag('the relay does not let go');
	my @sent = $relay->since(event => 'xclient_sent');
	is(scalar(@sent), 4, "$name: each client is told once");
	is(scalar($relay->since(event => 'message')), @order,
	    "$name: in one session");
	is(join(' ', map { $_->{event} } grep {
	    ($_->{event} // '') =~ /^(?:xclient_refused|xclient_failed|
	    xclient_verdict|xclient_not_offered|hop_failed)$/x }
	    $relay->since), '', "$name: nothing else has happened");
}

# Three times in each session the connection had a client already.  Where the
# greeting seals, the next hop refuses the next one; where the override does, it
# offers XCLIENT no more.
is(scalar($live->policy->events(event => 'refuse', reason => 'sealed',
    command => 'XCLIENT', profile => 'relay')), 3 * @modes,
    'log of the next hop: sealed');
is(scalar($live->policy->events(event => 'refuse')), 3 * @modes,
    'log of the next hop: nothing else is refused');
$relay->finish;
$live->finish;
