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

static const struct begin_row {
	const char	*name, *s, *t;
	bool		 want, want_case;
} begin_rows[] = {
	{ "all of it",		"ab",	"ab",	true,	true },
	{ "the front",		"abc",	"ab",	true,	true },
	{ "another case",	"aBc",	"Ab",	false,	true },
	{ "the end",		"abc",	"bc",	false,	false },
	{ "cut short",		"ab",	"abc",	false,	false },
	{ "nothing",		"a",	"",	true,	true },
	{ "nothing of nothing",	"",	"",	true,	true },
};

START_TEST(begin_row)
{
	const struct begin_row	*r = &begin_rows[_i];
	size_t			 n = strlen(r->s);
	char			*copy = edge_copy(r->s, n);
	struct span		 s = { copy, n };

	ck_assert_msg(span_begins(s, r->t) == r->want, "%s", r->name);
	ck_assert_msg(span_casebegins(s, r->t) == r->want_case,
	    "%s, any case", r->name);
	edge_free(copy, n);
}
END_TEST

static const struct word_row {
	const char	*name, *s, *want, *rest;
} word_rows[] = {
	{ "one word",		"ab",		"ab",	"" },
	{ "two words",		"ab cd",	"ab",	" cd" },
	{ "blanks in front",	" \t ab\tcd",	"ab",	"\tcd" },
	{ "no other is blank",	"a\rb\n\v\f c",	"a\rb\n\v\f",	" c" },
	{ "blanks alone",	" \t ",		"",	"" },
	{ "nothing",		"",		"",	"" },
};

START_TEST(word_row)
{
	const struct word_row	*r = &word_rows[_i];
	size_t			 n = strlen(r->s);
	char			*copy = edge_copy(r->s, n);
	struct span		 rest = { copy, n }, word;

	ck_assert_msg(span_word(&rest, &word) == (*r->want != '\0'), "%s",
	    r->name);
	ck_assert_msg(span_eq(word, r->want), "%s", r->name);
	ck_assert_msg(span_eq(rest, r->rest), "%s, the rest", r->name);
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

START_TEST(what_is_printable)
{
	char	 c;
	int	 i;

	for (i = 0; i < 256; i++) {
		c = (char)i;
		ck_assert_msg(span_is_printable((struct span){ &c, 1 }) ==
		    (i >= ' ' && i <= '~'), "%d", i);
	}
	ck_assert(!span_is_printable((struct span){ "a\0b", 3 }));
	ck_assert(span_is_printable(span_of("a b")));
	ck_assert(span_is_printable(nowhere));
}
END_TEST

START_TEST(nothing_may_be_nowhere)
{
	struct span	 rest = span_skip(nowhere, 0), word;

	ck_assert(rest.p == NULL && rest.n == 0);
	rest = span_trim(nowhere);
	ck_assert(rest.p == NULL && rest.n == 0);
	ck_assert(span_eq(nowhere, "") && !span_eq(nowhere, "a"));
	ck_assert(span_caseeq(nowhere, "") && !span_caseeq(nowhere, "a"));
	ck_assert(span_begins(nowhere, "") && !span_begins(nowhere, "a"));
	ck_assert(span_casebegins(nowhere, "") &&
	    !span_casebegins(nowhere, "a"));
	rest = nowhere;
	ck_assert(!span_word(&rest, &word) && word.n == 0);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("span");

	tcase_add_loop_test(tc, word_row, 0, NELEM(word_rows));
	tcase_add_loop_test(tc, begin_row, 0, NELEM(begin_rows));
	tcase_add_loop_test(tc, equal_row, 0, NELEM(eq_rows));
	tcase_add_loop_test(tc, trim_row, 0, NELEM(trim_rows));
	tcase_add_test(tc, skip_leaves_the_rest);
	tcase_add_test(tc, what_is_printable);
	tcase_add_test(tc, nothing_may_be_nowhere);
	return runner_run("span", tc);
}
