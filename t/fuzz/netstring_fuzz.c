/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * netstring_fuzz: the answer does not depend on how the bytes arrive, and a
 * netstring that is found is the one that would be written.
 */
#include "base/netstring.h"

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#define MAX_BODY	200

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_written(struct span body, struct span whole)
{
	size_t	 size = body.n + NETSTRING_OVERHEAD;
	char	*out = malloc(size);

	if (out == NULL)
		return;
	assert(netstring_write(body, out, size) == whole.n);
	assert(memcmp(out, whole.p, whole.n) == 0);
	assert(netstring_write(body, out, whole.n - 1) == 0);
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span		 in = { (const char *)data, size };
	struct span		 body, body_now;
	enum netstring_result	 result, now = NETSTRING_MORE;
	size_t			 used = 0, used_now = 0, n;

	result = netstring_find(in, MAX_BODY, &body, &used);
	for (n = 0; n <= size && now == NETSTRING_MORE; n++)
		now = netstring_find((struct span){ in.p, n }, MAX_BODY,
		    &body_now, &used_now);
	assert(now == result);
	if (result != NETSTRING_DONE)
		return 0;
	assert(used == used_now && used == n - 1);
	assert(body.p == body_now.p && body.n == body_now.n);
	assert(body.n <= MAX_BODY);
	check_written(body, (struct span){ in.p, used });
	return 0;
}
