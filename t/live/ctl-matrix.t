#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# "xcontext who-can" and "xcontext matrix": who could say a line, against what
# "explain" says of each of them; the whole as text, JSON, SVG and HTML, whose
# texts are escaped and which fetch nothing.
use strict;
use warnings;

use Test::More;

use XContext::Ctl ();
use XContext::File qw(spit);
use XContext::Guard qw(guard_dir guard_time);

my $why = XContext::Ctl::impossible();
plan(skip_all => $why) if defined $why;
guard_time(120);
my $dir = guard_dir();
my $conf = "$dir/xcontext.conf";
spit("$dir/trust", <<'END');
10.1.0.0/16 edge
10.2.0.0/16 edge
192.0.2.77 webmail
192.0.2.78 try
198.51.100.0/24 dropped
203.0.113.9 root
END
spit($conf, <<"END");
user = ""
trust_maps = { "cidr:$dir/trust",
    "inline:{mail.example.org=webmail, AA:BB:CC:DD=edge}",
    "regexp:{{/^<mx>\\\\.\\"&/ webmail}}" }
profile edge {
	xclient = { "ADDR", "NAME" }
	addr = { "!198.51.100.0/24", "public" }
}
profile webmail {
	xclient = { "ADDR", "LOGIN" }
	login = { "*\@example.com", "<&\\">" }
	xsetcontext = { "tenant", "route.*" }
}
profile dropped {
	xclient = { "LOGIN" }
	login = { "*" }
	drop = { "LOGIN" }
}
profile try {
	report_only = "everything"
}
listener side {
	trust_maps = { "inline:{10.9.9.9=webmail}" }
}
END
my $ctl = XContext::Ctl->new(conf => $conf);

# name, line, who: "profile networks names patterns".
for my $row (
    [ 'a login', 'XCLIENT LOGIN=joe@example.com ADDR=203.0.113.1',
    'root 203.0.113.9', 'try 192.0.2.78',
    'webmail 192.0.2.77 mail.example.org /^<mx>\x5C."&/',
    'webmail side 10.9.9.9' ],
    [ 'another login', 'XCLIENT LOGIN=root', 'root 203.0.113.9',
    'try 192.0.2.78' ],
    [ 'a name', 'xclient NAME=x.example.org',
    'edge 10.1.0.0/16 10.2.0.0/16 aa:bb:cc:dd', 'root 203.0.113.9',
    'try 192.0.2.78' ],
    [ 'the address of another', 'XCLIENT ADDR=10.1.2.3', 'root 203.0.113.9',
    'try 192.0.2.78' ],
    [ 'a pair', 'XSETCONTEXT route.a=b', 'root 203.0.113.9', 'try 192.0.2.78',
    'webmail 192.0.2.77 mail.example.org /^<mx>\x5C."&/',
    'webmail side 10.9.9.9' ],
    [ 'to read', 'XDUMPCONTEXT', 'root 203.0.113.9', 'try 192.0.2.78' ],
    [ 'one address', 'XREMOTEIP 203.0.113.1', 'root 203.0.113.9',
    'try 192.0.2.78' ],
) {
	my ($name, $line, @want) = @$row;
	my $rows = $ctl->json('who-can', $line);
	is_deeply([ sort map { join(' ', $_->{profile}, $_->{listener} // (),
	    @{$_->{networks}}, @{$_->{names}}, @{$_->{patterns}}) } @$rows ],
	    [ sort @want ], "who-can: $name");
	# Somebody of each network, and of none.
	my %can = map { my $row = $_; map { ($_ => $row) }
	    map { s{/\d+$}{}r } @{$row->{networks}} }
	    grep { !defined $_->{listener} } @$rows;
	for my $peer (qw(10.1.0.0 10.2.0.0 192.0.2.77 192.0.2.78 198.51.100.0
	    203.0.113.9 10.3.0.0)) {
		my $got = $ctl->run('explain', '--peer', $peer, $line);
		is($got->{status} == 0 && $peer ne '198.51.100.0' ? 1 : 0,
		    exists $can{$peer} ? 1 : 0,
		    "who-can: $name: explain agrees about $peer");
	}
}
{
	my $got = $ctl->run('who-can', 'XCLIENT LOGIN=root');
	is($got->{status}, 0, 'who-can: somebody');
	like($got->{out}, qr/^try +- +192\.0\.2\.78 .*only reported/m,
	    'who-can, for a person');
	spit("$dir/none", "user = \"\"\n");
	$got = XContext::Ctl->new(conf => "$dir/none")->run('who-can',
	    'XCLIENT LOGIN=root');
	is($got->{status}, 1, 'who-can: nobody');
	is($got->{out}, "Nobody can.\n", '... and says so');
	for my $line ('EHLO x', 'XCLIENT FOO=x', 'XREMOTEIP', 'XSETCONTEXT') {
		$got = $ctl->run('who-can', $line);
		is($got->{status}, 64, "who-can: no such line: $line");
		isnt($got->{err}, '', '... and says why');
	}
}

# An expression that has the first or last address of a network, or of a gap.
{
	spit("$dir/patterns", <<'END');
user = ""
trust_maps = { 'regexp:{{/^10[.]0[.]0[.]0$/ stranger}, {/[.]0$/ edge}}',
    'regexp:{{/^10[.]0[.](1[.]7|2[.]8|2[.]11)$/ stranger}}',
    "cidr:{{10.0.0.0/30 edge}, {10.0.1.4/30 edge}, {10.0.2.8/30 edge}}" }
profile edge {
	xclient = { "NAME" }
}
END
	my ($row) = grep { $_->{profile} eq 'edge' } @{XContext::Ctl->new(
	    conf => "$dir/patterns")->json('who-can',
	    'XCLIENT NAME=x.example.org')};
	is("@{$row->{networks}} and @{$row->{patterns}}", '0.0.0.0 10.0.0.1 ' .
	    '10.0.0.2/31 10.0.1.4/31 10.0.1.6 10.0.2.9 10.0.2.10 ' .
	    'and /[.]0$/', 'who-can: networks and expressions');
}

# A long one is told whole.
{
	my $long = '/^(' . join('|', map { "mx$_" } 1000 .. 1199) . ')/';
	spit("$dir/long", "user = \"\"\ntrust_maps = " .
	    "{ 'regexp:{{$long edge}}' }\n" .
	    "profile edge {\n\txclient = { \"NAME\" }\n}\n");
	my $of = XContext::Ctl->new(conf => "$dir/long");
	my ($row) = grep { $_->{profile} eq 'edge' }
	    @{$of->json('who-can', 'XCLIENT NAME=x.example.org')};
	is("@{$row->{patterns}}", $long, 'who-can: a long expression');
	($row) = grep { $_->{profile} eq 'edge' } @{$of->json('matrix')->{rows}};
	is($row->{who}, $long, 'matrix: a long expression');
}

#
# matrix
#
{
	my $data = $ctl->json('matrix');
	my ($webmail) = grep { $_->{who} eq '192.0.2.77' } @{$data->{rows}};
	is_deeply($webmail->{values}, { 'XCLIENT ADDR' => 'public',
	    'XCLIENT LOGIN' => '*@example.com, <&">',
	    'XSETCONTEXT' => 'tenant, route.*' }, 'matrix: a row');
	my ($dropped) = grep { $_->{profile} eq 'dropped' } @{$data->{rows}};
	is_deeply($dropped->{values}, {}, 'matrix: what is dropped');
	is(scalar(grep { ($_->{listener} // '') eq 'side' &&
	    $_->{who} eq '10.9.9.9' } @{$data->{rows}}), 1,
	    'matrix: a listener');
	my $text = $ctl->run('matrix')->{out};
	my ($column) = grep { $data->{grants}[$_] eq 'XCLIENT LOGIN' }
	    0 .. $#{$data->{grants}};
	my %want = ('webmail: 192.0.2.77' => 'o', 'root: 203.0.113.9' => '#',
	    'edge: 10.1.0.0/16, 10.2.0.0/16' => '.');
	for my $who (sort keys %want) {
		my ($cells) = $text =~ /^((?: \S)+)  \Q$who\E$/m;
		is((split(' ', $cells // ''))[$column], $want{$who},
		    "matrix: $who");
	}
}
for my $form (qw(svg html)) {
	my $got = $ctl->run('matrix', "--$form");
	is($got->{status}, 0, "matrix --$form");
	unlike($got->{out}, qr/<script|javascript:|\bon\w+=|<link|<img/i,
	    "matrix --$form: no script");
	(my $rest = $got->{out}) =~ s{"http://www\.w3\.org/2000/svg"}{}g;
	unlike($rest, qr{https?://|\burl\(|\bsrc=|\bhref=},
	    "matrix --$form: nothing from elsewhere");
	unlike($got->{out}, qr/<mx>|[^&]&"|<&/, "matrix --$form: escaped");
	like($got->{out}, qr/&lt;&amp;&quot;&gt;/, "matrix --$form: kept");
	# Each element that begins ends.
	my @open;
	my $text = $got->{out};
	$text =~ s/<!DOCTYPE html>|<meta [^>]*>//g;
	while ($text =~ m{<(/?)([a-z0-9]+)((?:"[^"]*"|[^>"])*?)(/?)>}g) {
		next if $4 ne '';
		if ($1 eq '') {
			push(@open, $2);
		} elsif (($open[-1] // '') eq $2) {
			pop(@open);
		} else {
			push(@open, "/$2");
		}
	}
	is("@open", '', "matrix --$form: well-formed");
}
is($ctl->run('matrix', '--svg', '--html')->{status}, 64,
    'matrix: one picture at a time');

done_testing();
