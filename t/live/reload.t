#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# SIGHUP: with a broken configuration or table the old rules stay and the log,
# the service manager and the metrics say so, with file:line; with a good one new
# sessions follow it, and running ones are not cut and keep the rules that they
# began with.
use strict;
use warnings;

use IO::Select ();
use IO::Socket::UNIX ();
use Socket qw(SOCK_DGRAM);
use Test::More;
use Time::HiRes ();

use XContext::Daemon ();
use XContext::Inside qw(accounts);
use XContext::Live ();
use XContext::Postfix ();

my $address = XContext::Postfix::own_address();
my %metrics = map { +"xcontext-$_" => "$address:" .
    XContext::Postfix::free_port($address) } qw(policy milter);
my $live = XContext::Live->new(start => 0, map { $_ =>
    { metrics => '"' . $metrics{"xcontext-$_"} . '"' } } qw(policy milter));
my @daemons = ($live->policy, $live->milter);
$_->{env} = { NOTIFY_SOCKET => "$live->{dir}/$_->{name}.notify" } for @daemons;
chmod(0755, $live->{dir});
$live->start;
# Each daemon's manager, of which no other process of the test has a part.
my %manager;
for my $daemon (@daemons) {
	my $path = $daemon->{env}{NOTIFY_SOCKET};
	$manager{$daemon->{name}} = IO::Socket::UNIX->new(Local => $path,
	    Type => SOCK_DGRAM) // die "$path: $!\n";
	chmod(0777, $path);
}
$live->expect_log(qr/event=reload_failed/);
my %pid = map { ($_->{name}, $_->pid) } @daemons;
my $n = 0;

sub replace {
	my ($path, $text) = @_;
	open(my $fh, '>', $path) or die "$path: $!\n";
	print $fh $text;
	close($fh);
}

# SIGHUP; the event that it must lead to, which is a new one.
sub hup {
	my ($daemon, $event) = @_;
	my $before = () = $daemon->events(event => $event);
	$daemon->signal('HUP');
	for (1 .. 250) {
		my @events = $daemon->events(event => $event);
		return $events[-1] if @events > $before;
		Time::HiRes::sleep(0.02);
	}
	return undef;
}

# Without libsystemd nobody is told.
my $has_manager = (qx(ldd $ENV{XC_POLICY} 2>/dev/null) // '') =~ /libsystemd/;

# What the daemon tells its manager last; it is waited for until it fits.
sub told {
	my ($daemon, $wanted) = @_;
	my $sock = $manager{$daemon->{name}};
	my $text = '';
	while ($text !~ $wanted && IO::Select->new($sock)->can_read(5)) {
		recv($sock, $text, 4096, 0) // last;
	}
	return $text =~ s/^READY=1\n//r;
}

sub begin {
	my ($peer) = @_;
	my $smtp = $live->connect(local => $peer);
	$smtp->cmd('EHLO edge.example.net');
	return $smtp;
}

sub override {
	my ($smtp, $address) = @_;
	my $reply = $smtp->cmd("XCLIENT ADDR=$address");
	$smtp->cmd('EHLO client.example.org') if $reply->code == 220;
	return $reply->code;
}

sub mail_is_from {
	my ($name, $smtp, $address) = @_;
	my $sender = sprintf('r%d@example.org', ++$n);
	my $reply = $smtp->mail(from => $sender);
	is($reply->code, 250, "$name: mail") or diag($reply);
	is_deeply([ accounts($live, $sender) ], [ "$address unknown 0 " ],
	    "$name: under its identity");
}

# The rules as they were at the start are in force.
sub rules_are_old {
	my ($name) = @_;
	my $connects = () = $live->milter->events(event => 'connect');
	my $smtp = begin(XContext::Live::MESSENGER);
	is(override($smtp, '198.51.100.1'), 220,
	    "$name: the messenger may still override");
	mail_is_from($name, $smtp, '198.51.100.1');
	$smtp->quit;
	$smtp = begin(XContext::Live::STRANGER);
	isnt(override($smtp, '198.51.100.1'), 220,
	    "$name: the stranger may not");
	$smtp->quit;
	my $now = () = $live->milter->events(event => 'connect');
	cmp_ok($now, '>', $connects, "$name: the milter logs as before");
}

# Two that run through all of it.
my $early = begin(XContext::Live::MESSENGER);
my $overridden = begin(XContext::Live::MESSENGER);
is(override($overridden, '198.51.100.2'), 220, 'a session is overridden');

my $good_conf = do {
	open(my $fh, '<', $live->{conf_file}) or die;
	local $/;
	<$fh>;
};
my $conf_lines = () = $good_conf =~ /\n/g;

# What is broken: configuration, table, what the log must name.
my @rows = (
	[ 'an unknown setting', $good_conf . "no_such_setting = \"x\"\n",
	    undef, 'xcontext.conf:' . ($conf_lines + 1) ],
	[ 'a bad value', $good_conf . "profile x {\n\tseal = \"no\"\n}\n",
	    undef, 'xcontext.conf:' . ($conf_lines + 2) ],
	[ 'an attribute that does not exist', $good_conf .
	    "profile x {\n\n\txclient = { \"ADR\" }\n}\n",
	    undef, 'xcontext.conf:' . ($conf_lines + 3) ],
	[ 'a brace that is not closed', $good_conf . "profile x {\n",
	    undef, 'xcontext.conf:' . ($conf_lines + 1) ],
	[ 'a bad line in the table', $good_conf,
	    "127.0.2.0/24\tedge\n127.0.1.0/33\tedge\n", 'trust.cidr:2' ],
	[ 'a profile that does not exist', $good_conf,
	    "127.0.1.0/24\tedge\n127.0.2.0/24\tnosuch\n", 'trust.cidr:2' ],
	[ 'no configuration', undef, undef, 'xcontext.conf' ],
	[ 'no table', $good_conf, '', 'trust.cidr' ],
);

for my $row (@rows) {
	my ($name, $conf, $trust, $where) = @$row;
	replace($live->{conf_file}, $conf // '');
	replace($live->{trust_file}, $trust // $live->{trust});
	unlink($live->{conf_file}) if !defined $conf;
	unlink($live->{trust_file}) if defined $trust && $trust eq '';
	for my $daemon (@daemons) {
		my $event = hup($daemon, 'reload_failed');
		like($event->{text} // 'no event', qr/\Q$where\E\b/,
		    "$name: $daemon->{name} says where");
		is($event->{level}, 'error', "$name: as an error");
		like(told($daemon, qr/^READY=1\nSTATUS=reload/),
		    qr/\ASTATUS=reload failed, the old .*\Q$where\E\b.*\z/,
		    "$name: and tells the service manager")
		    if $has_manager;
	}
	rules_are_old($name);
}

sub counted {
	my ($daemon, $is_successful) = @_;
	my $page = $daemon->metrics($metrics{$daemon->{name}});
	like($page, qr/^xcontext_config_last_reload_successful $is_successful\r?$/m,
	    "$daemon->{name}: whether the last reload failed");
	like($page, qr/^xcontext_config_reload_failures_total ${\ scalar @rows}\r?$/m,
	    "$daemon->{name}: and how many did");
}
counted($_, 0) for @daemons;

# Roles are exchanged, and the log gets quiet.
$live->{trust} = "127.0.2.0/24\tedge\n";
$live->{opt}{conf}{log_all} = 'false';
$live->write_conf;
ok(hup($_, 'reload'), "$_->{name} reloads") for @daemons;
for my $daemon (@daemons) {
	like(told($daemon, qr/^READY=1\nSTATUS=serving/),
	    qr/\ASTATUS=serving by \Q$live->{conf_file}\E\z/,
	    "$daemon->{name}: and tells the service manager")
	    if $has_manager;
	counted($daemon, 1);
}

my $connects = () = $live->milter->events(event => 'connect');
my $smtp = begin(XContext::Live::STRANGER);
is(override($smtp, '198.51.100.3'), 220, 'new rules: for a new session');
mail_is_from('new rules', $smtp, '198.51.100.3');
$smtp->quit;
$smtp = begin(XContext::Live::MESSENGER);
isnt(override($smtp, '198.51.100.3'), 220, 'new rules: and for another');
$smtp->quit;
is(scalar(() = $live->milter->events(event => 'connect')), $connects,
    'new rules: the milter follows them too');

is(override($early, '198.51.100.4'), 220,
    'a running session keeps its rules');
mail_is_from('a running session', $early, '198.51.100.4');
mail_is_from('an overridden session', $overridden, '198.51.100.2');
is($_->quit->code, 221, 'and was not cut') for $early, $overridden;

# A storm of them in the middle of sessions.  ThreadSanitizer blocks signals in
# the milter's first thread for moments of its own, in which SIGHUP would be
# libmilter's, which takes it for an order to stop: there only policy has it.
my @stormed = ($ENV{XC_SANITIZE} // '') eq 'thread' ? ($live->policy) :
    @daemons;
# Nobody reads what the managers are told, and a full one is waited for.
close($_) for values %manager;
$smtp = begin(XContext::Live::STRANGER);
for my $i (1 .. 30) {
	$_->signal('HUP') for @stormed;
	$smtp->cmd('NOOP') if $i % 5;
	is(override($smtp, '198.51.100.5'), 220, 'in a storm: XCLIENT')
	    if $i == 15;
}
mail_is_from('in a storm', $smtp, '198.51.100.5');
$smtp->quit;
is($_->pid, $pid{$_->{name}}, "$_->{name} is the same process"),
    ok($_->is_running, "$_->{name} is alive") for @daemons;

# Signals that come before there is anybody to take them: they wait, as one does
# that a process has and blocks when another program is executed.
my $early_program = "$live->{dir}/early";
sub start_with_signal {
	my ($daemon, $name, %opt) = @_;
	my $program = XContext::Daemon::program($daemon->{name});
	replace($early_program, <<"END");
#!/usr/bin/perl
use POSIX ();
POSIX::sigprocmask(POSIX::SIG_BLOCK(), POSIX::SigSet->new(POSIX::SIG$name()));
kill('$name', \$\$);
exec('$program', \@ARGV);
END
	chmod(0755, $early_program);
	local @ENV{qw(XC_POLICY XC_MILTER)} = ($early_program) x 2;
	return $daemon->start(%opt);
}

for my $daemon (@daemons) {
	is($daemon->stop, 0, "$daemon->{name} ends");
	my $before = () = $daemon->events(event => 'reload');
	start_with_signal($daemon, 'HUP');
	for (1 .. 250) {
		last if $daemon->events(event => 'reload') > $before;
		Time::HiRes::sleep(0.02);
	}
	is(scalar(() = $daemon->events(event => 'reload')), $before + 1,
	    "$daemon->{name} does what it was told too early");
	ok(hup($daemon, 'reload'), "$daemon->{name}: and again");
	is($daemon->stop, 0, "$daemon->{name} ends");
	is(start_with_signal($daemon, 'TERM', may_fail => 1) ||
	    wait_for_end($daemon), 0,
	    "$daemon->{name} ends well if it is told to too early");
	$daemon->start;
}

# Without being told once more.
sub wait_for_end {
	my ($daemon) = @_;
	for (1 .. 250) {
		return $daemon->stop if !$daemon->is_running;
		Time::HiRes::sleep(0.02);
	}
	return 'it does not end';
}

$live->finish;
