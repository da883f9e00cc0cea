/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * netstring_test: one netstring at the front of a buffer, whole, byte by byte
 * and at the end of memory.
 */
#include "base/netstring.h"

#include <stdint.h>
#include <stdlib.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define MAX_BODY	12

static const struct row {
	const char		*name, *in;
	enum netstring_result	 want;
	const char		*want_body;
} rows[] = {
	{ "empty body",		"0:,",			NETSTRING_DONE, "" },
	{ "short body",		"2:ab,",		NETSTRING_DONE, "ab" },
	{ "two digits",		"10:0123456789,",	NETSTRING_DONE,
							"0123456789" },
	{ "as long as allowed",	"12:0123456789ab,",	NETSTRING_DONE,
							"0123456789ab" },
	{ "another behind it",	"1:a,1:b,",		NETSTRING_DONE, "a" },
	{ "rubbish behind it",	"1:a,x",		NETSTRING_DONE, "a" },
	{ "comma in the body",	"3:a,b,",		NETSTRING_DONE, "a,b" },
	{ "colon in the body",	"2:::,",		NETSTRING_DONE, "::" },
	{ "nothing yet",	"",			NETSTRING_MORE, NULL },
	{ "digit only",		"1",			NETSTRING_MORE, NULL },
	{ "zero only",		"0",			NETSTRING_MORE, NULL },
	{ "no body yet",	"4:",			NETSTRING_MORE, NULL },
	{ "body cut short",	"4:ab",			NETSTRING_MORE, NULL },
	{ "comma missing",	"2:ab",			NETSTRING_MORE, NULL },
	{ "empty, no comma",	"0:",			NETSTRING_MORE, NULL },
	{ "no length",		":a,",			NETSTRING_BAD, NULL },
	{ "no length, no body",	":,",			NETSTRING_BAD, NULL },
	{ "colon only",		":",			NETSTRING_BAD, NULL },
	{ "leading zero",	"02:ab,",		NETSTRING_BAD, NULL },
	{ "two zeros",		"00:,",			NETSTRING_BAD, NULL },
	{ "plus sign",		"+2:ab,",		NETSTRING_BAD, NULL },
	{ "minus sign",		"-2:ab,",		NETSTRING_BAD, NULL },
	{ "leading blank",	" 2:ab,",		NETSTRING_BAD, NULL },
	{ "blank in length",	"2 :ab,",		NETSTRING_BAD, NULL },
	{ "letter",		"a",			NETSTRING_BAD, NULL },
	{ "slash, before 0",	"1/:a,",		NETSTRING_BAD, NULL },
	{ "semicolon, past 9",	"1;a,",			NETSTRING_BAD, NULL },
	{ "comma replaced",	"2:ab;",		NETSTRING_BAD, NULL },
	{ "body one too long",	"2:abc,",		NETSTRING_BAD, NULL },
	{ "body behind length 0", "0:a,",		NETSTRING_BAD, NULL },
	{ "one over the limit",	"13:",			NETSTRING_TOO_LONG,
							NULL },
	{ "far over the limit",	"99999999999999999999999999999:",
							NETSTRING_TOO_LONG,
							NULL },
	{ "wraps to a small number", "18446744073709551618:ab,",
							NETSTRING_TOO_LONG,
							NULL },
};

/* A marker that shows whether an out-parameter was written. */
static const char	untouched[] = "untouched";

static void
check_answer(const char *name, const char *how, struct span in,
    enum netstring_result want, const char *want_body)
{
	struct span		 body = { untouched, 7 };
	size_t			 used = SIZE_MAX;
	enum netstring_result	 got;

	got = netstring_find(in, MAX_BODY, &body, &used);
	ck_assert_msg(got == want, "%s, %s: got %d, want %d", name, how, got,
	    want);
	if (want != NETSTRING_DONE) {
		ck_assert_msg(body.p == untouched && body.n == 7 &&
		    used == SIZE_MAX, "%s, %s: wrote a result", name, how);
		return;
	}
	ck_assert_msg(span_eq(body, want_body), "%s, %s: body \"%.*s\"", name,
	    how, (int)body.n, body.p);
	ck_assert_msg(body.p + body.n + 1 == in.p + used,
	    "%s, %s: used %zu", name, how, used);
}

START_TEST(row_has_its_answer)
{
	const struct row	*r = &rows[_i];
	size_t			 n = strlen(r->in);
	char			*edge = edge_copy(r->in, n);

	check_answer(r->name, "whole", span_of(r->in), r->want, r->want_body);
	check_answer(r->name, "edge", (struct span){ edge, n }, r->want,
	    r->want_body);
	edge_free(edge, n);
}
END_TEST

/* Fed one byte more at a time, it asks for more until it has its answer. */
START_TEST(row_has_its_answer_bytewise)
{
	const struct row	*r = &rows[_i];
	enum netstring_result	 got = NETSTRING_MORE;
	struct span		 body;
	size_t			 used, n;

	for (n = 0; n <= strlen(r->in) && got == NETSTRING_MORE; n++)
		got = netstring_find((struct span){ r->in, n }, MAX_BODY,
		    &body, &used);
	ck_assert_msg(got == r->want, "%s, bytewise: got %d, want %d",
	    r->name, got, r->want);
	if (got == NETSTRING_DONE)
		ck_assert_msg(used == n - 1 && span_eq(body, r->want_body),
		    "%s, bytewise: used %zu of %zu", r->name, used, n - 1);
}
END_TEST

START_TEST(largest_limit_does_not_overflow)
{
	struct span	 body;
	size_t		 used;

	ck_assert_int_eq(netstring_find(span_of("18446744073709551615:"),
	    SIZE_MAX, &body, &used), NETSTRING_MORE);
	ck_assert_int_eq(netstring_find(span_of("18446744073709551616:"),
	    SIZE_MAX, &body, &used), NETSTRING_TOO_LONG);
	ck_assert_int_eq(netstring_find(span_of("0:,"), 0, &body, &used),
	    NETSTRING_DONE);
	ck_assert_int_eq(netstring_find(span_of("1:a,"), 0, &body, &used),
	    NETSTRING_TOO_LONG);
}
END_TEST

START_TEST(nul_in_the_body_is_a_byte)
{
	struct span	 body;
	size_t		 used;

	ck_assert_int_eq(netstring_find((struct span){ "3:a\0b,", 6 },
	    MAX_BODY, &body, &used), NETSTRING_DONE);
	ck_assert(body.n == 3 && memcmp(body.p, "a\0b", 3) == 0);
}
END_TEST

static const struct write_row {
	const char	*name, *body;
	size_t		 size;
	const char	*want;		/* NULL: does not fit */
} write_rows[] = {
	{ "empty",		"",		3,	"0:," },
	{ "empty, no room",	"",		2,	NULL },
	{ "short",		"ab",		5,	"2:ab," },
	{ "one byte short",	"ab",		4,	NULL },
	{ "no room for length",	"ab",		1,	NULL },
	{ "no room at all",	"ab",		0,	NULL },
	{ "two digits",		"0123456789",	14,	"10:0123456789," },
	{ "two digits, short",	"0123456789",	13,	NULL },
};

START_TEST(written_row)
{
	const struct write_row	*r = &write_rows[_i];
	char			*out = edge_copy(NULL, 0);
	char			*at = out - r->size;
	size_t			 n, want = r->want ? strlen(r->want) : 0;

	n = netstring_write(span_of(r->body), at, r->size);
	ck_assert_msg(n == want, "%s: got %zu, want %zu", r->name, n, want);
	ck_assert_msg(want == 0 || memcmp(at, r->want, n) == 0,
	    "%s: got \"%.*s\", want \"%s\"", r->name, (int)n, at, r->want);
	edge_free(out, 0);
}
END_TEST

START_TEST(overhead_is_enough)
{
	static char	 body[999999], out[999999 + NETSTRING_OVERHEAD];

	ck_assert_uint_eq(netstring_write((struct span){ body, sizeof(body) },
	    out, sizeof(out)), sizeof(out));
}
END_TEST


int
main(void)
{
	TCase	*tc = tcase_create("netstring");

	tcase_add_loop_test(tc, row_has_its_answer, 0, NELEM(rows));
	tcase_add_loop_test(tc, row_has_its_answer_bytewise, 0, NELEM(rows));
	tcase_add_test(tc, largest_limit_does_not_overflow);
	tcase_add_test(tc, nul_in_the_body_is_a_byte);
	tcase_add_loop_test(tc, written_row, 0, NELEM(write_rows));
	tcase_add_test(tc, overhead_is_enough);
	return runner_run("netstring", tc);
}
