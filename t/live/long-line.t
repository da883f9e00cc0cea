#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# A table server whose questions may only be so long (Postfix 3.12: over
# socketmap_max_query_size they are "not found", without an error) does not make
# Postfix execute the line that it did not ask about: with both wirings, and a
# scripted server that answers likewise.
use strict;
use warnings;

use IO::Select ();
use IO::Socket::UNIX ();
use POSIX ();
use Test::More;

use XContext::Guard qw(guard_child guard_process);
use XContext::Live ();

use constant QUERY_MAX => 10000;

my $live = XContext::Live->new(start => 0,
    services => [ map { { name => $_, wiring => $_,
	messengers => '127.0.1.0/24' } } qw(a b) ],
    main => { line_length_limit => 20000 });

# What would be executed if it were asked about whole.
sub answer {
	my ($request) = @_;
	return 'NOTFOUND ' if length($request) > QUERY_MAX;
	return 'OK edge' if $request =~ /^(?:xclient|xforward) 127\./;
	return 'OK DISABLE' if $request =~ /^milters /;
	return 'OK XREFUSED scripted' if $request eq 'command XREFUSED';
	return "OK $1" if $request =~ /^command (X.*)/s;
	return 'NOTFOUND ';
}

sub serve {
	my ($listener) = @_;
	my $select = IO::Select->new($listener);
	my %buffer;
	while (my @ready = $select->can_read) {
		for my $sock (@ready) {
			if ($sock == $listener) {
				$select->add($listener->accept);
				next;
			}
			$buffer{$sock} //= '';
			if (!sysread($sock, $buffer{$sock}, 65536,
			    length($buffer{$sock}))) {
				delete $buffer{$sock};
				$select->remove($sock);
				close($sock);
				next;
			}
			while ($buffer{$sock} =~ /^(\d+):/ &&
			    length($buffer{$sock}) > length($&) + $1) {
				my $request = substr($buffer{$sock},
				    length($&), $1);
				substr($buffer{$sock}, 0,
				    length($&) + $1 + 1, '');
				my $reply = answer($request);
				syswrite($sock, length($reply) . ":$reply,");
			}
		}
	}
}

my $path = $live->postfix->sockets . '/maps';
my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 32)
    or die "$path: $!\n";
chmod(0777, $path);
my $pid = fork() // die "fork: $!\n";
if ($pid == 0) {
	guard_child();
	serve($listener);
	POSIX::_exit(0);
}
guard_process($pid);
close($listener);
$live->postfix->start;

for my $service (qw(a b)) {
	my $smtp = $live->connect(service => $service);
	$smtp->cmd('EHLO edge.example.net');
	is($smtp->cmd('XCLIENT NAME=[UNAVAILABLE]')->code, 220,
	    "$service: the scripted server lets everything pass");
	$smtp->close;
	# Blanks in front are not part of the question, other white space is.
	for my $length (3000, QUERY_MAX - 20, QUERY_MAX + 20, 18000) {
		for my $line ('XCLIENT ADDR=198.51.100.9' .
		    ' ' x $length, "XCLIENT\t" . 'ADDR=198.51.100.9 ' x
		    ($length / 18), "\x0b" x $length .
		    'XCLIENT ADDR=198.51.100.9') {
			$smtp = $live->connect(service => $service);
			$smtp->cmd('EHLO edge.example.net');
			my $reply = $smtp->cmd($line);
			(my $name = substr($line, 0, 12)) =~ s/\s/_/g;
			like($reply->code, qr/^5/, "$service: $name..., " .
			    length($line) . ' octets: not executed');
			$smtp->close;
		}
	}
}
kill('TERM', $pid);
waitpid($pid, 0);
$live->postfix->stop;
alarm(0);
done_testing();
