/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * What a back end of the store provides: the calls of store.h, each with the
 * back end's own state.  Only store*.c include this.
 */
#ifndef XC_STORE_PRIVATE_H
#define XC_STORE_PRIVATE_H

#include "store.h"

struct store_ops {
	void	*(*open)(const char *where, unsigned size_mib,
		    struct err *err);
	void	 (*close)(void *state);
	int	 (*put)(void *state, const struct session *s,
		    struct err *err);
	enum store_result (*get)(void *state, pid_t pid, struct session *s,
		    struct err *err);
	/* client NULL: every session. */
	enum store_result (*each)(void *state, const struct address *client,
		    bool (*fn)(const struct session *, void *), void *arg,
		    struct err *err);
	int	 (*delete)(void *state, pid_t pid, const char *id,
		    struct err *err);
};

extern const struct store_ops store_lmdb_ops;

#endif
