/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * session_life_trial: what the former configuration would have said, while
 * another is on trial; what differs is told, and nothing else comes of it.
 *
 * The session is what the rules on trial have made of it: each question is put
 * to the former ones as if they had come so far.  They are asked anew who the
 * peer is, which costs one lookup more a question.
 */
#include "session/session_life_private.h"

#include <string.h>

/* NULL: it cannot be told. */
static const struct trust_profile *
former_profile(const struct session_life *life, char *rule, size_t size)
{
	const struct session		*s = &life->session;
	const struct trust_peer		 who = {
		.addr = s->peer, .name = s->peer_name,
		.fingerprint = s->fingerprint, .listener = s->listener
	};
	const struct trust_profile	*profile;

	if (trust_classify(life->conf->trial.former->trust, &who, &profile,
	    rule, size, NULL) == TRUST_OK)
		return profile;
	*rule = '\0';
	return NULL;
}

/* Of one whose rights were revoked, or whose profile is gone, neither says
 * anything. */
static bool
is_as_classified(const struct session_life *life)
{
	return life->profile != NULL && life->session.profile != NULL &&
	    strcmp(trust_profile_name(life->profile),
	    life->session.profile) == 0;
}

/* Whether a refusal takes the session's mail along. */
static bool
only_reports(const struct trust_profile *profile)
{
	return profile != NULL && trust_profile_report_only(profile);
}

/* What an MTA or a record gets is the same. */
static bool
is_same_effect(const struct judgement *a, const struct trust_profile *profile,
    const struct judgement *b, const struct trust_profile *former)
{
	if (a->verdict.action != b->verdict.action ||
	    a->verdict.report_only != b->verdict.report_only)
		return false;
	if (a->verdict.action != VERDICT_PERMIT)
		return only_reports(profile) == only_reports(former);
	switch (a->command) {
	case TRUST_XCLIENT:
	case TRUST_XFORWARD:
	case TRUST_XREMOTEIP:
		return strcmp(a->line, b->line) == 0;
	case TRUST_XSETCONTEXT:
	case TRUST_XDUMPCONTEXT:
		break;
	}
	return true;
}

void
session_life_try_peer(const struct session_life *life)
{
	struct decision_former		 former = { NULL };
	const struct trust_profile	*profile;
	struct verdict			 found;

	if (life->conf->trial.former == NULL || life->profile == NULL)
		return;
	profile = former_profile(life, found.rule, sizeof found.rule);
	if (profile != NULL && strcmp(trust_profile_name(profile),
	    trust_profile_name(life->profile)) == 0)
		return;
	former.profile = profile == NULL ? "unknown" :
	    trust_profile_name(profile);
	former.peer_rule = found.rule;
	session_life_tell(life, (struct decision){ .event = DECISION_DIFFER,
	    .former = &former });
}

void
session_life_try_line(const struct session_life *life, bool is_proven,
    const struct judgement *j, struct span args)
{
	char				 rule[sizeof j->verdict.rule];
	const struct trust_profile	*profile;
	struct judge_speaker		 speaker = {
		.conf = life->conf->trial.former, .session = &life->session,
		.begins_anew = life->is_used
	};
	struct judgement		 other;
	struct decision			 decision;
	struct decision_former		 former = { .verdict = &other.verdict,
					     .peer_rule = rule };

	if (speaker.conf == NULL || !is_proven || !is_as_classified(life))
		return;
	profile = former_profile(life, rule, sizeof rule);
	speaker.profile = profile;
	judge_command(&speaker, j->command, args, &other);
	if (is_same_effect(j, life->profile, &other, profile))
		return;
	former.profile = profile == NULL ? "unknown" :
	    trust_profile_name(profile);
	decision = session_life_about(DECISION_DIFFER, j, NULL);
	decision.former = &former;
	session_life_tell(life, decision);
}
