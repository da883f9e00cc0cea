#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext setup postfix: what it plans, makes and takes back, on private copies
# of what Debian's package sets up, of one with other milters and restrictions,
# of one with postscreen and submission, and of one with several instances; and
# that real sessions are judged then, and others' filters still asked.
use strict;
use warnings;

use Test::More;

use XContext::Ctl ();
use XContext::Debian ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_time);
use XContext::Setup qw(fails finds setup_by succeeds with_file);

XContext::Debian::enter_own_network();
my $why = XContext::Ctl::impossible() // XContext::Debian::impossible();
plan(skip_all => $why) if defined $why;
guard_time(600);

my ($debian, $ctl);

sub begin {
	my ($title, %opt) = @_;
	note($title);
	$debian = XContext::Debian->new(%opt);
	$ctl = XContext::Ctl->new(conf => $debian->conf);
}

sub setup {
	my (@args) = @_;
	return $ctl->run('setup', 'postfix', '--config-directory',
	    $debian->etc, @args);
}

sub setup_json {
	my (@args) = @_;
	return JSON::PP::decode_json(setup(@args, '--json')->{out});
}

setup_by(\&setup, sub { $debian->state_of_files });

sub is_well {
	my ($name) = @_;
	my $got = setup('--check');
	is($got->{status}, 0, "$name: --check") or diag($got->{out});
}

# A messenger's session, and that of a stranger who tries the same.
sub sessions {
	my ($name, $host, $port) = @_;
	my $smtp = $debian->connect('127.0.1.1', $host, $port);
	$smtp->cmd('EHLO proxy.example.net');
	is($smtp->cmd('XCLIENT ADDR=10.0.0.1')->code, 450,
	    "$name: a wrong XCLIENT is refused");
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9 NAME=a.example.org')->code,
	    220, "$name: a permitted one works");
	$smtp->cmd('EHLO a.example.org');
	my $subject = $name =~ s/\W+/-/gr;
	# What was refused in the session counts.
	like($smtp->mail(subject => "$subject-0")->code, qr/^4/,
	    "$name: mail of a session that was refused something");
	$smtp->quit;
	$smtp = $debian->connect('127.0.1.1', $host, $port);
	$smtp->cmd('EHLO proxy.example.net');
	$smtp->cmd('XCLIENT ADDR=198.51.100.9 NAME=a.example.org');
	$smtp->cmd('EHLO a.example.org');
	is($smtp->mail(subject => $subject)->code, 250, "$name: mail");
	$smtp->quit;
	my $mail = $debian->postfix->delivered($subject);
	like($mail, qr/^Received: from a\.example\.org \(a\.example\.org \[198\.51\.100\.9\]\)/m,
	    "$name: it comes from the client");
	$smtp = $debian->connect('127.0.2.1', $host, $port);
	$smtp->cmd('EHLO stranger.example.net');
	like($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, qr/^[45]/,
	    "$name: a stranger's is refused");
	$smtp->quit;
}

sub undo {
	my ($name, $before) = @_;
	succeeds("$name: --undo", '--undo');
	ok($debian->state_of_files eq $before, "$name: all is as it was");
	fails(1, qr/there is nothing to undo/, '--undo');
}

#
# As the package sets it up
#
begin('Internet Site');
my $before = $debian->state_of_files;
my $out = succeeds('default: --plan', '--plan');
ok($debian->state_of_files eq $before, '--plan changes nothing');
ok(!-e $debian->postfix->sockets, 'nor makes a directory');
my $plan = setup_json('--plan');
is_deeply([ map { $_->{what} } @{$plan->{steps}} ], [ 'directory',
    'header_checks', 'entry 127.0.0.1:10025 inet' ], 'the steps');
my $entry = join("\n", @{$plan->{steps}[2]{new}}, '');
{
	my $want = slurp(($ENV{srcdir} // '.') . '/etc/wiring-a.cf');
	$want =~ s/^#.*\n//mg;
	$want =~ s/192\.0\.2\.25/127.0.0.1/;
	$want =~ s/ <yours>//g;
	is($entry, $want, 'the entry is that of etc/wiring-a.cf');
}
like($out, qr/^3\. \S+master\.cf: entry 127\.0\.0\.1:10025 inet$/m,
    'and a person sees the same');
finds('nothing is wired', 'error', qr/^master\.cf$/, qr/no smtpd asks/);
{
	my $got = setup('--check');
	is($got->{status}, 2, 'which is status 2');
	is((split(/\n/, $got->{out}))[-1], 'Not all of it is enforced.',
	    'as is said last');
}
like(succeeds('default: --apply', '--apply'), qr/postfix -c \S+ reload$/m,
    'what makes it take effect is said');
my $applied = $debian->state_of_files;
ok($applied ne $before, 'files are changed');
is(sprintf('%o', (stat($debian->postfix->sockets))[2] & 07777), '2750',
    'the directory of the sockets');
like(succeeds('--apply again', '--apply'), qr/nothing to change/, 'and says so');
ok($debian->state_of_files eq $applied, 'twice is once');
finds("before they run: the tables", 'error', qr{^socket unix:xcontext/maps$},
    qr/cannot be reached by postfix, who is in a chroot in .*No such file/);
finds("the milter", 'error', qr{^socket unix:xcontext/milter$}, qr/No such file/);
$debian->start_daemons;
is_well('default');
$debian->start;
my $port = 10025;
($port) = slurp($debian->master_cf) =~ /^127\.0\.0\.1:(\d+) inet/m;
sessions('default', '127.0.0.1', $port);
my $smtp = $debian->connect('127.0.2.1');
$smtp->cmd('EHLO stranger.example.net');
is($smtp->mail(subject => 'ordinary',
    header => [ 'X-Session-Context: tenant=forged' ])->code, 250,
    'ordinary mail at port 25');
$smtp->quit;
ok(defined $debian->postfix->delivered('ordinary'), 'it is delivered');
succeeds('--reload', '--apply', '--reload');
is_deeply(setup_json('--plan', '--bind', '127.0.0.1')->{steps}, [],
    'the listener that is there is the one that is meant');
is_deeply([ map { $_->{what} } @{setup_json('--plan', '--bind',
    '::1')->{steps}} ], [ 'entry [::1]:10025 inet' ], 'and another one, '.
    'for IPv6, can be added');

# The manual's example.
{
	my ($block) = slurp(($ENV{srcdir} // '.') . '/man/xcontext.1') =~
	    /^(xcontext setup .*?)^\.Ed/ms;
	for my $line (split(/\n/, $block // '')) {
		$line =~ s/192\.168\.1\.25/127.0.0.1/;
		my (undef, undef, undef, @args) = split(' ', $line);
		succeeds("it runs: $line", @args);
	}
	ok(defined $block, 'the manual has an example');
	is(slurp($debian->master_cf) =~ /^(127\.0\.0\.1:\d+) inet/m ? $1 : '',
	    "127.0.0.1:$port", 'which changes nothing more');
}

#
# What is wrong is found
#
sub with_master {
	my ($name, @rest) = @_;
	with_file($name, $debian->master_cf, @rest);
}

sub with_main {
	my ($name, $more, @want) = @_;
	with_file($name, $debian->main_cf, sub { $_ .= $more }, @want);
}

my $entry_of = "master.cf 127.0.0.1:$port/inet: -o";
my $whole_wiring = 'xcontext setup postfix --plan shows the whole wiring, ' .
    '--apply makes it';

sub drop_option {
	my ($name) = @_;
	return sub { s/^  -o \{ $name\b.*?\}\n(?=  -o|\z)//ms };
}

with_master('xforward is forgotten',
    drop_option('smtpd_authorized_xforward_hosts'), [ 'error',
    qr/smtpd_authorized_xforward_hosts/, qr/maps:xforward is not there/ ]);
with_master('xclient is forgotten',
    drop_option('smtpd_authorized_xclient_hosts'), [ 'error',
    qr/smtpd_authorized_xclient_hosts/, qr/maps:xclient is not there/ ]);
with_master('no command filter', drop_option('smtpd_command_filter'),
    [ 'error', "$entry_of smtpd_command_filter" =~ s/-o //r,
    'it does not ask socketmap:unix:xcontext/maps:command', 'no command is ' .
    'judged: each override is one that xcontext did not see, and its mail ' .
    'is refused as "unseen_override"', $whole_wiring ]);
with_master('a pattern that is not ours',
    sub { s/\Q{2048}\E/{4096}/ }, [ 'error', qr/smtpd_command_filter/,
    qr/its pattern is not that/ ]);
{
	my $text = slurp($debian->master_cf);
	spit($debian->master_cf, $text =~
	    s/(?=check_policy_service unix)/permit_mynetworks, /r);
	is(setup('--check')->{status}, 1, 'a warning is status 1');
	spit($debian->master_cf, $text);
}
with_master('the pattern of B', sub { s/EHLO\|HELO\|MAIL\|RSET\|//g },
    [ 'warning', qr/smtpd_command_filter/, qr/as in wiring B/ ]);
with_master('no milter', drop_option('smtpd_milters'), [ 'warning',
    qr/smtpd_milters/, qr/our milter, unix:xcontext\/milter, is not there$/ ]);
with_master('no milter tables', drop_option('smtpd_milter_maps'), [ 'warning',
    qr/smtpd_milter_maps/, qr/maps:milters is not there/ ]);
with_master('no policy service', drop_option('smtpd_client_restrictions'),
    [ 'warning', qr/smtpd_client_restrictions/, qr/in no list/ ]);
with_master('neither', sub { drop_option('smtpd_milters')->();
    drop_option('smtpd_client_restrictions')->() }, [ 'error',
    qr/smtpd_client_restrictions/, qr/in no list/ ]);
with_master('restrictions in front',
    sub { s/(?=check_policy_service)/permit_mynetworks, / }, [ 'warning',
    "$entry_of smtpd_client_restrictions", 'other restrictions stand in ' .
    'front of our policy service', 'whom they permit, such as ' .
    'permit_mynetworks, is not asked about in this list',
    'put check_policy_service for it first' ]);
with_master('a policy service that opens',
    sub { s/(check_policy_service) (\S+)/$1 { $2, default_action=DUNNO }/ },
    [ 'warning', "$entry_of smtpd_client_restrictions",
    'default_action=DUNNO', 'while xcontext-policy is away, mail passes that ' .
    'it would refuse', 'take default_action out' ]);
with_master('proxy:', sub { s/(?=socketmap:\S+:xclient)/proxy:/ },
    [ 'error', "$entry_of smtpd_authorized_xclient_hosts",
    'proxy: stands in front of our table', 'all smtpd ask through one ' .
    'process; which session a question is about cannot be known, and the ' .
    'answer is TEMP: 421', 'take "proxy:" away' ]);
with_master('a list in front', sub { s/(?=socketmap:\S+:xclient)/127.0.0.1, / },
    [ 'warning', qr/xclient/, qr/"127\.0\.0\.1" stands in front/ ]);
with_master('a listener without section',
    sub { s/(?<=maps:xclient)/.nosuch/ }, [ 'error',
    "$entry_of smtpd_authorized_xclient_hosts", 'the map is of the listener ' .
    '"nosuch", and xcontext.conf has no such section', 'sessions end with ' .
    '421 at EHLO or XCLIENT (event=unknown_map)', 'write "listener nosuch ' .
    '{ ... }" into ' . $debian->conf . ', or take it out of the map\'s ' .
    'name' ]);
with_master('default_action=accept',
    sub { s/(smtpd_milters = )(\S+)/$1\{ $2, default_action=accept }/ },
    [ 'warning', qr/smtpd_milters/, qr/default_action=accept/ ]);
with_master('default_action=reject',
    sub { s/(smtpd_milters = )(\S+)/$1\{ $2, default_action=reject }/ },
    [ 'error', qr/smtpd_milters/, qr/default_action=reject/ ]);
with_master('a listener for the world', sub { s/^127\.0\.0\.1:(?=100)//m },
    [ 'warning', qr{^master\.cf 100\d\d/inet$}, qr/the Internet can reach/ ]);
with_master('an absolute path in a chroot',
    sub { s/unix:xcontext\/milter/'unix:' . $debian->postfix->sockets .
    '\/milter'/e }, [ 'error', qr{^socket unix:/}, qr/No such file/ ]);
with_master('an indented entry', sub { s/^(?=127\.0\.0\.1:100)/ /m },
    [ 'error', qr/^master\.cf line \d+$/, qr/continues the entry above/ ]);
with_master('a cleanup of its own',
    sub { s/^(cleanup .*)$/$1\n  -o header_checks=/m }, [ 'warning',
    qr{cleanup/unix -o header_checks}, qr/not removed/ ]);
with_master('milter_default_action',
    sub { $_ .= "  -o milter_default_action=shutdown\n" }, [ 'note',
    qr/smtpd_milters/, qr/shutdown/ ]);
my $removal = 'regexp:{{/^X-Session-Context[[:space:]]*:/ IGNORE}}';
my $forged = 'a line from outside passes for the header that ' .
    'xcontext-milter writes, in sessions that it does not follow';
with_main('other header_checks', "header_checks = pcre:{{/^X-/ DUNNO}}\n",
    [ 'warning', 'main.cf header_checks', 'our header is not removed from ' .
    'what comes in', $forged, "put in front of what it has: $removal" ]);
with_main('header_checks in front', 'header_checks = pcre:{{/^X-/ DUNNO}}, ' .
    "$removal\n", [ 'warning', 'main.cf header_checks', 'other tables stand ' .
    'in front of ours: what they find first decides', $forged,
    "put in front of the others: $removal" ]);
with_main('an old version', "mail_version = 3.6.9\n", [ 'error', 'Postfix',
    'version 3.6.9 has no inline regexp tables', 'the command filter and ' .
    'header_checks of the wirings are not understood, and sessions end with ' .
    '421', 'upgrade to Postfix 3.7 or later' ]);
with_main('long lines', "line_length_limit = 20000\n", [ 'note',
    qr/line_length_limit/, qr/20000 octets do not fit/ ]);
with_main('smtpd_delay_reject', "smtpd_delay_reject = no\n", [ 'warning',
    qr/smtpd_delay_reject/, qr/it is not "yes"/ ]);
with_main('the PROXY protocol', "smtpd_upstream_proxy_protocol = haproxy\n",
    [ 'warning', qr/smtpd_upstream_proxy_protocol/, qr/PROXY header/ ]);
with_main('others grant', "smtpd_authorized_xclient_hosts = 192.0.2.1\n",
    [ 'warning', qr/:smtp\/inet: smtpd_authorized_xclient_hosts/,
    qr/"192\.0\.2\.1" grants XCLIENT without/ ]);
with_file('other milters', $debian->conf, sub { s/other_milters = ""/other_milters = "inet:x:1"/ },
    [ 'error', $debian->conf . ' other_milters', '"inet:x:1", while ' .
    "$entry_of smtpd_milters has \"\" beside ours", 'sessions of strangers ' .
    'get other milters than those of messengers', 'other_milters = "" in the ' .
    'section "policy"' ]);
{
	my $text = slurp($debian->main_cf);
	spit($debian->main_cf, $text . 'smtpd_client_restrictions = ' .
	    "check_policy_service unix:xcontext/policy\n");
	with_master('a shadow', sub {
	    drop_option('smtpd_client_restrictions')->();
	    $_ .= "  -o smtpd_client_restrictions=permit\n" }, [ 'warning',
	    qr/smtpd_client_restrictions/,
	    qr/in no list .*; main\.cf has it, but/ ]);
	spit($debian->main_cf, $text);
}

{
	my $text = slurp($debian->conf);
	spit($debian->conf, $text =~
	    s/^(milter \{\n)/$1\theader_names = { "remote_address" }\n/mr);
	with_master('a client that Postfix hides', sub {
	    $_ .= "  -o smtpd_hide_client_session=yes\n" }, [ 'warning',
	    "$entry_of smtpd_hide_client_session", 'the header ' .
	    'X-Session-Context tells remote_address', 'what Postfix hides of ' .
	    'the client is in the mail', 'take remote_address out of ' .
	    'header_names in ' . $debian->conf ]);
	spit($debian->conf, $text);
}
is_well('after all that');
{
	my $sockets = $debian->postfix->sockets;
	chmod(0700, $sockets);
	finds('a directory that is closed', 'error',
	    qr{^socket unix:xcontext/maps$}, qr/Permission denied/);
	chmod(02750, $sockets);
	my $text = slurp($debian->conf);
	$_->stop for @{$debian->{daemons}};
	(my $other = $text) =~ s/"postfix", "root"/"root"/;
	spit($debian->conf, $other);
	delete $debian->{daemons};
	$debian->start_daemons;
	finds('who may not ask', 'error', 'socket unix:xcontext/maps',
	    'does not answer by postfix, who is in a chroot in ' .
	    "$debian->{dir}/queue: it hung up", 'sessions that ask end with ' .
	    '421 at EHLO or XCLIENT', 'is postfix in allowed_users of ' .
	    $debian->conf . '?  The log of xcontext-policy says more');
	spit($debian->conf, $text);
}

#
# Changed by others, and interrupted
#
spit($debian->main_cf, slurp($debian->main_cf) . "# somebody's\n");
fails(65, qr/main\.cf: changed since by somebody else/, '--undo');
like(slurp($debian->main_cf), qr/somebody's/, 'and it is as it was');
succeeds('--undo --force', '--undo', '--force');
ok($debian->state_of_files eq $before, 'all is as it was before it');
$debian->stop;

#
# What the options say
#
fails(64, qr/expected one of --plan/);
fails(64, qr/expected one of --plan/, '--plan', '--apply');
fails(64, qr/--instance or --config-directory/, '--plan', '--instance', 'x');
fails(64, qr/--wiring C: expected A/, '--plan', '--wiring', 'C');
fails(64, qr/needs --messengers/, '--plan', '--wiring', 'B');
fails(64, qr/--messengers x: expected a network/, '--plan', '--wiring', 'B',
    '--messengers', 'x');
fails(64, qr/--port 0: expected/, '--plan', '--port', '0');
fails(64, qr/"\S+:smtp inet" of \S+master\.cf has it/, '--plan',
    '--bind', $debian->address, '--port', '25');
fails(64, qr/--bind x: expected/, '--plan', '--bind', 'x');
fails(64, qr/the Internet can reach it/, '--plan', '--bind', '192.0.2.25');
fails(64, qr/the Internet can reach it/, '--plan', '--bind', 'all');
fails(64, qr/does not have that address/, '--plan', '--bind', '10.255.255.1');
like(succeeds('--allow-public', '--plan', '--bind', 'all', '--allow-public'),
    qr/^\d\. \S+: entry 100\d\d inet$/m, 'a port without an address');
like(succeeds('--bind ::1', '--plan', '--bind', '::1', '--port', '10099'),
    qr/entry \[::1\]:10099 inet/, 'an IPv6 address');
{
	my $listener = IO::Socket::IP->new(LocalHost => '127.0.0.1',
	    LocalPort => 0, Listen => 1);
	fails(64, qr/another program listens there/, '--plan', '--port',
	    $listener->sockport);
}
{
	my $text = slurp($debian->main_cf);
	spit($debian->main_cf, $text . "mail_version = 3.6.9\n");
	fails(69, qr/^xcontext: Postfix 3\.6\.9 has no inline regexp tables; 3\.7 or later is needed$/,
	    '--plan');
	spit($debian->main_cf, $text);
}
# What a link points to is changed, and the link stays one.
{
	my $path = $debian->master_cf;
	my $text = slurp($path);
	rename($path, "$path.real");
	symlink("$path.real", $path);
	succeeds('--apply', '--apply');
	ok(-l $path, 'a link is one still');
	isnt(slurp("$path.real"), $text, 'and the file is changed');
	succeeds('--undo', '--undo');
	ok(-l $path, 'a link after --undo, too');
	is(slurp("$path.real"), $text, 'and the file is as it was');
	unlink($path);
	rename("$path.real", $path);
}
my $got = $ctl->run('setup', 'exim', '--plan');
is($got->{status}, 64, 'another program');
like($got->{err}, qr/"exim" cannot be set up/, 'is told');
$got = $ctl->run('setup', 'postfix', '--plan', '--config-directory', '/nosuch');
is($got->{status}, 69, 'no such directory');
like($got->{err}, qr{/nosuch/main\.cf: no such file}, 'is told');

done_testing();
