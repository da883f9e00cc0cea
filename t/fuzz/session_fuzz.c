/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * session_fuzz: whatever is read as a record can be written, and reads back
 * as the same.
 */
#include "session/session.h"

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A record that is read may be longer when written: "0" has no field. */
#define SIZE	(4 * SESSION_RECORD_MAX)

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_again(const struct session *s, char *one, char *two)
{
	struct session	 again;
	size_t		 n;

	assert(s->id[0] != '\0' && s->pid > 0);
	n = session_encode(s, one, SIZE);
	assert(n > 0);
	session_init(&again);
	assert(session_decode((struct span){ one, n }, &again));
	assert(session_encode(&again, two, SIZE) == n);
	assert(memcmp(one, two, n) == 0);
	session_clear(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char	 one[SIZE], two[SIZE];
	struct session	 s;

	session_init(&s);
	if (size <= SESSION_RECORD_MAX) {
		if (session_decode((struct span){ (const char *)data, size },
		    &s))
			check_again(&s, one, two);
		else
			assert(s.id[0] == '\0' && s.audit == NULL &&
			    s.n_audit == 0);
	}
	session_clear(&s);
	return 0;
}
