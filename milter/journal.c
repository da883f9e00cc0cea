/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * journal: see journal.h.  A refusal is told with what the MTA says of the
 * connection where there is no record to tell it.
 */
#include "journal.h"

#include <stdio.h>

#include "daemon/decision_log.h"
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

void
journal_answer(const char *step, const struct session *s,
    const struct conf *conf, const struct enforce_connection *connection,
    pid_t pid, const struct enforce_reply *answer)
{
	struct verdict	 verdict = { .action = answer->action,
			     .reason = answer->reason, .attribute = -1 };

	milter_metrics_count(step == NULL ? MILTER_COMMAND_DENIED :
	    MILTER_MAIL_REFUSED);
	decision_log(&(const struct decision){
	    .event = step == NULL ? DECISION_COMMAND_DENIED :
	    DECISION_MAIL_REFUSED, .session = s, .id = connection->id,
	    .client = &connection->client, .conf = conf, .verdict = &verdict,
	    .step = step, .reply = answer->code, .pid = pid,
	    .text = answer->text });
}

void
journal_decision(const struct decision *decision, void *arg)
{
	(void)arg;
	if (!decision_log_tells(decision))
		return;
	decision_log(decision);
	if (decision->event == DECISION_ERROR)
		milter_metrics_count(MILTER_ERROR);
	else if (decision->event != DECISION_DIFFER)
		milter_metrics_decision(decision->session->profile,
		    decision->command, decision->verdict);
}

void
journal_access(const struct session *s, const struct conf *conf,
    const char *action, struct span key, const char *file, unsigned line)
{
	char	 key_text[256], rule[256];

	(void)snprintf(key_text, sizeof key_text, "%.*s",
	    (int)(key.n < sizeof key_text ? key.n : sizeof key_text - 1),
	    key.p);
	(void)snprintf(rule, sizeof rule, "%s:%u", file, line);
	decision_log(&(const struct decision){ .event = DECISION_ACCESS,
	    .session = s, .conf = conf, .key = key_text, .rule = rule,
	    .line = action });
}

void
journal_error(const char *id, const struct err *err)
{
	milter_metrics_count(MILTER_ERROR);
	decision_log(&(const struct decision){ .event = DECISION_ERROR,
	    .id = id, .text = err->text });
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
journal_connect(const struct session *s,
    const struct enforce_connection *connection, pid_t pid)
{
	char	 client[ADDRESS_TEXT_SIZE], peer[ADDRESS_TEXT_SIZE];
	char	 number[PID_SIZE];

	LOG(LOG_LEVEL_INFO, s == NULL ? NULL : s->id, "connect",
	    { "client", address_format(&connection->client, client,
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
