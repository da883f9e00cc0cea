#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Behind smtpd_upstream_proxy_protocol the address that a header of the PROXY
# protocol says may be one that Postfix takes and that is none to us, such as
# 0.1.2.3: its session is nobody's, and not that of the one before in the same
# process; and where Postfix does not take it there is no session.
use strict;
use warnings;

use Socket qw(inet_aton);
use Test::More;

use XContext::Inside qw(record_of smtpd_of);
use XContext::Live ();

my $live = XContext::Live->new(
    services => [ map { { name => $_, wiring => $_, maxproc => 1, options =>
	[ 'smtpd_upstream_proxy_protocol = haproxy' ] } } qw(a b) ],
    main => { max_use => 10000, max_idle => 300 },
    trust => "127.0.1.1	edge\n", profiles => <<'END');
profile edge {
	xclient = { "ADDR" }
	xforward = { "*" }
	xsetcontext = { "*" }
	xdumpcontext = true
	always_allow = true
	seal = "never"
}
END
$live->expect_log(qr/reason=(?:no_session|no_grant)/);

sub header1 {
	my ($address) = @_;
	return "PROXY TCP4 $address 127.0.0.1 1234 25\r\n";
}

sub header2 {
	my ($address) = @_;
	return "\r\n\r\n\0\r\nQUIT\n\x21\x11" . pack('n', 12) .
	    inet_aton($address) . inet_aton('127.0.0.1') .
	    pack('nn', 1234, 25);
}

# Who connects is a stranger here, whatever the header says.
sub begin {
	my ($service, $header) = @_;
	my $smtp = $live->connect(service => $service, greeting => 0,
	    local => XContext::Live::STRANGER);
	$smtp->raw($header);
	$smtp->{greeting} = $smtp->reply;
	return $smtp;
}

sub messenger {
	my ($service) = @_;
	my $smtp = begin($service, header2('127.0.1.1'));
	$smtp->cmd('EHLO edge.example.net');
	is($smtp->cmd('XSETCONTEXT tenant=acme')->code, 250,
	    "$service: a messenger");
	my $pid = smtpd_of($smtp);
	$smtp->quit;
	return $pid;
}

my $n_nobody = 0;
for my $service (qw(a b)) {
	for my $row ([ 'version 1', header1('0.1.2.3') ],
	    [ 'version 2', header2('0.1.2.3') ]) {
		my ($version, $header) = @$row;
		my $name = "$service, $version";
		my $pid = messenger($service);
		my $smtp = begin($service, $header);
		if ($smtp->greeting->code != 220) {
			is($smtp->greeting->code, 421,
			    "$name: Postfix does not take it");
			next;
		}
		$n_nobody++;
		is(smtpd_of($smtp), $pid, "$name: the same process");
		my $ehlo = $smtp->cmd('EHLO nobody.example.org');
		is($ehlo->code, $service eq 'a' ? 421 : 250,
		    "$name: what it may do at all");
		ok(!$ehlo->offers($_), "$name: $_ is not offered")
		    for qw(XCLIENT XFORWARD);
		next if $ehlo->code != 250;
		my $dump = $smtp->cmd('XDUMPCONTEXT');
		like($dump->code, qr/^[45]/, "$name: no dump");
		unlike($dump->text, qr/acme|127\.0\.1\.1/,
		    "$name: nothing of the messenger's");
		like($smtp->cmd($_)->code, qr/^[45]/, "$name: no $_")
		    for 'XSETCONTEXT a=b', 'XCLIENT ADDR=198.51.100.9';
		is((record_of($live, $pid) // {})->{profile}, undef,
		    "$name: its session has no profile");
		my @refused = $live->policy->events(event => 'refuse');
		ok(@refused > 0 && !(grep { ($_->{profile} // '') eq 'edge' ||
		    ($_->{peer} // '') eq '127.0.1.1' } @refused),
		    "$name: nothing of it is logged as the messenger's");
		is($smtp->mail(subject => $name)->code, 451,
		    "$name: its mail is not taken");
		$smtp->quit;
	}
}
ok($n_nobody > 0, 'Postfix takes one of the two');
$live->finish;
