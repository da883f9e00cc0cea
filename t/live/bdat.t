#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A message that comes in parts (BDAT), and commands between them.
use strict;
use warnings;

use Test::More;

use XContext::Live ();

my $live = XContext::Live->new(
    main => { smtpd_hard_error_limit => 1000, smtpd_soft_error_limit => 1000,
	milter_content_timeout => '3s' },
    milter => { header_names => '{ "tenant", "mailfrom", ' .
	'"origin_address" }' },
    trust => "127.0.1.0/24\tedge\n", profiles => <<'END');
profile edge {
	xclient = { "*" }
	xsetcontext = { "tenant" }
	xdumpcontext = true
	received = 1
}
END

sub bdat {
	my ($smtp, $text, $last) = @_;
	$text =~ s/\n/\r\n/g;
	$smtp->raw('BDAT ' . length($text) . ($last ? ' LAST' : '') .
	    "\r\n$text");
	return $smtp->reply->code;
}

# Sends two parts, and lines between them; returns the codes of all replies.
sub in_parts {
	my ($subject, @lines) = @_;
	my $smtp = $live->connect;
	$smtp->cmd('EHLO there');
	$smtp->cmd('XSETCONTEXT tenant=acme');
	$smtp->cmd('MAIL FROM:<a@example.org>');
	$smtp->cmd('RCPT TO:<box@example.com>');
	my @codes = bdat($smtp, "Subject: $subject\n" .
	    "Received: from o (o.example.net [203.0.113.7]) by mx; now\n" .
	    "X-Session-Context: tenant=evil\n\nHello,\n");
	push(@codes, map { $smtp->cmd($_)->code } @lines);
	push(@codes, bdat($smtp, "world.\n", 1));
	$smtp->close;
	return join(' ', @codes);
}

for my $row ([ 'two parts', 'acme', '250 250' ],
    [ 'an override between them', 'acme', '250 503 250',
	'XCLIENT ADDR=198.51.100.9' ]) {
	my ($name, $tenant, $want, @lines) = @$row;
	is(in_parts($name, @lines), $want, "$name: the replies");
	my $mail = $live->postfix->delivered($name) // '';
	like($mail, qr/^X-Session-Context:\ tenant=$tenant;\s
	    mailfrom=a\@example\.org;\s+origin_address=203\.0\.113\.7$/mx,
	    "$name: the header");
	unlike($mail, qr/evil/, "$name: and no other");
}

# libmilter takes what no MTA knows for the end of the transaction, and does not
# answer when the message is there: it must come again.  The 421 is that of a
# Postfix with milter_default_action = shutdown, newer ones' default.
for my $row ([ 'a dump between them', 450, 'XDUMPCONTEXT' ],
    [ 'a pair between them', 450, 'XSETCONTEXT tenant=other' ],
    [ 'a refusal between them', 450, 'XSETCONTEXT colour=red' ],
    [ 'nonsense between them', 500, 'NONSENSE' ]) {
	my ($name, $code, $line) = @$row;
	like(in_parts($name, $line), qr/^250 $code (?:451|421)$/,
	    "$name: comes again");
	ok($live->not_delivered($name), "$name: nothing is let in");
}

$live->finish;
