# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Smtp: an SMTP client that says exactly what a test wants said, from
# the loopback address that the test wants it said from.
#
# It adds nothing but the CR LF of cmd() and the dots of data(), knows no
# extension and keeps the whole dialogue.
package XContext::Smtp;

use strict;
use warnings;

use IO::Select ();
use IO::Socket::IP ();
use IO::Socket::UNIX ();
use POSIX ();
use Socket ();
use Time::HiRes ();

use XContext::Guard qw(guard_child guard_forget guard_process);

# connect(host, port, local => ADDRESS, local_port => PORT,
# timeout => SECONDS): reads the greeting too unless greeting => 0.  Dies if
# there is no connection.
sub connect {
	my ($class, $host, $port, %opt) = @_;
	my $sock = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port,
	    Proto => 'tcp', Timeout => $opt{timeout} // 20,
	    defined $opt{local} ? (LocalHost => $opt{local}) : (),
	    defined $opt{local_port} ? (LocalPort => $opt{local_port},
	    ReuseAddr => 1) : ())
	    or die "connect to $host port $port: $@\n";
	return $class->_new($sock, %opt);
}

# The same over a UNIX-domain socket.
sub connect_unix {
	my ($class, $path, %opt) = @_;
	my $sock = IO::Socket::UNIX->new(Peer => $path)
	    or die "connect to $path: $!\n";
	return $class->_new($sock, %opt);
}

# With STARTTLS said and TLS begun, by openssl s_client, which also said EHLO
# before that; EHLO is next.  certificate, key: files of the client's.
# server_name: TLS from the first octet on, for that name; the greeting is read.
# path: a UNIX-domain socket, in place of host and port.
sub connect_tls {
	my ($class, $host, $port, %opt) = @_;
	return $class->connect_command([ 'openssl', 's_client', '-quiet',
	    defined $opt{path} ? ('-unix', $opt{path}) :
	    ('-connect', "$host:$port"),
	    defined $opt{server_name} ? ('-servername', $opt{server_name}) :
	    ('-starttls', 'smtp'),
	    defined $opt{local} ? ('-bind', "$opt{local}:0") : (),
	    defined $opt{certificate} ? ('-cert', $opt{certificate},
	    '-key', $opt{key}) : () ],
	    greeting => defined $opt{server_name}, %opt);
}

# Over standard input and output of a program.
sub connect_command {
	my ($class, $command, %opt) = @_;
	socketpair(my $ours, my $theirs, Socket::AF_UNIX(),
	    Socket::SOCK_STREAM(), 0) or die "socketpair: $!\n";
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDIN, '<&', $theirs);
		open(STDOUT, '>&', $theirs);
		open(STDERR, '>', '/dev/null');
		exec(@$command) or POSIX::_exit(127);
	}
	guard_process($pid);
	close($theirs);
	my $self = $class->_new($ours, %opt);
	$self->{pid} = $pid;
	return $self;
}

sub _new {
	my ($class, $sock, %opt) = @_;
	my $self = bless({ sock => $sock, timeout => $opt{timeout} // 20,
	    buffer => '', dialogue => [], closed => 0, on_line => undef,
	    local => $opt{local} }, $class);
	$self->{on_line} = $opt{on_line};
	$self->{greeting} = $self->reply if $opt{greeting} // 1;
	return $self;
}

sub greeting { return $_[0]{greeting} }
sub local_port { return $_[0]{sock}->sockport }

# [ '>' or '<', line, time ] for each line so far.
sub dialogue { return @{$_[0]{dialogue}} }

sub _note {
	my ($self, $direction, $line) = @_;
	push(@{$self->{dialogue}}, [ $direction, $line, Time::HiRes::time() ]);
	$self->{on_line}->($direction, $line) if $self->{on_line};
}

# Sends bytes as they are.
sub raw {
	my ($self, $bytes) = @_;
	my $text = $bytes;
	$text =~ s/\r?\n\z//;
	$self->_note('>', $_) for split(/\r?\n/, $text, -1);
	local $SIG{PIPE} = 'IGNORE';
	while (length($bytes)) {
		my $n = syswrite($self->{sock}, $bytes);
		if (!defined $n) {
			next if $!{EINTR};
			$self->{closed} = 1;
			return 0;
		}
		substr($bytes, 0, $n, '');
	}
	return 1;
}

# The next line without its end; undef when the other side has closed.
sub _line {
	my ($self) = @_;
	my $end = Time::HiRes::time() + $self->{timeout};
	my $at;
	while (($at = index($self->{buffer}, "\n")) < 0) {
		my $left = $end - Time::HiRes::time();
		die "no reply within $self->{timeout} s\n" if $left <= 0;
		next if !IO::Select->new($self->{sock})->can_read($left);
		my $n = sysread($self->{sock}, $self->{buffer}, 65536,
		    length($self->{buffer}));
		next if !defined $n && $!{EINTR};
		if (!$n) {
			$self->{closed} = 1;
			return undef;
		}
	}
	my $line = substr($self->{buffer}, 0, $at + 1, '');
	$line =~ s/\r?\n\z//;
	return $line;
}

# One reply, all its lines.  An object with code (0: the connection was
# closed), text (lines joined by "\n", codes left out) and lines.
sub reply {
	my ($self) = @_;
	my (@lines, $code);
	while (defined(my $line = $self->_line)) {
		$self->_note('<', $line);
		$line =~ /^(\d{3})([ -]?)(.*)$/s
		    or die "not a reply line: $line\n";
		$code = $1;
		push(@lines, $3);
		last if $2 ne '-';
	}
	return XContext::Smtp::Reply->new($code // 0, @lines);
}

# Says a line and returns the reply.
sub cmd {
	my ($self, $line) = @_;
	$self->raw("$line\r\n");
	return $self->reply;
}

# Says lines in one packet and returns the replies to all of them.
sub pipeline {
	my ($self, @lines) = @_;
	$self->raw(join('', map { "$_\r\n" } @lines));
	my @replies;
	for (@lines) {
		push(@replies, $self->reply);
		last if $self->{closed};
	}
	return @replies;
}

# The message after a 354, dots doubled; returns the reply to the final dot.
sub data {
	my ($self, $message) = @_;
	$message =~ s/\r?\n/\r\n/g;
	$message .= "\r\n" unless $message =~ /\r\n\z/;
	$message =~ s/^\./../mg;
	$self->raw($message . ".\r\n");
	return $self->reply;
}

# A whole mail.  Returns the reply that decided: the first that was no
# success, else that to the final dot.  subject is how a test finds the mail.
sub mail {
	my ($self, %opt) = @_;
	my $from = $opt{from} // 'sender@example.org';
	my $to = $opt{to} // 'box@example.com';
	my $reply = $self->cmd("MAIL FROM:<$from>");
	return $reply if $reply->code != 250;
	$reply = $self->cmd("RCPT TO:<$to>");
	return $reply if $reply->code != 250;
	$reply = $self->cmd('DATA');
	return $reply if $reply->code != 354;
	return $self->data("From: <$from>\nTo: <$to>\n" .
	    'Subject: ' . ($opt{subject} // 'a test') . "\n" .
	    ($opt{headers} // '') . "\n" . ($opt{body} // "Hello.\n"));
}

sub quit {
	my ($self) = @_;
	my $reply = $self->cmd('QUIT');
	$self->close;
	return $reply;
}

# True if the other side has closed; waits for it up to that long.
sub is_closed {
	my ($self, $seconds) = @_;
	local $self->{timeout} = $seconds // 5;
	return 1 if $self->{closed};
	while (1) {
		my $line = eval { $self->_line };
		return $self->{closed} if !defined $line;
		$self->_note('<', $line);
	}
}

# Goes away without a word.
sub close {
	my ($self) = @_;
	CORE::close($self->{sock});
	$self->{closed} = 1;
	my $pid = delete $self->{pid} // return;
	kill('KILL', $pid);
	waitpid($pid, 0);
	guard_forget($pid);
}

package XContext::Smtp::Reply;

use overload
    '""' => sub { $_[0]->code . ' ' . $_[0]->text },
    'bool' => sub { 1 }, 'fallback' => 1;

sub new {
	my ($class, $code, @lines) = @_;
	return bless({ code => $code, lines => \@lines }, $class);
}

sub code { return $_[0]{code} }
sub text { return join("\n", @{$_[0]{lines}}) }
sub lines { return @{$_[0]{lines}} }

# True if an EHLO reply offers that keyword.
sub offers {
	my ($self, $keyword) = @_;
	return scalar grep { /^\Q$keyword\E(?: |$)/i } @{$self->{lines}};
}

1;
