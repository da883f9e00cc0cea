/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store: picks the back end by the URL's scheme and passes calls on, to what is
 * there now: a store whose files were removed, by hand or by another program
 * after a boot, would else be read and written for ever by who has it open, and
 * by nobody else.
 */
#include "session/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "session/store_private.h"

/* What is open.  It is let go of when the last call is done with it. */
struct opened {
	void		*state;
	unsigned	 refs;
};

struct store {
	const struct store_ops	*ops;
	char			*where;
	unsigned		 size_mib;
	pthread_mutex_t		 lock;	/* guards opened, its refs, replaced */
	struct opened		*opened;
	store_replaced_fn	*replaced;
	void			*replaced_arg;
};

static const struct {
	const char		*scheme;
	const struct store_ops	*ops;
} backends[] = {
	{ "lmdb:", &store_lmdb_ops },
};

static struct opened *
open_state(const struct store *store, struct err *err)
{
	struct opened	*opened = malloc(sizeof *opened);

	if (opened == NULL) {
		(void)err_set(err, "store: out of memory");
		return NULL;
	}
	opened->refs = 1;
	opened->state = store->ops->open(store->where, store->size_mib, err);
	if (opened->state != NULL)
		return opened;
	free(opened);
	return NULL;
}

static void
let_go(const struct store *store, struct opened *opened)
{
	if (--opened->refs > 0)
		return;
	store->ops->close(opened->state);
	free(opened);
}

/* Takes up what is there now.  The lock is held. */
static bool
take_up(struct store *store, struct err *err)
{
	struct opened	*opened = open_state(store, err);

	if (opened == NULL)
		return false;
	let_go(store, store->opened);
	store->opened = opened;
	if (store->replaced != NULL)
		store->replaced(store->where, store->replaced_arg);
	return true;
}

/* What to ask; NULL: err says why nobody can be. */
static struct opened *
acquire(struct store *store, struct err *err)
{
	struct opened	*opened = NULL;
	bool		 is_there = false;

	(void)pthread_mutex_lock(&store->lock);
	switch (store->ops->is_there(store->opened->state, err)) {
	case STORE_FOUND:
		is_there = true;
		break;
	case STORE_NONE:
		is_there = take_up(store, err);
		break;
	case STORE_CANNOT_TELL:
		break;
	}
	if (is_there) {
		opened = store->opened;
		opened->refs++;
	}
	(void)pthread_mutex_unlock(&store->lock);
	return opened;
}

static void
release(struct store *store, struct opened *opened)
{
	(void)pthread_mutex_lock(&store->lock);
	let_go(store, opened);
	(void)pthread_mutex_unlock(&store->lock);
}

static struct store *
store_new(const struct store_ops *ops, const char *where, unsigned size_mib)
{
	struct store	*store = calloc(1, sizeof *store);

	if (store == NULL)
		return NULL;
	store->where = strdup(where);
	if (store->where == NULL ||
	    pthread_mutex_init(&store->lock, NULL) != 0) {
		free(store->where);
		free(store);
		return NULL;
	}
	store->ops = ops;
	store->size_mib = size_mib;
	return store;
}

struct store *
store_open(const char *url, unsigned size_mib, struct err *err)
{
	struct store	*store;
	size_t		 i, n;

	for (i = 0; i < sizeof backends / sizeof backends[0]; i++) {
		n = strlen(backends[i].scheme);
		if (strncmp(url, backends[i].scheme, n) != 0)
			continue;
		store = store_new(backends[i].ops, url + n, size_mib);
		if (store == NULL) {
			(void)err_set(err, "store %s: out of memory", url);
			return NULL;
		}
		store->opened = open_state(store, err);
		if (store->opened == NULL) {
			store_close(store);
			return NULL;
		}
		return store;
	}
	(void)err_set(err, "store %s: expected \"lmdb:/directory\"", url);
	return NULL;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	if (store->opened != NULL)
		let_go(store, store->opened);
	(void)pthread_mutex_destroy(&store->lock);
	free(store->where);
	free(store);
}

void
store_on_replaced(struct store *store, store_replaced_fn *fn, void *arg)
{
	(void)pthread_mutex_lock(&store->lock);
	store->replaced = fn;
	store->replaced_arg = arg;
	(void)pthread_mutex_unlock(&store->lock);
}

int
store_put(struct store *store, const struct session *s, struct err *err)
{
	struct opened		*opened;
	int			 result;

	opened = acquire(store, err);
	if (opened == NULL)
		return -1;
	result = store->ops->put(opened->state, s, err);
	release(store, opened);
	return result;
}

enum store_result
store_change(struct store *store, pid_t pid, const char *id,
    store_change_fn *fn, void *arg, struct err *err)
{
	struct opened		*opened;
	enum store_result	 result;

	opened = acquire(store, err);
	if (opened == NULL)
		return STORE_CANNOT_TELL;
	result = store->ops->change(opened->state, pid, id, fn, arg, err);
	release(store, opened);
	return result;
}

enum store_result
store_get(struct store *store, pid_t pid, struct session *s, struct err *err)
{
	struct opened		*opened;
	enum store_result	 result;

	opened = acquire(store, err);
	if (opened == NULL)
		return STORE_CANNOT_TELL;
	result = store->ops->get(opened->state, pid, s, err);
	release(store, opened);
	return result;
}

enum store_result
store_find_client(struct store *store, const struct address *client,
    bool (*fn)(const struct session *, void *), void *arg, struct err *err)
{
	struct opened		*opened;
	enum store_result	 result;

	opened = acquire(store, err);
	if (opened == NULL)
		return STORE_CANNOT_TELL;
	result = store->ops->each(opened->state, client, fn, arg, err);
	release(store, opened);
	return result;
}

enum store_result
store_each(struct store *store, bool (*fn)(const struct session *, void *),
    void *arg, struct err *err)
{
	struct opened		*opened;
	enum store_result	 result;

	opened = acquire(store, err);
	if (opened == NULL)
		return STORE_CANNOT_TELL;
	result = store->ops->each(opened->state, NULL, fn, arg, err);
	release(store, opened);
	return result;
}

int
store_delete(struct store *store, pid_t pid, const char *id, struct err *err)
{
	struct opened		*opened;
	int			 result;

	opened = acquire(store, err);
	if (opened == NULL)
		return -1;
	result = store->ops->delete(opened->state, pid, id, err);
	release(store, opened);
	return result;
}

int
store_revoke(struct store *store, const struct store_revocation *revocation,
    struct err *err)
{
	struct opened		*opened;
	char			 key[STORE_REVOKED_SIZE];
	int			 result;

	if (store_revoked_key(revocation->what, key, err) != 0)
		return -1;
	opened = acquire(store, err);
	if (opened == NULL)
		return -1;
	result = store->ops->revoke(opened->state, key, revocation, err);
	release(store, opened);
	return result;
}

int
store_unrevoke(struct store *store, const char *what, struct err *err)
{
	struct opened		*opened;
	char			 key[STORE_REVOKED_SIZE];
	int			 result;

	if (store_revoked_key(what, key, err) != 0)
		return -1;
	opened = acquire(store, err);
	if (opened == NULL)
		return -1;
	result = store->ops->unrevoke(opened->state, key, err);
	release(store, opened);
	return result;
}

enum store_result
store_is_revoked(struct store *store, const struct store_holder *holder,
    uint64_t now_ms, struct err *err)
{
	struct opened		*opened;
	enum store_result	 result;

	opened = acquire(store, err);
	if (opened == NULL)
		return STORE_CANNOT_TELL;
	result = store->ops->is_revoked(opened->state, holder, now_ms, err);
	release(store, opened);
	return result;
}

enum store_result
store_each_revoked(struct store *store, store_revocation_fn *fn, void *arg,
    struct err *err)
{
	struct opened		*opened;
	enum store_result	 result;

	opened = acquire(store, err);
	if (opened == NULL)
		return STORE_CANNOT_TELL;
	result = store->ops->each_revoked(opened->state, fn, arg, err);
	release(store, opened);
	return result;
}

/* "0.0.0.0" and "::" are where a socket is bound, not where it speaks from. */
static bool
is_definite(const struct address *addr, uint16_t port)
{
	static const uint8_t	 wildcard[sizeof addr->bytes];

	return addr->family != AF_UNSPEC && port != 0 &&
	    memcmp(addr->bytes, wildcard, sizeof wildcard) != 0;
}

int
store_hand_over(struct store *store, const struct address *addr, uint16_t port,
    const struct session *s, struct err *err)
{
	struct opened		*opened;
	int			 result;

	if (!is_definite(addr, port))
		return err_set(err, "store: session %s: a hand-over needs an "
		    "address and a port", s->id);
	opened = acquire(store, err);
	if (opened == NULL)
		return -1;
	result = store->ops->hand_over(opened->state, addr, port, s, err);
	release(store, opened);
	return result;
}

enum store_result
store_handed_over(struct store *store, const struct address *addr,
    uint16_t port, struct session *s, struct err *err)
{
	struct opened		*opened;
	enum store_result	 result;

	opened = acquire(store, err);
	if (opened == NULL)
		return STORE_CANNOT_TELL;
	result = store->ops->handed_over(opened->state, addr, port, s, err);
	release(store, opened);
	return result;
}

int
store_hand_over_end(struct store *store, const struct address *addr,
    uint16_t port, const char *id, struct err *err)
{
	struct opened		*opened;
	int			 result;

	opened = acquire(store, err);
	if (opened == NULL)
		return -1;
	result = store->ops->hand_over_end(opened->state, addr, port, id,
	    err);
	release(store, opened);
	return result;
}

enum store_result
store_each_handed_over(struct store *store, store_handed_over_fn *fn,
    void *arg, struct err *err)
{
	struct opened		*opened;
	enum store_result	 result;

	opened = acquire(store, err);
	if (opened == NULL)
		return STORE_CANNOT_TELL;
	result = store->ops->each_handed_over(opened->state, fn, arg, err);
	release(store, opened);
	return result;
}
