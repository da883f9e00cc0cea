/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_lmdb_env: an LMDB environment in a directory of its own, which nobody
 * else may write to.
 *
 * Of a boot: it ends with it, so what an earlier one left is thrown away and
 * nothing is synced to disk.  It is written through its memory map, which costs
 * a quarter of what system calls do; so all of its space is taken when it is
 * opened, lest a full disk kill a writer.
 *
 * Durable: what is committed is on disk, and a full disk is an error of the one
 * who writes.
 */
#include "session/store_lmdb_private.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BOOT_ID_FILE	"/proc/sys/kernel/random/boot_id"
#define BOOT_ID_SIZE	64
#define DATA_FILE	"data.mdb"
#define LOCK_FILE	"lock.mdb"
#define DATABASES_MAX	4
#define READERS_MAX	1024
/* Of lock.mdb: a cache line a reader, and its head. */
#define LOCK_SIZE	(READERS_MAX * 64 + 4096)
#define RESERVE		(1U << 20)	/* bytes beyond the size asked for */

/*
 * The directory
 */

static ssize_t
read_file(int dir, const char *path, char *buf, size_t size)
{
	ssize_t	 n;
	int	 fd;

	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	n = read(fd, buf, size);
	(void)close(fd);
	return n;
}

static int
write_file(int dir, const char *name, const char *p, size_t n)
{
	int	 fd, rc;

	fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1)
		return -1;
	rc = write(fd, p, n) == (ssize_t)n ? 0 : -1;
	return close(fd) == 0 ? rc : -1;
}

static int
forget(int dir, const char *name)
{
	return unlinkat(dir, name, 0) == 0 || errno == ENOENT ? 0 : -1;
}

static int
forget_both(int dir)
{
	return forget(dir, DATA_FILE) == 0 ? forget(dir, LOCK_FILE) : -1;
}

/* Throws away what another boot left.  dir is locked. */
static int
forget_other_boot(int dir)
{
	char	 now[BOOT_ID_SIZE], then[BOOT_ID_SIZE];
	ssize_t	 n;

	n = read_file(AT_FDCWD, BOOT_ID_FILE, now, sizeof now);
	if (n <= 0)
		return -1;
	if (read_file(dir, "boot_id", then, sizeof then) == n &&
	    memcmp(now, then, (size_t)n) == 0)
		return 0;
	return forget_both(dir) == 0 ?
	    write_file(dir, "boot_id", now, (size_t)n) : -1;
}

static int
has_file(int dir, const char *name, bool *has_r)
{
	struct stat	 st;
	int		 rc = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);

	*has_r = rc == 0;
	return rc == 0 || errno == ENOENT ? 0 : -1;
}

/*
 * Where one of its two files was removed, the other is of no use: who still has
 * the one open does not see the locks of who makes a new one.  But what must
 * not be lost is kept: a backup has no lock file.
 */
static int
forget_half(int dir, enum store_lmdb_life life)
{
	bool	 has_data, has_lock;

	if (has_file(dir, DATA_FILE, &has_data) != 0 ||
	    has_file(dir, LOCK_FILE, &has_lock) != 0)
		return -1;
	if (has_data == has_lock ||
	    (has_data && life == STORE_LMDB_DURABLE))
		return 0;
	return forget_both(dir);
}

/*
 * LMDB writes to its lock file through a mapping, where a full file system is
 * no error but SIGBUS: so that file gets its room first.  Where that cannot be
 * had (EOPNOTSUPP), nothing is worse than before.
 */
static int
reserve_lock_file(int dir)
{
	int	 fd, rc;

	fd = openat(dir, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd == -1)
		return -1;
	rc = fallocate(fd, 0, 0, LOCK_SIZE);
	if (rc != 0 && errno == EOPNOTSUPP)
		rc = 0;
	(void)close(fd);
	return rc;
}

/* The descriptor, or -1 with err: who may write there, or lead us elsewhere,
 * could say whose session is whose, and who has rights. */
static int
open_directory(const char *path, struct err *err)
{
	struct stat	 st;
	const char	*why = NULL;
	int		 dir;

	dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir == -1) {
		why = strerror(errno);
		if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
			why = "it is a link";
		return err_set(err, "store: cannot open directory %s: %s",
		    path, why);
	}
	if (fstat(dir, &st) != 0)
		why = strerror(errno);
	else if (st.st_uid != geteuid())
		why = "it belongs to another user";
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		why = "others may write to it";
	if (why == NULL)
		return dir;
	(void)close(dir);
	return err_set(err, "store: directory %s: %s", path, why);
}

/*
 * Makes the directory ready for LMDB.  The descriptor holds a lock on it: until
 * the environment is open, nobody else may find half of it there.  -1: err.
 */
static int
prepare_directory(const char *path, enum store_lmdb_life life,
    struct err *err)
{
	int	 dir = open_directory(path, err);

	if (dir == -1)
		return -1;
	if (flock(dir, LOCK_EX) == 0 &&
	    (life == STORE_LMDB_DURABLE || forget_other_boot(dir) == 0) &&
	    forget_half(dir, life) == 0 && reserve_lock_file(dir) == 0)
		return dir;
	(void)err_set(err, "store: cannot prepare directory %s: %s", path,
	    strerror(errno));
	(void)close(dir);
	return -1;
}

/*
 * Opening
 */

/* A file that is written through its map has to have all of its room. */
static int
take_room(struct lmdb_env *env, size_t size)
{
	mdb_filehandle_t	 fd;
	int			 rc;

	rc = mdb_env_get_fd(env->env, &fd);
	return rc != 0 ? rc : posix_fallocate(fd, 0, (off_t)size);
}

static int
open_environment(struct lmdb_env *env, const char *path,
    enum store_lmdb_life life, unsigned size_mib)
{
	const bool	 is_of_boot = life == STORE_LMDB_OF_BOOT;
	size_t		 size = (size_t)size_mib << 20;
	int		 rc, dead;

	env->pages_max = size / (size_t)sysconf(_SC_PAGESIZE);
	size += RESERVE;
	if ((rc = mdb_env_create(&env->env)) != 0)
		return rc;
	if ((rc = mdb_env_set_mapsize(env->env, size)) != 0 ||
	    (rc = mdb_env_set_maxdbs(env->env, DATABASES_MAX)) != 0 ||
	    (rc = mdb_env_set_maxreaders(env->env, READERS_MAX)) != 0 ||
	    (rc = mdb_env_open(env->env, path, MDB_NOTLS |
	    (is_of_boot ? MDB_NOSYNC | MDB_WRITEMAP : 0), 0600)) != 0 ||
	    (is_of_boot && (rc = take_room(env, size)) != 0))
		return rc;
	return mdb_reader_check(env->env, &dead);
}

static int
remember_files(struct lmdb_env *env)
{
	return stat(env->data_path, &env->data) == 0 &&
	    stat(env->lock_path, &env->locks) == 0 ? 0 : errno;
}

static bool
name_files(struct lmdb_env *env, const char *where)
{
	if (asprintf(&env->data_path, "%s/" DATA_FILE, where) == -1)
		env->data_path = NULL;
	if (asprintf(&env->lock_path, "%s/" LOCK_FILE, where) == -1)
		env->lock_path = NULL;
	return env->data_path != NULL && env->lock_path != NULL;
}

int
store_lmdb_env_open(struct lmdb_env *env, const char *where,
    enum store_lmdb_life life, unsigned size_mib, struct err *err)
{
	int	 dir, rc;

	*env = (struct lmdb_env){ .env = NULL };
	(void)pthread_mutex_init(&env->lock, NULL);
	dir = prepare_directory(where, life, err);
	if (dir == -1) {
		store_lmdb_env_close(env);
		return -1;
	}
	rc = name_files(env, where) ? 0 : ENOMEM;
	if (rc == 0)
		rc = open_environment(env, where, life, size_mib);
	if (rc == 0)
		rc = remember_files(env);
	/* So that the files themselves outlive a crash of the host. */
	if (rc == 0 && life == STORE_LMDB_DURABLE && fsync(dir) != 0)
		rc = errno;
	(void)close(dir);
	if (rc == 0)
		return 0;
	store_lmdb_env_close(env);
	return err_set(err, "store: cannot open %s: %s", where,
	    mdb_strerror(rc));
}

void
store_lmdb_env_close(struct lmdb_env *env)
{
	while (env->n_idle > 0)
		mdb_txn_abort(env->idle[--env->n_idle]);
	if (env->env != NULL)
		mdb_env_close(env->env);
	(void)pthread_mutex_destroy(&env->lock);
	free(env->data_path);
	free(env->lock_path);
}

/* Whether the path still leads to that file. */
static enum store_result
is_same_file(const char *path, const struct stat *was)
{
	struct stat	 st;

	if (stat(path, &st) != 0)
		return errno == ENOENT ? STORE_NONE : STORE_CANNOT_TELL;
	return st.st_dev == was->st_dev && st.st_ino == was->st_ino ?
	    STORE_FOUND : STORE_NONE;
}

/* An open file does not tell that it was removed. */
enum store_result
store_lmdb_env_is_there(struct lmdb_env *env, struct err *err)
{
	enum store_result	 result;

	result = is_same_file(env->data_path, &env->data);
	if (result == STORE_FOUND)
		result = is_same_file(env->lock_path, &env->locks);
	if (result == STORE_CANNOT_TELL)
		(void)err_set(err, "store: %s: %s", env->data_path,
		    strerror(errno));
	return result;
}
