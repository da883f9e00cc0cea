/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_lmdb_revoked_test: what is revoked outlives the boot and the sessions'
 * store, and no fault gives a right back.  What can be revoked, and who is
 * meant by it, stands in store_test.c.
 */
#include "session/store_private.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/damage.h"
#include "t/lib/runner.h"
#include "t/lib/store_fixture.h"
#include "t/lib/store_sessions.h"
#include "t/lib/tempdir.h"

static char	 revoked[128];	/* the directory */
static unsigned	 n_replaced;

static void
count_replaced(const char *where, void *arg)
{
	(void)arg;
	ck_assert_str_eq(where, revoked);
	n_replaced++;
}

static void
begin(void)
{
	store = open_store(SIZE_MIB);
	store_on_replaced(store, count_replaced, NULL);
}

static void
end(void)
{
	store_close(store);
	store = NULL;
}

static void
setup(void)
{
	setup_directory();
	(void)snprintf(revoked, sizeof revoked, "%s/revoked", dir);
	n_replaced = 0;
	begin();
}

static void
teardown(void)
{
	end();
	tempdir_remove(dir);
}

static enum store_result
ask(const char *peer)
{
	const struct address	 addr = addr_of(peer);

	err.text[0] = '\0';
	return store_is_revoked(store, &(struct store_holder){
	    .peer = &addr }, 1, &err);
}

/* Shell's words of a file of the directory. */
static void
do_in(const char *place, const char *command)
{
	char	 line[512];

	(void)snprintf(line, sizeof line, "cd %s && %s", place, command);
	ck_assert_msg(system(line) == 0, "%s", line);
}

START_TEST(nothing_is_made_before_something_is_revoked)
{
	ck_assert_int_eq(ask("192.0.2.1"), STORE_NONE);
	ck_assert_int_eq(store_unrevoke(store, "peer=192.0.2.1", &err), 0);
	ck_assert_int_eq(access(revoked, F_OK), -1);
	add_revocation("peer=192.0.2.1", 0);
	ck_assert_int_eq(ask("192.0.2.1"), STORE_FOUND);
	ck_assert_uint_eq(n_replaced, 0);
}
END_TEST

START_TEST(it_outlives_the_boot_and_the_store)
{
	add_revocation("peer=192.0.2.1", 0);
	end();
	do_in(dir, "echo another > store/boot_id");
	begin();
	ck_assert_int_eq(ask("192.0.2.1"), STORE_FOUND);
	do_in(dir, "rm -r store");
	ck_assert_int_eq(ask("192.0.2.1"), STORE_FOUND);
	end();
	begin();
	ck_assert_int_eq(ask("192.0.2.1"), STORE_FOUND);
	ck_assert_int_eq(ask("192.0.2.2"), STORE_NONE);
}
END_TEST

static const char *const	 losses[] = {
	"mv revoked away", "mv revoked/data.mdb away", "chmod 0 .",
};
static const char *const	 returns[] = {
	"mv away revoked", "mv away revoked/data.mdb", "chmod 0700 .",
};

/* Nobody can tell what was revoked; a program that is started anew begins
 * where it finds itself. */
START_TEST(what_vanishes_gives_no_right_back)
{
	if (_i == 2 && geteuid() == 0)
		return;
	add_revocation("peer=192.0.2.1", 0);
	do_in(dir, losses[_i]);
	ck_assert_int_eq(ask("192.0.2.2"), STORE_CANNOT_TELL);
	ck_assert_msg(strstr(err.text, revoked) != NULL, "%s", err.text);
	do_in(dir, returns[_i]);
	ck_assert_int_eq(ask("192.0.2.1"), STORE_FOUND);
	ck_assert_int_eq(ask("192.0.2.2"), STORE_NONE);
	ck_assert_uint_eq(n_replaced, 0);
}
END_TEST

/* As a backup has it. */
START_TEST(the_lock_file_is_not_missed)
{
	add_revocation("peer=192.0.2.1", 0);
	do_in(revoked, "rm lock.mdb");
	ck_assert_int_eq(ask("192.0.2.1"), STORE_FOUND);
	end();
	do_in(revoked, "rm lock.mdb");
	begin();
	ck_assert_int_eq(ask("192.0.2.1"), STORE_FOUND);
}
END_TEST

START_TEST(what_takes_its_place_is_read)
{
	add_revocation("peer=192.0.2.1", 0);
	do_in(dir, "cp -r revoked copy");
	add_revocation("peer=192.0.2.2", 0);
	do_in(dir, "mv revoked away && mv copy revoked");
	ck_assert_int_eq(ask("192.0.2.1"), STORE_FOUND);
	ck_assert_int_eq(ask("192.0.2.2"), STORE_NONE);
	ck_assert_uint_eq(n_replaced, 1);
}
END_TEST

/* Whoever revokes something while it is away makes a new one. */
START_TEST(what_is_made_anew_gives_no_right_back)
{
	int	 status;
	pid_t	 pid;

	add_revocation("peer=192.0.2.1", 0);
	do_in(dir, losses[_i]);
	pid = fork();
	if (pid == 0) {
		store = open_store(SIZE_MIB);
		add_revocation("peer=192.0.2.2", 0);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(ask("192.0.2.1"), STORE_CANNOT_TELL);
	ck_assert_msg(strstr(err.text, "another one") != NULL, "%s",
	    err.text);
	ck_assert_int_eq(ask("192.0.2.3"), STORE_CANNOT_TELL);
	ck_assert_uint_eq(n_replaced, 0);
	do_in(dir, "rm -r revoked/* && mv away new");
	do_in(dir, _i == 0 ? "rmdir revoked && mv new revoked" :
	    "mv new revoked/data.mdb");
	ck_assert_int_eq(ask("192.0.2.1"), STORE_FOUND);
	ck_assert_int_eq(ask("192.0.2.2"), STORE_NONE);
	/* One that is started then goes by what is there. */
	do_in(dir, "rm -r revoked");
	end();
	begin();
	add_revocation("peer=192.0.2.2", 0);
	ck_assert_int_eq(ask("192.0.2.1"), STORE_NONE);
}
END_TEST

static const struct wrong_row {
	const char	*command, *why;
} wrong_rows[] = {
	{ "rm -r revoked && ln -s store revoked", "it is a link" },
	{ "chmod g+w revoked", "others may write to it" },
	{ "rm -r revoked && echo > revoked", "Not a directory" },
	{ "head -c 8192 /dev/zero > revoked/data.mdb", "revoked: MDB_INVALID" },
	{ "echo text > revoked/data.mdb", "revoked: MDB_INVALID" },
};

/* Not opened, rather than opened with nothing in it. */
START_TEST(what_cannot_be_read_is_an_error)
{
	const struct wrong_row	*r = &wrong_rows[_i];

	add_revocation("peer=192.0.2.1", 0);
	end();
	do_in(dir, r->command);
	err.text[0] = '\0';
	ck_assert_ptr_null(store_open(url, SIZE_MIB, dir, &err));
	ck_assert_msg(strstr(err.text, revoked) != NULL &&
	    strstr(err.text, r->why) != NULL, "%s", err.text);
}
END_TEST

START_TEST(a_directory_that_cannot_be_made_is_named)
{
	end();
	store = store_open(url, SIZE_MIB, "/proc/none", &err);
	ck_assert_ptr_nonnull(store);
	ck_assert_int_eq(ask("192.0.2.1"), STORE_NONE);
	ck_assert_int_eq(store_revoke(store, &(struct store_revocation){
	    .what = "peer=192.0.2.1" }, &err), -1);
	ck_assert_msg(strstr(err.text, "/proc/none/revoked") != NULL, "%s",
	    err.text);
}
END_TEST

static void
damage_revocation(const char *bytes, size_t n)
{
	static const char	 what[] = "peer=192.0.2.1";

	end();
	damage_put(revoked, "revoked", 0, what, strlen(what), bytes, n);
	begin();
}

START_TEST(a_damaged_one_is_no_none)
{
	static const size_t	 sizes[] = { 0, 7, 264, 500 };
	static const char	 rubbish[500];
	char			 what[WHAT_SIZE];
	size_t			 i;

	add_revocation("peer=192.0.2.1", 0);
	for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		damage_revocation(rubbish, sizes[i]);
		ck_assert_int_eq(ask("192.0.2.1"), STORE_CANNOT_TELL);
		ck_assert_ptr_nonnull(strstr(err.text, "revoked"));
		ck_assert_int_eq(store_each_revoked(store, see_first, what,
		    &err), STORE_CANNOT_TELL);
		ck_assert_int_eq(ask("192.0.2.2"), STORE_NONE);
	}
	/* It can be replaced and taken out. */
	add_revocation("peer=192.0.2.1", 1000);
	ck_assert_int_eq(ask("192.0.2.1"), STORE_FOUND);
	damage_revocation("1", 1);
	end_revocation("peer=192.0.2.1");
	ck_assert_int_eq(ask("192.0.2.1"), STORE_NONE);
}
END_TEST

/* A full one says so, keeps what it has, and can be made room in. */
START_TEST(a_full_one_takes_deletions)
{
	char			 reason[STORE_REASON_SIZE];
	const struct address	 peer = addr_of("2001:db8::1");
	void			*state;
	char			 what[WHAT_SIZE];
	int			 i;

	memset(reason, 'r', sizeof reason - 1);
	reason[sizeof reason - 1] = '\0';
	ck_assert_int_eq(mkdir(revoked, 0700), 0);
	state = store_lmdb_revoked_part.open(revoked, 1, &err);
	ck_assert_msg(state != NULL, "%s", err.text);
	for (i = 1; i < 20000; i++) {
		(void)snprintf(what, sizeof what, "peer=2001:db8::%x", i);
		if (store_lmdb_revoke(state, what,
		    &(struct store_revocation){ .reason = reason }, &err) != 0)
			break;
	}
	ck_assert_int_gt(i, 1000);
	ck_assert_int_lt(i, 20000);
	ck_assert_msg(strstr(err.text, "MDB_MAP_FULL") != NULL, "%s",
	    err.text);
	ck_assert_int_eq(store_lmdb_is_revoked(state, &(struct store_holder){
	    .peer = &peer }, 1, &err), STORE_FOUND);
	while (--i > 0) {
		(void)snprintf(what, sizeof what, "peer=2001:db8::%x", i);
		ck_assert_msg(store_lmdb_unrevoke(state, what, &err) == 0,
		    "%s", err.text);
	}
	ck_assert_int_eq(store_lmdb_each_revoked(state, see_first, what,
	    &err), STORE_NONE);
	ck_assert_int_eq(store_lmdb_revoke(state, "peer=192.0.2.1",
	    &(struct store_revocation){ .reason = NULL }, &err), 0);
	store_lmdb_revoked_part.close(state);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("store_lmdb_revoked");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, nothing_is_made_before_something_is_revoked);
	tcase_add_test(tc, it_outlives_the_boot_and_the_store);
	tcase_add_loop_test(tc, what_is_made_anew_gives_no_right_back, 0, 2);
	tcase_add_loop_test(tc, what_vanishes_gives_no_right_back, 0,
	    NELEM(losses));
	tcase_add_test(tc, the_lock_file_is_not_missed);
	tcase_add_test(tc, what_takes_its_place_is_read);
	tcase_add_loop_test(tc, what_cannot_be_read_is_an_error, 0,
	    NELEM(wrong_rows));
	tcase_add_test(tc, a_directory_that_cannot_be_made_is_named);
	tcase_add_test(tc, a_damaged_one_is_no_none);
	tcase_add_test(tc, a_full_one_takes_deletions);
	return runner_run("store_lmdb_revoked", tc);
}
