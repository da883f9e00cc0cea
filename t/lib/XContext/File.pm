# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::File: writes, replaces and reads the whole of a file, or dies.
package XContext::File;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(replace slurp spit);

sub spit {
	my ($path, $text) = @_;
	open(my $fh, '>', $path) or die "$path: $!\n";
	print $fh $text;
	close($fh) or die "$path: $!\n";
}

# Whoever reads it meanwhile has the old one or the new one, whole.
sub replace {
	my ($path, $text) = @_;
	spit("$path.new", $text);
	rename("$path.new", $path) or die "$path: $!\n";
}

sub slurp {
	my ($path) = @_;
	open(my $fh, '<', $path) or die "$path: $!\n";
	local $/;
	return scalar <$fh>;
}

1;
