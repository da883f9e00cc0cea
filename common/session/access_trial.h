/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * access_trial: what the access_maps of the former configuration would have
 * answered, while another one is on trial.
 */
#ifndef XC_SESSION_ACCESS_TRIAL_H
#define XC_SESSION_ACCESS_TRIAL_H

#include "access/access.h"
#include "session/access_key.h"
#include "session/decision.h"

#define ACCESS_TRIAL_RULE_SIZE	256

/* What a difference is told with.  Need not be initialised, and owns
 * nothing. */
struct access_trial {
	struct access_answer	 answer;	/* the former one */
	struct decision_former	 former;
	char	 rule[ACCESS_TRIAL_RULE_SIZE];
	char	 former_rule[ACCESS_TRIAL_RULE_SIZE];
};

/* Whether there is anything to ask: by the configuration, or by the one before
 * it. */
bool	access_trial_asks(const struct conf *conf);

/*
 * Whether another action than this answer, to these keys, would have come of
 * the configuration before conf.  *decision_r is then a DECISION_DIFFER, whose
 * session and conf are the caller's to set; it points into t and answer.
 * False: there is no trial, or the same comes of it.
 */
bool	access_trial_differs(const struct conf *conf,
	    const struct access_keys *keys, enum access_result result,
	    const struct access_answer *answer, struct access_trial *t,
	    struct decision *decision_r);

#endif
