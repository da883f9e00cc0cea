/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * verdict_reply: which code a verdict gets, whichever program says it.
 *
 * One table, which xcontext-smtp(7) prints.  A program looks a verdict up, and
 * adds the text.  It says nothing of the replies that no verdict is behind: the
 * order of commands, sizes, next hops, and the actions of access(5).
 */
#ifndef XC_VERDICT_REPLY_H
#define XC_VERDICT_REPLY_H

#include <stddef.h>

#include "trust/verdict.h"

/* What is answered. */
enum verdict_reply_to {
	VERDICT_REPLY_TO_CONNECTION,	/* in place of a greeting */
	VERDICT_REPLY_TO_COMMAND,	/* an X command */
	VERDICT_REPLY_TO_MISPLACED,	/* one that has to wait until a mail
					 * transaction is over; no violation */
	VERDICT_REPLY_TO_MAIL,		/* MAIL, RCPT, DATA, BDAT */
	VERDICT_REPLY_TO_ACCESS		/* a step that access_maps decide */
};

/* Who says it, and so what reaches the client. */
enum verdict_reply_by {
	VERDICT_REPLY_BY_SERVER,	/* xcontext-relay, or Postfix upon the
					 * word of its policy service */
	VERDICT_REPLY_BY_MILTER,	/* no milter can say 2xx */
	VERDICT_REPLY_BY_POSTFIX	/* an MTA that says 500 for what a
					 * milter says to an unknown command,
					 * unless that is 4xx (from 3.10) */
};

/* NUL included; with CRLF it is the 512 octets of RFC 5321, 4.5.3.1.5. */
#define VERDICT_REPLY_SIZE	511
#define VERDICT_REPLY_SESSION	"; session "	/* what ends its text */
/* Where access_maps cannot be asked, or say what cannot be done. */
#define VERDICT_REPLY_BAD_POLICY	"Server configuration problem"

struct verdict_reply {
	char	code[sizeof "550"];
	char	xcode[sizeof "5.123.123"];
};

/* One line of the table: a verdict gets the first that is about it. */
struct verdict_reply_row {
	enum verdict_reply_to	 to;
	int			 action;	/* enum verdict_action, or -1:
						 * any */
	int			 reason;	/* enum verdict_reason, or -1:
						 * any */
	struct verdict_reply	 reply;
};

/* Sets reply_r in full.  What no line is about is a temporary failure. */
void	verdict_reply_find(enum verdict_reply_to to,
	    enum verdict_action action, enum verdict_reason reason,
	    enum verdict_reply_by by, struct verdict_reply *reply_r);

/* True for 421: the connection is over with it. */
bool	verdict_reply_ends(const struct verdict_reply *reply);

/* "550 5.7.1 text; session ID", without CRLF; id "": without a session.
 * Returns buf; what does not fit is cut. */
const char	*verdict_reply_line(const struct verdict_reply *reply,
		    const char *text, const char *id,
		    char buf[VERDICT_REPLY_SIZE]);

/* What a refusal is told by: its text or, if that is lost, the reason. */
const char	*verdict_reply_text(const char *text,
		    enum verdict_reason reason);

/* The table, for the test that compares the manual. */
const struct verdict_reply_row	*verdict_reply_rows(size_t *n_r);
const char	*verdict_reply_to_text(enum verdict_reply_to to);

#endif
