#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# What xcontext(1) says of the rules: may and explain; its help, its completion
# and its manual, which have the same verbs; and what it says to a wrong line.
use strict;
use warnings;

use Test::More;

use XContext::Ctl ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_dir guard_time);

my $why = XContext::Ctl::impossible();
plan(skip_all => $why) if defined $why;
guard_time(120);
my $dir = guard_dir();
my $conf = "$dir/xcontext.conf";
spit("$dir/trust", "192.0.2.25/32 edge\n192.0.2.26/32 webmail\n" .
    "192.0.2.27/32 try\n192.0.2.28/32 gone\n192.0.2.29/32 all\n");
spit($conf, <<"END");
user = ""
store = "lmdb:$dir/store"
trust_maps = { "cidr:$dir/trust" }
profile edge {
	xclient = { "ADDR", "NAME", "PORT" }
	addr = { "!198.51.100.128/25", "public" }
	name = { "inline:{{good.example.org = x}}", "*.example.net" }
	xforward = { "*" }
	xsetcontext = { "tenant", "!route.secret", "route.*" }
	xdumpcontext = "sealed"
}
profile webmail {
	xclient = { "ADDR", "LOGIN" }
	login = { "*\@example.com" }
	on_violation = "reject"
	seal = "never"
}
profile try {
	report_only = yes
}
profile gone {
}
profile all {
	report_only = "everything"
	xclient = { "NAME", "HELO" }
	drop = { "NAME", "LOGIN" }
}
listener side {
	trust_maps = { "inline:{{192.0.2.25 = webmail}}" }
}
END
my $ctl = XContext::Ctl->new(conf => $conf);

# A line of a table, its columns by two blanks or more.
sub has_row {
	my ($got, $name, @want) = @_;
	my ($row) = grep { my @have = split(/ {2,}/);
	    "@have" eq "@want" } split(/\n/, $got->{out});
	ok(defined $row, "$name: @want") or diag($got->{out}, $got->{err});
}

#
# may
#
{
	my $got = $ctl->run('may', '192.0.2.25');
	is($got->{status}, 0, 'may: status');
	like($got->{out}, qr/^192\.0\.2\.25 is "edge" by \S+trust:1$/m,
	    'may: the profile, and where it stands');
	has_row($got, 'may', 'XCLIENT', 'ADDR', '!198.51.100.128/25, public',
	    "$conf:5", "$conf:6");
	# What no line says is the profile's.
	has_row($got, 'may', 'XCLIENT', 'PORT', '*', "$conf:5", "$conf:4");
	has_row($got, 'may', 'XFORWARD', 'SOURCE', '*', "$conf:8", "$conf:4");
	has_row($got, 'may', 'XSETCONTEXT', '!route.secret', '-', "$conf:9",
	    '-');
	has_row($got, 'may', 'XDUMPCONTEXT', 'sealed, too', '-', "$conf:4",
	    '-');
	unlike($got->{out}, qr/^XFORWARD +LOGIN/m,
	    'may: XFORWARD has no LOGIN');
	$got = $ctl->run('may', '203.0.113.1');
	is($got->{status}, 1, 'may: a stranger');
	like($got->{out}, qr/is "stranger" by built-in\nIt is granted nothing/,
	    'may: nothing');
	$got = $ctl->run('may', '192.0.2.25', '--listener', 'side');
	like($got->{out}, qr/is "webmail" by \S+:\d+$/m, 'may: a listener');
	$got = $ctl->run('may', '192.0.2.27');
	like($got->{out}, qr/is reported, and passes unless it gives/,
	    'may: a trial');
	$got = $ctl->run('may', '192.0.2.29');
	like($got->{out}, qr/is reported, and passes, whatever it is\.$/m,
	    'may: a trial of everything');
	like($got->{out}, qr/^Left out of what it says: NAME, LOGIN\.$/m,
	    'may: what is dropped');
	my $data = $ctl->json('may', '192.0.2.26');
	is($data->{profile}, 'webmail', 'may, JSON: profile');
	is($data->{on_violation}, 'reject', 'may, JSON: on_violation');
	is($data->{seal}, 'never', 'may, JSON: seal');
	is_deeply([ map { "$_->{command} $_->{what} $_->{values}" }
	    @{$data->{grants}} ], [ 'XCLIENT ADDR public',
	    'XCLIENT LOGIN *@example.com' ], 'may, JSON: grants');
}

#
# explain
#
{
	my $got = $ctl->run('explain', '--peer', '192.0.2.25',
	    'XCLIENT ADDR=198.51.100.200 LOGIN=root NAME=good.example.org');
	is($got->{status}, 1, 'explain: refused');
	has_row($got, 'explain', 'verdict', 'tempfail');
	has_row($got, 'explain', 'rule', "$conf:6");
	has_row($got, 'explain', 'also', "XCLIENT: attribute LOGIN is not " .
	    "granted ($conf:5)");
	has_row($got, 'explain', 'attributes', 'ADDR', 'tempfail', 'value',
	    "$conf:6");
	has_row($got, 'explain', 'client', '192.0.2.25');
	my $data = $ctl->json('explain', '--peer', '192.0.2.25',
	    'XCLIENT ADDR=203.0.113.7 NAME=good.example.org');
	my $step = $data->{steps}[0];
	is($step->{verdict}, 'permit', 'explain: permitted');
	is($step->{executed}, 'XCLIENT ADDR=203.0.113.7 ' .
	    'NAME=good.example.org PORT=[UNAVAILABLE]',
	    'explain: what Postfix gets');
	is($step->{client}, '203.0.113.7', 'explain: who the client is then');
	is_deeply([ map { "$_->{attribute} $_->{verdict} $_->{rule}" }
	    @{$step->{attributes}} ], [ "ADDR permit $conf:6",
	    "NAME permit $conf:7" ], 'explain: the rule of each attribute') or
	    diag(explain($step));
}
{
	my $got = $ctl->run(in => <<'END', 'explain', '--peer', '192.0.2.25');
# A session.
EHLO proxy.example.net
XCLIENT ADDR=203.0.113.7
EHLO client.example.org
MAIL FROM:<a@example.org>
.
XSETCONTEXT tenant=acme
MAIL FROM:<a@example.org>
END
	is($got->{status}, 1, 'explain: a dialogue in which one is refused');
	like($got->{out}, qr/XSETCONTEXT tenant=acme\nverdict +tempfail\nreason +sealed\n/,
	    'explain: sealed by the greeting') or diag($got->{out});
	my @mail = $got->{out} =~ /^line +MAIL .*\nverdict +(\S+)/mg;
	is("@mail", 'permit tempfail', 'explain: mail before and after');
	$got = $ctl->run(in => <<'END', 'explain', '--peer', '192.0.2.25');
XFORWARD ADDR=10.1.2.3
MAIL FROM:<a@example.org>
XFORWARD ADDR=203.0.113.7
MAIL FROM:<b@example.org>
XCLIENT ADDR=203.0.113.8
RSET
XCLIENT ADDR=203.0.113.9
END
	@mail = $got->{out} =~ /^line +MAIL .*\nverdict +(\S+)/mg;
	is("@mail", 'tempfail permit', 'explain: a message that is refused');
	like($got->{out}, qr/ADDR=203\.0\.113\.8\n.*\nverdict +503\n/,
	    'explain: not in a transaction') or diag($got->{out});
	like($got->{out}, qr/client +203\.0\.113\.9\n\n\z/,
	    'explain: but behind it') or diag($got->{out});
	$got = $ctl->run('explain', '--peer', '192.0.2.25',
	    "XCLIENT NAME=\e[2J");
	unlike($got->{out}, qr/[^\n -~]/,
	    'explain: nothing that a terminal obeys');
	like($got->{out}, qr/\\x1B\[2J/, 'explain: but what it was');
}

#
# Tests
#
{
	spit("$dir/rules", <<'END');
# A comment, and an empty line

title the proxy # speaks
peer 192.0.2.25
XCLIENT ADDR=203.0.113.7
= permit
client 203.0.113.7
sealed no
executed XCLIENT ADDR=203.0.113.7 NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] PORT=[UNAVAILABLE]
EHLO client.example.org
sealed yes
peer 192.0.2.25
XCLIENT ADDR=10.1.2.3 LOGIN=root
= refuse value ADDR
MAIL FROM:<a@example.org>
= refuse
peer 192.0.2.25 listener side
XCLIENT LOGIN=joe@example.com
= permit
peer 192.0.2.25 name x.example.org fingerprint AB
XCLIENT PORT=25
= permit
END
	my $got = $ctl->run('test', "$dir/rules");
	is($got->{status}, 0, 'test: all pass') or diag($got->{out}, $got->{err});
	like($got->{out}, qr/^ok 1 - the proxy \\# speaks: XCLIENT ADDR=203\.0\.113\.7: permit$/m,
	    'test: what passed');
	like($got->{out}, qr/^1\.\.9$/m, 'test: how many');
	spit("$dir/rules", <<'END');
title a table
peer 192.0.2.25
table
EHLO proxy.example.net
XCLIENT ADDR={row}
columns one | two
row 203.0.113.7 | permit | 220
row 10.1.2.3 | refuse value ADDR |
peer 192.0.2.25
XCLIENT ADDR=203.0.113.7
offers PIPELINING
client 203.0.113.7
END
	$got = $ctl->run('test', "$dir/rules");
	is($got->{status}, 0, 'test: a table') or diag($got->{out}, $got->{err});
	is(join(' ', map { /SKIP/ ? 'skip' : /^ok/ ? 'ok' : 'not' }
	    grep { /ok \d/ } split(/\n/, $got->{out})), 'ok skip ok skip ok',
	    'test: ... and what only a server tells');
	# Each of these fails, and nothing else.
	for my $row ([ 'XCLIENT ADDR=203.0.113.7', '= refuse' ],
	    [ 'XCLIENT ADDR=10.1.2.3', '= permit' ],
	    [ 'XCLIENT ADDR=10.1.2.3', '= refuse no_grant' ],
	    [ 'XCLIENT ADDR=10.1.2.3', '= refuse value NAME' ],
	    [ 'XCLIENT ADDR=203.0.113.7', 'client 203.0.113.8' ],
	    [ 'XCLIENT ADDR=203.0.113.7', 'sealed yes' ],
	    [ 'XCLIENT ADDR=203.0.113.7', 'executed XCLIENT' ]) {
		spit("$dir/rules", "peer 192.0.2.25\n$row->[0]\n$row->[1]\n");
		$got = $ctl->run('test', "$dir/rules");
		is($got->{status}, 1, "test: @$row: fails");
		like($got->{out}, qr/^not ok 1 .*\n# \Q$dir\E\/rules:3: got /m,
		    "test: @$row: where");
	}
	for my $row ([ "XCLIENT ADDR=203.0.113.7\n", qr/:1: expected "peer/ ],
	    [ "peer 192.0.2.25\n= permit\n", qr/:2: expected a command/ ],
	    [ "peer mail\n", qr/:1: expected "peer ADDRESS"/ ],
	    [ "peer 192.0.2.25 port 25\n", qr/:1: expected listener/ ],
	    [ "peer 192.0.2.25 name\n", qr/:1: expected a value/ ],
	    [ "peer 192.0.2.25\nEHLO x\n= permitted\n",
	    qr/:3: expected permit or refuse/ ],
	    [ "peer 192.0.2.25\nEHLO x\n= refuse because\n",
	    qr/:3: expected a reason/ ],
	    [ "peer 192.0.2.25\nEHLO x\n= permit\n",
	    qr/:3: expected a command before it that is judged/ ],
	    [ "peer 192.0.2.25\nXCLEINT ADDR=10.1.2.3\n= permit\n",
	    qr/:2: expected a command, or a word/ ],
	    [ "peer 192.0.2.25\nEHLO x\nclinet 10.1.2.3\n",
	    qr/:3: expected a command, or a word/ ],
	    [ "peer 192.0.2.25 listener sied\n",
	    qr/:1: expected a listener/ ],
	    [ "peer 192.0.2.25\nEHLO x\n", qr/expects nothing/ ],
	    [ "peer 192.0.2.25\nEHLO x\n= 250\n", qr/expects nothing/ ]) {
		spit("$dir/rules", $row->[0]);
		$got = $ctl->run('test', "$dir/rules");
		is($got->{status}, 65, 'test: what is not understood') or
		    diag($row->[0]);
		like($got->{err}, $row->[1], 'test: why');
	}
	is($ctl->run('test', "$dir/nosuch")->{status}, 66, 'test: no file');
}

# The samples: what is commented out, but for the trial.
{
	my $src = ($ENV{srcdir} // '.');
	my $sample = slurp("$src/etc/xcontext.conf.sample");
	$sample =~ s/^#(?! )//mg;
	$sample =~ s/^\s*report_only = .*\n//mg;
	$sample =~ s{cidr:/etc/xcontext/trust\.cidr}{cidr:$src/etc/trust.cidr.sample}g;
	my ($rules) = $sample =~ /^(trust_maps = .*?\n)/m;
	my ($edge) = $sample =~ /^(profile edge \{.*?^\})/ms;
	spit("$dir/sample.conf", "user = \"\"\n$rules$edge\n");
	my $got = XContext::Ctl->new(conf => "$dir/sample.conf")
	    ->run('test', "$src/etc/xcontext.tests.sample");
	is($got->{status}, 0, 'the sample passes') or
	    diag($got->{out}, $got->{err});
	my ($block) = slurp("$src/man/xcontext-test.5") =~
	    /^\.Sh EXAMPLES\n\.Bd .*?\n(.*?)^\.Ed/ms;
	is(slurp("$src/etc/xcontext.tests.sample") =~ s/^(?:#.*\n)+\n//r,
	    $block, 'and is the one of the manual');
}

#
# Wrong lines
#
for my $row (
    [ [ ], 64, qr/^usage: xcontext .*VERB/ ],
    [ [ 'frobnicate' ], 64, qr/no verb "frobnicate"; xcontext help/ ],
    [ [ 'help', 'frobnicate' ], 64, qr/no verb "frobnicate"/ ],
    [ [ 'may' ], 64, qr/^usage: xcontext .*may .*PEER$/m ],
    [ [ 'may', 'mail.example.org' ], 64, qr/"mail\.example\.org": expected/ ],
    [ [ 'may', '192.0.2.1', '--lister', 'x' ], 64, qr/lister.*\nusage:/ ],
    [ [ 'may', '192.0.2.25', '--listener', 'sied' ], 64,
    qr/no listener or relay "sied"/ ],
    [ [ 'explain', 'XCLIENT ADDR=192.0.2.1' ], 64, qr/needs --peer ADDRESS/ ],
    [ [ 'completion', 'fish' ], 64, qr/bash and zsh, not for "fish"/ ],
    [ [ 'sessions' ], 69, qr/daemons make it when they start/ ],
    [ [ 'revoke', 'nosuch' ], 64, qr/"nosuch" is neither an address, a / ],
    [ [ 'revoke', '192.0.2.1/24' ], 64, qr/no bits of the address beyond/ ],
    [ [ 'revoke', '192.0.2.0/33' ], 64, qr/"192\.0\.2\.0\/33" is no network/ ],
    [ [ 'revoke', 'edge', '--reason', 'r' x 256 ], 64, qr/over 255 octets/ ],
    [ [ 'revoke', 'edge', '--for', '1y' ], 64, qr/"1y": expected a time/ ],
    [ [ 'revoke', 'edge', '--for', '0m' ], 64, qr/"0m": expected a time/ ],
) {
	my ($args, $status, $text) = @$row;
	my $got = $ctl->run(@$args);
	is($got->{status}, $status, "xcontext @$args: status");
	like($got->{err}, $text, "xcontext @$args: why");
	is($got->{out}, '', "xcontext @$args: and nothing else");
}
{
	my $bad = XContext::Ctl->new(conf => "$dir/no.conf");
	is($bad->run('may', '192.0.2.1')->{status}, 78, 'no configuration');
	spit("$dir/bad.conf", "profile edge {\n\txclient = { \"FOO\" }\n}\n");
	$bad = XContext::Ctl->new(conf => "$dir/bad.conf")
	    ->run('may', '192.0.2.1');
	is($bad->{status}, 78, 'a bad configuration');
	like($bad->{err}, qr/bad\.conf:2: .*FOO/, 'says where and what');
	spit("$dir/trust2", "192.0.2.30/32 nosuch\n");
	spit("$dir/unknown.conf", "trust_maps = { \"cidr:$dir/trust2\" }\n");
	isnt(XContext::Ctl->new(conf => "$dir/unknown.conf")
	    ->run('may', '192.0.2.30')->{status}, 0,
	    'a profile that there is not grants nothing');
}

#
# Help, completion, manual
#
{
	my @verbs = $ctl->run('help')->{out} =~ /^  ([a-z][a-z-]*) +\S/mg;
	ok(@verbs >= 9, 'help lists the verbs');
	my $manual = slurp(($ENV{srcdir} // '.') . '/man/xcontext.1');
	for my $verb (@verbs) {
		my $help = $ctl->run('help', $verb);
		is($help->{status}, 0, "help $verb");
		my ($item, $see) = $manual =~
		    /^(\.It Cm $verb\b.*\n)((?:[^.].*\n|\.(?!It).*\n)*)/m;
		ok(defined $item, "the manual has $verb");
		# What has too many options for a line has a section.
		$item .= $1 if ($see // '') =~ /^\.Sx (\w+)/m && $manual =~
		    /^\.Sh $1\n(.*?)^\.Sh /ms;
		for my $option ($help->{out} =~ /^  --([a-z-]+)/mg) {
			like($item // '', qr/Fl -$option\b/,
			    "... and its --$option");
		}
	}
	my @told = $manual =~ /^\.It Cm ([a-z][a-z-]*)/mg;
	is("@told", join(' ', @verbs), 'and no other, in the same order');
	spit("$dir/completion", $ctl->run('completion', 'bash')->{out} .
	    'COMP_WORDS=(xcontext re) COMP_CWORD=1; _xcontext; ' .
	    'echo "${COMPREPLY[@]}"; ' .
	    'COMP_WORDS=(xcontext -c f revoke --f) COMP_CWORD=4; _xcontext; ' .
	    'echo "${COMPREPLY[@]}"; ' .
	    'COMP_WORDS=(xcontext setup "") COMP_CWORD=2; _xcontext; ' .
	    'echo "${COMPREPLY[@]:0:3}"; ' .
	    'COMP_WORDS=(xcontext completion z) COMP_CWORD=2; _xcontext; ' .
	    'echo "${COMPREPLY[@]}"' . "\n");
	is(`bash --norc $dir/completion 2>&1`,
	    "reload replay revocations revoke\n--for\n" .
	    "postfix relay sendmail\nzsh\n",
	    'bash completes verbs, options and words');
	my $zsh = $ctl->run('completion', 'zsh')->{out};
	like($zsh, qr/\A#compdef xcontext\n/, 'zsh');
	like($zsh, qr/^\tsetup\) .* '1: :\(postfix relay sendmail\)' ;;$/m,
	    '... with the words of a verb');
	# Where it has a shell's words, zsh's quotes are sh's.
	my ($words) = $zsh =~ /^\tmay\) _arguments (.*) ;;$/m;
	spit("$dir/words", "printf '%s\\n' $words\n");
	like(`sh $dir/words 2>&1`, qr/^--name\[the peer's [a-z ]+\]:HOST:$/m,
	    'an apostrophe ends no word of it');
	my ($examples) = $manual =~ /^\.Sh EXAMPLES\n(.*?)^\.Sh /ms;
	my @blocks = $examples =~ /^\.Bd .*?\n(.*?)^\.Ed/msg;
	# t/live/ctl-log.t runs the last two, t/live/ctl-apply.t the one before,
	# t/live/ctl-setup.t and t/live/ctl-setup-relay.t those of setup.
	is(scalar @blocks, 9, 'the manual has examples');
	for my $block (@blocks[0, 1]) {
		spit("$dir/example", "xcontext() { '" .
		    XContext::Ctl::program() . "' -c '$conf' \"\$@\"; }\n" .
		    $block);
		my $out = `sh $dir/example 2>&1`;
		like($out, qr/^192\.0\.2\.25 is "edge"/m,
		    'an example of the manual runs') or diag($out);
		unlike($out, qr/^usage|^xcontext: /m, '... without a word');
	}
}
is($ctl->run('--version')->{out} =~ /^xcontext \S+$/ ? 1 : 0, 1, '--version');

done_testing();
