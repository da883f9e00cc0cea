/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * message: what a milter learns of one mail transaction: the message context.
 *
 * It ends with the transaction, however that ends: message_clear leaves
 * nothing behind.
 */
#ifndef XC_MESSAGE_H
#define XC_MESSAGE_H

#include "received/received.h"
#include "session/context_view.h"

#define MESSAGE_HEADER_MAX	8192	/* bytes of a Received: header that is
					 * read */

/* All zero is no message. */
struct message {
	bool		 is_begun;	/* MAIL was seen */
	bool		 has_failed;	/* for want of memory */
	bool		 is_decided;	/* access_maps were asked about it */
	char		*mailfrom;
	char		*queue_id;	/* NULL: not known yet */
	unsigned	 n_rcpt;	/* that the milter let pass */
	unsigned	 n_forged;	/* headers of our name */
	unsigned	 n_received;
	char		*received;	/* the one that counts */
	bool		 has_origin;
	struct received	*origin;	/* if so */
};

void	message_clear(struct message *m);

/* Begins a transaction; from is MAIL's argument, with or without "<>".
 * False: out of memory. */
bool	message_begin(struct message *m, const char *from);

/* NULL is allowed: nothing has become known.  False: out of memory. */
bool	message_set_queue_id(struct message *m, const char *queue_id);

/*
 * Takes note of a header.  ours is the name of the context header, received
 * which Received: header counts (0: none).  False: out of memory.
 */
bool	message_header(struct message *m, const char *name,
	    const char *value, const char *ours, unsigned received);

/*
 * Reads the origin off the Received: header that counts.  NULL: it is known
 * now; else why it is not.  An address that is not public is implausible: it
 * tells the filters behind nothing, and may be a gateway's own.
 */
const char	*message_find_origin(struct message *m);

/* The pairs; the view points into m. */
void	message_view(const struct message *m, struct context_view *view_r);

#endif
