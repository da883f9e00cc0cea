/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * netstring: see netstring.h.  The digits are judged from left to right, so
 * that the answer does not depend on how the bytes were cut into reads.
 */
#include "base/netstring.h"

#include <stdio.h>

/* Reads the length up to and with the colon; *used_r bytes of it. */
static enum netstring_result
find_length(struct span buf, size_t max, size_t *len_r, size_t *used_r)
{
	size_t	 i, digit, len = 0;

	for (i = 0; i < buf.n; i++) {
		if (buf.p[i] == ':' && i > 0) {
			*len_r = len;
			*used_r = i + 1;
			return NETSTRING_DONE;
		}
		if (buf.p[i] < '0' || buf.p[i] > '9')
			return NETSTRING_BAD;
		if (i > 0 && len == 0)
			return NETSTRING_BAD;
		digit = (size_t)(buf.p[i] - '0');
		/* len never passes max, so that it cannot overflow. */
		if (digit > max || len > (max - digit) / 10)
			return NETSTRING_TOO_LONG;
		len = len * 10 + digit;
	}
	return NETSTRING_MORE;
}

enum netstring_result
netstring_find(struct span buf, size_t max, struct span *body_r,
    size_t *used_r)
{
	enum netstring_result	 result;
	size_t			 len, used;

	result = find_length(buf, max, &len, &used);
	if (result != NETSTRING_DONE)
		return result;
	if (buf.n - used <= len)
		return NETSTRING_MORE;
	if (buf.p[used + len] != ',')
		return NETSTRING_BAD;
	*body_r = (struct span){ buf.p + used, len };
	*used_r = used + len + 1;
	return NETSTRING_DONE;
}

size_t
netstring_write(struct span body, char *out, size_t size)
{
	char	 head[32];
	size_t	 n;

	n = (size_t)snprintf(head, sizeof head, "%zu:", body.n);
	if (size < n + 1 || size - n - 1 < body.n)
		return 0;
	memcpy(out, head, n);
	span_copy(out + n, body);
	out[n + body.n] = ',';
	return n + body.n + 1;
}
