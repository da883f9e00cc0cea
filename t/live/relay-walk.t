#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A random walk: clients and next hops that do, now and then, what they should
# not, over a relay that is reloaded, and next hops and a relay that are killed.
# Whatever happens, a message that was acknowledged is at a next hop once, with
# the identity of its own client; one that was refused is at none; each command
# has one reply, in order; connections are bounded, and end with the client.
#
# XC_SEED makes another walk, XC_SECONDS (20) a longer one.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use XContext::Dns ();
use XContext::File qw(spit);
use XContext::Guard qw(guard_dir guard_time);
use XContext::Postfix ();
use XContext::Relay ();
use XContext::WildClients ();
use XContext::WildHop ();

my $why = XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
my $seconds = $ENV{XC_SECONDS} // 20;
my $seed = $ENV{XC_SEED} // 1;
srand($seed);
note("XC_SEED=$seed");
guard_time(200 + 2 * $seconds);

my $dir = guard_dir();

#
# Next hops: three hosts of one name on the same port, one that speaks LMTP, and
# one by itself.
#
my @address = map { my @part = split(/\./, XContext::Postfix::own_address());
    $part[1] += 64 * $_; join('.', @part) } 0 .. 2;

sub common_port {
	for (1 .. 100) {
		my $port = XContext::Postfix::free_port($address[0]);
		my @free = grep { IO::Socket::INET->new(LocalAddr => $_,
		    LocalPort => $port, Listen => 1) } @address;
		return $port if @free == @address;
	}
	die "no port is free\n";
}

my $port = common_port();
my ($lmtp, $one) = map { XContext::Postfix::free_port($address[0]) } 1 .. 2;
my $hops = XContext::WildHop->new(file => "$dir/seen", whims => 0.2 + rand(0.5),
    listen => [ (map { { address => $_, port => $port } } @address),
	{ address => $address[0], port => $lmtp, lmtp => 1 },
	{ address => $address[0], port => $one } ]);
my $dns = XContext::Dns->new(records => {
    'pool.example' => { A => [ @address ] },
    'broken.example' => 'SERVFAIL' });

#
# Postfix, whose smtpd processes are killed, with TLS.
# Its master waits for a minute where one is killed too early.
#
sub certificate {
	my ($name) = @_;
	return 0 if system("openssl req -x509 -newkey ec -pkeyopt " .
	    "ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=$name " .
	    "-keyout $dir/$name.key -out $dir/$name.pem 2>/dev/null") != 0;
	chmod(0644, "$dir/$name.key");
	return 1;
}

my $has_tls = certificate('walk');
my $postfix;
if (!defined XContext::Postfix::impossible()) {
	$postfix = XContext::Postfix->new(
	    main => { service_throttle_time => '1s' },
	    services => [ { name => 'last', options => [
		'smtpd_authorized_xclient_hosts = 127.0.0.0/8', $has_tls ?
		('smtpd_tls_security_level = may',
		"smtpd_tls_cert_file = $dir/walk.pem",
		"smtpd_tls_key_file = $dir/walk.key") : () ] } ]);
	$postfix->start;
}

# The processes that serve connections, of this Postfix alone.
sub kill_smtpd {
	my @found;
	for my $file (glob('/proc/[0-9]*/stat')) {
		open(my $fh, '<', $file) or next;
		my $line = <$fh> // next;
		push(@found, $1)
		    if $line =~ /^(\d+) \(smtpd\) \S+ $postfix->{master} /;
	}
	kill('KILL', $found[rand(@found)]) if @found;
}

#
# The relay
#
my %fixed = (connections => 1000, connect_timeout => 2, reply_timeout => 3,
    final_timeout => 4, command_timeout => 20, data_timeout => 20);
my $pool = "\"smtp:[pool.example]:$port\"";
my $relay = XContext::Relay->new(
    conf => { XCLIENT => '"required"', resolver => '"' . $dns->server . '"' },
    relays => {
	fixed => { %fixed, next_hop => "\"smtp:[$address[0]]:$one\"",
	    $has_tls ? (tls => '"may"', tls_certificate =>
	    "\"$dir/walk.pem\"", tls_key => "\"$dir/walk.key\"") : () },
	auth => { %fixed, next_hop => "\"smtp:[$address[0]]:$one\"",
	    auth => '"always"' },
	$postfix ? (postfix => { %fixed, next_hop => sprintf(
	    '"smtp:[%s]:%d"', $postfix->address('last'),
	    $postfix->port('last')), binding => '"tls"' }) : (),
	pool => { %fixed, next_hop => $pool },
	open => { %fixed, transport_maps => '{ "inline:{ ' . join(', ',
	    "pool.example=smtp:[pool.example]:$port",
	    "lmtp.example=lmtp:[$address[0]]:$lmtp",
	    "one.example=smtp:[$address[0]]:$one",
	    'nowhere.example=smtp:[nowhere.example]:25', $postfix ?
	    sprintf('example.com=smtp:[%s]:%d', $postfix->address('last'),
	    $postfix->port('last')) : ()) . ' }" }' },
	maybe => { %fixed, next_hop => $pool, binding => '"maybe"' },
	lmtp => { %fixed, protocol => '"lmtp"',
	    next_hop => "\"lmtp:[$address[0]]:$lmtp\"" },
	mixed => { %fixed, next_hop => "\"lmtp:[$address[0]]:$lmtp\"" },
	proxy => { %fixed, next_hop => $pool,
	    proxy_protocol => '{ "127.0.5.0/24" }' } },
    sections => "binding maybe { XCLIENT = \"ifavailable\" " .
	"tls = \"may\" }\nbinding tls { tls = \"" . ($has_tls ? 'encrypt' :
	'no') . "\" }\n",
    trust => "127.0.1.0/24	edge\n127.0.4.0/24	filter\n" .
	"127.0.5.0/24	proxy\n",
    profiles => <<'END');
profile edge {
	xclient = { "*" }
	addr = { "public" }
	login = { "*" }
	xsetcontext = { "*" }
	xdumpcontext = true
}
profile filter {
	xclient = { "*" }
	xforward = { "*" }
	addr = { "public" }
	login = { "*" }
	xsetcontext = { "*" }
	xdumpcontext = true
	seal = "never"
}
profile proxy {
	xclient = { "ADDR", "PORT", "DESTADDR", "DESTPORT" }
	addr = { "public" }
}
END
my (@logs, %n_done);
my $life = 0;

# A log for each life: what its start is told by is then found at once.
sub start_relay {
	push(@logs, $relay->{log} = "$dir/relay-log." . @logs);
	$relay->{n_starts} = 0;
	$relay->start;
	$life++;
}

sub n_open {
	my @fds = glob('/proc/' . $relay->pid . '/fd/*');
	return scalar @fds;
}

# True once it has no more of them than that.
sub is_back_to {
	my ($n) = @_;
	for (1 .. 300) {
		return 1 if n_open() <= $n;
		sleep(0.02);
	}
	diag("$_ -> " . (readlink($_) // '?'))
	    for glob('/proc/' . $relay->pid . '/fd/*');
	return 0;
}

sub n_connects {
	return scalar grep { $_->{what} eq 'connect' } $hops->seen;
}

#
# What happens meanwhile
#
sub reload {
	my ($break) = @_;
	my $conf = $relay->{settings};
	local $conf->{XCLIENT} = $break ? '"perhaps"' : $conf->{XCLIENT};
	$relay->write_conf;
	$relay->signal('HUP');
}

my %happening = (
	reload => [ sub { reload(0) } ],
	'bad reload' => [ sub { reload(1) } ],
	'next hops' => [ sub { $hops->kill }, sub { $hops->start } ],
	relay => [ sub { $relay->kill }, sub { reload(0); start_relay() } ],
	both => [ sub { $relay->kill; $hops->kill },
	    sub { $hops->start; reload(0); start_relay() } ]);

$happening{smtpd} = [ \&kill_smtpd ] if $postfix;

# Each of them once, and then any; and what was killed comes back.
sub happenings {
	my ($every) = @_;
	my @first = sort keys %happening;
	my ($next, $back) = (time() + rand($every));
	return sub {
		my ($is_over) = @_;
		return if time() < $next && !$is_over;
		if ($back) {
			$back->();
			undef $back;
			$next = time() + $every / 2 + rand($every);
		} elsif (!$is_over) {
			my $what = @first ? shift(@first) : (sort keys
			    %happening)[rand(keys %happening)];
			$n_done{$what}++;
			my ($do, $undo) = @{$happening{$what}};
			$do->();
			$back = $undo;
			$next = time() + rand($undo ? 0.3 : $every);
		}
	};
}

$hops->start;
start_relay();
my (%want, @clients);
sub make_clients {
	my $clients = XContext::WildClients->new(want => \%want,
	    sessions => 30, has_tls => $has_tls, life => sub { $relay->is_running ? $life : 0 },
	    relays => { map { $_ => [ $relay->address($_),
	    $relay->port($_) ] } keys %{$relay->{relays}} }, @_);
	push(@clients, $clients);
	return $clients;
}

# What there is open when nobody is connected; the resolver's socket too.
{
	my $smtp = $relay->connect(relay => 'pool');
	$smtp->cmd('EHLO warm.example.org');
	$smtp->quit;
}
ok($relay->is_idle, 'nobody is connected');
sleep(0.2);
my $n_before = n_open();

my $clients = make_clients();
$clients->run($seconds, happenings($seconds / 16));
is_deeply($clients->{faults}, [], 'each command has its reply, and no other');
cmp_ok($n_done{$_} // 0, '>', 0, "it happened: $_")
    for sort keys %happening;
ok($relay->is_idle(30), 'all have gone');
ok(is_back_to($n_before), 'no file is left open') or
    diag("$n_before before, " . n_open() . ' now');

#
# All leave at once, and nothing begins any more.
#
my $leaving = make_clients(n_before => 1000000);
$leaving->run_briefly(1.5);
is_deeply($leaving->{faults}, [], 'before all leave: likewise');
$leaving->leave;
sleep(0.3);
my $n_connects = n_connects();
ok($relay->is_idle(30), 'all have left');
sleep(1.5);
is(n_connects(), $n_connects, 'nothing is begun for clients that have left');
ok(is_back_to($n_before), 'nor kept open');

$hops->kill;
is($relay->stop, 0, 'the relay ends well');

#
# What is at the next hops, and what its senders were told
#
my (%at_hop, @wrong, %lied, %told, $n_commands, $n_at_postfix);
for my $seen ($hops->seen) {
	push(@wrong, $seen->{text}) if $seen->{what} eq 'wrong';
	$lied{$seen->{id}} = 1 if $seen->{what} eq 'lied';
	push(@{$at_hop{$seen->{id}}{$seen->{recipient}}}, $seen)
	    if $seen->{what} eq 'took';
}
# Postfix writes into the mail whose it is.
if ($postfix) {
	ok($postfix->is_idle(60), 'Postfix has delivered all');
	for my $mail ($postfix->mails) {
		my ($to) = $mail =~ /^X-Original-To: ([\d.-]+)@/m;
		my ($id) = $mail =~ /^Id: (\d+-\d+) /m;
		my ($helo, $addr) = $mail =~
		    /^Received: from (\S+) \(\S+ \[(\S+)\]\)/m;
		push(@wrong, "Postfix has $mail"), next
		    if !defined $to || !defined $id || !defined $addr;
		push(@{$at_hop{$id}{$to}}, { addr => $addr, helo => $helo });
		$n_at_postfix++;
	}
	cmp_ok($n_at_postfix // 0, '>', 0, 'Postfix has something');
	$postfix->stop;
}
is_deeply(\@wrong, [], 'what came to the next hops is whole');

for my $c (@clients) {
	$told{$_} = $c->{told}{$_} for keys %{$c->{told}};
	$n_commands += $c->{n_commands};
}
my (%n, @lost, @twice, @refused, @foreign, @unknown);
for my $id (sort keys %told) {
	for my $to (sort keys %{$told{$id}}) {
		my $what = $told{$id}{$to};
		my $at = $at_hop{$id}{$to} // [];
		$n{$what}++;
		push(@lost, $to) if $what eq 'acked' && !@$at && !$lied{$id};
		push(@refused, $to) if $what eq 'refused' && @$at &&
		    !$lied{$id};
	}
}

# Whose it was, and not another's; nobody's where that may be.  Where a next hop
# has said more than it was asked, nobody can tell what it said to AUTH.
sub differs {
	my ($want, $got, $has_lied) = @_;
	return 'nobody may send it' if !defined $want;
	return 'XCLIENT had been refused' if $got->{is_spoilt};
	my $is_told = $got->{addr} ne '';
	return $want->{relay} eq 'maybe' ? '' : 'nobody was told' if !$is_told;
	my $port = $want->{port} // $want->{session}{port};
	return join(', ', map { "$_->[0]: $got->{$_->[0]}, not $_->[1]" }
	    grep { ($got->{$_->[0]} // $_->[1]) ne $_->[1] } [ addr => $want->{addr} ],
	    [ port => $port ], [ helo => $want->{helo} ],
	    [ login => $want->{login} ],
	    $has_lied ? () : [ auth => $want->{auth} // '' ]);
}

for my $id (sort keys %at_hop) {
	for my $to (sort keys %{$at_hop{$id}}) {
		my @at = @{$at_hop{$id}{$to}};
		push(@twice, $to) if @at > 1;
		push(@unknown, $to) if !exists $told{$id}{$to} && !$lied{$id};
		my $why = differs($want{$id}, $at[0], $lied{$id});
		push(@foreign, "$to: $why") if $why ne '';
		$n{'at the hop'}++;
	}
}
is_deeply(\@lost, [], 'what was acknowledged is at a next hop');
is_deeply(\@twice, [], 'nothing is there twice');
is_deeply(\@refused, [], 'what was refused is not');
is_deeply(\@unknown, [], 'nor what was never sent to its end');
is_deeply(\@foreign, [], 'each is there as its own client\'s');

my $n_all = n_connects();
cmp_ok($n_all, '<', 4 * $n_commands, 'connects are bounded');

# For one session as well.
my (%n_of, %needs);
my @complaints;
for my $log (@logs) {
	$relay->{log} = $log;
	push(@complaints, $relay->complaints(qr/event=(?:hop_failed|
	    xclient_\w+|protocol_error|reload_failed|refuse|loop|timeout|
	    mail_refused|limit|connection_refused)\b/x));
	for my $event ($relay->events) {
		my $session = $event->{session} // next;
		$n_of{$session}++ if $event->{event} =~
		    /^(?:hop_failed|hop_ready|xclient_(?:refused|failed))$/;
		$needs{$session}++ if $event->{event} eq 'command' &&
		    $event->{command} =~ /^(?:EHLO|LHLO|MAIL|RCPT)$/;
	}
}
is_deeply([ map { "$_: $n_of{$_} for " . ($needs{$_} // 0) } grep {
    $n_of{$_} > 10 * (1 + ($needs{$_} // 0)) } sort keys %n_of ], [],
    'so are those of each session');
is_deeply(\@complaints, [], 'the relay complains of nothing else');

note(join(', ', map { "$_ $n{$_}" } sort keys %n));
note("$n_commands commands that need a next hop, $n_all connects, " .
    scalar(@logs) . ' lives, ' . ($clients->{n_tls} // 0) . ' with TLS, ' .
    ($n_at_postfix // 0) . ' at Postfix');
note(join(', ', map { "$_ $n_done{$_}" } sort keys %n_done));
cmp_ok($n{acked} // 0, '>', $seconds, 'many are acknowledged');
done_testing();
