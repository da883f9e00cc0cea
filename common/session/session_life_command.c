/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * session_life_command: what commands make of a session, and what becomes of it
 * where the program that permits a command executes it, too.
 */
#include "session/session_life_private.h"

#include <string.h>

#include "session/session_change.h"

/*
 * One command
 */

static bool
is_override(enum trust_command command)
{
	return command == TRUST_XCLIENT || command == TRUST_XREMOTEIP;
}

/* An XFORWARD names the client of one message: what is wrong with it is no
 * reason to refuse the others that come over the same connection.  Who executes
 * it knows which message that is; of Postfix's it is in the record. */
static void
refuse_message(struct session_life *life, const struct judgement *j,
    uint64_t now_ms)
{
	if (life->session.keeper == SESSION_KEEPER_POLICY)
		session_deny_message(&life->session, &j->verdict,
		    session_life_only_reports(life));
	session_life_audit(life, SESSION_REFUSED, j->verdict.text, now_ms);
	session_life_tell(life, session_life_about(DECISION_REFUSE, j, NULL));
}

/* To Postfix an end of the session is said by its record. */
static bool
is_of_message(const struct session_life *life, enum trust_command command,
    const struct verdict *verdict)
{
	return command == TRUST_XFORWARD &&
	    (life->session.keeper != SESSION_KEEPER_POLICY ||
	    verdict->action != VERDICT_DISCONNECT);
}

bool
session_life_judge_line(struct session_life *life,
    enum trust_command command, struct span args, bool is_proven,
    uint64_t now_ms, struct judgement *j)
{
	const struct judge_speaker	 speaker = {
		.conf = life->conf, .session = &life->session,
		.profile = is_proven ? life->profile : NULL,
		.begins_anew = life->is_used
	};

	judge_command(&speaker, command, args, j);
	session_life_try_line(life, is_proven, j, args);
	if (j->verdict.action == VERDICT_PERMIT)
		return true;
	if (is_of_message(life, command, &j->verdict))
		refuse_message(life, j, now_ms);
	else
		session_life_deny(life, session_life_about(DECISION_REFUSE, j,
		    NULL), session_is_pardoned(command, j->verdict.reason) ||
		    session_life_only_reports(life), now_ms);
	return false;
}

/* False: out of memory. */
static bool
set_context(struct session_life *life, const struct judgement *j,
    uint64_t now_ms)
{
	char	 names[SESSION_AUDIT_NAMES], pairs[2 * CONTEXT_LINE_MAX];

	if (!session_set_context(&life->session, &j->context, now_ms))
		return false;
	context_line_names(&j->context, names, sizeof names);
	context_line_pairs(&j->context, pairs, sizeof pairs);
	session_life_audit(life, SESSION_CONTEXT, names, now_ms);
	session_life_tell(life, session_life_about(DECISION_PERMIT, j,
	    pairs));
	return true;
}

bool
session_life_permit(struct session_life *life, const struct judgement *j,
    uint64_t now_ms)
{
	if (j->command == TRUST_XSETCONTEXT)
		return set_context(life, j, now_ms);
	if (is_override(j->command)) {
		if (!session_set_text(&life->session.pending, j->line))
			return false;
		life->is_same_client = !j->is_another;
		session_life_audit(life, SESSION_PERMITTED, j->line, now_ms);
	}
	session_life_tell(life, session_life_about(DECISION_PERMIT, j,
	    j->command == TRUST_XDUMPCONTEXT ? NULL : j->line));
	return true;
}

/*
 * Who executes what is permitted
 */

bool
session_life_keep(struct session_life *life, uint64_t now_ms)
{
	if (session_life_save(life))
		return true;
	session_life_doubt(life, REASON_CANNOT_TELL,
	    SESSION_STORE_FAILED, now_ms);
	return false;
}

void
session_life_greeting(struct session_life *life, uint64_t now_ms)
{
	session_life_seal_if(life, TRUST_SEAL_GREETING, "greeting", now_ms);
	(void)session_life_keep(life, now_ms);
}

bool
session_life_mail(struct session_life *life, uint64_t now_ms)
{
	if (!session_life_check_revoked(life, now_ms))
		return false;
	session_life_seal_if(life, TRUST_SEAL_GREETING, "mail", now_ms);
	if (session_seals_by(&life->session, life->profile, TRUST_SEAL_NEVER))
		life->is_used = true;
	return session_life_keep(life, now_ms);
}

/* Who ignores the 451 must not go on as if nothing had been said.  An XFORWARD is
 * the caller's, and a dump claims nothing. */
static enum session_life_result
cannot_tell(struct session_life *life, enum trust_command command,
    uint64_t now_ms)
{
	if (command != TRUST_XFORWARD && command != TRUST_XDUMPCONTEXT)
		session_life_doubt(life, REASON_CANNOT_TELL,
		    SESSION_CANNOT_TELL, now_ms);
	return LIFE_CANNOT_TELL;
}

enum session_life_result
session_life_judge(struct session_life *life, enum trust_command command,
    struct span args, bool in_mail, uint64_t now_ms, struct judgement *j)
{
	enum session_life_result	 result = LIFE_DONE;

	if (!session_life_check_revoked(life, now_ms))
		return cannot_tell(life, command, now_ms);
	if (!session_life_judge_line(life, command, args, true, now_ms, j)) {
		result = LIFE_REFUSED;
	} else if (in_mail && command != TRUST_XSETCONTEXT &&
	    command != TRUST_XDUMPCONTEXT) {
		trust_violation(NULL, REASON_MALFORMED, SESSION_IN_MAIL,
		    &j->verdict);
		session_life_refuse_now(life, j, now_ms);
		result = LIFE_BAD_SEQUENCE;
	}
	if (result == LIFE_DONE)
		return LIFE_DONE;
	(void)session_life_keep(life, now_ms);
	return result;
}

/* Nothing is left of it: it says nothing of the client, who is who it was; but
 * not whose mail was sent before. */
static void
override_with_nothing(struct session_life *life, const struct judgement *j,
    uint64_t now_ms)
{
	if (life->is_used) {
		session_life_begin_anew(life);
		session_life_audit(life, SESSION_FORGOTTEN, "the last client",
		    now_ms);
	}
	session_life_tell(life, session_life_about(DECISION_PERMIT, j, NULL));
}

/* False: out of memory. */
static bool
override(struct session_life *life, const struct judgement *j,
    uint64_t now_ms)
{
	char	*line = strdup(j->line);

	if (line == NULL)
		return false;
	session_life_audit(life, SESSION_PERMITTED, line, now_ms);
	session_life_override(life, line, &j->override, j->is_another,
	    now_ms);
	session_life_tell(life, session_life_about(DECISION_OVERRIDE, j,
	    j->line));
	session_life_seal_if(life, TRUST_SEAL_OVERRIDE, "override", now_ms);
	return true;
}

enum session_life_result
session_life_execute(struct session_life *life, const struct judgement *j,
    uint64_t now_ms)
{
	bool	 is_done = true;

	if (!is_override(j->command))
		is_done = session_life_permit(life, j, now_ms);
	else if (j->says_nothing)
		override_with_nothing(life, j, now_ms);
	else
		is_done = override(life, j, now_ms);
	return session_life_keep(life, now_ms) && is_done ? LIFE_DONE :
	    cannot_tell(life, j->command, now_ms);
}

enum session_life_result
session_life_command(struct session_life *life, enum trust_command command,
    struct span args, bool in_mail, uint64_t now_ms, struct judgement *j)
{
	enum session_life_result	 result;

	result = session_life_judge(life, command, args, in_mail, now_ms, j);
	return result == LIFE_DONE ? session_life_execute(life, j, now_ms) :
	    result;
}
