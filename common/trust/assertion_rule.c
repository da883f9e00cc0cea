/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * assertion_rule: see assertion_rule.h.  Each attribute of each command is
 * one row of rules[].
 *
 * A client has its own greeting, and as a rule the zone of its address in the
 * DNS, for itself: these may be anything, and who passes them on has done
 * nothing wrong.
 */
#include "trust/assertion_rule.h"

#include <arpa/inet.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hostname.h"
#include "base/xtext.h"

#define PROTO_MAX_LEN	64	/* of XFORWARD's PROTO (Postfix) */
#define PORT_MAX_LEN	5	/* Postfix counts the digits, zeros too */
#define TAG		"IPV6:"
#define TAG_LEN		5

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

/* What is written as an address is read back as Postfix writes it. */
static bool
parse_canonical(struct span text, struct address *addr_r)
{
	char	 buf[ADDRESS_TEXT_SIZE];
	uint8_t	 bytes[16];

	if (address_parse(text, addr_r))
		return true;
	if (text.n >= sizeof buf)
		return false;
	span_copy(buf, text);
	buf[text.n] = '\0';
	return inet_pton(AF_INET6, buf, bytes) == 1 &&
	    inet_ntop(AF_INET6, bytes, buf, sizeof buf) != NULL &&
	    address_parse(span_of(buf), addr_r);
}

/* Whether it is the form of an address at all, though it may be no host's. */
static bool
looks_like_address(struct span text)
{
	char	 buf[ADDRESS_TEXT_SIZE];
	uint8_t	 bytes[16];

	if (text.n >= sizeof buf)
		return false;
	span_copy(buf, text);
	buf[text.n] = '\0';
	return inet_pton(AF_INET, buf, bytes) == 1 ||
	    inet_pton(AF_INET6, buf, bytes) == 1;
}

/* The zone of a link-local IPv6 address (RFC 4007, section 11) means something
 * on the messenger's host only. */
static bool
has_zone(struct span text)
{
	const char	*percent = span_find(text, '%');
	struct span	 addr = { text.p, 0 };

	if (percent == NULL)
		return false;
	addr.n = (size_t)(percent - text.p);
	return addr.n + 1 < text.n && span_has(addr, ':') &&
	    looks_like_address(addr);
}

/* Bare IPv6 is what Dovecot 2.3 says; Postfix itself says 501 to it. */
static enum assertion_worth
normalise_addr(struct assertion_value *v)
{
	struct span	 text = span_of(v->text);
	bool		 is_tagged;

	is_tagged = text.n > TAG_LEN && span_casebegins(text, TAG);
	if (is_tagged)
		text = span_skip(text, TAG_LEN);
	if (is_tagged && !span_has(text, ':'))
		return ASSERTION_WRONG;
	if (!parse_canonical(text, &v->addr))
		return looks_like_address(text) || has_zone(text) ?
		    ASSERTION_UNSAYABLE : ASSERTION_WRONG;
	if (is_reserved(&v->addr))
		return ASSERTION_UNSAYABLE;
	(void)address_format(&v->addr, v->text, sizeof v->text);
	return ASSERTION_FITS;
}

/* Dots at the end say that the name is whole, which it is. */
static enum assertion_worth
normalise_name(struct assertion_value *v)
{
	size_t	 n = strlen(v->text);

	while (n > 1 && v->text[n - 1] == '.')
		v->text[--n] = '\0';
	return hostname_valid(span_of(v->text)) ? ASSERTION_FITS :
	    ASSERTION_UNSAYABLE;
}

static enum assertion_worth
fits_if(bool is_right)
{
	return is_right ? ASSERTION_FITS : ASSERTION_WRONG;
}

static enum assertion_worth
normalise_port(struct assertion_value *v)
{
	size_t		 n = strlen(v->text);
	unsigned long	 port;

	if (n > PORT_MAX_LEN || strspn(v->text, "0123456789") != n)
		return ASSERTION_WRONG;
	port = strtoul(v->text, NULL, 10);
	(void)snprintf(v->text, sizeof v->text, "%lu", port);
	return fits_if(port <= UINT16_MAX);
}

/* Puts the table's spelling in place of the peer's. */
static enum assertion_worth
normalise_word(struct assertion_value *v, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (strcasecmp(v->text, *words) != 0)
			continue;
		memcpy(v->text, *words, strlen(*words) + 1);
		return ASSERTION_FITS;
	}
	return ASSERTION_WRONG;
}

static enum assertion_worth
normalise_xclient_proto(struct assertion_value *v)
{
	static const char *const	 words[] = { "SMTP", "ESMTP", NULL };

	return normalise_word(v, words);
}

static enum assertion_worth
normalise_source(struct assertion_value *v)
{
	static const char *const	 words[] = { "LOCAL", "REMOTE", NULL };

	return normalise_word(v, words);
}

/* Postfix puts '?' for what could upset a message header. */
static enum assertion_worth
normalise_masked(struct assertion_value *v)
{
	char	*p;

	for (p = v->text; (p = strpbrk(p, " <>()\\\";@")) != NULL; p++)
		*p = '?';
	return ASSERTION_FITS;
}

static enum assertion_worth
normalise_xforward_proto(struct assertion_value *v)
{
	return strlen(v->text) <= PROTO_MAX_LEN ? normalise_masked(v) :
	    ASSERTION_WRONG;
}

static enum assertion_worth
normalise_login(struct assertion_value *v)
{
	(void)v;
	return ASSERTION_FITS;
}

#define ADDR_EXPECTED	"an IPv4 address, an IPv6 address or [UNAVAILABLE]"
#define NAME_EXPECTED	"a host name, [UNAVAILABLE] or [TEMPUNAVAIL]"
#define PORT_EXPECTED	"a port number or [UNAVAILABLE]"
#define TEXT_EXPECTED	"a text or [UNAVAILABLE]"

static const struct assertion_rule	rules[][ASSERTION_COUNT] = {
	[ASSERTION_XCLIENT] = {
		[ASSERTION_ADDR] = { normalise_addr, true, false,
		    ADDR_EXPECTED, false, NULL },
		[ASSERTION_DESTADDR] = { normalise_addr, true, false,
		    ADDR_EXPECTED, false, NULL },
		[ASSERTION_NAME] = { normalise_name, true, true,
		    NAME_EXPECTED, true, NULL },
		[ASSERTION_REVERSE_NAME] = { normalise_name, true, true,
		    NAME_EXPECTED, true, NULL },
		[ASSERTION_PORT] = { normalise_port, true, false,
		    PORT_EXPECTED, false, NULL },
		[ASSERTION_DESTPORT] = { normalise_port, true, false,
		    PORT_EXPECTED, false, NULL },
		/* To XCLIENT, no PROTO is SMTP. */
		[ASSERTION_PROTO] = { normalise_xclient_proto, false, false,
		    "SMTP or ESMTP", false, "SMTP" },
		[ASSERTION_HELO] = { normalise_masked, true, false,
		    TEXT_EXPECTED, true, NULL },
		[ASSERTION_LOGIN] = { normalise_login, true, false,
		    "a user name or [UNAVAILABLE]", false, NULL }
	},
	[ASSERTION_XFORWARD] = {
		[ASSERTION_ADDR] = { normalise_addr, true, false,
		    ADDR_EXPECTED, false, NULL },
		[ASSERTION_NAME] = { normalise_name, true, false,
		    "a host name or [UNAVAILABLE]", true, NULL },
		[ASSERTION_PORT] = { normalise_port, true, false,
		    PORT_EXPECTED, false, NULL },
		[ASSERTION_PROTO] = { normalise_xforward_proto, true, false,
		    "a text of at most 64 characters or [UNAVAILABLE]",
		    false, NULL },
		[ASSERTION_HELO] = { normalise_masked, true, false,
		    TEXT_EXPECTED, true, NULL },
		[ASSERTION_IDENT] = { normalise_masked, true, false,
		    TEXT_EXPECTED, false, NULL },
		[ASSERTION_SOURCE] = { normalise_source, true, false,
		    "LOCAL, REMOTE or [UNAVAILABLE]", false, NULL }
	}
};

const struct assertion_rule *
assertion_rule_find(enum assertion_command command, enum assertion_name name)
{
	const struct assertion_rule	*rule = &rules[command][name];

	return rule->normalise != NULL ? rule : NULL;
}

/* Whether the value can be said again within Postfix's limit. */
static bool
fits_encoded(const char *text)
{
	char	 buf[ASSERTION_VALUE_MAX + 1];
	size_t	 len;

	return xtext_encode(span_of(text), buf, sizeof buf, &len) == XTEXT_OK;
}

enum assertion_worth
assertion_rule_try(const struct assertion_rule *rule, struct span text,
    struct assertion_value *v_r)
{
	const enum assertion_worth	 no = rule->is_free ?
	    ASSERTION_UNSAYABLE : ASSERTION_WRONG;
	enum assertion_worth		 worth;

	if (text.n == 0)
		return ASSERTION_WRONG;
	if (text.n > ASSERTION_VALUE_MAX || !span_is_printable(text))
		return no;
	span_copy(v_r->text, text);
	v_r->text[text.n] = '\0';
	worth = rule->normalise(v_r);
	if (worth == ASSERTION_FITS && !fits_encoded(v_r->text))
		return no;
	return worth;
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
