#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A next hop that refuses a chunk because it is too large, and then executes its
# octets as commands, gets none of them: whoever sends such chunks would talk to
# it as the relay does.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use XContext::File qw(spit);
use XContext::Guard qw(guard_dir guard_time);
use XContext::Hop ();
use XContext::Relay ();
use XContext::Smtp ();

my $why = XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(100);

my $MAX = 1000;		# octets that a hop takes
my $OVER = 2 ** 32;
my $go = guard_dir() . '/go';

# What somebody says who wants more than mail through the relay.
sub evil {
	my ($n) = @_;
	my $text = join("\r\n", 'RSET',
	    'XCLIENT ADDR=203.0.113.66 NAME=evil.example.net LOGIN=root',
	    'XFORWARD ADDR=203.0.113.66', 'MAIL FROM:<evil@example.net>',
	    'RCPT TO:<victim@example.org>', 'DATA', 'Subject: evil', '', '.',
	    'NOOP ');
	return $text . 'x' x ($n - 2 - length($text)) . "\r\n";
}

sub good { my ($n) = @_; return 'x' x ($n - 2) . "\r\n" }

#
# The next hops
#
sub keywords {
	my ($size, @more) = @_;
	return [ '8BITMIME', 'CHUNKING', @more,
	    defined $size ? "SIZE$size" : () ];
}

sub hop {
	my ($keywords, %opt) = @_;
	return XContext::Hop->new(chunks_max => $MAX, keywords => $keywords,
	    xclient => 'NAME ADDR LOGIN', %opt);
}

# MAIL has its reply with the first of two recipients, when the test has seen to
# it that the relay has what comes behind them.
sub held {
	return { MAIL => 'silence', RCPT => sub {
		my ($line, $state) = @_;
		return '250 2.1.5 Ok' if $state->{n} % 2 != 0;
		for (1 .. 4000) {
			last if -e $go;
			sleep(0.005);
		}
		return "250 2.1.0 Ok\n250 2.1.5 Ok";
	} };
}

# The first connection ends behind its message, and the others offer less.
sub shrinking {
	my ($first, $then) = @_;
	return { EHLO => sub {
		my ($line, $state) = @_;
		my @offer = ('CHUNKING', 'XCLIENT NAME ADDR',
		    $state->{number} == 1 ? $first : $then);
		my $last = pop(@offer);
		return join("\n", '250-hop', (map { "250-$_" } @offer),
		    "250 $last");
	}, '.' => sub { '250 2.0.0 Ok' .
	    ($_[1]{number} == 1 ? "\n421 4.3.2 enough" : '') } };
}

my $pipelining = keywords(" $MAX", 'PIPELINING');
my %hop = (size => hop($pipelining), plain => hop(keywords(" $MAX")),
    none => hop(keywords(undef, 'PIPELINING')),
    zero => hop(keywords(' 0', 'PIPELINING')),
    bare => hop(keywords('', 'PIPELINING')),
    held => hop($pipelining, replies => held()),
    lmtp => hop($pipelining, lmtp => 1),
    lmtp_none => hop(keywords(undef, 'PIPELINING'), lmtp => 1),
    lmtp_held => hop($pipelining, lmtp => 1, replies => held()),
    shrinks => hop(undef, replies => shrinking("SIZE 5000", "SIZE $MAX")),
    forgets => hop(undef, replies => shrinking("SIZE 5000", 'DSN')),
    recipient => hop($pipelining));

sub relay_to {
	my ($name) = @_;
	return { transport_maps => '{ "inline:{ example.org=' .
	    $hop{$name}->target . ' }" }' } if $name eq 'recipient';
	return { next_hop => $hop{$name}->next_hop, message_size_max =>
	    $name =~ /none|zero|bare|forgets/ ? $MAX : 0,
	    $name =~ /^lmtp/ ? (protocol => '"lmtp"') : () };
}

my $relay = XContext::Relay->new(conf => { XCLIENT => '"no"' },
    relays => { map { $_ => relay_to($_) } keys %hop });
$relay->start;

#
# It is a next hop of that kind
#
my $faulty = hop($pipelining);
my $direct = XContext::Smtp->connect($faulty->address, $faulty->port);
$direct->cmd('EHLO client.example.net');
$direct->raw("BDAT $OVER LAST\r\n" . evil(800) . "QUIT\r\n");
$direct->is_closed(10);
is(join(' ', map { $_->{sender} } $faulty->messages), 'evil@example.net',
    'what executes octets executes these');
ok((grep { /^XCLIENT/ } $faulty->commands), '... as whom they want');

#
# Through the relay
#
sub begin {
	my ($name) = @_;
	my $smtp = $relay->connect(relay => $name);
	$smtp->cmd(($name =~ /^lmtp/ ? 'LHLO' : 'EHLO') .
	    ' client.example.net');
	return $smtp;
}

sub envelope {
	my ($sender) = @_;
	return ("MAIL FROM:<$sender\@example.net>",
	    map { "RCPT TO:<$_\@example.org>" } qw(b c));
}

sub chunk {
	my ($n, $text, $is_last) = @_;
	return "BDAT $n" . ($is_last ? ' LAST' : '') . "\r\n" . $text;
}

# Until the relay has read all that was sent to it.
sub all_is_read {
	my ($smtp) = @_;
	my $remote = sprintf(':%04X', $smtp->local_port);
	for (1 .. 4000) {
		open(my $fh, '<', '/proc/net/tcp') or die "/proc/net/tcp: $!\n";
		return 1 if grep { my @field = split(' ');
		    $field[2] =~ /$remote$/ && $field[4] =~ /:00000000$/ }
		    <$fh>;
		sleep(0.005);
	}
	return 0;
}

sub codes {
	my ($smtp, $n) = @_;
	my @replies = map { $smtp->reply } 1 .. $n;
	return join(' ', map { $_->text =~ /^(5\.3\.4) / ? $_->code . " $1" :
	    $_->code } @replies);
}

# A message that a server takes, by the session at hand: it is not over, and not
# out of step.
sub goes_on {
	my ($smtp, $name, $n) = @_;
	is($smtp->cmd('NOOP')->code, 250, "$name: no reply too many");
	$smtp->raw(join("\r\n", envelope('good'), ''). chunk(12, good(12), 1));
	is(codes($smtp, 3 + $n), join(' ', (250) x (3 + $n)),
	    "$name: the session goes on");
	$smtp->quit;
}

# Nothing but what a client with good intentions would have it say.
sub hears_no_evil {
	my ($name, $where, @bdat) = @_;
	my $hop = $hop{$where};
	ok($relay->is_idle && $hop->is_idle, "$name: all is over");
	is(join(', ', grep { !/^(?:(?:EHLO|LHLO)\ client\.example\.net|
	    NOOP|RSET|QUIT|BDAT\ .*|
	    MAIL\ FROM:<(?:first|good)\@example\.net>|
	    RCPT\ TO:<[bc]\@example\.org>)$/x } $hop->commands), '',
	    "$name: no octet is a command");
	is(join(', ', grep { /^BDAT/ } $hop->commands), join(', ', @bdat),
	    "$name: the chunks that go on");
	is(scalar(grep { $_->{sender} !~ /^(?:first|good)\@/ } $hop->messages),
	    0, "$name: no message of his");
	$hop->forget;
}

my $last = 'BDAT 12 LAST';
my %way = (size => 'over the SIZE that is announced',
    plain => 'without PIPELINING', none => 'over message_size_max, no SIZE',
    zero => 'over message_size_max, SIZE 0',
    bare => 'over message_size_max, SIZE without a number',
    held => 'while replies are pending', lmtp => 'LMTP',
    lmtp_none => 'LMTP, over message_size_max, no SIZE',
    lmtp_held => 'LMTP, while replies are pending',
    recipient => 'by recipient');
for my $where (sort keys %way) {
	# With LMTP each recipient's.
	my $n = $where =~ /^lmtp/ ? 2 : 1;
	my $refused = '552 5.3.4';
	# Chunks, the replies to them, and what of them the hop hears.
	my @row = (
	    [ 'the last chunk', chunk(2000, evil(2000), 1), $n, [] ],
	    [ 'one octet too many', chunk($MAX + 1, evil($MAX + 1), 1), $n,
		[] ],
	    [ 'a chunk that is not the last', chunk(2000, evil(2000)) .
		chunk(600, evil(600), 1), 1 + $n, [] ],
	    [ 'the sum of two', chunk(600, good(600)) .
		chunk(600, evil(600), 1), $n, [ 'BDAT 600' ] ],
	    [ 'the sum of three', chunk(300, good(300)) .
		chunk(300, good(300)) . chunk(600, evil(600)) .
		chunk(0, '', 1), 1 + $n, [ 'BDAT 300', 'BDAT 300' ] ]);
	for my $row (@row) {
		my ($what, $chunks, $n_refused, $on) = @$row;
		my $name = "$way{$where}: $what";
		my $smtp = begin($where);
		$smtp->raw(join("\r\n", envelope('first'), '') . $chunks);
		all_is_read($smtp) or die "it is not read\n";
		spit($go, '');
		is(codes($smtp, 3 + @$on + $n_refused), join(' ',
		    (250) x (3 + @$on), ($refused) x $n_refused),
		    "$name: the replies");
		goes_on($smtp, $name, $n);
		unlink($go) or die "$go: $!\n";
		hears_no_evil($name, $where, @$on, $last);
	}
	# All of it nobody sends.
	my $name = "$way{$where}: 2^32 octets";
	my $smtp = begin($where);
	$smtp->raw(join("\r\n", envelope('first'), '') .
	    chunk($OVER, evil(900), 1));
	spit($go, '');
	is(codes($smtp, 3), '250 250 250', "$name: the replies");
	ok(all_is_read($smtp), "$name: it is read");
	$smtp->close;
	unlink($go);
	hears_no_evil($name, $where);
}

#
# A hop that is connected to again, and then takes less
#
for my $where ('shrinks', 'forgets') {
	my $name = "a hop that $where";
	my $smtp = begin($where);
	$smtp->raw(join("\r\n", envelope('first'), '') .
	    chunk(12, good(12), 1));
	is(codes($smtp, 4), '250 250 250 250', "$name: a first message");
	$smtp->raw(join("\r\n", envelope('first'), '') .
	    chunk(2000, evil(2000), 1));
	is(codes($smtp, 4), '250 250 250 552 5.3.4', "$name: the replies");
	is($smtp->cmd('MAIL FROM:<first@example.net> SIZE=2000')->code,
	    552, "$name: a message that says so before");
	goes_on($smtp, $name, 1);
	is($hop{$where}->n_connections, 2, "$name: another connection");
	hears_no_evil($name, $where, $last, $last);
}
alarm(0);
$relay->finish(qr/ event=hop_failed /);
done_testing();
