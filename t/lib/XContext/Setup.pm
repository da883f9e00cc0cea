# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Setup: what "xcontext setup" of one kind of server plans, does and
# finds, as a test's own checks.
package XContext::Setup;

use strict;
use warnings;

use Exporter 'import';
use JSON::PP ();
use Test::More;

use XContext::File qw(slurp spit);

our @EXPORT_OK = qw(fails finds setup_by steps succeeds with_file);

my ($setup, $state);

# How it is called with some arguments (as XContext::Ctl::run returns it), and
# what all the files are, as one text.
sub setup_by { ($setup, $state) = @_ }

sub succeeds {
	my ($name, @args) = @_;
	my $got = $setup->(@args);
	is("$got->{status} $got->{signal} $got->{err}", '0 0 ', $name) or
	    diag($got->{out});
	return $got->{out};
}

sub fails {
	my ($status, $text, @args) = @_;
	my $before = $state->();
	my $got = $setup->(@args);
	is($got->{status}, $status, "status of \"@args\"") or
	    diag($got->{out}, $got->{err});
	like($got->{err}, $text, "what \"@args\" is told");
	ok($state->() eq $before, 'nothing is changed');
}

sub _shows {
	my ($name, $first, $cost, $fix) = @_;
	my $out = $setup->('--check')->{out};
	my @blocks = $out =~ /^(\w+: .*\n(?:\t.*\n)+)/mg;
	my $got = join('', grep { index($_, "$first\n") == 0 } @blocks);
	is($got, "$first\n\tcosts: $cost\n\tdo:    $fix\n", $name) or
	    diag($out);
}

sub steps {
	my (@args) = @_;
	my $plan = JSON::PP::decode_json($setup->('--plan', '--json', @args)
	    ->{out});
	return [ map { $_->{what} } @{$plan->{steps}} ];
}

# The place and the problem are patterns; or all is a text, and is what a person
# sees of it, from the first word to the last.
sub finds {
	my ($name, $severity, $where, $problem, @cost_and_fix) = @_;
	return _shows($name, "$severity: $where: $problem", @cost_and_fix)
	    if @cost_and_fix;
	my $list = JSON::PP::decode_json($setup->('--check', '--json')->{out});
	my @found = grep { $_->{severity} eq $severity &&
	    $_->{where} =~ $where && $_->{problem} =~ $problem } @$list;
	is(scalar @found, 1, $name) or diag(join("\n",
	    map { "$_->{severity}: $_->{where}: $_->{problem}" } @$list));
}

# What it finds while a file is as $change makes it of $_.
sub with_file {
	my ($name, $path, $change, @want) = @_;
	my $text = slurp($path);
	local $_ = $text;
	$change->();
	isnt($_, $text, "$name: it is another text");
	spit($path, $_);
	finds($name, @$_) for @want;
	spit($path, $text);
}

1;
