/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * pool: texts that live as long as one piece of work, and end together.
 *
 * Out of memory ends the program.
 */
#ifndef XC_CTL_POOL_H
#define XC_CTL_POOL_H

#include <stddef.h>

#include "base/span.h"

struct pool_block;

struct pool {
	struct pool_block	*blocks;	/* NULL: an empty one */
};

/* Zeroed memory for whatever it is. */
void	*pool_alloc(struct pool *pool, size_t size);
/* A text of these bytes. */
char	*pool_copy(struct pool *pool, struct span bytes);
char	*pool_printf(struct pool *pool, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
/* Gives all of it back; the pool is empty then. */
void	 pool_clear(struct pool *pool);

#endif
