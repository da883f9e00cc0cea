/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_name_test: each built-in name is there once, and is a name.
 */
#include "context/context_name.h"

#include <stdio.h>
#include <stdlib.h>

#include "context/context_line.h"
#include "t/lib/runner.h"

/* In the order of the numbers, which is that in which they are shown. */
static const char *const	want[CONTEXT_BUILTIN_COUNT] = {
	"session", "profile", "listener", "peer_address", "peer_name",
	"remote_address", "remote_port", "remote_name", "ehlo_domain",
	"ehlo_string", "auth_user", "mailfrom", "rcpt_count", "queue_id",
	"origin_address", "origin_name", "origin_helo"
};

START_TEST(table_is_complete)
{
	struct context_line	 line = { .n = 0 };
	int			 i;

	for (i = 0; i < CONTEXT_BUILTIN_COUNT; i++) {
		const char	*text = context_name_of_builtin(i);

		ck_assert_str_eq(text, want[i]);
		ck_assert_msg(context_name_is_builtin(text), "%s", text);
		/* Valid, small, and not there before. */
		ck_assert_msg(context_line_add(&line, span_of(text),
		    span_of(""), NULL), "%s", text);
		ck_assert_str_eq(line.v[i].name, text);
	}
}
END_TEST

static const struct row {
	const char	*name;
	bool		 want;
} rows[] = {
	{ "auth_user",		true },
	{ "AUTH_USER",		true },
	{ "Auth_User",		true },
	{ "PROFILE",		true },
	{ "origin_helo",	true },
	{ "auth_use",		false },
	{ "auth_users",		false },
	{ "auth-user",		false },
	{ "tenant",		false },
	{ "",			false },
};

START_TEST(case_does_not_count)
{
	ck_assert_msg(context_name_is_builtin(rows[_i].name) == rows[_i].want,
	    "\"%s\": want %d", rows[_i].name, rows[_i].want);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("context_name");

	tcase_add_test(tc, table_is_complete);
	tcase_add_loop_test(tc, case_does_not_count, 0, NELEM(rows));
	return runner_run("context_name", tc);
}
