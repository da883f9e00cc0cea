/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * resolve_answer_fuzz: whatever a name server answers, hosts are names, in the
 * order of their preferences, and a name of an address ends.
 */
#include <arpa/nameser.h>

#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hostname.h"
#include "relay/resolve_private.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_hosts(const struct resolve_query *query)
{
	unsigned	 i;

	assert(query->n_hosts <= HOSTS_MAX);
	assert(!query->is_null_mx || query->n_hosts == 0);
	for (i = 0; i < query->n_hosts; i++) {
		assert(hostname_valid(span_of(query->hosts[i].name)));
		assert(query->hosts[i].query == query);
		assert(i == 0 || query->hosts[i - 1].preference <=
		    query->hosts[i].preference);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resolve_query	*query = calloc(1, sizeof *query);
	struct resolve_answer	 answer;
	char			 name[NS_MAXDNAME];
	const char		*ptr;

	if (query == NULL)
		return 0;
	if (size <= NS_MAXMSG) {
		if (!resolve_answer_hosts(query, data, (int)size))
			assert(query->n_hosts == 0 && !query->is_null_mx);
		check_hosts(query);
		resolve_answer_conclude(query, &answer);
		assert(answer.result != RESOLVE_OK && answer.n == 0);
		ptr = resolve_answer_ptr(data, (int)size, name, sizeof name);
		assert(ptr == NULL || strlen(ptr) < sizeof name);
	}
	free(query);
	return 0;
}
