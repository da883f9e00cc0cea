/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * proxy_header_write_test: the header that we write ourselves, and the checksum
 * of both.
 */
#include "relay/proxy_header.h"

#include <stdint.h>

#include "t/lib/edge.h"
#include "t/lib/proxy_header_check.h"
#include "t/lib/runner.h"

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
	size_t			 n = proxy_header_check_unhex(r->want, want);

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
	proxy_header_check_text(&h, n, text);
	proxy_header_check_text(&again, used, text_again);
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
	size_t			 cut, n = proxy_header_check_unhex(r->hex, in);
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
	TCase	*tc = tcase_create("proxy_header_write");

	tcase_add_loop_test(tc, written_row, 0, NELEM(write_rows));
	tcase_add_loop_test(tc, what_is_written_is_read, 0,
	    NELEM(write_rows));
	tcase_add_test(tc, what_no_reader_takes_is_not_written);
	tcase_add_test(tc, the_longest_is_written);
	tcase_add_loop_test(tc, crc32c, 0, NELEM(crc_rows));
	return runner_run("proxy_header_write", tc);
}
