/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * access_check_test: what an action of access_maps is to a milter.
 */
#include "milter/access_check.h"

#include <string.h>

#include "t/lib/runner.h"

#define ID	"01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define BEHIND	"; session " ID

/* The reply is "code xcode line"; NULL where there is none. */
static const struct row {
	const char		*action;
	enum access_check_result	 want;
	const char		*code, *xcode, *line;
} rows[] = {
	{ "OK", ACCESS_CHECK_PASS, NULL, NULL, NULL },
	{ "ok", ACCESS_CHECK_PASS, NULL, NULL, NULL },
	{ "RELAY", ACCESS_CHECK_PASS, NULL, NULL, NULL },
	{ "permit", ACCESS_CHECK_PASS, NULL, NULL, NULL },
	{ "DUNNO", ACCESS_CHECK_PASS, NULL, NULL, NULL },
	{ "INFO a text", ACCESS_CHECK_PASS, NULL, NULL, NULL },
	{ "WARN a text", ACCESS_CHECK_PASS, NULL, NULL, NULL },
	{ "4711", ACCESS_CHECK_PASS, NULL, NULL, NULL },
	{ "DISCARD", ACCESS_CHECK_DISCARD, NULL, NULL, NULL },
	{ "discard a text", ACCESS_CHECK_DISCARD, NULL, NULL, NULL },

	{ "REJECT", ACCESS_CHECK_REFUSE, "554", "5.7.1",
	    "Access denied" BEHIND },
	{ "reject not  now", ACCESS_CHECK_REFUSE, "554", "5.7.1",
	    "not  now" BEHIND },
	{ "REJECT 5.7.9 not now", ACCESS_CHECK_REFUSE, "554", "5.7.9",
	    "not now" BEHIND },
	{ "REJECT\t5.123.123\tnot now", ACCESS_CHECK_REFUSE, "554", "5.123.123",
	    "not now" BEHIND },
	{ "REJECT 4.7.9 not now", ACCESS_CHECK_REFUSE, "554", "5.7.9",
	    "not now" BEHIND },
	{ "REJECT 3.7.9 not now", ACCESS_CHECK_REFUSE, "554", "5.7.1",
	    "3.7.9 not now" BEHIND },
	{ "REJECT 5.7 not now", ACCESS_CHECK_REFUSE, "554", "5.7.1",
	    "5.7 not now" BEHIND },
	{ "REJECT 5.7.9x not now", ACCESS_CHECK_REFUSE, "554", "5.7.1",
	    "5.7.9x not now" BEHIND },
	{ "REJECT 100% full", ACCESS_CHECK_REFUSE, "554", "5.7.1",
	    "100%% full" BEHIND },
	{ "DEFER", ACCESS_CHECK_REFUSE, "450", "4.7.1",
	    "Access denied" BEHIND },
	{ "DEFER 4.7.9 not now", ACCESS_CHECK_REFUSE, "450", "4.7.9",
	    "not now" BEHIND },
	{ "DEFER 5.7.9 not now", ACCESS_CHECK_REFUSE, "450", "4.7.9",
	    "not now" BEHIND },

	{ "451 not now", ACCESS_CHECK_REFUSE, "451", "4.7.1",
	    "not now" BEHIND },
	{ "421 4.3.2 not now", ACCESS_CHECK_REFUSE, "421", "4.3.2",
	    "not now" BEHIND },
	{ "550 not now", ACCESS_CHECK_REFUSE, "550", "5.7.1",
	    "not now" BEHIND },
	{ "550 5.1.1 not now", ACCESS_CHECK_REFUSE, "550", "5.1.1",
	    "not now" BEHIND },
	{ "550 4.1.1 not now", ACCESS_CHECK_REFUSE, "550", "5.1.1",
	    "not now" BEHIND },

	/* What a milter cannot do. */
	{ "FILTER smtp:[127.0.0.1]", ACCESS_CHECK_REFUSE, "451", "4.3.5",
	    "Server configuration problem" BEHIND },
	{ "HOLD", ACCESS_CHECK_REFUSE, "451", "4.3.5",
	    "Server configuration problem" BEHIND },
	{ "PREPEND X: y", ACCESS_CHECK_REFUSE, "451", "4.3.5",
	    "Server configuration problem" BEHIND },
	{ "permit_mynetworks", ACCESS_CHECK_REFUSE, "451", "4.3.5",
	    "Server configuration problem" BEHIND },
};

START_TEST(actions)
{
	const struct row	*r = &rows[_i];
	struct enforce_reply	 answer;
	enum access_check_result	 got;

	memset(&answer, 'x', sizeof(answer));
	got = access_check_action(r->action, ID, &answer);
	ck_assert_msg(got == r->want, "%s: got %d, want %d", r->action,
	    (int)got, (int)r->want);
	if (r->code == NULL)
		return;
	ck_assert_msg(strcmp(answer.code, r->code) == 0 &&
	    strcmp(answer.xcode, r->xcode) == 0 && answer.n_lines == 1 &&
	    strcmp(answer.line[0], r->line) == 0,
	    "%s: got %s %s %s, want %s %s %s", r->action, answer.code,
	    answer.xcode, answer.line[0], r->code, r->xcode, r->line);
	ck_assert_msg(answer.action == (r->code[0] == '5' ? VERDICT_REJECT :
	    VERDICT_TEMPFAIL), "%s: action", r->action);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("access_check");

	tcase_add_loop_test(tc, actions, 0, NELEM(rows));
	return runner_run("access_check", tc);
}
