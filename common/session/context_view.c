/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_view: see context_view.h.  The order is the one in which pairs are
 * shown: the session, the peer, the client, its greeting, its login, and then
 * what was set, in the order in which it was; but a pair that has a built-in
 * name takes the place of that one.
 */
#include "session/context_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "session/session_change.h"

#define BLANKS	" \t\v\f\r"	/* to Postfix's tokenizer */

void
context_view_init(struct context_view *view)
{
	view->n = 0;
	view->builtins = 0;
}

void
context_view_add(struct context_view *view, enum context_builtin name,
    struct span value)
{
	if (view->builtins & (1U << name))
		return;
	view->builtins |= 1U << name;
	view->v[view->n++] = (struct context_item){
	    context_name_of_builtin(name), value };
}

static void
add_text(struct context_view *view, enum context_builtin name,
    const char *text)
{
	if (text != NULL && *text != '\0')
		context_view_add(view, name, span_of(text));
}

static void
add_address(struct context_view *view, enum context_builtin name,
    const struct address *addr, char *buf)
{
	if (addr->family != AF_UNSPEC)
		add_text(view, name, address_format(addr, buf,
		    ADDRESS_TEXT_SIZE));
}

/* What the overrides say of an attribute; NULL: nothing. */
static const char *
asserted(const struct assertion_set *set, enum assertion_name name)
{
	return set->v[name].status == ASSERTION_VALUE ? set->v[name].value :
	    NULL;
}

static void
add_client(struct context_view *view, const struct session *s,
    const struct context_client *known, const struct assertion_set *override)
{
	const char	*name;

	add_address(view, CONTEXT_REMOTE_ADDRESS, &s->client,
	    view->address[1]);
	if (s->client_port != 0) {
		(void)snprintf(view->number, sizeof view->number, "%" PRIu16,
		    s->client_port);
		add_text(view, CONTEXT_REMOTE_PORT, view->number);
	}
	if (override->v[ASSERTION_NAME].status != ASSERTION_ABSENT)
		name = asserted(override, ASSERTION_NAME);
	else
		name = s->peer_name != NULL ? s->peer_name :
		    known->remote_name;
	add_text(view, CONTEXT_REMOTE_NAME, name);
}

/* The argument of a HELO or EHLO line, as it was typed. */
static const char *
greeting_name(const char *line)
{
	const char	*name = line == NULL ? NULL : strpbrk(line, BLANKS);

	return name == NULL ? NULL : name + strspn(name, BLANKS);
}

/* HELO by an override counts until the client greets again. */
static void
add_greeting(struct context_view *view, const struct session *s,
    const struct context_client *known, const struct assertion_set *override)
{
	const char	*name = known->ehlo_domain;

	if (name != NULL && *name == '\0')
		return;
	if (name == NULL)
		name = greeting_name(s->ehlo);
	if (name == NULL)
		name = asserted(override, ASSERTION_HELO);
	add_text(view, CONTEXT_EHLO_DOMAIN, name);
	add_text(view, CONTEXT_EHLO_STRING, s->ehlo);
}

static void
add_login(struct context_view *view, const struct context_client *known,
    const struct assertion_set *override)
{
	const char	*user = known->auth_user;

	if (user == NULL || *user == '\0')
		user = asserted(override, ASSERTION_LOGIN);
	if (user == NULL && known->is_anonymous)
		user = TRUST_ANONYMOUS;
	add_text(view, CONTEXT_AUTH_USER, user);
}

/* A pair that was set takes the place of a built-in one of its name. */
static void
add_pair(struct context_view *view, const struct context_pair *pair)
{
	struct span	 value = span_of(pair->value);
	unsigned	 i;

	if (context_name_is_builtin(pair->name))
		for (i = 0; i < view->n; i++)
			if (strcmp(view->v[i].name, pair->name) == 0) {
				view->v[i].value = value;
				return;
			}
	if (view->n < CONTEXT_VIEW_MAX)
		view->v[view->n++] =
		    (struct context_item){ pair->name, value };
}

void
context_view_connection(const struct session *s,
    const struct context_client *known, struct context_view *view_r)
{
	struct assertion_set	*override = &view_r->override;
	unsigned		 i;

	context_view_init(view_r);
	if (!session_read_override(s->override, override))
		assertion_init(override, ASSERTION_XCLIENT);
	add_text(view_r, CONTEXT_SESSION, s->id);
	add_text(view_r, CONTEXT_PROFILE, s->profile);
	add_text(view_r, CONTEXT_LISTENER, s->listener);
	add_address(view_r, CONTEXT_PEER_ADDRESS, &s->peer,
	    view_r->address[0]);
	add_text(view_r, CONTEXT_PEER_NAME, s->peer_name);
	add_client(view_r, s, known, override);
	add_greeting(view_r, s, known, override);
	add_login(view_r, known, override);
	for (i = 0; i < s->context.n; i++)
		add_pair(view_r, s->context.pairs[i]);
}

const struct context_item *
context_view_find(const struct context_view *view, const char *name)
{
	unsigned	 i;

	for (i = 0; i < view->n; i++)
		if (strcasecmp(view->v[i].name, name) == 0)
			return &view->v[i];
	return NULL;
}

void
context_view_yield(struct context_view *connection,
    const struct context_view *message)
{
	unsigned	 i, n = 0;

	for (i = 0; i < connection->n; i++)
		if (context_view_find(message, connection->v[i].name) == NULL)
			connection->v[n++] = connection->v[i];
	connection->n = n;
}
