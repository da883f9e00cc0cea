/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * damage: puts bytes in an LMDB store that no program of ours would.
 */
#ifndef XC_T_DAMAGE_H
#define XC_T_DAMAGE_H

#include <lmdb.h>
#include <stdlib.h>

/*
 * Puts these bytes in place of what a database has under that key.  The store
 * must not be open in this process (but may be in the one that has made it).
 * Aborts the test if it cannot.
 */
static inline void
damage_put(const char *dir, const char *database, unsigned flags,
    const void *key, size_t key_size, const char *bytes, size_t n)
{
	MDB_env	*env;
	MDB_txn	*txn;
	MDB_dbi	 dbi;
	MDB_val	 name = { key_size, (void *)key }, value = { n, (void *)bytes };

	if (mdb_env_create(&env) != 0 || mdb_env_set_maxdbs(env, 4) != 0 ||
	    mdb_env_open(env, dir, MDB_NOSYNC, 0600) != 0 ||
	    mdb_txn_begin(env, NULL, 0, &txn) != 0 ||
	    mdb_dbi_open(txn, database, flags, &dbi) != 0 ||
	    mdb_put(txn, dbi, &name, &value, 0) != 0 ||
	    mdb_txn_commit(txn) != 0)
		abort();
	mdb_env_close(env);
}

/* Likewise, of a process's record. */
static inline void
damage_record(const char *dir, unsigned pid, const char *bytes, size_t n)
{
	damage_put(dir, "session", MDB_INTEGERKEY, &pid, sizeof pid, bytes,
	    n);
}

#endif
