/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_lmdb: the store of one host, in an LMDB environment.
 *
 * Four databases: "session" maps a process (pid) to its record, which begins
 * with the client's address; "client" maps that address to the pids of the
 * sessions that have it, for lookups by client; "revoked" and "handover" are
 * told of in store_lmdb_revoked.c and store_lmdb_handover.c.  Nothing is synced
 * to disk: a session does not outlive the host's boot, and what an earlier boot
 * left is thrown away.  LMDB itself survives the death of a process at any
 * moment.
 *
 * The file is written through its memory map, which costs a quarter of what
 * system calls do; so all of its space is taken when it is opened, lest a full
 * disk kill a writer.
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
#define READERS_MAX	1024
/* Of lock.mdb: a cache line a reader, and its head. */
#define LOCK_SIZE	(READERS_MAX * 64 + 4096)
#define RESERVE		(1U << 20)	/* bytes beyond the store's size */

struct client_key {
	uint8_t	family;
	uint8_t	bytes[16];
};

static struct client_key
client_key(const struct address *addr)
{
	struct client_key	 key;

	key.family = addr->family;
	memcpy(key.bytes, addr->bytes, sizeof key.bytes);
	return key;
}

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
forget(int dir)
{
	if ((unlinkat(dir, DATA_FILE, 0) != 0 && errno != ENOENT) ||
	    (unlinkat(dir, LOCK_FILE, 0) != 0 && errno != ENOENT))
		return -1;
	return 0;
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
	return forget(dir) == 0 ? write_file(dir, "boot_id", now, (size_t)n) :
	    -1;
}

/* Where one of its two files was removed, the other is of no use: who still has
 * the one open does not see the locks of who makes a new one. */
static int
forget_half(int dir)
{
	struct stat	 data, lock;
	int		 has_data, has_lock;

	has_data = fstatat(dir, DATA_FILE, &data, AT_SYMLINK_NOFOLLOW);
	if (has_data != 0 && errno != ENOENT)
		return -1;
	has_lock = fstatat(dir, LOCK_FILE, &lock, AT_SYMLINK_NOFOLLOW);
	if (has_lock != 0 && errno != ENOENT)
		return -1;
	return has_data == has_lock ? 0 : forget(dir);
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
 * could say whose session is whose. */
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
prepare_directory(const char *path, struct err *err)
{
	int	 dir;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_set(err, "store: cannot make directory %s: %s",
		    path, strerror(errno));
	dir = open_directory(path, err);
	if (dir == -1)
		return -1;
	if (flock(dir, LOCK_EX) == 0 && forget_other_boot(dir) == 0 &&
	    forget_half(dir) == 0 && reserve_lock_file(dir) == 0)
		return dir;
	(void)err_set(err, "store: cannot prepare directory %s: %s", path,
	    strerror(errno));
	(void)close(dir);
	return -1;
}

/*
 * Opening
 */

static int
open_databases(struct lmdb_store *store)
{
	MDB_txn	*txn;
	int	 rc;

	rc = mdb_txn_begin(store->env, NULL, 0, &txn);
	if (rc != 0)
		return rc;
	rc = mdb_dbi_open(txn, "session", MDB_CREATE | MDB_INTEGERKEY,
	    &store->session);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "client",
		    MDB_CREATE | MDB_DUPSORT | MDB_DUPFIXED | MDB_INTEGERDUP,
		    &store->client);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "revoked", MDB_CREATE,
		    &store->revoked);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "handover", MDB_CREATE,
		    &store->handover);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

static int
open_environment(struct lmdb_store *store, const char *path,
    unsigned size_mib)
{
	size_t			 size = (size_t)size_mib << 20;
	mdb_filehandle_t	 fd;
	int			 rc, dead;

	store->pages_max = size / (size_t)sysconf(_SC_PAGESIZE);
	size += RESERVE;
	store->pages_all = size / (size_t)sysconf(_SC_PAGESIZE);
	if ((rc = mdb_env_create(&store->env)) != 0)
		return rc;
	if ((rc = mdb_env_set_mapsize(store->env, size)) != 0 ||
	    (rc = mdb_env_set_maxdbs(store->env, 4)) != 0 ||
	    (rc = mdb_env_set_maxreaders(store->env, READERS_MAX)) != 0 ||
	    (rc = mdb_env_open(store->env, path,
	    MDB_NOSYNC | MDB_NOTLS | MDB_WRITEMAP, 0600)) != 0 ||
	    (rc = mdb_env_get_fd(store->env, &fd)) != 0 ||
	    (rc = posix_fallocate(fd, 0, (off_t)size)) != 0 ||
	    (rc = mdb_reader_check(store->env, &dead)) != 0)
		return rc;
	return open_databases(store);
}

static void
lmdb_close(void *state)
{
	struct lmdb_store	*store = state;

	while (store->n_idle > 0)
		mdb_txn_abort(store->idle[--store->n_idle]);
	if (store->env != NULL)
		mdb_env_close(store->env);
	(void)pthread_mutex_destroy(&store->lock);
	free(store->data_path);
	free(store->lock_path);
	free(store);
}

static struct lmdb_store *
store_new(const char *where)
{
	struct lmdb_store	*store = calloc(1, sizeof *store);

	if (store == NULL)
		return NULL;
	if (asprintf(&store->data_path, "%s/" DATA_FILE, where) == -1)
		store->data_path = NULL;
	if (asprintf(&store->lock_path, "%s/" LOCK_FILE, where) == -1)
		store->lock_path = NULL;
	if (store->data_path == NULL || store->lock_path == NULL ||
	    pthread_mutex_init(&store->lock, NULL) != 0) {
		free(store->data_path);
		free(store->lock_path);
		free(store);
		return NULL;
	}
	return store;
}

static int
remember_files(struct lmdb_store *store)
{
	return stat(store->data_path, &store->data) == 0 &&
	    stat(store->lock_path, &store->locks) == 0 ? 0 : errno;
}

static void *
lmdb_open(const char *where, unsigned size_mib, struct err *err)
{
	struct lmdb_store	*store;
	int			 dir, rc;

	dir = prepare_directory(where, err);
	if (dir == -1)
		return NULL;
	store = store_new(where);
	if (store == NULL) {
		(void)close(dir);
		(void)err_set(err, "store: out of memory");
		return NULL;
	}
	rc = open_environment(store, where, size_mib);
	if (rc == 0)
		rc = remember_files(store);
	(void)close(dir);
	if (rc != 0) {
		(void)err_set(err, "store: cannot open %s: %s", where,
		    mdb_strerror(rc));
		lmdb_close(store);
		return NULL;
	}
	return store;
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
static enum store_result
lmdb_is_there(void *state, struct err *err)
{
	struct lmdb_store	*store = state;
	enum store_result	 result;

	result = is_same_file(store->data_path, &store->data);
	if (result == STORE_FOUND)
		result = is_same_file(store->lock_path, &store->locks);
	if (result == STORE_CANNOT_TELL)
		(void)err_set(err, "store: %s: %s", store->data_path,
		    strerror(errno));
	return result;
}

/*
 * Sessions
 */

/* Moves the pid in the index by client, if its address has changed. */
static int
index_move(struct lmdb_store *store, MDB_txn *txn, const MDB_val *old,
    const struct client_key *new, MDB_val *pid)
{
	struct client_key	 from;
	MDB_val			 key;
	int			 rc;

	if (old != NULL) {
		memcpy(&from, old->mv_data, sizeof from);
		if (new != NULL && memcmp(&from, new, sizeof from) == 0)
			return 0;
		key = (MDB_val){ sizeof from, &from };
		rc = mdb_del(txn, store->client, &key, pid);
		if (rc != 0 && rc != MDB_NOTFOUND)
			return rc;
	}
	if (new == NULL)
		return 0;
	from = *new;
	key = (MDB_val){ sizeof from, &from };
	rc = mdb_put(txn, store->client, &key, pid, MDB_NODUPDATA);
	return rc == MDB_KEYEXIST ? 0 : rc;
}

static int
put_in_txn(struct lmdb_store *store, MDB_txn *txn, const struct session *s,
    char *record, size_t len)
{
	struct client_key	 client = client_key(&s->client);
	unsigned		 pid = (unsigned)s->pid;
	MDB_val			 key = { sizeof pid, &pid }, old, value;
	int			 rc;

	rc = mdb_get(txn, store->session, &key, &old);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	rc = index_move(store, txn, rc == 0 ? &old : NULL, &client, &key);
	if (rc != 0)
		return rc;
	memcpy(record, &client, sizeof client);
	value = (MDB_val){ sizeof client + len, record };
	return mdb_put(txn, store->session, &key, &value, 0);
}

static int
lmdb_put(void *state, const struct session *s, struct err *err)
{
	struct lmdb_store	*store = state;
	char			 record[sizeof(struct client_key) +
				     SESSION_RECORD_MAX];
	MDB_txn			*txn;
	size_t			 len;
	int			 rc;

	len = session_encode(s, record + sizeof(struct client_key),
	    SESSION_RECORD_MAX);
	if (len == 0)
		return err_set(err, "store: session %s: record over %d bytes",
		    s->id, SESSION_RECORD_MAX);
	txn = store_lmdb_begin_write(store, store->pages_max,
	    "cannot write", err);
	if (txn == NULL)
		return -1;
	rc = put_in_txn(store, txn, s, record, len);
	return store_lmdb_end_write(txn, rc, err);
}

static bool
decode(const MDB_val *value, struct session *s)
{
	const size_t	 head = sizeof(struct client_key);

	return value->mv_size > head && session_decode((struct span){
	    (const char *)value->mv_data + head, value->mv_size - head }, s);
}

static enum store_result
get_in_txn(struct lmdb_store *store, MDB_txn *txn, unsigned pid,
    struct session *s, struct err *err)
{
	MDB_val	 key = { sizeof pid, &pid }, value;
	int	 rc;

	rc = mdb_get(txn, store->session, &key, &value);
	if (rc == MDB_NOTFOUND)
		return STORE_NONE;
	if (rc != 0) {
		(void)store_lmdb_error(err, "cannot read", rc);
		return STORE_CANNOT_TELL;
	}
	if (!decode(&value, s)) {
		(void)err_set(err, "store: the record of process %u cannot "
		    "be read", pid);
		return STORE_CANNOT_TELL;
	}
	return STORE_FOUND;
}

/* Puts what fn makes of the session in its place.  0, or LMDB's code, or -1
 * with err. */
static int
change_in_txn(struct lmdb_store *store, MDB_txn *txn, struct session *s,
    store_change_fn *fn, void *arg, struct err *err)
{
	const struct session	*changed = fn(s, arg);
	char			 record[sizeof(struct client_key) +
				     SESSION_RECORD_MAX];
	size_t			 len;

	len = session_encode(changed, record + sizeof(struct client_key),
	    SESSION_RECORD_MAX);
	if (len == 0)
		return err_set(err, "store: session %s: record over %d bytes",
		    changed->id, SESSION_RECORD_MAX);
	return put_in_txn(store, txn, changed, record, len);
}

static enum store_result
lmdb_change(void *state, pid_t pid, const char *id, store_change_fn *fn,
    void *arg, struct err *err)
{
	struct lmdb_store	*store = state;
	enum store_result	 result;
	struct session		 s;
	MDB_txn			*txn;
	int			 rc;

	txn = store_lmdb_begin_write(store, store->pages_max,
	    "cannot write", err);
	if (txn == NULL)
		return STORE_CANNOT_TELL;
	session_init(&s);
	result = get_in_txn(store, txn, (unsigned)pid, &s, err);
	if (result == STORE_FOUND && strcmp(s.id, id) != 0)
		result = STORE_NONE;
	if (result == STORE_FOUND) {
		rc = change_in_txn(store, txn, &s, fn, arg, err);
		if (rc == -1)
			mdb_txn_abort(txn);
		else
			rc = store_lmdb_end_write(txn, rc, err);
		result = rc == 0 ? STORE_FOUND : STORE_CANNOT_TELL;
	} else {
		mdb_txn_abort(txn);
	}
	session_clear(&s);
	return result;
}

static enum store_result
lmdb_get(void *state, pid_t pid, struct session *s, struct err *err)
{
	struct lmdb_store	*store = state;
	enum store_result	 result;
	MDB_txn			*txn = store_lmdb_begin_read(store, err);

	if (txn == NULL)
		return STORE_CANNOT_TELL;
	result = get_in_txn(store, txn, (unsigned)pid, s, err);
	store_lmdb_end_read(store, txn);
	return result;
}

/* Walks one database; in that of clients the values are pids. */
static enum store_result
walk(struct lmdb_store *store, MDB_txn *txn, const struct address *client,
    bool (*fn)(const struct session *, void *), void *arg, struct err *err)
{
	struct client_key	 wanted;
	enum store_result	 result = STORE_NONE;
	struct session		 s;
	MDB_cursor		*cursor;
	MDB_val			 key, value;
	unsigned		 pid;
	int			 rc;
	bool			 is_going = true;

	session_init(&s);
	rc = mdb_cursor_open(txn, client == NULL ? store->session :
	    store->client, &cursor);
	if (rc != 0) {
		(void)store_lmdb_error(err, "cannot read", rc);
		return STORE_CANNOT_TELL;
	}
	if (client != NULL) {
		wanted = client_key(client);
		key = (MDB_val){ sizeof wanted, &wanted };
	}
	rc = mdb_cursor_get(cursor, &key, &value,
	    client == NULL ? MDB_FIRST : MDB_SET);
	while (rc == 0 && is_going) {
		memcpy(&pid, client == NULL ? key.mv_data : value.mv_data,
		    sizeof pid);
		result = get_in_txn(store, txn, pid, &s, err);
		if (result != STORE_FOUND)
			break;
		is_going = fn(&s, arg);
		rc = mdb_cursor_get(cursor, &key, &value,
		    client == NULL ? MDB_NEXT : MDB_NEXT_DUP);
	}
	if (rc != 0 && rc != MDB_NOTFOUND) {
		(void)store_lmdb_error(err, "cannot read", rc);
		result = STORE_CANNOT_TELL;
	}
	mdb_cursor_close(cursor);
	session_clear(&s);
	return result;
}

static enum store_result
lmdb_each(void *state, const struct address *client,
    bool (*fn)(const struct session *, void *), void *arg, struct err *err)
{
	struct lmdb_store	*store = state;
	enum store_result	 result;
	MDB_txn			*txn = store_lmdb_begin_read(store, err);

	if (txn == NULL)
		return STORE_CANNOT_TELL;
	result = walk(store, txn, client, fn, arg, err);
	store_lmdb_end_read(store, txn);
	return result;
}

static int
delete_in_txn(struct lmdb_store *store, MDB_txn *txn, unsigned pid,
    const char *id)
{
	struct session	 s;
	MDB_val		 key = { sizeof pid, &pid }, value;
	bool		 is_it;
	int		 rc;

	rc = mdb_get(txn, store->session, &key, &value);
	if (rc != 0)
		return rc == MDB_NOTFOUND ? 0 : rc;
	session_init(&s);
	is_it = id == NULL || !decode(&value, &s) ||
	    strcmp(s.id, id) == 0;
	session_clear(&s);
	if (!is_it)
		return 0;
	rc = index_move(store, txn, &value, NULL, &key);
	return rc != 0 ? rc : mdb_del(txn, store->session, &key, NULL);
}

static int
lmdb_delete(void *state, pid_t pid, const char *id, struct err *err)
{
	struct lmdb_store	*store = state;
	MDB_txn			*txn;
	int			 rc;

	txn = store_lmdb_begin_write(store, STORE_LMDB_ANY_ROOM,
	    "cannot write", err);
	if (txn == NULL)
		return -1;
	rc = delete_in_txn(store, txn, (unsigned)pid, id);
	return store_lmdb_end_write(txn, rc, err);
}

const struct store_ops store_lmdb_ops = {
	.open = lmdb_open,
	.close = lmdb_close,
	.is_there = lmdb_is_there,
	.put = lmdb_put,
	.change = lmdb_change,
	.get = lmdb_get,
	.each = lmdb_each,
	.delete = lmdb_delete,
	.revoke = store_lmdb_revoke,
	.unrevoke = store_lmdb_unrevoke,
	.is_revoked = store_lmdb_is_revoked,
	.each_revoked = store_lmdb_each_revoked,
	.hand_over = store_lmdb_hand_over,
	.handed_over = store_lmdb_handed_over,
	.hand_over_end = store_lmdb_hand_over_end,
	.each_handed_over = store_lmdb_each_handed_over,
};
