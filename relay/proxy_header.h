/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * proxy_header: the header of the PROXY protocol, versions 1 and 2, both ways
 * (haproxy's proxy-protocol.txt).
 *
 * It never reads, allocates or keeps a pointer.  Whether a peer has to send
 * the header is decided before by its address; here bytes either are a whole
 * header or they are not.  Exactly the header's bytes are taken.
 */
#ifndef XC_RELAY_PROXY_HEADER_H
#define XC_RELAY_PROXY_HEADER_H

#include <stdint.h>

#include "base/address.h"
#include "base/err.h"
#include "base/span.h"

#define PROXY_HEADER_V1_MAX	107	/* octets, CRLF included (2.1) */
#define PROXY_HEADER_MAX	(16 + UINT16_MAX)	/* of version 2 (2.2) */
#define PROXY_HEADER_UNIQUE_ID_MAX 128	/* octets (2.2.5) */

enum proxy_header_result {
	PROXY_HEADER_DONE,
	PROXY_HEADER_MORE,
	PROXY_HEADER_BAD,	/* err says what, and what was expected */
	PROXY_HEADER_TOO_LONG	/* version 1 only: likewise */
};

struct proxy_header_id {
	bool		is_there;
	uint64_t	value;
};

struct proxy_header {
	unsigned	version;	/* 1 or 2 */
	bool		is_local;	/* LOCAL, UNKNOWN, or a family that is
					 * not IP: the peer speaks for itself;
					 * addresses are AF_UNSPEC */
	struct address	source;
	struct address	destination;
	uint16_t	source_port;
	uint16_t	destination_port;
	/* Of TLVs (2.2); empty where there is none.  They point into the
	 * buffer, hold no NUL, and may be any other bytes. */
	struct span	authority;	/* PP2_TYPE_AUTHORITY */
	struct span	unique_id;	/* PP2_TYPE_UNIQUE_ID; may hold NUL */
	struct span	alpn;
	bool		has_ssl;	/* PP2_TYPE_SSL: the client spoke TLS */
	bool		is_verified;	/* ... with a certificate, in this
					 * connection or session, that was
					 * verified (verify == 0) */
	struct span	ssl_version;
	struct span	ssl_cipher;
	struct span	ssl_cn;		/* to be believed only if is_verified */
	/* Of kinds that anybody may use for anything (0xe0 to 0xef); what does
	 * not look like this provider's, or comes twice, is none. */
	struct span	aws_vpce_id;	/* a VPC endpoint's name, a text */
	struct proxy_header_id azure_pel_id;	/* LINKID of a private
						 * endpoint */
	struct proxy_header_id gcp_conn_id;	/* pscConnectionId */

	/* Not in the header: what who reads it finds out himself.  The source's
	 * verified name; NULL: it has none, or (is_name_untold) nobody could
	 * tell. */
	const char	*source_name;
	bool		is_name_untold;
};

/*
 * Finds a header.  DONE: *header_r points into buf, *used_r is how much it
 * takes.  MORE: what is there may be the beginning of one.  Others write
 * neither.  A CRC32c that does not fit, an address that is none, a port over
 * 65535, a leading zero, a TLV that is cut short, a second one of a kind that
 * can be but once: all BAD.  So is a datagram: SMTP does not come that way.
 * Of LOCAL, UNSPEC and UNKNOWN what the specification has receivers discard is
 * skipped unread, TLVs and their CRC32c too.
 */
enum proxy_header_result	proxy_header_find(const char *buf, size_t len,
				    struct proxy_header *header_r,
				    size_t *used_r, struct err *err);

/*
 * Writes a version 2 header: LOCAL and no more if h->is_local, else both
 * addresses (of one family: IPv4 becomes IPv4-mapped where the other is IPv6),
 * authority and unique_id where they are there, and a CRC32c.  Returns its
 * length, 0: it does not fit, an address is missing, or no reader would take
 * the authority or the unique id; then buf is untouched.
 */
size_t	proxy_header_write(const struct proxy_header *h, char *buf,
	    size_t size);

/* CRC32c (Castagnoli; RFC 3720, B.4) of bytes; crc is that of those before, 0
 * at first. */
uint32_t	proxy_header_crc32c(uint32_t crc, struct span bytes);

#endif
