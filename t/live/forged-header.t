#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# No context header from outside is left where no milter removes it: behind
# ADDR=[UNAVAILABLE], which libmilter does not take, in a stranger's session,
# and in wiring B while the milter is away.  Ours stays.
use strict;
use warnings;

use Test::More;

use XContext::Live ();

my $live = XContext::Live->new(
    services => [ map { { name => $_, wiring => $_ } } qw(a b) ],
    milter => { header_names => '{ "session", "peer_address" }' },
    profiles => <<'END');
profile edge {
	xclient = { "*" }
	addr = { "*" }
	xsetcontext = { "*" }
	xdumpcontext = true
	seal = "never"
}
profile webmail {
	xclient = { "ADDR" }
}
END

my $forged = "X-Session-Context: session=01EVIL; peer_address=192.0.2.1\n" .
    "x-session-context\t:\n session=01EVIL\n";

sub fields {
	my ($mail) = @_;
	my ($head) = ($mail // '') =~ /^(.*?\n)\n/s;
	return ($head // '') =~
	    /^X-Session-Context[ \t]*:((?:.*\n)(?:[ \t].*\n)*)/gim;
}

# Mail with forged headers; the header fields that were delivered.
sub deliver {
	my ($subject, $service, $peer, $command) = @_;
	my $smtp = $live->connect(service => $service, local => $peer);
	$smtp->cmd('EHLO there');
	if (defined $command) {
		is($smtp->cmd($command)->code, 220, "$subject: $command");
		$smtp->cmd('EHLO client');
	}
	my $reply = $smtp->mail(subject => $subject, headers => $forged);
	is($reply->code, 250, "$subject: mail is accepted") or diag($reply);
	$smtp->quit;
	my $mail = $live->postfix->delivered($subject);
	ok($mail, "$subject: and delivered");
	return fields($mail);
}

for my $service (qw(a b)) {
	is_deeply([ deliver("no address, wiring $service", $service,
	    XContext::Live::MESSENGER, 'XCLIENT ADDR=[UNAVAILABLE]') ], [],
	    "no address, wiring $service: none is left");
	is_deeply([ deliver("a stranger, wiring $service", $service,
	    XContext::Live::STRANGER) ], [],
	    "a stranger, wiring $service: none is left");
	my @fields = deliver("followed, wiring $service", $service,
	    XContext::Live::MESSENGER, 'XCLIENT ADDR=198.51.100.9');
	is(scalar(@fields), 1, "followed, wiring $service: one header");
	like($fields[0] // '', qr/peer_address=127\.0\.1\.1\b/,
	    "followed, wiring $service: which is ours");
}

# Behind ADDR=[UNAVAILABLE] no milter is there to show the context, or to write
# it, though the profile grants both.
for my $service (qw(a b)) {
	my $name = "wiring $service, no address";
	my $smtp = $live->connect(service => $service);
	$smtp->cmd('EHLO there');
	is($smtp->cmd('XSETCONTEXT tenant=acme')->code, 250, "$name: a pair");
	is($smtp->cmd('XDUMPCONTEXT')->code, 450, "$name: is shown before");
	is($smtp->cmd('XCLIENT ADDR=[UNAVAILABLE]')->code, 220, $name);
	$smtp->cmd('EHLO client');
	is($smtp->cmd('XDUMPCONTEXT')->code, 500, "$name: not behind it");
	is($smtp->mail(subject => $name)->code, 250, "$name: mail");
	is_deeply([ fields($live->postfix->delivered($name) // die) ], [],
	    "$name: nor in a header");
	$smtp->quit;
}

$live->milter->stop;
is_deeply([ deliver('no milter', 'b', XContext::Live::MESSENGER,
    'XCLIENT ADDR=198.51.100.9') ], [], 'no milter, wiring b: none is left');
$live->milter->start;
$live->finish;
