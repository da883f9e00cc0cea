/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_lmdb: the sessions of one host, in an LMDB environment.
 *
 * Three databases: "session" maps a process (pid) to its record, which begins
 * with the client's address; "client" maps that address to the pids of the
 * sessions that have it, for lookups by client; "handover" is told of in
 * store_lmdb_handover.c.  Nothing is synced to disk: a session does not outlive
 * the host's boot, and what an earlier boot left is thrown away.  LMDB itself
 * survives the death of a process at any moment.
 */
#include "session/store_lmdb_private.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
 * Opening
 */

static int
open_databases(struct lmdb_store *store)
{
	MDB_txn	*txn;
	int	 rc;

	rc = mdb_txn_begin(store->env.env, NULL, 0, &txn);
	if (rc != 0)
		return rc;
	rc = mdb_dbi_open(txn, "session", MDB_CREATE | MDB_INTEGERKEY,
	    &store->session);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "client",
		    MDB_CREATE | MDB_DUPSORT | MDB_DUPFIXED | MDB_INTEGERDUP,
		    &store->client);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "handover", MDB_CREATE,
		    &store->handover);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

static void
lmdb_close(void *state)
{
	struct lmdb_store	*store = state;

	store_lmdb_env_close(&store->env);
	free(store);
}

static void *
lmdb_open(const char *where, unsigned size_mib, struct err *err)
{
	struct lmdb_store	*store;
	int			 rc;

	if (mkdir(where, 0700) != 0 && errno != EEXIST) {
		(void)err_set(err, "store: cannot make directory %s: %s",
		    where, strerror(errno));
		return NULL;
	}
	store = calloc(1, sizeof *store);
	if (store == NULL) {
		(void)err_set(err, "store: out of memory");
		return NULL;
	}
	if (store_lmdb_env_open(&store->env, where, STORE_LMDB_OF_BOOT,
	    size_mib, err) != 0) {
		free(store);
		return NULL;
	}
	rc = open_databases(store);
	if (rc == 0)
		return store;
	(void)err_set(err, "store: cannot open %s: %s", where,
	    mdb_strerror(rc));
	lmdb_close(store);
	return NULL;
}

static enum store_result
lmdb_is_there(void *state, struct err *err)
{
	struct lmdb_store	*store = state;

	return store_lmdb_env_is_there(&store->env, err);
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
	txn = store_lmdb_begin_write(&store->env,
	    store->env.pages_max, "cannot write", err);
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

	txn = store_lmdb_begin_write(&store->env,
	    store->env.pages_max, "cannot write", err);
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
	MDB_txn			*txn = store_lmdb_begin_read(&store->env, err);

	if (txn == NULL)
		return STORE_CANNOT_TELL;
	result = get_in_txn(store, txn, (unsigned)pid, s, err);
	store_lmdb_end_read(&store->env, txn);
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
	MDB_txn			*txn = store_lmdb_begin_read(&store->env, err);

	if (txn == NULL)
		return STORE_CANNOT_TELL;
	result = walk(store, txn, client, fn, arg, err);
	store_lmdb_end_read(&store->env, txn);
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

	txn = store_lmdb_begin_write(&store->env, STORE_LMDB_ANY_ROOM,
	    "cannot write", err);
	if (txn == NULL)
		return -1;
	rc = delete_in_txn(store, txn, (unsigned)pid, id);
	return store_lmdb_end_write(txn, rc, err);
}

const struct store_ops store_lmdb_ops = {
	.part = {
		.open = lmdb_open,
		.close = lmdb_close,
		.is_there = lmdb_is_there,
	},
	.put = lmdb_put,
	.change = lmdb_change,
	.get = lmdb_get,
	.each = lmdb_each,
	.delete = lmdb_delete,
	.hand_over = store_lmdb_hand_over,
	.handed_over = store_lmdb_handed_over,
	.hand_over_end = store_lmdb_hand_over_end,
	.each_handed_over = store_lmdb_each_handed_over,
};
