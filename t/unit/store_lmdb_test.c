/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_lmdb_test: what is LMDB's alone: its directory, its limit, its boot.
 * What every back end must do stands in store_test.c.
 */
#include "session/store.h"

#include <sys/stat.h>

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/lib/damage.h"
#include "t/lib/runner.h"
#include "t/lib/store_fixture.h"
#include "t/lib/store_sessions.h"
#include "t/lib/tempdir.h"

static void
setup(void)
{
	setup_directory();
	store = open_store(SIZE_MIB);
}

static void
teardown(void)
{
	store_close(store);
	store = NULL;
	tempdir_remove(dir);
}

START_TEST(a_full_store_says_so_and_keeps_what_it_has)
{
	pid_t	 pid;

	store_close(store);
	store = open_store(1);
	put(1, "FIRST", "198.51.100.1");
	for (pid = 2; pid < 1000; pid++)
		if (try_put(store, pid, "FILL", "198.51.100.1", 8000) != 0)
			break;
	ck_assert_int_lt(pid, 1000);
	ck_assert_msg(strstr(err.text, "MDB_MAP_FULL") != NULL, "%s",
	    err.text);
	ck_assert_str_eq(id_of(store, 1), "FIRST");
	ck_assert_str_eq(id_of(store, 2), "FILL");
	ck_assert_str_eq(id_of(store, pid), "");
	/* Room is made by taking out. */
	for (; pid > 1; pid--)
		ck_assert_msg(store_delete(store, pid, NULL, &err) == 0, "%s",
		    err.text);
	ck_assert_int_eq(try_put(store, 2, "AGAIN", "198.51.100.1", 8000),
	    0);
	check_clients("198.51.100.1", "FIRST AGAIN ");
}
END_TEST

/* A full store must not keep an administrator from taking records out, nor
 * a session from ending. */
START_TEST(a_full_store_takes_deletions)
{
	pid_t	 pid;

	store_close(store);
	store = open_store(1);
	for (pid = 1; pid < 10000; pid++)
		if (try_put(store, pid, "FILL", "198.51.100.1", 100) != 0)
			break;
	while (--pid > 0)
		ck_assert_msg(store_delete(store, pid, NULL, &err) == 0, "%s",
		    err.text);
	check_clients("198.51.100.1", "");
	put(1, "AGAIN", "198.51.100.1");
}
END_TEST

/* Fills a store of 1 MiB. */
static void
fill_store(void)
{
	pid_t	 pid;

	store_close(store);
	store = open_store(1);
	for (pid = 1; pid < 10000; pid++)
		if (try_put(store, pid, "FILL", "198.51.100.1", 100) != 0)
			return;
	ck_abort_msg("the store was not to be filled");
}

/* An attack may be what fills it. */
START_TEST(a_full_store_takes_revocations)
{
	fill_store();
	add_revocation("peer=192.0.2.1", 0);
	add_revocation("profile=edge", 1000);
	ck_assert(is_revoked(store, "192.0.2.1", NULL, 1));
	ck_assert(is_revoked(store, "192.0.2.2", "edge", 999));
	add_revocation("profile=edge", 2000);
	ck_assert(is_revoked(store, "192.0.2.2", "edge", 1999));
	end_revocation("peer=192.0.2.1");
	ck_assert(!is_revoked(store, "192.0.2.1", NULL, 1));
	ck_assert_int_eq(try_put(store, 10000, "MORE", "", 100), -1);
}
END_TEST

static void
write_boot_id(const char *text)
{
	char	 path[128];
	FILE	*out;

	(void)snprintf(path, sizeof path, "%s/store/boot_id", dir);
	out = fopen(path, "w");
	ck_assert_ptr_nonnull(out);
	(void)fputs(text, out);
	ck_assert_int_eq(fclose(out), 0);
}

START_TEST(what_another_boot_left_is_thrown_away)
{
	put(1, "OLD", "198.51.100.1");
	store_close(store);
	write_boot_id("00000000-0000-0000-0000-000000000000\n");
	store = open_store(SIZE_MIB);
	ck_assert_str_eq(id_of(store, 1), "");
	check_clients("198.51.100.1", "");
	put(1, "NEW", "198.51.100.1");
	store_close(store);
	/* An empty file, as a crash of the host may leave it. */
	write_boot_id("");
	store = open_store(SIZE_MIB);
	ck_assert_str_eq(id_of(store, 1), "");
	put(1, "NEW", "198.51.100.1");
	store_close(store);
	store = open_store(SIZE_MIB);
	ck_assert_str_eq(id_of(store, 1), "NEW");
}
END_TEST

static const struct damage_row {
	const char	*name, *bytes;
	size_t		 n;
} damage_rows[] = {
	{ "empty",			"",		0 },
	{ "shorter than its head",	"short",	5 },
	{ "a head alone",		"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
							17 },
	{ "rubbish",	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0rubbish", 24 },
	{ "no end",	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0session=A\0pid=1",
							32 },
};

START_TEST(a_damaged_record_is_no_none)
{
	const struct damage_row	*r = &damage_rows[_i];
	struct seen		 seen = { .left = 0 };
	struct session		 s;

	put(1, "OLD", "198.51.100.1");
	put(2, "GOOD", "198.51.100.2");
	store_close(store);
	damage_record(strchr(url, '/'), 1, r->bytes, r->n);
	store = open_store(SIZE_MIB);
	session_init(&s);
	err.text[0] = '\0';
	ck_assert_msg(store_get(store, 1, &s, &err) == STORE_CANNOT_TELL,
	    "%s", r->name);
	ck_assert_msg(strstr(err.text, "process 1") != NULL, "%s: %s",
	    r->name, err.text);
	ck_assert_msg(s.id[0] == '\0', "%s", r->name);
	ck_assert_msg(store_each(store, see, &seen, &err) ==
	    STORE_CANNOT_TELL, "%s", r->name);
	ck_assert_str_eq(id_of(store, 2), "GOOD");
	/* It can be replaced and taken out. */
	put(1, "NEW", "198.51.100.2");
	ck_assert_str_eq(id_of(store, 1), "NEW");
	check_clients("198.51.100.2", "NEW GOOD ");
	store_close(store);
	damage_record(strchr(url, '/'), 1, r->bytes, r->n);
	store = open_store(SIZE_MIB);
	ck_assert_msg(store_delete(store, 1, NULL, &err) == 0, "%s: %s",
	    r->name, err.text);
	ck_assert_str_eq(id_of(store, 1), "");
	session_clear(&s);
}
END_TEST

/* Opens the store as nobody; the result's text is written to a pipe. */
static void
open_as_nobody(const char *where, char *text, size_t size)
{
	struct passwd	*nobody = getpwnam("nobody");
	pid_t		 child;
	ssize_t		 n;
	int		 out[2];

	ck_assert_ptr_nonnull(nobody);
	ck_assert_int_eq(pipe(out), 0);
	child = fork();
	ck_assert_int_ne(child, -1);
	if (child == 0) {
		err.text[0] = '\0';
		if (setgid(nobody->pw_gid) != 0 || setuid(nobody->pw_uid) != 0)
			_exit(1);
		if (store_open(where, SIZE_MIB, dir, &err) != NULL)
			(void)snprintf(err.text, sizeof err.text, "opened");
		_exit(write(out[1], err.text, strlen(err.text)) < 0);
	}
	(void)close(out[1]);
	n = read(out[0], text, size - 1);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	(void)close(out[0]);
	wait_for(child);
}

START_TEST(a_directory_that_cannot_be_used_is_named)
{
	char	 text[512], path[128];

	if (geteuid() != 0)
		return;
	/* Another's store, below a directory that all may enter. */
	ck_assert_int_eq(chmod(dir, 0755), 0);
	open_as_nobody(url, text, sizeof text);
	ck_assert_msg(strstr(text, strchr(url, '/')) != NULL &&
	    strstr(text, "Permission denied") != NULL, "%s", text);
	/* One that cannot be made. */
	(void)snprintf(path, sizeof path, "lmdb:%s/other", dir);
	open_as_nobody(path, text, sizeof text);
	ck_assert_msg(strstr(text, "other") != NULL &&
	    strstr(text, "Permission denied") != NULL, "%s", text);
	/* One that all may enter, but that is another's. */
	(void)snprintf(path, sizeof path, "%s/store", dir);
	ck_assert_int_eq(chmod(path, 0755), 0);
	open_as_nobody(url, text, sizeof text);
	ck_assert_msg(strstr(text, "it belongs to another user") != NULL,
	    "%s", text);
	/* One that is its user's, but cannot be written. */
	ck_assert_int_eq(chown(path, getpwnam("nobody")->pw_uid, (gid_t)-1),
	    0);
	ck_assert_int_eq(chmod(path, 0555), 0);
	(void)snprintf(path, sizeof path, "%s/store/boot_id", dir);
	ck_assert_int_eq(unlink(path), 0);
	open_as_nobody(url, text, sizeof text);
	ck_assert_msg(strstr(text, "Permission denied") != NULL, "%s", text);
}
END_TEST

START_TEST(a_path_that_is_no_directory)
{
	char	 path[128];
	FILE	*out;

	(void)snprintf(path, sizeof path, "%s/file", dir);
	out = fopen(path, "w");
	ck_assert_ptr_nonnull(out);
	(void)fclose(out);
	(void)snprintf(path, sizeof path, "lmdb:%s/file", dir);
	ck_assert_ptr_null(store_open(path, SIZE_MIB, dir, &err));
	ck_assert_msg(strstr(err.text, "Not a directory") != NULL, "%s",
	    err.text);
	(void)snprintf(path, sizeof path, "lmdb:%s/none/store", dir);
	ck_assert_ptr_null(store_open(path, SIZE_MIB, dir, &err));
	ck_assert_msg(strstr(err.text, "No such file") != NULL, "%s",
	    err.text);
}
END_TEST

static void
check_refused(const char *why)
{
	err.text[0] = '\0';
	ck_assert_ptr_null(store_open(url, SIZE_MIB, dir, &err));
	ck_assert_msg(strstr(err.text, why) != NULL &&
	    strstr(err.text, strchr(url, '/')) != NULL, "%s", err.text);
}

/* Who may write there, or lead us elsewhere, could say whose session is
 * whose. */
START_TEST(a_directory_of_others_is_refused)
{
	char	 path[128], other[128];

	(void)snprintf(path, sizeof path, "%s/store", dir);
	(void)snprintf(other, sizeof other, "%s/elsewhere", dir);
	store_close(store);
	store = NULL;
	ck_assert_int_eq(chmod(path, 0770), 0);
	check_refused("others may write to it");
	ck_assert_int_eq(chmod(path, 0707), 0);
	check_refused("others may write to it");
	ck_assert_int_eq(chmod(path, 0700), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(path, 1, (gid_t)-1), 0);
		check_refused("it belongs to another user");
		ck_assert_int_eq(chown(path, 0, (gid_t)-1), 0);
	}
	ck_assert_int_eq(rename(path, other), 0);
	ck_assert_int_eq(symlink("elsewhere", path), 0);
	check_refused("it is a link");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rename(other, path), 0);
	store = open_store(SIZE_MIB);
}
END_TEST

static void
count_replaced(const char *where, void *arg)
{
	ck_assert_str_eq(where, strchr(url, '/'));
	++*(unsigned *)arg;
}

static void
remove_file(const char *name)
{
	char	 path[128];

	(void)snprintf(path, sizeof path, "%s/store/%s", dir, name);
	ck_assert_int_eq(unlink(path), 0);
}

static const char *const	 removals[][4] = {
	{ "data.mdb", "lock.mdb", "boot_id", NULL },
	{ "data.mdb", NULL },
	{ "lock.mdb", NULL },
};

/* Else it would be read for ever by who has it open, and by nobody else. */
START_TEST(files_that_are_removed_are_missed)
{
	const char *const	*name;
	unsigned		 n = 0;
	char			 path[128];

	store_on_replaced(store, count_replaced, &n);
	put(1, "OLD", "198.51.100.1");
	for (name = removals[_i]; *name != NULL; name++)
		remove_file(*name);
	if (_i == 0) {
		(void)snprintf(path, sizeof path, "%s/store", dir);
		ck_assert_int_eq(rmdir(path), 0);
	}
	ck_assert_str_eq(id_of(store, 1), "");
	put(1, "NEW", "198.51.100.1");
	ck_assert_str_eq(id_of(store, 1), "NEW");
	ck_assert_uint_eq(n, 1);
	store_close(store);
	store = open_store(SIZE_MIB);
	ck_assert_str_eq(id_of(store, 1), "NEW");
}
END_TEST

static bool
remove_and_ask(const struct session *s, void *arg)
{
	if (*(unsigned *)arg > 0)
		return true;
	remove_file("data.mdb");
	ck_assert_str_eq(s->id, "OLD");
	ck_assert_str_eq(id_of(store, 1), "");
	++*(unsigned *)arg;
	return true;
}

/* What is being read stays until it has been read. */
START_TEST(files_that_are_removed_meanwhile)
{
	unsigned	 n = 0;

	put(1, "OLD", "198.51.100.1");
	put(2, "OLD", "198.51.100.1");
	ck_assert_int_eq(store_each(store, remove_and_ask, &n, &err),
	    STORE_FOUND);
	ck_assert_uint_eq(n, 1);
	put(1, "NEW", "198.51.100.1");
	ck_assert_str_eq(id_of(store, 1), "NEW");
}
END_TEST

/* That nothing can be opened is not that nothing is there. */
START_TEST(files_that_are_removed_and_cannot_be_made)
{
	struct session	 s;
	char		 path[128];

	put(1, "OLD", "198.51.100.1");
	(void)snprintf(path, sizeof path, "%s/store", dir);
	remove_file("data.mdb");
	ck_assert_int_eq(chmod(path, 0777), 0);
	session_init(&s);
	ck_assert_int_eq(store_get(store, 1, &s, &err), STORE_CANNOT_TELL);
	ck_assert_int_eq(store_get(store, 1, &s, &err), STORE_CANNOT_TELL);
	ck_assert_int_eq(chmod(path, 0700), 0);
	ck_assert_int_eq(store_get(store, 1, &s, &err), STORE_NONE);
	session_clear(&s);
}
END_TEST

START_TEST(its_files_are_its_users_alone)
{
	struct stat	 st;
	char		 path[128];

	(void)snprintf(path, sizeof path, "%s/store", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	(void)snprintf(path, sizeof path, "%s/store/data.mdb", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("LMDB");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_full_store_says_so_and_keeps_what_it_has);
	tcase_add_test(tc, a_full_store_takes_deletions);
	tcase_add_test(tc, a_full_store_takes_revocations);
	tcase_add_test(tc, what_another_boot_left_is_thrown_away);
	tcase_add_loop_test(tc, a_damaged_record_is_no_none, 0,
	    NELEM(damage_rows));
	tcase_add_test(tc, a_directory_that_cannot_be_used_is_named);
	tcase_add_test(tc, a_path_that_is_no_directory);
	tcase_add_test(tc, a_directory_of_others_is_refused);
	tcase_add_loop_test(tc, files_that_are_removed_are_missed, 0,
	    NELEM(removals));
	tcase_add_test(tc, files_that_are_removed_meanwhile);
	tcase_add_test(tc, files_that_are_removed_and_cannot_be_made);
	tcase_add_test(tc, its_files_are_its_users_alone);
	return runner_run("store_lmdb", tc);
}
