#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# The context header in delivered mail: what it says, how it is folded and
# encoded, that nothing can be injected, and that no forged one is left.
use strict;
use warnings;

use Test::More;

use XContext::Live ();

my $live = XContext::Live->new(
    # The milter alone removes what is forged.
    main => { header_checks => '',
	smtpd_hard_error_limit => 1000, smtpd_soft_error_limit => 1000,
	smtpd_junk_command_limit => 1000 },
    milter => { header => '"X-Session-Context"', header_names =>
	'{ "session", "peer_address", "remote_address", "tenant", "long", ' .
	'"mailfrom", "rcpt_count", "queue_id", "nothing" }' },
    trust => <<'TRUST', profiles => <<'PROFILES');
127.0.1.0/24	edge
TRUST
profile edge {
	xclient = { "*" }
	xsetcontext = { "*" }
	xdumpcontext = true
}
PROFILES

# All header fields of that name, unfolded; blanks in front of the colon do not
# make it another.
sub fields {
	my ($mail, $name) = @_;
	my ($head) = $mail =~ /^(.*?\n)\n/s;
	my @fields;
	while ($head =~ /^\Q$name\E[ \t]*:((?:.*\n)(?:[ \t].*\n)*)/gim) {
		push(@fields, $1);
	}
	return @fields;
}

# The pairs of a context header.
sub pairs {
	my ($field) = @_;
	$field =~ s/\s+//g;
	my %pair;
	for (split(/;/, $field)) {
		my ($name, $value) = split(/=/, $_, 2);
		$value =~ s/\+([0-9A-F]{2})/chr(hex($1))/ge;
		$pair{$name} = $value;
	}
	return \%pair;
}

sub deliver {
	my ($smtp, $subject, %opt) = @_;
	my $reply = $smtp->mail(subject => $subject, %opt);
	is($reply->code, 250, "$subject: accepted") or diag($reply);
	my $mail = $live->postfix->delivered($subject);
	ok($mail, "$subject: delivered");
	return $mail // '';
}

{
	my $smtp = $live->connect;
	$smtp->cmd('EHLO there');
	$smtp->cmd('XSETCONTEXT tenant=acme+20inc+2E');
	is($smtp->cmd('XCLIENT ADDR=198.51.100.9')->code, 220, 'XCLIENT');
	$smtp->cmd('EHLO client');
	my @fields = fields(deliver($smtp, 'plain', from => 'a@example.org'),
	    'X-Session-Context');
	is(scalar(@fields), 1, 'one header');
	my $pairs = pairs($fields[0]);
	like(delete $pairs->{session}, qr/^[0-9A-Z]{26}$/, 'the session');
	like(delete $pairs->{queue_id}, qr/^[0-9A-Za-z]+$/, 'the queue id');
	is_deeply($pairs, { peer_address => '127.0.1.1',
	    remote_address => '198.51.100.9', tenant => 'acme inc.',
	    mailfrom => 'a@example.org', rcpt_count => 1 },
	    'the configured pairs that there are, and no others');
	ok(!grep { length($_) > 78 } split(/\n/, "X-Session-Context:$fields[0]"),
	    'lines are folded');
	$smtp->quit;
}

# Headers from outside: however many, and however they are written.
my @forged = (
    [ 'three', "X-Session-Context: tenant=evil\n" x 3 ],
    [ 'three hundred', join('', map { "X-Session-Context: tenant=e$_\n" }
	1 .. 300) ],
    [ 'another case', "x-SESSION-context: tenant=evil\n" ],
    [ 'a blank before the colon', "X-Session-Context : tenant=evil\n" ],
    [ 'a tab before the colon', "X-Session-Context\t: tenant=evil\n" ],
    [ 'blanks before the colon', "X-Session-Context   : tenant=evil\n" ],
    [ 'no blank behind it', "X-Session-Context:tenant=evil\n" ],
    [ 'folded', "X-Session-Context:\n tenant=evil\n" ],
    [ 'folded twice', "X-Session-Context: a=b;\n\ttenant=evil\n c=d\n" ],
    [ 'empty', "X-Session-Context:\n" ],
    [ '8-bit', "X-Session-Context: tenant=\xe4vil\n" ],
    [ 'among others', "X-A: 1\nX-Session-Context: tenant=evil\nX-B: 2\n" .
	"X-Session-Context: tenant=evil\nX-C: 3\n" ],
    [ 'a name that only begins so', "X-Session-Contexts: stays\n" ],
);
for my $peer ('127.0.1.1', '127.0.2.1') {
	my $is_followed = $peer eq '127.0.1.1';
	if (!$is_followed) {
		# A session that needs no milter, and the rule for it.
		$live->postfix->set_main(header_checks =>
		    'regexp:{{/^X-Session-Context[[:space:]]*:/ IGNORE}}');
		$live->postfix->reload;
	}
	for my $row (@forged) {
		my ($name, $headers) = @$row;
		my $what = "$name, from $peer";
		my $smtp = $live->connect(local => $peer);
		$smtp->cmd('EHLO there');
		$smtp->cmd('XSETCONTEXT tenant=acme') if $is_followed;
		my $mail = deliver($smtp, $what, headers => $headers);
		my @fields = fields($mail, 'X-Session-Context');
		is(scalar(@fields), $is_followed ? 1 : 0, "$what: none left");
		is(pairs($fields[0])->{tenant}, 'acme', "$what: but ours")
		    if $is_followed && @fields;
		unlike($mail =~ /^(.*?)\n\n/s ? $1 : '', qr/vil/,
		    "$what: nothing of it");
		is(scalar(() = $mail =~ /^X-[ABC]: \d$/mg), 3,
		    "$what: others stay") if $name eq 'among others';
		like($mail, qr/^X-Session-Contexts: stays$/m,
		    "$what: another header stays") if $name =~ /begins/;
		$smtp->quit;
	}
}

# Values that would like to be more than values.
my %value = (
    'a fold' => 'a+0D+0A+20b', 'a line feed' => 'a+0AX-Evil:+20b',
    'a carriage return' => 'a+0DX-Evil:+20b', 'a NUL' => 'a+00b',
    'a control' => 'a+1Bb', 'DEL' => 'a+7Fb', 'bad UTF-8' => 'a+C3b',
    'a C1 control' => 'a+C2+85b', 'overlong' => '+C0+8A',
    'a line separator' => '+E2+80+A8',
    'raw 8-bit' => "a\xe4b", 'raw blank' => 'a b', 'raw tab' => "a\tb",
    'raw CR' => "a\rX-Evil: b", 'raw control' => "a\x1bb",
);
for my $name (sort keys %value) {
	my $smtp = $live->connect;
	$smtp->cmd('EHLO there');
	my $reply = $smtp->cmd("XSETCONTEXT tenant=$value{$name}");
	isnt($reply->code, 250, "$name is refused") or diag($reply);
	# Not the lines that Postfix itself answers: nobody else has seen them.
	isnt($smtp->mail(subject => $name)->code, 250,
	    "$name: and the mail with it") if $reply->code != 500;
	$smtp->quit;
}
{
	my $smtp = $live->connect;
	$smtp->cmd('EHLO there');
	# For Postfix, a line ends at a raw NUL.
	$smtp->cmd("XSETCONTEXT tenant=a\0+0AX-Evil:b tenant=evil");
	my $mail = deliver($smtp, 'raw NUL');
	unlike($mail, qr/evil/i, 'a raw NUL: nothing gets in');
	my ($field) = fields($mail, 'X-Session-Context');
	like(pairs($field)->{tenant} // '', qr/^a?$/, 'a raw NUL: the value');
	$smtp->quit;
}
{
	my $smtp = $live->connect;
	$smtp->cmd('EHLO there');
	# For Postfix, a line ends at a raw LF, and another one follows.  From
	# 3.9 on it takes that for pipelining.
	$smtp->raw("XSETCONTEXT tenant=a\nX-Evil b\r\n");
	my $reply = $smtp->reply;
	if ($reply->code == 250) {
		is($smtp->reply->code, 500, 'raw LF: another command');
		my $mail = deliver($smtp, 'raw LF');
		unlike($mail, qr/evil/i, 'a raw LF: nothing gets in');
		my ($field) = fields($mail, 'X-Session-Context');
		is(pairs($field)->{tenant}, 'a', 'a raw LF: the value');
	} else {
		is($reply->code, 554, 'a raw LF: ends the session');
	}
	$smtp->close;
}
my %odd = ('separators' => 'a+3Bsession+3Dx+3B', 'percent' => '100%s%n',
    'quotes' => '"a"', 'plus' => '+2B41', 'UTF-8' => '+C3+A4+E2+82+AC',
    'comma' => 'a,b', 'comment' => '+28a+29', 'empty' => '');
for my $name (sort keys %odd) {
	(my $plain = $odd{$name}) =~ s/\+([0-9A-F]{2})/chr(hex($1))/ge;
	my $smtp = $live->connect;
	$smtp->cmd('EHLO there');
	is($smtp->cmd("XSETCONTEXT tenant=$odd{$name}")->code, 250,
	    "$name: allowed");
	my ($field) = fields(deliver($smtp, "odd: $name"),
	    'X-Session-Context');
	unlike($field, qr/[^\t\n -~]/, "$name: plain ASCII");
	is(pairs($field)->{tenant}, $plain, "$name: comes back");
	$smtp->quit;
}
{
	my $smtp = $live->connect;
	$smtp->cmd('EHLO there');
	my $value = join('', map { sprintf('+%02X', 0x21 + $_ % 10) }
	    1 .. 600);
	is($smtp->cmd("XSETCONTEXT long=$value")->code, 250, 'a long value');
	my ($field) = fields(deliver($smtp, 'long'), 'X-Session-Context');
	ok(!grep { length($_) > 998 } split(/\n/, $field),
	    'no line over 998');
	$value =~ s/\+([0-9A-F]{2})/chr(hex($1))/ge;
	is(pairs($field)->{long}, $value, 'comes back');
	$smtp->quit;
}

$live->finish;
