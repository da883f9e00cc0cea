# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Dns: a DNS server (RFC 1035, over UDP alone) on loopback that knows
# what a test tells it, and writes down what it was asked.
#
#	my $dns = XContext::Dns->new(records => {
#	    'example.com' => { MX => [ [ 10, 'mx.example.com' ] ] },
#	    'mx.example.com' => { A => [ '127.0.0.9' ] } });
#	... resolver = "$dns->server" ...
#	$dns->find(name => 'example.com', type => 'MX');
#
# It is an XContext::Recorder: all, find, last, forget, stop.
package XContext::Dns;

use strict;
use warnings;

use parent -norequire, 'XContext::Recorder';

use IO::Socket::IP ();
use POSIX ();
use Socket ();

use XContext::Guard qw(guard_child guard_dir guard_process process_start);
use XContext::Postfix ();
use XContext::Recorder ();

my %type = (A => 1, PTR => 12, MX => 15, TXT => 16, AAAA => 28);
my %type_text = reverse %type;
my $n_servers = 0;

# records: by name (in lower case, without a dot at the end)
#	{ A => [ address, ... ], AAAA => [ address, ... ],
#	  MX => [ [ preference, host ], ... ], PTR => [ host, ... ],
#	  TXT => [ text, ... ] }
#	"SERVFAIL" or "silence"
# What has no record of the type that is asked for has none; names that are not
# there do not exist.
sub new {
	my ($class, %opt) = @_;
	my $self = bless({ %opt }, $class);
	$self->{file} = guard_dir() . '/dns' . ++$n_servers . '.seen';
	my $socket = IO::Socket::IP->new(Proto => 'udp',
	    LocalHost => XContext::Postfix::own_address(), LocalPort => 0)
	    or die "no DNS server: $@\n";
	$self->{address} = $socket->sockhost;
	$self->{port} = $socket->sockport;
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		eval { $self->_serve($socket) };
		print STDERR "# dns: $@";
		POSIX::_exit(1);
	}
	guard_process($pid);
	$self->{pid} = $pid;
	$self->{start} = process_start($pid);
	return $self;
}

# As the setting "resolver" has it.
sub server { return "$_[0]{address}:$_[0]{port}" }

sub _serve {
	my ($self, $socket) = @_;
	open(my $out, '>>', $self->{file}) or die "$self->{file}: $!\n";
	while (defined(my $from = $socket->recv(my $query, 4096))) {
		my ($id, $flags) = unpack('nn', $query);
		my ($name, $at) = _read_name($query, 12);
		my ($type) = unpack('n', substr($query, $at, 2));
		my $text = $type_text{$type} // $type;
		syswrite($out, 'name=' . XContext::Recorder::_escape($name) .
		    "\ttype=$text\n");
		my $answer = $self->_answer($name, $text, $id, $flags,
		    substr($query, 12, $at + 4 - 12));
		$socket->send($answer, 0, $from) if defined $answer;
	}
}

# A name in a question is never compressed.
sub _read_name {
	my ($query, $at) = @_;
	my @labels;
	while (my $n = unpack('C', substr($query, $at, 1))) {
		push(@labels, substr($query, $at + 1, $n));
		$at += 1 + $n;
	}
	return (lc(join('.', @labels)), $at + 1);
}

sub _write_name {
	my ($name) = @_;
	return join('', map { pack('C/a*', $_) } split(/\./, $name)) . "\0";
}

sub _answer {
	my ($self, $name, $type, $id, $flags, $question) = @_;
	my $known = $self->{records}{$name};
	my ($code, @data) = (0);
	if (!defined $known) {
		$code = 3;
	} elsif (!ref $known) {
		return undef if $known eq 'silence';
		$code = 2;
	} else {
		@data = map { _data($type, $_) } @{$known->{$type} // []};
	}
	# Its own answer, and with recursion, as far as that is wanted.
	return pack('nnnnnn', $id, 0x8480 | $flags & 0x0100 | $code, 1,
	    scalar(@data), 0, 0) . $question .
	    join('', map { pack('nnnNn/a*', 0xc00c, $type{$type}, 1, 60,
	    $_) } @data);
}

sub _data {
	my ($type, $value) = @_;
	return Socket::inet_pton(Socket::AF_INET(), $value) if $type eq 'A';
	return Socket::inet_pton(Socket::AF_INET6(), $value)
	    if $type eq 'AAAA';
	return pack('n', $value->[0]) . _write_name($value->[1])
	    if $type eq 'MX';
	return pack('C/a*', $value) if $type eq 'TXT';
	return _write_name($value);
}

1;
