/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_lmdb_private: LMDB environments, their transactions, and the databases
 * of sessions, for store_lmdb*.c only.
 */
#ifndef XC_STORE_LMDB_PRIVATE_H
#define XC_STORE_LMDB_PRIVATE_H

#include <sys/stat.h>

#include <lmdb.h>
#include <pthread.h>
#include <stdint.h>

#include "session/store_private.h"

#define STORE_LMDB_IDLE_MAX	32

/* How long what is in an environment lives. */
enum store_lmdb_life {
	STORE_LMDB_OF_BOOT,
	STORE_LMDB_DURABLE
};

/* Beginning a read transaction costs a scan of the reader table: finished
 * ones are kept for the next reader. */
struct lmdb_env {
	MDB_env		*env;
	pthread_mutex_t	 lock;		/* guards idle, n_idle */
	MDB_txn		*idle[STORE_LMDB_IDLE_MAX];
	unsigned	 n_idle;
	char		*data_path;
	char		*lock_path;
	struct stat	 data;		/* of the files that are open */
	struct stat	 locks;
	size_t		 pages_max;	/* that puts may make use of; behind
					 * them are some for deletions */
};

/*
 * Opens what is in a directory, which must be there, ours, no link, and closed
 * to others' writing.  size_mib is the room for what is put.  0, or -1 with err,
 * and env need not be closed.
 */
int	store_lmdb_env_open(struct lmdb_env *env, const char *where,
	    enum store_lmdb_life life, unsigned size_mib, struct err *err);
void	store_lmdb_env_close(struct lmdb_env *env);

/* NONE: its files were removed or replaced. */
enum store_result	store_lmdb_env_is_there(struct lmdb_env *env,
			    struct err *err);

struct lmdb_store {
	struct lmdb_env	 env;
	MDB_dbi		 session;
	MDB_dbi		 client;
	MDB_dbi		 handover;
};

/* Always -1, with "store: what: LMDB's own words" in err. */
int	store_lmdb_error(struct err *err, const char *what, int rc);

/* Begins to read, and ends it.  NULL with err. */
MDB_txn	*store_lmdb_begin_read(struct lmdb_env *env, struct err *err);
void	 store_lmdb_end_read(struct lmdb_env *env, MDB_txn *txn);

/*
 * Begins to write.  NULL with err, which says what cannot be done.
 *
 * LMDB copies what it changes, so that even to take a record out it needs
 * pages: what adds to the store leaves it some, or a full one would stay full
 * forever.  So there has to be room for one more write below pages_max;
 * STORE_LMDB_ANY_ROOM: it takes out.
 */
#define STORE_LMDB_ANY_ROOM	SIZE_MAX
MDB_txn	*store_lmdb_begin_write(struct lmdb_env *env, size_t pages_max,
	    const char *what, struct err *err);

/*
 * Commits if rc is 0, else takes everything back.  0, or -1 with err: nothing
 * has changed.
 */
int	 store_lmdb_end_write(MDB_txn *txn, int rc, struct err *err);

/* store_lmdb_handover.c: these calls of struct store_ops. */
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
