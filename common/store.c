/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store: picks the back end by the URL's scheme and passes calls on.
 */
#include "store.h"

#include <stdlib.h>
#include <string.h>

#include "store_private.h"

struct store {
	const struct store_ops	*ops;
	void			*state;
};

static const struct {
	const char		*scheme;
	const struct store_ops	*ops;
} backends[] = {
	{ "lmdb:", &store_lmdb_ops },
};

struct store *
store_open(const char *url, unsigned size_mib, struct err *err)
{
	struct store	*store;
	size_t		 i, n;

	for (i = 0; i < sizeof backends / sizeof backends[0]; i++) {
		n = strlen(backends[i].scheme);
		if (strncmp(url, backends[i].scheme, n) != 0)
			continue;
		store = malloc(sizeof *store);
		if (store == NULL) {
			(void)err_set(err, "store %s: out of memory", url);
			return NULL;
		}
		store->ops = backends[i].ops;
		store->state = store->ops->open(url + n, size_mib, err);
		if (store->state == NULL) {
			free(store);
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
	store->ops->close(store->state);
	free(store);
}

int
store_put(struct store *store, const struct session *s, struct err *err)
{
	return store->ops->put(store->state, s, err);
}

enum store_result
store_change(struct store *store, pid_t pid, const char *id,
    store_change_fn *fn, void *arg, struct err *err)
{
	return store->ops->change(store->state, pid, id, fn, arg, err);
}

enum store_result
store_get(struct store *store, pid_t pid, struct session *s, struct err *err)
{
	return store->ops->get(store->state, pid, s, err);
}

enum store_result
store_find_client(struct store *store, const struct address *client,
    bool (*fn)(const struct session *, void *), void *arg, struct err *err)
{
	return store->ops->each(store->state, client, fn, arg, err);
}

enum store_result
store_each(struct store *store, bool (*fn)(const struct session *, void *),
    void *arg, struct err *err)
{
	return store->ops->each(store->state, NULL, fn, arg, err);
}

int
store_delete(struct store *store, pid_t pid, const char *id, struct err *err)
{
	return store->ops->delete(store->state, pid, id, err);
}

int
store_revoke(struct store *store, const char *what, uint64_t until_ms,
    struct err *err)
{
	char	 key[STORE_REVOKED_SIZE];

	if (store_revoked_key(what, key, err) != 0)
		return -1;
	return store->ops->revoke(store->state, key, until_ms, err);
}

int
store_unrevoke(struct store *store, const char *what, struct err *err)
{
	char	 key[STORE_REVOKED_SIZE];

	if (store_revoked_key(what, key, err) != 0)
		return -1;
	return store->ops->unrevoke(store->state, key, err);
}

enum store_result
store_is_revoked(struct store *store, const struct address *peer,
    const char *profile, uint64_t now_ms, struct err *err)
{
	return store->ops->is_revoked(store->state, peer, profile, now_ms,
	    err);
}

enum store_result
store_each_revoked(struct store *store,
    bool (*fn)(const char *what, uint64_t until_ms, void *arg), void *arg,
    struct err *err)
{
	return store->ops->each_revoked(store->state, fn, arg, err);
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
	if (!is_definite(addr, port))
		return err_set(err, "store: session %s: a hand-over needs an "
		    "address and a port", s->id);
	return store->ops->hand_over(store->state, addr, port, s, err);
}

enum store_result
store_handed_over(struct store *store, const struct address *addr,
    uint16_t port, struct session *s, struct err *err)
{
	return store->ops->handed_over(store->state, addr, port, s, err);
}

int
store_hand_over_end(struct store *store, const struct address *addr,
    uint16_t port, const char *id, struct err *err)
{
	return store->ops->hand_over_end(store->state, addr, port, id, err);
}

enum store_result
store_each_handed_over(struct store *store, store_handed_over_fn *fn,
    void *arg, struct err *err)
{
	return store->ops->each_handed_over(store->state, fn, arg, err);
}
