/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * again: see again.h.
 */
#include "again.h"

#include <stdlib.h>
#include <sysexits.h>

struct again *
again_new(const struct conf *conf)
{
	struct again	*a = calloc(1, sizeof *a);

	if (a == NULL)
		ctl_die(EX_OSERR, "out of memory");
	a->conf = conf;
	session_init(&a->session);
	return a;
}

void
again_free(struct again *a)
{
	if (a == NULL)
		return;
	session_clear(&a->session);
	free(a);
}

/* An XDUMPCONTEXT behind the seal is a matter of the profile; what else comes
 * there is refused by the seal. */
static bool
is_by_rules(enum trust_command command, enum verdict_reason reason)
{
	switch (reason) {
	case REASON_GRANTED:
	case REASON_NO_GRANT:
	case REASON_VALUE:
		return true;
	case REASON_SEALED:
		return command == TRUST_XDUMPCONTEXT;
	case REASON_LIMIT:
	case REASON_REVOKED:
	case REASON_MALFORMED:
	case REASON_NO_SESSION:
	case REASON_UNSEEN:
	case REASON_MISMATCH:
	case REASON_CANNOT_TELL:
		break;
	}
	return false;
}

static enum again_result
cut(struct again *a, const char *what)
{
	(void)err_set(&a->err, "the log has not %s", what);
	return AGAIN_CUT;
}

/* What was decided then. */
static enum again_result
read_decision(struct again *a, const struct log_entry *e,
    enum trust_command *command_r)
{
	const char		*action = e->value[DECISION_KEY_ACTION];
	const char		*reason = e->value[DECISION_KEY_REASON];
	const char		*rule = e->value[DECISION_KEY_PEER_RULE];
	enum verdict_reason	 found;

	if (action == NULL || !verdict_action_find(action, &a->was) ||
	    reason == NULL || !verdict_reason_find(reason, &found) ||
	    !trust_command_find(span_of(e->value[DECISION_KEY_COMMAND]),
	    command_r))
		return cut(a, "what was decided");
	a->was_reported = e->value[DECISION_KEY_REPORT_ONLY] != NULL;
	if (!is_by_rules(*command_r, found) ||
	    (rule != NULL && strcmp(rule, SESSION_RULE_REVOKED) == 0))
		return AGAIN_STATE;
	if (!e->is_said_whole)
		return cut(a, "what was said, to the letter");
	a->args = span_skip(span_of(e->value[DECISION_KEY_SAID]),
	    strlen(trust_command_text(*command_r)));
	a->args = span_trim(a->args);
	return AGAIN_DECIDED;
}

static enum again_result
read_peer(struct again *a, const struct log_entry *e)
{
	const char	*peer = e->value[DECISION_KEY_PEER];

	if (peer == NULL || !address_parse(span_of(peer), &a->peer.addr))
		return cut(a, "who it was");
	a->peer.name = e->value[DECISION_KEY_PEER_NAME];
	a->peer.fingerprint = e->value[DECISION_KEY_FINGERPRINT];
	a->peer.listener = e->value[DECISION_KEY_LISTENER];
	if (trust_classify(a->conf->trust, &a->peer, &a->profile,
	    a->peer_rule, sizeof a->peer_rule, &a->err) == TRUST_OK)
		return AGAIN_DECIDED;
	a->profile = NULL;
	return AGAIN_CANNOT_TELL;
}

enum again_result
again_decide(struct again *a, const struct log_entry *e)
{
	struct judge_speaker	 speaker = { .conf = a->conf,
				     .session = &a->session,
				     .begins_anew = true };
	enum trust_command	 command;
	enum again_result	 result;

	a->profile = NULL;
	result = read_decision(a, e, &command);
	if (result == AGAIN_DECIDED)
		result = read_peer(a, e);
	else if (result == AGAIN_STATE)
		(void)read_peer(a, e);
	if (result != AGAIN_DECIDED)
		return result;
	speaker.profile = a->profile;
	a->session.is_sealed = command == TRUST_XDUMPCONTEXT &&
	    e->value[DECISION_KEY_SEALED] != NULL;
	judge_command(&speaker, command, a->args, &a->j);
	if (a->j.verdict.reason != REASON_CANNOT_TELL)
		return AGAIN_DECIDED;
	(void)err_set(&a->err, "%s: %s", a->j.verdict.rule,
	    a->j.verdict.text);
	return AGAIN_CANNOT_TELL;
}

bool
again_differs(const struct again *a)
{
	return a->was != a->j.verdict.action ||
	    a->was_reported != a->j.verdict.report_only;
}

const char *
again_text(enum verdict_action action, bool is_reported)
{
	return is_reported ? "permit (only reported)" :
	    verdict_action_text(action);
}

bool
again_said(const struct again *a, struct assertion_set *set)
{
	struct span	 args = a->args;
	struct err	 err;

	switch (a->j.command) {
	case TRUST_XCLIENT:
	case TRUST_XFORWARD:
		if (assertion_parse(args, a->j.command == TRUST_XCLIENT ?
		    ASSERTION_XCLIENT : ASSERTION_XFORWARD, a->conf->xtext, set,
		    &err) != ASSERTION_OK)
			return false;
		break;
	case TRUST_XREMOTEIP:
		assertion_init(set, ASSERTION_XCLIENT);
		if (!assertion_take_value(set, ASSERTION_ADDR,
		    judge_next_word(&args)))
			return false;
		break;
	case TRUST_XSETCONTEXT:
	case TRUST_XDUMPCONTEXT:
		return false;
	}
	trust_profile_drop(a->profile, set);
	return true;
}

void
again_each_attribute(const struct again *a, again_attribute_fn *fn, void *arg)
{
	const struct trust_speaker	 speaker = { .profile = a->profile };
	struct assertion_set		 set;
	struct verdict			 v;
	enum assertion_name		 name;

	if (!again_said(a, &set))
		return;
	for (name = 0; name < ASSERTION_COUNT; name++) {
		if (set.v[name].status == ASSERTION_ABSENT)
			continue;
		trust_decide_attribute(a->conf->trust, &speaker, a->j.command,
		    &set, name, &v);
		fn(&set, name, &v, arg);
	}
}
