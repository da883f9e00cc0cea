/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * report_test: one line a decision, with the names that the manual page has,
 * and the counters beside it.
 */
#include "policy/report.h"

#include <check.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/log.h"
#include "session/session_change.h"
#include "t/lib/http_get.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

static char		 dir[TEMPDIR_SIZE];
static int		 log_fd;
static struct report	 report;
static struct session	 session;
static struct verdict	 refusal, permission;

static bool
set_address(struct address *addr, const char *text)
{
	return address_parse(span_of(text), addr);
}

static void
setup(void)
{
	struct err	 err;
	char		 path[TEMPDIR_SIZE + 8];

	tempdir_make(dir);
	(void)snprintf(path, sizeof path, "%s/log", dir);
	log_fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
	ck_assert(log_fd != -1 && dup2(log_fd, STDERR_FILENO) != -1);
	ck_assert_int_eq(log_open("report_test", "stderr", CONF_LOG_TEXT, 0,
	    &err), 0);
	report = (struct report){ .metrics = metrics_new() };
	session_init(&session);
	strcpy(session.id, "01ID");
	strcpy(session.listener, "edge-in");
	ck_assert(set_address(&session.peer, "192.0.2.1") &&
	    set_address(&session.client, "2001:db8::9") &&
	    session_set_text(&session.profile, "edge"));
	refusal = (struct verdict){ .action = VERDICT_REJECT,
	    .reason = REASON_VALUE, .attribute = ASSERTION_ADDR,
	    .rule = "/etc/x:7", .text = "ADDR=10.0.0.1 is not allowed" };
	permission = (struct verdict){ .action = VERDICT_PERMIT,
	    .reason = REASON_GRANTED, .attribute = -1, .text = "granted" };
}

static void
teardown(void)
{
	session_clear(&session);
	metrics_free(report.metrics);
	log_close();
	(void)close(log_fd);
	tempdir_remove(dir);
}

/* What has been logged since the last call. */
static const char *
lines(void)
{
	static char	 buf[65536];
	static off_t	 at;
	ssize_t		 n;

	if (lseek(log_fd, 0, SEEK_END) < at)
		at = 0;
	n = pread(log_fd, buf, sizeof buf - 1, at);
	ck_assert_int_ge(n, 0);
	at += n;
	buf[n] = '\0';
	return buf;
}

static const char *
note(enum decision_event event, const struct verdict *verdict,
    const char *command, const char *text)
{
	struct decision	 n = { .event = event, .session = &session,
			     .verdict = verdict, .command = command };

	if (event == DECISION_ERROR)
		n.text = text;
	else
		n.line = text;

	report_write(&n, &report);
	return lines();
}

static void
check_like(const char *got, const char *want)
{
	ck_assert_msg(strstr(got, want) != NULL, "got \"%s\", want \"%s\"",
	    got, want);
}

START_TEST(a_refusal_tells_all_there_is)
{
	check_like(note(DECISION_REFUSE, &refusal, "XCLIENT", NULL),
	    "session=01ID event=refuse level=notice command=XCLIENT "
	    "peer=192.0.2.1 client=2001:db8::9 profile=edge listener=edge-in action=reject "
	    "reason=value attribute=ADDR rule=/etc/x:7 "
	    "text=\"ADDR=10.0.0.1 is not allowed\"\n");
}
END_TEST

START_TEST(a_permission_tells_the_line)
{
	session.listener[0] = '\0';
	check_like(note(DECISION_PERMIT, &permission, "XCLIENT",
	    "XCLIENT ADDR=1.2.3.4"),
	    "event=permit command=XCLIENT peer=192.0.2.1 client=2001:db8::9 "
	    "profile=edge action=permit reason=granted text=granted "
	    "line=\"XCLIENT ADDR=1.2.3.4\"\n");
	permission.report_only = true;
	check_like(note(DECISION_PERMIT, &permission, "XCLIENT", NULL),
	    "action=permit report_only=true reason=granted");
}
END_TEST

START_TEST(refused_mail_tells_why)
{
	const struct verdict	 verdict = { .action = VERDICT_TEMPFAIL,
				     .reason = REASON_VALUE, .attribute = -1,
				     .text = "no" };

	check_like(note(DECISION_MAIL_REFUSED, &verdict, NULL, "451 4.7.1 no"),
	    "event=mail_refused level=notice peer=192.0.2.1 "
	    "client=2001:db8::9 profile=edge listener=edge-in "
	    "action=tempfail reason=value text=no line=\"451 4.7.1 no\"\n");
}
END_TEST

START_TEST(what_was_said_and_by_what_it_was_judged)
{
	const struct conf	 conf = { .fingerprint = "00ff" };
	struct decision	 n = { .event = DECISION_REFUSE,
				     .session = &session, .conf = &conf,
				     .verdict = &refusal,
				     .command = "XCLIENT",
				     .said = span_of(" ADDR=10.0.0.1") };

	report_write(&n, &report);
	check_like(lines(), "rule=/etc/x:7 conf=00ff "
	    "text=\"ADDR=10.0.0.1 is not allowed\" "
	    "said=\"XCLIENT ADDR=10.0.0.1\"\n");
}
END_TEST

START_TEST(an_event_without_a_session)
{
	struct decision	 n = { .event = DECISION_ERROR,
				     .text = "no store" };

	report_write(&n, &report);
	check_like(lines(), "event=error level=error text=\"no store\"\n");
	session.peer.family = session.client.family = AF_UNSPEC;
	session_set_text(&session.profile, NULL);
	check_like(note(DECISION_FORGET, NULL, "XCLIENT", "x"),
	    "session=01ID event=forget command=XCLIENT peer=unknown "
	    "client=unknown listener=edge-in line=x\n");
}
END_TEST

static const struct event_row {
	enum decision_event	 event;
	const char		*want;		/* its name */
	bool			 is_quiet;	/* unless asked for */
} event_rows[] = {
	{ DECISION_BEGIN,	"begin",	true },
	{ DECISION_PERMIT,	"permit",	false },
	{ DECISION_REFUSE,	"refuse",	false },
	{ DECISION_OVERRIDE,	"override",	false },
	{ DECISION_FORGET,	"forget",	false },
	{ DECISION_UNDO,	"undo",		false },
	{ DECISION_SEAL,	"seal",		true },
	{ DECISION_MAIL_REFUSED,	"mail_refused",	false },
	{ DECISION_ERROR,		"error",	false },
	{ DECISION_DIFFER,		"differ",	false },
	{ DECISION_END,		"end",		true },
};

START_TEST(events_and_their_names)
{
	const struct event_row	*r = &event_rows[_i];
	char			 want[64];
	const char		*got;

	(void)snprintf(want, sizeof want, "event=%s ", r->want);
	got = note(r->event, NULL, NULL, "x");
	if (r->is_quiet)
		ck_assert_msg(*got == '\0', "%s: %s", r->want, got);
	else
		check_like(got, want);
	report.is_verbose = true;
	check_like(note(r->event, NULL, NULL, "x"), want);
}
END_TEST

static const char *
level_of(const char *line)
{
	return strstr(line, "level=error") != NULL ? "error" :
	    strstr(line, "level=warning") != NULL ? "warning" : "info";
}

START_TEST(levels)
{
	ck_assert_str_eq(level_of(note(DECISION_REFUSE, &refusal, NULL, NULL)),
	    "info");
	refusal.reason = REASON_UNSEEN;
	ck_assert_str_eq(level_of(note(DECISION_REFUSE, &refusal, NULL, NULL)),
	    "warning");
	refusal.reason = REASON_MISMATCH;
	ck_assert_str_eq(level_of(note(DECISION_REFUSE, &refusal, NULL, NULL)),
	    "warning");
	ck_assert_str_eq(level_of(note(DECISION_MAIL_REFUSED, NULL, NULL,
	    "451")), "info");
	ck_assert_str_eq(level_of(note(DECISION_ERROR, NULL, NULL, "x")),
	    "error");
}
END_TEST

START_TEST(hostile_bytes_stay_in_their_value)
{
	const char	*got;

	got = note(DECISION_PERMIT, &permission, "XCLIENT",
	    "a\nsession=FAKE event=permit \"b\\\t\033[0m");
	ck_assert_ptr_nonnull(strchr(got, '\n'));
	ck_assert_str_eq(strchr(got, '\n'), "\n");
	ck_assert_ptr_null(strchr(got, '\033'));
	ck_assert_ptr_null(strchr(got, '\t'));
}
END_TEST

START_TEST(what_is_counted)
{
	struct event_base	*base = event_base_new();
	struct err		 err;
	char			 where[32];
	static char		 page[65536];
	unsigned		 port = http_get_free_port();

	(void)note(DECISION_REFUSE, &refusal, "XCLIENT", NULL);
	(void)note(DECISION_PERMIT, &permission, "XFORWARD", "x");
	(void)note(DECISION_OVERRIDE, NULL, "XCLIENT", "x");
	(void)note(DECISION_BEGIN, NULL, NULL, NULL);
	(void)note(DECISION_MAIL_REFUSED, NULL, NULL, "451");
	(void)note(DECISION_ERROR, &refusal, NULL, "x");
	(void)snprintf(where, sizeof where, "127.0.0.1:%u", port);
	ck_assert_int_eq(metrics_serve(report.metrics, base, where, NULL,
	    NULL, &err), 0);
	ck_assert(http_get(base, port, "GET", "/metrics", page, sizeof page));
	check_like(page, "xcontext_decisions_total{profile=\"edge\",command="
	    "\"XCLIENT\",attribute=\"ADDR\",reason=\"value\",action=\"reject"
	    "\",report_only=\"false\"} 1\n");
	check_like(page, "xcontext_decisions_total{profile=\"edge\",command="
	    "\"XFORWARD\",attribute=\"\",reason=\"granted\",action=\"permit"
	    "\",report_only=\"false\"} 1\n");
	check_like(page, "\nxcontext_mail_refused_total 1\n");
	check_like(page, "\nxcontext_errors_total 1\n");
	ck_assert_ptr_null(strstr(page, "command=\"session\""));
	metrics_free(report.metrics);
	report.metrics = NULL;
	event_base_free(base);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("report");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_refusal_tells_all_there_is);
	tcase_add_test(tc, a_permission_tells_the_line);
	tcase_add_test(tc, refused_mail_tells_why);
	tcase_add_test(tc, what_was_said_and_by_what_it_was_judged);
	tcase_add_test(tc, an_event_without_a_session);
	tcase_add_loop_test(tc, events_and_their_names, 0, NELEM(event_rows));
	tcase_add_test(tc, levels);
	tcase_add_test(tc, hostile_bytes_stay_in_their_value);
	tcase_add_test(tc, what_is_counted);
	return runner_run_apart("report", tc);
}
