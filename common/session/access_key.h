/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * access_key: what access_maps are asked about a session and its message.
 *
 * Each map is asked, in this order, for
 *
 *	context.NAME=VALUE	each pair of the connection, as it is shown
 *	message.NAME=VALUE	each pair of the message
 *	profile=NAME		of the peer
 *	peer=ADDRESS
 *	client=ADDRESS
 *	login=NAME		who is authenticated, if anybody is
 *
 * and then the next map.  In a value that is not UTF-8 each byte that is not
 * ASCII becomes "?".
 */
#ifndef XC_ACCESS_KEY_H
#define XC_ACCESS_KEY_H

#include "session/context_view.h"

#define ACCESS_KEYS_MAX	(2 * CONTEXT_VIEW_MAX + 4)
/* Of all keys: a full context, and a policy request's worth of the rest. */
#define ACCESS_KEYS_TEXT_MAX	(4U * 65536)

struct access_keys {
	size_t		 n;
	struct span	 v[ACCESS_KEYS_MAX];	/* into text */
	size_t		 used;
	char		 text[ACCESS_KEYS_TEXT_MAX];
};

/*
 * Makes the keys.  Of a session that nobody knows (s and connection NULL),
 * they are the message's, and who the MTA says is there: client and login,
 * each of which may be empty.
 */
void	access_keys_make(struct access_keys *keys, const struct session *s,
	    const struct context_view *connection,
	    const struct context_view *message, struct span client,
	    struct span login);

#endif
