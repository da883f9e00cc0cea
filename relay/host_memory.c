/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * host_memory: a table of sets, each with room for a few, by a hash of the
 * address.  Nobody who cannot choose our next hops' addresses can choose what
 * falls together.
 */
#include "host_memory.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

#include "base/address.h"

#define SETS		128U
#define SET_SIZE	4U

struct entry {
	uint64_t	key;		/* 0: none */
	uint64_t	until_ms;
};

struct host_memory {
	struct entry	v[SETS][SET_SIZE];
};

struct host_memory *
host_memory_new(void)
{
	return calloc(1, sizeof(struct host_memory));
}

void
host_memory_free(struct host_memory *m)
{
	free(m);
}

/* FNV-1a. */
static uint64_t
mix(uint64_t hash, const void *bytes, size_t n)
{
	const unsigned char	*p = bytes;

	for (; n > 0; n--)
		hash = (hash ^ *p++) * 1099511628211ULL;
	return hash;
}

static uint64_t
key_of(const struct sockaddr *addr, const struct address *from,
    enum host_fact fact)
{
	const struct sockaddr_in	*in = (const void *)addr;
	const struct sockaddr_in6	*in6 = (const void *)addr;
	const struct sockaddr_un	*un = (const void *)addr;
	uint64_t			 hash = 14695981039346656037ULL;

	hash = mix(hash, &fact, sizeof fact);
	if (from->family != AF_UNSPEC)
		hash = mix(hash, from->bytes, sizeof from->bytes);
	switch (addr->sa_family) {
	case AF_INET:
		hash = mix(hash, &in->sin_addr, sizeof in->sin_addr);
		hash = mix(hash, &in->sin_port, sizeof in->sin_port);
		break;
	case AF_INET6:
		hash = mix(hash, &in6->sin6_addr, sizeof in6->sin6_addr);
		hash = mix(hash, &in6->sin6_port, sizeof in6->sin6_port);
		break;
	default:
		hash = mix(hash, un->sun_path, strnlen(un->sun_path,
		    sizeof un->sun_path));
		break;
	}
	return hash == 0 ? 1 : hash;
}

static uint64_t
lifetime_ms(enum host_fact fact)
{
	switch (fact) {
	case HOST_FAILED:
		return HOST_FAILED_MS;
	case HOST_REFUSES_XCLIENT:
		return HOST_REFUSES_MS;
	case HOST_TAKES_XCLIENT:
		break;
	}
	return HOST_TAKES_MS;
}

void
host_memory_add(struct host_memory *m, const struct sockaddr *addr,
    const struct address *from, enum host_fact fact, uint64_t now_ms)
{
	uint64_t	 key = key_of(addr, from, fact);
	struct entry	*set = m->v[key % SETS], *oldest = set;
	unsigned	 i;

	for (i = 0; i < SET_SIZE; i++) {
		if (set[i].key == key) {
			oldest = &set[i];
			break;
		}
		if (set[i].until_ms < oldest->until_ms)
			oldest = &set[i];
	}
	oldest->key = key;
	oldest->until_ms = now_ms + lifetime_ms(fact);
}

bool
host_memory_has(const struct host_memory *m, const struct sockaddr *addr,
    const struct address *from, enum host_fact fact, uint64_t now_ms)
{
	uint64_t		 key = key_of(addr, from, fact);
	const struct entry	*set = m->v[key % SETS];
	unsigned		 i;

	for (i = 0; i < SET_SIZE; i++)
		if (set[i].key == key)
			return now_ms < set[i].until_ms;
	return false;
}
