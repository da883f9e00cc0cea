#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext setup postfix on servers that have something already: other milters
# and restrictions, postscreen and submission, several instances.  What they had
# is still asked, sessions are judged, and --undo leaves nothing of it.
use strict;
use warnings;

use Test::More;

use XContext::Ctl ();
use XContext::Debian ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_dir guard_time);

XContext::Debian::enter_own_network();
my $why = XContext::Ctl::impossible() // XContext::Debian::impossible();
plan(skip_all => $why) if defined $why;
guard_time(600);

my ($debian, $ctl, $before);

sub begin {
	my ($title, %opt) = @_;
	note($title);
	$debian = XContext::Debian->new(%opt);
	$ctl = XContext::Ctl->new(conf => $debian->conf);
	$before = $debian->state_of_files;
}

sub setup {
	my (@args) = @_;
	return $ctl->run('setup', 'postfix', '--config-directory',
	    $debian->etc, @args);
}

sub succeeds {
	my ($name, @args) = @_;
	my $got = setup(@args);
	is("$got->{status} $got->{signal} $got->{err}", '0 0 ', $name) or
	    diag($got->{out});
	return $got->{out};
}

sub apply {
	my (@args) = @_;
	succeeds('--plan', '--plan', @args);
	ok($debian->state_of_files eq $before, '--plan changes nothing');
	succeeds('--apply', '--apply', @args);
	my $applied = $debian->state_of_files;
	ok($applied ne $before, '--apply does');
	succeeds('--apply again', '--apply', @args);
	succeeds('--apply without options', '--apply');
	ok($debian->state_of_files eq $applied, 'twice is once');
	$debian->start_others;
	$debian->start_daemons;
	my $got = setup('--check');
	is($got->{status}, 0, '--check') or diag($got->{out});
}

sub undo {
	$debian->stop;
	succeeds('--undo', '--undo');
	ok($debian->state_of_files eq $before, 'all is as it was');
}

sub client {
	my ($local, @where) = @_;
	my $smtp = $debian->connect($local, @where);
	$smtp->cmd('EHLO proxy.example.net');
	return $smtp;
}

# What the others' filters have seen of that client.
sub seen_by {
	my ($what, $address) = @_;
	my %want = $what eq 'milter' ? (event => 'CONNECT',
	    client_addr => $address) : (client_address => $address);
	return defined $debian->{"${what}_seen"}->last(%want);
}

sub judged {
	my ($name, @where) = @_;
	my $smtp = client('127.0.1.1', @where);
	is($smtp->cmd('XCLIENT ADDR=10.0.0.1')->code, 450,
	    "$name: a wrong XCLIENT is refused");
	$smtp->quit;
	$smtp = client('127.0.1.1', @where);
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220,
	    "$name: a permitted one works");
	$smtp->cmd('EHLO client.example.org');
	is($smtp->mail(subject => "by $name")->code, 250, "$name: mail");
	$smtp->quit;
	ok(defined $debian->postfix->delivered("by $name"), "$name: arrives");
	ok(seen_by('milter', '198.51.100.9'), "$name: the other milter is asked");
	ok(seen_by('policy', '198.51.100.9'),
	    "$name: the other policy service is asked");
	$smtp = client('127.0.2.1', @where);
	like($smtp->cmd('XCLIENT ADDR=198.51.100.10')->code, qr/^[45]/,
	    "$name: a stranger's is refused");
	$smtp->quit;
	$smtp = client('127.0.2.2', @where);
	is($smtp->mail(subject => "stranger by $name")->code, 250,
	    "$name: a stranger's mail");
	$smtp->quit;
	ok(seen_by('milter', '127.0.2.2'),
	    "$name: the other milter is asked about it, too");
}

#
# Milters and restrictions
#
my $others = <<'END';
filters = unix:others/milter
smtpd_milters =
# of the filter's own documentation
    $filters
milter_default_action = tempfail
smtpd_client_restrictions =
  # ours first
    permit_mynetworks,
    check_policy_service unix:others/policy
header_checks = regexp:{{/^X-Bad:/ REJECT no}}
END
begin('milters and restrictions', main => $others);
my $plan = JSON::PP::decode_json(setup('--plan', '--json')->{out});
is_deeply([ map { $_->{what} } @{$plan->{steps}} ], [ 'directory',
    'policy { other_milters }', 'header_checks',
    'entry 127.0.0.1:10025 inet' ], 'the steps');
is("@{$plan->{steps}[1]{new}}", 'unix:others/milter',
    'the other milter, as the daemon has to name it');
apply();
my $master = slurp($debian->master_cf);
like($master, qr/^  -o \{ smtpd_milters = unix:xcontext\/milter \$filters \}$/m,
    'the milter is kept');
like($master, qr/check_policy_service unix:xcontext\/policy permit_mynetworks, check_policy_service unix:others\/policy \}|check_policy_service unix:xcontext\/policy permit_mynetworks check_policy_service unix:others\/policy \}/,
    'the restrictions are kept');
like(slurp($debian->main_cf), qr/^header_checks = regexp:\{\{\/\^X-Session-Context\S+ IGNORE\}\}, regexp:\{\{\/\^X-Bad:\/ REJECT no\}\}$/m,
    'header_checks are kept');
like(slurp($debian->main_cf), qr/^# of the filter's own documentation$/m,
    'comments are kept');
like(slurp($debian->conf), qr/^\tother_milters = "unix:others\/milter"$/m,
    'strangers get the other milter, too');
like(slurp($debian->conf), qr/^# A comment with policy \{ other_milters = "not this" \}$/m,
    'and nothing else is changed');
$debian->start;
my ($port) = $master =~ /^127\.0\.0\.1:(\d+) inet/m;
judged('A', '127.0.0.1', $port);
my $smtp = client('127.0.2.3');
is($smtp->mail(subject => 'bad', headers => "X-Bad: yes\n")->code, 550,
    'the other header_checks work');
$smtp->quit;
undo();

#
# postscreen and submission, wiring B
#
begin('postscreen', main => "postscreen_access_list = " .
    "cidr:{{127.0.0.0/8 permit}}\nmilter_default_action = tempfail\n",
    master => sub {
	s/^smtp +inet .*\n//m;
	s/^#(smtp +inet .*postscreen)$/$1/m;
	s/^#(dnsblog|tlsproxy)/$1/mg;
	s/^#(smtpd +pass .*\n)/$1# a comment
  -o smtpd_milters=unix:others\/milter -o syslog_name=postfix\/pass
  -o { smtpd_client_restrictions = check_policy_service
# another
     unix:others\/policy }
/m;
	s/^#(submission +inet .*\n)((?:#  .*\n)*)/my ($a, $b) = ($1, $2);
	    $b =~ s{^#(?!   )}{}mg; $b =~ s{encrypt}{may}; $a . $b/me;
    });
my $got = setup('--plan', '--wiring', 'B');
is($got->{status}, 64, 'the messengers must be told');
my @submission = `postconf -c @{[$debian->etc]} -P 2>/dev/null`;
@submission = grep { /submission/ } @submission;
cmp_ok(scalar @submission, '>', 5, 'there is a submission with settings');
apply('--wiring', 'B', '--messengers', '127.0.1.0/24');
is_deeply([ grep { /submission/ } `postconf -c @{[$debian->etc]} -P` ],
    \@submission, 'submission is left as it is');
$master = slurp($debian->master_cf);
like($master, qr/^# a comment\n  -o syslog_name=postfix\/pass\n# another\n/m,
    'so are comments and other settings of the entry') or diag($master);
like($master, qr/^  -o \{ smtpd_milters =\n +\{ unix:xcontext\/milter, default_action=accept \} unix:others\/milter \}\n  -o \{ smtpd_client_restrictions =\n +check_policy_service \{ unix:xcontext\/policy, default_action=DUNNO \}\n +check_policy_service unix:others\/policy \}$/m,
    'what it had is behind ours');
$debian->start;
judged('B');
$smtp = $debian->connect('127.0.1.1', undef, 587);
unlike($smtp->cmd('EHLO user.example.org')->text, qr/XCLIENT/,
    'submission offers no XCLIENT');
$smtp->quit;
$_->stop for @{delete $debian->{daemons}};
$smtp = client('127.0.2.4');
is($smtp->mail(subject => 'while they are away')->code, 250,
    'without our daemons the mail of others comes in');
$smtp->quit;
undo();

#
# Several instances: of which postmulti(1) knows in /etc/postfix alone.
#
SKIP: {
	skip('no mount namespace', 1)
	    if system('unshare', '-m', 'true') != 0 || !-d '/etc/postfix';
	note('several instances');
	my $out = XContext::Debian->new(master => sub {
	    s/^smtp +inet .*\n//m });
	begin('in', main => "multi_instance_name = postfix-in\n" .
	    "multi_instance_enable = yes\n");
	spit($out->main_cf, slurp($out->main_cf) .
	    'multi_instance_wrapper = ${command_directory}/postmulti -p --' .
	    "\nmulti_instance_enable = yes\nmulti_instance_directories = " .
	    $debian->etc . "\n");
	# This directory takes the place of that.
	system('cp', '-an', '/etc/postfix/.', $out->etc);
	my $of_out = $out->state_of_files;
	my $wrapper = guard_dir() . '/unshare';
	spit($wrapper, "#!/bin/sh\nexec unshare -m sh -c '" .
	    'mount --bind "$0" /etc/postfix && exec "$@"\' ' .
	    "'@{[$out->etc]}' '@{[XContext::Ctl::program()]}' \"\$@\"\n");
	chmod(0755, $wrapper);
	local $ENV{XC_CTL} = $wrapper;
	my $run = sub { $ctl->run('setup', 'postfix', @_) };
	my $got = $run->('--check');
	is($got->{status}, 2, 'none is wired');
	is(scalar(() = $got->{out} =~ /no smtpd asks/g), 1,
	    'which is said once') or diag($got->{out}, $got->{err});
	$got = $run->('--apply');
	is($got->{status}, 0, 'the one that takes mail is meant') or
	    diag($got->{err});
	ok($out->state_of_files eq $of_out, 'the other is left as it is');
	ok($debian->state_of_files ne $before, 'it is changed');
	$debian->start_daemons;
	$got = $run->('--check');
	is($got->{status}, 0, '--check') or diag($got->{out});
	$debian->stop;
	is($run->('--undo', '--instance', 'postfix-in')->{status}, 0, '--undo');
	ok($debian->state_of_files eq $before, 'all is as it was');
	$got = $run->('--plan', '--instance', 'nosuch');
	is($got->{status}, 64, 'an instance that is not there');
	like($got->{err}, qr/no instance "nosuch"/, 'is told');
	spit($out->master_cf, slurp($out->master_cf) .
	    "$out->{address}:smtp inet n - y - - smtpd\n");
	$got = $run->('--plan');
	is($got->{status}, 64, 'two that take mail');
	like($got->{err}, qr/\(-, postfix-in\): say which/, 'are told');
}

#
# Sockets that are not below the queue
#
begin('elsewhere');
my $text = slurp($debian->conf);
my $run = "$debian->{dir}/run";
mkdir($run);
$text =~ s{unix:\S+/(milter|policy|maps)"}{unix:$run/$1"}g;
spit($debian->conf, $text);
$before = $debian->state_of_files;
$got = setup('--plan', '--wiring', 'B', '--messengers', '127.0.1.0/24');
is($got->{status}, 78, 'wiring B in a chroot that does not hold the sockets');
like($got->{err}, qr/are not below that/, 'is told');
succeeds('A', '--apply');
like(slurp($debian->master_cf), qr/^127\.0\.0\.1:\d+ inet n - n - - smtpd\n.*\n +socketmap:unix:\Q$run\E\/maps:xclient \}/m,
    'the listener is in no chroot');
succeeds('--undo', '--undo');
ok($debian->state_of_files eq $before, 'all is as it was');

# A user that there is not, where nothing makes users.
{
	my $text = slurp($debian->conf);
	$text =~ s/^user = .*/user = "nosuchuser"/m;
	spit($debian->conf, $text);
	my $got = setup('--plan');
	like($got->{out}, qr/^1\. user\n.*nosuchuser: systemd-sysusers/,
	    'the user is planned') or diag($got->{err});
	$before = $debian->state_of_files;
	$got = setup('--apply');
	is($got->{status}, 69, 'and cannot be made here');
	like($got->{err}, qr/"nosuchuser" cannot be made .*useradd --system/,
	    'what to do is said');
	SKIP: {
		skip('no mount namespace', 1)
		    if system('unshare', '-m', 'true') != 0;
		my $dir = guard_dir();
		local $ENV{XC_CTL} = XContext::Ctl::without("$dir/unshare",
		    'systemd-sysusers');
		is(setup('--apply')->{err}, 'xcontext: the user "nosuchuser" ' .
		    'cannot be made (there is no systemd-sysusers); nothing ' .
		    'was changed.  Make it, and try again: useradd --system ' .
		    '--home-dir /run/xcontext --shell /usr/sbin/nologin ' .
		    "nosuchuser\n", 'and why it could not');
	}
	{
		# It does what it is told, which is another user.
		my $bin = guard_dir() . '/bin';
		mkdir($bin);
		symlink('/bin/true', "$bin/systemd-sysusers");
		local $ENV{PATH} = "$bin:$ENV{PATH}";
		like(setup('--apply')->{err}, qr{\(sysusers\.d/xcontext\.conf names another user\)},
		    'or that it was another');
	}
	ok($debian->state_of_files eq $before, 'and nothing is changed');
}
done_testing();
