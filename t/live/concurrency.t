#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# 200 sessions at the same time, of messengers and strangers, with asserted
# addresses that overlap, on two wirings and through fewer smtpd processes than
# sessions, in a random order of their steps: no session ever sees another's
# identity.  XC_SEED makes another order.
use strict;
use warnings;

use IO::Select ();
use List::Util qw(shuffle);
use Test::More;

use XContext::Inside qw(received);
use XContext::Live ();

use constant {
	SESSIONS => 200,
	PROCESSES => 30,		# of each wiring
};

my $seed = $ENV{XC_SEED} // 1;
srand($seed);
note("XC_SEED=$seed");

my $live = XContext::Live->new(
    services => [ map { { name => $_, wiring => $_, maxproc => PROCESSES,
	messengers => '127.0.1.0/24' } } qw(a b) ],
    main => { max_use => 1000, max_idle => 300,
	default_process_limit => 100 },
    trust => "127.0.1.128/25	webmail\n127.0.1.0/25	edge\n",
    profiles => <<'END');
profile edge {
	xclient = { "ADDR", "PORT", "NAME", "HELO" }
	addr = { "127.0.2.0/24", "public" }
}
profile webmail {
	xclient = { "ADDR", "LOGIN" }
	addr = { "127.0.2.0/24", "public" }
	login = { "*@example.com" }
}
END

sub one_of { return $_[rand(@_)] }

# Few addresses, some of which come by themselves as well.
my @addresses = ('198.51.100.1', '198.51.100.2', map { "127.0.2.$_" } 1 .. 3);

# What a session is to be: its peer, its commands, and whom all must see.
sub plan_session {
	my ($number) = @_;
	my $s = { number => $number, service => one_of('a', 'b'),
	    helo => "h$number.example.org", may_mail => 1, mails => [],
	    address => one_of(@addresses), name => 'unknown', port => 0,
	    login => '', step => 0 };
	my $kind = one_of('name', 'port', 'login', 'refused', 'itself',
	    'stranger', 'stranger');
	my @lines;
	$s->{peer} = $kind eq 'login' ? '127.0.1.' . (128 + int(rand(100))) :
	    $kind eq 'stranger' ? '127.0.2.' . (1 + int(rand(3))) :
	    '127.0.1.' . (1 + int(rand(100)));
	if ($kind eq 'name') {
		$s->{name} = "n$number.example.org";
		@lines = ("XCLIENT ADDR=$s->{address} NAME=$s->{name}");
	} elsif ($kind eq 'port') {
		$s->{port} = 1000 + $number;
		@lines = ("XCLIENT ADDR=$s->{address} PORT=$s->{port}");
	} elsif ($kind eq 'login') {
		$s->{login} = "u$number\@example.com";
		@lines = ("XCLIENT ADDR=$s->{address} LOGIN=$s->{login}");
	} else {
		@lines = ('XCLIENT ADDR=10.0.0.1') if $kind eq 'refused';
		$s->{address} = $s->{peer};
		$s->{may_mail} = 0 if $kind eq 'refused';
		$s->{port} = undef;
	}
	my @mails = map { my $sender = "s$number-$_\@example.org";
	    push(@{$s->{mails}}, $sender);
	    ("MAIL FROM:<$sender>", 'RCPT TO:<box@example.com>', 'DATA',
	    "Subject: $sender\r\n\r\n.") } 1 .. 1 + int(rand(3));
	$s->{lines} = [ (rand() < 0.5 ? 'EHLO edge.example.net' : ()), @lines,
	    "EHLO $s->{helo}", @mails, 'QUIT' ];
	return $s;
}

# All are connected before any of them is served.
my @sessions = map { plan_session($_) } 1 .. SESSIONS;
for my $s (@sessions) {
	$s->{smtp} = $live->connect(service => $s->{service},
	    local => $s->{peer}, greeting => 0, timeout => 60);
	$s->{port} //= $s->{smtp}->local_port;
}

# Takes the reply that has come, and says the next line.
sub advance {
	my ($s) = @_;
	my $reply = $s->{smtp}->reply;
	push(@{$s->{replies}}, $reply->code);
	if ($s->{smtp}{closed} || $s->{step} == @{$s->{lines}}) {
		$s->{smtp}->close;
		return 0;
	}
	# A message that is not wanted is not sent.
	$s->{step}++ if $s->{lines}[$s->{step}] =~ /^Subject/ &&
	    $reply->code != 354;
	$s->{smtp}->raw("$s->{lines}[$s->{step}++]\r\n");
	return 1;
}

# In any order among those that have been answered.
my %waiting = map { ($_->{smtp}{sock}, $_) } @sessions;
my $select = IO::Select->new(map { $_->{smtp}{sock} } @sessions);
while ($select->count > 0) {
	my @ready = $select->can_read(60) or last;
	for my $sock (shuffle(@ready)) {
		my $s = $waiting{$sock};
		next if rand() < 0.2;
		$select->remove($sock) if !advance($s);
	}
}
is($select->count, 0, 'all sessions come to their end');
ok($live->postfix->is_idle(60), 'and all mail');

# What everybody was told.
my (%told, %connect, %pids);
for my $request ($live->policy_seen->all) {
	$pids{$1} = 1 if $request->{instance} =~ /^([0-9a-f]+)\./;
	push(@{$told{$request->{sender}}}, [ 'policy', $request->{client_name},
	    $request->{client_address}, $request->{client_port} eq 'unknown' ?
	    0 : $request->{client_port}, $request->{sasl_username},
	    $request->{helo_name} ]);
}
my %helo;
for my $event ($live->milter_seen->all) {
	my $session = $event->{session};
	$connect{$session} = $event if $event->{event} eq 'CONNECT';
	$helo{$session} = $event->{helo} if $event->{event} eq 'HELO';
	next if $event->{event} ne 'MAIL';
	(my $sender = $event->{sender}) =~ s/^<|>$//g;
	my $from = $connect{$session};
	push(@{$told{$sender}}, [ 'milter', $from->{name} eq
	    "[$from->{addr}]" ? 'unknown' : $from->{name}, $from->{addr},
	    $from->{port}, $event->{auth_authen} // '', $helo{$session} ]);
}
my %mail;
for my $mail ($live->postfix->mails) {
	$mail{$1} = $mail if $mail =~ /^Subject: (\S+)/m;
}

cmp_ok(scalar keys %pids, '<=', 2 * PROCESSES,
    'fewer processes than sessions');
cmp_ok(scalar keys %pids, '>', 1, 'and more than one');

my $n_mails = 0;
for my $s (@sessions) {
	my $name = "session $s->{number} ($s->{service}, $s->{peer}, " .
	    "$s->{address})";
	my $want = join(' ', @$s{qw(name address port login helo)});
	my @wrong;
	for my $sender (@{$s->{mails}}) {
		for my $told (@{$told{$sender} // []}) {
			my ($who, @what) = @$told;
			push(@wrong, "$who: @what") if "@what" ne $want;
		}
		my $mail = $mail{$sender};
		if (!$s->{may_mail}) {
			push(@wrong, "$sender is in") if defined $mail;
			next;
		}
		my $shown = "from $s->{helo} ($s->{name} [$s->{address}])";
		push(@wrong, "$sender: " . (received($mail) // 'not in'))
		    if index(received($mail) // '', $shown) != 0;
		my %who = map { ($_->[0], 1) } @{$told{$sender} // []};
		push(@wrong, "$sender: not told to $_")
		    for grep { !$who{$_} } qw(policy milter);
		$n_mails++ if defined $mail;
	}
	is(join("\n", @wrong), '', "$name: $want") or
	    diag("@{$s->{replies}}");
}
cmp_ok($n_mails, '>', SESSIONS / 2, "$n_mails mails in all");

$live->finish;
