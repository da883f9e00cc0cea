/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * sendmail: the session of an MTA that knows no X command and hands them all,
 * whole, to its milters.  Nobody else sees them; so the record is the milter's
 * to keep, and an override changes what xcontext knows of the session, never
 * what the MTA does.
 */
#ifndef XC_SENDMAIL_H
#define XC_SENDMAIL_H

#include "enforce.h"
#include "judge.h"
#include "store.h"

struct sendmail {
	struct conf			*conf;		/* the caller's */
	struct store			*store;		/* likewise */
	struct session			 session;
	const struct trust_profile	*profile;	/* NULL: not known */
	bool				 has_record;	/* in the store */
};

/* Who connected.  name NULL: not verified.  pid 0: not known, and there is
 * then no record in the store. */
struct sendmail_peer {
	struct address	 addr;
	uint16_t	 port;		/* 0: not known */
	const char	*name;
	const char	*listener;	/* NULL: none */
	pid_t		 pid;
	uint64_t	 pid_start;
};

/*
 * Begins a session in zeroed memory, classifies the peer, and saves it.  conf
 * and store must outlive it.  Whatever cannot be told refuses the session's
 * mail.
 */
void	sendmail_begin(struct sendmail *sm, struct conf *conf,
	    struct store *store, const struct sendmail_peer *peer,
	    uint64_t now_ms);

/* Ends it, and takes its record out of the store. */
void	sendmail_end(struct sendmail *sm);

/* HELO, EHLO and MAIL seal an overridden session, if its profile says so.
 * sendmail_mail, false: the store cannot tell; the mail must not be taken. */
void	sendmail_greeting(struct sendmail *sm, uint64_t now_ms);
bool	sendmail_mail(struct sendmail *sm, uint64_t now_ms);

/*
 * Judges and executes a command line, and sets the answer in full: it is
 * VERDICT_PERMIT with a reply, even where all is well, because no milter can
 * say 2xx.  in_mail: a mail transaction is under way, in which the identity
 * cannot change.
 */
void	sendmail_command(struct sendmail *sm, enum trust_command command,
	    struct span args, bool in_mail, uint64_t now_ms,
	    struct enforce_answer *answer);

#endif
