# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::WildMessengers: many messengers in one process that say, at random,
# what they may and what they may not, each for somebody else than all others,
# to a Postfix with both daemons attached, which may be hurt meanwhile.
#
# It keeps of each mail what its sender was told:
#	acked		250
#	uncertain	nothing: the connection was cut, or lost
#	refused		anything else
# and whose it was, and writes down ("faults") what must never be said to a
# messenger.
package XContext::WildMessengers;

use strict;
use warnings;

use Errno ();
use Socket ();
use Time::HiRes ();

use constant PATIENCE => 40;	# seconds without a reply

# What Postfix says to a command that it has taken; so that one reply too many
# or too few is seen at once.  421 may come at any time.
my %taken = (
	greeting => qr/^220 /,
	EHLO => qr/^250-/,
	HELO => qr/^250 \S+$/,
	XCLIENT => qr/^220 /,
	XREMOTEIP => qr/^220 /,
	XFORWARD => qr/^250 2\.0\.0 Ok$/,
	XSETCONTEXT => qr/^250 2\.0\.0 Ok$/,
	MAIL => qr/^250 2\.1\.0 /,
	RCPT => qr/^250 2\.1\.5 /,
	DATA => qr/^354 /,
	END => qr/^250 2\.0\.0 Ok: queued/,
	RSET => qr/^250 2\.0\.0 Ok$/,
	NOOP => qr/^250 2\.0\.0 Ok$/,
	QUIT => qr/^221 /,
);

# new(services => { NAME => [ ADDRESS, PORT, WIRING ], ... },
# roles => { NAME => { see below } }, sessions => AT ONCE,
# has_milter => sub { my ($session) = @_ }: whether xcontext-milter was there
# for it all the time, may_pass => sub { my ($session, $command, $time) = @_ }:
# whether the wiring takes that command of a session that was refused, because
# nobody is there who could be asked)
#
# A role: peer (its address), may (sub { ($n) = @_ } that makes a line that it
# may say: XCLIENT, or XFORWARD; undef: none), sets (whether it may set tenant),
# dumps (whether it may say XDUMPCONTEXT), seal ("greeting", "never"),
# report_only, is_rejected (by access_maps).
sub new {
	my ($class, %opt) = @_;
	return bless({ %opt, of => {}, faults => [], mails => {}, n => {},
	    n_sessions => 0, unexpected => [] }, $class);
}

# Begins sessions for so many seconds, or longer, until all that happens
# meanwhile has happened, and waits until they have ended.  $each is called
# again and again, and told whether the time is over; it returns whether it is
# done.
sub run {
	my ($self, $seconds, $each) = @_;
	my $end = Time::HiRes::time() + $seconds;
	my $is_over = 0;
	local $SIG{PIPE} = 'IGNORE';
	until ($is_over && !%{$self->{of}}) {
		$is_over = ($each->(Time::HiRes::time() > $end) &&
		    Time::HiRes::time() > $end) || @{$self->{faults}} > 20;
		while (!$is_over && keys %{$self->{of}} < $self->{sessions}) {
			$self->begin or last;
		}
		$self->_turn;
	}
}

#
# Sessions
#
sub _pick { return $_[rand(@_)] }

# Begins one of a random role and service, unless they are said.
sub begin {
	my ($self, %opt) = @_;
	my $service = $opt{service} // _pick(sort keys %{$self->{services}});
	my $role = $opt{role} // _pick(sort keys %{$self->{roles}});
	my ($address, $port, $wiring) = @{$self->{services}{$service}};
	socket(my $sock, Socket::PF_INET(), Socket::SOCK_STREAM() |
	    Socket::SOCK_NONBLOCK(), 0) or die "socket: $!\n";
	bind($sock, Socket::pack_sockaddr_in(0, Socket::inet_aton(
	    $self->{roles}{$role}{peer}))) or die "bind: $!\n";
	connect($sock, Socket::pack_sockaddr_in($port,
	    Socket::inet_aton($address))) or $!{EINPROGRESS} or return 0;
	my $s = { %opt, sock => $sock, fd => fileno($sock), wiring => $wiring,
	    role => $self->{roles}{$role}, name => $role, in => '',
	    out => '', said => [ ('') x 16 ], number => ++$self->{n_sessions},
	    began => Time::HiRes::time(), heard => Time::HiRes::time(),
	    expected => [ { kind => 'greeting' } ], who => {
	    addr => $self->{roles}{$role}{peer}, login => '' },
	    left => 3 + int(rand(14)), mails => 0,
	    cut_at => rand() < 0.3 ? int(rand(14)) : -1 };
	$self->{of}{$s->{fd}} = $s;
	return $s;
}

sub _fault {
	my ($self, $s, $text) = @_;
	push(@{$self->{faults}}, "$s->{number} $s->{name} in wiring " .
	    "$s->{wiring}: $text; said: " . join(' | ',
	    map { s/\n.*//sr } grep { $_ ne '' } @{$s->{said}}[-16 .. -1]));
	$self->_end($s);
}

# Of a mail whose end was sent nobody can tell what became of it.
sub _end {
	my ($self, $s) = @_;
	my $sock = delete $s->{sock} // return;
	delete $self->{of}{$s->{fd}};
	close($sock);
	for my $e (grep { $_->{kind} eq 'END' } @{$s->{expected}}) {
		$e->{mail}{told} = 'uncertain';
	}
	$s->{on_end}->($s) if $s->{on_end};
}

sub _turn {
	my ($self) = @_;
	my ($r, $w) = ('', '');
	for my $s (values %{$self->{of}}) {
		vec($r, $s->{fd}, 1) = 1;
		vec($w, $s->{fd}, 1) = 1 if $s->{out} ne '';
	}
	my $n = select($r, $w, undef, 0.01);
	my $now = Time::HiRes::time();
	for my $s (values %{$self->{of}}) {
		$self->_write($s) if $n > 0 && vec($w, $s->{fd}, 1);
		$self->_read($s) if $n > 0 && $s->{sock} &&
		    vec($r, $s->{fd}, 1);
		$self->_fault($s, 'no reply, and ' . @{$s->{expected}} .
		    ' are due') if $s->{sock} &&
		    $now - $s->{heard} > PATIENCE;
	}
}

sub _write {
	my ($self, $s) = @_;
	my $n = syswrite($s->{sock}, $s->{out});
	return if !defined $n;
	substr($s->{out}, 0, $n, '');
	$self->_end($s) if $s->{is_cut} && $s->{out} eq '';
}

sub _read {
	my ($self, $s) = @_;
	my $n = sysread($s->{sock}, $s->{in}, 65536, length($s->{in}));
	return if !defined $n && ($!{EAGAIN} || $!{EINTR});
	if (!$n) {
		return $self->_fault($s, "it closed, but " .
		    "$s->{expected}[0]{kind} is due")
		    if @{$s->{expected}} && defined $n && !$s->{is_cut};
		return $self->_end($s);
	}
	$s->{heard} = Time::HiRes::time();
	while ($s->{sock} &&
	    $s->{in} =~ s/^((?:\d{3}-[^\n]*\r\n)*\d{3}(?: [^\n]*|))\r\n//) {
		my $text = $1 =~ s/\r//gr;
		push(@{$s->{said}}, '< ' . substr($text, 0, 100));
		$self->_reply($s, $text);
	}
}

# Says lines in one packet: [ kind, line, more ], ...
sub _say {
	my ($self, $s, @lines) = @_;
	for my $line (@lines) {
		my ($kind, $text, %more) = @$line;
		push(@{$s->{expected}}, { kind => $kind, %more,
		    at => Time::HiRes::time() });
		push(@{$s->{said}}, '> ' . substr($text, 0, 100) =~
		    s/\r\n.*//sr);
		$s->{out} .= "$text\r\n";
	}
	if ($s->{cut_at}-- == 0) {
		# Some, or all, of it; and then it leaves.
		$s->{out} = substr($s->{out}, 0, 1 + rand(length($s->{out})))
		    if rand() < 0.5;
		$s->{is_cut} = 1;
	}
}

#
# What is said
#
sub _next {
	my ($self, $s) = @_;
	# Behind HELO Postfix goes on where a table could not be asked.
	return $self->_greet($s, rand() < 0.3 ? 'HELO' : 'EHLO')
	    if $s->{must_greet};
	return $self->_say($s, [ 'QUIT', 'QUIT' ]) if $s->{left}-- <= 0;
	my $dice = rand();
	return $self->_x_line($s) if $dice < 0.35;
	return $self->_mail($s) if $dice < 0.8;
	return $self->_greet($s, 'EHLO') if $dice < 0.85;
	return $self->_say($s, [ 'XDUMPCONTEXT', 'XDUMPCONTEXT' ])
	    if $dice < 0.92;
	return $self->_say($s, [ 'RSET', 'RSET' ]) if $dice < 0.96;
	return $self->_say($s, [ 'NOOP', 'NOOP' ]);
}

sub _greet {
	my ($self, $s, $verb) = @_;
	$s->{may_pipeline} = $verb eq 'EHLO';
	$self->_say($s, [ $verb, "$verb there.example.org" ]);
}

# An address of its own for each line.
sub _address {
	my ($self) = @_;
	my $n = ++$self->{n_addresses};
	return sprintf('203.%d.%d.%d', 1 + $n / 62500 % 100, $n / 250 % 250,
	    1 + $n % 250);
}

# What nobody may say, or not this one.
sub _bad_line {
	my ($self, $s) = @_;
	my $addr = $self->_address;
	return _pick("XCLIENT ADDR=$addr LOGIN=root",
	    'XCLIENT ADDR=10' . substr($addr, 3), 'XCLIENT ADDR=127.0.0.1',
	    'XSETCONTEXT session=forged', 'XSETCONTEXT peer_address=10.0.0.1',
	    "XREMOTEIP 10.1.1.1");
}

sub _x_line {
	my ($self, $s) = @_;
	my $role = $s->{role};
	my $addr = $self->_address;
	my ($line, %more);
	if (rand() < 0.2) {
		$line = $self->_bad_line($s);
		$more{is_bad} = 1;
	} elsif ($role->{sets} && rand() < 0.5) {
		$line = "XSETCONTEXT tenant=t$addr";
		$more{tenant} = "t$addr";
	} elsif ($role->{may}) {
		$line = $role->{may}->($addr);
		$more{who} = { addr => $addr, login => $line =~
		    /LOGIN=(\S+)/ ? $1 : '' } if $line =~ /^XCLIENT/;
	} else {
		$line = "XCLIENT ADDR=$addr";
		$more{is_bad} = 1;
	}
	my ($kind) = $line =~ /^(\w+)/;
	$self->_say($s, [ $kind, $line, %more ]);
}

# A mail, its envelope in one packet or line by line; within it, now and then,
# what does not belong there.
sub _mail {
	my ($self, $s) = @_;
	my $id = "w$s->{number}.$s->{mails}";
	$s->{mails}++;
	my $mail = $self->{mails}{$id} = { id => $id, session => $s,
	    told => 'refused', from => $s->{role}{peer} };
	my @lines = ([ 'MAIL', "MAIL FROM:<$id\@example.org>",
	    mail => $mail ], [ 'RCPT', 'RCPT TO:<box@example.com>',
	    mail => $mail ], [ 'DATA', 'DATA', mail => $mail ]);
	if ($s->{may_pipeline} && rand() < 0.5) {
		$self->_say($s, @lines);
		return;
	}
	splice(@lines, 1 + rand(2), 0, [ 'IN-MAIL', rand() < 0.5 ?
	    $self->_bad_line($s) : 'XCLIENT ADDR=' . $self->_address ])
	    if rand() < 0.1;
	$s->{later} = [ @lines[1 .. $#lines] ];
	$self->_say($s, $lines[0]);
}

sub _content {
	my ($s, $mail) = @_;
	return [ 'END', join("\r\n", "Subject: $mail->{id}",
	    # What pretends to be ours.
	    'X-Session-Context: tenant=forged', '', 'Hello.', '.'),
	    mail => $mail ];
}

#
# What is heard
#
sub _reply {
	my ($self, $s, $text) = @_;
	my $code = substr($text, 0, 3);
	return $self->_end($s) if $s->{is_cut};
	my $e = shift(@{$s->{expected}});
	if ($code eq '421') {
		unshift(@{$s->{expected}}, $e) if $e && $e->{kind} eq 'END';
		$self->{n}{'421'}++;
		return $self->_end($s);
	}
	return $self->_fault($s, "unasked: $text") if !$e;
	my $taken = $taken{$e->{kind}};
	return $self->_fault($s, "to $e->{kind}: $text")
	    if $code =~ /^[23]/ && ($e->{kind} eq 'IN-MAIL' ||
	    ($taken && $text !~ $taken));
	$e->{is_taken} = $code =~ /^[23]/;
	my $take = '_on_' . lc($e->{kind} =~ s/\W//gr);
	$self->can($take) ? $self->$take($s, $e, $text) : 0;
	return if !$s->{sock} || @{$s->{expected}};
	my $later = shift(@{$s->{later} // []});
	$later ? $self->_say($s, $later) : $self->_next($s);
}

sub _on_greeting {
	my ($self, $s, $e) = @_;
	$s->{must_greet} = 1;
	$s->{left} = 0 if !$e->{is_taken};
}

sub _on_ehlo {
	my ($self, $s, $e, $text) = @_;
	delete $s->{must_greet};
	$s->{left} = 0 if !$e->{is_taken};
	$s->{is_sealed} = 1 if $e->{is_taken} && $s->{is_overridden} &&
	    $s->{role}{seal} ne 'never';
}

sub _on_helo { goto &_on_ehlo }

sub _on_quit {
	my ($self, $s) = @_;
	$self->_end($s);
}

# A line that is refused refuses the mail of the session, but for one that came
# too late and of a messenger that only reports.  In wiring B Postfix itself
# takes no second XCLIENT, and none of those whom it asks nobody about; and
# without a milter nobody knows that a mail is done, within which nothing may
# change: such a refusal costs nothing.
sub _is_refused {
	my ($self, $s, $e, $text) = @_;
	$self->{n}{refused}++;
	return if ($s->{is_sealed} && $s->{role}{report_only}) ||
	    ($s->{wiring} eq 'b' && ($text =~ /^550 5\.7\.0 / ||
	    ($s->{mails} > 0 && !$self->{has_milter}->($s))));
	$s->{refused} //= "$e->{kind} in vain";
}

sub _on_xclient {
	my ($self, $s, $e, $text) = @_;
	return $self->_is_refused($s, $e, $text) if !$e->{is_taken};
	return $self->_fault($s, "it may not say that: $text") if $e->{is_bad};
	return $self->_fault($s, "behind the seal: $text") if $s->{is_sealed};
	$s->{who} = $e->{who};
	$s->{is_overridden} = $s->{must_greet} = 1;
	$s->{is_sealed} = 1 if $s->{wiring} eq 'b' &&
	    $s->{role}{seal} ne 'never';
	# What was set for the former client goes with it.
	delete $s->{clients_tenant};
	$self->{n}{overrides}++;
}

sub _on_xremoteip { goto &_on_xclient }

sub _on_xforward {
	my ($self, $s, $e) = @_;
	$s->{unforwarded} = !$e->{is_taken};
}

sub _on_xsetcontext {
	my ($self, $s, $e, $text) = @_;
	return $self->_is_refused($s, $e, $text) if !$e->{is_taken};
	return $self->_fault($s, "it may not say that: $text") if $e->{is_bad};
	return $self->_fault($s, "behind the seal: $text") if $s->{is_sealed};
	$s->{$s->{is_overridden} ? 'clients_tenant' : 'tenant'} = $e->{tenant};
	$self->{n}{contexts}++;
}

sub _tenant {
	my ($s) = @_;
	return $s->{clients_tenant} // $s->{tenant} // '';
}

# It shows what this one has set, and nobody else.
sub _on_xdumpcontext {
	my ($self, $s, $e, $text) = @_;
	my $is_shown = $text =~ /complete$/;
	return $self->_fault($s, "it may not see that: $text")
	    if $is_shown && !$s->{role}{dumps};
	# Behind the seal it is refused, and no more.
	$s->{refused} //= 'XDUMPCONTEXT in vain'
	    if !$s->{role}{dumps} && !$s->{is_sealed};
	for my $tenant ($text =~ /\btenant (t[\d.]+)/g) {
		return $self->_fault($s, "another's context: $text")
		    if $tenant ne _tenant($s);
		$self->{n}{'contexts shown'}++;
	}
}

sub _may_pass {
	my ($self, $s, $e) = @_;
	return 1 if !defined $s->{refused} && !$s->{role}{is_rejected};
	return $self->{may_pass}->($s, $e->{kind}, $e->{at});
}

sub _accept {
	my ($self, $s, $e, $text) = @_;
	return if !$e->{is_taken} || $self->_may_pass($s, $e);
	$self->_fault($s, "$e->{kind}, though " . ($s->{refused} //
	    'access_maps reject it') . ": $text");
}

sub _on_mail {
	my ($self, $s, $e, $text) = @_;
	my $mail = $e->{mail};
	$mail->{who} = $s->{who};
	$mail->{tenant} = _tenant($s);
	$s->{is_sealed} = 1 if $e->{is_taken} && $s->{is_overridden} &&
	    $s->{role}{seal} ne 'never';
	if ($e->{is_taken}) {
		$s->{is_unforwarded} = delete $s->{unforwarded};
	} else {
		$s->{later} = [];
		delete $s->{unforwarded};
	}
	$self->_accept($s, $e, $text);
}

sub _on_rcpt {
	my ($self, $s, $e, $text) = @_;
	if (!$e->{is_taken}) {
		# A transaction without a recipient is in nobody's way.
		$s->{later} = [ [ 'RSET', 'RSET' ] ]
		    if !@{$s->{expected}};
		return;
	}
	$self->_accept($s, $e, $text);
}

sub _on_data {
	my ($self, $s, $e, $text) = @_;
	if ($e->{is_taken}) {
		$self->_say($s, _content($s, $e->{mail}));
	} else {
		$self->_say($s, [ 'RSET', 'RSET' ]);
	}
}

sub _on_end {
	my ($self, $s, $e, $text) = @_;
	$self->{n}{$e->{is_taken} ? 'acked' : 'mails refused'}++;
	return if !$e->{is_taken};
	$e->{mail}{told} = 'acked';
	return if $s->{is_unforwarded} &&
	    $self->_fault($s, "END, though its XFORWARD was refused: $text");
	$s->{has_mail} = 1;
	$self->_accept($s, $e, $text);
}

1;
