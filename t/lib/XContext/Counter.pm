# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Counter: a fast last hop that writes down the id of each message
# before it says 250, and that can be killed and started again at any moment.
#
# A message's id is the local part of its sender; each reply names what it
# answers and the id ("250 2.0.0 END 17-2"), so that whoever gets it can tell a
# reply that belongs to something else.  The message says in its first line how
# long it is ("Id: 17-2 4711"), and one that is not so long is written down as
# damaged.
package XContext::Counter;

use strict;
use warnings;

use IO::Handle ();
use IO::Select ();
use IO::Socket::INET ();
use POSIX ();
use Time::HiRes ();

use XContext::Guard qw(guard_child guard_forget guard_process);

# new(address => ..., port => ..., file => PATH, whims => PROBABILITY): whims
# are delays, temporary refusals, and connections that are cut.
sub new {
	my ($class, %opt) = @_;
	return bless({ whims => 0, generation => 0, %opt }, $class);
}

sub start {
	my ($self) = @_;
	$self->{generation}++;
	my $seed = int(rand(2 ** 31));
	pipe(my $in, my $out) or die "pipe: $!\n";
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		close($in);
		srand($seed);
		$self->_serve($out);
		POSIX::_exit(1);
	}
	close($out);
	guard_process($pid);
	$self->{pid} = $pid;
	sysread($in, my $ready, 1) or die "the last hop does not start\n";
}

sub is_running { return defined $_[0]{pid} }

sub kill {
	my ($self) = @_;
	my $pid = delete $self->{pid} // return;
	CORE::kill('KILL', $pid);
	waitpid($pid, 0);
	guard_forget($pid);
}

# What was written down: a hash of id => how many times; and what was wrong.
sub seen {
	my ($self) = @_;
	my (%count, @wrong);
	open(my $fh, '<', $self->{file}) or return {};
	while (my $line = <$fh>) {
		chomp($line);
		$line =~ /^\d+-\d+$/ ? $count{$line}++ : push(@wrong, $line);
	}
	return (\%count, @wrong);
}

sub _serve {
	my ($self, $ready) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => $self->{address},
	    LocalPort => $self->{port}, ReuseAddr => 1, Listen => 512,
	    Blocking => 0) or die "last hop: $@\n";
	open($self->{out}, '>>', $self->{file}) or die "$self->{file}: $!\n";
	$self->{select} = IO::Select->new($listener);
	$self->{late} = [];
	$SIG{PIPE} = 'IGNORE';
	syswrite($ready, 'r');
	close($ready);
	while (1) {
		for my $sock ($self->{select}->can_read($self->_wait)) {
			$sock == $listener ? $self->_accept($listener) :
			    $self->_read($self->{of}{$sock});
		}
		$self->_say_late;
	}
}

sub _wait {
	my ($self) = @_;
	return undef if !@{$self->{late}};
	my $left = $self->{late}[0][0] - Time::HiRes::time();
	return $left > 0 ? $left : 0;
}

sub _accept {
	my ($self, $listener) = @_;
	while (my $sock = $listener->accept) {
		$sock->blocking(0);
		$self->{select}->add($sock);
		my $c = $self->{of}{$sock} = { sock => $sock, in => '',
		    mode => 'command', id => '0-0', is_open => 1 };
		$self->_say($c, '220 last hop');
	}
}

# Replies are short: a socket that does not take one is cut.
sub _say {
	my ($self, $c, $text) = @_;
	return if !$c->{is_open};
	my $n = syswrite($c->{sock}, "$text\r\n");
	$self->_cut($c) if !defined $n || $n != length($text) + 2;
}

sub _cut {
	my ($self, $c) = @_;
	return if !$c->{is_open};
	$c->{is_open} = 0;
	$self->{select}->remove($c->{sock});
	delete $self->{of}{$c->{sock}};
	close($c->{sock});
}

sub _read {
	my ($self, $c) = @_;
	my $n = sysread($c->{sock}, $c->{in}, 65536, length($c->{in}));
	return if !defined $n && $!{EAGAIN};
	return $self->_cut($c) if !$n;
	$self->_go_on($c) unless $c->{is_late};
}

sub _go_on {
	my ($self, $c) = @_;
	while ($c->{is_open} && !$c->{is_late}) {
		if ($c->{mode} eq 'command') {
			$c->{in} =~ s/^([^\n]*?)\r?\n// or last;
			$self->_command($c, $1);
		} elsif ($c->{mode} eq 'chunk') {
			last if length($c->{in}) < $c->{size};
			$c->{text} .= substr($c->{in}, 0, $c->{size}, '');
			$c->{mode} = 'command';
			$c->{is_last} ? $self->_end($c) :
			    $self->_say($c, "250 2.0.0 CHUNK $c->{id}");
		} else {
			# The line end of DATA's own line counts.
			my $end = substr($c->{in}, 0, 3) eq ".\r\n" ? -2 :
			    index($c->{in}, "\r\n.\r\n");
			last if $end == -1;
			$c->{text} = substr($c->{in}, 0, $end + 2);
			substr($c->{in}, 0, $end + 5, '');
			$c->{text} =~ s/^\.//mg;
			$c->{mode} = 'command';
			$self->_end($c);
		}
	}
}

sub _forget {
	my ($self, $c, $id) = @_;
	@$c{qw(id text has_recipient)} = ($id, '', 0);
}

sub _whim { return rand() < $_[0]{whims} }

sub _command {
	my ($self, $c, $line) = @_;
	if ($line =~ /^(?:EHLO|HELO) /) {
		$self->_say($c, "250-last hop\r\n250-PIPELINING\r\n" .
		    "250-8BITMIME\r\n250-CHUNKING\r\n250-XCLIENT NAME ADDR " .
		    "PORT PROTO HELO\r\n250 SIZE");
	} elsif ($line =~ /^XCLIENT /) {
		$self->_say($c, '220 last hop');
	} elsif ($line =~ /^MAIL FROM:<(\d+-\d+)@/) {
		$self->_forget($c, $1);
		my $is_tired = $self->_whim;
		$self->_say($c, $is_tired ? '421 4.3.2 a whim' :
		    "250 2.1.0 MAIL $c->{id}");
		$self->_cut($c) if $is_tired;
	} elsif ($line =~ /^RCPT TO:<(\d+-\d+)@/ && $1 eq $c->{id}) {
		$c->{has_recipient} = !$self->_whim;
		$self->_say($c, $c->{has_recipient} ?
		    "250 2.1.5 RCPT $c->{id}" : '450 4.2.1 a whim');
	} elsif ($line eq 'DATA') {
		return $self->_cut($c) if $self->_whim;
		return $self->_say($c, '554 5.5.1 no valid recipients')
		    if !$c->{has_recipient};
		$self->_say($c, "354 DATA $c->{id}");
		$c->{mode} = 'content';
	} elsif ($line =~ /^BDAT (\d+)( LAST)?$/) {
		@$c{qw(size is_last mode)} = ($1, defined $2, 'chunk');
	} elsif ($line eq 'RSET') {
		$self->_forget($c, '0-0');
		$self->_say($c, '250 2.0.0 RSET');
	} elsif ($line eq 'QUIT') {
		$self->_say($c, '221 2.0.0 bye');
		$self->_cut($c);
	} else {
		syswrite($self->{out}, "unexpected: $line\n");
		$self->_say($c, '500 5.5.1 unexpected');
	}
}

# Written down first, and then said; between the two, and before the first,
# everything may happen.
sub _end {
	my ($self, $c) = @_;
	return $self->_say($c, '554 5.5.1 no valid recipients')
	    if !$c->{has_recipient};
	$c->{has_recipient} = 0;
	return $self->_cut($c) if $self->_whim;
	return $self->_say($c, "451 4.3.0 refused: $c->{id}")
	    if $self->_whim;
	my ($id, $length) = $c->{text} =~ /^Id: (\d+-\d+) +(\d+)\r\n/;
	my $n = length($c->{text});
	my $note = defined $id && $id eq $c->{id} && $length == $n ? $id :
	    "damaged: $c->{id}, " . ($length // 'no') . " announced, $n came";
	syswrite($self->{out}, "$note\n");
	return $self->_cut($c) if $self->_whim;
	if (!$self->{whims} || rand() > 0.1) {
		$self->_say($c, "250 2.0.0 END $c->{id}");
		return;
	}
	$c->{is_late} = 1;
	push(@{$self->{late}}, [ Time::HiRes::time() + rand(0.05), $c,
	    "250 2.0.0 END $c->{id}" ]);
	@{$self->{late}} = sort { $a->[0] <=> $b->[0] } @{$self->{late}};
}

sub _say_late {
	my ($self) = @_;
	while (@{$self->{late}} &&
	    $self->{late}[0][0] <= Time::HiRes::time()) {
		my (undef, $c, $text) = @{shift @{$self->{late}}};
		$c->{is_late} = 0;
		$self->_say($c, $text);
		$self->_go_on($c) if $c->{is_open};
	}
}

1;
