# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Relay: an xcontext-relay in the foreground, with its configuration,
# store and log in the test's directory.
#
#	my $relay = XContext::Relay->new(
#	    relays => { front => { next_hop => '"smtp:[127.0.0.1]:10026"' } });
#	$relay->start;
#	my $smtp = $relay->connect;
#	...
#	$relay->finish;
#
# It is an XContext::Daemon, with all that this can do: pid, signal, stop, kill,
# log_lines, events, event, complaints.
package XContext::Relay;

use strict;
use warnings;

use parent -norequire, 'XContext::Daemon';

use Test::More ();
use Time::HiRes ();

use XContext::Daemon ();
use XContext::File qw(replace);
use XContext::Guard qw(guard_dir);
use XContext::Postfix ();
use XContext::Smtp ();

my $n_relays = 0;

my $profiles = <<'END';
profile edge {
	xclient = { "*" }
	addr = { "*" }
	login = { "*" }
	xsetcontext = { "*" }
	xdumpcontext = true
	xremoteip = true
}
profile filter {
	xclient = { "*" }
	xforward = { "*" }
	addr = { "*" }
	seal = "never"
}
END

my $trust = <<'END';
127.0.1.0/24	edge
127.0.4.0/24	filter
END

# Why there can be none here; undef if there can.
sub impossible {
	return 'a relay that changes its user needs root' if $> != 0;
	return XContext::Daemon::impossible('xcontext-relay');
}

# All optional but relays:
#	relays		settings of each relay section by its name, as they
#			stand in the file.  listen: an own address and a free
#			port, where nothing else is said
#	conf		global settings, likewise; undef takes a default away
#	trust		text of the cidr table that is the trust map
#	profiles	text
#	limits		settings of the limits section, likewise
#	sections	text: bindings, groups, domains, listeners ...
#	name		of its directory and log, where a test has several
sub new {
	my ($class, %opt) = @_;
	my $name = $opt{name} // 'relay' . ($n_relays++ || '');
	my $dir = guard_dir();
	my $self = $class->SUPER::new(name => 'xcontext-relay',
	    conf => "$dir/$name.conf", log => "$dir/$name.log",
	    sockets => [], dir => "$dir/$name",
	    trust_file => "$dir/$name.cidr", n_starts => 0,
	    trust => $opt{trust} // $trust,
	    profiles => $opt{profiles} // $profiles,
	    sections => $opt{sections} // '', settings => $opt{conf} // {},
	    # Every line counts.
	    limits => { log_rate => 0, %{$opt{limits} // {}} },
	    relays => $opt{relays});
	for my $relay (values %{$self->{relays}}) {
		my $address = XContext::Postfix::own_address();
		$relay->{listen} //= "\"$address:" .
		    XContext::Postfix::free_port($address) . '"';
		# Nobody but a test of names wants to wait for a resolver.
		$relay->{name_lookup} //= 'false';
		# Not everywhere may 20,000 files be open.
		$relay->{connections} //= 200;
	}
	$self->write_conf;
	return $self;
}

sub _settings {
	my ($indent, %setting) = @_;
	return join('', map { "$indent$_ = $setting{$_}\n" }
	    grep { defined $setting{$_} } sort keys %setting);
}

# Writes the configuration and the trust map as they now are in {relays},
# {settings}, {limits}, {trust}, {profiles} and {sections}.
sub write_conf {
	my ($self) = @_;
	my $dir = $self->{dir};
	# A program that has changed its user cannot be looked at by the leak
	# checker.
	my $user = ($ENV{XC_SANITIZE} // 'no') eq 'no' ? '"daemon"' : '""';
	replace($self->{trust_file}, $self->{trust});
	replace($self->{conf}, _settings('',
	    store => "\"lmdb:$dir/store\"", runtime_directory => "\"$dir\"",
	    state_directory => "\"$dir\"",
	    user => $user, log => '"stderr"', log_all => 'true',
	    trust_maps => "{ \"cidr:$self->{trust_file}\" }",
	    %{$self->{settings}}) . "limits {\n" . _settings("\t",
	    %{$self->{limits}}) . "}\n" .
	    $self->{profiles} . $self->{sections} .
	    join('', map { "relay $_ {\n" . _settings("\t",
	    %{$self->{relays}{$_}}) . "}\n" } sort keys %{$self->{relays}}));
}

# Its sockets are there from the first moment on, and a connection would show
# in its log.
sub is_serving {
	my ($self) = @_;
	my $n = $self->events(event => 'start');
	return 0 if $n <= $self->{n_starts};
	$self->{n_starts} = $n;
	return 1;
}

sub _listen {
	my ($self, $name) = @_;
	my ($only) = sort keys %{$self->{relays}};
	my $relay = $self->{relays}{$name // $only} // die "no relay $name\n";
	return $relay->{listen} =~ /^"(.*):(\d+)"$/;
}

# Of the relay section of that name; of the first one without a name.
sub address { return (_listen(@_))[0] }
sub port { return (_listen(@_))[1] }

# connect(relay => NAME, local => ADDRESS, ...): an XContext::Smtp, from
# 127.0.1.1 (profile edge) where nothing else is said.
sub connect {
	my ($self, %opt) = @_;
	my $name = delete $opt{relay};
	return XContext::Smtp->connect($self->address($name),
	    $self->port($name), local => '127.0.1.1', %opt);
}

sub _reloads {
	my ($self) = @_;
	return grep { ($_->{event} // '') =~ /^reload/ &&
	    !defined $_->{key} } $self->events;
}

# Writes the configuration and has it read; returns the line that says how it
# went.
sub reload {
	my ($self) = @_;
	my $n = () = $self->_reloads;
	$self->write_conf;
	$self->signal('HUP');
	for (1 .. 500) {
		my @reloads = $self->_reloads;
		return $reloads[-1] if @reloads > $n;
		Time::HiRes::sleep(0.02);
	}
	die "$self->{name} does not reload:\n", $self->log_text;
}

# The log from here on is that of since().
sub mark { $_[0]{mark} = -s $_[0]{log} }

# The events since mark() that fit; complete only when is_idle().
sub since {
	my ($self, %want) = @_;
	open(my $fh, '<', $self->{log}) or return;
	seek($fh, $self->{mark} // 0, 0);
	return grep {
		my $line = $_;
		!grep { ($line->{$_} // '') ne $want{$_} } keys %want;
	} map { chomp; XContext::Daemon::parse_line($_) } <$fh>;
}

# True once no client is connected any more, waiting up to that many seconds:
# the log then has all that there is to tell of them.
sub is_idle {
	my ($self, $seconds) = @_;
	my $end = Time::HiRes::time() + ($seconds // 10);
	my %ours = map { _in_hexadecimal($self->_listen($_)) => 1 }
	    grep { $self->{relays}{$_}{listen} !~ /^"unix:/ }
	    keys %{$self->{relays}};
	while (_n_connections(\%ours) > 0) {
		return 0 if Time::HiRes::time() > $end;
		Time::HiRes::sleep(0.01);
	}
	return 1;
}

# As /proc/net/tcp has it.
sub _in_hexadecimal {
	my ($address, $port) = @_;
	return sprintf('%08X:%04X', unpack('L', pack('C4',
	    split(/\./, $address))), $port);
}

# How many connections there are at IPv4 addresses and ports of ours:
# established, or closed by the client alone.
sub _n_connections {
	my ($ours) = @_;
	open(my $fh, '<', '/proc/net/tcp') or die "/proc/net/tcp: $!\n";
	return scalar grep { my @field = split(' ');
	    $field[3] =~ /^0[18]$/ && $ours->{$field[1]} } <$fh>;
}

# A clean end, and a log without what nobody expects.
sub finish {
	my ($self, @expected) = @_;
	my $status = $self->stop;
	Test::More::is($status, 0, "$self->{name} ends well")
	    unless $self->{was_killed} && ($status & 127) == 9;
	Test::More::is(join("\n", $self->complaints(@expected)), '',
	    "$self->{name} complains of nothing unexpected");
}

1;
