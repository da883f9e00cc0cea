# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::OddMail: mail as it lies in old mailboxes: folded, 8-bit, with NULs,
# bare CR and LF, lines of 100 KB, "From " in its text, dots, and no Received.
#
#	my $m = XContext::OddMail::make(17);
#	$m->{text}	as it is stored, in lines that end in LF (or CRLF)
#	$m->{want}	what is to arrive, from its line "X-Id: 17" on
#	$m->{origin}	the client's address; undef: there is none to be found
#	XContext::OddMail::id(TEXT), tail(TEXT)	of what arrived
package XContext::OddMail;

use strict;
use warnings;

use constant KINDS => 14;

my @bodies = (
    sub { "plain\n\ntext\n" },
    sub { "f\xFCr \xE4lle\n\xFF\xFE\n" },
    sub { "a\0b\n\0\n\0\0\0\n" },
    sub { "old\rmac\rlines\r\n\r\rend\n" },
    sub { "x\n\nFrom here on\n>From there\n>>From all\nFrom a\@b.example " .
	"Mon Nov 30 10:00:00 2026\n" },
    sub { ('l' x 100_000) . "\nshort\n" },
    sub { "no line end" },
    sub { ".\n..\n.x\n\n.\nDATA\n" },
    sub { "x\r.\r\nMAIL FROM:<evil\@example.org>\r\nRCPT TO:<a\@example.com>" .
	"\nDATA\n\r\n.\r\r\n.\n\r.\r\n" },
    sub { "" },
    sub { "\n\n\nx\n" },
    sub { " begins with a blank\n\t\n" },
    sub { join('', map { ('y' x 997) . "\n" } 1 .. 20) },
    sub { "a\r\nb\r\n.\r\n\r\nc\r\n" },
);

sub _received {
	my ($n) = @_;
	my $origin = sprintf('198.51.%d.%d', 100 + ($n / 250) % 100,
	    1 + $n % 250);
	return ($origin,
	    "Received: from store.example.net by box.example.net with LMTP\n" .
	    "\tid $n; Mon, 30 Nov 2026 10:00:01 +0000\n" .
	    "Received: from helo$n.example.org (host$n.example.org\n" .
	    "\t[$origin])\n by mx.example.net (Postfix) with ESMTP id $n\n" .
	    "\tfor <a\@example.com>; Mon, 30 Nov 2026 10:00:00 +0000\n" .
	    "Received: from forged ([203.0.113.66]) by nobody; now\n");
}

# What is in no mbox's way, nor in that of a message alone.
sub make {
	my ($n) = @_;
	my $kind = $n % KINDS;
	my ($origin, $received) = $n % 11 == 3 ? (undef, '') : _received($n);
	my $sender = $n % 17 == 0 ? '' : "s$n\@example.org";
	# Long lines are few.
	$kind = 0 if $kind == 5 && $n % (4 * KINDS) != 5;
	my $mine = "X-Id: $n\n\n" . $bodies[$kind]->();
	my $text = "Return-Path: <$sender>\nDelivered-To: a\@example.com\n" .
	    $received . "From: s\@example.org\nSubject: message $n\n" .
	    "Date: Mon, 30 Nov 2026 10:00:00 +0000\n" .
	    "Message-ID: <$n\@example.org>\n" .
	    "X-Folded: a\n\tb\n  c\n" . $mine;
	$text =~ s/(?<!\r)\n/\r\n/g if $kind == 13;
	(my $want = $mine) =~ s/\r\n/\n/g;
	$want =~ s/\r/ /g;
	$want .= "\n" if $want !~ /\n\z/;
	return { text => $text, want => $want, origin => $origin,
	    sender => $sender, n => $n };
}

# As mbox has it.
sub mbox {
	my ($m) = @_;
	(my $text = $m->{text}) =~ s/^(>*From )/>$1/mg;
	$text .= "\n" if $text !~ /\n\z/;
	return "From someone\@example.org Mon Nov 30 10:00:00 2026\n$text\n";
}

sub id {
	my ($text) = @_;
	return $text =~ /^X-Id: (\d+)$/m ? $1 : undef;
}

sub tail {
	my ($text) = @_;
	return $text =~ /^(X-Id: .*)\z/ms ? $1 : '';
}

1;
