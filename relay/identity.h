/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * identity: who a message is from, in XCLIENT's words, and the lines that say
 * so to a next hop.
 *
 * Of several sources the nearest to the message counts: XFORWARD, which is
 * said for each message; an override of the session (XCLIENT, XREMOTEIP, the
 * PROXY protocol); the socket.
 */
#ifndef XC_RELAY_IDENTITY_H
#define XC_RELAY_IDENTITY_H

#include "session.h"

/* Texts may be NULL: not known. */
struct identity_facts {
	const struct session	*session;
	const struct assertion_set *xforward;	/* of this message; NULL: none
						 * was said */
	const char		*helo;		/* the client's greeting */
	bool			 is_esmtp;
	bool			 is_anonymous;	/* always allowed */
	struct address		 local;		/* of our socket */
	uint16_t		 local_port;
};

/*
 * Makes the whole identity.  An XFORWARD without an address speaks of nobody:
 * the messenger then speaks for itself.  Names and ports that are not known are
 * said to be unavailable, for else the next hop would take ours.  False: the
 * session's record is damaged.
 */
bool	identity_make(const struct identity_facts *facts,
	    struct assertion_set *set_r);

#define IDENTITY_LINES_MAX	2
#define IDENTITY_LINE_SIZE	(ASSERTION_COMMAND_MAX + 1)

struct identity_lines {
	unsigned	n;
	char		line[IDENTITY_LINES_MAX][IDENTITY_LINE_SIZE];
				/* without CRLF */
};

/*
 * Writes the XCLIENT commands: one, if that has no more than 512 octets, else
 * names first and what each XCLIENT resets (HELO, PROTO, LOGIN) last, with the
 * address, upon which the next hop decides whether we may go on.  Of what is
 * still too long, REVERSE_NAME goes (NAME stands for both), then HELO, which
 * our EHLO says as well.
 * offered: bits 1 << enum assertion_name; only these are said.  False: ADDR is
 * not offered, so that nothing can be said.
 */
bool	identity_say(const struct assertion_set *set, unsigned offered,
	    struct identity_lines *lines_r);

/* True if both are the same commands. */
bool	identity_equal(const struct identity_lines *a,
	    const struct identity_lines *b);

#endif
