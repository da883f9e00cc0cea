/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * session: its fields' memory, its name, and the audit trail, which is cut in
 * the middle: the first entry says who connected, the last ones what came of
 * it.
 */
#include "session/session.h"

#include <stdlib.h>
#include <string.h>

static const char *const event_names[] = {
	[SESSION_BEGUN] = "begun",
	[SESSION_PERMITTED] = "permitted",
	[SESSION_OVERRIDDEN] = "overridden",
	[SESSION_FORGOTTEN] = "forgotten",
	[SESSION_SEALED] = "sealed",
	[SESSION_CONTEXT] = "context",
	[SESSION_REFUSED] = "refused",
};
#define EVENT_COUNT	(sizeof event_names / sizeof event_names[0])

const char *
session_event_text(enum session_event event)
{
	return event_names[event];
}

bool
session_event_find(struct span text, enum session_event *event_r)
{
	size_t	 i;

	for (i = 0; i < EVENT_COUNT; i++)
		if (span_eq(text, event_names[i])) {
			*event_r = (enum session_event)i;
			return true;
		}
	return false;
}

void
session_init(struct session *s)
{
	*s = (struct session){ .refused = VERDICT_PERMIT };
}

void
session_clear(struct session *s)
{
	unsigned	 i;

	free(s->peer_name);
	free(s->fingerprint);
	free(s->profile);
	free(s->rule);
	free(s->override);
	free(s->pending);
	free(s->refused_text);
	free(s->unforwarded_text);
	free(s->denied_text);
	free(s->ehlo);
	context_clear(&s->context);
	for (i = 0; i < s->n_audit; i++)
		free(s->audit[i].text);
	free(s->audit);
	session_init(s);
}

void
session_name(struct session *s, uint64_t now_ms)
{
	uint8_t	 random[10];

	arc4random_buf(random, sizeof random);
	ulid_format(now_ms, random, s->id);
	s->begun_ms = now_ms;
	s->changed_ms = now_ms;
}

bool
session_set_text(char **field, const char *text)
{
	char	*copy = NULL;

	if (text != NULL && (copy = strdup(text)) == NULL)
		return false;
	free(*field);
	*field = copy;
	return true;
}

/* Makes room for one entry more.  The oldest but the first goes, because the
 * first says who connected. */
static bool
audit_make_room(struct session *s, unsigned max)
{
	struct session_audit	*grown;

	if (s->n_audit >= max && s->n_audit > 1) {
		free(s->audit[1].text);
		s->n_audit--;
		memmove(&s->audit[1], &s->audit[2],
		    (s->n_audit - 1) * sizeof s->audit[0]);
		s->n_audit_dropped++;
		return true;
	}
	grown = reallocarray(s->audit, s->n_audit + 1, sizeof *grown);
	if (grown == NULL)
		return false;
	s->audit = grown;
	return true;
}

bool
session_audit_add(struct session *s, unsigned max, uint64_t now_ms,
    enum session_event event, const char *text)
{
	char	*copy;

	copy = strdup(text);
	if (copy == NULL)
		return false;
	if (!audit_make_room(s, max)) {
		free(copy);
		return false;
	}
	s->audit[s->n_audit++] = (struct session_audit){
		.time_ms = now_ms, .event = event, .text = copy };
	return true;
}
