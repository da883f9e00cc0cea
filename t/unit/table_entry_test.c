/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_entry_test: what rules a table tells of, and what it says to answer
 * for which addresses; made tables against a question about each address.
 */
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "t/lib/runner.h"
#include "t/lib/table_check.h"
#include "table/cidr_pattern.h"

struct told {
	char	 text[4000];
	size_t	 n;
};

static void
tell(struct told *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
tell(struct told *t, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	t->n += (size_t)vsnprintf(t->text + t->n, sizeof t->text - t->n, fmt,
	    ap);
	va_end(ap);
	ck_assert_uint_lt(t->n, sizeof t->text);
}

static void
tell_addresses(struct told *t, const struct address *first,
    const struct address *last)
{
	char	 a[ADDRESS_TEXT_SIZE], b[ADDRESS_TEXT_SIZE];

	tell(t, " %s-%s", address_format(first, a, sizeof a),
	    address_format(last, b, sizeof b));
}

/* A table_entry_fn. */
static int
tell_entry(const struct table_entry *e, void *arg, struct err *err)
{
	static const char *const	 kinds[] = { "key", "net", "pattern",
		"any" };
	struct told			*t = arg;
	size_t				 i;

	(void)err;
	tell(t, "%s %.*s%s", kinds[e->kind], (int)e->what.n, e->what.p,
	    e->is_conditional ? " if" : "");
	for (i = 0; i < e->n_ranges; i++)
		tell_addresses(t, &e->ranges[i].first, &e->ranges[i].last);
	tell(t, "=%.*s@%u|", (int)e->value.n, e->value.p, e->line);
	return 0;
}

/* A table_range_fn. */
static int
tell_range(const struct table_range *r, void *arg, struct err *err)
{
	struct told	*t = arg;

	(void)err;
	tell_addresses(t, &r->first, &r->last);
	tell(t, "=%.*s@%u|", (int)r->value.text.n, r->value.text.p,
	    r->value.line);
	return 0;
}

/* want_ranges NULL: they cannot be told. */
static const struct row {
	const char	*name, *type, *text, *want, *want_ranges;
} rows[] = {
	{ "cidr, as it stands", "cidr", "10.1.0.0/16 b\n10.0.0.0/8 a x\n",
	    "net 10.1.0.0/16 10.1.0.0-10.1.255.255=b@1|"
	    "net 10.0.0.0/8 10.0.0.0-10.255.255.255=a x@2|",
	    " 10.0.0.0-10.0.255.255=a x@2| 10.1.0.0-10.1.255.255=b@1|"
	    " 10.2.0.0-10.255.255.255=a x@2|" },
	{ "cidr, one that is never first", "cidr",
	    "10.0.0.0/8 a\n10.1.0.0/16 b\n",
	    "net 10.0.0.0/8 10.0.0.0-10.255.255.255=a@1|"
	    "net 10.1.0.0/16 10.1.0.0-10.1.255.255=b@2|",
	    " 10.0.0.0-10.255.255.255=a@1|" },
	{ "cidr, negated and conditional", "cidr",
	    "if 10.0.0.0/8\n!10.1.0.0/16 a\nendif\n! ::1 b\n",
	    "net !10.1.0.0/16 if 10.0.0.0-10.0.255.255 "
	    "10.2.0.0-10.255.255.255=a@2|"
	    "net ! ::1 ::-:: ::2-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
	    "=b@4|",
	    " 10.0.0.0-10.0.255.255=a@2| 10.2.0.0-10.255.255.255=a@2|"
	    " ::-::=b@4| ::2-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff=b@4|" },
	{ "cidr, for no address", "cidr",
	    "if 10.0.0.0/8\n11.0.0.0/8 a\nendif\n",
	    "net 11.0.0.0/8 if=a@2|", "" },
	{ "cidr, everything", "cidr", "0.0.0.0/0 a\n::/0 b\n",
	    "net 0.0.0.0/0 0.0.0.0-255.255.255.255=a@1|"
	    "net ::/0 ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff=b@2|",
	    " 0.0.0.0-255.255.255.255=a@1|"
	    " ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff=b@2|" },
	{ "cidr, the last address", "cidr", "255.255.255.255 a\n",
	    "net 255.255.255.255 255.255.255.255-255.255.255.255=a@1|",
	    " 255.255.255.255-255.255.255.255=a@1|" },
	{ "cidr, empty", "cidr", "", "", "" },
	{ "texthash", "texthash", "Mail.Example.org a\n10.0.0.1 b c\n"
	    "10.0.0 d\n255.255.255.255 e\n2001:DB8::1 f\n",
	    "key mail.example.org=a@1|key 10.0.0.1=b c@2|key 10.0.0=d@3|"
	    "key 255.255.255.255=e@4|key 2001:db8::1=f@5|",
	    " 10.0.0.1-10.0.0.1=b c@2|"
	    " 255.255.255.255-255.255.255.255=e@4|"
	    " 2001:db8::1-2001:db8::1=f@5|" },
	{ "regexp, its rules", "regexp", "/^(a) b/i  x $1\n!/c/ y\n"
	    "if /d/\n/e/\nendif\n",
	    "pattern /^(a) b/i=x $1@1|pattern !/c/=y@2|pattern /e/ if=@4|",
	    NULL },
	{ "regexp, two patterns", "regexp", "/a/!/b/x y\n",
	    "pattern /a/!/b/x=y@1|", NULL },
	{ "pcre", "pcre", "/a/x y\n", "pattern /a/x=y@1|", NULL },
	{ "inline", "inline", "{10.0.0.2=b, {A = c}, 10.0.0.2=d}",
	    "key 10.0.0.2=d@3|key a=c@2|", " 10.0.0.2-10.0.0.2=d@3|" },
	{ "static", "static", "{ a b }", "any *=a b@0|",
	    " 0.0.0.0-255.255.255.255=a b@0|"
	    " ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff=a b@0|" },
	{ "cidr within", "cidr", "{{10.0.0.0/31 a}, {::/128 b}}",
	    "net 10.0.0.0/31 10.0.0.0-10.0.0.1=a@1|net ::/128 ::-::=b@2|",
	    " 10.0.0.0-10.0.0.1=a@1| ::-::=b@2|" },
	{ "union", "union", "{inline:{10.0.0.1=a}, cidr:{{10.0.0.0/31 b}}}",
	    "key 10.0.0.1=a@1|net 10.0.0.0/31 10.0.0.0-10.0.0.1=b@1|",
	    " 10.0.0.0-10.0.0.0=b@1| 10.0.0.1-10.0.0.1=a,b@1|" },
	{ "union with patterns", "union", "{static:a, regexp:{{/b/ c}}}",
	    "any *=a@0|pattern /b/=c@1|", NULL },
	{ "pipemap", "pipemap",
	    "{cidr:{{10.0.0.0/32 x}, {10.0.0.0/31 a}}, inline:{a=b}}",
	    "net 10.0.0.0/32 10.0.0.0-10.0.0.0=x@1|"
	    "net 10.0.0.0/31 10.0.0.0-10.0.0.1=a@2|",
	    " 10.0.0.1-10.0.0.1=b@1|" },
	{ "pipemap with patterns behind", "pipemap",
	    "{inline:{10.0.0.1=a}, regexp:{{/a/ b}}}", "key 10.0.0.1=a@1|",
	    " 10.0.0.1-10.0.0.1=b@1|" },
	{ "pipemap with patterns", "pipemap",
	    "{regexp:{{/a/ b}}, inline:{b=c}}", "pattern /a/=b@1|", NULL },
};

static struct table *
open_row(const struct row *r)
{
	struct err	 err;
	struct table	*table;
	char		 spec[300];
	bool		 is_file = strcmp(r->type, "texthash") == 0 ||
	    strcmp(r->type, "regexp") == 0 || strcmp(r->type, "pcre") == 0 ||
	    (strcmp(r->type, "cidr") == 0 && *r->text != '{');

	snprintf(spec, sizeof spec, "%s:%s", r->type, r->text);
	table = is_file ? open_text(r->type, r->text, &err) :
	    open_at_edge(spec, &err);
	if (r->want != NULL)
		ck_assert_msg(table != NULL, "%s: %s", r->name, err.text);
	return table;
}

START_TEST(test_rows)
{
	const struct row	*r = &rows[_i];
	struct table		*table = open_row(r);
	struct told		 told = { .n = 0 };
	struct err		 err;

	if (table == NULL)
		return;
	ck_assert_int_eq(table_each_entry(table, tell_entry, &told, &err), 0);
	ck_assert_msg(strcmp(told.text, r->want) == 0, "%s: got %s, want %s",
	    r->name, told.text, r->want);
	ck_assert_msg(table_is_listed(table) == (r->want_ranges != NULL),
	    "%s: listed", r->name);
	if (r->want_ranges != NULL) {
		told = (struct told){ .n = 0 };
		ck_assert_int_eq(table_each_range(table, tell_range, &told,
		    &err), 0);
		ck_assert_msg(strcmp(told.text, r->want_ranges) == 0,
		    "%s: got %s, want %s", r->name, told.text,
		    r->want_ranges);
	}
	table_free(table);
}
END_TEST

/* Who stops is believed, and heard. */
static int
stop(const struct table_entry *e, void *arg, struct err *err)
{
	unsigned	*n = arg;

	(void)e;
	++*n;
	return err_set(err, "enough");
}

static int
stop_range(const struct table_range *r, void *arg, struct err *err)
{
	(void)r;
	return stop(NULL, arg, err);
}

START_TEST(test_stopped)
{
	static const char *const	 specs[] = { "inline:{1.2.3.4=b, c=d}",
		"cidr:{{10.0.0.0/8 a}, {::/0 b}}", "static:a",
		"union:{static:a, static:b}" };
	struct err			 err;
	struct table			*table;
	unsigned			 n = 0;

	table = open_at_edge(specs[_i], &err);
	ck_assert_int_eq(table_each_entry(table, stop, &n, &err), -1);
	ck_assert_str_eq(err.text, "enough");
	ck_assert_int_eq(table_each_range(table, stop_range, &n, &err), -1);
	ck_assert_str_eq(err.text, "enough");
	ck_assert_uint_eq(n, 2);
	table_free(table);
}
END_TEST

/* Where a table that is written inline was named, its rules are, too. */
START_TEST(test_named)
{
	const struct table_how	 how = { .file = "conf", .line = 7 };
	struct told		 told = { .n = 0 };
	struct err		 err;
	struct table		*table;

	table = table_open_from("union:{cidr:{{::/128 a}}, inline:{b=c}}",
	    &how, &err);
	ck_assert_ptr_nonnull(table);
	ck_assert_int_eq(table_each_entry(table, tell_entry, &told, &err), 0);
	ck_assert_str_eq(told.text, "net ::/128 ::-::=a@7|key b=c@7|");
	table_free(table);
}
END_TEST

/*
 * Made tables
 */

#define N_ADDRESSES	16

struct answered {
	char	 value[N_ADDRESSES][20];
	int	 last;			/* of the range before */
};

static int
see(const struct table_range *r, void *arg, struct err *err)
{
	struct answered	*seen = arg;
	int		 i;

	(void)err;
	ck_assert_int_eq(r->first.family, AF_INET);
	for (i = r->first.bytes[3]; i <= r->last.bytes[3]; i++)
		snprintf(seen->value[i], sizeof seen->value[i], "%.*s@%u",
		    (int)r->value.text.n, r->value.text.p, r->value.line);
	ck_assert_int_gt(r->first.bytes[3], seen->last);
	seen->last = r->last.bytes[3];
	return 0;
}

/* Some rules about 10.0.0.0/28, each in an "if" perhaps. */
static void
make_cidr(char *text, size_t size)
{
	int	 i, bits, open = 0, rules = rand() % 6;
	size_t	 n;

	n = (size_t)snprintf(text, size, "if 10.0.0.0/28\n");
	for (i = 0; i < rules; i++) {
		bits = 28 + rand() % 5;
		if (rand() % 4 == 0 && ++open > 0)
			n += (size_t)snprintf(text + n, size - n, "if ");
		n += (size_t)snprintf(text + n, size - n, "%s10.0.0.%d/%d%s",
		    rand() % 4 == 0 ? "!" : "",
		    rand() % 16 & ~((1 << (32 - bits)) - 1), bits, text[n -
		    1] == ' ' ? "\n" : rand() % 2 ? " a\n" : " b\n");
	}
	for (; open >= 0; open--)
		n += (size_t)snprintf(text + n, size - n, "endif\n");
}

START_TEST(test_made)
{
	struct table_answer	 answer = { 0 };
	struct answered		 seen;
	struct table		*table;
	struct err		 err;
	char			 text[1000], want[20], key[20];
	int			 i, k;

	srand(1);
	for (k = 0; k < 2000; k++) {
		make_cidr(text, sizeof text);
		table = open_text("cidr", text, &err);
		ck_assert_msg(table != NULL, "%s: %s", err.text, text);
		seen = (struct answered){ .last = -1 };
		ck_assert_int_eq(table_each_range(table, see, &seen, &err),
		    0);
		for (i = 0; i < N_ADDRESSES; i++) {
			snprintf(key, sizeof key, "10.0.0.%d", i);
			*want = '\0';
			if (table_find(table, span_of(key), &answer) ==
			    TABLE_FOUND)
				snprintf(want, sizeof want, "%s@%u",
				    answer.value, answer.line);
			ck_assert_msg(strcmp(seen.value[i], want) == 0,
			    "%s: got %s, want %s: %s", key, seen.value[i],
			    want, text);
		}
		table_free(table);
	}
	table_answer_clear(&answer);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("table_entry");
	int	 result;

	tempdir_make(dir);
	tcase_add_loop_test(tc, test_rows, 0, NELEM(rows));
	tcase_add_loop_test(tc, test_stopped, 0, 4);
	tcase_add_test(tc, test_named);
	tcase_add_test(tc, test_made);
	result = runner_run("table_entry", tc);
	tempdir_remove(dir);
	return result;
}
