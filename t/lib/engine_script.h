/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * engine_script: an engine on loopback that says what a table tells it to, in
 * pieces, late, or half, in the event loop of the test.
 */
#ifndef XC_T_ENGINE_SCRIPT_H
#define XC_T_ENGINE_SCRIPT_H

#include <netinet/in.h>

#include <event2/event_struct.h>

#include "shared/resp.h"

#define ENGINE_SCRIPT_CLOSE	"close"

/* The first whose command is at the front of what is said, its words with a
 * blank between them, counts; none: it is silent. */
struct engine_script_row {
	const char	*command;
	const char	*reply;		/* as it goes; NULL: nothing;
					 * ENGINE_SCRIPT_CLOSE: the end */
};

struct engine_script {
	const struct engine_script_row	*rows;	/* NULL command ends; may be
						 * changed at any time */
	size_t		 piece;		/* bytes in one turn; 0: all */
	size_t		 cut;		/* after so many it closes; 0: never */
	bool		 is_held;	/* nothing is sent meanwhile */

	unsigned	 n_accepted, n_said;
	struct sockaddr_in addr;

	/* Its own. */
	struct event_base *base;
	struct event	 accept_event, read_event, pump;
	int		 listen_fd, fd;
	struct resp_reader *reader;
	char		 out[65536];
	size_t		 n_out, n_sent;
	bool		 is_closing;
};

/* One connection at a time: a later one takes the place of an earlier. */
void	engine_script_open(struct engine_script *script,
	    struct event_base *base, const struct engine_script_row *rows);
void	engine_script_close(struct engine_script *script);
/* Sends what was held. */
void	engine_script_release(struct engine_script *script);
/* Nobody is there any more, or again. */
void	engine_script_hang_up(struct engine_script *script);

#endif
