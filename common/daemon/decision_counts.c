/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * decision_counts: a list that is searched from its front, for there are as
 * many kinds as profiles, commands and reasons that were met: few.  Beyond
 * DECISIONS_MAX they are counted without their profile.
 */
#include "daemon/decision_counts.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/metrics_text.h"
#include "trust/trust.h"

#define NAME		"xcontext_decisions_total"
#define DECISIONS_MAX	4096	/* beyond, they are counted together */

struct decision {
	char			*profile;	/* "" beyond DECISIONS_MAX */
	const char		*command;
	int			 attribute;
	enum verdict_reason	 reason;
	enum verdict_action	 action;
	bool			 report_only;
	uint64_t		 count;
};

void
decision_counts_clear(struct decision_counts *decisions)
{
	size_t	 i;

	for (i = 0; i < decisions->n; i++)
		free(decisions->list[i].profile);
	free(decisions->list);
	*decisions = (struct decision_counts){ NULL, 0 };
}

static bool
is_decision(const struct decision *d, const char *profile,
    const char *command, const struct verdict *v)
{
	return d->attribute == v->attribute && d->reason == v->reason &&
	    d->action == v->action && d->report_only == v->report_only &&
	    strcmp(d->command, command) == 0 &&
	    strcmp(d->profile, profile) == 0;
}

static const char *
known_command(const char *command)
{
	enum trust_command	 found;

	if (command != NULL && trust_command_find(span_of(command), &found))
		return trust_command_text(found);
	return "session";
}

/* NULL: out of memory. */
static struct decision *
decision_add(struct decision_counts *decisions, const char *profile,
    const char *command, const struct verdict *v)
{
	struct decision	*grown;
	char		*copy = strdup(profile);

	grown = reallocarray(decisions->list, decisions->n + 1, sizeof *grown);
	if (grown != NULL)
		decisions->list = grown;
	if (grown == NULL || copy == NULL) {
		free(copy);
		return NULL;
	}
	grown += decisions->n++;
	*grown = (struct decision){ copy, command, v->attribute, v->reason,
	    v->action, v->report_only, 0 };
	return grown;
}

static struct decision *
decision_find(const struct decision_counts *decisions, const char *profile,
    const char *command, const struct verdict *v)
{
	size_t	 i;

	for (i = 0; i < decisions->n; i++)
		if (is_decision(&decisions->list[i], profile, command, v))
			return &decisions->list[i];
	return NULL;
}

void
decision_counts_add(struct decision_counts *decisions, const char *profile,
    const char *command, const struct verdict *verdict)
{
	struct decision	*d;

	command = known_command(command);
	if (profile == NULL)
		profile = "";
	d = decision_find(decisions, profile, command, verdict);
	if (d == NULL && decisions->n >= DECISIONS_MAX) {
		profile = "";
		d = decision_find(decisions, profile, command, verdict);
	}
	if (d == NULL)
		d = decision_add(decisions, profile, command, verdict);
	if (d != NULL)
		d->count++;
}

void
decision_counts_print(const struct decision_counts *decisions,
    struct evbuffer *out)
{
	const struct decision	*d;
	size_t			 i;

	metrics_text_head(out, NAME, "counter",
	    "Decisions by the peer's profile.");
	for (i = 0; i < decisions->n; i++) {
		d = &decisions->list[i];
		(void)evbuffer_add_printf(out,
		    NAME "{profile=\"%s\",command=\"%s\","
		    "attribute=\"%s\",reason=\"%s\",action=\"%s\","
		    "report_only=\"%s\"} %" PRIu64 "\n", d->profile,
		    d->command, d->attribute < 0 ? "" :
		    assertion_name_text((enum assertion_name)d->attribute),
		    verdict_reason_text(d->reason),
		    verdict_action_text(d->action),
		    d->report_only ? "true" : "false", d->count);
	}
}
