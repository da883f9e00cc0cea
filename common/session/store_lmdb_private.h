/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_lmdb_private: the LMDB store's environment, its databases, and its
 * transactions, for store_lmdb*.c only.
 */
#ifndef XC_STORE_LMDB_PRIVATE_H
#define XC_STORE_LMDB_PRIVATE_H

#include <sys/stat.h>

#include <lmdb.h>
#include <pthread.h>
#include <stdint.h>

#include "session/store_private.h"

#define STORE_LMDB_IDLE_MAX	32

/* Beginning a read transaction costs a scan of the reader table: finished
 * ones are kept for the next reader. */
struct lmdb_store {
	MDB_env		*env;
	MDB_dbi		 session;
	MDB_dbi		 client;
	MDB_dbi		 revoked;
	MDB_dbi		 handover;
	pthread_mutex_t	 lock;		/* guards idle, n_idle */
	MDB_txn		*idle[STORE_LMDB_IDLE_MAX];
	unsigned	 n_idle;
	char		*data_path;
	char		*lock_path;
	struct stat	 data;		/* of the files that are open */
	struct stat	 locks;
	size_t		 pages_max;	/* that puts may make use of */
	size_t		 pages_all;	/* with those kept back for deletions */
};

/* Always -1, with "store: what: LMDB's own words" in err. */
int	store_lmdb_error(struct err *err, const char *what, int rc);

/* Begins to read, and ends it.  NULL with err. */
MDB_txn	*store_lmdb_begin_read(struct lmdb_store *store, struct err *err);
void	 store_lmdb_end_read(struct lmdb_store *store, MDB_txn *txn);

/*
 * Begins to write.  NULL with err, which says what cannot be done.
 *
 * LMDB copies what it changes, so that even to take a record out it needs
 * pages: what adds to the store leaves it some, or a full one would stay full
 * forever.  So there has to be room for one more write below pages_max;
 * STORE_LMDB_ANY_ROOM: it takes out.
 */
#define STORE_LMDB_ANY_ROOM	SIZE_MAX
MDB_txn	*store_lmdb_begin_write(struct lmdb_store *store, size_t pages_max,
	    const char *what, struct err *err);

/*
 * Commits if rc is 0, else takes everything back.  0, or -1 with err: nothing
 * has changed.
 */
int	 store_lmdb_end_write(MDB_txn *txn, int rc, struct err *err);

/* store_lmdb_revoked.c: these calls of struct store_ops. */
int	store_lmdb_revoke(void *state, const char *key,
	    const struct store_revocation *revocation, struct err *err);
int	store_lmdb_unrevoke(void *state, const char *key, struct err *err);
enum store_result	store_lmdb_is_revoked(void *state,
			    const struct store_holder *holder,
			    uint64_t now_ms, struct err *err);
enum store_result	store_lmdb_each_revoked(void *state,
			    store_revocation_fn *fn, void *arg,
			    struct err *err);

/* store_lmdb_handover.c: likewise. */
int	store_lmdb_hand_over(void *state, const struct address *addr,
	    uint16_t port, const struct session *s, struct err *err);
enum store_result	store_lmdb_handed_over(void *state,
			    const struct address *addr, uint16_t port,
			    struct session *s, struct err *err);
int	store_lmdb_hand_over_end(void *state, const struct address *addr,
	    uint16_t port, const char *id, struct err *err);
enum store_result	store_lmdb_each_handed_over(void *state,
			    store_handed_over_fn *fn, void *arg,
			    struct err *err);

#endif
