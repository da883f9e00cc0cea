#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# What our parser lets through, a real Postfix executes, and the identity that
# its policy request then shows is the one that we printed.
#
# Lines are made at random, some valid, some valid but for one thing.  The
# line that we print says what Postfix is to show; it is read here by other
# code than ours.  ASSERTION_SEED makes other ones, ASSERTION_LINES sets how long
# it is.
use strict;
use warnings;

use Test::More;
use XContext::Guard qw(guard_dir);
use XContext::Postfix ();
use XContext::Recorder ();
use XContext::Smtp ();

my $tool = $ENV{ASSERTION_TOOL};
plan(skip_all => 'ASSERTION_TOOL does not name the tool')
    if !defined $tool || !-x $tool;
plan(skip_all => XContext::Postfix::impossible())
    if XContext::Postfix::impossible();

my $seed = $ENV{ASSERTION_SEED} // 1;
my $nlines = $ENV{ASSERTION_LINES} // 2400;
srand($seed);

sub pick { return $_[rand(@_)] }
sub chance { return rand() < $_[0] }

sub any_case {
	return join('', map { chance(0.5) ? lc : uc } split(//, $_[0]));
}

# xtext: what must be encoded, and now and then what need not be.
sub xtext {
	my ($text) = @_;
	my $more = length($text) < 80 && chance(0.3) ? 0.2 : 0;
	return join('', map { chance($more) || m{[^!-~]|[+="\\<>]} ?
	    sprintf('+%02X', ord) : $_ } split(//, $text));
}

sub ipv4 {
	return join('.', pick(1 .. 255), map { pick(0, 1, 99, 255) } 1 .. 3);
}

sub ipv6 {
	my @group = map { sprintf(pick('%x', '%X', '%04x'),
	    pick(0, 0, 0, 1, 255, 0xdb8, 0xffff)) } 1 .. 7;
	my $text = pick('2001', '2a00', 'fe80', 'FC00', '64') . ':' .
	    join(':', @group);
	$text =~ s/(?::0+(?=:|$)){2,}/:/ if chance(0.7);
	$text .= ':' if $text =~ /[^:]:$/;
	return any_case('ipv6:') . pick($text, $text, '::1', '::',
	    '::ffff:' . ipv4(), '2001:db8::' . ipv4());
}

sub label {
	return join('', map { pick('a' .. 'z', 0 .. 9, 'A', '_') }
	    1 .. pick(1, 3, 8, 63));
}

sub name {
	return join('.', map({ label() } 1 .. pick(1, 2, 3)),
	    pick('x', 'example'));
}

sub free {
	my @chars = @_;
	return join('', map { pick(@chars) } 1 .. pick(1, 5, 20, 80));
}

my @odd = ('a' .. 'z', 0 .. 9, '.', '-', '[', ']', ':', '/',
    map { chr } 32 .. 126);

# What a valid value of each attribute looks like, before it is encoded.
my %xclient = (
	NAME => sub { return name() },
	REVERSE_NAME => sub { return name() },
	PORT => sub { return pick(0, 1, 25, 65535, '00025') },
	DESTPORT => sub { return pick(0, 25, 587, '065') },
	PROTO => sub { return any_case(pick('SMTP', 'ESMTP')) },
	HELO => sub { return pick(name(), '[' . ipv4() . ']', free(@odd)) },
	LOGIN => sub { return pick(name(), 'a@b.example', free(@odd)) },
);
my %xforward = (
	NAME => $xclient{NAME}, PORT => $xclient{PORT},
	HELO => $xclient{HELO},
	ADDR => sub { return pick(ipv4(), ipv6()) },
	PROTO => sub { return substr(free(@odd), 0, 64) },
	IDENT => sub { return free(@odd) },
	SOURCE => sub { return any_case(pick('LOCAL', 'REMOTE')) },
);
# IPv6 that stays IPv6: beside it a DESTADDR of the same family is valid.
sub six_only {
	while (1) {
		my $text = ipv6();
		return $text if $text !~ /::ffff:/i;
	}
}

# A valid command as a list of [ name, raw value ].
sub valid {
	my ($verb) = @_;
	my %of = $verb eq 'XFORWARD' ? %xforward : %xclient;
	if ($verb eq 'XCLIENT') {
		my $six = chance(0.4);
		$of{$_} = sub { return $six ? six_only() : ipv4() }
		    for qw(ADDR DESTADDR);
	}
	my @names = sort { rand() <=> 0.5 } sort keys %of;
	splice(@names, pick(1 .. @names));
	my @pairs;
	for my $name (@names) {
		my $value = $of{$name}->();
		$value = any_case('[UNAVAILABLE]') if chance(0.15) &&
		    ($name ne 'PROTO' || $verb eq 'XFORWARD');
		$value = any_case('[TEMPUNAVAIL]') if chance(0.1) &&
		    $name =~ /NAME/ && $verb eq 'XCLIENT';
		push(@pairs, [ any_case($name), xtext($value) ]);
	}
	return @pairs;
}

# Values near the border between what Postfix takes and what it refuses.
sub doubtful {
	my ($name) = @_;
	return pick('2001:db8::1', 'IPV6:1.2.3.4', '0.1.2.3', '1.2.3',
	    '010.1.1.1', '1.2.3.4.', '1.2.3.256', 'IPV6:::ffff:0:102:304',
	    'IPV6:::1:203', 'IPV6:::2:3:4:5:6:7:8', 'unknown', 'IPV6:',
	    'IPV6:::ffff:0:1', 'IPV6:1:2:3:4:5:6:7::', 'IPV6:::0.1.2.3',
	    'IPV6:::ffff:1:2:3:4:5', 'IPV6:2001:db8::12345', '[1.2.3.4]',
	    '0.0.0.0', 'IPV6:1:2:3:4:5:6:7:8:9', 'IPV6:fe80::1%lo')
	    if $name =~ /ADDR/i && chance(0.8);
	return pick(65536, 99999, -1, '1a', '000000', '000025', '+20', '0x19')
	    if $name =~ /PORT/i && chance(0.8);
	return pick('a..b', '-a', 'a-', '.a', 'a.', 'a-.b', '1.2', 'a/b',
	    'a' x 63, 'a' x 64, 'a.' x 127 . 'a', 'a.' x 127 . 'ab', '*.a',
	    '1-2', 'a_b') if $name =~ /NAME/i && chance(0.8);
	return pick('LMTP', 'SMTPS', 'x' x 64, 'x' x 65, 'UNKNOWN')
	    if $name =~ /PROTO|SOURCE/i && chance(0.8);
	return pick(map({ 'x' x $_ } 64, 65, 254, 255, 256, 300),
	    '[TEMPUNAVAIL]', '[UNAVAILABLE', 'UNAVAILABLE', 'to:', 'from:x');
}

# One thing is spoilt, or looks spoilt.
sub spoil {
	my (@pairs) = @_;
	my $pair = pick(@pairs);
	my @ways = (
	    sub { $pair->[1] = '' },
	    sub { $pair->[0] = pick('BOGUS', 'ADDRESS', 'NAM', '', 'to:') },
	    sub { push(@pairs, [ @$pair ]) },
	    sub { $pair->[1] .= pick('+', '+4', '+zz', '+2b', '+00', '+0A',
		'+80', '+7F', '=', '==x') },
	    sub { $pair->[1] = pick('"', '<', '\\', '>', '(', "\x01", "\x80",
		"\xc3\xa4", "\r", "\x7f", "\0", "\x0b") . $pair->[1] },
	    sub { $pair->[1] .= pick('"', '<', '\\', '>', ')', '\\\\',
		"\x01", "\xff", "\r", "\0", "\x0c") },
	    (sub { $pair->[1] = doubtful($pair->[0]) }) x 8,
	    sub { $pair->[1] = ('x' x pick(250 .. 255)) . pick('+', '(', '=') },
	    sub { $pair->[1] = '"a b' . $pair->[1] . '"' },
	    sub { $pair->[1] = '<' . $pair->[1] . ' x>' },
	    sub { $pair->[1] .= '\\ PORT=9' },
	    sub { $pair->[1] = pick(' ', "\t") . $pair->[1] },
	    sub { $pair->[0] .= ' ' },
	    sub { $pair->[1] .= ',' . $pair->[1] },
	);
	pick(@ways)->();
	return @pairs;
}

sub line {
	my ($verb, @pairs) = @_;
	my $line = any_case($verb);
	$line .= pick(' ', ' ', ' ', '  ', "\t") . "$_->[0]=$_->[1]"
	    for @pairs;
	$line .= pick('', '', '', ' ', "\t");
	return $line;
}

# Runs the tool over all lines.
sub rewritten {
	my ($lines, @options) = @_;
	my $file = guard_dir() . '/lines';
	open(my $fh, '>:raw', $file) or die "$file: $!\n";
	print $fh map { "$_\n" } @$lines;
	close($fh) or die "$file: $!\n";
	open(my $out, '-|:raw', "$tool @options <$file") or die "$tool: $!\n";
	chomp(my @out = <$out>);
	close($out) or die "$tool failed\n";
	return @out;
}

# What a policy request must show after the printed line, where "before" was
# the request at the start of the session.
sub wanted {
	my ($line, $before) = @_;
	my %show = (ADDR => 'client_address', NAME => 'client_name',
	    REVERSE_NAME => 'reverse_client_name', PORT => 'client_port',
	    DESTADDR => 'server_address', DESTPORT => 'server_port',
	    HELO => 'helo_name', PROTO => 'protocol_name',
	    LOGIN => 'sasl_username');
	my %want = (%$before, helo_name => '', protocol_name => 'SMTP',
	    sasl_username => '', sasl_method => '');
	my (undef, @pairs) = split(/ /, $line);
	for my $pair (@pairs) {
		my ($name, $value) = split(/=/, $pair, 2);
		$value =~ s/\+([0-9A-F]{2})/chr(hex($1))/ge;
		$value =~ s/^IPV6:// if $name =~ /ADDR/;
		my $is_value = $value !~ /^\[(?:UNAVAILABLE|TEMPUNAVAIL)\]$/;
		$value = $name =~ /^(?:HELO|LOGIN)$/ ? '' : 'unknown'
		    if !$is_value;
		$want{$show{$name}} = $value;
		$want{reverse_client_name} = $value
		    if $name eq 'NAME' && $is_value;
		$want{sasl_method} = 'XCLIENT'
		    if $name eq 'LOGIN' && $is_value;
	}
	return %want;
}

my @shown = qw(client_address client_name reverse_client_name client_port
    server_address server_port helo_name protocol_name sasl_username
    sasl_method);

sub printable {
	my ($text) = @_;
	$text =~ s/([^ -~])/sprintf('\\x%02x', ord($1))/ge;
	return $text;
}

my $postfix = XContext::Postfix->new(
    main => { line_length_limit => '8192' },
    services => [ { name => 'in', options => [
	'smtpd_authorized_xclient_hosts = 127.0.0.1/32',
	'smtpd_authorized_xforward_hosts = 127.0.0.1/32',
	'smtpd_client_restrictions = check_policy_service ' .
	    'unix:xcontext/policy',
	'smtpd_delay_reject = no',
    ] } ]);
my $recorder = XContext::Recorder->policy(
    socket => $postfix->sockets . '/policy',
    file => guard_dir() . '/requests');
$postfix->start;

# Says the line in a session of its own.  What is wrong, or undef.
sub xclient_fault {
	my ($line) = @_;
	$recorder->forget;
	my $smtp = XContext::Smtp->connect($postfix->address('in'),
	    $postfix->port('in'), local => '127.0.0.1');
	my $reply = $smtp->cmd($line);
	my ($before, @after) = $recorder->all;
	$smtp->quit if $reply->code;
	return "answered $reply" if $reply->code != 220;
	return 'asked the policy service ' . @after . ' times' if @after != 1;
	my %want = wanted($line, $before);
	for my $attr (@shown) {
		my $got = $after[0]{$attr} // '';
		return "$attr is \"$got\", not \"$want{$attr}\""
		    if $got ne $want{$attr};
	}
	return undef;
}

sub xforward_fault {
	my ($line) = @_;
	my $smtp = XContext::Smtp->connect($postfix->address('in'),
	    $postfix->port('in'), local => '127.0.0.1');
	my $reply = $smtp->cmd($line);
	$smtp->quit if $reply->code;
	return $reply->code == 250 ? undef : "answered $reply";
}

my (@lines, @is_valid);
for my $i (1 .. $nlines) {
	my $verb = $i % 8 ? 'XCLIENT' : 'XFORWARD';
	my @pairs = valid($verb);
	my $spoilt = chance(0.5);
	@pairs = spoil(@pairs) if $spoilt;
	push(@lines, line($verb, @pairs));
	push(@is_valid, !$spoilt);
}
diag("ASSERTION_SEED=$seed, Postfix " . XContext::Postfix::version());

my @strict = rewritten(\@lines);
my @legacy = rewritten(\@lines, '-l');
is(scalar @strict, $nlines, 'each line is answered');
is(scalar @legacy, $nlines, 'each line is answered in the legacy mode');

my (@faults, @refused, @differ, %passed);
for my $i (0 .. $#lines) {
	my $out = $legacy[$i];
	push(@refused, "$lines[$i]: $strict[$i]")
	    if $is_valid[$i] && $strict[$i] =~ /^BAD/;
	push(@differ, "$lines[$i]: $strict[$i], $out")
	    if $strict[$i] !~ /^BAD/ && $strict[$i] ne $out;
	next if $out =~ /^BAD/;
	$passed{$is_valid[$i] ? 'valid' : 'spoilt'}++;
	my $fault = $out =~ /^XCLIENT/ ? xclient_fault($out) :
	    xforward_fault($out);
	push(@faults, "$lines[$i] -> $out: $fault") if defined $fault;
}

sub none {
	my ($name, @list) = @_;
	ok(!@list, $name) or
	    diag(map { printable($_) . "\n" } splice(@list, 0, 10));
}
none('valid lines are let through', @refused);
none('both modes say the same', @differ);
none('Postfix executes what is let through, and shows it', @faults);
cmp_ok($passed{valid} // 0, '>', $nlines / 3, 'many valid lines were tried');
cmp_ok($passed{spoilt} // 0, '>', $nlines / 50,
    'many lines that only looked spoilt were tried');
diag("$passed{valid} valid and $passed{spoilt} odd lines were executed");

$recorder->stop;
$postfix->stop;
done_testing();
