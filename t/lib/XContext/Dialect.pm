# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the xcontext authors
#
# XContext::Dialect: next hops (XContext::Hop) that judge an XCLIENT as other
# servers' sources do: what KumoMTA, Exim (4.97 on) and Dovecot (2.3 on, LMTP and
# submission) refuse, they refuse, and what these keep, they keep.  Whom they
# take the client for stands in their reply to a message: "addr=198.51.100.1
# port=25 ..."; "-" is what is not known, "own" what they took from the
# connection.
#
#	my $hop = XContext::Dialect::hop('exim', again => 1);
package XContext::Dialect;

use strict;
use warnings;

use Socket ();

use XContext::Hop ();

# What EHLO announces; how each attribute is taken, with what is known so far,
# its name and its value, decoded: returns what is wrong, or undef; what is to be
# looked at behind all of them; and whether EHLO must have a domain.
my %dialects = (
	kumomta => { offer => 'ADDR PORT DESTADDR DESTPORT',
	    take => \&_kumomta, is_strict => 1 },
	exim => { offer => ' ADDR NAME PORT LOGIN DESTADDR DESTPORT',
	    take => \&_exim, check => \&_exim_check, is_free => 1,
	    is_strict => 1 },
	dovecot => { offer => 'ADDR PORT PROTO HELO LOGIN SESSION ' .
	    'CLIENT-TRANSPORT TTL TIMEOUT DESTNAME DESTADDR DESTPORT FORWARD',
	    take => \&_dovecot },
	# As a 2.3.19 announces.
	'dovecot-2.3' => { offer => 'ADDR PORT PROTO HELO LOGIN SESSION ' .
	    'TTL TIMEOUT', take => \&_dovecot },
);

my $domain = qr/(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-z.:]+\])/i;
my @known = qw(addr port destaddr destport name login proto helo);

sub kinds { return sort keys %dialects }

# again: 0 if it does not offer XCLIENT to whom it was told of (KumoMTA, by its
# configuration); the others are XContext::Hop's.
sub hop {
	my ($kind, %opt) = @_;
	my $dialect = $dialects{$kind} // die "no dialect $kind\n";
	my $again = delete $opt{again} // 1;
	my $ehlo = $opt{lmtp} ? 'LHLO' : 'EHLO';
	return XContext::Hop->new(%opt, replies => {
	    $ehlo => sub {
		my ($line, $state) = @_;
		return '501 5.5.4 Syntactically invalid argument'
		    if $dialect->{is_strict} && $line !~ /^\S+ $domain$/;
		return '250 hop.example.net'
		    if $state->{is_told} && !$again;
		return "250-hop.example.net\n250-PIPELINING\n250 XCLIENT " .
		    $dialect->{offer};
	    },
	    XCLIENT => sub {
		my ($line, $state) = @_;
		return '550 not authorized' if $state->{is_told} && !$again;
		my $error = _judge($dialect, $line, $state);
		return "501 5.5.4 $error" if defined $error;
		$state->{is_told} = 1;
		return '220 hop.example.net ESMTP, anew';
	    },
	    '.' => sub {
		my ($line, $state) = @_;
		return '250 2.0.0 Ok: ' . join(' ', map { "$_=" .
		    (exists $state->{$_} ? $state->{$_} // '-' : 'own') }
		    @known);
	    } });
}

sub _judge {
	my ($dialect, $line, $state) = @_;
	my @params = split(' ', $line);
	shift(@params);
	return 'no parameters' if !@params;
	my %new = %$state;
	# Exim has changed what stands before the error.
	my $to = $dialect->{is_free} ? $state : \%new;
	for my $param (@params) {
		my ($name, $value) = $param =~ /^([A-Z-]+)=([!-~]+)$/i
		    or return "malformed: $param";
		return "no xtext: $param" if $value =~ /\+(?![0-9A-F]{2})/i;
		$value =~ s/\+([0-9A-F]{2})/chr(hex($1))/gei;
		my $error = $dialect->{take}->($to, uc($name), $value);
		return $error if defined $error;
	}
	my $error = $dialect->{check} && $dialect->{check}->($to);
	return $error if defined $error;
	%$state = %new if !$dialect->{is_free};
	return undef;
}

sub _is_address {
	my ($text) = @_;
	return defined Socket::inet_pton(Socket::AF_INET(), $text) ||
	    defined Socket::inet_pton(Socket::AF_INET6(), $text);
}

sub _is_unknown { return $_[0] =~ /^\[UNAVAILABLE\]$/i }

# An address or a number, and no other word.
sub _kumomta {
	my ($to, $name, $value) = @_;
	return "parameter $name is not supported"
	    if $name !~ /^(?:DEST)?(ADDR|PORT)$/;
	return "$name $value is invalid" if $1 eq 'ADDR' ?
	    !_is_address($value) : $value !~ /^\d{1,5}$/ || $value > 65535;
	$to->{lc($name)} = $value;
	return undef;
}

# Whatever it is; "IPV6:" is a part of it.  Each command needs that an address
# and a port were known before it, and has them itself.
sub _exim {
	my ($to, $name, $value) = @_;
	return "unrecognised parameter '$name'"
	    if $name !~ /^(?:ADDR|NAME|PORT|LOGIN|DESTADDR|DESTPORT)$/;
	$value = undef if $value =~ /^\[(?:UN|TEMPUN)AVAIL(?:ABLE)?\]$/i;
	my $old = exists $to->{lc($name)} ? $to->{lc($name)} : 'own';
	$to->{"before_$name"} = $old if $name =~ /^(?:ADDR|PORT)$/;
	$to->{lc($name)} = $value;
	return undef;
}

sub _exim_check {
	my ($to) = @_;
	for my $name (qw(ADDR PORT)) {
		return "missing $name" if !defined $to->{"before_$name"};
	}
	return undef;
}

# With or without "IPV6:"; what is not known it passes over.
sub _dovecot {
	my ($to, $name, $value) = @_;
	return undef if _is_unknown($value) && $name ne 'PROTO';
	if ($name =~ /ADDR$/) {
		my $has_tag = $value =~ s/^IPV6://i;
		return "Invalid $name parameter" if !_is_address($value) ||
		    ($has_tag && $value !~ /:/);
	} elsif ($name =~ /PORT$/) {
		return "Invalid $name parameter" if $value !~ /^\d+$/ ||
		    $value < 1 || $value > 65535;
	} elsif ($name eq 'HELO') {
		return 'Invalid HELO parameter' if $value !~ /^$domain$/;
	} elsif ($name eq 'PROTO') {
		return 'Invalid PROTO parameter'
		    if $value !~ /^(?:SMTP|ESMTP|LMTP)$/i;
	} elsif ($name =~ /^(?:TTL|TIMEOUT)$/ && $value !~ /^\d+$/) {
		return "Invalid $name parameter";
	}
	$to->{lc($name)} = $value;
	return undef;
}

1;
