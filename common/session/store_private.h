/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * What a back end of the store provides: the calls of store.h, each with the
 * back end's own state.  Only store*.c include this.
 */
#ifndef XC_STORE_PRIVATE_H
#define XC_STORE_PRIVATE_H

#include "session/store.h"
#include "session/store_part.h"

struct store_ops {
	struct store_part_ops	 part;
	int	 (*put)(void *state, const struct session *s,
		    struct err *err);
	enum store_result (*change)(void *state, pid_t pid, const char *id,
		    store_change_fn *fn, void *arg, struct err *err);
	enum store_result (*get)(void *state, pid_t pid, struct session *s,
		    struct err *err);
	/* client NULL: every session. */
	enum store_result (*each)(void *state, const struct address *client,
		    bool (*fn)(const struct session *, void *), void *arg,
		    struct err *err);
	int	 (*delete)(void *state, pid_t pid, const char *id,
		    struct err *err);
	/* addr and port are definite; below they may be anything. */
	int	 (*hand_over)(void *state, const struct address *addr,
		    uint16_t port, const struct session *s, struct err *err);
	enum store_result (*handed_over)(void *state,
		    const struct address *addr, uint16_t port,
		    struct session *s, struct err *err);
	int	 (*hand_over_end)(void *state, const struct address *addr,
		    uint16_t port, const char *id, struct err *err);
	enum store_result (*each_handed_over)(void *state,
		    store_handed_over_fn *fn, void *arg, struct err *err);
};

/* Room for the key of a revocation, NUL included. */
#define STORE_REVOKED_SIZE	128

/*
 * Makes the key of what store_revoke was given: an address gets its one form.
 * key_r has room for STORE_REVOKED_SIZE.  0, or -1 with err.
 */
int	store_revoked_key(const char *what, char *key_r, struct err *err);

/*
 * Make the key under which a revocation of that peer, profile or session would
 * be.  They return its length, or 0 if there can be none, with rubbish in key.
 */
size_t	store_revoked_peer(const struct address *peer, char *key);
size_t	store_revoked_profile(const char *profile, char *key);
size_t	store_revoked_session(const char *session, char *key);

/*
 * The same of the network of so many bits that the peer is in: these keys are
 * in the order of family and bits, so that a back end can find which lengths
 * there are.  store_revoked_bits: those of a key, or of another family, or what
 * is no network's key, -1.
 */
size_t	store_revoked_network(const struct address *peer, unsigned bits,
	    char *key);
int	store_revoked_bits(const char *key, size_t n,
	    const struct address *peer);

/* What a key was made of, as store_each_revoked shows it; what_r has room for
 * STORE_REVOKED_SIZE.  False: it is none. */
bool	store_revoked_what(const char *key, size_t n, char *what_r);

extern const struct store_ops store_lmdb_ops;

/*
 * What is revoked, in an LMDB environment of its own (store_lmdb_revoked.c).
 * state is what its part's open returned; key is one of store_revoked_key.
 */
extern const struct store_part_ops store_lmdb_revoked_part;

/* Makes the directory, if it is not there.  0, or -1 with err. */
int	store_lmdb_revoked_make(const char *where, struct err *err);
int	store_lmdb_revoke(void *state, const char *key,
	    const struct store_revocation *revocation, struct err *err);
int	store_lmdb_unrevoke(void *state, const char *key, struct err *err);
enum store_result	store_lmdb_is_revoked(void *state,
			    const struct store_holder *holder,
			    uint64_t now_ms, struct err *err);
enum store_result	store_lmdb_each_revoked(void *state,
			    store_revocation_fn *fn, void *arg,
			    struct err *err);

#endif
