/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * proxy_header_v2_test: version 2 of the header, its TLVs and its checksum; and
 * what haproxy really sends.
 */
#include "relay/proxy_header.h"

#include <stdio.h>

#include "t/lib/proxy_header_check.h"
#include "t/lib/runner.h"

#define TEXT4	"2 192.0.2.1:6789 198.51.100.2:25"
#define TEXT6	"2 [2001:db8::1]:6789 [2001:db8::2]:25"
#define Z36	Z8 Z8 Z8 Z8 "00000000"
#define Z216	Z36 Z36 Z36 Z36 Z36 Z36
#define Z127	Z36 Z36 Z36 Z8 Z8 "000000"

/* Version 2, in hexadecimal digits. */
static const struct proxy_header_row rows2[] = {
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
static const struct proxy_header_row tlv_rows[] = {
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

START_TEST(version_2)
{
	char	 in[PROXY_HEADER_MAX];

	proxy_header_check(&rows2[_i], (struct span){ in,
	    proxy_header_check_unhex(rows2[_i].in, in) });
}
END_TEST

/* A header of IPv4 with these TLVs; returns its length. */
static size_t
with_tlvs(const char *tlvs, char *out)
{
	size_t	 n = proxy_header_check_unhex(SIG "2111" "0000" ENDS4, out);

	n += proxy_header_check_unhex(tlvs, out + n);
	out[14] = (char)((n - 16) >> 8);
	out[15] = (char)(n - 16);
	return n;
}

START_TEST(version_2_with_tlvs)
{
	struct proxy_header_row	 r = tlv_rows[_i];
	char		 in[PROXY_HEADER_MAX], want[TEXT_SIZE];
	size_t		 n = with_tlvs(r.in, in);

	if (r.want == DONE) {
		(void)sprintf(want, TEXT4 " used=%zu%s", n, r.want_text);
		r.want_text = want;
	}
	proxy_header_check(&r, (struct span){ in, n });
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

int
main(void)
{
	TCase	*tc = tcase_create("proxy_header_v2");

	tcase_add_loop_test(tc, version_2, 0, NELEM(rows2));
	tcase_add_loop_test(tc, version_2_with_tlvs, 0, NELEM(tlv_rows));
	tcase_add_test(tc, the_longest_is_read);
	tcase_add_test(tc, a_checksum_notices_each_bit);
	return runner_run("proxy_header_v2", tc);
}
