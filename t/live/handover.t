#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A relay in front of a real Sendmail hands its sessions over through the
# store.  The relay's part is played by a process that only lives, by
# store_tool, and by clients that hold the ports.
use strict;
use warnings;

use POSIX ();
use Test::More;

use XContext::Daemon ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_child guard_dir guard_forget guard_process
    guard_time process_start stop_process);
use XContext::Inside qw(context_header);
use XContext::Postfix ();
use XContext::Sendmail ();

my $why = XContext::Sendmail::impossible() // XContext::Daemon::impossible();
plan(skip_all => $why) if defined $why;
guard_time(300);

my $dir = guard_dir();
my $store = "lmdb:$dir/run/store";
my $tool = $ENV{XC_STORE_TOOL} // './t/lib/store_tool';
my $relay_address = '127.0.1.1';

spit("$dir/access", <<'END');
client=198.51.100.66	554 5.7.9 this client
context.tenant=blocked	REJECT this tenant
peer=192.0.2.66	REJECT this peer
peer=127.0.1.1	REJECT the relay
END
spit("$dir/xcontext.conf", <<"END");
store = "$store"
runtime_directory = "$dir/run"
state_directory = "$dir/run"
user = ""
allowed_users = { "root" }
log = "stderr"
trust_maps = { "cidr:{{127.0.1.0/24 local}}" }
access_maps = { "texthash:$dir/access" }
profile edge { xclient = { "*" } xsetcontext = { "*" } xdumpcontext = true
	on_violation = "reject" received = 1 }
profile local { xclient = { "*" } xsetcontext = { "*" } xdumpcontext = true }
milter {
	listen = "unix:$dir/milter"
	header_names = { "session", "peer_address", "remote_address",
	    "remote_name", "ehlo_domain", "tenant", "profile",
	    "origin_address" }
}
END
my $milter = XContext::Daemon->new(name => 'xcontext-milter',
    conf => "$dir/xcontext.conf", log => "$dir/milter.log",
    sockets => [ "$dir/milter" ]);
$milter->start;
my $sendmail = XContext::Sendmail->new(milter => "unix:$dir/milter",
    hosts => "$relay_address relay.example.org\n");
$sendmail->start;

# A process that only lives; its number, and how to end it.
sub start_process {
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		sleep(1000);
		POSIX::_exit(0);
	}
	guard_process($pid);
	return { pid => $pid, start => process_start($pid) };
}

sub end_process {
	my ($process) = @_;
	stop_process($process->{pid}, $process->{start}, 5);
	waitpid($process->{pid}, 0);
	guard_forget($process->{pid});
}

my $relay = start_process();

sub hand_over {
	my ($port, %field) = @_;
	%field = (peer => '192.0.2.10', profile => 'edge',
	    client => '198.51.100.7', client_port => 999,
	    override => 'XCLIENT ADDR=198.51.100.7 NAME=c.example.com ' .
	    'PORT=999', ehlo => 'EHLO there', %field);
	my $pid = delete $field{pid} // $relay->{pid};
	open(my $out, '-|', $tool, $store, 'hand-over', $relay_address, $port,
	    $pid, map { "$_=$field{$_}" } sort keys %field)
	    or die "$tool: $!\n";
	chomp(my $id = <$out> // '');
	close($out) or die "$tool: it cannot hand over\n";
	return $id;
}

sub is_handed_over {
	my ($port) = @_;
	return system("$tool $store handed-over $relay_address $port " .
	    '>/dev/null') == 0;
}

sub end_hand_over {
	my ($port) = @_;
	system($tool, $store, 'hand-over-end', $relay_address, $port) == 0
	    or die "$tool failed\n";
}

sub free_port { return XContext::Postfix::free_port($relay_address) }

sub session {
	my ($port) = @_;
	my $smtp = $sendmail->connect(local => $relay_address,
	    local_port => $port);
	$smtp->cmd('EHLO relay.example.org');
	return $smtp;
}

# The pairs of the context header of the delivered mail of that subject.
sub header_of {
	my ($subject) = @_;
	return (context_header($sendmail->delivered($subject)))[1];
}

{
	my $port = free_port();
	my $id = hand_over($port, context => 'tenant xsetcontext 1 acme');
	my $smtp = session($port);
	my @list = `$tool $store list`;
	ok((grep { $_ eq "session=$id\n" } @list) &&
	    (grep { $_ eq "client=198.51.100.7\n" } @list),
	    'Sendmail\'s process serves that session') or diag(@list);
	is($smtp->mail(subject => 'handed over', headers =>
	    'Received: from a.example.net (a.example.net [203.0.113.5]) ' .
	    "by mx.example.net; now\n")->code, 250, 'a mail');
	my $got = header_of('handed over');
	is_deeply($got, { session => $id, peer_address => '192.0.2.10',
	    remote_address => '198.51.100.7',
	    remote_name => 'c.example.com', ehlo_domain => 'there',
	    tenant => 'acme', profile => 'edge',
	    origin_address => '203.0.113.5' }, 'its header');
	my $event = $milter->event(event => 'handed_over', session => $id);
	is($event->{peer}, '192.0.2.10', 'log: the peer');
	is($event->{client}, '198.51.100.7', 'log: the client');
	is($event->{relay_port}, $port, 'log: the port');

	# Meanwhile, another from the same address.
	my $other = session(free_port());
	is($other->cmd('XSETCONTEXT tenant=own')->code, 450,
	    'another connection of the same address is not sealed');
	my $reply = $other->mail(subject => 'by itself');
	is($reply->code, 554, 'its mail is judged');
	like($reply->text, qr/the relay/, 'as the relay\'s own');
	unlike($reply->text, qr/$id/, 'in a session of its own');
	$other->quit;
	is(scalar($milter->events(event => 'handed_over')), 1,
	    'log: it was handed nothing');

	# The next client, on the same connection.
	my $next = hand_over($port, client => '198.51.100.8', ehlo => 'HELO b',
	    override => 'XCLIENT ADDR=198.51.100.8 NAME=d.example.com ' .
	    'PORT=1');
	is($smtp->mail(subject => 'the next client')->code, 250,
	    'the next client\'s mail');
	$got = header_of('the next client');
	is($got->{session}, $next, 'its session');
	is($got->{remote_address}, '198.51.100.8', 'its address');
	is($got->{ehlo_domain}, 'b', 'its greeting');
	ok(!defined $got->{tenant}, 'nothing of the one before');
	is($milter->event(event => 'handed_over', session => $next)->{client},
	    '198.51.100.8', 'log: the next client');

	# What is not handed over any more is nobody's.
	end_hand_over($port);
	$reply = $smtp->mail(subject => 'nobody');
	is($reply->code, 451, 'the relay says nothing any more');
	like($reply->text, qr/^4\.7\.1 .*session $next/, 'in which session');
	is($milter->event(event => 'mail_refused', session => $next)
	    ->{reason}, 'mismatch', 'log: why');
	$smtp->quit;
	is(scalar($milter->events(event => 'handed_over')), 2,
	    'log: once a client');
}

# Policy by the true client.
for my $row (
    [ 'client', 554, qr/^5\.7\.9 this client/, client => '198.51.100.66' ],
    [ 'peer', 554, qr/^5\.7\.1 this peer/, peer => '192.0.2.66' ],
    [ 'tenant', 554, qr/^5\.7\.1 this tenant/,
	context => 'tenant xsetcontext 1 blocked' ],
    [ 'refused by the relay', 554, qr/^5\.7\.1 no; session /,
	refused => 'reject', refused_reason => 'sealed',
	refused_text => 'no' ],
    [ 'refused for good', 421, qr/^4\.7\.1 no; session /,
	refused => 'disconnect', refused_reason => 'sealed',
	refused_text => 'no' ],
    [ 'a profile that is not here', 451,
	qr/^4\.3\.0 the profile of this session /, profile => 'gone' ]) {
	my ($name, $code, $text, %field) = @$row;
	my $port = free_port();
	hand_over($port, %field);
	my $smtp = session($port);
	my $reply = $smtp->mail(subject => $name);
	is($reply->code, $code, "$name: the code");
	like($reply->text, $text, "$name: the text");
	$smtp->close;
	end_hand_over($port);
}

# The end client may type through the relay.
for my $line ('XCLIENT ADDR=198.51.100.9', 'XREMOTEIP 198.51.100.9',
    'XSETCONTEXT tenant=evil', 'XDUMPCONTEXT') {
	my $port = free_port();
	hand_over($port);
	my $smtp = session($port);
	my $reply = $smtp->cmd($line);
	is($reply->code, 550, "sealed: $line");
	like($reply->text, qr/can no longer be changed/, 'it says so');
	# To read is no violation.
	is($smtp->mail(subject => 'typed')->code,
	    $line eq 'XDUMPCONTEXT' ? 250 : 554, 'and its mail');
	$smtp->quit;
	end_hand_over($port);
}

# The dead hand nothing over.
{
	my $dead = start_process();
	my $port = free_port();
	hand_over($port, pid => $dead->{pid},
	    context => 'tenant xsetcontext 1 blocked');
	end_process($dead);
	my $smtp = session($port);
	like($smtp->mail(subject => 'of the dead')->text, qr/the relay/,
	    'a port that one who is dead had is anybody\'s');
	$smtp->quit;

	my $living = free_port();
	hand_over($living);
	ok(is_handed_over($port), 'what the dead left is there');
	$milter->stop;
	$milter->start;
	ok(!is_handed_over($port), 'until it is swept');
	ok(is_handed_over($living), 'what the living handed over stays');

	# A relay that dies while its client's mail is still on its way.
	$dead = start_process();
	$port = free_port();
	hand_over($port, pid => $dead->{pid});
	$smtp = session($port);
	is($smtp->mail(subject => 'last words')->code, 250, 'it lives');
	end_process($dead);
	is($smtp->mail(subject => 'a ghost\'s')->code, 451, 'it does not');
	$smtp->quit;
}

# Over TCP, where nobody knows which process serves the session.
{
	$sendmail->stop;
	$milter->stop;
	my $tcp = XContext::Postfix::free_port('127.0.0.1');
	my $conf = slurp("$dir/xcontext.conf");
	$conf =~ s/"unix:[^"]*milter"/"inet:127.0.0.1:$tcp"/;
	spit("$dir/xcontext.conf", $conf);
	$milter->{sockets} = [];
	$milter->start;
	ok($milter->event(event => 'start', listen => "inet:127.0.0.1:$tcp"),
	    'it listens on TCP');
	$sendmail->{milter} = "inet:$tcp\@127.0.0.1";
	$sendmail->configure;
	$sendmail->start;
	my $port = free_port();
	my $id = hand_over($port);
	my $smtp = session($port);
	is($smtp->mail(subject => 'over TCP')->code, 250, 'over TCP');
	is(header_of('over TCP')->{session}, $id, 'it is handed over, too');
	is(header_of('over TCP')->{remote_address}, '198.51.100.7',
	    'the client');
	$smtp->quit;
}

end_process($relay);
$sendmail->stop;
is($milter->stop, 0, 'xcontext-milter ends well');
is(join("\n", $milter->complaints(qr/reason=mismatch|event=no_peer/)), '',
    'it complains of nothing unexpected');
done_testing();
