/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_lmdb_test: tables that postmap(1) writes while they are open.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <check.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "t/lib/runner.h"
#include "t/lib/table_check.h"
#include "t/lib/tempdir.h"
#include "table/table.h"

static void
lmdb_path(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%s.lmdb", dir, name);
}

/* Writes n pairs "kN" "vN", with a NUL behind each or without. */
static void
lmdb_write(const char *name, int n, size_t nul, const char *prefix)
{
	size_t	 map_size = n < 10000 ? 1 << 20 : 64 << 20;
	char	 path[100], key[20], value[20];
	MDB_env	*env;
	MDB_txn	*txn;
	MDB_dbi	 dbi;
	MDB_val	 k, v;
	int	 i;

	lmdb_path(path, sizeof(path), name);
	ck_assert_int_eq(mdb_env_create(&env), 0);
	ck_assert_int_eq(mdb_env_set_mapsize(env, map_size), 0);
	ck_assert_int_eq(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK,
	    0644), 0);
	ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
	ck_assert_int_eq(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	for (i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		snprintf(value, sizeof(value), "%s%d", prefix, i);
		k = (MDB_val){ strlen(key) + nul, key };
		v = (MDB_val){ strlen(value) + nul, value };
		ck_assert_int_eq(mdb_put(txn, dbi, &k, &v, 0), 0);
	}
	ck_assert_int_eq(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static struct table *
lmdb_open(const char *name)
{
	struct table	*table;
	struct err	 err;
	char		 spec[120];

	snprintf(spec, sizeof(spec), "lmdb:%s/%s", dir, name);
	table = table_open(spec, &err);
	ck_assert_msg(table != NULL, "%s", err.text);
	return table;
}

/* A table_entry_fn. */
static int
tell_entry(const struct table_entry *entry, void *arg, struct err *err)
{
	char	*text = arg;

	(void)err;
	ck_assert_int_eq(entry->kind, TABLE_ENTRY_KEY);
	snprintf(text + strlen(text), 100 - strlen(text), "%.*s=%.*s|",
	    (int)entry->what.n, entry->what.p, (int)entry->value.n,
	    entry->value.p);
	return 0;
}

START_TEST(test_lmdb_entries)
{
	struct table	*table;
	struct err	 err;
	char		 text[100] = "", name[20];

	snprintf(name, sizeof name, "entries%d", _i);
	lmdb_write(name, 3, (size_t)_i, "v");
	table = lmdb_open(name);
	ck_assert(table_is_listed(table));
	ck_assert_int_eq(table_each_entry(table, tell_entry, text, &err), 0);
	ck_assert_str_eq(text, "k0=v0|k1=v1|k2=v2|");
	table_free(table);
}
END_TEST

START_TEST(test_lmdb)
{
	const char	*name = _i == 0 ? "db0" : "db1";
	struct table	*table;
	char		 key[1000];

	lmdb_write(name, 3, (size_t)_i, "v");
	table = lmdb_open(name);
	check_row("there", table, span_of("k1"), TABLE_FOUND, "v1", 0);
	check_row("folded", table, span_of("K2"), TABLE_FOUND, "v2", 0);
	check_row("not there", table, span_of("k3"), TABLE_NOT_FOUND, NULL,
	    0);
	check_row("empty", table, span_of(""), TABLE_NOT_FOUND, NULL, 0);
	memset(key, 'k', sizeof(key));
	check_row("longer than a key can be", table,
	    (struct span){ key, sizeof(key) }, TABLE_NOT_FOUND, NULL, 0);
	check_row("as long as a key can be", table,
	    (struct span){ key, 511 }, TABLE_NOT_FOUND, NULL, 0);
	/* Another process writes to it, and it outgrows its map. */
	lmdb_write(name, 2, (size_t)_i, "w");
	check_row("written to", table, span_of("k1"), TABLE_FOUND, "w1", 0);
	lmdb_write(name, 60000, (size_t)_i, "x");
	check_row("grown", table, span_of("k59999"), TABLE_FOUND, "x59999",
	    0);
	table_free(table);
}
END_TEST

START_TEST(test_lmdb_replaced)
{
	struct table	*table;
	char		 path[100], new_path[100];

	lmdb_write("old", 2, 1, "v");
	table = lmdb_open("old");
	check_row("old", table, span_of("k1"), TABLE_FOUND, "v1", 0);
	lmdb_write("new", 2, 1, "w");
	lmdb_path(path, sizeof(path), "old");
	lmdb_path(new_path, sizeof(new_path), "new");
	ck_assert_int_eq(rename(new_path, path), 0);
	check_row("new", table, span_of("k1"), TABLE_FOUND, "w1", 0);
	ck_assert_int_eq(unlink(path), 0);
	check_row("gone", table, span_of("k1"), TABLE_CANNOT_TELL, NULL, 0);
	lmdb_write("old", 2, 1, "x");
	check_row("back", table, span_of("k1"), TABLE_FOUND, "x1", 0);
	table_free(table);
}
END_TEST

START_TEST(test_lmdb_damaged)
{
	struct table	*table;
	struct err	 err;
	struct stat	 st;
	char		 path[100], spec[120];

	lmdb_write("cut", 1000, 1, "v");
	table = lmdb_open("cut");
	lmdb_path(path, sizeof(path), "cut");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(truncate(path, st.st_size - 4096), 0);
	check_row("one page short", table, span_of("k1"), TABLE_CANNOT_TELL,
	    NULL, 0);
	ck_assert_int_eq(truncate(path, 3 * 4096), 0);
	check_row("cut short", table, span_of("k1"), TABLE_CANNOT_TELL, NULL,
	    0);
	ck_assert_int_eq(truncate(path, 4096), 0);
	check_row("cut within its header", table, span_of("k1"),
	    TABLE_CANNOT_TELL, NULL, 0);
	table_free(table);
	ck_assert_int_eq(unlink(path), 0);
	lmdb_write("cut", 1000, 1, "v");
	ck_assert_int_eq(truncate(path, 3 * 4096), 0);
	snprintf(spec, sizeof(spec), "lmdb:%s/cut", dir);
	ck_assert_ptr_null(table_open(spec, &err));
	ck_assert_msg(strstr(err.text, "cut short") != NULL, "%s", err.text);
	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_ptr_null(table_open(spec, &err));
	ck_assert_msg(strstr(err.text, "not an LMDB file") != NULL, "%s",
	    err.text);
	write_file("cut.lmdb", spec, sizeof(spec));
	ck_assert_ptr_null(table_open(spec, &err));
}
END_TEST

/* Holds a lock on the file as postmap does, until *release_r is closed. */
static pid_t
hold_lock(const char *path, int *release_r)
{
	struct flock	 lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int		 ready[2], release[2], fd;
	char		 c = 0;
	pid_t		 pid;

	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pipe(release), 0);
	pid = fork();
	if (pid == 0) {
		close(release[1]);
		fd = open(path, O_RDWR);
		if (fcntl(fd, F_SETLK, &lock) == 0)
			c = 1;
		if (write(ready[1], &c, 1) == 1)
			while (read(release[0], &c, 1) > 0)
				;
		_exit(0);
	}
	close(release[0]);
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	ck_assert_int_eq(c, 1);
	close(ready[0]);
	*release_r = release[1];
	return pid;
}

START_TEST(test_lmdb_locked)
{
	struct table	*table;
	char		 path[100];
	pid_t		 pid;
	int		 release;

	lmdb_write("locked", 2, 1, "v");
	lmdb_path(path, sizeof(path), "locked");
	table = lmdb_open("locked");
	pid = hold_lock(path, &release);
	check_row("locked", table, span_of("k1"), TABLE_CANNOT_TELL, NULL, 0);
	close(release);
	waitpid(pid, NULL, 0);
	check_row("unlocked", table, span_of("k1"), TABLE_FOUND, "v1", 0);
	/* And the lookup has given its lock back. */
	pid = hold_lock(path, &release);
	close(release);
	waitpid(pid, NULL, 0);
	table_free(table);
}
END_TEST

START_TEST(test_lmdb_values)
{
	struct table	*table;
	struct seen	 seen = { .left = 100 };
	struct err	 err = { "" };
	char		 path[100];
	pid_t		 pid;
	int		 release;

	lmdb_write("values", 2, (size_t)_i, "v");
	lmdb_path(path, sizeof(path), "values");
	check_values("lmdb", lmdb_open("values"), "v0@0|v1@0|");
	table = lmdb_open("values");
	/* The lock is given back; while another has it nobody can tell. */
	pid = hold_lock(path, &release);
	ck_assert_int_eq(table_each_value(table, see_value, &seen, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, path));
	ck_assert_str_eq(seen.text, "");
	close(release);
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(table_each_value(table, see_value, &seen, &err), 0);
	pid = hold_lock(path, &release);
	close(release);
	waitpid(pid, NULL, 0);
	/* What postmap has written since. */
	lmdb_write("values", 1, (size_t)_i, "w");
	seen = (struct seen){ .left = 100 };
	ck_assert_int_eq(table_each_value(table, see_value, &seen, &err), 0);
	ck_assert_str_eq(seen.text, "w0@0|v1@0|");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(table_each_value(table, see_value, &seen, &err), -1);
	lmdb_write("values", 1, (size_t)_i, "x");
	seen = (struct seen){ .left = 100 };
	ck_assert_int_eq(table_each_value(table, see_value, &seen, &err), 0);
	ck_assert_str_eq(seen.text, "x0@0|");
	ck_assert_int_eq(truncate(path, 4096), 0);
	ck_assert_int_eq(table_each_value(table, see_value, &seen, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "cut short"));
	ck_assert_int_eq(unlink(path), 0);
	table_free(table);
}
END_TEST

int
main(void)
{
	TCase	*tc = tcase_create("table_lmdb");
	int	 result;

	tempdir_make(dir);
	tcase_add_loop_test(tc, test_lmdb_entries, 0, 2);
	tcase_add_loop_test(tc, test_lmdb, 0, 2);
	tcase_add_test(tc, test_lmdb_replaced);
	tcase_add_test(tc, test_lmdb_damaged);
	tcase_add_test(tc, test_lmdb_locked);
	tcase_add_loop_test(tc, test_lmdb_values, 0, 2);
	result = runner_run("table_lmdb", tc);
	tempdir_remove(dir);
	return result;
}
