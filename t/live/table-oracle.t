#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# Our tables answer what "postmap -q" answers.
#
# Tables of each type are made at random, good ones for the most part, and
# asked with made keys, here and by postmap.  A table that postmap finds fault
# with must be an error here, at the line that postmap names first.  On a
# difference the table and the key are printed.
#
# TABLE_TOOL is our program (t/lib/table_tool); ORACLE_TABLES is the number of
# tables of each type.  A run is the same each time, unless ORACLE_SEED is set.

use strict;
use warnings;
use Fcntl;
use File::Copy qw(copy);
use File::Temp qw(tempdir);
use Test::More;

my $tool = $ENV{TABLE_TOOL} // 't/lib/table_tool';
my $ntables = $ENV{ORACLE_TABLES} // 250;
my $seed = $ENV{ORACLE_SEED} // 1;
my ($postmap) = grep { -x } map { "$_/postmap" }
    $ENV{XC_POSTFIX_SBIN} // split(/:/, "$ENV{PATH}:/usr/sbin");
plan skip_all => 'no postmap here' if !defined $postmap;
plan skip_all => "no $tool here" if !-x $tool;

my $dir = tempdir('table_oracle.XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $table_file = "$dir/table";
$ENV{LC_ALL} = 'C';
delete @ENV{qw(MAIL_CONFIG MAIL_DEBUG MAIL_VERBOSE)};
srand($seed);

sub write_file {
	my ($path, $text) = @_;
	open(my $fh, '>', $path) or die "$path: $!";
	print $fh $text;
	close($fh) or die "$path: $!";
	# postmap waits for a file that has just been written to.
	utime(time() - 60, time() - 60, $path);
}

sub read_file {
	my ($path) = @_;
	open(my $fh, '<', $path) or die "$path: $!";
	local $/;
	return scalar(<$fh>) // '';
}

# Runs a program on $dir/keys; returns its status, output and errors.
sub run {
	my @command = @_;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0) {
		open(STDIN, '<', "$dir/keys") or die $!;
		open(STDOUT, '>', "$dir/out") or die $!;
		open(STDERR, '>', "$dir/err") or die $!;
		exec { $command[0] } @command or die $!;
	}
	waitpid($pid, 0);
	return ($?, read_file("$dir/out"), read_file("$dir/err"));
}

sub setup_postfix {
	mkdir("$dir/postfix") or die $!;
	write_file("$dir/postfix/main.cf", "compatibility_level = 3.6\n");
	write_file("$dir/postfix/master.cf", '');
	copy('/etc/postfix/dynamicmaps.cf', "$dir/postfix");
	mkdir("$dir/postfix/dynamicmaps.cf.d");
	copy($_, "$dir/postfix/dynamicmaps.cf.d")
	    for glob('/etc/postfix/dynamicmaps.cf.d/*');
}

sub pick { return $_[int(rand(@_))] }
sub chance { return rand() < $_[0] }
sub some { my ($n, $make) = @_; return map { $make->() } 1 .. $n }

# ---- what tables are made of

sub word {
	return join('', some(1 + int(rand(3)), sub { pick(qw(a b c A B d.e)) }));
}

sub result_text {
	return join(pick(' ', '  ', "\t", ','),
	    some(1 + int(rand(3)), \&word));
}

# Comments, empty lines and lines in pieces, which change no meaning.
sub lay_out {
	my @out;
	for my $line (@_) {
		push @out, pick('# x', '', '   ', " \t# y", '#') if chance(0.1);
		# A blank between words may be the start of a line.
		$line =~ s/(\S) (\S)/$1\n $2/ if chance(0.1);
		$line =~ s/(\S) (\S)/$1\n# z\n\n \t $2/ if chance(0.05);
		$line .= pick(' ', "\t", "\r") if chance(0.05);
		push @out, $line;
	}
	return join("\n", @out) . (chance(0.9) ? "\n" : '');
}

# Rules with if blocks around some of them.
sub blocks {
	my ($rule, $condition, $depth) = @_;
	my @lines;
	for (1 .. 1 + int(rand(6))) {
		if ($depth < 4 && chance(0.25)) {
			push @lines, $condition->(),
			    blocks($rule, $condition, $depth + 1),
			    pick(qw(endif ENDIF EndIf));
		} else {
			push @lines, $rule->();
		}
	}
	return @lines;
}

# ---- cidr

sub v4 { return join('.', pick(10, 192, 0, 255), some(3, sub {
    pick(0, 0, 1, 2, 128, 255) })) }
sub v6 { return pick('2001:db8:', 'fe80:', '::', '2001:DB8:0:') .
    pick(':', '::', ':1:', ':ffff::', ':10.0.0.1') .
    pick('', '1', '1:2', 'ffff', 'abcd:0:1', '192.0.2.1') }

# Cuts an address to a network; what is left may have other mistakes.
sub network {
	my ($bits, $addr);
	if (chance(0.6)) {
		$addr = v4();
		$bits = pick(0, 1, 7, 8, 9, 16, 17, 24, 25, 31, 32);
		my $n = unpack('N', pack('C4', split(/\./, $addr)));
		$n &= $bits == 0 ? 0 : (0xffffffff << (32 - $bits)) &
		    0xffffffff;
		$addr = join('.', unpack('C4', pack('N', $n)));
	} else {
		($addr, $bits) = @{pick(['2001:db8::', 32], ['::', 0],
		    ['2001:db8:0:1::', 64], ['2001:db8::1', 128],
		    ['::ffff:0:0', 96], ['::ffff:10.0.0.0', 104],
		    ['fe80::', 10], ['2001:db8::8000', 113], ['8000::', 1],
		    ['2001:db8::', 127], ['ffff::', 16])};
	}
	return pick($addr) if $bits == ($addr =~ /:/ ? 128 : 32) && chance(0.5);
	return pick("$addr/$bits", "$addr/$bits", "[$addr]/$bits",
	    "[$addr/$bits]", "$addr/0$bits");
}

sub not_sign { return chance(0.2) ? pick('!', '! ', '!!', '!!!') : '' }

sub cidr_rule {
	return pick(v4() . '/' . int(rand(34)), v6(), '10.0.0/8', '10.0.0.0/',
	    '[10.0.0.0/8', '[::1]x', '10.0.0.0/8', 'if10.0.0.1') .
	    pick(' x', '') if chance(0.01);
	return not_sign() . network() . pick(' ', "\t", '   ') . result_text();
}

sub cidr_condition {
	return pick(qw(if IF If)) . pick(' ', '  ') . not_sign() . network();
}

sub cidr_lines { return map { blocks(\&cidr_rule, \&cidr_condition, 0) }
    1 .. 3 }

sub cidr_key {
	return pick(v4(), v4(), v4(), v6(), v6(), '::ffff:' . v4(), '010.0.0.1',
	    '10.0.0.1 ', '10.0.0', '10.0.0.256', '', 'host', '1:2:3:4:5:6:7:8',
	    '1:2:3:4:5:6:7:8:9', ':1::2', '1::2::3', '12345::', '1::2:', '::g',
	    '1:2:3:4:5:6:10.0.0.1', '1:2:3:4:5:6:7:10.0.0.1', '10.0.0.1/32',
	    '0.0.0.0', '255.255.255.255',
	    'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff');
}

# ---- regexp and pcre

my $in_pcre;

sub atom {
	my ($depth) = @_;
	my @atoms = ('a', 'b', 'c', 'A', '.', '[ab]', '[^a]', '\.', 'ab');
	push @atoms, '[[:alpha:]]', '[a-c]';
	push @atoms, '\d', '\w', '\s', '(?:a|b)', '(?=a)', '(?!b)', '(?:\b)'
	    if $in_pcre;
	return pick(@atoms) if $depth > 2 || chance(0.7);
	return '(' . expression($depth + 1) . ')';
}

sub expression {
	my ($depth) = @_;
	my $text = join('', some(1 + int(rand(3)), sub {
		my $quantifier = chance(0.3) ? pick('*', '+', '?', '{2}',
		    '{1,2}', '{0,1}', $in_pcre ? ('*?', '+?') : ()) : '';
		return atom($depth) . $quantifier;
	}));
	$text .= '|' . expression($depth + 1) if $depth < 3 && chance(0.15);
	return $text;
}

# Returns the expression with its delimiters and flags, and its groups.
sub pattern {
	my $text = expression(0);
	$text = "^$text" if chance(0.3);
	$text .= '$' if chance(0.3);
	my $plain = $text;
	$plain =~ s/\\.//g;
	my $groups = () = $plain =~ /\((?!\?)/g;
	my $flags = chance(0.3) ? join('', some(1 + int(rand(2)), sub {
	    pick($in_pcre ? qw(i m s x A E U) : qw(i m)) })) : '';
	if (!$in_pcre && chance(0.05)) {
		$flags .= 'x';		# basic expressions: no groups
		$groups = 0;
		$text = pick('a*b', '^a', 'a\{2\}', 'a+');
	}
	my $delimiter = pick('/', '/', '/', '%', ';');
	return ("$delimiter$text$delimiter$flags", $groups);
}

sub replacement {
	my ($groups) = @_;
	return join('', some(1 + int(rand(4)), sub {
		return pick('x', 'y z', '$$', '-') if $groups == 0 ||
		    chance(0.5);
		my $n = 1 + int(rand($groups));
		return pick("\${$n}", "\$($n)", "\$$n.");
	}));
}

sub pattern_rule {
	return pick('/a', '/a/q x', '/a/ $1', '/(a)/ $2', '!/(a)/ $1',
	    '/(a)/ ${1', '/(a)/ $', '/(a)/ $a', '/(a)/ $1a', 'rule', '/(/ x',
	    'endif', '/a{2,1}/ x', '/[b-a]/ x', '/(a)/ $0', '!', 'if')
	    if chance(0.01);
	my ($text, $groups) = pattern();
	my $not = not_sign();
	$groups = 0 if (() = $not =~ /!/g) % 2 == 1;
	if (!$in_pcre && chance(0.1)) {
		my ($second) = pattern();
		$text .= pick('!', '!!', '! ') . $second;
	}
	return "$not$text " . replacement($groups);
}

sub pattern_condition {
	my ($text) = pattern();
	return pick(qw(if IF)) . ' ' . not_sign() . $text;
}

sub pattern_lines { return blocks(\&pattern_rule, \&pattern_condition, 0) }

sub regexp_lines { $in_pcre = 0; return pattern_lines() }
sub pcre_lines { $in_pcre = 1; return pattern_lines() }

sub pattern_key {
	return join('', some(int(rand(8)), sub { pick('a', 'a', 'b', 'c', 'A',
	    'B', '.', ' ', '1', "\xc3\xa9") })) .
	    (chance(0.03) ? pick("\xff", "\xc3", "\xed\xa0\x80", "\xc0\x80",
	    "\xf4\x90\x80\x80") : '');
}

# ---- texthash, inline, lmdb, static

sub hash_key {
	return pick(word(), word(), word(), '"a b"', '"A b"c', 'a\\ b', 'a\\"b',
	    '"a\\"b"', "\xc3\xa9a", 'a:b');
}

sub ask_hash_key {
	return pick(hash_key(), hash_key(), hash_key(), 'a b', 'A', '', "\xff");
}

sub texthash_lines {
	my %seen;
	return pick('"a b', 'a', '"a" ', "\xff x") if chance(0.01);
	return map { hash_key_line($_) } grep { !$seen{lc $_}++ || chance(0.01) }
	    some(1 + int(rand(8)), \&hash_key);
}

sub hash_key_line { return $_[0] . pick(' ', "\t", '  ') . result_text() }

sub inline_spec {
	return 'inline:' . pick('{a}', '{}', '{a=b', '{a=b}c', '{{a b}}',
	    '{"a=b}', '{{a=b}x}', '{{}}') if chance(0.02);
	return 'inline:{' . pick('', ' ') . join(pick(' ', ',', ', '),
	    some(1 + int(rand(4)), sub {
		my $key = hash_key();
		return "$key=" . word() if $key !~ /\s/ && chance(0.5);
		return pick('{', '{ ') . $key . pick('=', ' = ', '= ') .
		    result_text() . pick('}', ' }');
	    })) . '}';
}

sub static_spec {
	return 'static:' . pick('{a', '{a}b', '{{a}', '{}x') if chance(0.02);
	return 'static:' . pick(word(), word(), '{' . result_text() . '}',
	    '{ ' . word() . ' }', 'a{b', "{{a}}");
}

# ---- tables inside tables

sub in_braces {
	my ($type, @lines) = @_;
	return undef if grep { table_has_odd_braces($_) } @lines;
	return "$type:{" . join(pick(',', ', ', ' '), map { pick("{$_}",
	    "{ $_ }") } @lines) . '}';
}

sub table_has_odd_braces {
	my $level = 0;
	for ($_[0] =~ /[{}]/g) {
		$level += $_ eq '{' ? 1 : -1;
		return 1 if $level < 0;
	}
	return $level != 0;
}

sub simple_spec {
	my $spec;
	do {
		$spec = pick(\&inline_spec, \&inline_spec, \&static_spec,
		    sub { in_braces('regexp', regexp_lines()) },
		    sub { in_braces('regexp', '/^(.*)$/ ' .
			pick('<$1>', '$1', 'a')) },
		    sub { in_braces('cidr', cidr_lines()) },
		    sub { in_braces('pcre', pcre_lines()) })->();
	} while (!defined $spec);
	return $spec;
}

sub list_spec {
	my ($type, $depth) = @_;
	return "$type:" . pick('{}', '{a}', '{static:a', '{none:b}', 'a',
	    '{static:}', '{static:a}b') if chance(0.01);
	return "$type:{" . join(pick(' ', ',', ', '), some(1 + int(rand(3)),
	    sub {
		return list_spec(pick('unionmap', 'pipemap'), $depth + 1)
		    if $depth < 2 && chance(0.2);
		return simple_spec();
	    })) . '}';
}

sub list_key { return pick(\&hash_key, \&pattern_key, \&cidr_key)->() }

# ---- comparing

# The line that postmap names first; -1 if it only says that the table is bad,
# undef if it finds no fault.
sub fault {
	my ($errors) = @_;
	for (split(/\n/, $errors)) {
		next if /empty string result|NO RESULT|using empty string/;
		next if /non-UTF-8 key|is this an alias file|obsolete regexp/;
		return $1 if /, line (\d+)/;
		return 0 + $1 if /text after null byte.*line (\d+)/;
		return -1 if /warning|fatal/;
	}
	return undef;
}

# True if both stop at a result that is not UTF-8, or at an expression that
# takes too long.  postmap asks no more keys then.
sub both_give_up {
	my ($postmap_errors, $errors) = @_;
	return ($postmap_errors =~ /non-UTF-8 value/ &&
	    $errors =~ /result is not UTF-8/) ||
	    ($postmap_errors =~ /match limit exceeded/ &&
	    $errors =~ /match limit exceeded/);
}

sub compare_table {
	my ($spec, $keys) = @_;
	write_file("$dir/keys", join('', map { "$_\n" } @$keys));
	my (undef, $want, $postmap_errors) = run($postmap, '-c',
	    "$dir/postfix", '-q', '-', $spec);
	my $fault = fault($postmap_errors);
	my $our_spec = $spec;
	$our_spec =~ s/unionmap:/union:/g if chance(0.5);
	my ($status, $got, $errors) = run($tool, $our_spec);
	return undef if both_give_up($postmap_errors, $errors);
	if (defined $fault) {
		# Inside of a pipemap the number says too little.
		return undef if $status == 1 << 8 && ($fault == -1 ||
		    $spec =~ /^(pipe|union)map:/ || $errors =~ /:$fault: /);
		return "postmap finds fault: $postmap_errors" .
		    "here (status $status): $errors$got";
	}
	return "here (status $status): $errors" if $status != 0;
	return undef if $got eq $want;
	my %want = map { $_ => 1 } split(/\n/, $want);
	my %got = map { $_ => 1 } split(/\n/, $got);
	return join("\n", 'postmap alone says:',
	    (grep { !$got{$_} } keys %want), 'only we say:',
	    (grep { !$want{$_} } keys %got));
}

# $make returns a spec, and the text of a table file if there is one.
sub check_type {
	my ($type, $make, $key) = @_;
	my ($asked, $found, $bad) = (0, 0, 0);
	for my $i (1 .. $ntables) {
		my ($spec, $text) = $make->();
		my @keys = some(30, $key);
		my $difference = compare_table($spec, \@keys);
		$asked += @keys;
		$found += () = read_file("$dir/out") =~ /\n/g;
		$bad++ if read_file("$dir/err") ne '';
		next if !defined $difference;
		diag("$spec\n---- table\n", $text // '', "\n---- keys\n",
		    join("\n", @keys), "\n---- difference\n$difference");
		return fail("$type: as postmap");
	}
	diag("$type: $ntables tables ($bad bad), $asked keys, $found found")
	    if $ENV{ORACLE_VERBOSE};
	ok($found > $ntables && $bad < $ntables / 2,
	    "$type: $ntables tables, $asked keys");
}

sub file_type {
	my ($type, $lines, $key) = @_;
	check_type($type, sub {
		my $text = lay_out($lines->());
		write_file($table_file, $text);
		return ("$type:$table_file", $text);
	}, $key);
}

sub lmdb_table {
	my %seen;
	my $text = lay_out(map { hash_key_line($_) } grep { !$seen{lc $_}++ }
	    some(1 + int(rand(8)), \&hash_key));
	write_file("$dir/lmdb", $text);
	write_file("$dir/keys", '');
	my ($status, undef, $errors) = run($postmap, '-c', "$dir/postfix",
	    "lmdb:$dir/lmdb");
	die "postmap: $errors" if $status != 0;
	return ("lmdb:$dir/lmdb", $text);
}

# ---- tables that are bad for sure: type, text, line, what is said

my @bad = (
	['cidr', "10.0.0.0/8 a\n10.0.0.1/8 b\n", 2, 'expected 10.0.0.0/8'],
	['cidr', "10.0.0.0/8\n", 1, 'expected a result'],
	['cidr', "# c\n\n10.0.0.0/33 a\n", 3, '0 to 32'],
	['cidr', "a\n", 1, 'no address'],
	['cidr', "10.0.0.0/8 a\n b\nif 10.0.0.0/8\n10.0.0.1 x\n", 3,
	    'without "endif"'],
	['cidr', "endif\n", 1, 'without "if"'],
	['cidr', "if 10.0.0.0/8\nendif x\n", 2, 'behind "endif"'],
	['cidr', "[10.0.0.0/8 a\n", 1, 'brackets'],
	['cidr', "  10.0.0.0/8 a\n", 1, 'white space'],
	['cidr', "10.0.0.0/8 a\0b\n", 1, 'NUL'],
	['cidr', "!\n", 1, 'expected an address'],
	['regexp', "/a/ x\n/b/z x\n", 2, 'unknown flag'],
	['regexp', "/a/ x\n/(b/ x\n", 2, '.'],
	['regexp', "/a\n", 1, 'closing'],
	['regexp', "/a/ \$1\n", 1, '0 groups'],
	['regexp', "!/(a)/ \$1\n", 1, 'negated'],
	['regexp', "if /a/\n /b/ x\nendif\n", 1, 'indented'],
	['regexp', "if /a/\n/b/ x\nendif\n\n /c/ x\n", 3, 'indented'],
	['regexp', "/a/ x\nif /a/\n", 2, 'without "endif"'],
	['regexp', "endif\n", 1, 'without "if"'],
	['regexp', "word\n", 1, 'expected a pattern'],
	['regexp', "/(a)/ \$x\n", 1, 'expected \$1'],
	['regexp', "/(a)/ \${1\n", 1, 'not closed'],
	['pcre', "/a/ x\n\n/b/q x\n", 3, 'unknown flag'],
	['pcre', "/a(?<b/ x\n", 1, '.'],
	['pcre', "/(a)/ \$2\n", 1, '1 groups'],
	['texthash', "a b\nc\n", 2, 'expected a key'],
	['texthash', "a b\n\"c d\n", 2, 'not closed'],
	['texthash', "a b\nc d\nA e\n", 3, 'duplicate'],
	['texthash', "a b\nc \xff\n", 2, 'UTF-8'],
);

sub check_bad {
	my ($type, $text, $line, $says) = @_;
	write_file($table_file, $text);
	write_file("$dir/keys", '');
	my ($status, undef, $errors) = run($tool, "$type:$table_file");
	my $ok = $status == 1 << 8 &&
	    $errors =~ /^\Q$table_file\E:$line: .*$says/;
	my $name = "$type: error in line $line: $says";
	ok($ok, $name) or diag("$text\n---- status $status: $errors");
}

diag("ORACLE_SEED=$seed");
setup_postfix();
file_type('cidr', \&cidr_lines, \&cidr_key);
file_type('regexp', \&regexp_lines, \&pattern_key);
file_type('pcre', \&pcre_lines, \&pattern_key);
file_type('texthash', \&texthash_lines, \&ask_hash_key);
check_type('inline', \&inline_spec, \&ask_hash_key);
check_type('static', \&static_spec, \&ask_hash_key);
# postmap dies of an empty key here; to us it is just not there.
check_type('lmdb', \&lmdb_table, sub { ask_hash_key() || 'a' });
check_type('in braces', sub { simple_spec() }, \&list_key);
check_type('union', sub { list_spec('unionmap', 0) }, \&list_key);
check_type('pipemap', sub { list_spec('pipemap', 0) }, \&list_key);
check_bad(@$_) for @bad;
write_file("$dir/keys", '');
for (['lmdb', 'lmdb'], ['cidr', ''], ['texthash', '']) {
	my ($type, $suffix) = @$_;
	my ($status, undef, $errors) = run($tool, "$type:$dir/none");
	ok($status == 1 << 8 && $errors =~ /none.*No such file/,
	    "$type: no file") or diag("$status: $errors");
}
done_testing();
