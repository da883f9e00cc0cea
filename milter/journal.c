/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * journal: see journal.h.  A refusal is told with what the MTA says of the
 * connection where there is no record to tell it.
 */
#include "journal.h"

#include <stdio.h>

#include "daemon/log.h"
#include "milter_metrics.h"

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
	    LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE;
}

void
journal_answer(const char *event, const char *step, const struct session *s,
    const struct enforce_facts *facts, pid_t pid,
    const struct enforce_answer *answer)
{
	char		 client[ADDRESS_TEXT_SIZE], peer[ADDRESS_TEXT_SIZE];
	char		 number[PID_SIZE];
	const char	*id = s != NULL ? s->id : facts->id;

	milter_metrics_count(step == NULL ? MILTER_COMMAND_DENIED :
	    MILTER_MAIL_REFUSED);
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
journal_command(const char *event, const struct session *s,
    const struct verdict *verdict, const char *command, const char *line)
{
	char	 client[ADDRESS_TEXT_SIZE], peer[ADDRESS_TEXT_SIZE];
	bool	 is_refusal = verdict->action != VERDICT_PERMIT;

	milter_metrics_decision(s->profile, command, verdict);
	LOG(is_refusal ? LOG_LEVEL_NOTICE : LOG_LEVEL_INFO, s->id, event,
	    { "command", command },
	    { "peer", address_format(&s->peer, peer, sizeof peer) },
	    { "client", address_format(&s->client, client, sizeof client) },
	    { "profile", s->profile },
	    { "listener", s->listener[0] == '\0' ? NULL : s->listener },
	    { "action", verdict_action_text(verdict->action) },
	    { "report_only", verdict->report_only ? "true" : NULL },
	    { "reason", verdict_reason_text(verdict->reason) },
	    { "rule", verdict->rule[0] == '\0' ? NULL : verdict->rule },
	    { "text", verdict->text },
	    { "also", verdict->also[0] == '\0' ? NULL : verdict->also },
	    { "line", line });
}

void
journal_access(const struct session *s, const char *action, struct span key,
    const char *file, unsigned line)
{
	char	 client[ADDRESS_TEXT_SIZE], peer[ADDRESS_TEXT_SIZE];
	char	 key_text[256], rule[256];

	(void)snprintf(key_text, sizeof key_text, "%.*s",
	    (int)(key.n < sizeof key_text ? key.n : sizeof key_text - 1),
	    key.p);
	(void)snprintf(rule, sizeof rule, "%s:%u", file, line);
	LOG(LOG_LEVEL_INFO, s->id, "access",
	    { "peer", address_format(&s->peer, peer, sizeof peer) },
	    { "client", address_format(&s->client, client, sizeof client) },
	    { "profile", s->profile },
	    { "key", key_text }, { "rule", rule }, { "line", action });
}

void
journal_error(const char *id, const struct err *err)
{
	milter_metrics_count(MILTER_ERROR);
	LOG(LOG_LEVEL_ERROR, id[0] == '\0' ? NULL : id, "error",
	    { "text", err->text });
}

void
journal_origin(const char *id, const struct message *m, const char *why)
{
	char	 address[ADDRESS_TEXT_SIZE];

	if (why != NULL)
		LOG(LOG_LEVEL_INFO, id, "no_origin",
		    { "queue_id", m->queue_id }, { "text", why },
		    { "header", m->received });
	else
		LOG(LOG_LEVEL_INFO, id, "origin",
		    { "queue_id", m->queue_id },
		    { "address", address_format(&m->origin->addr, address,
		    sizeof address) },
		    { "name", m->origin->name }, { "helo", m->origin->helo });
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

void
journal_handed_over(const struct session *s, uint16_t port)
{
	char	 client[ADDRESS_TEXT_SIZE], peer[ADDRESS_TEXT_SIZE];
	char	 number[8];

	(void)snprintf(number, sizeof number, "%u", (unsigned)port);
	LOG(LOG_LEVEL_INFO, s->id, "handed_over",
	    { "peer", address_format(&s->peer, peer, sizeof peer) },
	    { "client", address_format(&s->client, client, sizeof client) },
	    { "profile", s->profile },
	    { "relay_port", number });
}
