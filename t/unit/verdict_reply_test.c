/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * verdict_reply_test: each verdict has one reply, whoever says it, and the
 * manual prints them.
 *
 * "make check" sets srcdir, where the manual page is looked for.
 */
#include "session/verdict_reply.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/lib/runner.h"

#define ID	"01ARYZ6S410000000000000000"

#define TO_LAST		VERDICT_REPLY_TO_ACCESS
#define ACTION_LAST	VERDICT_DISCONNECT
#define REASON_LAST	REASON_CANNOT_TELL

static const char *
found(enum verdict_reply_to to, enum verdict_action action,
    enum verdict_reason reason, enum verdict_reply_by by)
{
	static char		 text[sizeof(struct verdict_reply) + 1];
	struct verdict_reply	 reply;

	memset(&reply, 0x5a, sizeof reply);
	verdict_reply_find(to, action, reason, by, &reply);
	(void)snprintf(text, sizeof text, "%s %s", reply.code, reply.xcode);
	return text;
}

static const struct row {
	const char		*name;
	enum verdict_reply_to	 to;
	enum verdict_action	 action;
	enum verdict_reason	 reason;
	const char		*want[VERDICT_REPLY_BY_POSTFIX + 1];
} rows[] = {
	{ "a connection", VERDICT_REPLY_TO_CONNECTION, VERDICT_DISCONNECT,
	    REASON_VALUE, { "421 4.7.1", "421 4.7.1", "421 4.7.1" } },
	{ "done", VERDICT_REPLY_TO_COMMAND, VERDICT_PERMIT, REASON_GRANTED,
	    { "250 2.0.0", "450 4.0.0", "450 4.0.0" } },
	{ "done, and reported", VERDICT_REPLY_TO_COMMAND, VERDICT_PERMIT,
	    REASON_NO_GRANT, { "250 2.0.0", "450 4.0.0", "450 4.0.0" } },
	{ "not granted", VERDICT_REPLY_TO_COMMAND, VERDICT_TEMPFAIL,
	    REASON_NO_GRANT, { "550 5.7.1", "550 5.7.1", "450 4.7.1" } },
	{ "not that value", VERDICT_REPLY_TO_COMMAND, VERDICT_REJECT,
	    REASON_VALUE, { "550 5.7.1", "550 5.7.1", "450 4.7.1" } },
	{ "sealed", VERDICT_REPLY_TO_COMMAND, VERDICT_TEMPFAIL,
	    REASON_SEALED, { "550 5.7.1", "550 5.7.1", "450 4.7.1" } },
	{ "revoked", VERDICT_REPLY_TO_COMMAND, VERDICT_TEMPFAIL,
	    REASON_REVOKED, { "550 5.7.1", "550 5.7.1", "450 4.7.1" } },
	{ "no room", VERDICT_REPLY_TO_COMMAND, VERDICT_REJECT, REASON_LIMIT,
	    { "552 5.3.4", "552 5.3.4", "450 4.3.4" } },
	{ "malformed", VERDICT_REPLY_TO_COMMAND, VERDICT_TEMPFAIL,
	    REASON_MALFORMED, { "501 5.5.4", "501 5.5.4", "450 4.5.4" } },
	{ "nobody can tell", VERDICT_REPLY_TO_COMMAND, VERDICT_TEMPFAIL,
	    REASON_CANNOT_TELL, { "451 4.3.0", "451 4.3.0", "451 4.3.0" } },
	{ "malformed, and the end", VERDICT_REPLY_TO_COMMAND,
	    VERDICT_DISCONNECT, REASON_MALFORMED,
	    { "421 4.7.1", "421 4.7.1", "421 4.7.1" } },
	{ "in a transaction", VERDICT_REPLY_TO_MISPLACED, VERDICT_TEMPFAIL,
	    REASON_MALFORMED, { "503 5.5.1", "503 5.5.1", "450 4.5.1" } },
	{ "mail, for now", VERDICT_REPLY_TO_MAIL, VERDICT_TEMPFAIL,
	    REASON_MALFORMED, { "451 4.7.1", "451 4.7.1", "451 4.7.1" } },
	{ "mail, for good", VERDICT_REPLY_TO_MAIL, VERDICT_REJECT,
	    REASON_SEALED, { "554 5.7.1", "554 5.7.1", "554 5.7.1" } },
	{ "mail, the end", VERDICT_REPLY_TO_MAIL, VERDICT_DISCONNECT,
	    REASON_UNSEEN, { "421 4.7.1", "421 4.7.1", "421 4.7.1" } },
	{ "mail of nobody knows whom", VERDICT_REPLY_TO_MAIL,
	    VERDICT_TEMPFAIL, REASON_CANNOT_TELL,
	    { "451 4.3.0", "451 4.3.0", "451 4.3.0" } },
	{ "a bad table", VERDICT_REPLY_TO_ACCESS, VERDICT_TEMPFAIL,
	    REASON_CANNOT_TELL, { "451 4.3.5", "451 4.3.5", "451 4.3.5" } },
	{ "what no line is about", VERDICT_REPLY_TO_MAIL, VERDICT_PERMIT,
	    REASON_GRANTED, { "451 4.3.0", "451 4.3.0", "451 4.3.0" } },
};

START_TEST(each_verdict_has_its_reply)
{
	const struct row	*row = &rows[_i];
	const char		*got;
	int			 by;

	for (by = 0; by <= VERDICT_REPLY_BY_POSTFIX; by++) {
		got = found(row->to, row->action, row->reason,
		    (enum verdict_reply_by)by);
		ck_assert_msg(strcmp(got, row->want[by]) == 0,
		    "%s, by %d: got %s, want %s", row->name, by, got,
		    row->want[by]);
	}
}
END_TEST

/* What must be so of any verdict. */
static void
check_reply(enum verdict_reply_to to, enum verdict_action action,
    enum verdict_reason reason, enum verdict_reply_by by)
{
	struct verdict_reply	 reply;

	verdict_reply_find(to, action, reason, by, &reply);
	ck_assert_int_eq(reply.code[0], reply.xcode[0]);
	ck_assert(verdict_reply_ends(&reply) ==
	    (action == VERDICT_DISCONNECT && to != VERDICT_REPLY_TO_ACCESS &&
	    to != VERDICT_REPLY_TO_MISPLACED));
	if (by != VERDICT_REPLY_BY_SERVER || action != VERDICT_PERMIT)
		ck_assert_int_ne(reply.code[0], '2');
	if (to == VERDICT_REPLY_TO_COMMAND && by == VERDICT_REPLY_BY_POSTFIX)
		ck_assert_int_eq(reply.code[0], '4');
	if (reason == REASON_CANNOT_TELL && action == VERDICT_TEMPFAIL &&
	    to != VERDICT_REPLY_TO_MISPLACED)
		ck_assert_int_eq(reply.code[0], '4');
}

START_TEST(any_verdict_has_a_sound_one)
{
	int	 to, action, reason, by;

	for (to = 0; to <= TO_LAST; to++)
		for (action = 0; action <= ACTION_LAST; action++)
			for (reason = 0; reason <= REASON_LAST; reason++)
				for (by = 0; by <= VERDICT_REPLY_BY_POSTFIX;
				    by++)
					check_reply(
					    (enum verdict_reply_to)to,
					    (enum verdict_action)action,
					    (enum verdict_reason)reason,
					    (enum verdict_reply_by)by);
}
END_TEST

START_TEST(a_reply_is_one_line)
{
	const struct verdict_reply	 reply = { "550", "5.7.1" };
	char				 buf[VERDICT_REPLY_SIZE], text[1000];

	ck_assert_str_eq(verdict_reply_line(&reply, "why", ID, buf),
	    "550 5.7.1 why; session " ID);
	ck_assert_str_eq(verdict_reply_line(&reply, "why", "", buf),
	    "550 5.7.1 why");
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	ck_assert_uint_eq(strlen(verdict_reply_line(&reply, text, ID, buf)),
	    512 - strlen("\r\n"));
	ck_assert_str_eq(verdict_reply_text("why", REASON_VALUE), "why");
	ck_assert_str_eq(verdict_reply_text("", REASON_VALUE), "value");
	ck_assert_str_eq(verdict_reply_text(NULL, REASON_SEALED), "sealed");
}
END_TEST

/*
 * The manual
 */

static char *
read_manual(void)
{
	static char	 text[100000];
	const char	*srcdir = getenv("srcdir");
	char		 file[512];
	FILE		*fp;
	size_t		 n;

	(void)snprintf(file, sizeof file, "%s/man/xcontext-smtp.7",
	    srcdir == NULL ? "." : srcdir);
	fp = fopen(file, "r");
	ck_assert_msg(fp != NULL, "%s: %s", file, strerror(errno));
	n = fread(text, 1, sizeof text - 1, fp);
	text[n] = '\0';
	(void)fclose(fp);
	return text;
}

static size_t
first_about(const struct verdict_reply_row *all, size_t n,
    enum verdict_reply_to to, int action, int reason)
{
	size_t	 i = 0;

	while (i < n && (all[i].to != to ||
	    (all[i].action >= 0 && all[i].action != action) ||
	    (all[i].reason >= 0 && all[i].reason != reason)))
		i++;
	return i;
}

/* A verdict that this line of the table is the first about. */
static bool
find_example(const struct verdict_reply_row *all, size_t n, size_t i,
    enum verdict_action *action_r, enum verdict_reason *reason_r)
{
	int	 action, reason;

	for (action = 0; action <= ACTION_LAST; action++)
		for (reason = 0; reason <= REASON_LAST; reason++)
			if (first_about(all, n, all[i].to, action,
			    reason) == i) {
				*action_r = (enum verdict_action)action;
				*reason_r = (enum verdict_reason)reason;
				return true;
			}
	return false;
}

static void
print_row(const struct verdict_reply_row *row, enum verdict_action action,
    enum verdict_reason reason, char *line, size_t size)
{
	int	 n, by;

	n = snprintf(line, size, ".It %s Ta %s Ta %s",
	    verdict_reply_to_text(row->to), row->action < 0 ? "any" :
	    verdict_action_text((enum verdict_action)row->action),
	    row->reason < 0 ? "any" :
	    verdict_reason_text((enum verdict_reason)row->reason));
	for (by = 0; by <= VERDICT_REPLY_BY_POSTFIX; by++)
		n += snprintf(line + n, size - (size_t)n, " Ta %s",
		    found(row->to, action, reason,
		    (enum verdict_reply_by)by));
	(void)snprintf(line + n, size - (size_t)n, "\n");
}

START_TEST(the_manual_prints_the_table)
{
	const struct verdict_reply_row	*all;
	const char			*p = strstr(read_manual(),
					     "\n.It answered Ta ");
	enum verdict_action		 action;
	enum verdict_reason		 reason;
	char				 line[200];
	size_t				 n, i;

	ck_assert_ptr_nonnull(p);
	p = strchr(p + 1, '\n') + 1;
	all = verdict_reply_rows(&n);
	for (i = 0; i < n; i++) {
		ck_assert_msg(find_example(all, n, i, &action, &reason),
		    "line %zu is never reached", i);
		print_row(&all[i], action, reason, line, sizeof line);
		ck_assert_msg(strncmp(p, line, strlen(line)) == 0,
		    "want %sgot %.*s", line, (int)strcspn(p, "\n"), p);
		p += strlen(line);
	}
	ck_assert_msg(strncmp(p, ".El\n", 4) == 0, "what is %.*s",
	    (int)strcspn(p, "\n"), p);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("verdict_reply");

	tcase_add_loop_test(tc, each_verdict_has_its_reply, 0, NELEM(rows));
	tcase_add_test(tc, any_verdict_has_a_sound_one);
	tcase_add_test(tc, a_reply_is_one_line);
	tcase_add_test(tc, the_manual_prints_the_table);
	return runner_run("verdict_reply", tc);
}
