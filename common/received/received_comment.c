/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * received_comment: see received_comment.h.  Each form is read to its end: a
 * comment that goes on otherwise than its server writes is none of that server.
 */
#include "received/received_comment.h"

#include "received/received_text.h"

#define LITERAL_MAX	80	/* "[IPv6:", address, "%", zone, "]:65535" */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_port(struct span s)
{
	size_t	 i;

	if (s.n < 2 || s.n > 6 || s.p[0] != ':')
		return false;
	for (i = 1; i < s.n; i++)
		if (!is_digit(s.p[i]))
			return false;
	return true;
}

static bool
is_zone(struct span s)
{
	size_t	 i;

	for (i = 1; i < s.n; i++)
		if (!is_alnum(s.p[i]))
			return false;
	return s.n > 1 && s.p[0] == '%';
}

/* An address without brackets, an IPv6 address perhaps with a zone. */
static bool
bare_read(struct span s, struct address *addr_r)
{
	const char	*zone = span_find(s, '%');

	if (zone != NULL) {
		if (!span_has(s, ':') ||
		    !is_zone(span_skip(s, (size_t)(zone - s.p))))
			return false;
		s.n = (size_t)(zone - s.p);
	}
	return address_parse(s, addr_r);
}

/* "192.0.2.1:25", as Momentum has it in its brackets. */
static bool
v4_read(struct span s, struct address *addr_r)
{
	const char	*colon = s.n == 0 ? NULL : span_find(s, ':');

	return colon != NULL &&
	    is_port(span_skip(s, (size_t)(colon - s.p))) &&
	    address_parse((struct span){ s.p, (size_t)(colon - s.p) },
	    addr_r);
}

bool
received_literal_read(struct span s, struct address *addr_r)
{
	const char	*end;
	struct span	 port;

	if (s.n == 0 || s.n > LITERAL_MAX || s.p[0] != '[' ||
	    (end = span_find(s, ']')) == NULL)
		return false;
	port = span_skip(s, (size_t)(end + 1 - s.p));
	if (port.n > 0 && !is_port(port))
		return false;
	s = (struct span){ s.p + 1, (size_t)(end - s.p) - 1 };
	if (span_casebegins(s, "IPv6:")) {
		s = span_skip(s, 5);
		if (!span_has(s, ':'))
			return false;
	}
	return bare_read(s, addr_r) || (port.n == 0 && v4_read(s, addr_r));
}

/* What stands behind the last '@', or all: before it is an RFC 1413 answer. */
static struct span
without_ident(struct span s)
{
	size_t	 i = s.n;

	while (i > 0 && s.p[i - 1] != '@')
		i--;
	return span_skip(s, i);
}

/* "192.0.2.1", "192.0.2.1:25", "2001:db8::1%12", "ident@192.0.2.1". */
static bool
unbracketed_read(struct span s, struct received_comment *c)
{
	struct span	 host = without_ident(s);

	c->after_name = host.n < s.n;	/* only qmail writes so */
	return bare_read(host, &c->addr) || v4_read(host, &c->addr);
}

static bool
is_exim_token(struct span s)
{
	return span_casebegins(s, "helo=") ||
	    span_casebegins(s, "ident=") ||
	    span_casebegins(s, "port=");
}

/*
 * Takes "helo=x", "ident=x" or "port=x".  False: not that, a second HELO, or
 * with an '@': so Sendmail would write the address of one who calls himself
 * "helo=x" in RFC 1413's protocol.
 */
static bool
exim_token_read(struct span s, struct received_comment *c)
{
	if (!is_exim_token(s) || span_has(s, '@'))
		return false;
	if (span_casebegins(s, "helo=")) {
		if (c->helo.p != NULL)
			return false;
		c->helo = span_skip(s, 5);
	}
	return true;
}

static enum received_comment_kind
exim_read(struct span rest, struct received_comment *c)
{
	struct span	 token;

	while ((token = received_token_next(&rest)).n > 0)
		if (!exim_token_read(token, c))
			return COMMENT_ODD;
	return COMMENT_EXIM;
}

/* What IIS and CommuniGate add to an address. */
static bool
is_remark(struct span s)
{
	return span_eq(s, "unverified") || span_eq(s, "verified") ||
	    span_eq(s, "RDNS") || span_eq(s, "failed");
}

/*
 * Behind the address: "(may be forged)" and other remarks, which take the
 * name away, or what Exim adds if there was no name before it.
 */
static enum received_comment_kind
suffix_read(struct span rest, struct received_comment *c)
{
	bool		 has_name = c->name.p != NULL;
	struct span	 token;

	while ((token = received_token_next(&rest)).n > 0) {
		if (!c->after_name && (token.p[0] == '(' || is_remark(token)))
			c->name.n = 0;
		else if (!has_name && exim_token_read(token, c))
			c->after_name = true;
		else
			return COMMENT_ODD;
	}
	return COMMENT_CLIENT;
}

/* "HELO x", "account y HELO x": x is the only word behind the verb, or "". */
static struct span
helo_behind(struct span rest)
{
	struct span	 token = received_token_next(&rest);

	if (received_token_next(&rest).n > 0)
		token.n = 0;
	return token;
}

static bool
is_helo_verb(struct span s)
{
	return span_caseeq(s, "HELO") || span_caseeq(s, "EHLO") ||
	    span_caseeq(s, "LHLO");
}

static enum received_comment_kind
account_read(struct span rest, struct received_comment *c)
{
	struct span	 token;

	while ((token = received_token_next(&rest)).n > 0)
		if (is_helo_verb(token))
			c->helo = helo_behind(rest);
	return COMMENT_ACCOUNT;
}

/* first, rest: "NAME [ADDR]", "ident@NAME [ADDR]", "ident@[ADDR]". */
static enum received_comment_kind
name_read(struct span first, struct span rest, struct received_comment *c)
{
	struct span	 host = without_ident(first), ident = first;

	ident.n -= host.n;
	if (received_literal_read(host, &c->addr)) {
		if (span_has(ident, '['))
			return COMMENT_ODD;
		c->name = (struct span){ host.p, 0 };
		return suffix_read(rest, c);
	}
	if (!received_literal_read(received_token_next(&rest), &c->addr))
		return COMMENT_OTHER;
	if (span_has(first, '[') || span_has(first, ']'))
		return COMMENT_ODD;
	c->name = host;
	return suffix_read(rest, c);
}

static enum received_comment_kind
kind_read(struct span text, struct received_comment *c)
{
	struct span	 rest = text, first = received_token_next(&rest);
	struct span	 behind = rest;

	if (span_has(text, '\\'))
		return COMMENT_OTHER;
	if (is_helo_verb(first)) {
		c->helo = helo_behind(rest);
		return COMMENT_HELO;
	}
	if (is_exim_token(first))
		return exim_read(text, c);
	if (span_eq(first, "account"))
		return account_read(rest, c);
	if (received_literal_read(first, &c->addr))
		return suffix_read(rest, c);
	if (received_token_next(&behind).n == 0 &&
	    unbracketed_read(first, c)) {
		c->is_bare = true;
		return COMMENT_CLIENT;
	}
	c->after_name = false;
	return name_read(first, rest, c);
}

struct received_comment
received_comment_read(struct span text)
{
	struct received_comment	 c = { .kind = COMMENT_OTHER };

	c.kind = kind_read(text, &c);
	return c;
}
