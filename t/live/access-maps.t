#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Policy by context, end to end: what a messenger says about a session decides
# what Postfix does with its mail.
use strict;
use warnings;

use Test::More;

use XContext::Live ();

my $live = XContext::Live->new(
    services => [ { name => 'messengers', wiring => 'a' },
	{ name => 'second', wiring => 'plain' } ],
    main => { smtpd_hard_error_limit => 1000, smtpd_soft_error_limit => 1000 },
    start => 0,
    trust => <<'TRUST', profiles => <<'PROFILES');
127.0.1.0/24	edge
127.0.3.0/24	webmail
127.0.4.0/24	anonymous
127.0.5.0/24	reporter
TRUST
profile edge { xclient = { "ADDR", "LOGIN" } xsetcontext = { "*" }
	login = { "*" } }
profile webmail { xclient = { "ADDR" } }
profile anonymous { always_allow = true xclient = { "ADDR" }
	xdumpcontext = true }
profile reporter { always_allow = true report_only = true }
PROFILES

my $second = $live->postfix->address('second') . ']:' .
    $live->postfix->port('second');
my %table = (
    first => <<"END",
context.tenant=acme		FILTER smtp:[$second
context.tenant=blocked		REJECT this tenant is blocked
context.tenant=slow		DEFER
context.tenant=later		451 4.7.1 come back
context.tenant=marked		PREPEND X-Tenant: marked
context.tenant=skipped		DUNNO
context.tenant=thrown		DISCARD for no reason
context.order=1			REJECT context goes first
message.mailfrom=bad\@example.org	REJECT not this sender
profile=webmail			REJECT webmail is closed
END
    second => <<'END',
context.tenant=blocked		OK
context.tenant=skipped		REJECT the second map
message.mailfrom=order@example.org	REJECT message goes second
client=198.51.100.66		REJECT this client
peer=127.0.3.9			REJECT this peer
login=joe@example.net		REJECT this login
END
    dynamic => <<'END',
/^context\.action=(.*)$/	$1
END
);
for my $name (keys %table) {
	open(my $fh, '>', "$live->{dir}/$name") or die "$name: $!\n";
	print $fh $table{$name};
	close($fh);
}
$live->{opt}{conf}{access_maps} = "{ \"texthash:$live->{dir}/first\", " .
    "\"texthash:$live->{dir}/second\", \"regexp:$live->{dir}/dynamic\" }";
$live->write_conf;
$live->start;

my $policy = $live->policy;

# What a messenger's mail is answered after these commands.
sub says {
	my ($name, $commands, %opt) = @_;
	my $smtp = $live->connect(local => $opt{local} // '127.0.1.1');
	$smtp->cmd('EHLO there');
	for (@$commands) {
		my $reply = $smtp->cmd($_);
		like($reply->code, qr/^2/, "$name: $_") or diag($reply);
	}
	my $reply = $smtp->mail(subject => $name,
	    defined $opt{from} ? (from => $opt{from}) : ());
	$smtp->quit;
	return $reply;
}

my @refusals = (
    [ 'tenant is blocked', [ 'XSETCONTEXT tenant=blocked' ], 554,
	qr/^5\.7\.1 .*this tenant is blocked/ ],
    [ 'defer', [ 'XSETCONTEXT tenant=slow' ], 450, qr/./ ],
    [ 'a code and a text', [ 'XSETCONTEXT tenant=later' ], 451,
	qr/^4\.7\.1 .*come back/ ],
    [ 'the second map', [ 'XSETCONTEXT tenant=skipped' ], 554,
	qr/the second map/ ],
    [ 'context before message', [ 'XSETCONTEXT order=1' ], 554,
	qr/context goes first/, from => 'bad@example.org' ],
    [ 'first map before second', [ 'XSETCONTEXT tenant=marked2' ], 554,
	qr/not this sender/, from => 'bad@example.org' ],
    [ 'a message pair', [], 554, qr/message goes second/,
	from => 'order@example.org' ],
    [ 'a profile', [], 554, qr/webmail is closed/, local => '127.0.3.1' ],
    [ 'a client', [ 'XCLIENT ADDR=198.51.100.66' ], 554, qr/this client/ ],
    [ 'a login', [ 'XCLIENT ADDR=198.51.100.9 LOGIN=joe@example.net' ], 554,
	qr/this login/ ],
    [ 'an unknown action', [ 'XSETCONTEXT action=FRY' ], 451,
	qr/^4\.3\.5 .*Server configuration problem/ ],
    [ 'an injected action', [ 'XSETCONTEXT action=OKAY' ], 451,
	qr/^4\.3\.5/ ],
    [ 'an action that was checked when given',
	[ 'XSETCONTEXT action=REJECT+20as+20said' ], 554, qr/as said/ ],
);
for my $row (@refusals) {
	my ($name, $commands, $code, $text, %opt) = @$row;
	my $reply = says($name, $commands, %opt);
	is($reply->code, $code, "$name: the code") or diag($reply);
	like($reply->text, $text, "$name: the text");
	ok($live->not_delivered($name), "$name: not delivered");
}
my $log = $policy->event(event => 'access', key => 'context.tenant=blocked');
is($log->{rule}, "$live->{dir}/first:2", 'log: the rule');
like($log->{line}, qr/^REJECT this tenant/, 'log: the action');
ok($policy->event(event => 'error'), 'log: the action that there is not');
like($policy->event(event => 'error')->{raw}, qr/OKAY|FRY/,
    'log: which it is');
$live->expect_log(qr/event=error .*(?:FRY|OKAY)/);

is(says('filtered', [ 'XSETCONTEXT tenant=acme' ])->code, 250, 'FILTER');
my $mail = $live->postfix->delivered('filtered');
is(scalar(() = ($mail // '') =~ /^Received: /mg), 2,
    'FILTER: it went through the filter');
is(says('prepended', [ 'XSETCONTEXT tenant=marked' ])->code, 250, 'PREPEND');
like($live->postfix->delivered('prepended'), qr/^X-Tenant: marked$/m,
    'PREPEND: in the delivered message');
is(says('thrown away', [ 'XSETCONTEXT tenant=thrown' ])->code, 250,
    'DISCARD');
ok($live->not_delivered('thrown away'), 'DISCARD: not delivered');
is(says('nothing said', [])->code, 250, 'no rule');
ok($live->postfix->delivered('nothing said'), 'no rule: delivered');

# Always allowed, as anonymous.
{
	is(says('always', [], local => '127.0.4.1')->code, 250,
	    'always_allow: accepted');
	is($policy->event(event => 'access', key => 'always_allow')->{line},
	    'OK', 'always_allow: policy says OK');
	my $smtp = $live->connect(local => '127.0.4.1');
	$smtp->cmd('EHLO there');
	like($smtp->cmd('XDUMPCONTEXT')->text,
	    qr/^(?:4\.0\.0 )?\[connection\] auth_user anonymous$/m,
	    'always_allow: the context');
	is($smtp->cmd('XCLIENT ADDR=198.51.100.10')->code, 220, 'XCLIENT');
	$smtp->cmd('EHLO client');
	is($smtp->mail(subject => 'anonymous')->code, 250, 'mail');
	$smtp->quit;
	my $seen = $live->policy_seen->last(client_address => '198.51.100.10');
	is($seen->{sasl_username}, 'anonymous', 'LOGIN=anonymous');
	is($seen->{sasl_method}, 'XCLIENT', 'by XCLIENT');
	$smtp = $live->connect(local => '127.0.4.1');
	$smtp->cmd('EHLO there');
	is($smtp->cmd('XCLIENT ADDR=10.0.0.1')->code, 450,
	    'always_allow is no grant');
	is($smtp->mail(subject => 'no grant')->code, 451,
	    'and a refusal still counts');
	$smtp->quit;
	is($live->connect(local => '127.0.5.1')->cmd('XSETCONTEXT a=b')->code,
	    250, 'report_only lets pass');
	is($policy->event(event => 'permit', peer => '127.0.5.1')
	    ->{report_only}, 'true', 'and reports');
}

$live->finish;
