/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_client_private: what smtp_client.c is made of: what is said, in order
 * (smtp_client_step.c), and content as it goes over the wire
 * (smtp_client_content.c).  Neither calls the owner.
 */
#ifndef XC_CTL_SMTP_CLIENT_PRIVATE_H
#define XC_CTL_SMTP_CLIENT_PRIVATE_H

#include <bsd/sys/queue.h>
#include <event2/event_struct.h>

#include "smtp/stream.h"
#include "smtp_client.h"

enum smtp_client_kind {
	SMTP_CLIENT_GREETING,	/* nothing is said; the server speaks first */
	SMTP_CLIENT_LINE,
	SMTP_CLIENT_RAW,
	SMTP_CLIENT_EHLO,
	SMTP_CLIENT_STARTTLS,
	SMTP_CLIENT_ASSERTION,
	SMTP_CLIENT_CONTENT,
	SMTP_CLIENT_CHUNKS
};

struct smtp_client_step {
	STAILQ_ENTRY(smtp_client_step) entry;
	enum smtp_client_kind	 kind;
	bool			 is_said;
	bool			 is_unsayable;
	smtp_client_fn		*fn;
	void			*arg;
	unsigned		 n, nth;	/* replies that are due */
	/* Content: */
	smtp_client_source	*source;
	void			*source_arg;
	bool			 is_line_begun, has_cr;	/* of its last byte */
	bool			 is_written;	/* whole, or its last chunk */
	/* Lines: */
	size_t			 len, at;	/* what is left to say */
	char			 line[];
};

STAILQ_HEAD(smtp_client_steps, smtp_client_step);

enum smtp_client_phase {
	SMTP_CLIENT_NEW,
	SMTP_CLIENT_CONNECTING,
	SMTP_CLIENT_SECURING,
	SMTP_CLIENT_OPEN,
	SMTP_CLIENT_OVER
};

struct smtp_client {
	struct stream			 stream;
	struct event			 timer;
	struct event			 wake;
	struct event_base		*base;
	struct smtp_client_options	 options;
	const struct smtp_server	*server;
	unsigned			 next_address;
	int				 taken;		/* a socket, or -1 */
	enum smtp_client_phase		 phase;
	struct smtp_client_steps	 steps;
	unsigned			 n_said;
	bool				 ends_group;	/* what was said last */
	bool				 is_eof;
	struct smtp_offer		 offer;
	char				*in;
	size_t				 in_len, in_size;
	unsigned			 depth;		/* of calls of the loop */
	bool				 is_freed;
	enum smtp_client_result		 result;	/* when it is over */
	char				 why[256];
};

/* smtp_client_step.c */
/* Adds a step with a copy of a line.  NULL: out of memory. */
struct smtp_client_step	*smtp_client_step_add(struct smtp_client *client,
			    enum smtp_client_kind kind, struct span line,
			    smtp_client_fn *fn, void *arg);
/* Takes the first one off. */
void	smtp_client_step_drop(struct smtp_client *client);
/* What there is to say next; NULL: nothing, or not now. */
struct smtp_client_step	*smtp_client_step_next(
			    const struct smtp_client *client);
/* Puts it, or its next line.  False: the connection is broken. */
bool	smtp_client_step_say(struct smtp_client *client,
	    struct smtp_client_step *step);

/* smtp_client_content.c */
enum smtp_client_written {
	SMTP_CLIENT_WRITTEN,	/* whole, or a chunk of it */
	SMTP_CLIENT_WAITS,	/* for the socket to take what was put */
	SMTP_CLIENT_AGAIN,	/* enough for this turn */
	SMTP_CLIENT_BROKEN,
	SMTP_CLIENT_NO_SOURCE
};
enum smtp_client_written	smtp_client_content_write(
				    struct smtp_client *client,
				    struct smtp_client_step *step);
enum smtp_client_written	smtp_client_content_chunk(
				    struct smtp_client *client,
				    struct smtp_client_step *step);

#endif
