/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * decision_log: the log line of a decision, whoever has made it.
 *
 * Its events and keys stand here and in xcontext-policy(8).  What nobody knows
 * is left out.
 */
#ifndef XC_DECISION_LOG_H
#define XC_DECISION_LOG_H

#include "conf/conf.h"
#include "session/session_life.h"

enum decision_event {
	DECISION_BEGIN,		/* "begin": a session with grants */
	DECISION_PERMIT,	/* "permit": a command */
	DECISION_REFUSE,	/* "refuse": a command, or the session's mail */
	DECISION_OVERRIDE,	/* "override": it was executed */
	DECISION_FORGET,	/* "forget": it was not */
	DECISION_UNDO,		/* "undo": it was another connection */
	DECISION_SEAL,		/* "seal" */
	DECISION_COMMAND_DENIED, /* "command_denied": its refusal was told */
	DECISION_MAIL_REFUSED,	/* "mail_refused": a step of a transaction */
	DECISION_ACCESS,	/* "access": access_maps have answered */
	DECISION_ERROR,		/* "error": it cannot be told */
	DECISION_END		/* "end" */
};

/* Of the command as it was said so many octets are shown. */
#define DECISION_SAID_MAX	1024

/* All but event may be NULL, or zero: it is not known, or there is none. */
struct decision {
	enum decision_event	 event;
	const struct session	*session;
	const char		*id;	/* its name, if nothing else is known */
	const struct address	*client;	/* whom the MTA has, if that is
						 * not the session's */
	const struct conf	*conf;	/* by which it was decided */
	const struct verdict	*verdict;
	const char		*command;	/* "XCLIENT" ... */
	struct span		 said;		/* what stood behind it */
	const char		*step;		/* of the transaction */
	const char		*reply;		/* its code */
	pid_t			 pid;		/* of the MTA's process */
	const char		*key;		/* of access_maps, ... */
	const char		*rule;		/* ... and where it stands */
	const char		*text;		/* what the verdict does not
						 * say */
	const char		*line;		/* what was given to the MTA,
						 * or executed */
};

/*
 * Writes it.  A refusal is a notice; where the MTA does what was not submitted
 * for judgement it is a warning, which is limited by client, and an error is
 * limited by its text.
 */
void	decision_log(const struct decision *decision);

/* The same of a session that the program keeps, as far as it is about a command
 * or an error.  False: it is not. */
bool	decision_log_life(const struct session_life_report *report);

#endif
