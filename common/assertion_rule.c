/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * assertion_rule: see assertion_rule.h.  Each attribute of each command is
 * one row of rules[].
 */
#include "assertion_rule.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "hostname.h"

#define PROTO_MAX_LEN	64	/* of XFORWARD's PROTO (Postfix) */
#define PORT_MAX_LEN	5	/* Postfix counts the digits, zeros too */

/*
 * The first 32 bits are zero: no host has such an address but "::1".  Postfix
 * misreads some: ::ffff:0:102:304 becomes the "IPv4 address" 0:102:304, and
 * ::1:203 becomes ::0.1.2.3, which it would not read itself.
 */
static bool
is_reserved(const struct address *addr)
{
	static const uint8_t	 zero[15];

	if (addr->family != AF_INET6 || memcmp(addr->bytes, zero, 4) != 0)
		return false;
	return memcmp(addr->bytes, zero, 15) != 0 || addr->bytes[15] > 1;
}

static bool
normalise_addr(struct assertion_value *v)
{
	struct span	 text = span_of(v->text);

	if (!address_parse_mailhost(text, &v->addr) &&
	    (v->on_wire || !address_parse(text, &v->addr)))
		return false;
	if (is_reserved(&v->addr))
		return false;
	address_format(&v->addr, v->text, sizeof(v->text));
	return true;
}

static bool
normalise_name(struct assertion_value *v)
{
	return hostname_valid(span_of(v->text));
}

static bool
normalise_port(struct assertion_value *v)
{
	size_t		 n = strlen(v->text);
	unsigned long	 port;

	if (n > PORT_MAX_LEN || strspn(v->text, "0123456789") != n)
		return false;
	port = strtoul(v->text, NULL, 10);
	snprintf(v->text, sizeof(v->text), "%lu", port);
	return port <= UINT16_MAX;
}

/* Puts the table's spelling in place of the peer's. */
static bool
normalise_word(struct assertion_value *v, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (strcasecmp(v->text, *words) != 0)
			continue;
		memcpy(v->text, *words, strlen(*words) + 1);
		return true;
	}
	return false;
}

static bool
normalise_xclient_proto(struct assertion_value *v)
{
	static const char *const	 words[] = { "SMTP", "ESMTP", NULL };

	return normalise_word(v, words);
}

static bool
normalise_source(struct assertion_value *v)
{
	static const char *const	 words[] = { "LOCAL", "REMOTE", NULL };

	return normalise_word(v, words);
}

/* Postfix puts '?' for what could upset a message header. */
static bool
normalise_masked(struct assertion_value *v)
{
	char	*p;

	for (p = v->text; (p = strpbrk(p, " <>()\\\";@")) != NULL; p++)
		*p = '?';
	return true;
}

static bool
normalise_xforward_proto(struct assertion_value *v)
{
	return strlen(v->text) <= PROTO_MAX_LEN && normalise_masked(v);
}

static bool
normalise_login(struct assertion_value *v)
{
	(void)v;
	return true;
}

#define ADDR_EXPECTED	"an IPv4 address, IPV6:address or [UNAVAILABLE]"
#define NAME_EXPECTED	"a host name, [UNAVAILABLE] or [TEMPUNAVAIL]"
#define PORT_EXPECTED	"a port number or [UNAVAILABLE]"
#define TEXT_EXPECTED	"a text or [UNAVAILABLE]"

static const struct assertion_rule	rules[][ASSERTION_COUNT] = {
	[ASSERTION_XCLIENT] = {
		[ASSERTION_ADDR] = { normalise_addr, true, false,
		    ADDR_EXPECTED },
		[ASSERTION_DESTADDR] = { normalise_addr, true, false,
		    ADDR_EXPECTED },
		[ASSERTION_NAME] = { normalise_name, true, true,
		    NAME_EXPECTED },
		[ASSERTION_REVERSE_NAME] = { normalise_name, true, true,
		    NAME_EXPECTED },
		[ASSERTION_PORT] = { normalise_port, true, false,
		    PORT_EXPECTED },
		[ASSERTION_DESTPORT] = { normalise_port, true, false,
		    PORT_EXPECTED },
		[ASSERTION_PROTO] = { normalise_xclient_proto, false, false,
		    "SMTP or ESMTP" },
		[ASSERTION_HELO] = { normalise_masked, true, false,
		    TEXT_EXPECTED },
		[ASSERTION_LOGIN] = { normalise_login, true, false,
		    "a user name or [UNAVAILABLE]" }
	},
	[ASSERTION_XFORWARD] = {
		[ASSERTION_ADDR] = { normalise_addr, true, false,
		    ADDR_EXPECTED },
		[ASSERTION_NAME] = { normalise_name, true, false,
		    "a host name or [UNAVAILABLE]" },
		[ASSERTION_PORT] = { normalise_port, true, false,
		    PORT_EXPECTED },
		[ASSERTION_PROTO] = { normalise_xforward_proto, true, false,
		    "a text of at most 64 characters or [UNAVAILABLE]" },
		[ASSERTION_HELO] = { normalise_masked, true, false,
		    TEXT_EXPECTED },
		[ASSERTION_IDENT] = { normalise_masked, true, false,
		    TEXT_EXPECTED },
		[ASSERTION_SOURCE] = { normalise_source, true, false,
		    "LOCAL, REMOTE or [UNAVAILABLE]" }
	}
};

const struct assertion_rule *
assertion_rule_find(enum assertion_command command, enum assertion_name name)
{
	const struct assertion_rule	*rule = &rules[command][name];

	return rule->normalise != NULL ? rule : NULL;
}

bool
assertion_rule_allows(const struct assertion_rule *rule,
    enum assertion_status status)
{
	switch (status) {
	case ASSERTION_UNAVAILABLE:
		return rule->unavailable;
	case ASSERTION_TEMPUNAVAIL:
		return rule->tempunavail;
	default:
		return true;
	}
}
