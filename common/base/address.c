/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * address: see address.h.  The C library's inet_pton and inet_ntop do the
 * reading and writing; here stand the points in which Postfix is stricter.
 */
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdio.h>

#define IPV4_BITS	32
#define IPV6_BITS	128
#define MAPPED_BITS	96	/* of ::ffff:0:0/96, before the IPv4 address */
#define TAG_LEN		5	/* of "IPv6:" */

static const uint8_t	mapped_prefix[12] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};

static unsigned
family_bits(const struct address *addr)
{
	return addr->family == AF_INET ? IPV4_BITS : IPV6_BITS;
}

static struct address
from_ipv4(const uint8_t *bytes)
{
	struct address	 addr = { .family = AF_INET };

	memcpy(addr.bytes, bytes, 4);
	return addr;
}

static bool
is_mapped(const uint8_t *bytes)
{
	return memcmp(bytes, mapped_prefix, sizeof mapped_prefix) == 0;
}

static struct address
from_ipv6(const uint8_t *bytes)
{
	struct address	 addr = { .family = AF_INET6 };

	if (is_mapped(bytes))
		return from_ipv4(bytes + sizeof mapped_prefix);
	memcpy(addr.bytes, bytes, 16);
	return addr;
}

/* A NUL-terminated copy.  False: too long for an address, or has a NUL. */
static bool
text_copy(struct span text, char buf[ADDRESS_TEXT_SIZE])
{
	if (text.n == 0 || text.n >= ADDRESS_TEXT_SIZE || span_has(text, '\0'))
		return false;
	span_copy(buf, text);
	buf[text.n] = '\0';
	return true;
}

/*
 * Postfix knows no host in 0.0.0.0/8 but 0.0.0.0 itself, in whatever form
 * the address comes.
 */
static bool
ipv4_is_host(const uint8_t *bytes)
{
	static const uint8_t	 zero[4];

	return bytes[0] != 0 || memcmp(bytes, zero, 4) == 0;
}

static bool
parse_ipv4(const char *text, struct address *addr_r)
{
	uint8_t	 bytes[4];

	if (inet_pton(AF_INET, text, bytes) != 1 || !ipv4_is_host(bytes))
		return false;
	*addr_r = from_ipv4(bytes);
	return true;
}

/*
 * Postfix counts separators: at most seven, six before an IPv4 tail.  So it
 * refuses a "::" that stands for a single group of zeros.
 */
static bool
ipv6_form_valid(const char *text, const uint8_t *bytes)
{
	const char	*dot = strchr(text, '.');
	const char	*p;
	int		 ncolon = 0;

	for (p = text; (p = strchr(p, ':')) != NULL; p++)
		ncolon++;
	if (dot == NULL && !is_mapped(bytes))
		return ncolon <= 7;
	return ncolon <= (dot == NULL ? 7 : 6) && ipv4_is_host(bytes + 12);
}

static bool
parse_ipv6(const char *text, struct address *addr_r)
{
	uint8_t	 bytes[16];

	if (inet_pton(AF_INET6, text, bytes) != 1 ||
	    !ipv6_form_valid(text, bytes))
		return false;
	*addr_r = from_ipv6(bytes);
	return true;
}

bool
address_parse(struct span text, struct address *addr_r)
{
	char	 buf[ADDRESS_TEXT_SIZE];

	if (!text_copy(text, buf))
		return false;
	return strchr(buf, ':') != NULL ? parse_ipv6(buf, addr_r) :
	    parse_ipv4(buf, addr_r);
}

bool
address_parse_mailhost(struct span text, struct address *addr_r)
{
	char	 buf[ADDRESS_TEXT_SIZE];

	if (span_casebegins(text, "IPV6:"))
		return text_copy(span_skip(text, TAG_LEN), buf) &&
		    parse_ipv6(buf, addr_r);
	return text_copy(text, buf) && parse_ipv4(buf, addr_r);
}

/* One to three decimal digits, as far as the end of text. */
static bool
parse_bits(struct span text, unsigned *bits_r)
{
	unsigned	 bits = 0;
	size_t		 i;

	if (text.n == 0 || text.n > 3)
		return false;
	for (i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		bits = bits * 10 + (unsigned)(text.p[i] - '0');
	}
	*bits_r = bits;
	return true;
}

/* Cuts "addr", "addr/bits", "[addr]/bits" or "[addr/bits]" in two. */
static bool
split_net(struct span text, struct span *addr_r, struct span *bits_r)
{
	struct span	 tail = { NULL, 0 };
	const char	*end;

	if (text.n > 0 && text.p[0] == '[') {
		text = span_skip(text, 1);
		if (text.n == 0 || (end = span_find(text, ']')) == NULL)
			return false;
		tail = span_skip(text, (size_t)(end - text.p) + 1);
		text.n = (size_t)(end - text.p);
		if (tail.n > 0 && tail.p[0] != '/')
			return false;
	}
	if (tail.n == 0 && text.n > 0 &&
	    (end = span_find(text, '/')) != NULL) {
		tail = span_skip(text, (size_t)(end - text.p));
		text.n = (size_t)(end - text.p);
	}
	*addr_r = text;
	*bits_r = tail;
	return true;
}

/* Bit i of the address, counted from its front. */
static bool
bit_at(const uint8_t *bytes, unsigned i)
{
	return (bytes[i / 8] >> (7 - i % 8)) & 1;
}

static bool
rest_is_zero(const uint8_t *bytes, unsigned bits, unsigned total)
{
	for (; bits < total; bits++)
		if (bit_at(bytes, bits))
			return false;
	return true;
}

/*
 * Networks are read as cidr_table(5) does, with inet_pton alone: "0.0.0.0/8"
 * and "0.1.0.0/16" are networks though their hosts are not.
 */
static bool
parse_net_bytes(struct span text, uint8_t bytes[16], unsigned *total_r)
{
	char	 buf[ADDRESS_TEXT_SIZE];
	bool	 is_ipv6;

	if (!text_copy(text, buf))
		return false;
	is_ipv6 = strchr(buf, ':') != NULL;
	*total_r = is_ipv6 ? IPV6_BITS : IPV4_BITS;
	return inet_pton(is_ipv6 ? AF_INET6 : AF_INET, buf, bytes) == 1;
}

bool
address_parse_net(struct span text, struct address_net *net_r)
{
	struct span	 addr, tail;
	uint8_t		 bytes[16];
	unsigned	 bits, total;

	if (!split_net(text, &addr, &tail) ||
	    !parse_net_bytes(addr, bytes, &total))
		return false;
	bits = total;
	if (tail.n > 0 && !parse_bits(span_skip(tail, 1), &bits))
		return false;
	if (bits > total || !rest_is_zero(bytes, bits, total))
		return false;
	net_r->bits = bits;
	if (total == IPV4_BITS) {
		net_r->addr = from_ipv4(bytes);
		return true;
	}
	/* A prefix that ends inside the mapping has ffff cut off: it fails
	 * the zero test above or is not mapped, and stays IPv6. */
	net_r->addr = from_ipv6(bytes);
	if (net_r->addr.family == AF_INET)
		net_r->bits -= MAPPED_BITS;
	return true;
}

static uint16_t
ipv4_sockaddr(const struct sockaddr *sa, struct address *addr_r)
{
	struct sockaddr_in	 sin;

	memcpy(&sin, sa, sizeof sin);
	*addr_r = from_ipv4((const uint8_t *)&sin.sin_addr);
	return ntohs(sin.sin_port);
}

static uint16_t
ipv6_sockaddr(const struct sockaddr *sa, struct address *addr_r)
{
	struct sockaddr_in6	 sin6;

	memcpy(&sin6, sa, sizeof sin6);
	*addr_r = from_ipv6(sin6.sin6_addr.s6_addr);
	return ntohs(sin6.sin6_port);
}

struct address
address_from_sockaddr(const struct sockaddr *sa, uint16_t *port_r)
{
	struct address	 addr = { .family = AF_UNSPEC };
	uint16_t	 port = 0;

	if (sa->sa_family == AF_INET)
		port = ipv4_sockaddr(sa, &addr);
	else if (sa->sa_family == AF_INET6)
		port = ipv6_sockaddr(sa, &addr);
	if (port_r != NULL)
		*port_r = port;
	return addr;
}

/*
 * inet_ntop writes ::1:203 as ::0.1.2.3, which Postfix itself would refuse to
 * read; such an address is written in hexadecimal.
 */
static bool
has_unreadable_tail(const uint8_t *bytes)
{
	static const uint8_t	 zero[13];

	return memcmp(bytes, zero, sizeof zero) == 0 && bytes[13] != 0;
}

/* inet_ntop takes printf for it, which costs more than the rest of a log
 * line. */
static void
format_inet(const uint8_t *bytes, char buf[INET_ADDRSTRLEN])
{
	unsigned	 i, b;

	for (i = 0; i < 4; i++) {
		b = bytes[i];
		if (b >= 100)
			*buf++ = (char)('0' + b / 100);
		if (b >= 10)
			*buf++ = (char)('0' + b / 10 % 10);
		*buf++ = (char)('0' + b % 10);
		*buf++ = i < 3 ? '.' : '\0';
	}
}

const char *
address_format(const struct address *addr, char *buf, size_t size)
{
	const uint8_t	*b = addr->bytes;

	if (addr->family == AF_INET && size >= INET_ADDRSTRLEN)
		format_inet(b, buf);
	else if (addr->family == AF_INET6 && has_unreadable_tail(b))
		(void)snprintf(buf, size, "::%x:%x", (unsigned)b[13],
		    (unsigned)b[14] << 8 | b[15]);
	else if (addr->family == AF_UNSPEC ||
	    inet_ntop(addr->family, b, buf, (socklen_t)size) == NULL)
		(void)snprintf(buf, size, "unknown");
	return buf;
}

const char *
address_format_mailhost(const struct address *addr, char *buf, size_t size)
{
	if (addr->family != AF_INET6)
		return address_format(addr, buf, size);
	memcpy(buf, "IPv6:", TAG_LEN);
	(void)address_format(addr, buf + TAG_LEN, size - TAG_LEN);
	return buf;
}

bool
address_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family &&
	    memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static bool
prefix_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned	 whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool
address_in_net(const struct address *addr, const struct address_net *net)
{
	if (addr->family == AF_UNSPEC || addr->family != net->addr.family)
		return false;
	return net->bits <= family_bits(addr) &&
	    prefix_equal(addr->bytes, net->addr.bytes, net->bits);
}

struct prefix {
	uint8_t		 bytes[16];
	unsigned	 bits;
};

static const struct prefix	nonpublic_ipv4[] = {
	{ { 0 }, 8 },			/* "this network" */
	{ { 10 }, 8 },			/* RFC 1918 */
	{ { 100, 64 }, 10 },		/* RFC 6598 */
	{ { 127 }, 8 },
	{ { 169, 254 }, 16 },
	{ { 172, 16 }, 12 },		/* RFC 1918 */
	{ { 192, 168 }, 16 },		/* RFC 1918 */
	{ { 224 }, 4 },			/* multicast */
	{ { 240 }, 4 },			/* reserved, and broadcast */
};

static const struct prefix	nonpublic_ipv6[] = {
	{ { 0 }, 128 },
	{ { [15] = 1 }, 128 },
	{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48 },	/* RFC 8215 */
	{ { 0xfc }, 7 },		/* RFC 4193 */
	{ { 0xfe, 0x80 }, 10 },
	{ { 0xfe, 0xc0 }, 10 },		/* site-local, RFC 3879 */
	{ { 0xff }, 8 },		/* multicast */
};

/* IPv6 networks whose addresses carry an IPv4 address, from byte "at". */
static const struct {
	struct prefix	 prefix;
	unsigned	 at;
} ipv4_carriers[] = {
	{ { { 0 }, 96 }, 12 },					/* compatible */
	{ { { [10] = 0xff, [11] = 0xff }, 96 }, 12 },		/* mapped */
	{ { { [8] = 0xff, [9] = 0xff }, 96 }, 12 },		/* RFC 2765 */
	{ { { 0x00, 0x64, 0xff, 0x9b }, 96 }, 12 },		/* NAT64 */
	{ { { 0x20, 0x02 }, 16 }, 2 },				/* 6to4 */
};

#define NELEM(a)	(sizeof(a) / sizeof((a)[0]))

static bool
in_prefixes(const uint8_t *bytes, const struct prefix *prefixes, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (prefix_equal(bytes, prefixes[i].bytes, prefixes[i].bits))
			return true;
	return false;
}

static bool
ipv4_is_public(const uint8_t *bytes)
{
	return !in_prefixes(bytes, nonpublic_ipv4, NELEM(nonpublic_ipv4));
}

static bool
ipv6_is_public(const uint8_t *bytes)
{
	size_t	 i;

	if (in_prefixes(bytes, nonpublic_ipv6, NELEM(nonpublic_ipv6)))
		return false;
	for (i = 0; i < NELEM(ipv4_carriers); i++)
		if (prefix_equal(bytes, ipv4_carriers[i].prefix.bytes,
		    ipv4_carriers[i].prefix.bits) &&
		    !ipv4_is_public(bytes + ipv4_carriers[i].at))
			return false;
	return true;
}

bool
address_is_public(const struct address *addr)
{
	if (addr->family == AF_INET)
		return ipv4_is_public(addr->bytes);
	return addr->family == AF_INET6 && ipv6_is_public(addr->bytes);
}

static void
tell_prefix(const struct prefix *prefix, uint8_t family, address_net_fn *fn,
    void *arg)
{
	struct address_net	 net = { .bits = prefix->bits };

	net.addr.family = family;
	memcpy(net.addr.bytes, prefix->bytes, sizeof net.addr.bytes);
	fn(&net, arg);
}

void
address_each_special(address_net_fn *fn, void *arg)
{
	struct prefix	 carried;
	size_t		 i, k;

	for (i = 0; i < NELEM(nonpublic_ipv4); i++)
		tell_prefix(&nonpublic_ipv4[i], AF_INET, fn, arg);
	for (i = 0; i < NELEM(nonpublic_ipv6); i++)
		tell_prefix(&nonpublic_ipv6[i], AF_INET6, fn, arg);
	for (i = 0; i < NELEM(ipv4_carriers); i++)
		for (k = 0; k < NELEM(nonpublic_ipv4); k++) {
			carried = ipv4_carriers[i].prefix;
			memcpy(carried.bytes + ipv4_carriers[i].at,
			    nonpublic_ipv4[k].bytes, 4);
			carried.bits = (unsigned)ipv4_carriers[i].at * 8 +
			    nonpublic_ipv4[k].bits;
			tell_prefix(&carried, AF_INET6, fn, arg);
		}
}
