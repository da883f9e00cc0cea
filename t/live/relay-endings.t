#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Who stops in the middle: clients and next hops that close, or say only that
# they will say no more, at each step; and next hops that answer before they are
# asked.  The client is told 2xx only where the next hop said it of the whole
# message.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use XContext::Guard qw(guard_dir guard_time);
use XContext::Postfix ();
use XContext::Relay ();
use XContext::Scene qw(hop play);
use XContext::Smtp ();

my $why = XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(200);

my $dir = guard_dir();
my $address = XContext::Postfix::own_address();

sub note_down {
	my ($text) = @_;
	open(my $fh, '>>', "$dir/taken") or die "taken: $!\n";
	syswrite($fh, "$text\n");
}

# A next hop that does something at one step; else it is an ordinary one, which
# writes down the messages that it takes, by their sender.
sub hop_that {
	my (%does) = @_;
	my $at = sub {
		my ($hop, $step, @usual) = @_;
		return $hop->say(@usual) if !$does{$step};
		$does{$step}->($hop, @usual);
	};
	return hop($address, sub {
		my ($hop) = @_;
		my $sender = '';
		$at->($hop, 'greeting', '220 hop');
		while (1) {
			my $line = $hop->line;
			my ($verb) = $line =~ /^(\w+)/;
			$sender = $1 if $line =~ /^MAIL FROM:<(.*?)@/;
			if ($verb eq 'BDAT') {
				my ($n) = $line =~ /(\d+)/;
				$does{chunk}->($hop) if $does{chunk};
				$hop->octets($n);
			} else {
				$at->($hop, $verb, $verb eq 'EHLO' ?
				    ('250-hop', '250-PIPELINING',
				    '250 CHUNKING') : $verb eq 'DATA' ?
				    '354 go ahead' : $verb eq 'QUIT' ?
				    '221 bye' : "250 2.0.0 Ok: $verb");
			}
			next if $verb ne 'DATA' && $line !~ /LAST/;
			$does{content}->($hop) if $does{content};
			$hop->content if $verb eq 'DATA';
			note_down($sender) if !$does{refuses};
			$at->($hop, 'end', '250 2.0.0 Ok: end');
		}
	});
}

sub closes { my ($hop) = @_; $hop->close; die "over\n" }
sub half_closes { my ($hop) = @_; $hop->half_close; $hop->drain; die "over\n" }
sub says_and_closes {
	my ($hop, @lines) = @_;
	$hop->say(@lines);
	shutdown($hop->sock, 1);
	$hop->drain;
	die "over\n";
}

# Takes some of the content, then speaks.
sub after_some {
	my ($line, $then) = @_;
	return sub {
		my ($hop) = @_;
		$hop->octets(1000);
		$hop->say($line) if defined $line;
		return $then->($hop) if $then;
		# It has answered; what else comes is taken and forgotten.
		$hop->drain;
		die "over\n";
	};
}

my %hops = (
	usual => {},
	# Without a word, or with a FIN alone.
	(map { my $step = $_; ("close_$step" => { $step => \&closes },
	    "half_$step" => { $step => \&half_closes },
	    "say_$step" => { $step => \&says_and_closes }) }
	    qw(greeting EHLO MAIL DATA end)),
	close_content => { content => after_some(undef, \&closes) },
	half_content => { content => after_some(undef, \&half_closes) },
	# Early answers.
	early_554 => { refuses => 1, content => after_some('554 5.7.1 no') },
	early_554_close => { refuses => 1,
	    content => after_some('554 5.7.1 no', \&closes) },
	early_554_half => { refuses => 1,
	    content => after_some('554 5.7.1 no', \&half_closes) },
	early_421 => { refuses => 1,
	    content => after_some('421 4.3.2 enough', \&closes) },
	early_250 => { refuses => 1, content => after_some('250 2.0.0 Ok') },
	early_garbage => { refuses => 1, content => after_some('hello') },
	two_at_once => { end => sub {
	    $_[0]->say('250 2.0.0 Ok: end', '250 2.0.0 Ok: end') } },
);

my $relay = XContext::Relay->new(conf => { XCLIENT => '"no"' }, relays => {
    map { ($_ => { reply_timeout => 20, connections => 100, next_hop =>
	"\"smtp:[$address]:" . hop_that(%{$hops{$_}}) . '"' }) }
    keys %hops });
$relay->start;

my $body = 'Subject: x' . "\r\n\r\n" . ('x' x 98 . "\r\n") .
    join('', map { 'y' x 98 . "\r\n" } 1 .. 3000);

sub begin {
	my ($name) = @_;
	return $relay->connect(relay => $name, timeout => 40);
}

# All replies until the relay closes, as codes.
sub rest {
	my ($smtp) = @_;
	my @codes;
	while (1) {
		my $reply = $smtp->reply;
		last if $reply->code eq '0';
		push(@codes, $reply->code);
	}
	return join(' ', @codes);
}

sub to_content {
	my ($smtp, $sender) = @_;
	$smtp->cmd('EHLO client.example.org');
	return join(' ', map { $_->code } $smtp->pipeline(
	    "MAIL FROM:<$sender\@example.org>", 'RCPT TO:<b@example.com>',
	    'DATA'));
}

# Two mails in one session: the codes of both, and the text of what decided.
sub two_mails {
	my ($name) = @_;
	my $smtp = begin($name);
	my (@said, $text);
	my $reply = $smtp->cmd('EHLO client.example.org');
	return [ $reply->code, "$reply" ] if $reply->code ne '250';
	for my $n (1, 2) {
		for my $line ("MAIL FROM:<$name-$n\@example.org>",
		    'RCPT TO:<b@example.com>', 'DATA') {
			$reply = $smtp->cmd($line);
			last if $reply->code !~ /^[23]/;
		}
		if ($reply->code eq '354') {
			# Time enough for a next hop that has enough of it.
			$smtp->raw($body);
			sleep(1.5);
			$reply = $smtp->cmd("$body.");
		}
		push(@said, $reply->code);
		$text //= "$reply";
		last if $reply->code eq '421' || $reply->code eq '0';
		$smtp->cmd('RSET');
	}
	return [ join(' ', @said), $text ];
}

sub half_close {
	my ($smtp) = @_;
	shutdown($smtp->{sock}, 1);
	return [ rest($smtp) ];
}

my %scene = (
	(map { my $name = $_; ("hop $name" => sub { two_mails($name) }) }
	    keys %hops),

	# Clients that say that they will say no more.
	'client, at once' => sub { half_close(begin('usual')) },
	'client, after EHLO' => sub {
		my $smtp = begin('usual');
		$smtp->raw("EHLO client.example.org\r\n");
		half_close($smtp);
	},
	'client, after RCPT' => sub {
		my $smtp = begin('usual');
		$smtp->cmd('EHLO client.example.org');
		$smtp->raw("MAIL FROM:<rcpt\@example.org>\r\n" .
		    "RCPT TO:<b\@example.com>\r\n");
		half_close($smtp);
	},
	'client, after DATA' => sub {
		my $smtp = begin('usual');
		$smtp->cmd('EHLO client.example.org');
		$smtp->raw("MAIL FROM:<data\@example.org>\r\n" .
		    "RCPT TO:<b\@example.com>\r\nDATA\r\n");
		half_close($smtp);
	},
	'client, in the message' => sub {
		my $smtp = begin('usual');
		to_content($smtp, 'middle');
		$smtp->raw($body);
		half_close($smtp);
	},
	'client, in the end of the message' => sub {
		my $smtp = begin('usual');
		to_content($smtp, 'dot');
		$smtp->raw("$body.\r");
		half_close($smtp);
	},
	'client, after the message' => sub {
		my $smtp = begin('usual');
		to_content($smtp, 'whole');
		$smtp->raw("$body.\r\n");
		half_close($smtp);
	},
	'client, after QUIT' => sub {
		my $smtp = begin('usual');
		to_content($smtp, 'quit');
		$smtp->raw("$body.\r\nQUIT\r\n");
		half_close($smtp);
	},
	'client, in a chunk' => sub {
		my $smtp = begin('usual');
		$smtp->cmd('EHLO client.example.org');
		$smtp->raw("MAIL FROM:<chunk\@example.org>\r\n" .
		    "RCPT TO:<b\@example.com>\r\nBDAT 100 LAST\r\n" .
		    'x' x 99);
		half_close($smtp);
	},
	'client, after a chunk' => sub {
		my $smtp = begin('usual');
		$smtp->cmd('EHLO client.example.org');
		$smtp->raw("MAIL FROM:<chunked\@example.org>\r\n" .
		    "RCPT TO:<b\@example.com>\r\nBDAT 100 LAST\r\n" .
		    'x' x 100);
		half_close($smtp);
	},
	'client, in a command' => sub {
		my $smtp = begin('usual');
		$smtp->cmd('EHLO client.example.org');
		$smtp->raw('MAIL FROM:<half');
		half_close($smtp);
	},
);

my %got = play(%scene);

# What each must be told, by name; and who has then been taken.
my %want = (
	'hop usual' => [ '250 250' ],
	(map { ("hop ${_}_greeting" => [ '421', qr/cannot be reached/ ]) }
	    qw(close half)),
	'hop say_greeting' => [ '421', qr/4\.4\./ ],
	(map { ("hop ${_}_EHLO" => [ '421', qr/4\.4\.2/ ]) } qw(close half)),
	(map { ("hop ${_}_MAIL" => [ '451 451', qr/4\.4\.2/ ],
	    "hop ${_}_DATA" => [ '451 451', qr/4\.4\.2/ ],
	    "hop ${_}_content" => [ '451 451', qr/4\.4\.2/ ],
	    "hop ${_}_end" => [ '451 451',
		qr/4\.4\.2 .*before it answered/ ]) } qw(close half)),
	# It said what it had to; so the client need not know.
	'hop say_end' => [ '250 250' ],
	'hop two_at_once' => [ '250 250' ],
	'hop say_EHLO' => [ '451 451', qr/4\.4\.2/ ],
	'hop say_MAIL' => [ '451 451', qr/4\.4\.2/ ],
	'hop say_DATA' => [ '451 451', qr/4\.4\.2/ ],
	(map { ("hop early_554$_" => [ '554 554', qr/5\.7\.1 no/ ]) }
	    '', '_close', '_half'),
	'hop early_421' => [ '421', qr/4\.3\.2 enough/ ],
	'hop early_250' => [ '451 451', qr/4\.4\.2/ ],
	'hop early_garbage' => [ '451 451', qr/4\.4\.2/ ],
	'client, at once' => [ '' ],
	# For who has left nothing is gone on with.
	'client, after EHLO' => [ qr/^(?:250)?$/ ],
	'client, after RCPT' => [ '250 250' ],
	# Who sends no message has no use for these replies.
	'client, after DATA' => [ qr/^(?:250 ?){0,2}(?:354)?$/ ],
	'client, in the message' => [ '' ],
	'client, in the end of the message' => [ '' ],
	'client, after the message' => [ '250' ],
	'client, after QUIT' => [ '250 221' ],
	'client, in a chunk' => [ qr/^(?:250 ?){0,2}$/ ],
	'client, after a chunk' => [ '250 250 250' ],
	'client, in a command' => [ '' ],
);
for my $name (sort keys %want) {
	my ($codes, $text) = @{$want{$name}};
	like($got{$name}[0], ref $codes ? $codes : qr/^$codes$/,
	    "$name: what is said");
	like($got{$name}[1], $text, "$name: and why") if defined $text;
}

ok($relay->is_idle, 'no connection is left');

# What was taken is what was acknowledged, but for next hops that were lost just
# before they said so.
open(my $fh, '<', "$dir/taken") or die "taken: $!\n";
my %taken = map { chomp; ($_ => 1) } <$fh>;
is_deeply([ grep { !/^(?:close|half)_end-/ } sort keys %taken ],
    [ qw(chunked quit), (map { ("say_end-$_") } 1, 2), (map {
    ("two_at_once-$_") } 1 .. 2), (map { ("usual-$_") } 1, 2), 'whole' ],
    'nothing is taken that was not acknowledged, and all that was');
alarm(0);
$relay->finish(qr/event=hop_failed/);
is_deeply([ sort keys %got ], [ sort keys %want ], 'nothing is forgotten');
done_testing();
