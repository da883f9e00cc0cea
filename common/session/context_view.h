/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_view: a context as it is shown: what the programs know of a session
 * or of a message by themselves, and what a messenger has set.
 *
 * It owns little: names and most values are pointed at, so a view lives no
 * longer than what it was made from.  A value that came from a client may hold
 * any byte: whoever shows it has to encode it.
 */
#ifndef XC_CONTEXT_VIEW_H
#define XC_CONTEXT_VIEW_H

#include "context/context_name.h"
#include "session/session.h"

#define CONTEXT_VIEW_MAX	(CONTEXT_BUILTIN_COUNT + CONTEXT_PAIRS_MAX)

struct context_item {
	const char	*name;
	struct span	 value;
};

struct context_view {
	unsigned		 n;
	unsigned		 builtins;	/* bits of those in it */
	struct context_item	 v[CONTEXT_VIEW_MAX];
	char			 address[2][ADDRESS_TEXT_SIZE];
	char			 number[16];
	struct assertion_set	 override;
};

/* What the caller knows besides the session's record; NULL: not known. */
struct context_client {
	const char	*remote_name;	/* that the MTA has looked up */
	const char	*ehlo_domain;	/* as the MTA has it; "": the client
					 * has not greeted, or no longer */
	const char	*auth_user;	/* who the MTA says is authenticated */
	bool		 is_anonymous;	/* the peer is always allowed */
};

/*
 * The connection's pairs: the built-in ones that are known, then those that
 * were set.  One that was set by a built-in name stands in its place.
 */
void	context_view_connection(const struct session *s,
	    const struct context_client *known, struct context_view *view_r);

/* Empties a view, adds a built-in pair of a message.  A view has room for all
 * of these. */
void	context_view_init(struct context_view *view);
void	context_view_add(struct context_view *view, enum context_builtin name,
	    struct span value);

/* NULL: there is none of that name (any case). */
const struct context_item	*context_view_find(
				    const struct context_view *view,
				    const char *name);

/* Of a name that both have, the message's is the true one: the connection's,
 * which a messenger has set, is taken out. */
void	context_view_yield(struct context_view *connection,
	    const struct context_view *message);

#endif
