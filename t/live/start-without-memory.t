#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Where memory runs out while a daemon reads its configuration, it says so, and
# does not go on with another configuration: with -T, each allocation fails
# once, one after the other, as it would at the start or at SIGHUP.
#
# So many are tried, of each kind and daemon, as XC_FAULT_STARTS says (12;
# "all").
use strict;
use warnings;

use POSIX ();
use Test::More;

use XContext::Daemon ();
use XContext::FaultFile ();
use XContext::Faults ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_dir guard_time);

my @names = ('xcontext-policy', 'xcontext-milter', 'xcontext-relay');
my $why = XContext::Faults::impossible() //
    XContext::Daemon::impossible(@names);
plan(skip_all => $why) if defined $why;

my $tries = $ENV{XC_FAULT_STARTS} // 12;
my $seed = $ENV{XC_FAULT_SEED} // 1;
srand($seed);
diag("XC_FAULT_SEED=$seed");
guard_time($tries eq 'all' ? 3600 : 300);

my $dir = guard_dir();
spit("$dir/trust", "127.0.1.0/24	edge\n");
spit("$dir/access", "/^client=198\\.51\\.100\\.66\$/	REJECT not you\n");
spit("$dir/conf", <<"END");
trust_maps = { "cidr:$dir/trust" }
access_maps = { "pcre:$dir/access", "static:DUNNO" }
XCLIENT = "required"
limits {
	log_rate = 7
}
profile edge {
	xclient = { "*" }
	addr = { "!198.51.100.0/24", "public" }
	login = { "*\@example.com" }
	on_violation = "reject"
}
profile trial {
	report_only = true
}
milter {
	listen = "unix:$dir/milter"
	header_names = { "session", "tenant" }
}
policy {
	listen = "unix:$dir/policy"
	maps = "unix:$dir/maps"
}
relay front {
	listen = "127.0.0.1:2525"
	next_hop = "smtp:[127.0.0.1]:25"
}
END

# Wait status, what it printed, and what it said.
sub run {
	my ($name, $file) = @_;
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		open(STDOUT, '>', "$dir/out");
		open(STDERR, '>', "$dir/err");
		%ENV = (%ENV, %{$file->{env}});
		exec(XContext::Daemon::program($name), '-T', '-c',
		    "$dir/conf") or POSIX::_exit(127);
	}
	waitpid($pid, 0);
	return ($?, slurp("$dir/out"), slurp("$dir/err"));
}

# That many, spread over all of them.
sub chosen {
	my ($n) = @_;
	return 1 .. $n if $tries eq 'all' || $n <= $tries;
	my $step = $n / $tries;
	return map { 1 + int(($_ + rand()) * $step) } 0 .. $tries - 1;
}

for my $name (@names) {
	my $file = XContext::FaultFile->new($ENV{XC_FAULT_LIBRARY} //
	    './t/lib/fault.so', "$dir/$name.fault");
	my ($status, $want) = run($name, $file);
	is($status, 0, "$name: prints its configuration");
	my $all = $file->counts;
	my (%led_to, @wrong);
	for my $kind (qw(calloc malloc realloc)) {
		for my $n (chosen($all->{$kind})) {
			$file->arm($kind, $n);
			my ($status, $got, $said) = run($name, $file);
			next if !$file->has_fired;
			my ($who) = $said =~ m{^fault: .* in \S*?([\w.-]+)\+}m;
			my $how = $status == 0 ? ($got eq $want ?
			    'the same' : 'another configuration') :
			    $status & 127 ? "a signal in $who" : 'an error';
			$led_to{$how}++;
			push(@wrong, "$kind $n: $how, wait status $status, " .
			    $said) if $status & 127 ?
			    !XContext::Faults::is_no_fault_of_ours($said) :
			    $status == 0 ? $got ne $want : $said !~ /\n.*\n/;
		}
		$file->arm($kind, 0);
	}
	is(join("\n", @wrong), '', "$name: an error, or the same");
	diag("$name: " . join(', ', map { "$_ $led_to{$_}" }
	    sort keys %led_to));
}
done_testing();
