# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Load: many SMTP clients in one process, which send messages that
# XContext::Counter counts, and send again what was not acknowledged.
#
# A message is one of three things in the end: acknowledged (250 from the last
# hop), not delivered for certain (it was said so, or its end was never sent),
# or uncertain (the answer to its end was lost, or says that nobody can tell).
package XContext::Load;

use strict;
use warnings;

use Errno ();
use Socket ();
use Time::HiRes ();

# new(n => MESSAGES, sessions => AT ONCE, targets => [ { address => ...,
# port => ..., answers_mail => 1 }, ... ], texts => qr/.../); answers_mail: MAIL
# is answered by the relay itself.  texts: what the last hop, which is not an
# XContext::Counter, says.
sub new {
	my ($class, %opt) = @_;
	my $self = bless({ %opt, queue => [ 1 .. $opt{n} ], tries => {},
	    acked => {}, uncertain => {}, wrong => [], of => {},
	    not_before => 0, n_acked => 0, n_failed => 0 }, $class);
	$self->{by_size} = [ map { my $lines = $_; [ _text($lines) ] }
	    1, 5, 40, 40, 400, 4000 ];
	return $self;
}

# A text that has lines with dots, as it is and as it is sent.
sub _text {
	my ($n) = @_;
	my $plain = join('', map { '.' x ($_ % 7 == 3 ? $_ % 3 : 0) .
	    'x' x ($_ % 60) . "\r\n" } 1 .. $n);
	(my $sent = $plain) =~ s/^\./../mg;
	return ($plain, $sent);
}

# Returns when all are acknowledged; or false after so many seconds, or when too
# much is wrong.  $each is called again and again meanwhile.
sub run {
	my ($self, $seconds, $each) = @_;
	my $end = Time::HiRes::time() + $seconds;
	local $SIG{PIPE} = 'IGNORE';
	while ($self->{n_acked} < $self->{n}) {
		return 0 if Time::HiRes::time() > $end ||
		    @{$self->{wrong}} > 20;
		$each->($self);
		$self->_connect while @{$self->{queue}} &&
		    keys %{$self->{of}} < $self->{sessions} &&
		    Time::HiRes::time() >= $self->{not_before};
		$self->_turn;
	}
	$self->_close($_) for values %{$self->{of}};
	return 1;
}

sub _turn {
	my ($self) = @_;
	my ($r, $w) = ('', '');
	for my $s (values %{$self->{of}}) {
		vec($r, $s->{fd}, 1) = 1;
		vec($w, $s->{fd}, 1) = 1
		    if $s->{out} ne '' && !$s->{is_broken};
	}
	my $n = select($r, $w, undef, 0.02);
	return if $n <= 0;
	for my $s (values %{$self->{of}}) {
		$self->_write($s) if $s->{out} ne '' && vec($w, $s->{fd}, 1);
		$self->_read($s) if $s->{is_open} && vec($r, $s->{fd}, 1);
	}
}

sub _connect {
	my ($self) = @_;
	my $target = $self->{targets}[rand(@{$self->{targets}})];
	socket(my $sock, Socket::PF_INET(), Socket::SOCK_STREAM() |
	    Socket::SOCK_NONBLOCK(), 0) or die "socket: $!\n";
	connect($sock, Socket::pack_sockaddr_in($target->{port},
	    Socket::inet_aton($target->{address}))) or $!{EINPROGRESS}
	    or return $self->{not_before} = Time::HiRes::time() + 0.02;
	my $s = { sock => $sock, fd => fileno($sock), target => $target,
	    in => '', out => '', is_open => 1,
	    expected => [ [ 'greeting' ] ], left => 1 + int(rand(8)),
	    may_close => rand() < 0.2 };
	$self->{of}{$s->{fd}} = $s;
}

sub _say {
	my ($self, $s, $bytes, @expected) = @_;
	push(@{$s->{expected}}, map { [ $_, $s->{id} ] } @expected);
	$s->{out} .= $bytes;
	$self->_write($s);
}

sub _write {
	my ($self, $s) = @_;
	my $n = syswrite($s->{sock}, $s->{out});
	substr($s->{out}, 0, $n, '') if defined $n;
	# What it said before it went can still be read.
	$s->{is_broken} = 1 if !defined $n && !$!{EAGAIN};
}

sub _read {
	my ($self, $s) = @_;
	my $n = sysread($s->{sock}, $s->{in}, 65536, length($s->{in}));
	return if !defined $n && $!{EAGAIN};
	return $self->_lost($s) if !$n;
	while ($s->{is_open} && $s->{in} =~ s/^(\d{3})([ -])([^\n]*)\r\n//) {
		my ($code, $more, $text) = ($1, $2, $3);
		$self->_reply($s, $code, $text) if $more eq ' ';
	}
}

# The connection is gone.  If the end of a message was on its way, nobody can
# tell what became of it.
sub _lost {
	my ($self, $s) = @_;
	$self->{uncertain}{$s->{id}}++ if defined $s->{id} && $s->{out} eq '' &&
	    grep { $_->[0] eq 'END' } @{$s->{expected}};
	$self->_again($s);
	$self->_close($s);
}

# Its message has to be sent once more.
sub _again {
	my ($self, $s) = @_;
	my $id = delete $s->{id} // return;
	$self->{n_failed}++;
	push(@{$self->{queue}}, $id =~ /^(\d+)/);
}

sub _close {
	my ($self, $s) = @_;
	$s->{is_open} = 0;
	delete $self->{of}{$s->{fd}};
	close($s->{sock});
}

sub _wrong {
	my ($self, $s, $text) = @_;
	push(@{$self->{wrong}}, $text);
	$self->_again($s);
	$self->_close($s);
}

sub _reply {
	my ($self, $s, $code, $text) = @_;
	my $expected = shift(@{$s->{expected}});
	if (!defined $expected) {
		# 421 comes when it likes.
		$self->_wrong($s, "unasked: $code $text") if $code != 421;
		$self->_lost($s) if $code == 421;
		return;
	}
	my ($what, $id) = @$expected;
	return $self->_wrong($s, "$what $id: $code $text")
	    if $code < 400 && $what =~ /^[A-Z]+$/ &&
	    $text !~ ($self->{texts} // qr/\b$what \Q$id\E$/) &&
	    !($what eq 'MAIL' && $s->{target}{answers_mail} &&
	    $text eq '2.1.0 Ok');
	return $self->_end($s, $code, $text) if $what eq 'END';
	$s->{has_failed} = 1 if $code >= 400;
	return if @{$s->{expected}};
	if ($code == 421 || ($what eq 'greeting' && $code != 220)) {
		$self->_lost($s);
	} elsif ($what eq 'greeting') {
		$self->_say($s, "EHLO load.example.org\r\n", 'ehlo');
	} elsif ($what eq 'nothing') {
		$self->_wrong($s, "half of $id: $code $text");
	} elsif ($what eq 'quit') {
		$self->_close($s);
	} elsif ($what eq 'ehlo' || $what eq 'reset') {
		$s->{has_failed} ? $self->_lost($s) : $self->_next($s);
	} elsif ($what eq 'DATA' && $code == 354) {
		rand() < 0.01 ? $self->_leave($s) :
		    $self->_say($s, $s->{content}, 'END');
	} elsif ($s->{has_failed}) {
		$self->_again($s);
		$self->_say($s, "RSET\r\n", 'reset');
	} else {
		$self->_say($s, "$s->{step}[0]\r\n",
		    shift(@{$s->{step}}) =~ /^(\w+)/);
	}
}

# Goes away in the middle of a message, or listens on.
sub _leave {
	my ($self, $s) = @_;
	my $max = length($s->{content}) - 5;
	$self->_say($s, substr($s->{content}, 0, rand($max < 200 ? $max :
	    200)), 'nothing');
	shutdown($s->{sock}, 1);
	$self->_lost($s) if rand() < 0.5;
}

# The reply to the end of a message.
sub _end {
	my ($self, $s, $code, $text) = @_;
	my $id = $s->{id};
	if ($code == 250) {
		$self->{acked}{$id}++;
		$self->{n_acked}++;
		delete $s->{id};
	} else {
		$self->{uncertain}{$id}++ if $text =~ /before it answered/;
		$self->_again($s);
	}
	return $self->_lost($s) if $code == 421;
	return $self->_wrong($s, "more is expected behind END $id")
	    if @{$s->{expected}};
	$self->_next($s);
}

# The session's next message, or its end.
sub _next {
	my ($self, $s) = @_;
	my $number = $s->{left}-- > 0 ? shift(@{$self->{queue}}) : undef;
	if (!defined $number) {
		$s->{may_close} ? $self->_close($s) :
		    $self->_say($s, "QUIT\r\n", 'quit');
		return;
	}
	my $id = $s->{id} = "$number-" . ++$self->{tries}{$number};
	my $text = $self->{by_size}[rand(@{$self->{by_size}})];
	my $kind = rand();
	my $head = "Id: $id ";
	my $length = length($text->[0]) + length($head) + 10;
	$head .= sprintf('%8d', $length) . "\r\n";
	$s->{has_failed} = 0;
	$s->{content} = "$head$text->[1].\r\n";
	$s->{step} = [ "MAIL FROM:<$id\@example.org>",
	    "RCPT TO:<$id\@example.com>", 'DATA' ];
	if ($kind < 0.4) {
		$self->_say($s, shift(@{$s->{step}}) . "\r\n", 'MAIL');
	} elsif ($kind < 0.8) {
		$self->_say($s, join('', map { "$_\r\n" } @{$s->{step}}),
		    qw(MAIL RCPT DATA));
	} else {
		$self->_chunks($s, "$head$text->[0]", $kind < 0.9 ? 10 : 0);
	}
}

# As BDAT, in two chunks or one, with all commands before them at once.
sub _chunks {
	my ($self, $s, $content, $first) = @_;
	my $chunks = 'BDAT ' . (length($content) - $first) . " LAST\r\n" .
	    substr($content, $first);
	$chunks = "BDAT $first\r\n" . substr($content, 0, $first) . $chunks
	    if $first > 0;
	pop(@{$s->{step}});
	$self->_say($s, join('', map { "$_\r\n" } @{$s->{step}}) . $chunks,
	    qw(MAIL RCPT), $first > 0 ? 'CHUNK' : (), 'END');
}

1;
