/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_view_test: which pairs a session shows, in what order, and what
 * stands in whose place.
 */
#include "session/context_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/lib/runner.h"

/* A session in short; NULL: not known. */
static const struct row {
	const char	*name;
	const char	*peer_name, *listener, *profile, *ehlo, *override;
	const char	*client;
	uint16_t	 port;
	const char	*pairs;		/* "name=value name=value" */
	struct context_client known;
	const char	*want;		/* "name=value|name=value" */
} rows[] = {
	{ .name = "nothing is known", .want = "session=ID" },
	{ .name = "the peer itself", .client = "192.0.2.1", .port = 4711,
	    .profile = "edge", .listener = "in",
	    .want = "session=ID|profile=edge|listener=in|"
	    "peer_address=192.0.2.1|remote_address=192.0.2.1|"
	    "remote_port=4711" },
	{ .name = "the peer's name is the client's, too",
	    .client = "192.0.2.1", .peer_name = "gw.example",
	    .want = "session=ID|peer_address=192.0.2.1|peer_name=gw.example|"
	    "remote_address=192.0.2.1|remote_name=gw.example" },
	{ .name = "a name that the MTA has", .client = "192.0.2.1",
	    .known = { .remote_name = "mta.example" },
	    .want = "session=ID|peer_address=192.0.2.1|"
	    "remote_address=192.0.2.1|remote_name=mta.example" },
	{ .name = "the verified name comes first", .client = "192.0.2.1",
	    .peer_name = "gw.example",
	    .known = { .remote_name = "mta.example" },
	    .want = "session=ID|peer_address=192.0.2.1|peer_name=gw.example|"
	    "remote_address=192.0.2.1|remote_name=gw.example" },
	{ .name = "an override without a name", .client = "203.0.113.7",
	    .override = "XCLIENT ADDR=203.0.113.7 NAME=[UNAVAILABLE] "
	    "REVERSE_NAME=[UNAVAILABLE] PORT=[UNAVAILABLE]",
	    .peer_name = "gw.example",
	    .known = { .remote_name = "mta.example" },
	    .want = "session=ID|peer_address=192.0.2.1|peer_name=gw.example|"
	    "remote_address=203.0.113.7" },
	{ .name = "an override with a name", .client = "203.0.113.7",
	    .port = 25, .override = "XCLIENT ADDR=203.0.113.7 "
	    "NAME=c.example PORT=25", .peer_name = "gw.example",
	    .want = "session=ID|peer_address=192.0.2.1|peer_name=gw.example|"
	    "remote_address=203.0.113.7|remote_port=25|"
	    "remote_name=c.example" },
	{ .name = "an override that says nothing of the name",
	    .client = "192.0.2.1", .override = "XCLIENT LOGIN=joe",
	    .peer_name = "gw.example",
	    .want = "session=ID|peer_address=192.0.2.1|peer_name=gw.example|"
	    "remote_address=192.0.2.1|remote_name=gw.example|"
	    "auth_user=joe" },
	{ .name = "an override that cannot be read", .client = "192.0.2.1",
	    .override = "XCLIENT FOO",
	    .want = "session=ID|peer_address=192.0.2.1|"
	    "remote_address=192.0.2.1" },
	{ .name = "an address of nobody", .client = "unknown",
	    .override = "XCLIENT ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE]",
	    .want = "session=ID|peer_address=192.0.2.1" },
	{ .name = "greeting", .ehlo = "EHLO  there",
	    .want = "session=ID|ehlo_domain=there|ehlo_string=EHLO  there" },
	{ .name = "greeting as it was typed", .ehlo = "ehlo\t there",
	    .want = "session=ID|ehlo_domain=there|ehlo_string=ehlo\t there" },
	{ .name = "greeting without a name", .ehlo = "EHLO",
	    .want = "session=ID|ehlo_string=EHLO" },
	{ .name = "greeting as the MTA has it", .ehlo = "EHLO there",
	    .known = { .ehlo_domain = "here" },
	    .want = "session=ID|ehlo_domain=here|ehlo_string=EHLO there" },
	{ .name = "greeting by an override",
	    .override = "XCLIENT HELO=c.example",
	    .want = "session=ID|ehlo_domain=c.example" },
	{ .name = "greeting after an override", .ehlo = "HELO there",
	    .override = "XCLIENT HELO=c.example",
	    .want = "session=ID|ehlo_domain=there|ehlo_string=HELO there" },
	{ .name = "login as the MTA has it",
	    .override = "XCLIENT LOGIN=joe",
	    .known = { .auth_user = "ann", .is_anonymous = true },
	    .want = "session=ID|auth_user=ann" },
	{ .name = "login by an override",
	    .override = "XCLIENT LOGIN=joe",
	    .known = { .auth_user = "", .is_anonymous = true },
	    .want = "session=ID|auth_user=joe" },
	{ .name = "login of nobody", .override = "XCLIENT "
	    "LOGIN=[UNAVAILABLE]", .want = "session=ID" },
	{ .name = "always allowed", .known = { .is_anonymous = true },
	    .want = "session=ID|auth_user=anonymous" },
	{ .name = "pairs", .pairs = "tenant=acme route.a=",
	    .want = "session=ID|tenant=acme|route.a=" },
	{ .name = "pairs in a built-in one's place", .profile = "edge",
	    .pairs = "a=1 profile=x b=2", .known = { .is_anonymous = true },
	    .want = "session=ID|profile=x|auth_user=anonymous|a=1|b=2" },
	{ .name = "a built-in one that is not known", .pairs =
	    "auth_user=ann a=1", .want = "session=ID|auth_user=ann|a=1" },
	{ .name = "a built-in one of the message", .pairs = "mailfrom=x",
	    .want = "session=ID|mailfrom=x" },
};

static void
put_pairs(struct context *context, const char *pairs)
{
	struct context_line	*line = calloc(1, sizeof *line);
	struct err		 err = { "" };

	ck_assert_ptr_nonnull(line);
	ck_assert_msg(context_line_parse(span_of(pairs), line, &err), "%s",
	    err.text);
	ck_assert(context_set(context, line, CONTEXT_XSETCONTEXT, 1));
	free(line);
}

static void
make_session(const struct row *r, struct session *s)
{
	session_init(s);
	(void)strcpy(s->id, "ID");
	(void)strcpy(s->listener, r->listener == NULL ? "" : r->listener);
	s->client_port = r->port;
	if (r->client != NULL) {
		ck_assert(address_parse(span_of("192.0.2.1"), &s->peer));
		(void)address_parse(span_of(r->client), &s->client);
	}
	ck_assert(session_set_text(&s->peer_name, r->peer_name) &&
	    session_set_text(&s->profile, r->profile) &&
	    session_set_text(&s->ehlo, r->ehlo) &&
	    session_set_text(&s->override, r->override));
	if (r->pairs != NULL)
		put_pairs(&s->context, r->pairs);
}

static const char *
view_text(const struct context_view *view)
{
	static char	 text[2048];
	size_t		 n = 0;
	unsigned	 i;

	for (i = 0; i < view->n; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s=%.*s",
		    i == 0 ? "" : "|", view->v[i].name,
		    (int)view->v[i].value.n, view->v[i].value.p);
	return text;
}

START_TEST(each_row)
{
	const struct row	*r = &rows[_i];
	struct context_view	*view = malloc(sizeof *view);
	struct session		 s;

	ck_assert_ptr_nonnull(view);
	memset(view, 0x5a, sizeof *view);
	make_session(r, &s);
	context_view_connection(&s, &r->known, view);
	ck_assert_msg(strcmp(view_text(view), r->want) == 0, "%s: got \"%s\","
	    " want \"%s\"", r->name, view_text(view), r->want);
	free(view);
	session_clear(&s);
}
END_TEST

/* As full as a session can be: each built-in pair, and as many others. */
START_TEST(a_full_view)
{
	static const struct row	 full = { .client = "192.0.2.1", .port = 1,
	    .peer_name = "p", .listener = "l", .profile = "q",
	    .ehlo = "EHLO h", .override = "XCLIENT LOGIN=joe" };
	struct context_client	 known = { 0 };
	struct context_view	*view = malloc(sizeof *view);
	struct session		 s;
	char			 name[16];
	unsigned		 i, nbuiltin;

	make_session(&full, &s);
	context_view_connection(&s, &known, view);
	nbuiltin = view->n;
	ck_assert_uint_eq(nbuiltin, CONTEXT_MAILFROM);
	for (i = 0; i < CONTEXT_PAIRS_MAX; i++) {
		(void)snprintf(name, sizeof name, "n%u", i);
		ck_assert(context_put(&s.context, span_of(name),
		    span_of("v"), CONTEXT_XSETCONTEXT, 1));
	}
	context_view_connection(&s, &known, view);
	ck_assert_uint_eq(view->n, nbuiltin + CONTEXT_PAIRS_MAX);
	ck_assert_str_eq(view->v[view->n - 1].name, name);
	free(view);
	session_clear(&s);
}
END_TEST

START_TEST(adding_and_finding)
{
	struct context_view	*view = malloc(sizeof *view);
	int			 i;

	context_view_init(view);
	ck_assert_ptr_null(context_view_find(view, "mailfrom"));
	context_view_add(view, CONTEXT_MAILFROM, span_of("a@b"));
	context_view_add(view, CONTEXT_MAILFROM, span_of("c@d"));
	ck_assert_str_eq(view_text(view), "mailfrom=a@b");
	ck_assert_ptr_eq(context_view_find(view, "MailFrom"), &view->v[0]);
	ck_assert_ptr_null(context_view_find(view, "mailfro"));
	for (i = 0; i < CONTEXT_BUILTIN_COUNT; i++)
		context_view_add(view, (enum context_builtin)i, span_of(""));
	ck_assert_uint_eq(view->n, CONTEXT_BUILTIN_COUNT);
	context_view_init(view);
	ck_assert_uint_eq(view->n, 0);
	context_view_add(view, CONTEXT_MAILFROM, span_of(""));
	ck_assert_str_eq(view_text(view), "mailfrom=");
	free(view);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("context_view");

	tcase_add_loop_test(tc, each_row, 0, NELEM(rows));
	tcase_add_test(tc, a_full_view);
	tcase_add_test(tc, adding_and_finding);
	return runner_run("context_view", tc);
}
