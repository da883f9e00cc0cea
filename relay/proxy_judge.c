/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * proxy_judge: see proxy_judge.h.  The header becomes XCLIENT's words, so that
 * one judge decides about both, and pairs, which need no grant.
 *
 * It seals whatever comes of it, unless the profile never does: behind the
 * header it is the client who types.
 */
#include "proxy_judge.h"

#include <inttypes.h>
#include <stdio.h>

#define END_SIZE	(ADDRESS_TEXT_SIZE + 5)	/* "IPV6:" */
#define ARGS_SIZE	256

/*
 * Pairs
 */

/* The header's pairs are as if an XSETCONTEXT had said them, but nobody has to
 * grant them: whoever may send the header may say all that is in it.  False:
 * no pair can hold it. */
static bool
add_pair(struct context_line *line, const char *name, struct span value)
{
	struct err	 err;

	return value.n == 0 ||
	    context_line_add(line, span_of(name), value, &err);
}

static void
add_id(struct context_line *line, const char *name,
    const struct proxy_header_id *id)
{
	char	 text[24];

	if (!id->is_there)
		return;
	(void)snprintf(text, sizeof text, "%" PRIu64, id->value);
	(void)add_pair(line, name, span_of(text));
}

/* It is any octets, and often those of a UUID. */
static void
add_unique_id(struct context_line *line, struct span id)
{
	char	 hex[2 * PROXY_HEADER_UNIQUE_ID_MAX + 1] = "";
	size_t	 i;

	if (add_pair(line, "proxy_unique_id", id))
		return;
	for (i = 0; i < id.n && i < PROXY_HEADER_UNIQUE_ID_MAX; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x",
		    (unsigned)(unsigned char)id.p[i]);
	(void)add_pair(line, "proxy_unique_id", span_of(hex));
}

static void
set_pairs(struct session_life *life, const struct proxy_header *h,
    uint64_t now_ms, struct context_line *line)
{
	line->n = 0;
	line->used = 0;
	(void)add_pair(line, "proxy_authority", h->authority);
	add_unique_id(line, h->unique_id);
	(void)add_pair(line, "proxy_ssl_version", h->ssl_version);
	(void)add_pair(line, "proxy_ssl_cipher", h->ssl_cipher);
	if (h->is_verified)
		(void)add_pair(line, "proxy_ssl_cn", h->ssl_cn);
	(void)add_pair(line, "proxy_aws_vpce_id", h->aws_vpce_id);
	add_id(line, "proxy_azure_pel_id", &h->azure_pel_id);
	add_id(line, "proxy_gcp_conn_id", &h->gcp_conn_id);
	if (line->n > 0)
		(void)session_life_set_pairs(life, line, CONTEXT_PROXY,
		    now_ms);
}

/*
 * The client
 */

/*
 * As XCLIENT's arguments, so that one judge decides about both.  XCLIENT has
 * both ends of one family.  A proxy that has taken a connection over IPv4 and
 * goes on over IPv6, or to an address that is only written as the other, says
 * what it has seen; of these two it is the client that matters.
 */
static size_t
print_arguments(const struct proxy_header *h, char buf[ARGS_SIZE])
{
	char	 from[END_SIZE], to[END_SIZE];
	int	 n;

	(void)address_format_mailhost(&h->source, from, sizeof from);
	n = h->source.family != h->destination.family ?
	    snprintf(buf, ARGS_SIZE, "ADDR=%s PORT=%u", from,
	    h->source_port) :
	    snprintf(buf, ARGS_SIZE,
	    "ADDR=%s PORT=%u DESTADDR=%s DESTPORT=%u", from, h->source_port,
	    address_format_mailhost(&h->destination, to, sizeof to),
	    h->destination_port);
	return n < 0 || n >= ARGS_SIZE ? 0 : (size_t)n;
}

/*
 * The name is not the proxy's to say, but ours, as that of a client who has
 * connected himself; so nobody has to grant it.  It goes for REVERSE_NAME as
 * well.
 */
static void
add_name(const struct proxy_header *h, struct judgement *j)
{
	struct assertion_set	*set = &j->override;
	struct span		 name = span_of(h->source_name == NULL ? "" :
				     h->source_name);
	size_t			 len;

	if (set->v[ASSERTION_ADDR].status != ASSERTION_VALUE)
		return;		/* the profile has it dropped */
	if (h->is_name_untold) {
		(void)assertion_set_value(set, ASSERTION_NAME,
		    ASSERTION_TEMPUNAVAIL, name);
		(void)assertion_set_value(set, ASSERTION_REVERSE_NAME,
		    ASSERTION_TEMPUNAVAIL, name);
	} else if (assertion_set_value(set, ASSERTION_NAME, ASSERTION_VALUE,
	    name)) {
		(void)assertion_set_value(set, ASSERTION_REVERSE_NAME,
		    ASSERTION_ABSENT, name);
	}
	(void)assertion_print(set, j->line, sizeof j->line, &len);
}

static enum session_life_result
override(struct session_life *life, const struct proxy_header *h,
    uint64_t now_ms, struct judgement *j)
{
	char				 args[ARGS_SIZE];
	size_t				 n = print_arguments(h, args);
	enum session_life_result	 result;

	result = session_life_judge(life, TRUST_XCLIENT,
	    (struct span){ args, n }, false, now_ms, j);
	if (result != LIFE_DONE)
		return result;
	add_name(h, j);
	return session_life_execute(life, j, now_ms);
}

enum session_life_result
proxy_judge(struct session_life *life, const struct proxy_header *h,
    uint64_t now_ms, struct judgement *room)
{
	enum session_life_result	 result = LIFE_DONE;
	const struct trust_profile	*profile;

	set_pairs(life, h, now_ms, &room->context);
	if (!h->is_local)
		result = override(life, h, now_ms, room);
	profile = session_life_profile(life);
	if (profile == NULL || trust_profile_seal(profile) != TRUST_SEAL_NEVER)
		session_life_seal(life, "proxy header", now_ms);
	return result;
}
