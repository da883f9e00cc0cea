# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Rbldnsd: a private rbldnsd, the DNS server of blocklists, on port 53
# of a loopback address that is this test's alone: where a server asks that
# resolv.conf names.
#
#	my $dns = XContext::Rbldnsd->new(zones => {
#	    'bl.example.org' => [ ip4set => ":127.0.0.2:why\n192.0.2.66\n" ] });
#	... resolver => $dns->address ...
package XContext::Rbldnsd;

use strict;
use warnings;

use POSIX ();
use Time::HiRes ();

use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_child guard_dir guard_process);
use XContext::Postfix ();

my ($program) = grep { -x } qw(/usr/sbin/rbldnsd /usr/local/sbin/rbldnsd);

# Why there can be none here; undef if there can.
sub impossible {
	return 'port 53 needs root' if $> != 0;
	return 'rbldnsd is not installed' if !defined $program;
	return undef;
}

#	zones	{ name => [ type, text, ... ] }, as its manual has them; a name
#		in none of them is refused, which is no answer to who asks
sub new {
	my ($class, %opt) = @_;
	my $dir = guard_dir() . '/rbldnsd';
	my $self = bless({ address => XContext::Postfix::own_address() },
	    $class);
	mkdir($dir, 0755) or die "$dir: $!\n";
	my ($n, @zones) = (0);
	for my $zone (sort keys %{$opt{zones}}) {
		my @sets = @{$opt{zones}{$zone}};
		while (my ($type, $text) = splice(@sets, 0, 2)) {
			spit("$dir/zone" . ++$n, $text);
			push(@zones, "$zone:$type:zone$n");
		}
	}
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		open(STDOUT, '>', "$dir/log");
		open(STDERR, '>&', \*STDOUT);
		exec($program, '-n', '-u', 'nobody', '-w', $dir, '-b',
		    "$self->{address}/53", @zones) or POSIX::_exit(127);
	}
	guard_process($pid);
	$self->_wait_for("$dir/log", $pid);
	return $self;
}

# It has a zone when it says so; what it cannot read of one it says too.
sub _wait_for {
	my ($self, $log, $pid) = @_;
	for (1 .. 500) {
		my $text = -e $log ? slurp($log) : '';
		die "rbldnsd: $text\n" if $text =~ /invalid|unrecognized/;
		return if $text =~ / started \(/;
		die "rbldnsd does not start: $text\n"
		    if waitpid($pid, POSIX::WNOHANG()) == $pid;
		Time::HiRes::sleep(0.02);
	}
	die "rbldnsd does not answer\n";
}

sub address { return $_[0]{address} }

1;
