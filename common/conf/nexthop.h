/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * nexthop: reads where mail goes next, in the forms that transport(5), smtp(8)
 * and lmtp(8) of Postfix have.
 *
 * It looks nothing up.  It is strict: a port is a number, a host has the form
 * of one, a path begins with "/".
 */
#ifndef XC_NEXTHOP_H
#define XC_NEXTHOP_H

#include <stdint.h>

#include "base/span.h"

enum nexthop_protocol { NEXTHOP_SMTP, NEXTHOP_LMTP };
enum nexthop_kind {
	NEXTHOP_UNIX,		/* host is a path */
	NEXTHOP_HOST,		/* "[host]:port": addresses of the host */
	NEXTHOP_MX		/* "example.com": mail exchangers of it; host ""
				 * means the recipient's domain */
};

#define NEXTHOP_PATH_MAX	107	/* of a UNIX-domain socket */

/* "smtp:[127.0.0.1]:25", "smtp:example.com", "smtp:", "smtp:unix:/path",
 * "lmtp:unix:/path", "lmtp:[::1]:24". */
struct nexthop {
	enum nexthop_protocol	protocol;
	enum nexthop_kind	kind;
	uint16_t		port;		/* default 25; LMTP: 24; 0 for
						 * NEXTHOP_UNIX */
	char			host[256];	/* in domain_read's spelling,
						 * but an address without
						 * brackets and "IPv6:"; or a
						 * path */
	bool			is_recipients;	/* host is the recipient's
						 * domain: it was not said, or
						 * a table says the same */
};

/*
 * A host that LMTP is spoken to is NEXTHOP_HOST with brackets or without, as
 * lmtp(8) knows no mail exchangers, and "inet:" may stand before it; an IPv6
 * address always has brackets.  False: it is no such thing; *nexthop_r is
 * untouched.
 */
bool	nexthop_parse(struct span text, struct nexthop *nexthop_r);

/* Its name as a section about a domain has it, "[192.0.2.1]" if it is an
 * address; empty for a path, or no host.  buf has room for DOMAIN_SIZE. */
struct span	nexthop_domain(const struct nexthop *nexthop, char *buf);

#define NEXTHOP_TEXT_SIZE	(256 + sizeof "smtp:[]:65535")

/* Writes it in the form that nexthop_parse reads, with the port, into buf, which
 * has room for NEXTHOP_TEXT_SIZE, and returns buf. */
const char	*nexthop_format(const struct nexthop *nexthop, char *buf);

#endif
