#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Tables behind proxy: come from one process for all sessions: nothing is
# answered there, so that no session is taken for another's, and the log and
# the answer say why.
use strict;
use warnings;

use Test::More;

use XContext::Live ();

my $maps = 'proxy:socketmap:unix:xcontext/maps';
my $live = XContext::Live->new(
    services => [ { name => 'proxied', wiring => 'plain', options => [
	"smtpd_authorized_xclient_hosts = $maps:xclient",
	"smtpd_authorized_xforward_hosts = $maps:xforward",
	"smtpd_milter_maps = $maps:milters" ] },
	{ name => 'messengers', wiring => 'a' } ],
    main => { proxy_read_maps => join(', ', map { "$maps:$_" }
	qw(xclient xforward milters)) });
# Relative to the queue directory, in which proxymap runs as well.
$live->expect_log(qr/event=no_peer_process/);

for my $peer (XContext::Live::MESSENGER, XContext::Live::STRANGER) {
	my $smtp = $live->connect(service => 'proxied', local => $peer);
	my $reply = $smtp->cmd('EHLO there');
	is($reply->code, 421, "$peer: no session") or diag($reply);
	$smtp->close;
}
my ($line) = $live->policy->event(event => 'no_peer_process');
like($line->{reason} // '', qr/proxymap.*without proxy:/,
    'the log says why, and what to do');
like($live->postfix->log_text, qr/without proxy:/,
    'Postfix\'s log says it, too');
is_deeply([ $live->policy->events(event => 'begin') ], [],
    'no session began');

my $smtp = $live->connect(service => 'messengers');
$smtp->cmd('EHLO there');
is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220,
    'a listener without proxy: is served');
$smtp->quit;
$live->finish;
