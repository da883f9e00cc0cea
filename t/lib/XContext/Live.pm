# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Live: the stage of a live test: a private Postfix with both daemons
# attached, and recorders that show what Postfix itself believes.
#
#	my $live = XContext::Live->new;		# or skips the whole test
#	my $smtp = $live->connect(local => '127.0.1.1');
#	...
#	$live->finish;				# clean ends, quiet logs; then
#						# done_testing
package XContext::Live;

use strict;
use warnings;

use Test::More ();

use XContext::Daemon ();
use XContext::File qw(replace);
use XContext::Guard qw(guard_dir guard_time);
use XContext::Postfix ();
use XContext::Recorder ();
use XContext::Smtp ();

# Who is who on the loopback network.
use constant {
	MESSENGER => '127.0.1.1',	# profile edge
	MESSENGER2 => '127.0.1.2',	# profile edge too
	WEBMAIL => '127.0.3.1',		# profile webmail
	STRANGER => '127.0.2.1',	# none
};

my $trust = <<'END';
127.0.1.0/24	edge
127.0.3.0/24	webmail
END

my $profiles = <<'END';
profile edge {
	xclient = { "ADDR", "PORT", "NAME", "REVERSE_NAME", "HELO", "PROTO",
	    "DESTADDR", "DESTPORT" }
	addr = { "!198.51.100.128/25", "public" }
	name = { "!.internal.example.net", "*" }
	xforward = { "*" }
}
profile webmail {
	xclient = { "ADDR", "LOGIN" }
	login = { "*@example.com" }
}
END

# Why there can be no live test here; undef if there can.
sub impossible {
	return XContext::Postfix::impossible() //
	    XContext::Daemon::impossible();
}

# All optional:
#	services	as in XContext::Postfix; default: one "messengers" with
#			wiring A
#	main		main.cf settings
#	master		further entries of master.cf
#	trust		text of the cidr table that is the trust map
#	profiles	text: profiles of the configuration
#	conf, policy, milter	hashes: settings, values as they stand in the
#			file; undef takes a default away
#	start		0: everything is made, nothing is started
#	seconds		the test must be over by then (300)
sub new {
	my ($class, %opt) = @_;
	my $why = impossible();
	Test::More::plan(skip_all => $why) if defined $why;
	my $self = bless({ opt => \%opt, expected => [],
	    trust => $opt{trust} // $trust,
	    profiles => $opt{profiles} // $profiles }, $class);
	guard_time($opt{seconds} // 300);
	$self->_make;
	$self->start unless defined $opt{start} && !$opt{start};
	return $self;
}

sub _make {
	my ($self) = @_;
	my $opt = $self->{opt};
	$self->{dir} = guard_dir();
	my $recorders = 'check_policy_service unix:recorder/policy';
	$self->{postfix} = XContext::Postfix->new(
	    services => $opt->{services} // [ { name => 'messengers',
		wiring => 'a' } ],
	    master => $opt->{master} // '',
	    main => { smtpd_recipient_restrictions => $recorders,
		smtpd_data_restrictions => $recorders,
		%{$opt->{main} // {}} });
	# Behind the wiring's own milter, so that it sees what ours lets pass.
	for my $service (values %{$self->{postfix}{services}}) {
		unshift(@{$service->{options}}, 'smtpd_milters = ' .
		    ($service->{wiring} eq 'plain' ? '' :
		    $service->{wiring} eq 'a' ? 'unix:xcontext/milter, ' :
		    '{ unix:xcontext/milter, default_action=accept }, ') .
		    'unix:recorder/milter');
	}
	$self->{postfix}->configure;
	my $sockets = $self->{sockets} = $self->{postfix}->sockets;
	$self->{conf_file} = "$self->{dir}/xcontext.conf";
	$self->{trust_file} = "$self->{dir}/trust.cidr";
	$self->write_conf;
	$self->{policy} = XContext::Daemon->new(name => 'xcontext-policy',
	    conf => $self->{conf_file}, log => "$self->{dir}/policy.log",
	    sockets => [ "$sockets/policy", "$sockets/maps" ]);
	$self->{milter} = XContext::Daemon->new(name => 'xcontext-milter',
	    conf => $self->{conf_file}, log => "$self->{dir}/milter.log",
	    sockets => [ "$sockets/milter" ]);
}

sub _settings {
	my ($indent, %setting) = @_;
	return join('', map { "$indent$_ = $setting{$_}\n" }
	    grep { defined $setting{$_} } sort keys %setting);
}

# Writes the configuration and the trust map as they now are in
# $live->{trust}, {profiles} and {opt}.
sub write_conf {
	my ($self) = @_;
	my ($dir, $sockets, $opt) = @$self{qw(dir sockets opt)};
	# A program that has changed its user cannot be looked at by the leak
	# checker.
	my $user = ($ENV{XC_SANITIZE} // 'no') eq 'no' ? '"daemon"' : '""';
	replace($self->{trust_file}, $self->{trust});
	replace($self->{conf_file}, _settings('',
	    store => "\"lmdb:$dir/xcontext/store\"",
	    state_directory => "\"$dir/xcontext\"",
	    runtime_directory => "\"$dir/xcontext\"",
	    user => $user, socket_group => '"postfix"',
	    allowed_users => '{ "postfix", "root" }',
	    log => '"stderr"', log_all => 'true',
	    trust_maps => "{ \"cidr:$self->{trust_file}\" }",
	    %{$opt->{conf} // {}}) . $self->{profiles} .
	    "milter {\n" . _settings("\t",
	    listen => "\"unix:$sockets/milter\"",
	    %{$opt->{milter} // {}}) .
	    "}\npolicy {\n" . _settings("\t",
	    listen => "\"unix:$sockets/policy\"",
	    maps => "\"unix:$sockets/maps\"",
	    other_milters => '"unix:recorder/milter"',
	    %{$opt->{policy} // {}}) . "}\n");
}

sub start {
	my ($self) = @_;
	my $recorder = $self->{postfix}->queue . '/recorder';
	mkdir($recorder, 0755);
	chmod(0755, $recorder);
	$self->{policy_seen} = XContext::Recorder->policy(
	    socket => "$recorder/policy", file => "$self->{dir}/policy.seen");
	$self->{milter_seen} = XContext::Recorder->milter(
	    program => $ENV{XC_MILTER_RECORDER} // './t/lib/milter_recorder',
	    socket => "$recorder/milter", file => "$self->{dir}/milter.seen");
	$self->{policy}->start;
	$self->{milter}->start;
	$self->{postfix}->start;
}

sub postfix { return $_[0]{postfix} }
sub policy { return $_[0]{policy} }		# the daemons
sub milter { return $_[0]{milter} }
sub policy_seen { return $_[0]{policy_seen} }	# the recorders
sub milter_seen { return $_[0]{milter_seen} }

# connect(service => NAME, local => ADDRESS, ...): an XContext::Smtp.
sub connect {
	my ($self, %opt) = @_;
	my $service = delete $opt{service} // $self->{postfix}{order}[0];
	return XContext::Smtp->connect($self->{postfix}->address($service),
	    $self->{postfix}->port($service), local => MESSENGER, %opt);
}

# One socketmap lookup, as Postfix would ask; the reply without its frame.
sub lookup {
	my ($self, $map, $key) = @_;
	my $sock = IO::Socket::UNIX->new(Peer => "$self->{sockets}/maps")
	    or die "maps: $!\n";
	my $request = "$map $key";
	syswrite($sock, length($request) . ":$request,");
	my $reply = '';
	while (sysread($sock, $reply, 65536, length($reply))) {
		return $2 if $reply =~ /^(\d+):(.*),\z/s && length($2) == $1;
	}
	return undef;
}

# A log line at warning or above that the test wants.
sub expect_log {
	my ($self, @patterns) = @_;
	push(@{$self->{expected}}, @patterns);
}

# True if no mail with that Subject got or gets in.
sub not_delivered {
	my ($self, $subject) = @_;
	return 0 if !$self->{postfix}->is_idle;
	return !defined $self->{postfix}->delivered($subject, 0);
}

sub finish {
	my ($self) = @_;
	$self->{postfix}->stop;
	for my $daemon (@$self{qw(policy milter)}) {
		my $status = $daemon->stop;
		Test::More::is($status, 0, "$daemon->{name} ends well")
		    unless $daemon->{was_killed} && !defined $daemon->{pid} &&
		    ($status & 127) == 9;
		my @complaints = $daemon->complaints(@{$self->{expected}});
		Test::More::is(join("\n", @complaints), '',
		    "$daemon->{name} complains of nothing unexpected");
	}
	# SIGTERM is how it was ended.
	Test::More::is(join("\n", grep {
	    /\b(?:fatal|panic):|killed by signal (?!15\b)/ }
	    split(/\n/, $self->{postfix}->log_text)), '',
	    'Postfix itself is well');
	$_->stop for grep { defined } @$self{qw(policy_seen milter_seen)};
	alarm(0);
	Test::More::done_testing();
}

# On a failed test, everything that may help.
sub diagnose {
	my ($self) = @_;
	Test::More::diag("$_->{name}:\n" . $_->log_text)
	    for @$self{qw(policy milter)};
	Test::More::diag($self->{postfix}->log_text);
}

1;
