/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * identity_test: who a message is from, by all that was said, and the lines
 * that say so.
 */
#include "identity.h"

#include <stdio.h>
#include <stdlib.h>

#include "runner.h"

#define UN	"[UNAVAILABLE]"
#define C50	"a123456789.b123456789.c123456789.d123456789.e12345"
#define C200	C50 "." C50 "." C50 "." C50
#define DEST	"DESTADDR=203.0.113.1 "
#define OWN	"XCLIENT ADDR=192.0.2.1 " DEST

/* Who has connected, and what was said; NULL: nothing. */
static const struct make_row {
	const char	*name;
	const char	*peer, *peer_name;	/* peer NULL: a UNIX-domain
						 * socket */
	uint16_t	 port;
	const char	*override, *xforward, *helo;
	bool		 is_esmtp, is_anonymous;
	const char	*local;
	const char	*want;		/* NULL: it cannot be told */
} make_rows[] = {
	{ "the socket", "192.0.2.1", "a.example", 4711, NULL, NULL,
	    "there", true, false, "203.0.113.1",
	    OWN "NAME=a.example PORT=4711 DESTPORT=25 PROTO=ESMTP "
	    "HELO=there" },
	{ "no name", "192.0.2.1", NULL, 4711, NULL, NULL, "there", false,
	    false, "203.0.113.1", OWN "NAME=" UN " REVERSE_NAME=" UN
	    " PORT=4711 DESTPORT=25 PROTO=SMTP HELO=there" },
	{ "no port", "192.0.2.1", "a.example", 0, NULL, NULL, NULL, false,
	    false, NULL, "XCLIENT ADDR=192.0.2.1 NAME=a.example PORT=" UN },
	{ "not greeted", "192.0.2.1", "a.example", 4711, NULL, NULL, NULL,
	    true, false, NULL,
	    "XCLIENT ADDR=192.0.2.1 NAME=a.example PORT=4711" },
	{ "IPv6", "2001:db8::1", "a.example", 4711, NULL, NULL, NULL, false,
	    false, "2001:db8::2", "XCLIENT ADDR=IPV6:2001:db8::1 "
	    "DESTADDR=IPV6:2001:db8::2 NAME=a.example PORT=4711 "
	    "DESTPORT=25" },
	{ "another family", "192.0.2.1", "a.example", 4711, NULL, NULL, NULL,
	    false, false, "2001:db8::2",
	    "XCLIENT ADDR=192.0.2.1 NAME=a.example PORT=4711" },
	{ "no address", NULL, NULL, 0, NULL, NULL, "there", true, false,
	    NULL, "XCLIENT ADDR=" UN " NAME=" UN " REVERSE_NAME=" UN
	    " PORT=" UN " PROTO=ESMTP HELO=there" },
	{ "a name that is none", "192.0.2.1", "a..b", 4711, NULL, NULL, NULL,
	    false, false, NULL, "XCLIENT ADDR=192.0.2.1 NAME=" UN
	    " REVERSE_NAME=" UN " PORT=4711" },
	{ "a greeting that is encoded", "192.0.2.1", "a.example", 4711, NULL,
	    NULL, "a+b", true, false, NULL, "XCLIENT ADDR=192.0.2.1 "
	    "NAME=a.example PORT=4711 PROTO=ESMTP HELO=a+2Bb" },
	{ "a greeting that is too long", "192.0.2.1", "a.example", 4711,
	    NULL, NULL, C200 "." C50 ".x12345", true, false, NULL,
	    "XCLIENT ADDR=192.0.2.1 NAME=a.example PORT=4711 PROTO=ESMTP "
	    "HELO=" UN },
	{ "always allowed", "192.0.2.1", "a.example", 4711, NULL, NULL, NULL,
	    false, true, NULL, "XCLIENT ADDR=192.0.2.1 NAME=a.example "
	    "PORT=4711 LOGIN=anonymous" },

	{ "an override", "192.0.2.1", "a.example", 4711,
	    "XCLIENT ADDR=198.51.100.1 NAME=b.example PORT=1", NULL, "there",
	    true, false, "203.0.113.1", "XCLIENT ADDR=198.51.100.1 "
	    "NAME=b.example PORT=1 PROTO=ESMTP HELO=there" },
	{ "an override with a greeting", "192.0.2.1", NULL, 4711,
	    "XCLIENT ADDR=198.51.100.1 NAME=b.example PROTO=SMTP HELO=h",
	    NULL, "there", true, false, NULL, "XCLIENT ADDR=198.51.100.1 "
	    "NAME=b.example PROTO=SMTP HELO=h" },
	{ "an override without an address", "192.0.2.1", "a.example", 4711,
	    "XCLIENT LOGIN=joe", NULL, NULL, false, false, "203.0.113.1",
	    "XCLIENT ADDR=192.0.2.1 NAME=a.example PORT=4711 LOGIN=joe" },
	{ "an override that has a login", "192.0.2.1", NULL, 4711,
	    "XCLIENT ADDR=198.51.100.1 LOGIN=joe", NULL, NULL, false, true,
	    NULL, "XCLIENT ADDR=198.51.100.1 LOGIN=joe" },
	{ "an override without a name", "192.0.2.1", NULL, 4711,
	    "XCLIENT ADDR=198.51.100.1 NAME=[TEMPUNAVAIL]", NULL, NULL,
	    false, false, NULL, "XCLIENT ADDR=198.51.100.1 "
	    "NAME=[TEMPUNAVAIL] REVERSE_NAME=" UN },
	{ "an override with a reverse name alone", "192.0.2.1", NULL, 4711,
	    "XCLIENT ADDR=198.51.100.1 NAME=" UN " REVERSE_NAME=r.example",
	    NULL, NULL, false, false, NULL, "XCLIENT ADDR=198.51.100.1 NAME="
	    UN " REVERSE_NAME=r.example" },
	{ "a damaged override", "192.0.2.1", NULL, 4711, "XCLIENT ADDR=x",
	    NULL, NULL, false, false, NULL, NULL },

	{ "XFORWARD", "192.0.2.1", "a.example", 4711,
	    "XCLIENT ADDR=198.51.100.1 LOGIN=joe",
	    "ADDR=198.51.100.2 NAME=c.example PORT=2 PROTO=SMTP HELO=c "
	    "IDENT=id SOURCE=REMOTE", "there", true, false, "203.0.113.1",
	    "XCLIENT ADDR=198.51.100.2 NAME=c.example PORT=2 PROTO=SMTP "
	    "HELO=c" },
	{ "XFORWARD without more", "192.0.2.1", "a.example", 4711, NULL,
	    "ADDR=198.51.100.2", "there", true, false, "203.0.113.1",
	    "XCLIENT ADDR=198.51.100.2 NAME=" UN " REVERSE_NAME=" UN
	    " PORT=" UN },
	{ "XFORWARD with a protocol that XCLIENT has not", "192.0.2.1", NULL,
	    4711, NULL, "ADDR=198.51.100.2 NAME=c.example PORT=2 PROTO=QMTP",
	    "there", true, false, NULL, "XCLIENT ADDR=198.51.100.2 "
	    "NAME=c.example PORT=2" },
	{ "XFORWARD always allowed", "192.0.2.1", NULL, 4711, NULL,
	    "ADDR=198.51.100.2 NAME=c.example PORT=2", NULL, false, true,
	    NULL, "XCLIENT ADDR=198.51.100.2 NAME=c.example PORT=2 "
	    "LOGIN=anonymous" },
	{ "XFORWARD of nobody", "192.0.2.1", "a.example", 4711, NULL,
	    "ADDR=" UN " HELO=c", "there", true, false, "203.0.113.1",
	    OWN "NAME=a.example PORT=4711 DESTPORT=25 PROTO=ESMTP "
	    "HELO=there" },
	{ "XFORWARD without an address behind an override", "192.0.2.1",
	    NULL, 4711, "XCLIENT ADDR=198.51.100.1", "NAME=c.example",
	    "there", true, false, "203.0.113.1", "XCLIENT ADDR=198.51.100.1 "
	    "PROTO=ESMTP HELO=there" },
};

static void
set_peer(struct session *s, const struct make_row *r)
{
	session_init(s);
	if (r->peer != NULL)
		ck_assert(address_parse(span_of(r->peer), &s->peer));
	s->client = s->peer;
	s->client_port = r->port;
	ck_assert(session_set_text(&s->peer_name, r->peer_name));
	ck_assert(session_set_text(&s->override, r->override));
}

START_TEST(making)
{
	const struct make_row	*r = &make_rows[_i];
	struct session		 s;
	struct assertion_set	 xforward, set;
	struct identity_facts	 facts = { .session = &s, .helo = r->helo,
				     .is_esmtp = r->is_esmtp,
				     .is_anonymous = r->is_anonymous,
				     .local_port = 25 };
	struct err		 err;
	char			 line[ASSERTION_LINE_MAX] = "";
	size_t			 len;
	bool			 is_made;

	set_peer(&s, r);
	if (r->local != NULL)
		ck_assert(address_parse(span_of(r->local), &facts.local));
	if (r->xforward != NULL) {
		ck_assert_int_eq(assertion_parse(span_of(r->xforward),
		    ASSERTION_XFORWARD, XTEXT_STRICT, &xforward, &err),
		    ASSERTION_OK);
		facts.xforward = &xforward;
	}
	is_made = identity_make(&facts, &set);
	ck_assert_msg(is_made == (r->want != NULL), "%s: %d", r->name,
	    is_made);
	if (is_made) {
		ck_assert(assertion_print(&set, line, sizeof line, &len));
		ck_assert_msg(strcmp(line, r->want) == 0,
		    "%s: got %s, want %s", r->name, line, r->want);
	}
	session_clear(&s);
}
END_TEST

#define ALL	((1U << ASSERTION_COUNT) - 1)
#define BIT(n)	(1U << ASSERTION_##n)

static const struct say_row {
	const char	*name;
	const char	*line;		/* the whole identity */
	unsigned	 offered;
	const char	*want[IDENTITY_LINES_MAX + 1];	/* the first NULL: it
							 * cannot be said */
} say_rows[] = {
	{ "all", "ADDR=192.0.2.1 NAME=a.example PORT=1", ALL,
	    { "XCLIENT ADDR=192.0.2.1 NAME=a.example PORT=1" } },
	{ "what is offered", "ADDR=192.0.2.1 NAME=a.example PORT=1 HELO=h",
	    BIT(ADDR) | BIT(HELO) | BIT(LOGIN),
	    { "XCLIENT ADDR=192.0.2.1 HELO=h" } },
	{ "ADDR is not offered", "ADDR=192.0.2.1 NAME=a.example",
	    BIT(NAME), { NULL } },
	{ "nothing is offered", "ADDR=192.0.2.1", 0, { NULL } },
	{ "nothing to say of what is offered", "NAME=a.example",
	    BIT(ADDR), { NULL } },
	{ "510 octets and CRLF", "ADDR=192.0.2.1 NAME=" C200
	    " REVERSE_NAME=" C200 " HELO=" C50 "123456", ALL,
	    { "XCLIENT ADDR=192.0.2.1 NAME=" C200 " REVERSE_NAME=" C200
	    " HELO=" C50 "123456" } },
	{ "511 octets and CRLF", "ADDR=192.0.2.1 NAME=" C200
	    " REVERSE_NAME=" C200 " HELO=" C50 "1234567", ALL,
	    { "XCLIENT NAME=" C200 " REVERSE_NAME=" C200,
	    "XCLIENT ADDR=192.0.2.1 HELO=" C50 "1234567" } },
	{ "two long names", "ADDR=192.0.2.1 NAME=" C200 "." C50
	    " REVERSE_NAME=" C200 "." C50 " PORT=1 LOGIN=joe", ALL,
	    { "XCLIENT NAME=" C200 "." C50,
	    "XCLIENT ADDR=192.0.2.1 PORT=1 LOGIN=joe" } },
	{ "a long greeting and a long login", "ADDR=192.0.2.1 NAME=a.example "
	    "HELO=" C200 "." C50 " LOGIN=" C200 "." C50, ALL,
	    { "XCLIENT NAME=a.example",
	    "XCLIENT ADDR=192.0.2.1 LOGIN=" C200 "." C50 } },
	{ "too long without names", "ADDR=192.0.2.1 HELO=" C200 "." C50
	    " LOGIN=" C200 "." C50, ALL,
	    { "XCLIENT ADDR=192.0.2.1 LOGIN=" C200 "." C50 } },
	{ "long names that are not offered", "ADDR=192.0.2.1 NAME=" C200 "."
	    C50 " REVERSE_NAME=" C200 "." C50 " HELO=" C50, BIT(ADDR) |
	    BIT(HELO), { "XCLIENT ADDR=192.0.2.1 HELO=" C50 } },
};

START_TEST(saying)
{
	const struct say_row	*r = &say_rows[_i];
	struct assertion_set	 set;
	struct identity_lines	 lines;
	struct err		 err;
	unsigned		 i;

	ck_assert_int_eq(assertion_parse(span_of(r->line), ASSERTION_XCLIENT,
	    XTEXT_STRICT, &set, &err), ASSERTION_OK);
	ck_assert_msg(identity_say(&set, r->offered, &lines) ==
	    (r->want[0] != NULL), "%s", r->name);
	for (i = 0; r->want[i] != NULL; i++) {
		ck_assert_msg(i < lines.n, "%s: only %u lines", r->name,
		    lines.n);
		ck_assert_msg(strcmp(lines.line[i], r->want[i]) == 0,
		    "%s: got %s", r->name, lines.line[i]);
		ck_assert_uint_le(strlen(lines.line[i]) + 2,
		    ASSERTION_COMMAND_MAX);
	}
	ck_assert_msg(r->want[0] == NULL || lines.n == i, "%s: %u lines",
	    r->name, lines.n);
}
END_TEST

/* The order is that which an MTA survives that forgets at each XCLIENT: nothing
 * of the second line is in the first, and the address is in the last. */
START_TEST(two_lines)
{
	struct assertion_set	 set, said;
	struct identity_lines	 lines;
	struct err		 err;
	int			 i;

	ck_assert_int_eq(assertion_parse(span_of("ADDR=192.0.2.1 "
	    "DESTADDR=203.0.113.1 NAME=" C200 " REVERSE_NAME=" C200 " PORT=1 "
	    "DESTPORT=25 PROTO=ESMTP HELO=" C50 " LOGIN=joe"),
	    ASSERTION_XCLIENT, XTEXT_STRICT, &set, &err), ASSERTION_OK);
	ck_assert(identity_say(&set, ALL, &lines));
	ck_assert_uint_eq(lines.n, 2);
	ck_assert_int_eq(assertion_parse(span_of(lines.line[0] + 8),
	    ASSERTION_XCLIENT, XTEXT_STRICT, &said, &err), ASSERTION_OK);
	for (i = 0; i < ASSERTION_COUNT; i++)
		ck_assert(said.v[i].status == ASSERTION_ABSENT ||
		    i == ASSERTION_NAME || i == ASSERTION_REVERSE_NAME);
	ck_assert_ptr_nonnull(strstr(lines.line[1], "ADDR=192.0.2.1"));
}
END_TEST

START_TEST(comparing)
{
	struct identity_lines	 a = { 1, { "one" } }, b = { 1, { "one" } };

	ck_assert(identity_equal(&a, &b));
	(void)strcpy(b.line[0], "One");
	ck_assert(!identity_equal(&a, &b));
	b = (struct identity_lines){ 2, { "one", "two" } };
	ck_assert(!identity_equal(&a, &b));
	ck_assert(!identity_equal(&b, &a));
	a = (struct identity_lines){ 2, { "one", "three" } };
	ck_assert(!identity_equal(&a, &b));
	(void)strcpy(a.line[1], "two");
	ck_assert(identity_equal(&a, &b));
	/* What stands behind the last one says nothing. */
	a.n = b.n = 1;
	(void)strcpy(a.line[1], "three");
	ck_assert(identity_equal(&a, &b));
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("identity");

	tcase_add_loop_test(tc, making, 0, NELEM(make_rows));
	tcase_add_loop_test(tc, saying, 0, NELEM(say_rows));
	tcase_add_test(tc, two_lines);
	tcase_add_test(tc, comparing);
	return runner_run("identity", tc);
}
