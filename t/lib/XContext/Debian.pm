# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Debian: a private Postfix whose main.cf and master.cf are those that
# Debian's package gives an "Internet Site", to which nothing is attached yet;
# beside it a configuration of ours, and our daemons, that know its sockets.
#
# What makes it private: directories, in main.cf; and a loopback address in front
# of each port in master.cf.
package XContext::Debian;

use strict;
use warnings;

use IO::Socket::IP ();
use Socket qw(AF_INET AF_INET6 SOCK_DGRAM);

use XContext::Daemon ();
use XContext::File qw(slurp spit);
use XContext::Postfix ();
use XContext::Recorder ();
use XContext::Smtp ();

my $share = '/usr/share/postfix';
my $n_debian = 0;

# Why there can be none here; undef if there can.
sub impossible {
	return XContext::Postfix::impossible() //
	    XContext::Daemon::impossible() //
	    ((grep { !-r "$share/$_" } qw(main.cf.debian main.cf.tls
	    master.cf.dist)) ? "no $share/*.cf" :
	    !IO::Socket::IP->new(LocalHost => _address(0), LocalPort => 25,
	    Listen => 1) ? 'port 25 cannot be had' : undef);
}

# What "setup" proposes is a port of the host's, 10025, which another test may
# have: begins the test anew in a network of its own, where there is such.
sub enter_own_network {
	if (!$ENV{XC_OWN_NETWORK}) {
		return if system('unshare -n true 2>/dev/null') != 0;
		$ENV{XC_OWN_NETWORK} = 1;
		exec('unshare', '-n', $^X, '-w', (map { "-I$_" }
		    grep { !ref && m{t/lib$} } @INC), $0, @ARGV) or
		    die "unshare: $!\n";
	}
	# The loopback interface is not up there: SIOCSIFFLAGS.
	socket(my $any, AF_INET, SOCK_DGRAM, 0) or die "socket: $!\n";
	my $request = pack('a16 s x22', 'lo', 0x41);
	ioctl($any, 0x8914, $request) or die "lo: $!\n";
}

# More addresses of such a network, which then are this host's: 192.0.2.25 and
# 2001:db8::25, say.  False where it is not the test's own.
sub add_addresses {
	my ($v4, $v6) = @_;
	return 0 if !$ENV{XC_OWN_NETWORK};
	socket(my $any, AF_INET, SOCK_DGRAM, 0) or die "socket: $!\n";
	# SIOCSIFADDR, of an alias.
	my $request = pack('a16 S n a4 x8', 'lo:0', AF_INET, 0,
	    Socket::inet_aton($v4));
	ioctl($any, 0x8916, $request) or die "$v4: $!\n";
	socket($any, AF_INET6, SOCK_DGRAM, 0) or return 0;
	$request = pack('a16 L l', Socket::inet_pton(AF_INET6, $v6), 128, 1);
	return ioctl($any, 0x8916, $request) ? 1 : 0;
}

# One for each instance; own_address() has the test's number in its last octet.
sub _address {
	my ($n) = @_;
	my $address = XContext::Postfix::own_address();
	$address =~ s/^127\.(\d+)/'127.' . ($1 - 32 + $n % 32)/e;
	return $address;
}

my $private = <<'END';
maillog_file_prefixes = @DIR@
maillog_file = @DIR@/log/mail.log
queue_directory = @DIR@/queue
data_directory = @DIR@/data
alternate_config_directories =
disable_dns_lookups = yes
smtpd_peername_lookup = no
virtual_mailbox_domains = example.com
virtual_mailbox_base = @DIR@/mail
virtual_mailbox_maps = static:box/
virtual_minimum_uid = 1
virtual_uid_maps = static:@UID@
virtual_gid_maps = static:@GID@
default_transport = error:there is no way out of a test
smtpd_error_sleep_time = 0
in_flow_delay = 0
END

# As Debian's postinst writes them.
my $site = <<'END';
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
myhostname = mx.example.net
alias_maps =
alias_database =
mydestination = $myhostname, localhost
relayhost = 
mynetworks = [::1]/128
mailbox_size_limit = 0
recipient_delimiter = +
inet_protocols = all
END

# new(main => TEXT, master => sub { changes $_ }, user => NAME, policy => TEXT)
# main is added at the end, policy is in the section "policy" of our
# configuration.
sub new {
	my ($class, %opt) = @_;
	my $self = bless({ n => $n_debian++ }, $class);
	$self->{postfix} = XContext::Postfix->new(services => []);
	$self->{dir} = $self->{postfix}->dir;
	$self->{address} = _address($self->{n});
	# Nobody has made this one yet.
	rmdir($self->{postfix}->sockets);
	my ($uid, $gid) = (getpwnam('nobody'))[2, 3];
	my %word = (DIR => $self->{dir}, UID => $uid, GID => $gid);
	(my $text = $private) =~ s/\@([A-Z]+)\@/$word{$1}/g;
	spit($self->main_cf, $text . slurp("$share/main.cf.debian") .
	    slurp("$share/main.cf.tls") . $site . ($opt{main} // ''));
	for (my $master = slurp("$share/master.cf.dist")) {
		$opt{master}->() if $opt{master};
		s/^(\w+)(?=[ \t]+inet\b)/$self->{address}:$1/mg;
		spit($self->master_cf, $_);
	}
	$self->_conf($opt{policy} // "\tother_milters = \"\"\n");
	return $self;
}

sub main_cf { return "$_[0]{dir}/etc/main.cf" }
sub master_cf { return "$_[0]{dir}/etc/master.cf" }
sub etc { return "$_[0]{dir}/etc" }
sub conf { return "$_[0]{dir}/xcontext.conf" }
sub address { return $_[0]{address} }
sub postfix { return $_[0]{postfix} }

sub _conf {
	my ($self, $policy) = @_;
	my ($dir, $sockets) = ($self->{dir}, $self->{postfix}->sockets);
	my $user = ($ENV{XC_SANITIZE} // 'no') eq 'no' ? '"daemon"' : '""';
	spit("$dir/trust.cidr", "127.0.1.0/24\tedge\n");
	spit($self->conf, <<"END");
# A comment with policy { other_milters = "not this" }
store = "lmdb:$dir/run/store"
runtime_directory = "$dir/run"
state_directory = "$dir/state"
user = $user
socket_group = "postfix"
allowed_users = { "postfix", "root" }
log = "stderr"
trust_maps = { "cidr:$dir/trust.cidr" }
profile edge {
	xclient = { "ADDR", "PORT", "NAME", "HELO", "PROTO" }
	addr = { "public" }
}
milter {
	listen = "unix:$sockets/milter"
}
policy {
	listen = "unix:$sockets/policy"
	maps = "unix:$sockets/maps"
$policy}
END
}

# A milter and a policy service of others, where its main.cf names them:
# unix:others/milter and unix:others/policy.
sub start_others {
	my ($self) = @_;
	my $where = $self->{postfix}->queue . '/others';
	mkdir($where, 0755);
	chmod(0755, $where);
	$self->{policy_seen} = XContext::Recorder->policy(
	    socket => "$where/policy", file => "$self->{dir}/policy.seen");
	$self->{milter_seen} = XContext::Recorder->milter(
	    program => $ENV{XC_MILTER_RECORDER} // './t/lib/milter_recorder',
	    socket => "$where/milter", file => "$self->{dir}/milter.seen");
}

sub start_daemons {
	my ($self) = @_;
	my $sockets = $self->{postfix}->sockets;
	my %sockets = ('xcontext-policy' => [ "$sockets/policy",
	    "$sockets/maps" ], 'xcontext-milter' => [ "$sockets/milter" ]);
	for my $name (sort keys %sockets) {
		my $daemon = XContext::Daemon->new(name => $name,
		    conf => $self->conf, log => "$self->{dir}/$name.log",
		    sockets => $sockets{$name});
		$daemon->start;
		push(@{$self->{daemons}}, $daemon);
	}
}

sub start { $_[0]->{postfix}->start }

sub stop {
	my ($self) = @_;
	$self->{postfix}->stop;
	$_->stop for @{$self->{daemons} // []};
	delete $self->{daemons};
	$_->stop for grep { defined } delete @$self{qw(policy_seen
	    milter_seen)};
}

# A session from that address of the loopback network.
sub connect {
	my ($self, $local, $host, $port) = @_;
	return XContext::Smtp->connect($host // $self->{address}, $port // 25,
	    local => $local);
}

# All that could be changed, with owner and mode.
sub state_of_files {
	my ($self) = @_;
	return join('', map { my @st = stat($_);
	    sprintf("%s %o %d %d\n", $_, @st[2, 4, 5]) . slurp($_) }
	    sort grep { -f } glob("$self->{dir}/etc/* $self->{dir}/etc/.[a-z]*"),
	    $self->conf);
}

1;
