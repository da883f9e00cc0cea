#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XCLIENT to the next hop: no, ifavailable and required, said at every place
# where the configuration can say it, with next hops that offer XCLIENT, or do
# not, or fall out with us over it.
use strict;
use warnings;

use Test::More;

use XContext::File qw(spit);
use XContext::Guard qw(guard_time);
use XContext::Hop ();
use XContext::Postfix ();
use XContext::Recorder ();
use XContext::Relay ();

my $why = XContext::Postfix::impossible() // XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(500);

my $client = '198.51.100.7';

#
# The next hops
#
my $offering = 'smtpd_authorized_xclient_hosts = 127.0.0.1';
my $postfix = XContext::Postfix->new(services => [
    { name => 'offers', options => [ $offering ] }, { name => 'plain' } ],
    main => { virtual_mailbox_domains => 'static:all',
	smtpd_recipient_restrictions =>
	    'check_policy_service unix:recorder/policy' });
mkdir($postfix->queue . '/recorder', 0755);
my $seen = XContext::Recorder->policy(file => $postfix->dir . '/policy.seen',
    socket => $postfix->queue . '/recorder/policy');
$postfix->start;

sub target_of {
	my ($service) = @_;
	return 'smtp:[' . $postfix->address($service) . ']:' .
	    $postfix->port($service);
}

# EHLO after an XCLIENT.
sub second_ehlo {
	my ($reply) = @_;
	return sub { $_[1]{n} > 0 ? $reply :
	    "250-hop.example.net\n250 XCLIENT ADDR" };
}

my @attributes = (xclient => 'NAME ADDR HELO');
my %hop = (
	unnamed => XContext::Hop->new(xclient => ''),
	anew => XContext::Hop->new(@attributes),
	'says-250' => XContext::Hop->new(@attributes,
	    replies => { XCLIENT => '250 2.0.0 Ok' }),
	refuses550 => XContext::Hop->new(@attributes,
	    replies => { XCLIENT => '550 5.7.0 not you' }),
	refuses501 => XContext::Hop->new(@attributes,
	    replies => { XCLIENT => '501 5.5.4 Bad NAME' }),
	cuts => XContext::Hop->new(@attributes,
	    replies => { XCLIENT => 'cut' }),
	says421 => XContext::Hop->new(@attributes,
	    replies => { XCLIENT => '421 4.7.0 not now' }),
	says554 => XContext::Hop->new(@attributes,
	    replies => { XCLIENT => "554-go away\n554 5.7.1 now" }),
	'ehlo-554' => XContext::Hop->new(
	    replies => { EHLO => second_ehlo('554 5.7.1 not with EHLO'),
	    XCLIENT => '220 anew' }),
	'ehlo-cuts' => XContext::Hop->new(
	    replies => { EHLO => second_ehlo('cut'),
	    XCLIENT => '220 anew' })
);
my %target = (offers => target_of('offers'), plain => target_of('plain'),
    map { $_ => $hop{$_}->target } keys %hop);

#
# What each does with each mode: the reply, what the log says, whom the next
# hop takes for the client, or undef for no mail there
#
my $not_offered = [ qr/^451 4\.7\.6 .*not offered/, 'xclient_not_offered' ];
my $refused = [ qr/^451 4\.7\.6 .*refused/, 'xclient_refused' ];
my $lost = [ qr/^451 4\.4\.2 /, 'xclient_failed' ];
my $says421 = [ qr/^421 4\.7\.0 not now$/, 'xclient_verdict' ];
my $says554 = [ qr/^554 go away\n5\.7\.1 now$/, 'xclient_verdict' ];
my $told = [ qr/^250/, 'xclient_sent', $client ];
my $ordinary = [ qr/^250/, '', '127.0.0.1' ];
my %want = (
	offers => { ifavailable => $told, required => $told },
	anew => { ifavailable => $told, required => $told },
	'says-250' => { ifavailable => $told, required => $told },
	plain => { required => $not_offered, ifavailable =>
	    [ qr/^250/, 'xclient_not_offered', '127.0.0.1' ] },
	unnamed => { required => $not_offered, ifavailable =>
	    [ qr/^250/, 'xclient_not_offered', '127.0.0.1' ] },
	refuses550 => { required => $refused, ifavailable =>
	    [ qr/^250/, 'xclient_refused', '127.0.0.1' ] },
	refuses501 => { required => $refused, ifavailable =>
	    [ qr/^250/, 'xclient_refused', '127.0.0.1' ] },
	cuts => { required => $lost, ifavailable =>
	    [ qr/^250/, 'xclient_failed', '127.0.0.1' ] },
	says421 => { ifavailable => $says421, required => $says421 },
	says554 => { ifavailable => $says554, required => $says554 },
	'ehlo-554' => { required => [ qr/^451 4\.7\.6 .*refused/,
	    'xclient_sent xclient_refused' ], ifavailable =>
	    [ qr/^250/, 'xclient_sent xclient_refused', '127.0.0.1' ] },
	'ehlo-cuts' => { required => [ qr/^451 4\.4\.2 /,
	    'xclient_sent xclient_failed' ], ifavailable =>
	    [ qr/^250/, 'xclient_sent xclient_failed', '127.0.0.1' ] }
);
$_->{no} = $ordinary for values %want;

#
# Where it is said: at one place as wanted, and at all that are less specific
# otherwise
#
my @levels = ('a domain in the binding', 'a domain in the group',
    'the binding', 'the group', 'a domain', 'global');
my %other = (no => 'required', ifavailable => 'no', required => 'no');

sub tag { return "level$_[0]-$_[1]" }

sub said {
	my ($level, $at, $mode) = @_;
	return '' if $at < $level;
	return ' XCLIENT = "' . ($at == $level ? $mode : $other{$mode}) . '" ';
}

# The sections of one place and mode.
sub sections {
	my ($level, $mode) = @_;
	my ($tag, @said) = (tag($level, $mode),
	    map { said($level, $_, $mode) } 0 .. 4);
	return "Domain .$tag.example {$said[4]}\n" .
	    "Binding_Group group-$tag {$said[3]\n" .
	    "\tDomain .$tag.example {$said[1]}\n" .
	    "\tBinding binding-$tag {$said[2]\n" .
	    "\t\tDomain .$tag.example {$said[0]}\n\t}\n}\n";
}

sub rule {
	my ($level, $mode) = @_;
	my $tag = tag($level, $mode);
	my $domain = "domain .$tag.example";
	return ("($domain in binding binding-$tag)",
	    "($domain in binding_group group-$tag)", "(binding binding-$tag",
	    "(binding_group group-$tag)", "($domain)", 'global')[$level];
}

# Places and modes for which the global setting is that.
sub places {
	my ($global) = @_;
	my @modes = grep { $other{$_} eq $global } sort keys %other;
	return ((map { my $level = $_; map { [ $level, $_ ] } @modes } 0 .. 4),
	    [ 5, $global ]);
}

my $dir = $postfix->dir;
spit("$dir/transport", join('', map { "/\@$_\\.level/ $target{$_}\n" }
    sort keys %target));

# A relay with a fixed next hop for each mode and kind, and one without.
my %fixed = map { my $kind = $_; map { +"$kind-$_" => {
	next_hop => "\"$target{$kind}\"", binding => "\"always-$_\"" } }
    keys %other } keys %target;
my $bindings = join('', map { "Binding always-$_ { XCLIENT = \"$_\" }\n" }
    sort keys %other);
my $relay = XContext::Relay->new(relays => { %fixed, ways => {
	transport_maps => "{ \"pcre:$dir/transport\" }",
	binding_maps => "{ \"texthash:$dir/bindings\" }" } },
    sections => $bindings);
my %events = map { $_ => 1 } qw(xclient_sent xclient_not_offered
    xclient_refused xclient_verdict xclient_failed hop_failed mail_refused);

sub configure {
	my ($global) = @_;
	$relay->{settings}{XCLIENT} = "\"$global\"";
	$relay->{sections} = $bindings . join('', map { sections(@$_) }
	    places($global));
	spit("$dir/bindings", join('', map { my $tag = tag(@$_);
	    "message.mailfrom=$tag\@sender.example binding-$tag\n" }
	    places($global)));
}

# Whom the next hop takes for the client of that sender's mail; undef: it has
# not seen any.
sub who_sent {
	my ($kind, $sender) = @_;
	if (!$hop{$kind}) {
		my ($request) = $seen->find(sender => $sender);
		return $request && $request->{client_address};
	}
	my %said;
	for my $event ($hop{$kind}->all) {
		my $said = \$said{$event->{connection}};
		$$said = '127.0.0.1' if $event->{event} eq 'connect';
		$$said = $1 if ($event->{line} // '') =~
		    /^XCLIENT.* ADDR=(\S+)/;
		return $$said if $event->{event} eq 'message' &&
		    $event->{sender} eq $sender;
	}
	return undef;
}

# What the log says since mark() of XCLIENT and of failures.
sub logged {
	$relay->is_idle or diag('the relay does not let go');
	return grep { $events{$_->{event} // ''} } $relay->since;
}

sub check {
	my ($name, $kind, $mode, $sender, $reply, $want, $rule) = @_;
	my ($reply_re, $log, $who) = @$want;
	my @logged = logged();
	my $ok = like("$reply", $reply_re, "$name: the reply");
	$ok = is(join(' ', map { $_->{event} } @logged), $log,
	    "$name: the log") && $ok;
	# A mail that goes through without a word of XCLIENT has its line, too.
	my @about = @logged ? @logged : $relay->since(event => 'message');
	$ok = is_deeply([ map { $_->{xclient} } @about ],
	    [ ($mode) x @about ], "$name: the log says the mode") && $ok;
	$ok = is(scalar(grep { index($_->{rule} // '', $rule) < 0 } @about),
	    0, "$name: and who decided it") && $ok;
	cmp_ok(scalar(@about), '>', 0, "$name: there is a line");
	is(who_sent($kind, $sender), $who, "$name: the next hop");
	diag(map { "$_->{raw}\n" } $relay->since) if !$ok;
}

#
# Each place, mode and next hop
#
for my $global ('no', 'ifavailable', 'required') {
	configure($global);
	if ($relay->pid) {
		is($relay->reload->{event}, 'reload', "global: $global");
	} else {
		$relay->write_conf;
		$relay->start;
	}
	for my $place (places($global)) {
		my ($level, $mode) = @$place;
		each_hop($level, $mode, $_) for sort keys %want;
	}
}

sub each_hop {
	my ($level, $mode, $kind) = @_;
	my $tag = tag($level, $mode);
	my $sender = "$tag\@sender.example";
	my $want = $want{$kind}{$mode};
	$seen->forget;
	$_->forget for $hop{$kind} // ();
	$relay->mark;
	my $smtp = $relay->connect(relay => 'ways');
	$smtp->cmd('EHLO messenger');
	$smtp->cmd("XCLIENT ADDR=$client NAME=first.example.org");
	$smtp->cmd('EHLO laptop');
	my $reply = $smtp->mail(from => $sender,
	    to => "box\@$kind.$tag.example");
	is($smtp->is_closed, $reply->code == 421 ? 1 : 0,
	    "$kind, $mode by $levels[$level]: 421 is the end") if
	    $reply->code == 421;
	$smtp->quit if $reply->code != 421;
	check("$kind, $mode by $levels[$level]", $kind, $mode, $sender,
	    $reply, $want, rule($level, $mode));
}

#
# With a fixed next hop: the client's greeting is when it is asked; of a peer
# that may forward, MAIL
#
for my $kind (sort keys %want) {
	for my $mode (sort keys %other) {
		at_greeting($kind, $mode);
		at_mail($kind, $mode);
	}
}

sub at_greeting {
	my ($kind, $mode) = @_;
	my ($want_re, $log, $who) = @{$want{$kind}{$mode}};
	my $sender = "greeting-$kind-$mode\@sender.example";
	$relay->mark;
	my $smtp = $relay->connect(relay => "$kind-$mode",
	    local => '127.0.2.1');
	my $reply = $smtp->cmd('EHLO laptop');
	if ($reply->code == 250) {
		$reply = $smtp->mail(from => $sender);
		$smtp->quit;
	} elsif ($reply->code == 421) {
		ok($smtp->is_closed, "$kind, $mode, greeting: it is the end");
		# What delays a message delays a client.
		$reply = '451 ' . $reply->text if $log ne 'xclient_verdict';
	}
	$smtp->close;
	# It has no other name here.
	check("$kind, $mode, greeting", $kind, $mode, $sender, $reply,
	    [ $want_re, $log, $who && $who eq $client ? '127.0.2.1' : $who ],
	    "(binding always-$mode");
}

sub at_mail {
	my ($kind, $mode) = @_;
	my $want = $want{$kind}{$mode};
	my $sender = "forwarded-$kind-$mode\@sender.example";
	$relay->mark;
	my $smtp = $relay->connect(relay => "$kind-$mode",
	    local => '127.0.4.1');
	is($smtp->cmd('EHLO postfix')->code, 250,
	    "$kind, $mode, forwarded: it greets");
	is($smtp->cmd("XFORWARD ADDR=$client NAME=first.example.org " .
	    'HELO=laptop PROTO=ESMTP')->code, 250, 'and forwards');
	my $reply = $smtp->mail(from => $sender);
	$smtp->quit if $reply->code != 421;
	$smtp->close;
	check("$kind, $mode, forwarded", $kind, $mode, $sender, $reply,
	    $want, "(binding always-$mode");
}

#
# What is said
#
sub said_to {
	my ($kind) = @_;
	return $hop{$kind}->commands(
	    connection => $hop{$kind}->last(event => 'connect')->{connection});
}

# By a client who says that of itself, to an anew of those attributes.
sub mail_of {
	my ($offered, $xclient) = @_;
	$hop{anew}->restart(xclient => $offered);
	$relay->mark;
	my $smtp = $relay->connect(relay => 'anew-required');
	$smtp->cmd('EHLO messenger');
	is($smtp->cmd("XCLIENT $xclient")->code, 220, "the client: $xclient");
	is($smtp->cmd('EHLO laptop')->code, 250, 'it greets');
	is($smtp->mail->code, 250, 'and sends');
	$smtp->quit;
	return said_to('anew');
}

is_deeply([ grep { /^(?:XCLIENT|EHLO)/ } mail_of('ADDR',
    "ADDR=$client NAME=first.example.org HELO=asserted") ],
    [ 'EHLO messenger', 'XCLIENT ADDR=127.0.1.1', 'EHLO messenger',
    "XCLIENT ADDR=$client", 'EHLO asserted' ],
    'only what is offered is said, and then who greets');
is((grep { /^XCLIENT/ } mail_of('NAME ADDR PORT HELO LOGIN',
    "ADDR=$client PORT=77 LOGIN=anna NAME=first.example.org"))[-1],
    "XCLIENT ADDR=$client NAME=first.example.org PORT=77 HELO=laptop " .
    'LOGIN=anna', 'all that is offered, and the greeting where nobody ' .
    'says another');
is((grep { /^XCLIENT/ } mail_of('NAME ADDR',
    'ADDR=IPV6:2001:db8:0::7'))[-1],
    'XCLIENT ADDR=IPV6:2001:db8::7 NAME=[UNAVAILABLE]', 'IPv6');

# 512 octets are not enough for this client: two lines, in an order that
# Postfix survives.
{
	my @long = map { join('.', ($_ x 60) x 4) } 'a' .. 'c';
	$relay->mark;
	$seen->forget;
	my $smtp = $relay->connect(relay => 'offers-required');
	$smtp->cmd('EHLO messenger');
	is($smtp->cmd("XCLIENT ADDR=$client NAME=$long[0]")->code, 220,
	    'a long name');
	is($smtp->cmd("EHLO $long[2]")->code, 250, 'and a long greeting');
	is($smtp->mail(from => 'long@sender.example')->code, 250,
	    'it may send');
	my $request = $seen->last(sender => 'long@sender.example') // {};
	is($request->{client_address}, $client, 'Postfix: the address');
	is($request->{client_name}, $long[0], 'the name');
	is($request->{helo_name}, $long[2], 'the greeting');
	$smtp->quit;
	my @lines = map { $_->{line} } logged();
	is(scalar(@lines), 2, 'log: one line for each override');
	like($lines[-1], qr/^XCLIENT NAME=(?!.* ADDR=)/, 'the name first');
}

#
# Another client on the same connection of the peer: said anew where the next
# hop still offers that, else on another connection
#
sub forwarded_from {
	my ($smtp, $n) = @_;
	is($smtp->cmd("XFORWARD ADDR=198.51.100.$n NAME=c$n.example.org")
	    ->code, 250, "client $n");
	return $smtp->mail(from => "client$n\@sender.example");
}

# Which connections those of clients were, with who was said to be there.
sub connections_of {
	my ($kind) = @_;
	my (%number, @seen);
	for my $event ($hop{$kind}->all) {
		next if $event->{event} ne 'command' ||
		    $event->{line} !~ /^XCLIENT.* ?ADDR=198\.51\.100\.(\d+)/;
		my $n = 1 + keys %number;
		$number{$event->{connection}} //= $n;
		push(@seen, "$number{$event->{connection}}:$1");
	}
	return join(' ', @seen);
}

for my $row ([ 'NAME ADDR', '1:1 1:2 1:1' ], [ undef, '1:1 2:2 3:1' ]) {
	my ($after, $want) = @$row;
	my $name = defined $after ? 'still offered' : 'offered once';
	$hop{anew}->restart(replies => { EHLO => sub {
		return $_[1]{n} > 0 && !defined $after ?
		    '250 hop.example.net' :
		    "250-hop.example.net\n250 XCLIENT NAME ADDR" } });
	$hop{anew}->forget;
	my $smtp = $relay->connect(relay => 'anew-required',
	    local => '127.0.4.1');
	$smtp->cmd('EHLO postfix');
	is(forwarded_from($smtp, $_)->code, 250, "$name: its mail")
	    for 1, 2, 2, 1;
	$smtp->quit;
	is(connections_of('anew'), $want, "$name: who is said to be where");
}

# One who is not wanted does not spoil it for the next.
{
	$hop{anew}->restart(replies => { XCLIENT => sub {
	    $_[0] =~ /198\.51\.100\.2\b/ ? '554 5.7.1 not this one' :
	    '220 welcome' } });
	my $smtp = $relay->connect(relay => 'anew-required',
	    local => '127.0.4.1');
	$smtp->cmd('EHLO postfix');
	my @replies = map { forwarded_from($smtp, $_) } 1 .. 3;
	is(join(' ', map { $_->code } @replies), '250 554 250',
	    'one of three is not wanted');
	like($replies[1], qr/^554 5\.7\.1 not this one$/, 'and is told so');
	$smtp->quit;
}

# Nor does one for whom XCLIENT was refused lend its name to the next.
{
	$hop{anew}->restart(replies => { XCLIENT => sub {
	    $_[0] =~ /198\.51\.100\.2\b/ ? '501 5.5.4 what is that?' :
	    '220 welcome' } });
	$hop{anew}->forget;
	$relay->mark;
	my $smtp = $relay->connect(relay => 'anew-ifavailable',
	    local => '127.0.4.1');
	$smtp->cmd('EHLO postfix');
	my @replies = map { forwarded_from($smtp, $_) } 1 .. 3;
	is(join(' ', map { $_->code } @replies), '250 250 250',
	    'one of three goes without');
	$smtp->quit;
	is(who_sent('anew', "client$_->[0]\@sender.example"), $_->[1],
	    "client $_->[0]: who it is taken for")
	    for [ 1, '198.51.100.1' ], [ 2, '127.0.0.1' ];
	diag(map { "$_->{raw}\n" } $relay->since)
	    if !is(scalar(grep { $_->{event} eq 'xclient_refused' }
	    logged()), 1, 'log: once');
}

# A domain may be the next hop's address.
{
	my $address = $hop{refuses550}->address;
	$relay->{relays}{'refuses550-no'}{binding} = '"by-domain"';
	$relay->{sections} .= "Binding by-domain { XCLIENT = \"no\"\n" .
	    "Domain [$address] { XCLIENT = \"required\" } }\n";
	is($relay->reload->{event}, 'reload', 'a domain in brackets');
	my $smtp = $relay->connect(relay => 'refuses550-no');
	like($smtp->cmd('EHLO there'), qr/^421 4\.7\.6 /, 'is the next hop');
	$smtp->close;
}

$relay->finish(qr/event=(?:xclient_|hop_failed)/);
$postfix->stop;
$_->stop for $seen, values %hop;
done_testing();
