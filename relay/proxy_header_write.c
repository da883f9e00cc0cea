/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * proxy_header_write: what proxy_header_v2 reads.  The length is known before
 * the first octet is written.
 */
#include "proxy_header.h"

#include "proxy_header_private.h"

#define IPV4_LEN	4
#define IPV6_LEN	16

static const char	mapped_prefix[IPV6_LEN - IPV4_LEN] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '\xff', '\xff'
};

static bool
is_tcp4(const struct proxy_header *h)
{
	return h->source.family == AF_INET && h->destination.family == AF_INET;
}

static bool
is_writable(const struct proxy_header *h)
{
	return h->source.family != AF_UNSPEC &&
	    h->destination.family != AF_UNSPEC &&
	    h->unique_id.n <= PROXY_HEADER_UNIQUE_ID_MAX &&
	    h->authority.n <= PROXY_HEADER_MAX &&
	    (h->authority.n == 0 ||
	    !span_has(h->authority, '\0'));
}

static size_t
tlv_len(struct span value)
{
	return value.n > 0 ? TLV_HEAD_LEN + value.n : 0;
}

static size_t
header_len(const struct proxy_header *h)
{
	if (h->is_local)
		return V2_FIXED_LEN;
	return V2_FIXED_LEN +
	    (is_tcp4(h) ? V2_ADDRESSES4_LEN : V2_ADDRESSES6_LEN) +
	    tlv_len(h->authority) + tlv_len(h->unique_id) +
	    TLV_HEAD_LEN + CRC32C_LEN;
}

/* All these write and return what is behind. */
static char *
put(char *p, const void *octets, size_t n)
{
	memcpy(p, octets, n);
	return p + n;
}

static char *
put_number(char *p, uint32_t value, size_t n)
{
	while (n-- > 0)
		*p++ = (char)(value >> 8 * n);
	return p;
}

static char *
put_fixed(char *p, const struct proxy_header *h, size_t len)
{
	p = put(p, V2_SIGNATURE, V2_SIGNATURE_LEN);
	*p++ = V2_VERSION | (h->is_local ? V2_LOCAL : V2_PROXY);
	*p++ = h->is_local ? V2_UNSPEC : is_tcp4(h) ? V2_TCP4 : V2_TCP6;
	return put_number(p, (uint32_t)(len - V2_FIXED_LEN), 2);
}

static char *
put_address(char *p, const struct address *addr, bool is_bare)
{
	if (addr->family == AF_INET6)
		return put(p, addr->bytes, IPV6_LEN);
	if (!is_bare)
		p = put(p, mapped_prefix, sizeof mapped_prefix);
	return put(p, addr->bytes, IPV4_LEN);
}

static char *
put_ends(char *p, const struct proxy_header *h)
{
	p = put_address(p, &h->source, is_tcp4(h));
	p = put_address(p, &h->destination, is_tcp4(h));
	p = put_number(p, h->source_port, 2);
	return put_number(p, h->destination_port, 2);
}

static char *
put_tlv(char *p, uint8_t type, struct span value)
{
	if (value.n == 0)
		return p;
	*p++ = (char)type;
	p = put_number(p, (uint32_t)value.n, 2);
	return put(p, value.p, value.n);
}

/* It covers all that is before it, and itself as zeros; it is the last. */
static void
put_crc32c(char *p, const char *begin)
{
	static const char	 zeros[CRC32C_LEN];
	char			*end;

	end = put_tlv(p, TLV_CRC32C, (struct span){ zeros, CRC32C_LEN });
	put_number(end - CRC32C_LEN, proxy_header_crc32c(0,
	    (struct span){ begin, (size_t)(end - begin) }), CRC32C_LEN);
}

size_t
proxy_header_write(const struct proxy_header *h, char *buf, size_t size)
{
	size_t	 len;
	char	*p;

	if (!h->is_local && !is_writable(h))
		return 0;
	len = header_len(h);
	if (len > size || len > PROXY_HEADER_MAX)
		return 0;
	p = put_fixed(buf, h, len);
	if (h->is_local)
		return len;
	p = put_ends(p, h);
	p = put_tlv(p, TLV_AUTHORITY, h->authority);
	p = put_tlv(p, TLV_UNIQUE_ID, h->unique_id);
	put_crc32c(p, buf);
	return len;
}
