/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * dialogue_report: what is told of a dialogue, for log and metrics; and two
 * things that everything above needs: a text that is replaced, and the session
 * as others may see it, with the client that an XFORWARD names.
 */
#include "dialogue_private.h"

#include <stdlib.h>
#include <string.h>

bool
dialogue_set_text(char **field, struct span text)
{
	free(*field);
	*field = text.p == NULL ? NULL : strndup(text.p, text.n);
	return *field != NULL || text.p == NULL;
}

static enum dialogue_stage
stage_of(const struct dialogue *d)
{
	static const enum dialogue_stage	 stages[] = {
		[HOP_NONE] = DIALOGUE_NO_HOP,
		[HOP_CONNECTING] = DIALOGUE_AT_CONNECT,
		[HOP_GREETING] = DIALOGUE_AT_GREETING,
		[HOP_HOPS] = DIALOGUE_AT_GREETING,
		[HOP_EHLO] = DIALOGUE_AT_GREETING,
		[HOP_HELO] = DIALOGUE_AT_GREETING,
		[HOP_STARTTLS] = DIALOGUE_AT_TLS,
		[HOP_SECURING] = DIALOGUE_AT_TLS,
		[HOP_XCLIENT] = DIALOGUE_AT_XCLIENT,
		[HOP_READY] = DIALOGUE_AT_MAIL
	};

	return stages[hop_state(d->hop)];
}

const struct session *
dialogue_shown(const struct dialogue *d, struct session *copy)
{
	const struct assertion_set	*said = d->xforward;

	if (!identity_is_forwarded(said))
		return session_life_session(d->life);
	*copy = *session_life_session(d->life);
	copy->client = said->addr;
	copy->client_port = (uint16_t)strtoul(said->v[ASSERTION_PORT].value,
	    NULL, 10);
	return copy;
}

void
dialogue_report_more(struct dialogue *d, struct dialogue_report *report)
{
	struct session	 copy;

	report->session = session_life_session(d->life);
	if (report->client == NULL)
		report->client = &dialogue_shown(d, &copy)->client;
	report->is_late = hop_is_late(d->hop);
	if (report->stage == DIALOGUE_NO_HOP)
		report->stage = stage_of(d);
	if (report->route == NULL && d->route.nexthop.host[0] != '\0')
		report->route = &d->route;
	d->env->ops->report(d->arg, report);
}

void
dialogue_report(struct dialogue *d, enum dialogue_event event, unsigned code,
    const char *text)
{
	struct dialogue_report	 report = {
		.event = event, .code = code, .text = text
	};

	dialogue_report_more(d, &report);
}
