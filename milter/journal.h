/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * journal: the log lines that tell of sessions.  Those of
 * decisions are decision_log's; the names of the others stand here and in
 * xcontext-milter(8).
 */
#ifndef XC_JOURNAL_H
#define XC_JOURNAL_H

#include <sys/types.h>

#include "enforce.h"
#include "message.h"
#include "session/session_life.h"

/*
 * A refusal: "mail_refused" with the step of the transaction, or
 * "command_denied" with step NULL.  s: the record, or NULL; pid 0: not known.
 */
void	journal_answer(const char *step, const struct session *s,
	    const struct conf *conf,
	    const struct enforce_connection *connection, pid_t pid,
	    const struct enforce_reply *answer);

/* A decision_fn, of what came of an X command that this program has taken. */
decision_fn	journal_decision;

/* An answer of access_maps: to which key, and where it stands. */
void	journal_access(const struct session *s, const struct conf *conf,
	    const char *action, struct span key, const char *file,
	    unsigned line);

/* What cannot be told, or done; id "": no session is known. */
void	journal_error(const char *id, const struct err *err);

/* Where a message came from; why NULL: m tells it, else why it is unknown. */
void	journal_origin(const char *id, const struct message *m,
	    const char *why);

/* A session that a relay hands over, by a socket that has that port. */
void	journal_handed_over(const struct session *s, uint16_t port);

/* A connection that nothing is to be said about, for those who want all. */
void	journal_connect(const struct session *s,
	    const struct enforce_connection *connection, pid_t pid);

#endif
