/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ledger_test: processes, what becomes of records, and a store that fails.
 * How sessions go on is told by the dialogues of t/replay.
 */
#include "policy/ledger.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/damage.h"
#include "t/lib/descriptors.h"
#include "t/lib/proc_start.h"
#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define PID		4000001		/* over any real one */
#define FILLER_PID	5000000
#define NOW_MS		1000000000000
#define LIFETIME_MS	(60 * 1000)

static char		 dir[TEMPDIR_SIZE];
static struct conf	*conf;
static struct store	*store;
static struct ledger	*ledger;
static struct ledger_proc *proc;
static struct ledger_reply reply;
static unsigned		 noted[DECISION_END + 1];
static struct err	 err;

static void
take_note(const struct decision *note, void *arg)
{
	(void)arg;
	noted[note->event]++;
}

static void
setup(void)
{
	char	 path[TEMPDIR_SIZE + 8];
	FILE	*out;

	tempdir_make(dir);
	(void)snprintf(path, sizeof path, "%s/conf", dir);
	out = fopen(path, "w");
	ck_assert_ptr_nonnull(out);
	(void)fprintf(out, "store = \"lmdb:%s/store\" "
	    "state_directory = \"%s\"\nuser = \"\"\n"
	    "profile edge { xclient = { \"*\" } xforward = { \"*\" } }\n"
	    "trust_maps = { \"cidr:{{192.0.2.1/32 edge}}\" }\n"
	    "limits { session_lifetime = %d }\n", dir, dir, LIFETIME_MS / 1000);
	ck_assert_int_eq(fclose(out), 0);
	conf = conf_load(path, &err);
	ck_assert_msg(conf != NULL, "%s", err.text);
	store = store_open(conf->store, 1,
	    conf->state_directory, &err);
	ck_assert_msg(store != NULL, "%s", err.text);
	ledger = ledger_new(conf, store, take_note, NULL);
	ck_assert_ptr_nonnull(ledger);
	memset(noted, 0, sizeof noted);
	proc = ledger_proc_get(ledger, PID, 1, &err);
	ck_assert_ptr_nonnull(proc);
}

static void
teardown(void)
{
	ledger_free(ledger);
	store_close(store);
	conf_unref(conf);
	tempdir_remove(dir);
}

typedef void	ask_fn(struct ledger *, struct ledger_proc *, struct span,
		    struct span, uint64_t, struct ledger_reply *);

static void
ask(ask_fn *fn, const char *key, enum ledger_answer want,
    const char *want_text)
{
	memset(&reply, 0xff, sizeof reply);
	fn(ledger, proc, span_of(""), span_of(key), NOW_MS, &reply);
	ck_assert_msg(reply.answer == want, "%s: got %d %s", key,
	    reply.answer, reply.text);
	ck_assert_msg(want_text == NULL || strcmp(reply.text, want_text) == 0,
	    "%s: got %s", key, reply.text);
}

static void
connect_messenger(void)
{
	ask(ledger_xclient, "unknown", LEDGER_NO, "");
	ask(ledger_xclient, "192.0.2.1", LEDGER_YES, "edge");
	ask(ledger_xforward, "192.0.2.1", LEDGER_YES, "edge");
	ask(ledger_milters, "192.0.2.1", LEDGER_NO, "");
}

/* A record of which only these things matter. */
static int
put_record_of(enum session_keeper keeper, pid_t pid, uint64_t start,
    uint64_t changed_ms, const char *override)
{
	struct session	 s;
	int		 rc;

	session_init(&s);
	strcpy(s.id, "01TEST");
	s.keeper = keeper;
	s.pid = pid;
	s.pid_start = start;
	s.changed_ms = changed_ms;
	ck_assert(session_set_text(&s.override, override));
	rc = store_put(store, &s, &err);
	session_clear(&s);
	return rc;
}

static int
put_record(pid_t pid, uint64_t start, uint64_t changed_ms,
    const char *override)
{
	return put_record_of(SESSION_KEEPER_POLICY, pid, start, changed_ms,
	    override);
}

static bool
has_record(pid_t pid)
{
	struct session		 s;
	enum store_result	 result;

	session_init(&s);
	result = store_get(store, pid, &s, &err);
	session_clear(&s);
	ck_assert_int_ne(result, STORE_CANNOT_TELL);
	return result == STORE_FOUND;
}

/*
 * Processes
 */

START_TEST(a_process_is_one_for_all_its_streams)
{
	struct ledger_proc	*again;

	again = ledger_proc_get(ledger, PID, 1, &err);
	ck_assert_ptr_eq(again, proc);
	ck_assert_ptr_null(ledger_proc_session(proc));
	connect_messenger();
	ck_assert_ptr_nonnull(ledger_proc_session(again));
	ck_assert_uint_eq(ledger_sessions(ledger), 1);
	/* A stream that we close, then one that the process closes. */
	ledger_proc_put(ledger, again, false);
	ck_assert_ptr_nonnull(ledger_proc_session(proc));
	ck_assert(has_record(PID));
	again = ledger_proc_get(ledger, PID, 1, &err);
	ledger_proc_put(ledger, proc, true);
	ck_assert_ptr_null(ledger_proc_session(again));
	ck_assert(!has_record(PID));
	ck_assert_uint_eq(ledger_sessions(ledger), 0);
	ck_assert_uint_eq(noted[DECISION_END], 1);
	ledger_proc_put(ledger, again, true);
	ck_assert_uint_eq(noted[DECISION_END], 1);
}
END_TEST

START_TEST(what_we_close_is_taken_up_again)
{
	connect_messenger();
	ledger_proc_put(ledger, proc, false);
	ck_assert_uint_eq(ledger_sessions(ledger), 0);
	ck_assert(has_record(PID));
	proc = ledger_proc_get(ledger, PID, 1, &err);
	ck_assert_ptr_nonnull(proc);
	ck_assert_uint_eq(ledger_sessions(ledger), 1);
	ck_assert_str_eq(ledger_proc_session(proc)->profile, "edge");
	ck_assert_uint_eq(noted[DECISION_END], 0);
}
END_TEST

START_TEST(another_process_of_the_number_has_to_wait)
{
	err.text[0] = '\0';
	ck_assert_ptr_null(ledger_proc_get(ledger, PID, 2, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "4000001"));
	ledger_proc_put(ledger, proc, false);
	proc = ledger_proc_get(ledger, PID, 2, &err);
	ck_assert_ptr_nonnull(proc);
}
END_TEST

START_TEST(many_processes)
{
	struct ledger_proc	*procs[50];
	int			 i;

	for (i = 0; i < 50; i++)
		procs[i] = ledger_proc_get(ledger, 100 + i * 7 % 50, 1, &err);
	for (i = 0; i < 50; i++) {
		ck_assert_ptr_nonnull(procs[i]);
		ck_assert_ptr_eq(ledger_proc_get(ledger, 100 + i * 7 % 50, 1,
		    &err), procs[i]);
	}
	for (i = 0; i < 50; i++)
		ledger_proc_put(ledger, procs[i], false);
}
END_TEST

START_TEST(a_record_that_makes_no_sense_is_no_none)
{
	static const char *const	 overrides[] = {
		"", "XCLIENT", "XCLIENT ", "XCLIENT ADDR=1.2.3",
		"XCLIENT IDENT=1", "nonsense",
	};
	int				 i;

	for (i = 0; i < NELEM(overrides); i++) {
		ck_assert_int_eq(put_record(PID + 1, 1, NOW_MS,
		    overrides[i]), 0);
		err.text[0] = '\0';
		ck_assert_msg(ledger_proc_get(ledger, PID + 1, 1, &err) ==
		    NULL, "\"%s\"", overrides[i]);
		ck_assert_msg(strstr(err.text, "4000002") != NULL,
		    "\"%s\": %s", overrides[i], err.text);
		ck_assert_uint_eq(ledger_sessions(ledger), 0);
	}
	/* Of an earlier process it is not even looked at. */
	ck_assert_ptr_nonnull(ledger_proc_get(ledger, PID + 1, 2, &err));
	ck_assert(!has_record(PID + 1));
	ledger_free(NULL);
}
END_TEST

START_TEST(a_damaged_record_is_no_none)
{
	char	 path[TEMPDIR_SIZE + 8];

	ck_assert_int_eq(put_record(PID + 1, 1, NOW_MS, NULL), 0);
	ledger_free(ledger);
	store_close(store);
	(void)snprintf(path, sizeof path, "%s/store", dir);
	damage_record(path, PID + 1, "rubbish that is long enough", 27);
	store = store_open(conf->store, 1,
	    conf->state_directory, &err);
	ledger = ledger_new(conf, store, take_note, NULL);
	ck_assert_ptr_null(ledger_proc_get(ledger, PID + 1, 1, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "4000002"));
	ck_assert_ptr_nonnull(ledger_proc_get(ledger, PID + 2, 1, &err));
}
END_TEST

/* A filter of Sendmail's process may ask us, too; its session is not ours. */
START_TEST(a_record_of_sendmail_is_left_alone)
{
	struct ledger_proc	*other;

	ck_assert_int_eq(put_record_of(SESSION_KEEPER_MILTER, PID + 1, 1,
	    NOW_MS,
	    "XCLIENT ADDR=203.0.113.7"), 0);
	other = ledger_proc_get(ledger, PID + 1, 1, &err);
	ck_assert_ptr_nonnull(other);
	ck_assert_ptr_null(ledger_proc_session(other));
	ck_assert_uint_eq(ledger_sessions(ledger), 0);
	ck_assert(has_record(PID + 1));
	ledger_profile(ledger, span_of(""), span_of("192.0.2.1"), &reply);
	ck_assert_int_eq(reply.answer, LEDGER_YES);
	ck_assert(has_record(PID + 1));
	ledger_proc_put(ledger, other, true);
	ck_assert(has_record(PID + 1));
	ck_assert_uint_eq(noted[DECISION_END], 0);
	/* That of an earlier process is nobody's. */
	ck_assert_ptr_nonnull(ledger_proc_get(ledger, PID + 1, 2, &err));
	ck_assert(!has_record(PID + 1));
}
END_TEST

/*
 * Records
 */

static const struct sweep_row {
	const char	*name;
	bool		 is_alive, is_same, is_young, want_kept;
} sweep_rows[] = {
	{ "a dead process",		false, true,  true,  false },
	{ "another process now",	true,  false, true,  false },
	{ "old, but its process lives",	true,  true,  false, true },
	{ "alive and young",		true,  true,  true,  true },
};

START_TEST(what_is_swept)
{
	const struct sweep_row	*r = &sweep_rows[_i];
	pid_t			 pid = r->is_alive ? getpid() : PID + 5;
	uint64_t		 start = proc_start(getpid());
	int			 n;

	ck_assert_int_eq(put_record(pid, r->is_same ? start : start + 1,
	    r->is_young ? NOW_MS - LIFETIME_MS + 1 : NOW_MS - LIFETIME_MS,
	    NULL), 0);
	n = ledger_sweep(ledger, NOW_MS, &err);
	ck_assert_msg(n == (r->want_kept ? 0 : 1), "%s: swept %d", r->name,
	    n);
	ck_assert_msg(has_record(pid) == r->want_kept, "%s", r->name);
}
END_TEST

START_TEST(what_has_no_process_ends_by_its_age)
{
	ck_assert_int_eq(put_record(PID + 1, 0, NOW_MS - LIFETIME_MS, NULL),
	    0);
	ck_assert_int_eq(put_record(PID + 2, 0, NOW_MS - LIFETIME_MS + 1,
	    NULL), 0);
	ck_assert_int_eq(ledger_sweep(ledger, NOW_MS, &err), 1);
	ck_assert(!has_record(PID + 1) && has_record(PID + 2));
}
END_TEST

START_TEST(what_cannot_be_told_is_not_swept)
{
	ck_assert_int_eq(put_record(getpid(), proc_start(getpid()), NOW_MS,
	    NULL), 0);
	descriptors_leave(0);
	ck_assert_int_eq(ledger_sweep(ledger, NOW_MS, &err), 0);
	descriptors_free();
	ck_assert(has_record(getpid()));
}
END_TEST

START_TEST(what_is_in_use_is_not_swept)
{
	connect_messenger();
	ck_assert_int_eq(put_record(PID + 1, 1, NOW_MS, NULL), 0);
	ck_assert_int_eq(put_record(PID + 2, 1, NOW_MS, NULL), 0);
	ck_assert_int_eq(ledger_sweep(ledger, NOW_MS + 10 * LIFETIME_MS,
	    &err), 2);
	ck_assert(has_record(PID) && !has_record(PID + 1) &&
	    !has_record(PID + 2));
	ck_assert_int_eq(ledger_sweep(ledger, NOW_MS + 10 * LIFETIME_MS,
	    &err), 0);
}
END_TEST

/*
 * A store that fails
 */

static void
fill_store(void)
{
	static char	 text[4000];
	pid_t		 pid = FILLER_PID;

	memset(text, 'x', sizeof text - 1);
	while (put_record(pid++, 1, NOW_MS, text) == 0)
		ck_assert_int_lt(pid, FILLER_PID + 10000);
	for (pid += 1000; put_record(pid++, 1, NOW_MS, NULL) == 0;)
		continue;
}

START_TEST(what_cannot_be_kept_is_not_answered)
{
	connect_messenger();
	fill_store();
	ask(ledger_command, "XCLIENT ADDR=198.51.100.9", LEDGER_TEMP,
	    "the session store failed");
	ck_assert_uint_eq(noted[DECISION_ERROR], 1);
	ck_assert_uint_eq(noted[DECISION_PERMIT], 1);
	/* A stranger needs no record, and the messenger's goes. */
	ask(ledger_xclient, "203.0.113.5", LEDGER_NO, "");
	ask(ledger_xforward, "203.0.113.5", LEDGER_NO, "");
	ask(ledger_milters, "203.0.113.5", LEDGER_YES, "DISABLE");
	ck_assert(!has_record(PID));
	ck_assert_uint_eq(noted[DECISION_ERROR], 1);
	/* Even what a stranger must not do cannot be kept. */
	ask(ledger_command, "XCLIENT ADDR=198.51.100.9", LEDGER_TEMP, NULL);
	ask(ledger_xclient, "192.0.2.1", LEDGER_TEMP, NULL);
	ck_assert_uint_eq(noted[DECISION_ERROR], 3);
	/* The sweep makes room again. */
	ck_assert_int_gt(ledger_sweep(ledger, NOW_MS, &err), 0);
	connect_messenger();
	ask(ledger_command, "XCLIENT PORT=1", LEDGER_YES, "XCLIENT PORT=1");
}
END_TEST

START_TEST(mail_is_not_taken_when_its_refusal_cannot_be_kept)
{
	struct attr_request	 request = { { { NULL, 0 } } };

	connect_messenger();
	fill_store();
	request.v[ATTR_CLIENT_ADDRESS] = span_of("198.51.100.9");
	request.v[ATTR_PROTOCOL_STATE] = span_of("RCPT");
	ledger_policy(ledger, proc, &request, NOW_MS, &reply);
	ck_assert_int_eq(reply.answer, LEDGER_TEMP);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("ledger");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_process_is_one_for_all_its_streams);
	tcase_add_test(tc, what_we_close_is_taken_up_again);
	tcase_add_test(tc, another_process_of_the_number_has_to_wait);
	tcase_add_test(tc, many_processes);
	tcase_add_test(tc, a_record_that_makes_no_sense_is_no_none);
	tcase_add_test(tc, a_damaged_record_is_no_none);
	tcase_add_test(tc, a_record_of_sendmail_is_left_alone);
	tcase_add_loop_test(tc, what_is_swept, 0, NELEM(sweep_rows));
	tcase_add_test(tc, what_has_no_process_ends_by_its_age);
	tcase_add_test(tc, what_cannot_be_told_is_not_swept);
	tcase_add_test(tc, what_is_in_use_is_not_swept);
	tcase_add_test(tc, what_cannot_be_kept_is_not_answered);
	tcase_add_test(tc, mail_is_not_taken_when_its_refusal_cannot_be_kept);
	return runner_run("ledger", tc);
}
