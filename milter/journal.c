/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * journal: one line an event.
 */
#include "journal.h"

#include <stdio.h>

#include "log.h"

#define PID_SIZE	16

/* NULL, which leaves the pair out, if the process is not known. */
static const char *
pid_text(pid_t pid, char buf[PID_SIZE])
{
	(void)snprintf(buf, PID_SIZE, "%ld", (long)pid);
	return pid > 0 ? buf : NULL;
}

static const char *
peer_text(const struct session *s, char *buf, size_t size)
{
	return s == NULL ? NULL : address_format(&s->peer, buf, size);
}

/* That the MTA does what the ledger did not see is a fault of the wiring. */
static enum log_level
level_of(enum verdict_reason reason)
{
	return reason == REASON_UNSEEN || reason == REASON_MISMATCH ?
	    LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
}

void
journal_answer(const char *event, const char *step, const struct session *s,
    const struct enforce_facts *facts, pid_t pid,
    const struct enforce_answer *answer)
{
	char		 client[ADDRESS_TEXT_SIZE], peer[ADDRESS_TEXT_SIZE];
	char		 number[PID_SIZE];
	const char	*id = s != NULL ? s->id : facts->id;

	/* The first pair is what repeated warnings are counted by. */
	LOG(level_of(answer->reason), id[0] == '\0' ? NULL : id, event,
	    { "client", address_format(&facts->client, client,
	    sizeof client) },
	    { "step", step },
	    { "action", verdict_action_text(answer->action) },
	    { "reason", verdict_reason_text(answer->reason) },
	    { "peer", peer_text(s, peer, sizeof peer) },
	    { "profile", s == NULL ? NULL : s->profile },
	    { "pid", pid_text(pid, number) },
	    { "reply", answer->code },
	    { "text", answer->text });
}

void
journal_connect(const struct session *s, const struct enforce_facts *facts,
    pid_t pid)
{
	char	 client[ADDRESS_TEXT_SIZE], peer[ADDRESS_TEXT_SIZE];
	char	 number[PID_SIZE];

	LOG(LOG_LEVEL_INFO, s == NULL ? NULL : s->id, "connect",
	    { "client", address_format(&facts->client, client,
	    sizeof client) },
	    { "peer", peer_text(s, peer, sizeof peer) },
	    { "profile", s == NULL ? NULL : s->profile },
	    { "pid", pid_text(pid, number) });
}
