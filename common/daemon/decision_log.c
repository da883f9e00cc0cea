/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * decision_log: which keys a decision has, and how grave it is.
 *
 * "line" may be long, and stands last: what is over the length of a line is cut
 * off.  The names stand in one table, which whoever reads a log goes by, too.
 */
#include "daemon/decision_log.h"

#include <stdio.h>
#include <string.h>

#include "daemon/daemon.h"
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
	[DECISION_DIFFER] = { "differ", LOG_LEVEL_NOTICE },
	[DECISION_END] = { "end", LOG_LEVEL_INFO }
};

static const char *const	 keys[DECISION_KEY_COUNT] = {
	[DECISION_KEY_COMMAND] = "command",
	[DECISION_KEY_STEP] = "step",
	[DECISION_KEY_PEER] = "peer",
	[DECISION_KEY_CLIENT] = "client",
	[DECISION_KEY_PROFILE] = "profile",
	[DECISION_KEY_LISTENER] = "listener",
	[DECISION_KEY_PID] = "pid",
	[DECISION_KEY_ACTION] = "action",
	[DECISION_KEY_REPORT_ONLY] = "report_only",
	[DECISION_KEY_REASON] = "reason",
	[DECISION_KEY_ATTRIBUTE] = "attribute",
	[DECISION_KEY_KEY] = "key",
	[DECISION_KEY_RULE] = "rule",
	[DECISION_KEY_CONF] = "conf",
	[DECISION_KEY_PEER_NAME] = "peer_name",
	[DECISION_KEY_FINGERPRINT] = "fingerprint",
	[DECISION_KEY_PEER_RULE] = "peer_rule",
	[DECISION_KEY_SEALED] = "sealed",
	[DECISION_KEY_REPLY] = "reply",
	[DECISION_KEY_TEXT] = "text",
	[DECISION_KEY_ALSO] = "also",
	[DECISION_KEY_FORMER_PROFILE] = "former_profile",
	[DECISION_KEY_FORMER_PEER_RULE] = "former_peer_rule",
	[DECISION_KEY_FORMER_ACTION] = "former_action",
	[DECISION_KEY_FORMER_REASON] = "former_reason",
	[DECISION_KEY_FORMER_RULE] = "former_rule",
	[DECISION_KEY_SAID] = "said",
	[DECISION_KEY_LINE] = "line"
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

/* What is known of who connected; all of it decides which rules are his. */
static void
put_session(const struct session *s, const char *values[DECISION_KEY_COUNT],
    char peer[ADDRESS_TEXT_SIZE])
{
	if (s == NULL)
		return;
	values[DECISION_KEY_PEER] = address_format(&s->peer, peer,
	    ADDRESS_TEXT_SIZE);
	values[DECISION_KEY_PEER_NAME] = or_none(s->peer_name);
	values[DECISION_KEY_FINGERPRINT] = or_none(s->fingerprint);
	values[DECISION_KEY_PROFILE] = s->profile;
	values[DECISION_KEY_PEER_RULE] = or_none(s->rule);
	values[DECISION_KEY_LISTENER] = or_none(s->listener);
	values[DECISION_KEY_SEALED] = s->is_sealed ? "true" : NULL;
}

static void
put_verdict(const struct verdict *v, const char *values[DECISION_KEY_COUNT])
{
	if (v == NULL)
		return;
	values[DECISION_KEY_ACTION] = verdict_action_text(v->action);
	values[DECISION_KEY_REPORT_ONLY] = v->report_only ? "true" : NULL;
	values[DECISION_KEY_REASON] = verdict_reason_text(v->reason);
	values[DECISION_KEY_ATTRIBUTE] = attribute_text(v);
	if (v->rule[0] != '\0')
		values[DECISION_KEY_RULE] = v->rule;
	if (v->text[0] != '\0')
		values[DECISION_KEY_TEXT] = v->text;
	values[DECISION_KEY_ALSO] = or_none(v->also);
}

static void
put_former(const struct decision_former *f,
    const char *values[DECISION_KEY_COUNT])
{
	const struct verdict	*v;

	if (f == NULL)
		return;
	v = f->verdict;
	values[DECISION_KEY_FORMER_PROFILE] = f->profile;
	values[DECISION_KEY_FORMER_PEER_RULE] = or_none(f->peer_rule);
	values[DECISION_KEY_FORMER_ACTION] = v == NULL ? f->line :
	    verdict_action_text(v->action);
	values[DECISION_KEY_FORMER_REASON] = v == NULL ? NULL :
	    verdict_reason_text(v->reason);
	values[DECISION_KEY_FORMER_RULE] = or_none(v == NULL ? f->rule :
	    v->rule);
}

void
decision_log(const struct decision *d)
{
	struct log_pair	 pairs[DECISION_KEY_COUNT + 1] = { { NULL, NULL } };
	const char	*values[DECISION_KEY_COUNT] = { NULL };
	char		 peer[ADDRESS_TEXT_SIZE];
	char		 buf[ADDRESS_TEXT_SIZE];
	char		 said[SAID_SIZE], pid[PID_SIZE];
	int		 i;

	values[DECISION_KEY_COMMAND] = d->command;
	values[DECISION_KEY_STEP] = d->step;
	values[DECISION_KEY_CLIENT] = client_text(d, buf);
	values[DECISION_KEY_PID] = pid_text(d->pid, pid);
	values[DECISION_KEY_KEY] = d->key;
	values[DECISION_KEY_RULE] = d->rule;
	values[DECISION_KEY_CONF] = d->conf == NULL ? NULL :
	    or_none(d->conf->fingerprint);
	values[DECISION_KEY_REPLY] = d->reply;
	values[DECISION_KEY_TEXT] = d->text;
	values[DECISION_KEY_SAID] = said_text(d, said);
	values[DECISION_KEY_LINE] = d->line;
	put_session(d->session, values, peer);
	put_verdict(d->verdict, values);
	/* What has failed tells more than what came of it. */
	if (d->event == DECISION_ERROR && d->text != NULL)
		values[DECISION_KEY_TEXT] = d->text;
	put_former(d->former, values);
	if (d->event == DECISION_DIFFER)
		daemon_count_difference();
	for (i = 0; i < DECISION_KEY_COUNT; i++)
		pairs[i] = (struct log_pair){ keys[i], values[i] };
	write_line(d, d->event == DECISION_ERROR ? d->text :
	    values[DECISION_KEY_CLIENT], pairs);
}

bool
decision_log_tells(const struct decision *d)
{
	return d->event == DECISION_PERMIT || d->event == DECISION_OVERRIDE ||
	    d->event == DECISION_REFUSE || d->event == DECISION_ERROR ||
	    d->event == DECISION_DIFFER;
}

/*
 * For whoever reads the log
 */

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

bool
decision_log_event_find(struct span name, enum decision_event *event_r)
{
	size_t	 i;

	for (i = 0; i < COUNT(events); i++)
		if (span_eq(name, events[i].name)) {
			*event_r = (enum decision_event)i;
			return true;
		}
	return false;
}

bool
decision_log_key_find(struct span name, enum decision_key *key_r)
{
	size_t	 i;

	for (i = 0; i < COUNT(keys); i++)
		if (span_eq(name, keys[i])) {
			*key_r = (enum decision_key)i;
			return true;
		}
	return false;
}

bool
decision_log_said_is_whole(struct span said)
{
	const char	*blank = span_find(said, ' ');

	return blank == NULL ||
	    said.n - (size_t)(blank + 1 - said.p) <= DECISION_SAID_MAX;
}
