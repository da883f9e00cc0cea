# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Readme: what README displays, to be tried as it stands there but for
# addresses and ports.
package XContext::Readme;

use strict;
use warnings;

use Exporter 'import';

use XContext::File qw(slurp);

our @EXPORT_OK = qw(displays readme recipe with);

sub readme { return slurp(($ENV{srcdir} // '.') . '/README') }

# The displays in a text, without their indent.
sub displays {
	my ($text) = @_;
	# The first line of a recipe is at the margin, too, as text.
	$text =~ s/\A[^\n]*\n//;
	my @displays = $text =~ /((?:^[^ \n][^\n]*\n)+)/mg;
	s/^\t//mg for @displays;
	return @displays;
}

# Those of a numbered recipe of the section "The relay".
sub recipe {
	my ($number) = @_;
	my ($section) = readme() =~ /^The relay\n-+\n(.*?)^\S[^\n]*\n---/ms
	    or die "README has no section of the relay\n";
	# What is for main.cf stands at the margin.
	my ($part) = $section =~ /^$number\. (.*?)(?=^(?:\d\. |[A-Z])|\z)/ms
	    or die "README has no recipe $number\n";
	return displays($part);
}

# Replaces what stands there by what is so here; each must be there.
sub with {
	my ($text, @pairs) = @_;
	while (my ($from, $to) = splice(@pairs, 0, 2)) {
		$text =~ s/\Q$from\E/$to/g
		    or die "the recipe has no $from:\n$text";
	}
	return $text;
}

1;
