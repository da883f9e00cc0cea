/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * proxy_header_v2: version 2 (proxy-protocol.txt, 2.2).
 *
 * What would surprise a reader: of LOCAL and of UNSPEC nothing behind the
 * fixed part is looked at, no checksum either: the specification has receivers
 * take such a header and discard what it holds.  DGRAM is refused: SMTP does
 * not come that way.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "proxy_header_private.h"

static const struct protocol {
	uint8_t	 code;
	size_t	 len;		/* of both ends */
	int	 family;
} protocols[] = {
	{ V2_UNSPEC,		0,			AF_UNSPEC },
	{ V2_TCP4,		V2_ADDRESSES4_LEN,	AF_INET },
	{ V2_TCP6,		V2_ADDRESSES6_LEN,	AF_INET6 },
	{ V2_UNIX_STREAM,	V2_ADDRESSES_UNIX_LEN,	AF_UNIX }
};
#define PROTOCOL_COUNT	(sizeof protocols / sizeof protocols[0])

/* A header that is whole, and what was found in it so far. */
struct reading {
	struct span		 whole;
	struct proxy_header	 h;
	struct err		*err;
};

/* A kind of TLV that there may be one of; take NULL: it is of no use. */
struct kind {
	uint8_t		 type;
	const char	*name;
	int		 (*take)(struct reading *r, const struct kind *kind,
			    struct span value);
	size_t		 at;	/* of what it becomes in struct proxy_header */
	size_t		 size;	/* of that, if there may be more of it: it is
				 * none of them then */
};
#define AT(field)	offsetof(struct proxy_header, field)
#define OWN(field)	AT(field), sizeof(((struct proxy_header *)0)->field)

static uint64_t
number(const char *p, size_t n)
{
	uint64_t	 value = 0;
	size_t		 i;

	for (i = 0; i < n; i++)
		value = value << 8 | (uint8_t)p[i];
	return value;
}

static int
refuse_len(struct reading *r, const struct kind *kind, struct span value,
    const char *want)
{
	return err_set(r->err, "PROXY header: %s of %zu octets, expected %s",
	    kind->name, value.n, want);
}

static const struct kind *
kind_find(const struct kind *kinds, uint8_t type)
{
	for (; kinds->name != NULL; kinds++)
		if (kinds->type == type)
			return kinds;
	return NULL;
}

/* Takes the next TLV off *rest.  False: it is cut short. */
static bool
tlv_take(struct span *rest, uint8_t *type_r, struct span *value_r)
{
	size_t	 n;

	if (rest->n < TLV_HEAD_LEN)
		return false;
	n = number(rest->p + 1, TLV_HEAD_LEN - 1);
	if (n > rest->n - TLV_HEAD_LEN)
		return false;
	*type_r = (uint8_t)rest->p[0];
	*value_r = (struct span){ rest->p + TLV_HEAD_LEN, n };
	*rest = span_skip(*rest, TLV_HEAD_LEN + n);
	return true;
}

/* Takes all TLVs that kinds names, and steps over the others. */
static int
tlvs_read(struct reading *r, const struct kind *kinds, struct span rest)
{
	const struct kind	*kind;
	struct span		 value;
	uint64_t		 seen = 0, bit;	/* by place in kinds */
	uint8_t			 type;

	while (rest.n > 0) {
		if (!tlv_take(&rest, &type, &value))
			return err_set(r->err, "PROXY header: a TLV is cut "
			    "short, %zu octets before the end", rest.n);
		kind = kind_find(kinds, type);
		if (kind == NULL)
			continue;
		bit = UINT64_C(1) << (kind - kinds);
		if ((seen & bit) != 0 && kind->size == 0)
			return err_set(r->err, "PROXY header: a second %s, "
			    "expected one at most", kind->name);
		if ((seen & bit) != 0)
			memset((char *)&r->h + kind->at, 0, kind->size);
		else if (kind->take != NULL && kind->take(r, kind, value) != 0)
			return -1;
		seen |= bit;
	}
	return 0;
}

static int
take_octets(struct reading *r, const struct kind *kind, struct span value)
{
	memcpy((char *)&r->h + kind->at, &value, sizeof value);
	return 0;
}

static int
take_text(struct reading *r, const struct kind *kind, struct span value)
{
	if (span_has(value, '\0'))
		return err_set(r->err, "PROXY header: a NUL in %s, expected "
		    "none", kind->name);
	return take_octets(r, kind, value);
}

static int
take_unique_id(struct reading *r, const struct kind *kind, struct span value)
{
	if (value.n > PROXY_HEADER_UNIQUE_ID_MAX)
		return refuse_len(r, kind, value, "128 at most");
	return take_octets(r, kind, value);
}

/* The checksum is that of the header with zeros in its place. */
static int
take_crc32c(struct reading *r, const struct kind *kind, struct span value)
{
	static const char	 zeros[CRC32C_LEN];
	struct span		 before, behind;
	uint32_t		 crc;

	if (value.n != CRC32C_LEN)
		return refuse_len(r, kind, value, "4");
	before = (struct span){ r->whole.p, (size_t)(value.p - r->whole.p) };
	behind = span_skip(r->whole, before.n + CRC32C_LEN);
	crc = proxy_header_crc32c(0, before);
	crc = proxy_header_crc32c(crc, (struct span){ zeros, CRC32C_LEN });
	crc = proxy_header_crc32c(crc, behind);
	if (crc != number(value.p, CRC32C_LEN))
		return err_set(r->err, "PROXY header: CRC32c %08x, expected "
		    "%08x", (unsigned)number(value.p, CRC32C_LEN),
		    (unsigned)crc);
	return 0;
}

static const struct kind ssl_kinds[] = {
	{ TLV_SSL_VERSION,	"SSL_VERSION",	take_text, AT(ssl_version),
	    0 },
	{ TLV_SSL_CN,		"SSL_CN",	take_text, AT(ssl_cn), 0 },
	{ TLV_SSL_CIPHER,	"SSL_CIPHER",	take_text, AT(ssl_cipher), 0 },
	{ TLV_SSL_SIG_ALG,	"SSL_SIG_ALG",	NULL,	0, 0 },
	{ TLV_SSL_KEY_ALG,	"SSL_KEY_ALG",	NULL,	0, 0 },
	{ 0,			NULL,		NULL,	0, 0 }
};

/*
 * Senders say that the verification did not fail where there was nothing to
 * verify, too; so there must have been a certificate.
 */
static int
take_ssl(struct reading *r, const struct kind *kind, struct span value)
{
	unsigned	 client;

	if (value.n < SSL_HEAD_LEN)
		return refuse_len(r, kind, value, "5 at least");
	client = (unsigned)number(value.p, 1);
	r->h.has_ssl = (client & SSL_CLIENT_TLS) != 0;
	r->h.is_verified = r->h.has_ssl && (client & SSL_CLIENT_CERT) != 0 &&
	    number(value.p + 1, SSL_HEAD_LEN - 1) == 0;
	return tlvs_read(r, ssl_kinds, span_skip(value, SSL_HEAD_LEN));
}

/* These are never wrong: whoever is not that provider may mean something else
 * by them. */
static int
take_gcp(struct reading *r, const struct kind *kind, struct span value)
{
	(void)kind;
	if (value.n == GCP_LEN)
		r->h.gcp_conn_id = (struct proxy_header_id){ true,
		    number(value.p, GCP_LEN) };
	return 0;
}

static int
take_aws(struct reading *r, const struct kind *kind, struct span value)
{
	(void)kind;
	if (value.n > 1 && value.p[0] == AWS_VPCE_ID && !span_has(value, '\0'))
		r->h.aws_vpce_id = span_skip(value, 1);
	return 0;
}

static int
take_azure(struct reading *r, const struct kind *kind, struct span value)
{
	const unsigned char	*p = (const unsigned char *)value.p;

	(void)kind;
	if (value.n == AZURE_LEN && p[0] == AZURE_LINK_ID)
		r->h.azure_pel_id = (struct proxy_header_id){ true,
		    (uint64_t)p[4] << 24 | (uint64_t)p[3] << 16 |
		    (uint64_t)p[2] << 8 | p[1] };
	return 0;
}

static const struct kind kinds[] = {
	{ TLV_ALPN,		"ALPN",		take_text, AT(alpn), 0 },
	{ TLV_AUTHORITY,	"AUTHORITY",	take_text, AT(authority), 0 },
	{ TLV_CRC32C,		"CRC32C",	take_crc32c, 0, 0 },
	{ TLV_UNIQUE_ID,	"UNIQUE_ID",	take_unique_id, AT(unique_id),
	    0 },
	{ TLV_SSL,		"SSL",		take_ssl, 0, 0 },
	{ TLV_NETNS,		"NETNS",	NULL,	0, 0 },
	{ TLV_GCP,		"GCP",		take_gcp, OWN(gcp_conn_id) },
	{ TLV_AWS,		"AWS",		take_aws, OWN(aws_vpce_id) },
	{ TLV_AZURE,		"AZURE",	take_azure, OWN(azure_pel_id) },
	{ 0,			NULL,		NULL,	0, 0 }
};

/* Takes the next address off *p. */
static struct address
address_take(int family, const char **p)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };
	struct sockaddr_in6	 sin6 = { .sin6_family = AF_INET6 };

	if (family == AF_INET) {
		memcpy(&sin.sin_addr, *p, sizeof sin.sin_addr);
		*p += sizeof sin.sin_addr;
		return address_from_sockaddr((struct sockaddr *)&sin, NULL);
	}
	memcpy(&sin6.sin6_addr, *p, sizeof sin6.sin6_addr);
	*p += sizeof sin6.sin6_addr;
	return address_from_sockaddr((struct sockaddr *)&sin6, NULL);
}

/* What has no text that would be taken can be no host's (0.1.2.3). */
static int
address_check(const char *what, const struct address *addr, struct err *err)
{
	char		 text[ADDRESS_TEXT_SIZE];
	struct address	 again;

	if (!address_parse(span_of(address_format(addr, text, sizeof text)),
	    &again))
		return err_set(err, "PROXY header: %s \"%s\", expected a "
		    "host's address", what, text);
	return 0;
}

static int
ends_read(struct reading *r, int family)
{
	const char	*p = r->whole.p + V2_FIXED_LEN;

	r->h.source = address_take(family, &p);
	r->h.destination = address_take(family, &p);
	r->h.source_port = (uint16_t)number(p, 2);
	r->h.destination_port = (uint16_t)number(p + 2, 2);
	if (address_check("source", &r->h.source, r->err) != 0)
		return -1;
	return address_check("destination", &r->h.destination, r->err);
}

static int
whole_read(struct reading *r, const struct protocol *protocol)
{
	r->h.version = 2;
	r->h.is_local = protocol->family != AF_INET &&
	    protocol->family != AF_INET6;
	if (protocol->family == AF_UNSPEC)
		return 0;
	if (!r->h.is_local && ends_read(r, protocol->family) != 0)
		return -1;
	return tlvs_read(r, kinds, span_skip(r->whole,
	    V2_FIXED_LEN + protocol->len));
}

/* LOCAL's is UNSPEC, whatever stands there.  NULL: it is none of ours. */
static const struct protocol *
protocol_find(struct span in)
{
	uint64_t	 command = number(in.p + V2_SIGNATURE_LEN, 1) & 0xf;
	uint64_t	 code = number(in.p + V2_SIGNATURE_LEN + 1, 1);
	size_t		 i;

	if (command == V2_LOCAL)
		code = V2_UNSPEC;
	for (i = 0; i < PROTOCOL_COUNT; i++)
		if (protocols[i].code == code)
			return &protocols[i];
	return NULL;
}

/* 0: what is there of the fixed part is right. */
static int
fixed_check(struct span in, struct err *err)
{
	size_t		 n = in.n < V2_SIGNATURE_LEN ? in.n : V2_SIGNATURE_LEN;
	unsigned	 head;

	if (memcmp(in.p, V2_SIGNATURE, n) != 0)
		return err_set(err, "PROXY header: neither \"PROXY \" nor the "
		    "signature of version 2, expected one of them");
	if (in.n <= V2_SIGNATURE_LEN)
		return 0;
	head = (unsigned)number(in.p + V2_SIGNATURE_LEN, 1);
	if (head != (V2_VERSION | V2_LOCAL) && head != (V2_VERSION | V2_PROXY))
		return err_set(err, "PROXY header: version and command 0x%02x, "
		    "expected 0x20 (LOCAL) or 0x21 (PROXY)", head);
	return 0;
}

/* What the fixed part promises; it is there. */
static enum proxy_header_result
promise_check(struct span in, const struct protocol *protocol, size_t *len_r,
    struct err *err)
{
	size_t	 rest = number(in.p + V2_FIXED_LEN - 2, 2);

	if (rest < protocol->len) {
		(void)err_set(err, "PROXY header: %zu octets behind the fixed "
		    "part, expected %zu at least", rest, protocol->len);
		return PROXY_HEADER_BAD;
	}
	*len_r = V2_FIXED_LEN + rest;
	return in.n < *len_r ? PROXY_HEADER_MORE : PROXY_HEADER_DONE;
}

enum proxy_header_result
proxy_header_v2_find(struct span in, struct proxy_header *header_r,
    size_t *used_r, struct err *err)
{
	struct reading			 r = { .whole = in, .err = err };
	const struct protocol		*protocol;
	enum proxy_header_result	 result;

	if (fixed_check(in, err) != 0)
		return PROXY_HEADER_BAD;
	if (in.n < V2_FIXED_LEN)
		return PROXY_HEADER_MORE;
	protocol = protocol_find(in);
	if (protocol == NULL) {
		(void)err_set(err, "PROXY header: protocol 0x%02x, expected "
		    "0x11, 0x21 (TCP), 0x31 (a UNIX stream) or 0x00 (unknown)",
		    (unsigned)number(in.p + V2_SIGNATURE_LEN + 1, 1));
		return PROXY_HEADER_BAD;
	}
	result = promise_check(in, protocol, &r.whole.n, err);
	if (result != PROXY_HEADER_DONE)
		return result;
	if (whole_read(&r, protocol) != 0)
		return PROXY_HEADER_BAD;
	*header_r = r.h;
	*used_r = r.whole.n;
	return PROXY_HEADER_DONE;
}
