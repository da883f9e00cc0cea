/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * session_change: see session_change.h.  Nothing here asks whether it may be: a
 * verdict has been reached.  What was set for a client goes with it, so the
 * ways in which a client ends (another one, none, the same again) stand here
 * together.
 */
#include "session/session_change.h"

#include <stdlib.h>
#include <string.h>

bool
session_read_override(const char *line, struct assertion_set *set_r)
{
	const char	*args = line == NULL ? NULL : strchr(line, ' ');
	struct err	 err;

	/* What we write ourselves has nothing that could not be said on. */
	return args != NULL && assertion_parse(span_of(args + 1),
	    ASSERTION_XCLIENT, XTEXT_STRICT, set_r, &err) == ASSERTION_OK &&
	    set_r->unsaid == 0;
}

void
session_refuse_mail(struct session *s, enum verdict_action action,
    enum verdict_reason reason, const char *text)
{
	if (action <= s->refused)
		return;
	s->refused = action;
	s->refused_reason = reason;
	(void)session_set_text(&s->refused_text, text);
}

/* Whether a profile that only reports gets away with it: what it said was no
 * command, or came too late or too much, and its own identity is as it was.  To
 * what cannot be told, or must not be tried out, the mail would be accepted. */
static bool
is_harmless(enum verdict_reason reason)
{
	return reason == REASON_MALFORMED || reason == REASON_SEALED ||
	    reason == REASON_LIMIT;
}

void
session_deny(struct session *s, const struct verdict *verdict,
    bool is_reported)
{
	(void)session_set_text(&s->denied_text, verdict->text);
	s->denied_reason = verdict->reason;
	if (!is_reported || !is_harmless(verdict->reason))
		session_refuse_mail(s, verdict->action, verdict->reason,
		    verdict->text);
}

void
session_deny_message(struct session *s, const struct verdict *verdict,
    bool is_reported)
{
	(void)session_set_text(&s->denied_text, verdict->text);
	s->denied_reason = verdict->reason;
	if ((is_reported && is_harmless(verdict->reason)) ||
	    verdict->action <= s->unforwarded)
		return;
	s->unforwarded = verdict->action;
	s->unforwarded_reason = verdict->reason;
	(void)session_set_text(&s->unforwarded_text, verdict->text);
}

bool
session_is_mail_told(const struct session *s,
    const struct trust_profile *profile)
{
	return profile != NULL && !s->is_sealed &&
	    (trust_profile_may(profile, TRUST_XCLIENT) ||
	    trust_profile_may(profile, TRUST_XREMOTEIP) ||
	    trust_profile_may(profile, TRUST_XSETCONTEXT));
}

bool
session_begin_message(struct session *s)
{
	if (s->unforwarded == VERDICT_PERMIT)
		return false;
	if (s->is_unforwarded_begun)
		return session_end_message(s);
	s->is_unforwarded_begun = true;
	return true;
}

bool
session_end_message(struct session *s)
{
	if (s->unforwarded == VERDICT_PERMIT)
		return false;
	s->unforwarded = VERDICT_PERMIT;
	s->unforwarded_reason = REASON_GRANTED;
	s->is_unforwarded_begun = false;
	(void)session_set_text(&s->unforwarded_text, NULL);
	return true;
}

struct session_refusal
session_refusal(const struct session *s)
{
	if (s->refused != VERDICT_PERMIT)
		return (struct session_refusal){ s->refused,
		    s->refused_reason, s->refused_text };
	return (struct session_refusal){ s->unforwarded,
	    s->unforwarded_reason, s->unforwarded_text };
}

void
session_override(struct session *s, char *line,
    const struct assertion_set *set, bool is_another)
{
	bool	 has_addr = set->v[ASSERTION_ADDR].status != ASSERTION_ABSENT;

	if (is_another)
		context_end_clients(&s->context);
	if (has_addr)
		s->client = set->addr;
	/* Without an address it is still the client that has connected. */
	if (has_addr || set->v[ASSERTION_PORT].status != ASSERTION_ABSENT)
		s->client_port = 0;
	if (set->v[ASSERTION_PORT].status == ASSERTION_VALUE)
		s->client_port =
		    (uint16_t)strtoul(set->v[ASSERTION_PORT].value, NULL, 10);
	free(s->override);
	s->override = line;
	(void)session_end_message(s);
	/* The new client has not greeted yet. */
	(void)session_set_text(&s->ehlo, NULL);
}

void
session_end_override(struct session *s, uint16_t port)
{
	context_end_clients(&s->context);
	(void)session_set_text(&s->override, NULL);
	s->client = s->peer;
	s->client_port = port;
	(void)session_set_text(&s->ehlo, NULL);
}

bool
session_set_context(struct session *s, const struct context_line *line,
    uint64_t now_ms)
{
	return (s->override != NULL ? context_set_clients : context_set)
	    (&s->context, line, CONTEXT_XSETCONTEXT, now_ms);
}

bool
session_has_room(const struct session *s, const struct context_line *line,
    unsigned pairs_max, size_t size_max, struct err *err)
{
	return context_has_room(&s->context, line, s->override != NULL,
	    pairs_max, size_max, err);
}

bool
session_is_pardoned(enum trust_command command, enum verdict_reason reason)
{
	return command == TRUST_XDUMPCONTEXT && reason == REASON_SEALED;
}

bool
session_seals_by(const struct session *s,
    const struct trust_profile *profile, enum trust_seal when)
{
	return s->override != NULL && !s->is_sealed && profile != NULL &&
	    trust_profile_seal(profile) == when;
}

bool
session_rests_on_rights(const struct session *s,
    const struct trust_profile *profile)
{
	return s->override != NULL || s->pending != NULL ||
	    s->context.n > 0 || trust_profile_always_allow(profile);
}

bool
session_revoke(struct session *s, const struct trust_profile *profile)
{
	/* Without memory it keeps the name, but not the grants. */
	(void)session_set_text(&s->profile, TRUST_STRANGER);
	(void)session_set_text(&s->rule, SESSION_RULE_REVOKED);
	return session_rests_on_rights(s, profile);
}
