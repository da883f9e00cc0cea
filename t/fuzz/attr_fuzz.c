/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * attr_fuzz: the answer does not depend on how the bytes arrive, and what is
 * found lies where it should.
 */
#include "policy/attr.h"

#undef NDEBUG
#include <assert.h>
#include <stdint.h>

#define MAX	600

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each value stands behind "=" and before the end of its line. */
static void
check_value(struct span value, struct span whole)
{
	if (value.p == NULL) {
		assert(value.n == 0);
		return;
	}
	assert(value.p > whole.p && value.p + value.n < whole.p + whole.n);
	assert(value.p[-1] == '=' && value.p[value.n] == '\n');
	assert(memchr(value.p, '\n', value.n) == NULL);
	assert(memchr(value.p, '\0', value.n) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span		 in = { (const char *)data, size };
	struct attr_request	 request, request_now;
	enum attr_result	 result, now = ATTR_MORE;
	size_t			 used = 0, used_now = 0, n, i;

	if (size > MAX * 2)
		return 0;
	result = attr_parse(in, MAX, &request, &used);
	for (n = 0; n <= size && now == ATTR_MORE; n++)
		now = attr_parse((struct span){ in.p, n }, MAX, &request_now,
		    &used_now);
	/* A whole line over the limit may be bad before it is too long. */
	assert(now == result || (now == ATTR_TOO_LONG && result == ATTR_BAD) ||
	    (now == ATTR_BAD && result == ATTR_TOO_LONG));
	if (result != ATTR_DONE)
		return 0;
	assert(used == used_now && used == n - 1 && used <= MAX);
	assert(memcmp(&request, &request_now, sizeof(request)) == 0);
	assert(request.v[ATTR_REQUEST].p != NULL);
	for (i = 0; i < ATTR_COUNT; i++)
		check_value(request.v[i], (struct span){ in.p, used });
	return 0;
}
