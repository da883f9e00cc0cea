/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * verdict: the words for verdicts.  They stand in records, logs and metrics:
 * one that is changed makes another record of what was kept.
 */
#include "trust/verdict.h"

#include <stddef.h>
#include <string.h>

static const char *const	 reason_texts[] = {
	[REASON_GRANTED] = "granted",
	[REASON_NO_GRANT] = "no_grant",
	[REASON_VALUE] = "value",
	[REASON_SEALED] = "sealed",
	[REASON_LIMIT] = "limit",
	[REASON_REVOKED] = "revoked",
	[REASON_MALFORMED] = "malformed",
	[REASON_NO_SESSION] = "no_session",
	[REASON_UNSEEN] = "unseen_override",
	[REASON_MISMATCH] = "mismatch",
	[REASON_CANNOT_TELL] = "cannot_tell"
};

static const char *const	 action_texts[] = {
	[VERDICT_PERMIT] = "permit",
	[VERDICT_TEMPFAIL] = "tempfail",
	[VERDICT_REJECT] = "reject",
	[VERDICT_DISCONNECT] = "disconnect"
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

const char *
verdict_reason_text(enum verdict_reason reason)
{
	return (size_t)reason < COUNT(reason_texts) ? reason_texts[reason] :
	    "unknown";
}

const char *
verdict_action_text(enum verdict_action action)
{
	return (size_t)action < COUNT(action_texts) ? action_texts[action] :
	    "unknown";
}

bool
verdict_action_find(const char *text, enum verdict_action *action_r)
{
	size_t	 i;

	for (i = 0; i < COUNT(action_texts); i++)
		if (strcmp(text, action_texts[i]) == 0) {
			*action_r = (enum verdict_action)i;
			return true;
		}
	return false;
}

bool
verdict_reason_find(const char *text, enum verdict_reason *reason_r)
{
	size_t	 i;

	for (i = 0; i < COUNT(reason_texts); i++)
		if (strcmp(text, reason_texts[i]) == 0) {
			*reason_r = (enum verdict_reason)i;
			return true;
		}
	return false;
}
