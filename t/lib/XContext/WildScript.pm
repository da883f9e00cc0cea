# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::WildScript: what XContext::WildClients say: sessions of all who may
# tell for whom they speak, and of those who may not, in a random order of
# sensible and senseless commands.
#
# It is groups of bytes that are sent at once, with the replies that are due to
# them:
#	bytes, expected		[ { kind, id, message, pos: octets of the bytes
#				that it answers, connects: a next hop may be
#				needed for it }, ... ]
#	message			that begins with it
#	is_content		only sent if 354 was the answer
#	may_end			the connection may end behind it
#	closes			it ends
package XContext::WildScript;

use strict;
use warnings;

use MIME::Base64 qw(encode_base64);

# new(relays => { NAME => ... }, want => { }): want gets, for each id, whose
# message that is: { addr, port, helo, login }; undef: nobody may get it.
sub new {
	my ($class, %opt) = @_;
	my $self = bless({ relays => $opt{relays}, want => $opt{want},
	    has_tls => $opt{has_tls} }, $class);
	$self->{by_size} = [ map { my $lines = $_; [ _text($lines) ] }
	    1, 3, 5, 40, 400, 4000 ];
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

sub _one_of { return $_[rand(@_)] }

#
# Groups
#
sub _command {
	my ($line, $kind, %more) = @_;
	return { bytes => "$line\r\n", expected => [ { kind => $kind,
	    connects => $kind =~ /^(?:EHLO|MAIL|RCPT)$/ ? 1 : 0, %more } ] };
}

# One group of several.
sub _join {
	my (@groups) = @_;
	my $all = { bytes => '', expected => [] };
	for my $group (@groups) {
		my $at = length($all->{bytes});
		push(@{$all->{expected}}, map { { %$_, pos => $at +
		    ($_->{pos} // length($group->{bytes})) } }
		    @{$group->{expected}});
		$all->{bytes} .= $group->{bytes};
		for my $key (qw(message may_end)) {
			$all->{$key} = $group->{$key} if $group->{$key};
		}
	}
	return $all;
}

sub _noise {
	my ($s) = @_;
	my $tag = 'n' . $s->{number} . '-' . ++$s->{n_noises};
	return _one_of(
	    sub { _command("NOOP $tag", 'NOOP', id => $tag) },
	    sub { _command("VRFY $tag", 'VRFY', id => $tag) },
	    sub { _command("FROBNICATE $tag", 'JUNK') },
	    sub { _command('RCPT nonsense', 'JUNK') },
	    sub { _command("XDUMPCONTEXT", 'ANY') },
	    sub { _command("XSETCONTEXT tag=$tag", 'ANY') })->();
}

#
# Sessions
#
my %peer = (stranger => '127.0.2.', forward => '127.0.4.',
    multi => '127.0.4.', proxy => '127.0.5.');

# Addresses that nobody else has.
sub _address { return sprintf('198.%d.%d.%d', 18 + ($_[0] >> 16) % 2,
    $_[0] >> 8 & 255, $_[0] & 255) }

sub session {
	my ($self, $number) = @_;
	my $kind = _one_of(qw(edge edge edge edge multi forward forward proxy
	    stranger refused login));
	my $relay = $kind eq 'proxy' ? 'proxy' : $kind eq 'login' ? 'auth' :
	    _one_of(qw(fixed fixed pool pool open open open maybe lmtp mixed),
	    grep { $self->{relays}{$_} } qw(postfix));
	my $s = { number => $number, kind => $kind, relay => $relay,
	    peer => ($peer{$kind} // '127.0.1.') . (1 + int(rand(9))),
	    first => '', n_messages => 0, groups => [],
	    greeting => $relay eq 'lmtp' ? 'LHLO' : 'EHLO',
	    left => 1 + int(rand(5)), dribbles => rand() < 0.1,
	    is_deaf => rand() < 0.05, manner => rand() };
	if (rand() < 0.25) {
		$s->{leaves} = _one_of(qw(close reset half half));
		$s->{leaves_at} = 2 + int(rand(12));
	}
	# It says one EHLO by itself.
	$s->{is_tls} = $self->{has_tls} && $relay eq 'fixed' && rand() < 0.1;
	my $introduce = "_introduce_$kind";
	$self->$introduce($s);
	return $s;
}

sub _greet {
	my ($s, $helo) = @_;
	$s->{helo} = $helo;
	return _command("$s->{greeting} $helo", 'EHLO');
}

sub _introduce_stranger {
	my ($self, $s) = @_;
	$s->{client} = { addr => $s->{peer}, port => undef, login => '' };
	push(@{$s->{groups}}, _greet($s, "h$s->{number}.example.org"));
	$s->{client}{helo} = $s->{helo};
}

# By XCLIENT, before and behind which there is a greeting.
sub _introduce_edge {
	my ($self, $s) = @_;
	push(@{$s->{groups}}, _greet($s, "edge$s->{number}.example.net"))
	    if rand() < 0.4;
	push(@{$s->{groups}}, $self->_xclient($s));
}

sub _xclient {
	my ($self, $s) = @_;
	my $part = $s->{n_clients}++;
	my $number = $s->{number} * 8 + $part;
	my $helo = "h$s->{number}-$part.example.org";
	my $client = $s->{client} = { addr => _address($number),
	    port => 1024 + $number % 60000, helo => $helo,
	    login => rand() < 0.3 ? "u$number\@example.com" : '' };
	my $line = "XCLIENT ADDR=$client->{addr} PORT=$client->{port}";
	$line .= " LOGIN=$client->{login}" if $client->{login} ne '';
	$line .= ' NAME=' . 'n' x 60 . ".example.org REVERSE_NAME=" .
	    join('.', ('r' x 60) x 4) if rand() < 0.1;
	return (_command($line, 'XCLIENT'), _greet($s, $helo));
}

sub _introduce_multi { $_[0]->_introduce_edge($_[1]) }

sub _introduce_refused {
	my ($self, $s) = @_;
	push(@{$s->{groups}}, _command('XCLIENT ADDR=10.0.0.1', 'XCLIENT',
	    is_refused => 1), _greet($s, "h$s->{number}.example.org"));
	$s->{client} = undef;
}

sub _introduce_forward {
	my ($self, $s) = @_;
	push(@{$s->{groups}}, _greet($s, "mta$s->{number}.example.net"));
}

# Who logs in at the next hop, at once or when he is asked.
sub _introduce_login {
	my ($self, $s) = @_;
	$self->_introduce_stranger($s);
	my $user = "user$s->{number}";
	my $response = encode_base64("\0$user\0secret", '');
	push(@{$s->{groups}}, rand() < 0.5 ? _command('AUTH PLAIN', 'AUTH',
	    response => $response, user => $user) :
	    _command("AUTH PLAIN $response", 'AUTH', user => $user));
	$s->{client}{auth} = '';
}

sub _introduce_proxy {
	my ($self, $s) = @_;
	my $client = $s->{client} = { addr => _address($s->{number} * 8),
	    port => 1024 + $s->{number} % 60000, login => '',
	    helo => "h$s->{number}.example.org" };
	$s->{first} = "PROXY TCP4 $client->{addr} 192.0.2.1 " .
	    "$client->{port} 25\r\n";
	push(@{$s->{groups}}, _greet($s, $client->{helo}));
}

#
# Messages
#
sub more {
	my ($self, $s) = @_;
	if ($s->{left}-- <= 0) {
		push(@{$s->{groups}}, rand() < 0.3 ? { closes => 1 } :
		    { %{_command('QUIT', 'QUIT')}, may_end => 1 });
		return;
	}
	# One that has failed is over when it is said so.
	my @groups = defined $s->{message} && !$s->{message}{is_over} ?
	    _command('RSET', 'RSET') : ();
	push(@groups, $self->_xclient($s)) if $s->{kind} eq 'multi' &&
	    $s->{n_messages} > 0 && rand() < 0.6;
	push(@groups, _greet($s, $s->{helo}))
	    if $s->{n_messages} > 0 && rand() < 0.1;
	push(@groups, _noise($s)) if rand() < 0.1;
	# A greeting would end it.
	push(@groups, $self->_forward($s)) if $s->{kind} eq 'forward';
	push(@{$s->{groups}}, @groups, $self->_message($s));
}

# Whose the next message is, in one line or two.
sub _forward {
	my ($self, $s) = @_;
	my $part = $s->{n_clients}++;
	my $number = $s->{number} * 8 + $part;
	my $how = rand();
	if ($how < 0.1) {
		# What may not be said refuses the message.
		$s->{client} = undef;
		return _command('XFORWARD ADDR=10.0.0.1', 'ANY');
	}
	$s->{client} = { addr => _address($number), login => '',
	    port => 1024 + $number % 60000,
	    helo => "f$s->{number}-$part.example.org" };
	my ($addr, $port, $helo) = map { uc($_) . "=$s->{client}{$_}" }
	    qw(addr port helo);
	return $how < 0.5 ? _command("XFORWARD $addr $port $helo", 'ANY') :
	    _join(_command("XFORWARD $addr", 'ANY'),
	    _command("XFORWARD $port $helo", 'ANY'));
}

sub _new_message {
	my ($self, $s) = @_;
	my $id = "$s->{number}-" . ++$s->{n_messages};
	my $client = $s->{client};
	$self->{want}{$id} = defined $client ? { %$client,
	    session => $s, kind => $s->{kind}, relay => $s->{relay} } : undef;
	return $s->{message} = { id => $id, accepted => {}, refused => {},
	    order => [], is_lmtp => $s->{relay} eq 'lmtp' };
}

sub _domain {
	my ($self, $s) = @_;
	return 'example.com' if $s->{relay} eq 'postfix';
	return 'pool.example' if $s->{relay} ne 'open';
	return _one_of(qw(pool.example pool.example pool.example lmtp.example
	    one.example nowhere.example), $self->{relays}{postfix} ?
	    'example.com' : ());
}

# MAIL and RCPTs, each a group.
sub _envelope {
	my ($self, $s, $m) = @_;
	my $domain = $self->_domain($s);
	$self->{want}{$m->{id}}{domain} = $domain if $s->{client};
	my @groups = _command("MAIL FROM:<$m->{id}\@example.org>" .
	    _one_of('', '', ' SIZE=1000', ' BODY=8BITMIME'), 'MAIL',
	    id => $m->{id}, message => $m);
	$groups[0]{message} = $m;
	for my $i (1 .. _one_of(1, 1, 1, 2, 3)) {
		my $to = "$m->{id}.$i";
		push(@{$m->{order}}, $to);
		push(@groups, _command("RCPT TO:<$to\@$domain>", 'RCPT',
		    id => $to, message => $m));
		push(@groups, _noise($s)) if rand() < 0.03;
	}
	return @groups;
}

sub _content {
	my ($self, $m) = @_;
	my $text = $self->{by_size}[rand(@{$self->{by_size}})];
	my $head = sprintf("Id: %s %8d %8d\r\n", $m->{id}, 0, 0);
	$head = sprintf("Id: %s %8d %8d\r\n", $m->{id}, length($head) +
	    length($text->[0]), unpack('%32C*', $text->[0]));
	return ($head . $text->[0], $head . $text->[1]);
}

sub _message {
	my ($self, $s) = @_;
	my $m = $self->_new_message($s);
	my @envelope = $self->_envelope($s, $m);
	my $how = rand();
	if ($how < 0.06) {
		# Not this one, but the next.
		push(@envelope, _command('RSET', 'RSET'));
		return (rand() < 0.5 ? _join(@envelope) : @envelope);
	}
	if ($how < 0.09) {
		push(@envelope, _greet($s, $s->{helo}));
		return @envelope;
	}
	return $self->_chunked($s, $m, @envelope)
	    if ($s->{offers} // '') =~ /CHUNKING/ ? rand() < 0.6 :
	    rand() < 0.05;
	return $self->_data($s, $m, @envelope);
}

sub _data {
	my ($self, $s, $m, @envelope) = @_;
	my (undef, $sent) = $self->_content($m);
	my $content = { bytes => "$sent.\r\n", is_content => 1,
	    message => $m, expected => [ { kind => 'END', id => $m->{id},
	    message => $m } ] };
	my $data = _command('DATA', 'DATA', id => $m->{id}, message => $m);
	# Behind the end, something that ends the session.
	my $behind = rand() < 0.03 ? _violation() :
	    rand() < 0.1 ? _noise($s) : undef;
	if ($behind) {
		$content = { %{_join($content, $behind)}, is_content => 1,
		    message => $m };
	}
	return $s->{manner} < 0.5 ? (_join(@envelope, $data), $content) :
	    (@envelope, $data, $content);
}

sub _violation {
	my $bytes = _one_of("NOOP \x01\r\n", 'NOOP ' . 'x' x 3000 . "\r\n",
	    "EHLO a\r\nNOOP\r\n", "GET / HTTP/1.0\r\n");
	# What comes apart by chance is no violation.
	return { bytes => $bytes, may_end => 1, expected => [
	    { kind => 'ANY' }, $bytes =~ /^EHLO/ ? { kind => 'REST' } : () ] };
}

# BDAT, in so many chunks; senseless ones as well.
sub _chunked {
	my ($self, $s, $m, @envelope) = @_;
	my ($plain) = $self->_content($m);
	my @groups;
	if (rand() < 0.05) {
		push(@groups, { bytes => "BDAT 5\r\n12345", expected => [
		    { kind => 'ANY' } ] });
	}
	for (1 .. int(rand(3))) {
		my $part = substr($plain, 0, rand(length($plain)), '');
		push(@groups, { bytes => 'BDAT ' . length($part) .
		    "\r\n$part", expected => [ { kind => 'CHUNK',
		    id => $m->{id}, message => $m } ] });
	}
	my $is_last_empty = rand() < 0.2;
	my $last = $is_last_empty ? '' : $plain;
	push(@groups, { bytes => 'BDAT ' . length($plain) . "\r\n$plain",
	    expected => [ { kind => 'CHUNK', id => $m->{id},
	    message => $m } ] }) if $is_last_empty;
	push(@groups, { bytes => 'BDAT ' . length($last) .
	    " LAST\r\n$last", expected => [ { kind => 'END',
	    id => $m->{id}, message => $m } ] });
	# The five octets without a transaction are before it.
	my $odd = $groups[0]{bytes} =~ /^BDAT 5\r\n12345\z/ ?
	    shift(@groups) : undef;
	my @all = ($odd // (), @envelope, @groups);
	push(@all, _violation()) if rand() < 0.02;
	push(@all, _noise($s)) if rand() < 0.1;
	return $s->{manner} < 0.6 ? _join(@all) : @all;
}

1;
