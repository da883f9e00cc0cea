/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * lookup_test: which of the store's sessions a milter connection gets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "milter/lookup.h"
#include "t/lib/descriptors.h"
#include "t/lib/proc_start.h"
#include "t/lib/runner.h"

#define STORE_SIZE_MIB	4
#define CLIENT		"192.0.2.7"

static char	 directory[] = "/tmp/follow_test.XXXXXX";
static struct store	*store;

static void
setup(void)
{
	char		 url[sizeof directory + 16];
	struct err	 err;

	(void)snprintf(url, sizeof url, "lmdb:%s", directory);
	store = store_open(url, STORE_SIZE_MIB, directory, &err);
	ck_assert_msg(store != NULL, "%s", err.text);
}

static bool
remember_pid(const struct session *s, void *arg)
{
	*(pid_t *)arg = s->pid;
	return false;
}

static void
teardown(void)
{
	struct session	 s;
	struct err	 err;
	pid_t		 pid;

	session_init(&s);
	while (store_each(store, remember_pid, &pid, &err) == STORE_FOUND) {
		ck_assert_int_eq(store_get(store, pid, &s, &err), STORE_FOUND);
		ck_assert_int_eq(store_delete(store, pid, s.id, &err), 0);
	}
	session_clear(&s);
	store_close(store);
}

static struct address
address_of(const char *text)
{
	struct address	 addr = { .family = AF_UNSPEC };

	(void)address_parse(span_of(text), &addr);
	return addr;
}

/* A session in short; id NULL ends a list. */
struct row_session {
	const char		*id;
	const char		*client;
	uint16_t		 port;
	bool			 is_overridden;
	enum verdict_action	 refused;
	bool			 is_denied;
	enum verdict_action	 unforwarded;
	uint64_t		 changed_ms;
	enum session_keeper	 keeper;
};

static void
put(pid_t pid, uint64_t pid_start, const struct row_session *row)
{
	struct session	 s;
	struct err	 err;

	session_init(&s);
	(void)snprintf(s.id, sizeof s.id, "%s", row->id);
	s.pid = pid;
	s.pid_start = pid_start;
	s.keeper = row->keeper;
	s.client = address_of(row->client);
	s.client_port = row->port;
	s.refused = row->refused;
	s.unforwarded = row->unforwarded;
	s.changed_ms = row->changed_ms;
	ck_assert(session_set_text(&s.override,
	    row->is_overridden ? "XCLIENT ADDR=" CLIENT : NULL));
	ck_assert(session_set_text(&s.denied_text,
	    row->is_denied ? "denied" : NULL));
	ck_assert_msg(store_put(store, &s, &err) == 0, "%s", err.text);
	session_clear(&s);
}

START_TEST(by_pid)
{
	const struct row_session row = { .id = "A", .client = "192.0.2.9" };
	struct lookup_key	 key = { .pid = getpid(),
				     .client = address_of(CLIENT) };
	struct session		 s;
	struct err		 err;

	session_init(&s);
	ck_assert_int_eq(lookup_session(store, &key, &s, &err), STORE_NONE);
	put(getpid(), proc_start(getpid()), &row);
	ck_assert_int_eq(lookup_session(store, &key, &s, &err), STORE_FOUND);
	ck_assert_str_eq(s.id, "A");
	ck_assert_uint_eq(key.pid_start, proc_start(getpid()));
	session_clear(&s);
}
END_TEST

START_TEST(by_pid_of_an_earlier_process)
{
	const struct row_session row = { .id = "A", .client = CLIENT };
	struct lookup_key	 key = { .pid = getpid(),
				     .client = address_of(CLIENT) };
	struct session		 s;
	struct err		 err;

	session_init(&s);
	put(getpid(), proc_start(getpid()) - 1, &row);
	ck_assert_int_eq(lookup_session(store, &key, &s, &err), STORE_NONE);
	ck_assert_str_eq(s.id, "");
	session_clear(&s);
}
END_TEST

/* What the milter keeps for Sendmail is never a session of Postfix. */
START_TEST(by_pid_of_another_mta)
{
	const struct row_session row = { .id = "A", .client = CLIENT,
				     .keeper = SESSION_KEEPER_MILTER };
	struct lookup_key	 key = { .pid = getpid(),
				     .client = address_of(CLIENT) };
	struct session		 s;
	struct err		 err;

	session_init(&s);
	put(getpid(), proc_start(getpid()), &row);
	ck_assert_int_eq(lookup_session(store, &key, &s, &err), STORE_NONE);
	ck_assert_str_eq(s.id, "");
	session_clear(&s);
}
END_TEST

/* The start time is that of the connection, not of today's holder. */
START_TEST(by_pid_of_a_later_process)
{
	const struct row_session row = { .id = "A", .client = CLIENT };
	struct lookup_key	 key = { .pid = getpid(),
				     .pid_start = 1,
				     .client = address_of(CLIENT) };
	struct session		 s;
	struct err		 err;

	session_init(&s);
	put(getpid(), proc_start(getpid()), &row);
	ck_assert_int_eq(lookup_session(store, &key, &s, &err), STORE_NONE);
	session_clear(&s);
}
END_TEST

/* Whose the record is cannot be told. */
START_TEST(by_pid_without_descriptors)
{
	const struct row_session row = { .id = "A", .client = CLIENT };
	struct lookup_key	 key = { .pid = getpid(),
				     .client = address_of(CLIENT) };
	struct session		 s;
	struct err		 err;

	session_init(&s);
	put(getpid(), proc_start(getpid()) - 1, &row);
	descriptors_leave(0);
	ck_assert_int_eq(lookup_session(store, &key, &s, &err),
	    STORE_CANNOT_TELL);
	descriptors_free();
	ck_assert_str_eq(s.id, "");
	ck_assert_int_eq(lookup_session(store, &key, &s, &err), STORE_NONE);
	session_clear(&s);
}
END_TEST

/* No such process can be seen: its record may be another's. */
START_TEST(by_pid_of_an_invisible_process)
{
	const struct row_session row = { .id = "A", .client = CLIENT };
	struct lookup_key	 key = { .pid = 0x3fffffff,
				     .client = address_of(CLIENT) };
	struct session		 s;
	struct err		 err;

	session_init(&s);
	put(key.pid, 12345, &row);
	ck_assert_int_eq(lookup_session(store, &key, &s, &err),
	    STORE_CANNOT_TELL);
	ck_assert_str_eq(s.id, "");
	session_clear(&s);
}
END_TEST

static const struct client_row {
	const char		*name;
	struct row_session	 sessions[4];
	uint16_t		 port;
	const char		*want;		/* NULL: none */
} client_rows[] = {
	{ .name = "none", .want = NULL },
	{ .name = "another address", .want = NULL,
	    .sessions = { { .id = "A", .client = "192.0.2.8" } } },
	{ .name = "the only one", .want = "A",
	    .sessions = { { .id = "A", .client = CLIENT } } },
	{ .name = "another port", .port = 4711, .want = NULL,
	    .sessions = { { .id = "A", .client = CLIENT, .port = 4712 } } },
	{ .name = "the same port", .port = 4711, .want = "B",
	    .sessions = { { .id = "A", .client = CLIENT, .port = 4712 },
	    { .id = "B", .client = CLIENT, .port = 4711 } } },
	{ .name = "a port that nobody knows", .want = "A",
	    .sessions = { { .id = "A", .client = CLIENT, .port = 4712 } } },
	{ .name = "a record without a port", .port = 4711, .want = "A",
	    .sessions = { { .id = "A", .client = CLIENT } } },
	{ .name = "refused before denied", .want = "B",
	    .sessions = { { .id = "A", .client = CLIENT, .is_denied = true },
	    { .id = "B", .client = CLIENT, .is_overridden = true,
	    .refused = VERDICT_TEMPFAIL } } },
	{ .name = "graver refusal first", .want = "B",
	    .sessions = { { .id = "A", .client = CLIENT,
	    .refused = VERDICT_TEMPFAIL },
	    { .id = "B", .client = CLIENT, .refused = VERDICT_DISCONNECT },
	    { .id = "C", .client = CLIENT, .refused = VERDICT_REJECT } } },
	{ .name = "refused, but with another port", .port = 4711,
	    .want = "A",
	    .sessions = { { .id = "A", .client = CLIENT, .port = 4711 },
	    { .id = "B", .client = CLIENT, .port = 4712,
	    .refused = VERDICT_REJECT } } },
	{ .name = "a refused message before denied", .want = "B",
	    .sessions = { { .id = "A", .client = CLIENT, .is_denied = true },
	    { .id = "B", .client = CLIENT, .is_overridden = true,
	    .unforwarded = VERDICT_TEMPFAIL } } },
	{ .name = "refused before a refused message", .want = "B",
	    .sessions = { { .id = "A", .client = CLIENT,
	    .unforwarded = VERDICT_REJECT },
	    { .id = "B", .client = CLIENT, .refused = VERDICT_TEMPFAIL } } },
	{ .name = "denied before not overridden", .want = "B",
	    .sessions = { { .id = "A", .client = CLIENT },
	    { .id = "B", .client = CLIENT, .is_overridden = true,
	    .is_denied = true } } },
	{ .name = "not overridden before overridden", .want = "B",
	    .sessions = { { .id = "A", .client = CLIENT,
	    .is_overridden = true, .changed_ms = 9 },
	    { .id = "B", .client = CLIENT, .changed_ms = 1 } } },
	{ .name = "the last that changed", .want = "B",
	    .sessions = { { .id = "A", .client = CLIENT, .changed_ms = 1 },
	    { .id = "B", .client = CLIENT, .changed_ms = 3 },
	    { .id = "C", .client = CLIENT, .changed_ms = 2 } } },
	{ .name = "another MTA's, with address and port", .port = 4711,
	    .want = NULL,
	    .sessions = { { .id = "A", .client = CLIENT, .port = 4711,
	    .keeper = SESSION_KEEPER_MILTER } } },
	{ .name = "another MTA's, though less trusted", .port = 4711,
	    .want = "B",
	    .sessions = { { .id = "A", .client = CLIENT, .port = 4711,
	    .refused = VERDICT_REJECT, .keeper = SESSION_KEEPER_MILTER },
	    { .id = "B", .client = CLIENT, .port = 4711,
	    .is_overridden = true } } },
};

/* Each row is played forwards and backwards: the order in which the store
 * has the sessions must not matter. */
START_TEST(by_client)
{
	const struct client_row	*row = &client_rows[_i / 2];
	struct lookup_key	 key = { .client = address_of(CLIENT),
				     .client_port = row->port };
	enum store_result	 want, got;
	struct session		 s;
	struct err		 err;
	int			 i, n;

	for (n = 0; n < 4 && row->sessions[n].id != NULL; n++)
		continue;
	for (i = 0; i < n; i++)
		put(_i % 2 == 0 ? 100 + i : 200 - i, 1, &row->sessions[i]);
	session_init(&s);
	want = row->want == NULL ? STORE_NONE : STORE_FOUND;
	got = lookup_session(store, &key, &s, &err);
	ck_assert_msg(got == want, "%s: got result %d, want %d", row->name,
	    got, want);
	ck_assert_msg(strcmp(s.id, row->want == NULL ? "" : row->want) == 0,
	    "%s: got %s, want %s", row->name, s.id, row->want);
	session_clear(&s);
}
END_TEST

static TCase *
follow_case(void)
{
	TCase	*tc = tcase_create("lookup");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, by_pid);
	tcase_add_test(tc, by_pid_of_an_earlier_process);
	tcase_add_test(tc, by_pid_of_another_mta);
	tcase_add_test(tc, by_pid_of_a_later_process);
	tcase_add_test(tc, by_pid_without_descriptors);
	tcase_add_test(tc, by_pid_of_an_invisible_process);
	tcase_add_loop_test(tc, by_client, 0,
	    2 * (int)(sizeof client_rows / sizeof client_rows[0]));
	return tc;
}

static void
remove_directory(void)
{
	static const char *const files[] = { "data.mdb", "lock.mdb",
	    "boot_id" };
	char		 path[sizeof directory + 16];
	size_t		 i;

	for (i = 0; i < sizeof files / sizeof files[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", directory,
		    files[i]);
		(void)unlink(path);
	}
	(void)rmdir(directory);
}

int
main(void)
{
	int	 status;

	if (mkdtemp(directory) == NULL)
		return EXIT_FAILURE;
	status = runner_run("lookup", follow_case());
	remove_directory();
	return status;
}
