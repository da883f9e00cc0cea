/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store: picks the back end by the URL's scheme and passes calls on: those about
 * sessions to it, those about what is revoked to a directory of its own, because
 * that outlives a boot and sessions do not.
 */
#include "session/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/store_private.h"

/* What can be revoked at once: some 150,000. */
#define REVOKED_SIZE_MIB	64

struct store {
	const struct store_ops	*ops;
	struct store_part	*sessions;
	struct store_part	*revoked;
	char			*revoked_where;
};

static const struct {
	const char		*scheme;
	const struct store_ops	*ops;
} backends[] = {
	{ "lmdb:", &store_lmdb_ops },
};

/* The back end and what stands behind its scheme, or NULL with err. */
static const struct store_ops *
find_backend(const char *url, const char **where_r, struct err *err)
{
	size_t	 i, n;

	for (i = 0; i < sizeof backends / sizeof backends[0]; i++) {
		n = strlen(backends[i].scheme);
		if (strncmp(url, backends[i].scheme, n) != 0)
			continue;
		*where_r = url + n;
		return backends[i].ops;
	}
	(void)err_set(err, "store %s: expected \"lmdb:/directory\"", url);
	return NULL;
}

static struct store *
store_new(const char *state_directory, struct err *err)
{
	struct store	*store = calloc(1, sizeof *store);

	if (store != NULL && asprintf(&store->revoked_where, "%s/%s",
	    state_directory, STORE_REVOKED_DIRECTORY) != -1)
		return store;
	free(store);
	(void)err_set(err, "store: out of memory");
	return NULL;
}

struct store *
store_open(const char *url, unsigned size_mib, const char *state_directory,
    struct err *err)
{
	const struct store_ops	*ops;
	const char		*where;
	struct store		*store;

	ops = find_backend(url, &where, err);
	if (ops == NULL)
		return NULL;
	store = store_new(state_directory, err);
	if (store == NULL)
		return NULL;
	store->ops = ops;
	store->sessions = store_part_open(&ops->part, where, size_mib, err);
	if (store->sessions != NULL)
		store->revoked = store_part_open(&store_lmdb_revoked_part,
		    store->revoked_where, REVOKED_SIZE_MIB, err);
	if (store->revoked != NULL)
		return store;
	store_close(store);
	return NULL;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	store_part_close(store->revoked);
	store_part_close(store->sessions);
	free(store->revoked_where);
	free(store);
}

void
store_on_replaced(struct store *store, store_replaced_fn *fn, void *arg)
{
	store_part_on_replaced(store->sessions, fn, arg);
	store_part_on_replaced(store->revoked, fn, arg);
}

int
store_put(struct store *store, const struct session *s, struct err *err)
{
	struct store_opened	*opened;
	int			 result;

	opened = store_part_acquire(store->sessions, err);
	if (opened == NULL)
		return -1;
	result = store->ops->put(opened->state, s, err);
	store_part_release(store->sessions, opened);
	return result;
}

enum store_result
store_change(struct store *store, pid_t pid, const char *id,
    store_change_fn *fn, void *arg, struct err *err)
{
	struct store_opened	*opened;
	enum store_result	 result;

	opened = store_part_acquire(store->sessions, err);
	if (opened == NULL)
		return STORE_CANNOT_TELL;
	result = store->ops->change(opened->state, pid, id, fn, arg, err);
	store_part_release(store->sessions, opened);
	return result;
}

enum store_result
store_get(struct store *store, pid_t pid, struct session *s, struct err *err)
{
	struct store_opened	*opened;
	enum store_result	 result;

	opened = store_part_acquire(store->sessions, err);
	if (opened == NULL)
		return STORE_CANNOT_TELL;
	result = store->ops->get(opened->state, pid, s, err);
	store_part_release(store->sessions, opened);
	return result;
}

enum store_result
store_find_client(struct store *store, const struct address *client,
    bool (*fn)(const struct session *, void *), void *arg, struct err *err)
{
	struct store_opened	*opened;
	enum store_result	 result;

	opened = store_part_acquire(store->sessions, err);
	if (opened == NULL)
		return STORE_CANNOT_TELL;
	result = store->ops->each(opened->state, client, fn, arg, err);
	store_part_release(store->sessions, opened);
	return result;
}

enum store_result
store_each(struct store *store, bool (*fn)(const struct session *, void *),
    void *arg, struct err *err)
{
	struct store_opened	*opened;
	enum store_result	 result;

	opened = store_part_acquire(store->sessions, err);
	if (opened == NULL)
		return STORE_CANNOT_TELL;
	result = store->ops->each(opened->state, NULL, fn, arg, err);
	store_part_release(store->sessions, opened);
	return result;
}

int
store_delete(struct store *store, pid_t pid, const char *id, struct err *err)
{
	struct store_opened	*opened;
	int			 result;

	opened = store_part_acquire(store->sessions, err);
	if (opened == NULL)
		return -1;
	result = store->ops->delete(opened->state, pid, id, err);
	store_part_release(store->sessions, opened);
	return result;
}

int
store_revoke(struct store *store, const struct store_revocation *revocation,
    struct err *err)
{
	struct store_opened	*opened;
	char			 key[STORE_REVOKED_SIZE];
	int			 result;

	if (store_revoked_key(revocation->what, key, err) != 0 ||
	    store_lmdb_revoked_make(store->revoked_where, err) != 0)
		return -1;
	opened = store_part_acquire(store->revoked, err);
	if (opened == NULL)
		return -1;
	result = store_lmdb_revoke(opened->state, key, revocation, err);
	store_part_release(store->revoked, opened);
	return result;
}

int
store_unrevoke(struct store *store, const char *what, struct err *err)
{
	struct store_opened	*opened;
	char			 key[STORE_REVOKED_SIZE];
	int			 result;

	if (store_revoked_key(what, key, err) != 0)
		return -1;
	opened = store_part_acquire(store->revoked, err);
	if (opened == NULL)
		return -1;
	result = store_lmdb_unrevoke(opened->state, key, err);
	store_part_release(store->revoked, opened);
	return result;
}

enum store_result
store_is_revoked(struct store *store, const struct store_holder *holder,
    uint64_t now_ms, struct err *err)
{
	struct store_opened	*opened;
	enum store_result	 result;

	opened = store_part_acquire(store->revoked, err);
	if (opened == NULL)
		return STORE_CANNOT_TELL;
	result = store_lmdb_is_revoked(opened->state, holder, now_ms, err);
	store_part_release(store->revoked, opened);
	return result;
}

enum store_result
store_each_revoked(struct store *store, store_revocation_fn *fn, void *arg,
    struct err *err)
{
	struct store_opened	*opened;
	enum store_result	 result;

	opened = store_part_acquire(store->revoked, err);
	if (opened == NULL)
		return STORE_CANNOT_TELL;
	result = store_lmdb_each_revoked(opened->state, fn, arg, err);
	store_part_release(store->revoked, opened);
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
	struct store_opened	*opened;
	int			 result;

	if (!is_definite(addr, port))
		return err_set(err, "store: session %s: a hand-over needs an "
		    "address and a port", s->id);
	opened = store_part_acquire(store->sessions, err);
	if (opened == NULL)
		return -1;
	result = store->ops->hand_over(opened->state, addr, port, s, err);
	store_part_release(store->sessions, opened);
	return result;
}

enum store_result
store_handed_over(struct store *store, const struct address *addr,
    uint16_t port, struct session *s, struct err *err)
{
	struct store_opened	*opened;
	enum store_result	 result;

	opened = store_part_acquire(store->sessions, err);
	if (opened == NULL)
		return STORE_CANNOT_TELL;
	result = store->ops->handed_over(opened->state, addr, port, s, err);
	store_part_release(store->sessions, opened);
	return result;
}

int
store_hand_over_end(struct store *store, const struct address *addr,
    uint16_t port, const char *id, struct err *err)
{
	struct store_opened	*opened;
	int			 result;

	opened = store_part_acquire(store->sessions, err);
	if (opened == NULL)
		return -1;
	result = store->ops->hand_over_end(opened->state, addr, port, id,
	    err);
	store_part_release(store->sessions, opened);
	return result;
}

enum store_result
store_each_handed_over(struct store *store, store_handed_over_fn *fn,
    void *arg, struct err *err)
{
	struct store_opened	*opened;
	enum store_result	 result;

	opened = store_part_acquire(store->sessions, err);
	if (opened == NULL)
		return STORE_CANNOT_TELL;
	result = store->ops->each_handed_over(opened->state, fn, arg, err);
	store_part_release(store->sessions, opened);
	return result;
}
