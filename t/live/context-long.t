#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Ten thousand XSETCONTEXT and XDUMPCONTEXT on one connection: no process
# grows, and the record stays within its limits.
use strict;
use warnings;

use Test::More;

use XContext::Live ();
use XContext::Postfix ();

use constant {
	COMMANDS => $ENV{CONTEXT_COMMANDS} // 10_000,
	BATCH => 50,
	MAY_GROW_KIB => 1024,
};

my $live = XContext::Live->new(seconds => 600,
    # With notify_classes, Postfix keeps a transcript of the whole session.
    main => { notify_classes => '', smtpd_hard_error_limit => 1_000_000,
	smtpd_soft_error_limit => 1_000_000,
	smtpd_junk_command_limit => 1_000_000 },
    # The log is not what is looked at.
    conf => { log_all => 'false' },
    trust => "127.0.1.0/24\tedge\n", profiles => <<'END');
profile edge { xsetcontext = { "*" } xdumpcontext = true }
END

# Resident memory of a process, in KiB.
sub resident {
	my ($pid) = @_;
	open(my $fh, '<', "/proc/$pid/status") or return 0;
	return (map { /^VmRSS:\s*(\d+) kB/ } <$fh>)[0] // 0;
}

# The one smtpd of this test's Postfix.
sub smtpd {
	my $queue = $live->postfix->queue;
	my ($pid) = map { m{(\d+)$} } grep {
		(readlink("$_/exe") // '') =~ m{/smtpd$} &&
		(readlink("$_/cwd") // '') eq $queue
	} map { "/proc/$_" } map { m{(\d+)$} } glob('/proc/[0-9]*');
	return $pid;
}

# One turn: pairs are set, overridden, dumped.
sub turn {
	my ($smtp, $from, $n) = @_;
	my %codes;
	for (my $i = $from; $i < $from + $n; $i += BATCH) {
		my @lines = map {
			$_ % 2 ? 'XDUMPCONTEXT' : 'XSETCONTEXT n' . $_ % 64 .
			    '=' . 'x' x (1 + $_ * 7 % 200)
		} $i .. $i + BATCH - 1;
		$codes{$_->code}++ for XContext::Postfix::may_pipeline() ?
		    $smtp->pipeline(@lines) : map { $smtp->cmd($_) } @lines;
	}
	return \%codes;
}

my $smtp = $live->connect(timeout => 120);
$smtp->cmd('EHLO there');
# What is to be taken once is taken by then.
my $warm = COMMANDS / 10;
turn($smtp, 0, $warm);
my %pid = (policy => $live->policy->pid, milter => $live->milter->pid,
    smtpd => smtpd());
ok($pid{smtpd}, 'there is one smtpd');
my %before = map { $_ => resident($pid{$_}) } keys %pid;
my $codes = turn($smtp, $warm, COMMANDS - $warm);
is_deeply($codes, { 250 => (COMMANDS - $warm) / 2,
    450 => (COMMANDS - $warm) / 2 }, 'each has its answer');
SKIP: {
	skip('a sanitizer keeps what was freed', 3)
	    if ($ENV{XC_SANITIZE} // 'no') ne 'no';
	for my $name (sort keys %pid) {
		my $after = resident($pid{$name});
		cmp_ok($after - $before{$name}, '<', MAY_GROW_KIB,
		    "$name does not grow (from $before{$name} to $after KiB)");
	}
}
my @dump = $smtp->cmd('XDUMPCONTEXT')->lines;
is(scalar(grep { / n\d+ / } split(/(?=\[connection\])/, join(' ', @dump))),
    32, 'every other name was set');
like($dump[-1], qr/XDUMPCONTEXT complete$/, 'the dump is complete');
# The limit is of pairs, not of commands.
is($smtp->cmd('XSETCONTEXT ' . join(' ', map { "m$_=1" } 1 .. 32))->code, 250,
    'up to the limit');
is($smtp->cmd('XSETCONTEXT one=more')->code, 450, 'the 65th pair');
is($smtp->cmd('XSETCONTEXT n2=again')->code, 250,
    'one of the 64 may still be set');
@dump = $smtp->cmd('XDUMPCONTEXT')->lines;
like($dump[-1], qr/XDUMPCONTEXT complete$/,
    'a dump of more pairs than lines is complete');
my @words = map { s/^4\.0\.0 //r } @dump;
my %seen = map { /^(\S+) ?(\S*)/ ? ($1 => $2) : () }
    split(/ ?\[connection\] /, join(' ', @words));
is(scalar(grep { /^[mn]\d+$/ } keys %seen), 64, 'and has them all');
is($seen{n2}, 'again', 'with their values');
cmp_ok((sort { $b <=> $a } map { length } @dump)[0], '<=', 990,
    'no line is too long');
# As many bytes as may be set, of which each takes three to be shown.
my %code;
$code{$smtp->cmd("XSETCONTEXT $_=" . '%' x 240)->code}++
    for grep { /^[mn]\d+$/ } keys %seen;
is_deeply(\%code, { 250 => 64 }, '64 long pairs');
@dump = map { s/^4\.0\.0 //r } $smtp->cmd('XDUMPCONTEXT')->lines;
my ($n_more) = $dump[-1] =~ /^XDUMPCONTEXT incomplete: (\d+) more pairs$/;
cmp_ok($n_more // 0, '>', 0, 'a dump that is not complete says so');
my %shown = map { /^(\S+)/ ? ($1 => 1) : () }
    split(/ ?\[connection\] /, join(' ', @dump[0 .. $#dump - 1]));
is(keys(%shown) + ($n_more // 0), scalar(keys %seen),
    'what is shown and what is not are all');
cmp_ok(scalar(@dump), '<=', 32, 'in as many lines as there may be');
$smtp->quit;

$live->finish;
