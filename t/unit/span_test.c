/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * span_test: spans of something, of nothing, and of nothing at no address;
 * UBSan of clang says what of the last is not defined.
 */
#include "base/span.h"

#include "t/lib/edge.h"
#include "t/lib/runner.h"

static const struct span	 nowhere = { NULL, 0 };

static const struct eq_row {
	const char	*name, *s, *t;
	bool		 want, want_case;
} eq_rows[] = {
	{ "the same",		"ab",	"ab",	true,	true },
	{ "another case",	"aB",	"Ab",	false,	true },
	{ "another",		"ab",	"ac",	false,	false },
	{ "shorter",		"ab",	"abc",	false,	false },
	{ "longer",		"abc",	"ab",	false,	false },
	{ "nothing",		"",	"",	true,	true },
	{ "nothing, something",	"",	"a",	false,	false },
};

START_TEST(equal_row)
{
	const struct eq_row	*r = &eq_rows[_i];
	size_t			 n = strlen(r->s);
	char			*copy = edge_copy(r->s, n);
	struct span		 s = { copy, n };

	ck_assert_msg(span_eq(s, r->t) == r->want, "%s", r->name);
	ck_assert_msg(span_caseeq(s, r->t) == r->want_case, "%s, any case",
	    r->name);
	edge_free(copy, n);
}
END_TEST

static const struct trim_row {
	const char	*name, *s, *want;
} trim_rows[] = {
	{ "no blanks",		"a b",		"a b" },
	{ "at both ends",	" \t a \t",	"a" },
	{ "blanks alone",	" \t ",		"" },
	{ "nothing",		"",		"" },
};

START_TEST(trim_row)
{
	const struct trim_row	*r = &trim_rows[_i];
	size_t			 n = strlen(r->s);
	char			*copy = edge_copy(r->s, n);

	ck_assert_msg(span_eq(span_trim((struct span){ copy, n }), r->want),
	    "%s", r->name);
	edge_free(copy, n);
}
END_TEST

START_TEST(skip_leaves_the_rest)
{
	const char	*text = "abc";
	size_t		 n;

	for (n = 0; n <= 3; n++) {
		struct span	 rest = span_skip(span_of(text), n);

		ck_assert_ptr_eq(rest.p, text + n);
		ck_assert_uint_eq(rest.n, 3 - n);
	}
}
END_TEST

START_TEST(nothing_may_be_nowhere)
{
	struct span	 rest = span_skip(nowhere, 0);

	ck_assert(rest.p == NULL && rest.n == 0);
	rest = span_trim(nowhere);
	ck_assert(rest.p == NULL && rest.n == 0);
	ck_assert(span_eq(nowhere, "") && !span_eq(nowhere, "a"));
	ck_assert(span_caseeq(nowhere, "") && !span_caseeq(nowhere, "a"));
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("span");

	tcase_add_loop_test(tc, equal_row, 0, NELEM(eq_rows));
	tcase_add_loop_test(tc, trim_row, 0, NELEM(trim_rows));
	tcase_add_test(tc, skip_leaves_the_rest);
	tcase_add_test(tc, nothing_may_be_nowhere);
	return runner_run("span", tc);
}
