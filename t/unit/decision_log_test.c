/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * decision_log_test: a decision's line has every key that the manual has,
 * in one order, whoever has made it.
 */
#include "daemon/decision_log.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/log.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define TIME_SIZE	(sizeof("time=2026-01-01T00:00:00.000Z ") - 1)

static char		 dir[TEMPDIR_SIZE];
static int		 log_fd;
static struct conf	 conf = { .fingerprint = "0123456789abcdef" };
static struct session	 session;
static struct address	 other;
static struct verdict	 refusal, bare;

static void
set_address(struct address *addr, const char *text)
{
	ck_assert(address_parse(span_of(text), addr));
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
	ck_assert_int_eq(log_open("decision_log_test", "stderr",
	    CONF_LOG_TEXT, 2, &err), 0);
	session_init(&session);
	(void)strcpy(session.id, "01ID");
	(void)strcpy(session.listener, "in");
	set_address(&session.peer, "192.0.2.1");
	set_address(&session.client, "2001:db8::9");
	set_address(&other, "198.51.100.9");
	ck_assert(session_set_text(&session.profile, "edge"));
	refusal = (struct verdict){ .action = VERDICT_REJECT,
	    .reason = REASON_VALUE, .attribute = ASSERTION_ADDR,
	    .rule = "/etc/x:7", .text = "ADDR is not allowed",
	    .also = "LOGIN (/etc/x:8)" };
	bare = (struct verdict){ .action = VERDICT_TEMPFAIL,
	    .reason = REASON_MISMATCH, .attribute = -1 };
}

static void
teardown(void)
{
	session_clear(&session);
	log_close();
	(void)close(log_fd);
	tempdir_remove(dir);
}

/* What has been logged since the last call, and without the time. */
static const char *
logged(void)
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
	return strncmp(buf, "time=", 5) == 0 ? buf + TIME_SIZE : buf;
}

static const char *
line_of(const struct decision *d)
{
	decision_log(d);
	return logged();
}

START_TEST(every_key_in_its_place)
{
	const struct decision	 d = { .event = DECISION_REFUSE,
	    .session = &session, .conf = &conf, .verdict = &refusal,
	    .command = "XCLIENT", .said = span_of(" ADDR=10.0.0.1 LOGIN=a "),
	    .step = "MAIL", .pid = 4711, .reply = "550", .key = "k",
	    .rule = "elsewhere", .text = "more", .line = "l" };

	refusal.report_only = true;
	session.is_sealed = true;
	ck_assert(session_set_text(&session.peer_name, "gw.example") &&
	    session_set_text(&session.fingerprint, "AB:CD") &&
	    session_set_text(&session.rule, "/etc/t:3"));
	ck_assert_str_eq(line_of(&d), "session=01ID event=refuse level=notice "
	    "command=XCLIENT step=MAIL peer=192.0.2.1 client=2001:db8::9 "
	    "profile=edge listener=in pid=4711 action=reject "
	    "report_only=true reason=value attribute=ADDR key=k rule=/etc/x:7 "
	    "conf=0123456789abcdef peer_name=gw.example fingerprint=AB:CD "
	    "peer_rule=/etc/t:3 sealed=true reply=550 text=\"ADDR is not allowed\" "
	    "also=\"LOGIN (/etc/x:8)\" "
	    "said=\"XCLIENT ADDR=10.0.0.1 LOGIN=a\" line=l\n");
}
END_TEST

START_TEST(both_rules_where_they_differ)
{
	const struct verdict		 permit = { .action = VERDICT_PERMIT,
	    .attribute = -1, .rule = "/etc/x:3" };
	struct decision_former		 former = { .profile = "wide",
	    .peer_rule = "/etc/t:9", .verdict = &permit };
	const struct decision		 d = { .event = DECISION_DIFFER,
	    .verdict = &refusal, .command = "XCLIENT", .former = &former };
	uint64_t			 n = daemon_status().n_differences;
	const char			*got = line_of(&d);

	ck_assert_msg(strstr(got, " rule=/etc/x:7 ") != NULL &&
	    strstr(got, " former_profile=wide former_peer_rule=/etc/t:9 "
	    "former_action=permit former_reason=granted former_rule=/etc/x:3")
	    != NULL, "%s", got);
	former = (struct decision_former){ .line = "OK", .rule = "/etc/a:1" };
	ck_assert_str_eq(line_of(&(const struct decision){
	    .event = DECISION_DIFFER, .former = &former, .line = "DUNNO" }),
	    "event=differ level=notice former_action=OK "
	    "former_rule=/etc/a:1 line=DUNNO\n");
	ck_assert_uint_eq(daemon_status().n_differences, n + 2);
}
END_TEST

START_TEST(what_has_failed_is_told)
{
	struct verdict	 verdict;

	trust_violation(NULL, REASON_CANNOT_TELL, "later", &verdict);
	verdict.rule[0] = '\0';
	ck_assert_str_eq(line_of(&(const struct decision){
	    .event = DECISION_ERROR, .verdict = &verdict,
	    .text = "a:1: match limit exceeded" }),
	    "event=error level=error action=tempfail reason=cannot_tell "
	    "text=\"a:1: match limit exceeded\"\n");
}
END_TEST

START_TEST(what_is_not_known_is_left_out)
{
	session.listener[0] = '\0';
	ck_assert(session_set_text(&session.profile, NULL));
	ck_assert_str_eq(line_of(&(const struct decision){
	    .event = DECISION_END, .session = &session }),
	    "session=01ID event=end peer=192.0.2.1 client=2001:db8::9\n");
	ck_assert_str_eq(line_of(&(const struct decision){
	    .event = DECISION_ERROR, .text = "no store" }),
	    "event=error level=error text=\"no store\"\n");
	ck_assert_str_eq(line_of(&(const struct decision){
	    .event = DECISION_MAIL_REFUSED, .id = "01X", .client = &other,
	    .text = "why", .rule = "r" }), "session=01X event=mail_refused "
	    "level=notice client=198.51.100.9 rule=r text=why\n");
	ck_assert_str_eq(line_of(&(const struct decision){
	    .event = DECISION_MAIL_REFUSED, .id = "", .session = &session,
	    .client = &other }), "session=01ID event=mail_refused "
	    "level=notice peer=192.0.2.1 client=198.51.100.9\n");
}
END_TEST

static const struct said_row {
	const char	*name, *command;
	struct span	 said;
	const char	*want;		/* NULL: no such key */
} said_rows[] = {
	{ "nothing behind it", "XDUMPCONTEXT", { "", 0 }, "XDUMPCONTEXT" },
	{ "a NUL", "XREMOTEIP", { "1\0002", 3 }, "\"XREMOTEIP 1?2\"" },
	{ "what could end a line", "XREMOTEIP", { "1\n\"2", 4 },
	    "\"XREMOTEIP 1\\x0A\\\"2\"" },
	{ "not said by anybody", "XCLIENT", { NULL, 0 }, NULL },
	{ "no command", NULL, { "x", 1 }, NULL },
};

START_TEST(a_command_as_it_was_said)
{
	const struct said_row	*row = &said_rows[_i];
	const char		*got, *said;

	got = line_of(&(const struct decision){ .event = DECISION_PERMIT,
	    .command = row->command, .said = row->said });
	said = strstr(got, " said=");
	if (row->want == NULL)
		ck_assert_msg(said == NULL, "%s: got %s", row->name, got);
	else
		ck_assert_msg(said != NULL && strncmp(said + 6, row->want,
		    strlen(row->want)) == 0 &&
		    said[6 + strlen(row->want)] == '\n', "%s: got %s",
		    row->name, got);
}
END_TEST

START_TEST(what_was_said_is_bounded)
{
	char		 text[DECISION_SAID_MAX + 2];
	const char	*got;

	memset(text, 'x', sizeof text);
	got = line_of(&(const struct decision){ .event = DECISION_PERMIT,
	    .command = "XDUMPCONTEXT",
	    .said = { text, DECISION_SAID_MAX } });
	ck_assert_ptr_nonnull(strstr(got, "xx\"\n"));
	got = line_of(&(const struct decision){ .event = DECISION_PERMIT,
	    .command = "XDUMPCONTEXT",
	    .said = { text, DECISION_SAID_MAX + 1 } });
	ck_assert_ptr_nonnull(strstr(got, "xx...\"\n"));
	ck_assert_uint_eq(strspn(strchr(got, 'x'), "x"), DECISION_SAID_MAX);
}
END_TEST

static const struct event_row {
	enum decision_event	 event;
	const char		*want;
} event_rows[] = {
	{ DECISION_BEGIN, "event=begin " },
	{ DECISION_PERMIT, "event=permit " },
	{ DECISION_REFUSE, "event=refuse level=notice " },
	{ DECISION_OVERRIDE, "event=override " },
	{ DECISION_FORGET, "event=forget " },
	{ DECISION_UNDO, "event=undo " },
	{ DECISION_SEAL, "event=seal " },
	{ DECISION_COMMAND_DENIED, "event=command_denied level=notice " },
	{ DECISION_MAIL_REFUSED, "event=mail_refused level=notice " },
	{ DECISION_ACCESS, "event=access " },
	{ DECISION_ERROR, "event=error level=error " },
	{ DECISION_DIFFER, "event=differ level=notice " },
	{ DECISION_END, "event=end " },
};

START_TEST(events_and_their_levels)
{
	const struct event_row	*row = &event_rows[_i];
	const char		*got;

	got = line_of(&(const struct decision){ .event = row->event,
	    .session = &session });
	got = strchr(got, ' ') + 1;
	ck_assert_msg(strncmp(got, row->want, strlen(row->want)) == 0 &&
	    strncmp(got + strlen(row->want), "peer=", 5) == 0,
	    "want %s, got %s", row->want, got);
}
END_TEST

static const struct access_row {
	const char	*action, *want;
} access_rows[] = {
	{ "REJECT no", "event=access level=notice " },
	{ "reject", "event=access level=notice " },
	{ "DEFER_IF_PERMIT later", "event=access level=notice " },
	{ "450 4.7.1 later", "event=access level=notice " },
	{ "554 no", "event=access level=notice " },
	{ "DUNNO", "event=access peer=" },
	{ "OK", "event=access peer=" },
	{ "DISCARD", "event=access peer=" },
	{ "250", "event=access peer=" },
};

START_TEST(what_access_maps_refuse)
{
	const struct access_row	*row = &access_rows[_i];
	const char		*got;

	got = line_of(&(const struct decision){ .event = DECISION_ACCESS,
	    .session = &session, .line = row->action });
	ck_assert_msg(strncmp(strchr(got, ' ') + 1, row->want,
	    strlen(row->want)) == 0, "%s: %s", row->action, got);
}
END_TEST

/* Warnings go by the client, errors by what is wrong: two a minute each. */
START_TEST(what_is_grave_is_limited)
{
	struct decision	 d = { .event = DECISION_REFUSE, .client = &other,
			     .verdict = &bare };
	int		 i;

	ck_assert_ptr_nonnull(strstr(line_of(&d), "level=warning"));
	bare.reason = REASON_UNSEEN;
	ck_assert_ptr_nonnull(strstr(line_of(&d), "level=warning"));
	ck_assert_str_eq(line_of(&d), "");
	d.client = &session.peer;
	ck_assert_str_ne(line_of(&d), "");
	bare.reason = REASON_VALUE;
	for (i = 0; i < 5; i++)
		ck_assert_ptr_nonnull(strstr(line_of(&d), "level=notice"));
	for (i = 0; i < 5; i++) {
		decision_log(&(const struct decision){
		    .event = DECISION_ERROR, .text = "one" });
		ck_assert((*logged() != '\0') == (i < 2));
	}
	ck_assert_str_ne(line_of(&(const struct decision){
	    .event = DECISION_ERROR, .text = "another" }), "");
}
END_TEST

START_TEST(what_a_keeper_tells)
{
	static const bool	 want[] = {
		[DECISION_PERMIT] = true, [DECISION_REFUSE] = true,
		[DECISION_OVERRIDE] = true, [DECISION_ERROR] = true,
		[DECISION_DIFFER] = true,
		[DECISION_END] = false
	};
	const struct decision	 d = { .event = (enum decision_event)_i };

	ck_assert_int_eq(decision_log_tells(&d), want[_i]);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("decision_log");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, every_key_in_its_place);
	tcase_add_test(tc, both_rules_where_they_differ);
	tcase_add_test(tc, what_has_failed_is_told);
	tcase_add_test(tc, what_is_not_known_is_left_out);
	tcase_add_loop_test(tc, a_command_as_it_was_said, 0,
	    NELEM(said_rows));
	tcase_add_test(tc, what_was_said_is_bounded);
	tcase_add_loop_test(tc, what_access_maps_refuse, 0,
	    NELEM(access_rows));
	tcase_add_loop_test(tc, events_and_their_levels, 0,
	    NELEM(event_rows));
	tcase_add_test(tc, what_is_grave_is_limited);
	tcase_add_loop_test(tc, what_a_keeper_tells, 0, DECISION_END + 1);
	return runner_run_apart("decision_log", tc);
}
