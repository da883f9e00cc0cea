/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * keeper: a session whose record this milter keeps: that of an MTA that knows
 * no X command and hands them all, whole, to its milters (Sendmail), or one that
 * a relay hands over.  An override changes what xcontext knows of the session,
 * never what the MTA does.
 */
#ifndef XC_KEEPER_H
#define XC_KEEPER_H

#include "enforce.h"
#include "session/session_life.h"

/* Begins a session that logs to the journal, and saves it; peer->keeper is
 * SESSION_KEEPER_MILTER.  NULL: out of memory. */
struct session_life	*keeper_begin(struct conf *conf, struct store *store,
			    const struct session_life_peer *peer,
			    uint64_t now_ms);

/*
 * Judges and executes a command line, and sets the answer in full: it is
 * VERDICT_PERMIT with a reply, even where all is well, because no milter can
 * say 2xx.  in_mail: a mail transaction is under way, in which the identity
 * cannot change.
 */
void	keeper_command(struct session_life *life, enum trust_command command,
	    struct span args, bool in_mail, uint64_t now_ms,
	    struct enforce_reply *answer);

#endif
