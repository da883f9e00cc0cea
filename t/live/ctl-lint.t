#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# What "xcontext lint" finds in rules that are wrong in one way each, that it
# finds nothing in good ones, and its exit status.
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
chmod(0755, $dir);
my $conf = "$dir/xcontext.conf";
my $edge = "profile edge {\n\txclient = { \"ADDR\" }\n}\n";
my $mx = "profile mx {\n\txclient = { \"LOGIN\" }\n\tlogin = { \"*\" }\n}\n";

# Those of a configuration whose tables are files t1, t2 ...: "kind place".
sub findings {
	my ($text, $tables, @args) = @_;
	my $n = 0;
	spit("$dir/t" . ++$n, $_) for @$tables;
	my $maps = join(', ', map { "\"cidr:$dir/t$_\"" } 1 .. $n);
	spit($conf, "user = \"\"\ntrust_maps = { $maps }\n$text");
	my $ctl = XContext::Ctl->new(conf => $conf);
	my $got = $ctl->run('lint', '--json', @args);
	my @found = map { my $place = $_->{file} // '';
	    $place =~ s{^\Q$dir\E/}{};
	    "$_->{kind} $place" . (defined $_->{line} ? ":$_->{line}" : '') }
	    @{JSON::PP::decode_json($got->{out})};
	return ($got->{status}, join(', ', @found));
}

for my $row (
    # name, profiles, tables, status, findings
    [ 'good rules', "$edge$mx", [ "10.0.0.0/24 edge\n10.0.1.1 mx\n" ], 0,
    '' ],
    [ 'a rule behind a wider one', $edge,
    [ "10.0.0.0/8 edge\n10.1.0.0/16 edge\n" ], 1, 'dead_rule t1:2' ],
    [ 'the same rule twice', $edge,
    [ "10.0.0.0/8 edge\n10.0.0.0/8 edge\n" ], 1, 'dead_rule t1:2' ],
    [ 'a rule that several together hide', $edge,
    [ "10.0.0.0/9 edge\n10.128.0.0/9 edge\n10.0.0.0/8 edge\n" ], 1,
    'dead_rule t1:3' ],
    [ 'a rule that its "if" excludes', $edge,
    [ "10.2.0.0/24 edge\nif 10.0.0.0/16\n10.1.0.0/16 edge\nendif\n" ], 1,
    'dead_rule t1:3' ],
    [ 'a negated rule is not dead', $edge,
    [ "if 10.0.0.0/8\n10.1.0.0/16 edge\n!10.1.0.0/16 stranger\nendif\n" ],
    0, '' ],
    [ 'a rule that another table hides', $edge,
    [ "10.0.0.0/8 edge\n", "10.1.0.0/16 edge\n11.0.0.0/24 edge\n" ], 1,
    'shadowed_rule t2:1' ],
    [ 'an exception', "$edge$mx",
    [ "10.1.0.0/24 mx\n10.0.0.0/8 edge\n" ], 0,
    'overlapping_networks t1:1' ],
    [ 'a profile that nobody has', "$edge$mx", [ "10.0.0.0/24 edge\n" ], 0,
    'unused_profile xcontext.conf:6' ],
    [ 'all of IPv4', $edge, [ "0.0.0.0/0 edge\n" ], 2, 'internet t1:1' ],
    [ 'all of IPv6', $edge, [ "::/0 edge\n" ], 2, 'internet t1:1' ],
    [ 'all but one network', $edge, [ "!10.0.0.0/8 edge\n" ], 2,
    'internet t1:1' ],
    [ 'all, and nothing granted', $edge,
    [ "10.0.0.0/24 edge\n0.0.0.0/0 stranger\n" ], 0,
    'overlapping_networks t1:1' ],
    [ 'what is private is not the Internet', $edge,
    [ "10.0.0.0/8 edge\nfc00::/7 edge\n" ], 0, '' ],
    [ 'root', $edge, [ "10.0.0.1 root\n10.0.0.2 edge\n" ], 1, 'root t1:1' ],
    [ 'LOGIN for many', $mx, [ "10.0.0.0/8 mx\n" ], 1,
    'many_logins xcontext.conf:3' ],
    [ 'a domain beside its suffix', "profile edge {\n" .
    "\txclient = { \"NAME\" }\n\tname = { \"!.example.com\", \"*\" }\n}\n",
    [ "10.0.0.1 edge\n" ], 1, 'domain_beside_suffix xcontext.conf:3' ],
    [ 'a domain with its suffix', "profile edge {\n" .
    "\txclient = { \"NAME\" }\n\tname = { \"!example.com\", " .
    "\"!.example.com\", \"*\" }\n}\n", [ "10.0.0.1 edge\n" ], 0, '' ],
    [ 'a suffix of what is not granted', "profile edge {\n" .
    "\txclient = { \"ADDR\" }\n\tname = { \"!.example.com\", \"*\" }\n}\n",
    [ "10.0.0.1 edge\n" ], 0, '' ],
    [ 'an unknown profile', $edge, [ "10.0.0.1 edgy\n" ], 2,
    'unusable xcontext.conf' ],
) {
	my ($name, $profiles, $tables, $status, $want) = @$row;
	my ($got_status, $got) = findings($profiles, $tables);
	is($got, $want, "$name: what is found");
	is($got_status, $status, "$name: status");
}
{
	my ($status, $got) = findings($mx, [ "10.0.0.0/24 mx\n" ], '--many',
	    255);
	is($got, 'many_logins xcontext.conf:3', '--many');
	($status, $got) = findings($mx, [ "10.0.0.0/24 mx\n" ], '--many',
	    256);
	is($got, '', '--many: not more');
	is(XContext::Ctl->new(conf => $conf)->run('lint', '--many',
	    '1x')->{status}, 64, '--many: no number');
}

# Names, patterns, listeners.
{
	spit("$dir/names", "mail.example.org edge\n192.0.2.1 edge\n");
	spit("$dir/more", "mail.example.org edge\n192.0.2.1 edge\n");
	spit("$dir/patterns", "/^mx/ edge\n/^my/ edge\n/^mx/ edge\n");
	spit($conf, "user = \"\"\ntrust_maps = { \"texthash:$dir/names\", " .
	    "\"texthash:$dir/more\", \"regexp:$dir/patterns\" }\n$edge" .
	    "listener side {\n\ttrust_maps = { \"static:edge\" }\n}\n" .
	    "listener back {\n\ttrust_maps = { \"regexp:$dir/patterns\" " .
	    "}\n}\n");
	my $ctl = XContext::Ctl->new(conf => $conf);
	my $found = $ctl->json('lint');
	is(join(', ', map { "$_->{kind} " . ($_->{line} // '') } @$found),
	    'shadowed_rule 1, shadowed_rule 2, dead_rule 3, internet 7',
	    'names, addresses as texts, patterns, static; each once');
	my $got = $ctl->run('lint');
	like($got->{out}, qr{^\Q$dir\E/patterns:3: warning: /\^mx/ never .*
\twhy: .*\n\tfix: }m, 'for a person: what, why, fix') or diag($got->{out});
}

SKIP: {
	skip('not root', 2) if $> != 0;
	skip('no user nobody', 2) if !defined getpwnam('nobody');
	spit("$dir/t1", "10.0.0.0/24 edge\n");
	spit($conf, "user = \"nobody\"\ntrust_maps = { \"cidr:$dir/t1\" }\n" .
	    $edge);
	chmod(0644, $conf, "$dir/t1");
	my $ctl = XContext::Ctl->new(conf => $conf);
	is_deeply($ctl->json('lint'), [], 'files that can be read');
	chmod(0600, "$dir/t1");
	is_deeply([ map { "$_->{kind} $_->{file}" } @{$ctl->json('lint')} ],
	    [ "unreadable $dir/t1" ], 'a file that cannot');
}

SKIP: {
	skip('no postconf', 2)
	    if !grep { -x "$_/postconf" } split(/:/, $ENV{PATH});
	spit($conf, "user = \"\"\ntrust_maps = { \"cidr:$dir/t1\" }\n" .
	    "milter {\n\theader_names = { \"session\", \"remote_name\" }\n}\n" .
	    $edge);
	local $ENV{MAIL_CONFIG} = "$dir/postfix";
	mkdir("$dir/postfix");
	spit("$dir/postfix/main.cf", "compatibility_level = 3.6\n");
	spit("$dir/postfix/master.cf", "25 inet n - n - - smtpd\n");
	my $ctl = XContext::Ctl->new(conf => $conf);
	is_deeply($ctl->json('lint'), [], 'a client that is not hidden');
	spit("$dir/postfix/master.cf", "25 inet n - n - - smtpd\n" .
	    "  -o smtpd_hide_client_session=yes\n");
	is_deeply([ map { $_->{kind} } @{$ctl->json('lint')} ],
	    [ 'shown_client' ], 'one that is, and shown by the header');
}

done_testing();
