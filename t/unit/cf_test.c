/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * cf_test: which lines of main.cf and master.cf are a setting's or an entry's,
 * and what they become; t/live/ctl-setup.t has Postfix read it.
 */
#include "ctl/cf.h"

#include "t/lib/runner.h"

static struct pool	 pool;

/* What a text becomes with "name = v". */
static const struct set_row {
	const char	*name, *text, *want;
} set_rows[] = {
	{ "an empty text", "", "name = v\n" },
	{ "none", "a = b\n", "a = b\nname = v\n" },
	{ "a last line without end", "a = b", "a = b\nname = v\n" },
	{ "in its place", "name = x\na = b\n", "name = v\na = b\n" },
	{ "without blanks", "name=x\na = b\n", "name = v\na = b\n" },
	{ "of two the last", "name = x\na = b\nname = y\n",
	    "name = x\na = b\nname = v\n" },
	{ "a comment is none", "#name = x\n", "#name = x\nname = v\n" },
	{ "a longer name is none", "names = x\n", "names = x\nname = v\n" },
	{ "a shorter name is none", "nam = x\n", "nam = x\nname = v\n" },
	{ "no line of another's", "a = b\n name = x\n",
	    "a = b\n name = x\nname = v\n" },
	{ "its other lines go", "name = x\n  y\n\tz\na = b\n",
	    "name = v\na = b\n" },
	{ "comments within stay", "name = x\n# c\n\n  y\n# d\na = b\n",
	    "name = v\n# c\n\n# d\na = b\n" },
	{ "what is blank continues nothing", "name = x\n  \na = b\n",
	    "name = v\n  \na = b\n" },
	{ "nor does a comment", "name = x\n # y\na = b\n",
	    "name = v\n # y\na = b\n" },
};

START_TEST(a_setting_is_put)
{
	const struct set_row	*r = &set_rows[_i];
	const char		*got = cf_set(&pool, r->text, "name", "v");

	ck_assert_msg(strcmp(got, r->want) == 0, "%s: got\n%s", r->name, got);
	ck_assert_str_eq(cf_set(&pool, got, "name", "v"), got);
	pool_clear(&pool);
}
END_TEST

#define OTHER	"smtp inet n - y - - smtpd\n"

/* The entry "x inet"; want NULL: there is none. */
static const struct entry_row {
	const char	*name, *text, *want, *want_put;
} entry_rows[] = {
	{ "none", OTHER, NULL, OTHER "NEW\n" },
	{ "it", OTHER "x inet n\n" OTHER, "x inet n\n", OTHER "NEW\n" OTHER },
	{ "tabs", "x\tinet\tn\n" OTHER, "x\tinet\tn\n", "NEW\n" OTHER },
	{ "another type", "x unix n\n", NULL, "x unix n\nNEW\n" },
	{ "a longer name", "x2 inet n\n", NULL, "x2 inet n\nNEW\n" },
	{ "a longer type", "x inet6 n\n", NULL, "x inet6 n\nNEW\n" },
	{ "of two the last", "x inet 1\n" OTHER "x inet 2\n", "x inet 2\n",
	    "x inet 1\n" OTHER "NEW\n" },
	{ "with its lines", "x inet n\n  -o a=b\n" OTHER,
	    "x inet n\n  -o a=b\n", "NEW\n" OTHER },
	{ "and comments between", "x inet n\n# c\n  -o a=b\n# d\n" OTHER,
	    "x inet n\n# c\n  -o a=b\n", "NEW\n# c\n# d\n" OTHER },
	{ "no line of another's", OTHER "  x inet n\n", NULL,
	    OTHER "  x inet n\nNEW\n" },
};

START_TEST(an_entry_is_put)
{
	const struct entry_row	*r = &entry_rows[_i];
	const char		*got = cf_entry(&pool, r->text, "x", "inet");

	ck_assert_msg(got == NULL ? r->want == NULL : r->want != NULL &&
	    strcmp(got, r->want) == 0, "%s: got\n%s", r->name,
	    got == NULL ? "none" : got);
	got = cf_put_entry(&pool, r->text, "x", "inet", "NEW\n");
	ck_assert_msg(strcmp(got, r->want_put) == 0, "%s: got\n%s", r->name,
	    got);
	pool_clear(&pool);
}
END_TEST

#define X	"x inet n - y - - smtpd"
#define LINES	"  -o NEW\n"

/* What is left of the entry's options without "a" and "b". */
static const struct override_row {
	const char	*name, *text, *want;
} override_rows[] = {
	{ "none", OTHER, NULL },
	{ "no options", X "\n" OTHER, X "\n" LINES OTHER },
	{ "a last line without end", X, X "\n" LINES },
	{ "another's stay", X "\n  -o c=d\n", X "\n  -o c=d\n" LINES },
	{ "those that are said", X "\n  -o a=1\n  -o c=d\n  -o b=2\n",
	    X "\n  -o c=d\n" LINES },
	{ "in one line", X "\n  -o a=1 -o c=d -o b=2\n",
	    X "\n  -o c=d \n" LINES },
	{ "in the first line", X " -o a=1 -o c=d\n", X " -o c=d\n" LINES },
	{ "without a blank", X "\n  -oa=1 -o c=d\n", X "\n  -o c=d\n" LINES },
	{ "in braces", X "\n  -o { a = 1 -o c=d }\n  -o { c = 2 }\n",
	    X "\n  -o { c = 2 }\n" LINES },
	{ "over lines", X "\n  -o { a =\n    1 }\n  -o c=d\n",
	    X "\n  -o c=d\n" LINES },
	{ "over a comment", X "\n  -o\n# c\n  a=1\n  -o c=d\n",
	    X "\n# c\n  -o c=d\n" LINES },
	{ "a longer name stays", X "\n  -o ab=1\n", X "\n  -o ab=1\n" LINES },
	{ "one in a comment stays", X "\n  -o c=d\n#  -o a=1\n  -o e=f\n",
	    X "\n  -o c=d\n#  -o a=1\n  -o e=f\n" LINES },
	{ "a blank line stays", X "\n  -o c=d\n\n  -o e=f\n",
	    X "\n  -o c=d\n\n  -o e=f\n" LINES },
	{ "a field is no option", "x inet n -o a=1 - - smtpd\n",
	    "x inet n -o a=1 - - smtpd\n" LINES },
};

START_TEST(options_are_replaced)
{
	static const char *const	 settings[] = { "a", "b", NULL };
	const struct override_row	*r = &override_rows[_i];
	const char			*got;

	got = cf_override(&pool, r->text, "x", "inet", settings, LINES);
	ck_assert_msg(got == NULL ? r->want == NULL : r->want != NULL &&
	    strcmp(got, r->want) == 0, "%s: got\n%s", r->name,
	    got == NULL ? "none" : got);
	pool_clear(&pool);
}
END_TEST

static const struct {
	const char	*text;
	unsigned	 want;		/* line */
} swallowed_rows[] = {
	{ "", 0 },
	{ OTHER, 0 },
	{ OTHER "  -o a=b\n" OTHER, 0 },
	{ OTHER " " OTHER, 2 },
	{ OTHER "#\n\t" OTHER, 3 },
	{ OTHER "  # " OTHER, 0 },
	{ OTHER "  x unix - - n\n", 2 },
	{ OTHER "  x pass - - n\n", 2 },
	{ OTHER "  x y - - n\n", 0 },
	{ OTHER "  x inet z\n", 0 },
	{ OTHER "  - inet n\n", 0 },
};

START_TEST(an_indented_entry_is_found)
{
	ck_assert_uint_eq(cf_find_swallowed(swallowed_rows[_i].text),
	    swallowed_rows[_i].want);
}
END_TEST

START_TEST(an_option_is_written)
{
	ck_assert_str_eq(cf_option(&pool, "a", "b c"), "  -o { a = b c }\n");
	ck_assert_str_eq(cf_option(&pool, "a", ""), "  -o { a = }\n");
	ck_assert_str_eq(cf_option(&pool, "a", "\n    b"),
	    "  -o { a =\n    b }\n");
	pool_clear(&pool);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("cf");

	tcase_add_loop_test(tc, a_setting_is_put, 0, NELEM(set_rows));
	tcase_add_loop_test(tc, an_entry_is_put, 0, NELEM(entry_rows));
	tcase_add_loop_test(tc, options_are_replaced, 0,
	    NELEM(override_rows));
	tcase_add_loop_test(tc, an_indented_entry_is_found, 0,
	    NELEM(swallowed_rows));
	tcase_add_test(tc, an_option_is_written);
	return runner_run("cf", tc);
}
