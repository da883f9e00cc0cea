/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * message_test: what is learnt of a transaction, and that nothing of it is
 * left when it ends.
 */
#include "milter/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/lib/runner.h"

#define OURS	"X-Session-Context"

static struct message	 m;

static void
setup(void)
{
	m = (struct message){ .is_begun = false };
}

static void
teardown(void)
{
	message_clear(&m);
}

/* The pairs as one text. */
static const char *
shown(void)
{
	static char		 text[1024];
	struct context_view	*view = malloc(sizeof *view);
	size_t			 n = 0;
	unsigned		 i;

	ck_assert_ptr_nonnull(view);
	memset(view, 0x5a, sizeof *view);
	message_view(&m, view);
	text[0] = '\0';
	for (i = 0; i < view->n; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s=%.*s",
		    i == 0 ? "" : "|", view->v[i].name,
		    (int)view->v[i].value.n, view->v[i].value.p);
	free(view);
	return text;
}

static const struct from_row {
	const char	*from, *want;
} from_rows[] = {
	{ "<a@b.example>",	"mailfrom=a@b.example|rcpt_count=0" },
	{ "a@b.example",	"mailfrom=a@b.example|rcpt_count=0" },
	{ "<>",			"mailfrom=|rcpt_count=0" },
	{ "",			"mailfrom=|rcpt_count=0" },
	{ "<",			"mailfrom=<|rcpt_count=0" },
	{ ">",			"mailfrom=>|rcpt_count=0" },
	{ "<a",			"mailfrom=<a|rcpt_count=0" },
	{ "a>",			"mailfrom=a>|rcpt_count=0" },
	{ "<\"<>\"@b>",		"mailfrom=\"<>\"@b|rcpt_count=0" },
};

START_TEST(senders)
{
	const struct from_row	*r = &from_rows[_i];

	ck_assert_str_eq(shown(), "");
	ck_assert(message_begin(&m, r->from));
	ck_assert_msg(strcmp(shown(), r->want) == 0, "%s: got \"%s\"",
	    r->from, shown());
}
END_TEST

START_TEST(queue_ids)
{
	/* Outside of a transaction there is none. */
	ck_assert(message_set_queue_id(&m, "4A5"));
	ck_assert_str_eq(shown(), "");
	ck_assert_ptr_null(m.queue_id);
	ck_assert(message_begin(&m, "<a@b>"));
	ck_assert(message_set_queue_id(&m, NULL) &&
	    message_set_queue_id(&m, ""));
	ck_assert_str_eq(shown(), "mailfrom=a@b|rcpt_count=0");
	ck_assert(message_set_queue_id(&m, "4A5"));
	m.n_rcpt = 4294967295U;
	ck_assert_str_eq(shown(),
	    "mailfrom=a@b|rcpt_count=4294967295|queue_id=4A5");
	/* What is not said again stays. */
	ck_assert(message_set_queue_id(&m, NULL) &&
	    message_set_queue_id(&m, ""));
	ck_assert_str_eq(m.queue_id, "4A5");
	ck_assert(message_set_queue_id(&m, "4A6"));
	ck_assert_str_eq(m.queue_id, "4A6");
}
END_TEST

static const struct header_row {
	const char	*name;
	bool		 is_ours, is_received;
} header_rows[] = {
	{ "X-Session-Context",		true,	false },
	{ "x-session-context",		true,	false },
	{ "X-SESSION-CONTEXT \t",	true,	false },
	{ " X-Session-Context",		false,	false },
	{ "X-Session-Contexts",		false,	false },
	{ "X-Session-Contex",		false,	false },
	{ "Received",			false,	true },
	{ "RECEIVED",			false,	true },
	{ "received ",			false,	true },
	{ "Received-SPF",		false,	false },
	{ "",				false,	false },
	{ " ",				false,	false },
};

START_TEST(headers)
{
	const struct header_row	*r = &header_rows[_i];
	unsigned		 i;

	ck_assert(message_begin(&m, "<a@b>"));
	for (i = 1; i <= 3; i++) {
		ck_assert(message_header(&m, r->name, "value", OURS, 2));
		ck_assert_msg(m.n_forged == (r->is_ours ? i : 0),
		    "\"%s\": %u forged", r->name, m.n_forged);
		ck_assert_msg(m.n_received == (r->is_received ? i : 0),
		    "\"%s\": %u received", r->name, m.n_received);
		ck_assert_msg((m.received != NULL) ==
		    (r->is_received && i > 1), "\"%s\": at %u", r->name, i);
	}
}
END_TEST

/* Header n of those that came. */
static void
note_received(unsigned wanted)
{
	static const char *const	 values[] = {
		"from one.example (one.example [203.0.113.1]) by mx",
		"from two.example (rdns.example [203.0.113.2])\n\tby mx",
		"from three (unknown [10.0.0.3]) by mx",
		"by mx with local",
	};
	int				 i;

	ck_assert(message_begin(&m, "<a@b>"));
	for (i = 0; i < NELEM(values); i++)
		ck_assert(message_header(&m, "Received", values[i], OURS,
		    wanted));
}

static const struct origin_row {
	unsigned	 wanted;
	const char	*want_why;	/* NULL: any reason; "": it is known */
	const char	*want;
} origin_rows[] = {
	{ 0, "there are fewer Received: headers", "" },
	{ 1, "", "|origin_address=203.0.113.1|origin_name=one.example|"
	    "origin_helo=one.example" },
	{ 2, "", "|origin_address=203.0.113.2|origin_name=rdns.example|"
	    "origin_helo=two.example" },
	{ 3, "its address is not public", "" },
	{ 4, NULL, "" },
	{ 5, "there are fewer Received: headers", "" },
};

START_TEST(origins)
{
	const struct origin_row	*r = &origin_rows[_i];
	char			 want[256];
	const char		*why;

	note_received(r->wanted);
	why = message_find_origin(&m);
	ck_assert_msg((why == NULL) == (r->want_why != NULL &&
	    r->want_why[0] == '\0'), "%u: %s", r->wanted,
	    why == NULL ? "found" : why);
	if (why != NULL && r->want_why != NULL)
		ck_assert_str_eq(why, r->want_why);
	(void)snprintf(want, sizeof want, "mailfrom=a@b|rcpt_count=0%s",
	    r->want);
	ck_assert_msg(strcmp(shown(), want) == 0, "%u: got \"%s\"",
	    r->wanted, shown());
	if (r->wanted == 0)
		ck_assert_uint_eq(m.n_received, 0);
}
END_TEST

/* A header as long as may be, and one byte more. */
START_TEST(a_long_received)
{
	static const char	 head[] = "from x ([203.0.113.1]) by mx ";
	static char		 value[MESSAGE_HEADER_MAX + 64];
	int			 i;

	for (i = 0; i < 3; i++) {
		memset(value, 0, sizeof value);
		memset(value, 'x', MESSAGE_HEADER_MAX + (size_t)i * 30);
		value[MESSAGE_HEADER_MAX + (i == 1 ? 1 : i * 30)] = '\0';
		memcpy(value, head, sizeof head - 1);
		ck_assert(message_begin(&m, "<a@b>") &&
		    message_header(&m, "Received", value, OURS, 1));
		if (i == 0)
			ck_assert_ptr_null(message_find_origin(&m));
		else
			ck_assert_str_eq(message_find_origin(&m),
			    "the Received: header is too long");
		ck_assert(m.has_origin == (i == 0));
	}
}
END_TEST

/* An origin that is looked for again, and no longer found, is none. */
START_TEST(an_origin_is_found_anew)
{
	note_received(1);
	ck_assert_ptr_null(message_find_origin(&m));
	free(m.received);
	m.received = NULL;
	ck_assert_ptr_nonnull(message_find_origin(&m));
	ck_assert_str_eq(shown(), "mailfrom=a@b|rcpt_count=0");
}
END_TEST

START_TEST(nothing_is_left)
{
	static const struct message	 empty;

	note_received(1);
	ck_assert_ptr_null(message_find_origin(&m));
	ck_assert(message_header(&m, OURS, "x", OURS, 1) &&
	    message_set_queue_id(&m, "4A5"));
	m.n_rcpt = 3;
	m.has_failed = true;
	message_clear(&m);
	ck_assert(m.is_begun == empty.is_begun && !m.has_failed &&
	    m.mailfrom == NULL && m.queue_id == NULL && m.received == NULL &&
	    m.n_rcpt == 0 && m.n_forged == 0 && m.n_received == 0 &&
	    !m.has_origin);
	ck_assert_str_eq(shown(), "");
	message_clear(&m);
	/* A second MAIL begins as afresh. */
	note_received(1);
	m.n_rcpt = 3;
	ck_assert_ptr_null(message_find_origin(&m));
	ck_assert(message_set_queue_id(&m, "4A5") &&
	    message_begin(&m, "<c@d>"));
	ck_assert_str_eq(shown(), "mailfrom=c@d|rcpt_count=0");
	ck_assert_uint_eq(m.n_received, 0);
	ck_assert_ptr_nonnull(message_find_origin(&m));
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("message");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, senders, 0, NELEM(from_rows));
	tcase_add_test(tc, queue_ids);
	tcase_add_loop_test(tc, headers, 0, NELEM(header_rows));
	tcase_add_loop_test(tc, origins, 0, NELEM(origin_rows));
	tcase_add_test(tc, a_long_received);
	tcase_add_test(tc, an_origin_is_found_anew);
	tcase_add_test(tc, nothing_is_left);
	return runner_run("message", tc);
}
