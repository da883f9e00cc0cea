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

our @EXPORT_OK = qw(block commands conversation displays in_place listener
    readme recipe section with);

sub readme { return slurp(($ENV{srcdir} // '.') . '/README') }

# The text of a section.
sub section {
	my ($title) = @_;
	my ($text) = readme() =~
	    /^\Q$title\E\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\z)/ms
	    or die "README has no section \"$title\"\n";
	return $text;
}

# The block at the margin behind the paragraph of that section that ends in
# this.
sub block {
	my ($title, $behind) = @_;
	my ($text) = section($title) =~
	    /$behind\n\n((?:\S.*\n(?:[ \t].*\n)*|\}\n)+)/
	    or die "README has no block behind \"$behind\"\n";
	return $text;
}

# Such a block as commands: what a backslash continues is one.
sub commands {
	my ($title, $behind) = @_;
	my $text = block($title, $behind);
	$text =~ s/[ \t]*\\\n[ \t]*/ /g;
	return split(/\n/, $text);
}

# What is typed at the margin of a section's numbered steps, and what comes of
# that: { commands => [ TEXT, ... ], output => TEXT }.  A command goes on behind
# a backslash, and up to the END that it names.
sub conversation {
	my ($title) = @_;
	my ($text) = section($title) =~ /^(1\. .*)/ms
	    or die "\"$title\" has no steps\n";
	my (@blocks, $goes_on, $is_open);
	for my $line (split(/\n/, $text)) {
		if ($goes_on) {
			$blocks[-1]{commands}[-1] .= "\n$line";
			$goes_on = 0 if $goes_on eq 'END' ? $line eq 'END' :
			    $line !~ /\\$/;
		} elsif ($line =~ /^\t(.*)/) {
			die "nothing is typed for it: $line\n" if !@blocks;
			$blocks[-1]{output} .= "$1\n";
			$is_open = 0;
		} elsif ($line =~ /^(?:\d+\. | {3}\S)/) {
			$is_open = 0;
		} elsif ($line ne '') {
			push(@blocks, { commands => [], output => '' })
			    if !$is_open;
			push(@{$blocks[-1]{commands}}, $line);
			$is_open = 1;
			$goes_on = $line =~ /<<'END'$/ ? 'END' :
			    $line =~ /\\$/ ? '\\' : 0;
		}
	}
	return @blocks;
}

# The displays in a text, without their indent.
sub displays {
	my ($text) = @_;
	# The first line of a recipe is at the margin, too, as text.
	$text =~ s/\A[^\n]*\n//;
	my @displays = $text =~ /((?:^[^ \n][^\n]*\n)+)/mg;
	s/^\t//mg for @displays;
	return @displays;
}

# A text of xcontext.conf with a test's directory for the host's, that for the
# sockets, and its own user.
sub in_place {
	my ($text, $dir, $sockets) = @_;
	$text =~ s{/etc/xcontext/}{$dir/}g;
	$text =~ s{/var/spool/postfix/xcontext/}{$sockets/}g;
	$text =~ s{lmdb:/run/xcontext/}{lmdb:$dir/xcontext/};
	$text =~ s{^state_directory = .*\n}{}m;
	$text =~ s{^user = .*$}{user = ""\nruntime_directory = "$dir/xcontext"\nstate_directory = "$dir/xcontext"}m;
	$text =~ s{^log = .*$}{log = "stderr"}m;
	return $text;
}

# The entry for master.cf, which listens there and in no chroot.
sub listener {
	my ($where) = @_;
	my $entry = block('Attaching it to your own Postfix',
	    qr/all the world reaches it\./);
	$entry =~ s/^192\.0\.2\.25:10025 inet n - y /$where inet n - n /
	    or die "the wiring begins in another way\n";
	return $entry;
}

# Those of a numbered recipe of the section "The relay".
sub recipe {
	my ($number) = @_;
	# What is for main.cf stands at the margin.
	my ($part) = section('The relay') =~
	    /^$number\. (.*?)(?=^(?:\d\. |[A-Z])|\z)/ms
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
