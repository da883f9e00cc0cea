/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * identity_current_test: whether lines that were made would still be the same,
 * whatever has changed since of all that they are made of.
 */
#include "relay/identity.h"

#include <stddef.h>
#include <stdlib.h>

#include "t/lib/identity_said.h"
#include "t/lib/runner.h"

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
	identity_said_session(&m->session, in->peer, in->peer_name,
	    (uint16_t)in->port, in->override);
	m->sources = (struct identity_sources){
		.session = &m->session,
		.xforward = identity_said_xforward(in->xforward, &m->xforward),
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

int
main(void)
{
	TCase	*tc = tcase_create("identity_current");

	tcase_add_loop_test(tc, changing, 0, NELEM(change_rows));
	tcase_add_test(tc, not_current);
	tcase_add_test(tc, never_current_when_it_is_not);
	return runner_run("identity_current", tc);
}
