/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * nexthop_fuzz: what is taken is a protocol, a host or a path, and a port, and
 * written again from these it is taken for the same.
 */
#include "conf/nexthop.h"

#undef NDEBUG
#include <assert.h>
#include <stdio.h>

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
write_again(const struct nexthop *hop, char *out, size_t size)
{
	const char	*protocol = hop->protocol == NEXTHOP_LMTP ? "lmtp" :
	    "smtp";

	switch (hop->kind) {
	case NEXTHOP_UNIX:
		snprintf(out, size, "%s:unix:%s", protocol, hop->host);
		break;
	case NEXTHOP_HOST:
		snprintf(out, size, "%s:[%s]:%u", protocol, hop->host,
		    hop->port);
		break;
	case NEXTHOP_MX:
		snprintf(out, size, hop->host[0] == '\0' ? "%s:%s" :
		    "%s:%s:%u", protocol, hop->host, hop->port);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nexthop	 hop, again;
	char		 text[300];

	if (!nexthop_parse((struct span){ (const char *)data, size }, &hop))
		return 0;
	assert(memchr(hop.host, '\0', sizeof(hop.host)) != NULL);
	assert((hop.port == 0) == (hop.kind == NEXTHOP_UNIX));
	assert(hop.kind != NEXTHOP_MX || hop.protocol == NEXTHOP_SMTP);
	write_again(&hop, text, sizeof(text));
	assert(nexthop_parse(span_of(text), &again));
	assert(again.protocol == hop.protocol && again.kind == hop.kind);
	assert(again.port == hop.port && strcmp(again.host, hop.host) == 0);
	return 0;
}
