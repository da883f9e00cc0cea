/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * proxy_header_test: version 1 of the header.
 */
#include "relay/proxy_header.h"

#include "t/lib/proxy_header_check.h"
#include "t/lib/runner.h"

#define LONGEST	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

/* Version 1, as it is. */
static const struct proxy_header_row rows1[] = {
	{ "IPv4", "PROXY TCP4 192.0.2.1 198.51.100.2 6789 25\r\n", DONE,
	    "1 192.0.2.1:6789 198.51.100.2:25 used=43", 0 },
	{ "IPv4 at its longest",
	    "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", DONE,
	    "1 255.255.255.255:65535 255.255.255.255:65535 used=56", 0 },
	{ "all is zero", "PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", DONE,
	    "1 0.0.0.0:0 0.0.0.0:0 used=32", 0 },
	{ "IPv6", "PROXY TCP6 2001:db8::1 ::1 6789 25\r\n", DONE,
	    "1 [2001:db8::1]:6789 [::1]:25 used=36", 0 },
	{ "IPv6 in capitals and in full",
	    "PROXY TCP6 2001:0DB8:0:0:0:0:0:00AF ::B 1 2\r\n", DONE,
	    "1 [2001:db8::af]:1 [::b]:2 used=45", 0 },
	{ "IPv6 at its longest",
	    "PROXY TCP6 " LONGEST " " LONGEST " 65535 65535\r\n", DONE,
	    "1 [" LONGEST "]:65535 [" LONGEST "]:65535 used=104", 0 },
	{ "mapped IPv4", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 1 2"
	    "\r\n", DONE, "1 192.0.2.1:1 198.51.100.2:2 used=50", 0 },
	{ "unknown", "PROXY UNKNOWN\r\n", DONE, "1 local used=15", 0 },
	{ "unknown, with something",
	    "PROXY UNKNOWN TCP4  192.0.2.1  !\r\n", DONE,
	    "1 local used=34", 0 },
	{ "unknown, with a NUL", "PROXY UNKNOWN \0\r\n", DONE,
	    "1 local used=17", 17 },
	{ "unknown at its longest",
	    "PROXY UNKNOWN " LONGEST " " LONGEST " 65535 65535\r\n", DONE,
	    "1 local used=107", 0 },
	{ "something behind it", "PROXY UNKNOWN\r\n\r\nEHLO x\r\n", DONE,
	    "1 local used=15", 0 },
	{ "haproxy's", "PROXY TCP4 127.0.0.1 127.0.0.1 44300 20001\r\nNOOP\r\n",
	    DONE, "1 127.0.0.1:44300 127.0.0.1:20001 used=44", 0 },
	{ "haproxy's, IPv6", "PROXY TCP6 ::1 ::1 44286 20002\r\nNOOP\r\n",
	    DONE, "1 [::1]:44286 [::1]:20002 used=32", 0 },
	{ "haproxy's, ends of two families",
	    "PROXY TCP6 ::ffff:192.0.2.7 ::1 47132 20011\r\nNOOP\r\n", DONE,
	    "1 192.0.2.7:47132 [::1]:20011 used=45", 0 },
	{ "haproxy's, from a UNIX socket", "PROXY UNKNOWN\r\nNOOP\r\n", DONE,
	    "1 local used=15", 0 },

	{ "nothing yet", "", MORE, NULL, 0 },
	{ "one letter", "P", MORE, NULL, 0 },
	{ "no protocol", "PROXY ", MORE, NULL, 0 },
	{ "half a protocol", "PROXY TCP", MORE, NULL, 0 },
	{ "half an unknown", "PROXY UNK", MORE, NULL, 0 },
	{ "unknown, no CR", "PROXY UNKNOWN", MORE, NULL, 0 },
	{ "unknown, no LF", "PROXY UNKNOWN\r", MORE, NULL, 0 },
	{ "no LF", "PROXY TCP4 192.0.2.1 198.51.100.2 6789 25\r", MORE, NULL,
	    0 },
	{ "106 octets, the last is CR", "PROXY UNKNOWN " X64 X16
	    "xxxxxxxxxxx\r", MORE, NULL, 0 },
	{ "105 octets, no CR", "PROXY UNKNOWN " X64 X16 "xxxxxxxxxxx", MORE,
	    NULL, 0 },

	{ "106 octets, no CR", "PROXY UNKNOWN " X64 X16 "xxxxxxxxxxxx",
	    TOO_LONG, "no end within 107 octets", 0 },
	{ "CR is the 107th", "PROXY UNKNOWN " X64 X16 "xxxxxxxxxxxx\r\n",
	    TOO_LONG, "no end within 107 octets", 0 },
	{ "over 107 octets, and something", "PROXY TCP4 " X64 X64, TOO_LONG,
	    "no end", 0 },

	{ "SMTP", "EHLO x\r\n", BAD, "neither", 0 },
	{ "a blank first", " PROXY UNKNOWN\r\n", BAD, "neither", 0 },
	{ "lower case", "proxy UNKNOWN\r\n", BAD, "neither", 0 },
	{ "PR", "PR\r\n", BAD, "beginning \"PR", 0 },
	{ "no protocol at all", "PROXY\r\n", BAD, "expected \"PROXY TCP4\"",
	    0 },
	{ "two blanks before the protocol", "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2"
	    "\r\n", BAD, "beginning", 0 },
	{ "a TAB", "PROXY\tTCP4 1.2.3.4 1.2.3.4 1 2\r\n", BAD, "beginning",
	    0 },
	{ "protocol in lower case", "PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n", BAD,
	    "beginning", 0 },
	{ "another protocol", "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", BAD,
	    "beginning", 0 },
	{ "TCP5", "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n", BAD, "beginning", 0 },
	{ "more than unknown", "PROXY UNKNOWNS\r\n", BAD, "beginning", 0 },
	{ "TCP4 alone", "PROXY TCP4\r\n", BAD, "beginning", 0 },
	{ "no addresses", "PROXY TCP4 \r\n", BAD, "source \"\"", 0 },
	{ "one address", "PROXY TCP4 1.2.3.4\r\n", BAD, "destination \"\"",
	    0 },
	{ "no ports", "PROXY TCP4 1.2.3.4 5.6.7.8\r\n", BAD,
	    "source port \"\"", 0 },
	{ "one port", "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", BAD,
	    "destination port \"\"", 0 },
	{ "a word more", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n", BAD,
	    "destination port \"2 3\"", 0 },
	{ "a blank at the end", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n", BAD,
	    "destination port \"2 \"", 0 },
	{ "two blanks", "PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n", BAD,
	    "destination \"\"", 0 },
	{ "two blanks before a port", "PROXY TCP4 1.2.3.4 5.6.7.8  2\r\n", BAD,
	    "source port \"\"", 0 },
	{ "a leading zero in an address", "PROXY TCP4 1.2.3.04 5.6.7.8 1 2\r\n",
	    BAD, "expected an IPv4 address", 0 },
	{ "three octets", "PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n", BAD,
	    "source \"1.2.3\"", 0 },
	{ "an octet over 255", "PROXY TCP4 1.2.3.4 5.6.7.256 1 2\r\n", BAD,
	    "destination", 0 },
	{ "an address that no host has", "PROXY TCP4 0.1.2.3 5.6.7.8 1 2\r\n",
	    BAD, "source", 0 },
	{ "a name", "PROXY TCP4 a.example 5.6.7.8 1 2\r\n", BAD, "source", 0 },
	{ "IPv6 as TCP4", "PROXY TCP4 ::1 5.6.7.8 1 2\r\n", BAD,
	    "expected an IPv4 address", 0 },
	{ "mapped as TCP4", "PROXY TCP4 ::ffff:1.2.3.4 5.6.7.8 1 2\r\n", BAD,
	    "expected an IPv4 address", 0 },
	{ "IPv4 as TCP6", "PROXY TCP6 ::1 5.6.7.8 1 2\r\n", BAD,
	    "expected an IPv6 address", 0 },
	{ "brackets", "PROXY TCP6 [::1] ::1 1 2\r\n", BAD, "source", 0 },
	{ "a zone", "PROXY TCP6 fe80::1%lo ::1 1 2\r\n", BAD, "source", 0 },
	{ "a port over 65535", "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n", BAD,
	    "source port \"65536\"", 0 },
	{ "a port that wraps", "PROXY TCP4 1.2.3.4 5.6.7.8 1 4294967297\r\n",
	    BAD, "destination port", 0 },
	{ "a leading zero in a port", "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
	    BAD, "leading zeros", 0 },
	{ "two zeros", "PROXY TCP4 1.2.3.4 5.6.7.8 1 00\r\n", BAD,
	    "destination port \"00\"", 0 },
	{ "a sign", "PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n", BAD, "source port",
	    0 },
	{ "no digit", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2:\r\n", BAD,
	    "destination port", 0 },
	{ "no digit, before 0", "PROXY TCP4 1.2.3.4 5.6.7.8 1/ 2\r\n", BAD,
	    "source port", 0 },
	{ "a NUL in an address", "PROXY TCP4 1.2.3.4\0 5.6.7.8 1 2\r\n", BAD,
	    "source", 33 },
	{ "LF alone", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", BAD, "a bare LF",
	    0 },
	{ "LF CR", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n\r", BAD, "a bare LF", 0 },
	{ "CR alone", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rE", BAD, "a bare CR",
	    0 },
	{ "CR CR LF", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\r\n", BAD,
	    "a bare CR", 0 },
	{ "LF in unknown", "PROXY UNKNOWN x\nx\r\n", BAD, "a bare LF", 0 },
	{ "LF after unknown", "PROXY UNKNOWN\n", BAD, "beginning", 0 },
	{ "CR in unknown", "PROXY UNKNOWN x\rx\r\n", BAD, "a bare CR", 0 },
};

START_TEST(version_1)
{
	const struct proxy_header_row	*r = &rows1[_i];

	proxy_header_check(r, (struct span){ r->in,
	    r->n == 0 ? strlen(r->in) : r->n });
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("proxy_header");

	tcase_add_loop_test(tc, version_1, 0, NELEM(rows1));
	return runner_run("proxy_header", tc);
}
