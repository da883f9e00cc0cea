#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# 200 sessions at the same time, of all who may say whose mail it is and of
# those who may not, through one relay to one Postfix, in a random order of
# their steps: the last hop takes each message for that of the client whose it
# is.  XC_SEED makes another order.
use strict;
use warnings;

use IO::Select ();
use List::Util qw(shuffle);
use Test::More;

use XContext::Behind ();
use XContext::Guard qw(guard_time);
use XContext::Inside qw(received);
use XContext::Relay ();
use XContext::Smtp ();

use constant SESSIONS => 200;

my $why = XContext::Behind::impossible() // XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(280);

my $seed = $ENV{XC_SEED} // 1;
srand($seed);
note("XC_SEED=$seed");

my $last = XContext::Behind->new(main => { default_process_limit => '250',
    max_idle => '300' });
$last->start;
my %same = (next_hop => $last->next_hop, connections => 2000);
my $relay = XContext::Relay->new(conf => { XCLIENT => '"required"' },
    relays => {
	front => { %same },
	# MAIL is answered before the next hop is known.
	mapped => { connections => 2000, transport_maps => '{ "static:' .
	    ($last->next_hop =~ s/"//gr) . '" }' },
	proxy => { %same, proxy_protocol => '{ "127.0.5.0/24" }' } },
    trust => "127.0.1.0/24	edge\n127.0.4.0/24	filter\n" .
	"127.0.5.0/24	proxy\n",
    profiles => <<'END');
profile edge {
	xclient = { "ADDR", "PORT", "NAME", "HELO", "LOGIN" }
	addr = { "127.0.2.0/24", "public" }
	login = { "*@example.com" }
	xremoteip = true
}
profile filter {
	xforward = { "*" }
	addr = { "127.0.2.0/24", "public" }
	seal = "never"
}
profile proxy {
	xclient = { "ADDR", "PORT", "DESTADDR", "DESTPORT" }
	addr = { "127.0.2.0/24", "public" }
}
END
$relay->start;

sub one_of { return $_[rand(@_)] }

# Few addresses, some of which come by themselves as well.
my @addresses = ('198.51.100.1', '198.51.100.2', map { "127.0.2.$_" } 1 .. 3);

# The commands of one mail, and whom it must be taken to be from.
my %want;
sub mail {
	my ($s, %from) = @_;
	my $sender = sprintf('s%d-%d@example.org', $s->{number},
	    ++$s->{n_mails});
	$want{$sender} = { name => 'unknown', login => '', port => undef,
	    helo => $s->{helo}, %from };
	return ("MAIL FROM:<$sender>", 'RCPT TO:<box@example.com>', 'DATA',
	    "Subject: $sender\r\n\r\n.");
}

# The lines before the mails of a session, and what they make of the client.
my %kinds = (
	stranger => sub { return ({ address => $_[0]{peer} }) },
	itself => sub { return ({ address => $_[0]{peer} }) },
	refused => sub { return (undef, 'XCLIENT ADDR=10.0.0.1') },
	name => sub {
		my $name = "n$_[0]{number}.example.org";
		return ({ address => $_[1], name => $name },
		    "XCLIENT ADDR=$_[1] NAME=$name");
	},
	port => sub {
		my $port = 1000 + $_[0]{number};
		return ({ address => $_[1], port => $port },
		    "XCLIENT ADDR=$_[1] PORT=$port");
	},
	login => sub {
		my $login = "u$_[0]{number}\@example.com";
		return ({ address => $_[1], login => $login },
		    "XCLIENT ADDR=$_[1] LOGIN=$login");
	},
	xremoteip => sub {
		return ({ address => $_[1] }, "XREMOTEIP $_[1]") },
	proxy => sub {
		my $port = 3000 + $_[0]{number};
		$_[0]{first} = "PROXY TCP4 $_[1] 192.0.2.1 $port 25\r\n";
		return ({ address => $_[1], port => $port });
	},
	# Each mail of these is another client's.
	xforward => sub { return ('forward') },
);
my %peer = (stranger => '127.0.2.', xforward => '127.0.4.',
    proxy => '127.0.5.');

sub plan_session {
	my ($number) = @_;
	my $kind = one_of(keys %kinds);
	my $s = { number => $number, kind => $kind, step => 0, first => '',
	    helo => "h$number.example.org", n_mails => 0,
	    peer => ($peer{$kind} // '127.0.1.') . (1 + int(rand(3))),
	    relay => $kind eq 'proxy' ? 'proxy' : one_of('front', 'mapped') };
	my ($from, @lines) = $kinds{$kind}->($s, one_of(@addresses));
	my @mails;
	for (1 .. 1 + int(rand(4))) {
		my $of = $from;
		if (defined $from && !ref $from) {
			$of = { address => one_of(@addresses),
			    helo => "f$number-$_.example.org",
			    port => 5000 + $number };
			push(@mails, "XFORWARD ADDR=$of->{address} " .
			    "PORT=$of->{port} HELO=$of->{helo}");
		}
		my @mail = mail($s, %{$of // { address => 'nobody' }});
		push(@mails, @mail);
	}
	$s->{lines} = [ (rand() < 0.5 && $kind !~ /proxy|xforward/ ?
	    'EHLO edge.example.net' : ()), @lines, "EHLO $s->{helo}", @mails,
	    'QUIT' ];
	return $s;
}

# All are connected before any of them is served further.
my @sessions = map { plan_session($_) } 1 .. SESSIONS;
for my $s (@sessions) {
	$s->{smtp} = $relay->connect(relay => $s->{relay},
	    local => $s->{peer}, greeting => 0, timeout => 60);
	$s->{smtp}->raw($s->{first}) if $s->{first} ne '';
}

# Takes the reply that has come, and says the next line.
sub advance {
	my ($s) = @_;
	my $reply = $s->{smtp}->reply;
	push(@{$s->{replies}}, "$reply");
	if ($s->{smtp}{closed} || $s->{step} == @{$s->{lines}}) {
		$s->{smtp}->close;
		return 0;
	}
	# A message that is not wanted is not sent.
	$s->{step}++ if $s->{lines}[$s->{step}] =~ /^Subject/ &&
	    $reply->code ne '354';
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
ok($last->is_idle(60), 'and all mail');

# Whom the last hop took each for, and what it wrote into the mail.
my (%told, %mail);
for my $request ($last->seen->all) {
	push(@{$told{$request->{sender}}}, $request);
}
for my $mail ($last->mails) {
	$mail{$1} = received($mail) if $mail =~ /^Subject: (\S+)/m;
}

my (%n, @wrong);
for my $s (@sessions) {
	for my $i (1 .. $s->{n_mails}) {
		my $sender = "s$s->{number}-$i\@example.org";
		my $want = $want{$sender};
		my $name = "$s->{kind} $s->{relay} $sender";
		$n{$s->{kind}}++;
		if ($want->{address} eq 'nobody') {
			push(@wrong, "$name: taken")
			    if $mail{$sender} || $told{$sender};
			next;
		}
		my $shown = quotemeta("from $want->{helo} " .
		    "($want->{name} [$want->{address}])");
		push(@wrong, "$name: " . ($mail{$sender} //
		    "not delivered: @{$s->{replies}}"))
		    if ($mail{$sender} // '') !~ /^$shown/;
		for my $told (@{$told{$sender} // []}) {
			push(@wrong, "$name: $_: $told->{$_->[0]}") for grep {
			    defined $want->{$_->[1]} &&
			    $told->{$_->[0]} ne $want->{$_->[1]} } (
			    [ qw(client_address address) ],
			    [ qw(client_name name) ],
			    [ qw(client_port port) ],
			    [ qw(sasl_username login) ],
			    [ qw(helo_name helo) ]);
		}
	}
}
is_deeply(\@wrong, [], 'each mail is from the one whose it is');
cmp_ok($n{$_} // 0, '>', 9, "some of $_") for sort keys %kinds;

ok($relay->is_idle, 'no connection is left');
alarm(0);
$relay->finish;
$last->finish;
done_testing();
