#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# explain says what a live Postfix does: configurations, peers and dialogues made
# at random, said to it and asked about, line by line; and whom Postfix then
# takes the mail to be from.
#
# XC_SEED makes others, XC_TRIPLES (150) more.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use XContext::Ctl ();
use XContext::Live ();

my $why = XContext::Ctl::impossible();
plan(skip_all => $why) if defined $why;
my $n_triples = $ENV{XC_TRIPLES} // 150;
my $n_of_each = 25;		# triples of a configuration
my $seed = $ENV{XC_SEED} // 1;
srand($seed);
note("XC_SEED=$seed");

sub one_of { return $_[rand(@_)] }
sub some_of {
	my ($share, @all) = @_;
	return grep { rand() < $share } @all;
}

#
# A configuration
#
my @attributes = qw(ADDR PORT NAME REVERSE_NAME HELO PROTO LOGIN DESTADDR
    DESTPORT);
my @forwarded = qw(NAME ADDR PORT PROTO HELO IDENT SOURCE);
my %lists = (
	addr => [ '"public"', '"!198.51.100.0/24", "public"', '"10.0.0.0/8"',
	    '"*"' ],
	name => [ '"*"', '"!.example.com", "*"', '"*.example.org"' ],
	helo => [ '"*"', '"*.example.org"' ],
	login => [ '"*@example.com"', '"*"', '"joe"' ],
	port => [ '"*"' ]
);

sub list { return '{ ' . join(', ', map { "\"$_\"" } @_) . ' }' }

sub profile {
	my ($name) = @_;
	my %set = (
		on_violation => one_of(map { "\"$_\"" }
		    qw(tempfail tempfail reject disconnect)),
		seal => one_of(map { "\"$_\"" }
		    qw(greeting greeting override never)),
		xclient => rand() < 0.2 ? '{ "*" }' :
		    list('ADDR', some_of(0.5, @attributes[1 .. 8])),
		xforward => rand() < 0.3 ? '{ "*" }' :
		    rand() < 0.6 ? list('ADDR', some_of(0.5, 'NAME', 'HELO')) :
		    undef,
		xsetcontext => rand() < 0.6 ? '{ "tenant", "route.*" }' : undef,
		xremoteip => rand() < 0.5 ? 'true' : undef,
		xdumpcontext => one_of('true', undef, '"sealed"'),
		report_only => rand() < 0.15 ? 'true' : undef,
		always_allow => rand() < 0.1 ? 'true' : undef,
		drop => rand() < 0.15 ? list(one_of('NAME', 'HELO')) : undef,
		map { $_ => rand() < 0.5 ? "{ $lists{$_}[rand(@{$lists{$_}})] }" :
		    undef } keys %lists
	);
	return "profile $name {\n" . join('', map { "\t$_ = $set{$_}\n" }
	    grep { defined $set{$_} } sort keys %set) . "}\n";
}

# What has been otherwise: who begins with "p7", and what he says.
my $odd = <<'END';
profile p7 {
	xclient = { "*" }
	xsetcontext = { "*" }
	seal = "greeting"
}
END
my @odd = (
	[ 'an XFORWARD in a mail of a sealed session',
	    'XCLIENT ADDR=203.0.113.7', 'MAIL FROM:<o1@sender.example>',
	    'XFORWARD ADDR=203.0.113.9', 'EHLO client.example.org',
	    'MAIL FROM:<o2@sender.example>' ],
	[ 'an XFORWARD behind a message that was refused for one',
	    'EHLO client.example.org', 'XFORWARD ADDR=203.0.113.9',
	    'MAIL FROM:<o3@sender.example>', 'XFORWARD ADDR=203.0.113.9',
	    'MAIL FROM:<o4@sender.example>' ],
	[ 'an XFORWARD and a greeting behind a mail that a greeting has ended',
	    'EHLO client.example.org', 'MAIL FROM:<p1@sender.example>',
	    'EHLO client.example.org', 'XFORWARD ADDR=nowhere',
	    'EHLO client.example.org', 'MAIL FROM:<p2@sender.example>' ],
	[ 'XSETCONTEXT behind a mail that a greeting has ended',
	    'EHLO client.example.org', 'MAIL FROM:<o5@sender.example>',
	    'EHLO client.example.org', 'XSETCONTEXT tenant=acme',
	    'MAIL FROM:<o6@sender.example>' ],
	[ 'XCLIENT behind a mail that a greeting has ended',
	    'EHLO client.example.org', 'MAIL FROM:<o7@sender.example>',
	    'HELO client.example.org', 'XCLIENT ADDR=203.0.113.7',
	    'MAIL FROM:<o8@sender.example>' ],
);

my @peers = map { "127.0.1.$_" } 1 .. 6;

sub trust {
	return join('', map { my $i = $_; "127.0.1.$i\t" . one_of("p$i",
	    "p$i", "p$i", 'root') . "\n" } 1 .. @peers) . "127.0.1.7\tp7\n";
}

sub profiles { return join('', map { profile("p$_") } 1 .. @peers) . $odd }

#
# A dialogue
#
my %values = (
	ADDR => [ '203.0.113.7', '198.51.100.9', '10.0.0.1',
	    'IPV6:2001:db8::7', '127.0.1.2', '[UNAVAILABLE]', 'nowhere' ],
	NAME => [ 'a.example.org', 'b.example.com', '[UNAVAILABLE]',
	    '[TEMPUNAVAIL]', 'A.Example.ORG', '-bad-' ],
	REVERSE_NAME => [ 'a.example.org', 'b.example.com', '[UNAVAILABLE]' ],
	PORT => [ 25, 4711, '[UNAVAILABLE]', 99999, 'x' ],
	DESTPORT => [ 25 ],
	DESTADDR => [ '192.0.2.1', '[UNAVAILABLE]' ],
	HELO => [ 'laptop.example.org', 'laptop', '[UNAVAILABLE]' ],
	PROTO => [ 'ESMTP', 'SMTP', 'X' ],
	LOGIN => [ 'joe', 'joe@example.com', 'joe+40example.com', 'root',
	    '[UNAVAILABLE]' ],
	IDENT => [ 'ABC' ], SOURCE => [ 'LOCAL', 'REMOTE' ], BOGUS => [ 1 ]
);

sub attributes {
	my (@names) = @_;
	my @said = map { "$_=" . one_of(@{$values{$_}}) } @names;
	push(@said, one_of(@said)) if @said && rand() < 0.05;
	push(@said, 'BOGUS=1') if rand() < 0.03;
	return join(' ', @said);
}

sub override {
	my $rest = rand() < 0.5 ? 0.15 : 0.4;
	return 'XREMOTEIP ' . one_of('203.0.113.8', '10.0.0.1',
	    '2001:db8::8', 'x') if rand() < 0.15;
	return one_of('XCLIENT', 'XCLIENT', 'xclient') . ' ' .
	    attributes(rand() < 0.9 ? 'ADDR' : 'NAME', some_of($rest,
	    @attributes[1 .. 8]));
}

my $n_mails = 0;
my %makers = (
	override => \&override,
	xforward => sub { 'XFORWARD ' . attributes(rand() < 0.9 ? 'ADDR' :
	    'NAME', some_of(0.3, @forwarded[2 .. 6])) },
	xsetcontext => sub { 'XSETCONTEXT ' . one_of('tenant=acme',
	    'route.a=b tenant=c', 'other=x', 'tenant', 'profile=x') },
	xdumpcontext => sub { 'XDUMPCONTEXT' },
	ehlo => sub { one_of('EHLO', 'HELO') . ' client.example.org' },
	rset => sub { 'RSET' },
	mail => sub { 'MAIL FROM:<m' . ++$n_mails . '@sender.example>' }
);

sub dialogue {
	my @kinds = ('override', 'override', 'override', 'xforward',
	    'xsetcontext', 'xdumpcontext', 'ehlo', 'ehlo', 'rset', 'mail',
	    'mail');
	my @lines = rand() < 0.8 ? ('EHLO messenger.example.net') : ();
	push(@lines, map { $makers{one_of(@kinds)}->() } 1 .. 2 + rand(4));
	return (@lines, $makers{mail}->());
}

#
# Both sides
#
my $live = XContext::Live->new(seconds => 240 + $n_triples,
    trust => trust(), profiles => profiles(),
    main => { smtpd_error_sleep_time => 0, smtpd_hard_error_limit => 1000,
	smtpd_junk_command_limit => 1000,
	});
my $ctl = XContext::Ctl->new(conf => $live->{conf_file});

sub n_reloads {
	my ($daemon) = @_;
	return scalar grep { ($_->{event} // '') =~ /^reload/ &&
	    !defined $_->{key} } $daemon->events;
}

sub reload {
	@$live{qw(trust profiles)} = (trust(), profiles());
	$live->write_conf;
	for my $daemon ($live->policy, $live->milter) {
		my $before = n_reloads($daemon);
		$daemon->signal('HUP');
		for (1 .. 500) {
			last if n_reloads($daemon) > $before;
			sleep(0.02);
		}
	}
}

# [ line, code, text, whom the recorder was told of ] of each, as far as it
# goes.  Behind each MAIL that was taken is a RCPT.
sub said {
	my ($peer, @lines) = @_;
	my ($in_mail, @said) = 0;
	my $smtp = $live->connect(local => $peer);
	while (defined(my $line = shift @lines)) {
		# It takes one at a time.
		$line = 'RSET' if $in_mail && $line =~ /^MAIL/;
		my $reply = $smtp->cmd($line);
		push(@said, [ $line, $reply->code, $reply->text ]);
		last if $reply->code == 421 || $reply->code == 0;
		$in_mail = 0 if $line =~ /^(?:RSET|EHLO|HELO)/;
		next if $line !~ /^MAIL/ || $reply->code != 250;
		$in_mail = 1;
		$reply = $smtp->cmd('RCPT TO:<box@example.com>');
		my ($sender) = $line =~ /<(.*)>/;
		my ($seen) = $live->policy_seen->find(sender => $sender);
		push(@said, [ 'RCPT TO:<box@example.com>', $reply->code,
		    $reply->text, $seen && $seen->{client_address} ]);
		last if $reply->code == 421 || $reply->code == 0;
	}
	$smtp->cmd('QUIT');
	$smtp->close;
	return @said;
}

# What a step of explain's has to look like on the wire.  A stranger's session
# has no milter of ours, nor has one whose client has no address, so that
# Postfix has to say itself that it does not know the verb it was given.
sub agrees {
	my ($step, $said, $has_milter) = @_;
	my ($line, $code, $text, $client) = @$said;
	my $verdict = $step->{verdict} // 'permit';
	return 1 if !$has_milter && $code == 500 && $line =~ /^X/i &&
	    ($verdict !~ /^permit/ || $line =~ /^XDUMP/);
	return $code == 503 if $verdict eq '503';
	if ($verdict =~ /^permit/) {
		return $code == 220 if $line =~ /^X(?:CLIENT|REMOTEIP)/i;
		return $code == 450 && $text =~ /XDUMPCONTEXT complete/ if
		    $line =~ /^XDUMP/;
		# Only of what we let pass the recorder is told, which knows
		# an address or "unknown".
		return defined $client && ($step->{client} eq
		    '[UNAVAILABLE]' || $client eq $step->{client})
		    if $line =~ /^RCPT/;
		return $code == 250;
	}
	return 0 if defined $client;
	# Then xcontext-policy says it, at RCPT.
	return 1 if !$has_milter && $line =~ /^MAIL/ && $code == 250;
	return $code == 421 if $verdict eq 'disconnect';
	return $code == 450 && index($text =~ s/\s+/ /gr,
	    $step->{text} // '') >= 0 if $line =~ /^X/i;
	return $code =~ ($verdict eq 'reject' ? qr/^5/ : qr/^4/);
}

my (%count, $n_wrong);

sub compare {
	my ($peer, @lines) = @_;
	my @said = said($peer, @lines);
	my $steps = $ctl->run(in => join('', map { "$_->[0]\n" } @said),
	    'explain', '--json', '--peer', $peer);
	$steps = JSON::PP::decode_json($steps->{out})->{steps};
	my $has_milter = $peer ne '127.0.2.1';
	for my $i (0 .. $#said) {
		my $verdict = $steps->[$i]{verdict} // 'nobody';
		$count{lc((split(' ', $said[$i][0]))[0]) . " $verdict"}++;
		my $is_right = agrees($steps->[$i], $said[$i], $has_milter);
		$has_milter = 0 if $steps->[$i]{client} eq '[UNAVAILABLE]';
		next if $is_right;
		$n_wrong++;
		fail("$peer: $said[$i][0]");
		my ($name) = $live->{trust} =~ /^\Q$peer\E\t(\S+)/m;
		$name //= 'stranger';
		diag(map({ "$_->[0]\n\t$_->[1] $_->[2]" .
		    (defined $_->[3] ? " client $_->[3]" : '') . "\n" }
		    @said[0 .. $i]), JSON::PP->new->pretty->canonical
		    ->encode($steps->[$i]), grep { $_ =~ /^profile \Q$name\E / }
		    split(/^(?=profile)/m, $live->{profiles}));
		last;
	}
	$live->policy_seen->forget;
}

for my $row (@odd) {
	my ($name, @lines) = @$row;
	my $before = $n_wrong // 0;
	compare('127.0.1.7', @lines);
	is($n_wrong // 0, $before, $name);
}
for my $i (0 .. $n_triples - 1) {
	reload() if $i > 0 && $i % $n_of_each == 0;
	compare(one_of(@peers, '127.0.2.1'), dialogue());
	last if ($n_wrong // 0) > 5;
}
ok(!$n_wrong, "$n_triples dialogues come to what explain says");
note("$count{$_} $_") for sort keys %count;

$live->expect_log(qr/./);
$live->finish;
