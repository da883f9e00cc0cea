#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# "-t" finds what the user that a daemon becomes cannot read, whoever asks, root
# or that user, and whichever setting names the file; and a relay without a
# section says so.  The exit status is that of a wrong configuration.
use strict;
use warnings;

use POSIX ();
use Test::More;

use XContext::Daemon ();
use XContext::File qw(spit);
use XContext::Guard qw(guard_child guard_dir);

my $why = XContext::Daemon::impossible('xcontext-milter', 'xcontext-policy',
    'xcontext-relay') // ($> == 0 ? undef : 'it takes root to become a user');
plan(skip_all => $why) if defined $why;
alarm(120);
my $dir = guard_dir();
my ($uid, $gid) = (getpwnam('nobody'))[2, 3];
# The leak checker cannot look at a program that has changed its user.
$ENV{ASAN_OPTIONS} = join(':', grep { defined } $ENV{ASAN_OPTIONS},
    'detect_leaks=0');

# Exit status and words of "-t", asked by root or by the user.
sub check {
	my ($name, $is_user) = @_;
	pipe(my $in, my $out) or die "pipe: $!\n";
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDOUT, '>&', $out);
		open(STDERR, '>&', $out);
		if ($is_user) {
			$( = $gid;
			$) = "$gid $gid";
			POSIX::setuid($uid);
		}
		exec(XContext::Daemon::program($name), '-t', '-c',
		    "$dir/xcontext.conf") or POSIX::_exit(127);
	}
	close($out);
	my $text = do { local $/; <$in> } // '';
	waitpid($pid, 0);
	return ($? >> 8, $text);
}

# What stands in the configuration, where %s is a table, and the table.
my @rows = (
	[ 'trust_maps', 'trust_maps = { "cidr:%s" }', "192.0.2.1	x\n" ],
	[ 'trust_maps, pcre', 'trust_maps = { "pcre:%s" }', "/^a/	x\n" ],
	[ 'access_maps', 'access_maps = { "texthash:%s" }',
	    "profile=x	REJECT\n" ],
	[ 'access_maps, union',
	    'access_maps = { "unionmap:{texthash:%s}" }',
	    "profile=x	REJECT\n" ],
	[ 'addr of a profile', 'profile y { addr = { "cidr:%s" } }',
	    "192.0.2.1	x\n" ],
	[ 'login of a profile', 'profile y { login = { "pcre:%s" } }',
	    "/^a/	x\n" ],
	[ 'trust_maps of a listener',
	    'listener l { trust_maps = { "texthash:%s" } }',
	    "192.0.2.1	x\n" ],
);

my $table = "$dir/table";
for my $row (@rows) {
	my ($name, $conf, $text) = @$row;
	spit($table, $text);
	chown(0, 0, $table);
	spit("$dir/xcontext.conf", join("\n", "store = \"lmdb:$dir/store\"",
	    "runtime_directory = \"$dir/run\" state_directory = \"$dir/run\"", 'user = "nobody"',
	    'socket_group = ""', 'allowed_users = { "root" }',
	    'profile x { }', sprintf($conf, $table)) . "\n");
	chmod(0644, "$dir/xcontext.conf");
	for my $program ('xcontext-policy', 'xcontext-milter') {
		for my $is_user (0, 1) {
			my $who = $program . ', asked by ' .
			    ($is_user ? 'the user' : 'root');
			chmod(0600, $table);
			my ($status, $said) = check($program, $is_user);
			is($status, 78, "$name, $who: what nobody can read");
			like($said, qr/\Q$table\E.*Permission denied/,
			    "$name, $who: it is named");
			next if $is_user;
			chmod(0644, $table);
			($status, $said) = check($program, $is_user);
			is($status, 0, "$name, $who: what he can") or
			    diag($said);
		}
	}
}

my ($status, $said) = check('xcontext-relay', 0);
is($status, 78, 'a relay without a section');
like($said, qr/\Q$dir\E\/xcontext\.conf: there is no "relay NAME /,
    'says so');
done_testing();
