/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_reply_test: one reply at the front of a buffer, its lines, and what an
 * EHLO reply offers.
 */
#include "smtp/smtp_reply.h"

#include <stdio.h>

#include "t/lib/edge.h"
#include "t/lib/runner.h"

#define BYTES(s)	{ s, sizeof(s) - 1 }

/* A marker that shows whether an out-parameter was written. */
static const char	untouched[] = "untouched";

/* want_text: "code|enhanced status|line|line|..." */
static const struct row {
	const char		*name;
	struct span		 in;
	enum smtp_reply_result	 want;
	const char		*want_text;
	size_t			 want_used;
} rows[] = {
	{ "one line", BYTES("250 OK\r\n"), SMTP_REPLY_DONE, "250||OK", 8 },
	{ "bare LF", BYTES("250 OK\n"), SMTP_REPLY_DONE, "250||OK", 7 },
	{ "no text", BYTES("250 \r\n"), SMTP_REPLY_DONE, "250||", 6 },
	{ "code alone", BYTES("250\r\n"), SMTP_REPLY_DONE, "250||", 5 },
	{ "code alone, bare LF", BYTES("250\n"), SMTP_REPLY_DONE, "250||", 4 },
	{ "lines", BYTES("250-a\r\n250-b c\r\n250 d\r\n"), SMTP_REPLY_DONE,
	    "250||a|b c|d", 23 },
	{ "lines, mixed ends", BYTES("250-a\n250-b\r\n250 c\n"),
	    SMTP_REPLY_DONE, "250||a|b|c", 19 },
	{ "lines, code alone last", BYTES("250-a\r\n250\r\n"),
	    SMTP_REPLY_DONE, "250||a|", 12 },
	{ "empty line", BYTES("250-\r\n250 a\r\n"), SMTP_REPLY_DONE,
	    "250|||a", 13 },
	{ "another behind it", BYTES("220 a\r\n250 b\r\n"), SMTP_REPLY_DONE,
	    "220||a", 7 },
	{ "rubbish behind it", BYTES("220 a\r\nx\0\n"), SMTP_REPLY_DONE,
	    "220||a", 7 },
	{ "lowest code", BYTES("200 a\r\n"), SMTP_REPLY_DONE, "200||a", 7 },
	{ "highest code", BYTES("599 a\r\n"), SMTP_REPLY_DONE, "599||a", 7 },
	{ "8-bit and TAB", BYTES("550 \xc3\xa4\t\r\n"), SMTP_REPLY_DONE,
	    "550||\xc3\xa4\t", 9 },
	{ "status", BYTES("550 5.7.1 No\r\n"), SMTP_REPLY_DONE,
	    "550|5.7.1|5.7.1 No", 14 },
	{ "status, long", BYTES("450-4.999.123 a\r\n450 4.0.0 b\r\n"),
	    SMTP_REPLY_DONE, "450|4.999.123|4.999.123 a|4.0.0 b", 30 },
	{ "status alone", BYTES("250 2.0.0\r\n"), SMTP_REPLY_DONE,
	    "250|2.0.0|2.0.0", 11 },
	{ "status of another class", BYTES("550 4.7.1 No\r\n"),
	    SMTP_REPLY_DONE, "550||4.7.1 No", 14 },
	{ "status goes on", BYTES("550 5.7.1.2 No\r\n"), SMTP_REPLY_DONE,
	    "550||5.7.1.2 No", 16 },
	{ "status of letters", BYTES("550 5.7.x No\r\n"), SMTP_REPLY_DONE,
	    "550||5.7.x No", 14 },
	{ "status of large numbers", BYTES("550 5.7.1234 No\r\n"),
	    SMTP_REPLY_DONE, "550||5.7.1234 No", 17 },
	{ "status of a large subject", BYTES("550 5.1234.1 No\r\n"),
	    SMTP_REPLY_DONE, "550||5.1234.1 No", 17 },
	{ "status without dots", BYTES("550 5,7,1 No\r\n"), SMTP_REPLY_DONE,
	    "550||5,7,1 No", 14 },
	{ "status cut short", BYTES("550 5.7.\r\n"), SMTP_REPLY_DONE,
	    "550||5.7.", 10 },
	{ "status of two numbers", BYTES("550 5.777\r\n"), SMTP_REPLY_DONE,
	    "550||5.777", 11 },
	{ "status without subject", BYTES("550 5..71\r\n"), SMTP_REPLY_DONE,
	    "550||5..71", 11 },

	{ "nothing yet", BYTES(""), SMTP_REPLY_MORE, NULL, 0 },
	{ "no end", BYTES("250 OK"), SMTP_REPLY_MORE, NULL, 0 },
	{ "half an end", BYTES("250 OK\r"), SMTP_REPLY_MORE, NULL, 0 },
	{ "no last line", BYTES("250-a\r\n"), SMTP_REPLY_MORE, NULL, 0 },
	{ "last line without end", BYTES("250-a\r\n250 b"), SMTP_REPLY_MORE,
	    NULL, 0 },
	{ "rubbish without end", BYTES("xyz\0"), SMTP_REPLY_MORE, NULL, 0 },

	{ "empty line alone", BYTES("\r\n"), SMTP_REPLY_BAD, NULL, 0 },
	{ "LF alone", BYTES("\n"), SMTP_REPLY_BAD, NULL, 0 },
	{ "two digits", BYTES("25 OK\r\n"), SMTP_REPLY_BAD, NULL, 0 },
	{ "two digits alone", BYTES("25\r\n"), SMTP_REPLY_BAD, NULL, 0 },
	{ "four digits", BYTES("2500 OK\r\n"), SMTP_REPLY_BAD, NULL, 0 },
	{ "no code", BYTES("OK\r\n"), SMTP_REPLY_BAD, NULL, 0 },
	{ "letter in the code", BYTES("2x0 OK\r\n"), SMTP_REPLY_BAD, NULL, 0 },
	{ "letter at its end", BYTES("25O OK\r\n"), SMTP_REPLY_BAD, NULL, 0 },
	{ "code under 200", BYTES("199 OK\r\n"), SMTP_REPLY_BAD, NULL, 0 },
	{ "code over 599", BYTES("600 OK\r\n"), SMTP_REPLY_BAD, NULL, 0 },
	{ "TAB behind the code", BYTES("250\tOK\r\n"), SMTP_REPLY_BAD, NULL,
	    0 },
	{ "blank before the code", BYTES(" 250 OK\r\n"), SMTP_REPLY_BAD, NULL,
	    0 },
	{ "codes differ", BYTES("250-a\r\n251 b\r\n"), SMTP_REPLY_BAD, NULL,
	    0 },
	{ "codes differ later", BYTES("250-a\r\n250-b\r\n550 c\r\n"),
	    SMTP_REPLY_BAD, NULL, 0 },
	{ "code missing in the second line", BYTES("250-a\r\nb\r\n"),
	    SMTP_REPLY_BAD, NULL, 0 },
	{ "NUL", BYTES("250 a\0b\r\n"), SMTP_REPLY_BAD, NULL, 0 },
	{ "NUL in the last line", BYTES("250-a\r\n250 \0\r\n"),
	    SMTP_REPLY_BAD, NULL, 0 },
	{ "CR inside", BYTES("250 a\rb\r\n"), SMTP_REPLY_BAD, NULL, 0 },
	{ "two CRs", BYTES("250 a\r\r\n"), SMTP_REPLY_BAD, NULL, 0 },
	{ "CR behind the code", BYTES("250\r a\r\n"), SMTP_REPLY_BAD, NULL,
	    0 },
	{ "HTTP", BYTES("HTTP/1.1 400 Bad Request\r\n"), SMTP_REPLY_BAD, NULL,
	    0 },
};

/* The reply as the rows write it. */
static void
describe(const struct smtp_reply *reply, char *got, size_t size)
{
	struct span	 text = reply->text, line;
	struct span	 status = smtp_reply_status(reply);
	unsigned	 n_lines = 0;
	size_t		 n;

	n = (size_t)snprintf(got, size, "%u|%.*s", reply->code, (int)status.n,
	    status.p);
	while (smtp_reply_line(&text, &line)) {
		n += (size_t)snprintf(got + n, size - n, "|%.*s", (int)line.n,
		    line.p);
		n_lines++;
	}
	ck_assert_uint_eq(reply->n_lines, n_lines);
	ck_assert_uint_eq(text.n, 0);
}

static void
check_answer(const struct row *r, const char *how, struct span in)
{
	struct smtp_reply	 reply = { .text = { untouched, 9 } };
	size_t			 used = 99;
	enum smtp_reply_result	 got;
	char			 text[256];

	got = smtp_reply_find(in.p, in.n, &reply, &used);
	ck_assert_msg(got == r->want, "%s, %s: got %d, want %d", r->name, how,
	    got, r->want);
	if (got != SMTP_REPLY_DONE) {
		ck_assert_msg(reply.text.p == untouched && used == 99,
		    "%s, %s: wrote a result", r->name, how);
		return;
	}
	ck_assert_msg(used == r->want_used && reply.text.n == used &&
	    reply.text.p == in.p, "%s, %s: used %zu", r->name, how, used);
	describe(&reply, text, sizeof(text));
	ck_assert_msg(strcmp(text, r->want_text) == 0,
	    "%s, %s: got \"%s\", want \"%s\"", r->name, how, text,
	    r->want_text);
}

START_TEST(row_has_its_answer)
{
	const struct row	*r = &rows[_i];
	char			*edge = edge_copy(r->in.p, r->in.n);

	check_answer(r, "whole", r->in);
	check_answer(r, "edge", (struct span){ edge, r->in.n });
	edge_free(edge, r->in.n);
}
END_TEST

START_TEST(row_has_its_answer_bytewise)
{
	const struct row	*r = &rows[_i];
	enum smtp_reply_result	 got = SMTP_REPLY_MORE;
	struct smtp_reply	 reply;
	size_t			 used, n;

	for (n = 0; n <= r->in.n && got == SMTP_REPLY_MORE; n++)
		got = smtp_reply_find(r->in.p, n, &reply, &used);
	check_answer(r, "bytewise", (struct span){ r->in.p, n - 1 });
}
END_TEST

/* A reply of n lines with len octets in each, ends included, the last of them
 * with last_len. */
static enum smtp_reply_result
find_made(size_t n, size_t len, size_t last_len, size_t *shown_r)
{
	static char		 buf[SMTP_REPLY_MAX + 2 * SMTP_REPLY_LINE_MAX];
	enum smtp_reply_result	 result, cut = SMTP_REPLY_MORE;
	struct smtp_reply	 reply;
	size_t			 i, at = 0, used;

	for (i = 1; i <= n; i++) {
		size_t	 now = i == n ? last_len : len;

		memset(buf + at, 'x', now);
		memcpy(buf + at, i == n ? "250 " : "250-", 4);
		memcpy(buf + at + now - 2, "\r\n", 2);
		at += now;
	}
	result = smtp_reply_find(buf, at, &reply, &used);
	for (i = 0; i <= at && cut == SMTP_REPLY_MORE; i += i < 60000 ? 64 : 1)
		cut = smtp_reply_find(buf, i, &reply, &used);
	ck_assert_int_eq(result, cut);
	*shown_r = at;
	return result;
}

START_TEST(tells_what_a_refusal_is_about)
{
	static const unsigned	 verdicts[] = { 421, 450, 451, 452, 453, 454,
		455, 456, 457, 458, 459, 521, 554 };
	unsigned		 code, i = 0;
	bool			 want;

	for (code = 200; code < 600; code++) {
		want = i < NELEM(verdicts) && code == verdicts[i];
		i += want;
		ck_assert_msg(smtp_reply_is_verdict(code) == want, "%u", code);
		ck_assert_msg(smtp_reply_is_of_command(code) ==
		    (code == 500 || code == 502 || code == 503), "%u", code);
	}
}
END_TEST

START_TEST(limits)
{
	size_t	 n;

	ck_assert_int_eq(find_made(1, 0, SMTP_REPLY_LINE_MAX, &n),
	    SMTP_REPLY_DONE);
	ck_assert_int_eq(find_made(1, 0, SMTP_REPLY_LINE_MAX + 1, &n),
	    SMTP_REPLY_TOO_LONG);
	ck_assert_int_eq(find_made(3, SMTP_REPLY_LINE_MAX + 1, 6, &n),
	    SMTP_REPLY_TOO_LONG);
	ck_assert_int_eq(find_made(16, SMTP_REPLY_LINE_MAX,
	    SMTP_REPLY_LINE_MAX, &n), SMTP_REPLY_DONE);
	ck_assert_uint_eq(n, SMTP_REPLY_MAX);
	ck_assert_int_eq(find_made(17, SMTP_REPLY_LINE_MAX, 6, &n),
	    SMTP_REPLY_TOO_LONG);
	ck_assert_int_eq(find_made(65, 1023, 64, &n), SMTP_REPLY_DONE);
	ck_assert_uint_eq(n, SMTP_REPLY_MAX);
	ck_assert_int_eq(find_made(65, 1023, 65, &n), SMTP_REPLY_TOO_LONG);
}
END_TEST

START_TEST(too_long_writes_nothing)
{
	static char		 buf[SMTP_REPLY_LINE_MAX];
	struct smtp_reply	 reply = { .text = { untouched, 9 } };
	size_t			 used = 99;

	ck_assert_int_eq(smtp_reply_find(buf, sizeof(buf) - 1, &reply, &used),
	    SMTP_REPLY_MORE);
	ck_assert_int_eq(smtp_reply_find(buf, sizeof(buf), &reply, &used),
	    SMTP_REPLY_TOO_LONG);
	ck_assert(reply.text.p == untouched && used == 99);
}
END_TEST

START_TEST(each_keyword_is_found)
{
	char			 text[64];
	struct smtp_reply	 reply = { 250, 2, { text, 0 } };
	struct smtp_offer	 offer;
	int			 i;

	for (i = 0; i < SMTP_KW_COUNT; i++) {
		reply.text.n = (size_t)snprintf(text, sizeof(text),
		    "250-name\r\n250 %s a b\r\n",
		    smtp_keyword_text((enum smtp_keyword)i));
		smtp_offer_read(&reply, &offer);
		ck_assert_uint_eq(offer.keywords, 1U << i);
		ck_assert(span_eq(smtp_offer_params(&offer,
		    (enum smtp_keyword)i), "a b"));
	}
}
END_TEST

/* in: lines of an EHLO reply behind the first, with '|' between; want:
 * "KEYWORD=params|..." in the enum's order */
static const struct offer_row {
	const char	*name, *in, *want;
	unsigned	 want_xclient;
} offer_rows[] = {
	{ "nothing", "", "", 0 },
	{ "a plain one", "PIPELINING", "PIPELINING=", 0 },
	{ "with parameters", "SIZE 10240000|8BITMIME",
	    "SIZE=10240000|8BITMIME=", 0 },
	{ "any case", "Size 1|dsn", "SIZE=1|DSN=", 0 },
	{ "order of lines", "DSN|SIZE 1|PIPELINING",
	    "PIPELINING=|SIZE=1|DSN=", 0 },
	{ "unknown ones", "X-FOO 1|SIZES 2|SIZ 3|SIZE 4|SMTPUTF", "SIZE=4",
	    0 },
	{ "first counts", "SIZE 1|SIZE 2|SIZE", "SIZE=1", 0 },
	{ "first counts, empty", "SIZE|SIZE 2", "SIZE=", 0 },
	{ "blanks", " \tLIMITS \t A=1   B=2\t ", "LIMITS=A=1 B=2", 0 },
	{ "an equals sign", "SIZE=1|DSN", "DSN=", 0 },
	{ "AUTH", "AUTH PLAIN LOGIN", "AUTH=PLAIN LOGIN", 0 },
	{ "AUTH, old form", "AUTH=PLAIN LOGIN", "AUTH=PLAIN LOGIN", 0 },
	{ "AUTH, old form, small", "auth=PLAIN", "AUTH=PLAIN", 0 },
	{ "AUTH without any", "AUTH=|AUTH|DSN", "DSN=|AUTH=", 0 },
	{ "AUTH, both forms", "AUTH PLAIN LOGIN|AUTH=PLAIN LOGIN",
	    "AUTH=PLAIN LOGIN", 0 },
	{ "AUTH put together", "SIZE 1|AUTH PLAIN|DSN|AUTH=LOGIN plain|"
	    "LIMITS X|AUTH EXTERNAL LOGI", "SIZE=1|DSN=|LIMITS=X|"
	    "AUTH=PLAIN LOGIN EXTERNAL LOGI", 0 },
	{ "XCLIENT", "XCLIENT NAME addr FOO HELO", "XCLIENT=NAME addr FOO HELO",
	    1U << ASSERTION_NAME | 1U << ASSERTION_ADDR |
	    1U << ASSERTION_HELO },
	{ "XCLIENT without any", "XCLIENT", "XCLIENT=", 0 },
	{ "XCLIENT, first counts", "XCLIENT NAME|XCLIENT ADDR", "XCLIENT=NAME",
	    1U << ASSERTION_NAME },
	{ "XFORWARD's are not XCLIENT's", "XFORWARD NAME|XCLIENT IDENT PORT",
	    "XCLIENT=IDENT PORT|XFORWARD=NAME", 1U << ASSERTION_PORT },
	{ "controls", "SIZE 1\0332|DSN \177|HELP", "HELP=", 0 },
	{ "8-bit", "SIZE \xc3\xa4|HELP", "HELP=", 0 },
};

/* "250-name", then a line for each text between '|'. */
static struct span
make_reply(const char *in, char *text, size_t size)
{
	size_t	 n = (size_t)snprintf(text, size, "250-DSN SIZE\r\n");

	while (*in != '\0') {
		size_t	 len = strcspn(in, "|");

		n += (size_t)snprintf(text + n, size - n, "250%c%.*s\r\n",
		    in[len] == '\0' ? ' ' : '-', (int)len, in);
		in += len + (in[len] == '|');
	}
	return (struct span){ text, n };
}

static void
describe_offer(const struct smtp_offer *offer, char *got, size_t size)
{
	size_t	 n = 0;
	int	 i;

	got[0] = '\0';
	for (i = 0; i < SMTP_KW_COUNT; i++) {
		enum smtp_keyword	 keyword = (enum smtp_keyword)i;
		struct span	 params = smtp_offer_params(offer, keyword);

		if (!smtp_offers(offer, keyword))
			continue;
		n += (size_t)snprintf(got + n, size - n, "%s%s=%.*s",
		    n > 0 ? "|" : "", smtp_keyword_text(keyword),
		    (int)params.n, params.p);
	}
}

START_TEST(offer_row)
{
	const struct offer_row	*r = &offer_rows[_i];
	char			 text[512], got[512];
	struct smtp_reply	 reply = { 250, 0, make_reply(r->in, text,
				    sizeof(text)) };
	struct smtp_offer	 offer;
	char			*edge = edge_copy(text, reply.text.n);

	reply.text.p = edge;
	memset(&offer, 0xff, sizeof(offer));
	smtp_offer_read(&reply, &offer);
	describe_offer(&offer, got, sizeof(got));
	ck_assert_msg(strcmp(got, r->want) == 0, "%s: got \"%s\", want \"%s\"",
	    r->name, got, r->want);
	ck_assert_msg(offer.xclient == r->want_xclient, "%s: xclient %x",
	    r->name, offer.xclient);
	edge_free(edge, reply.text.n);
}
END_TEST

/* Fills LIMITS with n octets; then come XCLIENT, HELP and AUTH, whose second
 * line has a second mechanism and whose third has nothing new. */
static void
offer_with(size_t n, struct smtp_offer *offer)
{
	char			 text[2048];
	struct smtp_reply	 reply = { 250, 8, { text, 0 } };
	size_t			 at;

	at = (size_t)snprintf(text, sizeof(text), "250-a\r\n250-LIMITS ");
	memset(text + at, 'x', n);
	at += n;
	at += (size_t)snprintf(text + at, sizeof(text) - at, "\r\n"
	    "250-LIMITS y\r\n250-XCLIENT ADDR\r\n250-HELP\r\n"
	    "250-AUTH A\r\n250-AUTH BB\r\n250 AUTH A\r\n");
	reply.text.n = at;
	smtp_offer_read(&reply, offer);
}

/* What servers announce, word for word. */
static const struct dialect_row {
	const char		*attributes;
	enum xclient_dialect	 want;
} dialect_rows[] = {
	{ "NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT",
	    XCLIENT_POSTFIX },
	{ "NAME ADDR PROTO HELO REVERSE_NAME PORT", XCLIENT_POSTFIX },
	{ "NAME ADDR", XCLIENT_POSTFIX },
	{ "ADDR", XCLIENT_POSTFIX },
	{ "ADDR PORT", XCLIENT_POSTFIX },
	{ "", XCLIENT_POSTFIX },
	{ "ADDR PORT DESTADDR DESTPORT", XCLIENT_KUMOMTA },
	{ "addr port destaddr destport", XCLIENT_KUMOMTA },
	{ "ADDR PORT DESTADDR DESTPORT HELO", XCLIENT_POSTFIX },
	{ " ADDR NAME PORT LOGIN DESTADDR DESTPORT", XCLIENT_EXIM },
	{ "ADDR NAME PORT LOGIN DESTADDR", XCLIENT_POSTFIX },
	{ "ADDR NAME PORT LOGIN DESTADDR DESTPORT PROTO", XCLIENT_POSTFIX },
	{ "ADDR PORT PROTO HELO LOGIN SESSION CLIENT-TRANSPORT TTL TIMEOUT "
	    "DESTNAME DESTADDR DESTPORT FORWARD", XCLIENT_DOVECOT },
	{ "ADDR PORT PROTO HELO LOGIN SESSION TTL TIMEOUT",
	    XCLIENT_DOVECOT },
	{ "ADDR PORT DESTADDR DESTPORT ttl", XCLIENT_DOVECOT },
	{ "ADDR PORT DESTADDR DESTPORT TTLS", XCLIENT_KUMOMTA },
};

START_TEST(dialect_row)
{
	const struct dialect_row	*r = &dialect_rows[_i];
	struct smtp_reply		 reply;
	struct smtp_offer		 offer;
	char				 text[256];
	size_t				 used;
	int				 n;

	ck_assert_int_eq(smtp_xclient_dialect(span_of(r->attributes)),
	    r->want);
	n = snprintf(text, sizeof text, "250-there\r\n250-XCLIENT %s\r\n"
	    "250 SIZE\r\n", r->attributes);
	ck_assert_int_eq(smtp_reply_find(text, (size_t)n, &reply, &used),
	    SMTP_REPLY_DONE);
	smtp_offer_read(&reply, &offer);
	ck_assert_msg(offer.dialect == r->want, "%s: %d", r->attributes,
	    offer.dialect);
}
END_TEST

START_TEST(no_xclient_no_dialect)
{
	static const char	 text[] = "250 there\r\n";
	struct smtp_reply	 reply;
	struct smtp_offer	 offer;
	size_t			 used;

	ck_assert_int_eq(smtp_reply_find(text, strlen(text), &reply, &used),
	    SMTP_REPLY_DONE);
	smtp_offer_read(&reply, &offer);
	ck_assert_int_eq(offer.dialect, XCLIENT_AUTO);
}
END_TEST

START_TEST(parameters_have_no_room)
{
	static const struct {
		size_t		 n;
		const char	*want;
		bool		 has_xclient, has_limits;
	} r[] = {
		{ 1016, "A BB",	true,	true },
		{ 1017, "",	true,	true },
		{ 1019, "",	true,	true },
		{ 1020, "",	true,	true },
		{ 1021, "",	false,	true },
		{ 1024, "",	false,	true },
		{ 1025, "A BB",	true,	false },
	};
	struct smtp_offer	 offer;
	int			 i;

	for (i = 0; i < NELEM(r); i++) {
		bool	 has_auth = r[i].want[0] != '\0';

		offer_with(r[i].n, &offer);
		ck_assert_msg(smtp_offers(&offer, SMTP_KW_HELP), "%d", i);
		ck_assert_msg(smtp_offers(&offer, SMTP_KW_LIMITS) ==
		    r[i].has_limits, "%d", i);
		ck_assert_msg(smtp_offers(&offer, SMTP_KW_XCLIENT) ==
		    r[i].has_xclient, "%d", i);
		ck_assert_msg((offer.xclient != 0) == r[i].has_xclient, "%d",
		    i);
		ck_assert_msg(smtp_offers(&offer, SMTP_KW_AUTH) == has_auth &&
		    span_eq(smtp_offer_params(&offer, SMTP_KW_AUTH),
		    r[i].want), "%d", i);
	}
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("smtp_reply");

	tcase_add_loop_test(tc, row_has_its_answer, 0, NELEM(rows));
	tcase_add_loop_test(tc, row_has_its_answer_bytewise, 0, NELEM(rows));
	tcase_add_test(tc, tells_what_a_refusal_is_about);
	tcase_add_test(tc, limits);
	tcase_add_test(tc, too_long_writes_nothing);
	tcase_add_test(tc, each_keyword_is_found);
	tcase_add_loop_test(tc, offer_row, 0, NELEM(offer_rows));
	tcase_add_loop_test(tc, dialect_row, 0, NELEM(dialect_rows));
	tcase_add_test(tc, no_xclient_no_dialect);
	tcase_add_test(tc, parameters_have_no_room);
	return runner_run("smtp_reply", tc);
}
