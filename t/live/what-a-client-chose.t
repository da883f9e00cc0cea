#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A messenger that passes on what its client chose is not refused for it: what
# Postfix alone would take is taken, or unavailable, and the mail goes.
use strict;
use warnings;

use Test::More;

use XContext::Live ();

my $FILTER = '127.0.4.1';
my $live = XContext::Live->new(trust => <<'TRUST', profiles => <<'END');
127.0.1.0/24	edge
127.0.4.0/24	filter
TRUST
profile edge { xclient = { "*" } on_violation = "reject" }
profile filter {
	xclient = { "*" }
	xforward = { "*" }
	seal = "never"
	on_violation = "reject"
}
END

# The value as it is said, and what the policy service is told then.
my @helos = (
	[ 'an equals sign', 'equals=sign', 'equals=sign' ],
	[ 'a plus sign', 'a+b', 'a+b' ],
	[ 'a plus sign that decodes', 'a+41', 'aA' ],
	[ 'small hex digits', 'a+2bb', 'a+b' ],
	[ 'a blank, encoded', 'a+20b', 'a?b' ],
	[ 'quotes', '"a"', '?a?' ],
	[ 'UTF-8, encoded', '+C3+A4.test', '' ],
	[ 'UTF-8', "\xc3\xa4.test", '' ],
	[ 'a control byte, encoded', 'a+01', '' ],
	[ '255 characters', 'h' x 255, 'h' x 255 ],
	[ '256 characters', 'h' x 256, '' ],
	[ '255 umlauts', '+C3+A4' x 255, '' ],
	[ '[TEMPUNAVAIL]', '[TEMPUNAVAIL]', '' ],
);
my @others = (
	[ 'bare IPv6', 'ADDR=2001:db8::1', client_address => '2001:db8::1' ],
	[ 'a zone', 'ADDR=IPV6:fe80::1%eth0', client_address => 'unknown' ],
	[ 'this network', 'ADDR=0.1.2.3', client_address => 'unknown' ],
	[ 'a dot at the end', 'ADDR=198.51.100.9 NAME=a.example.',
	    client_name => 'a.example' ],
	[ 'a name that is none', 'ADDR=198.51.100.9 NAME=-a_/',
	    client_name => 'unknown' ],
	[ 'a name in UTF-8', "ADDR=198.51.100.9 NAME=\xc3\xa4.example",
	    client_name => 'unknown' ],
	[ 'another family', 'ADDR=198.51.100.9 DESTADDR=2001:db8::2',
	    client_address => '198.51.100.9' ],
	[ 'no protocol', 'PROTO=[TEMPUNAVAIL]', protocol_name => 'SMTP' ],
);

# What the policy service is told right behind the override: mail, which asks
# it, comes before another greeting.
sub seen {
	my ($name, $args) = @_;
	$live->policy_seen->forget;
	my $smtp = $live->connect;
	$smtp->cmd('EHLO proxy.example.net');
	my $reply = $smtp->cmd("XCLIENT $args");
	is($reply->code, 220, "$name: taken") or diag("$reply");
	is($smtp->mail(subject => "chosen: $name")->code, 250,
	    "$name: the mail goes");
	$smtp->quit;
	return $live->policy_seen->last(protocol_state => 'RCPT') // {};
}

for my $row (@helos) {
	my ($name, $said, $want) = @$row;
	my $seen = seen("HELO, $name", "ADDR=198.51.100.9 HELO=$said");
	is($seen->{helo_name}, $want, "HELO, $name: is told");
	is($seen->{client_address}, '198.51.100.9', "HELO, $name: of him");
}
for my $row (@others) {
	my ($name, $args, $attr, $want) = @$row;
	my $seen = seen($name, $args);
	is($seen->{$attr}, $want, "$name: is told");
}

# Between others', on one connection.
for my $verb ('XCLIENT', 'XFORWARD') {
	my $smtp = $live->connect(local => $FILTER);
	$smtp->cmd('EHLO filter.example.net');
	for my $address ('198.51.100.7', 'IPV6:fe80::1%eth0', '198.51.100.8') {
		my $subject = "chosen: $verb ADDR=$address";
		my $reply = $smtp->cmd("$verb ADDR=$address HELO=x");
		like($reply->code, qr/^2/, "$subject: taken")
		    or diag("$reply");
		$smtp->cmd('EHLO filter.example.net') if $verb eq 'XCLIENT';
		is($smtp->mail(subject => $subject)->code, 250,
		    "$subject: the mail goes");
		my $mail = $live->postfix->delivered($subject) // '';
		ok($mail ne '', "$subject: it arrives");
		next if $verb eq 'XFORWARD';
		like($mail, $address =~ /%/ ? qr/\(unknown \[unknown\]\)/ :
		    qr/\[\Q$address\E\]/, "$subject: as its client's");
	}
	$smtp->quit;
}

# Whose it is not is still for the profile to say.
{
	my $smtp = $live->connect;
	my $reply = $smtp->cmd('XCLIENT ADDR=::1');
	like("$reply", qr/^450 4\.7\.1 ADDR=::1 is not a public address/,
	    'loopback, bare: is judged');
	$smtp->quit;
	my ($line) = $live->policy->events(event => 'permit',
	    text => 'granted; [UNAVAILABLE] for what cannot be said on: ' .
	    'HELO');
	ok($line, 'the log names what was left out');
}

$live->finish;
