#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# README's section "Context", taken from README itself and followed letter by
# letter, with the listener that it has made before: a messenger that is made
# known by a reload, what it is answered, what its mail gets, and whose header
# lines are removed by whom.  Only addresses and paths are put in their places.
use strict;
use warnings;

use Test::More;

use XContext::Daemon ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_dir guard_time);
use XContext::Postfix ();
use XContext::Readme qw(block displays in_place listener section with);
use XContext::Smtp ();

use constant {
	ATTACH => 'Attaching it to your own Postfix',
	APP => '127.0.1.40',
	STRANGER => '127.0.2.1',
	MANY => 140,	# more than junk commands and errors may be
};

my $why = XContext::Postfix::impossible() // XContext::Daemon::impossible();
plan(skip_all => $why) if defined $why;
guard_time(300);

my $dir = guard_dir();
my $context = section('Context');
my @displays = displays($context);

# The display that begins like that.
sub display {
	my ($beginning) = @_;
	my ($text) = grep { /^$beginning/ } @displays;
	return $text // die "README's Context has no display of $beginning\n";
}

#
# What was there before: steps 1 to 3 of the attaching, and main.cf.
#
my $address = XContext::Postfix::own_address();
my %port = map { $_ => XContext::Postfix::free_port($address) }
    qw(readme unchecked renamed);
my ($header_checks) = block(ATTACH, qr/\bnames already\):/) =~
    /^header_checks = (.*)$/m or die "README has no header_checks\n";

# README's listener on that port, with these settings behind its own.
sub entry {
	my ($port, @settings) = @_;
	return (listener("$address:$port") =~ s/<yours>//gr) .
	    join('', map { "  -o { $_ }\n" } @settings);
}

my $renamed = with($header_checks, 'X-Session-Context' => 'X-Told');
my $postfix = XContext::Postfix->new(services => [],
    master => entry($port{readme}) . entry($port{unchecked},
    'receive_override_options = no_header_body_checks',
    'smtpd_junk_command_limit = 1000') . entry($port{renamed},
    'cleanup_service_name = cleanup2') .
    "cleanup2 unix n - n - 0 cleanup\n  -o { header_checks = $renamed }\n",
    main => { header_checks => $header_checks });
my $sockets = $postfix->sockets;
my ($sample, $more) = (slurp(($ENV{srcdir} // '.') .
    '/etc/xcontext.conf.sample'), block(ATTACH, qr/behind its end, write/));
my $text = in_place("$sample\n$more", $dir, $sockets);
my $trust = block(ATTACH, qr{into /etc/xcontext/trust\.cidr});
spit("$dir/xcontext.conf", $text);
spit("$dir/trust.cidr", $trust);
my ($policy, $milter) = map { XContext::Daemon->new(name => $_->[0],
    conf => "$dir/xcontext.conf", log => "$dir/$_->[0].log",
    sockets => [ map { "$sockets/$_" } @$_[1 .. $#$_] ]) }
    [ 'xcontext-policy', 'policy', 'maps' ], [ 'xcontext-milter', 'milter' ];
# As tmpfiles makes it.
chown(0, scalar(getgrnam('postfix')), $sockets);
chmod(02750, $sockets);
$_->start for $policy, $milter;
$postfix->start;

my $n_reloads = 0;

# "systemctl reload" as the units have it.
sub reload {
	my ($what) = @_;
	$n_reloads++;
	for my $daemon ($policy, $milter) {
		my $program = XContext::Daemon::program($daemon->{name});
		is(`$program -t -c $dir/xcontext.conf 2>&1`,
		    "$dir/xcontext.conf: ok\n", "$what: $daemon->{name} -t");
		$daemon->signal('HUP');
		for (1 .. 250) {
			last if $daemon->events(event => 'reload') >=
			    $n_reloads;
			select(undef, undef, undef, 0.02);
		}
		is(scalar($daemon->events(event => 'reload')), $n_reloads,
		    "$what: $daemon->{name} is reloaded");
	}
}

# A messenger's or a stranger's session that has said these.
sub client {
	my ($local, $listener, @commands) = @_;
	my $smtp = XContext::Smtp->connect($address, $port{$listener},
	    local => $local);
	$smtp->cmd($_) for 'EHLO app', @commands;
	return $smtp;
}

# The header lines of that name in the mail that is sent with that forged one.
sub headers {
	my ($smtp, $subject, $name) = @_;
	is($smtp->mail(subject => $subject,
	    headers => "$name: session=forged\n")->code, 250,
	    "$subject: it is taken");
	$smtp->quit;
	my $mail = $postfix->delivered($subject) // "none\n\n";
	my ($head) = split(/\n\n/, $mail);
	$head =~ s/\n[ \t]+/ /g;
	return join("\n", $head =~ /^(\Q$name\E: .*)$/mg);
}

# A text of README's with that for its examples; what it shows of a session's
# name fits any.
sub pattern {
	my ($line) = @_;
	$line =~ s/192\.0\.2\.40/@{[APP]}/;
	$line = quotemeta($line);
	$line =~ s/\bsession\\ \K[0-9A-Z]{26}$/[0-9A-HJKMNP-TV-Z]{26}/;
	$line =~ s/\bsession\\=\\\.\\\.\\\./session=[0-9A-HJKMNP-TV-Z]{26}/;
	return qr/^$line$/;
}

#
# 1.  Nobody before, a messenger with a context behind the reload.
#
{
	my $smtp = client(APP, 'readme');
	isnt($smtp->cmd('XSETCONTEXT tenant=acme')->code, 250,
	    'not before it is configured');
	$smtp->quit;
}
my $rule = block('Context', qr{In /etc/xcontext/trust\.cidr});
spit("$dir/trust.cidr", $trust . with($rule, '192.0.2.40' => APP));
$text .= "\n" . display('access_maps');
spit("$dir/xcontext.conf", $text);
like($context, qr/"systemctl reload xcontext-policy xcontext-milter"/,
    'README reloads');
reload('the context');

#
# 2.  The dialogue: lines without a code are what the messenger says.
#
my $dialogue = display('telnet');
like($dialogue, qr/\Atelnet your\.host 10025\n/, 'telnet, to the listener');
my $smtp = XContext::Smtp->connect($address, $port{readme}, local => APP);
my $n_shown = 0;
for my $part ($dialogue =~ /^([A-Z].*\n(?:[\d.].*\n)*)/mg) {
	my ($command, @want) = split(/\n/, $part);
	my $n = () = $smtp->dialogue;
	my $code = $smtp->cmd($command)->code;
	my @got = map { $_->[1] } ($smtp->dialogue)[$n + 1 .. $smtp->dialogue - 1];
	if (!@want) {
		is($code, 250, $command);
		next;
	}
	$n_shown++;
	# What may be left out between, and what is shown in that order.
	my $at = 0;
	for my $i (0 .. $#want) {
		next if $want[$i] eq '...';
		my $want = pattern($want[$i]);
		$at++ while $i > 0 && $want[$i - 1] eq '...' &&
		    $at < @got && $got[$at] !~ $want;
		like($got[$at++] // 'nothing', $want, "$command: $want[$i]");
	}
	is($at, scalar(@got), "$command: no more than that") or
	    diag(join("\n", @got));
}
is($n_shown, 2, 'two commands with their replies');
my ($tenant, $header) = split(/\n/, display('X-Tenant'));
is(headers($smtp, 'acme', 'X-Tenant'),
    "$tenant\nX-Tenant: session=forged", $tenant);
like($context, qr/An X-Tenant from outside\s+stays/, 'which README says');
like(headers(client(APP, 'readme', 'XSETCONTEXT tenant=acme'), 'acme again',
    'X-Session-Context'), pattern($header), $header);
like($context, qr/and with "tenant=closed" it is rejected\./,
    'README has one that is closed');
$smtp = client(APP, 'readme', 'XSETCONTEXT tenant=closed');
like($smtp->mail, qr/^554 5\.7\.1 .*it is closed/, 'its mail is rejected');
$smtp->quit;
$smtp = client(APP, 'readme');
is($smtp->cmd('XSETCONTEXT route.way=3 tenant=other')->code, 250,
    'what the pattern grants');
is($smtp->cmd('XSETCONTEXT colour=red')->code, 450, 'and what it does not');
like($smtp->mail, qr/^451 /, 'which spoils its mail');
$smtp->quit;

#
# 3.  Whose header lines go, and by whom; how much Postfix lets a messenger set.
#
sub told {
	my ($local, $listener, $subject, $name) = @_;
	return headers(client($local, $listener, $local eq APP ?
	    'XSETCONTEXT tenant=acme' : ()), $subject, $name);
}

is(told(STRANGER, 'readme', 'stranger', 'X-Session-Context'), '',
    'a stranger\'s goes, by header_checks');
is(told(STRANGER, 'unchecked', 'not followed', 'X-Session-Context'),
    'X-Session-Context: session=forged', 'no milter follows a stranger');
like(told(APP, 'unchecked', 'followed', 'X-Session-Context'),
    pattern($header), 'but a messenger');

sub set_many {
	my ($listener) = @_;
	my $many = client(APP, $listener);
	my $n;
	for ($n = 0; $n < MANY; $n++) {
		last if $many->cmd("XSETCONTEXT tenant=t$n")->code != 250;
	}
	$many->close;
	return $n;
}

cmp_ok(set_many('readme'), '<', MANY, 'Postfix has enough of XSETCONTEXT');
like($context, qr/raise\s+smtpd_junk_command_limit for/, 'README: why');
is(set_many('unchecked'), MANY, 'not with a higher limit');

# Another name, in both.
like($context, qr/With another name for the header, change both\./,
    'README changes both');
$text =~ s/^(\theader_names = )/\theader = "X-Told"\n$1/m
    or die "README's milter section begins in another way\n";
spit("$dir/xcontext.conf", $text);
reload('another name');
is(told(STRANGER, 'renamed', 'stranger to it', 'X-Told'), '',
    'another name: a stranger\'s goes');
like(told(APP, 'renamed', 'told', 'X-Told'),
    pattern($header =~ s/X-Session-Context/X-Told/r),
    'another name: a messenger\'s is ours');

$postfix->stop;
for my $daemon ($policy, $milter) {
	is($daemon->stop, 0, "$daemon->{name} ends well");
	is(join("\n", $daemon->complaints), '',
	    "$daemon->{name} complains of nothing");
}
alarm(0);
done_testing();
