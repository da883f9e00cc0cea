/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_lmdb_txn: the transactions of an environment, and whether one more write
 * has room.
 */
#include "session/store_lmdb_private.h"

#include <string.h>

#define FREE_DBI	0		/* LMDB's own database of free pages */
#define WRITE_PAGES	64		/* that one write may take, amply */

int
store_lmdb_error(struct err *err, const char *what, int rc)
{
	return err_set(err, "store: %s: %s", what, mdb_strerror(rc));
}

/* 0, or LMDB's code, with which *txn_r is untouched. */
static int
begin_read(struct lmdb_env *env, MDB_txn **txn_r)
{
	MDB_txn	*txn = NULL;
	int	 rc;

	(void)pthread_mutex_lock(&env->lock);
	if (env->n_idle > 0)
		txn = env->idle[--env->n_idle];
	(void)pthread_mutex_unlock(&env->lock);
	if (txn == NULL)
		return mdb_txn_begin(env->env, NULL, MDB_RDONLY, txn_r);
	rc = mdb_txn_renew(txn);
	if (rc != 0)
		mdb_txn_abort(txn);
	else
		*txn_r = txn;
	return rc;
}

MDB_txn *
store_lmdb_begin_read(struct lmdb_env *env, struct err *err)
{
	MDB_txn	*txn;
	int	 rc = begin_read(env, &txn);

	if (rc == 0)
		return txn;
	(void)store_lmdb_error(err, "cannot read", rc);
	return NULL;
}

void
store_lmdb_end_read(struct lmdb_env *env, MDB_txn *txn)
{
	mdb_txn_reset(txn);
	(void)pthread_mutex_lock(&env->lock);
	if (env->n_idle < STORE_LMDB_IDLE_MAX) {
		env->idle[env->n_idle++] = txn;
		txn = NULL;
	}
	(void)pthread_mutex_unlock(&env->lock);
	if (txn != NULL)
		mdb_txn_abort(txn);
}

/* How many free pages there are; counting ends at max. */
static int
count_free(MDB_txn *txn, size_t max, size_t *n_r)
{
	MDB_cursor	*cursor;
	MDB_val		 key, value;
	size_t		 n;
	int		 rc;

	*n_r = 0;
	rc = mdb_cursor_open(txn, FREE_DBI, &cursor);
	if (rc != 0)
		return rc;
	while (*n_r < max &&
	    (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		memcpy(&n, value.mv_data, sizeof n);
		*n_r += n;
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* 0 if there is room for one more write below that page, or MDB_MAP_FULL, or
 * another code. */
static int
check_room(struct lmdb_env *env, size_t pages_max)
{
	MDB_envinfo	 info;
	MDB_txn		*txn;
	size_t		 n;
	int		 rc, dead;

	if ((rc = mdb_env_info(env->env, &info)) != 0 ||
	    info.me_last_pgno + WRITE_PAGES < pages_max)
		return rc;
	/* A reader that was killed keeps free pages from being used. */
	if ((rc = mdb_reader_check(env->env, &dead)) != 0 ||
	    (rc = begin_read(env, &txn)) != 0)
		return rc;
	rc = count_free(txn, WRITE_PAGES, &n);
	store_lmdb_end_read(env, txn);
	return rc == 0 && n < WRITE_PAGES ? MDB_MAP_FULL : rc;
}

MDB_txn *
store_lmdb_begin_write(struct lmdb_env *env, size_t pages_max,
    const char *what, struct err *err)
{
	MDB_txn	*txn;
	int	 rc = 0;

	if (pages_max != STORE_LMDB_ANY_ROOM)
		rc = check_room(env, pages_max);
	if (rc == 0)
		rc = mdb_txn_begin(env->env, NULL, 0, &txn);
	if (rc == 0)
		return txn;
	(void)store_lmdb_error(err, what, rc);
	return NULL;
}

int
store_lmdb_end_write(MDB_txn *txn, int rc, struct err *err)
{
	if (rc != 0)
		mdb_txn_abort(txn);
	else
		rc = mdb_txn_commit(txn);
	return rc == 0 ? 0 : store_lmdb_error(err, "cannot write", rc);
}
