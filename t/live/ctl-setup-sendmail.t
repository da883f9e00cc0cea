#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext setup sendmail: what it plans, makes of sendmail.mc and, by m4, of
# sendmail.cf, and takes back, with a real Sendmail that has another milter: that
# is still asked, commands are judged, and --check finds what is wrong.
use strict;
use warnings;

use JSON::PP ();
use Test::More;

use XContext::Ctl ();
use XContext::Daemon ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_dir guard_time);
use XContext::Recorder ();
use XContext::Sendmail ();
use XContext::Setup qw(fails finds setup_by steps succeeds with_file);

my $why = XContext::Sendmail::impossible() // XContext::Ctl::impossible() //
    XContext::Daemon::impossible('xcontext-milter');
plan(skip_all => $why) if defined $why;
plan(skip_all => 'no strace') if system('strace -V > /dev/null 2>&1') != 0;
guard_time(300);

my $dir = guard_dir();
my $conf = "$dir/xcontext.conf";
my $ctl = XContext::Ctl->new(conf => $conf);
spit($conf, <<"END");
store = "lmdb:$dir/run/store"
runtime_directory = "$dir/run"
state_directory = "$dir/state"
user = ""
allowed_users = { "root" }
log = "stderr"
trust_maps = { "cidr:{{127.0.1.0/24 edge}}" }
profile edge { xclient = { "*" } addr = { "public" } xsetcontext = { "*" } }
milter {
	listen = "unix:$dir/sockets/milter"
	header_names = { "remote_address" }
}
END
my $other = "INPUT_MAIL_FILTER(`other', `S=unix:$dir/other, F=T')dnl\n";
my $sendmail = XContext::Sendmail->new(filter => $other);
my $etc = $sendmail->dir;
my ($mc, $cf) = ("$etc/sendmail.mc", "$etc/sendmail.cf");

sub state_of_files {
	return join('', map { my @st = stat($_);
	    sprintf("%s %o %d %d\n", $_, @st[2, 4, 5]) . slurp($_) }
	    $mc, $cf, $conf);
}

sub setup {
	my (@args) = @_;
	return $ctl->run('setup', 'sendmail', '--config-directory', $etc,
	    @args);
}

setup_by(\&setup, \&state_of_files);

my $before = state_of_files();
finds('nothing is wired', 'error', qr/^sendmail\.cf$/, qr/no filter of it/);
is(setup('--check')->{status}, 2, 'which is status 2');

#
# sendmail.mc alone
#
is_deeply(steps(), [ 'directory', 'filter xcontext' ], 'the steps');
my $out = succeeds('--plan', '--plan');
ok(state_of_files() eq $before, '--plan changes nothing');
like(succeeds('--apply', '--apply'), qr/^\tm4 -I \Q$etc\E \S+ > \S+\.new && mv .*\n\tsystemctl restart sendmail$/m,
    'how sendmail.cf is made is said');
my $line = "INPUT_MAIL_FILTER(`xcontext', `S=unix:$dir/sockets/milter, " .
    "F=T')dnl\n";
like(slurp($mc), qr/^\Q$line$other\E/m, 'it stands in front of the other');
finds('sendmail.cf is older', 'error', qr/^sendmail\.cf$/,
    qr/sendmail\.mc has the filter, and sendmail\.cf has not/);
like(succeeds('again', '--apply'), qr/nothing to change/, 'twice is once');
is_deeply(steps('--rebuild'), [ 'made by m4' ], 'what --rebuild adds');
like(succeeds('--plan --rebuild', '--plan', '--rebuild'),
    qr/^1\. \Q$cf\E: made by m4\n\t\+ .*\n\tbecause Sendmail reads this, and not sendmail\.mc$/m,
    'and why');
succeeds('--undo', '--undo');
ok(state_of_files() eq $before, 'all is as it was');

#
# With sendmail.cf
#
succeeds('--apply --rebuild', '--apply', '--rebuild');
my $applied = state_of_files();
like(slurp($cf), qr/^O InputMailFilters=xcontext, other$/m,
    'it is asked, before the other');
like(slurp($cf), qr{^Xxcontext, S=unix:\Q$dir\E/sockets/milter, F=T$}m,
    'at its socket');
like(succeeds('again', '--apply', '--rebuild'), qr/nothing to change/,
    'and again it says so');
ok(state_of_files() eq $applied, 'twice is once');
finds('it does not run', 'error', qr/^socket unix:/,
    qr/cannot be reached: No such file/);
my $milter = XContext::Daemon->new(name => 'xcontext-milter', conf => $conf,
    log => "$dir/milter.log", sockets => [ "$dir/sockets/milter" ]);
$milter->start;
my $got = setup('--check');
is($got->{status}, 0, '--check') or diag($got->{out});
my $recorder = XContext::Recorder->milter(program =>
    $ENV{XC_MILTER_RECORDER} // './t/lib/milter_recorder',
    socket => "$dir/other", file => "$dir/other.seen");
$sendmail->start;
my $smtp = $sendmail->connect(local => '127.0.1.1');
$smtp->cmd('EHLO there');
is($smtp->cmd('XCLIENT ADDR=10.0.0.1')->code, 550, 'a wrong XCLIENT');
$smtp->quit;
$smtp = $sendmail->connect(local => '127.0.1.1');
$smtp->cmd('EHLO there');
like($smtp->cmd('XCLIENT ADDR=198.51.100.9')->text, qr/XCLIENT accepted/,
    'a permitted one');
is($smtp->mail(subject => 'judged')->code, 250, 'and mail');
$smtp->quit;
like($sendmail->delivered('judged'),
    qr/^X-Session-Context: remote_address=198\.51\.100\.9$/m,
    'with the header of the context');
ok(defined $recorder->last(event => 'CONNECT', client_addr => '127.0.1.1'),
    'the other filter is asked, too');
$sendmail->stop;
$recorder->stop;

#
# What is wrong is found
#
my $x = qr/^sendmail\.cf Xxcontext$/;
my $filter = 'sendmail.cf Xxcontext';
my $rebuild = 'xcontext setup sendmail --plan --rebuild shows the whole, ' .
    '--apply makes it';
with_file('no F=', $cf, sub { s/^(Xxcontext.*), F=T/$1/m },
    [ 'error', $filter, 'it has no F=', 'while xcontext-milter is away, mail ' .
    'is received unjudged', $rebuild ]);
with_file('F=R', $cf, sub { s/^(Xxcontext.*), F=T/$1, F=R/m },
    [ 'warning', $filter, 'F=R', 'while xcontext-milter is away, mail bounces',
    'F=T' ]);
with_file('little time', $cf, sub { s/^(Xxcontext.*)/$1, T=S:1m;R:2s/m },
    [ 'warning', $filter, 'T=R:2s', 'a decision that takes longer, as on a ' .
    'busy host, is a milter that is away: mail is deferred',
    'leave T= out: 10 seconds' ]);
with_file('it is not asked', $cf, sub { s/(InputMailFilters=)xcontext, /$1/ },
    [ 'error', $x, qr/not in InputMailFilters/ ]);
with_file('it is asked later', $cf,
    sub { s/(InputMailFilters=)xcontext, other/$1other, xcontext/ },
    [ 'note', $x, qr/other filters are asked first/ ]);
with_file('another socket', $cf, sub { s{^(Xxcontext, S=unix:)\S+,}{$1/x,}m },
    [ 'error', $filter, "its S= is not unix:$dir/sockets/milter, where " .
    'xcontext-milter listens', 'Sendmail finds nobody there, and does what ' .
    'F= says', $rebuild ]);
with_file('sendmail.mc without it', $mc, sub { s/^\Q$line\E//m },
    [ 'warning', qr/^sendmail\.cf$/, qr/does not have the filter/ ]);
chmod(0770, "$dir/sockets");
finds('a directory that is open', 'error', qr/^socket unix:/,
    qr{others than its owner may write to \Q$dir\E/sockets});
chmod(0750, "$dir/sockets");
is($milter->stop, 0, 'xcontext-milter ends well');
spit($mc, slurp($mc) . "dnl somebody's\n");
$got = setup('--undo');
is($got->{status}, 65, 'changed since');
like($got->{err}, qr/sendmail\.mc: changed since by somebody else/, 'is told');
succeeds('--undo --force', '--undo', '--force');
ok(state_of_files() eq $before, 'all is as it was');
fails(1, qr/there is nothing to undo/, '--undo');

# Killed before each of its renames.
for my $n (1 .. 100) {
	my $wrapper = "$dir/strace";
	spit($wrapper, "#!/bin/sh\nASAN_OPTIONS=\$ASAN_OPTIONS:detect_leaks=0 " .
	    'exec strace -qq -o /dev/null -e trace=rename -e inject=rename:' .
	    "signal=KILL:when=$n '" . XContext::Ctl::program() . "' \"\$@\"\n");
	chmod(0755, $wrapper);
	my $got = do {
		local $ENV{XC_CTL} = $wrapper;
		setup('--apply', '--rebuild');
	};
	is(setup('--apply', '--rebuild')->{status}, 0, 'gone on with')
	    if $n % 2;
	cmp_ok(setup('--undo')->{status}, '<=', 1, "killed before rename $n");
	ok(state_of_files() eq $before, 'all is as it was');
	next if $got->{signal} != 0;
	cmp_ok($n, '>=', 3, 'there were some');
	last;
}

#
# Other texts of sendmail.mc
#
sub becomes {
	my ($name, $old, $new) = @_;
	my $text = slurp($mc);
	(my $with = $text) =~ s/^\Q$other\E/$old/m;
	spit($mc, $with);
	succeeds($name, '--apply');
	like(slurp($mc), qr/^\Q$new\E/m, "$name: what it becomes") or
	    diag(grep { /FILTER/ } map { "$_\n" } split(/\n/, slurp($mc)));
	like(succeeds($name, '--apply'), qr/nothing to change/,
	    "$name: twice is once");
	succeeds($name, '--undo');
	is(slurp($mc), $with, "$name: as it was");
	spit($mc, $text);
}
my $args = "`xcontext', `S=unix:$dir/sockets/milter, F=T')dnl\n";
becomes('a list of its own', $other .
    "define(`confINPUT_MAIL_FILTERS', `other')dnl\n",
    "MAIL_FILTER($args$other" .
    "define(`confINPUT_MAIL_FILTERS', `xcontext, other')dnl\n");
becomes('a list in front',
    "define(`confINPUT_MAIL_FILTERS', `other')dnl\n$other",
    "define(`confINPUT_MAIL_FILTERS', `xcontext, other')dnl\n" .
    "MAIL_FILTER($args$other");
becomes('a list on lines of its own', $other .
    "define(`confINPUT_MAIL_FILTERS',\n\t`other,\n\tother')dnl\n",
    "MAIL_FILTER($args$other" . "define(`confINPUT_MAIL_FILTERS',\n" .
    "\t`xcontext, other,\n\tother')dnl\n");
becomes('one that is there', $other . "INPUT_MAIL_FILTER(`xcontext', " .
    "`S=unix:/x, F=R, T=S:30s')dnl\n", $other . "INPUT_MAIL_FILTER(" .
    "`xcontext', `S=unix:$dir/sockets/milter, F=T, T=S:30s')dnl\n");
becomes('none is there', '', "INPUT_MAIL_FILTER(${args}MAILER_DEFINITIONS\n");
becomes('what is no line', "divert(-1)\nINPUT_MAIL_FILTER($args" .
    "divert(0)dnl\ndnl INPUT_MAIL_FILTER($args", "divert(-1)\n" .
    "INPUT_MAIL_FILTER(${args}divert(0)dnl\ndnl INPUT_MAIL_FILTER($args" .
    "INPUT_MAIL_FILTER(${args}MAILER_DEFINITIONS\n");

# The default socket is Postfix's.
{
	my $text = slurp($conf);
	spit($conf, $text =~ s/^\tlisten = .*\n//mr);
	is_deeply(steps(), [ 'milter { listen }', 'filter xcontext' ],
	    'a socket for Sendmail');
	like(succeeds('its path', '--plan'), qr{S=unix:\Q$dir\E/run/milter},
	    'in runtime_directory');
	spit($conf, $text =~ s{^\tlisten = .*}{\tlisten = "inet:127.0.0.1:9999"}mr);
	like(succeeds('TCP', '--plan'), qr/`S=inet:9999\@127\.0\.0\.1, F=T'/,
	    'as Sendmail writes it');
	spit($conf, $text);
}

#
# What a user is told
#
my $text = slurp($cf);
spit($cf, $text . "Mmine, P=/bin/true\n");
fails(65, qr/sendmail\.cf is not what m4 makes of sendmail\.mc, .* beginning with "Mmine, P=\/bin\/true"/,
    '--plan', '--rebuild');
like(succeeds('--force', '--plan', '--rebuild', '--force'), qr/made by m4/,
    'unless that is said');
spit($cf, $text);
chmod(0777, "$dir/sockets");
fails(78, qr{\Q$dir\E/sockets: others than its owner may write to it},
    '--plan');
chmod(0750, "$dir/sockets");
$got = $ctl->run('setup', 'sendmail', '--plan', '--instance', 'x');
is($got->{status}, 64, '--instance');
like($got->{err}, qr/--instance is of Postfix/, 'is told');
fails(64, qr/has to be started anew/, '--apply', '--reload');
$got = $ctl->run('setup', 'sendmail', '--plan', '--config-directory',
    '/nosuch');
is($got->{status}, 69, 'no such directory');
is($got->{err}, "xcontext: /nosuch: No such file or directory; is this " .
    "Sendmail's directory?\n", 'is told');
$got = $ctl->run('setup', 'sendmail', '--plan', '--config-directory',
    $dir);
is($got->{status}, 69, 'no such files');
is($got->{err}, "xcontext: $dir/sendmail.mc: No such file or directory; is " .
    "this Sendmail's directory?\n", 'is told');
{
	my $text = slurp($mc);
	spit($mc, "$text\nm4exit(3)\n");
	fails(69, qr/sendmail\.cf cannot be made \(.*\); nothing was changed/,
	    '--plan', '--rebuild');
	spit($mc, $text);
}
{
	local $ENV{XC_CTL} = XContext::Ctl::without("$dir/unshare", 'm4');
	fails(69, qr/^xcontext: sendmail\.cf cannot be made \(there is no m4\); nothing was changed$/,
	    '--plan', '--rebuild');
}
done_testing();
