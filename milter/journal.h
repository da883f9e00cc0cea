/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * journal: the log lines that tell of sessions.  The names of events and keys
 * stand here and in xcontext-milter(8).
 */
#ifndef XC_JOURNAL_H
#define XC_JOURNAL_H

#include <sys/types.h>

#include "enforce.h"

/*
 * A refusal: event "mail_refused" with the step of the transaction, or
 * "command_denied" with step NULL.  s: the record, or NULL; pid 0: not known.
 */
void	journal_answer(const char *event, const char *step,
	    const struct session *s, const struct enforce_facts *facts,
	    pid_t pid, const struct enforce_answer *answer);

/* A connection that nothing is to be said about, for those who want all. */
void	journal_connect(const struct session *s,
	    const struct enforce_facts *facts, pid_t pid);

#endif
