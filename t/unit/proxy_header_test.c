/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * proxy_header_test: both versions of the header, whole, byte by byte and at
 * the end of memory; what haproxy really sends; and what we write ourselves.
 */
#include "relay/proxy_header.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define TEXT_SIZE	1024

/*
 * want: of DONE what header_text makes of it; of BAD and TOO_LONG a part of the
 * error's text.
 */
struct row {
	const char			*name, *in;
	enum proxy_header_result	 want;
	const char			*want_text;
	size_t				 n;	/* 0: strlen(in) */
};

#define DONE		PROXY_HEADER_DONE
#define MORE		PROXY_HEADER_MORE
#define BAD		PROXY_HEADER_BAD
#define TOO_LONG	PROXY_HEADER_TOO_LONG

#define X16	"xxxxxxxxxxxxxxxx"
#define X64	X16 X16 X16 X16
#define LONGEST	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

/* Version 1, as it is. */
static const struct row rows1[] = {
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

#define SIG	"0d0a0d0a000d0a515549540a"
#define ENDS4	"c0000201c63364021a850019"
#define TEXT4	"2 192.0.2.1:6789 198.51.100.2:25"
#define ENDS6	"20010db8000000000000000000000001"			\
		"20010db80000000000000000000000021a850019"
#define TEXT6	"2 [2001:db8::1]:6789 [2001:db8::2]:25"
#define Z8	"0000000000000000"
#define Z36	Z8 Z8 Z8 Z8 "00000000"
#define Z216	Z36 Z36 Z36 Z36 Z36 Z36
#define Z127	Z36 Z36 Z36 Z8 Z8 "000000"

/* Version 2, in hexadecimal digits. */
static const struct row rows2[] = {
	{ "IPv4", SIG "2111000c" ENDS4, DONE, TEXT4 " used=28", 0 },
	{ "IPv6", SIG "21210024" ENDS6, DONE, TEXT6 " used=52", 0 },
	{ "something behind it", SIG "2111000c" ENDS4 "45484c4f", DONE,
	    TEXT4 " used=28", 0 },
	{ "all is zero", SIG "2111000c" Z8 "00000000", DONE,
	    "2 0.0.0.0:0 0.0.0.0:0 used=28", 0 },
	{ "all bits are set", SIG "2111000c" "ffffffffffffffffffffffff", DONE,
	    "2 255.255.255.255:65535 255.255.255.255:65535 used=28", 0 },
	{ "mapped IPv4", SIG "21210024" Z8 "0000ffffc0000201" Z8
	    "0000ffffc63364021a850019", DONE, TEXT4 " used=52", 0 },
	{ "local", SIG "20000000", DONE, "2 local used=16", 0 },
	{ "local, with addresses", SIG "2011000c" ENDS4, DONE,
	    "2 local used=28", 0 },
	{ "local, too short for its family", SIG "20210000", DONE,
	    "2 local used=16", 0 },
	{ "local, of no family that there is", SIG "20ff0000", DONE,
	    "2 local used=16", 0 },
	{ "local, with what is no TLV", SIG "20000002ffff", DONE,
	    "2 local used=18", 0 },
	{ "local, with a wrong checksum", SIG "200000070300040badcafe", DONE,
	    "2 local used=23", 0 },
	{ "unspecified", SIG "21000000", DONE, "2 local used=16", 0 },
	{ "unspecified, with something", SIG "21000003c00002", DONE,
	    "2 local used=19", 0 },
	{ "UNIX", SIG "213100d8" Z216, DONE, "2 local used=232", 0 },
	{ "UNIX, with a TLV", SIG "213100dc" Z216 "02000178", DONE,
	    "2 local used=236 authority=x", 0 },

	{ "the signature's last octet", SIG, MORE, NULL, 0 },
	{ "version and command", SIG "21", MORE, NULL, 0 },
	{ "half a length", SIG "211100", MORE, NULL, 0 },
	{ "no addresses yet", SIG "2111000c", MORE, NULL, 0 },
	{ "an octet is missing", SIG "2111000cc0000201c63364021a8500", MORE,
	    NULL, 0 },
	{ "local, something is missing", SIG "20000002ff", MORE, NULL, 0 },
	{ "as long as it may be", SIG "2111ffff", MORE, NULL, 0 },
	{ "local, as long as it may be", SIG "2000ffff", MORE, NULL, 0 },

	{ "first octet", "0a", BAD, "neither", 0 },
	{ "a signature that is not quite it", "0d0a0d0a000d0a515549540d", BAD,
	    "neither", 0 },
	{ "empty lines", "0d0a0d0a0d0a", BAD, "neither", 0 },
	{ "version 1", SIG "11", BAD, "0x11, expected 0x20", 0 },
	{ "version 3", SIG "31", BAD, "0x31", 0 },
	{ "version 0", SIG "01", BAD, "0x01", 0 },
	{ "another command", SIG "22", BAD, "0x22", 0 },
	{ "the last command", SIG "2f", BAD, "0x2f", 0 },
	{ "another family", SIG "2141000c" ENDS4, BAD, "0x41", 0 },
	{ "another transport", SIG "2113000c" ENDS4, BAD, "0x13", 0 },
	{ "IPv4 by no transport", SIG "2110000c" ENDS4, BAD, "0x10", 0 },
	{ "IPv6 by no transport", SIG "21200024" ENDS6, BAD, "0x20", 0 },
	{ "a stream of no family", SIG "21010000", BAD, "0x01", 0 },
	{ "UDP over IPv4", SIG "2112000c" ENDS4, BAD, "0x12", 0 },
	{ "UDP over IPv6", SIG "21220024" ENDS6, BAD, "0x22", 0 },
	{ "UNIX datagrams", SIG "213200d8" Z216, BAD, "0x32", 0 },
	{ "too short for IPv4", SIG "2111000b", BAD,
	    "11 octets behind the fixed part, expected 12", 0 },
	{ "too short for IPv6", SIG "21210023", BAD, "35 octets", 0 },
	{ "too short for UNIX", SIG "213100d7", BAD, "215 octets", 0 },
	{ "empty", SIG "21110000", BAD, "0 octets", 0 },
	{ "a source that no host has", SIG "2111000c00010203c633640200010002",
	    BAD, "source \"0.1.2.3\"", 0 },
	{ "a destination that no host has",
	    SIG "2111000cc63364020001020300010002", BAD,
	    "destination \"0.1.2.3\"", 0 },
	{ "mapped, and no host has it", SIG "21210024" Z8 "0000ffff00010203"
	    Z8 Z8 "00010002", BAD, "source \"0.1.2.3\"", 0 },
	{ "UNIX, a TLV is cut short", SIG "213100d9" Z216 "02", BAD,
	    "cut short", 0 },

	{ "haproxy's",
	    SIG "2111000c7f0000017f000001a00a4e234e4f4f500d0a",
	    DONE,
	    "2 127.0.0.1:40970 127.0.0.1:20003 used=28", 0 },
	{ "haproxy's, IPv6 and CRC32c",
	    SIG "2121002b0000000000000000000000000000000100000000000000000000"
	    "0000000000018b944e24030004aadf13774e4f4f500d0a",
	    DONE,
	    "2 [::1]:35732 [::1]:20004 used=59", 0 },
	{ "haproxy's, ends of two families",
	    SIG "2121002b00000000000000000000ffffc000020700000000000000000000"
	    "00000000000112674e2a030004ac6ebfb14e4f4f500d0a",
	    DONE,
	    "2 192.0.2.7:4711 [::1]:20010 used=59", 0 },
	{ "haproxy's, from a UNIX socket",
	    SIG "2000000a030004826374b80500004e4f4f500d0a",
	    DONE,
	    "2 local used=26", 0 },
	{ "haproxy's, of a check",
	    SIG "20000007030004a9b87e8f",
	    DONE,
	    "2 local used=23", 0 },
	{ "haproxy's, TLS",
	    SIG "2111001e7f0000017f000001bfde4e2920000f0100000000210007544c53"
	    "76312e334e4f4f500d0a",
	    DONE,
	    "2 127.0.0.1:49118 127.0.0.1:20009 used=46 ssl=TLSv1.3", 0 },
	{ "haproxy's, a certificate",
	    SIG "211100317f0000017f00000185344e282000220700000000210007544c53"
	    "76312e32220010656467652e6578616d706c652e6e65744e4f4f500d0a",
	    DONE,
	    "2 127.0.0.1:34100 127.0.0.1:20008 used=65 ssl=TLSv1.2 cn=edg"
	    "e.example.net verified", 0 },
	{ "haproxy's, a certificate that it does not know",
	    SIG "211100317f0000017f000001853e4e282000220700000012210007544c53"
	    "76312e332200106576696c2e6578616d706c652e6f72674e4f4f500d0a",
	    DONE,
	    "2 127.0.0.1:34110 127.0.0.1:20008 used=65 ssl=TLSv1.3 cn=evi"
	    "l.example.org", 0 },
	{ "haproxy's, all options",
	    SIG "211100937f0000017f000001e5d64e2703000472aac0c6010004736d7470"
	    "02000e6d782e6578616d706c652e636f6d05001037463030303030313a45"
	    "3544365f2d2d2000520700000000210007544c5376312e33220010656467"
	    "652e6578616d706c652e6e65742500075253413230343824000a5253412d"
	    "534841323536230016544c535f4145535f3235365f47434d5f5348413338"
	    "344e4f4f500d0a",
	    DONE,
	    "2 127.0.0.1:58838 127.0.0.1:20007 used=163 authority=mx.exam"
	    "ple.com unique_id=37463030303030313a453544365f2d2d alpn=smtp"
	    " ssl=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 cn=edge.example.n"
	    "et verified", 0 },
	{ "haproxy's, all options without a certificate",
	    SIG "211100687f0000017f000001b0564e270300046366430a05001037463030"
	    "303030313a423035365f2d2d20003f0100000000210007544c5376312e33"
	    "2500075253413230343824000a5253412d534841323536230016544c535f"
	    "4145535f3235365f47434d5f5348413338344e4f4f500d0a",
	    DONE,
	    "2 127.0.0.1:45142 127.0.0.1:20007 used=120 unique_id=3746303"
	    "0303030313a423035365f2d2d ssl=TLSv1.3 cipher=TLS_AES_256_GCM"
	    "_SHA384", 0 },
};

#define TLS13	"210007544c5376312e33"		/* SSL_VERSION TLSv1.3 */
#define CN	"220003612e62"				/* SSL_CN a.b */

/* TLVs behind the addresses of IPv4; of DONE, want_text is what is behind
 * those and the length. */
static const struct row tlv_rows[] = {
	{ "authority", "02000178", DONE, " authority=x", 0 },
	{ "empty authority", "020000", DONE, "", 0 },
	{ "8-bit authority", "020002c3bc", DONE, " authority=\303\274", 0 },
	{ "alpn", "010004736d7470", DONE, " alpn=smtp", 0 },
	{ "unique id", "0500040041ff0a", DONE, " unique_id=0041ff0a", 0 },
	{ "unique id of 128 octets", "050080" Z127 "01", DONE,
	    " unique_id=" Z127 "01", 0 },
	{ "namespace", "30000178", DONE, "", 0 },
	{ "padding, twice", "040000" "0400021234" "02000178", DONE,
	    " authority=x", 0 },
	{ "unknown kinds, each twice", "e00001ff" "ff0000" "e00001ff"
	    "ff0000" "210000" "210000" "02000178", DONE, " authority=x", 0 },
	{ "several", "05000141" "02000178" "01000179", DONE,
	    " authority=x unique_id=41 alpn=y", 0 },
	{ "TLS", "20000f" "01" "00000001" TLS13, DONE, " ssl=TLSv1.3", 0 },
	{ "TLS alone", "200005" "01" "00000001", DONE, " ssl=", 0 },
	{ "no TLS", "200005" "00" "00000000", DONE, "", 0 },
	{ "a verified certificate", "200015" "03" "00000000" TLS13 CN, DONE,
	    " ssl=TLSv1.3 cn=a.b verified", 0 },
	{ "... in the session alone", "20000b" "05" "00000000" CN, DONE,
	    " ssl= cn=a.b verified", 0 },
	{ "a certificate that was not verified", "20000b" "07" "00000012" CN,
	    DONE, " ssl= cn=a.b", 0 },
	{ "... by the first octet of four", "20000b" "07" "01000000" CN, DONE,
	    " ssl= cn=a.b", 0 },
	{ "no certificate to verify", "20000b" "01" "00000000" CN, DONE,
	    " ssl= cn=a.b", 0 },
	{ "a certificate without TLS", "20000b" "06" "00000000" CN, DONE,
	    " cn=a.b", 0 },
	{ "a client bit that nobody knows", "200005" "81" "00000000", DONE,
	    " ssl=", 0 },
	{ "all of TLS", "200025" "01" "00000000" "24000161" TLS13 "25000162"
	    "230002" "7a79" "260000" "260000" "040000", DONE,
	    " ssl=TLSv1.3 cipher=zy", 0 },
	{ "CRC32c, and something behind", "030004" "bb4fecb2" "02000178",
	    DONE, " authority=x", 0 },

	{ "AWS", "ea0017" "01" "767063652d3038643262663135666163353030316339",
	    DONE, " aws=vpce-08d2bf15fac5001c9", 0 },
	{ "AWS, nothing", "ea0000", DONE, "", 0 },
	{ "AWS, an empty text", "ea0001" "01", DONE, "", 0 },
	{ "AWS, something else", "ea0003" "027670", DONE, "", 0 },
	{ "AWS, a NUL", "ea0003" "017600", DONE, "", 0 },
	{ "AWS, twice", "ea0002" "0161" "ea0002" "0161" "02000178", DONE,
	    " authority=x", 0 },
	{ "AWS, three times", "ea0002" "0161" "ea0002" "0161" "ea0002" "0162",
	    DONE, "", 0 },
	{ "AWS, something else first", "ea0001" "02" "ea0002" "0161", DONE,
	    "", 0 },
	{ "Azure", "ee0005" "01" "c1450000", DONE, " azure=17857", 0 },
	{ "Azure, all bits", "ee0005" "01" "ffffffff", DONE,
	    " azure=4294967295", 0 },
	{ "Azure, zero", "ee0005" "01" "00000000", DONE, " azure=0", 0 },
	{ "Azure, too short", "ee0004" "01" "c14500", DONE, "", 0 },
	{ "Azure, too long", "ee0006" "01" "c145000000", DONE, "", 0 },
	{ "Azure, something else", "ee0005" "02" "c1450000", DONE, "", 0 },
	{ "Azure, twice", "ee0005" "01" "c1450000" "ee0005" "01" "c1450000",
	    DONE, "", 0 },
	{ "Google", "e00008" "0102030405060708", DONE,
	    " gcp=72623859790382856", 0 },
	{ "Google, all bits", "e00008" "ffffffffffffffff", DONE,
	    " gcp=18446744073709551615", 0 },
	{ "Google, too short", "e00007" "01020304050607", DONE, "", 0 },
	{ "Google, too long", "e00009" "010203040506070809", DONE, "", 0 },
	{ "all three", "e00008" "0000000000000001" "ea0002" "0161" "ee0005"
	    "01" "02000000", DONE, " aws=a azure=2 gcp=1", 0 },

	{ "a type alone", "02", BAD, "cut short, 1 octets", 0 },
	{ "half a length", "0200", BAD, "cut short, 2 octets", 0 },
	{ "a value cut short", "0200027f", BAD, "cut short, 4 octets", 0 },
	{ "no value", "02ffff", BAD, "cut short, 3 octets", 0 },
	{ "unknown, cut short", "e00002ff", BAD, "cut short", 0 },
	{ "padding, cut short", "040001", BAD, "cut short", 0 },
	{ "something behind a TLV", "02000178" "00", BAD, "cut short", 0 },
	{ "authority twice", "02000178" "02000178", BAD, "a second AUTHORITY",
	    0 },
	{ "empty, then not", "020000" "02000178", BAD, "a second AUTHORITY",
	    0 },
	{ "alpn twice", "01000178" "01000178", BAD, "a second ALPN", 0 },
	{ "unique id twice", "050000" "05000178", BAD, "a second UNIQUE_ID",
	    0 },
	{ "TLS twice", "200005" "00" "00000000" "200005" "01" "00000000", BAD,
	    "a second SSL", 0 },
	{ "namespace twice", "30000178" "30000178", BAD, "a second NETNS", 0 },
	{ "a NUL in the authority", "0200027800", BAD, "a NUL in AUTHORITY",
	    0 },
	{ "a NUL in alpn", "01000100", BAD, "a NUL in ALPN", 0 },
	{ "unique id of 129 octets", "050081" Z127 "0000", BAD,
	    "UNIQUE_ID of 129 octets, expected 128 at most", 0 },
	{ "a wrong CRC32c", "030004" "00000000", BAD,
	    "CRC32c 00000000, expected", 0 },
	{ "CRC32c of 3 octets", "030003" "000000", BAD, "CRC32C of 3", 0 },
	{ "CRC32c of 5 octets", "030005" "0000000000", BAD, "CRC32C of 5",
	    0 },
	{ "TLS too short", "200004" "01000000", BAD, "SSL of 4 octets", 0 },
	{ "TLS empty", "200000", BAD, "SSL of 0 octets", 0 },
	{ "in TLS, cut short", "200006" "01" "00000000" "21", BAD, "cut short",
	    0 },
	{ "in TLS, reaches out of it", "200008" "01" "00000000" "210001"
	    "02000178", BAD, "cut short", 0 },
	{ "version twice", "200011" "01" "00000000" "210000" "210000" "220000"
	    "230000", BAD, "a second SSL_VERSION", 0 },
	{ "name twice", "200011" "01" "00000000" "220000" "230000" "220000"
	    "210000", BAD, "a second SSL_CN", 0 },
	{ "cipher twice", "20000b" "01" "00000000" "230000" "230000", BAD,
	    "a second SSL_CIPHER", 0 },
	{ "signature algorithm twice", "20000b" "01" "00000000" "240000"
	    "240000", BAD, "a second SSL_SIG_ALG", 0 },
	{ "key algorithm twice", "20000b" "01" "00000000" "250000" "250000",
	    BAD, "a second SSL_KEY_ALG", 0 },
	{ "a NUL in the version", "200009" "01" "00000000" "21000100", BAD,
	    "a NUL in SSL_VERSION", 0 },
	{ "a NUL in the name", "200010" "03" "00000000" "220008"
	    "612e620065766c21", BAD, "a NUL in SSL_CN", 0 },
	{ "a NUL in the cipher", "200009" "01" "00000000" "23000100", BAD,
	    "a NUL in SSL_CIPHER", 0 },
};

/* A marker that shows whether an out-parameter was written. */
#define UNTOUCHED	77

static size_t
unhex(const char *hex, char *out)
{
	unsigned	 octet;
	size_t		 n;

	for (n = 0; hex[2 * n] != '\0'; n++) {
		ck_assert_int_eq(sscanf(hex + 2 * n, "%2x", &octet), 1);
		out[n] = (char)octet;
	}
	return n;
}

static void
add_span(char *text, const char *name, struct span value)
{
	size_t	 n = strlen(text);

	if (value.n > 0)
		(void)snprintf(text + n, TEXT_SIZE - n, " %s%.*s", name,
		    (int)value.n, value.p);
}

static void
add_end(char *text, const struct address *addr, uint16_t port)
{
	char	 buf[ADDRESS_TEXT_SIZE];
	size_t	 n = strlen(text);

	(void)snprintf(text + n, TEXT_SIZE - n, addr->family == AF_INET6 ?
	    " [%s]:%u" : " %s:%u", address_format(addr, buf, sizeof buf),
	    port);
}

static void
add_tlvs(char *text, const struct proxy_header *h)
{
	char	 hex[2 * PROXY_HEADER_UNIQUE_ID_MAX + 1] = "";
	size_t	 i;

	for (i = 0; i < h->unique_id.n; i++)
		(void)sprintf(hex + 2 * i, "%02x",
		    (unsigned)(uint8_t)h->unique_id.p[i]);
	add_span(text, "authority=", h->authority);
	add_span(text, "unique_id=", span_of(hex));
	add_span(text, "alpn=", h->alpn);
	if (h->has_ssl)
		(void)strcat(text, " ssl=");
	if (h->ssl_version.n > 0)
		(void)strncat(text, h->ssl_version.p, h->ssl_version.n);
	add_span(text, "cipher=", h->ssl_cipher);
	add_span(text, "cn=", h->ssl_cn);
	if (h->is_verified)
		(void)strcat(text, " verified");
	add_span(text, "aws=", h->aws_vpce_id);
	if (h->azure_pel_id.is_there)
		(void)sprintf(text + strlen(text), " azure=%" PRIu64,
		    h->azure_pel_id.value);
	if (h->gcp_conn_id.is_there)
		(void)sprintf(text + strlen(text), " gcp=%" PRIu64,
		    h->gcp_conn_id.value);
}

static void
header_text(const struct proxy_header *h, size_t used, char *text)
{
	(void)sprintf(text, "%u", h->version);
	if (h->is_local) {
		ck_assert_int_eq(h->source.family, AF_UNSPEC);
		ck_assert_int_eq(h->destination.family, AF_UNSPEC);
		(void)strcat(text, " local");
	} else {
		add_end(text, &h->source, h->source_port);
		add_end(text, &h->destination, h->destination_port);
	}
	(void)sprintf(text + strlen(text), " used=%zu", used);
	add_tlvs(text, h);
}

static void
check_answer(const struct row *r, const char *how, struct span in)
{
	struct proxy_header	 h = { .version = UNTOUCHED };
	char			 text[TEXT_SIZE];
	size_t			 used = UNTOUCHED;
	struct err		 err = { "" };
	enum proxy_header_result got;

	got = proxy_header_find(in.p, in.n, &h, &used, &err);
	ck_assert_msg(got == r->want, "%s, %s: got %d (%s), want %d", r->name,
	    how, got, err.text, r->want);
	if (got == DONE) {
		header_text(&h, used, text);
		ck_assert_msg(strcmp(text, r->want_text) == 0,
		    "%s, %s: got \"%s\", want \"%s\"", r->name, how, text,
		    r->want_text);
		return;
	}
	ck_assert_msg(h.version == UNTOUCHED && used == UNTOUCHED,
	    "%s, %s: wrote a result", r->name, how);
	ck_assert_msg(got == MORE ? err.text[0] == '\0' :
	    strstr(err.text, r->want_text) != NULL,
	    "%s, %s: said \"%s\"", r->name, how, err.text);
	ck_assert_int_eq(proxy_header_find(in.p, in.n, &h, &used, NULL), got);
}

/* Fed one byte more at a time, it asks for more until it has its answer. */
static void
check_bytewise(const struct row *r, struct span in)
{
	struct proxy_header	 h;
	size_t			 used = 0, n;
	enum proxy_header_result got = MORE;

	for (n = 0; n <= in.n && got == MORE; n++)
		got = proxy_header_find(in.p, n, &h, &used, NULL);
	ck_assert_msg(got == r->want, "%s, bytewise: got %d, want %d",
	    r->name, got, r->want);
	ck_assert_msg(got != DONE || used == n - 1,
	    "%s, bytewise: used %zu of %zu", r->name, used, n - 1);
}

static void
check_row(const struct row *r, struct span in)
{
	char	*edge = edge_copy(in.p, in.n);

	check_answer(r, "whole", in);
	check_answer(r, "edge", (struct span){ edge, in.n });
	check_bytewise(r, in);
	edge_free(edge, in.n);
}

START_TEST(version_1)
{
	const struct row	*r = &rows1[_i];

	check_row(r, (struct span){ r->in, r->n == 0 ? strlen(r->in) : r->n });
}
END_TEST

START_TEST(version_2)
{
	char	 in[PROXY_HEADER_MAX];

	check_row(&rows2[_i], (struct span){ in, unhex(rows2[_i].in, in) });
}
END_TEST

/* A header of IPv4 with these TLVs; returns its length. */
static size_t
with_tlvs(const char *tlvs, char *out)
{
	size_t	 n = unhex(SIG "2111" "0000" ENDS4, out);

	n += unhex(tlvs, out + n);
	out[14] = (char)((n - 16) >> 8);
	out[15] = (char)(n - 16);
	return n;
}

START_TEST(version_2_with_tlvs)
{
	struct row	 r = tlv_rows[_i];
	char		 in[PROXY_HEADER_MAX], want[TEXT_SIZE];
	size_t		 n = with_tlvs(r.in, in);

	if (r.want == DONE) {
		(void)sprintf(want, TEXT4 " used=%zu%s", n, r.want_text);
		r.want_text = want;
	}
	check_row(&r, (struct span){ in, n });
}
END_TEST

START_TEST(the_longest_is_read)
{
	static char		 in[PROXY_HEADER_MAX];
	struct proxy_header	 h;
	size_t			 used;

	(void)with_tlvs("04fff0", in);
	in[14] = in[15] = (char)0xff;
	ck_assert_int_eq(proxy_header_find(in, sizeof(in) - 1, &h, &used,
	    NULL), MORE);
	ck_assert_int_eq(proxy_header_find(in, sizeof(in), &h, &used, NULL),
	    DONE);
	ck_assert_uint_eq(used, sizeof(in));
}
END_TEST

/* All but LOCAL instead of PROXY, which is discarded, and another kind than a
 * checksum where the checksum is. */
START_TEST(a_checksum_notices_each_bit)
{
	struct proxy_header	 h;
	char			 in[PROXY_HEADER_MAX];
	size_t			 i, used, crc_at = 28;
	size_t			 n = with_tlvs("030004" "bb4fecb2" "02000178",
				     in);

	for (i = 0; i < 8 * n; i++) {
		if (i / 8 == 12 || i / 8 == crc_at)
			continue;
		in[i / 8] = (char)(in[i / 8] ^ 1 << i % 8);
		ck_assert_msg(proxy_header_find(in, n, &h, &used, NULL) !=
		    DONE, "bit %zu of octet %zu", i % 8, i / 8);
		in[i / 8] = (char)(in[i / 8] ^ 1 << i % 8);
	}
	ck_assert_int_eq(proxy_header_find(in, n, &h, &used, NULL), DONE);
}
END_TEST

static const struct write_row {
	const char	*name, *source, *destination;
	const char	*authority, *unique_id;
	size_t		 unique_id_len;
	const char	*want;		/* "": it cannot be written */
} write_rows[] = {
	{ "local", NULL, NULL, NULL, NULL, 0,
	    SIG "20000000" },
	{ "local, nothing else is said", NULL, NULL, "mx.example.com", "id", 2,
	    SIG "20000000" },
	{ "IPv4", "192.0.2.1", "198.51.100.2", NULL, NULL, 0,
	    SIG "21110013c0000201c63364021a85001903000427017459" },
	{ "IPv6", "2001:db8::1", "2001:db8::2", NULL, NULL, 0,
	    SIG "2121002b20010db800000000000000000000000120010db8000000000000"
	    "0000000000021a850019030004925e982a" },
	{ "IPv4 to IPv6", "192.0.2.1", "2001:db8::2", NULL, NULL, 0,
	    SIG "2121002b00000000000000000000ffffc000020120010db8000000000000"
	    "0000000000021a8500190300040bdcb20f" },
	{ "IPv6 to IPv4", "2001:db8::1", "192.0.2.1", NULL, NULL, 0,
	    SIG "2121002b20010db800000000000000000000000100000000000000000000"
	    "ffffc00002011a850019030004521838b1" },
	{ "authority and unique id", "192.0.2.1", "198.51.100.2",
	    "mx.example.com", "7F\0id", 5,
	    SIG "2111002cc0000201c63364021a85001902000e6d782e6578616d706c652e"
	    "636f6d0500053746006964030004a63acef6" },
	{ "empty ones", "192.0.2.1", "198.51.100.2", "", "", 0,
	    SIG "21110013c0000201c63364021a85001903000427017459" },
	{ "no source", NULL, "198.51.100.2", NULL, NULL, 0,
	    "" },
	{ "no destination", "192.0.2.1", NULL, NULL, NULL, 0,
	    "" },
	{ "unique id of 128 octets", "192.0.2.1", "198.51.100.2", NULL,
	    X64 X64, 128,
	    SIG "21110096c0000201c63364021a8500190500807878787878787878787878"
	    "787878787878787878787878787878787878787878787878787878787878"
	    "787878787878787878787878787878787878787878787878787878787878"
	    "787878787878787878787878787878787878787878787878787878787878"
	    "787878787878787878787878787878787878787878787878787878030004"
	    "d888635b" },
	{ "unique id of 129 octets", "192.0.2.1", "198.51.100.2", NULL,
	    X64 X64 "x", 129, "" },
};

static struct proxy_header
header_of(const struct write_row *r)
{
	struct proxy_header	 h = { .source_port = 6789,
				     .destination_port = 25 };

	h.is_local = r->source == NULL && r->destination == NULL;
	if (r->source != NULL)
		ck_assert(address_parse(span_of(r->source), &h.source));
	if (r->destination != NULL)
		ck_assert(address_parse(span_of(r->destination),
		    &h.destination));
	if (r->authority != NULL)
		h.authority = span_of(r->authority);
	if (r->unique_id != NULL)
		h.unique_id = (struct span){ r->unique_id, r->unique_id_len };
	return h;
}

START_TEST(written_row)
{
	const struct write_row	*r = &write_rows[_i];
	struct proxy_header	 h = header_of(r);
	char			 want[PROXY_HEADER_MAX], *out, *end;
	size_t			 n = unhex(r->want, want);

	end = edge_copy(NULL, 0);
	out = end - (n == 0 ? TEXT_SIZE : n);
	memset(out, UNTOUCHED, (size_t)(end - out));
	if (n > 0)
		ck_assert_uint_eq(proxy_header_write(&h, out, n - 1), 0);
	ck_assert_msg(out[0] == UNTOUCHED, "%s: wrote", r->name);
	ck_assert_msg(proxy_header_write(&h, out, (size_t)(end - out)) == n,
	    "%s: not of %zu octets", r->name, n);
	ck_assert_msg(memcmp(out, n == 0 ? &(char){ UNTOUCHED } : want,
	    n == 0 ? 1 : n) == 0, "%s: is another", r->name);
	edge_free(end, 0);
}
END_TEST

START_TEST(what_is_written_is_read)
{
	const struct write_row	*r = &write_rows[_i];
	struct proxy_header	 h = header_of(r), again;
	char			 out[PROXY_HEADER_MAX];
	char			 text[TEXT_SIZE], text_again[TEXT_SIZE];
	size_t			 used, n;

	n = proxy_header_write(&h, out, sizeof(out));
	if (n == 0)
		return;
	ck_assert_int_eq(proxy_header_find(out, n, &again, &used, NULL), DONE);
	h.version = 2;
	if (h.is_local)
		h.authority = h.unique_id = (struct span){ NULL, 0 };
	header_text(&h, n, text);
	header_text(&again, used, text_again);
	ck_assert_str_eq(text_again, text);
}
END_TEST

START_TEST(what_no_reader_takes_is_not_written)
{
	struct proxy_header	 h = header_of(&write_rows[2]);
	char			 out[PROXY_HEADER_MAX];

	h.authority = (struct span){ "a\0b", 1 };
	ck_assert_uint_ne(proxy_header_write(&h, out, sizeof(out)), 0);
	h.authority.n++;
	ck_assert_uint_eq(proxy_header_write(&h, out, sizeof(out)), 0);
}
END_TEST

/* As long as a header may be, and one octet longer. */
START_TEST(the_longest_is_written)
{
	static char		 authority[PROXY_HEADER_MAX + 1];
	static char		 out[2 * PROXY_HEADER_MAX];
	struct write_row	 r = { .source = "192.0.2.1",
				     .destination = "192.0.2.2" };
	struct proxy_header	 h = header_of(&r);

	memset(authority, 'a', sizeof(authority));
	h.authority = (struct span){ authority, PROXY_HEADER_MAX - 28 - 7 - 3 };
	ck_assert_uint_eq(proxy_header_write(&h, out, sizeof(out)),
	    PROXY_HEADER_MAX);
	h.authority.n++;
	ck_assert_uint_eq(proxy_header_write(&h, out, sizeof(out)), 0);
	h.authority.n = SIZE_MAX;
	ck_assert_uint_eq(proxy_header_write(&h, out, sizeof(out)), 0);
}
END_TEST

/* RFC 3720, B.4, and the check value of the polynomial. */
static const struct crc_row {
	const char	*name, *hex;
	uint32_t	 want;
} crc_rows[] = {
	{ "nothing", "", 0 },
	{ "zeros", Z8 Z8 Z8 Z8, 0x8a9136aa },
	{ "ones", "ffffffffffffffffffffffffffffffff"
	    "ffffffffffffffffffffffffffffffff", 0x62a8ab43 },
	{ "incrementing", "000102030405060708090a0b0c0d0e0f"
	    "101112131415161718191a1b1c1d1e1f", 0x46dd794e },
	{ "decrementing", "1f1e1d1c1b1a19181716151413121110"
	    "0f0e0d0c0b0a09080706050403020100", 0x113fdb5c },
	{ "an iSCSI read command", "01c000000000000000000000000000001400000000"
	    "000400000000140000001828000000000000000200000000000000",
	    0xd9963a56 },
	{ "digits", "313233343536373839", 0xe3069283 },
};

START_TEST(crc32c)
{
	const struct crc_row	*r = &crc_rows[_i];
	char			 in[64];
	size_t			 cut, n = unhex(r->hex, in);
	uint32_t		 crc;

	for (cut = 0; cut <= n; cut++) {
		crc = proxy_header_crc32c(0, (struct span){ in, cut });
		crc = proxy_header_crc32c(crc, (struct span){ in + cut,
		    n - cut });
		ck_assert_msg(crc == r->want, "%s, cut at %zu: got %08x, want "
		    "%08x", r->name, cut, crc, r->want);
	}
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("proxy_header");

	tcase_add_loop_test(tc, version_1, 0, NELEM(rows1));
	tcase_add_loop_test(tc, version_2, 0, NELEM(rows2));
	tcase_add_loop_test(tc, version_2_with_tlvs, 0, NELEM(tlv_rows));
	tcase_add_test(tc, the_longest_is_read);
	tcase_add_test(tc, a_checksum_notices_each_bit);
	tcase_add_loop_test(tc, written_row, 0, NELEM(write_rows));
	tcase_add_loop_test(tc, what_is_written_is_read, 0,
	    NELEM(write_rows));
	tcase_add_test(tc, what_no_reader_takes_is_not_written);
	tcase_add_test(tc, the_longest_is_written);
	tcase_add_loop_test(tc, crc32c, 0, NELEM(crc_rows));
	return runner_run("proxy_header", tc);
}
