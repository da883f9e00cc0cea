/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_sweep_test: what is dead goes, what has been replaced meanwhile stays.
 */
#include "session/store_sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/lib/runner.h"
#include "t/lib/tempdir.h"

#define SESSIONS	9

static char		 dir[TEMPDIR_SIZE];
static char		 url[TEMPDIR_SIZE + 16];
static struct store	*store;
static struct err	 err;

static void
open_store(void)
{
	store = store_open(url, 4, dir, &err);
	ck_assert_msg(store != NULL, "%s", err.text);
}

static void
put(pid_t pid, const char *id)
{
	struct session	 s;

	session_init(&s);
	(void)strcpy(s.id, id);
	s.pid = pid;
	ck_assert_int_eq(store_put(store, &s, &err), 0);
	session_clear(&s);
}

/* The name of the process's session, or "". */
static const char *
id_of(pid_t pid)
{
	static char	 id[ULID_SIZE];
	struct session	 s;

	session_init(&s);
	(void)store_get(store, pid, &s, &err);
	memcpy(id, s.id, sizeof id);
	session_clear(&s);
	return id;
}

static void
setup(void)
{
	pid_t	 pid;

	tempdir_make(dir);
	(void)snprintf(url, sizeof url, "lmdb:%s/store", dir);
	open_store();
	for (pid = 1; pid <= SESSIONS; pid++)
		put(pid, "OLD");
}

static void
teardown(void)
{
	store_close(store);
	tempdir_remove(dir);
}

static bool
is_even(const struct session *s, void *arg)
{
	++*(unsigned *)arg;
	return s->pid % 2 == 0;
}

START_TEST(the_dead_go)
{
	unsigned	 nasked = 0;
	pid_t		 pid;

	ck_assert_int_eq(store_sweep(store, is_even, &nasked, &err),
	    SESSIONS / 2);
	ck_assert_uint_eq(nasked, SESSIONS);
	for (pid = 1; pid <= SESSIONS; pid++)
		ck_assert_str_eq(id_of(pid), pid % 2 == 0 ? "" : "OLD");
	ck_assert_int_eq(store_sweep(store, is_even, &nasked, &err), 0);
}
END_TEST

/* A session that takes the place of a dead one while the store is read. */
static bool
replace(const struct session *s, void *arg)
{
	(void)arg;
	if (s->pid == SESSIONS) {
		put(1, "NEW");
		put(SESSIONS, "NEW");
	}
	return true;
}

START_TEST(a_replaced_one_stays)
{
	pid_t	 pid;

	ck_assert_int_eq(store_sweep(store, replace, NULL, &err), SESSIONS);
	for (pid = 1; pid <= SESSIONS; pid++)
		ck_assert_str_eq(id_of(pid), pid == 1 || pid == SESSIONS ?
		    "NEW" : "");
}
END_TEST

static bool
is_any(const struct session *s, void *arg)
{
	(void)s;
	++*(unsigned *)arg;
	return true;
}

START_TEST(an_empty_store)
{
	unsigned	 nasked = 0;

	ck_assert_int_eq(store_sweep(store, is_any, &nasked, &err), SESSIONS);
	nasked = 0;
	ck_assert_int_eq(store_sweep(store, is_any, &nasked, &err), 0);
	ck_assert_uint_eq(nasked, 0);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("store_sweep");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_dead_go);
	tcase_add_test(tc, a_replaced_one_stays);
	tcase_add_test(tc, an_empty_store);
	return runner_run("store_sweep", tc);
}
