/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * talk: what anybody who listens to an SMTP or LMTP connection knows of it:
 * which reply is for which command, and which messages were accepted.
 *
 * It judges nothing by the relay's own state.  Bytes may come in any pieces.
 */
#ifndef XC_T_TALK_H
#define XC_T_TALK_H

#include <stdint.h>

#include "base/span.h"

struct bytes {
	char	*p;
	size_t	 n, size;
};

/* Aborts the test if there is no memory. */
void	bytes_add(struct bytes *to, struct span more);
/* Takes n bytes off the front. */
void	bytes_drop(struct bytes *from, size_t n);
void	bytes_clear(struct bytes *bytes);

enum talk_mode {
	TALK_COMMAND,
	TALK_WAIT,		/* the reply tells what comes next */
	TALK_CONTENT,
	TALK_CHUNK,
	TALK_AUTH
};

#define TALK_AWAITED_MAX	20480

/* What a reply is for. */
#define TALK_FOR_OTHER		'-'	/* a greeting, too */
#define TALK_FOR_EHLO		'H'
#define TALK_FOR_MAIL		'M'
#define TALK_FOR_MAIL_TLS	'T'	/* with REQUIRETLS */
#define TALK_FOR_RCPT		'R'
#define TALK_FOR_DATA		'D'
#define TALK_FOR_AUTH		'A'
#define TALK_FOR_END		'E'	/* of a message */
#define TALK_FOR_RSET		'S'
#define TALK_FOR_XCLIENT	'X'
#define TALK_FOR_XREMOTEIP	'I'
#define TALK_FOR_XFORWARD	'F'	/* for the message that comes next */
#define TALK_FOR_XFORWARD_LATE	'L'	/* there may be a transaction that it
					 * is in */
#define TALK_FOR_XSETCONTEXT	'C'	/* but for hops alone */
#define TALK_FOR_NOTHING	'0'

struct talk {
	bool		 is_lmtp;
	enum talk_mode	 mode;
	struct bytes	 said;		/* by the client, not understood yet */
	struct bytes	 replied;	/* by the server, likewise */
	char		 awaited[TALK_AWAITED_MAX];	/* what replies are
							 * for */
	unsigned	 n_awaited;
	uint64_t	 chunk_left;
	bool		 is_chunk_last;
	unsigned	 content_state;
	bool		 is_in_mail;	/* a MAIL was accepted, and what ends
					 * a transaction was not yet */
	unsigned	 n_recipients;	/* accepted */
	unsigned	 n_due;		/* more replies to the end of a
					 * message; 0: none has come */
	unsigned	 n_ends;	/* messages that the client has ended */
	unsigned	 n_accepted;	/* 2xx replies to the end of messages */
	unsigned	 n_tls_accepted;	/* ... that demand TLS */
	bool		 is_tls_required;	/* by the last MAIL */
	bool		 is_ahead;	/* the client went on where a reply
					 * tells what comes next */
	bool		 is_server;	/* 2xx before the end of a chunk are no
					 * such */
	/* Called with each command line and reply; NULL: not. */
	void		(*on_command)(void *arg, struct span line);
	void		(*on_reply)(void *arg, char what, struct span reply);
	void		*arg;
	const char	*fault;		/* the client was no SMTP client: NULL:
					 * it was */
};

/* A connection that begins with the server's greeting. */
void	talk_begin(struct talk *talk, bool is_lmtp);
void	talk_end(struct talk *talk);
void	talk_said(struct talk *talk, struct span bytes);
void	talk_replied(struct talk *talk, struct span bytes);

#endif
