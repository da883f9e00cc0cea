# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::WildClients: many SMTP clients in one process that do, now and then,
# what no client should, each for somebody else than all others, in front of a
# relay with XContext::WildHop behind it.
#
# It keeps what each message's recipients were told:
#	acked		2xx: the next hop has it, once
#	uncertain	nothing, 421, or that nobody can tell: once or never
#	refused		anything else, or its end was never sent: never
# and writes down ("faults") what a relay must never do to a client.
package XContext::WildClients;

use strict;
use warnings;

use Errno ();
use IO::Handle ();
use POSIX ();
use Socket ();
use Time::HiRes ();

use XContext::Guard qw(guard_child guard_forget guard_process);
use XContext::WildScript ();

use constant PATIENCE => 40;	# seconds without a reply

# new(relays => { NAME => [ ADDRESS, PORT ], ... }, sessions => AT ONCE,
# n_before => NUMBER that sessions begin behind, want => see XContext::WildScript,
# life => sub { which life of the relay this is; 0: it is not there })
sub new {
	my ($class, %opt) = @_;
	return bless({ %opt, of => {}, faults => [], told => {},
	    n_sessions => $opt{n_before} // 0, n_commands => 0,
	    script => XContext::WildScript->new(%opt) }, $class);
}

# Begins sessions for so many seconds, and waits until all have ended.  $each is
# called again and again meanwhile: with false, and with true once no session
# begins any more, at least once.
sub run {
	my ($self, $seconds, $each) = @_;
	my $end = Time::HiRes::time() + $seconds;
	local $SIG{PIPE} = 'IGNORE';
	while (1) {
		my $is_over = Time::HiRes::time() > $end ||
		    @{$self->{faults}} > 20;
		$each->($is_over);
		last if $is_over && !%{$self->{of}};
		while (!$is_over && keys %{$self->{of}} <
		    $self->{sessions} && $self->{life}->()) {
			$self->_connect or last;
		}
		$self->_turn;
	}
}

# All leave at once, whatever they are about.
sub leave {
	my ($self) = @_;
	for my $s (values %{$self->{of}}) {
		$self->_lost($s);
	}
}

# Begins sessions, and goes on for so many seconds.
sub run_briefly {
	my ($self, $seconds) = @_;
	my $end = Time::HiRes::time() + $seconds;
	local $SIG{PIPE} = 'IGNORE';
	while (Time::HiRes::time() < $end) {
		$self->_connect while keys %{$self->{of}} <
		    $self->{sessions};
		$self->_turn;
	}
}

sub _fault {
	my ($self, $s, $text) = @_;
	push(@{$self->{faults}}, "$s->{number} $s->{kind} $s->{relay} " .
	    "($s->{port}): $text; said: " . join(' | ',
	    map { substr($_, 0, 120) } @{$s->{said}}[-12 .. -1]));
	$self->_lost($s);
}

#
# Connections
#
sub _connect {
	my ($self) = @_;
	my $s = $self->{script}->session(++$self->{n_sessions});
	my $to = $self->{relays}{$s->{relay}};
	return $self->_connect_tls($s, $to) if $s->{is_tls};
	socket(my $sock, Socket::PF_INET(), Socket::SOCK_STREAM() |
	    Socket::SOCK_NONBLOCK(), 0) or die "socket: $!\n";
	bind($sock, Socket::pack_sockaddr_in(0, Socket::inet_aton(
	    $s->{peer}))) or die "bind: $!\n";
	my ($port) = Socket::unpack_sockaddr_in(getsockname($sock));
	connect($sock, Socket::pack_sockaddr_in($to->[1],
	    Socket::inet_aton($to->[0]))) or $!{EINPROGRESS} or return 0;
	$self->_add($s, $sock, $port);
	$self->_send($s, { bytes => $s->{first}, expected =>
	    [ { kind => 'greeting' } ] });
	return 1;
}

sub _add {
	my ($self, $s, $sock, $port) = @_;
	%$s = (%$s, sock => $sock, fd => fileno($sock), in => '', out => '',
	    queued => 0, written => 0, port => $port,
	    life => $self->{life}->(), expected => [], said => [ ('') x 12 ],
	    heard => Time::HiRes::time(), turn => 0);
	$self->{of}{$s->{fd}} = $s;
}

# By openssl, which says EHLO and STARTTLS, and ends if either is refused.
sub _connect_tls {
	my ($self, $s, $to) = @_;
	socketpair(my $ours, my $theirs, Socket::AF_UNIX(),
	    Socket::SOCK_STREAM() | Socket::SOCK_NONBLOCK(), 0)
	    or die "socketpair: $!\n";
	$theirs->blocking(1);
	my $port = 20000 + $self->{n_sessions} % 30000;
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDIN, '<&', $theirs);
		open(STDOUT, '>&', $theirs);
		open(STDERR, '>', '/dev/null');
		exec('openssl', 's_client', '-quiet', '-starttls', 'smtp',
		    '-connect', "$to->[0]:$to->[1]", '-bind',
		    "$s->{peer}:$port") or POSIX::_exit(127);
	}
	guard_process($pid);
	$s->{pid} = $pid;
	$self->_add($s, $ours, $port);
	$s->{may_end} = 1;
	$self->{n_tls}++;
	$self->_next($s);
	return 1;
}

sub _turn {
	my ($self) = @_;
	my ($r, $w) = ('', '');
	my $now = Time::HiRes::time();
	for my $s (values %{$self->{of}}) {
		vec($r, $s->{fd}, 1) = 1 if ($s->{deaf_until} // 0) < $now;
		vec($w, $s->{fd}, 1) = 1 if $s->{out} ne '' &&
		    !$s->{is_broken} && ($s->{mute_until} // 0) < $now;
	}
	my $n = select($r, $w, undef, 0.01);
	$now = Time::HiRes::time();
	for my $s (values %{$self->{of}}) {
		$self->_write($s) if $n > 0 && $s->{out} ne '' &&
		    vec($w, $s->{fd}, 1);
		$self->_read($s) if $n > 0 && $s->{sock} &&
		    vec($r, $s->{fd}, 1);
		next if !$s->{sock} || $now - $s->{heard} < PATIENCE;
		$s->{life} == $self->{life}->() ? $self->_fault($s,
		    'no reply, and ' . @{$s->{expected}} . ' are due') :
		    $self->_lost($s);
	}
}

sub _write {
	my ($self, $s) = @_;
	my $is_slow = $s->{dribbles} && length($s->{out}) < 3000;
	my $n = $s->{out} eq '' ? 0 : syswrite($s->{sock}, $s->{out},
	    $is_slow ? 1 + int(rand(20)) : length($s->{out}));
	# What the relay said before it went can still be read.
	$s->{is_broken} = 1 if !defined $n && !$!{EAGAIN};
	return if !defined $n;
	$s->{heard} = Time::HiRes::time();
	$s->{written} += $n;
	substr($s->{out}, 0, $n, '');
	$s->{mute_until} = Time::HiRes::time() + rand(0.003) if $is_slow;
	$self->_leave($s) if $s->{out} eq '' && defined $s->{leaves} &&
	    $s->{turn} >= $s->{leaves_at};
}

# In the middle of whatever it is about.
sub _leave {
	my ($self, $s) = @_;
	my $how = delete $s->{leaves};
	push(@{$s->{said}}, "($how)");
	if ($how eq 'half') {
		shutdown($s->{sock}, 1);
		$s->{has_left} = 1;
		$s->{groups} = [];
		return;
	}
	setsockopt($s->{sock}, Socket::SOL_SOCKET(), Socket::SO_LINGER(),
	    pack('ii', 1, 0)) if $how eq 'reset';
	$self->_lost($s);
}

sub _send {
	my ($self, $s, $group) = @_;
	$s->{turn}++;
	my $bytes = $group->{bytes};
	if (defined $s->{leaves} && $s->{leaves_at} == $s->{turn} &&
	    rand() < 0.5) {
		# Not all of it.
		$bytes = substr($bytes, 0, rand(length($bytes)));
	}
	my $start = $s->{queued};
	for my $e (@{$group->{expected}}) {
		push(@{$s->{expected}}, { %$e,
		    pos => $start + ($e->{pos} // length($group->{bytes})) });
		$self->{n_commands}++ if $e->{connects};
	}
	$s->{queued} += length($group->{bytes});
	$s->{out} .= $bytes;
	push(@{$s->{said}}, map { "> $_" } grep { !/^[.x]*$/ }
	    split(/\r\n/, substr($bytes, 0, 300)));
	$s->{deaf_until} = Time::HiRes::time() + rand(0.3) if $s->{is_deaf};
	$s->{heard} = Time::HiRes::time();
	$self->_write($s) if $s->{turn} > 1;
}

sub _read {
	my ($self, $s) = @_;
	my $n = sysread($s->{sock}, $s->{in}, 65536, length($s->{in}));
	return if !defined $n && ($!{EAGAIN} || $!{EINTR});
	return $self->_ended($s, defined $n ? 'it closed' : "$!") if !$n;
	$s->{heard} = Time::HiRes::time();
	while ($s->{sock} &&
	    $s->{in} =~ s/^((?:(\d{3})-[^\n]*\r\n)*)(\d{3})( [^\n]*|)\r\n//) {
		my ($lines, $before, $code, $last) = ($1, $2, $3, $4);
		push(@{$s->{said}}, "< $code$last");
		return $self->_fault($s, "codes differ: $lines$code$last")
		    if defined $before && $before ne $code;
		$self->_reply($s, $code, "$lines$code$last");
	}
	return if !$s->{sock};
	$self->_fault($s, "no reply: $s->{in}")
	    if $s->{in} ne '' && $s->{in} !~ /^\d{0,3}(?:[- ]|\z)/;
}

# The other side has closed.
sub _ended {
	my ($self, $s, $how) = @_;
	my $is_due = @{$s->{expected}} && !$s->{may_end} && !$s->{has_left};
	return $self->_fault($s, "$how, but $s->{expected}[0]{kind} is due")
	    if $is_due && !$s->{is_broken} &&
	    $s->{life} == $self->{life}->();
	$self->_lost($s);
}

# It is over.  Of messages whose end was on its way nobody can tell what became
# of them.
sub _lost {
	my ($self, $s) = @_;
	for my $e (grep { $_->{kind} eq 'END' } @{$s->{expected}}) {
		$self->_tell($e->{message}, 'uncertain')
		    if $s->{written} >= $e->{pos};
	}
	my $sock = delete $s->{sock} // return;
	delete $self->{of}{$s->{fd}};
	close($sock);
	my $pid = delete $s->{pid} // return;
	kill('KILL', $pid);
	waitpid($pid, 0);
	guard_forget($pid);
}

#
# Replies
#
# What was told of a message, to one recipient or to all that were accepted.
sub _tell {
	my ($self, $m, $what, $recipient) = @_;
	# That of others was on its way, too.
	for my $to ($recipient // ($what eq 'uncertain' ? grep {
	    !$m->{refused}{$_} } @{$m->{order}} : keys %{$m->{accepted}})) {
		$self->{told}{$m->{id}}{$to} = $what
		    if ($self->{told}{$m->{id}}{$to} // '') ne 'acked';
	}
	$m->{is_over} = 1;
}

# Whether a reply that is the next hop's is one to what was said.
sub _fits {
	my ($e, $text) = @_;
	return 1 if $e->{kind} eq 'REST';
	my %may = ("$e->{kind} $e->{id}" => 1);
	if (my $m = $e->{message}) {
		$may{"MAIL $m->{id}"} = 1 if $e->{kind} eq 'RCPT';
		$may{"END $m->{id}"} = 1 if $e->{kind} =~ /^(?:END|CHUNK)$/;
		# The next hop may speak LMTP.
		$may{"END $_"} = 1 for $e->{kind} eq 'END' ?
		    keys %{$m->{accepted}} : ();
		# It knows nothing of a sender that it has refused.
		$may{"$e->{kind} -"} = 1 if $e->{kind} =~ /^(?:DATA|CHUNK|END)$/;
	}
	return !grep { !$may{$_} } $text =~ /\[\[(.*?)\]\]/g;
}

sub _reply {
	my ($self, $s, $code, $text) = @_;
	my $e = $s->{expected}[0];
	if ($code == 421) {
		# It comes when it likes, and is the last.
		if ($e && $e->{kind} eq 'END' && $text =~ /\[\[/) {
			return $self->_fault($s, "to END: $text")
			    if !_fits($e, $text);
		}
		$s->{may_end} = 1;
		$s->{groups} = [];
		$self->_lost($s);
		return;
	}
	return $self->_fault($s, "unasked: $text") if !$e;
	$e->{id} //= '';
	return $self->_fault($s, "to $e->{kind} $e->{id}: $text")
	    if !_fits($e, $text);
	my $take = "_on_" . lc($e->{kind});
	$self->can($take) ? $self->$take($s, $e, $code, $text) :
	    shift(@{$s->{expected}});
	return if !$s->{sock} || @{$s->{expected}};
	$self->_next($s);
}

sub _next {
	my ($self, $s) = @_;
	$self->{script}->more($s) if !@{$s->{groups}} && !$s->{has_left};
	my $group = shift(@{$s->{groups}});
	return $self->_lost($s) if !$group && !$s->{has_left};
	return if !$group;
	if ($group->{is_content} && !delete $group->{message}{may_send}) {
		return $self->_next($s);
	}
	return $self->_lost($s) if $group->{closes};
	$s->{may_end} = 1 if $group->{may_end};
	$self->_send($s, $group);
}

sub _on_greeting {
	my ($self, $s, $e, $code, $text) = @_;
	shift(@{$s->{expected}});
	$self->_fault($s, "greeting: $text") if $code != 220;
}

sub _on_ehlo {
	my ($self, $s, $e, $code, $text) = @_;
	shift(@{$s->{expected}});
	$s->{offers} = $text;
	delete $s->{may_end} if $s->{is_tls};
	# Nothing comes of it.
	$s->{groups} = [ { bytes => "QUIT\r\n", may_end => 1,
	    expected => [ { kind => 'QUIT' } ] } ] if $code >= 400;
}

sub _on_auth {
	my ($self, $s, $e, $code, $text) = @_;
	shift(@{$s->{expected}});
	unshift(@{$s->{groups}}, { bytes => "$e->{response}\r\n",
	    expected => [ { kind => 'AUTH', user => $e->{user} } ] })
	    if $code == 334 && defined $e->{response};
	$s->{client}{auth} = $e->{user} if $code =~ /^2/;
}

sub _on_xclient {
	my ($self, $s, $e, $code, $text) = @_;
	shift(@{$s->{expected}});
	my $wanted = $e->{is_refused} ? qr/^5/ : qr/^2/;
	$self->_fault($s, "XCLIENT: $text") if $code !~ $wanted;
}

sub _on_junk {
	my ($self, $s, $e, $code, $text) = @_;
	shift(@{$s->{expected}});
	$self->_fault($s, "to what nobody knows: $text") if $code !~ /^5/;
}

sub _on_mail {
	my ($self, $s, $e, $code, $text) = @_;
	shift(@{$s->{expected}});
	$e->{message}{has_mail} = $code =~ /^2/;
}

sub _on_rcpt {
	my ($self, $s, $e, $code, $text) = @_;
	shift(@{$s->{expected}});
	my $m = $e->{message};
	$m->{$code =~ /^2/ ? 'accepted' : 'refused'}{$e->{id}} = 1
	    if $text !~ /the next hop was lost/;
	return if $code !~ /^2/;
	$self->_fault($s, "RCPT without MAIL: $text") if !$m->{has_mail} &&
	    $text !~ /lying|unasked|stray/;
}

sub _on_data {
	my ($self, $s, $e, $code) = @_;
	shift(@{$s->{expected}});
	$e->{message}{may_send} = $code == 354;
}

# With LMTP one for each recipient that was accepted.
sub _on_end {
	my ($self, $s, $e, $code, $text) = @_;
	my $m = $e->{message};
	my @of = sort { $a cmp $b } keys %{$m->{accepted}};
	$e->{left} //= $m->{is_lmtp} ? [ @{$m->{order}} ] : undef;
	my $recipient;
	if ($m->{is_lmtp}) {
		my @left = grep { $m->{accepted}{$_} } @{$e->{left}};
		$recipient = shift(@left);
		$e->{left} = \@left;
		shift(@{$s->{expected}}) if !@left;
		my ($of) = $text =~ /\[\[END ([\d-]+\.\d+)\]\]/;
		return $self->_fault($s, "END of $recipient: $text")
		    if defined $of && $of ne ($recipient // '');
	} else {
		shift(@{$s->{expected}});
	}
	return $self->_fault($s, "to the end of a message: $text")
	    if $text =~ /^\d{3} 5\.5\.0 Error/;
	my $what = $code =~ /^2/ ? 'acked' :
	    $text =~ /before it answered/ ? 'uncertain' : 'refused';
	return $self->_fault($s, "nobody's message: $text")
	    if $what eq 'acked' && (!@of || $s->{written} < $e->{pos}) &&
	    $text !~ /lying|unasked|stray/;
	$self->_tell($m, $what, $recipient);
}

1;
