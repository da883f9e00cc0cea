/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * nexthop: see nexthop.h.  With SMTP, what stands in brackets is a host, and
 * what does not is a domain whose mail exchangers are asked for; so "smtp:"
 * alone is the recipient's domain.  LMTP knows hosts only.
 */
#include "conf/nexthop.h"

#include <stdio.h>

#include "base/address.h"
#include "base/domain.h"

#define SMTP_PORT	25
#define LMTP_PORT	24
#define PORT_DIGITS	5

/* Takes prefix off the front; false: it is not there. */
static bool
take(struct span *text, const char *prefix)
{
	if (!span_begins(*text, prefix))
		return false;
	*text = span_skip(*text, strlen(prefix));
	return true;
}

/* Digits from 1 to 65535, without zeros in front. */
static bool
parse_port(struct span text, uint16_t *port_r)
{
	unsigned	 port = 0;
	size_t		 i;

	if (text.n == 0 || text.n > PORT_DIGITS || text.p[0] == '0')
		return false;
	for (i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		port = port * 10 + (unsigned)(text.p[i] - '0');
	}
	if (port > UINT16_MAX)
		return false;
	*port_r = (uint16_t)port;
	return true;
}

static void
copy_host(struct nexthop *hop, struct span host)
{
	span_copy(hop->host, host);
	hop->host[host.n] = '\0';
}

static bool
set_address(struct nexthop *hop, struct span text)
{
	struct address	 addr;

	if (!address_parse(text, &addr))
		return false;
	(void)address_format(&addr, hop->host, sizeof hop->host);
	return true;
}

/* A host name: of brackets, both are never in text. */
static bool
set_name(struct nexthop *hop, struct span text)
{
	char		 buf[DOMAIN_SIZE];
	struct span	 name;

	if (domain_read(text, buf, &name) != DOMAIN_OK)
		return false;
	copy_host(hop, name);
	return true;
}

/* Control characters in a path are somebody's mistake. */
static bool
parse_path(struct span path, struct nexthop *hop)
{
	size_t	 i;

	if (path.n < 2 || path.n > NEXTHOP_PATH_MAX || path.p[0] != '/')
		return false;
	for (i = 0; i < path.n; i++)
		if ((unsigned char)path.p[i] < ' ' || path.p[i] == 0x7f)
			return false;
	hop->kind = NEXTHOP_UNIX;
	hop->port = 0;
	copy_host(hop, path);
	return true;
}

/* "[host]", "[192.0.2.1]", "[2001:db8::1]", "[IPv6:2001:db8::1]", each with
 * or without ":port". */
static bool
parse_bracketed(struct span text, struct nexthop *hop)
{
	const char	*end = span_find(text, ']');
	struct span	 host, rest;

	if (end == NULL)
		return false;
	host = (struct span){ text.p + 1, (size_t)(end - text.p) - 1 };
	rest = span_skip(text, host.n + 2);
	if (rest.n > 0 && (!take(&rest, ":") || !parse_port(rest, &hop->port)))
		return false;
	if (span_casebegins(host, "IPv6:")) {
		host = span_skip(host, 5);
		if (!span_has(host, ':') || !set_address(hop, host))
			return false;
	} else if (!set_name(hop, host) && !set_address(hop, host)) {
		return false;
	}
	hop->kind = NEXTHOP_HOST;
	return true;
}

/* "host" or "host:port". */
static bool
parse_plain(struct span text, struct nexthop *hop)
{
	const char	*colon = span_find(text, ':');
	bool		 is_lmtp = hop->protocol == NEXTHOP_LMTP;
	struct span	 host = text;

	if (colon != NULL) {
		host.n = (size_t)(colon - text.p);
		if (!parse_port(span_skip(text, host.n + 1), &hop->port))
			return false;
	}
	if (!set_name(hop, host) && !(is_lmtp && set_address(hop, host)))
		return false;
	hop->kind = is_lmtp ? NEXTHOP_HOST : NEXTHOP_MX;
	/* Written with its port it would be a path. */
	return is_lmtp || strcmp(hop->host, "unix") != 0;
}

/* What stands behind "smtp:" or "lmtp:". */
static bool
parse_where(struct span text, struct nexthop *hop)
{
	bool	 is_lmtp = hop->protocol == NEXTHOP_LMTP;

	if (take(&text, "unix:"))
		return parse_path(text, hop);
	if (is_lmtp)
		(void)take(&text, "inet:");
	if (text.n > 0 && text.p[0] == '[')
		return parse_bracketed(text, hop);
	if (text.n > 0)
		return parse_plain(text, hop);
	hop->kind = NEXTHOP_MX;
	copy_host(hop, text);
	return !is_lmtp;
}

bool
nexthop_parse(struct span text, struct nexthop *nexthop_r)
{
	struct nexthop	 hop = { .protocol = NEXTHOP_SMTP, .port = SMTP_PORT };

	if (take(&text, "lmtp:")) {
		hop.protocol = NEXTHOP_LMTP;
		hop.port = LMTP_PORT;
	} else if (!take(&text, "smtp:")) {
		return false;
	}
	if (!parse_where(text, &hop))
		return false;
	*nexthop_r = hop;
	return true;
}

struct span
nexthop_domain(const struct nexthop *nexthop, char *buf)
{
	struct address	 addr;
	char		 text[ADDRESS_TEXT_SIZE + sizeof "IPv6:"];

	if (nexthop->kind == NEXTHOP_UNIX)
		return (struct span){ "", 0 };
	if (!address_parse(span_of(nexthop->host), &addr))
		return span_of(nexthop->host);
	(void)snprintf(buf, DOMAIN_SIZE, "[%s]",
	    address_format_mailhost(&addr, text, sizeof text));
	return span_of(buf);
}

/* It stands in every log line about a message: so it is put together by hand. */
const char *
nexthop_format(const struct nexthop *nexthop, char *buf)
{
	bool	 is_host = nexthop->kind == NEXTHOP_HOST;
	char	*p;

	p = stpcpy(buf, nexthop->protocol == NEXTHOP_LMTP ? "lmtp:" :
	    "smtp:");
	if (nexthop->kind == NEXTHOP_UNIX)
		p = stpcpy(p, "unix:");
	else if (is_host)
		p = stpcpy(p, "[");
	p = stpcpy(p, nexthop->host);
	if (is_host)
		p = stpcpy(p, "]");
	if (nexthop->port != 0 && nexthop->host[0] != '\0')
		(void)snprintf(p, sizeof ":65535", ":%u",
		    (unsigned)nexthop->port);
	return buf;
}
