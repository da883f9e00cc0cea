#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A Sendmail and a Postfix with one store: sessions from the same address and
# port do not mix, also where these are all that a milter knows of them; and
# Sendmail's rulesets ask for profiles.
use strict;
use warnings;

use Test::More;

use XContext::Daemon ();
use XContext::Live ();
use XContext::Postfix ();
use XContext::Sendmail ();

my $why = XContext::Sendmail::impossible();
plan(skip_all => $why) if defined $why;

my $tcp = '127.0.0.1:' . XContext::Postfix::free_port('127.0.0.1');
my $live = XContext::Live->new(
    services => [ { name => 'messengers', wiring => 'a' },
	{ name => 'tcp', wiring => 'a', options =>
	    [ "smtpd_milters = inet:$tcp, unix:recorder/milter" ] } ],
    main => { smtpd_hard_error_limit => 1000, smtpd_soft_error_limit => 1000 },
    milter => { header_names => '{ "session", "tenant", "peer_address", ' .
	'"remote_address" }' },
    trust => "127.0.1.0/24\tedge\n127.0.3.0/24\tbanned\n" .
	"2600::/16\tbanned\n",
    profiles => <<'END');
profile edge {
	xclient = { "ADDR" }
	xsetcontext = { "tenant" }
	xdumpcontext = true
}
profile banned { }
END
my $sockets = $live->postfix->sockets;
my $sendmail = XContext::Sendmail->new(milter => "unix:$sockets/milter",
    mc => <<"END");
LOCAL_CONFIG
Kprofile socket -T<TMPF> unix:$sockets/maps
LOCAL_RULESETS
SLocal_check_relay
R\$* \$| \$*		\$: \$(profile \$2 \$: none \$)
Rbanned			\$#error \$@ 5.7.1 \$: "554 banned by profile"
R\$*<TMPF>		\$#error \$@ 4.3.0 \$: "451 cannot tell"
END
$sendmail->start;

sub to_sendmail {
	my (%opt) = @_;
	my $smtp = $sendmail->connect(local => '127.0.1.1', %opt);
	$smtp->cmd('EHLO there');
	return $smtp;
}

sub to_postfix {
	my (%opt) = @_;
	my $smtp = $live->connect(%opt);
	$smtp->cmd('EHLO there');
	return $smtp;
}

sub dumped {
	my ($smtp) = @_;
	return { map { /^(?:4\.0\.0 )?\[\w+\] (\S+) ?(.*)$/ ? ($1 => $2) : () }
	    $smtp->cmd('XDUMPCONTEXT')->lines };
}

sub header {
	my ($mail) = @_;
	my ($field) = ($mail // '') =~
	    /^X-Session-Context:((?:.*\n)(?:[ \t].*\n)*)/im;
	($field // '') =~ s/\s+//gr;
}

for my $round (1 .. 3) {
	my $port = XContext::Postfix::free_port('127.0.1.1');
	my $p = to_postfix(local_port => $port);
	my $s = to_sendmail(local_port => $port);
	is($p->local_port, $s->local_port, 'the same address and port');
	is($p->cmd("XSETCONTEXT tenant=postfix$round")->code, 250,
	    'a pair on Postfix');
	is($s->cmd("XSETCONTEXT tenant=sendmail$round")->code, 450,
	    'a pair on Sendmail');
	my ($pd, $sd) = (dumped($p), dumped($s));
	is($pd->{tenant}, "postfix$round", 'Postfix has its own');
	is($sd->{tenant}, "sendmail$round", 'Sendmail has its own');
	isnt($pd->{session}, $sd->{session}, 'they are two sessions');
	is($p->cmd('XCLIENT ADDR=198.51.100.9')->code, 220,
	    'an override on Postfix');
	is(dumped($s)->{remote_address}, '127.0.1.1',
	    'does nothing on Sendmail');
	is($s->cmd('XCLIENT ADDR=198.51.100.8')->code, 450,
	    'and the other way round');
	is(dumped($p)->{remote_address}, '198.51.100.9',
	    'nothing on Postfix');
	$p->cmd('EHLO client');
	is($p->mail(subject => "p$round")->code, 250, 'mail to Postfix');
	is($s->mail(subject => "s$round")->code, 250, 'mail to Sendmail');
	like(header($live->postfix->delivered("p$round")),
	    qr/tenant=postfix$round;.*remote_address=198\.51\.100\.9$/,
	    'the header on Postfix');
	like(header($sendmail->delivered("s$round")),
	    qr/tenant=sendmail$round;.*remote_address=198\.51\.100\.8$/,
	    'the header on Sendmail');
	# A refusal spoils one of them only.
	is($s->cmd('EHLO again')->code, 250, 'EHLO');
	is($s->cmd('XSETCONTEXT other=1')->code, 550, 'refused on Sendmail');
	is($s->mail(subject => 'spoilt')->code, 451, 'its mail is refused');
	is($p->mail(subject => "q$round")->code, 250, 'the other is not');
	$_->quit for $p, $s;
}

# Over TCP a milter does not know the process, and finds a session by its
# address and port.
{
	my $conf = do {
		open(my $fh, '<', $live->{conf_file}) or die "conf: $!\n";
		local $/;
		<$fh>;
	};
	$conf =~ s{"unix:$sockets/milter"}{"inet:$tcp"} or die "no listen\n";
	# The first milter has that of this directory.
	$conf = "control = \"\"\n$conf";
	open(my $fh, '>', "$live->{dir}/tcp.conf") or die "tcp.conf: $!\n";
	print $fh $conf;
	close($fh);
	my $milter = XContext::Daemon->new(name => 'xcontext-milter',
	    conf => "$live->{dir}/tcp.conf", log => "$live->{dir}/tcp.log",
	    sockets => [ $tcp ]);
	$milter->start;
	my $port = XContext::Postfix::free_port('127.0.1.1');
	my $p = to_postfix(service => 'tcp', local_port => $port);
	my $s = to_sendmail(local_port => $port);
	is($p->local_port, $s->local_port, 'TCP: the same address and port');
	is($p->cmd('XSETCONTEXT tenant=acme')->code, 250,
	    'TCP: a pair on Postfix');
	is($s->cmd('XSETCONTEXT other=1')->code, 550,
	    'TCP: refused on Sendmail');
	is($p->mail(subject => 'tcp')->code, 250, 'TCP: Postfix takes mail');
	ok($live->postfix->delivered('tcp'), 'TCP: and delivers it');
	my $reply = $p->cmd('XSETCONTEXT another=1');
	is($reply->code, 450, 'TCP: refused on Postfix');
	like($reply->text, qr/another is not granted/,
	    'TCP: for a reason of its own');
	is($p->mail(subject => 'tcp refused')->code, 451,
	    'TCP: and so is its mail');
	$_->quit for $p, $s;
	is($milter->stop, 0, 'TCP: the milter ends well');
	is(join("\n", $milter->complaints(qr/event=no_peer /)), '',
	    'TCP: it complains of nothing unexpected');
}

# A restart of xcontext-policy finds Sendmail's sessions in the store, and
# leaves them alone.
{
	my $s = to_sendmail();
	$s->cmd('XSETCONTEXT tenant=stays');
	$live->policy->stop;
	$live->policy->start;
	is(dumped($s)->{tenant}, 'stays', 'a session on Sendmail stays');
	is($s->mail(subject => 'stays')->code, 250, 'and its mail passes');
	like(header($sendmail->delivered('stays')), qr/tenant=stays/,
	    'with its header');
	$s->quit;
}

# The profile table, by Sendmail's own rulesets.
{
	my $s = $sendmail->connect(local => '127.0.3.1');
	$s->cmd('EHLO there');
	my $reply = $s->cmd('MAIL FROM:<a@example.org>');
	is($reply->code, 554, 'a ruleset refuses by profile');
	like($reply->text, qr/banned by profile/, 'with its text');
	$s->close;
	is($live->lookup('profile', '127.0.1.1'), 'OK edge', 'the table');
	is($live->lookup('profile', '127.0.2.1'), 'NOTFOUND ', 'a stranger');
	is($live->lookup('profile', 'ipv6:2600:0:0:0:0:0:0:9'), 'OK banned',
	    'IPv6 as Sendmail writes it');
}

$sendmail->stop;
$live->finish;
