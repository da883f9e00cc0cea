/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_lmdb_revoked: the revocations in the LMDB store.
 *
 * The database "revoked" maps a key of store_revoked.c to the time at which
 * the revocation ends (8 bytes, as the host has them; 0: never), and the reason.
 * Nothing but unrevoking takes one out: one whose time is over is passed by.
 */
#include "session/store_lmdb_private.h"

#include <string.h>

#define UNTIL_SIZE	sizeof(uint64_t)

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
store_lmdb_revoke(void *state, const char *key,
    const struct store_revocation *revocation, struct err *err)
{
	struct lmdb_store	*store = state;
	char			 room[UNTIL_SIZE + STORE_REASON_SIZE];
	const char		*reason = revocation->reason == NULL ? "" :
				     revocation->reason;
	size_t			 n = strnlen(reason, STORE_REASON_SIZE - 1);
	MDB_val			 name = { strlen(key), (void *)key };
	MDB_val			 value = { UNTIL_SIZE + n, room };
	MDB_txn			*txn;
	int			 rc;

	memcpy(room, &revocation->until_ms, UNTIL_SIZE);
	memcpy(room + UNTIL_SIZE, reason, n);
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
find(struct lmdb_store *store, MDB_txn *txn, const char *key, size_t len,
    uint64_t now_ms)
{
	MDB_val		 name = { len, (void *)key }, value;
	uint64_t	 until_ms;
	int		 rc;

	if (len == 0)
		return MDB_NOTFOUND;
	rc = mdb_get(txn, store->revoked, &name, &value);
	if (rc != 0)
		return rc;
	if (!read_value(&value, &until_ms, NULL))
		return MDB_CORRUPTED;
	return until_ms == 0 || now_ms < until_ms ? 0 : MDB_NOTFOUND;
}

/* As find, for the networks that the peer is in: one question for each length
 * that there is. */
static int
find_network(struct lmdb_store *store, MDB_txn *txn, MDB_cursor *cursor,
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
		rc = find(store, txn, key, len, now_ms);
		if (rc != MDB_NOTFOUND)
			return rc;
	}
}

static int
find_networks(struct lmdb_store *store, MDB_txn *txn,
    const struct address *peer, uint64_t now_ms)
{
	MDB_cursor	*cursor;
	int		 rc;

	if (peer->family == AF_UNSPEC)
		return MDB_NOTFOUND;
	rc = mdb_cursor_open(txn, store->revoked, &cursor);
	if (rc != 0)
		return rc;
	rc = find_network(store, txn, cursor, peer, now_ms);
	mdb_cursor_close(cursor);
	return rc;
}

/* As find, for any of them. */
static int
find_any(struct lmdb_store *store, MDB_txn *txn,
    const struct store_holder *holder, uint64_t now_ms)
{
	char		 key[STORE_REVOKED_SIZE];
	MDB_stat	 stat;
	int		 rc;

	/* Nearly always there is nothing to look for. */
	rc = mdb_stat(txn, store->revoked, &stat);
	if (rc != 0)
		return rc;
	if (stat.ms_entries == 0)
		return MDB_NOTFOUND;
	rc = find(store, txn, key, store_revoked_peer(holder->peer, key),
	    now_ms);
	if (rc == MDB_NOTFOUND && holder->profile != NULL)
		rc = find(store, txn, key,
		    store_revoked_profile(holder->profile, key), now_ms);
	if (rc == MDB_NOTFOUND && holder->session != NULL)
		rc = find(store, txn, key,
		    store_revoked_session(holder->session, key), now_ms);
	return rc == MDB_NOTFOUND ?
	    find_networks(store, txn, holder->peer, now_ms) : rc;
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
	struct lmdb_store	*store = state;
	MDB_txn			*txn = store_lmdb_begin_read(store, err);
	int			 rc;

	if (txn == NULL)
		return STORE_CANNOT_TELL;
	rc = find_any(store, txn, holder, now_ms);
	store_lmdb_end_read(store, txn);
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
