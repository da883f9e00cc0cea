/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * store_part: one of the directories that a store is made of, as it is now: one
 * whose files were removed, by hand or by another program after a boot, would
 * else be read and written for ever by who has it open, and by nobody else.
 * Only store*.c include this.
 */
#ifndef XC_STORE_PART_H
#define XC_STORE_PART_H

#include "session/store.h"

struct store_part_ops {
	void	*(*open)(const char *where, unsigned size_mib,
		    struct err *err);
	void	 (*close)(void *state);
	/* NONE: what is open is not what is there now. */
	enum store_result (*is_there)(void *state, struct err *err);
	/* Whether what is there now may be asked in its place; false: err says
	 * why not.  NULL: always. */
	bool	 (*may_follow)(const void *state, const void *next,
		    struct err *err);
	/* Nothing is lost when another takes its place; NULL: never so. */
	bool	 (*is_empty)(const void *state);
};

struct store_part;

/* What is open.  It is let go of when the last call is done with it. */
struct store_opened {
	void		*state;
	unsigned	 refs;
};

/* NULL: err says why. */
struct store_part	*store_part_open(const struct store_part_ops *ops,
			    const char *where, unsigned size_mib,
			    struct err *err);
/* NULL is none. */
void	store_part_close(struct store_part *part);
void	store_part_on_replaced(struct store_part *part,
	    store_replaced_fn *fn, void *arg);

/* What to ask, until it is released; NULL: err says why nobody can be. */
struct store_opened	*store_part_acquire(struct store_part *part,
			    struct err *err);
void	store_part_release(struct store_part *part,
	    struct store_opened *opened);

#endif
