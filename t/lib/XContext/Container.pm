# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Container: a Debian with Postfix and with systemd as its first
# process, of the test's own, and without a network but loopback.
#
# It is made by debootstrap, or stands in XC_CONTAINER_ROOT, where it stays as it
# is: what the test changes is in a layer above it.
package XContext::Container;

use strict;
use warnings;

use Exporter 'import';
use Test::More;

use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_dir guard_process guard_forget guard_child
    guard_mount process_start process_gone stop_process);

our @EXPORT_OK = qw(append boot container_root does enter give_addresses
    make_host power_off property run run_here);

my ($dir, $root, $nspawn, $init);

# Why there can be none here; undef if there can.
sub impossible {
	return 'a container needs root' if $> != 0;
	for my $tool (qw(debootstrap git nsenter systemd-nspawn)) {
		return "no $tool" if system("command -v $tool > /dev/null");
	}
	return undef;
}

# Where its files are.
sub container_root { return $root }

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

# A command of this host's that runs in its network.
sub enter {
	return ('nsenter', '-t', $init, '-n', @_);
}

# The root directory: what is there, and a layer for what changes.
sub make_root {
	my ($suite) = @_;
	$suite //= (slurp('/etc/os-release') =~
	    /^VERSION_CODENAME=(\w+)$/m)[0];
	plan(skip_all => 'this is no Debian') if !defined $suite;
	$dir = guard_dir();
	$root = "$dir/root";
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

# A host with Postfix, as Debian makes one, of that suite or else of this host's.
sub make_host {
	my ($suite) = @_;
	make_root($suite);
	run_here("cp /etc/resolv.conf $root/etc/resolv.conf");
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

# Addresses of its own, there before Postfix is, as on a real host.
sub give_addresses {
	spit("$root/etc/systemd/system/addresses.service", <<"END");
[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/sbin/ip link set lo up
@{[ map { "ExecStart=/sbin/ip addr add $_/32 dev lo\n" } @_ ]}
[Install]
WantedBy=sysinit.target
END
	does('systemctl daemon-reload', 'systemctl enable --now addresses');
}

sub append {
	my ($file, $text) = @_;
	spit("$root$file", slurp("$root$file") . $text);
}

sub property {
	my ($unit, $name) = @_;
	my (undef, $value) = run("systemctl show -p $name --value $unit");
	chomp($value);
	return $value;
}

1;
