#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# README's steps to one's own Postfix, taken from README itself and followed
# letter by letter: what is installed, the user and the directories, the
# configuration and its check, the listener with what was there before, and
# going back.  Only paths, addresses and the user are put in their places.
use strict;
use warnings;

use Test::More;

use XContext::Daemon ();
use XContext::File qw(spit);
use XContext::Guard qw(guard_dir guard_time);
use XContext::Postfix ();
use XContext::Readme qw(in_place listener section);
use XContext::Smtp ();

use constant {
	MESSENGER => '127.0.1.1',
	UNWANTED => '127.0.7.7',	# by what was in main.cf before
};

my $why = XContext::Postfix::impossible() // XContext::Daemon::impossible();
plan(skip_all => $why) if defined $why;
plan(skip_all => 'not in a build directory') if !-e 'Makefile';
guard_time(300);

my $dir = guard_dir();

my $section = section('Attaching it to your own Postfix');
my $after = section('After a change');

# The block behind the paragraph that ends in this.
sub block {
	my ($behind) = @_;
	return XContext::Readme::block('Attaching it to your own Postfix', $behind);
}

sub run {
	my ($command) = @_;
	my $text = qx(exec 2>&1; $command);
	return ($? >> 8, $text);
}

# Step 1.
my @install = split(/\n/, block(qr/says*\Q)./));
is_deeply(\@install, [ 'make -C build install',
    'systemd-sysusers xcontext.conf',
    'systemd-tmpfiles --create xcontext.conf xcontext-postfix.conf' ],
    'step 1 is the three commands that are tried here');
my $root = "$dir/root";
my ($status, $said) = run("env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make " .
    "install DESTDIR=$root");
is($status, 0, 'make install') or diag($said);
my ($lib) = grep { -e "$_/sysusers.d/xcontext.conf" }
    map { "$root$_" } qw(/usr/local/lib /usr/lib);
SKIP: {
	skip('no systemd here', 4) if !defined $lib || system(
	    'command -v systemd-sysusers systemd-tmpfiles > /dev/null') != 0;
	mkdir("$root/etc", 0755);
	spit("$root/etc/group", "root:x:0:\npostfix:x:117:\n");
	spit("$root/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
	($status, $said) = run("systemd-sysusers --root=$root xcontext.conf");
	is($status, 0, 'systemd-sysusers') or diag($said);
	my ($uid) = `cat $root/etc/passwd` =~ /^xcontext:x:(\d+):/m;
	mkdir($_, 0755) for "$root/run", "$root/var", "$root/var/spool",
	    "$root/var/spool/postfix";
	($status, $said) = run("systemd-tmpfiles --root=$root --create " .
	    'xcontext.conf xcontext-postfix.conf');
	is($status, 0, 'systemd-tmpfiles') or diag($said);
	my @st = stat("$root/var/spool/postfix/xcontext");
	is(sprintf('%o %d %d', @st[2, 4, 5]), "42750 $uid 117",
	    'the sockets\' directory');
	@st = stat("$root/run/xcontext");
	is(sprintf('%o %d', @st[2, 4]), "40750 $uid", 'and the other one');
}

# Step 2.  The sample and what README has behind its end.
my ($conf) = grep { -e } map { "$root$_" } qw(/etc/xcontext/xcontext.conf
    /usr/local/etc/xcontext/xcontext.conf);
my $text = do { local (@ARGV, $/) = ($conf // die "no sample\n"); <> };
my $address = XContext::Postfix::own_address();
my $postfix_port = XContext::Postfix::free_port($address);
my $wiring = block(qr/all the world reaches it\./);
my $yours = 'check_client_access inline:{' . UNWANTED . '=REJECT}';
my $entry = listener("$address:$postfix_port");
unlike($wiring, qr/^\s*\d+ inet/m, 'the listener is bound to an address');
my $n_yours = () = $entry =~ /<yours>/g;
is($n_yours, 2, 'what was there before has two places');
my $postfix = XContext::Postfix->new(services => [],
    main => { smtpd_client_restrictions => $yours });
# What README says to print.
for my $name (qw(smtpd_milters smtpd_client_restrictions)) {
	like($section, qr/^postconf -h $name$/m, "README prints $name");
	my $postconf = XContext::Postfix::program('postconf');
	chomp(my $value = qx($postconf -c $postfix->{dir}/etc -h $name));
	$entry =~ s/<yours>/$value/;
}
open(my $out, '>>', $postfix->dir . '/etc/master.cf') or die;
print $out $entry;
close($out);
my $sockets = $postfix->sockets;
$text = in_place("$text\n" . block(qr/behind its end, write/), $dir, $sockets);
spit("$dir/xcontext.conf", $text);
my $trust = block(qr{into /etc/xcontext/trust\.cidr});
is($trust =~ s/^192\.0\.2\.10\t/127.0.1.1\t/m, 1, 'a messenger');
like($trust, qr/^[0-9a-f]+:.*edge$/m, 'and one by IPv6');
spit("$dir/trust.cidr", $trust);
($status, $said) = run(XContext::Daemon::program('xcontext-policy') .
    " -t -c $dir/xcontext.conf");
is("$status $said", "0 $dir/xcontext.conf: ok\n", 'xcontext-policy -t');

my @daemons = map { XContext::Daemon->new(name => $_->[0],
    conf => "$dir/xcontext.conf", log => "$dir/$_->[0].log",
    sockets => [ map { "$sockets/$_" } @$_[1 .. $#$_] ]) }
    [ 'xcontext-policy', 'policy', 'maps' ], [ 'xcontext-milter', 'milter' ];
# As tmpfiles makes it.
chown(0, scalar(getgrnam('postfix')), $sockets);
chmod(02750, $sockets);
$_->start for @daemons;
is((stat("$sockets/$_"))[5], scalar(getgrnam('postfix')),
    "$_ has the group of its directory") for qw(policy maps milter);

# Step 3.
$postfix->start;

# Step 4, and what each kind of client gets.
sub client {
	my ($local, @commands) = @_;
	my $smtp;
	for (1 .. 100) {
		$smtp = eval { XContext::Smtp->connect($address, $postfix_port,
		    local => $local) } and last;
		select(undef, undef, undef, 0.1);
	}
	die "Postfix does not listen\n" if !defined $smtp;
	my @replies = map { $smtp->cmd($_) } @commands;
	$smtp->quit;
	return @replies;
}

my @mail = ('MAIL FROM:<you@example.org>', 'RCPT TO:<you@example.com>');
my @got = client(MESSENGER, 'EHLO m', 'XCLIENT ADDR=198.51.100.9', 'EHLO c',
    @mail);
is($got[1]->code, 220, 'a messenger overrides');
is($got[-1]->code, 250, 'and its mail is taken') or diag($got[-1]);
@got = client(MESSENGER, 'EHLO m', 'XCLIENT ADDR=10.0.0.1', @mail);
is($got[1]->code, 450, 'README\'s refusal');
is($got[-2]->code, 451, 'and no mail');
@got = client('127.0.2.1', 'EHLO s', 'XCLIENT ADDR=198.51.100.9', @mail);
is($got[1]->code, 500, 'a stranger may not');
is($got[-1]->code, 451, 'and has spoilt its session');
@got = client('127.0.2.1', 'EHLO s', @mail);
is($got[-1]->code, 250, 'one that does not try is served') or diag($got[-1]);
@got = client(UNWANTED, 'EHLO s', @mail);
is($got[-1]->code, 554, 'what main.cf refused before is refused still');

# "After a change": what is in force, also behind a file that is broken.
like($after, qr/^systemctl reload xcontext-policy xcontext-milter$/m,
    'README reloads');
spit("$dir/xcontext.conf", "$text\nnonsense\n");
($status) = run(XContext::Daemon::program('xcontext-policy') .
    " -t -c $dir/xcontext.conf");
is($status, 78, 'the check in front of it fails');
$daemons[0]->signal('HUP');
ok($daemons[0]->event(event => 'reload_failed'), 'so does the reload');
spit("$dir/xcontext.conf", $text);
($status, $said) = run(XContext::Daemon::program('xcontext-policy') .
    " -R -c $dir/xcontext.conf");
is($status, 0, 'xcontext-policy -R');
like($said, qr/^# The reload at \S+ failed: .*xcontext\.conf:\d+: /m,
    'says so');
like($said, qr/^profile "edge"/m, 'and what is in force');

# Back to Postfix alone.
for my $command ('systemctl disable --now xcontext-policy.socket',
    'make -C build uninstall', 'userdel xcontext') {
	like($after, qr/^\Q$command\E/m, "README: $command");
}
$postfix->stop;
is($_->stop, 0, "$_->{name} ends well") for @daemons;
ok(!-e "$sockets/milter", 'the milter takes its socket along');
is_deeply([ glob("$dir/xcontext/*.conf") ], [], 'and nothing says what is in ' .
    'force');
alarm(0);
done_testing();
