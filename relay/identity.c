/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * identity: from what is known to XCLIENT's attributes, and to lines.
 */
#include "identity.h"

#include <stdio.h>
#include <string.h>

#include "session_change.h"

#define BIT(name)	(1U << (name))

static bool
says(const struct assertion_set *set, enum assertion_name name)
{
	return set->v[name].status != ASSERTION_ABSENT;
}

static void
remove_attribute(struct assertion_set *set, enum assertion_name name)
{
	(void)assertion_set_value(set, name, ASSERTION_ABSENT,
	    (struct span){ "", 0 });
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
		if (said->status == ASSERTION_VALUE)
			set_text(set, names[i], said->value);
		else if (names[i] == ASSERTION_NAME ||
		    names[i] == ASSERTION_PORT)
			set_unavailable(set, names[i]);
	}
}

static void
from_socket(const struct session *s, struct assertion_set *set)
{
	set_address(set, ASSERTION_ADDR, &s->peer);
	set_text(set, ASSERTION_NAME, s->peer_name);
	set_port(set, ASSERTION_PORT, s->client_port);
}

/* What the client itself has done here, where nothing else is said. */
static void
add_greeting(const struct identity_facts *facts, struct assertion_set *set)
{
	if (facts->helo == NULL)
		return;
	if (!says(set, ASSERTION_HELO) && !assertion_set_value(set,
	    ASSERTION_HELO, ASSERTION_VALUE, span_of(facts->helo)))
		set_unavailable(set, ASSERTION_HELO);
	if (!says(set, ASSERTION_PROTO))
		set_text(set, ASSERTION_PROTO,
		    facts->is_esmtp ? "ESMTP" : "SMTP");
}

static void
add_destination(const struct identity_facts *facts, struct assertion_set *set)
{
	if (facts->local.family == AF_UNSPEC ||
	    facts->local.family != set->addr.family)
		return;
	set_address(set, ASSERTION_DESTADDR, &facts->local);
	set_port(set, ASSERTION_DESTPORT, facts->local_port);
}

bool
identity_make(const struct identity_facts *facts, struct assertion_set *set)
{
	const struct session		*s = facts->session;
	const struct assertion_set	*xforward = facts->xforward;
	/* One that names nobody is as none. */
	bool	 is_forwarded = xforward != NULL &&
		    xforward->v[ASSERTION_ADDR].status == ASSERTION_VALUE;

	assertion_init(set, ASSERTION_XCLIENT);
	if (is_forwarded)
		from_xforward(xforward, set);
	else if (s->override != NULL && !session_read_override(s->override,
	    set))
		return false;
	if (!says(set, ASSERTION_ADDR))
		from_socket(s, set);
	if (says(set, ASSERTION_NAME) &&
	    set->v[ASSERTION_NAME].status != ASSERTION_VALUE &&
	    !says(set, ASSERTION_REVERSE_NAME))
		set_unavailable(set, ASSERTION_REVERSE_NAME);
	/* Whoever speaks for others has not greeted for them. */
	if (!is_forwarded)
		add_greeting(facts, set);
	if (!is_forwarded && s->override == NULL)
		add_destination(facts, set);
	if (facts->is_anonymous && !says(set, ASSERTION_LOGIN))
		set_text(set, ASSERTION_LOGIN, TRUST_ANONYMOUS);
	return true;
}

static unsigned
said_mask(const struct assertion_set *set)
{
	unsigned	 mask = 0;
	int		 i;

	for (i = 0; i < ASSERTION_COUNT; i++)
		if (says(set, i))
			mask |= BIT(i);
	return mask;
}

static void
copy_part(struct assertion_set *part, const struct assertion_set *set,
    unsigned mask)
{
	int	 i;

	assertion_copy(part, set);
	for (i = 0; i < ASSERTION_COUNT; i++)
		if ((mask & BIT(i)) == 0 && says(part, i))
			remove_attribute(part, (enum assertion_name)i);
}

/* Writes the attributes of one mask as a line; true if it is not too long.
 * Nothing to say is no line. */
static bool
write_line(const struct assertion_set *set, unsigned mask,
    struct identity_lines *lines)
{
	struct assertion_set	 part;
	char			 line[ASSERTION_LINE_MAX];
	unsigned		 said = said_mask(set);
	size_t			 len;

	if ((said & mask) == 0)
		return true;
	if ((said & ~mask) != 0) {
		copy_part(&part, set, mask);
		set = &part;
	}
	if (!assertion_print(set, line, sizeof line, &len) ||
	    len + strlen("\r\n") > ASSERTION_COMMAND_MAX)
		return false;
	memcpy(lines->line[lines->n++], line, len + 1);
	return true;
}

bool
identity_say(const struct assertion_set *set, unsigned offered,
    struct identity_lines *lines_r)
{
	const unsigned	 names = BIT(ASSERTION_NAME) |
			     BIT(ASSERTION_REVERSE_NAME);
	unsigned	 first = offered & names, last = offered & ~names;

	lines_r->n = 0;
	if ((offered & BIT(ASSERTION_ADDR)) == 0)
		return false;
	if (write_line(set, offered, lines_r))
		return lines_r->n > 0;
	if (!write_line(set, first, lines_r) &&
	    !write_line(set, first & ~BIT(ASSERTION_REVERSE_NAME), lines_r))
		return false;
	if (!write_line(set, last, lines_r) &&
	    !write_line(set, last & ~BIT(ASSERTION_HELO), lines_r))
		return false;
	return true;
}

bool
identity_equal(const struct identity_lines *a, const struct identity_lines *b)
{
	unsigned	 i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++)
		if (strcmp(a->line[i], b->line[i]) != 0)
			return false;
	return true;
}
