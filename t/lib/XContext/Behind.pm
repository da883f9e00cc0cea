# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Behind: a private Postfix behind a relay, with a recorder that shows
# whom Postfix takes the client for.
#
#	my $behind = XContext::Behind->new;
#	$behind->start;
#	... next_hop => $behind->next_hop ...
#	$behind->client_of('sender@example.org');
#	$behind->finish;
#
# What it does not know is asked of the XContext::Postfix that it has: delivered,
# is_idle, log_text ...
package XContext::Behind;

use strict;
use warnings;

use Test::More ();

use XContext::Guard qw(guard_dir);
use XContext::Postfix ();
use XContext::Recorder ();

our $AUTOLOAD;

sub impossible { return XContext::Postfix::impossible() }

# As XContext::Postfix; one service "mx" that lets the relay, and all of this
# host, say XCLIENT, where nothing else is said.
sub new {
	my ($class, %opt) = @_;
	my $recorder = 'check_policy_service unix:recorder/policy';
	my $postfix = XContext::Postfix->new(
	    services => $opt{services} // [ { name => 'mx' } ],
	    main => { smtpd_authorized_xclient_hosts => '127.0.0.0/8',
	    smtpd_recipient_restrictions => $recorder,
	    smtpd_data_restrictions => $recorder, %{$opt{main} // {}} });
	return bless({ postfix => $postfix }, $class);
}

sub start {
	my ($self) = @_;
	my $dir = $self->{postfix}->queue . '/recorder';
	mkdir($dir, 0755);
	chmod(0755, $dir);
	$self->{seen} = XContext::Recorder->policy(socket => "$dir/policy",
	    file => guard_dir() . '/policy.seen');
	$self->{postfix}->start;
	return $self;
}

# As a relay's settings have it.
sub next_hop {
	my ($self, $service) = @_;
	$service //= $self->{postfix}{order}[0];
	return sprintf('"smtp:[%s]:%d"', $self->{postfix}->address($service),
	    $self->{postfix}->port($service));
}

sub seen { return $_[0]{seen} }

# What Postfix has asked its policy service of a mail of that sender, last.
sub client_of {
	my ($self, $sender) = @_;
	return $self->{seen}->last(sender => $sender) // {};
}

# True if no mail with that Subject got or gets in.
sub not_delivered {
	my ($self, $subject) = @_;
	return 0 if !$self->{postfix}->is_idle;
	return !defined $self->{postfix}->delivered($subject, 0);
}

sub AUTOLOAD {
	my ($self, @arguments) = @_;
	(my $name = $AUTOLOAD) =~ s/.*:://;
	return if $name eq 'DESTROY';
	return $self->{postfix}->$name(@arguments);
}

sub finish {
	my ($self) = @_;
	$self->{postfix}->stop;
	# SIGTERM is how it was ended.
	Test::More::is(join("\n", grep {
	    /\b(?:fatal|panic):|killed by signal (?!15\b)/ }
	    split(/\n/, $self->{postfix}->log_text)), '',
	    'Postfix itself is well');
	$self->{seen}->stop;
}

1;
