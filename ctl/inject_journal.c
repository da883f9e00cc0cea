/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_journal: see inject_journal.h.
 */
#include "inject_journal.h"

#include <sys/file.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inject_place.h"

#if SIZE_MAX > UINT32_MAX
#define MAP_SIZE	((size_t)16 << 30)	/* addresses, not memory */
#else
#define MAP_SIZE	((size_t)1 << 29)
#endif
#define MARK		"\001replaced by"	/* a key has more: a digest */
#define KEY_MAX		511

struct inject_journal {
	MDB_env	*env;
	MDB_dbi	 dbi;
	MDB_txn	*txn;			/* between begin and end */
	int	 code;			/* of it so far */
	int	 lock;			/* -1: it is not alone */
	char	 path[1024];
};

static int
failed(const struct inject_journal *j, int code, struct err *err)
{
	return err_set(err, "%s: %s", j->path, mdb_strerror(code));
}

static MDB_val
text_val(const char *text)
{
	union {
		const char	*in;
		void		*out;
	} p = { text };		/* LMDB does not write to it */

	return (MDB_val){ strlen(text), p.out };
}

/* Not the data file: a lock of LMDB's own would go when that is closed. */
static int
take_lock(struct inject_journal *j, struct err *err)
{
	char	 path[1040];

	(void)snprintf(path, sizeof path, "%s-run", j->path);
	j->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (j->lock == -1)
		return err_set(err, "%s: %s", path, strerror(errno));
	if (flock(j->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return err_set(err, "%s: another inject is at work", j->path);
}

static int
open_env(struct inject_journal *j, struct err *err)
{
	MDB_txn	*txn;
	int	 code, dead;

	code = mdb_env_create(&j->env);
	if (code == 0)
		code = mdb_env_set_mapsize(j->env, MAP_SIZE);
	if (code == 0)
		code = mdb_env_open(j->env, j->path, MDB_NOSUBDIR | MDB_NOTLS,
		    0600);
	if (code == 0)
		code = mdb_reader_check(j->env, &dead);
	if (code == 0)
		code = mdb_txn_begin(j->env, NULL, 0, &txn);
	if (code != 0)
		return failed(j, code, err);
	code = mdb_dbi_open(txn, NULL, 0, &j->dbi);
	if (code != 0)
		mdb_txn_abort(txn);
	else
		code = mdb_txn_commit(txn);
	return code == 0 ? 0 : failed(j, code, err);
}

struct inject_journal *
inject_journal_open(const char *path, bool is_alone, struct err *err)
{
	struct inject_journal	*j = calloc(1, sizeof *j);

	if (j == NULL) {
		(void)err_set(err, "out of memory");
		return NULL;
	}
	j->lock = -1;
	if (strlen(path) >= sizeof j->path)
		(void)err_set(err, "%s: the name is too long", path);
	else if (strcpy(j->path, path), inject_place_check(path, err) == 0 &&
	    (!is_alone || take_lock(j, err) == 0) && open_env(j, err) == 0)
		return j;
	inject_journal_close(j);
	return NULL;
}

void
inject_journal_close(struct inject_journal *j)
{
	if (j == NULL)
		return;
	if (j->env != NULL)
		mdb_env_close(j->env);
	if (j->lock != -1)
		(void)close(j->lock);
	free(j);
}

/* What is no JSON was damaged by somebody: that is no "not there". */
static int
load(const struct inject_journal *j, const MDB_val *value, json_t **entry_r,
    struct err *err)
{
	*entry_r = json_loadb(value->mv_data, value->mv_size, 0, NULL);
	return json_is_object(*entry_r) ? 1 :
	    err_set(err, "%s: an entry cannot be read", j->path);
}

int
inject_journal_get(struct inject_journal *j, const char *key,
    json_t **entry_r, struct err *err)
{
	MDB_val	 k = text_val(key), value;
	MDB_txn	*txn;
	int	 code, status;

	code = mdb_txn_begin(j->env, NULL, MDB_RDONLY, &txn);
	if (code != 0)
		return failed(j, code, err);
	code = mdb_get(txn, j->dbi, &k, &value);
	if (code == MDB_NOTFOUND)
		status = 0;
	else if (code != 0)
		status = failed(j, code, err);
	else
		status = load(j, &value, entry_r, err);
	mdb_txn_abort(txn);
	return status;
}

/* Begins a change.  Without is_safe the last step to the disk is left out: the
 * file is whole, if perhaps without it. */
static int
begin(struct inject_journal *j, bool is_safe, MDB_txn **txn_r)
{
	int	 code = mdb_env_set_flags(j->env, MDB_NOMETASYNC, !is_safe);

	return code != 0 ? code : mdb_txn_begin(j->env, NULL, 0, txn_r);
}

static int
end(struct inject_journal *j, MDB_txn *txn, int code, struct err *err)
{
	if (code != 0)
		mdb_txn_abort(txn);
	else
		code = mdb_txn_commit(txn);
	return code == 0 ? 0 : failed(j, code, err);
}

int
inject_journal_begin(struct inject_journal *j, bool is_safe, struct err *err)
{
	j->code = begin(j, is_safe, &j->txn);
	return j->code == 0 ? 0 : failed(j, j->code, err);
}

int
inject_journal_put(struct inject_journal *j, const char *key,
    const json_t *entry, struct err *err)
{
	char	*text = json_dumps(entry, JSON_COMPACT);
	MDB_val	 k = text_val(key), value;

	if (text == NULL) {
		j->code = ENOMEM;
	} else if (j->code == 0) {
		value = text_val(text);
		j->code = mdb_put(j->txn, j->dbi, &k, &value, 0);
	}
	free(text);
	return j->code == 0 ? 0 : failed(j, j->code, err);
}

int
inject_journal_end(struct inject_journal *j, struct err *err)
{
	return end(j, j->txn, j->code, err);
}

int
inject_journal_move(struct inject_journal *j, const char *from,
    const char *to, struct err *err)
{
	MDB_val	 k = text_val(from), k2 = text_val(to), value;
	MDB_txn	*txn;
	char	*copy = NULL;
	int	 code = begin(j, true, &txn);

	if (code != 0)
		return failed(j, code, err);
	code = mdb_get(txn, j->dbi, &k, &value);
	if (code == 0) {
		copy = malloc(value.mv_size);
		code = copy == NULL ? ENOMEM : 0;
	}
	if (code == 0) {
		memcpy(copy, value.mv_data, value.mv_size);
		value.mv_data = copy;
		code = mdb_put(txn, j->dbi, &k2, &value, 0);
	}
	if (code == 0)
		code = mdb_del(txn, j->dbi, &k, NULL);
	code = end(j, txn, code, err);
	free(copy);
	return code;
}

static bool
begins_so(const MDB_val *key, const char *prefix)
{
	size_t	 n = strlen(prefix);

	return key->mv_size >= n && key->mv_size <= KEY_MAX &&
	    memcmp(key->mv_data, prefix, n) == 0;
}

static bool
is_mark(const MDB_val *key)
{
	return key->mv_size == strlen(MARK) && begins_so(key, MARK);
}

/* Tells fn of one.  1: go on, 0: that is enough; -1 with err. */
static int
tell(struct inject_journal *j, const MDB_val *key, const MDB_val *value,
    inject_journal_fn *fn, void *arg, struct err *err)
{
	char	 text[KEY_MAX + 1];
	json_t	*entry = NULL;
	int	 status;

	memcpy(text, key->mv_data, key->mv_size);
	text[key->mv_size] = '\0';
	if (is_mark(key))
		return 1;
	status = load(j, value, &entry, err);
	if (status == 1)
		status = fn(arg, text, entry);
	json_decref(entry);
	return status;
}

int
inject_journal_each(struct inject_journal *j, const char *prefix,
    const char *from, inject_journal_fn *fn, void *arg, struct err *err)
{
	MDB_val		 key = text_val(*from == '\0' ? prefix : from), value;
	MDB_cursor	*cursor;
	MDB_txn		*txn;
	int		 code, status = 1;

	code = mdb_txn_begin(j->env, NULL, MDB_RDONLY, &txn);
	if (code != 0)
		return failed(j, code, err);
	code = mdb_cursor_open(txn, j->dbi, &cursor);
	if (code == 0) {
		code = mdb_cursor_get(cursor, &key, &value,
		    key.mv_size == 0 ? MDB_FIRST : MDB_SET_RANGE);
		while (code == 0 && status == 1 && begins_so(&key, prefix)) {
			status = tell(j, &key, &value, fn, arg, err);
			code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
		}
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	if (status == -1)
		return -1;
	return code == 0 || code == MDB_NOTFOUND ? 0 : failed(j, code, err);
}

int
inject_journal_mark(struct inject_journal *j, uint64_t inode, struct err *err)
{
	MDB_val	 key = text_val(MARK), value;
	char	 text[24];
	MDB_txn	*txn;
	int	 code = begin(j, true, &txn);

	if (code != 0)
		return failed(j, code, err);
	(void)snprintf(text, sizeof text, "%" PRIu64, inode);
	value = text_val(text);
	return end(j, txn, mdb_put(txn, j->dbi, &key, &value, 0), err);
}

/* All that is over goes, and the mark. */
static int
forget(struct inject_journal *j, MDB_txn *txn, struct err *err)
{
	MDB_val		 key, value;
	MDB_cursor	*cursor;
	json_t		*entry;
	int		 code;

	code = mdb_cursor_open(txn, j->dbi, &cursor);
	if (code != 0)
		return code;
	while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		entry = NULL;
		if (is_mark(&key) ||
		    (load(j, &value, &entry, err) == 1 &&
		    inject_entry_is_over(entry)))
			code = mdb_cursor_del(cursor, 0);
		json_decref(entry);
		if (code != 0)
			break;
	}
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

int
inject_journal_settle(struct inject_journal *j, uint64_t inode,
    struct err *err)
{
	MDB_val	 key = text_val(MARK), value;
	char	 text[24];
	MDB_txn	*txn;
	int	 code = begin(j, true, &txn);

	if (code != 0)
		return failed(j, code, err);
	(void)snprintf(text, sizeof text, "%" PRIu64, inode);
	code = mdb_get(txn, j->dbi, &key, &value);
	if (code == MDB_NOTFOUND) {
		mdb_txn_abort(txn);
		return 0;
	}
	if (code == 0 && value.mv_size == strlen(text) &&
	    memcmp(value.mv_data, text, value.mv_size) == 0)
		code = forget(j, txn, err);
	else if (code == 0)
		code = mdb_del(txn, j->dbi, &key, NULL);
	return end(j, txn, code, err);
}
