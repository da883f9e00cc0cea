/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * pool: see pool.h.
 */
#include "pool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "ctl.h"

struct pool_block {
	struct pool_block	*next;
	max_align_t		 memory[];
};

void *
pool_alloc(struct pool *pool, size_t size)
{
	struct pool_block	*block = calloc(1, sizeof *block + size);

	if (block == NULL)
		ctl_die(EX_OSERR, "out of memory");
	block->next = pool->blocks;
	pool->blocks = block;
	return block->memory;
}

char *
pool_copy(struct pool *pool, struct span bytes)
{
	char	*text = pool_alloc(pool, bytes.n + 1);

	if (bytes.n > 0)
		memcpy(text, bytes.p, bytes.n);
	return text;
}

char *
pool_printf(struct pool *pool, const char *fmt, ...)
{
	va_list	 ap;
	char	*text, *copy;
	int	 n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n == -1)
		ctl_die(EX_OSERR, "out of memory");
	copy = pool_copy(pool, (struct span){ text, (size_t)n });
	free(text);
	return copy;
}

void
pool_clear(struct pool *pool)
{
	struct pool_block	*block;

	while ((block = pool->blocks) != NULL) {
		pool->blocks = block->next;
		free(block);
	}
}
