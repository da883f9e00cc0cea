/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * identity_test: who a message is from, by all that was said, and the lines
 * that say so.
 */
#include "relay/identity.h"

#include <stdio.h>
#include <stdlib.h>

#include "t/lib/runner.h"

#define UN	"[UNAVAILABLE]"
#define C50	"a123456789.b123456789.c123456789.d123456789.e12345"
#define C200	C50 "." C50 "." C50 "." C50
#define DEST	"DESTADDR=203.0.113.1 "
#define OWN	"XCLIENT ADDR=192.0.2.1 " DEST
/* Of a client who has none of its own. */
#define NODEST	" DESTADDR=" UN
#define NOPORT	" DESTPORT=" UN
#define NOHELO	" HELO=" UN
#define NONAME	" NAME=" UN " REVERSE_NAME=" UN
#define NOBODY	"XCLIENT DESTADDR=" UN " ADDR=" UN NONAME " PORT=" UN NOPORT

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
	    false, NULL, "XCLIENT ADDR=192.0.2.1" NODEST " NAME=a.example "
	    "PORT=" UN NOPORT NOHELO },
	{ "not greeted", "192.0.2.1", "a.example", 4711, NULL, NULL, NULL,
	    true, false, NULL, "XCLIENT ADDR=192.0.2.1" NODEST
	    " NAME=a.example PORT=4711" NOPORT NOHELO },
	{ "IPv6", "2001:db8::1", "a.example", 4711, NULL, NULL, NULL, false,
	    false, "2001:db8::2", "XCLIENT ADDR=IPV6:2001:db8::1 "
	    "DESTADDR=IPV6:2001:db8::2 NAME=a.example PORT=4711 "
	    "DESTPORT=25" NOHELO },
	{ "another family", "192.0.2.1", "a.example", 4711, NULL, NULL, "h",
	    false, false, "2001:db8::2", "XCLIENT ADDR=192.0.2.1" NODEST
	    " NAME=a.example PORT=4711" NOPORT " PROTO=SMTP HELO=h" },
	{ "no address", NULL, NULL, 0, NULL, NULL, "there", true, false,
	    NULL, NOBODY " PROTO=ESMTP HELO=there" },
	{ "a name that is none", "192.0.2.1", "a..b", 4711, NULL, NULL, NULL,
	    false, false, NULL, "XCLIENT ADDR=192.0.2.1" NODEST NONAME
	    " PORT=4711" NOPORT NOHELO },
	{ "a greeting that is encoded", "192.0.2.1", "a.example", 4711, NULL,
	    NULL, "a+b", true, false, NULL, "XCLIENT ADDR=192.0.2.1" NODEST
	    " NAME=a.example PORT=4711" NOPORT " PROTO=ESMTP HELO=a+2Bb" },
	{ "a greeting that is too long", "192.0.2.1", "a.example", 4711,
	    NULL, NULL, C200 "." C50 ".x12345", true, false, NULL,
	    "XCLIENT ADDR=192.0.2.1" NODEST " NAME=a.example PORT=4711" NOPORT
	    " PROTO=ESMTP HELO=" UN },
	{ "always allowed", "192.0.2.1", "a.example", 4711, NULL, NULL, "h",
	    false, true, "203.0.113.1", OWN "NAME=a.example PORT=4711 "
	    "DESTPORT=25 PROTO=SMTP HELO=h LOGIN=anonymous" },

	{ "an override", "192.0.2.1", "a.example", 4711,
	    "XCLIENT ADDR=198.51.100.1 NAME=b.example PORT=1", NULL, "there",
	    true, false, "203.0.113.1", "XCLIENT ADDR=198.51.100.1" NODEST
	    " NAME=b.example PORT=1" NOPORT " PROTO=ESMTP HELO=there" },
	{ "an override with a greeting", "192.0.2.1", NULL, 4711,
	    "XCLIENT ADDR=198.51.100.1 NAME=b.example PROTO=SMTP HELO=h",
	    NULL, "there", true, false, NULL, "XCLIENT ADDR=198.51.100.1"
	    NODEST " NAME=b.example" NOPORT " PROTO=SMTP HELO=h" },
	{ "an override with a destination", "192.0.2.1", NULL, 4711,
	    "XCLIENT ADDR=198.51.100.1 DESTADDR=198.51.100.2 NAME=b.example "
	    "PORT=1 DESTPORT=2", NULL, "h", true, false, "203.0.113.1",
	    "XCLIENT ADDR=198.51.100.1 DESTADDR=198.51.100.2 NAME=b.example "
	    "PORT=1 DESTPORT=2 PROTO=ESMTP HELO=h" },
	{ "an override without an address", "192.0.2.1", "a.example", 4711,
	    "XCLIENT LOGIN=joe", NULL, NULL, false, false, "203.0.113.1",
	    "XCLIENT ADDR=192.0.2.1" NODEST " NAME=a.example PORT=4711" NOPORT
	    NOHELO " LOGIN=joe" },
	{ "an override with a name alone", "192.0.2.1", "a.example", 4711,
	    "XCLIENT NAME=client.test", NULL, "h", true, false, NULL,
	    "XCLIENT ADDR=192.0.2.1" NODEST " NAME=client.test PORT=4711"
	    NOPORT " PROTO=ESMTP HELO=h" },
	{ "an override that takes the name away", "192.0.2.1", "a.example",
	    4711, "XCLIENT NAME=" UN, NULL, "h", true, false, NULL,
	    "XCLIENT ADDR=192.0.2.1" NODEST NONAME " PORT=4711" NOPORT
	    " PROTO=ESMTP HELO=h" },
	{ "an override with a port alone", "192.0.2.1", "a.example", 4711,
	    "XCLIENT PORT=9", NULL, "h", true, false, NULL,
	    "XCLIENT ADDR=192.0.2.1" NODEST " NAME=a.example PORT=9" NOPORT
	    " PROTO=ESMTP HELO=h" },
	{ "an override with a destination of another family", "192.0.2.1",
	    "a.example", 4711, "XCLIENT DESTADDR=IPV6:2001:db8::1 "
	    "DESTPORT=7", NULL, "h", true, false, NULL,
	    "XCLIENT ADDR=192.0.2.1" NODEST " NAME=a.example PORT=4711 "
	    "DESTPORT=7 PROTO=ESMTP HELO=h" },
	{ "an override that has a login", "192.0.2.1", NULL, 4711,
	    "XCLIENT ADDR=198.51.100.1 LOGIN=joe", NULL, NULL, false, true,
	    NULL, "XCLIENT ADDR=198.51.100.1" NODEST NOPORT NOHELO
	    " LOGIN=joe" },
	{ "an override that has no login", "192.0.2.1", NULL, 4711,
	    "XCLIENT ADDR=198.51.100.1 LOGIN=" UN, NULL, NULL, false, true,
	    NULL, "XCLIENT ADDR=198.51.100.1" NODEST NOPORT NOHELO
	    " LOGIN=anonymous" },
	{ "an override that has no login, not always allowed", "192.0.2.1",
	    NULL, 4711, "XCLIENT ADDR=198.51.100.1 LOGIN=" UN, NULL, NULL,
	    false, false, NULL, "XCLIENT ADDR=198.51.100.1" NODEST NOPORT
	    NOHELO " LOGIN=" UN },
	{ "an override without a name", "192.0.2.1", NULL, 4711,
	    "XCLIENT ADDR=198.51.100.1 NAME=[TEMPUNAVAIL]", NULL, NULL,
	    false, false, NULL, "XCLIENT ADDR=198.51.100.1" NODEST
	    " NAME=[TEMPUNAVAIL] REVERSE_NAME=" UN NOPORT NOHELO },
	{ "an override with a reverse name alone", "192.0.2.1", NULL, 4711,
	    "XCLIENT ADDR=198.51.100.1 NAME=" UN " REVERSE_NAME=r.example",
	    NULL, NULL, false, false, NULL, "XCLIENT ADDR=198.51.100.1" NODEST
	    " NAME=" UN " REVERSE_NAME=r.example" NOPORT NOHELO },
	{ "an override with nobody", "192.0.2.1", "a.example", 4711,
	    "XCLIENT ADDR=" UN " NAME=" UN " PORT=" UN, NULL, "h", true,
	    false, "203.0.113.1", NOBODY " PROTO=ESMTP HELO=h" },
	{ "a damaged override", "192.0.2.1", NULL, 4711, "XCLIENT ADDR=x",
	    NULL, NULL, false, false, NULL, NULL },

	{ "XFORWARD", "192.0.2.1", "a.example", 4711,
	    "XCLIENT ADDR=198.51.100.1 LOGIN=joe",
	    "ADDR=198.51.100.2 NAME=c.example PORT=2 PROTO=SMTP HELO=c "
	    "IDENT=id SOURCE=REMOTE", "there", true, false, "203.0.113.1",
	    "XCLIENT ADDR=198.51.100.2" NODEST " NAME=c.example PORT=2" NOPORT
	    " PROTO=SMTP HELO=c" },
	{ "XFORWARD without more", "192.0.2.1", "a.example", 4711, NULL,
	    "ADDR=198.51.100.2", "there", true, false, "203.0.113.1",
	    "XCLIENT ADDR=198.51.100.2" NODEST NONAME " PORT=" UN NOPORT
	    NOHELO },
	{ "XFORWARD with a protocol that XCLIENT has not", "192.0.2.1", NULL,
	    4711, NULL, "ADDR=198.51.100.2 NAME=c.example PORT=2 PROTO=QMTP",
	    "there", true, false, NULL, "XCLIENT ADDR=198.51.100.2" NODEST
	    " NAME=c.example PORT=2" NOPORT NOHELO },
	{ "XFORWARD always allowed", "192.0.2.1", NULL, 4711, NULL,
	    "ADDR=198.51.100.2 NAME=c.example PORT=2", NULL, false, true,
	    NULL, "XCLIENT ADDR=198.51.100.2" NODEST " NAME=c.example PORT=2"
	    NOPORT NOHELO " LOGIN=anonymous" },
	{ "XFORWARD of nobody", "192.0.2.1", "a.example", 4711, NULL,
	    "ADDR=" UN " HELO=c", "there", true, false, "203.0.113.1",
	    OWN "NAME=a.example PORT=4711 DESTPORT=25 PROTO=ESMTP "
	    "HELO=there" },
	{ "XFORWARD of the messenger's own mail", "192.0.2.1", "a.example",
	    4711, NULL, "SOURCE=LOCAL", "there", true, false, "203.0.113.1",
	    OWN "NAME=a.example PORT=4711 DESTPORT=25 PROTO=ESMTP "
	    "HELO=there" },
	{ "XFORWARD of a remote client whom nobody knows", "192.0.2.1",
	    "a.example", 4711, NULL, "ADDR=" UN " HELO=c SOURCE=REMOTE",
	    "there", true, false, "203.0.113.1", NOBODY " HELO=c" },
	{ "XFORWARD without an address behind an override", "192.0.2.1",
	    NULL, 4711, "XCLIENT ADDR=198.51.100.1", "NAME=c.example",
	    "there", true, false, "203.0.113.1", "XCLIENT ADDR=198.51.100.1"
	    NODEST NOPORT " PROTO=ESMTP HELO=there" },
};

/* What is loopback here is not there: told to a next hop that is on loopback,
 * and to one that is not. */
static const struct local_row {
	const char	*name;
	const char	*peer, *peer_name, *override, *xforward, *local;
	bool		 is_anonymous;
	const char	*here, *there;	/* NULL: the same */
	bool		 is_own;	/* and may go there without XCLIENT */
} local_rows[] = {
	{ "this host's own mail", "127.0.0.1", "localhost", NULL, NULL,
	    "127.0.0.1", false, "XCLIENT ADDR=127.0.0.1 DESTADDR=127.0.0.1 "
	    "NAME=localhost PORT=4711 DESTPORT=25 PROTO=ESMTP HELO=h",
	    NOBODY " PROTO=ESMTP HELO=h", true },
	{ "another loopback address", "127.9.9.9", NULL, NULL, NULL, NULL,
	    false, "XCLIENT ADDR=127.9.9.9" NODEST NONAME " PORT=4711" NOPORT
	    " PROTO=ESMTP HELO=h", NOBODY " PROTO=ESMTP HELO=h", true },
	{ "the same in IPv6", "::1", "localhost", NULL, NULL, "::1", false,
	    "XCLIENT ADDR=IPV6:::1 DESTADDR=IPV6:::1 NAME=localhost "
	    "PORT=4711 DESTPORT=25 PROTO=ESMTP HELO=h",
	    NOBODY " PROTO=ESMTP HELO=h", true },
	{ "the same in IPv6 for IPv4", "::ffff:127.0.0.1", "localhost", NULL,
	    NULL, NULL, false, "XCLIENT ADDR=127.0.0.1" NODEST
	    " NAME=localhost PORT=4711" NOPORT " PROTO=ESMTP HELO=h",
	    NOBODY " PROTO=ESMTP HELO=h", true },
	{ "a UNIX-domain socket", NULL, NULL, NULL, NULL, NULL, false, NOBODY
	    " PROTO=ESMTP HELO=h", NULL, true },
	{ "Postfix's own mail", "127.0.0.1", "localhost", NULL,
	    "ADDR=127.0.0.1 NAME=localhost PORT=2 HELO=c SOURCE=LOCAL", NULL,
	    false, "XCLIENT ADDR=127.0.0.1" NODEST " NAME=localhost PORT=2"
	    NOPORT " HELO=c", NOBODY " HELO=c", true },
	{ "Postfix's bounces", "127.0.0.1", "localhost", NULL,
	    "SOURCE=LOCAL", NULL, false, "XCLIENT ADDR=127.0.0.1" NODEST
	    " NAME=localhost PORT=4711" NOPORT " PROTO=ESMTP HELO=h",
	    NOBODY " PROTO=ESMTP HELO=h", true },
	{ "another host's own mail", "192.0.2.1", "a.example", NULL,
	    "ADDR=127.0.0.1 NAME=localhost PORT=2 HELO=c SOURCE=LOCAL", NULL,
	    false, "XCLIENT ADDR=127.0.0.1" NODEST " NAME=localhost PORT=2"
	    NOPORT " HELO=c", NOBODY " HELO=c", false },
	{ "an override", "127.0.0.1", "localhost",
	    "XCLIENT ADDR=127.0.0.1 NAME=localhost PORT=7 LOGIN=joe", NULL,
	    NULL, false, "XCLIENT ADDR=127.0.0.1" NODEST " NAME=localhost "
	    "PORT=7" NOPORT " PROTO=ESMTP HELO=h LOGIN=joe",
	    NOBODY " PROTO=ESMTP HELO=h LOGIN=joe", false },
	{ "an override that names nobody", "127.0.0.1", "localhost",
	    "XCLIENT ADDR=" UN " NAME=" UN " PORT=" UN, NULL, NULL, false,
	    NOBODY " PROTO=ESMTP HELO=h", NULL, false },
	{ "a remote client whom nobody knows", "127.0.0.1", "localhost",
	    NULL, "HELO=c SOURCE=REMOTE", NULL, false, NOBODY " HELO=c", NULL,
	    false },
	{ "always allowed", "127.0.0.1", "localhost", NULL, NULL, NULL, true,
	    "XCLIENT ADDR=127.0.0.1" NODEST " NAME=localhost PORT=4711" NOPORT
	    " PROTO=ESMTP HELO=h LOGIN=anonymous",
	    NOBODY " PROTO=ESMTP HELO=h LOGIN=anonymous", false },
	{ "a destination on loopback", "127.0.0.1", "localhost",
	    "XCLIENT ADDR=192.0.2.9 NAME=b.example PORT=7 "
	    "DESTADDR=127.0.0.1 DESTPORT=25", NULL, NULL, false,
	    "XCLIENT ADDR=192.0.2.9 DESTADDR=127.0.0.1 NAME=b.example PORT=7 "
	    "DESTPORT=25 PROTO=ESMTP HELO=h", "XCLIENT ADDR=192.0.2.9" NODEST
	    " NAME=b.example PORT=7" NOPORT " PROTO=ESMTP HELO=h", false },
	{ "a client from elsewhere", "127.0.0.1", "localhost", NULL,
	    "ADDR=192.0.2.9 NAME=b.example PORT=7 HELO=c SOURCE=REMOTE", NULL,
	    false, "XCLIENT ADDR=192.0.2.9" NODEST " NAME=b.example PORT=7"
	    NOPORT " HELO=c", NULL, false },
};

static void
set_session(struct session *s, const char *peer, const char *peer_name,
    uint16_t port, const char *override)
{
	session_init(s);
	if (peer != NULL)
		ck_assert(address_parse(span_of(peer), &s->peer));
	s->client = s->peer;
	s->client_port = port;
	ck_assert(session_set_text(&s->peer_name, peer_name));
	ck_assert(session_set_text(&s->override, override));
}

/* NULL: nothing was said. */
static const struct assertion_set *
read_xforward(const char *args, struct assertion_set *set)
{
	struct err	 err;

	if (args == NULL)
		return NULL;
	ck_assert_int_eq(assertion_parse(span_of(args), ASSERTION_XFORWARD,
	    XTEXT_STRICT, set, &err), ASSERTION_OK);
	return set;
}

START_TEST(making)
{
	const struct make_row	*r = &make_rows[_i];
	struct session		 s;
	struct assertion_set	 xforward, set;
	struct identity_sources	 sources = { .session = &s, .helo = r->helo,
				     .is_esmtp = r->is_esmtp,
				     .is_anonymous = r->is_anonymous,
				     .local_port = 25 };
	char			 line[ASSERTION_LINE_MAX] = "";
	size_t			 len;
	bool			 is_made;

	set_session(&s, r->peer, r->peer_name, r->port, r->override);
	if (r->local != NULL)
		ck_assert(address_parse(span_of(r->local), &sources.local));
	sources.xforward = read_xforward(r->xforward, &xforward);
	is_made = identity_make(&sources, &set);
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

static void
check_told(const char *name, const struct identity_sources *sources,
    bool is_required, const char *want)
{
	const struct identity_terms	 terms = { ALL, XCLIENT_POSTFIX,
					     is_required };
	struct identity_lines		 lines;

	ck_assert_int_eq(identity_tell(sources, &terms, &lines),
	    IDENTITY_TOLD);
	ck_assert_msg(lines.n == (want == NULL ? 0 : 1), "%s: %u lines",
	    name, lines.n);
	ck_assert_msg(want == NULL || strcmp(lines.line[0], want) == 0,
	    "%s: got %s, want %s", name, lines.line[0], want);
}

START_TEST(loopback)
{
	const struct local_row	*r = &local_rows[_i];
	struct session		 s;
	struct assertion_set	 xforward;
	struct identity_sources	 sources = { .session = &s, .helo = "h",
				     .is_esmtp = true, .local_port = 25,
				     .is_anonymous = r->is_anonymous };
	const char		*there = r->there == NULL ? r->here : r->there;

	set_session(&s, r->peer, r->peer_name, r->peer == NULL ? 0 : 4711,
	    r->override);
	if (r->local != NULL)
		ck_assert(address_parse(span_of(r->local), &sources.local));
	sources.xforward = read_xforward(r->xforward, &xforward);
	check_told(r->name, &sources, true, there);
	check_told(r->name, &sources, false, r->is_own ? NULL : there);
	sources.is_hop_on_loopback = true;
	check_told(r->name, &sources, true, r->here);
	check_told(r->name, &sources, false, r->here);
	session_clear(&s);
}
END_TEST

/* Not a word of it, whatever is said. */
START_TEST(local_addresses)
{
	static const struct {
		const char	*addr;
		bool		 want;
	} rows[] = {
		{ "127.0.0.1", true }, { "127.255.255.255", true },
		{ "0.0.0.0", true }, { "::1", true }, { "::", true },
		{ "::ffff:127.0.0.1", true }, { "128.0.0.1", false },
		{ "126.255.255.255", false }, { "1.0.0.0", false },
		{ "::2", false }, { "2001:db8::1", false },
		{ "100::1", false }, { "10.0.0.1", false },
	};
	struct address	 addr = { .family = AF_UNSPEC };
	size_t		 i;

	ck_assert(!identity_is_local(&addr));
	for (i = 0; i < NELEM(rows); i++) {
		ck_assert(address_parse(span_of(rows[i].addr), &addr));
		ck_assert_msg(identity_is_local(&addr) == rows[i].want, "%s",
		    rows[i].addr);
	}
}
END_TEST

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

#define WHERE4	"ADDR=192.0.2.1 DESTADDR=192.0.2.2 PORT=1 DESTPORT=2"
#define WHERE6	"ADDR=IPV6:2001:db8::1 DESTADDR=IPV6:2001:db8::2 PORT=1 " \
	"DESTPORT=2"
#define BARE6	"ADDR=2001:db8::1 DESTADDR=2001:db8::2 PORT=1 DESTPORT=2"
#define WHO	"NAME=a.example REVERSE_NAME=b.example PROTO=ESMTP HELO=h"
#define KUMOMTA	(BIT(ADDR) | BIT(PORT) | BIT(DESTADDR) | BIT(DESTPORT))
#define EXIM	(KUMOMTA | BIT(NAME) | BIT(LOGIN))
#define DOVECOT	(KUMOMTA | BIT(PROTO) | BIT(HELO) | BIT(LOGIN))

/* What others than Postfix read: as their sources do. */
static const struct dialect_row {
	const char	*name;
	const char	*line;		/* the whole identity */
	unsigned	 offered;
	const char	*want[IDENTITY_LINES_MAX + 1];
	enum xclient_dialect	 dialect;
} dialect_rows[] = {
	{ "IPv6", "ADDR=IPV6:2001:db8::1 DESTADDR=IPV6:2001:db8::2 "
	    "HELO=ADDR+3DIPV6:x", ALL, { "XCLIENT ADDR=IPV6:2001:db8::1 "
	    "DESTADDR=IPV6:2001:db8::2 HELO=ADDR+3DIPV6:x" },
	    XCLIENT_POSTFIX },

	{ "KumoMTA", WHERE4 " " WHO, KUMOMTA, { "XCLIENT " WHERE4 },
	    XCLIENT_KUMOMTA },
	{ "KumoMTA, whatever it offers", WHERE4 " " WHO, ALL,
	    { "XCLIENT " WHERE4 }, XCLIENT_KUMOMTA },
	{ "KumoMTA and IPv6", WHERE6, KUMOMTA, { "XCLIENT " BARE6 },
	    XCLIENT_KUMOMTA },
	{ "KumoMTA and no port", "ADDR=192.0.2.1 PORT=" UN NODEST NOPORT,
	    KUMOMTA, { "XCLIENT ADDR=192.0.2.1 PORT=0" }, XCLIENT_KUMOMTA },
	{ "KumoMTA and nothing of the port", "ADDR=192.0.2.1", KUMOMTA,
	    { "XCLIENT ADDR=192.0.2.1 PORT=0" }, XCLIENT_KUMOMTA },
	{ "KumoMTA and half a destination", "ADDR=192.0.2.1 PORT=1 "
	    "DESTADDR=192.0.2.2", KUMOMTA, { "XCLIENT ADDR=192.0.2.1 "
	    "DESTADDR=192.0.2.2 PORT=1" }, XCLIENT_KUMOMTA },
	{ "KumoMTA and the other half", "ADDR=192.0.2.1 PORT=1 DESTPORT=2",
	    KUMOMTA, { "XCLIENT ADDR=192.0.2.1 PORT=1" }, XCLIENT_KUMOMTA },
	{ "KumoMTA and nobody", "ADDR=" UN " PORT=1", KUMOMTA, { NULL },
	    XCLIENT_KUMOMTA },

	{ "Exim", WHERE4 " " WHO " LOGIN=joe", EXIM, { "XCLIENT "
	    "ADDR=192.0.2.1 DESTADDR=192.0.2.2 NAME=a.example PORT=1 "
	    "DESTPORT=2 LOGIN=joe" }, XCLIENT_EXIM },
	{ "Exim and IPv6", WHERE6, EXIM, { "XCLIENT " BARE6 " LOGIN=" UN },
	    XCLIENT_EXIM },
	{ "Exim and no login", "ADDR=192.0.2.1 PORT=1 NAME=" UN, EXIM,
	    { "XCLIENT ADDR=192.0.2.1 NAME=" UN " PORT=1 LOGIN=" UN },
	    XCLIENT_EXIM },
	{ "Exim and a name beside a login that are too long",
	    "ADDR=IPV6:2001:db8::1 NAME=" C200 "." C50 " PORT=1 LOGIN=" C200
	    "." C50, EXIM, { "XCLIENT ADDR=2001:db8::1 NAME=" C200 "." C50
	    " PORT=1", "XCLIENT ADDR=2001:db8::1 PORT=1 LOGIN=" C200 "." C50 },
	    XCLIENT_EXIM },
	{ "Exim and nobody", "ADDR=" UN " PORT=1", EXIM, { NULL },
	    XCLIENT_EXIM },

	{ "Dovecot", WHERE4 " " WHO " LOGIN=joe", DOVECOT, { "XCLIENT "
	    WHERE4 " PROTO=ESMTP HELO=h LOGIN=joe" }, XCLIENT_DOVECOT },
	{ "Dovecot and IPv6", WHERE6, DOVECOT, { "XCLIENT " BARE6 },
	    XCLIENT_DOVECOT },
	{ "Dovecot and port 0", "ADDR=192.0.2.1 PORT=0 DESTPORT=0", DOVECOT,
	    { "XCLIENT ADDR=192.0.2.1 PORT=" UN " DESTPORT=" UN },
	    XCLIENT_DOVECOT },
	{ "Dovecot and a greeting that is no domain",
	    "ADDR=192.0.2.1 HELO=a_b", DOVECOT, { "XCLIENT ADDR=192.0.2.1"
	    NOHELO }, XCLIENT_DOVECOT },
	{ "Dovecot and an address for a greeting",
	    "ADDR=192.0.2.1 HELO=[IPv6:::1]", DOVECOT,
	    { "XCLIENT ADDR=192.0.2.1 HELO=[IPv6:::1]" }, XCLIENT_DOVECOT },
	{ "Dovecot and brackets around nothing",
	    "ADDR=192.0.2.1 HELO=[]", DOVECOT, { "XCLIENT ADDR=192.0.2.1"
	    NOHELO }, XCLIENT_DOVECOT },
	{ "Dovecot and nobody", "ADDR=" UN " PORT=1", DOVECOT, { NULL },
	    XCLIENT_DOVECOT },
};

static void
check_said(const char *name, const char *line, unsigned offered,
    enum xclient_dialect dialect, const char *const *want)
{
	const struct identity_terms	 terms = { offered, dialect, false };
	struct assertion_set		 set;
	struct identity_lines		 lines;
	struct err			 err;
	unsigned			 i;

	ck_assert_int_eq(assertion_parse(span_of(line), ASSERTION_XCLIENT,
	    XTEXT_STRICT, &set, &err), ASSERTION_OK);
	ck_assert_msg(identity_say(&set, &terms, &lines) ==
	    (want[0] != NULL), "%s", name);
	for (i = 0; want[i] != NULL; i++) {
		ck_assert_msg(i < lines.n, "%s: only %u lines", name,
		    lines.n);
		ck_assert_msg(strcmp(lines.line[i], want[i]) == 0,
		    "%s: got %s", name, lines.line[i]);
		ck_assert_uint_le(strlen(lines.line[i]) + 2,
		    ASSERTION_COMMAND_MAX);
	}
	ck_assert_msg(want[0] == NULL || lines.n == i, "%s: %u lines", name,
	    lines.n);
}

START_TEST(saying)
{
	const struct say_row	*r = &say_rows[_i];

	check_said(r->name, r->line, r->offered, XCLIENT_AUTO, r->want);
}
END_TEST

START_TEST(saying_to_others)
{
	const struct dialect_row	*r = &dialect_rows[_i];

	check_said(r->name, r->line, r->offered, r->dialect, r->want);
}
END_TEST

/* The order is that which an MTA survives that forgets at each XCLIENT: nothing
 * of the second line is in the first, and the address is in the last. */
START_TEST(two_lines)
{
	const struct identity_terms	 terms = { ALL, XCLIENT_AUTO, false };
	struct assertion_set	 set, said;
	struct identity_lines	 lines;
	struct err		 err;
	int			 i;

	ck_assert_int_eq(assertion_parse(span_of("ADDR=192.0.2.1 "
	    "DESTADDR=203.0.113.1 NAME=" C200 " REVERSE_NAME=" C200 " PORT=1 "
	    "DESTPORT=25 PROTO=ESMTP HELO=" C50 " LOGIN=joe"),
	    ASSERTION_XCLIENT, XTEXT_STRICT, &set, &err), ASSERTION_OK);
	ck_assert(identity_say(&set, &terms, &lines));
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
	struct identity_lines	 a = { .n = 1, .line = { "one" } }, b = a;

	ck_assert(identity_equal(&a, &b));
	(void)strcpy(b.line[0], "One");
	ck_assert(!identity_equal(&a, &b));
	b = (struct identity_lines){ .n = 2, .line = { "one", "two" } };
	ck_assert(!identity_equal(&a, &b));
	ck_assert(!identity_equal(&b, &a));
	a = (struct identity_lines){ .n = 2, .line = { "one", "three" } };
	ck_assert(!identity_equal(&a, &b));
	(void)strcpy(a.line[1], "two");
	ck_assert(identity_equal(&a, &b));
	/* What stands behind the last one says nothing. */
	a.n = b.n = 1;
	(void)strcpy(a.line[1], "three");
	ck_assert(identity_equal(&a, &b));
}
END_TEST

/*
 * What a next hop was told before
 */

static void
say(const char *line, enum xclient_dialect dialect,
    struct identity_lines *lines_r)
{
	const struct identity_terms	 terms = { ALL, dialect, false };
	struct assertion_set		 set;
	struct err			 err;

	identity_say_nothing(lines_r);
	if (line == NULL)
		return;
	ck_assert_int_eq(assertion_parse(span_of(line), ASSERTION_XCLIENT,
	    XTEXT_STRICT, &set, &err), ASSERTION_OK);
	ck_assert(identity_say(&set, &terms, lines_r));
}

static const struct replace_row {
	const char		*name;
	enum xclient_dialect	 dialect;
	const char		*told, *then;	/* NULL: nothing */
	bool			 want;
} replace_rows[] = {
	{ "the first", XCLIENT_POSTFIX, NULL, "ADDR=192.0.2.1", true },
	{ "nobody behind somebody", XCLIENT_POSTFIX, "ADDR=192.0.2.1", NULL,
	    false },
	{ "nobody behind nobody", XCLIENT_POSTFIX, NULL, NULL, true },
	{ "what XCLIENT resets", XCLIENT_POSTFIX, "ADDR=192.0.2.1 NAME=a.b "
	    "REVERSE_NAME=a.b PROTO=SMTP HELO=h LOGIN=joe",
	    "ADDR=192.0.2.2 NAME=c.d", true },
	{ "a name", XCLIENT_POSTFIX, "ADDR=192.0.2.1 NAME=a.b",
	    "ADDR=192.0.2.2", false },
	{ "a destination", XCLIENT_AUTO, "ADDR=192.0.2.1 "
	    "DESTADDR=192.0.2.3", "ADDR=192.0.2.2", false },
	{ "a destination that is taken away", XCLIENT_POSTFIX,
	    "ADDR=192.0.2.1 DESTADDR=192.0.2.3", "ADDR=192.0.2.2" NODEST,
	    true },
	{ "KumoMTA", XCLIENT_KUMOMTA, WHERE4, WHERE6, true },
	{ "KumoMTA and a destination that is not known", XCLIENT_KUMOMTA,
	    WHERE4, "ADDR=192.0.2.1 PORT=1" NODEST NOPORT, false },
	{ "KumoMTA and a port that is not known", XCLIENT_KUMOMTA,
	    "ADDR=192.0.2.1 PORT=1", "ADDR=192.0.2.1", true },
	{ "Dovecot and a login", XCLIENT_DOVECOT, "ADDR=192.0.2.1 LOGIN=joe",
	    "ADDR=192.0.2.1", false },
	{ "Dovecot and a login that is taken away", XCLIENT_DOVECOT,
	    "ADDR=192.0.2.1 LOGIN=joe", "ADDR=192.0.2.1 LOGIN=" UN, false },
	{ "Dovecot and another login", XCLIENT_DOVECOT,
	    "ADDR=192.0.2.1 LOGIN=joe", "ADDR=192.0.2.1 LOGIN=ann", true },
	{ "Exim and a login", XCLIENT_EXIM, "ADDR=192.0.2.1 PORT=1 LOGIN=joe",
	    "ADDR=192.0.2.1 PORT=1", true },
	{ "Exim and a name", XCLIENT_EXIM, "ADDR=192.0.2.1 PORT=1 NAME=a.b",
	    "ADDR=192.0.2.1 PORT=1", false },
	{ "Exim behind a port that was not known", XCLIENT_EXIM,
	    "ADDR=192.0.2.1 PORT=" UN, "ADDR=192.0.2.1 PORT=1", false },
};

START_TEST(replacing)
{
	const struct replace_row	*r = &replace_rows[_i];
	struct identity_lines		 told, then;

	say(r->told, r->dialect, &told);
	say(r->then, r->dialect, &then);
	ck_assert_msg(identity_replaces(&then, &told) == r->want, "%s",
	    r->name);
}
END_TEST

/*
 * Whether it is still so
 */

/* All that lines are made of. */
struct inputs {
	const char		*peer, *peer_name, *override, *xforward;
	const char		*helo, *local;
	unsigned		 port, local_port, is_esmtp, is_anonymous;
	unsigned		 is_here, offered, dialect, is_required;
};

struct made {
	struct session		 session;
	struct assertion_set	 xforward;
	struct identity_sources	 sources;
	struct identity_terms	 terms;
	struct identity_lines	 lines;
	enum identity_result	 result;
};

static void
make(const struct inputs *in, struct made *m)
{
	set_session(&m->session, in->peer, in->peer_name,
	    (uint16_t)in->port, in->override);
	m->sources = (struct identity_sources){
		.session = &m->session,
		.xforward = read_xforward(in->xforward, &m->xforward),
		.helo = in->helo, .is_esmtp = in->is_esmtp != 0,
		.is_anonymous = in->is_anonymous != 0,
		.is_hop_on_loopback = in->is_here != 0,
		.local_port = (uint16_t)in->local_port
	};
	if (in->local != NULL)
		ck_assert(address_parse(span_of(in->local), &m->sources.local));
	m->terms = (struct identity_terms){ in->offered,
		(enum xclient_dialect)in->dialect, in->is_required != 0 };
	m->result = identity_tell(&m->sources, &m->terms, &m->lines);
}

/* Whether what has become of a is known to be right for b. */
static bool
is_current(const struct made *a, const struct made *b)
{
	return identity_is_current(&a->lines, &b->sources, &b->terms);
}

static const struct inputs	 plain = {
	.peer = "192.0.2.1", .peer_name = "a.b", .helo = "h",
	.local = "192.0.2.2", .port = 1, .local_port = 2, .offered = ALL,
	.dialect = XCLIENT_POSTFIX
};

#define TEXT(field, text)	offsetof(struct inputs, field), true, text, 0
#define NUMBER(field, number)	offsetof(struct inputs, field), false, NULL, \
	number

/* One input that lines are made of is another one. */
static const struct change_row {
	const char	*name;
	size_t		 at;
	bool		 is_text;
	const char	*text;
	unsigned	 number;
} change_rows[] = {
	{ "the peer", TEXT(peer, "192.0.2.3") },
	{ "no peer", TEXT(peer, NULL) },
	{ "the peer's family", TEXT(peer, "c000:201::") },
	{ "the peer's name", TEXT(peer_name, "a.c") },
	{ "no name", TEXT(peer_name, NULL) },
	{ "the port", NUMBER(port, 257) },
	{ "an override", TEXT(override, "XCLIENT LOGIN=j") },
	{ "another greeting", TEXT(helo, "H") },
	{ "a long greeting", TEXT(helo, C200) },
	{ "no greeting", TEXT(helo, NULL) },
	{ "an empty greeting", TEXT(helo, "") },
	{ "ESMTP", NUMBER(is_esmtp, 1) },
	{ "always allowed", NUMBER(is_anonymous, 1) },
	{ "another hop", NUMBER(is_here, 1) },
	{ "our address", TEXT(local, "192.0.2.3") },
	{ "no address of ours", TEXT(local, NULL) },
	{ "our port", NUMBER(local_port, 3) },
	{ "what is offered", NUMBER(offered, BIT(ADDR)) },
	{ "the dialect", NUMBER(dialect, XCLIENT_EXIM) },
	{ "the mode", NUMBER(is_required, 1) },
	{ "XFORWARD", TEXT(xforward, "ADDR=192.0.2.9") },
	{ "another XFORWARD", TEXT(xforward, "ADDR=192.0.2.8") },
	{ "XFORWARD with a name", TEXT(xforward, "ADDR=192.0.2.9 NAME=c.d") },
	{ "XFORWARD with no name", TEXT(xforward, "ADDR=192.0.2.9 NAME=" UN) },
	{ "XFORWARD with a source", TEXT(xforward,
	    "ADDR=192.0.2.9 SOURCE=REMOTE") },
	{ "XFORWARD of nobody", TEXT(xforward, "SOURCE=REMOTE") },
};

static struct inputs
changed(const struct inputs *from, const struct change_row *r)
{
	struct inputs	 in = *from;

	if (r->is_text)
		memcpy((char *)&in + r->at, &r->text, sizeof r->text);
	else
		memcpy((char *)&in + r->at, &r->number, sizeof r->number);
	return in;
}

/* Each change of the plain inputs is seen, against each other change, too. */
START_TEST(changing)
{
	struct made	*a = calloc(2, sizeof *a), *b = &a[1];
	struct inputs	 in = changed(&plain, &change_rows[_i]);
	size_t		 i;

	ck_assert_ptr_nonnull(a);
	make(&in, a);
	ck_assert(is_current(a, a));
	make(&plain, b);
	ck_assert_msg(!is_current(a, b), "%s", change_rows[_i].name);
	ck_assert_msg(!is_current(b, a), "%s", change_rows[_i].name);
	session_clear(&b->session);
	for (i = 0; i < NELEM(change_rows); i++) {
		in = changed(&plain, &change_rows[i]);
		make(&in, b);
		ck_assert_msg(is_current(a, b) == (i == (size_t)_i),
		    "%s, then %s", change_rows[_i].name, change_rows[i].name);
		session_clear(&b->session);
	}
	session_clear(&a->session);
	free(a);
}
END_TEST

/* Lines that were taken back, or whose source was too much to be kept, are made
 * anew. */
START_TEST(not_current)
{
	struct inputs	 large = plain;
	struct made	 m;

	make(&plain, &m);
	ck_assert(is_current(&m, &m));
	m.lines.n = 0;
	ck_assert(!is_current(&m, &m));
	identity_say_nothing(&m.lines);
	ck_assert(!is_current(&m, &m));
	session_clear(&m.session);
	large.helo = C200;
	large.override = "XCLIENT LOGIN=" C200;
	make(&large, &m);
	ck_assert_int_eq(m.result, IDENTITY_TOLD);
	ck_assert(!is_current(&m, &m));
	session_clear(&m.session);
}
END_TEST

static const char *
any(const char *const *from, size_t n, unsigned *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return from[(*seed >> 16) % n];
}

#define ANY(...)							\
	any((const char *const []){ __VA_ARGS__ },			\
	    NELEM(((const char *const []){ __VA_ARGS__ })), seed)

/* Draws one field anew in eight. */
#define DRAW(field, ...)						\
	do {								\
		if (ANY(NULL, "", "", "", "", "", "", "") == NULL)	\
			in->field = __VA_ARGS__;			\
	} while (0)
#define BOOL	(ANY(NULL, "") == NULL)

static void
draw(struct inputs *in, unsigned *seed)
{
	DRAW(peer, ANY(NULL, "127.0.0.1", "192.0.2.1", "2001:db8::1"));
	DRAW(peer_name, ANY(NULL, "a.b"));
	DRAW(override, ANY(NULL, NULL, "XCLIENT LOGIN=j",
	    "XCLIENT ADDR=192.0.2.7", "XCLIENT x"));
	DRAW(xforward, ANY(NULL, NULL, "SOURCE=LOCAL", "SOURCE=REMOTE",
	    "ADDR=192.0.2.1", "ADDR=192.0.2.1 HELO=h"));
	DRAW(helo, ANY(NULL, "h", "a_b"));
	DRAW(local, ANY(NULL, "192.0.2.2"));
	DRAW(port, BOOL);
	DRAW(is_esmtp, BOOL);
	DRAW(is_anonymous, BOOL);
	DRAW(is_here, BOOL);
	DRAW(offered, BOOL ? ALL : KUMOMTA);
	DRAW(dialect, BOOL ? XCLIENT_POSTFIX : XCLIENT_KUMOMTA);
	DRAW(is_required, BOOL);
}

/* Whatever is put together: if it is said to be as it was, it is. */
START_TEST(never_current_when_it_is_not)
{
	struct made	*m = calloc(2, sizeof *m);
	struct inputs	 in = plain;
	unsigned	 seed = 1, i, n_current = 0;

	ck_assert_ptr_nonnull(m);
	make(&in, &m[0]);
	make(&in, &m[1]);
	for (i = 0; i < 20000; i++) {
		if (m[0].result == IDENTITY_TOLD && is_current(&m[0], &m[1])) {
			n_current++;
			ck_assert_int_eq(m[1].result, IDENTITY_TOLD);
			ck_assert(identity_equal(&m[0].lines, &m[1].lines));
		}
		session_clear(&m[i % 2].session);
		draw(&in, &seed);
		make(&in, &m[i % 2]);
	}
	ck_assert_uint_gt(n_current, 1000);
	session_clear(&m[0].session);
	session_clear(&m[1].session);
	free(m);
}
END_TEST

START_TEST(ehlo)
{
	static const struct {
		const char	*line, *want;
	} rows[] = {
		{ "HELO=client.test", "client.test" }, { "HELO=[::1]",
		    "[::1]" },
		{ "HELO=" UN, "us" }, { "ADDR=192.0.2.1", "us" },
		{ "HELO=a+20b", "a?b" },
	};
	struct assertion_set	 set;
	struct err		 err;
	size_t			 i;

	for (i = 0; i < NELEM(rows); i++) {
		ck_assert_int_eq(assertion_parse(span_of(rows[i].line),
		    ASSERTION_XCLIENT, XTEXT_STRICT, &set, &err),
		    ASSERTION_OK);
		ck_assert_str_eq(identity_ehlo(&set, "us"), rows[i].want);
	}
}
END_TEST

/* Whether Postfix, KumoMTA, Exim and Dovecot are greeted so. */
START_TEST(may_greet)
{
	static const struct {
		const char	*name;
		bool		 want[4];
	} rows[] = {
		{ "client.test",	{ true, true, true, true } },
		{ "laptop-1",		{ true, true, true, true } },
		{ "[192.0.2.1]",	{ true, true, true, true } },
		{ "[IPv6:2001:db8::1]",	{ true, true, true, true } },
		{ "my_pc",		{ true, false, false, true } },
		{ "a?b",		{ true, false, false, true } },
		{ "equals=sign",	{ true, false, false, true } },
		{ "[nobody]",		{ true, false, false, true } },
		{ "a..b",		{ true, false, false, true } },
	};
	static const enum xclient_dialect	dialects[] = {
		XCLIENT_POSTFIX, XCLIENT_KUMOMTA, XCLIENT_EXIM,
		XCLIENT_DOVECOT
	};
	size_t	 i, j;

	for (i = 0; i < NELEM(rows); i++)
		for (j = 0; j < NELEM(dialects); j++)
			ck_assert_msg(identity_may_greet(dialects[j],
			    span_of(rows[i].name)) == rows[i].want[j],
			    "%s, dialect %zu", rows[i].name, j);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("identity");

	tcase_add_loop_test(tc, making, 0, NELEM(make_rows));
	tcase_add_loop_test(tc, loopback, 0, NELEM(local_rows));
	tcase_add_test(tc, local_addresses);
	tcase_add_loop_test(tc, saying, 0, NELEM(say_rows));
	tcase_add_loop_test(tc, saying_to_others, 0, NELEM(dialect_rows));
	tcase_add_test(tc, two_lines);
	tcase_add_test(tc, comparing);
	tcase_add_loop_test(tc, replacing, 0, NELEM(replace_rows));
	tcase_add_loop_test(tc, changing, 0, NELEM(change_rows));
	tcase_add_test(tc, not_current);
	tcase_add_test(tc, never_current_when_it_is_not);
	tcase_add_test(tc, ehlo);
	tcase_add_test(tc, may_greet);
	return runner_run("identity", tc);
}
