/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * verdict: what was decided of a command or a session, why, and by which rule.
 * What follows from it, as an SMTP reply, is session/verdict_reply's.
 */
#ifndef XC_VERDICT_H
#define XC_VERDICT_H

#include <stdbool.h>

enum verdict_action {
	VERDICT_PERMIT,
	VERDICT_TEMPFAIL,	/* refuse mail of this session with 451 */
	VERDICT_REJECT,		/* ... with 554 */
	VERDICT_DISCONNECT	/* end the session with 421 */
};

/* Why; the texts (verdict_reason_text) are log and metrics labels. */
enum verdict_reason {
	REASON_GRANTED,		/* "granted" */
	REASON_NO_GRANT,	/* "no_grant": attribute or command */
	REASON_VALUE,		/* "value": granted, but not this value */
	REASON_SEALED,		/* "sealed" */
	REASON_LIMIT,		/* "limit": the context is full */
	REASON_REVOKED,		/* "revoked": the peer's grants are */
	REASON_MALFORMED,	/* "malformed" */
	REASON_NO_SESSION,	/* "no_session": peer not known */
	REASON_UNSEEN,		/* "unseen_override": executed unasked */
	REASON_MISMATCH,	/* "mismatch": MTA and ledger disagree */
	REASON_CANNOT_TELL	/* "cannot_tell": a table or the store failed */
};

struct verdict {
	enum verdict_action	 action;
	enum verdict_reason	 reason;
	bool			 report_only;	/* a violation, but let through
						 * (action is PERMIT) */
	int			 attribute;	/* enum assertion_name, or -1 */
	char			 rule[192];	/* "file:line" of the rule */
	char			 text[256];	/* one printable sentence */
	char			 also[512];	/* what else the line violates,
						 * each with its rule, for the
						 * log; "": nothing */
};

/* "no_grant" ..., "reject" ...; "unknown" of what is neither. */
const char	*verdict_reason_text(enum verdict_reason reason);
const char	*verdict_action_text(enum verdict_action action);
/* Finds an action, a reason, by its text; false: none. */
bool		 verdict_action_find(const char *text,
		    enum verdict_action *action_r);
bool		 verdict_reason_find(const char *text,
		    enum verdict_reason *reason_r);

#endif
