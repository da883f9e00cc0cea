#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# README's "The first hour": each command is run as it stands there, on a
# private copy of what Debian's package sets up, and what comes is compared with
# what README shows, line by line.  Real sessions make the log that it reads, and
# see what each step makes of them.
#
# Others are the directories, the two addresses and the port; and neither
# systemd's manager nor the journal is asked: the daemons are started as in all
# tests, and what they log is put into the form of journalctl(1).
use strict;
use warnings;

use POSIX ();
use Sys::Hostname ();
use Test::More;

use XContext::Ctl ();
use XContext::Debian ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_child guard_time);
use XContext::Readme qw(conversation in_place readme);

use constant {
	HOST => '127.0.0.1',		# README: 192.168.1.25
	MESSENGER => '127.0.2.10',	# 192.168.1.10
	TITLE => 'The first hour',
};

XContext::Debian::enter_own_network();
my $why = XContext::Ctl::impossible() // XContext::Debian::impossible();
plan(skip_all => $why) if defined $why;
plan(skip_all => 'not in a build directory') if !-e 'Makefile';
guard_time(120);

my $debian = XContext::Debian->new;
my $sockets = $debian->postfix->sockets;
my $dir = $debian->{dir};
my ($bin, $root) = ("$dir/bin", "$dir/root");
mkdir($_, 0755) or die "$_: $!\n" for $bin, $root, "$root/etc";
# These are what step 1 and step 3 make.
unlink($debian->conf, "$dir/trust.cidr");

#
# What stands between README's words and this host
#

# A program of that name, which is found first.
sub wrap {
	my ($name, $text) = @_;
	spit("$bin/$name", "#!/bin/sh\n$text");
	chmod(0755, "$bin/$name");
}

# Where that is; nothing where it is not.
sub real {
	my ($name) = @_;
	return (grep { -x } map { "$_/$name" } split(/:/, $ENV{PATH}))[0] // '';
}

for my $name (qw(systemd-sysusers systemd-tmpfiles)) {
	my $real = real($name);
	wrap($name, $real eq '' ? "exit 0\n" :
	    "exec $real --root=$root \"\$\@\"\n");
}
wrap('make', 'exec env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL ' . real('make') .
    " DESTDIR=$root \"\$\@\" > /dev/null\n");
wrap('journalctl', "exec cat $dir/journal.\$2\n");
wrap('xcontext', <<"END");
export ASAN_OPTIONS="\$ASAN_OPTIONS:detect_leaks=0"
[ "\$1" = -c ] || set -- -c @{[$debian->conf]} "\$\@"
[ "\$3" != setup ] || set -- "\$\@" --config-directory @{[$debian->etc]}
exec @{[XContext::Ctl::program()]} "\$\@"
END
spit("$root/etc/group", "root:x:0:\npostfix:x:117:\n");
spit("$root/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
mkdir($_, 0755) for map { "$root/$_" } qw(run var var/spool
    var/spool/postfix);

# A command with this host's directories and addresses.
sub here {
	my ($text) = @_;
	$text =~ s{-C build}{-C .}g;
	$text =~ s{/etc/xcontext/}{$dir/}g;
	$text =~ s{192\.168\.1\.25\b}{HOST}ge;
	$text =~ s{192\.168\.1\.10\b}{MESSENGER}ge;
	return $text;
}

# What came, with README's.
sub there {
	my ($text) = @_;
	my $host = Sys::Hostname::hostname();
	$text =~ s{\Q$dir\E/etc\b}{/etc/postfix}g;
	$text =~ s{\Q$dir\E/queue\b}{/var/spool/postfix}g;
	$text =~ s{\Q$dir\E/}{/etc/xcontext/}g;
	$text =~ s{\Q@{[HOST]}\E:\d+}{192.168.1.25:10025}g;
	$text =~ s{\Q@{[HOST]}\E\b}{192.168.1.25}g;
	$text =~ s{\Q@{[MESSENGER]}\E\b}{192.168.1.10}g;
	$text =~ s{"!\Q$host\E"}{"!mx"}g;
	return $text;
}

# What is another one each time has a name, and columns have any width.
sub named {
	my ($line) = @_;
	$line =~ s/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/TIME/g;
	$line =~ s/\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\b/TIME/g;
	$line =~ s/\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b/SESSION/g;
	$line =~ s/\s+/ /g;
	$line =~ s/^ | $//g;
	return $line;
}

# Line by line; in README "..." is anything, and alone any lines.
sub compare {
	my ($name, $shown, $came) = @_;
	my @came = grep { $_ ne '' } map { named($_) }
	    split(/\n/, there($came));
	my $is_open = 0;
	for my $line (grep { $_ ne '' } map { named($_) }
	    split(/\n/, $shown)) {
		$is_open = 1, next if $line eq '...';
		my $like = join('.*', map { quotemeta }
		    split(/\.\.\./, $line, -1));
		shift(@came) while $is_open && @came && $came[0] !~ /^$like$/;
		if (!@came || $came[0] !~ /^$like$/) {
			fail("$name: \"$line\" comes");
			diag(there($came));
			return;
		}
		shift(@came);
		$is_open = 0;
	}
	is(join("\n", $is_open ? () : @came), '', "$name: README shows what " .
	    'comes') or diag(there($came));
}

#
# What real messengers do meanwhile
#
my $n_mails = 0;

# The codes of an XCLIENT, and of mail behind it.
sub session {
	my ($attributes) = @_;
	my ($port) = slurp($debian->master_cf) =~ /^\Q@{[HOST]}\E:(\d+) inet/m;
	my $smtp = $debian->connect(MESSENGER, HOST, $port);
	$smtp->cmd('EHLO proxy.example.net');
	my $code = $smtp->cmd("XCLIENT $attributes")->code;
	$smtp->cmd('EHLO client.example.org') if $code == 220;
	my $mail = $smtp->mail(subject => 'first-hour-' . ++$n_mails)->code;
	$smtp->quit;
	return "$code $mail";
}

sub is_said {
	my ($name, $attributes, $want) = @_;
	is(session($attributes), $want, "$name: $attributes");
}

# The log as journalctl(1) prints it.
sub write_journal {
	for my $daemon (@{$debian->{daemons}}) {
		my $front = "Nov 30 09:12:44 mx $daemon->{name}\[812]: ";
		spit("$dir/journal.$daemon->{name}", join('', map { $front .
		    s/^time=\S+ //r . "\n" } $daemon->log_lines));
	}
}

sub on_report {
	is_said('on report', "ADDR=203.0.113.$_ NAME=h$_.example.org",
	    '220 250') for 1 .. 20;
}

sub others_rights {
	is_said('on report', 'ADDR=203.0.113.7 LOGIN=root', '450 451');
	is_said('on report', 'ADDR=10.1.2.3', '450 451');
}

sub on_trial {
	is_said('on trial', 'ADDR=203.0.113.98 NAME=h98.example.org',
	    '220 250');
	is_said('on trial', 'ADDR=203.0.113.99 HELO=h99.example.org',
	    '450 451');
}

sub enforced {
	is_said('enforced', 'ADDR=203.0.113.7 NAME=client.example.org',
	    '220 250');
	like($debian->postfix->delivered("first-hour-$n_mails") // '',
	    qr/^Received: from client\.example\.org \(client\.example\.org \[203\.0\.113\.7\]\)/m,
	    'enforced: whose mail it is');
	is_said('enforced', 'ADDR=10.1.2.3', '450 451');
	is_said('enforced', 'ADDR=203.0.113.7 HELO=x.example.org', '450 451');
}

# As what is installed says: the configuration, and the sockets' directory.
sub install {
	my ($sample) = grep { -e } map { "$root$_/xcontext/xcontext.conf" }
	    qw(/etc /usr/local/etc);
	spit($debian->conf, in_place(slurp($sample // die "no sample\n"), $dir,
	    $sockets));
	mkdir($sockets, 0750) or die "$sockets: $!\n";
	chown(0, scalar(getgrnam('postfix')), $sockets);
	chmod(02750, $sockets);
}

# In front of the first command that begins so.
my %before = (
	'systemd-sysusers' => \&install,
	'xcontext setup postfix --plan' => sub { $debian->start },
	'sed' => \&on_report,
	'cat > ' => \&others_rights,
	'journalctl -t xcontext-policy | grep' => \&on_trial,
	'xcontext explain' => \&enforced,
);
# In place of it.
my %instead = (
	'systemctl daemon-reload' => sub { },
	'systemctl enable --now xcontext-policy xcontext-milter' =>
	    sub { $debian->start_daemons },
);
# Whose exit status is not 0: somebody loses; it is refused.
my %status = ('xcontext diff' => 2, 'xcontext explain' => 1);

sub first_of {
	my ($command, @begin) = @_;
	return (grep { index($command, $_) == 0 } @begin)[0] // '';
}

# What it says, on both outputs.
sub run {
	my ($command) = @_;
	my $instead = delete $instead{$command};
	if (defined $instead) {
		$instead->();
		return '';
	}
	(delete $before{first_of($command, keys %before)} // sub { })->();
	write_journal() if $command =~ /^journalctl/;
	local $ENV{PATH} = "$bin:$ENV{PATH}";
	my $pid = open(my $from, '-|') // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDIN, '<', '/dev/null');
		open(STDERR, '>&', \*STDOUT);
		exec('bash', '-o', 'pipefail', '-c', here($command)) or
		    POSIX::_exit(127);
	}
	my $said = do { local $/; <$from> } // '';
	close($from);
	my ($name) = split(/\n/, $command);
	is($? >> 8, $status{first_of($command, keys %status)} // 0, $name) or
	    diag($said);
	return $said;
}

my %was = map { $_ => slurp($_) } $debian->main_cf, $debian->master_cf;
for my $block (conversation(TITLE)) {
	my $came = join('', map { run($_) } @{$block->{commands}});
	my ($name) = split(/\n/, $block->{commands}[-1]);
	compare($name, $block->{output}, $came) if $block->{output} ne '';
}
is(join(', ', sort(keys %before, keys %instead)), '',
    'README has each step of it');

# What it says of going back.
like(readme(), qr/"xcontext setup postfix --undo\s+--reload"/,
    'README says how to go back');
run('xcontext setup postfix --undo --reload');
is(slurp($_), $was{$_}, "$_ is as it was") for sort keys %was;

#
# The list of verbs
#
{
	my @verbs = XContext::Ctl->new->run('help')->{out} =~
	    /^  ([a-z][a-z-]*) +\S/mg;
	cmp_ok(scalar @verbs, '>', 20, 'there are verbs');
	my $list = XContext::Readme::section("The administrator's command");
	is(join(', ', grep { $list !~ /\bxcontext\s+$_\b/ } @verbs), '',
	    'README lists each verb');
}

my @daemons = @{$debian->{daemons}};
is(join("\n", map { $_->complaints(qr/event=refuse/, qr/event=differ/) }
    @daemons), '', 'the daemons complain of nothing else');
$debian->stop;
alarm(0);
done_testing();
