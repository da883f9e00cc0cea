/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_command_test: what is a line, what is in it, and what is refused
 * because another server might read it otherwise.
 */
#include "base/smtp_command.h"

#include <stdio.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define MAX_LINE	16
#define BYTES(s)	{ s, sizeof(s) - 1 }

static const struct row {
	const char		*name;
	struct span		 in;
	enum smtp_line_result	 want;
	const char		*want_text;
	bool			 want_bare;
	size_t			 want_used;
} rows[] = {
	{ "line", BYTES("NOOP\r\n"), SMTP_LINE_DONE, "NOOP", false, 6 },
	{ "bare LF", BYTES("NOOP\n"), SMTP_LINE_DONE, "NOOP", true, 5 },
	{ "empty line", BYTES("\r\n"), SMTP_LINE_DONE, "", false, 2 },
	{ "LF alone", BYTES("\n"), SMTP_LINE_DONE, "", true, 1 },
	{ "another behind it", BYTES("RSET\r\nQUIT\r\n"), SMTP_LINE_DONE,
	    "RSET", false, 6 },
	{ "another behind a bare LF", BYTES("RSET\nQUIT\r\n"), SMTP_LINE_DONE,
	    "RSET", true, 5 },
	{ "NUL behind it", BYTES("RSET\r\n\0\r\n"), SMTP_LINE_DONE, "RSET",
	    false, 6 },
	{ "TAB", BYTES("A\tB\r\n"), SMTP_LINE_DONE, "A\tB", false, 5 },
	{ "8-bit", BYTES("\xc3\xa4\xff\r\n"), SMTP_LINE_DONE, "\xc3\xa4\xff",
	    false, 5 },
	{ "as long as allowed", BYTES("0123456789abcd\r\n"), SMTP_LINE_DONE,
	    "0123456789abcd", false, 16 },
	{ "as long as allowed, bare LF", BYTES("0123456789abcde\n"),
	    SMTP_LINE_DONE, "0123456789abcde", true, 16 },
	{ "nothing yet", BYTES(""), SMTP_LINE_MORE, NULL, false, 0 },
	{ "no end", BYTES("NOOP"), SMTP_LINE_MORE, NULL, false, 0 },
	{ "half an end", BYTES("NOOP\r"), SMTP_LINE_MORE, NULL, false, 0 },
	{ "NUL, no end", BYTES("NO\0P"), SMTP_LINE_MORE, NULL, false, 0 },
	{ "CR inside, no end", BYTES("RSET\rQUIT"), SMTP_LINE_MORE, NULL,
	    false, 0 },
	{ "CR inside", BYTES("RSET\rQUIT\r\n"), SMTP_LINE_BAD, NULL, false,
	    11 },
	{ "CR in front", BYTES("\rQUIT\r\n"), SMTP_LINE_BAD, NULL, false, 7 },
	{ "two CRs", BYTES("QUIT\r\r\n"), SMTP_LINE_BAD, NULL, false, 7 },
	{ "NUL", BYTES("QUIT\0X\r\n"), SMTP_LINE_BAD, NULL, false, 8 },
	{ "NUL at the end", BYTES("QUIT\0\r\n"), SMTP_LINE_BAD, NULL, false,
	    7 },
	{ "NUL, bare LF", BYTES("\0\n"), SMTP_LINE_BAD, NULL, false, 2 },
	{ "vertical tab", BYTES("A\vB\r\n"), SMTP_LINE_BAD, NULL, false, 5 },
	{ "form feed", BYTES("A\fB\r\n"), SMTP_LINE_BAD, NULL, false, 5 },
	{ "escape", BYTES("A\033B\r\n"), SMTP_LINE_BAD, NULL, false, 5 },
	{ "unit separator", BYTES("A\037B\r\n"), SMTP_LINE_BAD, NULL, false,
	    5 },
	{ "DEL", BYTES("A\177B\r\n"), SMTP_LINE_BAD, NULL, false, 5 },
	{ "one octet too long", BYTES("0123456789abcde\r\n"),
	    SMTP_LINE_TOO_LONG, NULL, false, 17 },
	{ "one octet too long, bare LF", BYTES("0123456789abcdef\n"),
	    SMTP_LINE_TOO_LONG, NULL, false, 17 },
	{ "too long and bad", BYTES("0123456789\0bcdefgh\r\n"),
	    SMTP_LINE_TOO_LONG, NULL, false, 20 },
	{ "too long, no end", BYTES("0123456789abcdefgh"),
	    SMTP_LINE_TOO_LONG, NULL, false, 0 },
	{ "too long, half an end", BYTES("0123456789abcde\r"),
	    SMTP_LINE_TOO_LONG, NULL, false, 0 },
	{ "as much as allowed, no end", BYTES("0123456789abcdef"),
	    SMTP_LINE_TOO_LONG, NULL, false, 0 },
	{ "one octet left", BYTES("0123456789abcde"), SMTP_LINE_MORE, NULL,
	    false, 0 },
};

/* A marker that shows whether an out-parameter was written. */
static const char	untouched[] = "untouched";

static void
check_line(const struct row *r, const char *how, struct span in, bool is_whole)
{
	struct smtp_line	 line = { { untouched, 9 }, false };
	size_t			 used = 99, want_used = r->want_used;
	enum smtp_line_result	 got;

	got = smtp_line_find(in.p, in.n, MAX_LINE, &line, &used);
	ck_assert_msg(got == r->want, "%s, %s: got %d, want %d", r->name, how,
	    got, r->want);
	if (got == SMTP_LINE_MORE)
		want_used = 99;
	else if (got == SMTP_LINE_TOO_LONG && !is_whole)
		want_used = 0;
	ck_assert_msg(used == want_used, "%s, %s: used %zu, want %zu", r->name,
	    how, used, want_used);
	if (got != SMTP_LINE_DONE) {
		ck_assert_msg(line.text.p == untouched, "%s, %s: wrote a line",
		    r->name, how);
		return;
	}
	ck_assert_msg(line.text.p == in.p && span_eq(line.text, r->want_text),
	    "%s, %s: got \"%.*s\"", r->name, how, (int)line.text.n,
	    line.text.p);
	ck_assert_msg(line.is_bare_lf == r->want_bare, "%s, %s: bare LF: %d",
	    r->name, how, line.is_bare_lf);
}

START_TEST(line_row)
{
	const struct row	*r = &rows[_i];
	char			*edge = edge_copy(r->in.p, r->in.n);

	check_line(r, "whole", r->in, true);
	check_line(r, "edge", (struct span){ edge, r->in.n }, true);
	edge_free(edge, r->in.n);
}
END_TEST

START_TEST(line_row_bytewise)
{
	const struct row	*r = &rows[_i];
	enum smtp_line_result	 got = SMTP_LINE_MORE;
	struct smtp_line	 line;
	size_t			 used, n;

	for (n = 0; n <= r->in.n && got == SMTP_LINE_MORE; n++)
		got = smtp_line_find(r->in.p, n, MAX_LINE, &line, &used);
	check_line(r, "bytewise", (struct span){ r->in.p, n - 1 }, false);
}
END_TEST

/* A row of text to a text that says what was found in it. */
struct text_row {
	const char	*name, *in, *want;
};

/* want: "VERB|args" */
static const struct text_row command_rows[] = {
	{ "verb alone", "QUIT", "QUIT|" },
	{ "small letters", "quit", "QUIT|" },
	{ "mixed letters", "XcLiEnT ADDR=1", "XCLIENT|ADDR=1" },
	{ "arguments", "MAIL FROM:<> SIZE=1", "MAIL|FROM:<> SIZE=1" },
	{ "blanks around the arguments", "EHLO \t a b\t ", "EHLO|a b" },
	{ "TAB behind the verb", "XCLIENT\tADDR=1", "XCLIENT|ADDR=1" },
	{ "TAB alone behind the verb", "DATA\t", "DATA|" },
	{ "empty", "", "|" },
	{ "blank alone", " ", "|" },
	{ "blank in front", " QUIT", "QUIT|" },
	{ "TAB in front", "\tXCLIENT a", "XCLIENT|a" },
	{ "blanks all around", " \t MAIL \t FROM:<> ", "MAIL|FROM:<>" },
	{ "blanks in front of no verb", "  \t MAILS a", "|a" },
	{ "colon", "XCLIENT: ADDR=1", "|ADDR=1" },
	{ "verb cut short", "XCLIEN ADDR=1", "|ADDR=1" },
	{ "verb goes on", "XCLIENTS ADDR=1", "|ADDR=1" },
	{ "arguments without a blank", "MAIL<>", "|" },
	{ "quotes", "\"XCLIENT\" ADDR=1", "|ADDR=1" },
	{ "backslash", "\\XCLIENT ADDR=1", "|ADDR=1" },
	{ "no-break space", "XCLIENT\xa0" "ADDR=1", "|" },
};

static void
check_text(const struct text_row *r, const char *got)
{
	ck_assert_msg(strcmp(got, r->want) == 0,
	    "%s: got \"%s\", want \"%s\"", r->name, got, r->want);
}

START_TEST(command_row)
{
	const struct text_row	*r = &command_rows[_i];
	size_t			 n = strlen(r->in);
	char			*edge = edge_copy(r->in, n), got[256];
	struct smtp_command	 command;

	command = smtp_command_parse((struct span){ edge, n });
	snprintf(got, sizeof(got), "%s|%.*s", smtp_verb_text(command.verb),
	    (int)command.args.n, command.args.p);
	check_text(r, got);
	edge_free(edge, n);
}
END_TEST

START_TEST(each_verb_is_found)
{
	int	 i;

	for (i = SMTP_UNKNOWN + 1; i < SMTP_VERB_COUNT; i++) {
		const char	*text = smtp_verb_text((enum smtp_verb)i);

		ck_assert_msg(text != NULL && strlen(text) >= 4, "%d", i);
		ck_assert_int_eq(smtp_command_parse(span_of(text)).verb, i);
	}
	ck_assert_str_eq(smtp_verb_text(SMTP_UNKNOWN), "");
}
END_TEST

/* in begins with "FROM:" or "TO:" and is MAIL's or RCPT's argument; want:
 * "path|address|domain|params", or "" */
static const struct text_row path_rows[] = {
	{ "plain", "FROM:<a@b>", "<a@b>|a@b|b|" },
	{ "small letters", "from:<a@b>", "<a@b>|a@b|b|" },
	{ "recipient", "TO:<a@b>", "<a@b>|a@b|b|" },
	{ "recipient, mixed", "To:<a@b>", "<a@b>|a@b|b|" },
	{ "null path", "FROM:<>", "<>|||" },
	{ "null path, parameter", "FROM:<> SIZE=1", "<>|||SIZE=1" },
	{ "no domain", "TO:<postmaster>", "<postmaster>|postmaster||" },
	{ "parameters", "FROM:<a@b>  SIZE=1\t BODY=8BITMIME ",
	    "<a@b>|a@b|b|SIZE=1\t BODY=8BITMIME" },
	{ "parameter without value", "FROM:<a@b> SMTPUTF8 SIZE=1",
	    "<a@b>|a@b|b|SMTPUTF8 SIZE=1" },
	{ "parameter of brackets", "FROM:<a@b> AUTH=<> SIZE=1",
	    "<a@b>|a@b|b|AUTH=<> SIZE=1" },
	{ "quotes in a parameter", "TO:<a@b> ORCPT=rfc822;\"a+20b\"@c",
	    "<a@b>|a@b|b|ORCPT=rfc822;\"a+20b\"@c" },
	{ "escaped quote in a parameter", "TO:<a@b> X-1=\\\"a Y=\"\\\"\"",
	    "<a@b>|a@b|b|X-1=\\\"a Y=\"\\\"\"" },
	{ "equals signs in a value", "TO:<a@b> X=a=b",
	    "<a@b>|a@b|b|X=a=b" },
	{ "UTF-8 in a parameter", "TO:<a@b> ORCPT=utf-8;\xc3\xa4@b",
	    "<a@b>|a@b|b|ORCPT=utf-8;\xc3\xa4@b" },
	{ "parameters alike", "TO:<a@b> A=1 AA=1 AB=1",
	    "<a@b>|a@b|b|A=1 AA=1 AB=1" },
	{ "blanks behind the colon", "FROM: \t <a@b>", "<a@b>|a@b|b|" },
	{ "no brackets", "FROM:a@b", "a@b|a@b|b|" },
	{ "no brackets, blank", "FROM: a@b", "a@b|a@b|b|" },
	{ "no brackets, parameter", "FROM:a@b SIZE=1", "a@b|a@b|b|SIZE=1" },
	{ "no brackets, quotes", "FROM:\"a b\"@c",
	    "\"a b\"@c|\"a b\"@c|c|" },
	{ "route", "TO:<@a.b:c@d>", "<@a.b:c@d>|c@d|d|" },
	{ "long route", "TO:<@a-1,@b_2:c@d>", "<@a-1,@b_2:c@d>|c@d|d|" },
	{ "quoted blank", "FROM:<\"a b\"@c>", "<\"a b\"@c>|\"a b\"@c|c|" },
	{ "quoted bracket", "FROM:<\"a>b\"@c> A",
	    "<\"a>b\"@c>|\"a>b\"@c|c|A" },
	{ "quoted at", "FROM:<\"a@b\"@c>", "<\"a@b\"@c>|\"a@b\"@c|c|" },
	{ "quoted quote", "FROM:<\"a\\\"b\"@c>",
	    "<\"a\\\"b\"@c>|\"a\\\"b\"@c|c|" },
	{ "quoted backslash", "FROM:<\"a\\\\\"@c>",
	    "<\"a\\\\\"@c>|\"a\\\\\"@c|c|" },
	{ "quoted nothing", "FROM:<\"\"@c>", "<\"\"@c>|\"\"@c|c|" },
	{ "quoted, no domain", "FROM:<\"a b\">", "<\"a b\">|\"a b\"||" },
	{ "quoted, quoted params", "FROM:<\"> X=\\\"\"@c> Y=1",
	    "<\"> X=\\\"\"@c>|\"> X=\\\"\"@c|c|Y=1" },
	{ "atext of all kinds", "FROM:<!#$%&'*+-/=?^_`{|}~.1@b>",
	    "<!#$%&'*+-/=?^_`{|}~.1@b>|!#$%&'*+-/=?^_`{|}~.1@b|b|" },
	{ "dots anywhere", "FROM:<.a..b.@c.>",
	    "<.a..b.@c.>|.a..b.@c.|c.|" },
	{ "UTF-8", "FROM:<\xc3\xa4@\xc3\xb6>",
	    "<\xc3\xa4@\xc3\xb6>|\xc3\xa4@\xc3\xb6|\xc3\xb6|" },
	{ "address literal", "TO:<a@[192.0.2.1]>",
	    "<a@[192.0.2.1]>|a@[192.0.2.1]|[192.0.2.1]|" },
	{ "address literal, IPv6", "TO:<a@[IPv6:2001:db8::1]> A",
	    "<a@[IPv6:2001:db8::1]>|a@[IPv6:2001:db8::1]|"
	    "[IPv6:2001:db8::1]|A" },

	{ "SIZE twice", "FROM:<a@b> SIZE=1 X=1 size=2",
	    "<a@b>|a@b|b|SIZE=1 X=1 size=2" },
	{ "BODY, SMTPUTF8 and AUTH twice", "FROM:<a@b> BODY=7BIT SMTPUTF8 "
	    "AUTH=<> BODY=8BITMIME SMTPUTF8 AUTH=<>",
	    "<a@b>|a@b|b|BODY=7BIT SMTPUTF8 AUTH=<> BODY=8BITMIME SMTPUTF8 "
	    "AUTH=<>" },

	{ "nothing", "FROM:", "" },
	{ "blank", "FROM: ", "" },
	{ "recipient, nothing", "TO:", "" },
	{ "blank before the colon", "FROM :<a@b>", "" },
	{ "no colon", "FROM<a@b>", "" },
	{ "cut short", "FROM", "" },
	{ "no end", "FROM:<a@b", "" },
	{ "no beginning", "FROM:a@b>", "" },
	{ "bracket alone", "FROM:<", "" },
	{ "end alone", "FROM:>", "" },
	{ "two brackets", "FROM:<<a@b>>", "" },
	{ "bracket inside", "FROM:<a<@b>", "" },
	{ "two paths", "FROM:<a@b><c@d>", "" },
	{ "two addresses", "FROM:<a@b,c@d>", "" },
	{ "two at signs", "FROM:<a@b@c>", "" },
	{ "two at signs, quoted", "FROM:<\"a\"@b@c>", "" },
	{ "no local part", "FROM:<@b>", "" },
	{ "empty domain", "FROM:<a@>", "" },
	{ "at sign alone", "FROM:<@>", "" },
	{ "route alone", "FROM:<@b:>", "" },
	{ "route without brackets, alone", "FROM:@b:", "" },
	{ "route to nothing", "FROM:<@b:@c>", "" },
	{ "route of literals", "FROM:<@[::1]:a@b>", "" },
	{ "parameter without a blank", "FROM:<a@b>SIZE=1", "" },
	{ "blank inside", "FROM:<a b@c>", "" },
	{ "blank behind the bracket", "FROM:< a@b>", "" },
	{ "blank before the bracket", "FROM:<a@b >", "" },
	{ "TAB inside", "FROM:<a\tb@c>", "" },
	{ "blank alone inside", "FROM:< >", "" },
	{ "comment", "FROM:<a(b)@c>", "" },
	{ "display name", "FROM:a <a@b>", "" },
	{ "group", "FROM:<a:b@c;>", "" },
	{ "backslash", "FROM:<a\\@b>", "" },
	{ "backslash before the bracket", "FROM:<a@b\\>", "" },
	{ "quotes in the middle", "FROM:<a\"b\"@c>", "" },
	{ "quotes at the front only", "FROM:<\"a\"b@c>", "" },
	{ "quoted words", "FROM:<\"a\".\"b\"@c>", "" },
	{ "quotes in the domain", "FROM:<a@\"b\">", "" },
	{ "no end of quotes", "FROM:<\"a@b>", "" },
	{ "no end of quotes, quoted bracket", "FROM:<\"a@b> X=\\\"", "" },
	{ "end of quotes is quoted", "FROM:<\"a\\\"@b>", "" },
	{ "control in quotes", "FROM:<\"a\tb\"@c>", "" },
	{ "quoted control", "FROM:<\"a\\\tb\"@c>", "" },
	{ "CR", "FROM:<a\r@b>", "" },
	{ "DEL", "FROM:<a\177@b>", "" },
	{ "literal as local part", "FROM:<[a]@b>", "" },
	{ "literal goes on", "FROM:<a@[192.0.2.1]b>", "" },
	{ "literal has no end", "FROM:<a@[192.0.2.1>", "" },
	{ "literal in a literal", "FROM:<a@[[1]]>", "" },
	{ "literal without beginning", "FROM:<a@b]>", "" },
	{ "parameter without name", "FROM:<a@b> =1", "" },
	{ "parameter begins with a hyphen", "FROM:<a@b> -A=1", "" },
	{ "underscore in a parameter", "FROM:<a@b> A_B=1", "" },
	{ "no parameter", "FROM:<a@b> <c@d>", "" },
	{ "parameter twice", "FROM:<a@b> X=1 SIZE=1 x=2", "" },
	{ "parameter twice, once bare", "FROM:<a@b> X X=2", "" },
	{ "RET twice", "FROM:<a@b> RET=FULL RET=HDRS", "" },
	{ "ENVID twice", "FROM:<a@b> ENVID=a ENVID=a", "" },
	{ "NOTIFY twice", "TO:<a@b> NOTIFY=NEVER NOTIFY=FAILURE", "" },
	{ "ORCPT twice", "TO:<a@b> ORCPT=rfc822;a ORCPT=rfc822;b", "" },
	{ "open quotes in a parameter", "FROM:<a@b> X=\"a SIZE=1 Y=b\"", "" },
	{ "open bracket in a parameter", "FROM:<a@b> X=<a SIZE=1 Y=b>", "" },
	{ "open at the end", "FROM:<a@b> X=<", "" },
	{ "quotes in brackets", "FROM:<a@b> X=<\"> Y=\">", "" },
	{ "brackets in brackets", "FROM:<a@b> X=<<>", "" },
	{ "parameter ends in a backslash", "FROM:<a@b> X=a\\ Y=b", "" },
	{ "escaped end in a parameter", "FROM:<a@b> X=\"\\\"", "" },
	{ "control in a parameter", "FROM:<a@b> X=a\rb", "" },
	{ "DEL in a parameter", "FROM:<a@b> X=a\177", "" },
};

START_TEST(path_row)
{
	const struct text_row	*r = &path_rows[_i];
	size_t			 n = strlen(r->in);
	bool			 is_mail = strncasecmp(r->in, "FROM", 4) == 0;
	char			*edge = edge_copy(r->in, n), got[256] = "";
	struct smtp_path	 p = { .path = { untouched, 9 } };
	enum smtp_verb		 verb = is_mail ? SMTP_MAIL : SMTP_RCPT;

	if (smtp_path_parse(verb, (struct span){ edge, n }, &p))
		snprintf(got, sizeof(got), "%.*s|%.*s|%.*s|%.*s",
		    (int)p.path.n, p.path.p, (int)p.address.n, p.address.p,
		    (int)p.domain.n, p.domain.p, (int)p.params.n, p.params.p);
	else
		ck_assert_msg(p.path.p == untouched, "%s: wrote", r->name);
	check_text(r, got);
	edge_free(edge, n);
}
END_TEST

START_TEST(path_belongs_to_its_verb)
{
	struct smtp_path	 path;

	ck_assert(!smtp_path_parse(SMTP_RCPT, span_of("FROM:<a@b>"), &path));
	ck_assert(!smtp_path_parse(SMTP_MAIL, span_of("TO:<a@b>"), &path));
	ck_assert(!smtp_path_parse(SMTP_VRFY, span_of("TO:<a@b>"), &path));
	ck_assert(!smtp_path_parse(SMTP_VRFY, span_of("FROM:<a@b>"), &path));
}
END_TEST

START_TEST(nul_is_no_part_of_a_path)
{
	static const struct span	 texts[] = {
		BYTES("FROM:<a\0@b>"), BYTES("FROM:<\"a\0\"@b>"),
		BYTES("FROM:<\"\\\0\"@b>"), BYTES("FROM:<a@b\0>"),
		BYTES("FROM:<a@[\0]>"), BYTES("FROM:<@a\0:a@b>"),
		BYTES("FROM:<a@b> X=\0"), BYTES("FROM:<a@b> \0=X"),
	};
	struct smtp_path		 path;
	int				 i;

	for (i = 0; i < NELEM(texts); i++)
		ck_assert_msg(!smtp_path_parse(SMTP_MAIL, texts[i], &path),
		    "%d", i);
}
END_TEST

/* in: "NAME params"; want: its value in brackets, or "" */
static const struct text_row param_rows[] = {
	{ "first", "SIZE SIZE=10 BODY=7BIT", "[10]" },
	{ "last", "BODY SIZE=10 \t BODY=7BIT", "[7BIT]" },
	{ "any case", "Body SIZE=10 bODY=7bit", "[7bit]" },
	{ "no value", "SMTPUTF8 SMTPUTF8", "[]" },
	{ "empty value", "SIZE SIZE=", "[]" },
	{ "no value, in the middle", "SMTPUTF8 A=1 SMTPUTF8 B=1", "[]" },
	{ "equals sign in the value", "X X=a=b", "[a=b]" },
	{ "the last counts", "SIZE SIZE=1 BODY=7BIT size=2 A SIZE=", "[]" },
	{ "blanks around", "X  \t X=1 ", "[1]" },
	{ "not there", "SIZE BODY=7BIT", "" },
	{ "nothing there", "SIZE ", "" },
	{ "name goes on", "SIZE SIZES=1", "" },
	{ "name cut short", "SIZE SIZ=1", "" },
	{ "in a value", "SIZE X=SIZE", "" },
};

/* want: those that count, parted by commas. */
static const struct text_row next_rows[] = {
	{ "none", "", "" },
	{ "blanks", " \t ", "" },
	{ "one", " SIZE=1 ", "SIZE=1" },
	{ "each once", "SIZE=1\tBODY=7BIT  X", "SIZE=1,BODY=7BIT,X" },
	{ "twice", "SIZE=1 X=1 size=2", "X=1,size=2" },
	{ "three times", "BODY=7BIT SIZE=1 BODY SIZE=2 BODY=8BITMIME",
	    "SIZE=2,BODY=8BITMIME" },
	{ "a name in a value", "SIZE=1 X=SIZE", "SIZE=1,X=SIZE" },
};

START_TEST(next_row)
{
	const struct text_row	*r = &next_rows[_i];
	size_t			 n = strlen(r->in), len = 0;
	char			*edge = edge_copy(r->in, n), got[256] = "";
	struct span		 rest = { edge, n }, word;

	while (smtp_param_next(&rest, &word))
		len += (size_t)snprintf(got + len, sizeof(got) - len,
		    "%s%.*s", len > 0 ? "," : "", (int)word.n, word.p);
	check_text(r, got);
	edge_free(edge, n);
}
END_TEST

START_TEST(param_row)
{
	const struct text_row	*r = &param_rows[_i];
	const char		*blank = strchr(r->in, ' ');
	size_t			 n = strlen(blank + 1);
	char			*edge = edge_copy(blank + 1, n);
	char			 name[32], got[64] = "";
	struct span		 value = { untouched, 9 };

	snprintf(name, sizeof(name), "%.*s", (int)(blank - r->in), r->in);
	if (smtp_param_find((struct span){ edge, n }, name, &value))
		snprintf(got, sizeof(got), "[%.*s]", (int)value.n, value.p);
	else
		ck_assert_msg(value.p == untouched, "%s: wrote", r->name);
	check_text(r, got);
	edge_free(edge, n);
}
END_TEST

static const struct text_row bdat_rows[] = {
	{ "size", "1", "1" },
	{ "last", "86 LAST", "86 last" },
	{ "last, small letters", "86 last", "86 last" },
	{ "nothing, last", "0 LAST", "0 last" },
	{ "blanks", " 86\t LAST ", "86 last" },
	{ "leading zeros", "0000000000000000000000000000010", "10" },
	{ "as large as allowed", "9223372036854775807",
	    "9223372036854775807" },
	{ "one more", "9223372036854775808", "" },
	{ "ten times more", "92233720368547758070", "" },
	{ "wraps to a small number", "18446744073709551617", "" },
	{ "nothing", "", "" },
	{ "last alone", "LAST", "" },
	{ "minus sign", "-1", "" },
	{ "plus sign", "+1", "" },
	{ "hexadecimal", "0x10", "" },
	{ "slash, before 0", "/", "" },
	{ "colon, past 9", "1:", "" },
	{ "letter behind it", "1k", "" },
	{ "word behind it", "1 FIRST", "" },
	{ "last goes on", "1 LASTS", "" },
	{ "last without a blank", "1LAST", "" },
	{ "word behind last", "1 LAST 2", "" },
	{ "two sizes", "1 2", "" },
};

START_TEST(bdat_row)
{
	const struct text_row	*r = &bdat_rows[_i];
	size_t			 n = strlen(r->in);
	char			*edge = edge_copy(r->in, n), got[64] = "";
	uint64_t		 size = 99;
	bool			 is_last = true;

	if (smtp_bdat_parse((struct span){ edge, n }, &size, &is_last))
		snprintf(got, sizeof(got), "%llu%s", (unsigned long long)size,
		    is_last ? " last" : "");
	else
		ck_assert_msg(size == 99 && is_last, "%s: wrote", r->name);
	check_text(r, got);
	edge_free(edge, n);
}
END_TEST

START_TEST(helo_name)
{
	char	 name[256];

	memset(name, 'a', sizeof(name));
	ck_assert(smtp_is_helo_name((struct span){ name, 255 }));
	ck_assert(!smtp_is_helo_name((struct span){ name, 256 }));
	ck_assert(smtp_is_helo_name(span_of("[IPv6:::1]")));
	ck_assert(smtp_is_helo_name(span_of("!~")));
	ck_assert(!smtp_is_helo_name(span_of("")));
	ck_assert(!smtp_is_helo_name(span_of("a b")));
	ck_assert(!smtp_is_helo_name(span_of("a\tb")));
	ck_assert(!smtp_is_helo_name(span_of("a\177")));
	ck_assert(!smtp_is_helo_name(span_of("\xc3\xa4")));
	ck_assert(!smtp_is_helo_name((struct span){ "a\0b", 3 }));
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("smtp_command");

	tcase_add_loop_test(tc, line_row, 0, NELEM(rows));
	tcase_add_loop_test(tc, line_row_bytewise, 0, NELEM(rows));
	tcase_add_loop_test(tc, command_row, 0, NELEM(command_rows));
	tcase_add_test(tc, each_verb_is_found);
	tcase_add_loop_test(tc, path_row, 0, NELEM(path_rows));
	tcase_add_test(tc, path_belongs_to_its_verb);
	tcase_add_test(tc, nul_is_no_part_of_a_path);
	tcase_add_loop_test(tc, next_row, 0, NELEM(next_rows));
	tcase_add_loop_test(tc, param_row, 0, NELEM(param_rows));
	tcase_add_loop_test(tc, bdat_row, 0, NELEM(bdat_rows));
	tcase_add_test(tc, helo_name);
	return runner_run("smtp_command", tc);
}
