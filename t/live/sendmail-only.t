#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# README's section "Sendmail", word by word, on a host without Postfix: in a
# mount namespace with an /etc, /run and /usr/local of its own, where neither a
# user nor a group nor a directory of Postfix's is.  What README installs starts
# from the sample that it installs, as the units would start it; so do
# xcontext-policy and xcontext-relay with sockets that are not Postfix's.
use strict;
use warnings;

use Cwd ();
use File::Path qw(make_path);
use IO::Socket::UNIX ();
use Test::More;

use XContext::Daemon ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_dir guard_time);
use XContext::Postfix ();
use XContext::Readme qw(block commands displays section with);
use XContext::Sendmail ();
use XContext::Smtp ();

use constant {
	APP => '127.0.1.40',
	PEER => '127.0.1.1',
};

#
# The host.  All of this runs twice: the first time it makes the directories,
# and in their namespace it runs itself again, where they are the host's.
#
sub run {
	my ($command) = @_;
	my $text = qx(exec 2>&1 < /dev/null; $command);
	return ($? >> 8, $text);
}

sub impossible {
	return 'a host of its own needs root' if $> != 0;
	return 'not in a build directory' if !-e 'Makefile';
	my %is = slurp('Makefile') =~ /^(prefix|sysconfdir) = (.*)$/mg;
	return 'not configured as ./bootstrap does'
	    if $is{prefix} ne '/usr/local' || $is{sysconfdir} ne '/etc';
	return 'no name space of its own (unshare -m)'
	    if system('unshare -m true 2>/dev/null') != 0;
	for my $tool (qw(setpriv systemd-sysusers systemd-tmpfiles)) {
		return "no $tool" if system("command -v $tool >/dev/null");
	}
	return undef;
}

# The directories are in /run.
my $inside = <<'END';
set -e
for name in etc usr/local var/spool run; do
	mount --bind "$0/$name" "/$name"
done
exec "$@"
END

if (!defined $ENV{XC_SENDMAIL_ONLY}) {
	my $why = impossible();
	plan(skip_all => $why) if defined $why;
	guard_time(300);
	my $host = guard_dir() . '/host';
	make_path("$host/run", "$host/etc", "$host/usr/local",
	    "$host/var/spool");
	# What programs need, and of users those that each system has.
	system("cp -a /etc/ld.so.* /etc/alternatives $host/etc/") == 0
	    or die "cp fails\n";
	spit("$host/etc/passwd", "root:x:0:0::/root:/bin/sh\n" .
	    "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n");
	spit("$host/etc/group", "root:x:0:\nmail:x:8:\nnogroup:x:65534:\n");
	spit("$host/etc/nsswitch.conf", "passwd: files\ngroup: files\n" .
	    "hosts: files\n");
	spit("$host/etc/hosts", "127.0.0.1 localhost\n");
	my $status = system({ 'unshare' } 'unshare', '-m', 'sh', '-c', $inside,
	    $host, 'env', 'XC_SENDMAIL_ONLY=1', 'XC_TEST_BASE=/run', $^X, '-w',
	    (map { "-I$_" } grep { !ref && m{t/lib$} } @INC), $0);
	alarm(0);
	exit($status >> 8 || ($status & 127 ? 1 : 0));
}
guard_time(280);
my $dir = guard_dir();
is(scalar(getpwnam('postfix')) // scalar(getgrnam('postfix')) // 'none',
    'none', 'neither a user nor a group of Postfix\'s');
ok(!-e '/var/spool/postfix', 'nor its directory');

#
# What README installs.
#
use constant TITLE => 'Sendmail';
my ($install, @users) = commands(TITLE, qr/needs to be there:/);
is($install, 'make -C build install', 'what is installed');
my ($status, $said) = run('env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL ' .
    'make install');
is($status, 0, $install) or diag($said);
cmp_ok(scalar(@users), '>=', 2, 'README: the user and the directory');
for my $command (@users) {
	($status, $said) = run($command);
	is($status, 0, $command) or diag($said);
}
my ($uid, $gid) = (getpwnam('xcontext'))[2, 3];
ok(defined $uid, 'there is a user');
is(sprintf('%o %d %d', (stat('/run/xcontext'))[2, 4, 5]), "40750 $uid $gid",
    'and the directory is its own');

#
# The configuration: the sample, with README's line in the section "milter".
#
my $file = '/etc/xcontext/xcontext.conf';
my $sample = slurp($file);
my ($listen) = grep { /^listen = / } displays(section(TITLE));
($listen) = split(/\n/, $listen // die "README has no listen line\n");
my ($socket) = $listen =~ /"unix:(.*)"/;

# The milter section of a text with README's line.
sub for_sendmail {
	my ($text) = @_;
	$text =~ s/^milter \{\n.*?\K\tlisten = [^\n]*/\t$listen/ms
	    or die "the sample has no section milter\n";
	return $text;
}

spit($file, for_sendmail($sample));
my @start = commands(TITLE, qr/xcontext\.conf\n\n\tlisten = .*/);
is($start[0], 'xcontext-milter -t', 'README checks');
is(join("\n", @start[1, 2]), "systemctl daemon-reload\n" .
    'systemctl enable --now xcontext-milter', 'and starts');
local $ENV{PATH} = "/usr/local/sbin:/usr/local/bin:$ENV{PATH}";
is(join(' ', run($start[0])), "0 $file: ok\n", $start[0]);

#
# As the unit starts it: its user, its command.
#
sub daemon {
	my ($name, @sockets) = @_;
	my %unit = slurp("/usr/local/lib/systemd/system/$name.service") =~
	    /^(User|ExecStart)=(.*)$/mg;
	is($unit{ExecStart}, "/usr/local/sbin/$name -f -c $file",
	    "$name: what its unit starts");
	spit("$dir/$name", "#!/bin/sh\nexec setpriv --reuid=$unit{User} " .
	    "--regid=$unit{User} --init-groups /usr/local/sbin/$name \"\$@\"\n");
	chmod(0755, "$dir/$name");
	local $ENV{uc('XC_' . $name =~ s/xcontext-//r)} = "$dir/$name";
	my $daemon = XContext::Daemon->new(name => $name, conf => $file,
	    log => "$dir/$name.log", sockets => \@sockets);
	$daemon->start;
	is((stat("/proc/" . $daemon->pid))[4], $uid, "$name runs as its user");
	return $daemon;
}

# With "stderr" for the log, because there is no other here.
sub configure {
	my ($text) = @_;
	$text =~ s/^log = .*$/log = "stderr"/m or die "the sample has no log\n";
	spit($file, $text);
}

configure(for_sendmail($sample));
my $milter = daemon('xcontext-milter', $socket);
is($milter->stop, 0, 'the milter ends well');
is(join("\n", $milter->complaints), '', 'and complains of nothing');

# By hand it is started as root.
SKIP: {
	skip('what has changed its user has no leak checker', 2)
	    if ($ENV{XC_SANITIZE} // 'no') ne 'no';
	local $ENV{XC_MILTER} = '/usr/local/sbin/xcontext-milter';
	my $daemon = XContext::Daemon->new(name => 'xcontext-milter',
	    conf => $file, log => "$dir/by-hand.log", sockets => [ $socket ]);
	$daemon->start;
	is((stat('/proc/' . $daemon->pid))[4], $uid, 'by hand it becomes him');
	$daemon->stop;
	is(join("\n", $daemon->complaints), '', 'and complains of nothing');
}

#
# The other two, with sockets that are not Postfix's.
#
is(join(' ', run('xcontext-policy -t')), "0 $file: ok\n",
    'xcontext-policy -t');
my $relay_port = XContext::Postfix::free_port('127.0.0.1');
my $more = for_sendmail($sample);
$more =~ s{/var/spool/postfix/xcontext/}{/run/xcontext/}g;
configure($more . <<"END");
relay front {
	listen = "127.0.0.1:$relay_port"
	next_hop = "smtp:[127.0.0.1]:25"
}
END
for my $row ([ 'xcontext-policy', '/run/xcontext/policy',
    '/run/xcontext/maps' ], [ 'xcontext-relay', "127.0.0.1:$relay_port" ]) {
	my ($name, @sockets) = @$row;
	is(join(' ', run("$name -t")), "0 $file: ok\n", "$name -t");
	my $daemon = daemon($name, @sockets);
	is($daemon->stop, 0, "$name ends well");
	is(join("\n", $daemon->complaints(qr/event=limit/)), '',
	    'and complains of nothing');
}

#
# Sendmail with README's line, and what README says of it.
#
SKIP: {
	my $why = XContext::Sendmail::impossible();
	skip($why, 1) if defined $why;
	my $edge = with(block('Attaching it to your own Postfix',
	    qr/behind its end, write/),
	    'profile edge {' => "profile edge {\n\txremoteip = true");
	my ($context) = grep { /^access_maps/ } displays(section('Context'));
	configure(for_sendmail($sample) . $edge . $context);
	spit('/etc/xcontext/trust.cidr', PEER . "\tedge\n" .
	    with(block('Context', qr{In /etc/xcontext/trust\.cidr}),
	    '192.0.2.40' => APP));
	is(join(' ', run($start[0])), "0 $file: ok\n", "$start[0], once more");
	my $filter = block(TITLE, qr/In sendmail\.mc/);
	like($filter, qr/^INPUT_MAIL_FILTER\(.*\Q$socket\E.*\)dnl\n\z/,
	    'one line of sendmail.mc, with the same socket');
	$milter = daemon('xcontext-milter', $socket);
	my $sendmail = XContext::Sendmail->new(filter => $filter);
	$sendmail->start;
	# What README says to leave out.
	like(section(TITLE), qr/leave out the one with PREPEND/, 'PREPEND');
	my $smtp = session($sendmail, APP);
	$smtp->cmd('XSETCONTEXT tenant=acme');
	is($smtp->mail->code, 451, 'is more than a milter does');
	$smtp->quit;
	is($context =~ s/^.*PREPEND.*\n//mg, 1, 'it is left out');
	configure(for_sendmail($sample) . $edge . $context);
	$milter->signal('HUP');
	ok($milter->event(event => 'reload'), 'by a reload');
	with_sendmail($sendmail);
	$sendmail->stop;
	is($milter->stop, 0, 'the milter ends well');
	is(join("\n", $milter->complaints(qr/a milter cannot do .*PREPEND/)),
	    '', 'and complains of nothing else');
}

sub session {
	my ($sendmail, $local) = @_;
	my $smtp = $sendmail->connect(local => $local);
	$smtp->cmd('EHLO there');
	return $smtp;
}

sub with_sendmail {
	my ($sendmail) = @_;
	my $smtp = session($sendmail, PEER);
	like($smtp->cmd('XREMOTEIP 198.51.100.8'),
	    qr/^450 .*the client is 198\.51\.100\.8;/, 'XREMOTEIP');
	$smtp->quit;
	$smtp = session($sendmail, PEER);
	like($smtp->cmd('XCLIENT ADDR=198.51.100.9'),
	    qr/^450 .*the client is 198\.51\.100\.9;/, 'XCLIENT');
	$smtp->cmd('EHLO client.example.org');
	is($smtp->mail(subject => 'override')->code, 250, 'and mail');
	$smtp->quit;
	my $mail = $sendmail->delivered('override') // '';
	my ($peer, $client) = (PEER, '198.51.100.9');
	like($mail, qr/^Received: [^;]*\[\Q$peer\E\]/m,
	    'of whom Sendmail believes what it believed');
	unlike($mail, qr/^Received: [^;]*\Q$client\E/m, 'and nothing else');
	ok(scalar(grep { ($_->{client} // '') eq $client } $milter->events),
	    'while xcontext knows');

	$smtp = session($sendmail, APP);
	like($smtp->cmd('XSETCONTEXT tenant=acme'), qr/^450 .*accepted/,
	    'XSETCONTEXT');
	my $reply = $smtp->cmd('XDUMPCONTEXT');
	is($reply->code, 450, 'XDUMPCONTEXT');
	like($reply->text, qr/^4\.0\.0 \[connection\] tenant acme$/m,
	    'has the pair');
	is($smtp->mail(subject => 'acme',
	    headers => "X-Session-Context: tenant=forged\n")->code, 250,
	    'and mail');
	$smtp->quit;
	my ($head) = split(/\n\n/, $sendmail->delivered('acme') // "none\n\n");
	$head =~ s/\n[ \t]+/ /g;
	my ($app) = APP;
	is(join("\n", $head =~ /^X-Session-Context: (.*)$/mg) =~
	    s/session=[0-9A-Z]{26}/session/r,
	    "session; peer_address=$app; tenant=acme", 'the header is ours');
	$smtp = session($sendmail, APP);
	$smtp->cmd('XSETCONTEXT tenant=closed');
	like($smtp->mail, qr/^55\d .*it is closed/, 'mail that is closed');
	$smtp->quit;
	$smtp = session($sendmail, '127.0.2.1');
	like($smtp->cmd('XCLIENT ADDR=198.51.100.9'), qr/^5\d\d /,
	    'a stranger may not');
	$smtp->quit;
}

alarm(0);
done_testing();
