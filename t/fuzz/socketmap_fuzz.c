/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * socketmap_fuzz: a stream as the server gets it: netstrings, and in them
 * requests; what is taken apart can be put together again, and the key as a
 * reply comes through the protocol unharmed.
 */
#include "policy/socketmap.h"

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/netstring.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_reply(struct span key)
{
	char		*text = strndup(key.p, key.n);
	char		 wire[SOCKETMAP_TEXT_MAX + 64];
	struct span	 body;
	size_t		 n, used;

	if (text == NULL)
		return;
	n = socketmap_reply(SOCKETMAP_OK, text, wire, sizeof(wire));
	assert((n == 0) == (strlen(text) > SOCKETMAP_TEXT_MAX));
	if (n > 0) {
		assert(netstring_find((struct span){ wire, n }, sizeof(wire),
		    &body, &used) == NETSTRING_DONE && used == n);
		assert(body.n == strlen(text) + 3 &&
		    memcmp(body.p, "OK ", 3) == 0 &&
		    memcmp(body.p + 3, text, body.n - 3) == 0);
	}
	free(text);
}

static void
check_request(struct span body)
{
	struct socketmap_request	 r;
	char				*again;
	const char			*map;
	size_t				 n;

	if (!socketmap_parse(body, &r))
		return;
	assert(r.key.p + r.key.n == body.p + body.n);
	assert(memchr(body.p, '\0', body.n) == NULL);
	map = socketmap_map_text(r.map);
	again = malloc(body.n + 1);
	if (again == NULL)
		return;
	n = (size_t)snprintf(again, body.n + 1, "%s%s%.*s %.*s", map,
	    r.listener.n == 0 ? "" : ".", (int)r.listener.n, r.listener.p,
	    (int)r.key.n, r.key.p);
	assert(n == body.n && memcmp(again, body.p, n) == 0);
	free(again);
	check_reply(r.key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span	 in = { (const char *)data, size }, body;
	size_t		 used;

	check_request(in);
	while (netstring_find(in, SOCKETMAP_REQUEST_MAX, &body, &used) ==
	    NETSTRING_DONE) {
		check_request(body);
		in = span_skip(in, used);
	}
	return 0;
}
