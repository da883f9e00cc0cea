#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# The recipes of README for mail that was fetched: fetchmail and getmail take it
# from a real Dovecot, by POP3 and IMAP, and xcontext inject hands it to a real
# Postfix, as from the client that it came from, once, also if that was away.
# And by LMTP to a real Dovecot.
use strict;
use warnings;

use POSIX ();
use Test::More;

use XContext::Ctl ();
use XContext::Dovecot ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_child guard_process guard_forget);
use XContext::Live ();
use XContext::OddMail ();
use XContext::Readme qw(block commands with);

my $why = XContext::Ctl::impossible() // XContext::Dovecot::impossible();
plan(skip_all => $why) if defined $why;
my ($title) = ('Mail that was fetched');
my $live = XContext::Live->new(seconds => 300, trust => "127.0.0.1\tfetcher\n",
    services => [ { name => 'in', wiring => 'a' } ],
    profiles => block($title, qr/so it has a profile:/));
my $dovecot = XContext::Dovecot->new;
my $postfix = $live->postfix;
my $dir = $live->{dir};
my $server = $postfix->address('in') . ':' . $postfix->port('in');
my $ctl = XContext::Ctl->new;

# Programs that must not be root's: their home, and what they call.
my ($uid, $gid) = (getpwnam('nobody'))[2, 3];
my $home = "$dir/home";
mkdir($home);
chown($uid, $gid, $home);
my $xcontext = "$dir/xcontext-inject";
my $program = $ENV{XC_CTL} // './xcontext';
$program = POSIX::getcwd() . "/$program" if $program !~ m{^/};
system('cp', $program, $xcontext) == 0 or die "cp failed\n";
chmod(0755, $xcontext);

# As nobody, in its home: the status, and what it said.
sub as_nobody {
	my (@command) = @_;
	my $pid = open(my $from, '-|') // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDERR, '>&', \*STDOUT);
		open(STDIN, '<', '/dev/null');
		chdir($home);
		($(, $)) = ($gid, "$gid $gid");
		POSIX::setuid($uid);
		%ENV = (PATH => '/usr/bin:/bin', HOME => $home, USER => 'nobody',
		    TMPDIR => $home, LC_ALL => 'C',
		    ASAN_OPTIONS => 'detect_leaks=0');
		exec(@command) or POSIX::_exit(127);
	}
	guard_process($pid);
	my $text = do { local $/; <$from> } // '';
	close($from);
	my $status = $?;
	guard_forget($pid);
	return ($status >> 8, $text);
}

# The fetcher's file, as the recipe has it.
sub write_file {
	my ($name, $text) = @_;
	spit("$home/$name", $text);
	chown($uid, $gid, "$home/$name");
	chmod(0600, "$home/$name");
}

sub is_there {
	my ($name, @n) = @_;
	ok($postfix->is_idle(30), "$name: the queue is empty");
	my %got;
	for my $mail ($postfix->mails) {
		my $id = XContext::OddMail::id($mail) // next;
		push(@{$got{$id}}, $mail);
	}
	for my $n (@n) {
		my $m = XContext::OddMail::make($n);
		my $mail = $got{$n}[0] // '';
		is(scalar @{$got{$n} // []}, 1, "$name: $n came once");
		like($mail, qr/^Received: from helo$n\.example\.org \(host$n\.example\.org \[\Q$m->{origin}\E\]\)\s+by mx\.example\.net/m,
		    "$name: from its client");
	}
	is(scalar keys %got, scalar @n, "$name: and no other");
	is(scalar $dovecot->mails('joe'), 0, "$name: none is left there");
	$postfix->forget_mails;
}

# Some that these programs do not themselves change much.
my @n = (28, 42, 32, 39, 53);
$dovecot->put('joe', XContext::OddMail::make($_)->{text}) for @n;

sub fetchmailrc {
	my ($protocol, $port) = @_;
	return with(block($title, qr/fetchmail, in \.fetchmailrc:/),
	    'poll pop.example.com protocol POP3',
	    "poll localhost via 127.0.0.1 protocol $protocol port $port",
	    'xcontext inject', "$xcontext inject", '127.0.0.1:10025', $server,
	    'joe@example.net', 'joe@example.com');
}

SKIP: {
	skip('no fetchmail', 1) if !-x '/usr/bin/fetchmail';
	my @fetchmail = ('fetchmail', '--nodetach', '--nosyslog', '--sslproto',
	    '', '--pidfile', "$home/fetchmail.pid");
	write_file('.fetchmailrc', fetchmailrc('POP3', $dovecot->port('pop3')));
	# The server is away: the mail stays where it is.
	$live->postfix->stop;
	my ($status, $said) = as_nobody(@fetchmail);
	like($said, qr/cannot be connected to/, 'fetchmail: no server');
	is(scalar $dovecot->mails('joe'), scalar @n, 'and all mail is kept');
	$live->postfix->start;
	($status, $said) = as_nobody(@fetchmail);
	is($status, 0, 'fetchmail, POP3') or diag($said);
	is_there('fetchmail, POP3', @n);
	$dovecot->put('joe', XContext::OddMail::make($_)->{text}) for 56, 70;
	write_file('.fetchmailrc', fetchmailrc('IMAP', $dovecot->port('imap')));
	($status, $said) = as_nobody(@fetchmail);
	is($status, 0, 'fetchmail, IMAP') or diag($said);
	is_there('fetchmail, IMAP', 56, 70);
}

# What fetchmail takes by mistake once more (it was killed before it deleted it)
# is known.
SKIP: {
	skip('no fetchmail', 1) if !-x '/usr/bin/fetchmail';
	$dovecot->put('joe', XContext::OddMail::make(70)->{text});
	my ($status, $said) = as_nobody('fetchmail', '--nodetach', '--nosyslog',
	    '--sslproto', '', '--pidfile', "$home/fetchmail.pid");
	is($status, 0, 'fetchmail: once more') or diag($said);
	is_there('fetchmail: once more');
}

SKIP: {
	skip('no getmail', 1) if !-x '/usr/bin/getmail';
	for my $protocol (qw(POP3 IMAP)) {
		my @m = $protocol eq 'POP3' ? (84, 98) : (112, 126);
		$dovecot->put('joe', XContext::OddMail::make($_)->{text}) for @m;
		mkdir("$home/.getmail");
		chown($uid, $gid, "$home/.getmail");
		write_file('.getmail/getmailrc', with(
		    block($title, qr/getmail, in getmailrc:/),
		    'SimplePOP3Retriever', "Simple${protocol}Retriever",
		    'pop.example.com', "127.0.0.1\nport = " .
		    $dovecot->port(lc $protocol), '/usr/bin/xcontext',
		    $xcontext, '127.0.0.1:10025', $server,
		    'joe@example.net', 'joe@example.com'));
		$live->postfix->stop;
		my ($status, $said) = as_nobody('getmail');
		like($said, qr/cannot be connected to/,
		    "getmail, $protocol: no server");
		is(scalar $dovecot->mails('joe'), scalar @m,
		    'and all mail is kept');
		$live->postfix->start;
		($status, $said) = as_nobody('getmail');
		is($status, 0, "getmail, $protocol") or diag($said);
		is_there("getmail, $protocol", @m);
	}
}

# A maildir, as README has it, and as the manual has it.
my ($example) = slurp(($ENV{srcdir} // '.') . '/man/xcontext.1') =~
    /^\.Sh INJECT\n.*?^\.Bd -literal .*?\n(.*?)^\.Ed/ms;
$example =~ s/\\e\n\s*//g;
for my $recipe ([ README => commands($title,
    qr/takes nothing out of the maildir:/) ],
    [ 'xcontext(1)' => split(/\n/, $example) ]) {
	my ($where, @commands) = @$recipe;
	my @m = grep { defined XContext::OddMail::make($_)->{origin} }
	    1001 .. 1010;
	my $maildir = "$home/Maildir";
	system('rm', '-rf', $maildir, glob("$maildir.*"));
	mkdir($_) for $maildir, map { "$maildir/$_" } qw(new cur tmp);
	spit("$maildir/cur/$_.x:2,S", XContext::OddMail::make($_)->{text})
	    for @m;
	mkdir("$home/Maildir.rejects");
	system('chown', '-R', "$uid:$gid", $home);
	my ($dry, $all, $state) = map { s/^xcontext /$xcontext /r } @commands;
	my ($status, $said) = as_nobody('sh', '-c', $dry);
	is($status, 0, "$where: a maildir, what would be said") or diag($said);
	is(scalar(() = $said =~ /XCLIENT ADDR=198\.51\./g), scalar @m,
	    'of each');
	$all = with($all, '127.0.0.1:10025', $server);
	$all =~ s/joe\@example\.net/joe\@example.com/;
	for my $time ('once', 'twice') {
		($status, $said) = as_nobody('sh', '-c', $all);
		is($status, 0, "$where: a maildir, $time") or diag($said);
	}
	is(scalar(my @left = glob("$maildir/cur/*")), scalar @m, 'it is kept');
	is_there("$where: a maildir", @m);
	next if !defined $state;
	($status, $said) = as_nobody('sh', '-c', $state);
	is(scalar(() = $said =~ / delivered cur\//g), scalar @m,
	    "$where: where each stands");
}

# LMTP, whose server answers for each recipient.
{
	my $m = XContext::OddMail::make(28);
	my $got = $ctl->run(in => $m->{text}, 'inject', '--mine',
	    '*.example.net', '--lmtp', '--server',
	    '127.0.0.1:' . $dovecot->port('lmtp'), '-', 'ann', 'bob');
	is($got->{status}, 0, 'LMTP') or diag($got->{err}, $dovecot->log_text);
	for my $user (qw(ann bob)) {
		my ($mail) = $dovecot->mails($user);
		is(XContext::OddMail::tail($mail // ''), $m->{want},
		    "LMTP: for $user");
		like($mail // '', qr/^Received: from \S+ \(\[?\Q$m->{origin}\E\]?\)/m,
		    'from its client');
	}
}

$live->finish;
