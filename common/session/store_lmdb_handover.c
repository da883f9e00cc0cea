/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_lmdb_handover: what relays hand over, in the LMDB store.
 *
 * The database "handover" maps the address and port of a relay's outgoing
 * socket to the record of the session whose mail comes from there.
 */
#include "session/store_lmdb_private.h"

#include <string.h>

struct socket_key {
	uint8_t	family;
	uint8_t	bytes[16];
	uint8_t	port[2];	/* in network order */
};

static struct socket_key
socket_key(const struct address *addr, uint16_t port)
{
	struct socket_key	 key;

	key.family = addr->family;
	memcpy(key.bytes, addr->bytes, sizeof key.bytes);
	key.port[0] = (uint8_t)(port >> 8);
	key.port[1] = (uint8_t)port;
	return key;
}

/* False: not a key. */
static bool
read_key(const MDB_val *name, struct address *addr_r, uint16_t *port_r)
{
	struct socket_key	 key;

	if (name->mv_size != sizeof key)
		return false;
	memcpy(&key, name->mv_data, sizeof key);
	addr_r->family = key.family;
	memcpy(addr_r->bytes, key.bytes, sizeof addr_r->bytes);
	*port_r = (uint16_t)(key.port[0] << 8 | key.port[1]);
	return true;
}

static bool
decode(const MDB_val *value, struct session *s)
{
	return session_decode((struct span){ value->mv_data, value->mv_size },
	    s);
}

int
store_lmdb_hand_over(void *state, const struct address *addr, uint16_t port,
    const struct session *s, struct err *err)
{
	struct lmdb_store	*store = state;
	struct socket_key	 key = socket_key(addr, port);
	char			 record[SESSION_RECORD_MAX];
	MDB_val			 name = { sizeof key, &key }, value;
	MDB_txn			*txn;
	int			 rc;

	value = (MDB_val){ session_encode(s, record, sizeof record), record };
	if (value.mv_size == 0)
		return err_set(err, "store: session %s: record over %d bytes",
		    s->id, SESSION_RECORD_MAX);
	txn = store_lmdb_begin_write(&store->env, store->env.pages_max,
	    "cannot hand over", err);
	if (txn == NULL)
		return -1;
	rc = mdb_put(txn, store->handover, &name, &value, 0);
	return store_lmdb_end_write(txn, rc, err);
}

static enum store_result
find(struct lmdb_store *store, MDB_txn *txn, MDB_val *name, struct session *s,
    struct err *err)
{
	MDB_val	 value;
	int	 rc;

	rc = mdb_get(txn, store->handover, name, &value);
	if (rc == MDB_NOTFOUND)
		return STORE_NONE;
	if (rc != 0)
		(void)store_lmdb_error(err, "cannot read", rc);
	else if (decode(&value, s))
		return STORE_FOUND;
	else
		(void)err_set(err, "store: a session that was handed over "
		    "cannot be read");
	return STORE_CANNOT_TELL;
}

enum store_result
store_lmdb_handed_over(void *state, const struct address *addr, uint16_t port,
    struct session *s, struct err *err)
{
	struct lmdb_store	*store = state;
	struct socket_key	 key = socket_key(addr, port);
	MDB_val			 name = { sizeof key, &key };
	enum store_result	 result;
	MDB_txn			*txn = store_lmdb_begin_read(&store->env, err);

	if (txn == NULL)
		return STORE_CANNOT_TELL;
	result = find(store, txn, &name, s, err);
	store_lmdb_end_read(&store->env, txn);
	return result;
}

/* Whether the record is of that session; one that cannot be read is of any. */
static bool
is_of(const MDB_val *value, const char *id)
{
	struct session	 s;
	bool		 is_it;

	if (id == NULL)
		return true;
	session_init(&s);
	is_it = !decode(value, &s) || strcmp(s.id, id) == 0;
	session_clear(&s);
	return is_it;
}

int
store_lmdb_hand_over_end(void *state, const struct address *addr,
    uint16_t port, const char *id, struct err *err)
{
	struct lmdb_store	*store = state;
	struct socket_key	 key = socket_key(addr, port);
	MDB_val			 name = { sizeof key, &key }, value;
	MDB_txn			*txn;
	int			 rc;

	txn = store_lmdb_begin_write(&store->env, STORE_LMDB_ANY_ROOM,
	    "cannot write", err);
	if (txn == NULL)
		return -1;
	rc = mdb_get(txn, store->handover, &name, &value);
	if (rc == 0 && is_of(&value, id))
		rc = mdb_del(txn, store->handover, &name, NULL);
	return store_lmdb_end_write(txn, rc == MDB_NOTFOUND ? 0 : rc, err);
}

static enum store_result
walk(MDB_cursor *cursor, store_handed_over_fn *fn, void *arg, struct err *err)
{
	enum store_result	 result = STORE_NONE;
	struct address		 addr;
	struct session		 s;
	MDB_val			 name, value;
	uint16_t		 port;
	bool			 is_going = true;
	int			 rc;

	session_init(&s);
	rc = mdb_cursor_get(cursor, &name, &value, MDB_FIRST);
	while (rc == 0 && is_going) {
		if (!read_key(&name, &addr, &port) || !decode(&value, &s)) {
			rc = MDB_CORRUPTED;
			break;
		}
		result = STORE_FOUND;
		is_going = fn(&addr, port, &s, arg);
		rc = mdb_cursor_get(cursor, &name, &value, MDB_NEXT);
	}
	session_clear(&s);
	if (rc != 0 && rc != MDB_NOTFOUND) {
		(void)store_lmdb_error(err, "cannot read what is handed over",
		    rc);
		result = STORE_CANNOT_TELL;
	}
	return result;
}

enum store_result
store_lmdb_each_handed_over(void *state, store_handed_over_fn *fn, void *arg,
    struct err *err)
{
	struct lmdb_store	*store = state;
	enum store_result	 result = STORE_CANNOT_TELL;
	MDB_cursor		*cursor;
	MDB_txn			*txn = store_lmdb_begin_read(&store->env, err);
	int			 rc;

	if (txn == NULL)
		return STORE_CANNOT_TELL;
	rc = mdb_cursor_open(txn, store->handover, &cursor);
	if (rc == 0) {
		result = walk(cursor, fn, arg, err);
		mdb_cursor_close(cursor);
	} else {
		(void)store_lmdb_error(err, "cannot read", rc);
	}
	store_lmdb_end_read(&store->env, txn);
	return result;
}
