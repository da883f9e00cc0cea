/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * access_trial: see access_trial.h.
 */
#include "session/access_trial.h"

#include <stdio.h>
#include <string.h>

static const char *
action_text(enum access_result result, const struct access_answer *answer)
{
	static const char *const	 texts[] = {
		[ACCESS_NONE] = "none",
		[ACCESS_CANNOT_TELL] = "cannot tell"
	};

	return result == ACCESS_FOUND ? answer->text : texts[result];
}

static const char *
rule_text(enum access_result result, const struct access_answer *answer,
    char buf[ACCESS_TRIAL_RULE_SIZE])
{
	if (result != ACCESS_FOUND)
		return NULL;
	(void)snprintf(buf, ACCESS_TRIAL_RULE_SIZE, "%s:%u", answer->file,
	    answer->line);
	return buf;
}

bool
access_trial_asks(const struct conf *conf)
{
	const struct conf	*former = conf->trial.former;

	return !access_is_empty(conf->access) || (former != NULL &&
	    !access_is_empty(former->access));
}

bool
access_trial_differs(const struct conf *conf, const struct access_keys *keys,
    enum access_result result, const struct access_answer *answer,
    struct access_trial *t, struct decision *decision_r)
{
	const struct conf	*former = conf->trial.former;
	enum access_result	 other;

	if (former == NULL)
		return false;
	other = access_is_empty(former->access) ? ACCESS_NONE :
	    access_ask(former->access, keys->v, keys->n, &t->answer);
	if (strcmp(action_text(result, answer),
	    action_text(other, &t->answer)) == 0)
		return false;
	t->former = (struct decision_former){
		.line = action_text(other, &t->answer),
		.rule = rule_text(other, &t->answer, t->former_rule)
	};
	*decision_r = (struct decision){
		.event = DECISION_DIFFER, .former = &t->former,
		.line = action_text(result, answer),
		.rule = rule_text(result, answer, t->rule)
	};
	return true;
}
