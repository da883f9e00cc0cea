/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_test: what each type of table answers, which tables are refused and
 * why, and what a lookup does when it cannot tell.
 *
 * Keys and specs end at an unreadable page.  That the answers are Postfix's
 * is shown by t/live/table-oracle.t.
 */
#include <arpa/inet.h>
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"
#include "t/lib/table_check.h"
#include "t/lib/tempdir.h"
#include "table/table.h"

static const struct file_row {
	const char	*name, *type, *text, *key, *want;	/* NULL: not
								 * found */
	unsigned	 line;
} file_rows[] = {
	/* Lines. */
	{ "comments and empty lines", "texthash", "# c\n\n  \n # d\na b\n",
	    "a", "b", 5 },
	{ "no newline at the end", "texthash", "a b", "a", "b", 1 },
	{ "continuation", "texthash", "a b\n c\nd e\n", "a", "b c", 1 },
	{ "line behind a continuation", "texthash", "a b\n c\nd e\n", "d", "e",
	    3 },
	{ "continuation across a comment and an empty line", "texthash",
	    "a b\n# x\n\n\tc\nd e\n", "a", "b\tc", 1 },
	{ "an empty line ends a line", "texthash", "a b\n\nd e\n", "d", "e",
	    3 },
	{ "a comment ends a line", "texthash", "a b\n#\nd e\n", "d", "e", 3 },
	{ "a comment behind other text is text", "texthash", "a b #c\n", "a",
	    "b #c", 1 },
	{ "an empty file", "texthash", "", "a", NULL, 0 },
	/* texthash. */
	{ "keys are folded", "texthash", "Ab C\n", "aB", "C", 1 },
	{ "other letters are not", "texthash", "\xc3\x89 x\n", "\xc3\xa9",
	    NULL, 0 },
	{ "a quoted key keeps its quotes", "texthash", "\"a b\" c\n",
	    "\"a b\"", "c", 1 },
	{ "without the quotes it is another key", "texthash", "\"a b\" c\n",
	    "a b", NULL, 0 },
	{ "an escaped blank", "texthash", "a\\ b c\n", "a\\ b", "c", 1 },
	{ "an escaped quote", "texthash", "a\\\"b c\n", "a\\\"b", "c", 1 },
	{ "values are trimmed", "texthash", "a \t b c \r\n", "a", "b c", 1 },
	{ "key with NUL's neighbour", "texthash", "a b\n", "", NULL, 0 },
	/* cidr. */
	{ "an address", "cidr", "192.0.2.1 a\n", "192.0.2.1", "a", 1 },
	{ "a network", "cidr", "192.0.2.0/24 a\n", "192.0.2.255", "a", 1 },
	{ "outside", "cidr", "192.0.2.0/24 a\n", "192.0.3.0", NULL, 0 },
	{ "first match", "cidr", "10.0.0.0/8 a\n10.1.0.0/16 b\n", "10.1.0.1",
	    "a", 1 },
	{ "first match, narrow first", "cidr", "10.1.0.0/16 b\n10.0.0.0/8 a\n",
	    "10.1.0.1", "b", 1 },
	{ "the wide one behind", "cidr", "10.1.0.0/16 b\n10.0.0.0/8 a\n",
	    "10.2.0.1", "a", 2 },
	{ "everything", "cidr", "0.0.0.0/0 a\n", "255.255.255.255", "a", 1 },
	{ "not the other family", "cidr", "0.0.0.0/0 a\n", "::1", NULL, 0 },
	{ "negated", "cidr", "!10.0.0.0/8 a\n", "11.0.0.0", "a", 1 },
	{ "negated, below", "cidr", "! 10.0.0.0/8 a\n", "9.255.255.255", "a",
	    1 },
	{ "negated, inside", "cidr", "!10.0.0.0/8 a\n", "10.0.0.0", NULL, 0 },
	{ "negated, the last inside", "cidr", "!10.0.0.0/8 a\n",
	    "10.255.255.255", NULL, 0 },
	{ "negated, other family", "cidr", "!10.0.0.0/8 a\n", "::1", NULL, 0 },
	{ "negated everything", "cidr", "!0.0.0.0/0 a\n", "10.0.0.0", NULL,
	    0 },
	{ "negated twice", "cidr", "!!10.0.0.0/8 a\n", "10.0.0.0", "a", 1 },
	{ "if, inside", "cidr", "if 10.0.0.0/8\n0.0.0.0/0 a\nendif\n",
	    "10.0.0.1", "a", 2 },
	{ "if, outside", "cidr", "if 10.0.0.0/8\n0.0.0.0/0 a\nendif\n",
	    "11.0.0.1", NULL, 0 },
	{ "behind endif", "cidr",
	    "if 10.0.0.0/8\n0.0.0.0/0 a\nendif\n0.0.0.0/0 b\n", "11.0.0.1",
	    "b", 4 },
	{ "if, negated", "cidr", "IF !10.0.0.0/8\n0.0.0.0/0 a\nENDIF\n",
	    "11.0.0.1", "a", 2 },
	{ "if in if", "cidr", "if 10.0.0.0/8\nif !10.1.0.0/16\n"
	    "10.0.0.0/8 a\nendif\n10.0.0.0/8 b\nendif\n", "10.1.0.1", "b",
	    5 },
	{ "if in if, both right", "cidr", "if 10.0.0.0/8\nif !10.1.0.0/16\n"
	    "!10.2.0.0/16 a\nendif\n10.0.0.0/8 b\nendif\n", "10.3.0.1", "a",
	    3 },
	{ "if in if, outside of both", "cidr", "if 10.0.0.0/8\n"
	    "if !10.1.0.0/16\n0.0.0.0/0 a\nendif\nendif\n", "11.0.0.1",
	    NULL, 0 },
	{ "if of the other family", "cidr", "if ::/0\n0.0.0.0/0 a\nendif\n",
	    "10.0.0.1", NULL, 0 },
	{ "IPv6", "cidr", "2001:db8::/32 a\n", "2001:db8:ffff::1", "a", 1 },
	{ "IPv6 in brackets", "cidr", "[2001:db8::]/32 a\n", "2001:DB8::1",
	    "a", 1 },
	{ "IPv6 and length in brackets", "cidr", "[2001:db8::/32] a\n",
	    "2001:db8::1", "a", 1 },
	{ "negated IPv6", "cidr", "!2001:db8::/32 a\n", "2001:db9::", "a", 1 },
	{ "mapped IPv4 is IPv6", "cidr", "10.0.0.0/8 a\n::ffff:0:0/96 b\n",
	    "::ffff:10.0.0.1", "b", 2 },
	{ "a bad key: octet", "cidr", "0.0.0.0/0 a\n", "10.0.0.256", NULL, 0 },
	{ "a bad key: zero", "cidr", "0.0.0.0/0 a\n", "10.0.0.01", NULL, 0 },
	{ "a bad key: short", "cidr", "0.0.0.0/0 a\n", "10.0.0", NULL, 0 },
	{ "a bad key: dot", "cidr", "0.0.0.0/0 a\n", "10.0.0.", NULL, 0 },
	{ "a bad key: text", "cidr", "0.0.0.0/0 a\n", "10.0.0.1 ", NULL, 0 },
	{ "a bad key: none", "cidr", "0.0.0.0/0 a\n::/0 b\n", "", NULL, 0 },
	{ "a bad key: name", "cidr", "::/0 a\n", "example", NULL, 0 },
	{ "words in the result", "cidr", "::/0 a  b \n", "::", "a  b", 1 },
	/* regexp. */
	{ "any case by default", "regexp", "/^ABC$/ x\n", "abc", "x", 1 },
	{ "flag i", "regexp", "/^ABC$/i x\n", "abc", NULL, 0 },
	{ "flag x: basic", "regexp", "/^a+$/x x\n", "a+", "x", 1 },
	{ "flag m", "regexp", "/^b$/m x\n", "a\nb", "x", 1 },
	{ "no flag m", "regexp", "/^b$/ x\n", "a\nb", NULL, 0 },
	{ "flags twice", "regexp", "/^ABC$/ii x\n", "abc", "x", 1 },
	{ "another delimiter", "regexp", "%^/a% x\n", "/a", "x", 1 },
	{ "an escaped delimiter", "regexp", "/a\\/b/ x\n", "a/b", "x", 1 },
	{ "negated", "regexp", "!/a/ x\n", "b", "x", 1 },
	{ "negated, match", "regexp", "!/a/ x\n", "a", NULL, 0 },
	{ "but not", "regexp", "/a/!/b/ x\n", "ab", NULL, 0 },
	{ "but not: right", "regexp", "/a/!/b/ x\n", "ac", "x", 1 },
	{ "and also", "regexp", "/a/!!/b/ x\n", "ab", "x", 1 },
	{ "groups", "regexp", "/(.)(.)/ $2$1 ${2} $(1) $$1\n", "ab",
	    "ba b a $1", 1 },
	{ "a group that took no part", "regexp", "/a(b)?/ <$1>\n", "ac", "<>",
	    1 },
	{ "keys are not folded", "regexp", "/(.*)/ $1\n", "Ab", "Ab", 1 },
	{ "the empty key", "regexp", "/^$/ x\n", "", "x", 1 },
	{ "no result is an empty result", "regexp", "/a/\n", "a", "", 1 },
	{ "if and endif", "regexp", "if /a/\n/b/ x\nendif\n/b/ y\n", "b", "y",
	    4 },
	{ "if, inside", "regexp", "if /a/\n/b/ x\nendif\n/b/ y\n", "ab", "x",
	    2 },
	{ "if in a failed if", "regexp",
	    "if /a/\nif /b/\n/./ x\nendif\n/./ y\nendif\n/./ z\n", "b", "z",
	    7 },
	{ "if negated", "regexp", "if !/a/\n/b/ x\nendif\n", "b", "x", 2 },
	/* pcre. */
	{ "pcre: any case", "pcre", "/^ABC$/ x\n", "abc", "x", 1 },
	{ "pcre: flag i", "pcre", "/^ABC$/i x\n", "abc", NULL, 0 },
	{ "pcre: dot and newline", "pcre", "/a.b/ x\n", "a\nb", "x", 1 },
	{ "pcre: flag s", "pcre", "/a.b/s x\n", "a\nb", NULL, 0 },
	{ "pcre: flag m", "pcre", "/^b$/m x\n", "a\nb", "x", 1 },
	{ "pcre: flag x", "pcre", "/a b/x x\n", "ab", "x", 1 },
	{ "pcre: flag A", "pcre", "/b/A x\n", "ab", NULL, 0 },
	{ "pcre: flag E", "pcre", "/a$/E x\n", "a\n", NULL, 0 },
	{ "pcre: no flag E", "pcre", "/a$/ x\n", "a\n", "x", 1 },
	{ "pcre: flag U", "pcre", "/(a+)/U $1\n", "aa", "a", 1 },
	{ "pcre: flag X is nothing", "pcre", "/a/X x\n", "a", "x", 1 },
	{ "pcre: groups", "pcre", "/(.)(.)(z)?/ $2$1$3.\n", "ab", "ba.", 1 },
	{ "pcre: a group behind those wanted", "pcre", "/(.)(.)(.)/ $1\n",
	    "abc", "a", 1 },
	{ "pcre: back-reference", "pcre", "/^(.)\\1$/ x\n", "aa", "x", 1 },
	{ "pcre: if", "pcre", "if !/a/\n/b/ x\nendif\n/b/ y\n", "ab", "y",
	    4 },
	{ "pcre: half a character in the result", "pcre", "/(.).$/ $1\n",
	    "a\xc3\xa9", "?", 0 },
};

START_TEST(test_files)
{
	const struct file_row	*row = &file_rows[_i];
	enum table_result	 want;
	struct table		*table;
	struct err		 err;

	table = open_text(row->type, row->text, &err);
	ck_assert_msg(table != NULL, "%s: %s", row->name, err.text);
	want = row->want == NULL ? TABLE_NOT_FOUND :
	    strcmp(row->want, "?") == 0 ? TABLE_CANNOT_TELL : TABLE_FOUND;
	check_row(row->name, table, span_of(row->key), want, row->want,
	    row->line);
	ck_assert_uint_gt(table_memory(table), 0);
	table_free(table);
}
END_TEST

static const struct spec_row {
	const char	*name, *spec, *key, *want;
	unsigned	 line;
} spec_rows[] = {
	{ "static", "static:a", "x", "a", 0 },
	{ "static with a colon", "static:a:b", "x", "a:b", 0 },
	{ "static in braces", "static:{ a b }", "x", "a b", 0 },
	{ "static, bad key", "static:a", "\xff", NULL, 0 },
	{ "static, overlong key", "static:a", "\xc0\x80", NULL, 0 },
	{ "static, overlong key of three", "static:a", "\xe0\x80\x80", NULL,
	    0 },
	{ "static, surrogate key", "static:a", "\xed\xa0\x80", NULL, 0 },
	{ "static, half a character", "static:a", "abcdefgh\xe2\x82", NULL,
	    0 },
	{ "static, a long way up", "static:a", "\xf4\x8f\xbf\xbf", "a", 0 },
	{ "static, too far up", "static:a", "\xf4\x90\x80\x80", NULL, 0 },
	{ "inline", "inline:{a=b, c=d}", "c", "d", 2 },
	{ "inline, blanks", "inline:{ {A = b c} x=y }", "a", "b c", 1 },
	{ "inline, the last one counts", "inline:{a=b, A=c}", "a", "c", 2 },
	{ "inline, empty value", "inline:{a=}", "a", "", 1 },
	{ "inline, braces in the value", "inline:{{a={b}}}", "a", "{b}", 1 },
	{ "inline, quoted key", "inline:{{\"a b\"=c}}", "\"a b\"", "c", 1 },
	{ "inline, none", "inline:{a=b}", "b", NULL, 0 },
	{ "cidr in braces", "cidr:{{10.0.0.0/8 a}, {if 11.0.0.0/8}, "
	    "{11.0.0.1 b}, {endif}}", "11.0.0.1", "b", 3 },
	{ "cidr, nothing in braces", "cidr:{}", "11.0.0.1", NULL, 0 },
	{ "regexp in braces", "regexp:{{/^(a{2})$/ <$1>}}", "aa", "<aa>", 1 },
	{ "pcre in braces", "pcre:{ {/b/ 1},{/a/ 2} }", "a", "2", 2 },
	{ "union", "union:{inline:{a=1}, inline:{b=2}, inline:{{a=3}}}", "a",
	    "1,3", 1 },
	{ "union, Postfix's name", "unionmap:{static:a}", "x", "a", 0 },
	{ "union, the second alone", "union:{inline:{a=1}, inline:{x=0,b=2}}",
	    "b", "2", 2 },
	{ "union, none", "union:{inline:{a=1}}", "b", NULL, 0 },
	{ "union, nothing but empty", "union:{inline:{a=}}", "a", NULL, 0 },
	{ "union, empty and not", "union:{inline:{a=}, static:x}", "a", "x",
	    0 },
	{ "union folds by its first table",
	    "union:{static:a, regexp:{{/(.*)/ $1}}}", "AB", "a,ab", 0 },
	{ "union does not fold by its first table",
	    "union:{regexp:{{/(.*)/ $1}}, static:a}", "AB", "AB,a", 1 },
	{ "union cannot tell", "union:{static:a, pcre:{{/^(a+)+$/ x}}}",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "?", 0 },
	{ "pipemap", "pipemap:{inline:{a=b}, inline:{b=c}}", "a", "c", 1 },
	{ "pipemap stops", "pipemap:{inline:{a=b}, inline:{x=c}, static:y}",
	    "a", NULL, 0 },
	{ "pipemap stops at once", "pipemap:{inline:{a=b}, static:c}", "x",
	    NULL, 0 },
	{ "pipemap of three", "pipemap:{static:a, regexp:{{/(.)/ ${1}b}}, "
	    "inline:{ab=z}}", "q", "z", 1 },
	{ "pipemap cannot tell", "pipemap:{static:" "aaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaa!, pcre:{{/^(a+)+$/ x}}, static:a}", "x", "?", 0 },
	{ "one in another", "pipemap:{union:{static:a, pipemap:{static:b}}, "
	    "inline:{{\"a,b\"=no}, {a,b=yes}}}", "x", "yes", 2 },
};

START_TEST(test_specs)
{
	const struct spec_row	*row = &spec_rows[_i];
	enum table_result	 want;
	struct table		*table;
	struct err		 err;

	table = open_at_edge(row->spec, &err);
	ck_assert_msg(table != NULL, "%s: %s", row->name, err.text);
	ck_assert_str_eq(table_spec(table), row->spec);
	want = row->want == NULL ? TABLE_NOT_FOUND :
	    strcmp(row->want, "?") == 0 ? TABLE_CANNOT_TELL : TABLE_FOUND;
	check_row(row->name, table, span_of(row->key), want, row->want,
	    row->line);
	ck_assert_uint_gt(table_memory(table), 0);
	table_free(table);
}
END_TEST

static const struct bad_row {
	const char	*type, *text, *want;	/* a part of the message */
} bad_files[] = {
	{ "cidr", "10.0.0.0/8 a\n10.0.0.1/8 b\n",
	    "/table:2: \"10.0.0.1/8\" has bits set behind its prefix: "
	    "expected 10.0.0.0/8" },
	{ "cidr", "2001:db8::1/32 b\n", "expected 2001:db8::/32" },
	{ "cidr", "10.0.0.0/8\n", ":1: expected a result" },
	{ "cidr", "10.0.0.0/33 a\n", ":1: \"10.0.0.0/33\"" },
	{ "cidr", "::/129 a\n", "0 to 128" },
	{ "cidr", "10.0.0.0/ a\n", "0 to 32" },
	{ "cidr", "10.0.0.0/99999999999999999999 a\n", "0 to 32" },
	{ "cidr", "10.0.0.0/+8 a\n", "0 to 32" },
	{ "cidr", "10.0.0/8 a\n", "no address" },
	{ "cidr", "[10.0.0.0/8 a\n", "brackets" },
	{ "cidr", "[10.0.0.0]8 a\n", "brackets" },
	{ "cidr", "!\n", ":1: expected an address" },
	{ "cidr", "if\n", ":1: expected an address" },
	{ "cidr", "if 10.0.0.0/8\n\n\n10.0.0.1 a\n", ":1: \"if\" without" },
	{ "cidr", "if ::/0\nif ::/0\nendif\n", ":1: \"if\" without" },
	{ "cidr", "# c\nendif\n", ":2: \"endif\" without" },
	{ "cidr", "if ::/0\nendif a\n", ":2: text behind" },
	{ "cidr", "if10.0.0.0/8\n10.0.0.1 a\nendif\n",
	    ":1: \"if10.0.0.0/8\" is no address" },
	{ "cidr", " ::/0 a\n", ":1: white space" },
	{ "regexp", "/a/q x\n", ":1: unknown flag \"q\"" },
	{ "regexp", "/a x\n", ":1: the pattern has no closing \"/\"" },
	{ "regexp", "/a\\", ":1: the pattern has no closing" },
	{ "regexp", "/(a/ x\n", ":1: " },
	{ "regexp", "/(a)\\1/ x\n", ":1: back-references" },
	{ "regexp", "/a/!\n", ":1: expected a pattern" },
	{ "regexp", "/a/!/b/q x\n", "unknown flag" },
	{ "regexp", "/(a)/ $2\n", ":1: the result says $2" },
	{ "regexp", "/(a)/ $0\n", ":1: \"$0\"" },
	{ "regexp", "/(a)/ $100\n", ":1: \"$100\"" },
	{ "regexp", "/(a)/ $1a\n", ":1: \"$1a\"" },
	{ "regexp", "/(a)/ ${1\n", "not closed" },
	{ "regexp", "/(a)/ $\n", ":1: \"$\"" },
	{ "regexp", "!/(a)/ $1\n", ":1: a negated pattern" },
	{ "regexp", "if /a/\n /b/ x\nendif\n", ":1: text behind \"if\"" },
	{ "regexp", "if /a/!/b/\nendif\n", ":1: text behind \"if\"" },
	{ "regexp", "if /a/\n/b/ x\nendif y\n", ":3: text behind \"endif\"" },
	{ "regexp", "if /a/\n/b/ x\n", ":1: \"if\" without" },
	{ "regexp", "/b/ x\nendif\n", ":2: \"endif\" without" },
	{ "regexp", "a b\n", ":1: expected a pattern" },
	{ "regexp", "ifx /a/\n", ":1: expected a pattern" },
	{ "pcre", "/a/!/b/ x\n", "unknown flag \"!\"" },
	{ "pcre", "/(?<a/ x\n", ":1: " },
	{ "pcre", "if /a/\n", ":1: \"if\" without" },
	{ "texthash", "a b\nc\n", ":2: expected a key" },
	{ "texthash", "\"a b\n", ":1: a double quote" },
	{ "texthash", "a b\nb c\nA d\n", ":3: duplicate key \"a\"" },
	{ "texthash", "a \xff\n", ":1: the line is not UTF-8" },
	{ "none", "a b\n", "no such type" },
};

START_TEST(test_bad_files)
{
	const struct bad_row	*row = &bad_files[_i];
	struct table		*table;
	struct err		 err;

	table = open_text(row->type, row->text, &err);
	ck_assert_msg(table == NULL, "%s, \"%s\": opened", row->type,
	    row->text);
	ck_assert_msg(strstr(err.text, row->want) != NULL,
	    "%s, \"%s\": got \"%s\", want \"%s\"", row->type, row->text,
	    err.text, row->want);
}
END_TEST

static const struct bad_spec {
	const char	*spec, *want;
} bad_specs[] = {
	{ "", "expected type:name" },
	{ "static", "expected type:name" },
	{ "static:", "expected type:name" },
	{ ":a", "expected type:name" },
	{ "Static:a", "no such type" },
	{ "static:{a", "\"}\" is missing" },
	{ "static:{a}b", "text after" },
	{ "inline:a", "expected \"{\"" },
	{ "inline:{}", "expected {name=value" },
	{ "inline:{a}", "\"=\" is missing" },
	{ "inline:{=a}", "a name is missing" },
	{ "inline:{{}}", "expected name=value" },
	{ "inline:{\"a=b}", "double quote" },
	{ "inline:{a=\xff}", "UTF-8" },
	{ "cidr:{1.2.3.4 a}", "expected \"{\"" },
	{ "cidr:{{1.2.3.4 a}", "expected {{rule}" },
	{ "cidr:{{1.2.3.4 a}, {1.2.3 b}}", ":2: " },
	{ "union:{}", "expected {type:name" },
	{ "union:a", "expected \"{\"" },
	{ "union:{static:a, b}", "expected type:name" },
	{ "pipemap:{static:a, cidr:{{a b}}}", ":1: " },
	{ "texthash:/nonexistent/x", "/nonexistent/x: No such file" },
	{ "lmdb:/nonexistent/x", "/nonexistent/x.lmdb: No such file" },
	{ "cidr:/", "/: Is a directory" },
};

START_TEST(test_bad_specs)
{
	const struct bad_spec	*row = &bad_specs[_i];
	struct table		*table;
	struct err		 err;

	table = open_at_edge(row->spec, &err);
	ck_assert_msg(table == NULL, "\"%s\": opened", row->spec);
	ck_assert_msg(strstr(err.text, row->want) != NULL,
	    "\"%s\": got \"%s\", want \"%s\"", row->spec, err.text, row->want);
}
END_TEST

START_TEST(test_nul)
{
	static const char	 key[] = "a\0b";
	struct table		*table;
	struct err		 err;
	int			 i;
	static const char	*const specs[] = { "static:a", "inline:{a=b}",
	    "regexp:{{/./ x}}", "pcre:{{/./ x}}", "cidr:{{::/0 a}}",
	    "union:{static:a}" };

	for (i = 0; i < NELEM(specs); i++) {
		table = table_open(specs[i], &err);
		ck_assert_ptr_nonnull(table);
		check_row(specs[i], table, (struct span){ key, 3 },
		    TABLE_NOT_FOUND, NULL, 0);
		table_free(table);
	}
	table_free(NULL);
}
END_TEST

/* Rules may be, lines on which others depend may not. */
START_TEST(test_bad_lines_that_are_passed_over)
{
	static const char	 bad_rule[] = "nonsense a\n10.0.0.1 b\n";
	static const char	 bad_if[] = "if nonsense\n10.0.0.1 b\nendif\n";
	struct table_skips	 skips = { .is_lenient = true };
	const struct table_how	 how = { .skips = &skips };
	struct table		*table;
	struct err		 err;
	char			 spec[120];

	snprintf(spec, sizeof(spec), "cidr:%s/lenient", dir);
	write_file("lenient", bad_rule, strlen(bad_rule));
	table = table_open_from(spec, &how, &err);
	ck_assert_ptr_nonnull(table);
	ck_assert_uint_eq(skips.n, 1);
	table_free(table);
	write_file("lenient", bad_if, strlen(bad_if));
	ck_assert_ptr_null(table_open_from(spec, &how, &err));
	ck_assert_ptr_nonnull(strstr(err.text, ":1: "));
}
END_TEST

START_TEST(test_nul_in_file)
{
	char		 spec[120];
	struct err	 err;

	write_file("nul", "a b\nc\0d e\n", 10);
	snprintf(spec, sizeof(spec), "texthash:%s/nul", dir);
	ck_assert_ptr_null(table_open(spec, &err));
	ck_assert_msg(strstr(err.text, "/nul:2: the line holds a NUL") != NULL,
	    "%s", err.text);
}
END_TEST

START_TEST(test_nested_too_deeply)
{
	char		 spec[1000] = "";
	struct table	*table;
	struct err	 err;
	int		 i;

	for (i = 0; i < 16; i++)
		strcat(spec, "union:{");
	strcat(spec, "static:a");
	for (i = 0; i < 16; i++)
		strcat(spec, "}");
	table = table_open(spec, &err);
	ck_assert_msg(table != NULL, "%s", err.text);
	check_row("16 levels", table, span_of("x"), TABLE_FOUND, "a", 0);
	table_free(table);
	memmove(spec + 7, spec, strlen(spec) + 1);
	memcpy(spec, "union:{", 7);
	strcat(spec, "}");
	ck_assert_ptr_null(table_open(spec, &err));
	ck_assert_msg(strstr(err.text, "nested too deeply") != NULL, "%s",
	    err.text);
}
END_TEST

/* A result of exactly the greatest length, and one byte more. */
START_TEST(test_long_results)
{
	size_t			 n = TABLE_VALUE_MAX;
	char			*spec = malloc(n + 20);
	struct table_answer	 res = { 0 };
	struct table		*table;
	struct err		 err;

	memcpy(spec, "static:", 7);
	memset(spec + 7, 'a', n + 1);
	spec[7 + n] = '\0';
	table = table_open(spec, &err);
	ck_assert_int_eq(table_find(table, span_of("x"), &res), TABLE_FOUND);
	ck_assert_uint_eq(res.len, n);
	table_free(table);
	memcpy(spec + 7 + n, "a", 2);
	table = table_open(spec, &err);
	ck_assert_int_eq(table_find(table, span_of("x"), &res),
	    TABLE_CANNOT_TELL);
	ck_assert_str_eq(res.err.text, "the result is too long");
	table_free(table);
	table_answer_clear(&res);
	free(spec);
}
END_TEST

/* What a result that was reused must not keep, and long keys for folding. */
START_TEST(test_reused_result)
{
	struct table_answer	 res = { 0 };
	struct table		*table;
	struct err		 err;
	char			 key[1000];

	table = table_open("inline:{a=123456789, b=1}", &err);
	ck_assert_int_eq(table_find(table, span_of("a"), &res), TABLE_FOUND);
	ck_assert_int_eq(table_find(table, span_of("b"), &res), TABLE_FOUND);
	ck_assert_str_eq(res.value, "1");
	ck_assert_uint_eq(res.len, 1);
	memset(key, 'a', sizeof(key));
	ck_assert_int_eq(table_find(table, (struct span){ key, sizeof(key) },
	    &res), TABLE_NOT_FOUND);
	table_free(table);
	table_answer_clear(&res);
	ck_assert_ptr_null(res.value);
}
END_TEST

static const struct limit_row {
	const char	*name, *spec;
	char		 fill, last;
	size_t		 len;
	enum table_result want;
	const char	*says;
} limit_rows[] = {
	{ "the longest key", "regexp:{{/^a*$/ x}}", 'a', 'a', 2048,
	    TABLE_FOUND, NULL },
	{ "longer", "regexp:{{/^a*$/ x}}", 'a', 'a', 2049, TABLE_CANNOT_TELL,
	    "too long" },
	{ "the longest key, pcre", "pcre:{{/^(a|b)*$/ x}}", 'a', 'a', 2048,
	    TABLE_FOUND, NULL },
	{ "longer, pcre", "pcre:{{/^a*$/ x}}", 'a', 'a', 2049,
	    TABLE_CANNOT_TELL, "too long" },
	{ "plain patterns pass", "pcre:{{/a.*b.*c|a.*d/ 1}, {/^.*x.*y/ 2}}",
	    'a', 'a', 2048, TABLE_NOT_FOUND, NULL },
	{ "backtracking", "pcre:{{/b/ 1},{/^(A+)+!$/ x},{/b/ 2}}", 'A', '!',
	    40, TABLE_FOUND, NULL },
	{ "too much backtracking", "pcre:{{/b/ 1},{/^(A+)+$/ x},{/a/ 2}}",
	    'A', '!', 40, TABLE_CANNOT_TELL, ":2: " },
	{ "less, but too much", "pcre:{{/^(A+)+$/ x}}", 'A', '!', 19,
	    TABLE_CANNOT_TELL, ":1: " },
	{ "too much backtracking in if",
	    "pcre:{{if /^(A+)+$/},{endif},{/a/ 2}}", 'A', '!', 40,
	    TABLE_CANNOT_TELL, ":1: " },
	{ "too much backtracking, negated", "pcre:{{!/^(A+)+$/ x}}", 'A', '!',
	    40, TABLE_CANNOT_TELL, ":1: " },
};

START_TEST(test_limits)
{
	const struct limit_row	*row = &limit_rows[_i];
	struct table_answer	 res = { 0 };
	enum table_result	 got;
	struct table		*table;
	struct err		 err;
	char			 key[2049];

	memset(key, row->fill, sizeof(key));
	key[row->len - 1] = row->last;
	table = table_open(row->spec, &err);
	ck_assert_msg(table != NULL, "%s: %s", row->name, err.text);
	got = find_at_edge(table, (struct span){ key, row->len }, &res);
	ck_assert_msg(got == row->want, "%s: got %s, want %s (%s)", row->name,
	    status_names[got], status_names[row->want],
	    got == TABLE_CANNOT_TELL ? res.err.text : "");
	if (row->says != NULL)
		ck_assert_msg(strstr(res.err.text, row->says) != NULL,
		    "%s: %s", row->name, res.err.text);
	table_free(table);
	table_answer_clear(&res);
}
END_TEST

/* ---- many rules, many addresses */

#define NMANY	3000

static const struct many_row {
	const char	*type, *line, *key;	/* formats of two numbers */
} many_rows[] = {
	{ "texthash", "k%d.%d ", "k%d.%d" },
	{ "cidr", "10.0.%d.%d ", "10.0.%d.%d" },
	{ "cidr", "2001:db8:%d::%d/128 ", "2001:db8:%d::%d" },
	{ "regexp", "/^%d %d$/ ", "%d %d" },
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
START_TEST(test_many_rules)
{
	const struct many_row	*row = &many_rows[_i];
	char			 path[100], key[120], value[20];
	struct table		*table;
	struct err		 err;
	FILE			*f;
	int			 i;

	snprintf(path, sizeof(path), "%s/many", dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	for (i = 0; i < NMANY; i++) {
		fprintf(f, row->line, i / 200, i % 200);
		fprintf(f, "value%d\n", i);
	}
	fclose(f);
	snprintf(key, sizeof(key), "%s:%s", row->type, path);
	table = table_open(key, &err);
	ck_assert_msg(table != NULL, "%s", err.text);
	for (i = 0; i < NMANY; i++) {
		snprintf(key, sizeof(key), row->key, i / 200, i % 200);
		snprintf(value, sizeof(value), "value%d", i);
		check_row(key, table, span_of(key), TABLE_FOUND, value,
		    (unsigned)i + 1);
	}
	table_free(table);
}
END_TEST
#pragma GCC diagnostic pop

/* What is an address to inet_pton() is one to a table, and nothing else. */
static void
check_address(const struct table *table, const char *text)
{
	uint8_t		 bytes[16];
	const char	*want = NULL;

	if (inet_pton(AF_INET, text, bytes) == 1)
		want = "four";
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		want = "six";
	check_row(text, table, span_of(text),
	    want == NULL ? TABLE_NOT_FOUND : TABLE_FOUND, want,
	    want != NULL && strcmp(want, "six") == 0 ? 2 : 1);
}

static const char	*const addresses[] = {
	"::", ":", ":::", "1::", "::1", ":1::", "1:", "1", "::1:", "1::2::3",
	"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
	"1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8::",
	"::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "1:2:3:4:5:6:1.2.3.4",
	"1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:1.2.3.4", "::1.2.3.4",
	"1::1.2.3.4", "1.2.3.4::", "::1.2.3.4:5", "::1.2.3", "::1.2.3.4.5",
	"::01.2.3.4", "::1.2.3.256", "::.1.2.3", "12345::", "::12345",
	"01234::", "0000::", "::00001", "::g", "::G", "ABCD:EFab::", "1:::2",
	"::1%lo", " ::1", "::1 ", "[::1]", "1.2.3.4", "1.2.3", "1.2.3.4.",
	".1.2.3.4", "1..2.3", "1.2.3.04", "0.0.0.0", "00.0.0.0", "1.2.3.-4",
	"256.1.1.1", "1.2.3.1000", "0x1.2.3.4", "1.2.3.4/32", "",
	"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
	"0000:0000:0000:0000:0000:0000:255.255.255.2555",
};

START_TEST(test_addresses)
{
	static const char	 letters[] = "0123456789abcdefF:::.. g";
	struct table		*table;
	struct err		 err;
	char			 text[48];
	size_t			 n, at;
	int			 i, changes;

	table = table_open("cidr:{{0.0.0.0/0 four}, {::/0 six}}", &err);
	ck_assert_ptr_nonnull(table);
	for (i = 0; i < NELEM(addresses); i++)
		check_address(table, addresses[i]);
	/* And those with a few letters changed, taken away or added. */
	srandom(1);
	for (i = 0; i < 60000; i++) {
		snprintf(text, 47, "%s", addresses[i % NELEM(addresses)]);
		for (changes = 0; changes < 1 + i % 3; changes++) {
			n = strlen(text);
			at = (size_t)random() % (n + 1);
			if (random() % 3 > 0 && n < 46)
				memmove(text + at + 1, text + at, n - at + 1);
			else if (n == at)
				continue;
			text[at] = letters[(size_t)random() %
			    (sizeof(letters) - 1)];
		}
		check_address(table, text);
	}
	table_free(table);
}
END_TEST

/* One address has many texts. */
START_TEST(test_same_address)
{
	static const char	*const same[] = { "2001:db8:0:0:1:0:0:a00",
	    "2001:db8::1:0:0:a00", "2001:DB8:0:0:1::A00",
	    "2001:0db8:0000:0000:0001:0000:0000:0a00",
	    "2001:db8::1:0:0.0.10.0", "2001:db8:0:0:1:0:0.0.10.0" };
	struct table		*table;
	struct err		 err;
	char			 spec[100];
	int			 i, j;

	for (i = 0; i < NELEM(same); i++) {
		snprintf(spec, sizeof(spec), "cidr:{{%s x}}", same[i]);
		table = table_open(spec, &err);
		ck_assert_msg(table != NULL, "%s", err.text);
		for (j = 0; j < NELEM(same); j++)
			check_row(same[j], table, span_of(same[j]),
			    TABLE_FOUND, "x", 1);
		check_row("another", table, span_of("2001:db8::1:0:0:a01"),
		    TABLE_NOT_FOUND, NULL, 0);
		table_free(table);
	}
}
END_TEST

/* ---- threads */

#define NTHREADS	12
#define NFINDS		400

static void *
ask_often(void *p)
{
	const struct table	*table = p;
	struct table_answer	 res = { 0 };
	char			 key[40], want[40];
	uintptr_t		 wrong = 0;
	int			 i;

	for (i = 0; i < NFINDS; i++) {
		snprintf(key, sizeof(key), "k%d-%d", i, i * 7);
		snprintf(want, sizeof(want), "%d/%d", i * 7, i);
		if (table_find(table, span_of(key), &res) != TABLE_FOUND ||
		    strcmp(res.value, want) != 0)
			wrong++;
	}
	table_answer_clear(&res);
	return (void *)wrong;
}

static const char	*const thread_specs[] = {
	"pcre:{{/^k(\\d+)-(\\d+)$/ $2/$1}}",
	"regexp:{{/^k([0-9]+)-([0-9]+)$/ $2/$1}}",
	"pipemap:{pcre:{{/(.*)/ $1}}, pcre:{{/^k(\\d+)-(\\d+)$/ $2/$1}}}",
};

START_TEST(test_threads)
{
	pthread_t	 thread[NTHREADS];
	struct table	*table;
	struct err	 err;
	void		*wrong;
	int		 i;

	table = table_open(thread_specs[_i], &err);
	ck_assert_msg(table != NULL, "%s", err.text);
	for (i = 0; i < NTHREADS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, ask_often,
		    table), 0);
	for (i = 0; i < NTHREADS; i++) {
		pthread_join(thread[i], &wrong);
		ck_assert_msg(wrong == NULL, "%s: %zu wrong answers",
		    thread_specs[_i], (size_t)(uintptr_t)wrong);
	}
	table_free(table);
}
END_TEST

/* text: a file's; want: "value@line" of each, with '|' behind it. */
static const struct value_row {
	const char	*name, *type, *text, *want;
} value_rows[] = {
	{ "texthash", "texthash", "a b\n\nc d\n e\n", "b@1|d e@3|" },
	{ "texthash, empty", "texthash", "", "" },
	{ "cidr", "cidr", "10.0.0.0/8 a b\nif 10.0.0.0/8\n10.1.0.0/16 c\n"
	    "endif\n::/0 a b\n!::/0 cc\n", "a b@1|c@3|cc@6|" },
	{ "cidr, one after another", "cidr", "10.0.0.0/8 a\n"
	    "10.0.0.0/8 b\n10.0.0.0/8 b\n", "a@1|b@2|" },
	{ "cidr, empty", "cidr", "", "" },
	{ "regexp", "regexp", "/a/ x $$1\nif /b/\n!/c/ y\nendif\n/(d)/ z\n",
	    "x $1@1|y@3|z@5|" },
	{ "regexp with numbers", "regexp", "/(a)/ x$1\n/(b)/ y\n/(c)/ $1\n",
	    "y@2|" },
	{ "regexp, empty result", "regexp", "/a/\n", "@1|" },
	{ "pcre", "pcre", "/(a)/ x ${1}\n/b/ y\n", "y@2|" },
};

static const struct value_spec_row {
	const char	*name, *spec, *want;
} value_spec_rows[] = {
	{ "inline", "inline:{a=b, {c = d e}}", "b@1|d e@2|" },
	{ "inline, the last counts", "inline:{a=b, a=c}", "c@2|" },
	{ "static", "static:{ a b }", "a b@0|" },
	{ "cidr within", "cidr:{{10.0.0.0/8 a}, {::/0 b}}", "a@1|b@2|" },
	{ "pipemap", "pipemap:{inline:{a=b}, inline:{b=c, d=e}}",
	    "c@1|e@2|" },
	{ "union of one", "union:{static:a}", "a@0|" },
	{ "union of more", "union:{static:a, static:b}", "" },
	{ "union at the end of a pipemap",
	    "pipemap:{static:a, union:{static:b, static:c}}", "" },
};

START_TEST(test_values)
{
	const struct value_row	*r = &value_rows[_i];
	struct err		 err;

	check_values(r->name, open_text(r->type, r->text, &err), r->want);
}
END_TEST

START_TEST(test_values_of_specs)
{
	const struct value_spec_row	*r = &value_spec_rows[_i];
	struct err			 err;

	check_values(r->name, open_at_edge(r->spec, &err), r->want);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("table");
	int	 result;

	tempdir_make(dir);
	tcase_add_loop_test(tc, test_files, 0, NELEM(file_rows));
	tcase_add_loop_test(tc, test_specs, 0, NELEM(spec_rows));
	tcase_add_loop_test(tc, test_bad_files, 0, NELEM(bad_files));
	tcase_add_loop_test(tc, test_bad_specs, 0, NELEM(bad_specs));
	tcase_add_test(tc, test_nul);
	tcase_add_test(tc, test_bad_lines_that_are_passed_over);
	tcase_add_test(tc, test_nul_in_file);
	tcase_add_test(tc, test_nested_too_deeply);
	tcase_add_test(tc, test_long_results);
	tcase_add_test(tc, test_reused_result);
	tcase_add_loop_test(tc, test_limits, 0, NELEM(limit_rows));
	tcase_add_loop_test(tc, test_many_rules, 0, NELEM(many_rows));
	tcase_add_test(tc, test_addresses);
	tcase_add_test(tc, test_same_address);
	tcase_add_loop_test(tc, test_threads, 0, NELEM(thread_specs));
	tcase_add_loop_test(tc, test_values, 0, NELEM(value_rows));
	tcase_add_loop_test(tc, test_values_of_specs, 0,
	    NELEM(value_spec_rows));
	result = runner_run("table", tc);
	tempdir_remove(dir);
	return result;
}
