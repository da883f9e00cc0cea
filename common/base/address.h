/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * address: IPv4 and IPv6 addresses as the mail system writes them.
 *
 * IPv4-mapped IPv6 addresses (::ffff:a.b.c.d) are taken as the IPv4 address
 * that they name, as Postfix does; so one host has one form here.
 */
#ifndef XC_ADDRESS_H
#define XC_ADDRESS_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* Room for the longest text of an address, NUL included. */
#define ADDRESS_TEXT_SIZE	46

/*
 * family is AF_INET (4 bytes used), AF_INET6 (16) or AF_UNSPEC: no address
 * is known ("unknown" in Postfix's words).  Unused bytes are zero, so that
 * two addresses can be compared and hashed whole.
 */
struct address {
	uint8_t	 bytes[16];
	uint8_t	 family;
};

/* A network: the address's first "bits" bits; the others are zero. */
struct address_net {
	struct address	addr;
	unsigned	bits;
};

/*
 * Reads a bare address: 192.0.2.1, 2001:db8::1.  The forms that Postfix's
 * valid_hostaddr() takes (four decimal octets without exception; an initial
 * octet of 0 only in 0.0.0.0, also inside IPv6; no "::" for a single group),
 * without leading zeros in an octet, which some programs read as octal.
 * False: not an address, *addr_r untouched.
 */
bool	address_parse(struct span text, struct address *addr_r);

/*
 * Reads the RFC 5321 (section 4.1.3) and XCLIENT form, in which IPv6 needs
 * the prefix "IPV6:" in any case; bare IPv6 is refused (Postfix says 501).
 */
bool	address_parse_mailhost(struct span text, struct address *addr_r);

/*
 * Reads "addr" or "addr/bits", optionally in brackets ("[::1]/128" and
 * "[::1/128]" both).  Bits beyond the prefix must be zero (as cidr_table(5)
 * demands).  A network need not be made of host addresses: "0.0.0.0/8" and
 * "0.1.0.0/16" are fine.  False: *net_r untouched.
 */
bool	address_parse_net(struct span text, struct address_net *net_r);

/*
 * Takes the address out of a sockaddr; AF_UNSPEC for other families.
 * *port_r (host byte order) is written if port_r is not NULL, 0 if unknown.
 */
struct address	address_from_sockaddr(const struct sockaddr *sa,
		    uint16_t *port_r);

/*
 * Writes the canonical text (RFC 5952 for IPv6; "unknown" for AF_UNSPEC) and
 * returns buf.  size must be ADDRESS_TEXT_SIZE at least.  What address_parse
 * took, it takes again in this form.
 */
const char	*address_format(const struct address *addr, char *buf,
		    size_t size);

/* As address_format, with the prefix "IPv6:" for IPv6.  Add 5 to the size. */
const char	*address_format_mailhost(const struct address *addr, char *buf,
		    size_t size);

bool	address_equal(const struct address *a, const struct address *b);
bool	address_in_net(const struct address *addr,
	    const struct address_net *net);

/*
 * True for an address that may stand for a host on the public Internet: not
 * loopback, private (RFC 1918, RFC 4193), shared (RFC 6598), link-local,
 * site-local, multicast, reserved (240.0.0.0/4, which holds broadcast),
 * unspecified, "this network", local NAT64 (RFC 8215), or an IPv6 form that
 * carries such an IPv4 address (6to4, NAT64 64:ff9b::/96, IPv4-compatible,
 * -mapped and -translated).  AF_UNSPEC is not public.
 * Documentation networks (RFC 5737, RFC 3849) count as public: they harm
 * nobody, and examples must work.
 */
bool	address_is_public(const struct address *addr);

typedef void	address_net_fn(const struct address_net *net, void *arg);

/* Calls fn for networks, which may overlap, that hold together all addresses
 * of which address_is_public is false. */
void	address_each_special(address_net_fn *fn, void *arg);

#endif
