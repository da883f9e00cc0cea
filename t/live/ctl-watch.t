#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext sessions --watch in a terminal (tmux), with the sessions of a real
# Postfix: what it shows, how it is steered, what it takes away, that nothing of
# a client's is a command to the terminal, and that this is as it was behind it,
# however it ends.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use XContext::Ctl ();
use XContext::Guard qw(guard_dir guard_process guard_time);
use XContext::Live ();

my $why = XContext::Ctl::impossible();
plan(skip_all => $why) if defined $why;
plan(skip_all => 'no tmux') if system('tmux -V >/dev/null 2>&1') != 0;
guard_time(240);

my $live = XContext::Live->new;
my $ctl = XContext::Ctl->new(conf => $live->{conf_file});

#
# The terminal
#
my $socket = guard_dir() . '/tmux';
$ENV{LC_ALL} = 'C.UTF-8';
delete $ENV{TMUX};

sub tmux {
	my (@args) = @_;
	open(my $from, '-|', 'tmux', '-f', '/dev/null', '-S', $socket, @args)
	    or die "tmux: $!\n";
	local $/;
	my $out = <$from>;
	close($from);
	return $out // '';
}

tmux('new-session', '-d', '-x', '150', '-y', '12', 'env PS1=prompt: sh');
my ($server) = tmux('display-message', '-p', '#{pid}') =~ /(\d+)/ or
    BAIL_OUT('tmux has no pid');
guard_process($server);

sub screen { return tmux('capture-pane', '-p') }

# Waits for that on the screen, ten seconds.
sub shows {
	my ($re, $name) = @_;
	my $screen;
	for (1 .. 200) {
		$screen = screen();
		return pass($name) if $screen =~ $re;
		sleep(0.05);
	}
	diag($screen);
	return fail($name);
}

sub keys_are { tmux('send-keys', @_) }

sub settings { return `stty -a -F \$(tmux -S $socket display-message -p '#{pane_tty}')` }

my $command = XContext::Ctl::program() . " -c $live->{conf_file} " .
    'sessions --watch';
my $before;

sub watch {
	my (@options) = @_;
	keys_are('clear', 'Enter');
	shows(qr/\A(?:\S+)?prompt:\s*\z/, 'a prompt') if !defined $before;
	$before //= settings();
	keys_are("$command @options", 'Enter');
	shows(qr/^q quit  r revoke/m, 'it watches');
}

# The pid of what runs in the terminal.
sub pid {
	my ($shell) = tmux('display-message', '-p', '#{pane_pid}') =~ /(\d+)/;
	my ($pid) = `ps -o pid= --ppid $shell` =~ /(\d+)/;
	return $pid;
}

sub is_restored {
	my ($name) = @_;
	shows(qr/prompt:\s*\z/, "$name: the prompt is back");
	is(tmux('display-message', '-p', '#{alternate_on} #{cursor_flag}'),
	    "0 1\n", "$name: the screen and the cursor are");
	is(settings(), $before, "$name: the terminal's settings are");
}

#
# What it shows
#
watch();
shows(qr/ 0 of 0 sessions /, 'there is no session');
my @smtp = map { $live->connect(local => $_) } qw(127.0.1.1 127.0.1.2);
$_->cmd('EHLO proxy.example.net') for @smtp;
is($smtp[0]->cmd('XCLIENT ADDR=198.51.100.9')->code, 220, 'an override');
# c2 9b is CSI, too; the title would be set, and the screen cleared.
$smtp[0]->cmd("EHLO a\x1b[2J\x1b]0;owned\x07\xc2\x9b31m\x0eb");
is($smtp[1]->cmd('XCLIENT ADDR=198.51.100.10')->code, 220, 'and another');
$smtp[1]->cmd('EHLO client.example.org');
shows(qr/ 2 of 2 sessions .*\nAGE +SESSION +PEER.*\n(?:.*198\.51\.100\.\d+ +edge +sealed.*\n){2}/,
    'they come by themselves');
my $screen = screen();
like($screen, qr/EHLO a\\x1B\[2J/, 'what a client says is shown');
unlike(tmux('capture-pane', '-p', '-e'), qr/\x1b\[31m|\x1b\]|\xc2\x9b/,
    'and is no command');
unlike(tmux('display-message', '-p', '#{pane_title}'), qr/owned/,
    'nor a title');

#
# Order and filter
#
keys_are('>');
shows(qr/ by session/, '>: the next column');
keys_are('>', '>');
shows(qr/ by client\n.*\n.*\.9 .*\n.*\.10 /, 'addresses by their numbers');
keys_are('R');
shows(qr/ by client, falling.*\n.*\n.*\.10 .*\n.*\.9 /, 'R: turned round');
keys_are('/');
shows(qr/^Only with:/m, '/: a question');
keys_are('100.10', 'Enter');
shows(qr/ 1 of 2 sessions .*with 100\.10/, 'one fits');
unlike(screen(), qr/198\.51\.100\.9 /, 'the other is not shown');
keys_are('/', 'BSpace', 'BSpace', '9');
shows(qr/^Only with: 100\.9/m, 'as it is typed');
keys_are('Escape');
shows(qr/ 1 of 2 sessions .*with 100\.10(?s:.*)^q quit/m, 'Escape: as it was');

#
# Revoke
#
my ($name) = screen() =~ /\b(01[0-9A-Z]{24})\b/;
keys_are('r');
shows(qr/^Revoke session $name of 127\.0\.1\.2\? \(y\/N\)/m, 'r: it asks');
keys_are('Enter');
shows(qr/^nothing is revoked/m, 'no answer is no');
is($ctl->run('revocations')->{status}, 1, 'and nothing is');
keys_are('r', 'y');
shows(qr/^$name is revoked/m, 'y');
is($ctl->json('revocations')->[0]{revoked}, "session=$name", 'it is');
like($smtp[1]->mail(subject => 'revoked')->code, qr/^[45]/,
    'its mail is refused');
shows(qr/198\.51\.100\.10 +stranger +refused/, 'as it shows');
is($smtp[0]->mail(subject => 'other')->code, 250, 'the other one\'s is not');
keys_are('q');
is_restored('q');

#
# Sizes, and ends
#
watch('--peer', '127.0.1.1');
shows(qr/ 1 of 1 sessions /, '--peer');
tmux('resize-window', '-x', '60', '-y', '5');
shows(qr/^\d\d:\d\d:\d\dZ  1 of 1 sessions.*\n.*\n.*\n.*\nq quit/m,
    'a smaller window');
is(scalar(grep { length > 60 } split(/\n/, screen())), 0, 'no line is over');
tmux('resize-window', '-x', '20', '-y', '2');
shows(qr/1 of 1 se\n/, 'a tiny one');
tmux('resize-window', '-x', '150', '-y', '12');
shows(qr/^\d.*\n *AGE +SESSION.*GREETING/m, 'and large again');
keys_are('C-z');
shows(qr/prompt:\s*\z/, '^Z: the shell');
is(settings() =~ /-echo /s ? 'no' : 'yes', 'yes', 'with its echo');
keys_are('fg', 'Enter');
shows(qr/ 1 of 1 sessions .*\n.*\n.*198\.51/, 'fg: it goes on');
keys_are('C-c');
is_restored('^C');
for my $signal (qw(TERM HUP QUIT INT)) {
	watch();
	kill($signal, pid());
	is_restored("SIG$signal");
}
keys_are('clear; TERM=nonsense ' . $command, 'Enter');
shows(qr/TERM is "nonsense"/, 'a terminal of no known type');
my $got = $ctl->run('sessions', '--watch');
is($got->{status}, 64, 'no terminal: status');
like($got->{err}, qr/needs a terminal/, 'no terminal');
is($ctl->run('sessions', '--watch', '--json')->{status}, 64, 'nor JSON');

$_->quit for @smtp;
tmux('kill-server');
$live->finish;
