#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# "xcontext conformance" against Postfix, xcontext-relay, Dovecot, Exim and nginx:
# what it finds is the table of xcontext(1).  With CONFORMANCE_TABLE that is
# printed.
use strict;
use warnings;

use IO::Socket::UNIX ();
use JSON::PP ();
use Test::More;

use XContext::Ctl ();
use XContext::Dovecot ();
use XContext::Exim ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_child guard_dir guard_process
    guard_time);
use XContext::Nginx ();
use XContext::Postfix ();
use XContext::Relay ();

my $why = XContext::Ctl::impossible() // XContext::Postfix::impossible() //
    XContext::Relay::impossible() // XContext::Nginx::impossible();
plan(skip_all => $why) if defined $why;
guard_time(300);

my $dir = guard_dir();
spit("$dir/clients.cidr", "192.0.2.66 REJECT\n");
spit("$dir/names.pcre", "/^bad\\.example\\.org\$/ REJECT\n");
my $xclient = 'smtpd_authorized_xclient_hosts = 127.0.0.0/8';
my $postfix = XContext::Postfix->new(services => [
	{ name => 'mx', options => [ $xclient,
	    'smtpd_authorized_xforward_hosts = 127.0.0.0/8' ] },
	{ name => 'closed' } ],
    main => { virtual_mailbox_maps => 'inline:{box@example.com=box/}',
	smtpd_client_restrictions => "check_client_access cidr:$dir/clients." .
	    "cidr, check_client_access pcre:$dir/names.pcre",
	smtpd_helo_restrictions => "check_helo_access pcre:$dir/names.pcre",
	smtpd_relay_restrictions => "check_policy_service unix:$dir/users, " .
	    'reject_unauth_destination',
	smtpd_recipient_restrictions => 'reject_unlisted_recipient' });

# Who has logged in may send mail anywhere.
{
	my $listener = IO::Socket::UNIX->new(Local => "$dir/users",
	    Listen => 16) or die "$dir/users: $!\n";
	chmod(0666, "$dir/users");
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		guard_child();
		$SIG{CHLD} = 'IGNORE';
		while (my $sock = $listener->accept) {
			next if fork() // 1;
			local $/ = "\n\n";
			while (my $request = <$sock>) {
				syswrite($sock, 'action=' . ($request =~
				    /^sasl_username=./m ? 'OK' : 'DUNNO') .
				    "\n\n");
			}
			exit(0);
		}
	}
	guard_process($pid);
}
chmod(0711, $dir);
$postfix->start;
my $relay = XContext::Relay->new(conf => { XCLIENT => '"required"' },
    relays => { front => { next_hop => sprintf('"smtp:[%s]:%d"',
    $postfix->address('mx'), $postfix->port('mx')) } },
    trust => "127.0.1.0/24 edge\n127.0.4.0/24 filter\n127.0.5.0/24 narrow\n",
    profiles => <<'END');
profile edge {
	xclient = { "*" }
	xforward = { "*" }
	addr = { "*" }
	login = { "*" }
}
profile filter {
	xforward = { "*" }
}
profile narrow {
	xclient = { "ADDR" }
	addr = { "*" }
}
END
$relay->start;
my $nginx = XContext::Nginx->new(behind => { mx => [ $postfix->address('mx'),
    $postfix->port('mx') ] });
$nginx->start;
my $no_dovecot = XContext::Dovecot::impossible() //
    (XContext::Dovecot::has_submission() ? undef : 'none for submission');
my $dovecot = defined $no_dovecot ? undef : XContext::Dovecot->new(
    relay => [ $postfix->address('mx'), $postfix->port('mx') ]);
my $no_exim = XContext::Exim::impossible();
my $exim = defined $no_exim ? undef : XContext::Exim->new(rules => <<'END');
deny hosts = 192.0.2.66
deny condition = ${if eq{$sender_host_name}{bad.example.org}}
deny condition = ${if eq{$sender_helo_name}{bad.example.org}}
accept authenticated = *
END
my $ctl = XContext::Ctl->new;

sub conformance {
	my ($where, @options) = @_;
	my $got = $ctl->run('conformance', $where, '--rcpt', 'box@example.com',
	    '--rejected', '192.0.2.66', '--rejected-name', 'bad.example.org',
	    '--rejected-helo', 'bad.example.org', '--source', '127.0.1.1',
	    '--json', @options);
	diag($got->{err}) if $got->{err} ne '';
	my $rows = JSON::PP::decode_json($got->{out});
	is($got->{status}, (scalar grep { $_->{verdict} eq 'dangerous' }
	    @$rows) ? 1 : 0, "$where: the status says whether one is dangerous");
	return $rows;
}

my %found = (
	postfix => conformance($postfix->address('mx') . ':' .
	    $postfix->port('mx')),
	relay => conformance($relay->address . ':' . $relay->port),
	nginx => conformance("127.0.0.1:$nginx->{port}{mx}"),
	closed => conformance($postfix->address('closed') . ':' .
	    $postfix->port('closed')));

$found{dovecot} = conformance('127.0.0.1:' . $dovecot->port('submission'))
    if defined $dovecot;
$found{exim} = conformance("$exim->{address}:$exim->{port}")
    if defined $exim;

# What is known by other ways than this.
sub verdict {
	my ($server, $question) = @_;
	return (map { $_->{verdict} } grep { $_->{question} eq $question }
	    @{$found{$server}})[0] // "no question \"$question\"";
}
is(verdict('postfix', 'half a line, and a login'), 'dangerous',
    'Postfix takes half a line');
is(verdict('postfix', 'a login, behind another ADDR'), 'as specified',
    'Postfix forgets a login');
is(verdict('relay', 'half a line, and a login'), 'safe deviation',
    'the relay takes no more mail then');
is(scalar(grep { $_->{verdict} eq 'dangerous' } @{$found{relay}}), 0,
    'nothing about the relay is dangerous') or diag(map {
    JSON::PP::encode_json($_) . "\n" } grep { $_->{verdict} eq 'dangerous' }
    @{$found{relay}});
is(verdict($_, 'XCLIENT that is not offered'), 'as specified',
    "$_ offers none, and takes none") for 'nginx', 'closed';

# What is about a client, or a transaction, that never came to be is not told.
SKIP: {
	skip("Dovecot: $no_dovecot", 2) if !defined $dovecot;
	is(verdict('dovecot', 'XCLIENT behind one of somebody else'),
	    'dangerous', 'Dovecot goes on trusting whoever it trusted');
	is(verdict('dovecot', 'XCLIENT in a transaction'), 'cannot be told',
	    'Dovecot takes no MAIL without a login');
}
SKIP: {
	skip("Exim: $no_exim", 1) if !defined $exim;
	isnt(verdict('exim', 'XCLIENT that is not offered'), 'dangerous',
	    'Exim takes no XCLIENT that it does not offer');
}
{
	my $got = $ctl->json('conformance', $relay->address . ':' .
	    $relay->port, '--source', '127.0.5.1');
	is((map { $_->{verdict} } grep { $_->{question} eq
	    'XCLIENT behind one of somebody else' } @$got)[0],
	    'cannot be told', 'nor is what a refused XCLIENT comes before');
}

# Without what it needs, it does not guess.
{
	my $got = $ctl->json('conformance', $postfix->address('mx') . ':' .
	    $postfix->port('mx'), '--outside', 'box@example.com');
	my %verdict = map { $_->{question} => $_->{verdict} } @$got;
	is($verdict{$_}, 'cannot be told', "$_: it cannot be told")
	    for 'half a line, and an address', 'half a line, and a login';
}
is($ctl->run('conformance', '127.0.0.1:' .
    XContext::Postfix::free_port('127.0.0.1'))->{status}, 69, 'nobody there');
is(scalar($postfix->mails), 0, 'nothing was sent');
ok($postfix->is_idle, '... nor is on its way');

#
# The manual
#
my %sign = ('as specified' => '=', 'safe deviation' => '~',
    'dangerous' => '!', 'cannot be told' => '?', 'not offered' => '\-');
my @servers = qw(postfix relay dovecot exim nginx);
my $table = '';
for my $i (0 .. $#{$found{postfix}}) {
	my $question = $found{postfix}[$i]{question};
	$table .= ".It $question Ta " . join(' Ta ', map {
	    $sign{$found{$_}[$i]{verdict} // ''} // '' } @servers) . "\n";
}
if (defined $ENV{CONFORMANCE_TABLE}) {
	diag($table);
	diag(map { my $s = $_; map { "$s $_->{question}: $_->{verdict}: " .
	    "$_->{meaning} (" . ($_->{replies} // '') . ")\n" } @{$found{$s}} }
	    @servers);
}
my ($manual) = slurp(($ENV{srcdir} // '.') . '/man/xcontext.1') =~
    /^\.It Em question[^\n]*\n(.*?)^\.El/ms;
SKIP: {
	skip('the manual tells of Postfix 3.7, Dovecot 2.3 and Exim 4.96', 1)
	    if XContext::Postfix::version() !~ /^3\.7\./ ||
	    !defined $dovecot || !defined $exim ||
	    $exim->version ne '4.96';
	is($manual, $table, 'the table of the manual is what was found');
}

$relay->finish;
$postfix->stop;
done_testing();
