/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * mc_test: which line of sendmail.mc and sendmail.cf is a filter's, and what a
 * text becomes with ours; t/live/ctl-setup-sendmail.t has m4 read it.
 */
#include "ctl/mc.h"

#include "t/lib/runner.h"

#define NAME	"xcontext"
#define SOCKET	"unix:/s"
#define OURS	"INPUT_MAIL_FILTER(`xcontext', `S=unix:/s, F=T')dnl\n"
#define ITS	"MAIL_FILTER(`xcontext', `S=unix:/s, F=T')dnl\n"
#define OTHER	"INPUT_MAIL_FILTER(`o', `S=unix:/o')dnl\n"
#define LIST(x)	"define(`confINPUT_MAIL_FILTERS', `" x "')dnl\n"

static struct pool	 pool;

/* want_name NULL: it is not found. */
static const struct find_row {
	const char	*name, *text, *want_name, *want_equates;
} find_rows[] = {
	{ "none", OTHER, NULL, NULL },
	{ "by name", OTHER "INPUT_MAIL_FILTER(`xcontext', `F=T')\n" OTHER,
	    "xcontext", "F=T" },
	{ "without INPUT_", "MAIL_FILTER(`xcontext', `F=T')\n", "xcontext",
	    "F=T" },
	{ "by socket", "MAIL_FILTER(`mine', `F=R, S=unix:/s')\n" OTHER,
	    "mine", "F=R, S=unix:/s" },
	{ "a longer socket", "MAIL_FILTER(`mine', `S=unix:/s/x')\n", NULL,
	    NULL },
	{ "a longer name", "MAIL_FILTER(`xcontext2', `F=T')\n", NULL, NULL },
	{ "without equates", "MAIL_FILTER(`xcontext')\n", "xcontext", "" },
	{ "without a name", "MAIL_FILTER(xcontext, `S=unix:/s')\n", NULL,
	    NULL },
	{ "no quotes", "MAIL_FILTER(xcontext)\nMAIL_FILTER(`xcontext')\n",
	    "xcontext", "" },
	{ "a quote without end", "MAIL_FILTER(`xcontext\n", "xcontext", "" },
	{ "of two the last", ITS "MAIL_FILTER(`xcontext', `F=R')\n",
	    "xcontext", "F=R" },
	{ "a name is more than a socket", "MAIL_FILTER(`xcontext', `F=R')\n"
	    "MAIL_FILTER(`mine', `S=unix:/s')\n", "xcontext", "F=R" },
	{ "whatever stands first", "MAIL_FILTER(`mine', `S=unix:/s')\n"
	    "MAIL_FILTER(`xcontext', `F=R')\n", "xcontext", "F=R" },
	{ "dnl", "dnl " OURS, NULL, NULL },
	{ "not at the beginning", "x " OURS, NULL, NULL },
	{ "thrown away", "divert(-1)\n" OURS, NULL, NULL },
	{ "and no more", "divert(-1)\n" OTHER "divert(0)dnl\n" OURS,
	    "xcontext", "S=unix:/s, F=T" },
	{ "thrown away again", "divert(0)\ndivert(-1)dnl\n" OURS, NULL, NULL },
	{ "a last line without end", OTHER "MAIL_FILTER(`xcontext')",
	    "xcontext", "" },
};

static void
check_filter(const char *row, bool has, const struct mc_filter *got,
    const char *name, const char *equates)
{
	ck_assert_msg(has == (name != NULL), "%s: found %d", row, has);
	if (name != NULL)
		ck_assert_msg(strcmp(got->name, name) == 0 &&
		    strcmp(got->equates, equates) == 0, "%s: got %s, %s", row,
		    got->name, got->equates);
	pool_clear(&pool);
}

START_TEST(a_filter_is_found)
{
	const struct find_row	*r = &find_rows[_i];
	struct mc_filter	 got;
	bool			 has;

	has = mc_find(&pool, r->text, NAME, SOCKET, &got);
	check_filter(r->name, has, &got, r->want_name, r->want_equates);
}
END_TEST

/* What the one becomes that is "xcontext", or another's socket. */
static const struct put_row {
	const char	*name, *text, *want;
} put_rows[] = {
	{ "an empty text", "", OURS },
	{ "a last line without end", "dnl x", "dnl x\n" OURS },
	{ "in front of others", "a\n" OTHER OTHER, "a\n" OURS OTHER OTHER },
	{ "in front of mailers", "a\nMAILER(smtp)\nMAILER(local)\n",
	    "a\n" OURS "MAILER(smtp)\nMAILER(local)\n" },
	{ "of their definitions", "a\nMAILER_DEFINITIONS\nMAILER(x)\n",
	    "a\n" OURS "MAILER_DEFINITIONS\nMAILER(x)\n" },
	{ "others count more", "MAILER(x)\n" OTHER, "MAILER(x)\n" OURS OTHER },
	{ "those that are not said do not", "dnl " OTHER "a\n" OTHER,
	    "dnl " OTHER "a\n" OURS OTHER },
	{ "in its place", OTHER "MAIL_FILTER(`xcontext')\nb\n",
	    OTHER OURS "b\n" },
	{ "in that of its socket", OTHER "MAIL_FILTER(`m', `S=unix:/s')\nb\n",
	    OTHER OURS "b\n" },
	{ "a name is more than a socket", "MAIL_FILTER(`xcontext')\n"
	    "MAIL_FILTER(`m', `S=unix:/s')\n",
	    OURS "MAIL_FILTER(`m', `S=unix:/s')\n" },
	{ "whatever stands first", "MAIL_FILTER(`m', `S=unix:/s')\n"
	    "MAIL_FILTER(`xcontext')\n",
	    "MAIL_FILTER(`m', `S=unix:/s')\n" OURS },
	{ "a list behind", OTHER LIST("o"), ITS OTHER LIST("xcontext, o") },
	{ "a list in front", LIST("o") OTHER, LIST("xcontext, o") ITS OTHER },
	{ "a list that has it", LIST("o, xcontext") OTHER,
	    LIST("o, xcontext") ITS OTHER },
	{ "one that has it first", LIST("xcontext,o") OTHER,
	    LIST("xcontext,o") ITS OTHER },
	{ "one that has a longer name", LIST("xcontext2") OTHER,
	    LIST("xcontext, xcontext2") ITS OTHER },
	{ "its place, and a list behind", "MAIL_FILTER(`xcontext')\n"
	    LIST("o"), ITS LIST("xcontext, o") },
	{ "a list in front, a last line without end", LIST("o") "dnl x",
	    LIST("xcontext, o") "dnl x\n" ITS },
	{ "a list in a comment", "dnl " LIST("o") OTHER,
	    "dnl " LIST("o") OURS OTHER },
	{ "a list without quotes", "define(`confINPUT_MAIL_FILTERS', o)\n",
	    "define(`confINPUT_MAIL_FILTERS', o)\n" OURS },
	{ "a list of nobody else's", LIST("o") "define(`x', `xcontext')\n"
	    OTHER, LIST("xcontext, o") "define(`x', `xcontext')\n" ITS
	    OTHER },
	{ "thrown away", "divert(-1)\n" OTHER LIST("o") "MAILER(x)\n"
	    "divert(0)\n", "divert(-1)\n" OTHER LIST("o") "MAILER(x)\n"
	    "divert(0)\n" OURS },
};

START_TEST(a_filter_is_put)
{
	const struct put_row	*r = &put_rows[_i];
	const struct mc_filter	 filter = { NAME, "S=unix:/s, F=T" };
	const char		*got;

	got = mc_put(&pool, r->text, &filter);
	ck_assert_msg(strcmp(got, r->want) == 0, "%s: got\n%s", r->name, got);
	ck_assert_str_eq(mc_put(&pool, got, &filter), got);
	pool_clear(&pool);
}
END_TEST

/* What they are with "S=n". */
static const struct equate_row {
	const char	*equates, *want, *want_set;
} equate_rows[] = {
	{ "", NULL, "S=n" },
	{ "F=T", NULL, "F=T, S=n" },
	{ "S=unix:/s", "unix:/s", "S=n" },
	{ " S = unix:/s , F=T", "unix:/s", " S=n, F=T" },
	{ "F=T,S=a\t,T=S:1s;R:2s", "a", "F=T,S=n,T=S:1s;R:2s" },
	{ "F=S=b", NULL, "F=S=b, S=n" },
	{ "SF=b", NULL, "SF=b, S=n" },
	{ "S", NULL, "S, S=n" },
	{ "S=", "", "S=n" },
	{ ",, S= ", "", ",, S=n" },
	{ "S=a, S=b", "a", "S=n, S=b" },
};

START_TEST(an_equate_is_read_and_set)
{
	const struct equate_row	*r = &equate_rows[_i];
	const char		*got = mc_equate(&pool, r->equates, 'S');

	ck_assert_msg(got == NULL ? r->want == NULL : r->want != NULL &&
	    strcmp(got, r->want) == 0, "\"%s\": got %s", r->equates,
	    got == NULL ? "none" : got);
	ck_assert_str_eq(mc_equate_set(&pool, r->equates, 'S', "n"),
	    r->want_set);
	pool_clear(&pool);
}
END_TEST

static const struct find_row	 cf_rows[] = {
	{ "none", "Xo, S=unix:/o\n", NULL, NULL },
	{ "by name", "a\nXxcontext, F=T\nXo, S=x\n", "xcontext", ", F=T" },
	{ "a last line without end", "Xxcontext, F=T", "xcontext", ", F=T" },
	{ "by socket", "Xm, S=unix:/s, F=T\n", "m", ", S=unix:/s, F=T" },
	{ "a longer name", "Xxcontext2, F=T\n", NULL, NULL },
	{ "a shorter name", "Xxconte, F=T\n", NULL, NULL },
	{ "without equates", "Xxcontext\nF=T\n", "xcontext", "" },
	{ "without a name", "X, S=unix:/s\n", NULL, NULL },
	{ "no filter", "Oxcontext, S=unix:/s\n", NULL, NULL },
	{ "of two the last", "Xxcontext, F=T\nXxcontext, F=R\n", "xcontext",
	    ", F=R" },
	{ "a name is more than a socket", "Xxcontext, F=T\nXm, S=unix:/s\n",
	    "xcontext", ", F=T" },
};

START_TEST(a_filter_is_found_in_cf)
{
	const struct find_row	*r = &cf_rows[_i];
	struct mc_filter	 got;
	bool			 has;

	has = mc_cf_find(&pool, r->text, NAME, SOCKET, &got);
	check_filter(r->name, has, &got, r->want_name, r->want_equates);
}
END_TEST

static const struct {
	const char	*text;
	int		 want;
} position_rows[] = {
	{ "", -1 },
	{ "O InputMailFilters=\n", -1 },
	{ "O InputMailFilters=xcontext\n", 0 },
	{ "O InputMailFilters=o, xcontext", 1 },
	{ "O InputMailFilters=o,p,xcontext\n", 2 },
	{ "O InputMailFilters=xcontext2, o\nO X=xcontext\n", -1 },
	{ "#O InputMailFilters=xcontext\n", -1 },
	{ "O InputMailFilters=xcontext\nO InputMailFilters=o, xcontext\n", 1 },
};

START_TEST(its_place_is_told)
{
	ck_assert_int_eq(mc_cf_position(&pool, position_rows[_i].text, NAME),
	    position_rows[_i].want);
	pool_clear(&pool);
}
END_TEST

/* want NULL: they are the same. */
static const struct same_row {
	const char	*a, *b, *name, *want;
} same_rows[] = {
	{ "a\nb\n", "a\nb", "", NULL },
	{ "a\n\n# c\nb\n", "#\na\nb\n\n", "", NULL },
	{ "a\nb\n", "a\nc\n", "", "c" },
	{ "a\n", "a\nc\n", "", "c" },
	{ "a\nc\n", "a\n", "", "c" },
	{ "Xxcontext, F=T\na\n", "a\n", NAME, NULL },
	{ "Xxcontext, F=T\na\n", "a\n", "", "a" },
	{ "Xxcontext, F=T\n", "Xxcontext, F=R\n", NAME, NULL },
	{ "Xxcontext2, F=T\n", "", NAME, "Xxcontext2, F=T" },
	{ "O InputMailFilters=xcontext, o\n", "O InputMailFilters=o\n", NAME,
	    NULL },
	{ "O InputMailFilters=o, xcontext,p\n", "O InputMailFilters=o,p\n",
	    NAME, NULL },
	{ "O InputMailFilters=xcontext\n", "", NAME, NULL },
	{ "O InputMailFilters=xcontext, o\n", "O InputMailFilters=o\n", "",
	    "O InputMailFilters=o" },
	{ "O InputMailFilters=o\n", "O InputMailFilters=xcontext,p\n", NAME,
	    "O InputMailFilters=p" },
};

START_TEST(what_differs_is_told)
{
	const struct same_row	*r = &same_rows[_i];
	const char		*line = NULL;
	bool			 is_same;

	is_same = mc_cf_same(&pool, r->a, r->b, r->name, &line);
	ck_assert_int_eq(is_same, r->want == NULL);
	if (r->want != NULL)
		ck_assert_str_eq(line, r->want);
	pool_clear(&pool);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("mc");

	tcase_add_loop_test(tc, a_filter_is_found, 0, NELEM(find_rows));
	tcase_add_loop_test(tc, a_filter_is_put, 0, NELEM(put_rows));
	tcase_add_loop_test(tc, an_equate_is_read_and_set, 0,
	    NELEM(equate_rows));
	tcase_add_loop_test(tc, a_filter_is_found_in_cf, 0, NELEM(cf_rows));
	tcase_add_loop_test(tc, its_place_is_told, 0, NELEM(position_rows));
	tcase_add_loop_test(tc, what_differs_is_told, 0, NELEM(same_rows));
	return runner_run("mc", tc);
}
