# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::WildHop: next hops that do, now and then, what no server should, and
# that write down each message before they say that they have it: whose it was,
# by XCLIENT, and for whom.  All of them live in one process, which can be killed
# and started again at any moment.
#
# A message's id is the local part of its sender.  Each reply has "[[VERB id]]"
# in it, so that whoever gets it can tell one that belongs to something else.
# A message says in its first line how long it is, and what its octets add up to
# ("Id: 17-2 4711 99"); one that is not so is written down as damaged.
package XContext::WildHop;

use strict;
use warnings;

use IO::Select ();
use IO::Socket::INET ();
use MIME::Base64 qw(decode_base64);
use POSIX ();
use Socket ();
use Time::HiRes ();

use XContext::Guard qw(guard_child guard_forget guard_process);

my $number = 0;		# of a connection, in all lives

# new(file => PATH, whims => PROBABILITY of one in a connection, listen => [ {
# address => ..., port => ..., lmtp => 1 }, ... ])
sub new {
	my ($class, %opt) = @_;
	return bless({ whims => 0, lives => 0, %opt }, $class);
}

sub start {
	my ($self) = @_;
	$self->{lives}++;
	my $seed = int(rand(2 ** 31));
	pipe(my $in, my $out) or die "pipe: $!\n";
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		close($in);
		srand($seed);
		$number = $self->{lives} * 1000000;
		eval { $self->_serve($out) };
		print STDERR "# wild hop: $@";
		POSIX::_exit(1);
	}
	close($out);
	guard_process($pid);
	$self->{pid} = $pid;
	sysread($in, my $ready, 1) or die "the next hops do not start\n";
}

sub is_running { return defined $_[0]{pid} }

sub kill {
	my ($self) = @_;
	my $pid = delete $self->{pid} // return;
	CORE::kill('KILL', $pid);
	waitpid($pid, 0);
	guard_forget($pid);
}

# What was written down: hashes with "what": "took" (id, recipient, addr, port,
# helo, login, auth: who has logged in, is_told: 250 was to be said, at: the listener's number), "connect"
# (time), "lied" (id: of a connection that has said what nobody can take for
# what it is) or "wrong" (text).
sub seen {
	my ($self) = @_;
	my @seen;
	open(my $fh, '<', $self->{file}) or return;
	while (my $line = <$fh>) {
		chomp($line);
		push(@seen, { map { split(/=/, $_, 2) } split(/\t/, $line) });
	}
	return @seen;
}

sub _note {
	my ($self, @pairs) = @_;
	my @texts;
	while (my ($key, $value) = splice(@pairs, 0, 2)) {
		$value =~ s/[\t\n]/ /g;
		push(@texts, "$key=$value");
	}
	syswrite($self->{out}, join("\t", @texts) . "\n");
}

#
# The server
#
sub _serve {
	my ($self, $ready) = @_;
	open($self->{out}, '>>', $self->{file}) or die "$self->{file}: $!\n";
	$self->{select} = IO::Select->new;
	$self->{agenda} = [];
	my %listener;
	for my $i (0 .. $#{$self->{listen}}) {
		my $where = $self->{listen}[$i];
		my $sock = IO::Socket::INET->new(ReuseAddr => 1,
		    LocalAddr => $where->{address}, Listen => 512,
		    LocalPort => $where->{port}, Blocking => 0)
		    or die "$where->{address}:$where->{port}: $@\n";
		$self->{select}->add($sock);
		$listener{$sock} = $i;
	}
	$SIG{PIPE} = 'IGNORE';
	syswrite($ready, 'r');
	close($ready);
	while (1) {
		for my $sock ($self->{select}->can_read($self->_wait)) {
			my $i = $listener{$sock};
			defined $i ? $self->_accept($sock, $i) :
			    $self->_read($self->{of}{$sock});
		}
		$self->_do_agenda;
	}
}

sub _wait {
	my ($self) = @_;
	my $first = $self->{agenda}[0] // return undef;
	my $left = $first->[0] - Time::HiRes::time();
	return $left > 0 ? $left : 0;
}

sub _later {
	my ($self, $seconds, $code) = @_;
	my $agenda = $self->{agenda};
	push(@$agenda, [ Time::HiRes::time() + $seconds, $code ]);
	@$agenda = sort { $a->[0] <=> $b->[0] } @$agenda;
}

sub _do_agenda {
	my ($self) = @_;
	my $agenda = $self->{agenda};
	(shift(@$agenda))->[1]->() while @$agenda &&
	    $agenda->[0][0] <= Time::HiRes::time();
}

sub _one_of { return $_[rand(@_)] }

# What goes wrong in a connection, and where: at which command, the how manieth.
sub _whim {
	my ($self) = @_;
	return { at => 'never', how => 'usual', skip => 0 }
	    if rand() >= $self->{whims};
	my $at = _one_of(qw(greeting EHLO EHLO XCLIENT XCLIENT MAIL MAIL RCPT
	    DATA BDAT END END END RSET NOOP QUIT AUTH content content idle));
	my %how = (
		EHLO => [ qw(less noxclient starttls) ],
		XCLIENT => [ qw(450 451 452 454 500 501 502 503 521 550
		    554) ],
		content => [ qw(cut reset 421 552 250 deaf deaf) ],
		idle => [ qw(421 250 550 cut garbage) ],
		END => [ qw(kept-cut kept-reset kept-421 kept-garbage
		    kept-late kept-silence 451 552) ],
	);
	my @usual = $at eq 'content' || $at eq 'idle' ? () : (qw(cut reset
	    421 open-421 451 550 garbage empty mixed twice stray several
	    slow slow late late 354 200), rand() < 0.2 ? 'silence' : ());
	return { at => $at, skip => int(rand(3)),
	    how => _one_of(@usual, @{$how{$at} // []}) };
}

sub _accept {
	my ($self, $listener, $i) = @_;
	while (my $sock = $listener->accept) {
		$sock->blocking(0);
		$self->{select}->add($sock);
		my $c = $self->{of}{$sock} = { sock => $sock, in => '',
		    at => $i, is_lmtp => $self->{listen}[$i]{lmtp},
		    mode => 'command', is_open => 1, busy => 0,
		    number => ++$number, whim => $self->_whim, client => {},
		    is_able => { map { $_ => rand() < 0.85 }
		    qw(PIPELINING CHUNKING) },
		    limit => rand() < 0.9 ? 2000000 : 5000 };
		$self->_note(what => 'connect', time => Time::HiRes::time());
		$self->_forget($c, '-');
		$self->_answer($c, 'greeting', '220 wild hop');
		$self->_go_on($c);
	}
}

sub _cut {
	my ($self, $c, $is_reset) = @_;
	return if !$c->{is_open};
	$c->{is_open} = 0;
	$self->{select}->remove($c->{sock});
	delete $self->{of}{$c->{sock}};
	setsockopt($c->{sock}, Socket::SOL_SOCKET(), Socket::SO_LINGER(),
	    pack('ii', 1, 0)) if $is_reset;
	close($c->{sock});
}

sub _raw {
	my ($self, $c, $bytes) = @_;
	return if !$c->{is_open};
	if ($c->{busy} && !$c->{is_slow}) {
		$c->{behind} .= $bytes;
		return;
	}
	my $n = syswrite($c->{sock}, $bytes);
	$self->_cut($c) if !defined $n || $n != length($bytes);
}

sub _say {
	my ($self, $c, $text) = @_;
	$text =~ s/\[\[.*?\]\]/(lying)/g if $c->{is_lying};
	$self->_raw($c, "$text\r\n");
}

sub _read {
	my ($self, $c) = @_;
	my $n = sysread($c->{sock}, $c->{in}, 65536, length($c->{in}));
	return if !defined $n && $!{EAGAIN};
	return $self->_cut($c) if !$n;
	$self->_go_on($c);
}

#
# Replies
#
# Whether the whim is due now.
sub _is_due {
	my ($c, $at) = @_;
	return $c->{whim}{at} eq $at && $c->{whim}{skip}-- <= 0;
}

# Bytes that come in pieces, while nothing else is done with the connection.
sub _slowly {
	my ($self, $c, $delay, @pieces) = @_;
	$c->{busy}++;
	$self->_later($delay, sub {
		local $c->{is_slow} = 1;
		$self->_raw($c, shift(@pieces));
		$c->{busy}--;
		return $self->_slowly($c, $delay, @pieces) if @pieces;
		$self->_raw($c, delete $c->{behind} // '');
		$self->_cut($c) if $c->{is_last};
		$self->_go_on($c) if $c->{is_open};
	});
}

my %odd = (
	garbage => sub { $_[0]->_say($_[1], 'what is this?') },
	empty => sub { $_[0]->_say($_[1], '') },
	mixed => sub { $_[0]->_say($_[1], "250-one\r\n251 two") },
	several => sub { (my $text = $_[2]) =~ s/^(\d{3}) (.*)/$1-$2\r\n$1 $2/;
	    $_[0]->_say($_[1], $_[3] eq 'EHLO' ? $_[2] : $text) },
	twice => sub { $_[0]->_say($_[1], "$_[2]\r\n421 4.3.2 busy");
	    $_[0]->_cut($_[1]) },
	# One more may be taken for the end of a message where no 354 tells.
	stray => sub { $_[0]->_say($_[1], $_[1]{is_able}{CHUNKING} ?
	    "$_[2]\r\n550 5.0.0 stray" : "$_[2]\r\n250 2.0.0 stray");
	    $_[0]->_lie($_[1]) },
	slow => sub { $_[0]->_slowly($_[1], 0.002, split(//,
	    "$_[2]\r\n")) },
	late => sub { $_[0]->_slowly($_[1], rand(0.4), "$_[2]\r\n") },
	silence => sub { $_[0]->_lie($_[1]) },
	cut => sub { $_[0]->_cut($_[1]) },
	reset => sub { $_[0]->_cut($_[1], 1) },
	421 => sub { $_[0]->_say($_[1], "421 4.3.2 $_[4]");
	    $_[0]->_cut($_[1]) },
	'open-421' => sub { $_[0]->_say($_[1], "421 4.3.2 $_[4]") },
);

# From now on, what its replies are to nobody can tell.
sub _lie {
	my ($self, $c) = @_;
	$c->{is_lying} = 1;
	$self->_note(what => 'lied', id => $_) for $c->{id},
	    $c->{last_id} // '-';
}

# Says a reply, or what the whim makes of it; true if it is a success, or as
# usual, or only odd in how it came.
sub _answer {
	my ($self, $c, $at, $reply) = @_;
	$reply =~ s/\[\[.*?\]\]/(lying)/ if $c->{is_lying};
	my $how = _is_due($c, $at) ? $c->{whim}{how} : 'usual';
	my ($tag) = $reply =~ /(\[\[.*?\]\])/;
	$tag //= 'a whim';
	if ($how =~ /^\d+$/ && $how != 421) {
		my $class = substr($how, 0, 1);
		$self->_say($c, "$how $class.5.0 $tag");
		return $class == 2 || ($class == 3 && $at eq 'DATA');
	}
	if (!$odd{$how}) {
		$self->_say($c, $reply);
	} else {
		$odd{$how}->($self, $c, $reply, $at, $tag);
	}
	return $how =~ /^(?:usual|several|twice|stray|slow|late)$/ ? 1 : 0;
}

#
# Commands
#
sub _go_on {
	my ($self, $c) = @_;
	while ($c->{is_open} && !$c->{busy}) {
		if ($c->{mode} eq 'command' || $c->{mode} eq 'auth') {
			$c->{in} =~ s/^([^\n]*?)\r?\n// or last;
			my $line = $1;
			my $is_auth = $c->{mode} eq 'auth';
			$c->{mode} = 'command';
			$is_auth ? $self->_log_in($c, $line) :
			    $self->_command($c, $line);
		} elsif ($c->{mode} eq 'chunk') {
			$self->_chunk($c) or last;
		} else {
			$self->_data($c) or last;
		}
	}
}

sub _forget {
	my ($self, $c, $id) = @_;
	@$c{qw(id text has_mail is_early)} = ($id, '', $id ne '-', 0);
	$c->{recipients} = [];
}

sub _wrong {
	my ($self, $c, $text) = @_;
	return if $c->{is_lying};
	$self->_note(what => 'wrong', text => "$c->{number} $c->{id}: $text");
}

sub _ehlo {
	my ($self, $c) = @_;
	my $how = $c->{whim}{at} eq 'EHLO' ? $c->{whim}{how} : '';
	my @offer = ('wild hop', "SIZE $c->{limit}", '8BITMIME', 'DSN',
	    'AUTH PLAIN');
	push(@offer, grep { $c->{is_able}{$_} } qw(PIPELINING CHUNKING))
	    if $how ne 'less';
	push(@offer, 'XCLIENT NAME ADDR PORT PROTO HELO LOGIN REVERSE_NAME ' .
	    'DESTADDR DESTPORT') if $how ne 'noxclient';
	push(@offer, 'STARTTLS') if $how eq 'starttls';
	my $last = pop(@offer);
	return join("\r\n", (map { "250-$_" } @offer), "250 $last");
}

my %command = (
	EHLO => sub {
		my ($self, $c) = @_;
		$self->_forget($c, '-');
		$self->_answer($c, 'EHLO', $self->_ehlo($c));
	},
	HELO => sub { $_[0]->_forget($_[1], '-');
	    $_[0]->_answer($_[1], 'EHLO', '250 wild hop') },
	# Nobody can speak TLS here: what comes is a handshake that fails.
	STARTTLS => sub { $_[0]->_say($_[1], '220 go on'); $_[0]->_say($_[1],
	    'or not'); $_[0]->_cut($_[1]) },
	XCLIENT => \&_xclient,
	AUTH => sub { $_[2] eq 'AUTH PLAIN' ?
	    $_[0]->_answer($_[1], 'AUTH', '334 ') && ($_[1]{mode} = 'auth') :
	    $_[0]->_log_in($_[1], $_[2] =~ /^AUTH PLAIN (\S+)$/) },
	MAIL => sub {
		my ($self, $c, $line) = @_;
		my ($id) = $line =~ /^MAIL FROM:<(\d+-\d+)@/ or
		    return $self->_unexpected($c, $line);
		$self->_note(what => 'lied', id => $id) if $c->{is_lying};
		return $self->_say($c, "503 5.5.1 nested [[MAIL $id]]")
		    if $c->{has_mail};
		$self->_forget($c, $id);
		$self->_answer($c, 'MAIL', "250 2.1.0 [[MAIL $id]]")
		    or $self->_forget($c, '-');
	},
	RCPT => sub {
		my ($self, $c, $line) = @_;
		my ($to) = $line =~ /^RCPT TO:<([\d.-]+)@/ or
		    return $self->_unexpected($c, $line);
		return $self->_say($c, "503 5.5.1 no MAIL [[RCPT $to]]")
		    if !$c->{has_mail};
		$self->_wrong($c, "recipient $to") if $to !~ /^\Q$c->{id}\E\./;
		$self->_answer($c, 'RCPT', "250 2.1.5 [[RCPT $to]]") and
		    push(@{$c->{recipients}}, $to);
	},
	DATA => sub {
		my ($self, $c) = @_;
		return $self->_say($c, "503 5.5.1 nobody [[DATA $c->{id}]]")
		    if !@{$c->{recipients}};
		$self->_answer($c, 'DATA', "354 [[DATA $c->{id}]]") and
		    $c->{mode} = 'content';
	},
	BDAT => sub {
		my ($self, $c, $line) = @_;
		$line =~ /^BDAT (\d+)( LAST)?$/ or
		    return $self->_unexpected($c, $line);
		@$c{qw(size is_last_chunk mode)} = ($1, defined $2, 'chunk');
		$self->_wrong($c, "over its SIZE: $line") if $c->{limit} <
		    length($c->{text}) + $c->{size};
	},
	RSET => sub { $_[0]->_forget($_[1], '-');
	    $_[0]->_answer($_[1], 'RSET', '250 2.0.0 Ok') },
	NOOP => sub { $_[0]->_answer($_[1], 'NOOP', '250 2.0.0 [[' .
	    $_[2] . ']]') },
	VRFY => sub { $_[0]->_answer($_[1], 'NOOP', '252 2.0.0 [[' .
	    $_[2] . ']]') },
	QUIT => sub { $_[1]{is_last} = $_[0]->_answer($_[1], 'QUIT',
	    '221 2.0.0 bye') and !$_[1]{busy} and $_[0]->_cut($_[1]) },
);
$command{LHLO} = $command{EHLO};

sub _log_in {
	my ($self, $c, $response) = @_;
	my (undef, $user) = split(/\0/, decode_base64($response // ''));
	return $self->_say($c, '535 5.7.8 no') if !defined $user;
	$c->{auth} = $user if $self->_answer($c, 'AUTH', '235 2.7.0 welcome');
}

sub _unexpected {
	my ($self, $c, $line) = @_;
	$self->_wrong($c, "unexpected: $line");
	$self->_say($c, '500 5.5.1 unexpected');
}

sub _command {
	my ($self, $c, $line) = @_;
	my ($verb) = $line =~ /^(\w*)/;
	my $code = $command{$verb};
	$code ? $code->($self, $c, $line) : $self->_unexpected($c, $line);
	# Unasked, a while later.
	return if !_is_due($c, 'idle');
	$self->_later(rand(0.05), sub { $self->_idle($c) });
}

# What nobody has asked for, where nothing is under way that it could answer.
sub _idle {
	my ($self, $c) = @_;
	return if !$c->{is_open} || $c->{mode} ne 'command' || $c->{busy} ||
	    $c->{has_mail} || $c->{in} ne '';
	my $how = $c->{whim}{how};
	return $odd{$how}->($self, $c, '', 'idle', 'unasked') if $odd{$how};
	$self->_say($c, "$how " . substr($how, 0, 1) . '.0.0 unasked');
	$self->_lie($c);
}

sub _xclient {
	my ($self, $c, $line) = @_;
	my %said = map { /^(\w+)=(.*)$/ ? ($1, $2) : () } split(/ /, $line);
	if (!$self->_answer($c, 'XCLIENT', '220 wild hop')) {
		# Postfix may have executed a part of it.
		$c->{client} = {};
		$c->{is_spoilt} = 1;
		return;
	}
	$c->{client} = { %{$c->{client}{ADDR} ? {} : $c->{client}}, %said };
	$self->_forget($c, '-');
}

#
# Messages
#
# Something before the end of it; true if that ends it.
sub _interrupt {
	my ($self, $c) = @_;
	return 0 if $c->{is_early} || !_is_due($c, 'content');
	return $self->_be_deaf($c) if $c->{whim}{how} eq 'deaf';
	$c->{is_early} = $c->{is_answered} = 1;
	my $how = $c->{whim}{how};
	$self->_lie($c) if $how eq '250';
	if ($how =~ /^\d+$/) {
		$self->_say($c, "$how " . substr($how, 0, 1) .
		    ".0.0 early [[END $c->{id}]]");
		$self->_cut($c) if $how == 421;
	} else {
		$self->_cut($c, $how eq 'reset');
	}
	return 1;
}

# Takes nothing for a while.
sub _be_deaf {
	my ($self, $c) = @_;
	$self->{select}->remove($c->{sock});
	$self->_later(rand(0.5), sub {
		$self->{select}->add($c->{sock}) if $c->{is_open} });
	return 0;
}

sub _data {
	my ($self, $c) = @_;
	# The line end of DATA's own line counts.
	my $end = substr($c->{in}, 0, 3) eq ".\r\n" ? -2 :
	    index($c->{in}, "\r\n.\r\n");
	if ($end == -1) {
		$self->_interrupt($c);
		return 0;
	}
	$c->{text} = substr($c->{in}, 0, $end + 2);
	substr($c->{in}, 0, $end + 5, '');
	$c->{text} =~ s/^\.//mg;
	$c->{mode} = 'command';
	$self->_end($c);
	return 1;
}

sub _chunk {
	my ($self, $c) = @_;
	return 0 if length($c->{in}) < $c->{size} && !$self->_interrupt($c);
	return 0 if length($c->{in}) < $c->{size};
	$c->{text} .= substr($c->{in}, 0, $c->{size}, '');
	$c->{mode} = 'command';
	if ($c->{is_last_chunk}) {
		$self->_end($c);
	} elsif (!@{$c->{recipients}}) {
		$self->_say($c, "503 5.5.1 nobody [[CHUNK $c->{id}]]");
	} elsif (!delete $c->{is_answered}) {
		$self->_answer($c, 'BDAT', "250 2.0.0 [[CHUNK $c->{id}]]") or
		    $c->{is_early} = 1;
	}
	return 1;
}

sub _is_whole {
	my ($c) = @_;
	my ($id, $length, $sum) = $c->{text} =~
	    /^Id: (\d+-\d+) +(\d+) +(\d+)\r\n/;
	return defined $id && $id eq $c->{id} &&
	    $length == length($c->{text}) &&
	    $sum == unpack('%32C*', substr($c->{text}, $+[0]));
}

sub _take {
	my ($self, $c, $is_told, @recipients) = @_;
	my $client = $c->{client};
	$self->_note(what => 'took', id => $c->{id}, recipient => $_,
	    is_told => $is_told, at => $c->{at}, number => $c->{number},
	    is_spoilt => $c->{is_spoilt} // 0, auth => $c->{auth} // '',
	    addr => $client->{ADDR} // '', port => $client->{PORT} // '',
	    helo => $client->{HELO} // '', login => $client->{LOGIN} // '')
	    for @recipients;
}

# Written down first, and then said; between the two, and before the first,
# everything may happen.
sub _end {
	my ($self, $c) = @_;
	my ($id, @recipients) = ($c->{id}, @{$c->{recipients}});
	my $is_bad = !@recipients || $c->{is_early};
	my $is_answered = delete $c->{is_answered};
	$c->{last_id} = $id;
	$self->_wrong($c, 'damaged: ' . length($c->{text}) . ' octets: ' .
	    substr($c->{text}, 0, 40)) if !$is_bad && !_is_whole($c);
	my $whim = $is_bad || !_is_due($c, 'END') ? 'usual' : $c->{whim}{how};
	my $is_kept = !$is_bad && ($whim =~ /^(?:kept-.*|usual|several|twice
	    |stray|slow|late|200)$/x);
	$self->_take($c, $whim !~ /^kept/, @recipients) if $is_kept;
	# With LMTP it is the first one's.
	$self->_take($c, 1, @recipients[1 .. $#recipients]) if !$is_bad &&
	    $c->{is_lmtp} && $whim =~ /^(?:[45]\d\d)$/ && $whim != 421;
	$self->_forget($c, '-');
	return if $is_answered;
	$whim =~ s/^kept-//;
	$self->_say_end($c, $whim, $is_bad ? '554 5.5.1' : '250 2.0.0',
	    $c->{is_lmtp} && @recipients ? @recipients : $id);
}

# The whim is the first reply's.
sub _say_end {
	my ($self, $c, $whim, $code, @of) = @_;
	local $c->{whim} = { at => 'END', how => $whim, skip => 0 };
	for my $of (@of) {
		$self->_answer($c, 'END', "$code [[END $of]]");
		last if !$c->{is_open};
		$c->{whim} = { at => 'never', how => 'usual', skip => 0 };
	}
}

1;
