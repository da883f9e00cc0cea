#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# README followed word by word, from a fresh clone to "make uninstall", on a
# Debian of its own with systemd as its first process: what t/live/readme.t
# cannot try, because it would change the host.  In no list, for it takes a
# quarter of an hour and the network; by hand, as root:
#
#	apt-get install debootstrap systemd-container
#	perl -w -It/lib t/container/readme.t [SUITE]
#
# SUITE is this host's own Debian, or bookworm, trixie ...  XC_CONTAINER_ROOT
# names a directory with such a Debian, which stays as it is.
use strict;
use warnings;

use Test::More;

BEGIN { $ENV{XC_TEST_BASE} //= '/var/tmp' }
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_dir guard_process guard_forget guard_child
    guard_mount guard_time process_start process_gone stop_process);
use XContext::Readme qw(block commands section);

use constant {
	ATTACH => 'Attaching it to your own Postfix',
	CHANGE => 'After a change',
	HOST => '192.0.2.25',		# these two are README's
	MESSENGER => '192.0.2.10',
	STRANGER => '192.0.2.99',
};

plan(skip_all => 'a container needs root') if $> != 0;
for my $tool (qw(debootstrap git nsenter systemd-nspawn)) {
	plan(skip_all => "no $tool") if system("command -v $tool > /dev/null");
}
my ($suite) = @ARGV;
$suite //= (slurp('/etc/os-release') =~ /^VERSION_CODENAME=(\w+)$/m)[0];
plan(skip_all => 'this is no Debian') if !defined $suite;
guard_time(5400);

my $src = $ENV{srcdir} // '.';
my $dir = guard_dir();
my $root = "$dir/root";
my ($nspawn, $init);

sub run_here {
	my ($command) = @_;
	my $text = qx(exec 2>&1 < /dev/null; $command);
	return ($? >> 8, $text);
}

# In the container; with the host's network, from which packages come, if so
# wanted.
sub run {
	my ($command, $with_network) = @_;
	spit("$root/root/command", "$command\n");
	return run_here("nsenter -t $init -m -u -i -p -C " .
	    ($with_network ? '' : '-n ') . 'env -i HOME=/root TERM=dumb ' .
	    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:' .
	    '/bin LC_ALL=C.UTF-8 sh /root/command');
}

# These succeed; says what the last of them said.
sub does {
	my $said;
	for my $command (@_) {
		(my $status, $said) = run($command);
		is($status, 0, $command) or diag($said);
	}
	return $said;
}

sub boot {
	$nspawn = fork() // die "fork: $!\n";
	if ($nspawn == 0) {
		guard_child();
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', "$dir/console");
		open(STDERR, '>&', \*STDOUT);
		exec(qw(systemd-nspawn --quiet --boot --register=no --keep-unit
		    --private-network --console=pipe -D), $root) or exit(127);
	}
	guard_process($nspawn);
	for (1 .. 600) {
		last if process_gone($nspawn, process_start($nspawn));
		($init) = split(' ', `pgrep -P $nspawn`);
		return if defined $init &&
		    (run('systemctl is-system-running --wait'))[1] =~
		    /^(?:running|degraded)$/;
		select(undef, undef, undef, 0.2);
	}
	plan(skip_all => 'no container can be booted: ' . slurp("$dir/console"))
	    if !Test::More->builder->current_test;
	die "the container does not boot: ", slurp("$dir/console"), "\n";
}

sub power_off {
	stop_process($nspawn, process_start($nspawn), 90);
	waitpid($nspawn, 0);
	guard_forget($nspawn);
}

# The root directory: what is there, and a layer for what changes.
sub make_root {
	my $debian = $ENV{XC_CONTAINER_ROOT} // "$dir/debian";
	mkdir($_, 0755) for $root, "$dir/changes", "$dir/work";
	my ($status, $said) = -e "$debian/etc/debian_version" ? 0 :
	    run_here('debootstrap --variant=minbase --include=' .
	    "ca-certificates,dbus,iproute2,systemd-sysv $suite $debian");
	plan(skip_all => "debootstrap: $said") if $status != 0;
	guard_mount($root);
	($status, $said) = run_here('mount -t overlay -o ' .
	    "lowerdir=$debian,upperdir=$dir/changes,workdir=$dir/work " .
	    "overlay $root");
	plan(skip_all => "no overlay: $said") if $status != 0;
}

# A host with Postfix, as Debian makes one.
sub make_host {
	make_root();
	run_here("cp /etc/resolv.conf $root/etc/resolv.conf");
	my ($failed, $why) = -e "$root/root/xcontext" ?
	    run_here("git -C $root/root/xcontext pull -q") :
	    run_here("git clone -q \$(cd $src && " .
	    "git rev-parse --show-toplevel) $root/root/xcontext");
	die "git: $why" if $failed;
	spit("$root/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n");
	chmod(0755, "$root/usr/sbin/policy-rc.d");
	boot();
	my ($status, $said) = run(<<'END', 1);
export DEBIAN_FRONTEND=noninteractive
debconf-set-selections <<EOF
postfix postfix/main_mailer_type select Internet Site
postfix postfix/mailname string example.com
postfix postfix/destinations string example.com, localhost
EOF
[ -e /etc/postfix/main.cf ] || apt-get update
[ -e /etc/postfix/main.cf ] || apt-get install -y postfix
id you || useradd -m you
END
	is($status, 0, 'a host with Postfix') or diag($said);
	unlink("$root/usr/sbin/policy-rc.d");
}

# README's addresses, there before Postfix is, as on a real host.
sub give_addresses {
	spit("$root/etc/systemd/system/addresses.service", <<"END");
[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/sbin/ip link set lo up
@{[ map { "ExecStart=/sbin/ip addr add $_/32 dev lo\n" } HOST, MESSENGER,
    STRANGER ]}
[Install]
WantedBy=sysinit.target
END
	does('systemctl daemon-reload', 'systemctl enable --now addresses');
}

sub append {
	my ($file, $text) = @_;
	spit("$root$file", slurp("$root$file") . $text);
}

# All of what is ours in the container, but for the clone.
sub ours {
	my (undef, $said) = run('find / -xdev -path /root -prune -o -path ' .
	    "/var/log/journal -prune -o -iname '*xcontext*' -print");
	return [ sort split(/\n/, $said) ];
}

# Mail from there as README sends it; (status, dialogue).
sub swaks {
	my ($from, $subject, @options) = @_;
	my ($command) = grep { /^swaks/ } commands(ATTACH,
	    qr/from a messenger:/);
	$command =~ s/your\.host/@{[HOST]}/;
	$command =~ s/--xclient \S+//;
	return run("$command --local-interface $from --header 'Subject: " .
	    "$subject' @options");
}

sub delivered {
	my ($subject) = @_;
	for (1 .. 50) {
		my ($mail) = grep { /^Subject: \Q$subject\E$/m } -e
		    "$root/var/mail/you" ?
		    split(/^(?=From )/m, slurp("$root/var/mail/you")) : ();
		return $mail if defined $mail;
		select(undef, undef, undef, 0.2);
	}
	return '';
}

sub works {
	my ($when) = @_;
	my ($status, $said) = swaks(MESSENGER, "good $when",
	    '--xclient ADDR=198.51.100.9');
	is($status, 0, "$when: an override") or diag($said);
	like(delivered("good $when"), qr/\[198\.51\.100\.9\]/,
	    "$when: and whose mail it is");
	($status, $said) = swaks(MESSENGER, "bad $when",
	    '--xclient ADDR=10.0.0.1');
	like($said, qr/^<\*\* 450 4\.7\.1 /m, "$when: a refusal")
	    or diag($said);
	($status, $said) = swaks(STRANGER, "stranger $when",
	    '--xclient ADDR=198.51.100.9');
	isnt($status, 0, "$when: a stranger may not") or diag($said);
	($status, $said) = swaks(STRANGER, "plain $when");
	is($status, 0, "$when: but may send mail") or diag($said);
}

sub property {
	my ($unit, $name) = @_;
	my (undef, $value) = run("systemctl show -p $name --value $unit");
	chomp($value);
	return $value;
}

make_host();
give_addresses();
does('systemctl restart postfix');
my $before = ours();
is_deeply($before, [], 'nothing of ours is there');

# Two commands.
my ($status, $said) = run('cd /root/xcontext && ./bootstrap', 1);
is($status, 0, './bootstrap') or BAIL_OUT($said);
$before = ours();

# 1, 2.
my $in = 'cd /root/xcontext && ';
does(map { "$in$_" } commands(ATTACH, qr/say\)\./));
append('/etc/xcontext/xcontext.conf', "\n" .
    block(ATTACH, qr/behind its end, write/));
spit("$root/etc/xcontext/trust.cidr",
    block(ATTACH, qr{into /etc/xcontext/trust\.cidr}));
my @start = commands(ATTACH, qr/just run the two programs\):/);
is(@start, 3, 'the check, and how to start');
like(does($start[0]), qr/: ok$/m, 'which says ok');
does(@start[1, 2]);
is(property("xcontext-$_", 'ActiveState'), 'active', "xcontext-$_ runs")
    for qw(policy milter);
is(property("xcontext-$_", 'User'), 'xcontext', 'as its user')
    for qw(policy milter);

# 3.
my $entry = block(ATTACH, qr/all the world reaches it\./);
for my $command (commands(ATTACH, qr/nothing if that is nothing:/)) {
	my $value = does($command) =~ s/\n//r;
	$entry =~ s/<yours>/$value/;
}
unlike($entry, qr/yours/, 'both places are filled');
my %was = map { $_ => slurp("$root/etc/postfix/$_") } qw(main.cf master.cf);
append('/etc/postfix/master.cf', $entry);
append('/etc/postfix/main.cf',
    block(ATTACH, qr/\bnames already\):/));
does('postfix reload');

# 4.
works('at first');
my (undef, $log) = run('journalctl -q -o cat -t xcontext-policy ' .
    '-t xcontext-milter');
like($log, qr/event=refuse /, 'the journal has what they say') or diag($log);

# After a change: what is in force stays, and the change comes into force.
my ($reload) = section(CHANGE) =~ /^(systemctl reload .*)$/m;
does($reload);
my $conf = slurp("$root/etc/xcontext/xcontext.conf");
spit("$root/etc/xcontext/xcontext.conf", "$conf\nnonsense\n");
($status, $said) = run($reload);
isnt($status, 0, 'a reload that fails says so');
for my $unit (qw(xcontext-policy xcontext-milter)) {
	is(property($unit, 'ActiveState'), 'active', "$unit goes on");
	(undef, $said) = run("systemctl status $unit");
	like($said, qr/ExecReload=.*status=78/,
	    'and "systemctl status" says so') or diag($said);
	does("systemctl kill --kill-whom=main -s HUP $unit");
	for (1 .. 50) {
		$said = property($unit, 'StatusText');
		last if $said =~ /fail/;
		select(undef, undef, undef, 0.1);
	}
	like($said, qr/xcontext\.conf:\d+: /, 'by hand: StatusText says so');
}
works('behind a reload that failed');
spit("$root/etc/xcontext/xcontext.conf", $conf);
does($reload);
unlike(property("xcontext-$_", 'StatusText'), qr/fail/, "$_ is well again")
    for qw(policy milter);

# Upgrade.
does("${in}make -C build install", 'systemctl daemon-reload');
my ($restart) = section(CHANGE) =~ /^(systemctl restart .*)$/m;
does($restart);
works('behind a restart');

# The sockets are systemd's, and start what was stopped.
does('systemctl stop xcontext-policy.service');
works('behind a stop');
is(property('xcontext-policy', 'ActiveState'), 'active', 'which is no more');

# The host starts again.
does('systemctl is-enabled xcontext-policy xcontext-milter');
power_off();
boot();
works('behind a boot');

# Back.
spit("$root/etc/postfix/$_", $was{$_}) for keys %was;
does(map { "$in$_" } commands(CHANGE, qr/get 421; then/));
(undef, $said) = run('systemctl --failed --plain --no-legend');
is($said, '', 'no unit has failed');
is_deeply(ours(), $before, 'nothing of ours is left');
($status, $said) = run('swaks --server ' . HOST .
    ' --to you@example.com --from you@example.org');
is($status, 0, 'Postfix goes on') or diag($said);
power_off();
alarm(0);
done_testing();
