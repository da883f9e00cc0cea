/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * fault_library: calls of libraries that may fail: the store and the tables
 * (LMDB, patterns), threads, and what the C library does with several system
 * calls.
 */
#define _GNU_SOURCE
#include "fault.h"

#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <pthread.h>
#include <regex.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <lmdb.h>

/* The C library's own mark. */
#define MUTEX_IS_ROBUST	16

/*
 * LMDB
 */

int
mdb_env_create(MDB_env **env)
{
	return FAILS(MDB_ENV_CREATE) ? errno : NEXT(mdb_env_create)(env);
}

int
mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode)
{
	return FAILS(MDB_ENV_OPEN) ? errno : NEXT(mdb_env_open)(env,
	    path, flags, mode);
}

int
mdb_env_set_mapsize(MDB_env *env, size_t size)
{
	return FAILS(MDB_ENV_SET) ? errno :
	    NEXT(mdb_env_set_mapsize)(env, size);
}

int
mdb_env_set_maxdbs(MDB_env *env, MDB_dbi n)
{
	return FAILS(MDB_ENV_SET) ? errno : NEXT(mdb_env_set_maxdbs)(env, n);
}

int
mdb_env_set_maxreaders(MDB_env *env, unsigned n)
{
	return FAILS(MDB_ENV_SET) ? errno :
	    NEXT(mdb_env_set_maxreaders)(env, n);
}

int
mdb_env_get_fd(MDB_env *env, mdb_filehandle_t *fd)
{
	return FAILS(MDB_ENV_GET_FD) ? errno : NEXT(mdb_env_get_fd)(env, fd);
}

int
mdb_env_info(MDB_env *env, MDB_envinfo *info)
{
	return FAILS(MDB_ENV_INFO) ? errno : NEXT(mdb_env_info)(env, info);
}

int
mdb_env_stat(MDB_env *env, MDB_stat *stat)
{
	return FAILS(MDB_ENV_STAT) ? errno : NEXT(mdb_env_stat)(env, stat);
}

int
mdb_reader_check(MDB_env *env, int *dead)
{
	return FAILS(MDB_READER_CHECK) ? errno :
	    NEXT(mdb_reader_check)(env, dead);
}

int
mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn)
{
	return FAILS(MDB_TXN_BEGIN) ? errno : NEXT(mdb_txn_begin)(env,
	    parent, flags, txn);
}

int
mdb_txn_renew(MDB_txn *txn)
{
	return FAILS(MDB_TXN_RENEW) ? errno : NEXT(mdb_txn_renew)(txn);
}

int
mdb_dbi_open(MDB_txn *txn, const char *name, unsigned flags, MDB_dbi *dbi)
{
	return FAILS(MDB_DBI_OPEN) ? errno : NEXT(mdb_dbi_open)(txn,
	    name, flags, dbi);
}

int
mdb_stat(MDB_txn *txn, MDB_dbi dbi, MDB_stat *stat)
{
	return FAILS(MDB_STAT) ? errno : NEXT(mdb_stat)(txn, dbi, stat);
}

int
mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
	return FAILS(MDB_GET) ? errno : NEXT(mdb_get)(txn, dbi, key, data);
}

int
mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data,
    unsigned flags)
{
	return FAILS(MDB_PUT) ? errno : NEXT(mdb_put)(txn, dbi, key,
	    data, flags);
}

int
mdb_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
	return FAILS(MDB_DEL) ? errno : NEXT(mdb_del)(txn, dbi, key, data);
}

int
mdb_cursor_open(MDB_txn *txn, MDB_dbi dbi, MDB_cursor **cursor)
{
	return FAILS(MDB_CURSOR_OPEN) ? errno :
	    NEXT(mdb_cursor_open)(txn, dbi, cursor);
}

int
mdb_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *data,
    MDB_cursor_op op)
{
	return FAILS(MDB_CURSOR_GET) ? errno :
	    NEXT(mdb_cursor_get)(cursor, key, data, op);
}

int
mdb_txn_commit(MDB_txn *txn)
{
	int	 error;

	if (!FAILS(MDB_TXN_COMMIT))
		return NEXT(mdb_txn_commit)(txn);
	error = errno;
	mdb_txn_abort(txn);
	return error;
}

/*
 * Patterns
 */

int	pcre2_match_8(const void *, const unsigned char *, size_t, size_t,
	    uint32_t, void *, void *);

int
pcre2_match_8(const void *code, const unsigned char *text, size_t len,
    size_t start, uint32_t options, void *data, void *context)
{
	return FAILS(PCRE2_MATCH) ? errno : NEXT(pcre2_match_8)(code, text,
	    len, start, options, data, context);
}

int
regexec(const regex_t *code, const char *text, size_t n,
    regmatch_t match[n], int flags)
{
	return FAILS(REGEXEC) ? errno : NEXT(regexec)(code, text, n,
	    match, flags);
}

/*
 * Threads
 */

int
pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*start)(void *), void *arg)
{
	return FAILS(PTHREAD_CREATE) ? errno :
	    NEXT(pthread_create)(thread, attr, start, arg);
}

/* Only what other processes share can be found left behind. */
int
pthread_mutex_lock(pthread_mutex_t *mutex)
{
	int	 error;

	if (!(mutex->__data.__kind & MUTEX_IS_ROBUST) ||
	    !FAILS(MUTEX))
		return NEXT(pthread_mutex_lock)(mutex);
	error = errno;
	return NEXT(pthread_mutex_lock)(mutex) == 0 ? error : EINVAL;
}

/*
 * The C library's
 */

FILE *
fopen(const char *path, const char *mode)
{
	return FAILS(FOPEN) ? NULL : NEXT(fopen)(path, mode);
}

DIR *
opendir(const char *path)
{
	return FAILS(OPENDIR) ? NULL : NEXT(opendir)(path);
}

struct dirent *
readdir(DIR *dir)
{
	return FAILS(READDIR) ? NULL : NEXT(readdir)(dir);
}

int
getifaddrs(struct ifaddrs **list)
{
	return FAILS(GETIFADDRS) ? -1 : NEXT(getifaddrs)(list);
}

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **list)
{
	return FAILS(GETADDRINFO) ? errno : NEXT(getaddrinfo)(node, service,
	    hints, list);
}
