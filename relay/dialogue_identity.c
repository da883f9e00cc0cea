/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_identity: who the client is, for the next hop (by XCLIENT, by a
 * PROXY header, or through the store), for tables and for the client itself.
 */
#include "dialogue_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
is_anonymous(const struct dialogue *d)
{
	const struct trust_profile	*profile = dialogue_profile(d);

	return profile != NULL && trust_profile_always_allow(profile);
}

static struct identity_sources
sources_of(const struct dialogue *d, enum hop_whose whose)
{
	return (struct identity_sources){
		.session = session_life_session(d->life),
		.xforward = whose == HOP_OF_MESSAGE ? d->xforward : NULL,
		.helo = d->helo,
		.is_esmtp = d->is_esmtp,
		.is_anonymous = is_anonymous(d),
		.is_hop_on_loopback = d->env->ops->is_hop_local(d->arg),
		.local = d->peer.local,
		.local_port = d->peer.local_port
	};
}

enum identity_result
dialogue_tell(void *arg, enum hop_whose whose,
    const struct identity_terms *terms, struct identity_lines *lines_r)
{
	const struct identity_sources	 sources = sources_of(arg, whose);

	return identity_tell(&sources, terms, lines_r);
}

bool
dialogue_is_current(void *arg, const struct identity_lines *lines,
    const struct identity_terms *terms)
{
	const struct identity_sources	 sources = sources_of(arg,
	    HOP_OF_MESSAGE);

	return identity_is_current(lines, &sources, terms);
}

bool
dialogue_identity(void *arg, struct assertion_set *set_r)
{
	const struct identity_sources	 sources = sources_of(arg,
	    HOP_OF_MESSAGE);

	return identity_make(&sources, set_r);
}

/* The client's name, as far as it has one that can be said; the asserted one
 * where the client is not the one who speaks. */
const char *
dialogue_name(void *arg, const struct assertion_set *identity)
{
	const struct dialogue	*d = arg;

	if (identity != NULL)
		return identity_ehlo(identity, d->hostname);
	if (d->helo == NULL)
		return NULL;
	return smtp_is_helo_name(span_of(d->helo)) ? d->helo : d->hostname;
}

/* 0: it is not known. */
static uint16_t
port_of(const struct assertion_set *set, enum assertion_name name)
{
	return (uint16_t)strtoul(set->v[name].value, NULL, 10);
}

size_t
dialogue_proxy_header(void *arg, const struct assertion_set *set, char *buf,
    size_t size)
{
	const struct dialogue	*d = arg;
	struct proxy_header	 h = { .version = 2,
				     .destination = d->peer.local,
				     .destination_port = d->peer.local_port };

	h.source = set->addr;
	h.source_port = port_of(set, ASSERTION_PORT);
	/* Where he has connected to, if somebody has said so. */
	if (set->destaddr.family != AF_UNSPEC) {
		h.destination = set->destaddr;
		h.destination_port = port_of(set, ASSERTION_DESTPORT);
	}
	h.is_local = h.source.family == AF_UNSPEC ||
	    h.destination.family == AF_UNSPEC;
	return proxy_header_write(&h, buf, size);
}

static void
view_connection(const struct dialogue *d, struct context_view *view_r)
{
	const struct session		*s = session_life_session(d->life);
	const struct context_client	 sources = {
		.remote_name = s->override == NULL ? d->peer_name : NULL,
		.ehlo_domain = d->helo,
		.is_anonymous = is_anonymous(d)
	};

	context_view_connection(s, &sources, view_r);
}

static void
view_message(const struct dialogue *d, struct context_view *view_r)
{
	context_view_init(view_r);
	if (!d->tx.is_open)
		return;
	context_view_add(view_r, CONTEXT_MAILFROM, d->tx.sender);
	(void)snprintf(view_r->number, sizeof view_r->number, "%u",
	    d->tx.n_accepted);
	context_view_add(view_r, CONTEXT_RCPT_COUNT,
	    span_of(view_r->number));
}

void
dialogue_views(const struct dialogue *d, struct context_view views_r[2])
{
	view_connection(d, &views_r[0]);
	view_message(d, &views_r[1]);
	context_view_yield(&views_r[0], &views_r[1]);
}

/* Writes down (ops->hand_over) whose session it is. */
bool
dialogue_hand_over(struct dialogue *d)
{
	struct session		 copy, *shown = &copy;
	struct assertion_set	 set;
	char			 line[ASSERTION_LINE_MAX];
	size_t			 len;

	*shown = *dialogue_shown(d, &copy);
	if (d->xforward != NULL) {
		if (!dialogue_identity(d, &set) ||
		    !assertion_print(&set, line, sizeof line, &len))
			return false;
		shown->override = line;
	}
	shown->pid = d->env->pid;
	shown->pid_start = d->env->pid_start;
	return d->env->ops->hand_over(d->arg, shown);
}
