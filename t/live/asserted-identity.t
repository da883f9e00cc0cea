#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Each attribute, with the milter attached: what is asserted is what policy,
# milter and Received: header show, and nothing of the messenger stays.
use strict;
use warnings;

use Test::More;

use XContext::Live ();

my $live = XContext::Live->new(profiles => <<'END');
profile edge {
	xclient = { "*" }
	login = { "*@example.com" }
	destaddr = { "*" }
}
profile webmail { }
END

# lines of XCLIENT, what the policy request must show, what the milter's
# CONNECT, what Received:
my @rows = (
	{ name => 'ADDR without NAME',
	    lines => [ 'ADDR=198.51.100.9' ],
	    policy => { client_address => '198.51.100.9',
		client_name => 'unknown', reverse_client_name => 'unknown',
		client_port => 'unknown' },
	    milter => { addr => '198.51.100.9' },
	    received => qr/\(unknown \[198\.51\.100\.9\]\)/ },
	{ name => 'IPv6',
	    lines => [ 'ADDR=IPV6:2001:db8::25 NAME=six.example.org' ],
	    policy => { client_address => '2001:db8::25',
		client_name => 'six.example.org' },
	    milter => { addr => '2001:db8::25' },
	    received => qr/\(six\.example\.org \[IPv6:2001:db8::25\]\)/ },
	{ name => 'IPv6 in small letters',
	    lines => [ 'addr=ipv6:2001:DB8:0:0::25' ],
	    policy => { client_address => '2001:db8::25' },
	    milter => { addr => '2001:db8::25' },
	    received => qr/\[IPv6:2001:db8::25\]/ },
	{ name => 'IPv4 in IPv6',
	    lines => [ 'ADDR=IPV6:::ffff:198.51.100.9' ],
	    policy => { client_address => '198.51.100.9' },
	    milter => { addr => '198.51.100.9' },
	    received => qr/\[198\.51\.100\.9\]/ },
	{ name => 'PORT',
	    lines => [ 'ADDR=198.51.100.9 PORT=04711' ],
	    policy => { client_port => '4711' },
	    milter => { addr => '198.51.100.9', port => '4711' },
	    received => qr/\[198\.51\.100\.9\]/ },
	{ name => 'DESTADDR and DESTPORT',
	    lines => [ 'ADDR=198.51.100.9 DESTADDR=203.0.113.25 ' .
		'DESTPORT=587' ],
	    policy => { server_address => '203.0.113.25',
		server_port => '587' },
	    milter => { addr => '198.51.100.9' },
	    received => qr/\[198\.51\.100\.9\]/ },
	{ name => 'LOGIN',
	    lines => [ 'ADDR=198.51.100.9 LOGIN=joe@example.com' ],
	    policy => { sasl_method => 'XCLIENT',
		sasl_username => 'joe@example.com' },
	    milter => { addr => '198.51.100.9' },
	    received => qr/\[198\.51\.100\.9\]/ },
	{ name => 'NAME=[TEMPUNAVAIL]',
	    lines => [ 'ADDR=198.51.100.9 NAME=[tempunavail]' ],
	    policy => { client_name => 'unknown',
		reverse_client_name => 'unknown' },
	    milter => { addr => '198.51.100.9' },
	    received => qr/\(unknown \[198\.51\.100\.9\]\)/ },
	{ name => 'REVERSE_NAME beside NAME=[UNAVAILABLE]',
	    lines => [ 'ADDR=198.51.100.9 NAME=[UNAVAILABLE] ' .
		'REVERSE_NAME=rev.example.org' ],
	    policy => { client_name => 'unknown',
		reverse_client_name => 'rev.example.org' },
	    milter => { addr => '198.51.100.9' },
	    received => qr/\(unknown \[198\.51\.100\.9\]\)/ },
	{ name => 'several commands',
	    lines => [ 'NAME=spike.example.org ADDR=198.51.100.9',
		'HELO=spike.example.org PROTO=ESMTP' ],
	    no_ehlo => 1,
	    policy => { client_name => 'spike.example.org',
		client_address => '198.51.100.9', protocol_name => 'ESMTP',
		helo_name => 'spike.example.org' },
	    milter => { addr => '198.51.100.9' },
	    received => qr/from spike\.example\.org \(spike\.example\.org \[/ },
	{ name => 'several commands, LOGIN first',
	    lines => [ 'LOGIN=joe@example.com', 'ADDR=198.51.100.9',
		'NAME=spike.example.org' ],
	    policy => { client_name => 'spike.example.org',
		client_address => '198.51.100.9',
		sasl_username => 'joe@example.com' },
	    milter => { addr => '198.51.100.9' },
	    received => qr/\(spike\.example\.org \[198\.51\.100\.9\]\)/ },
	{ name => 'another ADDR is another client',
	    lines => [ 'ADDR=198.51.100.9 NAME=a.example.org ' .
		'LOGIN=joe@example.com', 'ADDR=198.51.100.10' ],
	    policy => { client_address => '198.51.100.10',
		client_name => 'unknown', sasl_username => '' },
	    milter => { addr => '198.51.100.10' },
	    received => qr/\(unknown \[198\.51\.100\.10\]\)/ },
);

for my $row (@rows) {
	my $name = $row->{name};
	$live->policy_seen->forget;
	$live->milter_seen->forget;
	my $smtp = $live->connect;
	$smtp->cmd('EHLO proxy.example.net');
	for my $line (@{$row->{lines}}) {
		is($smtp->cmd("XCLIENT $line")->code, 220,
		    "$name: executed");
	}
	$smtp->cmd('EHLO client.example.org') unless $row->{no_ehlo};
	is($smtp->mail(subject => $name)->code, 250, "$name: mail goes in");
	$smtp->quit;
	my $seen = $live->policy_seen->last(protocol_state => 'RCPT');
	is($seen->{$_}, $row->{policy}{$_}, "$name: policy: $_")
	    for sort keys %{$row->{policy}};
	my $connect = $live->milter_seen->last(event => 'CONNECT');
	is($connect->{$_}, $row->{milter}{$_}, "$name: milter: $_")
	    for sort keys %{$row->{milter}};
	my $mail = $live->postfix->delivered($name) // '';
	my ($received) = $mail =~ /^(Received: .*)$/m;
	like($received // '', $row->{received}, "$name: Received:");
	unlike($mail, qr/127\.0\.1\.1|proxy\.example\.net/,
	    "$name: no trace of the messenger");
}

# No milter can be told of a client without an address; mail goes through all
# the same.
{
	my $name = 'ADDR=[UNAVAILABLE]';
	$live->policy_seen->forget;
	my $smtp = $live->connect;
	$smtp->cmd('EHLO proxy.example.net');
	is($smtp->cmd('XCLIENT ADDR=[UNAVAILABLE]')->code, 220,
	    "$name: executed");
	is($smtp->cmd('EHLO client.example.org')->code, 250, "$name: EHLO");
	is($smtp->mail(subject => $name)->code, 250, "$name: mail goes in");
	my $seen = $live->policy_seen->last(protocol_state => 'RCPT');
	is_deeply([ @$seen{qw(client_address client_name client_port)} ],
	    [ 'unknown', 'unknown', 'unknown' ], "$name: policy");
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code =~ /^[45]/ ? 1 : 0, 1,
	    "$name: is sealed like any other");
	$smtp->quit;
	like($live->postfix->delivered($name) // '',
	    qr/\(unknown \[unknown\]\)/, "$name: Received:");
}

$live->finish;
