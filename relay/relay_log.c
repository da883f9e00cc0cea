/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * relay_log: see relay_log.h.  Events are counted where they are told.  Of what
 * a client does wrong only so many lines a minute are written.
 */
#include "relay_log.h"

#include <string.h>

#include <bsd/string.h>

#include "daemon/decision_log.h"
#include "daemon/log.h"

static const struct {
	const char	*name;
	enum log_level	 level;
	bool		 is_detail;	/* only with log_all */
} events[] = {
	[DIALOGUE_COMMAND] = { "command", LOG_LEVEL_INFO, true },
	[DIALOGUE_HOP_READY] = { "hop_ready", LOG_LEVEL_INFO, true },
	[DIALOGUE_HOP_FAILED] = { "hop_failed", LOG_LEVEL_WARNING, false },
	[DIALOGUE_XCLIENT_SENT] = { "xclient_sent", LOG_LEVEL_INFO, false },
	[DIALOGUE_XCLIENT_NOT_OFFERED] =
	    { "xclient_not_offered", LOG_LEVEL_WARNING, false },
	[DIALOGUE_XCLIENT_REFUSED] =
	    { "xclient_refused", LOG_LEVEL_WARNING, false },
	[DIALOGUE_XCLIENT_VERDICT] =
	    { "xclient_verdict", LOG_LEVEL_INFO, false },
	[DIALOGUE_XCLIENT_FAILED] =
	    { "xclient_failed", LOG_LEVEL_WARNING, false },
	[DIALOGUE_MAIL_REFUSED] = { "mail_refused", LOG_LEVEL_NOTICE, false },
	[DIALOGUE_MESSAGE] = { "message", LOG_LEVEL_INFO, false },
	[DIALOGUE_PROTOCOL_ERROR] =
	    { "protocol_error", LOG_LEVEL_INFO, false },
	[DIALOGUE_TIMEOUT] = { "timeout", LOG_LEVEL_INFO, false },
	[DIALOGUE_LOOP] = { "loop", LOG_LEVEL_WARNING, false }
};

/* Next hops that were not there when they were needed; what happens in the
 * middle of a message is told by its reply. */
static void
count_failure(struct relay_metrics *m, const struct dialogue_report *report)
{
	enum relay_hop_failure	 why = RELAY_HOP_GREETING;

	if (report->stage == DIALOGUE_AT_MAIL)
		return;
	if (report->is_late)
		why = RELAY_HOP_TIMEOUT;
	else if (report->stage == DIALOGUE_AT_CONNECT)
		why = RELAY_HOP_CONNECT;
	else if (report->stage == DIALOGUE_AT_TLS)
		why = RELAY_HOP_TLS;
	relay_metrics_hop_failure(m, why);
}

static void
count(struct relay_metrics *m, const struct dialogue_report *report)
{
	enum xclient_mode	 mode = report->route == NULL ? XCLIENT_NO :
				     report->route->mode;

	switch (report->event) {
	case DIALOGUE_COMMAND:
		relay_metrics_command(m, report->verb);
		break;
	case DIALOGUE_MESSAGE:
		relay_metrics_message(m, report->code);
		relay_metrics_content(m, (size_t)report->octets);
		break;
	case DIALOGUE_XCLIENT_SENT:
		relay_metrics_xclient(m, mode, RELAY_XCLIENT_SENT);
		break;
	case DIALOGUE_XCLIENT_NOT_OFFERED:
		relay_metrics_xclient(m, mode, RELAY_XCLIENT_NOT_OFFERED);
		break;
	case DIALOGUE_XCLIENT_REFUSED:
		relay_metrics_xclient(m, mode, RELAY_XCLIENT_REFUSED);
		break;
	case DIALOGUE_XCLIENT_VERDICT:
		relay_metrics_xclient(m, mode, RELAY_XCLIENT_VERDICT);
		break;
	case DIALOGUE_XCLIENT_FAILED:
		relay_metrics_xclient(m, mode, RELAY_XCLIENT_FAILED);
		break;
	case DIALOGUE_HOP_FAILED:
		count_failure(m, report);
		break;
	default:
		break;
	}
}

#define NUMBER_SIZE	24

/* A line a message is written here: printf for each of its numbers would cost
 * more than the rest of it. */
static const char *
number(uint64_t n, bool is_there, char buf[NUMBER_SIZE])
{
	char	*p = buf + NUMBER_SIZE - 1;

	*p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	return is_there ? p : NULL;
}

/* The first line: of a reply, that says enough. */
static const char *
first_line(const char *text, char *buf, size_t size)
{
	size_t	 n;

	if (text == NULL)
		return NULL;
	n = strcspn(text, "\r\n");
	if (n >= size)
		n = size - 1;
	memcpy(buf, text, n);
	buf[n] = '\0';
	return buf;
}

/* A stranger can break the protocol as often as he likes, at no cost.  He is
 * limited by what he does, so that one kind of junk does not hide another. */
static void
write_line(const struct dialogue_report *report, const struct log_pair *pairs)
{
	const char	*name = events[report->event].name;
	const char	*id = report->session->id;

	if (report->event == DIALOGUE_PROTOCOL_ERROR)
		log_limited(events[report->event].level, id, name, report->text,
		    pairs);
	else
		log_event(events[report->event].level, id, name, pairs);
}

void
relay_log_report(struct relay_log *log, const struct dialogue_report *report)
{
	const struct session	*s = report->session;
	const struct route	*route = report->route;
	bool			 is_message = report->event == DIALOGUE_MESSAGE;
	char			 peer[ADDRESS_TEXT_SIZE];
	char			 client[ADDRESS_TEXT_SIZE];
	char			 hop[NEXTHOP_TEXT_SIZE], text[512],
	    code[NUMBER_SIZE];
	char			 octets[NUMBER_SIZE], rcpts[NUMBER_SIZE];

	count(log->metrics, report);
	if (events[report->event].is_detail && !log->is_verbose)
		return;
	write_line(report, (const struct log_pair[]){
	    { "hop", route == NULL ? NULL : nexthop_format(&route->nexthop,
	    hop) },
	    { "host", report->host },
	    { "peer", address_format(&s->peer, peer, sizeof peer) },
	    { "client", address_format(report->client, client, sizeof client) },
	    { "listener", s->listener },
	    { "binding", route == NULL || route->binding == NULL ? NULL :
	    scope_binding_name(route->binding) },
	    { "command", report->event == DIALOGUE_COMMAND ?
	    smtp_verb_text(report->verb) : NULL },
	    { "xclient", route == NULL ? NULL :
	    scope_mode_text(route->mode) },
	    { "rule", route == NULL || route->rule[0] == '\0' ? NULL :
	    route->rule },
	    { "sender", report->sender },
	    { "recipients", number(report->n_recipients, is_message, rcpts) },
	    { "size", number(report->octets, is_message, octets) },
	    { "code", number(report->code, report->code != 0, code) },
	    { "text", first_line(report->text, text, sizeof text) },
	    { "line", report->line },
	    { NULL, NULL } });
}

void
relay_log_decision(const struct decision *decision, void *arg)
{
	const struct relay_log	*log = arg;

	if (!decision_log_tells(decision))
		return;
	decision_log(decision);
	if (decision->event != DECISION_ERROR &&
	    decision->event != DECISION_DIFFER)
		relay_metrics_decision(log->metrics,
		    decision->session->profile, decision->command,
		    decision->verdict);
}
