#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# What "xcontext diff" says of two configurations, each row's example confirmed
# by "xcontext explain" on both; and its exit status.  That it misses nothing is for
# t/unit/diff_test.
use strict;
use warnings;

use Test::More;

use XContext::Ctl ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_dir guard_time);

my $why = XContext::Ctl::impossible();
plan(skip_all => $why) if defined $why;
guard_time(300);
my $dir = guard_dir();
my $ctl = XContext::Ctl->new();

# Whether explain lets the row's line pass by that configuration.
sub passes {
	my ($file, $row) = @_;
	my @peer = ('--peer', $row->{peer});
	push(@peer, '--name', $row->{name}) if defined $row->{name};
	push(@peer, '--fingerprint', $row->{fingerprint})
	    if defined $row->{fingerprint};
	# One without rules of its own has those of all.
	push(@peer, '--listener', $row->{listener})
	    if defined $row->{listener} &&
	    slurp($file) =~ /^listener \Q$row->{listener}\E \{/m;
	my $step = XContext::Ctl->new(conf => $file)->json('explain', @peer,
	    $row->{line})->{steps}[0];
	return 0 if $step->{verdict} !~ /^permit/;
	# What the profile drops is not said on.
	return 1 if !$step->{attributes};
	return @{$step->{attributes}} > 0 ? 1 : 0;
}

# old, new: texts, with "DIR" for the directory.  The rows of a diff, each
# "effect right: networks as names: values".
sub diff {
	my ($name, $old, $new, @args) = @_;
	s/DIR/$dir/g for $old, $new;
	spit("$dir/old", "user = \"\"\n$old");
	spit("$dir/new", "user = \"\"\n$new");
	my $got = $ctl->run('diff', @args, "$dir/old", "$dir/new", '--json');
	my $rows = JSON::PP::decode_json($got->{out});
	for my $row (grep { defined $_->{line} && !$_->{patterns} } @$rows) {
		my $gains = $row->{effect} eq 'gains' ? 1 : 0;
		is(passes("$dir/old", $row) . passes("$dir/new", $row),
		    $gains ? '01' : '10',
		    "$name: explain confirms: $row->{peer} $row->{line}");
	}
	return ($got->{status}, join("\n", map { my $row = $_;
	    "$row->{effect} $row->{right}: " .
	    join(' ', @{$row->{networks} // []}) .
	    (@{$row->{names} // []} ? " as @{$row->{names}}" : '') .
	    (@{$row->{fingerprints} // []} ?
	    " with @{$row->{fingerprints}}" : '') . (!exists $row->{values} ?
	    '' : ref $row->{values} ? ": @{$row->{values}}" :
	    ": $row->{values}") } @$rows));
}

my $edge = "profile edge {\n\txclient = { \"PORT\" }\n}\n";
my $any = '0.0.0.0/5 8.0.0.0/7';
my $maps = 'trust_maps = { "cidr:{{10.0.0.0/24 edge}}" }' . "\n";

sub one {
	return "profile edge {\n" . join('', map { "\t$_\n" } @_) . "}\n";
}

for my $row (
    # name, old, new, status, rows
    [ 'the same', "$maps$edge", "$maps$edge", 0, '' ],
    [ 'a network more', "$maps$edge",
    "trust_maps = { \"cidr:{{10.0.0.0/23 edge}}\" }\n$edge", 1,
    'gains XCLIENT PORT: 10.0.1.0/24: 0 [UNAVAILABLE]' ],
    [ 'a network less', "$maps$edge",
    "trust_maps = { \"cidr:{{10.0.0.0/25 edge}}\" }\n$edge", 2,
    'loses XCLIENT PORT: 10.0.0.128/25: 0 [UNAVAILABLE]' ],
    [ 'written in another way', "$maps$edge",
    "trust_maps = { \"cidr:{{10.0.0.128/25 edge}, {10.0.0.0/25 edge}}\" }\n" .
    $edge, 0, '' ],
    [ 'one address of a text table', "$maps$edge",
    "trust_maps = { \"inline:{10.0.0.7=stranger}\", " .
    "\"cidr:{{10.0.0.0/24 edge}}\" }\n$edge", 2,
    'loses XCLIENT PORT: 10.0.0.7: 0 [UNAVAILABLE]' ],
    [ 'a port', $maps . one('xclient = { "PORT" }', 'port = { "25" }'),
    $maps . one('xclient = { "PORT" }', 'port = { "25", "26?" }'), 1,
    'gains XCLIENT PORT: 10.0.0.0/24: 260 261 262 263 264 265 266 267 268 ' .
    '269' ],
    [ 'a network of values', $maps . one('xclient = { "ADDR" }',
    'addr = { "192.0.2.0/24" }'), $maps . one('xclient = { "ADDR" }',
    'addr = { "!192.0.2.64/26", "192.0.2.0/24", "2001:db8::/127" }'), 1,
    "loses XCLIENT ADDR: 10.0.0.0/24: 192.0.2.64/26\n" .
    'gains XCLIENT ADDR: 10.0.0.0/24: 2001:db8::/127' ],
    [ 'what another has is not public',
    "trust_maps = { \"cidr:{{10.0.0.1 edge}, {192.0.2.9 mx}}\" }\n" .
    one('xclient = { "ADDR" }') . "profile mx { }\n",
    "trust_maps = { \"cidr:{{10.0.0.1 edge}}\" }\n" .
    one('xclient = { "ADDR" }') . "profile mx { }\n", 1,
    'gains XCLIENT ADDR: 10.0.0.1: 192.0.2.9' ],
    [ 'a pattern of names', $maps . one('xclient = { "NAME" }',
    'name = { "mx?.example.com" }'), $maps . one('xclient = { "NAME" }',
    'name = { "mx[0-9].example.com" }'), 2,
    'loses XCLIENT NAME: 10.0.0.0/24: mxq.example.com' ],
    [ 'a pattern that says the same', $maps . one('xclient = { "NAME" }',
    'name = { "*.example.com" }'), $maps . one('xclient = { "NAME" }',
    'name = { ".example.com", "a.example.com" }'), 0, '' ],
    [ 'case', $maps . one('xclient = { "LOGIN" }', 'login = { "root" }'),
    $maps . one('xclient = { "LOGIN" }', 'login = { "ROOT" }'), 1,
    "loses XCLIENT LOGIN: 10.0.0.0/24: root\n" .
    'gains XCLIENT LOGIN: 10.0.0.0/24: ROOT' ],
    [ 'a table of values', $maps . one('xclient = { "HELO" }',
    'helo = { "inline:{a=x, b=x}" }'), $maps . one('xclient = { "HELO" }',
    'helo = { "inline:{b=y}" }'), 2,
    'loses XCLIENT HELO: 10.0.0.0/24: a' ],
    [ 'dropped', $maps . one('xclient = { "PROTO" }'),
    $maps . one('xclient = { "PROTO" }', 'drop = { "PROTO" }'), 2,
    'loses XCLIENT PROTO: 10.0.0.0/24: SMTP ESMTP' ],
    [ 'the context', $maps . one('xsetcontext = { "a.*" }'),
    $maps . one('xsetcontext = { "!a.b", "a.*" }', 'xdumpcontext = yes'), 1,
    "loses XSETCONTEXT: 10.0.0.0/24: a.b\n" .
    'gains XDUMPCONTEXT: 10.0.0.0/24' ],
    [ 'a name', $maps . $edge,
    "trust_maps = { \"cidr:{{10.0.0.0/24 edge}}\", " .
    "\"inline:{mail.example.org=edge}\" }\n$edge", 1, undef ],
    [ 'a certificate', $maps . $edge,
    "trust_maps = { \"cidr:{{10.0.0.0/24 edge}}\", " .
    "\"inline:{AA:BB=edge}\" }\n$edge", 1, undef ],
    [ 'behaviour', $maps . one('xclient = { "PORT" }',
    'on_violation = "reject"'), $maps . one('xclient = { "PORT" }',
    'seal = "override"'), 2, "loses seal: 10.0.0.0/24\n" .
    'changes on_violation: 10.0.0.0/24' ],
    [ 'behaviour, looser', $maps . $edge, $maps . one('xclient = { "PORT" }',
    'always_allow = yes', 'seal = "never"'), 1,
    "gains seal: 10.0.0.0/24\ngains always_allow: 10.0.0.0/24" ],
    [ 'a regular expression', $maps . one('xclient = { "LOGIN" }',
    'login = { "pcre:{{/a/ x}}" }'), $maps . one('xclient = { "LOGIN" }',
    'login = { "pcre:{{/b/ x}}" }'), 1,
    'undecided XCLIENT LOGIN: 10.0.0.0/24: not decidable here: a regular ' .
    'expression, or too many patterns' ],
    [ 'the same regular expression', $maps . one('xclient = { "LOGIN" }',
    'login = { "pcre:{{/a/ x}}" }'), $maps . one('xclient = { "LOGIN" }',
    'login = { "pcre:{{/a/ y}}" }'), 0, '' ],
    [ 'a regular expression for peers', $maps . $edge,
    "trust_maps = { \"cidr:{{10.0.0.0/24 edge}}\", " .
    "\"regexp:{{/^mx/ edge}}\" }\n$edge", 1, 'undecided the profile: : ' .
    'not decidable here: peers that regular expressions match' ],
    [ 'a network whose first address an expression has',
    "trust_maps = { 'regexp:{{/[.]0\$/ stranger}}', " .
    "\"cidr:{{10.0.0.0/25 edge}}\" }\n$edge",
    "trust_maps = { 'regexp:{{/[.]0\$/ stranger}}', " .
    "\"cidr:{{10.0.0.0/24 edge}}\" }\n$edge", 1,
    # The others, and whoever the expression has.
    join("\n", ('gains XCLIENT PORT: 10.0.0.128/25: 0 [UNAVAILABLE]') x 2) ],
    [ 'a listener', "$maps${edge}listener side {\n" .
    "\ttrust_maps = { \"cidr:{{10.0.1.0/24 edge}}\" }\n}\n", $maps . $edge,
    1, "loses XCLIENT PORT: 10.0.1.0/24: 0 [UNAVAILABLE]\n" .
    'gains XCLIENT PORT: 10.0.0.0/24: 0 [UNAVAILABLE]' ],
) {
	my ($name, $old, $new, $status, $want) = @$row;
	my ($got_status, $got) = diff($name, $old, $new);
	is(join("\n", sort split(/\n/, $got)),
	    join("\n", sort split(/\n/, $want)), "$name: rows")
	    if defined $want;
	is($got_status, $status, "$name: status") or diag($got);
	like($got, qr/^gains XCLIENT PORT: 0\.0\.0\.0\/5 .* as mail\.example\.org: 0/m,
	    "$name: all but those that have a profile")
	    if $name eq 'a name';
	like($got, qr/^gains XCLIENT PORT: 0\.0\.0\.0\/5 .* with aa:bb: 0/m,
	    "$name: all but those that have a profile")
	    if $name eq 'a certificate';
}

# A name that counts now, for addresses that have lost their profile.
{
	my $mx = "profile mx {\n\txclient = { \"PROTO\" }\n}\n";
	my $names = '"inline:{mail.example.org=mx}"';
	my ($status, $got) = diff('an address less, and a name',
	    "trust_maps = { \"cidr:{{10.0.0.1 edge}}\", $names }\n$edge$mx",
	    "trust_maps = { $names }\n$edge$mx");
	is($got, "loses XCLIENT PORT: 10.0.0.1: 0 [UNAVAILABLE]\n" .
	    "loses XCLIENT PORT: 10.0.0.1 as mail.example.org: 0 " .
	    "[UNAVAILABLE]\n" .
	    'gains XCLIENT PROTO: 10.0.0.1 as mail.example.org: SMTP ESMTP',
	    'what the name has is a gain');
	is($status, 1, '... and told');
}
{
	diff('drop', $maps . one('xclient = { "PROTO" }'),
	    $maps . one('xclient = { "PROTO" }', 'drop = { "PROTO" }'));
	my $got = $ctl->run('diff', "$dir/old", "$dir/new", '--json');
	my ($row) = @{JSON::PP::decode_json($got->{out})};
	is("$row->{old} $row->{new}", '* dropped', 'what is dropped is told');
}
# Who is known by a regular expression alone.
{
	my $regexp = "trust_maps = { 'regexp:{{/^mx/ edge}, " .
	    "{/^(edge|mx)[.]a/ \$1}}' }\n";
	my ($status, $got) = diff('the profile of matches',
	    $regexp . one('xclient = { "ADDR" }'),
	    $regexp . one('xclient = { "ADDR", "PORT" }'));
	my $want = 'gains XCLIENT PORT: 0.0.0.0/0 ::/0: 0 [UNAVAILABLE]';
	is($got, "$want\n$want", 'who matches gains');
	is($status, 1, '... and it is told');
	my $text = $ctl->run('diff', "$dir/old", "$dir/new")->{out};
	like($text, qr{^0\.0\.0\.0/0, ::/0 that match /\^mx/ +gains +XCLIENT PORT }m,
	    '... by the pattern');
}
# Keys that nobody can be.
{
	my $key = '"inline:{unknown=edge, joe@example.com=edge}"';
	my ($status, $got) = diff('no name', $maps . $edge,
	    "trust_maps = { $key, \"cidr:{{10.0.0.0/24 edge}}\" }\n$edge");
	is("$status$got", '0', 'a key that is no name gives nobody a right');
}
{
	spit("$dir/names", "# tried\nmxa.example.org\n\nother.example.org\n");
	my ($status, $got) = diff('--names', $maps . $edge,
	    "trust_maps = { \"cidr:{{10.0.0.0/24 edge}}\", " .
	    "\"regexp:{{/^mx/ edge}}\" }\n$edge", '--names', "$dir/names");
	like($got, qr/^gains XCLIENT PORT: .* as mxa\.example\.org: 0/m,
	    'a name that is tried');
	unlike($got, qr/other\.example/, '... and one that has nothing');
}
{
	my $got = $ctl->run('diff', "$dir/old", "$dir/new");
	like($got->{out}, qr/^peers +undecided +the profile/m,
	    'for a person');
	is($ctl->run('diff', "$dir/old", "$dir/no")->{status}, 78,
	    'no such file');
	is($ctl->run('diff', "$dir/old")->{status}, 64, 'one file');
}

done_testing();
