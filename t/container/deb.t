#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# The Debian packages, from their making to purge, beside Debian's Postfix on a
# host with systemd: nothing starts by itself, the sample configuration runs,
# sessions and what an administrator has changed outlive an upgrade, a removal
# says what it leaves, and of a purge nothing is left.  In no list, for it makes
# the packages twice; by hand, as root:
#
#	apt-get install debootstrap systemd-container
#	perl -w -It/lib t/container/deb.t [SUITE]
#
# SUITE and XC_CONTAINER_ROOT are those of readme.t; XC_DEB names a directory
# with packages, which are taken as they are.
use strict;
use warnings;

use Test::More;

BEGIN { $ENV{XC_TEST_BASE} //= '/var/tmp' }
use XContext::Container qw(append boot container_root does enter give_addresses
    make_host power_off property run run_here);
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_dir guard_time);
use XContext::Smtp ();

use constant HOST => '10.1.2.25';	# its own messenger, too

my $why = XContext::Container::impossible();
plan(skip_all => $why) if defined $why;
guard_time(3600);

my $src = $ENV{srcdir} // '.';
my $dir = guard_dir();

# Where the packages are; two builds, in two places, are one.
sub packages {
	return $ENV{XC_DEB} if defined $ENV{XC_DEB};
	my @sums;
	for my $to ("$dir/one", "$dir/another") {
		my ($status, $said) = run_here("cd $src && DEB_DIR=$to " .
		    'DEB_BUILD_OPTIONS=nocheck ./bootstrap deb');
		is($status, 0, 'bootstrap deb') or BAIL_OUT($said);
		push(@sums, (run_here("cd $to && sha256sum *.deb"))[1]);
	}
	is($sums[1], $sums[0], 'the same source makes the same packages');
	my ($status, $said) = run_here("git -C $src status --porcelain");
	unlike($said, qr{build-deb|debian/}, 'and nothing is left in the tree');
	return "$dir/one";
}

# The package once more, with a higher version and, if so wanted, another
# configuration.
sub newer {
	my ($deb, $suffix, $text) = @_;
	my $tree = "$dir/newer";
	my ($status, $said) = run_here("rm -rf $tree && dpkg-deb -R $deb $tree");
	die $said if $status;
	my $control = slurp("$tree/DEBIAN/control");
	$control =~ s/^(Version: .*)$/$1$suffix/m;
	spit("$tree/DEBIAN/control", $control);
	my $conf = "$tree/etc/xcontext/xcontext.conf";
	spit($conf, slurp($conf) . $text);
	($status, $said) = run_here("dpkg-deb -b $tree " . container_root() .
	    '/root/newer.deb');
	die $said if $status;
	return '/root/newer.deb';
}

# With the host's network, from which what it depends on comes; what apt and the
# package say.
sub apt {
	my ($what) = @_;
	my ($status, $said) = run('DEBIAN_FRONTEND=noninteractive apt-get ' .
	    "-y $what", 1);
	is($status, 0, "apt-get $what") or diag($said);
	return $said;
}

# All files, but for what programs that are not ours keep changing.
sub files {
	my (undef, $said) = run('find / -xdev -print; find /run -name ' .
	    "'*xcontext*' -print");
	return grep { !m{^/(?:proc|sys|dev|root|tmp)/} &&
	    !m{^/var/(?:tmp|log|cache|mail|spool/postfix)/(?!xcontext)} &&
	    !m{^/var/lib/(?:apt|dpkg|postfix)/} &&
	    !m{^/etc/(?:passwd|group|shadow|gshadow|\.pwd)} &&
	    !m{^/var/lib/systemd/(?!deb-)} } sort split(/\n/, $said);
}

# A client in the container, which is HOST itself.
sub client {
	my ($port) = @_;
	return XContext::Smtp->connect_command([ enter('bash', '-c',
	    "exec 3<>/dev/tcp/${\HOST}/$port; cat <&3 & exec cat >&3") ],
	    timeout => 60);
}

sub mails {
	my ($smtp, $subject) = @_;
	return $smtp->mail(from => 'a@example.org', to => 'you@example.com',
	    subject => $subject)->code;
}

sub delivered {
	my ($subject) = @_;
	my $box = container_root() . '/var/mail/you';
	for (1 .. 100) {
		my ($mail) = grep { /^Subject: \Q$subject\E$/m } -e $box ?
		    split(/^(?=From )/m, slurp($box)) : ();
		return $mail if defined $mail;
		select(undef, undef, undef, 0.2);
	}
	return '';
}

sub no_unit_failed {
	my ($when) = @_;
	is((run('systemctl --failed --plain --no-legend'))[1], '',
	    "$when: no unit has failed");
}

my @daemons = map { "xcontext-$_" } qw(policy milter relay);
my @units = ((map { "$_.service" } @daemons),
    map { "xcontext-$_.socket" } qw(policy policy-maps));
my ($deb) = grep { !/dbgsym/ } glob(packages() . '/xcontext_*.deb');
my ($dbgsym) = glob($deb =~ s/_.*//r . '-dbgsym_*.deb');

make_host(@ARGV);
my $root = container_root();
give_addresses(HOST);
does('systemctl restart postfix');
my @before = files();
my %was = map { $_ => slurp("$root/etc/postfix/$_") } qw(main.cf master.cf);

# Installation.
run_here("cp $deb $root/root/xcontext.deb; cp $dbgsym $root/root/dbgsym.deb");
my $said = apt('install /root/xcontext.deb /root/dbgsym.deb');
unlike($said, qr/^(?:Failed|Error|error|warning)|cannot/m,
    'nothing complains') or diag($said);
no_unit_failed('new');
for my $unit (@units) {
	is(property($unit, 'ActiveState'), 'inactive', "$unit: not started");
	is(property($unit, 'UnitFileState'), 'disabled', '... nor enabled');
}
for my $name (@daemons) {
	($why, $said) = run('systemd-analyze security --no-pager ' .
	    "--threshold=15 $name.service");
	is($why, 0, "$name: exposure of 1.5 at most") or diag($said);
}
does('xcontext-policy -t', 'xcontext-milter -t');

# The sample, and a real Postfix that asks.
does('systemctl enable --now xcontext-policy xcontext-milter',
    "xcontext setup postfix --apply --reload --bind ${\HOST}");
sub run_as_xcontext {
	my ($when, @names) = @_;
	for my $name (@names) {
		is(property($name, 'ActiveState'), 'active',
		    "$when: $name runs");
		my $pid = property($name, 'MainPID');
		like((run("stat -c %U /proc/$pid/exe /proc/$pid"))[1],
		    qr/^xcontext$/m, '... as its user');
	}
}
run_as_xcontext('the sample', @daemons[0, 1]);
my $smtp = client(10025);
is($smtp->cmd('EHLO app')->code, 250, 'the sample: a stranger');
isnt($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220, '... may not');
$smtp->close;
like((run('journalctl -q -o cat -t xcontext-policy'))[1],
    qr/10\.1\.2\.25/, '... and is known');
$smtp = client(10025);
$smtp->cmd('EHLO app');
is(mails($smtp, 'sample'), 250, '... but may send mail');
$smtp->quit;
isnt(delivered('sample'), '', '... which arrives');

# What an administrator does.
spit("$root/etc/xcontext/trust.cidr", HOST . "\tapp\n");
append('/etc/xcontext/xcontext.conf', <<"END");
trust_maps = { "cidr:/etc/xcontext/trust.cidr" }
profile app {
	xclient = { "ADDR" }
	addr = { "public" }
	xsetcontext = { "tenant" }
	xdumpcontext = true
	seal = "never"
}
relay out {
	listen = "127.0.0.1:10027"
	next_hop = "smtp:[${\HOST}]:25"
	binding = "plain"
}
binding plain { tls = "may" }
END
my $conf = slurp("$root/etc/xcontext/xcontext.conf");
does('systemctl reload xcontext-policy xcontext-milter',
    'systemctl enable --now xcontext-relay');
run_as_xcontext('a relay', 'xcontext-relay');

# Upgrades with sessions open.
sub upgrade {
	my ($suffix, $text) = @_;
	my @pids = map { property($_, 'MainPID') } @daemons;
	my $stranger = client(25);
	$smtp = client(10025);
	$_->cmd('EHLO app') for $smtp, $stranger;
	is($smtp->cmd('XSETCONTEXT tenant=acme')->code, 250,
	    "$suffix: a context is set");
	my ($session) = $smtp->cmd('XDUMPCONTEXT')->text =~
	    /session ([0-9A-Z]{26})/;
	apt('-o Dpkg::Options::=--force-confold install ' .
	    newer($deb, $suffix, $text));
	like((run('dpkg-query -W xcontext'))[1], qr/\Q$suffix\E$/,
	    "$suffix is there");
	run_as_xcontext($suffix, @daemons);
	isnt(property($daemons[$_], 'MainPID'), $pids[$_],
	    "$suffix: $daemons[$_] is the new one") for 0 .. $#daemons;
	no_unit_failed($suffix);
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220,
	    "$suffix: its session goes on");
	my $dump = $smtp->cmd('XDUMPCONTEXT')->text;
	like($dump, qr/session \Q$session\E$/m, '... and is the same');
	like($dump, qr/ tenant acme$/m, '... with its context');
	$smtp->cmd('EHLO client');
	is(mails($smtp, "good $suffix"), 250, '... its mail is accepted');
	like(delivered("good $suffix"), qr/\[198\.51\.100\.9\]/,
	    '... and whose it is');
	is(mails($stranger, "stranger $suffix"), 250,
	    "$suffix: nobody else was concerned");
	$_->quit for $smtp, $stranger;
	is(slurp("$root/etc/xcontext/xcontext.conf"), $conf,
	    "$suffix: the configuration is the administrator's");
}
upgrade('+1', '');
upgrade('+2', "# A later sample.\n");
ok(-e "$root/etc/xcontext/xcontext.conf.dpkg-dist", 'the new sample is beside');

# A removal with Postfix attached.
$said = apt('remove xcontext');
like($said, qr{^xcontext: +/etc/postfix/(?:main|master)\.cf:\d+:.*xcontext/}m,
    'a removal says what goes on to ask') or diag($said);
like($said, qr/xcontext setup postfix --undo/, '... and what to do');
is((run('systemctl list-units --plain --no-legend ' .
    "--state=active 'xcontext*'"))[1], '', 'nothing runs');
is(slurp("$root/etc/xcontext/xcontext.conf"), $conf, 'the configuration stays');
$smtp = client(25);
$smtp->cmd('EHLO stranger');
is(mails($smtp, 'removed'), 250, "Postfix's own listener works");
$smtp->quit;
$smtp = client(10025);
is($smtp->cmd('EHLO app')->code, 421,
    '... and ours refuses for the time being');
$smtp->close;

# It comes back as it was; and goes for good, in good order.
apt('install /root/newer.deb');
is(slurp("$root/etc/xcontext/xcontext.conf"), $conf, 'and is there again');
does('systemctl start xcontext-policy xcontext-milter');
run_as_xcontext('installed again', @daemons[0, 1]);
does('xcontext setup postfix --undo', 'postfix reload');
is(slurp("$root/etc/postfix/$_"), $was{$_}, "$_ is as it was")
    for sort keys %was;
$said = apt('purge xcontext');
unlike($said, qr/^xcontext: /m, 'there is nothing to say');
no_unit_failed('purged');
ok(-e "$root/etc/xcontext/trust.cidr", 'what is not ours stays');
does('rm -r /etc/xcontext');
my %old = map { $_ => 1 } @before;
my @left = grep { !$old{$_} } files();
is("@left", '', 'nothing of ours is left');
$smtp = client(25);
$smtp->cmd('EHLO stranger');
is(mails($smtp, 'purged'), 250, 'Postfix goes on');
$smtp->quit;

# A host with no mail server.
apt('purge --auto-remove postfix');
does('getent passwd postfix > /dev/null && userdel postfix; ' .
    'getent group postfix > /dev/null && groupdel postfix; ' .
    'rm -rf /var/spool/postfix');
apt('install /root/xcontext.deb');
no_unit_failed('without Postfix');
does('xcontext-policy -t');
apt('purge xcontext');
power_off();
alarm(0);
done_testing();
