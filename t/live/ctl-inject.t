#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext inject: old mail goes through a real Postfix as what it is: from the
# client that its Received header names, once, whatever is killed at whatever
# moment.
#
# XC_INJECTED (120) in the mbox, XC_KILLS (4) of inject and as many of the server.
use strict;
use warnings;

use IO::Socket::IP ();
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use XContext::Ctl ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_child guard_process guard_forget);
use XContext::Live ();
use XContext::OddMail ();

my $why = XContext::Ctl::impossible();
plan(skip_all => $why) if defined $why;
my $n_messages = $ENV{XC_INJECTED} // 120;
my $n_kills = $ENV{XC_KILLS} // 4;
my $live = XContext::Live->new(
    seconds => 600 + $n_messages,
    services => [ { name => 'in', wiring => 'a' },
	{ name => 'plain', wiring => 'plain' } ],
    main => { smtpd_recipient_restrictions =>
	'check_recipient_access inline:{{later@example.com=450 not now}, ' .
	'{no@example.com=550 not here}}, check_policy_service ' .
	'unix:recorder/policy',
	message_size_limit => '2000000' },
    trust => "127.0.0.1\tfetcher\n", profiles => <<'END');
profile fetcher {
	xclient = { "ADDR", "NAME", "REVERSE_NAME", "PORT", "HELO", "LOGIN" }
	login = { "*@example.org" }
}
END
my $postfix = $live->postfix;
my $ctl = XContext::Ctl->new;
my $dir = $live->{dir};
my $server = $postfix->address('in') . ':' . $postfix->port('in');
my @mine = ('--mine', '192.0.2.0/24,*.example.net', '--server', $server);

sub inject {
	my ($m, @args) = @_;
	return $ctl->run(in => $m->{text}, 'inject', @mine, @args);
}

# What has arrived, by number: texts.
sub arrived {
	my %got;
	for my $mail ($postfix->mails) {
		my $id = XContext::OddMail::id($mail) // next;
		push(@{$got{$id}}, $mail);
	}
	return \%got;
}

# A queue file that Postfix was killed over is not executable, and nobody's mail.
sub await_idle {
	my $queue = $postfix->queue;
	my $end = time + 120;
	my @left;
	do {
		sleep(0.05);
		@left = grep { -f && -x _ } map { glob("$queue/$_/*") }
		    qw(incoming active maildrop);
	} while (@left && time < $end);
	is(scalar @left, 0, 'the queue is empty');
}

# One message, as fetchmail and getmail hand it over.
{
	my $m = XContext::OddMail::make(28);
	my $got = inject($m, '-');
	is($got->{status}, 0, 'standard input: taken') or diag($got->{err});
	is($got->{err} . $got->{out}, '', 'in silence');
	await_idle();
	my ($mail) = @{arrived()->{28} // []};
	is(XContext::OddMail::tail($mail // ''), $m->{want}, 'its content');
	like($mail // '', qr/^Received: from helo28\.example\.org \(host28\.example\.org \[\Q$m->{origin}\E\]\)/m,
	    'Received names the client');
	like($mail // '', qr/^Return-Path: <s28\@example\.org>$/m, 'the sender');
	is(($live->milter_seen->last(event => 'CONNECT') // {})->{addr},
	    $m->{origin}, 'a milter sees it');
	my $asked = $live->policy_seen->last(client_address => $m->{origin});
	is($asked->{client_name}, 'host28.example.org', 'a policy sees it');
	is($asked->{helo_name}, 'helo28.example.org', 'and its greeting');
}

# Each kind, and several recipients.
for my $n (1 .. XContext::OddMail::KINDS) {
	my $m = XContext::OddMail::make($n);
	is(inject($m, '--sender', '<x@example.org>', '-', 'b@example.com',
	    '<c@example.com>')->{status}, 0, "kind $n is taken");
}
await_idle();
my $got = arrived();
for my $n (1 .. XContext::OddMail::KINDS) {
	my $m = XContext::OddMail::make($n);
	is(scalar @{$got->{$n} // []}, 2, "kind $n: for two");
	ok(XContext::OddMail::tail($_) eq $m->{want}, "kind $n: whole")
	    for @{$got->{$n} // []};
}
$postfix->forget_mails;

# Who is not known.
{
	my $m = XContext::OddMail::make(3);
	is($m->{origin}, undef, 'a message without an origin');
	my $got = inject($m, '--unknown', 'self', '-');
	is($got->{status}, 0, 'as ours, if that is said') or diag($got->{err});
	is(inject($m, '--unknown', 'reject', '-')->{status}, 69, 'or not at all');
	is(inject($m, '-', 'u@example.com')->{status}, 0, 'else as unknown');
	await_idle();
	my $mails = arrived()->{3};
	is(scalar @$mails, 2, 'it came as often');
	my ($unknown, $self) = sort { ($a =~ /127\.0\.0\.1/) <=>
	    ($b =~ /127\.0\.0\.1/) } @$mails;
	like($unknown, qr/^Received: from \S+ \(unknown \[unknown\]\)/m,
	    'from nobody');
	like($self, qr/^Received: from \S+ \(unknown \[127\.0\.0\.1\]\)/m,
	    'from us');
	$postfix->forget_mails;
	$m->{text} =~ s/^/Received: from x ([10.0.0.1]) by mx; now\n/;
	is(inject($m, '--unknown', 'reject', '-')->{status}, 69,
	    'a private address is none');
}

# What the server says.
{
	my $m = XContext::OddMail::make(14);
	my $rejects = "$dir/rejects";
	my @again;
	mkdir($rejects);
	my $got = inject($m, '-', 'later@example.com');
	is($got->{status}, 75, '4xx: a temporary failure');
	like($got->{err}, qr/later: 450 /, 'with the reply');
	is(inject($m, '-', 'no@example.com')->{status}, 69, '5xx');
	is(inject($m, '--rejects', $rejects, '-', 'no@example.com')->{status}, 0,
	    '5xx is taken over, if there is a place for it');
	my ($eml) = glob("$rejects/*.eml");
	is(slurp($eml), $m->{text}, 'it is there');
	(my $json = $eml) =~ s/eml$/json/;
	like(JSON::PP::decode_json(slurp($json))->{rcpt}{'no@example.com'}[1],
	    qr/^550 /, 'with the reply');
	# Whoever hands it over again has it still, and must not let it go.
	@again = ('--journal', "$dir/refused", '-', 'no@example.com');
	is(inject($m, @again)->{status}, 69, '5xx, again') for 1 .. 3;
	# That one of them has it is nothing to the other.
	@again = ('--journal', "$dir/each", '-');
	is(inject($m, @again, "$_\@example.com")->{status}, 0, "one is $_")
	    for qw(d e d);
	await_idle();
	is(scalar @{arrived()->{14} // []}, 2, 'each of the two has it, once');
	$postfix->forget_mails;
	# Some of each: only those that are left are tried again.
	my @args = ('--journal', "$dir/some", '--rejects', $rejects, '-',
	    'a@example.com', 'later@example.com', 'no@example.com');
	is(inject($m, @args)->{status}, 75, 'some of each') for 1, 2;
	await_idle();
	is(scalar @{arrived()->{14}}, 1, 'no recipient twice');
	my $state = $ctl->run('inject', '--status', '--journal', "$dir/some");
	like($state->{out}, qr/ delivered standard input <a\@example\.com>: 250/,
	    'the journal: delivered');
	like($state->{out}, qr/ later +standard input <later\@example\.com>: 450/,
	    'the journal: later');
	like($state->{out}, qr/ rejected +standard input <no\@example\.com>: 550/,
	    'the journal: rejected');
	$postfix->forget_mails;
	# Nobody can be told who it is from, or there is nobody.
	$got = $ctl->run(in => $m->{text}, 'inject', '--received', '2',
	    '--server', $postfix->address('plain') . ':' .
	    $postfix->port('plain'), '-');
	is($got->{status}, 75, 'no XCLIENT');
	like($got->{err}, qr/does not offer XCLIENT/, 'is said');
	is($ctl->run(in => $m->{text}, 'inject', '--received', '2', '--server',
	    $postfix->address('plain') . ':1', '-')->{status}, 75, 'no server');
	is($ctl->run(in => $m->{text}, 'inject', '--received', '2', '-')
	    ->{status}, 64, 'no server is named');
	await_idle();
	is(scalar keys %{arrived()}, 0, 'and nothing came');
}

# A server that has refused one recipient for now, and goes away at the next one.
{
	my $listener = IO::Socket::IP->new(LocalHost => '127.0.0.1',
	    Listen => 1) or die "$@\n";
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		while (my $sock = $listener->accept) {
			for my $reply (qw(220 250 250 450)) {
				syswrite($sock, "$reply x\r\n");
				sysread($sock, my $line, 4096) or last;
			}
		}
		POSIX::_exit(0);
	}
	guard_process($pid);
	my $m = XContext::OddMail::make(3);
	my $got = $ctl->run(in => $m->{text}, 'inject', '--received', '1',
	    '--unknown', 'self', '--server',
	    '127.0.0.1:' . $listener->sockport, '-', 'a@example.com',
	    'b@example.com');
	is($got->{status}, 75, 'it goes away each time: later');
	like($got->{err}, qr/later: the server has closed/, 'as is said');
	kill('KILL', $pid);
	waitpid($pid, 0);
	guard_forget($pid);
}

# The same message again, as after a crash of who fetched it: fetchmail's own
# header has another time.
{
	my $m = XContext::OddMail::make(42);
	for my $time ('10:00:00', '10:05:00') {
		my $again = { text => "Received: from pop.example.net " .
		    "[192.0.2.1]\n\tby localhost with POP3 (fetchmail-6.4.37)" .
		    "\n\tfor <me\@localhost> (single-drop); $time\n$m->{text}" };
		is(inject($again, '--journal', "$dir/again", '-')->{status}, 0,
		    'it is taken, or known');
	}
	await_idle();
	is(scalar @{arrived()->{42}}, 1, 'it came once');
	$postfix->forget_mails;
}

# A maildir, over several connections.
{
	my $maildir = "$dir/maildir";
	mkdir($_) for $maildir, map { "$maildir/$_" } qw(new cur tmp);
	my @n = (101 .. 140);
	for my $n (@n) {
		my $name = $n % 2 ? "new/$n.a.host" : "cur/$n.a.host:2,S";
		spit("$maildir/$name", XContext::OddMail::make($n)->{text});
	}
	spit("$maildir/tmp/1.a.host", "not yet\n");
	symlink('/etc/passwd', "$maildir/new/link");
	my @args = ('inject', @mine, '--unknown', 'self', '--journal',
	    "$dir/maildir.journal", '-j', '8', '--stats-json', "$dir/stats");
	my $got = $ctl->run(@args, '--keep', $maildir);
	is($got->{status}, 0, 'a maildir') or diag($got->{err});
	is(JSON::PP::decode_json(slurp("$dir/stats"))->{delivered}, scalar @n,
	    'the numbers');
	is(scalar(my @left = glob("$maildir/{new,cur}/*.host*")), scalar @n,
	    'is kept');
	# Another program has seen one of them meanwhile.
	rename("$maildir/new/101.a.host", "$maildir/cur/101.a.host:2,FS");
	$got = $ctl->run(@args, $maildir);
	is($got->{status}, 0, 'again') or diag($got->{err});
	is(JSON::PP::decode_json(slurp("$dir/stats"))->{already}, scalar @n,
	    'all are there');
	is(join(' ', glob("$maildir/{new,cur,tmp}/*")),
	    "$maildir/new/link $maildir/tmp/1.a.host", 'and leave it');
	await_idle();
	my $mails = arrived();
	is(scalar(grep { @{$mails->{$_} // []} == 1 &&
	    XContext::OddMail::tail($mails->{$_}[0]) eq
	    XContext::OddMail::make($_)->{want} } @n), scalar @n,
	    'each came once, whole');
	$postfix->forget_mails;
}

# Killed.

# Is the message on standard input at the server?  Not before that has done with
# what it was sent.
my $ask = "$dir/ask";
spit($ask, <<"END");
#!/usr/bin/perl
use strict;
use warnings;
my (\$id) = do { local \$/; <STDIN> } =~ /^X-Id: (\\d+)\\r?\$/m or exit(75);
my \$queue = '@{[$postfix->queue]}';
for (1 .. 1200) {
	my \@left = grep { -f && (-x _ || time - (stat _)[9] < 2) }
	    map { glob("\$queue/\$_/*") } qw(incoming active maildrop);
	\@left or last;
	select(undef, undef, undef, 0.05);
	exit(75) if \$_ == 1200;
}
exec('grep', '-rqsx', "X-Id: \$id", '@{[$postfix->dir]}/mail/box/new')
    or exit(75);
END
chmod(0755, $ask);

my $mbox = "$dir/mbox";
my $first = 1000;
my @all = map { XContext::OddMail::make($_) }
    $first .. $first + $n_messages - 1;
spit($mbox, join('', map { XContext::OddMail::mbox($_) } @all));
my @args = ('inject', @mine, '--unknown', 'self', '--journal',
    "$dir/mbox.journal", '-j', '4', '--retry', '20', '--in-doubt',
    "ask:$ask", $mbox);

sub start_inject {
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDERR, '>>', "$dir/inject.err");
		exec(XContext::Ctl::program(), @args) or POSIX::_exit(127);
	}
	guard_process($pid);
	return $pid;
}

sub server_killed {
	my $group = $postfix->{master};
	kill('KILL', -$group);
	my $end = time + 10;
	sleep(0.01) while time < $end && kill(0, -$group);
	guard_forget($group);
	delete $postfix->{master};
	sleep(rand(0.3));
	$postfix->start;
}

my ($of_inject, $of_server, $status) = (0, 0, undef);
my $begun = time;
# So long that all kills fall into the time that it takes.
my $pause = $ENV{XC_PAUSE} // 0.5;
for my $round (0 .. 20 * $n_kills) {
	my $pid = start_inject();
	sleep(rand($pause));
	if ($of_server < $n_kills) {
		server_killed();
		$of_server++;
		sleep(rand($pause));
	}
	if ($of_inject < $n_kills && kill(0, $pid)) {
		kill('KILL', $pid);
		$of_inject++;
	}
	waitpid($pid, 0);
	guard_forget($pid);
	$status = $?;
	last if $status == 0 && $of_inject == $n_kills;
}
is($status, 0, "killed $of_inject times, the server $of_server times, and done")
    or diag(slurp("$dir/inject.err"));
note(sprintf('in %.0f s', time - $begun));
await_idle();
my $mails = arrived();
my @lost = grep { !defined $mails->{$_->{n}} } @all;
# One that Postfix took once it may still deliver twice, if it is killed behind
# the delivery: that has one queue id.
my @twice = grep {
	my $n = 0;
	my %taken = map { /^Received: [^;]*\bid (\w+)/m ? ($1 => 1) :
	    ('none ' . $n++ => 1) } @{$mails->{$_->{n}} // []};
	keys %taken > 1;
} @all;
my @wrong = grep { XContext::OddMail::tail($mails->{$_->{n}}[0] // '') ne
    $_->{want} } @all;
my @not_by = grep { defined $_->{origin} && ($mails->{$_->{n}}[0] // '') !~
    /^Received: from \S+ \(\S+ \[\Q$_->{origin}\E\]\)\s+by mx\.example\.net/m }
    @all;
is(join(' ', map { $_->{n} } @lost), '', 'none is lost');
is(join(' ', map { $_->{n} } @twice), '', 'none is there twice');
is(join(' ', map { $_->{n} } @wrong), '', 'each is whole');
is(join(' ', map { $_->{n} } @not_by), '', 'each is from its client');
is(-s $mbox, 0, 'the mbox is empty');
is($ctl->run(@args)->{status}, 0, 'and there is no more to do');

$live->finish;
