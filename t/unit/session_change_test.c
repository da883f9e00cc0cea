/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * session_change_test: what overrides and refusals make of a record.
 */
#include "session/session_change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/lib/runner.h"

static struct session	 s;

static void
setup(void)
{
	session_init(&s);
	ck_assert(address_parse(span_of("192.0.2.1"), &s.peer));
	s.client = s.peer;
	s.client_port = 4711;
}

static void
teardown(void)
{
	session_clear(&s);
}

static const struct read_row {
	const char	*line;
	bool		 want;
} read_rows[] = {
	{ NULL, false },
	{ "", false },
	{ "XCLIENT", false },
	{ "XCLIENT ", false },
	{ "XCLIENT ADDR=1.2.3", false },
	{ "XCLIENT IDENT=1", false },
	{ "XCLIENT ADDR=0.1.2.3", false },
	{ "XCLIENT NAME=-a", false },
	{ "XCLIENT LOGIN=+2b", false },
	{ "XCLIENT LOGIN=+2B", true },
	{ "XCLIENT ADDR=203.0.113.7 NAME=[UNAVAILABLE]", true },
};

START_TEST(reading)
{
	const struct read_row	*r = &read_rows[_i];
	struct assertion_set	 set;

	ck_assert_msg(session_read_override(r->line, &set) == r->want, "%s",
	    r->line == NULL ? "NULL" : r->line);
}
END_TEST

static const struct override_row {
	const char	*line, *want_client;
	uint16_t	 want_port;
} override_rows[] = {
	{ "XCLIENT ADDR=203.0.113.7 PORT=25", "203.0.113.7", 25 },
	{ "XCLIENT ADDR=203.0.113.7 PORT=65535", "203.0.113.7", 65535 },
	{ "XCLIENT ADDR=203.0.113.7 PORT=[UNAVAILABLE]", "203.0.113.7", 0 },
	{ "XCLIENT ADDR=203.0.113.7", "203.0.113.7", 0 },
	{ "XCLIENT ADDR=[UNAVAILABLE]", "unknown", 0 },
	{ "XCLIENT ADDR=IPV6:2001:db8::7", "2001:db8::7", 0 },
	{ "XCLIENT HELO=h", "192.0.2.1", 4711 },
	{ "XCLIENT PORT=7", "192.0.2.1", 7 },
	{ "XCLIENT PORT=[UNAVAILABLE]", "192.0.2.1", 0 },
};

START_TEST(overriding)
{
	const struct override_row	*r = &override_rows[_i];
	struct assertion_set		 set;
	char				 text[ADDRESS_TEXT_SIZE];
	char				*line = strdup(r->line);

	ck_assert(session_set_text(&s.override, "XCLIENT LOGIN=joe"));
	ck_assert(session_set_text(&s.ehlo, "EHLO messenger"));
	ck_assert(session_read_override(r->line, &set));
	session_override(&s, line, &set, false);
	ck_assert_ptr_eq(s.override, line);
	ck_assert_msg(strcmp(address_format(&s.client, text, sizeof text),
	    r->want_client) == 0, "%s: client %s", r->line, text);
	ck_assert_msg(s.client_port == r->want_port, "%s: port %u", r->line,
	    s.client_port);
	ck_assert_ptr_null(s.ehlo);
	ck_assert_str_eq(address_format(&s.peer, text, sizeof text),
	    "192.0.2.1");
}
END_TEST

static struct context_line *
line_of(const char *text)
{
	static struct context_line	 line;
	struct err			 err;

	ck_assert(context_line_parse(span_of(text), &line, &err));
	return &line;
}

static void
override(const char *line, bool is_another)
{
	struct assertion_set	 set;

	ck_assert(session_read_override(line, &set));
	session_override(&s, strdup(line), &set, is_another);
}

static const char *
value_of(const char *name)
{
	const struct context_pair	*pair = context_find(&s.context,
					     name);

	return pair == NULL ? "" : pair->value;
}

START_TEST(pairs_go_with_the_client)
{
	ck_assert(session_set_context(&s, line_of("a=all b=all"), 1));
	override("XCLIENT ADDR=203.0.113.7", true);
	ck_assert_str_eq(value_of("a"), "all");
	ck_assert(session_set_context(&s, line_of("a=one c=one"), 2));
	override("XCLIENT ADDR=203.0.113.7 HELO=h", false);
	ck_assert_str_eq(value_of("a"), "one");
	override("XCLIENT ADDR=203.0.113.8", true);
	ck_assert_str_eq(value_of("a"), "all");
	ck_assert_str_eq(value_of("b"), "all");
	ck_assert_ptr_null(context_find(&s.context, "c"));
	ck_assert(session_set_context(&s, line_of("c=two"), 3));
	session_end_override(&s, 4712);
	ck_assert_ptr_null(context_find(&s.context, "c"));
	ck_assert_ptr_null(s.override);
	ck_assert(address_equal(&s.client, &s.peer));
	ck_assert_uint_eq(s.client_port, 4712);
}
END_TEST

START_TEST(only_a_dump_behind_the_seal_is_pardoned)
{
	int	 i, j;

	for (i = 0; i < TRUST_COMMAND_COUNT; i++)
		for (j = 0; j <= REASON_CANNOT_TELL; j++)
			ck_assert(session_is_pardoned((enum trust_command)i,
			    (enum verdict_reason)j) ==
			    (i == TRUST_XDUMPCONTEXT && j == REASON_SEALED));
}
END_TEST

static void
deny(enum verdict_action action, const char *text, bool is_reported)
{
	struct verdict	 verdict = { .action = action,
	    .reason = action == VERDICT_REJECT ? REASON_VALUE :
	    REASON_MALFORMED };

	(void)snprintf(verdict.text, sizeof verdict.text, "%s", text);
	session_deny(&s, &verdict, is_reported);
}

START_TEST(the_gravest_refusal_stays)
{
	deny(VERDICT_TEMPFAIL, "one", false);
	ck_assert_int_eq(s.refused, VERDICT_TEMPFAIL);
	deny(VERDICT_REJECT, "two", false);
	ck_assert_int_eq(s.refused, VERDICT_REJECT);
	ck_assert_int_eq(s.refused_reason, REASON_VALUE);
	deny(VERDICT_TEMPFAIL, "three", false);
	deny(VERDICT_REJECT, "four", false);
	ck_assert_int_eq(s.refused, VERDICT_REJECT);
	ck_assert_int_eq(s.refused_reason, REASON_VALUE);
	ck_assert_str_eq(s.refused_text, "two");
	/* Of the commands it is the last that is told. */
	ck_assert_str_eq(s.denied_text, "four");
	ck_assert_int_eq(s.denied_reason, REASON_VALUE);
	deny(VERDICT_TEMPFAIL, "five", false);
	ck_assert_str_eq(s.denied_text, "five");
	ck_assert_int_eq(s.denied_reason, REASON_MALFORMED);
}
END_TEST

START_TEST(what_is_only_reported_refuses_no_mail)
{
	deny(VERDICT_DISCONNECT, "one", true);
	ck_assert_int_eq(s.refused, VERDICT_PERMIT);
	ck_assert_ptr_null(s.refused_text);
	ck_assert_str_eq(s.denied_text, "one");
	session_refuse_mail(&s, VERDICT_PERMIT, REASON_GRANTED, "none");
	ck_assert_ptr_null(s.refused_text);
}
END_TEST

/* For whom the profile only reports, by why it was refused. */
START_TEST(what_a_trial_gets_away_with)
{
	static const bool	 is_harmless[REASON_CANNOT_TELL + 1] = {
		[REASON_SEALED] = true, [REASON_LIMIT] = true,
		[REASON_MALFORMED] = true
	};
	struct verdict	 verdict = { .action = VERDICT_TEMPFAIL,
	    .reason = (enum verdict_reason)_i, .text = "x" };

	session_deny(&s, &verdict, true);
	ck_assert_str_eq(s.denied_text, "x");
	ck_assert_msg(s.refused == (is_harmless[_i] ? VERDICT_PERMIT :
	    VERDICT_TEMPFAIL), "%s", verdict_reason_text(verdict.reason));
}
END_TEST

START_TEST(sealing)
{
	static const enum trust_seal	 seals[] = {
		TRUST_SEAL_GREETING, TRUST_SEAL_OVERRIDE, TRUST_SEAL_NEVER
	};
	struct trust			*trust = trust_new();
	const struct trust_profile	*profile;
	struct err			 err;
	char				 name[16];
	int				 i, k;

	for (i = 0; i < NELEM(seals); i++) {
		(void)snprintf(name, sizeof name, "p%d", i);
		ck_assert_int_eq(trust_add_profile(trust,
		    &(struct trust_profile_def){ .name = name,
		    .seal = seals[i] }, &err), 0);
	}
	for (i = 0; i < NELEM(seals); i++)
		for (k = 0; k < NELEM(seals); k++) {
			(void)snprintf(name, sizeof name, "p%d", i);
			profile = trust_profile_find(trust, name);
			ck_assert(session_set_text(&s.override, NULL));
			s.is_sealed = false;
			ck_assert(!session_seals_by(&s, profile, seals[k]));
			ck_assert(session_set_text(&s.override,
			    "XCLIENT HELO=h"));
			ck_assert(session_seals_by(&s, profile, seals[k]) ==
			    (i == k));
			ck_assert(!session_seals_by(&s, NULL, seals[k]));
			s.is_sealed = true;
			ck_assert(!session_seals_by(&s, profile, seals[k]));
		}
	trust_free(trust);
}
END_TEST

static const struct revoke_row {
	const char	*name, *override, *pending;
	bool		 has_context, is_always_allowed, want;
} revoke_rows[] = {
	{ "nothing", NULL, NULL, false, false, false },
	{ "an override", "XCLIENT HELO=h", NULL, false, false, true },
	{ "a pending one", NULL, "XCLIENT HELO=h", false, false, true },
	{ "a context", NULL, NULL, true, false, true },
	{ "always allowed", NULL, NULL, false, true, true },
};

static void
deny_message(enum verdict_action action, enum verdict_reason reason,
    const char *text, bool is_reported)
{
	struct verdict	 verdict = { .action = action, .reason = reason };

	(void)snprintf(verdict.text, sizeof verdict.text, "%s", text);
	session_deny_message(&s, &verdict, is_reported);
	ck_assert_str_eq(s.denied_text, text);
	ck_assert_int_eq(s.denied_reason, reason);
	ck_assert_int_eq(s.refused, VERDICT_PERMIT);
}

START_TEST(a_message_that_is_refused)
{
	ck_assert(!session_begin_message(&s) && !session_end_message(&s));
	ck_assert_int_eq(session_refusal(&s).action, VERDICT_PERMIT);
	deny_message(VERDICT_TEMPFAIL, REASON_VALUE, "one", false);
	deny_message(VERDICT_REJECT, REASON_NO_GRANT, "two", false);
	deny_message(VERDICT_TEMPFAIL, REASON_VALUE, "three", false);
	ck_assert_int_eq(session_refusal(&s).action, VERDICT_REJECT);
	ck_assert_int_eq(session_refusal(&s).reason, REASON_NO_GRANT);
	ck_assert_str_eq(session_refusal(&s).text, "two");
	ck_assert(session_begin_message(&s));
	ck_assert_int_eq(session_refusal(&s).action, VERDICT_REJECT);
	ck_assert(session_begin_message(&s));	/* the next one */
	ck_assert_int_eq(session_refusal(&s).action, VERDICT_PERMIT);
	ck_assert_ptr_null(session_refusal(&s).text);

	/* Another one, of which MAIL has not come. */
	deny_message(VERDICT_TEMPFAIL, REASON_VALUE, "four", false);
	ck_assert(!s.is_unforwarded_begun);
	ck_assert(session_end_message(&s));
	ck_assert_int_eq(session_refusal(&s).action, VERDICT_PERMIT);
	ck_assert(!session_begin_message(&s));
}
END_TEST

START_TEST(a_message_of_a_trial)
{
	deny_message(VERDICT_REJECT, REASON_MALFORMED, "one", true);
	deny_message(VERDICT_REJECT, REASON_SEALED, "two", true);
	ck_assert_int_eq(session_refusal(&s).action, VERDICT_PERMIT);
	deny_message(VERDICT_REJECT, REASON_VALUE, "three", true);
	ck_assert_int_eq(session_refusal(&s).action, VERDICT_REJECT);
}
END_TEST

START_TEST(a_message_of_a_session_that_is_refused)
{
	deny_message(VERDICT_REJECT, REASON_VALUE, "message", false);
	session_refuse_mail(&s, VERDICT_TEMPFAIL, REASON_SEALED, "session");
	ck_assert_int_eq(session_refusal(&s).action, VERDICT_TEMPFAIL);
	ck_assert_int_eq(session_refusal(&s).reason, REASON_SEALED);
	ck_assert_str_eq(session_refusal(&s).text, "session");
	(void)session_end_message(&s);
	ck_assert_int_eq(session_refusal(&s).action, VERDICT_TEMPFAIL);
}
END_TEST

START_TEST(a_message_goes_with_the_client)
{
	struct assertion_set	 set;
	char			*line = strdup("XCLIENT HELO=h");

	deny_message(VERDICT_REJECT, REASON_VALUE, "message", false);
	ck_assert(session_read_override(line, &set));
	session_override(&s, line, &set, false);
	ck_assert_int_eq(session_refusal(&s).action, VERDICT_PERMIT);
}
END_TEST

START_TEST(revoking)
{
	const struct revoke_row		*r = &revoke_rows[_i];
	struct trust			*trust = trust_new();
	struct err			 err;

	ck_assert_int_eq(trust_add_profile(trust,
	    &(struct trust_profile_def){ .name = "p",
	    .always_allow = r->is_always_allowed }, &err), 0);
	ck_assert(session_set_text(&s.profile, "p") &&
	    session_set_text(&s.override, r->override) &&
	    session_set_text(&s.pending, r->pending));
	if (r->has_context)
		ck_assert(context_put(&s.context, span_of("a"), span_of("b"),
		    CONTEXT_XSETCONTEXT, 1));
	ck_assert_msg(session_revoke(&s, trust_profile_find(trust, "p")) ==
	    r->want, "%s", r->name);
	ck_assert_str_eq(s.profile, TRUST_STRANGER);
	trust_free(trust);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("session_change");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, reading, 0, NELEM(read_rows));
	tcase_add_loop_test(tc, overriding, 0, NELEM(override_rows));
	tcase_add_test(tc, pairs_go_with_the_client);
	tcase_add_test(tc, only_a_dump_behind_the_seal_is_pardoned);
	tcase_add_test(tc, the_gravest_refusal_stays);
	tcase_add_test(tc, what_is_only_reported_refuses_no_mail);
	tcase_add_loop_test(tc, what_a_trial_gets_away_with, REASON_NO_GRANT,
	    REASON_CANNOT_TELL + 1);
	tcase_add_loop_test(tc, revoking, 0, NELEM(revoke_rows));
	tcase_add_test(tc, sealing);
	tcase_add_test(tc, a_message_that_is_refused);
	tcase_add_test(tc, a_message_of_a_trial);
	tcase_add_test(tc, a_message_of_a_session_that_is_refused);
	tcase_add_test(tc, a_message_goes_with_the_client);
	return runner_run("session_change", tc);
}
