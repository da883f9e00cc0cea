/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_lmdb_revoked: what is revoked, in an LMDB environment on disk.
 *
 * The database "revoked" maps a key of store_revoked.c to the time at which
 * the revocation ends (8 bytes, as the host has them; 0: never), and the reason.
 * Nothing but unrevoking takes one out: one whose time is over is passed by.
 *
 * Until something is revoked for the first time, its directory need not be
 * there.  But once it has been seen, it does not vanish: where that is unmounted
 * or removed nobody can tell what was revoked, and that gives no right back.
 * Nor does one that was made in its place, by whoever revokes something then: so
 * the database "made" has a name that it got when it was made, which a copy has,
 * too, and another one has not.
 */
#include "session/store_lmdb_private.h"

#include <sys/random.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/durable.h"

#define UNTIL_SIZE	sizeof(uint64_t)
#define ID_SIZE		16

struct revoked {
	struct lmdb_env	 env;
	MDB_dbi		 dbi;
	char		 id[ID_SIZE];
	char		*where;
	bool		 is_absent;	/* then that is all */
};

/* FOUND, NONE, or CANNOT_TELL with err. */
static enum store_result
look_for(const char *path, struct err *err)
{
	struct stat	 st;

	if (stat(path, &st) == 0)
		return STORE_FOUND;
	if (errno == ENOENT)
		return STORE_NONE;
	(void)err_set(err, "store: %s: %s", path, strerror(errno));
	return STORE_CANNOT_TELL;
}

static void
revoked_close(void *state)
{
	struct revoked	*revoked = state;

	if (!revoked->is_absent)
		store_lmdb_env_close(&revoked->env);
	free(revoked->where);
	free(revoked);
}

/* What it was called when it was made, which may be now. */
static int
read_id(struct revoked *revoked, MDB_txn *txn)
{
	char		 key[] = "id";
	MDB_val		 name = { sizeof key - 1, key }, value;
	MDB_dbi		 dbi;
	int		 rc;

	rc = mdb_dbi_open(txn, "made", MDB_CREATE, &dbi);
	if (rc == 0)
		rc = mdb_get(txn, dbi, &name, &value);
	if (rc == 0) {
		if (value.mv_size != ID_SIZE)
			return MDB_CORRUPTED;
		memcpy(revoked->id, value.mv_data, ID_SIZE);
		return 0;
	}
	if (rc != MDB_NOTFOUND)
		return rc;
	if (getentropy(revoked->id, ID_SIZE) != 0)
		return errno;
	value = (MDB_val){ ID_SIZE, revoked->id };
	return mdb_put(txn, dbi, &name, &value, 0);
}

static int
open_database(struct revoked *revoked)
{
	MDB_txn	*txn;
	int	 rc;

	rc = mdb_txn_begin(revoked->env.env, NULL, 0, &txn);
	if (rc != 0)
		return rc;
	rc = mdb_dbi_open(txn, "revoked", MDB_CREATE, &revoked->dbi);
	if (rc == 0)
		rc = read_id(revoked, txn);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

/* False: err says why. */
static bool
open_environment(struct revoked *revoked, unsigned size_mib,
    struct err *err)
{
	int	 rc;

	if (store_lmdb_env_open(&revoked->env, revoked->where,
	    STORE_LMDB_DURABLE, size_mib, err) != 0)
		return false;
	rc = open_database(revoked);
	if (rc == 0)
		return true;
	store_lmdb_env_close(&revoked->env);
	(void)err_set(err, "store: cannot open %s: %s", revoked->where,
	    mdb_strerror(rc));
	return false;
}

static void *
revoked_open(const char *where, unsigned size_mib, struct err *err)
{
	struct revoked		*revoked = calloc(1, sizeof *revoked);
	enum store_result	 result;

	if (revoked == NULL || (revoked->where = strdup(where)) == NULL) {
		free(revoked);
		(void)err_set(err, "store: out of memory");
		return NULL;
	}
	revoked->is_absent = true;
	result = look_for(where, err);
	if (result == STORE_NONE)
		return revoked;
	if (result == STORE_FOUND &&
	    open_environment(revoked, size_mib, err)) {
		revoked->is_absent = false;
		return revoked;
	}
	revoked_close(revoked);
	return NULL;
}

/* One that was not there is, as long as nothing is where it would be. */
static enum store_result
is_still_absent(const struct revoked *revoked, struct err *err)
{
	switch (look_for(revoked->where, err)) {
	case STORE_NONE:
		return STORE_FOUND;
	case STORE_FOUND:
		return STORE_NONE;
	case STORE_CANNOT_TELL:
		break;
	}
	return STORE_CANNOT_TELL;
}

static enum store_result
revoked_is_there(void *state, struct err *err)
{
	struct revoked		*revoked = state;
	enum store_result	 result;

	if (revoked->is_absent)
		return is_still_absent(revoked, err);
	result = store_lmdb_env_is_there(&revoked->env, err);
	if (result != STORE_NONE ||
	    look_for(revoked->env.data_path, err) == STORE_FOUND)
		return result;
	(void)err_set(err, "store: %s: what is revoked has vanished; put it "
	    "back, or restart to begin with nothing revoked",
	    revoked->env.data_path);
	return STORE_CANNOT_TELL;
}

static bool
revoked_may_follow(const void *state, const void *next, struct err *err)
{
	const struct revoked	*was = state, *is = next;

	if (was->is_absent || (!is->is_absent &&
	    memcmp(was->id, is->id, ID_SIZE) == 0))
		return true;
	(void)err_set(err, "store: %s: what is revoked has vanished, and "
	    "another one is in its place; put it back, or restart to go by "
	    "that one", was->where);
	return false;
}

static bool
revoked_is_empty(const void *state)
{
	return ((const struct revoked *)state)->is_absent;
}

const struct store_part_ops store_lmdb_revoked_part = {
	.open = revoked_open,
	.close = revoked_close,
	.is_there = revoked_is_there,
	.may_follow = revoked_may_follow,
	.is_empty = revoked_is_empty
};

int
store_lmdb_revoked_make(const char *where, struct err *err)
{
	if (mkdir(where, 0700) == 0 ? durable_sync_parent(where) == 0 :
	    errno == EEXIST)
		return 0;
	return err_set(err, "store: cannot make directory %s: %s", where,
	    strerror(errno));
}

int
store_lmdb_revoke(void *state, const char *key,
    const struct store_revocation *revocation, struct err *err)
{
	struct revoked		*revoked = state;
	char			 room[UNTIL_SIZE + STORE_REASON_SIZE];
	const char		*reason = revocation->reason == NULL ? "" :
				     revocation->reason;
	size_t			 n = strnlen(reason, STORE_REASON_SIZE - 1);
	MDB_val			 name = { strlen(key), (void *)key };
	MDB_val			 value = { UNTIL_SIZE + n, room };
	MDB_txn			*txn;
	int			 rc;

	if (revoked->is_absent)
		return err_set(err, "store: directory %s was removed",
		    revoked->where);
	memcpy(room, &revocation->until_ms, UNTIL_SIZE);
	memcpy(room + UNTIL_SIZE, reason, n);
	txn = store_lmdb_begin_write(&revoked->env, revoked->env.pages_max,
	    "cannot revoke", err);
	if (txn == NULL)
		return -1;
	rc = mdb_put(txn, revoked->dbi, &name, &value, 0);
	return store_lmdb_end_write(txn, rc, err);
}

int
store_lmdb_unrevoke(void *state, const char *key, struct err *err)
{
	struct revoked		*revoked = state;
	MDB_val			 name = { strlen(key), (void *)key };
	MDB_txn			*txn;
	int			 rc;

	if (revoked->is_absent)
		return 0;
	txn = store_lmdb_begin_write(&revoked->env, STORE_LMDB_ANY_ROOM,
	    "cannot unrevoke", err);
	if (txn == NULL)
		return -1;
	rc = mdb_del(txn, revoked->dbi, &name, NULL);
	return store_lmdb_end_write(txn, rc == MDB_NOTFOUND ? 0 : rc, err);
}

/* reason_r has room for STORE_REASON_SIZE, or is NULL. */
static bool
read_value(const MDB_val *value, uint64_t *until_ms_r, char *reason_r)
{
	size_t	 n = value->mv_size - UNTIL_SIZE;

	if (value->mv_size < UNTIL_SIZE || n >= STORE_REASON_SIZE)
		return false;
	memcpy(until_ms_r, value->mv_data, UNTIL_SIZE);
	if (reason_r != NULL) {
		memcpy(reason_r, (const char *)value->mv_data + UNTIL_SIZE, n);
		reason_r[n] = '\0';
	}
	return true;
}

/* 0 if that is revoked, MDB_NOTFOUND, or what is wrong.  len 0: nothing can
 * be. */
static int
find(struct revoked *revoked, MDB_txn *txn, const char *key, size_t len,
    uint64_t now_ms)
{
	MDB_val		 name = { len, (void *)key }, value;
	uint64_t	 until_ms;
	int		 rc;

	if (len == 0)
		return MDB_NOTFOUND;
	rc = mdb_get(txn, revoked->dbi, &name, &value);
	if (rc != 0)
		return rc;
	if (!read_value(&value, &until_ms, NULL))
		return MDB_CORRUPTED;
	return until_ms == 0 || now_ms < until_ms ? 0 : MDB_NOTFOUND;
}

/* As find, for the networks that the peer is in: one question for each length
 * that there is. */
static int
find_network(struct revoked *revoked, MDB_txn *txn, MDB_cursor *cursor,
    const struct address *peer, uint64_t now_ms)
{
	const struct address	 least = { .family = peer->family };
	char			 key[STORE_REVOKED_SIZE];
	MDB_val			 name, value;
	size_t			 len;
	int			 bits, rc;

	for (bits = 0;; bits++) {
		len = store_revoked_network(&least, (unsigned)bits, key);
		if (len == 0)
			return MDB_NOTFOUND;
		name = (MDB_val){ len, key };
		rc = mdb_cursor_get(cursor, &name, &value, MDB_SET_RANGE);
		if (rc != 0)
			return rc;
		bits = store_revoked_bits(name.mv_data, name.mv_size, peer);
		if (bits == -1)
			return MDB_NOTFOUND;
		len = store_revoked_network(peer, (unsigned)bits, key);
		rc = find(revoked, txn, key, len, now_ms);
		if (rc != MDB_NOTFOUND)
			return rc;
	}
}

static int
find_networks(struct revoked *revoked, MDB_txn *txn,
    const struct address *peer, uint64_t now_ms)
{
	MDB_cursor	*cursor;
	int		 rc;

	if (peer->family == AF_UNSPEC)
		return MDB_NOTFOUND;
	rc = mdb_cursor_open(txn, revoked->dbi, &cursor);
	if (rc != 0)
		return rc;
	rc = find_network(revoked, txn, cursor, peer, now_ms);
	mdb_cursor_close(cursor);
	return rc;
}

/* As find, for any of them. */
static int
find_any(struct revoked *revoked, MDB_txn *txn,
    const struct store_holder *holder, uint64_t now_ms)
{
	char		 key[STORE_REVOKED_SIZE];
	MDB_stat	 stat;
	int		 rc;

	/* Nearly always there is nothing to look for. */
	rc = mdb_stat(txn, revoked->dbi, &stat);
	if (rc != 0)
		return rc;
	if (stat.ms_entries == 0)
		return MDB_NOTFOUND;
	rc = find(revoked, txn, key, store_revoked_peer(holder->peer, key),
	    now_ms);
	if (rc == MDB_NOTFOUND && holder->profile != NULL)
		rc = find(revoked, txn, key,
		    store_revoked_profile(holder->profile, key), now_ms);
	if (rc == MDB_NOTFOUND && holder->session != NULL)
		rc = find(revoked, txn, key,
		    store_revoked_session(holder->session, key), now_ms);
	return rc == MDB_NOTFOUND ?
	    find_networks(revoked, txn, holder->peer, now_ms) : rc;
}

static enum store_result
result_of(int rc, struct err *err)
{
	if (rc == 0)
		return STORE_FOUND;
	if (rc == MDB_NOTFOUND)
		return STORE_NONE;
	(void)store_lmdb_error(err, "cannot read what is revoked", rc);
	return STORE_CANNOT_TELL;
}

enum store_result
store_lmdb_is_revoked(void *state, const struct store_holder *holder,
    uint64_t now_ms, struct err *err)
{
	struct revoked		*revoked = state;
	MDB_txn			*txn;
	int			 rc;

	if (revoked->is_absent)
		return STORE_NONE;
	txn = store_lmdb_begin_read(&revoked->env, err);
	if (txn == NULL)
		return STORE_CANNOT_TELL;
	rc = find_any(revoked, txn, holder, now_ms);
	store_lmdb_end_read(&revoked->env, txn);
	return result_of(rc, err);
}

/* 0 if fn was called, MDB_NOTFOUND, or what is wrong. */
static int
walk(MDB_cursor *cursor, store_revocation_fn *fn, void *arg)
{
	char			 what[STORE_REVOKED_SIZE];
	char			 reason[STORE_REASON_SIZE];
	struct store_revocation	 seen = { .what = what, .reason = reason };
	MDB_val			 key, value;
	int			 rc;

	rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
	if (rc != 0)
		return rc;
	do {
		if (!store_revoked_what(key.mv_data, key.mv_size, what) ||
		    !read_value(&value, &seen.until_ms, reason))
			return MDB_CORRUPTED;
		if (!fn(&seen, arg))
			return 0;
	} while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

enum store_result
store_lmdb_each_revoked(void *state, store_revocation_fn *fn, void *arg,
    struct err *err)
{
	struct revoked		*revoked = state;
	MDB_cursor		*cursor;
	MDB_txn			*txn;
	int			 rc;

	if (revoked->is_absent)
		return STORE_NONE;
	txn = store_lmdb_begin_read(&revoked->env, err);
	if (txn == NULL)
		return STORE_CANNOT_TELL;
	rc = mdb_cursor_open(txn, revoked->dbi, &cursor);
	if (rc == 0) {
		rc = walk(cursor, fn, arg);
		mdb_cursor_close(cursor);
	}
	store_lmdb_end_read(&revoked->env, txn);
	return result_of(rc, err);
}
