#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A random walk: messengers of each kind that say what they may and what they
# may not, in both wirings, while xcontext-policy and xcontext-milter are
# killed, stopped for a while, ended and reloaded.  Whatever happens: no mail
# comes in under an identity that was refused, or another's, nor with another's
# context; a session that was refused gets no mail accepted until it ends; each
# command has one reply; and the service is back behind each fault.
#
# XC_SEED makes another walk, XC_WALK_SECONDS (20) a longer one.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use XContext::Inside qw(context_header received);
use XContext::Live ();
use XContext::WildMessengers ();

my $seconds = $ENV{XC_WALK_SECONDS} // 20;
my $seed = $ENV{XC_SEED} // 1;
srand($seed);

my $live = XContext::Live->new(seconds => 240 + 2 * $seconds,
    # Few processes, which serve many sessions each.
    services => [ map { { name => $_, wiring => $_, maxproc => 4,
	options => [ 'max_use = 30' ] } } qw(a b) ],
    main => { smtpd_policy_service_retry_delay => '1s',
	service_throttle_time => '1s', smtpd_error_sleep_time => '0',
	smtpd_hard_error_limit => 1000, smtpd_junk_command_limit => 1000,
	smtpd_sasl_authenticated_header => 'yes',
	smtpd_recipient_restrictions => '', smtpd_data_restrictions => '' },
    milter => { header_names => '{ "session", "peer_address", ' .
	'"remote_address", "tenant" }' },
    conf => { access_maps => '{ \'regexp:{{/^profile=banned$/ ' .
	'REJECT it is banned}}\' }' },
    trust => <<'TRUST', profiles => <<'PROFILES');
127.0.1.1	edge
127.0.1.2	webmail
127.0.1.3	trial
127.0.1.4	filter
127.0.1.5	banned
TRUST
profile edge {
	xclient = { "ADDR", "NAME" }
	xsetcontext = { "tenant" }
	xdumpcontext = true
}
profile webmail {
	xclient = { "ADDR", "LOGIN" }
	login = { "*@example.com" }
	on_violation = "reject"
}
profile trial {
	xsetcontext = { "tenant" }
	report_only = true
}
profile filter {
	xclient = { "ADDR" }
	xforward = { "ADDR", "NAME" }
	xsetcontext = { "tenant" }
	xdumpcontext = true
	seal = "never"
}
profile banned {
	xclient = { "ADDR" }
}
PROFILES
diag("XC_SEED=$seed");

my %roles = (
    edge => { peer => '127.0.1.1', sets => 1, dumps => 1,
	seal => 'greeting',
	may => sub { "XCLIENT ADDR=$_[0] NAME=edge.example.org" } },
    webmail => { peer => '127.0.1.2', seal => 'greeting',
	may => sub { "XCLIENT ADDR=$_[0] LOGIN=u$_[0]\@example.com" } },
    trial => { peer => '127.0.1.3', sets => 1, dumps => 1,
	seal => 'greeting', report_only => 1, may => sub { "XCLIENT ADDR=$_[0]" } },
    filter => { peer => '127.0.1.4', sets => 1, dumps => 1, seal => 'never',
	may => sub { rand() < 0.5 ? "XCLIENT ADDR=$_[0]" :
	    "XFORWARD ADDR=$_[0] NAME=filter.example.org" } },
    banned => { peer => '127.0.1.5', seal => 'greeting', is_rejected => 1,
	may => sub { "XCLIENT ADDR=$_[0]" } },
    stranger => { peer => '127.0.2.1', seal => 'greeting' },
);

#
# What happens meanwhile, to one daemon at a time
#
my %away;	# name => [ [ from, until ], ... ]; until undef: still

sub hurt {
	my ($daemon) = @_;
	push(@{$away{$daemon->{name}}}, [ time(), undef ]);
}

# Postfix, too, needs a moment until it notices.
sub healed {
	my ($daemon) = @_;
	$away{$daemon->{name}}[-1][1] = time() + 1;
}

sub was_away {
	my ($daemon, $from) = @_;
	return grep { !defined $_->[1] || $_->[1] >= $from }
	    @{$away{$daemon->{name}} // []};
}

# Strangers have none.  In wiring A there is no mail without it.
sub has_milter {
	my ($s) = @_;
	return $s->{name} ne 'stranger' && !($s->{wiring} eq 'b' &&
	    was_away($live->milter, $s->{began}));
}

my %happening;
for my $daemon ($live->policy, $live->milter) {
	my ($short) = $daemon->{name} =~ /-(\w+)$/;
	$happening{"$short killed"} = [ sub { hurt($daemon);
	    $daemon->kill }, sub { $daemon->start; healed($daemon) } ];
	$happening{"$short ended"} = [ sub { hurt($daemon);
	    $daemon->signal('TERM') }, sub { $daemon->stop; $daemon->start;
	    healed($daemon) }, sub { !$daemon->is_running } ];
	$happening{"$short stopped"} = [ sub { $daemon->signal('STOP') },
	    sub { $daemon->signal('CONT') } ];
	$happening{"$short reloaded"} = [ sub { $daemon->signal('HUP') } ];
}

my (%n_done, @not_back);
my $messengers = XContext::WildMessengers->new(roles => \%roles,
    sessions => 12, services => { map { $_ => [ $live->postfix->address($_),
	$live->postfix->port($_), $_ ] } qw(a b) },
    has_milter => \&has_milter,
    # At MAIL Postfix asks nobody but the milter.  In wiring B it does without
    # either daemon, and goes on without both where both are away.
    may_pass => sub {
	my ($s, $kind, $at) = @_;
	my $may = !has_milter($s) || $s->{role}{is_rejected};
	# Nor does it know of a session that nobody has been told of.
	$may ||= $kind eq 'MAIL' && was_away($live->policy, $s->{began});
	return $may && ($kind eq 'MAIL' || ($s->{wiring} eq 'b' &&
	    was_away($live->policy, $at - 5)));
    });

# Mail of a messenger that needs all there is, in both wirings, within some
# seconds.
sub probe {
	my ($what, $service, $until) = @_;
	$messengers->begin(role => 'edge', service => $service, cut_at => -1,
	    is_probe => 1, on_end => sub {
		return if $_[0]{has_mail};
		time() < $until ? probe($what, $service, $until) :
		    push(@not_back, "$what: $service");
	    }) or die "no connection\n";
}

# Each of them once, and then any; and what was hurt comes back.  Returns
# whether that is all.
my ($next, $back) = (time() + 0.3);
my @first = sort keys %happening;

sub come_back {
	my ($what, $undo) = @$back;
	$undo->();
	undef $back;
	probe($what, $_, time() + 10) for qw(a b);
	$next = time() + 0.3 + rand($seconds / 30);
}

sub happen {
	my ($is_over) = @_;
	return !$back && !@first if time() < $next && !$is_over;
	if ($back) {
		come_back() if $back->[2]->();
		return 0;
	}
	return 1 if $is_over && !@first;
	my $what = @first ? splice(@first, rand(@first), 1) :
	    (sort keys %happening)[rand(keys %happening)];
	$n_done{$what}++;
	my ($do, $undo, $is_ready) = @{$happening{$what}};
	$do->();
	$back = [ $what, $undo // sub {}, $is_ready // sub { 1 } ];
	$next = time() + rand(0.5);
	return 0;
}

$messengers->run($seconds, \&happen);
is(join("\n", @{$messengers->{faults}}), '',
    'no command has another reply than its own, nor one that it may not have');
cmp_ok($n_done{$_} // 0, '>', 0, "it happened: $_")
    for sort keys %happening;
is_deeply(\@not_back, [], 'the service was back each time');

#
# What came in
#
ok($live->postfix->is_idle(60), 'Postfix has delivered all');
my (%delivered, %session_of, @foreign, @forged, @twice, @unknown);
for my $text ($live->postfix->mails) {
	my ($id) = $text =~ /^Subject: (\S+)$/m;
	my $mail = $messengers->{mails}{$id // ''};
	push(@unknown, $text), next if !$mail || $mail->{told} eq 'refused';
	push(@twice, $id) if $delivered{$id}++;
	my $s = $mail->{session};
	my $who = $mail->{who};
	my $from = received($text);
	push(@foreign, "$id, $s->{name}: not $who->{addr} $who->{login}: $from")
	    if $from !~ /^from \S+ \(\S+ \[\Q$who->{addr}\E\]\)/ ||
	    ($from =~ /Authenticated sender: ([^)]*)/ ? $1 : '') ne
	    $who->{login};
	my ($n, $pairs) = context_header($text);
	push(@forged, "$id: $n context headers") if $n > 1 ||
	    ($pairs->{tenant} // '') eq 'forged';
	next if $n == 0;
	my $other = $session_of{$pairs->{session}} //= $s->{number};
	push(@foreign, "$id: the session $pairs->{session} of $other")
	    if $other != $s->{number};
	my %want = (tenant => $mail->{tenant},
	    peer_address => $s->{role}{peer}, remote_address => $who->{addr});
	push(@foreign, map { "$id, $s->{name}: $_ is $pairs->{$_}, not " .
	    $want{$_} } grep { exists $pairs->{$_} &&
	    $pairs->{$_} ne $want{$_} } sort keys %want);
}
my @lost = grep { $messengers->{mails}{$_}{told} eq 'acked' &&
    !$delivered{$_} } sort keys %{$messengers->{mails}};
is(join("\n", @foreign), '', 'each is its own client\'s, with its context');
is_deeply(\@forged, [], 'none has a context header from outside');
is_deeply(\@twice, [], 'none is there twice');
is_deeply(\@unknown, [], 'none that was refused is there');
is_deeply(\@lost, [], 'each that was acknowledged is');

my %n = (%{$messengers->{n}}, delivered => scalar(keys %delivered),
    sessions => $messengers->{n_sessions});
diag(join(', ', map { "$_ $n{$_}" } sort keys %n));
note(join(', ', map { "$_ $n_done{$_}" } sort keys %n_done));
cmp_ok($n{acked} // 0, '>', $seconds, 'many are acknowledged');
$live->expect_log(qr/./);
$live->finish;
