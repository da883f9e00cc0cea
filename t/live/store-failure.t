#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# The store's file system is full, its room is used up, its directory cannot be
# written or has gone: the log says so, messengers get 4xx, no daemon crashes,
# strangers' mail (wiring B) comes in, and all is well when there is room again.
use strict;
use warnings;

use File::Path ();
use Test::More;
use Time::HiRes ();

use XContext::Guard qw(guard_dir guard_mount);
use XContext::Inside qw(accounts all_records put_record smtpd_of store_tool);
use XContext::Live ();

my $impossible = XContext::Live::impossible();
plan(skip_all => $impossible) if defined $impossible;

# Room for some stores of 1 MiB with what they keep in reserve.
my $disk = guard_dir() . '/disk';
mkdir($disk, 0755) or die "$disk: $!\n";
my $mounted = system('mount', '-t', 'tmpfs', '-o', 'size=9m,mode=0755',
    'xcontext', $disk) == 0;
plan(skip_all => 'a file system cannot be mounted') if !$mounted;
guard_mount($disk);

my $is_root = ($ENV{XC_SANITIZE} // 'no') ne 'no';
my ($uid, $gid) = (getpwnam($is_root ? 'root' : 'daemon'))[2, 3];
chown($uid, $gid, $disk);

my $live = XContext::Live->new(
    services => [ map { { name => $_, wiring => $_ } } qw(a b) ],
    conf => { store => "\"lmdb:$disk/store\"" },
    profiles => <<'END', start => 0);
limits {
	store_size = 1
	log_rate = 0
}
profile edge {
	xclient = { "ADDR", "PORT", "NAME" }
}
profile webmail {
	xclient = { "ADDR", "LOGIN" }
	login = { "*@example.com" }
}
END
$live->{store} = "lmdb:$disk/store";
$ENV{XC_STORE_SIZE} = 1;
my $n = 0;

# Takes all room but that many pages.
sub fill {
	my ($left) = @_;
	my $page = "\0" x 4096;
	open(my $fh, '>', "$disk/filler") or die "$disk/filler: $!\n";
	my $pages = 0;
	$pages++ while (syswrite($fh, $page) // 0) == 4096;
	truncate($fh, ($pages > $left ? $pages - $left : 0) * 4096);
	close($fh);
}

sub make_room { unlink("$disk/filler") }

# A whole session; the codes of EHLO, XCLIENT and mail, and its sender.  Newer
# Postfixes greet with 421 where a milter refuses the connection.
sub session {
	my ($service, $peer, $command) = @_;
	my $sender = sprintf('st%d@example.org', ++$n);
	my $smtp = $live->connect(service => $service, local => $peer);
	my @codes = $smtp->greeting->code == 421 ? 421 :
	    $smtp->cmd('EHLO edge.example.net')->code;
	push(@codes, $smtp->cmd($command)->code)
	    if $codes[-1] == 250 && defined $command;
	push(@codes, $smtp->mail(from => $sender, subject => $sender)->code)
	    if $codes[-1] != 421;
	$smtp->close;
	return ("@codes", $sender);
}

sub is_well {
	my ($when) = @_;
	my ($codes, $sender) = session('a', XContext::Live::WEBMAIL,
	    'XCLIENT ADDR=198.51.100.1 LOGIN=user@example.com');
	is($codes, '250 220 250', "$when: a messenger's mail comes in");
	is_deeply([ accounts($live, $sender) ],
	    [ '198.51.100.1 unknown 0 user@example.com' ],
	    "$when: under its identity");
	($codes) = session('a', XContext::Live::MESSENGER,
	    'XCLIENT ADDR=10.0.0.1');
	is($codes, '250 450 451', "$when: what is not granted is refused");
}

sub strangers_are_well {
	my ($when) = @_;
	my ($codes, $sender) = session('b', XContext::Live::STRANGER);
	is($codes, '250 250', "$when: a stranger's mail comes in");
	ok($live->postfix->delivered($sender), "$when: and is delivered");
}

sub messengers_are_put_off {
	my ($when) = @_;
	for my $service (qw(a b)) {
		my ($codes, $sender) = session($service,
		    XContext::Live::MESSENGER, 'XCLIENT ADDR=198.51.100.1');
		like($codes, qr/(?:^| )4\d\d$/,
		    "$when: a messenger gets 4xx, wiring $service");
		ok($live->not_delivered($sender),
		    "$when: and its mail is not in, wiring $service");
	}
}

# A daemon that has no store says so and ends, and not by a signal.
sub refuses_to_start {
	my ($when, $daemon, $why) = @_;
	my $before = length($daemon->log_text);
	$daemon->start(may_fail => 1);
	# It listens before it opens its store.
	for (1 .. 250) {
		last if !$daemon->is_running;
		Time::HiRes::sleep(0.02);
	}
	my $status = $daemon->stop;
	is($status, 69 << 8, "$when: $daemon->{name} ends with EX_UNAVAILABLE");
	like(substr($daemon->log_text, $before),
	    qr/level=error at=store text="store: .*$why/,
	    "$when: and says why");
}

$live->expect_log(qr/event=store_replaced/, qr/event=failed level=error at=store text="store: /,
    qr/event=error level=error .*"store: /,
    qr/event=error level=error .*the session store failed/,
    # The milter, of a login that only another store's ledger knows.
    qr/reason=mismatch/);
$live->start;
my %pid = map { ($_->{name}, $_->pid) } $live->policy, $live->milter;
is_well('at first');

# A full file system does not hurt those who have taken their room.
fill(0);
is_well('the disk is full, the daemons run');
strangers_are_well('the disk is full, the daemons run');
make_room();

# The store is full of others' sessions.
my $status = 0;
my $last = 100000;
while ($status == 0 && $last < 110000) {
	($status) = put_record($live, 4000000 + $last++, peer => '192.0.2.1',
	    pid_start => 1, refused_text => 'x' x 3000);
}
isnt($status, 0, 'the store is full') or diag(all_records($live));
messengers_are_put_off('the store is full');
strangers_are_well('the store is full');
my ($error) = reverse $live->policy->events(event => 'error');
like($error->{line} // $error->{text} // 'no event', qr/store: .*full/i,
    'the store is full: the log says so') or diag($live->policy->log_text);
is($_->pid, $pid{$_->{name}}, "the store is full: $_->{name} lives"),
    ok($_->is_running, "the store is full: $_->{name} lives")
    for $live->policy, $live->milter;
store_tool($live, 'delete', 4000000 + $_) for 100000 .. $last - 20;
is_well('there is room again');

# What is left of processes that are gone goes at the next start.
$live->policy->stop;
$live->policy->start;
for (1 .. 250) {
	last if all_records($live) < 10;
	Time::HiRes::sleep(0.02);
}
cmp_ok(all_records($live), '<', 10, 'dead records are swept');

# The directory is deleted, and only one daemon comes back with a new one.
File::Path::remove_tree("$disk/store");
$live->milter->stop;
$live->milter->start;
my ($codes, $sender) = session('a', XContext::Live::MESSENGER,
    'XCLIENT ADDR=10.0.0.1');
like($codes, qr/^250 [45]\d\d 4\d\d$/,
    'the store is deleted: what is refused stays so');
($codes, $sender) = session('a', XContext::Live::WEBMAIL,
    'XCLIENT ADDR=198.51.100.1 LOGIN=user@example.com');
like($codes, qr/^250 220 (?:250|4\d\d)$/,
    'the store is deleted: a login comes in or gets 4xx');
is_deeply([ grep { $_ ne '198.51.100.1 unknown 0 user@example.com' }
    accounts($live, $sender) ], [],
    'the store is deleted: under no other identity');
strangers_are_well('the store is deleted');
is(scalar($live->policy->events(event => 'store_replaced')), 1,
    'the store is deleted: who had it open says so, once');
is_well('both use the new store');

# Nor does a milter that runs go on reading what is gone.
File::Path::remove_tree("$disk/store");
$live->policy->stop;
$live->policy->start;
is_well('the store is deleted under the milter');
is(scalar($live->milter->events(event => 'store_replaced')), 1,
    'the store is deleted under the milter: it says so, once');

# No store can be made, and so no daemon starts.
for my $row (
	[ 'no room', sub { fill(0) }, sub { make_room() }, 'No space' ],
	[ 'a page of room', sub { fill(1) }, sub { make_room() }, 'No space' ],
	[ 'some pages of room', sub { fill(5) }, sub { make_room() },
	    'No space' ],
	[ 'room for a lock', sub { fill(24) }, sub { make_room() },
	    'No space' ],
	[ 'unwritable directory', sub { chown(0, 0, $disk) },
	    sub { chown($uid, $gid, $disk) }, 'Permission denied' ],
	[ 'a directory of another user', sub { mkdir("$disk/store", 0777);
	    chown(1234, 1234, "$disk/store") }, sub { rmdir("$disk/store") },
	    'another user' ],
	[ 'a link to a directory', sub { mkdir("$disk/elsewhere", 0700);
	    chown($uid, $gid, "$disk/elsewhere");
	    symlink('elsewhere', "$disk/store") },
	    sub { unlink("$disk/store"); rmdir("$disk/elsewhere") },
	    'it is a link' ],
	[ 'a file in its place', sub { open(my $fh, '>', "$disk/store") },
	    sub { unlink("$disk/store") }, 'Not a directory' ],
) {
	my ($when, $break, $mend, $why) = @$row;
	next if $is_root && $why eq 'Permission denied';
	$_->stop for $live->policy, $live->milter;
	File::Path::remove_tree("$disk/store");
	$break->();
	refuses_to_start($when, $_, $why) for $live->policy, $live->milter;
	messengers_are_put_off($when);
	strangers_are_well($when);
	$mend->();
	unlink("$disk/store");
	File::Path::remove_tree("$disk/store");
	for my $daemon ($live->policy, $live->milter) {
		$daemon->stop;
		$daemon->start;
	}
	is_well("after: $when");
}

$live->finish;
