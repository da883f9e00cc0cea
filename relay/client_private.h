/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * What client.c (what it says) and client_reply.c (what it is told) share.
 */
#ifndef XC_RELAY_CLIENT_PRIVATE_H
#define XC_RELAY_CLIENT_PRIVATE_H

#include <bsd/sys/queue.h>

#include "client.h"

#define CLIENT_OWED_MAX	128U	/* more commands have to wait */

struct client_reply {
	STAILQ_ENTRY(client_reply) entry;
	char		*text;		/* said before its turn; NULL: nothing */
	size_t		 len;
	unsigned	 left;		/* parts that are still to be said */
	bool		 is_message;	/* see client_owe_message */
	bool		 is_last;	/* the connection ends with it */
};

struct client {
	const struct client_ops	*ops;
	void			*arg;
	const struct conf_relay	*relay;
	const uint64_t		*now_ms;

	enum client_state	 state;
	uint64_t		 since_ms;
	unsigned		 n_errors;	/* replies of 5xx, of ours */
	bool			 is_eof;
	bool			 is_held;	/* more of what it sent can be
						 * taken, but not yet */
	const char		*skipping;	/* the rest of a line that is
						 * too long, and then says
						 * this; NULL: not */
	bool			 is_ending;	/* its last reply waits */

	STAILQ_HEAD(, client_reply) replies;
	unsigned		 n_owed;
	unsigned		 n_messages;	/* of them */

	/* The command that waits. */
	struct client_reply	*waiting;	/* NULL: none */
	enum smtp_verb		 verb;
	char			*line;
};

#endif
