/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtpd_line: what a line of Postfix's log tells of an SMTP session, or of mail
 * that came by one.
 *
 * Greetings, addresses and logins are the clients' own words, and a client may
 * choose words that look like the log's.  What could be read in two ways is not
 * read, and what no command could say again is not told: both are told apart
 * from lines about something else.
 */
#ifndef XC_CTL_SMTPD_LINE_H
#define XC_CTL_SMTPD_LINE_H

#include "base/address.h"
#include "log_entry.h"

enum smtpd_line_kind {
	SMTPD_LINE_OTHER,	/* about nothing of this */
	SMTPD_LINE_CONNECT,
	SMTPD_LINE_DISCONNECT,
	SMTPD_LINE_CLIENT,	/* whose a mail is */
	SMTPD_LINE_DECISION,	/* on a command */
	SMTPD_LINE_SENDER,	/* of a mail */
	SMTPD_LINE_RCPT,	/* of a mail, one of them */
	SMTPD_LINE_REMOVED,	/* a mail is done with */
	SMTPD_LINE_UNREAD	/* one of these, but not what: see why */
};

enum smtpd_line_why {
	SMTPD_LINE_ODD,		/* characters that cannot be said again */
	SMTPD_LINE_AMBIGUOUS,	/* a client's words look like the log's */
	SMTPD_LINE_MALFORMED,	/* not as Postfix writes it */
	SMTPD_LINE_STAGE	/* of a stage that the client was past its
				 * recipients at, or of no mail */
};
#define SMTPD_LINE_WHYS	(SMTPD_LINE_STAGE + 1)

enum smtpd_line_stage {
	SMTPD_LINE_AT_CONNECT,
	SMTPD_LINE_AT_HELO,
	SMTPD_LINE_AT_MAIL,
	SMTPD_LINE_AT_RCPT
};

struct smtpd_line {
	enum smtpd_line_kind	 kind;
	enum smtpd_line_why	 why;		/* of UNREAD */
	struct span		 queue_id;	/* empty: there is no mail yet */
	/* CONNECT, DISCONNECT, CLIENT and DECISION: */
	struct address		 addr;		/* AF_UNSPEC: unknown */
	struct span		 name;		/* "unknown"; a host's name */
	struct span		 port;		/* empty: not told */
	struct span		 login;		/* empty: none is told */
	bool			 is_passed_on;	/* by a filter: that mail was
						 * here before */
	/* DECISION: */
	enum smtpd_line_stage	 stage;
	bool			 is_refusal;	/* else a warning, or the like */
	struct span		 code, status;	/* "554"; "5.7.1", or empty */
	struct span		 proto, helo;	/* helo empty: none */
	/* DECISION, SENDER, RCPT: without "<" and ">"; p is NULL where there is
	 * none. */
	struct span		 sender, rcpt;
};

/* All that is told points into the line, or the entry. */
void	smtpd_line_read(const struct log_entry_foreign *foreign,
	    struct smtpd_line *line_r);

/* "a greeting, or an address, ..." */
const char	*smtpd_line_why_text(enum smtpd_line_why why);

#endif
