#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# What xcontext(1) reads in the log that xcontext-policy writes behind a real
# Postfix, as text and as JSON: replay, coverage, suggest, explain --log; and
# test --coverage, which counts the same rules.
use strict;
use warnings;

use IO::Compress::Gzip ();
use JSON::PP ();
use Test::More;

use XContext::Ctl ();
use XContext::File qw(replace slurp spit);
use XContext::Live ();

my $why = XContext::Ctl::impossible();
plan(skip_all => $why) if defined $why;

my $edge = <<'END';
profile edge {
	xclient = { "ADDR" }
	name = { "!.internal.example.net", "*" }
	report_only = "everything"
}
END
my $webmail = <<'END';
profile webmail {
	xclient = { "ADDR", "LOGIN" }
	login = { "*@example.com" }
}
END
my $live = XContext::Live->new(profiles => $edge . $webmail);
my $dir = $live->{dir};
my $conf = slurp($live->{conf_file});
my $ctl = XContext::Ctl->new(conf => $live->{conf_file});
my $log = "$dir/policy.log";
my $policy = XContext::Daemon::program('xcontext-policy');
my ($messenger, $mail_host) = (XContext::Live::MESSENGER,
    XContext::Live::WEBMAIL);

# The same with other profiles; its name.
sub conf_with {
	my ($name, $from, $to) = @_;
	my $text = $conf;
	$text =~ s/\Q$from\E/$to/ or die "no $from\n";
	spit("$dir/$name", $text);
	return "$dir/$name";
}

#
# Traffic
#
my $n = 0;		# decisions

sub session {
	my ($local, @commands) = @_;
	my $smtp = $live->connect(local => $local);
	my @codes;
	$smtp->cmd('EHLO proxy.example.net');
	for my $command (@commands) {
		$n++ if $command =~ /^X/;
		my $reply = $smtp->cmd($command);
		push(@codes, $reply->code . ' ' . $reply->text);
	}
	$smtp->quit;
	return @codes;
}

sub traffic {
	my ($first) = @_;
	for my $i ($first .. $first + 3) {
		my ($code) = session($messenger, "XCLIENT ADDR=203.0.113.$i " .
		    "NAME=h$i.example.org PORT=" . (40000 + $i));
		like($code, qr/^220/, "an override in a trial: $i");
	}
	session($messenger, "XCLIENT ADDR=203.0.113.$first", 'EHLO there',
	    'XCLIENT ADDR=203.0.113.9');
	return session($mail_host, 'XCLIENT ADDR=198.51.100.9 ' .
	    'LOGIN=joe@example.org', 'MAIL FROM:<a@example.org>');
}

my @said = traffic(10);
replace($live->{conf_file}, "log_format = \"json\"\n$conf");
$live->policy->stop;
$live->policy->start;
@said = traffic(20);
replace($live->{conf_file}, $conf);
like(slurp($log), qr/^time=.* event=permit .* said=/m, 'the log has text');
like(slurp($log), qr/^\{.*"event":"permit".*"said":/m, 'and JSON');

#
# replay
#
sub replay {
	my ($file, @args) = @_;
	my $got = $ctl->run('replay', $file, '--json', @args);
	return ($got, eval { JSON::PP::decode_json($got->{out}) } // {});
}

{
	my ($got, $data) = replay($log);
	is($got->{status}, 0, 'replay: by the same rules') or
	    diag($got->{out}, $got->{err});
	is($data->{decisions}, $n, 'replay: each decision is one');
	is($data->{different}, 0, 'replay: none has come out differently');
	is($data->{state}, 2, 'replay: what the seal refused is no rule\'s');
	is($data->{same}, $n - 2, 'replay: all the others are the same');
	is($data->{undecidable} + $data->{damaged}, 0, 'replay: all is known');

	# One rule is changed: exactly its lines.
	($got, $data) = replay($log, '--config', conf_with('narrow.conf',
	    'name = {', "addr = { \"!203.0.113.20/31\", \"public\" }\n" .
	    "\tname = {"));
	is($got->{status}, 1, 'replay: by others');
	is_deeply([ map { "$_->{count} $_->{was} > $_->{is}" }
	    @{$data->{differences}} ], [ '1 permit > permit (only reported)' ],
	    'replay: what was granted, and would not be');
	($got, $data) = replay($log, '--config', conf_with('login.conf',
	    '*@example.com"', '*@example.com", "*@example.org"'));
	is($got->{status}, 1, 'replay: with one rule changed');
	is_deeply([ map { "$_->{count} $_->{peer} $_->{was} $_->{is} " .
	    "$_->{profile}" } @{$data->{differences}} ],
	    [ "2 $mail_host tempfail permit webmail" ],
	    'replay: exactly what that decides') or diag($got->{out});
	like($data->{differences}[0]{first}, qr/^20\d\d-\d\d-\d\dT/,
	    'replay: since when');
	is($data->{differences}[0]{example}, 'XCLIENT ADDR=198.51.100.9 ' .
	    'LOGIN=joe@example.org', 'replay: an example');
	($got, $data) = replay($log, '--config', conf_with('strict.conf',
	    'report_only = "everything"', ''));
	is($data->{different}, 8, 'replay: without the trial');
	is_deeply([ sort(map { "$_->{was}>$_->{is}" } @{$data->{differences}})
	    ], [ 'permit (only reported)>tempfail' ],
	    'replay: it would be refused');
}

# Each way that a log is kept.
{
	my $text = slurp($log);
	IO::Compress::Gzip::gzip(\$text, "$dir/log.gz");
	my ($got, $data) = replay("$dir/log.gz");
	is("$got->{status} $data->{same}", '0 ' . ($n - 2), 'replay: gzip');
	my $got_in = $ctl->run(in => $text, 'replay', '-', '--json');
	is($got_in->{status}, 0, 'replay: standard input');
	my @lines = split(/\n/, $text);
	spit("$dir/syslog", join('', map { "Nov 30 12:00:00 mx " .
	    "xcontext-policy[7]: $_\nNov 30 12:00:00 mx postfix/smtpd[8]: " .
	    "warning: xcontext-policy[7]: $_\n" } @lines));
	($got, $data) = replay("$dir/syslog");
	is("$got->{status} $data->{same}", '0 ' . ($n - 2), 'replay: syslog');
	ok($data->{foreign} >= @lines,
	    'replay: what others say is nobody\'s decision');
	my $json = JSON::PP->new->ascii->canonical;
	spit("$dir/journal", join('', map { $json->encode({ MESSAGE => $_,
	    SYSLOG_IDENTIFIER => 'xcontext-policy',
	    __REALTIME_TIMESTAMP => '1796040000000000' }) . "\n" } @lines));
	($got, $data) = replay("$dir/journal");
	is("$got->{status} $data->{same}", '0 ' . ($n - 2), 'replay: journal');
	# A damaged line, and one of which too little is left.
	my ($one) = grep { /event=permit .* said=/ } @lines;
	spit("$dir/damaged", "\n" . ($one =~ s/(said="XCLI).*/$1/r) . "\n" .
	    ($one =~ s/ said=.*/.../r) . "\n$one\n");
	($got, $data) = replay("$dir/damaged");
	is($got->{status}, 75, 'replay: what cannot be told is not the same');
	like($got->{err}, qr{^xcontext: \S+/damaged:2: damaged: }m,
	    'replay: which line');
	is("$data->{damaged} $data->{undecidable} $data->{same}", '1 1 1',
	    'replay: and no more');
	is($ctl->run('replay', "$dir/nosuch")->{status}, 66,
	    'replay: no such log');
}

#
# coverage
#
{
	my $got = $ctl->run('coverage', $log);
	is($got->{status}, 0, 'coverage') or diag($got->{err});
	my $data = $ctl->json('coverage', $log);
	my %hit = map { ("$_->{kind} $_->{profile} $_->{what}" =>
	    $_->{count}) } @{$data->{hits}};
	is($hit{'peer edge 127.0.1.0/24'}, $n - 2, 'coverage: a trust entry');
	is($hit{'peer webmail 127.0.3.0/24'}, 2, 'coverage: another');
	is($hit{'grant webmail XCLIENT LOGIN'}, 2, 'coverage: a grant');
	is($hit{'values webmail LOGIN: *@example.com'}, 2,
	    'coverage: values, also where they refuse');
	is_deeply([ map { "$_->{kind} $_->{profile} $_->{what}" }
	    @{$data->{never}} ], [ ],
	    'coverage: a list of an attribute that is not granted is none');
	my ($place) = map { $_->{place} } grep {
	    $_->{what} eq '127.0.3.0/24' } @{$data->{hits}};
	is($place, "$live->{trust_file}:2", 'coverage: where it stands');
	my $more = conf_with('more.conf', "profile webmail {\n",
	    "profile webmail {\n\txforward = { \"NAME\" }\n");
	$data = XContext::Ctl->new(conf => $more)->json('coverage', $log);
	is_deeply([ map { "$_->{kind} $_->{profile} $_->{what} $_->{count}" }
	    @{$data->{never}} ], [ 'grant webmail XFORWARD NAME 0' ],
	    'coverage: what was never asked');

	spit("$dir/rules", "peer $mail_host\nXCLIENT " .
	    "ADDR=203.0.113.1\n= permit\n");
	$got = $ctl->run('test', '--coverage', "$dir/rules");
	is($got->{status}, 0, 'test --coverage: status');
	like($got->{out}, qr/^# coverage: 2 of 6 rules, 33%$/m,
	    'test --coverage: how much') or diag($got->{out});
	like($got->{out}, qr/^# \Q$live->{trust_file}\E:1: not reached: peer, 127\.0\.1\.0\/24, edge$/m,
	    'test --coverage: what not');
	is($ctl->run('test', '--fail-under', 33, "$dir/rules")->{status}, 0,
	    'test --fail-under: enough');
	$got = $ctl->run('test', '--fail-under', 34, "$dir/rules");
	is($got->{status}, 1, 'test --fail-under: too little');
	like($got->{out}, qr/^# that is under 34%$/m, 'and says so');
	is($ctl->run('test', '--fail-under', 'all', "$dir/rules")->{status},
	    64, 'test --fail-under: no number');
}

#
# suggest
#

# Lines like one of the log, with another command, whose answer is not asked.
sub lines_of {
	my ($like, @commands) = @_;
	return join('', map { my $command = $_;
	    my ($verb) = $command =~ /^(\w+)/;
	    $like =~ s/ command=\w+/ command=$verb/r =~
	    s/ said=.*/ said="$command"/r . "\n" } @commands);
}

# What of them would pass, by the rules of that file: "verdict command".
sub pass_by {
	my ($file, $lines) = @_;
	spit("$dir/generated", $lines);
	my $got = XContext::Ctl->new(conf => $file)->run('replay',
	    "$dir/generated", '--json');
	my $data = JSON::PP::decode_json($got->{out});
	return map { "$_->{count} $_->{is}" } @{$data->{differences}};
}

my ($like) = grep { /event=permit .*report_only=true/ && /^time=/ }
    split(/\n/, slurp($log));
{
	my $got = $ctl->run('suggest', $log);
	is($got->{status}, 0, 'suggest: all that passed') or
	    diag($got->{out}, $got->{err});
	like($got->{out}, qr/^profile edge \{\n\txclient = \{\n\t    # 10 times, \S+ to \S+: XCLIENT ADDR=203\.0\.113\.10 .*\n\t    "ADDR",/m,
	    'suggest: a grant, with its evidence') or diag($got->{out});
	like($got->{out}, qr/^\t    # 2 times, .*\n\t    "203\.0\.113\.10",$/m,
	    'suggest: an address, with its');
	unlike($got->{out}, qr/profile webmail/, 'suggest: who was on no trial');
	unlike($got->{out}, qr/report_only/, 'suggest: the trial is over');
	my $file = conf_with('suggested.conf', $edge, $got->{out});
	is(system("$policy -c $file -t > $dir/checked 2>&1"), 0,
	    'suggest: the daemons take it') or diag(slurp("$dir/checked"));
	my ($same, $data) = replay($log, '--config', $file);
	is(join(' ', grep { $_ ne 'permit' } map { $_->{is} }
	    @{$data->{differences}}), '', 'suggest: all that passed passes');
	is($data->{different}, 8, 'suggest: and is granted now');
}

# Much of it: what is like it passes, what would be an attack does not.
{
	my @good = map { 'XCLIENT ADDR=203.0.' . (100 + $_ % 9) . ".$_ " .
	    "NAME=h$_.example.org HELO=c$_.example.org PORT=" . (2000 + $_) .
	    " LOGIN=u$_\@example.com" } 1 .. 60;
	my @held_out = map { 'XCLIENT ADDR=203.0.' . (100 + $_ % 9) . ".$_ " .
	    "NAME=h$_.example.org HELO=c$_.example.org PORT=" . (2000 + $_) .
	    " LOGIN=u$_\@example.com" } 61 .. 120;
	my @attack = ('XCLIENT ADDR=10.1.2.3', 'XCLIENT ADDR=127.0.0.1',
	    'XCLIENT ADDR=::1', "XCLIENT ADDR=$mail_host",
	    'XCLIENT ADDR=192.168.7.1 NAME=h1.example.org',
	    'XCLIENT ADDR=203.0.100.9 LOGIN=root',
	    'XCLIENT ADDR=203.0.100.9 LOGIN=u1@example.net',
	    'XCLIENT ADDR=203.0.100.9 LOGIN=u1@example.com.example.net',
	    'XCLIENT ADDR=203.0.100.9 NAME=db.internal.example.net',
	    'XCLIENT ADDR=203.0.100.9 HELO=gw.example.com');
	# A name that has a profile is nobody else's.
	my $trial = conf_with('trial.conf', 'trust_maps = {',
	    'trust_maps = { "inline:{{gw.example.com = webmail}}",');
	$trial = XContext::Ctl->new(conf => $trial);
	my %want = ( '' => 'public', '--prefix' => '203.0.100.0/24' );
	for my $prefix ([ ], [ '--prefix', 24 ]) {
		my $name = @$prefix ? "suggest @$prefix" : 'suggest';
		spit("$dir/good", lines_of($like, @good));
		my $got = $trial->run('suggest', @$prefix, "$dir/good");
		is($got->{status}, 0, "$name: all of it") or
		    diag($got->{out}, $got->{err});
		like($got->{out}, qr/"\Q$want{$prefix->[0] \/\/ ''}\E"/,
		    "$name: addresses");
		like($got->{out}, qr/^\t    # 60 times.*\n\t    "\*\@example\.com"$/m,
		    "$name: many logins of one domain");
		my $file = "$dir/large.conf";
		spit($file, slurp("$dir/trial.conf") =~ s/\Q$edge\E/$got->{out}/r);
		is(system("$policy -c $file -t > $dir/checked 2>&1"),
		    0, "$name: the daemons take it") or
		    diag(slurp("$dir/checked"));
		is(join(', ', pass_by($file, lines_of($like, @good,
		    @held_out))), '120 permit', "$name: what is like it passes");
		my @refused = map { /^(\d+) tempfail$/ } pass_by($file,
		    lines_of($like, @attack));
		my $sum = 0;
		$sum += $_ for @refused;
		is($sum, @attack, "$name: each attack is refused");
		# Nor is it suggested by being said.
		spit("$dir/good", lines_of($like, @good, @attack[0 .. 4],
		    @attack[8, 9], 'XCLIENT HELO=*',
		    'XSETCONTEXT profile=root'));
		my $again = $trial->run('suggest', @$prefix, "$dir/good");
		is($again->{status}, 1, "$name: some is never suggested");
		is(() = $again->{out} =~ /^# Not suggested: /mg, 5,
		    "$name: and why") or diag($again->{out});
		spit($file, slurp("$dir/trial.conf") =~
		    s/\Q$edge\E/$again->{out}/r);
		is(join(', ', pass_by($file, lines_of($like, @attack[0 .. 4],
		    @attack[8, 9]))), '5 tempfail, 1 tempfail, 1 tempfail',
		    "$name: refused for all that");
	}
	spit("$dir/none", "time=x event=start\n");
	is($ctl->run('suggest', "$dir/none")->{status}, 1,
	    'suggest: where there was no trial');
	is($ctl->run('suggest', '--prefix', 64, $log)->{status}, 64,
	    'suggest: no such prefix');
}

#
# explain --log
#
{
	my ($line) = grep { /event=refuse .*LOGIN=joe/ }
	    split(/\n/, slurp($log));
	my $got = $ctl->run('explain', '--log', $line);
	is($got->{status}, 0, 'explain --log') or diag($got->{err});
	my $one = $ctl->json('explain', '--log', $line)->{lines}[0];
	is($one->{said}, 'XCLIENT ADDR=198.51.100.9 LOGIN=joe@example.org',
	    'explain --log: what was said');
	is($one->{peer}, $mail_host, 'explain --log: by whom');
	like($one->{rule}, qr/^\Q$live->{conf_file}\E:\d+$/,
	    'explain --log: the rule');
	my ($number) = $one->{rule} =~ /:(\d+)$/;
	is_deeply($one->{to_allow}, [ { place => $one->{rule}, change =>
	    'put "joe@example.org" into login of profile webmail, in front ' .
	    'of what refuses it: LOGIN=joe@example.org is not allowed' } ],
	    'explain --log: what to change');
	# That is done.
	my @text = split(/^/, $conf);
	$text[$number - 1] =~ s/\{/{ "joe\@example.org",/;
	spit("$dir/mended.conf", join('', @text));
	$one = XContext::Ctl->new(conf => "$dir/mended.conf")->json('explain',
	    '--log', $line)->{lines}[0];
	is($one->{today}, 'permit', 'explain --log: and then it is allowed');
	like($one->{rules}, qr/have changed/, 'explain --log: by other rules');
	ok(!defined $ctl->json('explain', '--log', $line)->{lines}[0]{rules},
	    'explain --log: by the same');

	# What the client saw, of the last of these sessions.
	my ($id) = $said[0] =~ /; session (\w+)/;
	my $text = $ctl->run(in => slurp($log), 'explain', '--log', $id,
	    '--json');
	is($text->{status}, 0, 'explain --log: a session');
	my ($refused) = grep { $_->{event} eq 'refuse' }
	    @{JSON::PP::decode_json($text->{out})->{lines}};
	is($refused->{client_saw}, $said[0],
	    'explain --log: what the client saw');
	is($refused->{its_mail}, $said[1],
	    'explain --log: and what its mail did');
	my ($postfix) = grep { /reject: MAIL .*session $id/ }
	    split(/\n/, $live->postfix->log_text);
	ok(defined $postfix, 'Postfix has logged it, too');
	$one = $ctl->json('explain', '--log', $postfix)->{lines}[0];
	is($one->{session}, $id, 'explain --log: whose Postfix\'s line is');
	is($one->{client_saw}, $said[1],
	    'explain --log: what that says of the client');
	my ($sealed) = grep { /event=refuse .*reason=sealed/ }
	    split(/\n/, slurp($log));
	like($ctl->run(in => "$sealed\n", 'explain', '--log')->{out},
	    qr/^to_allow .*before the session is sealed/m,
	    'explain --log: a line of standard input, that no rule refused');
	my ($reported) = grep { /report_only=true/ && /^time/ }
	    split(/\n/, slurp($log));
	like($ctl->run('explain', '--log', $reported)->{out},
	    qr/^to_allow +\S+:\d+ +add "NAME" to xclient of profile edge\n +\S+:\d+ +add "PORT"/m,
	    'explain --log: a line that was only reported');
	my $stranger = $line =~ s/peer=\S+/peer=203.0.113.77/r;
	like($ctl->run('explain', '--log', $stranger)->{out},
	    qr/give 203\.0\.113\.77 a profile, in cidr:/,
	    'explain --log: a stranger');
	for my $nothing ('hello', '01ARZ3NDEKTSV4RRFFQ69G5FAV') {
		$got = $ctl->run('explain', '--log', $nothing);
		is($got->{status}, 1, "explain --log: $nothing");
		like($got->{err}, qr/nothing can be known: /, 'and says so');
	}
	is($ctl->run('explain', '--log', 'session=x said="')->{status}, 65,
	    'explain --log: a damaged line');
}

#
# What depends on the session: the seal, for who reads the context, and what was
# revoked
#
{
	my $from = -s $log;
	$n = 0;
	session($messenger, 'XCLIENT ADDR=203.0.113.5', 'XDUMPCONTEXT',
	    'EHLO there', 'XDUMPCONTEXT');
	is($ctl->run('revoke', $messenger)->{status}, 0, 'revoked');
	session($messenger, 'XCLIENT ADDR=203.0.113.5');
	my $lines = substr(slurp($log), $from);
	spit("$dir/more", $lines);
	like($lines, qr/"peer_rule":"revoked".*"said":"XCLIENT/,
	    'the log says that it was revoked') or diag($lines);
	my ($got, $data) = replay("$dir/more");
	is("$got->{status} $data->{same} $data->{state}", "0 3 1",
	    'replay: what was revoked is no rule\'s') or
	    diag($got->{out}, $lines);
	($got, $data) = replay("$dir/more", '--config', conf_with('dump.conf',
	    'name = {', "xdumpcontext = \"sealed\"\n\tname = {"));
	is(join(', ', sort(map { "$_->{count} $_->{was} > $_->{is}" }
	    @{$data->{differences}})), '1 permit (only reported) > permit, ' .
	    '1 tempfail > permit',
	    'replay: the seal, where a rule goes by it') or diag($got->{out});
	($got, $data) = replay("$dir/more", '--config', conf_with('dump.conf',
	    'name = {', "xdumpcontext = yes\n\tname = {"));
	is(join(', ', map { "$_->{was} > $_->{is}" } @{$data->{differences}}),
	    'permit (only reported) > permit', 'replay: and where not');
	my ($revoked) = grep { /"peer_rule":"revoked".*"said":/ }
	    split(/\n/, $lines);
	like($ctl->run('explain', '--log', $revoked)->{out},
	    qr/^to_allow .*xcontext unrevoke \Q$messenger\E$/m,
	    'explain --log: what to take back');
}

#
# The examples of the manual
#
{
	my ($examples) = slurp(($ENV{srcdir} // '.') . '/man/xcontext.1') =~
	    /^\.Sh EXAMPLES\n(.*?)^\.Sh /ms;
	my @blocks = $examples =~ /^\.Bd .*?\n(.*?)^\.Ed/msg;
	my ($id) = $said[0] =~ /; session (\w+)/;
	for my $block (@blocks[-2, -1]) {
		$block =~ s{/var/log/mail\.log\.1\.gz}{$dir/log.gz};
		$block =~ s{/var/log/mail\.log}{$log};
		$block =~ s{/etc/xcontext/xcontext\.conf\.new}{$dir/strict.conf};
		$block =~ s{^journalctl [^|]*}{cat $dir/journal }m;
		$block =~ s{01ARZ3NDEKTSV4RRFFQ69G5FAV}{$id};
		spit("$dir/example", "xcontext() { '" .
		    XContext::Ctl::program() . "' -c '$live->{conf_file}' " .
		    "\"\$@\"; }\n$block");
		my $out = `sh $dir/example 2>&1`;
		like($out, qr/^(?:Never:|COUNT +KIND|profile edge \{)/m,
		    'an example of the manual runs') or diag($out);
		unlike($out, qr/^usage|^xcontext: /m, '... without a word');
	}
}

$live->finish;
