/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * identity_test: who a message is from, by all that was said, and by which name
 * a next hop is greeted for him.
 */
#include "relay/identity.h"

#include "t/lib/identity_said.h"
#include "t/lib/runner.h"

#define DEST	"DESTADDR=203.0.113.1 "
#define OWN	"XCLIENT ADDR=192.0.2.1 " DEST
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

	identity_said_session(&s, r->peer, r->peer_name, r->port, r->override);
	if (r->local != NULL)
		ck_assert(address_parse(span_of(r->local), &sources.local));
	sources.xforward = identity_said_xforward(r->xforward, &xforward);
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

	identity_said_session(&s, r->peer, r->peer_name,
	    r->peer == NULL ? 0 : 4711, r->override);
	if (r->local != NULL)
		ck_assert(address_parse(span_of(r->local), &sources.local));
	sources.xforward = identity_said_xforward(r->xforward, &xforward);
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
	tcase_add_test(tc, ehlo);
	tcase_add_test(tc, may_greet);
	return runner_run("identity", tc);
}
