/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * identity: from what is known (record, XFORWARD, greeting, sockets) to
 * XCLIENT's attributes.
 *
 * What would surprise: what is not known is said to be so ([UNAVAILABLE]),
 * because a next hop would keep what it was told before, or take the relay's
 * own; and a client on a loopback address is told to nobody but a next hop on
 * one, for another would take it for one of its own users.
 *
 * It is asked for at each MAIL, mostly in vain: so what the lines were made
 * from is kept beside them, and compared first (identity_is_current).
 */
#include "identity.h"

#include <stdio.h>
#include <string.h>

#include "session/session_change.h"

static bool
says(const struct assertion_set *set, enum assertion_name name)
{
	return set->v[name].status != ASSERTION_ABSENT;
}

static void
set_unavailable(struct assertion_set *set, enum assertion_name name)
{
	(void)assertion_set_value(set, name, ASSERTION_UNAVAILABLE,
	    (struct span){ "", 0 });
}

/* A value that XCLIENT cannot have is as one that is not known. */
static void
set_text(struct assertion_set *set, enum assertion_name name,
    const char *value)
{
	if (value == NULL || *value == '\0' || !assertion_set_value(set, name,
	    ASSERTION_VALUE, span_of(value)))
		set_unavailable(set, name);
}

static void
set_port(struct assertion_set *set, enum assertion_name name, uint16_t port)
{
	char	 text[8];

	(void)snprintf(text, sizeof text, "%u", port);
	set_text(set, name, port == 0 ? NULL : text);
}

static void
set_address(struct assertion_set *set, enum assertion_name name,
    const struct address *addr)
{
	char	 text[ADDRESS_TEXT_SIZE];

	set_text(set, name, addr->family == AF_UNSPEC ? NULL :
	    address_format(addr, text, sizeof text));
}

static bool
has_value(const struct assertion_set *set, enum assertion_name name)
{
	return set->v[name].status == ASSERTION_VALUE;
}

bool
identity_is_local(const struct address *addr)
{
	static const uint8_t	 zero[15];

	switch (addr->family) {
	case AF_INET:
		return addr->bytes[0] == 127 || addr->bytes[0] == 0;
	case AF_INET6:
		return memcmp(addr->bytes, zero, sizeof zero) == 0 &&
		    addr->bytes[15] <= 1;
	default:
		return false;
	}
}

bool
identity_is_forwarded(const struct assertion_set *xforward)
{
	return xforward != NULL && (has_value(xforward, ASSERTION_ADDR) ||
	    strcmp(xforward->v[ASSERTION_SOURCE].value, "REMOTE") == 0);
}

/* XFORWARD has the same attributes but REVERSE_NAME, LOGIN and DEST*, and
 * words of its own (IDENT, SOURCE) that XCLIENT has not. */
static void
from_xforward(const struct assertion_set *xforward, struct assertion_set *set)
{
	static const enum assertion_name	 names[] = {
		ASSERTION_ADDR, ASSERTION_NAME, ASSERTION_PORT,
		ASSERTION_PROTO, ASSERTION_HELO
	};
	const struct assertion	*said;
	size_t			 i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		said = &xforward->v[names[i]];
		/* There is no such word for PROTO: it stays unsaid. */
		set_text(set, names[i], said->status == ASSERTION_VALUE ?
		    said->value : NULL);
	}
}

/* What nobody has said otherwise: an override without an address is about the
 * client that has connected. */
static void
from_socket(const struct session *s, struct assertion_set *set)
{
	/* An address must not be lost because of where it went to. */
	if (s->peer.family != AF_UNSPEC &&
	    set->destaddr.family != AF_UNSPEC &&
	    set->destaddr.family != s->peer.family)
		set_unavailable(set, ASSERTION_DESTADDR);
	set_address(set, ASSERTION_ADDR, &s->peer);
	if (!says(set, ASSERTION_NAME))
		set_text(set, ASSERTION_NAME, s->peer_name);
	if (!says(set, ASSERTION_PORT))
		set_port(set, ASSERTION_PORT, s->client_port);
}

/* Who is told to be 127.0.0.1 may do at the next hop what its own users may. */
static void
hide_local(struct assertion_set *set)
{
	if (identity_is_local(&set->addr)) {
		set_unavailable(set, ASSERTION_ADDR);
		set_unavailable(set, ASSERTION_NAME);
		set_unavailable(set, ASSERTION_REVERSE_NAME);
		set_unavailable(set, ASSERTION_PORT);
	}
	if (identity_is_local(&set->destaddr)) {
		set_unavailable(set, ASSERTION_DESTADDR);
		set_unavailable(set, ASSERTION_DESTPORT);
	}
}

/* What the client itself has done here, where nothing else is said. */
static void
add_greeting(const struct identity_sources *sources, struct assertion_set *set)
{
	if (sources->helo == NULL)
		return;
	if (!says(set, ASSERTION_HELO) && !assertion_set_value(set,
	    ASSERTION_HELO, ASSERTION_VALUE, span_of(sources->helo)))
		set_unavailable(set, ASSERTION_HELO);
	if (!says(set, ASSERTION_PROTO))
		set_text(set, ASSERTION_PROTO,
		    sources->is_esmtp ? "ESMTP" : "SMTP");
}

static void
add_destination(const struct identity_sources *sources,
    struct assertion_set *set)
{
	if (sources->local.family == AF_UNSPEC ||
	    sources->local.family != set->addr.family)
		return;
	set_address(set, ASSERTION_DESTADDR, &sources->local);
	set_port(set, ASSERTION_DESTPORT, sources->local_port);
}

/* What is not said stays with the next hop as it was: for whom it was told
 * before, or for our own connection. */
static void
add_unknown(struct assertion_set *set)
{
	static const enum assertion_name	 names[] = {
		ASSERTION_DESTADDR, ASSERTION_DESTPORT, ASSERTION_HELO
	};
	size_t	 i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (!says(set, names[i]))
			set_unavailable(set, names[i]);
	if (says(set, ASSERTION_NAME) && !has_value(set, ASSERTION_NAME) &&
	    !says(set, ASSERTION_REVERSE_NAME))
		set_unavailable(set, ASSERTION_REVERSE_NAME);
}

bool
identity_make(const struct identity_sources *sources, struct assertion_set *set)
{
	const struct session	*s = sources->session;
	bool			 is_other =
				     identity_is_forwarded(sources->xforward);

	assertion_init(set, ASSERTION_XCLIENT);
	if (is_other)
		from_xforward(sources->xforward, set);
	else if (s->override != NULL && !session_read_override(s->override,
	    set))
		return false;
	if (!says(set, ASSERTION_ADDR))
		from_socket(s, set);
	/* Whoever speaks for others has not greeted for them. */
	if (!is_other)
		add_greeting(sources, set);
	if (!is_other && s->override == NULL)
		add_destination(sources, set);
	if (!sources->is_hop_on_loopback)
		hide_local(set);
	add_unknown(set);
	if (sources->is_anonymous && !has_value(set, ASSERTION_LOGIN))
		set_text(set, ASSERTION_LOGIN, TRUST_ANONYMOUS);
	return true;
}

/* Whether the mail is this host's own, though it could not be said so: nobody
 * has been named who is not here, and a login is nothing to go without. */
static bool
is_own(const struct identity_sources *sources)
{
	const struct session	*s = sources->session;

	if (sources->is_hop_on_loopback || sources->is_anonymous ||
	    s->override != NULL || (s->peer.family != AF_UNSPEC &&
	    !identity_is_local(&s->peer)))
		return false;
	return !identity_is_forwarded(sources->xforward) ||
	    identity_is_local(&sources->xforward->addr);
}

/*
 * What lines were made from
 */

/* All inputs, one behind the other: written to a place, or compared with what
 * was written.  Each tells its own end, so that different inputs are different
 * bytes. */
struct source {
	unsigned char		*to;	/* NULL: they are compared */
	const unsigned char	*from;
	size_t			 n, max;
	bool			 is_other;	/* they differ, or there is no
						 * room */
};

static void
put(struct source *source, const void *bytes, size_t n)
{
	if (source->is_other || n > source->max - source->n) {
		source->is_other = true;
		return;
	}
	if (source->to != NULL)
		memcpy(source->to + source->n, bytes, n);
	else if (memcmp(source->from + source->n, bytes, n) != 0)
		source->is_other = true;
	source->n += n;
}

static void
put_number(struct source *source, unsigned number)
{
	put(source, &number, sizeof number);
}

static void
put_text(struct source *source, const char *text)
{
	put_number(source, text != NULL);
	if (text != NULL)
		put(source, text, strlen(text) + 1);
}

static void
put_address(struct source *source, const struct address *addr)
{
	put(source, &addr->family, sizeof addr->family);
	put(source, addr->bytes, sizeof addr->bytes);
}

static void
put_xforward(struct source *source, const struct assertion_set *xforward)
{
	int	 i;

	put_number(source, xforward != NULL);
	if (xforward == NULL)
		return;
	for (i = 0; i < ASSERTION_COUNT; i++) {
		put_number(source, xforward->v[i].status);
		put_text(source, xforward->v[i].value);
	}
}

/* Whatever is read above, of sources or of terms, must stand here. */
static void
put_all(struct source *source, const struct identity_sources *sources,
    const struct identity_terms *terms)
{
	put_number(source, terms->offered);
	put_number(source, terms->dialect);
	put_number(source, terms->is_required);
	put_number(source, sources->is_esmtp);
	put_number(source, sources->is_anonymous);
	put_number(source, sources->is_hop_on_loopback);
	put_number(source, sources->local_port);
	put_address(source, &sources->local);
	put_text(source, sources->helo);
	put_address(source, &sources->session->peer);
	put_number(source, sources->session->client_port);
	put_text(source, sources->session->peer_name);
	put_text(source, sources->session->override);
	put_xforward(source, sources->xforward);
}

bool
identity_is_current(const struct identity_lines *lines,
    const struct identity_sources *sources, const struct identity_terms *terms)
{
	struct source	 source = { .from = lines->source,
			     .max = lines->n_source };

	if (lines->n_source == 0)
		return false;
	put_all(&source, sources, terms);
	put_number(&source, lines->n);
	return !source.is_other && source.n == source.max;
}

enum identity_result
identity_tell(const struct identity_sources *sources,
    const struct identity_terms *terms, struct identity_lines *lines)
{
	struct assertion_set	 set;
	struct source		 source = { .to = lines->source,
				     .max = sizeof lines->source };

	if (!identity_make(sources, &set))
		return IDENTITY_CANNOT_TELL;
	/* This is to be the same with every dialect. */
	if (!terms->is_required && is_own(sources))
		identity_say_nothing(lines);
	else if (!identity_say(&set, terms, lines))
		return IDENTITY_CANNOT_BE_SAID;
	put_all(&source, sources, terms);
	/* Lines that somebody takes back are no longer these. */
	put_number(&source, lines->n);
	lines->n_source = source.is_other ? 0 : (uint16_t)source.n;
	return IDENTITY_TOLD;
}
