#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# "xcontext probe" against a Postfix with restrictions of all kinds, each failure
# that is its own, and a table of 1,000 cases, of which a sample is asked again by
# hand.
use strict;
use warnings;

use Cwd ();
use IO::Socket::IP ();
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use XContext::Ctl ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_child guard_dir guard_process);
use XContext::Live ();
use XContext::Postfix ();
use XContext::Readme qw(block with);
use XContext::Smtp ();

my $why = XContext::Ctl::impossible();
plan(skip_all => $why) if defined $why;
plan(skip_all => 'openssl is not installed')
    if system('command -v openssl > /dev/null') != 0;

my $dir = guard_dir();
my $xclient = 'smtpd_authorized_xclient_hosts = 127.0.0.0/8';

system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 " .
    "-nodes -days 2 -subj /CN=mx.example.net -addext " .
    "subjectAltName=DNS:mx.example.net -keyout $dir/mx.key -out $dir/mx.pem " .
    '2>/dev/null') == 0 or die "openssl cannot make a certificate\n";
my @tls = ("smtpd_tls_cert_file = $dir/mx.pem",
    "smtpd_tls_key_file = $dir/mx.key");
spit("$dir/clients.cidr", "192.0.2.64/26 REJECT bad network\n" .
    "2001:db8:bad::/48 450 4.7.1 not now\n");
spit("$dir/names.pcre", "/^dyn-/ REJECT a dynamic address\n");
spit("$dir/helos.pcre", "/^localhost\$/ REJECT nobody greets so\n");

# Postscreen, with tests that it makes in its own words.
my $address = XContext::Postfix::own_address();
my $screen = XContext::Postfix::free_port($address);
my $live = XContext::Live->new(services => [
	{ name => 'messengers', wiring => 'a' },
	{ name => 'mx', options => [ $xclient, 'smtpd_helo_required = yes',
	    "smtpd_client_restrictions = check_client_access cidr:$dir/" .
	    "clients.cidr, check_client_access pcre:$dir/names.pcre",
	    "smtpd_helo_restrictions = check_helo_access pcre:$dir/helos.pcre",
	    'smtpd_sender_restrictions = check_sender_access ' .
	    'inline:{spam@example.org=REJECT}',
	    'smtpd_recipient_restrictions = reject_unauth_destination, ' .
	    'reject_unlisted_recipient' ] },
	{ name => 'closed' },
	{ name => 'busy', options => [ $xclient,
	    'smtpd_delay_reject = no',
	    'smtpd_client_restrictions = static:{421 4.7.0 come back later}' ] },
	{ name => 'grey', options => [ $xclient,
	    'smtpd_recipient_restrictions = check_recipient_access ' .
	    'static:{450 4.2.0 Greylisted, come back later}' ] },
	{ name => 'tls', options => [ $xclient, @tls,
	    'smtpd_tls_security_level = encrypt' ] },
	{ name => 'smtps', options => [ $xclient, @tls,
	    'smtpd_tls_wrappermode = yes',
	    'smtpd_tls_security_level = encrypt' ] } ],
    main => { virtual_mailbox_maps => 'inline:{box@example.com=box/}',
	postscreen_pipelining_enable => 'yes',
	postscreen_greet_wait => '1s', postscreen_access_list => '',
	smtpd_client_connection_rate_limit => '0',
	smtpd_recipient_restrictions => 'check_policy_service ' .
	    'unix:recorder/policy, reject_unlisted_recipient' },
    master => "smtpd pass - - n - - smtpd\n" .
	"dnsblog unix - - n - 0 dnsblog\ntlsproxy unix - - n - 0 tlsproxy\n" .
	"$address:$screen inet n - n - 1 postscreen\n");
my $ctl = XContext::Ctl->new;
my $n_files = 0;

sub where {
	my ($service) = @_;
	return $live->postfix->address($service) . ':' .
	    $live->postfix->port($service);
}

# Probes a service (or HOST:PORT) by that text.
sub probe {
	my ($service, $text, @options) = @_;
	my $file = "$dir/" . $n_files++ . '.tests';
	spit($file, $text);
	return $ctl->run('probe', $file, '--timeout', 10, '--server',
	    $service =~ /:/ ? $service : where($service), @options);
}

my $simple = "title a client\nXCLIENT ADDR=192.0.2.1 " .
    "NAME=client.example.org HELO=client.example.org\n" .
    "MAIL FROM:<joe\@example.org>\nRCPT TO:<box\@example.com>\n= permit\n";

#
# What is expected at each stage
#
my $got = probe('mx', <<'END');
= 220 /ESMTP/
title a client
EHLO probe.example.net
= 250
offers PIPELINING
offers xclient name
offers !CHUNK
XCLIENT ADDR=192.0.2.1 NAME=client.example.org
= 220
EHLO client.example.org
offers !XCLIENT
MAIL FROM:<joe@example.org>
= 250 2.1.0
RCPT TO:<box@example.com>
= 250 2.1.5 /ok/
RCPT TO:<nobody@example.com>
= 550 5.1.1 /unknown/
RCPT TO:<joe@example.net>
= 5xx 5.7.x /relay/

title a network that is rejected, with attributes in more lines than one
XCLIENT HELO=client.example.org PROTO=ESMTP PORT=25 LOGIN=joe
XCLIENT ADDR=192.0.2.65 NAME=client.example.org
MAIL FROM:<joe@example.org>
RCPT TO:<box@example.com>
= 554 5.7.1 /bad network/

title one that is told to come again
XCLIENT ADDR=IPV6:2001:db8:bad::1 NAME=[UNAVAILABLE]
MAIL FROM:<joe@example.org>
RCPT TO:<box@example.com>
= 450 4.7.1

title a name
XCLIENT ADDR=192.0.2.1 NAME=dyn-1.example.org
MAIL FROM:<joe@example.org>
RCPT TO:<box@example.com>
= refuse

title a greeting, which XCLIENT has told
XCLIENT ADDR=192.0.2.1 HELO=localhost
MAIL FROM:<joe@example.org>
RCPT TO:<box@example.com>
= 554 /nobody greets so/

title a sender
MAIL FROM:<spam@example.org>
RCPT TO:<box@example.com>
= 554 5.7.1
END
is($got->{status}, 0, 'all is as expected') or diag($got->{out}, $got->{err});
is($got->{err}, '', 'and nothing more to be said');
is(scalar(() = $got->{out} =~ /^ok /mg), 7, 'each case is told');

$got = probe('mx', $simple =~ s/permit/550 5.1.1/r);
is($got->{status}, 1, 'a wrong expectation') or diag($got->{out}, $got->{err});
like($got->{out}, qr/^not ok 1 - a client\n# \S+:5: RCPT TO:<box\@example\.com>
\#   expected: 550 5\.1\.1\n#        got: 250 2\.1\.5 Ok$/m,
    '... is told by stage, what was expected and what came');
is(probe('mx', $simple . "RCPT TO:<nobody\@example.com>\n")->{status}, 1,
    'what nothing is said of is to be permitted');
for my $row ([ '= 250 2.1.6', 'status' ], [ '= 250 /nothing like it/',
    'pattern' ], [ '= 251', 'code' ], [ '= 2x1', 'digit' ],
    [ '= refuse', 'verdict' ], [ '= 250 2.x.6', 'part of a status' ]) {
	is(probe('mx', "${simple}RCPT TO:<box\@example.com>\n$row->[0]\n")
	    ->{status}, 1, "another $row->[1] is told");
}
is(probe('mx', "EHLO a.example.org\noffers $_->[0]\n")->{status}, $_->[1],
    "offers $_->[0]") for [ 'NOSUCH', 1 ], [ '!PIPELINING', 1 ],
    [ 'XCLIENT ADDR', 1 ], [ '!NOSUCH', 0 ], [ 'SIZE', 0 ];

my $data = JSON::PP::decode_json(probe('mx', $simple, '--json')->{out});
is($data->[0]{result}, 'ok', 'as JSON');
is($data->[0]{replies}[-1]{status}, '2.1.5', '... with what was replied');
$got = probe('mx', $simple =~ s/permit/550 <&">/r, '--junit', "$dir/out.xml");
is($got->{status}, 65, 'no expectation');
$got = probe('mx', $simple =~ s/permit/550 \/<&">\//r, '--junit',
    "$dir/out.xml");
like(slurp("$dir/out.xml"), qr{tests="1"\ failures="1"\ errors="0">\n<testcase
\ classname="[^"]+"\ name="a\ client"><failure\ [^>]+>line\ 5:\ RCPT
\ TO:&lt;box.*expected\ 550\ /&lt;&amp;&quot;&gt;/,\ got\ 250}xs,
    '--junit');

#
# Messages
#
my $message = $simple . "DATA\nheader Subject: probed\nbody .a line\n.\n" .
    "= 250 2.0.0\n";
$got = probe('mx', $message);
is($got->{status}, 0, 'a message');
like($got->{out}, qr/DATA is not said without --send/, '... is not sent');
$got = probe('mx', $message, '--send', 'joe@example.com,@example.net');
like($got->{out}, qr/a recipient is not among/, '... nor to anybody else');
ok($live->not_delivered('probed'), '... and gets nowhere');
$got = probe('mx', $message, '--send', 'joe@example.net, box@example.com');
is($got->{status}, 0, '... but to whom it may') or diag($got->{out});
like($live->postfix->delivered('probed') // '', qr/^\.a line$/m,
    '... whole');
like($live->postfix->log_text, qr/client=client\.example\.org\[192\.0\.2\.1\]/,
    '... from the client that was told of');

# What a server may read as another recipient than we do is none of the list's.
for my $rcpt ('box@example.com ORCPT=rfc822;<joe@example.org>',
    'box@example.com <joe@example.org>',
    '<"x@example.org> "@example.com>', '<@example.com:joe@example.org>',
    '<joe@example.org', '<box%example.com>') {
	$got = probe('mx', $message =~ s/<box\@example\.com>\n= permit/$rcpt/r,
	    '--send', '@example.org,example.com');
	like($got->{out}, qr/a recipient is not among/, "nor to $rcpt");
}

#
# Failures, each its own
#
sub fails {
	my ($what, $status, $word, $got) = @_;
	is($got->{status}, $status, "$what: $status")
	    or diag($got->{out}, $got->{err});
	like($got->{out}, qr/^# \S+: $word: /m, "... which is \"$word\"");
	like($got->{err}, qr/^xcontext: 1 of 1 cases: /, '... and told');
}

sub scripted {
	my (@replies) = @_;
	my $listener = IO::Socket::IP->new(LocalHost => $address, Listen => 1)
	    or die "$@\n";
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		my $sock = $listener->accept;
		for my $reply (@replies) {
			syswrite($sock, "$reply\r\n");
			sysread($sock, my $line, 4096);
		}
		exit(0);
	}
	guard_process($pid);
	return "$address:" . $listener->sockport;
}

fails('no XCLIENT', 26, 'not_offered', probe('closed', $simple));
fails('an attribute', 25, 'no_attribute', probe('mx',
    $simple =~ s/HELO=/FOO=/r));
fails('XCLIENT denied', 24, 'denied', probe('messengers',
    $simple =~ s/192\.0\.2\.1 /198.51.100.129 /r, '--source',
    XContext::Live::MESSENGER));
is(probe('messengers', $simple, '--source',
    XContext::Live::MESSENGER)->{status}, 0, '... of another client it is not');
$got = probe('messengers', "XCLIENT ADDR=198.51.100.129\n= refuse\n", '--source',
    XContext::Live::MESSENGER);
is($got->{status}, 0, '... nor where it is expected')
    or diag($got->{out}, $got->{err});
fails('421', 23, 'unavailable', probe('busy', $simple));
is(probe('busy', "title told at once\n= 421 4.7.0\n")->{status}, 0,
    '... where it is expected');
fails('greylisting', 22, 'greylisted', probe('grey', $simple));
is(probe('grey', $simple =~ s/permit/450 4.2.0/r)->{status}, 0,
    '... where it is expected');
fails('a server that goes away', 21, 'closed', probe(scripted('220 a',
    "250-b\r\n250 XCLIENT ADDR NAME HELO", '220 c', '250 d'), $simple));
fails('a server that goes away with 421', 23, 'unavailable',
    probe(scripted('220 a', '421 b'), $simple));
fails('no SMTP', 20, 'no_reply', probe(scripted('HTTP/1.1 400'), $simple));
my $silent = IO::Socket::IP->new(LocalHost => $address, Listen => 1)
    or die "$@\n";
fails('silence', 20, 'no_reply', probe("$address:" . $silent->sockport, $simple,
    '--timeout', 1));
fails('no STARTTLS', 28, 'tls', probe('closed', $simple, '--starttls'));
fails('STARTTLS that is refused', 28, 'tls', probe(scripted('220 a',
    "250-b\r\n250 STARTTLS", '454 4.7.0 not now'), $simple, '--starttls'));
fails('a handshake that fails', 28, 'tls', probe(scripted('220 a',
    "250-b\r\n250 STARTTLS", '220 go', 'no TLS'), $simple, '--starttls'));
fails('no TLS', 28, 'tls', probe('closed', $simple, '--tls'));
fails('another name', 28, 'tls', probe('tls', $simple, '--starttls', '--ca',
    "$dir/mx.pem", '--verify', 'mail.example.net'));
fails('a CA that is not known', 28, 'tls', probe('tls', $simple, '--starttls',
    '--verify', 'mx.example.net'));
fails('nobody there', 29, 'connect', probe("$address:" .
    XContext::Postfix::free_port($address), $simple));
fails('postscreen', 27, 'postscreen', probe("$address:$screen", $simple));
like(probe('tls', $simple)->{out}, qr/^#        got: 530 5\.7\.0 Must issue /m,
    'TLS only, without');
is(probe('tls', $simple, '--starttls')->{status}, 0, 'STARTTLS');
is(probe('tls', $simple, '--starttls', '--ca', "$dir/mx.pem", '--verify',
    'mx.example.net')->{status}, 0, '... verified');
is(probe('smtps', $simple, '--tls', '--ca', "$dir/mx.pem", '--verify',
    'mx.example.net')->{status}, 0, 'TLS at once');

$got = $ctl->run('probe', ($ENV{srcdir} // '.') . '/etc/xcontext.probe.sample',
    '--server', where('mx'));
is($got->{status}, 0, 'the sample') or diag($got->{out}, $got->{err});

#
# What it is today, and where another server differs
#
my $unknown = <<'END';
# a file
= 2xx
title one
MAIL FROM:<joe@example.org>
RCPT TO:<box@example.com>
= refuse
RCPT TO:<nobody@example.com>

table
XCLIENT ADDR={row}
MAIL FROM:<joe@example.org>
= permit
RCPT TO:<{column}>
columns box@example.com | nobody@example.com
row 192.0.2.1 | ? |
row 192.0.2.65 | 250 | 250
END
my $known = $unknown =~ s/^= 2xx/= 220/mr =~ s/(MAIL .*\n)(RCPT)/$1= 250 2.1.0\n$2/r
    =~ s/^= refuse/= 250 2.1.5/mr =~ s/(RCPT TO:<nobody.*\n)/$1= 550 5.1.1\n/r
    =~ s/\?/250 2.1.5/r =~ s/250 \| 250$/554 5.7.1 | 554 5.7.1/mr;
$got = probe('mx', $unknown, '--record');
is($got->{status}, 0, '--record') or diag($got->{err});
is($got->{out}, $known, '... writes what is replied today');
is(probe('mx', $known)->{status}, 0, '... which holds');
is(probe('mx', $unknown)->{status}, 65, '"?" is for that alone');
is(probe('closed', $unknown, '--record')->{status}, 26,
    'what cannot be asked is not recorded');
is(probe('mx', $known, '--compare', where('mx'))->{status}, 0,
    '--compare: the same');
$got = probe('mx', $known, '--compare', where('grey'), '--json');
is($got->{status}, 1, '--compare: another');
is(join(';', map { "$_->{stage} $_->{first} $_->{second}" =~
    s/(\d{3} \S+) .*? (\d{3} \S+) .*/$1 $2/r }
    @{JSON::PP::decode_json($got->{out})}),
    'RCPT TO:<box@example.com> 250 2.1.5 450 4.2.0;' .
    'RCPT TO:<nobody@example.com> 550 5.1.1 450 4.2.0;' .
    'RCPT TO:<box@example.com> 250 2.1.5 450 4.2.0;' .
    'RCPT TO:<box@example.com> 554 5.7.1 450 4.2.0;' .
    'RCPT TO:<nobody@example.com> 554 5.7.1 450 4.2.0',
    '... differs where it does');
is(probe('mx', $simple, '--compare', where('closed'))->{status}, 26,
    '--compare: one that cannot be asked');

# Files that are not understood.
for my $row ([ "XCLEINT ADDR=192.0.2.1\n", 'a command' ],
    [ "row a | 250\n", '"columns" first' ],
    [ "table\nRSET\ncolumns a | b\nrow x | 250\n", 'a cell for each column' ],
    [ "table\nRSET\ncolumns a\nrow x | 250 | 250\n", 'a column for each cell' ],
    [ "table\nRSET\n", '"columns", and rows' ],
    [ "RSET\n= 25\n", 'the code of a reply' ],
    [ "RSET\n= 250 5.7\n", 'a status' ], [ "RSET\n= 250 /a\n", 'a pattern' ],
    [ "RSET\n= 250 /(/\n", 'parenthes' ], [ "# none\n", 'no case' ]) {
	$got = probe('mx', $row->[0]);
	is($got->{status}, 65, "not understood: $row->[1]");
	like($got->{err}, qr/\Q$row->[1]\E/, '... and why');
}

#
# What a log has
#

# The log's lines since then, once that is among them.
sub logged {
	my ($from, $pattern) = @_;
	my $end = time() + 10;
	while (1) {
		my $text = substr($live->postfix->log_text, $from);
		return $text if $text =~ $pattern || time() > $end;
		sleep(0.05);
	}
}

# A session by hand, as a client that XCLIENT tells of.
sub say {
	my ($xclient, @lines) = @_;
	my $smtp = $live->connect(service => 'mx', local => '127.0.0.1');
	$smtp->cmd($_) for 'EHLO hand.example.org', "XCLIENT $xclient", @lines;
	return $smtp;
}

my $begin = length($live->postfix->log_text);
my $bad = 'EHLO bad.example.org';
say('ADDR=192.0.2.70 NAME=bad.example.org REVERSE_NAME=bad.example.org PORT=25',
    $bad, 'MAIL FROM:<joe@example.org>', 'RCPT TO:<box@example.com>')->quit;
say('ADDR=IPV6:2001:db8:bad::1 NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE]',
    'HELO [192.0.2.1]', 'MAIL FROM:<>', 'RCPT TO:<box@example.com>')->quit;
say('ADDR=192.0.2.5 NAME=client.example.org', 'EHLO localhost',
    'MAIL FROM:<joe@example.org>', 'RCPT TO:<box@example.com>')->quit;
my $smtp = say('ADDR=192.0.2.6 NAME=client.example.org LOGIN=joe+40example.org',
    'EHLO client.example.org', 'MAIL FROM:<spam@example.org>',
    'RCPT TO:<box@example.com>', 'RSET', 'MAIL FROM:<joe@example.org>',
    'RCPT TO:<nobody@example.com>', 'RCPT TO:<joe@example.net>', 'RSET');
is($smtp->mail(subject => 'captured')->code, 250, 'a mail by hand');
$smtp->quit;
# Clients' words that look like the log's, and others that no case can have.
my $odd = say('ADDR=192.0.2.71 NAME=bad.example.org', $bad,
    'MAIL FROM:<"x> to=<victim@example.com"@example.org>',
    'RCPT TO:<box@example.com>', 'RSET', 'MAIL FROM:<"a b"@example.org>',
    'RCPT TO:<box@example.com>', 'RSET',
    'EHLO x; from=<a@example.org> to=<victim@example.com> proto=SMTP helo=<y>',
    'MAIL FROM:<joe@example.org>', 'RCPT TO:<box@example.com>');
$odd->quit;
my $log = logged($begin, qr/disconnect from \S+\[192\.0\.2\.71\]/);
$log = logged($begin, qr/to=<box\@example\.com>, relay=virtual/)
    if defined $live->postfix->delivered('captured');
spit("$dir/mail.log", $log);
$got = $ctl->run('probe', '--capture', "$dir/mail.log");
is($got->{status}, 0, '--capture') or diag($got->{err});
my $captured = $got->{out};
like($captured, qr/^XCLIENT\ ADDR=192\.0\.2\.70\ NAME=bad\.example\.org
    \ REVERSE_NAME=bad\.example\.org.*\ HELO=bad\.example\.org\nEHLO\ bad
    \.example\.org\nMAIL\ FROM:<joe\@example\.org>\nRCPT\ TO:<box\@example
    \.com>\n=\ 554\ 5\.7\.1\n/mx, '... of a client, and what it was told');
like($captured, qr/^XCLIENT ADDR=IPV6:2001:db8:bad::1 NAME=\[UNAVAILABLE\].*
HELO \[192\.0\.2\.1\]\nMAIL FROM:<>\nRCPT TO:<box\@example\.com>\n= 450 4\.7\.1$/m,
    '... by HELO');
like($captured, qr/^XCLIENT ADDR=192\.0\.2\.6 .*LOGIN=joe\@example\.org$/m,
    '... and by a login');
like($captured, qr/^RSET\nMAIL FROM:<sender\@example\.org>
RCPT TO:<box\@example\.com>\n= permit$/m, '... of mail that was accepted');
unlike($captured, qr/victim/, 'what a client makes the log say is not said');
like($captured, qr/^# left out: 2 lines: a client's words look like /m,
    '... but counted');
like($captured, qr/^# left out: 1 lines: a greeting, a login or an /m,
    '... as is what no case can have');
is(scalar(() = $captured =~ /^title /mg), 4, 'each session is a case')
    or diag($captured, $log);
$got = probe('mx', $captured);
is($got->{status}, 0, 'and comes to what it came to')
    or diag($got->{out}, $got->{err}, $captured);
is(probe('grey', $captured)->{status}, 22, '... but not at another server');
is($ctl->run('in', $log, 'probe', '--capture', '-')->{out}, $captured,
    'from standard input');
system("gzip -k $dir/mail.log") == 0 or die "gzip\n";
is($ctl->run('probe', '--capture', "$dir/mail.log.gz")->{out}, $captured,
    'from what gzip made of it');
my $journal = '';
for (split(/\n/, $log)) {
	my ($host, $program, $pid, $message) =
	    /^\S+ +\S+ \S+ (\S+) ([^[]+)\[(\d+)\]: (.*)/ or next;
	$journal .= JSON::PP::encode_json({ _HOSTNAME => $host,
	    SYSLOG_IDENTIFIER => $program, SYSLOG_PID => $pid,
	    MESSAGE => $message }) . "\n";
}
is($ctl->run('in', $journal, 'probe', '--capture', '-')->{out} =~
    s/^title \K/x/mgr, $captured =~ s/^title .* (?=\S+$)/title x/mgr =~
    s/^title x/title x /mgr, 'from the journal');
$got = $ctl->run('in', "nothing\n", 'probe', '--capture', '-');
is($got->{status}, 1, 'a log of nothing');
is($ctl->run('probe')->{status}, 64, 'neither a file nor a log');

#
# README's recipes, which the manual has, too
#
my $title = "Your server's rules, tested";
my ($nightly, $change) = (block($title, qr/for the build server:/),
    block($title, qr/is lost meanwhile:/));
my ($manual) = slurp(($ENV{srcdir} // '.') . '/man/xcontext.1') =~
    /^\.Sh PROBES\n(.*?)^\.Sh /ms;
is(join('', $manual =~ /^\.Bd -literal.*?\n(.*?)^\.Ed/msg), $nightly . $change,
    'the manual has the recipes of README');
my $conf = $live->{conf_file};
my $old = slurp($conf);
my $program = Cwd::abs_path(XContext::Ctl::program());

# The status of a recipe, in a shell.
sub follow {
	my ($recipe, $where) = @_;
	$recipe =~ s/\bxcontext (?=probe|apply|confirm)/$program -c $conf /g;
	$recipe = with($recipe, 'mx.example.net:25', $where);
	spit("$dir/recipe", $recipe);
	return system("cd $dir && sh recipe > recipe.out 2>&1") >> 8;
}

spit("$dir/mail.probe", $captured);
is(follow($nightly, where('mx')), 0, 'each night: as expected')
    or diag(slurp("$dir/recipe.out"));
like(slurp("$dir/probe.xml"), qr/tests="4" failures="0" errors="0"/,
    '... and reported');
is(follow($nightly, where('closed')), 75, '... not asked');
spit("$dir/mail.probe", $captured =~ s/^= permit/= refuse/mr);
is(follow($nightly, where('mx')), 1, '... another');

my $messenger = where('messengers') . ' --source ' . XContext::Live::MESSENGER;
$change = with($change, '/etc/xcontext/xcontext.conf.new', "$dir/new.conf");
spit("$dir/mail.probe", $simple =~ s/ HELO=\S+//r);
spit("$dir/new.conf", "$old# new\n");
is(follow($change, $messenger), 0, 'a change that is well')
    or diag(slurp("$dir/recipe.out"));
is(slurp($conf), "$old# new\n", '... stays');
ok(!-e "$conf.trial", '... and is confirmed');
my $narrow = $old =~ s/("ADDR", )("PORT")/$2/r;
isnt($narrow, $old, 'an attribute less');
spit("$dir/new.conf", $narrow);
is(follow($change, $messenger), 1, 'a change that is not');
like(slurp("$dir/recipe.out"), qr/^not ok 1 - a client$/m, '... is told');
is(slurp($conf), "$old# new\n", '... and taken back');
spit("$dir/mail.probe", $simple =~ s/permit/refuse/r);
is(follow($change, $messenger), 1, 'what is not well before');
is(slurp($conf), "$old# new\n", '... is not changed');
unlike(slurp("$dir/recipe.out"), qr/trial/, '... nor tried');

#
# 1,000 cases
#
my @clients = ((map { "192.0.2.$_" } 1 .. 20), (map { "192.0.2.$_" } 60 .. 71),
    map { "203.0.113.$_" } 1 .. 8);
my @rcpts = ('box@example.com', map { ("user$_\@example.com",
    "user$_\@example.net") } 1 .. 12);

sub wanted {
	my ($client, $rcpt) = @_;
	return '554 5.7.1' if $client =~ /^192\.0\.2\.(\d+)$/ && $1 >= 64;
	return '554 5.7.1' if $rcpt =~ /net$/;
	return $rcpt =~ /^box/ ? '250 2.1.5' : '550 5.1.1';
}

my $table = "title a matrix\ntable\nXCLIENT ADDR={row} NAME=c.example.org\n" .
    "MAIL FROM:<joe\@example.org>\nRCPT TO:<{column}>\ncolumns " .
    join(' | ', @rcpts) . "\n" . join('', map { my $client = $_; "row $client | " .
    join(' | ', map { wanted($client, $_) } @rcpts) . "\n" } @clients);
$got = probe('mx', $table, '--json', '-j', 8);
$data = JSON::PP::decode_json($got->{out});
is(scalar @$data, 1000, 'a table of 1,000 cases');
is($got->{status}, 0, '... all as expected') or diag($got->{err}, map {
    JSON::PP::encode_json($_) . "\n" } (grep { $_->{result} ne 'ok' }
    @$data)[0 .. 2]);

# By hand, in another language, over a connection that is not reused either.
sub by_hand {
	my ($client, $rcpt) = @_;
	my $smtp = $live->connect(service => 'mx', local => '127.0.0.1');
	$smtp->cmd($_) for 'EHLO hand.example.org', "XCLIENT ADDR=$client " .
	    'NAME=c.example.org', 'EHLO hand.example.org',
	    'MAIL FROM:<joe@example.org>';
	my $reply = $smtp->cmd("RCPT TO:<$rcpt>");
	$smtp->quit;
	return "$reply";
}

my ($n, $n_same) = (0, 0);
for my $case (@$data) {
	next if $n++ % 17 != 0;
	my ($client, $rcpt) = $case->{title} =~ /: (\S+), (\S+)$/;
	my $hand = by_hand($client, $rcpt);
	$hand eq $case->{replies}[-1]{reply} ? $n_same++ :
	    diag("$case->{title}: by hand $hand, not " .
	    $case->{replies}[-1]{reply});
}
is($n_same, 59, 'a sample of them is what a client says by hand gets');
ok(!grep({ /^Subject: (?!probed|captured)/m } $live->postfix->mails),
    'nothing was sent by any of it');

$live->finish;
