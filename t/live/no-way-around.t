#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# However XCLIENT is spelled, Postfix never executes one that
# xcontext-policy was not asked about: its tokenizer takes more for white space
# than a blank.
use strict;
use warnings;

use Test::More;

use XContext::Live ();

my $live = XContext::Live->new;

my @spellings = (
	"XCLIENT\tADDR=198.51.100.9", "XCLIENT\x0bADDR=198.51.100.9",
	"XCLIENT\x0cADDR=198.51.100.9", "XCLIENT\rADDR=198.51.100.9",
	"\tXCLIENT ADDR=198.51.100.9", "\x0bXCLIENT ADDR=198.51.100.9",
	"\x0cXCLIENT ADDR=198.51.100.9", "\rXCLIENT ADDR=198.51.100.9",
	"  XCLIENT  ADDR=198.51.100.9", "xclient addr=198.51.100.9",
	"XCLIENT ADDR=198.51.100.9\0", "XCLIENT\0 ADDR=198.51.100.9",
	"\"XCLIENT\" ADDR=198.51.100.9", "<XCLIENT> ADDR=198.51.100.9",
	"XCLIENT<ADDR=198.51.100.9>", "XCLI\"\"ENT ADDR=198.51.100.9",
	"\\XCLIENT ADDR=198.51.100.9", "(c)XCLIENT ADDR=198.51.100.9",
	"XCLIENT\xa0ADDR=198.51.100.9", "XCLIENT ADDR=198.51.100.9 \xff",
	"XCLIENT ADDR=198.51.100.9 HELO=\xff",
	"XCLIENT\xffADDR=198.51.100.9", "XCLIENT\xc0\xa0ADDR=198.51.100.9",
	"XCLIENT ADDR=198.51.100.9 " . ('x' x 4000),
);

for my $line (@spellings) {
	(my $shown = substr($line, 0, 50)) =~
	    s/([^ -~])/sprintf('\\x%02x', ord($1))/ge;
	my $asked = () = $live->policy->events(event => 'override',
	    client => '198.51.100.9');
	$live->policy_seen->forget;
	my $smtp = $live->connect;
	$smtp->cmd('EHLO proxy.example.net');
	my $reply = $smtp->cmd($line);
	my $was_executed = $reply->code == 220;
	if (!$smtp->{closed} && $reply->code != 221) {
		$smtp->cmd('EHLO again.example.net') if $was_executed;
		$smtp->mail(subject => "spelling $shown");
	}
	$smtp->close;
	my $now = () = $live->policy->events(event => 'override',
	    client => '198.51.100.9');
	my $seen = () = $live->policy_seen->find(
	    client_address => '198.51.100.9');
	is($now - $asked, $was_executed ? 1 : 0,
	    "$shown: executed only if we judged it (" . $reply->code . ')');
	ok($was_executed || !$seen, "$shown: and else has no effect");
	unlike("$reply", qr/^421/, "$shown: is no fault of ours");
}

$live->finish;
