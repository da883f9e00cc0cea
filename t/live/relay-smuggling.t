#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# What a client hides in messages and commands stays what it is: one message or
# none, and no XCLIENT but the relay's own, at a Postfix that takes every line
# end there is (smtpd_forbid_bare_newline = no), at smtp-sink, and at a next hop
# more gullible than both.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use XContext::Behind ();
use XContext::Guard qw(guard_child guard_dir guard_process guard_time);
use XContext::Postfix ();
use XContext::Relay ();
use XContext::Scene qw(hop);
use XContext::Smtp ();

my $why = XContext::Behind::impossible() // XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(280);

my $dir = guard_dir();
my $address = XContext::Postfix::own_address();
system(($ENV{XC_BUILD} // '.') . '/t/lib/tls_client', 'certificate', $dir) == 0
    or die "no certificate\n";

# With all that is said to it in its log.
my $postfix = XContext::Behind->new(main => { debug_peer_level => '1',
    debug_peer_list => '127.0.0.0/8', smtpd_forbid_bare_newline => 'no',
    smtpd_hard_error_limit => '1000', smtpd_junk_command_limit => '1000' });
$postfix->start;

# Every line end, and half of one, is one to it, and a dot between two of them
# is the end of a message.  It writes down what it takes for what.
my $end = qr/(?:\r\n|[\r\n])/;
my $gullible = hop($address, sub {
	my ($hop) = @_;
	my ($in, $is_content, $in_auth, $sender, $head) = ('', 0, 0, '', '');
	open(my $out, '>>', "$dir/gullible") or die "gullible: $!\n";
	my $note = sub {
		my ($text) = @_;
		$text =~ s/([^ -~])/sprintf('\\x%02x', ord($1))/ge;
		syswrite($out, "$text\n");
	};
	$hop->say('220 hop');
	while (sysread($hop->sock, $in, 65536, length($in))) {
		while ($in =~ s/^(.*?)($end)//s) {
			my $line = $1;
			if ($in_auth) {
				$note->("auth: $line");
				$hop->say('501 5.5.2 no');
				$in_auth = 0;
			} elsif ($is_content) {
				$head = $1 if $head eq '' &&
				    $line =~ /^Subject: (.*)/;
				next if $line ne '.';
				$note->("message: $sender $head");
				$hop->say('250 2.0.0 Ok');
				$is_content = 0;
			} elsif ($line eq '') {
				next;	# the other half of an end
			} elsif ($line =~ /^BDAT (\d+)(.*)/i) {
				my ($n, $last) = ($1, $2);
				sysread($hop->sock, $in, 65536, length($in))
				    or return while length($in) < $n;
				substr($in, 0, $n, '');
				$note->("message: $sender chunked")
				    if $last =~ /last/i;
				$hop->say('250 2.0.0 Ok');
			} else {
				$note->("command: $line");
				$sender = $1 if $line =~ /^MAIL FROM:<(.*?)@/i;
				$head = '' if $line =~ /^DATA/i;
				$is_content = $line =~ /^DATA/i;
				$in_auth = $line =~ /^AUTH/i;
				# Somebody may be hasty.
				sleep(0.2) if $is_content && $sender eq 'c';
				$hop->say($line =~ /^EHLO/i ? ('250-hop',
				    '250-PIPELINING', '250-AUTH LOGIN PLAIN',
				    '250-CHUNKING', '250 XCLIENT NAME ADDR ' .
				    'PORT PROTO HELO LOGIN') :
				    $is_content ? '354 go ahead' :
				    $in_auth ? '334 VXNlcm5hbWU6' :
				    $line =~ /^XCLIENT/i ? '220 hop' :
				    $line =~ /^QUIT/i ? '221 bye' : '250 Ok');
				return if $line =~ /^QUIT/i;
			}
		}
	}
});

sub gullible {
	my ($what) = @_;
	open(my $fh, '<', "$dir/gullible") or return;
	return map { chomp; s/^$what: // ? $_ : () } <$fh>;
}

# smtp-sink, each message in a file.
my $sink_port = XContext::Postfix::free_port($address);
mkdir("$dir/sink", 0755);
chown((getpwnam('nobody'))[2, 3], "$dir/sink");
my $sink = fork() // die "fork: $!\n";
if ($sink == 0) {
	guard_child();
	exec('smtp-sink', '-u', 'nobody', '-d', "$dir/sink/%M.",
	    "$address:$sink_port", '100') or exit(127);
}
guard_process($sink);

my %hop = (postfix => $postfix->next_hop =~ s/"//gr,
    gullible => "smtp:[$address]:$gullible",
    sink => "smtp:[$address]:$sink_port");
my $relay = XContext::Relay->new(conf => { XCLIENT => '"ifavailable"' },
    relays => { map { my $name = $_;
	my %same = (next_hop => "\"$hop{$name}\"", connections => 1000,
	    auth => '"always"', tls => '"may"',
	    tls_certificate => "\"$dir/server.pem\"",
	    tls_key => "\"$dir/server.key\"");
	($name => { %same }, "strict_$name" => { %same,
	    bare_newline => '"reject"' }) } keys %hop });
$relay->start;
my $stranger = '127.0.2.1';

# All that there is to say, at once; what was answered.
sub say_all {
	my ($name, @parts) = @_;
	my $smtp = $relay->connect(relay => $name, local => $stranger);
	$smtp->cmd('EHLO client.example.org');
	for my $part (@parts) {
		$smtp->raw($part);
		sleep(0.05) if @parts > 1;
	}
	shutdown($smtp->{sock}, 1);
	my @codes;
	while (1) {
		my $reply = eval { $smtp->reply } // last;
		last if $reply->code eq '0';
		push(@codes, $reply->code);
	}
	$smtp->close;
	return join(' ', @codes);
}

#
# Ends of messages that are none.
#
my %ends = (CRLF => "\r\n", CR => "\r", LF => "\n", CRCRLF => "\r\r\n",
    LFCR => "\n\r", CRLFLF => "\r\n\n", NUL => "\0", CRNULLF => "\r\0\n",
    VT => "\x0b", NEL => "\x85", CRLFdot => "\r\n.");

sub smuggle {
	my ($relay_name, $id, $before, $after) = @_;
	my $smtp = $relay->connect(relay => $relay_name, local => $stranger);
	$smtp->cmd('EHLO client.example.org');
	my @codes = map { $_->code } $smtp->pipeline(
	    "MAIL FROM:<outer-$id\@example.org>", 'RCPT TO:<box@example.com>',
	    'DATA');
	return "@codes" if $codes[-1] ne '354';
	$smtp->raw("Subject: outer-$id\r\n\r\ntext$before.$after" .
	    "RSET\r\nXCLIENT ADDR=203.0.113.66\r\n" .
	    "MAIL FROM:<evil-$id\@example.org>\r\n" .
	    "RCPT TO:<box\@example.com>\r\nDATA\r\n" .
	    "Subject: evil-$id\r\n\r\nevil\r\n.\r\n");
	return $smtp->reply->code;
}

my (@bad, @smuggled, %is_bare);
for my $first (sort keys %ends) {
	for my $second (sort keys %ends) {
		my $id = "$first-$second";
		my $text = "x$ends{$first}.$ends{$second}R";
		# This is one.
		next if $text =~ /\r\n\.\r\n/;
		$is_bare{$id} = $text =~ /\r(?!\n)|(?<!\r)\n/;
		push(@smuggled, $id);
		for my $name (sort keys %hop) {
			my $code = smuggle($name, "$id-$name",
			    @ends{$first, $second});
			push(@bad, "$name $id: $code") if $code ne '250';
			$code = smuggle("strict_$name", "$id-strict$name",
			    @ends{$first, $second});
			push(@bad, "strict $name $id: $code")
			    if $code ne ($is_bare{$id} ? '521' : '250');
		}
	}
}
is_deeply(\@bad, [], 'each is taken for one message, or refused if strict');

# With an end that is one it would look so.
for my $name (keys %hop) {
	my $smtp = $relay->connect(relay => $name, local => $stranger);
	$smtp->cmd('EHLO client.example.org');
	my @begin = map { "MAIL FROM:<$_-$name\@example.org>\r\n" .
	    "RCPT TO:<box\@example.com>\r\nDATA\r\n" } 'outer', 'evil';
	$smtp->raw($begin[0]);
	$smtp->reply for 1 .. 3;
	$smtp->raw("Subject: outer-$name\r\n\r\n.\r\n$begin[1]");
	$smtp->reply for 1 .. 4;
	is($smtp->data("Subject: evil-$name\n\n")->code, '250',
	    "$name: two messages are two");
}

ok($postfix->is_idle(30), 'all mail is delivered');
my %at = (postfix => [ map { /\A(.*?)\n\n/s && $1 =~ /^Subject: (.*)/m ?
	$1 : 'none' } $postfix->mails ],
    gullible => [ map { (split(' '))[1] } gullible('message') ],
    sink => [ map { open(my $fh, '<', $_);
	local $/; <$fh> =~ /^Subject: (\S+)/m ? $1 : 'none' }
	glob("$dir/sink/*") ]);
for my $name (sort keys %hop) {
	my @want = ("evil-$name", "outer-$name", (map { ("outer-$_-$name",
	    $is_bare{$_} ? () : "outer-$_-strict$name") } @smuggled));
	is_deeply([ sort map { s/\r//r } @{$at{$name}} ], [ sort @want ],
	    "$name: one message for each, and none that was hidden");
}

#
# XCLIENT hidden in commands.
#
my $x = 'XCLIENT ADDR=203.0.113.66 LOGIN=evil';
my $mail = "MAIL FROM:<c\@example.org>\r\nRCPT TO:<box\@example.com>\r\n";
my @hidden = (
	# Behind other ends and blanks.
	(map { my $between = $_; map { "$_$between$x\r\n" } 'NOOP', 'RSET',
	    'VRFY x', 'HELP', 'MAIL FROM:<c@example.org>',
	    'MAIL FROM:<c@example.org> BODY=8BITMIME', 'MAIL FROM:<',
	    "${mail}RCPT TO:<box\@example.com>", 'EHLO x', 'HELO x', '',
	    'BDAT 0', 'AUTH PLAIN', 'XFORWARD ADDR=198.51.100.1' }
	    "\r", "\n", "\0", "\r\0\n", "\x0b", "\x0c", "\t", "\x85",
	    "\r\r\n", "\n\r", ' ', "\xc2\x85", "\xe2\x80\xa8"),
	"\t$x\r\n", " $x\r\n", lc($x) . "\r\n", "$x\n", "$x\r\n",
	"XCLIENT\tADDR=203.0.113.66\r\n", "XCLIENT\0 ADDR=203.0.113.66\r\n",
	"X\0CLIENT ADDR=203.0.113.66\r\n",
	"MAIL FROM:<c\@example.org> $x\r\n",
	"MAIL FROM:<\"c\r\n$x\r\n\"\@example.org>\r\n",
	"MAIL FROM:<\"c\\\r\n$x\r\n\"\@example.org>\r\n",
	# Where a long line is cut.
	(map { 'NOOP ' . 'x' x ($_ - 5) . "$x\r\n" } 510 .. 514,
	    998 .. 1002, 2046 .. 2050, 4094 .. 4098, 12286 .. 12290,
	    65534 .. 65538),
	# Sizes that lie.
	(map { "${mail}BDAT $_\r\n$x\r\n" } 0, '0 LAST', 5, '5 LAST', -1,
	    '+5 LAST', '0x10 LAST', '1e1 LAST', '010 LAST',
	    '4294967296 LAST', '4294967301 LAST',
	    '18446744073709551616 LAST', '18446744073709551621 LAST',
	    '5 LAST LAST', '5 5', '5,5', "5\0 LAST", "5\t LAST", ' 5 LAST',
	    '5  LAST', '5LAST', 'LAST', '', 100, '100 LAST'),
	"${mail}BDAT 5\r\nxxxxxDATA\r\n$x\r\n.\r\n",
	# Before they were asked.
	"${mail}DATA\r\n$x\r\n.\r\n", [ "${mail}DATA\r\n", "$x\r\n.\r\n" ],
	"STARTTLS\r\n$x\r\n", [ "STARTTLS\r\n", "$x\r\n" ],
	"AUTH LOGIN\r\n$x\r\n", "AUTH PLAIN $x\r\n",
	[ "AUTH LOGIN\r\n", "$x\r\n", "$x\r\n" ],
	[ "AUTH LOGIN\r\n", "dXNlcg==\r$x\r\n" ],
	[ "AUTH LOGIN\r\n", "dXNlcg==\n$x\n" ],
	[ "AUTH LOGIN\r\n", "*\r\n$x\r\n" ],
	[ "AUTH LOGIN\r\n", 'A' x 12288 . "$x\r\n" ],
	"QUIT\r\n$x\r\n", "EHLO x\r\n$x\r\n", "RSET\r\n$x\r\n",
);
for my $name (sort keys %hop) {
	for my $text (@hidden) {
		say_all($name, ref $text ? @$text : $text);
		say_all("strict_$name", ref $text ? @$text : $text)
		    if $name eq 'gullible';
	}
}

# What the last hops were told.  The relay's own XCLIENT says who it is, once;
# as an argument of a command, and in the name of an EHLO, the word is harmless.
my $own = qr/^XCLIENT ADDR=\Q$stranger\E (?!.* (?:ADDR|LOGIN)=)/;
my @told = gullible('command');
cmp_ok(scalar(grep { $_ =~ $own } @told), '>', 100,
    'gullible: the relay says XCLIENT');
is_deeply([ grep { /^\W*XCLIENT/i && $_ !~ $own } @told ], [],
    'gullible: nobody else does');
is_deeply([ grep { /[^A-Za-z0-9+\/=*]/ } gullible('auth') ], [],
    'gullible: a line of AUTH is what it has to be');
is_deeply([ grep { /[^ -~]/ } @told ], [],
    'gullible: a command has but printable characters');
@told = map { /: < [^:]+: (.*)/ ? $1 : () }
    split(/\n/, $postfix->log_text);
cmp_ok(scalar(grep { $_ =~ $own } @told), '>', 100,
    'Postfix: the relay says XCLIENT');
is_deeply([ grep { /^\W*XCLIENT/i && $_ !~ $own } @told ], [],
    'Postfix: nobody else does');
is_deeply([ grep { $_->{client_address} ne $stranger ||
    $_->{sasl_username} ne '' } $postfix->seen->all ], [],
    'Postfix: all mail is from the one who sent it');

ok($relay->is_idle, 'no connection is left');
alarm(0);
$relay->finish(qr/event=hop_failed/, qr/event=xclient_not_offered/);
$postfix->finish;
done_testing();
