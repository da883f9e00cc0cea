#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext-relay in front of a real Sendmail, which knows no XCLIENT: sessions
# are handed over through the store, and xcontext-milter finds the true client.
use strict;
use warnings;

use Test::More;

use XContext::Daemon ();
use XContext::File qw(spit);
use XContext::Guard qw(guard_dir guard_time);
use XContext::Inside qw(context_header store_tool);
use XContext::Relay ();
use XContext::Sendmail ();

my $why = XContext::Sendmail::impossible() //
    XContext::Daemon::impossible('xcontext-milter') //
    XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(300);

my $dir = guard_dir();
spit("$dir/access", <<'END');
client=198.51.100.66	554 5.7.9 this client
client=127.0.2.66	554 5.7.9 this peer
context.tenant=blocked	REJECT this tenant
client=127.0.0.1	REJECT the relay
peer=127.0.0.1	REJECT the relay
END

# The milter comes first: Sendmail asks for it.
my $sendmail = XContext::Sendmail->new(milter => "unix:$dir/milter");
my $relay = XContext::Relay->new(relays => {
    front => { hand_over => 'true', next_hop => sprintf('"smtp:[%s]:%d"',
	$sendmail->address, $sendmail->port) },
    bound => { hand_over => 'true', binding => '"bound"',
	next_hop => sprintf('"smtp:[%s]:%d"', $sendmail->address,
	$sendmail->port) } },
    conf => { access_maps => "{ \"texthash:$dir/access\" }",
	allowed_users => '{ "root" }', XCLIENT => '"ifavailable"' },
    profiles => <<'END',
profile edge { xclient = { "*" } addr = { "*" } xsetcontext = { "tenant" }
	xdumpcontext = true }
profile filter { xclient = { "*" } xforward = { "*" } addr = { "*" }
	seal = "never" }
END
    sections => <<"END");
binding bound { source_address = "127.0.9.9" }
milter {
	listen = "unix:$dir/milter"
	header_names = { "session", "peer_address", "remote_address",
	    "remote_name", "ehlo_domain", "tenant", "profile" }
}
END
my $milter = XContext::Daemon->new(name => 'xcontext-milter',
    conf => "$relay->{conf}", log => "$dir/milter.log",
    sockets => [ "$dir/milter" ]);
$relay->start;
$milter->start;
$sendmail->start;

# The pairs of the context header of the delivered mail of that subject.
sub header_of {
	my ($subject) = @_;
	return (context_header($sendmail->delivered($subject)))[1];
}

sub is_handed_over {
	my ($from, $port) = @_;
	my %store = (store => "lmdb:$relay->{dir}/store");
	return (store_tool(\%store, 'handed-over', $from, $port))[0] == 0;
}

# The ports, of that address and connected to Sendmail, whose sessions are
# handed over.
sub handed_over {
	my ($from) = @_;
	open(my $tcp, '<', '/proc/net/tcp') or die "/proc/net/tcp: $!\n";
	my $to = sprintf('%08X:%04X', unpack('L', pack('C4', split(/\./,
	    $sendmail->address))), $sendmail->port);
	return grep { is_handed_over($from, $_) } map {
	    my @field = split(' ');
	    $field[2] eq $to ? hex((split(/:/, $field[1]))[1]) : () } <$tcp>;
}

# Who comes by itself.
{
	my $smtp = $relay->connect(relay => 'front', local => '127.0.2.1');
	$smtp->cmd('EHLO there.example.org');
	is($smtp->mail(subject => 'itself')->code, 250, 'a stranger\'s mail');
	my $got = header_of('itself');
	is($got->{remote_address}, '127.0.2.1', 'header: the client');
	is($got->{peer_address}, '127.0.2.1', 'header: the peer');
	is($got->{ehlo_domain}, 'there.example.org', 'header: its greeting');
	is($got->{profile}, 'stranger', 'header: its profile');
	my $event = $milter->event(event => 'handed_over',
	    session => $got->{session});
	is($event->{client}, '127.0.2.1', 'log of the milter: the client');
	ok($relay->event(event => 'message', session => $got->{session}),
	    'log of the relay: the same session');
	my @ports = handed_over('127.0.0.1');
	is(scalar(@ports), 1, 'it is handed over');
	$smtp->quit;
	ok($relay->is_idle, 'as long as it lasts');
	ok(!is_handed_over('127.0.0.1', $ports[0]), 'and no longer');
}

# For whom somebody speaks.
{
	my $smtp = $relay->connect(relay => 'front');
	$smtp->cmd('EHLO proxy.example.org');
	$smtp->cmd('XSETCONTEXT tenant=acme');
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9 NAME=c.example.com PORT=99')
	    ->code, 220, 'XCLIENT');
	$smtp->cmd('EHLO c.example.com');
	is($smtp->mail(subject => 'XCLIENT')->code, 250, 'its mail');
	my $got = header_of('XCLIENT');
	is($got->{remote_address}, '198.51.100.9', 'XCLIENT: the client');
	is($got->{remote_name}, 'c.example.com', 'XCLIENT: its name');
	is($got->{peer_address}, '127.0.1.1', 'XCLIENT: the peer');
	is($got->{ehlo_domain}, 'c.example.com', 'XCLIENT: its greeting');
	is($got->{tenant}, 'acme', 'XCLIENT: the context');
	is($got->{profile}, 'edge', 'XCLIENT: the profile');
	is($smtp->mail(subject => 'another')->code, 250, 'another mail of it');
	is_deeply(header_of('another'), $got, 'has the same header');
	$smtp->quit;
}
{
	my $smtp = $relay->connect(relay => 'bound');
	$smtp->cmd('EHLO proxy.example.org');
	$smtp->cmd('XCLIENT ADDR=198.51.100.9');
	$smtp->cmd('EHLO c.example.com');
	is($smtp->mail(subject => 'bound')->code, 250,
	    'from an address of its own');
	is(header_of('bound')->{remote_address}, '198.51.100.9',
	    'it is handed over, too');
	is(scalar(handed_over('127.0.9.9')), 1, 'under that address');
	$smtp->quit;
}

# Two clients, one connection.
{
	my $smtp = $relay->connect(relay => 'front', local => '127.0.4.1');
	$smtp->cmd('EHLO filter.example.org');
	for my $n (1, 2) {
		is($smtp->cmd("XFORWARD ADDR=198.51.100.$n NAME=f$n.example.org " .
		    "HELO=h$n.example.org")->code, 250, "XFORWARD $n");
		is($smtp->mail(subject => "XFORWARD $n")->code, 250,
		    "mail of client $n");
	}
	for my $n (1, 2) {
		my $got = header_of("XFORWARD $n");
		is($got->{remote_address}, "198.51.100.$n",
		    "header $n: the client");
		is($got->{remote_name}, "f$n.example.org",
		    "header $n: its name");
		is($got->{peer_address}, '127.0.4.1', "header $n: the peer");
	}
	is($smtp->mail(subject => 'its own')->code, 250,
	    'mail of which nothing was forwarded');
	is(header_of('its own')->{remote_address}, '127.0.4.1',
	    'is its own');
	is($smtp->cmd('XFORWARD ADDR=198.51.100.66')->code, 250,
	    'a third client');
	like($smtp->mail(subject => 'third'), qr/^554 5\.7\.9 this client/,
	    'is judged for itself');
	$smtp->quit;

	$smtp = $relay->connect(relay => 'front', local => '127.0.4.1');
	for my $n (3, 4) {
		$smtp->cmd('EHLO filter.example.org');
		is($smtp->cmd("XCLIENT ADDR=198.51.100.$n")->code, 220,
		    "XCLIENT $n");
		$smtp->cmd("EHLO h$n.example.org");
		is($smtp->mail(subject => "XCLIENT $n")->code, 250,
		    "mail of client $n");
		my $got = header_of("XCLIENT $n");
		is($got->{remote_address}, "198.51.100.$n",
		    "header $n: the client");
		is($got->{ehlo_domain}, "h$n.example.org",
		    "header $n: its greeting");
	}
	$smtp->quit;
}

# Policy by the true client.
for my $row (
    [ 'the client', '127.0.1.1', 'XCLIENT ADDR=198.51.100.66',
	qr/^554 5\.7\.9 this client/ ],
    [ 'the peer', '127.0.2.66', undef, qr/^554 5\.7\.9 this peer/ ],
    [ 'the context', '127.0.1.1', 'XSETCONTEXT tenant=blocked',
	qr/^554 5\.7\.1 this tenant/ ]) {
	my ($name, $local, $line, $want) = @$row;
	my $smtp = $relay->connect(relay => 'front', local => $local);
	$smtp->cmd('EHLO a');
	is($smtp->cmd($line)->code, $line =~ /^XCL/ ? 220 : 250, $line)
	    if defined $line;
	$smtp->cmd('EHLO a');
	like($smtp->mail(subject => "access: $name"), $want,
	    "access_maps: $name");
	$smtp->close;
}

# What a session may not do it does not do behind the relay either.
for my $line ('XCLIENT ADDR=198.51.100.9', 'XREMOTEIP 198.51.100.9',
    'XSETCONTEXT tenant=evil', 'XDUMPCONTEXT') {
	my $smtp = $relay->connect(relay => 'front', local => '127.0.2.1');
	$smtp->cmd('EHLO a');
	is($smtp->cmd($line)->code, 550, "$line: refused");
	is($smtp->mail(subject => 'refused')->code, 451, "$line: its mail");
	$smtp->close;
}
is(scalar($milter->events(event => 'refuse')), 0,
    'the milter has heard of none of that');

# A relay that dies hands nothing over any more.
{
	my $smtp = $relay->connect(relay => 'front');
	$smtp->cmd('EHLO a');
	is($smtp->mail(subject => 'last words')->code, 250, 'a mail');
	$relay->kill;
	ok($smtp->is_closed, 'the relay is killed');
	$relay->start;
	$smtp = $relay->connect(relay => 'front', local => '127.0.2.1');
	$smtp->cmd('EHLO a');
	is($smtp->mail(subject => 'resurrected')->code, 250,
	    'one that is started again hands over');
	is(header_of('resurrected')->{remote_address}, '127.0.2.1',
	    'the right client');
	$smtp->quit;
}

$sendmail->stop;
is($milter->stop, 0, 'xcontext-milter ends well');
is(join("\n", $milter->complaints), '',
    'it complains of nothing');
$relay->finish;
done_testing();
