#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# swaks as the messenger, with its own idea of how XCLIENT is spoken.
use strict;
use warnings;

use Test::More;

use XContext::Live ();

plan(skip_all => 'swaks is not installed')
    if system('command -v swaks > /dev/null') != 0;
my $live = XContext::Live->new;

sub swaks {
	my ($subject, @args) = @_;
	my @command = ('swaks', '--server', $live->postfix->address('messengers'),
	    '--port', $live->postfix->port('messengers'),
	    '--local-interface', XContext::Live::MESSENGER,
	    '--from', 'sender@example.org', '--to', 'user@example.com',
	    '--header', "Subject: $subject", '--ehlo', 'client.example.org',
	    @args);
	open(my $out, '-|', @command) or die "swaks: $!\n";
	my $dialogue = do { local $/; <$out> };
	close($out);
	return ($? >> 8, $dialogue);
}

my ($status, $dialogue) = swaks('swaks one command', '--xclient',
    'ADDR=198.51.100.9 NAME=client.example.org');
is($status, 0, 'one XCLIENT: swaks is content') or diag($dialogue);
like($live->postfix->delivered('swaks one command') // '',
    qr/\(client\.example\.org \[198\.51\.100\.9\]\)/,
    'one XCLIENT: Received:');

($status, $dialogue) = swaks('swaks by attribute',
    '--xclient-addr', '198.51.100.9', '--xclient-name', 'client.example.org',
    '--xclient-proto', 'ESMTP', '--xclient-helo', 'asserted.example.org');
is($status, 0, 'attributes: swaks is content') or diag($dialogue);
like($live->postfix->delivered('swaks by attribute') // '',
    qr/\(client\.example\.org \[198\.51\.100\.9\]\)/,
    'attributes: Received:');

($status, $dialogue) = swaks('swaks two commands',
    '--xclient-addr', '198.51.100.9', '--xclient-name', 'client.example.org',
    '--xclient-delim', '--xclient-helo', 'asserted.example.org',
    '--xclient-proto', 'ESMTP');
is($status, 0, 'two XCLIENTs: swaks is content') or diag($dialogue);
is(() = $dialogue =~ /^ *-> XCLIENT/mg, 2, 'two XCLIENTs: it sent two');
like($live->postfix->delivered('swaks two commands') // '',
    qr/\(client\.example\.org \[198\.51\.100\.9\]\)/,
    'two XCLIENTs: Received:');

($status, $dialogue) = swaks('swaks refused', '--xclient-addr', '10.0.0.1');
isnt($status, 0, 'a private address: swaks sees the refusal');
like($dialogue, qr/450 4\.7\.1 .*10\.0\.0\.1/,
    'a private address: and the reason');
ok($live->not_delivered('swaks refused'), 'a private address: no mail');

$live->finish;
