/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_header_test: what the header says, where it is folded, that nothing
 * can be injected, and that a reader gets the pairs back.
 */
#include "session/context_header.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xtext.h"
#include "session/context_view.h"
#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define X10		"xxxxxxxxxx"
#define X40		X10 X10 X10 X10
#define X70		X40 X10 X10 X10
#define N64		"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
			"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
#define HEADER		"X-Session-Context"	/* the value begins behind 19
						 * characters */
#define PAIRS_MAX	6

static struct context_view	 connection, message;

static void
add(struct context_view *view, const char *name, struct span value)
{
	view->v[view->n++] = (struct context_item){ name, value };
}

static const struct row {
	const char	*name, *names[PAIRS_MAX], *connection[PAIRS_MAX][2],
			*message[PAIRS_MAX][2];
	const char	*want;		/* NULL: none of them */
} rows[] = {
	{ "one", { "tenant" }, { { "tenant", "acme" } }, { { NULL } },
	    "tenant=acme" },
	{ "in the order of the names", { "b", "a" },
	    { { "a", "1" }, { "b", "2" } }, { { NULL } }, "b=2; a=1" },
	{ "only those named", { "b" }, { { "a", "1" }, { "b", "2" },
	    { "c", "3" } }, { { NULL } }, "b=2" },
	{ "those that are not there are left out", { "x", "b", "y", "c" },
	    { { "b", "2" } }, { { "c", "3" } }, "b=2; c=3" },
	{ "the connection's goes before the message's", { "a", "b" },
	    { { "a", "1" } }, { { "a", "2" }, { "b", "3" } }, "a=1; b=3" },
	{ "named in any case", { "Tenant" }, { { "tenant", "acme" } },
	    { { NULL } }, "tenant=acme" },
	{ "empty value", { "a", "b" }, { { "a", "" }, { "b", "1" } },
	    { { NULL } }, "a=; b=1" },
	{ "an empty value alone", { "a" }, { { "a", "" } }, { { NULL } },
	    "a=" },
	{ "none", { "a" }, { { "b", "1" } }, { { "c", "1" } }, NULL },
	{ "no names", { NULL }, { { "b", "1" } }, { { NULL } }, NULL },
	{ "addresses stay readable", { "a", "b", "c" },
	    { { "a", "2001:db8::1" }, { "b", "[192.0.2.1]" } },
	    { { "c", "x@y.example" } },
	    "a=2001:db8::1; b=[192.0.2.1]; c=x@y.example" },
	{ "no other pair, no other header", { "a", "b" },
	    { { "a", "x; b=1, c" }, { "b", "\r\nBcc: all%s" } }, { { NULL } },
	    "a=x+3B+20b+3D1+2C+20c; b=+0D+0ABcc:+20all+25s" },
	{ "no byte over 126, no turn of direction", { "a" },
	    { { "a", "x\xe2\x80\xaey\xef\xbb\xbf\xc3\xa4" } }, { { NULL } },
	    "a=x+E2+80+AEy+EF+BB+BF+C3+A4" },
	{ "no encoded word, no comment, no quotes", { "a" },
	    { { "a", "=?utf-8?q?x?= (y) \"z\"" } }, { { NULL } },
	    "a=+3D?utf-8?q?x?+3D+20+28y+29+20+22z+22" },
	{ "78 characters in the first line", { "a" },
	    { { "a", X40 "xxxxxxxxxxxxxxxx" } }, { { NULL } },
	    "a=" X40 "xxxxxxxxxxxxxxxx" },
	{ "79 characters with what may follow", { "a", "b" },
	    { { "a", X40 "xxxxxxxxxxxxxxxxx" }, { "b", "1" } }, { { NULL } },
	    "a=" X40 "xxxxxxxxxxxxxxxx\n\tx; b=1" },
	{ "folded between pairs", { "a", "b", "c" },
	    { { "a", X40 }, { "b", X10 "xxx" }, { "c", "1" } }, { { NULL } },
	    "a=" X40 ";\n\tb=" X10 "xxx; c=1" },
	{ "just not folded", { "a", "b", "c" },
	    { { "a", X40 }, { "b", X10 "xx" }, { "c", "1" } }, { { NULL } },
	    "a=" X40 "; b=" X10 "xx;\n\tc=1" },
	{ "a value that has a line to itself", { "a", "b" },
	    { { "a", "1" }, { "b", X70 "xxxx" } }, { { NULL } },
	    "a=1;\n\tb=" X70 "xxxx" },
	{ "a value that is broken", { "a", "b" },
	    { { "a", "1" }, { "b", X70 "xxxxyz" } }, { { NULL } },
	    "a=1;\n\tb=" X70 "xxxx\n\tyz" },
	{ "an encoded byte is not", { "a", "b" },
	    { { "a", "1" }, { "b", X70 "xx=" } }, { { NULL } },
	    "a=1;\n\tb=" X70 "xx\n\t+3D" },
	{ "the longest name first", { N64 }, { { N64, "1" } }, { { NULL } },
	    N64 "=\n\t1" },
	{ "the longest name later", { "a", N64 },
	    { { "a", "1" }, { N64, X10 "x" } }, { { NULL } },
	    "a=1;\n\t" N64 "=" X10 "x" },
};

static void
fill_view(struct context_view *view, const char *const pairs[PAIRS_MAX][2])
{
	int	 i;

	view->n = 0;
	for (i = 0; i < PAIRS_MAX && pairs[i][0] != NULL; i++)
		add(view, pairs[i][0], span_of(pairs[i][1]));
}

/* With just the room that it needs, and with each that is too small. */
static void
check_sizes(const struct row *r, const char *const *names)
{
	size_t				 want = strlen(r->want), size, len;
	char				*room = edge_copy(NULL, 0), *buf;
	enum context_header_result	 result;

	for (size = 0; size <= want + 1; size++) {
		buf = size == 0 ? NULL : room - size;
		len = SIZE_MAX;
		result = context_header_print(HEADER, names, &connection,
		    &message, buf, size, &len);
		ck_assert_msg(result == (size <= want ?
		    CONTEXT_HEADER_TOO_LONG : CONTEXT_HEADER_DONE) &&
		    len == want, "%s, size %zu of %zu: got %d, %zu", r->name,
		    size, want + 1, result, len);
	}
	ck_assert_msg(strcmp(room - want - 1, r->want) == 0,
	    "%s: got \"%s\", want \"%s\"", r->name, room - want - 1,
	    r->want);
	edge_free(room, 0);
}

START_TEST(row_is_printed)
{
	const struct row	*r = &rows[_i];
	const char		*names[PAIRS_MAX + 1] = { NULL };
	char			 buf[8] = "asis";
	size_t			 len = 99;

	memcpy(names, r->names, sizeof(r->names));
	fill_view(&connection, r->connection);
	fill_view(&message, r->message);
	if (r->want != NULL) {
		check_sizes(r, names);
		return;
	}
	ck_assert_msg(context_header_print(HEADER, names, &connection,
	    &message, buf, sizeof(buf), &len) == CONTEXT_HEADER_NONE, "%s",
	    r->name);
	ck_assert_str_eq(buf, "asis");
	ck_assert_uint_eq(len, 99);
}
END_TEST

START_TEST(views_may_be_missing)
{
	const char	*names[] = { "a", NULL };
	char		 buf[8];
	size_t		 len;

	connection.n = 0;
	add(&connection, "a", span_of("1"));
	ck_assert_int_eq(context_header_print(HEADER, names, NULL, NULL, buf,
	    sizeof(buf), &len), CONTEXT_HEADER_NONE);
	ck_assert_int_eq(context_header_print(HEADER, names, &connection,
	    NULL, buf, sizeof(buf), &len), CONTEXT_HEADER_DONE);
	ck_assert_str_eq(buf, "a=1");
	ck_assert_int_eq(context_header_print(HEADER, names, NULL,
	    &connection, buf, sizeof(buf), &len), CONTEXT_HEADER_DONE);
	ck_assert_str_eq(buf, "a=1");
}
END_TEST

/* Only what may stand in a header: printable ASCII, and folds that leave no
 * line empty. */
static bool
is_harmless(const char *text)
{
	const char	*p;

	for (p = text; *p != '\0'; p++) {
		if (strchr(",%\"\\()<>", *p) != NULL || *p > 126)
			return false;
		if (*p == '\n' && (p == text || p[1] != '\t' ||
		    p[2] <= 32))
			return false;
		if (*p == '\t' && (p == text || p[-1] != '\n'))
			return false;
		if (*p < 32 && *p != '\n' && *p != '\t')
			return false;
		if (*p == ' ' && (p == text || p[-1] != ';'))
			return false;
	}
	return true;
}

/* Of the lines, the first of which begins behind so many characters. */
static size_t
longest_line(const char *text, size_t before)
{
	size_t	 len, longest = 0;

	for (;; before = 0) {
		len = strcspn(text, "\n");
		if (before + len > longest)
			longest = before + len;
		if (text[len] == '\0')
			return longest;
		text += len + 1;
	}
}

/* Takes out white space. */
static void
squeeze(char *text)
{
	char	*to = text;

	for (; *text != '\0'; text++)
		if (strchr(" \t\n", *text) == NULL)
			*to++ = *text;
	*to = '\0';
}

/* A reader finds the pairs of the view, each once and in order. */
static void
check_way_back(char *text, const struct context_view *view)
{
	char		 value[2048], *name, *equals;
	unsigned	 i;
	size_t		 len;

	squeeze(text);
	for (i = 0; (name = strsep(&text, ";")) != NULL; i++) {
		ck_assert_uint_lt(i, view->n);
		equals = strchr(name, '=');
		ck_assert(equals != NULL);
		*equals++ = '\0';
		ck_assert_str_eq(name, view->v[i].name);
		ck_assert_int_eq(xtext_decode(span_of(equals), XTEXT_STRICT,
		    value, sizeof(value), &len), XTEXT_OK);
		ck_assert_uint_eq(len, view->v[i].value.n);
		ck_assert(len == 0 ||
		    memcmp(value, view->v[i].value.p, len) == 0);
	}
	ck_assert_uint_eq(i, view->n);
}

static void
check_view(const char *header, const struct context_view *view)
{
	static char	 buf[128 * 1024];
	const char	*names[CONTEXT_VIEW_MAX + 1];
	unsigned	 i;
	size_t		 len, first;

	for (i = 0; i < view->n; i++)
		names[i] = view->v[i].name;
	names[i] = NULL;
	ck_assert_int_eq(context_header_print(header, names, view, NULL, buf,
	    sizeof(buf), &len), CONTEXT_HEADER_DONE);
	ck_assert_uint_eq(len, strlen(buf));
	ck_assert_msg(is_harmless(buf), "%s", buf);
	/* Up to its first '=', a line without a pair before cannot be
	 * folded. */
	first = strlen(header) + strlen(": ") + strlen(names[0]) + 2;
	ck_assert_uint_le(longest_line(buf, strlen(header) + strlen(": ")),
	    first > 78 ? first : 78);
	ck_assert_uint_le(first, 998);
	check_way_back(buf, view);
}

START_TEST(every_byte_comes_back)
{
	char	 byte = (char)_i, twice[2] = { (char)_i, 'A' };

	connection.n = 0;
	add(&connection, "one", (struct span){ &byte, 1 });
	add(&connection, "begins", (struct span){ twice, 2 });
	check_view(HEADER, &connection);
}
END_TEST

/* Each place for the folds, as the value moves along. */
START_TEST(all_bytes_come_back_at_each_column)
{
	char	 all[256 + 90];
	size_t	 i;

	for (i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	for (i = 0; i < 90; i++) {
		connection.n = 0;
		add(&connection, "a", (struct span){ all + 100, i });
		add(&connection, "b", (struct span){ all + i, 256 });
		add(&connection, "c", (struct span){ all, i });
		check_view(HEADER, &connection);
	}
}
END_TEST

/* A header's name of any length, with the longest name and values. */
START_TEST(first_line_counts_the_name)
{
	static char	 header[CONTEXT_HEADER_NAME_MAX + 1];
	static char	 value[1024];
	size_t		 i;

	memset(value, '\n', sizeof(value));
	for (i = 1; i <= CONTEXT_HEADER_NAME_MAX; i++) {
		header[i - 1] = 'h';
		connection.n = 0;
		add(&connection, N64, (struct span){ value, sizeof(value) });
		add(&connection, "b", (struct span){ value, i });
		check_view(header, &connection);
		connection.v[0].name = "a";
		check_view(header, &connection);
	}
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("context_header");

	tcase_add_loop_test(tc, row_is_printed, 0, NELEM(rows));
	tcase_add_test(tc, views_may_be_missing);
	tcase_add_loop_test(tc, every_byte_comes_back, 0, 256);
	tcase_add_test(tc, all_bytes_come_back_at_each_column);
	tcase_add_test(tc, first_line_counts_the_name);
	return runner_run("context_header", tc);
}
