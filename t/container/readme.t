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
use XContext::Container qw(append boot container_root does give_addresses
    make_host power_off property run run_here);
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_time);
use XContext::Readme qw(block commands section);

use constant {
	ATTACH => 'Attaching it to your own Postfix',
	CHANGE => 'After a change',
	HOST => '192.0.2.25',		# these two are README's
	MESSENGER => '192.0.2.10',
	STRANGER => '192.0.2.99',
};

my $why = XContext::Container::impossible();
plan(skip_all => $why) if defined $why;
guard_time(5400);

my $src = $ENV{srcdir} // '.';

# The clone that is followed.
sub clone {
	my $to = container_root() . '/root/xcontext';
	my ($failed, $said) = -e $to ? run_here("git -C $to pull -q") :
	    run_here("git clone -q \$(cd $src && " .
	    "git rev-parse --show-toplevel) $to");
	die "git: $said" if $failed;
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
	my $root = container_root();
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

make_host(@ARGV);
my $root = container_root();
clone();
give_addresses(HOST, MESSENGER, STRANGER);
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
