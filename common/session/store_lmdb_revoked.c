/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_lmdb_revoked: the revocations in the LMDB store.
 *
 * The database "revoked" maps a key of store_revoked.c to the time at which
 * the revocation ends (8 bytes, as the host has them; 0: never).  Nothing but
 * unrevoking takes one out: one whose time is over is passed by.
 */
#include "session/store_lmdb_private.h"

#include <string.h>

/*
 * A full store has to take a revocation, because an attack may be what fills
 * it.  So these may use half of what is kept back; the other half is for
 * deletions.
 */
static size_t
pages_for_revoking(const struct lmdb_store *store)
{
	return store->pages_max + (store->pages_all - store->pages_max) / 2;
}

int
store_lmdb_revoke(void *state, const char *key, uint64_t until_ms,
    struct err *err)
{
	struct lmdb_store	*store = state;
	MDB_val			 name = { strlen(key), (void *)key };
	MDB_val			 value = { sizeof until_ms, &until_ms };
	MDB_txn			*txn;
	int			 rc;

	txn = store_lmdb_begin_write(store, pages_for_revoking(store),
	    "cannot revoke", err);
	if (txn == NULL)
		return -1;
	rc = mdb_put(txn, store->revoked, &name, &value, 0);
	return store_lmdb_end_write(txn, rc, err);
}

int
store_lmdb_unrevoke(void *state, const char *key, struct err *err)
{
	struct lmdb_store	*store = state;
	MDB_val			 name = { strlen(key), (void *)key };
	MDB_txn			*txn;
	int			 rc;

	txn = store_lmdb_begin_write(store, STORE_LMDB_ANY_ROOM,
	    "cannot unrevoke", err);
	if (txn == NULL)
		return -1;
	rc = mdb_del(txn, store->revoked, &name, NULL);
	return store_lmdb_end_write(txn, rc == MDB_NOTFOUND ? 0 : rc, err);
}

static bool
read_until(const MDB_val *value, uint64_t *until_ms_r)
{
	if (value->mv_size != sizeof *until_ms_r)
		return false;
	memcpy(until_ms_r, value->mv_data, sizeof *until_ms_r);
	return true;
}

/* 0 if that is revoked, MDB_NOTFOUND, or what is wrong. */
static int
find(struct lmdb_store *store, MDB_txn *txn, const char *key, size_t len,
    uint64_t now_ms)
{
	MDB_val		 name = { len, (void *)key }, value;
	uint64_t	 until_ms;
	int		 rc;

	rc = mdb_get(txn, store->revoked, &name, &value);
	if (rc != 0)
		return rc;
	if (!read_until(&value, &until_ms))
		return MDB_CORRUPTED;
	return until_ms == 0 || now_ms < until_ms ? 0 : MDB_NOTFOUND;
}

/* As find, for either. */
static int
find_either(struct lmdb_store *store, MDB_txn *txn,
    const struct address *peer, const char *profile, uint64_t now_ms)
{
	char		 key[STORE_REVOKED_SIZE];
	MDB_stat	 stat;
	size_t		 len;
	int		 rc;

	/* Nearly always there is nothing to look for. */
	rc = mdb_stat(txn, store->revoked, &stat);
	if (rc != 0)
		return rc;
	if (stat.ms_entries == 0)
		return MDB_NOTFOUND;
	rc = MDB_NOTFOUND;
	if ((len = store_revoked_peer(peer, key)) > 0)
		rc = find(store, txn, key, len, now_ms);
	if (rc == MDB_NOTFOUND && profile != NULL &&
	    (len = store_revoked_profile(profile, key)) > 0)
		rc = find(store, txn, key, len, now_ms);
	return rc;
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
store_lmdb_is_revoked(void *state, const struct address *peer,
    const char *profile, uint64_t now_ms, struct err *err)
{
	struct lmdb_store	*store = state;
	MDB_txn			*txn = store_lmdb_begin_read(store, err);
	int			 rc;

	if (txn == NULL)
		return STORE_CANNOT_TELL;
	rc = find_either(store, txn, peer, profile, now_ms);
	store_lmdb_end_read(store, txn);
	return result_of(rc, err);
}

/* 0 if fn was called, MDB_NOTFOUND, or what is wrong. */
static int
walk(MDB_cursor *cursor,
    bool (*fn)(const char *what, uint64_t until_ms, void *arg), void *arg)
{
	char		 what[STORE_REVOKED_SIZE];
	MDB_val		 key, value;
	uint64_t	 until_ms;
	int		 rc;

	rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
	if (rc != 0)
		return rc;
	do {
		if (key.mv_size >= sizeof what ||
		    !read_until(&value, &until_ms))
			return MDB_CORRUPTED;
		memcpy(what, key.mv_data, key.mv_size);
		what[key.mv_size] = '\0';
		if (!fn(what, until_ms, arg))
			return 0;
	} while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

enum store_result
store_lmdb_each_revoked(void *state,
    bool (*fn)(const char *what, uint64_t until_ms, void *arg), void *arg,
    struct err *err)
{
	struct lmdb_store	*store = state;
	MDB_cursor		*cursor;
	MDB_txn			*txn = store_lmdb_begin_read(store, err);
	int			 rc;

	if (txn == NULL)
		return STORE_CANNOT_TELL;
	rc = mdb_cursor_open(txn, store->revoked, &cursor);
	if (rc == 0) {
		rc = walk(cursor, fn, arg);
		mdb_cursor_close(cursor);
	}
	store_lmdb_end_read(store, txn);
	return result_of(rc, err);
}
