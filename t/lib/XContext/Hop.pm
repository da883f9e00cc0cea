# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Hop: a next hop that says what a test wants it to say, also what no
# real server would, and writes down what it was told.
#
#	my $hop = XContext::Hop->new(xclient => 'NAME ADDR',
#	    replies => { XCLIENT => '550 5.7.0 not you' });
#	... next_hop => $hop->next_hop ...
#	$hop->commands;		# EHLO there, XCLIENT ADDR=..., QUIT
#
# It is an XContext::Recorder: all, find, last, forget, stop; see below for what
# there is to find.
package XContext::Hop;

use strict;
use warnings;

use parent -norequire, 'XContext::Recorder';

use IO::Select ();
use IO::Socket::IP ();
use IO::Socket::UNIX ();
use POSIX ();
use Socket ();
use Time::HiRes ();

use XContext::Guard qw(guard_child guard_dir guard_process process_start);
use XContext::Postfix ();
use XContext::Recorder ();

my $n_hops = 0;

# All optional:
#	address, port	default: an own address, a free port
#	path		a UNIX-domain socket instead
#	lmtp		1: LHLO, and one reply a recipient
#	xclient		the attributes that it offers XCLIENT with; '': without
#			any; undef: it offers none.  After an XCLIENT with 2xx
#			it starts over
#	keywords	[ ... ] of EHLO besides
#	greeting	reply
#	early, early_at	reply that comes when that many octets of a message
#			were there
#	replies		{ VERB => reply }: of a command by its verb, of a
#			message by "." (with BDAT, of its last chunk)
#	chunks_max	what a message's chunks may have in all; over that it
#			says 552, and takes the octets for commands
#	size_only	1: of a message it writes down how long it was alone
# A reply is
#	"250 text"	one line, or lines joined by "\n" with their codes
#	"cut"		the connection ends instead
#	"reset"		it ends by RST
#	"silence"	nothing
#	[ a, b, ... ]	one each time, of this connection; the last one stays
#	sub { ... }	called with the line and a hash that lives as long as
#			the connection (number: which one it is; n: how often
#			this verb has come, and so on); returns one of the above
sub new {
	my ($class, %opt) = @_;
	my $self = bless({ %opt }, $class);
	$self->{file} = guard_dir() . '/hop' . ++$n_hops . '.seen';
	if (!defined $self->{path}) {
		$self->{address} //= XContext::Postfix::own_address();
		$self->{port} //= XContext::Postfix::free_port(
		    $self->{address});
	}
	$self->start;
	return $self;
}

# After stop(): on the same port, with changes of what new() was told.
sub start {
	my ($self, %opt) = @_;
	%$self = (%$self, %opt);
	my $listener = $self->_listen;
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		$SIG{PIPE} = 'IGNORE';
		eval { $self->_serve($listener) };
		print STDERR "# hop: $@";
		POSIX::_exit(1);
	}
	guard_process($pid);
	$self->{pid} = $pid;
	$self->{start} = process_start($pid);
	close($listener);
}

sub restart {
	my ($self, %opt) = @_;
	$self->stop;
	$self->start(%opt);
}

sub _listen {
	my ($self) = @_;
	if (defined $self->{path}) {
		unlink($self->{path});
		my $listener = IO::Socket::UNIX->new(Local => $self->{path},
		    Listen => 100) or die "$self->{path}: $!\n";
		chmod(0666, $self->{path});
		return $listener;
	}
	return IO::Socket::IP->new(LocalHost => $self->{address},
	    LocalPort => $self->{port}, Listen => 100, ReuseAddr => 1,
	    Proto => 'tcp') // die "$self->{address}:$self->{port}: $@\n";
}

sub address { return $_[0]{address} }
sub port { return $_[0]{port} }

# As a relay's settings have it, without and with quotes.
sub target {
	my ($self) = @_;
	my $protocol = $self->{lmtp} ? 'lmtp' : 'smtp';
	return "$protocol:unix:$self->{path}" if defined $self->{path};
	return "$protocol:[$self->{address}]:$self->{port}";
}
sub next_hop { return '"' . $_[0]->target . '"' }

#
# What it has seen: { event, connection, ... } of
#	connect		from, port
#	command		line, verb
#	message		text (as sent, dots undone), size, sender, recipients
#	close		how: "quit", "peer", "cut"
#
sub commands {
	my ($self, %want) = @_;
	return map { $_->{line} } $self->find(event => 'command', %want);
}

sub messages { my ($self, %want) = @_;
    return $self->find(event => 'message', %want) }
sub n_connections { return scalar $_[0]->find(event => 'connect') }

# True once every connection is closed; waits some seconds.
sub is_idle {
	my ($self) = @_;
	for (1 .. 250) {
		my $n = $self->find(event => 'connect');
		return 1 if $n == $self->find(event => 'close');
		Time::HiRes::sleep(0.02);
	}
	return 0;
}

#
# The server
#
sub _note {
	my ($self, $c, $event, %pair) = @_;
	syswrite($self->{out}, join("\t", "event=$event",
	    "connection=$c->{number}", map { "$_=" .
	    XContext::Recorder::_escape($pair{$_}) } sort keys %pair) . "\n");
}

sub _serve {
	my ($self, $listener) = @_;
	open($self->{out}, '>>', $self->{file}) or die "$self->{file}: $!\n";
	my $number = $self->n_connections;
	my $select = IO::Select->new($listener);
	my %connection;
	while (1) {
		for my $sock ($select->can_read) {
			if ($sock == $listener) {
				my $new = $listener->accept or next;
				# Each reply is a packet; none waits for the
				# receipt of the one before.
				setsockopt($new, Socket::IPPROTO_TCP(),
				    Socket::TCP_NODELAY(), 1)
				    if !defined $self->{path};
				my $c = { sock => $new, number => ++$number,
				    in => '', mode => 'command', count => {},
				    state => { number => $number } };
				$connection{$new} = $c;
				$select->add($new);
				$self->_greet($c);
				next;
			}
			my $c = $connection{$sock};
			my $n = sysread($sock, $c->{in}, 65536,
			    length($c->{in}));
			$self->_end($c, 'peer') if !$n;
			1 while !$c->{is_over} && $self->_step($c);
		} continue {
			for my $c (grep { $_->{is_over} }
			    values %connection) {
				$select->remove($c->{sock});
				delete $connection{$c->{sock}};
				close($c->{sock});
			}
		}
	}
}

sub _end {
	my ($self, $c, $how) = @_;
	return if $c->{is_over};
	$c->{is_over} = 1;
	# What was not read would make an RST of the end.
	shutdown($c->{sock}, 1);
	$self->_note($c, 'close', how => $how);
}

sub _greet {
	my ($self, $c) = @_;
	my ($from, $port) = defined $self->{path} ? ('unix', 0) :
	    ($c->{sock}->peerhost, $c->{sock}->peerport);
	$self->_note($c, 'connect', from => $from, port => $port);
	$self->_answer($c, 'greeting', '', $self->{greeting} //
	    '220 hop.example.net ESMTP');
}

# Says a reply; returns its code, 0 if there is none.
sub _answer {
	my ($self, $c, $verb, $line, $reply) = @_;
	my $n = $c->{count}{$verb}++;
	$reply = $reply->[$n < @$reply ? $n : -1] if ref $reply eq 'ARRAY';
	if (ref $reply eq 'CODE') {
		$c->{state}{n} = $n;
		$reply = $reply->($line, $c->{state});
	}
	if ($reply eq 'silence') {
		return 0;
	}
	if ($reply eq 'cut' || $reply eq 'reset') {
		setsockopt($c->{sock}, Socket::SOL_SOCKET(),
		    Socket::SO_LINGER(), pack('ii', 1, 0))
		    if $reply eq 'reset';
		$self->_end($c, 'cut');
		return 0;
	}
	syswrite($c->{sock}, join('', map { "$_\r\n" } split(/\n/, $reply)));
	$self->_end($c, 'quit') if $reply =~ /^(?:221|421)/m;
	return $reply =~ /^(\d{3})/ ? $1 : 0;
}

# One step with what has come; true if there may be another.
sub _step {
	my ($self, $c) = @_;
	return $self->_content($c) if $c->{mode} eq 'data';
	return $self->_chunk($c) if $c->{mode} eq 'chunk';
	return 0 if $c->{in} !~ s/^(.*?)\r?\n//;
	my $line = $1;
	my ($verb) = $line =~ /^(\S*)/;
	$verb = uc($verb);
	$self->_note($c, 'command', line => $line, verb => $verb);
	return $self->_command($c, $verb, $line);
}

sub _command {
	my ($self, $c, $verb, $line) = @_;
	return $self->_begin_chunk($c, $line) if $verb eq 'BDAT';
	my $code = $self->_answer($c, $verb, $line,
	    $self->{replies}{$verb} // $self->_usual($verb));
	$self->_start_over($c)
	    if $verb =~ /^(?:XCLIENT|EHLO|LHLO|HELO|RSET)$/ && $code =~ /^2/;
	$c->{sender} = $1 if $verb eq 'MAIL' && $line =~ /<(.*?)>/;
	push(@{$c->{recipients}}, $1)
	    if $verb eq 'RCPT' && $code =~ /^2/ && $line =~ /<(.*?)>/;
	$c->{mode} = 'data' if $verb eq 'DATA' && $code eq '354';
	return 1;
}

sub _begin_chunk {
	my ($self, $c, $line) = @_;
	@$c{qw(left last)} = $line =~ /^BDAT (\d+)( LAST)?/i;
	if (defined $self->{chunks_max} &&
	    ($c->{size} // 0) + $c->{left} > $self->{chunks_max}) {
		$self->_answer($c, 'over', $line, '552 5.3.4 too much');
		return 1;
	}
	$c->{mode} = 'chunk';
	return 1;
}

sub _start_over {
	my ($self, $c) = @_;
	@$c{qw(sender recipients text size is_early)} = ('', [], '', 0, 0);
	$c->{mode} = 'command';
}

sub _usual {
	my ($self, $verb) = @_;
	return $self->_ehlo if $verb eq ($self->{lmtp} ? 'LHLO' : 'EHLO');
	my %usual = (HELO => '250 hop.example.net', QUIT => '221 2.0.0 Bye',
	    MAIL => '250 2.1.0 Ok', RCPT => '250 2.1.5 Ok',
	    DATA => '354 go ahead', RSET => '250 2.0.0 Ok',
	    NOOP => '250 2.0.0 Ok');
	$usual{XCLIENT} = '220 hop.example.net ESMTP, anew'
	    if defined $self->{xclient};
	return $usual{$verb} // '502 5.5.2 what is that?';
}

sub _ehlo {
	my ($self) = @_;
	my @lines = ('hop.example.net', @{$self->{keywords} // [ 'PIPELINING',
	    'SIZE 2000000000', '8BITMIME', 'ENHANCEDSTATUSCODES', 'DSN',
	    'CHUNKING' ]});
	push(@lines, $self->{xclient} eq '' ? 'XCLIENT' :
	    "XCLIENT $self->{xclient}") if defined $self->{xclient};
	my $last = pop(@lines);
	return join("\n", (map { "250-$_" } @lines), "250 $last");
}

sub _add {
	my ($self, $c, $text) = @_;
	$c->{size} += length($text);
	$c->{text} .= $text if !$self->{size_only};
	return if !defined $self->{early} || $c->{is_early} ||
	    $c->{size} < ($self->{early_at} // 0);
	$c->{is_early} = 1;
	$self->_answer($c, 'early', '', $self->{early});
}

# Whole lines at a time, as far as they have come.
sub _content {
	my ($self, $c) = @_;
	my $end = $c->{in} =~ /^\.\r\n/m ? $-[0] : -1;
	my $n = $end >= 0 ? $end : 1 + rindex($c->{in}, "\n");
	return 0 if $end < 0 && $n == 0;
	my $text = substr($c->{in}, 0, $n, '');
	$text =~ s/^\.//mg;
	$self->_add($c, $text) if $text ne '';
	return 0 if $end < 0 || $c->{is_over};
	substr($c->{in}, 0, 3, '');
	$self->_message_over($c);
	return 1;
}

sub _chunk {
	my ($self, $c) = @_;
	my $text = substr($c->{in}, 0, $c->{left}, '');
	$c->{left} -= length($text);
	$self->_add($c, $text) if $text ne '';
	return 0 if $c->{left} > 0;
	$c->{mode} = 'command';
	if ($c->{last}) {
		$self->_message_over($c);
	} else {
		$self->_answer($c, 'BDAT', '', $self->{replies}{BDAT} //
		    '250 2.0.0 Ok');
	}
	return 1;
}

sub _message_over {
	my ($self, $c) = @_;
	my @recipients = @{$c->{recipients} // []};
	$self->_note($c, 'message', text => $c->{text} // '',
	    size => $c->{size} // 0, sender => $c->{sender} // '',
	    recipients => join(',', @recipients));
	my $reply = $self->{replies}{'.'} // '250 2.0.0 Ok: queued';
	my $is_early = $c->{is_early};
	$self->_start_over($c);
	return if $is_early;
	for my $recipient ($self->{lmtp} ? @recipients : $recipients[0]) {
		$self->_answer($c, '.', $recipient // '', $reply);
		return if $c->{is_over};
	}
}

1;
