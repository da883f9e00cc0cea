/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * sendmail: the session of an MTA that knows no X command and hands them all,
 * whole, to its milters.  Nobody else sees them; so the record is the milter's
 * to keep (kept.h), and an override changes what xcontext knows of the
 * session, never what the MTA does.
 */
#ifndef XC_SENDMAIL_H
#define XC_SENDMAIL_H

#include "enforce.h"
#include "session/kept.h"

/* Begins a session that logs to the journal; peer->mta is SESSION_SENDMAIL. */
void	sendmail_begin(struct kept *kept, struct conf *conf,
	    struct store *store, const struct kept_peer *peer,
	    uint64_t now_ms);

/*
 * Judges and executes a command line, and sets the answer in full: it is
 * VERDICT_PERMIT with a reply, even where all is well, because no milter can
 * say 2xx.  in_mail: a mail transaction is under way, in which the identity
 * cannot change.
 */
void	sendmail_command(struct kept *kept, enum trust_command command,
	    struct span args, bool in_mail, uint64_t now_ms,
	    struct enforce_answer *answer);

#endif
