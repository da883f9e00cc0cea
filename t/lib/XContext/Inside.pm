# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Inside: looks behind the scene of a live test: which smtpd process
# serves a connection, what the store has of that process, and who sent what
# according to those who should know.
package XContext::Inside;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(smtpd_of record_of put_record all_records store_tool
    received context_header accounts);

# The pid of the smtpd behind an XContext::Smtp; undef if it has none (yet).
sub smtpd_of {
	my ($smtp) = @_;
	my $inode = _inode_behind($smtp->local_port) // return undef;
	for my $link (glob('/proc/[0-9]*/fd/*')) {
		my $to = readlink($link) // next;
		return $link =~ m{^/proc/(\d+)/} ? $1 : undef
		    if $to eq "socket:[$inode]";
	}
	return undef;
}

# The inode of the established socket whose other end has that port.
sub _inode_behind {
	my ($port) = @_;
	my $wanted = sprintf('%04X', $port);
	open(my $fh, '<', '/proc/net/tcp') or die "/proc/net/tcp: $!\n";
	while (my $line = <$fh>) {
		my @field = split(' ', $line);
		return $field[9] if @field > 9 && $field[3] eq '01' &&
		    $field[2] =~ /:$wanted$/ && $field[9] ne '0';
	}
	return undef;
}

# Runs store_tool on the test's store (url: another one): exit status, output.
sub store_tool {
	my ($live, @arguments) = @_;
	my $program = ($ENV{XC_BUILD} // '.') . '/t/lib/store_tool';
	pipe(my $in, my $out) or die "pipe: $!\n";
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		open(STDOUT, '>&', $out);
		open(STDERR, '>&', $out);
		# What leaks in a tool of the tests is nobody's business.
		$ENV{ASAN_OPTIONS} = ($ENV{ASAN_OPTIONS} // '') .
		    ':detect_leaks=0';
		my $url = $live->{store} // "lmdb:$live->{dir}/xcontext/store";
		exec($program, $url, @arguments) or exit(127);
	}
	close($out);
	my $text = do { local $/; <$in> };
	waitpid($pid, 0);
	die "$program cannot be run\n" if $? >> 8 == 127;
	return ($? >> 8, $text);
}

# The ledger's record of a process as a hash of its fields; undef if there is
# none.
sub record_of {
	my ($live, $pid) = @_;
	my ($status, $text) = store_tool($live, 'get', $pid);
	return undef if $status == 1;
	die "store_tool: $text\n" if $status != 0;
	return { map { /^(\w+)=(.*)$/ ? ($1, $2) : () } split(/\n/, $text) };
}

sub put_record {
	my ($live, $pid, %field) = @_;
	return store_tool($live, 'put', $pid,
	    map { "$_=$field{$_}" } sort keys %field);
}

# How many records there are.
sub all_records {
	my ($live) = @_;
	my ($status, $text) = store_tool($live, 'list');
	return scalar(() = $text =~ /^session=/mg);
}

# The Received: header that Postfix wrote, on one line.
sub received {
	my ($mail) = @_;
	return undef if !defined $mail;
	return undef if $mail !~ /^Received: (.*(?:\n[ \t].*)*)/m;
	(my $text = $1) =~ s/\s+/ /g;
	return $text;
}

# How many context headers a mail has, and the pairs of the first as a hash.
sub context_header {
	my ($mail) = @_;
	my ($head) = ($mail // '') =~ /^(.*?\n)\n/s;
	my @fields = ($head // '') =~
	    /^X-Session-Context[ \t]*:((?:.*\n)(?:[ \t].*\n)*)/gim;
	(my $field = $fields[0] // '') =~ s/\s+//g;
	return (scalar(@fields), { map { /^([^=]*)=(.*)$/ } split(/;/, $field) });
}

# What the policy service, the milters and Postfix itself have been told of
# the mail of that sender: one list of "address name port login", made unique;
# a milter has no login where there is none.
sub accounts {
	my ($live, $sender) = @_;
	my %seen;
	for my $request ($live->policy_seen->find(sender => $sender)) {
		$seen{_account(@$request{qw(client_address client_name
		    client_port sasl_username)})} = 1;
	}
	my %connect;
	for my $event ($live->milter_seen->all) {
		$connect{$event->{session}} = $event
		    if $event->{event} eq 'CONNECT';
		next if $event->{event} ne 'MAIL' ||
		    $event->{sender} ne "<$sender>";
		my $from = $connect{$event->{session}};
		$seen{_account(@$from{qw(addr name port)},
		    $event->{auth_authen})} = 1;
	}
	return sort keys %seen;
}

sub _account {
	my ($address, $name, $port, $login) = @_;
	$name = 'unknown' if $name eq "[$address]";
	$port = '0' if $port eq 'unknown';
	return join(' ', $address, $name, $port, $login // '');
}

1;
