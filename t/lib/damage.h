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
 * Puts these bytes in place of a process's record.  The store must not be
 * open in this process.  Aborts the test if it cannot.
 */
static inline void
damage_record(const char *dir, unsigned pid, const char *bytes, size_t n)
{
	MDB_env	*env;
	MDB_txn	*txn;
	MDB_dbi	 dbi;
	MDB_val	 key = { sizeof pid, &pid }, value = { n, (void *)bytes };

	if (mdb_env_create(&env) != 0 || mdb_env_set_maxdbs(env, 2) != 0 ||
	    mdb_env_open(env, dir, MDB_NOSYNC, 0600) != 0 ||
	    mdb_txn_begin(env, NULL, 0, &txn) != 0 ||
	    mdb_dbi_open(txn, "session", MDB_INTEGERKEY, &dbi) != 0 ||
	    mdb_put(txn, dbi, &key, &value, 0) != 0 ||
	    mdb_txn_commit(txn) != 0)
		abort();
	mdb_env_close(env);
}

#endif
