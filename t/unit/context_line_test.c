/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_line_test: what XSETCONTEXT lines are taken, what they are taken
 * for, and what is said of the others.
 */
#include "context/context_line.h"

#include <stdio.h>
#include <stdlib.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define X8		"xxxxxxxx"
#define X64		X8 X8 X8 X8 X8 X8 X8 X8
#define X256		X64 X64 X64 X64
#define X1024		X256 X256 X256 X256
#define NAMES		"1 to 64 of A-Z a-z 0-9 . _ -"
#define NO_UTF8(got) \
	"a: expected UTF-8 without control characters, got \"" got "\""
#define NO_XTEXT(got)	"a: expected xtext (RFC 3461), got \"" got "\""

/* want: the pairs as "name=value" with '|' between, or what err says. */
static const struct row {
	const char	*name, *in;
	bool		 is_taken;
	const char	*want;
} rows[] = {
	{ "one", "tenant=acme", true, "tenant=acme" },
	{ "several, order kept", "b=2 a=1 c=3", true, "b=2|a=1|c=3" },
	{ "blanks around", " \t a=1 \t b=2\t", true, "a=1|b=2" },
	{ "name made small", "Tenant.ID_x-9=Acme", true,
	    "tenant.id_x-9=Acme" },
	{ "name of all kinds", "AZaz09._-=1", true, "azaz09._-=1" },
	{ "name of 64", X64 "=1", true, X64 "=1" },
	{ "name of a digit", "0=1", true, "0=1" },
	{ "names that begin alike", "ab=1 a=2 abc=3", true,
	    "ab=1|a=2|abc=3" },
	{ "empty value", "a= b=1", true, "a=|b=1" },
	{ "encoded blank", "a=x+20y", true, "a=x y" },
	{ "encoded plus, equals", "a=+2B+3D", true, "a=+=" },
	{ "decoded once", "a=+2B41", true, "a=+41" },
	{ "all of xchar's edges", "a=!*,<>\"\\();:~", true,
	    "a=!*,<>\"\\();:~" },
	{ "two bytes", "a=+C2+A0+DF+BF", true, "a=\xc2\xa0\xdf\xbf" },
	{ "three bytes", "a=+E0+A0+80+EF+BF+BF", true,
	    "a=\xe0\xa0\x80\xef\xbf\xbf" },
	{ "around the surrogates", "a=+ED+9F+BF+EE+80+80", true,
	    "a=\xed\x9f\xbf\xee\x80\x80" },
	{ "around the separators", "a=+E2+80+A7+E2+80+AF", true,
	    "a=\xe2\x80\xa7\xe2\x80\xaf" },
	{ "joiners", "a=+E2+80+8C+E2+80+8D", true,
	    "a=\xe2\x80\x8c\xe2\x80\x8d" },
	{ "around the isolates", "a=+E2+81+9F+E2+81+B0", true,
	    "a=\xe2\x81\x9f\xe2\x81\xb0" },
	{ "around the tags", "a=+F3+9F+BF+BF+F3+A0+82+80", true,
	    "a=\xf3\x9f\xbf\xbf\xf3\xa0\x82\x80" },
	{ "four bytes", "a=+F0+90+80+80+F4+8F+BF+BF", true,
	    "a=\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
	{ "value of 1024", "a=" X1024, true, "a=" X1024 },
	{ "value of 1024, encoded",
	    "a=" X256 X256 X256 X64 X64 X64 X8 X8 X8 X8 X8 X8 X8 "xxxxxxx+78",
	    true, "a=" X1024 },

	{ "nothing", "", false, "expected name=value, got nothing" },
	{ "blanks", " \t ", false, "expected name=value, got nothing" },
	{ "no equals sign", "a=1 b", false,
	    "pair 2: expected name=value, got \"b\"" },
	{ "blank before the equals sign", "a =1", false,
	    "pair 1: expected name=value, got \"a\"" },
	{ "blank behind the equals sign", "a= 1", false,
	    "pair 2: expected name=value, got \"1\"" },
	{ "no name", "=1", false,
	    "pair 1: \"\" is no name, expected " NAMES },
	{ "name of 65", X64 "x=1", false,
	    "pair 1: \"" X64 "...\" is no name, expected " NAMES },
	{ "name with a comma", "a=1 b,c=2", false,
	    "pair 2: \"b,c\" is no name, expected " NAMES },
	{ "name encoded", "a+62=1", false,
	    "pair 1: \"a+62\" is no name, expected " NAMES },
	{ "name 8-bit", "\xc3\xa4=1", false,
	    "pair 1: \"\\xC3\\xA4\" is no name, expected " NAMES },
	{ "name quoted", "\"a\\\"=1", false,
	    "pair 1: \"\\x22a\\x5C\\x22\" is no name, expected " NAMES },
	{ "neighbours of the name's letters", "@=1", false,
	    "pair 1: \"@\" is no name, expected " NAMES },
	{ "brackets", "a[=1", false,
	    "pair 1: \"a[\" is no name, expected " NAMES },
	{ "backquote", "`=1", false,
	    "pair 1: \"`\" is no name, expected " NAMES },
	{ "brace", "{=1", false,
	    "pair 1: \"{\" is no name, expected " NAMES },
	{ "slash", "/=1", false,
	    "pair 1: \"/\" is no name, expected " NAMES },
	{ "colon", ":=1", false,
	    "pair 1: \":\" is no name, expected " NAMES },
	{ "carriage return between", "a=1\rb=2", false,
	    NO_XTEXT("1\\x0Db=2") },
	{ "line feed before", "\na=1", false,
	    "pair 1: \"\\x0Aa\" is no name, expected " NAMES },
	{ "vertical tab alone", "a=1 \v", false,
	    "pair 2: expected name=value, got \"\\x0B\"" },
	{ "twice", "a=1 b=2 a=1", false, "a: expected it once, got \"1\"" },
	{ "twice, other case", "Tenant=1 tENANT=2", false,
	    "tENANT: expected it once, got \"2\"" },
	{ "raw plus", "a=x+y", false, NO_XTEXT("x+y") },
	{ "raw equals", "a=x=y", false, NO_XTEXT("x=y") },
	{ "small hex digits", "a=+c3+a4", false, NO_XTEXT("+c3+a4") },
	{ "cut short", "a=+4", false, NO_XTEXT("+4") },
	{ "raw 8-bit", "a=\xc3\xa4", false, NO_XTEXT("\\xC3\\xA4") },
	{ "raw DEL", "a=\x7f", false, NO_XTEXT("\\x7F") },
	{ "NUL", "a=x+00", false, NO_UTF8("x\\x00") },
	{ "line feed", "a=x+0Ay", false, NO_UTF8("x\\x0Ay") },
	{ "last of C0", "a=+1F", false, NO_UTF8("\\x1F") },
	{ "tab", "a=+09", false, NO_UTF8("\\x09") },
	{ "DEL", "a=+7F", false, NO_UTF8("\\x7F") },
	{ "first of C1", "a=+C2+80", false, NO_UTF8("\\xC2\\x80") },
	{ "NEL", "a=+C2+85", false, NO_UTF8("\\xC2\\x85") },
	{ "last of C1", "a=+C2+9F", false, NO_UTF8("\\xC2\\x9F") },
	{ "line separator", "a=+E2+80+A8", false,
	    NO_UTF8("\\xE2\\x80\\xA8") },
	{ "paragraph separator", "a=+E2+80+A9", false,
	    NO_UTF8("\\xE2\\x80\\xA9") },
	{ "soft hyphen", "a=+C2+AD", false, NO_UTF8("\\xC2\\xAD") },
	{ "Arabic letter mark", "a=+D8+9C", false, NO_UTF8("\\xD8\\x9C") },
	{ "space of no width", "a=+E2+80+8B", false,
	    NO_UTF8("\\xE2\\x80\\x8B") },
	{ "right-to-left mark", "a=+E2+80+8F", false,
	    NO_UTF8("\\xE2\\x80\\x8F") },
	{ "first embedding", "a=+E2+80+AA", false,
	    NO_UTF8("\\xE2\\x80\\xAA") },
	{ "right-to-left override", "a=x+E2+80+AEy", false,
	    NO_UTF8("x\\xE2\\x80\\xAEy") },
	{ "first isolate", "a=+E2+81+A6", false,
	    NO_UTF8("\\xE2\\x81\\xA6") },
	{ "last isolate", "a=+E2+81+A9", false,
	    NO_UTF8("\\xE2\\x81\\xA9") },
	{ "byte order mark", "a=+EF+BB+BF", false,
	    NO_UTF8("\\xEF\\xBB\\xBF") },
	{ "a tag", "a=+F3+A0+81+81", false,
	    NO_UTF8("\\xF3\\xA0\\x81\\x81") },
	{ "Latin-1", "a=+E4", false, NO_UTF8("\\xE4") },
	{ "continuation astray", "a=+80", false, NO_UTF8("\\x80") },
	{ "character cut short", "a=x+E2+82", false, NO_UTF8("x\\xE2\\x82") },
	{ "character broken off", "a=+E2+82x", false, NO_UTF8("\\xE2\\x82x") },
	{ "overlong by two", "a=+C1+BF", false, NO_UTF8("\\xC1\\xBF") },
	{ "overlong by three", "a=+E0+9F+BF", false,
	    NO_UTF8("\\xE0\\x9F\\xBF") },
	{ "overlong by four", "a=+F0+8F+BF+BF", false,
	    NO_UTF8("\\xF0\\x8F\\xBF\\xBF") },
	{ "first surrogate", "a=+ED+A0+80", false,
	    NO_UTF8("\\xED\\xA0\\x80") },
	{ "last surrogate", "a=+ED+BF+BF", false,
	    NO_UTF8("\\xED\\xBF\\xBF") },
	{ "U+110000", "a=+F4+90+80+80", false,
	    NO_UTF8("\\xF4\\x90\\x80\\x80") },
	{ "five bytes", "a=+F8+88+80+80+80", false,
	    NO_UTF8("\\xF8\\x88\\x80\\x80\\x80") },
	{ "like four bytes", "a=+F9+90+80+80", false,
	    NO_UTF8("\\xF9\\x90\\x80\\x80") },
	{ "value of 1025", "Tenant=" X1024 "x", false,
	    "Tenant: the value is over 1024 bytes" },
	{ "long and wrong", "a=" X1024 X1024 "+", false,
	    NO_XTEXT(X64 "...") },
	{ "more than there is room for",
	    "a=" X1024 " b=" X1024 " c=" X1024 " d=" X1024, false,
	    "d: expected a shorter line" },
};

static const char *
print(const struct context_line *line, char *buf, size_t size)
{
	size_t		 n = 0;
	unsigned	 i;

	for (i = 0; i < line->n && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s=%s",
		    i > 0 ? "|" : "", line->v[i].name, line->v[i].value);
	return buf;
}

static void
check_row(const struct row *r, const char *how, struct span in)
{
	static struct context_line	 line;
	struct err			 err = { "" };
	char				 got[8192] = "";
	bool				 is_taken;

	memset(&line, 'x', sizeof(line));
	is_taken = context_line_parse(in, &line, &err);
	if (is_taken)
		print(&line, got, sizeof(got));
	else
		snprintf(got, sizeof(got), "%s", err.text);
	ck_assert_msg(is_taken == r->is_taken && strcmp(got, r->want) == 0,
	    "%s, %s: got %s \"%s\", want \"%s\"", r->name, how,
	    is_taken ? "taken," : "refused,", got, r->want);
}

START_TEST(row_is_read)
{
	const struct row	*r = &rows[_i];
	size_t			 n = strlen(r->in), cut;
	char			*edge = edge_copy(r->in, n);
	struct context_line	 line;

	check_row(r, "whole", (struct span){ r->in, n });
	check_row(r, "edge", (struct span){ edge, n });
	edge_free(edge, n);
	for (cut = 0; cut < n && cut < 200; cut++) {
		edge = edge_copy(r->in, cut);
		context_line_parse((struct span){ edge, cut }, &line, NULL);
		edge_free(edge, cut);
	}
}
END_TEST

START_TEST(lengths_are_told)
{
	struct context_line	 line;

	ck_assert(context_line_parse(span_of("Ab=+C3+A4x c="), &line, NULL));
	ck_assert_uint_eq(line.n, 2);
	ck_assert_uint_eq(line.v[0].name_len, 2);
	ck_assert_uint_eq(line.v[0].value_len, 3);
	ck_assert_uint_eq(line.v[1].name_len, 1);
	ck_assert_uint_eq(line.v[1].value_len, 0);
}
END_TEST

START_TEST(nul_is_no_end)
{
	static const char	 in[] = "a=1\0 b=2", name[] = "a\0b=1";
	struct context_line	 line;
	struct err		 err;

	ck_assert(!context_line_parse((struct span){ in, sizeof(in) - 1 },
	    &line, &err));
	ck_assert_str_eq(err.text, NO_XTEXT("1\\x00"));
	ck_assert(!context_line_parse((struct span){ name, sizeof(name) - 1 },
	    &line, &err));
	ck_assert_str_eq(err.text,
	    "pair 1: \"a\\x00b\" is no name, expected " NAMES);
}
END_TEST

/* n pairs "p0=1 p1=1 ..." */
static size_t
many_pairs(unsigned n, char *buf, size_t size)
{
	size_t		 len = 0;
	unsigned	 i;

	for (i = 0; i < n; i++)
		len += (size_t)snprintf(buf + len, size - len, "p%u=1 ", i);
	return len;
}

START_TEST(number_of_pairs_is_limited)
{
	struct context_line	 line;
	struct err		 err;
	char			 buf[4096];
	struct span		 in = { buf, 0 };

	in.n = many_pairs(CONTEXT_LINE_PAIRS, buf, sizeof(buf));
	ck_assert(context_line_parse(in, &line, NULL));
	ck_assert_uint_eq(line.n, CONTEXT_LINE_PAIRS);
	in.n = many_pairs(CONTEXT_LINE_PAIRS + 1, buf, sizeof(buf));
	ck_assert(!context_line_parse(in, &line, &err));
	ck_assert_str_eq(err.text,
	    "p128: expected at most 128 pairs in a line");
}
END_TEST

/* Whatever fits the longest line that Postfix hands over fits the text. */
START_TEST(longest_lines_fit)
{
	struct context_line	 line;
	char			 buf[CONTEXT_LINE_MAX];
	struct span		 in = { buf, sizeof(buf) };

	memset(buf, 'x', sizeof(buf));
	memcpy(buf, "a=", 2);
	memcpy(buf + 1000, " b=", 3);
	memcpy(buf + 2000, " c=", 3);
	ck_assert(context_line_parse(in, &line, NULL));
	in.n = many_pairs(CONTEXT_LINE_PAIRS, buf, sizeof(buf));
	ck_assert(context_line_parse(in, &line, NULL));
}
END_TEST

/* A long line is refused, not overrun, at whatever byte it is full. */
START_TEST(text_is_never_overrun)
{
	size_t			 i, size = 5000;
	char			*buf = malloc(size);
	struct context_line	*line = malloc(sizeof(*line));
	struct err		 err;

	ck_assert(buf != NULL && line != NULL);
	memset(buf, 'x', size);
	for (i = 0; i < 8; i++)
		memcpy(buf + i * 600, (char[]){ ' ', (char)('a' + i), '=' },
		    3);
	for (i = 4000; i < size; i++)
		if (context_line_parse((struct span){ buf, i }, line, &err))
			ck_assert_uint_le(line->used, sizeof(line->text));
		else
			ck_assert_str_eq(err.text + 1,
			    ": expected a shorter line");
	free(line);
	free(buf);
}
END_TEST

/* Also the longest hostile bytes leave the end of the text readable. */
START_TEST(errors_are_never_cut)
{
	struct context_line	 line;
	struct err		 err;
	char			 in[200], value[3 * 200];
	int			 n;

	memset(in, '\x01', sizeof(in));
	in[sizeof(in) - 1] = '=';
	ck_assert(!context_line_parse((struct span){ in, sizeof(in) }, &line,
	    &err));
	ck_assert(strstr(err.text, "...\" is no name, expected " NAMES));
	for (n = 0; n < 200; n++)
		memcpy(value + 3 * n, "+01", 3);
	memset(in, 'n', CONTEXT_NAME_MAX);
	line.n = 0;
	line.used = 0;
	ck_assert(!context_line_add(&line,
	    (struct span){ in, CONTEXT_NAME_MAX },
	    (struct span){ "\x01\x01", 2 }, &err));
	ck_assert(strstr(err.text, "got \"\\x01\\x01\""));
	memset(value, '\x01', sizeof(value));
	ck_assert(!context_line_add(&line,
	    (struct span){ in, CONTEXT_NAME_MAX },
	    (struct span){ value, sizeof(value) }, &err));
	ck_assert(strstr(err.text, "\\x01...\""));
}
END_TEST

static const struct add_row {
	const char	*name, *pair_name, *value, *want_err;
} add_rows[] = {
	{ "plain",		"B",	"a b+=%",	NULL },
	{ "empty value",	"b",	"",		NULL },
	{ "UTF-8",		"b",	"\xc3\xa4",	NULL },
	{ "longest",		"b",	X1024,		NULL },
	{ "too long",		"b",	X1024 "x",
	    "b: the value is over 1024 bytes" },
	{ "control",		"b",	"\n",
	    "b: expected UTF-8 without control characters, got \"\\x0A\"" },
	{ "no UTF-8",		"b",	"\xff",
	    "b: expected UTF-8 without control characters, got \"\\xFF\"" },
	{ "character cut short", "b",	"x\xe2\x82",
	    "b: expected UTF-8 without control characters, got "
	    "\"x\\xE2\\x82\"" },
	{ "no name",		"b c",	"1",
	    "pair 2: \"b c\" is no name, expected " NAMES },
	{ "twice",		"A",	"1",
	    "A: expected it once, got \"1\"" },
};

START_TEST(plain_value_is_added)
{
	const struct add_row	*r = &add_rows[_i];
	struct context_line	 line = { .n = 0 };
	struct err		 err = { "" };
	size_t			 n = strlen(r->value);
	char			*edge = edge_copy(r->value, n);
	bool			 is_added;

	ck_assert(context_line_add(&line, span_of("a"), span_of("0"), NULL));
	is_added = context_line_add(&line, span_of(r->pair_name),
	    (struct span){ edge, n }, &err);
	edge_free(edge, n);
	ck_assert_msg(is_added == (r->want_err == NULL) && (is_added ||
	    strcmp(err.text, r->want_err) == 0), "%s: got %d, \"%s\"",
	    r->name, is_added, err.text);
	ck_assert_str_eq(line.v[0].value, "0");
	ck_assert_uint_eq(line.n, is_added ? 2 : 1);
	ck_assert_uint_eq(line.used, 4 + (is_added ? 3 + n : 0));
	if (is_added) {
		ck_assert_str_eq(line.v[1].name, "b");
		ck_assert_str_eq(line.v[1].value, r->value);
	}
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("context_line");

	tcase_add_loop_test(tc, row_is_read, 0, NELEM(rows));
	tcase_add_test(tc, lengths_are_told);
	tcase_add_test(tc, nul_is_no_end);
	tcase_add_test(tc, number_of_pairs_is_limited);
	tcase_add_test(tc, longest_lines_fit);
	tcase_add_test(tc, text_is_never_overrun);
	tcase_add_test(tc, errors_are_never_cut);
	tcase_add_loop_test(tc, plain_value_is_added, 0, NELEM(add_rows));
	return runner_run("context_line", tc);
}
