#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# "xcontext probe" against a Postfix that asks whom a mail server asks: a
# blocklist and SPF records over DNS, postgrey, a policy daemon; 1,000 cases, of
# which swaks asks a sample again.
use strict;
use warnings;

use JSON::PP ();
use POSIX ();
use Test::More;

use XContext::Ctl ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_child guard_dir guard_time);
use XContext::Postfix ();
use XContext::Postgrey ();
use XContext::Rbldnsd ();

my $policyd = '/usr/bin/policyd-spf';
my $why = XContext::Ctl::impossible() // XContext::Postfix::impossible() //
    XContext::Rbldnsd::impossible() // XContext::Postgrey::impossible();
plan(skip_all => $why) if defined $why;
plan(skip_all => 'postfix-policyd-spf-python is not installed')
    if !-x $policyd;
for my $program (qw(openssl swaks)) {
	plan(skip_all => "$program is not installed")
	    if system("command -v $program > /dev/null") != 0;
}
plan(skip_all => 'no resolv.conf of its own for Postfix (unshare -m)')
    if !-e '/etc/resolv.conf' || system('unshare -m true 2>/dev/null') != 0;
guard_time(300);

#
# Whom Postfix asks.
#
my $dir = guard_dir();
my $dns = XContext::Rbldnsd->new(zones => {
	'bl.example.org' => [
	    ip4set => ":127.0.0.2:listed, \$\n198.51.100.64/26\n",
	    ip6trie => ":127.0.0.2:listed, \$\n2001:db8:bad::/48\n" ],
	'dbl.example.org' => [ dnset => ":127.0.1.2:a bad domain\n" .
	    "listed.example.org\n" ],
	'example.org' => [ generic => <<'END' ] });
strict TXT "v=spf1 ip4:203.0.113.0/24 -all"
loose TXT "v=spf1 ip4:203.0.113.0/24 ~all"
plain A 192.0.2.1
listed A 192.0.2.1
stranger A 192.0.2.1
END
my $grey = XContext::Postgrey->new(delay => 3600, clients => "192.0.2.0/28\n");
my $soon = XContext::Postgrey->new(delay => 1);

# It is started by Postfix's spawn(8), and so asks the same name server.
spit("$dir/spf.conf", <<'END');
debugLevel = 0
TestOnly = 1
HELO_reject = False
Mail_From_reject = Fail
PermError_reject = False
TempError_Defer = True
Hide_Receiver = Yes
END
chmod(0644, "$dir/spf.conf");

spit("$dir/clients.cidr", "192.0.2.64/28 REJECT a bad network\n" .
    "192.0.2.80/28 450 4.7.1 not now\n");
spit("$dir/helos.pcre", "/^localhost\$/ REJECT nobody greets so\n");
spit("$dir/senders.pcre", "/^spam\@/ REJECT no more of you\n");
# Restrictions by recipient: these are classes, below.
spit("$dir/rcpts.pcre", "/^grey\@/ greylisting\n/^soon\@/ greylisting_soon\n" .
    "/^secret\@/ reject_plaintext_session\n");
spit("$dir/headers.pcre", "/^Subject: buy/ REJECT no advertisements\n");

system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 " .
    "-nodes -days 2 -subj /CN=mx.example.net -keyout $dir/mx.key " .
    "-out $dir/mx.pem 2>/dev/null") == 0
    or die "openssl cannot make a certificate\n";
my @known = map { "$_\@example.com" } qw(box joe jane grey soon secret);
my $postfix = XContext::Postfix->new(resolver => $dns->address,
    services => [ { name => 'mx' },
	{ name => 'early', options => [ 'smtpd_delay_reject = no' ] },
	{ name => 'tls', options => [ 'smtpd_tls_security_level = encrypt' ]
	} ],
    master => "policyd-spf unix - n n - 0 spawn\n" .
	"  user=policyd-spf argv=$policyd $dir/spf.conf\n",
    main => { smtpd_authorized_xclient_hosts => '127.0.0.0/8',
	max_use => '10000', virtual_alias_maps => '',
	virtual_mailbox_maps => 'inline:{' . join(', ', map { "$_=box/" }
	    @known) . '}',
	smtpd_tls_security_level => 'may',
	smtpd_tls_cert_file => "$dir/mx.pem",
	smtpd_tls_key_file => "$dir/mx.key",
	header_checks => "pcre:$dir/headers.pcre",
	'policyd-spf_time_limit' => '3600', plaintext_reject_code => '550',
	smtpd_restriction_classes => 'greylisting, greylisting_soon',
	greylisting => "check_policy_service unix:$grey->{socket}",
	greylisting_soon => "check_policy_service unix:$soon->{socket}",
	smtpd_client_restrictions => "check_client_access cidr:$dir/" .
	    'clients.cidr, reject_rbl_client bl.example.org',
	smtpd_helo_required => 'yes',
	smtpd_helo_restrictions => "check_helo_access pcre:$dir/helos.pcre, " .
	    'reject_invalid_helo_hostname',
	smtpd_sender_restrictions => "check_sender_access pcre:$dir/" .
	    'senders.pcre, reject_rhsbl_sender dbl.example.org',
	smtpd_recipient_restrictions => 'reject_unauth_destination, ' .
	    'reject_unlisted_recipient, check_policy_service ' .
	    "unix:private/policyd-spf, check_recipient_access pcre:$dir/" .
	    'rcpts.pcre',
	smtpd_data_restrictions => 'reject_multi_recipient_bounce' });
chmod(0755, $dir);
$postfix->start;
my $ctl = XContext::Ctl->new;
my $n_files = 0;

sub where {
	my ($service) = @_;
	return $postfix->address($service) . ':' . $postfix->port($service);
}

sub probe {
	my ($service, $text, @options) = @_;
	my $file = "$dir/" . $n_files++ . '.tests';
	spit($file, $text);
	return $ctl->run('probe', $file, '--timeout', 20, '--server',
	    where($service), @options);
}

#
# 1,000 cases
#
my %network = (plain => '192.0.2.10', bad => '192.0.2.70',
    not_now => '192.0.2.90', listed => '198.51.100.70',
    strict => '203.0.113.10', new => '192.0.2.40');
my @clients = ((map { my $kind = $_; map { "ADDR=" . $network{$kind} =~
    s/0$/$_/r . ' NAME=client.example.org HELO=client.example.org' } 1 .. 3 }
    sort keys %network), 'ADDR=IPV6:2001:db8:bad::1 NAME=[UNAVAILABLE] ' .
    'HELO=client.example.org', 'ADDR=192.0.2.14 NAME=client.example.org ' .
    'HELO=localhost');
my @senders = map { "$_.example.org" } qw(joe@plain joe@strict joe@loose
    spam@plain joe@listed);
my @rcpts = qw(box@example.com joe@example.com jane@example.com
    grey@example.com secret@example.com nobody@example.com
    somebody@example.com joe@example.net joe@example.org SOMEBODY@example.com);

# In the order in which Postfix asks: what comes first is what is replied.
sub wanted {
	my ($client, $sender, $rcpt, $has_tls) = @_;
	my ($addr) = $client =~ /ADDR=(\S+)/;
	return '554 5.7.1 /a bad network/' if $addr =~ /^192\.0\.2\.7/;
	return '450 4.7.1 /not now/' if $addr =~ /^192\.0\.2\.9/;
	return '554 5.7.1 /blocked using bl\.example\.org; listed, /'
	    if $addr =~ /^198|bad/;
	return '554 5.7.1 /nobody greets so/' if $client =~ /localhost/;
	return '554 5.7.1 /no more of you/' if $sender =~ /^spam/;
	return '554 5.7.1 /dbl\.example\.org; a bad domain/'
	    if $sender =~ /listed/;
	return '554 5.7.1 /relay/' if $rcpt !~ /com$/;
	return '550 5.1.1 /unknown/' if !grep { $_ eq $rcpt } @known;
	return '550 5.7.23 /SPF/'
	    if $sender =~ /strict/ && $addr !~ /^203/;
	return '550 5.7.1 /encryption/' if $rcpt =~ /^secret/ && !$has_tls;
	return '450 4.2.0 /greylist/'
	    if $rcpt =~ /^grey/ && $addr !~ /^192\.0\.2\.1/;
	return '250 2.1.5';
}

sub table {
	my ($sender, $has_tls) = @_;
	return "title $sender\ntable\nXCLIENT {row}\nMAIL FROM:<$sender>\n" .
	    "RCPT TO:<{column}>\ncolumns " . join(' | ', @rcpts) . "\n" .
	    join('', map { my $client = $_; "row $client | " . join(' | ', map {
	    wanted($client, $sender, $_, $has_tls) } @rcpts) . "\n" }
	    @clients) . "\n";
}

sub show {
	my ($data) = @_;
	my @bad = grep { $_->{result} ne 'ok' } @$data;
	return join('', map { JSON::PP::encode_json($_) . "\n" }
	    @bad[0 .. ($#bad < 3 ? $#bad : 3)]);
}

my $got = probe('mx', join('', map { table($_, 0) } @senders), '--json', '-j',
    8);
my $data = JSON::PP::decode_json($got->{out});
is(scalar @$data, 1000, '1,000 cases');
is($got->{status}, 0, '... all as expected') or diag($got->{err}, show($data));

# swaks in the place of each of a sample: diagonals of each table.
sub by_hand {
	my ($case) = @_;
	my ($client, $sender, $rcpt) = ((map { $_->{command} =~
	    /^(?:XCLIENT|MAIL FROM:|RCPT TO:)\s*(.*)/ ? $1 : () }
	    @{$case->{replies}}));
	my @xclient = map { my ($name, $value) = split(/=/, $_, 2);
	    ('--xclient-' . lc($name), $value) } split(/ /, $client);
	my ($helo) = $client =~ /HELO=(\S+)/;
	open(my $out, '-|', 'swaks', '--server', $postfix->address('mx'),
	    '--port', $postfix->port('mx'), '--ehlo', $helo, @xclient,
	    '--from', $sender, '--to', $rcpt, '--quit-after', 'RCPT')
	    or die "swaks: $!\n";
	my $dialogue = do { local $/; <$out> };
	close($out);
	return $dialogue =~ /^ -> RCPT TO:.*\n(?:<[-~*]+ +)(.*)/m ? $1 :
	    $dialogue;
}

# As many at once as there are channels; each writes what differs.
sub all_by_hand {
	my (@cases) = @_;
	my (@pids, $n_same);
	for my $i (0 .. 3) {
		my $pid = fork() // die "fork: $!\n";
		if ($pid == 0) {
			guard_child();
			my ($text, $n) = ('', 0);
			for my $case (@cases[grep { $_ % 4 == $i }
			    0 .. $#cases]) {
				my $hand = by_hand($case);
				my $ours = $case->{replies}[-1]{reply};
				$hand eq $ours ? $n++ : ($text .= "$case->" .
				    "{title}: by hand $hand, not $ours\n");
			}
			spit("$dir/by-hand.$i", "$n\n$text");
			POSIX::_exit(0);
		}
		push(@pids, $pid);
	}
	waitpid($_, 0) for @pids;
	for my $i (0 .. 3) {
		my ($n, $text) = slurp("$dir/by-hand.$i") =~ /^(\d+)\n(.*)/s;
		$n_same += $n;
		diag($text) if $text ne '';
	}
	return $n_same;
}

# XC_BY_HAND of them, a divisor of 200; swaks takes the most time by far.
my @sample = @$data[grep { $_ % 5 == int($_ / 10) % 5 } 0 .. $#$data];
my $n_by_hand = $ENV{XC_BY_HAND} // 50;
my $step = int(@sample / $n_by_hand);
@sample = @sample[grep { $_ % $step == int($_ / 40) % $step } 0 .. $#sample];
is(all_by_hand(@sample), $n_by_hand, 'a sample of them: swaks is told the same');

# What TLS makes another of, and where there is nothing without.
$got = probe('tls', table($senders[0], 1), '--starttls', '-j', 8);
is($got->{status}, 0, 'TLS only, with it') or diag($got->{out} =~
    /^(not ok.*\n(?:#.*\n)*)/m);
$got = probe('tls', "title without\nMAIL FROM:<joe\@plain.example.org>\n");
like($got->{out}, qr/^#        got: 530 5\.7\.0 Must issue /m, '... without');

#
# Each at its stage
#
my $stages = <<'END';
title a network, at once
XCLIENT ADDR=192.0.2.70 NAME=client.example.org
= 554 5.7.1 /a bad network/

title the blocklist, at once
XCLIENT ADDR=198.51.100.70 NAME=client.example.org
= 554 5.7.1 /198\.51\.100\.70. blocked using bl\.example\.org; listed/

title one to come again
XCLIENT ADDR=192.0.2.90 NAME=client.example.org
= 450 4.7.1 /not now/

title a greeting
XCLIENT ADDR=192.0.2.10 NAME=client.example.org
= 220
EHLO localhost
= 554 5.7.1 /nobody greets so/

title a greeting that is no name
XCLIENT ADDR=192.0.2.10 NAME=client.example.org
EHLO -.example.org
= 501 5.5.2

title a sender
XCLIENT ADDR=192.0.2.10 NAME=client.example.org
MAIL FROM:<spam@plain.example.org>
= 554 5.7.1 /no more of you/
RCPT TO:<box@example.com>
= 503 5.5.1

title a domain on the blocklist
XCLIENT ADDR=192.0.2.10 NAME=client.example.org
MAIL FROM:<joe@listed.example.org>
= 554 5.7.1 /blocked using dbl\.example\.org/

title recipients
XCLIENT ADDR=192.0.2.40 NAME=client.example.org HELO=client.example.org
MAIL FROM:<joe@strict.example.org>
= 250 2.1.0
RCPT TO:<nobody@example.com>
= 550 5.1.1
RCPT TO:<joe@example.net>
= 554 5.7.1
RCPT TO:<box@example.com>
= 550 5.7.23

title greylisting
XCLIENT ADDR=192.0.2.40 NAME=client.example.org HELO=client.example.org
MAIL FROM:<joe@plain.example.org>
= 250
RCPT TO:<grey@example.com>
= 450 4.2.0 /greylist/

title at DATA
XCLIENT ADDR=192.0.2.10 NAME=client.example.org HELO=client.example.org
MAIL FROM:<>
RCPT TO:<box@example.com>
RCPT TO:<joe@example.com>
= 250
DATA
= 550 5.5.3

title at the end
XCLIENT ADDR=192.0.2.10 NAME=client.example.org HELO=client.example.org
MAIL FROM:<joe@plain.example.org>
RCPT TO:<box@example.com>
DATA
= 354
header Subject: buy this
.
= 550 5.7.1 /no advertisements/
END
$got = probe('early', $stages, '--send', '@example.com', '--json', '-j', 4);
$data = JSON::PP::decode_json($got->{out});
is($got->{status}, 0, 'each restriction refuses at its stage')
    or diag($got->{err}, show($data));
my $n_stages = () = $stages =~ /^title /mg;
is(scalar @$data, $n_stages, '... all of them');
is(scalar($postfix->mails), 0, 'and no mail got in');

# A wrong expectation of each, which is the last reply of each.
my $wrong = join("\n", map { s/\n= [^\n]*\n*\z/\n= 251\n/sr }
    split(/\n\n/, $stages)) . "\n";
$got = probe('early', $wrong, '--send', '@example.com', '--json', '-j', 4);
$data = JSON::PP::decode_json($got->{out});
my @told = map { $_->{differences}[0] // {} } @$data;
my @last = map { my @c = @{$_->{replies}}; $c[-1] } @$data;
is(join("\n", map { "$_->{stage}: $_->{expected}, $_->{got}" } @told),
    join("\n", map { ($_->{command} =~ /^\.?$/ ? 'the end of the message' :
    $_->{command} =~ /^EHLO/ ? 'EHLO' : $_->{command}) .
    ": 251, $_->{reply}" } @last),
    'a wrong expectation of each is told by its stage');
is(join(' ', map { $_->{result} } @$data), join(' ', map {
    /^greylisting/ ? 'greylisted' : 'wrong' } $stages =~ /^title (.*)/mg),
    '... and that it is no more than that, but greylisting');
is($got->{status}, 22, '... which is the status');

# A client who is refused at once says nothing behind it.
$got = probe('early', "title at once\nXCLIENT ADDR=192.0.2.70\nMAIL FROM:<>\n" .
    "RCPT TO:<box\@example.com>\n= permit\n");
is($got->{status}, 1, 'a client who is refused at once');
is(scalar(() = $got->{out} =~ /got: /g), 1, '... is told once');

# postgrey lets one in who comes again.
my $again = "title again\nXCLIENT ADDR=192.0.2.41 NAME=c.example.org " .
    "HELO=c.example.org\nMAIL FROM:<joe\@plain.example.org>\n" .
    "RCPT TO:<soon\@example.com>\n= 250 2.1.5\n";
$got = probe('mx', $again);
is($got->{status}, 22, 'greylisting');
like($got->{err}, qr/greylists, .* or ask again later/, '... is told');
my $end = time() + 10;
do {
	sleep(1);
	$got = probe('mx', $again);
} while ($got->{status} == 22 && time() < $end);
is($got->{status}, 0, '... and what is asked again later is told');

is(join("\n", grep { /\b(?:fatal|panic):/ } split(/\n/, $postfix->log_text)),
    '', 'Postfix itself is well');
$postfix->stop;
done_testing();
