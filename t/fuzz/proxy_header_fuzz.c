/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * proxy_header_fuzz: the answer does not depend on how the bytes arrive, what
 * is found lies within the header, and is found again when it is written.
 */
#include "relay/proxy_header.h"

#undef NDEBUG
#include <assert.h>
#include <stdint.h>

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
span_same(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void
check_inside(struct span value, struct span whole)
{
	assert(value.n == 0 || (value.p >= whole.p && value.n <= whole.n &&
	    value.p - whole.p <= (ptrdiff_t)(whole.n - value.n)));
}

static void
check_found(const struct proxy_header *h, struct span whole)
{
	const struct span	 texts[] = { h->authority, h->alpn,
				     h->ssl_version, h->ssl_cipher,
				     h->ssl_cn, h->aws_vpce_id };
	size_t			 i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		check_inside(texts[i], whole);
		assert(texts[i].n == 0 ||
		    memchr(texts[i].p, '\0', texts[i].n) == NULL);
	}
	check_inside(h->unique_id, whole);
	assert(h->unique_id.n <= PROXY_HEADER_UNIQUE_ID_MAX);
	assert(whole.n <= (h->version == 1 ? PROXY_HEADER_V1_MAX :
	    PROXY_HEADER_MAX));
	assert(h->is_local == (h->source.family == AF_UNSPEC));
	assert(h->is_local == (h->destination.family == AF_UNSPEC));
	assert(!h->is_verified || h->has_ssl);
	assert(h->azure_pel_id.value <= UINT32_MAX);
	assert(h->azure_pel_id.is_there || h->azure_pel_id.value == 0);
	assert(h->gcp_conn_id.is_there || h->gcp_conn_id.value == 0);
	assert(h->source_name == NULL && !h->is_name_untold);
}

/* A checksum of ours may be what does not fit any more. */
static void
check_written(const struct proxy_header *h)
{
	struct proxy_header	 again;
	static char		 buf[PROXY_HEADER_MAX];
	size_t			 used, n;

	n = proxy_header_write(h, buf, sizeof(buf));
	if (n == 0) {
		assert(h->authority.n > PROXY_HEADER_MAX / 2);
		return;
	}
	assert(proxy_header_find(buf, n, &again, &used, NULL) ==
	    PROXY_HEADER_DONE);
	assert(used == n && again.version == 2);
	assert(again.is_local == h->is_local);
	if (h->is_local)
		return;
	assert(address_equal(&again.source, &h->source));
	assert(address_equal(&again.destination, &h->destination));
	assert(again.source_port == h->source_port);
	assert(again.destination_port == h->destination_port);
	assert(span_same(again.authority, h->authority));
	assert(span_same(again.unique_id, h->unique_id));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char			*in = (const char *)data;
	struct proxy_header		 h, now_h;
	struct err			 err = { "" };
	enum proxy_header_result	 result, now = PROXY_HEADER_MORE;
	size_t				 used = 0, now_used = 0, n;

	result = proxy_header_find(in, size, &h, &used, &err);
	assert((err.text[0] != '\0') == (result == PROXY_HEADER_BAD ||
	    result == PROXY_HEADER_TOO_LONG));
	for (n = 0; n <= size && now == PROXY_HEADER_MORE; n++)
		now = proxy_header_find(in, n, &now_h, &now_used, NULL);
	assert(now == result);
	if (result != PROXY_HEADER_DONE)
		return 0;
	assert(used == now_used && used == n - 1);
	check_found(&h, (struct span){ in, used });
	check_written(&h);
	return 0;
}
