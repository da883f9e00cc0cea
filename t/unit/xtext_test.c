/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * xtext_test: decoding in both modes, encoding, and the way back.
 */
#include "base/xtext.h"

#include <stdint.h>
#include <stdlib.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"

/* NULL: refused.  Sizes are those of the texts, so no row holds a NUL. */
static const struct row {
	const char	*name, *in, *want_strict, *want_legacy;
} rows[] = {
	{ "empty",		"",		"",		"" },
	{ "plain",		"abc-123.~!",	"abc-123.~!",	"abc-123.~!" },
	{ "all specials",	"<>\"\\()@;:,",	"<>\"\\()@;:,",
						"<>\"\\()@;:," },
	{ "encoded plus",	"a+2Bb",	"a+b",		"a+b" },
	{ "encoded equals",	"+3D",		"=",		"=" },
	{ "encoded blank",	"a+20b",	"a b",		"a b" },
	{ "encoded 8-bit",	"+C3+A4",	"\xc3\xa4",	"\xc3\xa4" },
	{ "encoded last byte",	"+FF",		"\xff",		"\xff" },
	{ "encoded twice",	"+2B41",	"+41",		"+41" },
	{ "small hex digits",	"+2b",		NULL,		"+" },
	{ "mixed hex digits",	"+3d+3D",	NULL,		"==" },
	{ "raw equals",		"a=b",		NULL,		"a=b" },
	{ "raw blank",		"a b",		NULL,		"a b" },
	{ "raw 8-bit",		"\xe4",		NULL,		"\xe4" },
	{ "raw DEL",		"\x7f",		NULL,		"\x7f" },
	{ "raw control",	"\x01",		NULL,		"\x01" },
	{ "raw that decodes",	"a+64min",	"admin",	"admin" },
	{ "plus alone",		"+",		NULL,		"+" },
	{ "plus, one digit",	"+4",		NULL,		"+4" },
	{ "plus, no digits",	"a+xyz",	NULL,		"a+xyz" },
	{ "second no digit",	"+4x",		NULL,		"+4x" },
	{ "plus at the end",	"ab+",		NULL,		"ab+" },
	{ "two pluses",		"++41",		NULL,		"++41" },
	{ "G is no digit",	"+G0",		NULL,		"+G0" },
	{ "good, then bad",	"+41+4",	NULL,		"+41+4" },
	{ "colon is no digit",	"+:0",		NULL,		"+:0" },
	{ "at is no digit",	"+@0",		NULL,		"+@0" },
};

static void
check_decoded(const char *name, const char *how, struct span in,
    enum xtext_mode mode, const char *want)
{
	char			*room = edge_copy(NULL, 0);
	size_t			 len = SIZE_MAX;
	char			*buf = room - (want ? strlen(want) : in.n);
	enum xtext_result	 got;

	got = xtext_decode(in, mode, buf, (size_t)(room - buf), &len);
	if (want == NULL)
		ck_assert_msg(got == XTEXT_BAD && len == SIZE_MAX,
		    "%s, %s, mode %d: got %d, want BAD", name, how, mode, got);
	else
		ck_assert_msg(got == XTEXT_OK &&
		    span_eq((struct span){ buf, len }, want),
		    "%s, %s, mode %d: got %d, want \"%s\"", name, how, mode,
		    got, want);
	edge_free(room, 0);
}

START_TEST(row_decodes)
{
	const struct row	*r = &rows[_i];
	size_t			 n = strlen(r->in);
	char			*edge = edge_copy(r->in, n);
	struct span		 at_edge = { edge, n };

	check_decoded(r->name, "whole", span_of(r->in), XTEXT_STRICT,
	    r->want_strict);
	check_decoded(r->name, "whole", span_of(r->in), XTEXT_LEGACY,
	    r->want_legacy);
	check_decoded(r->name, "edge", at_edge, XTEXT_STRICT, r->want_strict);
	check_decoded(r->name, "edge", at_edge, XTEXT_LEGACY, r->want_legacy);
	edge_free(edge, n);
}
END_TEST

START_TEST(short_room_is_told)
{
	char	 buf[8];
	size_t	 len = 99;

	ck_assert_int_eq(xtext_decode(span_of("+41b"), XTEXT_STRICT, buf, 1,
	    &len), XTEXT_TOO_LONG);
	ck_assert_int_eq(xtext_decode(span_of("a+b"), XTEXT_LEGACY, buf, 2,
	    &len), XTEXT_TOO_LONG);
	ck_assert_int_eq(xtext_decode(span_of("+zz"), XTEXT_STRICT, buf, 0,
	    &len), XTEXT_BAD);
	ck_assert_uint_eq(len, 99);
	ck_assert_int_eq(xtext_decode(span_of("+41b"), XTEXT_STRICT, buf, 2,
	    &len), XTEXT_OK);
	ck_assert_uint_eq(len, 2);
}
END_TEST

START_TEST(nul_decodes_to_nul)
{
	char	 buf[8];
	size_t	 len;

	ck_assert_int_eq(xtext_decode(span_of("a+00b"), XTEXT_STRICT, buf,
	    sizeof(buf), &len), XTEXT_OK);
	ck_assert(len == 3 && memcmp(buf, "a\0b", 3) == 0);
	ck_assert_int_eq(xtext_decode((struct span){ "a\0", 2 }, XTEXT_STRICT,
	    buf, sizeof(buf), &len), XTEXT_BAD);
}
END_TEST

static const struct encode_row {
	const char	*name, *in, *want;
} encode_rows[] = {
	{ "empty",		"",		"" },
	{ "plain stays",	"mail.example.com", "mail.example.com" },
	{ "colon stays",	"IPV6:2001:db8::1", "IPV6:2001:db8::1" },
	{ "brackets stay",	"[192.0.2.1]",	"[192.0.2.1]" },
	{ "plus and equals",	"a+b=c",	"a+2Bb+3Dc" },
	{ "tokenizer's",	"\"\\<>()",	"+22+5C+3C+3E+28+29" },
	{ "blank",		"a b",		"a+20b" },
	{ "edges of xchar",	"!~ \x7f",	"!~+20+7F" },
	{ "8-bit",		"\xc3\xbf",	"+C3+BF" },
	{ "control",		"\r\n",		"+0D+0A" },
};

START_TEST(row_encodes)
{
	const struct encode_row	*r = &encode_rows[_i];
	size_t			 n = strlen(r->in), want = strlen(r->want);
	char			*edge = edge_copy(r->in, n);
	char			*room = edge_copy(NULL, 0);
	char			*buf = room - (want + 1);
	size_t			 len = SIZE_MAX, size;

	for (size = 0; size <= want; size++)
		ck_assert_msg(xtext_encode((struct span){ edge, n },
		    room - size, size, &len) == XTEXT_TOO_LONG &&
		    len == SIZE_MAX, "%s: fits in %zu", r->name, size);
	ck_assert_msg(xtext_encode((struct span){ edge, n }, buf, want + 1,
	    &len) == XTEXT_OK, "%s: does not fit in %zu", r->name, want + 1);
	ck_assert_msg(len == want && strcmp(buf, r->want) == 0,
	    "%s: got \"%s\", want \"%s\"", r->name, buf, r->want);
	edge_free(room, 0);
	edge_free(edge, n);
}
END_TEST

START_TEST(every_byte_comes_back)
{
	char	 all[256], text[3 * 256 + 1], back[256];
	size_t	 i, n, len;

	for (i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	ck_assert_int_eq(xtext_encode((struct span){ all, 256 }, text,
	    sizeof(text), &n), XTEXT_OK);
	ck_assert_int_eq(xtext_decode((struct span){ text, n }, XTEXT_STRICT,
	    back, sizeof(back), &len), XTEXT_OK);
	ck_assert(len == 256 && memcmp(all, back, 256) == 0);
	ck_assert_int_eq(xtext_decode((struct span){ text, n }, XTEXT_LEGACY,
	    back, sizeof(back), &len), XTEXT_OK);
	ck_assert(len == 256 && memcmp(all, back, 256) == 0);
}
END_TEST


int
main(void)
{
	TCase	*tc = tcase_create("xtext");

	tcase_add_loop_test(tc, row_decodes, 0, NELEM(rows));
	tcase_add_test(tc, short_room_is_told);
	tcase_add_test(tc, nul_decodes_to_nul);
	tcase_add_loop_test(tc, row_encodes, 0, NELEM(encode_rows));
	tcase_add_test(tc, every_byte_comes_back);
	return runner_run("xtext", tc);
}
