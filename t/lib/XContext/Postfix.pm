# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Postfix: a private Postfix of the installed version, or of the one in
# XC_POSTFIX_SBIN: configuration, queue, data, log and mailbox in the test's
# directory, listening on a loopback address that no other test uses.  Of the
# system's own Postfix it uses the programs and, for table types,
# meta_directory, both only to read.
package XContext::Postfix;

use strict;
use warnings;

use File::Path ();
use IO::Socket::IP ();
use POSIX ();
use Time::HiRes ();

use XContext::File qw(spit);
use XContext::Guard qw(guard_child guard_dir guard_group guard_forget
    process_start stop_group);

my $sbin = $ENV{XC_POSTFIX_SBIN} // '/usr/sbin';
my $n_instances = 0;

# Why there can be no Postfix here; undef if there can.
sub impossible {
	return 'a private Postfix needs root' if $> != 0;
	return "no $sbin/postfix" if !-x program('postfix');
	# Without SASL Postfix has no LOGIN, which half of the tests assert.
	return "$sbin/postfix was built without SASL"
	    if `$sbin/postconf -a 2>/dev/null` !~ /\S/;
	return undef;
}

# The path of one of its programs.
sub program { return "$sbin/$_[0]" }

sub _default {
	my ($name) = @_;
	my $value = `$sbin/postconf -dhx $name 2>/dev/null`;
	chomp($value);
	return $value;
}

sub version { return _default('mail_version') }
sub milter_default_action { return _default('milter_default_action') }

# False from 3.9 on: what is sent before the reply to an XCLIENT, or to a NOOP,
# ends the session.
sub may_pipeline {
	my ($major, $minor) = version() =~ /^(\d+)\.(\d+)/;
	return $major < 3 || ($major == 3 && $minor < 9);
}

# An address of 127/8 for this test alone, made of the process id, so that
# tests which run at the same time cannot take each other's ports.
sub own_address {
	return sprintf('127.%d.%d.%d', 64 + ($$ >> 16) % 64, $$ >> 8 & 255,
	    $$ & 255);
}

my %given;	# ports that are spoken for, though nobody listens yet

sub free_port {
	my ($address) = @_;
	while (1) {
		my $sock = IO::Socket::IP->new(LocalHost => $address,
		    LocalPort => 0, Listen => 1, Proto => 'tcp')
		    or die "no port on $address: $@\n";
		my $port = $sock->sockport;
		return $port if !$given{"$address:$port"}++;
	}
}

my %defaults = (
	compatibility_level => '3.6',
	maillog_file => undef,		# these four are set in _main_cf
	queue_directory => undef,
	data_directory => undef,
	virtual_mailbox_base => undef,
	myhostname => 'mx.example.net',
	mydomain => 'example.net',
	myorigin => '$myhostname',
	mydestination => '',
	mynetworks => '',
	local_recipient_maps => '',
	alias_maps => '',
	alias_database => '',
	inet_protocols => 'all',
	smtp_dns_support_level => 'disabled',
	smtpd_peername_lookup => 'no',
	smtpd_relay_restrictions =>
	    'permit_sasl_authenticated, reject_unauth_destination',
	smtpd_client_connection_count_limit => '0',
	smtpd_error_sleep_time => '0',
	smtpd_tls_security_level => 'none',
	virtual_mailbox_domains => 'example.com',
	virtual_mailbox_maps => 'static:box/',
	virtual_uid_maps => undef,
	virtual_gid_maps => undef,
	virtual_minimum_uid => '1',
	default_transport => 'error:there is no way out of a test',
	relay_transport => 'error:there is no way out of a test',
	in_flow_delay => '0',
	enable_long_queue_ids => 'yes',
	biff => 'no',
	append_dot_mydomain => 'no',
	debug_peer_list => '',
);

my $master_cf = <<'END';
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
scache unix - - n - 1 scache
showq unix n - n - - showq
error unix - - n - - error
smtp unix - - n - - smtp
tlsmgr unix - - n 1000? 1 tlsmgr
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
END

# new(services => [ { ... } ], main => { name => value }, master => TEXT of
# further entries, resolver => ADDRESS of the name server to ask, not this
# host's).  A service:
#	name		by which the test speaks of it
#	wiring		"a", "b" or "plain": t/live/wiring-*.cf; with "a" or
#			"b", main.cf has what is in wiring-main.cf
#	address, port	default: an own address, a free port
#	maxproc		default "-"
#	listener	suffix of the map names and policy_context
#	messengers	network, for wiring "b"
#	options		[ "name = value", ... ], after those of the wiring
sub new {
	my ($class, %opt) = @_;
	my $top = guard_dir();
	my $dir = "$top/postfix" . ($n_instances++ || '');
	my $self = bless({ dir => $dir, services => {}, order => [],
	    main => $opt{main} // {}, entries => $opt{master} // '',
	    resolver => $opt{resolver} }, $class);
	$self->_directories;
	for my $service (@{$opt{services}}) {
		my %copy = (address => own_address(), maxproc => '-',
		    listener => '', messengers => '127.0.1.0/24',
		    options => [], wiring => 'plain', %$service);
		$copy{port} //= free_port($copy{address});
		$self->{services}{$copy{name}} = \%copy;
		push(@{$self->{order}}, $copy{name});
	}
	$self->configure;
	return $self;
}

# Where sockets for Postfix belong: "unix:xcontext/policy" is policy there.
sub sockets { return "$_[0]{dir}/queue/xcontext" }
sub dir { return $_[0]{dir} }
sub queue { return "$_[0]{dir}/queue" }

sub service {
	my ($self, $name) = @_;
	return $self->{services}{$name} // die "no service $name\n";
}

sub address { return $_[0]->service($_[1])->{address} }
sub port { return $_[0]->service($_[1])->{port} }

# The queue's directories as postfix-files has them.  "postfix check" would
# make them too, but takes seconds; with quick-start Postfix leaves it out.
sub _queue {
	my ($self, $uid, $gid) = @_;
	my $queue = "$self->{dir}/queue";
	my $postdrop = getgrnam(_default('setgid_group'));
	my %mode = ((map { $_ => 0700 } qw(active bounce corrupt defer
	    deferred flush hold incoming private saved trace)),
	    maildrop => 01730, public => 02710);
	mkdir("$queue/pid", 0755);
	for my $name (keys %mode) {
		mkdir("$queue/$name") or die "$queue/$name: $!\n";
		chown($uid, $mode{$name} & 07000 ? $postdrop : 0,
		    "$queue/$name");
		chmod($mode{$name}, "$queue/$name");
	}
	spit("$queue/quick-start", '');
}

sub _directories {
	my ($self) = @_;
	my $dir = $self->{dir};
	my ($uid, $gid) = (getpwnam(_default('mail_owner')))[2, 3];
	my ($nobody, $nogroup) = (getpwnam('nobody'))[2, 3];
	mkdir($_, 0755) or die "$_: $!\n"
	    for $dir, "$dir/etc", "$dir/queue", "$dir/data", "$dir/mail",
	    "$dir/log", "$dir/queue/xcontext";
	chmod(0755, $_) for $dir, "$dir/queue/xcontext";
	chown($uid, $gid, "$dir/data");
	$self->_queue($uid, $gid);
	chown($nobody, $nogroup, "$dir/mail");
	$self->{main}{virtual_uid_maps} //= "static:$nobody";
	$self->{main}{virtual_gid_maps} //= "static:$nogroup";
}

sub _main_cf {
	my ($self) = @_;
	my $dir = $self->{dir};
	# Where the wirings are not, neither is what belongs to both.
	my %wiring = map { /^(\S+)\s*=\s*(.*)$/ ? ($1, $2) : () }
	    grep { grep { $_->{wiring} ne 'plain' }
	    values %{$self->{services}} } split(/\n/, _wiring_text('main'));
	my %main = (%defaults, %wiring, queue_directory => "$dir/queue",
	    data_directory => "$dir/data", virtual_mailbox_base => "$dir/mail",
	    maillog_file => "$dir/log/mail.log", maillog_file_prefixes => $dir,
	    %{$self->{main}});
	return join('', map { "$_ = $main{$_}\n" }
	    grep { defined $main{$_} } sort keys %main);
}

# One of t/live/wiring-*.cf, without its comments.
sub _wiring_text {
	my ($name) = @_;
	my $where = $ENV{XC_WIRING_DIR} // do {
		(my $here = __FILE__) =~ s{[^/]*$}{};
		"$here/../../live";
	};
	open(my $fh, '<', "$where/wiring-$name.cf")
	    or die "$where/wiring-$name.cf: $!\n";
	my $text = do { local $/; <$fh> };
	$text =~ s/^#.*\n//mg;
	return $text;
}

sub _wiring {
	my ($self, $service) = @_;
	my $text = _wiring_text($service->{wiring});
	my %word = (LISTEN => "$service->{address}:$service->{port}",
	    MAXPROC => $service->{maxproc},
	    LISTENER => $service->{listener} ne '' ?
	    ".$service->{listener}" : '',
	    CONTEXT => $service->{listener},
	    MESSENGERS => $service->{messengers});
	# An empty policy_context is said by leaving it out.
	$text =~ s/, policy_context=\@CONTEXT\@// if $service->{listener} eq '';
	$text =~ s/\@([A-Z]+)\@/$word{$1} \/\/ die "no word $1\n"/ge;
	return $text . join('', map { "  -o { $_ }\n" }
	    "syslog_name = postfix/$service->{name}", @{$service->{options}});
}

# Writes the configuration anew; after changes of main() or of services.
sub configure {
	my ($self) = @_;
	spit("$self->{dir}/etc/main.cf", $self->_main_cf);
	spit("$self->{dir}/etc/master.cf", $master_cf . $self->{entries} .
	    join('',
	    map { $self->_wiring($self->{services}{$_}) } @{$self->{order}}));
}

sub set_main {
	my ($self, %main) = @_;
	%{$self->{main}} = (%{$self->{main}}, %main);
	$self->configure;
}

# What goes before a command to have it ask that name server.  resolv.conf has one
# place, so it gets a view of the files in which another is there.
sub _in_its_etc {
	my ($self) = @_;
	return () if !defined $self->{resolver};
	spit("$self->{dir}/resolv.conf", "nameserver $self->{resolver}\n" .
	    "options timeout:2 attempts:2\n");
	return ('unshare', '-m', 'sh', '-c', 'mount --bind "$0" ' .
	    '"$(readlink -f /etc/resolv.conf)" && exec "$@"',
	    "$self->{dir}/resolv.conf");
}

# Runs "postfix -c ... COMMAND" and dies with what it says if it fails.
sub _postfix {
	my ($self, $command) = @_;
	my $out = "$self->{dir}/log/$command.out";
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', $out);
		open(STDERR, '>&', \*STDOUT);
		delete @ENV{qw(MAIL_CONFIG LD_PRELOAD)};
		exec($self->_in_its_etc, program('postfix'), '-c',
		    "$self->{dir}/etc", $command) or POSIX::_exit(127);
	}
	waitpid($pid, 0);
	return if $? == 0;
	open(my $fh, '<', $out);
	die "postfix $command failed:\n", <$fh>, $self->log_text, "\n";
}

sub start {
	my ($self) = @_;
	$self->_postfix('start');
	open(my $fh, '<', "$self->{dir}/queue/pid/master.pid")
	    or die "no master.pid: $!\n";
	($self->{master}) = <$fh> =~ /(\d+)/;
	guard_group($self->{master});
	return $self;
}

sub reload { $_[0]->_postfix('reload') }

# Ends the instance: its master and all that its master started.
sub stop {
	my ($self) = @_;
	return if !defined $self->{master};
	stop_group($self->{master}, $self->{dir}, 5);
	guard_forget($self->{master});
	delete $self->{master};
}

# Path of the file with Postfix's own log.
sub log_file { return "$_[0]{dir}/log/mail.log" }

sub log_text {
	my ($self) = @_;
	open(my $fh, '<', $self->log_file) or return '';
	local $/;
	return <$fh> // '';
}

# The delivered mail with that Subject, as text, waiting for it up to that
# many seconds (10); undef if there is none.
sub delivered {
	my ($self, $subject, $seconds) = @_;
	my $end = Time::HiRes::time() + ($seconds // 10);
	while (1) {
		for my $mail ($self->mails) {
			return $mail if $mail =~ /^Subject: \Q$subject\E$/m;
		}
		return undef if Time::HiRes::time() > $end;
		Time::HiRes::sleep(0.05);
	}
}

sub mails {
	my ($self) = @_;
	my @mails;
	for my $file (glob("$self->{dir}/mail/box/new/*")) {
		open(my $fh, '<', $file) or next;
		local $/;
		push(@mails, scalar <$fh>);
	}
	return @mails;
}

sub forget_mails {
	my ($self) = @_;
	unlink(glob("$self->{dir}/mail/box/new/*"));
}

# Has what is deferred tried again, as postqueue(1) -f does.
sub flush {
	my ($self) = @_;
	system(program('postqueue'), '-c', "$self->{dir}/etc", '-f') == 0
	    or warn("postqueue -f has failed\n");
}

# True when no mail is on its way any more: what is not in the mailbox then
# was not accepted.
sub is_idle {
	my ($self, $seconds) = @_;
	my $end = Time::HiRes::time() + ($seconds // 10);
	my $queue = $self->queue;
	while (1) {
		# Deferred mail is in directories of its own; what has gone
		# since it was listed may be in the next queue.
		my @left = grep { !-d } map { glob("$queue/$_/* $queue/$_/*/*") }
		    qw(incoming active maildrop deferred);
		return 1 if !@left;
		return 0 if Time::HiRes::time() > $end;
		Time::HiRes::sleep(0.05);
	}
}

1;
