/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * edge: copies of bytes that end exactly where memory ends.
 *
 * The page behind the copy cannot be read, so that a parser which looks one
 * byte too far dies in the test that runs it.
 */
#ifndef XC_T_EDGE_H
#define XC_T_EDGE_H

#include <sys/mman.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The size of the readable pages that n bytes need; one at least. */
static inline size_t
edge_room(size_t n)
{
	size_t	 page = (size_t)sysconf(_SC_PAGESIZE);

	return n == 0 ? page : (n + page - 1) / page * page;
}

/*
 * Returns a copy of n bytes (p may be NULL if n is 0) whose end is the end of
 * readable memory.  Aborts the test if there is no memory.
 */
static inline char *
edge_copy(const char *p, size_t n)
{
	size_t	 room = edge_room(n);
	size_t	 page = (size_t)sysconf(_SC_PAGESIZE);
	char	*base;

	base = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED || mprotect(base + room, page, PROT_NONE) == -1)
		abort();
	if (n > 0)
		memcpy(base + room - n, p, n);
	return base + room - n;
}

/* Gives back what edge_copy returned; n is the same number.  NULL is fine. */
static inline void
edge_free(char *p, size_t n)
{
	size_t	 room = edge_room(n);

	if (p != NULL)
		munmap(p + n - room, room + (size_t)sysconf(_SC_PAGESIZE));
}

#endif
