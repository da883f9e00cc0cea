/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * identity_say: an identity as XCLIENT commands that the next hop can read.
 *
 * Postfix's XCLIENT_README has [UNAVAILABLE] for whatever is not known, and
 * IPV6: before an address.  Others have taken over the command and not all of
 * that; what each of them makes of a word that it does not know, or of one that
 * is missing, stands at its dialect.
 */
#include "identity.h"

#include <string.h>

#include "base/address.h"
#include "base/hostname.h"
#include "base/smtp_command.h"

#define BIT(name)	(1U << (name))
#define NAMES		(BIT(ASSERTION_NAME) | BIT(ASSERTION_REVERSE_NAME))
#define WHERE		(BIT(ASSERTION_ADDR) | BIT(ASSERTION_PORT))

static bool
says(const struct assertion_set *set, enum assertion_name name)
{
	return set->v[name].status != ASSERTION_ABSENT;
}

static bool
has_value(const struct assertion_set *set, enum assertion_name name)
{
	return set->v[name].status == ASSERTION_VALUE;
}

static void
set_status(struct assertion_set *set, enum assertion_name name,
    enum assertion_status status)
{
	(void)assertion_set_value(set, name, status, (struct span){ "", 0 });
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

static unsigned
value_mask(const struct assertion_set *set)
{
	unsigned	 mask = 0;
	int		 i;

	for (i = 0; i < ASSERTION_COUNT; i++)
		if (has_value(set, i))
			mask |= BIT(i);
	return mask;
}

/*
 * Dialects
 */

/* KumoMTA has no word for what is not known, and keeps what is not said: port 0
 * is the harmless one; its own address, which the client never saw, stays for
 * the destination. */
static void
for_kumomta(struct assertion_set *set)
{
	if (!has_value(set, ASSERTION_PORT))
		(void)assertion_set_value(set, ASSERTION_PORT,
		    ASSERTION_VALUE, span_of("0"));
	if (has_value(set, ASSERTION_DESTADDR) &&
	    has_value(set, ASSERTION_DESTPORT))
		return;
	if (!has_value(set, ASSERTION_DESTADDR))
		set_status(set, ASSERTION_DESTADDR, ASSERTION_ABSENT);
	set_status(set, ASSERTION_DESTPORT, ASSERTION_ABSENT);
}

/* Exim forgets nothing by itself. */
static void
for_exim(struct assertion_set *set)
{
	if (!says(set, ASSERTION_LOGIN))
		set_status(set, ASSERTION_LOGIN, ASSERTION_UNAVAILABLE);
}

static bool
is_port_zero(const struct assertion_set *set, enum assertion_name name)
{
	return has_value(set, name) && strcmp(set->v[name].value, "0") == 0;
}

/* What all take for HELO: a domain of letters, digits and hyphens, or an address
 * in brackets. */
static bool
is_plain_helo(struct span name)
{
	struct address	 addr;

	if (name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
		return address_parse_mailhost((struct span){ name.p + 1,
		    name.n - 2 }, &addr);
	return hostname_valid(name) && !span_has(name, '_');
}

/* Dovecot passes over what is [UNAVAILABLE], and refuses port 0 and a HELO that
 * is no domain. */
static void
for_dovecot(struct assertion_set *set)
{
	if (is_port_zero(set, ASSERTION_PORT))
		set_status(set, ASSERTION_PORT, ASSERTION_UNAVAILABLE);
	if (is_port_zero(set, ASSERTION_DESTPORT))
		set_status(set, ASSERTION_DESTPORT, ASSERTION_UNAVAILABLE);
	if (has_value(set, ASSERTION_HELO) &&
	    !is_plain_helo(span_of(set->v[ASSERTION_HELO].value)))
		set_status(set, ASSERTION_HELO, ASSERTION_UNAVAILABLE);
}

/* A dialect that is not Postfix's.  Each reads an IPv6 address without the tag
 * (Exim would take the tag for a part of it).  None has a harmless word for an
 * address that is not known: to KumoMTA it is an error, Dovecot leaves ours in
 * its place, and Exim takes the mail for one of its own users'. */
static const struct dialect {
	unsigned	 known;		/* attributes */
	void		(*translate)(struct assertion_set *set);
} dialects[] = {
	[XCLIENT_KUMOMTA] = { WHERE | BIT(ASSERTION_DESTADDR) |
	    BIT(ASSERTION_DESTPORT), for_kumomta },
	[XCLIENT_EXIM] = { WHERE | BIT(ASSERTION_NAME) |
	    BIT(ASSERTION_LOGIN) | BIT(ASSERTION_DESTADDR) |
	    BIT(ASSERTION_DESTPORT), for_exim },
	[XCLIENT_DOVECOT] = { WHERE | BIT(ASSERTION_PROTO) |
	    BIT(ASSERTION_HELO) | BIT(ASSERTION_LOGIN) |
	    BIT(ASSERTION_DESTADDR) | BIT(ASSERTION_DESTPORT), for_dovecot }
};

/* NULL: Postfix's. */
static const struct dialect *
find_dialect(enum xclient_dialect dialect)
{
	size_t	 i = (size_t)dialect;

	return i < sizeof dialects / sizeof dialects[0] &&
	    dialects[i].translate != NULL ? &dialects[i] : NULL;
}

/* Takes the tag out behind " ADDR=" and the like.  No value has a blank in it,
 * so that this stands nowhere else. */
static size_t
drop_tag(char *line, size_t len, const char *attribute)
{
	char	*at = strstr(line, attribute), *tag;

	if (at == NULL)
		return len;
	tag = at + strlen(attribute);
	if (strncmp(tag, "IPV6:", 5) != 0)
		return len;
	memmove(tag, tag + 5, strlen(tag + 5) + 1);
	return len - 5;
}

/*
 * Lines
 */

static void
copy_part(struct assertion_set *part, const struct assertion_set *set,
    unsigned mask)
{
	int	 i;

	assertion_copy(part, set);
	for (i = 0; i < ASSERTION_COUNT; i++)
		if ((mask & BIT(i)) == 0 && says(part, i))
			set_status(part, (enum assertion_name)i,
			    ASSERTION_ABSENT);
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
	if (!assertion_print(set, line, sizeof line, &len))
		return false;
	if (find_dialect(lines->dialect) != NULL) {
		len = drop_tag(line, len, " ADDR=");
		len = drop_tag(line, len, " DESTADDR=");
	}
	if (len + strlen("\r\n") > ASSERTION_COMMAND_MAX)
		return false;
	memcpy(lines->line[lines->n++], line, len + 1);
	lines->said |= said & mask;
	lines->values |= value_mask(set);
	return true;
}

/* Says in two lines what one has no room for. */
static bool
write_two(const struct assertion_set *set, unsigned offered,
    struct identity_lines *lines)
{
	unsigned	 first = offered & NAMES, last = offered & ~NAMES;

	if (lines->dialect == XCLIENT_EXIM)
		first |= offered & WHERE;
	if (!write_line(set, first, lines) &&
	    !write_line(set, first & ~BIT(ASSERTION_REVERSE_NAME), lines))
		return false;
	return write_line(set, last, lines) ||
	    write_line(set, last & ~BIT(ASSERTION_HELO), lines);
}

static void
begin(struct identity_lines *lines, enum xclient_dialect dialect)
{
	lines->n = 0;
	lines->said = lines->values = 0;
	lines->dialect = dialect;
	lines->n_source = 0;
}

void
identity_say_nothing(struct identity_lines *lines)
{
	begin(lines, XCLIENT_POSTFIX);
}

bool
identity_say(const struct assertion_set *set,
    const struct identity_terms *terms, struct identity_lines *lines_r)
{
	const struct dialect	*dialect = find_dialect(terms->dialect);
	struct assertion_set	 translated;
	unsigned		 offered = terms->offered;

	begin(lines_r, terms->dialect);
	if ((offered & BIT(ASSERTION_ADDR)) == 0)
		return false;
	if (dialect != NULL) {
		if (!has_value(set, ASSERTION_ADDR))
			return false;
		offered &= dialect->known;
		assertion_copy(&translated, set);
		dialect->translate(&translated);
		set = &translated;
	}
	if (write_line(set, offered, lines_r))
		return lines_r->n > 0;
	return write_two(set, offered, lines_r);
}

/*
 * What a next hop was told before
 */

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

bool
identity_replaces(const struct identity_lines *lines,
    const struct identity_lines *told)
{
	/* Each XCLIENT resets these, or the EHLO behind it does. */
	const unsigned	 reset = BIT(ASSERTION_REVERSE_NAME) |
			     BIT(ASSERTION_PROTO) | BIT(ASSERTION_HELO) |
			     BIT(ASSERTION_LOGIN);

	if (told->n == 0)
		return true;
	if (lines->n == 0)
		return false;
	switch (lines->dialect) {
	case XCLIENT_KUMOMTA:
	case XCLIENT_DOVECOT:
		return (told->values & ~lines->values) == 0;
	case XCLIENT_EXIM:
		/* Told that a port is not known, it finds the next one
		 * missing. */
		return (told->values & BIT(ASSERTION_PORT)) != 0 &&
		    (told->said & ~lines->said) == 0;
	case XCLIENT_DIALECT_UNSET:
	case XCLIENT_AUTO:
	case XCLIENT_POSTFIX:
		break;
	}
	return (told->said & ~lines->said & ~reset) == 0;
}

const char *
identity_ehlo(const struct assertion_set *set, const char *hostname)
{
	const char	*helo = set->v[ASSERTION_HELO].value;

	return has_value(set, ASSERTION_HELO) &&
	    smtp_is_helo_name(span_of(helo)) ? helo : hostname;
}

bool
identity_may_greet(enum xclient_dialect dialect, struct span name)
{
	return (dialect != XCLIENT_KUMOMTA && dialect != XCLIENT_EXIM) ||
	    is_plain_helo(name);
}
