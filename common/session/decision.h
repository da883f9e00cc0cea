/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * decision: what is told of a session, to whoever logs and counts it: a
 * decision, what became of it, or why there is none.
 */
#ifndef XC_SESSION_DECISION_H
#define XC_SESSION_DECISION_H

#include "conf/conf.h"
#include "session/session.h"

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
	DECISION_ACCESS,	/* "access": access_maps, or always_allow, have
				 * answered */
	DECISION_ERROR,		/* "error": it cannot be told */
	DECISION_DIFFER,	/* "differ": by the rules before those on trial
				 * it would have come out otherwise */
	DECISION_END		/* "end" */
};

/* What the configuration before one on trial says; likewise. */
struct decision_former {
	const char		*profile;	/* the peer's, ... */
	const char		*peer_rule;	/* ... and what gives it to him */
	const struct verdict	*verdict;	/* of the command */
	const char		*line;		/* of access_maps: the action */
	const char		*rule;		/* ... and where it stands */
};

/* All but event may be NULL, or zero: it is not known, or there is none. */
struct decision {
	enum decision_event	 event;
	const struct session	*session;
	const char		*id;	/* its name, if nothing else is known */
	const struct address	*client;	/* whom the MTA has, if that is
						 * not the session's */
	const struct conf	*conf;	/* by which it was decided */
	const struct verdict	*verdict;
	const struct decision_former	*former;	/* of DECISION_DIFFER */
	const char		*command;	/* "XCLIENT" ..., or NULL ... */
	struct span		 said;		/* ... and what stood behind it;
						 * .p NULL: not known here */
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

/* What it points to lives as long as the call. */
typedef void decision_fn(const struct decision *decision, void *arg);

#endif
