/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * identity_say_test: the lines that say who a message is from, in the words of
 * each kind of next hop, and whether they take back what it was told before.
 */
#include "relay/identity.h"

#include "t/lib/identity_said.h"
#include "t/lib/runner.h"

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

int
main(void)
{
	TCase	*tc = tcase_create("identity_say");

	tcase_add_loop_test(tc, saying, 0, NELEM(say_rows));
	tcase_add_loop_test(tc, saying_to_others, 0, NELEM(dialect_rows));
	tcase_add_test(tc, two_lines);
	tcase_add_test(tc, comparing);
	tcase_add_loop_test(tc, replacing, 0, NELEM(replace_rows));
	return runner_run("identity_say", tc);
}
