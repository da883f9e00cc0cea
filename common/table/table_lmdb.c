/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * table_lmdb: a table that postmap compiled, asked on disk.
 *
 * Postfix keeps its own lock on such a file (fcntl, because it opens LMDB
 * with MDB_NOLOCK), and so do we for the length of a lookup.  Ours belongs to
 * the open file, not to the process: LMDB's and other tables' descriptors on
 * the same file do not touch it.  While postmap is writing, a lookup waits
 * for a moment and then cannot tell; it never blocks.
 *
 * One mutex makes lookups in one table take turns.  A file that was replaced,
 * or has outgrown its memory map, is opened again.
 */
#include "table/table_private.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES	10
#define LOCK_PAUSE_NS	1000000

struct database {
	MDB_env		*env;
	MDB_dbi		 dbi;
	int		 lock_fd;
	dev_t		 dev;
	ino_t		 ino;
	size_t		 page_size;
};

struct table_lmdb {
	struct table	 base;
	char		*path;
	pthread_mutex_t	*mutex;		/* guards *db */
	struct database	*db;
};

static void
database_close(struct database *db)
{
	if (db->env != NULL)
		mdb_env_close(db->env);
	if (db->lock_fd != -1)
		(void)close(db->lock_fd);
	*db = (struct database){ .lock_fd = -1 };
}

/* Takes (F_RDLCK) or gives back (F_UNLCK) the lock that postmap respects. */
static int
set_lock(int fd, short type)
{
	struct timespec	 pause = { .tv_nsec = LOCK_PAUSE_NS };
	struct flock	 lock = { .l_type = type, .l_whence = SEEK_SET };
	int		 tries;

	for (tries = 0; tries < LOCK_TRIES; tries++) {
		if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return -1;
		nanosleep(&pause, NULL);
	}
	return -1;
}

static int
database_error(const char *path, int code, struct err *err)
{
	return err_set(err, "%s: %s", path, mdb_strerror(code));
}

/*
 * A page that the file does not have would be a bus error, not a result: the
 * file must be as long as its own header says, and have all of that, which is
 * two pages.
 */
static int
check_length(const struct database *db, const char *path, off_t size,
    struct err *err)
{
	uintmax_t	 page = db->page_size, len = (uintmax_t)size;
	MDB_envinfo	 info;

	if (page == 0 || len < 2 * page)
		return err_set(err, "%s: the file has been cut short", path);
	if (mdb_env_info(db->env, &info) != 0)
		return err_set(err, "%s: the file cannot be examined", path);
	if (len / page <= info.me_last_pgno)
		return err_set(err, "%s: the file has been cut short", path);
	return 0;
}

static int
database_open_dbi(struct database *db)
{
	MDB_txn	*txn;
	int	 code;

	if ((code = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn)) != 0)
		return code;
	if ((code = mdb_dbi_open(txn, NULL, 0, &db->dbi)) != 0)
		mdb_txn_abort(txn);
	else
		code = mdb_txn_commit(txn);
	return code;
}

static int
database_map(struct database *db, const char *path, struct err *err)
{
	struct stat	 st;
	MDB_stat	 stat;
	int		 code;

	if ((db->lock_fd = open(path, O_RDONLY | O_CLOEXEC)) == -1 ||
	    fstat(db->lock_fd, &st) == -1)
		return database_error(path, errno, err);
	if (set_lock(db->lock_fd, F_RDLCK) == -1)
		return database_error(path, errno, err);
	/* LMDB would take an empty file for one that it is to create. */
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return err_set(err, "%s: not an LMDB file", path);
	db->dev = st.st_dev;
	db->ino = st.st_ino;
	if ((code = mdb_env_create(&db->env)) != 0 ||
	    (code = mdb_env_open(db->env, path, MDB_NOSUBDIR | MDB_NOLOCK |
	    MDB_RDONLY, 0)) != 0 ||
	    (code = mdb_env_stat(db->env, &stat)) != 0)
		return database_error(path, code, err);
	db->page_size = stat.ms_psize;
	if (check_length(db, path, st.st_size, err) == -1)
		return -1;
	if ((code = database_open_dbi(db)) != 0)
		return database_error(path, code, err);
	return 0;
}

static int
database_open(struct database *db, const char *path, struct err *err)
{
	int	 result;

	*db = (struct database){ .lock_fd = -1 };
	if ((result = database_map(db, path, err)) == -1)
		database_close(db);
	else
		set_lock(db->lock_fd, F_UNLCK);
	return result;
}

/* Opens the file anew if it has been replaced or could not be opened. */
static int
refresh(const struct table_lmdb *t, struct err *err)
{
	struct stat	 st;

	if (stat(t->path, &st) == -1)
		return database_error(t->path, errno, err);
	if (t->db->env != NULL && t->db->dev == st.st_dev &&
	    t->db->ino == st.st_ino)
		return 0;
	database_close(t->db);
	return database_open(t->db, t->path, err);
}

/*
 * postmap writes a NUL behind keys and values on most systems and none on
 * others; the table does not say which.
 */
static int
get(const struct table_lmdb *t, MDB_txn *txn, const char *key, size_t len,
    struct span *value_r)
{
	MDB_val	 k = { len + 1, (void *)(uintptr_t)key }, v;
	int	 code;

	code = mdb_get(txn, t->db->dbi, &k, &v);
	if (code == MDB_NOTFOUND || code == MDB_BAD_VALSIZE) {
		k.mv_size = len;
		code = mdb_get(txn, t->db->dbi, &k, &v);
	}
	if (code == 0) {
		value_r->p = v.mv_data;
		value_r->n = strnlen(v.mv_data, v.mv_size);
	}
	return code;
}

/* With the lock held: the file may have been cut since it was opened. */
static int
check_file(const struct table_lmdb *t, struct err *err)
{
	struct stat	 st;

	if (fstat(t->db->lock_fd, &st) == -1)
		return database_error(t->path, errno, err);
	return check_length(t->db, t->path, st.st_size, err);
}

/* One transaction, with the lock held; *code_r is what LMDB said. */
static enum table_result
find_locked(const struct table_lmdb *t, const char *key, size_t len,
    struct table_answer *res, int *code_r)
{
	enum table_result	 result = TABLE_CANNOT_TELL;
	struct span		 value;
	MDB_txn			*txn;

	*code_r = 0;
	if (check_file(t, &res->err) == -1)
		return TABLE_CANNOT_TELL;
	*code_r = mdb_txn_begin(t->db->env, NULL, MDB_RDONLY, &txn);
	if (*code_r == 0) {
		*code_r = get(t, txn, key, len, &value);
		if (*code_r == 0)
			result = table_answer_set(res, value, t->base.spec, 0);
		mdb_txn_abort(txn);
	}
	/* A key that no LMDB file can hold is in none. */
	if (*code_r == MDB_NOTFOUND || *code_r == MDB_BAD_VALSIZE)
		return TABLE_NOT_FOUND;
	if (*code_r != 0)
		database_error(t->path, *code_r, &res->err);
	return result;
}

static enum table_result
find_once(const struct table_lmdb *t, const char *key, size_t len,
    struct table_answer *res, int *code_r)
{
	enum table_result	 result;

	*code_r = 0;
	if (refresh(t, &res->err) == -1)
		return TABLE_CANNOT_TELL;
	if (set_lock(t->db->lock_fd, F_RDLCK) == -1) {
		database_error(t->path, errno, &res->err);
		return TABLE_CANNOT_TELL;
	}
	result = find_locked(t, key, len, res, code_r);
	set_lock(t->db->lock_fd, F_UNLCK);
	return result;
}

static enum table_result
lmdb_find(const struct table *table, struct span key,
    struct table_answer *res)
{
	const struct table_lmdb	*t = (const struct table_lmdb *)table;
	enum table_result	 result;
	char			 room[512], *copy = room;
	int			 code;

	if (key.n >= sizeof room && (copy = malloc(key.n + 1)) == NULL) {
		(void)err_set(&res->err, "%s", strerror(errno));
		return TABLE_CANNOT_TELL;
	}
	span_copy(copy, key);
	copy[key.n] = '\0';
	(void)pthread_mutex_lock(t->mutex);
	result = find_once(t, copy, key.n, res, &code);
	if (code == MDB_MAP_RESIZED) {
		database_close(t->db);
		result = find_once(t, copy, key.n, res, &code);
	}
	(void)pthread_mutex_unlock(t->mutex);
	if (copy != room)
		free(copy);
	return result;
}

static struct span
text_of(const MDB_val *v)
{
	return (struct span){ v->mv_data, strnlen(v->mv_data, v->mv_size) };
}

static int
walk(const struct table_lmdb *t, MDB_cursor *cursor, table_entry_fn *fn,
    void *arg, struct err *err)
{
	struct table_entry	 entry = { .kind = TABLE_ENTRY_KEY,
				    .file = t->base.spec };
	MDB_val			 k, v;
	int			 code;

	while ((code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
		entry.what = text_of(&k);
		entry.value = text_of(&v);
		if (fn(&entry, arg, err) == -1)
			return -1;
	}
	return code == MDB_NOTFOUND ? 0 : database_error(t->path, code, err);
}

/* One transaction, with the lock held. */
static int
walk_locked(const struct table_lmdb *t, table_entry_fn *fn, void *arg,
    struct err *err)
{
	MDB_cursor	*cursor;
	MDB_txn		*txn;
	int		 code, result;

	if (check_file(t, err) == -1)
		return -1;
	if ((code = mdb_txn_begin(t->db->env, NULL, MDB_RDONLY, &txn)) != 0)
		return database_error(t->path, code, err);
	if ((code = mdb_cursor_open(txn, t->db->dbi, &cursor)) == 0) {
		result = walk(t, cursor, fn, arg, err);
		mdb_cursor_close(cursor);
	} else {
		result = database_error(t->path, code, err);
	}
	mdb_txn_abort(txn);
	return result;
}

static int
lmdb_each_entry(const struct table *table, table_entry_fn *fn, void *arg,
    struct err *err)
{
	const struct table_lmdb	*t = (const struct table_lmdb *)table;
	int			 result;

	(void)pthread_mutex_lock(t->mutex);
	if ((result = refresh(t, err)) == 0) {
		if (set_lock(t->db->lock_fd, F_RDLCK) == 0)
			result = walk_locked(t, fn, arg, err);
		else
			result = database_error(t->path, errno, err);
		set_lock(t->db->lock_fd, F_UNLCK);
	}
	(void)pthread_mutex_unlock(t->mutex);
	return result;
}

struct values {
	table_value_fn	*fn;
	void		*arg;
	struct span	 last;		/* lives as long as the transaction */
};

/* A million entries have a few values, and mostly the one before. */
static int
tell_value(const struct table_entry *entry, void *arg, struct err *err)
{
	struct values			*v = arg;
	const struct table_value	 value = { .text = entry->value,
	    .file = entry->file };

	if (v->last.p != NULL && v->last.n == value.text.n &&
	    memcmp(v->last.p, value.text.p, v->last.n) == 0)
		return 0;
	v->last = value.text;
	return v->fn(&value, v->arg, err);
}

static int
lmdb_each_value(const struct table *table, table_value_fn *fn, void *arg,
    struct err *err)
{
	struct values	 v = { .fn = fn, .arg = arg };

	return lmdb_each_entry(table, tell_value, &v, err);
}

static size_t
lmdb_memory(const struct table *table)
{
	const struct table_lmdb	*t = (const struct table_lmdb *)table;

	return sizeof *t + sizeof *t->mutex + sizeof *t->db +
	    strlen(t->path) + 1;
}

static void
lmdb_free(struct table *table)
{
	struct table_lmdb	*t = (struct table_lmdb *)table;

	if (t->db != NULL)
		database_close(t->db);
	if (t->mutex != NULL)
		(void)pthread_mutex_destroy(t->mutex);
	free(t->db);
	free(t->mutex);
	free(t->path);
	free(t);
}

static const struct table_ops lmdb_ops = {
	.folds_keys = table_always_folds,
	.find = lmdb_find,
	.each_value = lmdb_each_value,
	.each_entry = lmdb_each_entry,
	.memory = lmdb_memory,
	.free = lmdb_free,
};

static int
lmdb_setup(struct table_lmdb *t, const char *name, struct err *err)
{
	struct database	*db;

	if (asprintf(&t->path, "%s.lmdb", name) == -1) {
		t->path = NULL;
		return err_set(err, "%s: %s", name, strerror(errno));
	}
	if ((t->mutex = malloc(sizeof *t->mutex)) == NULL)
		return err_set(err, "%s: %s", name, strerror(errno));
	pthread_mutex_init(t->mutex, NULL);
	if ((db = malloc(sizeof *db)) == NULL)
		return err_set(err, "%s: %s", name, strerror(errno));
	t->db = db;
	return database_open(db, t->path, err);
}

struct table *
table_lmdb_open(const struct table_source *src, struct err *err)
{
	struct table_lmdb	*t;

	if ((t = calloc(1, sizeof *t)) == NULL) {
		(void)err_set(err, "%s: %s", src->spec, strerror(errno));
		return NULL;
	}
	t->base.ops = &lmdb_ops;
	if (lmdb_setup(t, src->name, err) == -1) {
		lmdb_free(&t->base);
		return NULL;
	}
	return &t->base;
}
