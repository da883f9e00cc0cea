#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# xcontext inject by TLS to a real Postfix that takes no mail without: STARTTLS
# and from the first octet on; and where there is no TLS, or with another than
# was named, nothing is said of a message.
use strict;
use warnings;

use Test::More;

use XContext::Ctl ();
use XContext::File qw(spit);
use XContext::Guard qw(guard_dir);
use XContext::Live ();
use XContext::OddMail ();

my $why = XContext::Ctl::impossible();
plan(skip_all => $why) if defined $why;
plan(skip_all => 'openssl is not installed')
    if system('command -v openssl > /dev/null') != 0;

my $dir = guard_dir();
system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 " .
    "-nodes -days 2 -subj /CN=mx.example.net -addext " .
    "subjectAltName=DNS:mx.example.net -keyout $dir/mx.key -out $dir/mx.pem " .
    '2>/dev/null') == 0 or die "openssl cannot make a certificate\n";
my @options = ('smtpd_authorized_xclient_hosts = 127.0.0.0/8',
    "smtpd_tls_cert_file = $dir/mx.pem", "smtpd_tls_key_file = $dir/mx.key");
my $live = XContext::Live->new(services => [
	{ name => 'tls', options => [ @options,
	    'smtpd_tls_security_level = encrypt' ] },
	{ name => 'smtps', options => [ @options,
	    'smtpd_tls_wrappermode = yes',
	    'smtpd_tls_security_level = encrypt' ] },
	{ name => 'plain', options => [ @options,
	    'smtpd_tls_security_level = none' ] } ]);
my $postfix = $live->postfix;
my $ctl = XContext::Ctl->new;
my @good = ('--ca', "$dir/mx.pem", '--verify', 'mx.example.net');

sub inject {
	my ($service, $n, @args) = @_;
	my $m = XContext::OddMail::make($n);
	return $ctl->run(in => $m->{text}, 'inject', '--mine',
	    '192.0.2.0/24,*.example.net', '--server',
	    $postfix->address($service) . ':' . $postfix->port($service),
	    '--retry', 0, @args, '-', 'box@example.com');
}

# The numbers of what has arrived.
sub arrived {
	ok($postfix->is_idle, 'the queue is empty');
	return join(' ', sort map { XContext::OddMail::id($_) // () }
	    $postfix->mails);
}

my @way = ([ 'tls', '--starttls' ], [ 'tls', '--starttls', @good ],
    [ 'smtps', '--tls' ], [ 'smtps', '--tls', @good ]);
for my $i (0 .. $#way) {
	my ($service, @args) = @{$way[$i]};
	my $got = inject($service, 28 + $i, @args);
	is($got->{status}, 0, "@args[0 .. ($#args > 2 ? 2 : 0)]")
	    or diag($got->{err});
}
is(arrived(), '28 29 30 31', 'all of it has arrived');
my ($mail) = grep { XContext::OddMail::id($_) == 28 } $postfix->mails;
like($mail, qr/^Received: from helo28\.example\.org \(host28\.example\.org \[\Q@{[
    XContext::OddMail::make(28)->{origin}]}\E\]\)/m, '... as from its client');
like($mail, qr/^\tby mx\.example\.net \(Postfix\) with ESMTPS /m, '... by TLS');

my $log = length($postfix->log_text);
my @other = ('--ca', "$dir/mx.pem", '--verify', 'mail.example.net');
for my $row ([ 'no STARTTLS', 'plain', qr/does not offer STARTTLS/,
	'--starttls' ],
    [ 'no TLS', 'plain', qr/TLS/, '--tls' ],
    [ 'another name', 'tls', qr/STARTTLS: /, '--starttls', @other ],
    [ 'another name at once', 'smtps', qr/TLS/, '--tls', @other ],
    [ 'a CA that is not known', 'tls', qr/STARTTLS: /, '--starttls',
	'--verify', 'mx.example.net' ],
    [ 'no CA', 'tls', qr/nonexistent/, '--starttls', '--ca',
	'/nonexistent' ]) {
	my ($name, $service, $pattern, @args) = @$row;
	my $got = inject($service, 28, @args);
	is($got->{status}, 75, "$name: later") or diag($got->{err});
	like($got->{err}, $pattern, "$name: why");
}
unlike(substr($postfix->log_text, $log), qr/client=|198\.51\./,
    'nothing was said of a message');
is(arrived(), '28 29 30 31', 'nothing has arrived');
is(inject('tls', 28, @$_)->{status}, 64, "@$_: wrong usage")
    for [ '--tls', '--starttls' ], [ '--ca', '/x' ], [ '--verify', 'x' ];

$live->finish;
