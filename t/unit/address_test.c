/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * address_test: reading and writing addresses and networks, and which of
 * them are public.
 */
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define LONGEST		"2001:0db8:ffff:ffff:ffff:ffff:255.255.255.255"

/* want: the canonical text; NULL: no address. */
static const struct row {
	const char	*name, *in, *want;
} rows[] = {
	{ "IPv4",		"192.0.2.1",		"192.0.2.1" },
	{ "IPv4 extremes",	"255.255.255.255",	"255.255.255.255" },
	{ "IPv4 all zero",	"0.0.0.0",		"0.0.0.0" },
	{ "IPv6",		"2001:db8::1",		"2001:db8::1" },
	{ "IPv6 capitals",	"2001:DB8::A",		"2001:db8::a" },
	{ "IPv6 in full",	"2001:0db8:0000:0000:0000:0000:0000:0001",
							"2001:db8::1" },
	{ "unspecified",	"::",			"::" },
	{ "loopback",		"::1",			"::1" },
	{ "ends in ::",		"2001:db8::",		"2001:db8::" },
	{ "first of two runs",	"2001:0:0:1:0:0:1:1",	"2001::1:0:0:1:1" },
	{ "a single zero",	"2001:0:1:1:1:1:1:1",	"2001:0:1:1:1:1:1:1" },
	{ "longest text",	LONGEST,
				"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ "IPv4 tail",		"64:ff9b::192.0.2.1",	"64:ff9b::c000:201" },
	{ "IPv4-compatible",	"::192.0.2.1",		"::192.0.2.1" },
	{ "mapped",		"::ffff:192.0.2.1",	"192.0.2.1" },
	{ "mapped, in hex",	"::FFFF:c000:201",	"192.0.2.1" },
	{ "mapped, all zero",	"::ffff:0.0.0.0",	"0.0.0.0" },
	{ "compatible, hex, would be unreadable in dots", "::1:203",
							"::1:203" },
	{ "not quite mapped",	"::ffff:0:102:304",	"::ffff:0:102:304" },
	{ "six colons, :: and a tail", "1:2:3:4::1.2.3.4",
							"1:2:3:4::102:304" },
	{ "six groups, a tail",	"1:2:3:4:5:6:1.2.3.4",	"1:2:3:4:5:6:102:304" },
	{ "empty",		"",			NULL },
	{ "three octets",	"192.0.2",		NULL },
	{ "five octets",	"192.0.2.1.1",		NULL },
	{ "octet over 255",	"192.0.2.256",		NULL },
	{ "octal to some",	"010.0.0.1",		NULL },
	{ "leading zero",	"192.0.2.01",		NULL },
	{ "hexadecimal",	"0x7f.0.0.1",		NULL },
	{ "one number",		"2130706433",		NULL },
	{ "first octet zero",	"0.1.2.3",		NULL },
	{ "trailing dot",	"192.0.2.1.",		NULL },
	{ "leading blank",	" 192.0.2.1",		NULL },
	{ "trailing blank",	"192.0.2.1 ",		NULL },
	{ "a letter",		"192.0.2.a",		NULL },
	{ "tag",		"IPv6:2001:db8::1",	NULL },
	{ "brackets",		"[192.0.2.1]",		NULL },
	{ "zone",		"fe80::1%eth0",		NULL },
	{ "network",		"192.0.2.0/24",		NULL },
	{ "colon alone",	":",			NULL },
	{ "three colons",	":::",			NULL },
	{ "two ::",		"1::2::3",		NULL },
	{ "leading colon",	":1:2:3:4:5:6:7",	NULL },
	{ "trailing colon",	"1:2:3:4:5:6:7:",	NULL },
	{ "seven groups",	"1:2:3:4:5:6:7",	NULL },
	{ "nine groups",	"1:2:3:4:5:6:7:8:9",	NULL },
	{ "five hex digits",	"2001:db8::12345",	NULL },
	{ "no hex digit",	"2001:db8::g",		NULL },
	{ ":: for one, front",	"::2:3:4:5:6:7:8",	NULL },
	{ ":: for one, end",	"1:2:3:4:5:6:7::",	NULL },
	{ ":: for one, tail",	"::2:3:4:5:6:1.2.3.4",	NULL },
	{ "tail's first octet zero", "::0.1.2.3",	NULL },
	{ "mapped, first octet zero", "::ffff:0.0.0.1",	NULL },
	{ "mapped, first octet zero, hex", "::ffff:0:1", NULL },
	{ "tail cut short",	"::1.2.3",		NULL },
	{ "unknown",		"unknown",		NULL },
	{ "longer than any",	LONGEST "5",		NULL },
};

static void
check_parsed(const char *name, struct span in, const char *want)
{
	struct address	 addr = { .family = 99 }, again;
	char		 text[ADDRESS_TEXT_SIZE];
	bool		 got = address_parse(in, &addr);

	ck_assert_msg(got == (want != NULL), "%s: got %d", name, got);
	if (!got) {
		ck_assert_msg(addr.family == 99, "%s: wrote", name);
		return;
	}
	address_format(&addr, text, sizeof(text));
	ck_assert_msg(strcmp(text, want) == 0, "%s: got %s, want %s", name,
	    text, want);
	ck_assert_msg(address_parse(span_of(text), &again) &&
	    address_equal(&addr, &again), "%s: %s does not come back", name,
	    text);
}

START_TEST(row_parses)
{
	const struct row	*r = &rows[_i];
	size_t			 n = strlen(r->in);
	char			*edge = edge_copy(r->in, n);

	check_parsed(r->name, span_of(r->in), r->want);
	check_parsed(r->name, (struct span){ edge, n }, r->want);
	edge_free(edge, n);
}
END_TEST

START_TEST(nul_ends_no_address)
{
	struct address	 addr;

	ck_assert(!address_parse((struct span){ "192.0.2.1\0", 10 }, &addr));
	ck_assert(!address_parse((struct span){ "\0" "1.2.3.4", 8 }, &addr));
	ck_assert(!address_parse((struct span){ NULL, 0 }, &addr));
}
END_TEST

static const struct row	mailhost_rows[] = {
	{ "IPv4",		"192.0.2.1",		"192.0.2.1" },
	{ "IPv6",		"IPv6:2001:db8::1",	"IPv6:2001:db8::1" },
	{ "capitals",		"IPV6:2001:DB8::1",	"IPv6:2001:db8::1" },
	{ "small letters",	"ipv6:::1",		"IPv6:::1" },
	{ "mapped",		"IPV6:::ffff:192.0.2.1", "192.0.2.1" },
	{ "longest",		"IPV6:" LONGEST,
			    "IPv6:2001:db8:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ "bare IPv6",		"2001:db8::1",		NULL },
	{ "tag alone",		"IPV6:",		NULL },
	{ "tag, IPv4",		"IPV6:192.0.2.1",	NULL },
	{ "tag twice",		"IPV6:IPV6:::1",	NULL },
	{ "tag, blank",		"IPV6: ::1",		NULL },
	{ "IPV4 tag",		"IPV4:192.0.2.1",	NULL },
	{ "literal",		"[192.0.2.1]",		NULL },
	{ "empty",		"",			NULL },
	{ "tag cut short",	"IPV6",			NULL },
};

START_TEST(mailhost_row_parses)
{
	const struct row	*r = &mailhost_rows[_i];
	size_t			 n = strlen(r->in);
	char			*edge = edge_copy(r->in, n);
	struct address		 addr = { .family = 99 };
	char			 text[ADDRESS_TEXT_SIZE + 5];
	bool			 got;

	got = address_parse_mailhost((struct span){ edge, n }, &addr);
	ck_assert_msg(got == (r->want != NULL), "%s: got %d", r->name, got);
	if (got)
		ck_assert_msg(strcmp(address_format_mailhost(&addr, text,
		    sizeof(text)), r->want) == 0, "%s: got %s, want %s",
		    r->name, text, r->want);
	else
		ck_assert_msg(addr.family == 99, "%s: wrote", r->name);
	edge_free(edge, n);
}
END_TEST

static const struct net_row {
	const char	*name, *in, *want;
	unsigned	 want_bits;
} net_rows[] = {
	{ "IPv4",		"192.0.2.0/24",		"192.0.2.0", 24 },
	{ "IPv4 host",		"192.0.2.1",		"192.0.2.1", 32 },
	{ "everything",		"0.0.0.0/0",		"0.0.0.0", 0 },
	{ "this network",	"0.0.0.0/8",		"0.0.0.0", 8 },
	{ "inside 0/8",		"0.1.0.0/16",		"0.1.0.0", 16 },
	{ "odd prefix",		"192.0.2.8/29",		"192.0.2.8", 29 },
	{ "leading zero",	"192.0.2.0/024",	"192.0.2.0", 24 },
	{ "IPv4 in brackets",	"[192.0.2.0]/24",	"192.0.2.0", 24 },
	{ "IPv6",		"2001:db8::/32",	"2001:db8::", 32 },
	{ "IPv6 host",		"::1",			"::1", 128 },
	{ "IPv6 everything",	"::/0",			"::", 0 },
	{ "brackets around all", "[2001:db8::/32]",	"2001:db8::", 32 },
	{ "brackets around addr", "[2001:db8::]/32",	"2001:db8::", 32 },
	{ "brackets, host",	"[::1]",		"::1", 128 },
	{ "mapped",		"::ffff:192.0.2.0/120",	"192.0.2.0", 24 },
	{ "mapped, all",	"::ffff:0:0/96",	"0.0.0.0", 0 },
	{ "mapped host",	"::ffff:192.0.2.1",	"192.0.2.1", 32 },
	{ "host bits",		"192.0.2.1/24",		NULL, 0 },
	{ "IPv6 host bits",	"2001:db8::1/64",	NULL, 0 },
	{ "inside the mapping",	"::ffff:0:0/95",	NULL, 0 },
	{ "last host bit",	"255.255.255.255/31",	NULL, 0 },
	{ "33 bits",		"192.0.2.0/33",		NULL, 0 },
	{ "129 bits",		"::/129",		NULL, 0 },
	{ "no bits",		"192.0.2.0/",		NULL, 0 },
	{ "negative bits",	"192.0.2.0/-1",		NULL, 0 },
	{ "bits of 2^32",	"0.0.0.0/4294967296",	NULL, 0 },
	{ "netmask",		"192.0.2.0/255.255.255.0", NULL, 0 },
	{ "two slashes",	"192.0.2.0/24/24",	NULL, 0 },
	{ "no address",		"/24",			NULL, 0 },
	{ "empty",		"",			NULL, 0 },
	{ "bracket alone",	"[",			NULL, 0 },
	{ "empty brackets",	"[]",			NULL, 0 },
	{ "bracket open",	"[::1",			NULL, 0 },
	{ "bracket close",	"::1]",			NULL, 0 },
	{ "behind the bracket",	"[::1]x",		NULL, 0 },
	{ "no slash before the bits", "[::1]x128",	NULL, 0 },
	{ "bits twice",		"[::/0]/0",		NULL, 0 },
	{ "blank",		"192.0.2.0 /24",	NULL, 0 },
};

START_TEST(net_row_parses)
{
	const struct net_row	*r = &net_rows[_i];
	size_t			 n = strlen(r->in);
	char			*edge = edge_copy(r->in, n);
	struct address_net	 net = { .bits = 999 };
	char			 text[ADDRESS_TEXT_SIZE];
	bool			 got;

	got = address_parse_net((struct span){ edge, n }, &net);
	ck_assert_msg(got == (r->want != NULL), "%s: got %d", r->name, got);
	if (got)
		ck_assert_msg(strcmp(address_format(&net.addr, text,
		    sizeof(text)), r->want) == 0 && net.bits == r->want_bits,
		    "%s: got %s/%u, want %s/%u", r->name, text, net.bits,
		    r->want, r->want_bits);
	else
		ck_assert_msg(net.bits == 999, "%s: wrote", r->name);
	edge_free(edge, n);
}
END_TEST

static const struct in_row {
	const char	*name, *addr, *net;
	bool		 want;
} in_rows[] = {
	{ "inside",		"192.0.2.1",	"192.0.2.0/24",	true },
	{ "first",		"192.0.2.0",	"192.0.2.0/24",	true },
	{ "last",		"192.0.2.255",	"192.0.2.0/24",	true },
	{ "below",		"192.0.1.255",	"192.0.2.0/24",	false },
	{ "above",		"192.0.3.0",	"192.0.2.0/24",	false },
	{ "odd, last",		"192.0.2.15",	"192.0.2.8/29",	true },
	{ "odd, above",		"192.0.2.16",	"192.0.2.8/29",	false },
	{ "odd, below",		"192.0.2.7",	"192.0.2.8/29",	false },
	{ "one bit",		"128.0.0.1",	"128.0.0.0/1",	true },
	{ "one bit, below",	"127.0.0.1",	"128.0.0.0/1",	false },
	{ "host",		"192.0.2.1",	"192.0.2.1",	true },
	{ "another host",	"192.0.2.2",	"192.0.2.1",	false },
	{ "all IPv4",		"192.0.2.1",	"0.0.0.0/0",	true },
	{ "IPv6 in IPv4",	"::1",		"0.0.0.0/0",	false },
	{ "IPv4 in IPv6",	"192.0.2.1",	"::/0",		false },
	{ "IPv6 inside",	"2001:db8::1",	"2001:db8::/32", true },
	{ "IPv6 above",		"2001:db9::",	"2001:db8::/32", false },
	{ "IPv6 odd",		"2001:db8:7fff::", "2001:db8::/33", true },
	{ "IPv6 odd, above",	"2001:db8:8000::", "2001:db8::/33", false },
	{ "mapped in mapped",	"::ffff:1.2.3.4", "::ffff:1.2.3.0/120", true },
};

START_TEST(in_net_row)
{
	const struct in_row	*r = &in_rows[_i];
	struct address		 addr;
	struct address_net	 net;

	ck_assert_msg(address_parse(span_of(r->addr), &addr) &&
	    address_parse_net(span_of(r->net), &net), "%s", r->name);
	ck_assert_msg(address_in_net(&addr, &net) == r->want, "%s: want %d",
	    r->name, r->want);
}
END_TEST

static const struct public_row {
	const char	*in;
	bool		 want;
} public_rows[] = {
	{ "1.0.0.0", true },		{ "0.0.0.0", false },
	{ "9.255.255.255", true },	{ "10.0.0.0", false },
	{ "10.255.255.255", false },	{ "11.0.0.0", true },
	{ "100.63.255.255", true },	{ "100.64.0.0", false },
	{ "100.127.255.255", false },	{ "100.128.0.0", true },
	{ "126.255.255.255", true },	{ "127.0.0.1", false },
	{ "127.255.255.255", false },	{ "128.0.0.0", true },
	{ "169.253.255.255", true },	{ "169.254.0.0", false },
	{ "169.254.255.255", false },	{ "169.255.0.0", true },
	{ "172.15.255.255", true },	{ "172.16.0.0", false },
	{ "172.31.255.255", false },	{ "172.32.0.0", true },
	{ "192.167.255.255", true },	{ "192.168.0.0", false },
	{ "192.168.255.255", false },	{ "192.169.0.0", true },
	{ "223.255.255.255", true },	{ "224.0.0.0", false },
	{ "239.255.255.255", false },	{ "240.0.0.0", false },
	{ "255.255.255.255", false },
	{ "192.0.2.1", true },		{ "198.51.100.1", true },
	{ "203.0.113.1", true },	{ "2001:db8::1", true },
	{ "::", false },		{ "::1", false },
	{ "2a00::1", true },
	{ "fbff::1", true },		{ "fc00::1", false },
	{ "fdff::1", false },		{ "fe00::1", true },
	{ "fe7f::1", true },		{ "fe80::1", false },
	{ "febf::1", false },		{ "fec0::1", false },
	{ "feff::1", false },		{ "ff00::", false },
	{ "ff02::1", false },
	{ "::ffff:10.0.0.1", false },	{ "::ffff:192.0.2.1", true },
	{ "::10.0.0.1", false },	{ "::192.0.2.1", true },
	{ "::ffff:0:10.0.0.1", false },	{ "::ffff:0:192.0.2.1", true },
	{ "64:ff9b::10.0.0.1", false },	{ "64:ff9b::192.0.2.1", true },
	{ "64:ff9b:1::192.0.2.1", false }, { "64:ff9b:2::10.0.0.1", true },
	{ "2002:0a00:0001::1", false },	{ "2002:c000:0201::1", true },
	{ "2002:7f00:0001::1", false },	{ "2003:0a00:0001::1", true },
};

START_TEST(public_row)
{
	const struct public_row	*r = &public_rows[_i];
	struct address		 addr;

	ck_assert_msg(address_parse(span_of(r->in), &addr), "%s", r->in);
	ck_assert_msg(address_is_public(&addr) == r->want, "%s: want %d",
	    r->in, r->want);
}
END_TEST

START_TEST(unknown_is_nothing)
{
	struct address		 unknown = { .family = AF_UNSPEC };
	struct address_net	 net, none = { .bits = 0 };
	char			 text[ADDRESS_TEXT_SIZE + 5];

	ck_assert(address_parse_net(span_of("0.0.0.0/0"), &net));
	ck_assert_str_eq(address_format(&unknown, text, sizeof(text)),
	    "unknown");
	ck_assert_str_eq(address_format_mailhost(&unknown, text,
	    sizeof(text)), "unknown");
	ck_assert(!address_is_public(&unknown));
	ck_assert(!address_in_net(&unknown, &net));
	ck_assert(!address_in_net(&unknown, &none));
	ck_assert(address_equal(&unknown, &(struct address){ .family = 0 }));
}
END_TEST

/* Each octet at each of its places. */
START_TEST(octets_are_written_as_numbers)
{
	struct address	 addr = { .family = AF_INET };
	char		 text[ADDRESS_TEXT_SIZE], want[ADDRESS_TEXT_SIZE];
	unsigned	 i, place;

	for (place = 0; place < 4; place++)
		for (i = 0; i < 256; i++) {
			addr.bytes[place] = (uint8_t)i;
			(void)snprintf(want, sizeof(want), "%u.%u.%u.%u",
			    addr.bytes[0], addr.bytes[1], addr.bytes[2],
			    addr.bytes[3]);
			ck_assert_str_eq(address_format(&addr, text,
			    sizeof(text)), want);
		}
}
END_TEST

START_TEST(more_bits_than_there_are_hold_nothing)
{
	struct address_net	 net = { { { 192, 0, 2, 1 }, AF_INET }, 33 };

	ck_assert(!address_in_net(&net.addr, &net));
	net.bits = 32;
	ck_assert(address_in_net(&net.addr, &net));
}
END_TEST

START_TEST(equal_needs_the_family)
{
	struct address	 a = { { 1, 2, 3, 4 }, AF_INET };
	struct address	 b = { { 1, 2, 3, 4 }, AF_INET6 };
	struct address	 c = { { 1, 2, 3, 5 }, AF_INET };

	ck_assert(address_equal(&a, &a));
	ck_assert(!address_equal(&a, &b));
	ck_assert(!address_equal(&a, &c));
}
END_TEST

START_TEST(sockaddr_gives_address_and_port)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };
	struct sockaddr_in6	 sin6 = { .sin6_family = AF_INET6 };
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	struct address		 addr;
	char			 text[ADDRESS_TEXT_SIZE];
	uint16_t		 port = 1;

	sin.sin_port = htons(2525);
	inet_pton(AF_INET, "192.0.2.1", &sin.sin_addr);
	addr = address_from_sockaddr((struct sockaddr *)&sin, &port);
	ck_assert_str_eq(address_format(&addr, text, sizeof(text)),
	    "192.0.2.1");
	ck_assert_uint_eq(port, 2525);
	sin6.sin6_port = htons(25);
	inet_pton(AF_INET6, "2001:db8::1", &sin6.sin6_addr);
	addr = address_from_sockaddr((struct sockaddr *)&sin6, &port);
	ck_assert_str_eq(address_format(&addr, text, sizeof(text)),
	    "2001:db8::1");
	ck_assert_uint_eq(port, 25);
	inet_pton(AF_INET6, "::ffff:192.0.2.1", &sin6.sin6_addr);
	addr = address_from_sockaddr((struct sockaddr *)&sin6, NULL);
	ck_assert_str_eq(address_format(&addr, text, sizeof(text)),
	    "192.0.2.1");
	addr = address_from_sockaddr((struct sockaddr *)&sun, &port);
	ck_assert_int_eq(addr.family, AF_UNSPEC);
	ck_assert_uint_eq(port, 0);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("address");

	tcase_add_loop_test(tc, row_parses, 0, NELEM(rows));
	tcase_add_test(tc, nul_ends_no_address);
	tcase_add_loop_test(tc, mailhost_row_parses, 0, NELEM(mailhost_rows));
	tcase_add_loop_test(tc, net_row_parses, 0, NELEM(net_rows));
	tcase_add_loop_test(tc, in_net_row, 0, NELEM(in_rows));
	tcase_add_loop_test(tc, public_row, 0, NELEM(public_rows));
	tcase_add_test(tc, unknown_is_nothing);
	tcase_add_test(tc, octets_are_written_as_numbers);
	tcase_add_test(tc, more_bits_than_there_are_hold_nothing);
	tcase_add_test(tc, equal_needs_the_family);
	tcase_add_test(tc, sockaddr_gives_address_and_port);
	return runner_run("address", tc);
}
