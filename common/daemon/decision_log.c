/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * decision_log: which keys a decision has, and how grave it is.
 *
 * "line" may be long, and stands last: what is over the length of a line is cut
 * off.
 */
#include "daemon/decision_log.h"

#include <stdio.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/trace.h"

#define PID_SIZE	16
#define CUT		"..."
/* The longest command, a blank, what it said, NUL. */
#define SAID_SIZE	(sizeof "XDUMPCONTEXT " + DECISION_SAID_MAX + \
			sizeof CUT)

static const struct {
	const char	*name;
	enum log_level	 level;
} events[] = {
	[DECISION_BEGIN] = { "begin", LOG_LEVEL_INFO },
	[DECISION_PERMIT] = { "permit", LOG_LEVEL_INFO },
	[DECISION_REFUSE] = { "refuse", LOG_LEVEL_NOTICE },
	[DECISION_OVERRIDE] = { "override", LOG_LEVEL_INFO },
	[DECISION_FORGET] = { "forget", LOG_LEVEL_INFO },
	[DECISION_UNDO] = { "undo", LOG_LEVEL_INFO },
	[DECISION_SEAL] = { "seal", LOG_LEVEL_INFO },
	[DECISION_COMMAND_DENIED] = { "command_denied", LOG_LEVEL_NOTICE },
	[DECISION_MAIL_REFUSED] = { "mail_refused", LOG_LEVEL_NOTICE },
	[DECISION_ACCESS] = { "access", LOG_LEVEL_INFO },
	[DECISION_ERROR] = { "error", LOG_LEVEL_ERROR },
	[DECISION_END] = { "end", LOG_LEVEL_INFO }
};

/* What refuses mail is told of as other refusals are. */
static bool
is_refusal(const char *action)
{
	return action != NULL && (strncasecmp(action, "REJECT", 6) == 0 ||
	    strncasecmp(action, "DEFER", 5) == 0 || *action == '4' ||
	    *action == '5');
}

static enum log_level
level_of(const struct decision *d)
{
	if (d->event == DECISION_ACCESS && is_refusal(d->line))
		return LOG_LEVEL_NOTICE;
	if (d->event != DECISION_ERROR && d->verdict != NULL &&
	    (d->verdict->reason == REASON_UNSEEN ||
	    d->verdict->reason == REASON_MISMATCH))
		return LOG_LEVEL_WARNING;
	return events[d->event].level;
}

/* NULL, which leaves the pair out, for what is empty. */
static const char *
or_none(const char *text)
{
	return text == NULL || *text == '\0' ? NULL : text;
}

static const char *
pid_text(pid_t pid, char buf[PID_SIZE])
{
	(void)snprintf(buf, PID_SIZE, "%ld", (long)pid);
	return pid > 0 ? buf : NULL;
}

/* The command as it was said, but for a NUL, which no text can hold. */
static const char *
said_text(const struct decision *d, char buf[SAID_SIZE])
{
	struct span	 said = span_trim(d->said);
	size_t		 n, i, shown;

	if (d->command == NULL || d->said.p == NULL)
		return NULL;
	shown = said.n < DECISION_SAID_MAX ? said.n : DECISION_SAID_MAX;
	n = (size_t)snprintf(buf, SAID_SIZE, "%.13s%s", d->command,
	    shown == 0 ? "" : " ");
	for (i = 0; i < shown; i++)
		buf[n++] = said.p[i] == '\0' ? '?' : said.p[i];
	(void)strcpy(buf + n, shown < said.n ? CUT : "");
	return buf;
}

static const char *
attribute_text(const struct verdict *v)
{
	return v == NULL || v->attribute < 0 ? NULL :
	    assertion_name_text((enum assertion_name)v->attribute);
}

static const char *
client_text(const struct decision *d, char buf[ADDRESS_TEXT_SIZE])
{
	const struct address	*client = d->client;

	if (client == NULL && d->session != NULL)
		client = &d->session->client;
	return client == NULL ? NULL :
	    address_format(client, buf, ADDRESS_TEXT_SIZE);
}

/* The rate of what is limited goes by like. */
static void
write_line(const struct decision *d, const char *like,
    const struct log_pair *pairs)
{
	enum log_level	 level = level_of(d);
	const char	*id = or_none(d->session != NULL ? d->session->id :
			     d->id);

	if (level <= LOG_LEVEL_WARNING)
		log_limited(level, id, events[d->event].name, like, pairs);
	else
		log_event(level, id, events[d->event].name, pairs);
	if (trace_is_read())
		trace_tell(&(const struct trace_line){
		    .peer = d->session == NULL ? NULL : &d->session->peer,
		    .profile = d->session == NULL ? NULL :
		    d->session->profile, .level = level, .session = id,
		    .event = events[d->event].name, .pairs = pairs });
}

void
decision_log(const struct decision *d)
{
	const struct session	*s = d->session;
	const struct verdict	*v = d->verdict;
	char			 peer[ADDRESS_TEXT_SIZE];
	char			 buf[ADDRESS_TEXT_SIZE];
	char			 said[SAID_SIZE], pid[PID_SIZE];
	const char		*client = client_text(d, buf);

	write_line(d, d->event == DECISION_ERROR ? d->text : client,
	    (const struct log_pair[]){
	    { "command", d->command },
	    { "step", d->step },
	    { "peer", s == NULL ? NULL : address_format(&s->peer, peer,
	    sizeof peer) },
	    { "client", client },
	    { "profile", s == NULL ? NULL : s->profile },
	    { "listener", s == NULL ? NULL : or_none(s->listener) },
	    { "pid", pid_text(d->pid, pid) },
	    { "action", v == NULL ? NULL : verdict_action_text(v->action) },
	    { "report_only", v != NULL && v->report_only ? "true" : NULL },
	    { "reason", v == NULL ? NULL : verdict_reason_text(v->reason) },
	    { "attribute", attribute_text(v) },
	    { "key", d->key },
	    { "rule", v == NULL || v->rule[0] == '\0' ? d->rule : v->rule },
	    { "conf", d->conf == NULL ? NULL :
	    or_none(d->conf->fingerprint) },
	    { "reply", d->reply },
	    { "text", v == NULL || v->text[0] == '\0' ? d->text : v->text },
	    { "also", v == NULL ? NULL : or_none(v->also) },
	    { "said", said_text(d, said) },
	    { "line", d->line },
	    { NULL, NULL } });
}

bool
decision_log_tells(const struct decision *d)
{
	return d->event == DECISION_PERMIT || d->event == DECISION_OVERRIDE ||
	    d->event == DECISION_REFUSE || d->event == DECISION_ERROR;
}
