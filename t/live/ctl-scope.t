#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# explain --scope says the way that a relay takes: scopes, tables, senders,
# recipients and contexts made at random, mailed through a real relay and asked
# about; and each place that it names is where that stands.
use strict;
use warnings;

use Test::More;

use XContext::Ctl ();
use XContext::File qw(slurp spit);
use XContext::Guard qw(guard_dir guard_time);
use XContext::Hop ();
use XContext::Relay ();

my $why = XContext::Ctl::impossible() // XContext::Relay::impossible();
plan(skip_all => $why) if defined $why;
guard_time(240);

my $seed = $ENV{XC_SEED} // time;
my $n_cases = $ENV{XC_CASES} // 60;
srand($seed);
note("XC_SEED=$seed");

sub one_of { return $_[rand(@_)] }

my $dir = guard_dir();
my %hop = map { $_ => XContext::Hop->new(xclient => 'NAME ADDR PORT') }
    qw(first second);
my @domains = qw(a.example b.example sub.a.example c.test);
my @modes = ('', '', map { "XCLIENT = \"$_\"" } qw(no ifavailable required));

#
# A configuration at random
#
sub domains {
	my ($indent) = @_;
	return join('', map { "${indent}domain $_ { " . one_of(@modes) .
	    " }\n" } grep { rand() < 0.3 } @domains, '.a.example', '.test');
}

sub binding {
	my ($name, $indent) = @_;
	return "${indent}binding $name {\n$indent\t" . one_of(@modes) . "\n" .
	    domains("$indent\t") . "$indent}\n";
}

sub sections {
	return domains('') . binding('silver', '') .
	    "binding_group partners {\n\t" . one_of(@modes) . "\n" .
	    domains("\t") . binding('gold', "\t") . binding('iron', "\t") .
	    "}\n";
}

my %relays = (
	ways => { transport_maps => "{ \"texthash:$dir/transport\" }",
	    binding_maps => "{ \"texthash:$dir/bindings\" }" },
	always => { next_hop => '"' . $hop{first}->target . '"',
	    binding => '"iron"' },
	either => { next_hop => '"' . $hop{second}->target . '"',
	    binding => '"silver"',
	    transport_maps => "{ \"texthash:$dir/transport\" }",
	    binding_maps => "{ \"texthash:$dir/bindings\" }" }
);
spit("$dir/transport", "a.example\t" . $hop{first}->target . "\n" .
    ".a.example\t" . $hop{second}->target . "\n" .
    "joe\@b.example\t" . $hop{second}->target . "\n");
spit("$dir/bindings", "context.way=gold\tgold\ncontext.way=iron\tiron\n" .
    "message.mailfrom=silver\@sender.example\tsilver\n" .
    "client=203.0.113.7\tgold\n");

my $relay = XContext::Relay->new(relays => \%relays,
    sections => sections());
my $ctl = XContext::Ctl->new(conf => $relay->{conf});

sub new_configuration {
	$relay->{sections} = sections();
	my $global = one_of(undef, '"no"', '"ifavailable"', '"required"');
	$relay->{settings}{XCLIENT} = $global;
	if ($relay->pid) {
		is($relay->reload->{event}, 'reload', 'another configuration');
	} else {
		$relay->write_conf;
		$relay->start;
	}
}

#
# What a case comes to
#
sub new_case {
	return {
		relay => one_of(sort keys %relays),
		from => one_of('silver@sender.example', 'x@sender.example', '',
		    '"silver"@sender.example'),
		to => one_of('joe', 'JANE', '"joe"') . '@' . one_of(@domains,
		    'A.Example.', 'nowhere.example', 'b..example'),
		way => one_of(undef, 'gold', 'iron', 'other'),
		client => one_of(undef, undef, '203.0.113.7', '203.0.113.8')
	};
}

# The relay's: reply where there is no way, else what its log says.
sub mailed {
	my ($case) = @_;
	$relay->mark;
	my $smtp = $relay->connect(relay => $case->{relay});
	$smtp->cmd('EHLO messenger');
	if (defined $case->{client}) {
		$smtp->cmd("XCLIENT ADDR=$case->{client}")->code == 220 or
		    die "no XCLIENT\n";
	}
	if (defined $case->{way}) {
		$smtp->cmd("XSETCONTEXT way=$case->{way}")->code == 250 or
		    die "no XSETCONTEXT\n";
	}
	# An override ends what was greeted.
	$smtp->cmd('EHLO laptop') if defined $case->{client};
	my $reply = $smtp->mail(from => $case->{from}, to => $case->{to});
	$smtp->quit;
	$relay->is_idle or diag('the relay does not let go');
	return 'reply ' . $reply->code . ' ' . $reply->text if
	    $reply->code != 250;
	my ($line) = $relay->since(event => 'message');
	return join(' ', map { $line->{$_} // '-' }
	    qw(hop binding xclient rule));
}

my $n_places = 0;

# The line that is named, which may be the one where the section begins.
sub stands {
	my ($what, $place, @words) = @_;
	my ($file, $line) = $place =~ /^(\S+):(\d+)/ or
	    return fail("$what: a place: $place");
	my @lines = split(/\n/, slurp($file));
	my $text = $lines[$line - 1] // '';
	$n_places++;
	return 1 if !grep { index($text, $_) < 0 } @words;
	return is($text, "@words", "$what: stands at $place");
}

sub look_at_places {
	my ($case, $found) = @_;
	stands('next hop', $found->{next_hop_rule},
	    $found->{next_hop} =~ s/^smtp://r);
	stands('binding', $found->{binding_rule}, $found->{binding}) if
	    defined $found->{binding};
	stands('XCLIENT', $found->{xclient_rule}, $found->{xclient}) if
	    $found->{xclient_rule} ne 'default';
}

# Alternately as somebody who has to be granted it, and as nobody.
sub explained {
	my ($case, $is_nobody) = @_;
	$is_nobody = 0 if defined $case->{client};
	my @args = ('explain', '--scope', '--listener', $case->{relay},
	    $case->{from}, $case->{to});
	push(@args, '--peer', '127.0.1.1') if !$is_nobody;
	push(@args, '--xclient', "ADDR=$case->{client}") if
	    defined $case->{client};
	push(@args, '--context', "way=$case->{way}") if defined $case->{way};
	my $found = $ctl->json(@args);
	return "reply $found->{reply} $found->{text}" =~ s/^(reply \d+) /$1 /r
	    if defined $found->{reply};
	look_at_places($case, $found);
	my $rule = $found->{xclient_rule} =~ s/^\S+ \(global\)$/global/r;
	return join(' ', $found->{next_hop}, $found->{binding} // '-',
	    $found->{xclient}, $rule);
}

my (%seen, $n_wrong);
for my $i (1 .. $n_cases) {
	new_configuration() if $i % 10 == 1;
	my $case = new_case();
	my $want = mailed($case);
	my $got = explained($case, $i % 2);
	$seen{$want =~ /^reply (\d+)/ ? $1 :
	    $want =~ /global|default/ ? 'outside' :
	    $want =~ /\(domain/ ? 'domain' : 'binding'}++;
	next if $got eq $want;
	$n_wrong++;
	is($got, $want, join(' ', map { "$_=" . ($case->{$_} // '') }
	    sort keys %$case));
}
ok(!$n_wrong, "$n_cases ways are those that the relay takes");
cmp_ok($n_places, '>', $n_cases, "$n_places places are where it stands");
note(join(' ', map { "$_ $seen{$_}" } sort keys %seen));

#
# What it does not take
#
sub is_refused {
	my ($name, $status, $re, @args) = @_;
	my $got = $ctl->run('explain', '--scope', @args);
	is($got->{status}, $status, "$name: status");
	like($got->{out} . $got->{err}, $re, "$name: why");
}

is_refused('which relay', 64, qr/has 3 relays: say which by --listener/,
    'a@a.example', 'b@b.example');
is_refused('no such relay', 64, qr/has no relay "none"/, '--listener', 'none',
    'a@a.example', 'b@b.example');
is_refused('one address', 64, qr/needs a SENDER and a RECIPIENT/, 'a@b');
is_refused('no address', 64, qr/"a\@b\@c" is no address of a recipient/,
    '--listener', 'ways', 'a@a.example', 'a@b@c');
is_refused('nobody says XCLIENT', 64, qr/--xclient needs --peer/,
    '--listener', 'ways', '--xclient', 'ADDR=203.0.113.7', 'a@a.example',
    'b@b.example');
is_refused('no pairs', 64, qr/expected/, '--listener', 'ways', '--context',
    'x', 'a@a.example', 'b@b.example');
is_refused('not granted', 1, qr/^verdict +tempfail$/m, '--listener', 'ways',
    '--peer', '192.0.2.1', '--context', 'way=gold', 'a@a.example',
    'b@b.example');
spit("$dir/bindings", "context.way=gold\tlead\n");
my $got = $ctl->run('explain', '--scope', '--listener', 'ways', 'a@a.example',
    'b@a.example');
is($got->{status}, 78, 'a binding that there is not: status');

$relay->finish;
done_testing;
