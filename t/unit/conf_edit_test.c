/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * conf_edit_test: a setting is changed where it stands, and nothing else is,
 * whatever looks like it beside it.
 */
#include "ctl/conf_edit.h"

#include <stdbool.h>

#include "t/lib/runner.h"

/* want NULL: the text as it is. */
static const struct row {
	const char			*name, *in;
	struct conf_edit_place		 place;
	const char			*setting, *value;
	bool				 is_list;
	const char			*want;
} rows[] = {
	{ "an empty file", "", { "policy", NULL }, "maps", "x", false,
	    "policy {\n\tmaps = \"x\"\n}\n" },
	{ "a last line without end", "log = stderr", { "policy", NULL },
	    "maps", "x", false,
	    "log = stderr\npolicy {\n\tmaps = \"x\"\n}\n" },
	{ "the section is there", "policy {\n\ta = b\n}\n",
	    { "policy", NULL }, "maps", "x", false,
	    "policy {\n\ta = b\n\tmaps = \"x\"\n}\n" },
	{ "in one line", "policy { a = b }\n", { "policy", NULL }, "maps",
	    "x", false, "policy { a = b maps = \"x\" }\n" },
	{ "behind a value without quotes", "log = stderr\npolicy {\n}\n",
	    { "policy", NULL }, "maps", "x", false,
	    "log = stderr\npolicy {\n\tmaps = \"x\"\n}\n" },
	{ "the setting is there", "policy {\n\tmaps = 'y' # maps = z\n}\n",
	    { "policy", NULL }, "maps", "x", false,
	    "policy {\n\tmaps = \"x\" # maps = z\n}\n" },
	{ "it says that", "policy { MAPS = 'x' }", { "policy", NULL },
	    "maps", "x", false, NULL },
	{ "a title is no section", "profile policy {\n}\n",
	    { "policy", NULL }, "maps", "x", false,
	    "profile policy {\n}\npolicy {\n\tmaps = \"x\"\n}\n" },
	{ "a section with a title", "relay a {\n\tb = c\n}\nrelay d {\n}\n",
	    { "relay", "d" }, "b", "x", false,
	    "relay a {\n\tb = c\n}\nrelay d {\n\tb = \"x\"\n}\n" },
	{ "its title in quotes", "relay \"d\" { b = \"y\" }\n",
	    { "relay", "d" }, "b", "x", false,
	    "relay \"d\" { b = \"x\" }\n" },
	{ "a section within another", "group g {\n\trelay d { b = c }\n}\n",
	    { "relay", "d" }, "b", "x", false,
	    "group g {\n\trelay d { b = c }\n}\nrelay d {\n\tb = \"x\"\n}\n" },
	{ "in a comment", "# relay d { b = c }\n", { "relay", "d" }, "b",
	    "x", false,
	    "# relay d { b = c }\nrelay d {\n\tb = \"x\"\n}\n" },
	{ "in a comment as in C", "/* relay d { b = c } */\n// relay d {\n",
	    { "relay", "d" }, "b", "x", false,
	    "/* relay d { b = c } */\n// relay d {\nrelay d {\n\tb = \"x\"\n"
	    "}\n" },
	{ "a title of another section", "profile d {\n\tb = c\n}\n",
	    { "relay", "d" }, "b", "x", false,
	    "profile d {\n\tb = c\n}\nrelay d {\n\tb = \"x\"\n}\n" },
	{ "a section within it", "relay d {\n\tg { b = c }\n}\n",
	    { "relay", "d" }, "b", "x", false,
	    "relay d {\n\tg { b = c }\n\tb = \"x\"\n}\n" },
	{ "a text with a quote", "policy {\n\ta = \"\\\"}\"\n}\n",
	    { "policy", NULL }, "maps", "x", false,
	    "policy {\n\ta = \"\\\"}\"\n\tmaps = \"x\"\n}\n" },
	{ "a dollar in it", "", { "policy", NULL }, "maps", "a$b", false,
	    "policy {\n\tmaps = 'a$b'\n}\n" },
	{ "a text with a brace", "policy {\n\ta = \"}\"\n}\n",
	    { "policy", NULL }, "maps", "x", false,
	    "policy {\n\ta = \"}\"\n\tmaps = \"x\"\n}\n" },
	{ "quotes in it", "", { "policy", NULL }, "maps", "a\"$b", false,
	    "policy {\n\tmaps = 'a\"$b'\n}\n" },
	{ "a list", "profile p {\n\taddr = { \"a\", b }\n\tc = d\n}\n",
	    { "profile", "p" }, "addr", "{ \"*\" }", true,
	    "profile p {\n\taddr = { \"*\" }\n\tc = d\n}\n" },
	{ "a list in other words", "profile p { addr = {a,\n 'b'} }\n",
	    { "profile", "p" }, "addr", "{ \"a\", \"b\" }", true, NULL },
	{ "behind a list", "x = { a }\npolicy { maps = { a } b = c }\n",
	    { "policy", NULL }, "b", "x", false,
	    "x = { a }\npolicy { maps = { a } b = \"x\" }\n" },
};

static struct pool	 pool;

START_TEST(a_setting_is_put)
{
	const struct row	*r = &rows[_i];
	const char		*got;

	got = r->is_list ? conf_edit_set_list(&pool, r->in, r->place,
	    r->setting, r->value) : conf_edit_set(&pool, r->in, r->place,
	    r->setting, r->value);
	ck_assert_ptr_nonnull(got);
	ck_assert_msg(strcmp(got, r->want == NULL ? r->in : r->want) == 0,
	    "%s: got\n%s", r->name, got);
	/* Twice is once. */
	ck_assert_str_eq(r->is_list ? conf_edit_set_list(&pool, got, r->place,
	    r->setting, r->value) : conf_edit_set(&pool, got, r->place,
	    r->setting, r->value), got);
	pool_clear(&pool);
}
END_TEST

START_TEST(what_is_there)
{
	const struct conf_edit_place	 place = { "relay", "d" };
	static const char	 text[] = "a = b\nrelay d {\n\tb = 'c'\n"
				    "\te = { f }\n}\nlog = x\n";

	ck_assert_str_eq(conf_edit_get(&pool, text, place, "b"), "c");
	ck_assert_str_eq(conf_edit_get(&pool, text, place, "e"), "{ f }");
	ck_assert_ptr_null(conf_edit_get(&pool, text, place, "a"));
	ck_assert_str_eq(conf_edit_section(&pool, text, place),
	    "relay d {\n\tb = 'c'\n\te = { f }\n}\n");
	ck_assert_ptr_null(conf_edit_section(&pool, text,
	    (struct conf_edit_place){ "relay", "b" }));
	ck_assert_ptr_null(conf_edit_set(&pool, text, place, "b", "\"'"));
	pool_clear(&pool);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("conf_edit");

	tcase_add_loop_test(tc, a_setting_is_put, 0, NELEM(rows));
	tcase_add_test(tc, what_is_there);
	return runner_run("conf_edit", tc);
}
