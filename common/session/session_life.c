/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * kept: the record's life, and what X commands make of it.
 */
#include "session/session_life.h"

#include <stdlib.h>
#include <string.h>

#include "session/session_change.h"

static void
note(const struct session_life *life, enum session_life_event event,
    const struct verdict *verdict, const char *command, const char *line)
{
	const struct session_life_note	 what = {
		.event = event, .session = &life->session,
		.verdict = verdict, .command = command, .line = line
	};

	life->note(&what, life->note_arg);
}

static void
note_error(const struct session_life *life, const struct err *err)
{
	const struct session_life_note	 what = {
		.event = LIFE_ERROR, .session = &life->session, .err = err
	};

	life->note(&what, life->note_arg);
}

bool
session_life_save(struct session_life *life)
{
	struct err	 err;

	if (life->session.pid == 0)
		return true;
	if (store_put(life->store, &life->session, &err) != 0) {
		note_error(life, &err);
		session_refuse_mail(&life->session, VERDICT_TEMPFAIL,
		    REASON_CANNOT_TELL, "the session store failed");
		return false;
	}
	life->has_record = true;
	return true;
}

static void
audit(struct session_life *life, enum session_event event, const char *text,
    uint64_t now_ms)
{
	/* Out of memory costs a line of the trail, not the decision. */
	(void)session_audit_add(&life->session,
	    life->conf->limits.audit_entries, now_ms, event, text);
	life->session.changed_ms = now_ms;
}

static void
deny(struct session_life *life, const struct verdict *verdict, const char *command,
    bool is_reported, uint64_t now_ms)
{
	session_deny(&life->session, verdict, is_reported);
	audit(life, SESSION_REFUSED, verdict->text, now_ms);
	note(life, LIFE_REFUSE, verdict, command, NULL);
}

static bool
only_reports(const struct session_life *life)
{
	return life->profile != NULL &&
	    trust_profile_report_only(life->profile);
}

void
session_life_refuse(struct session_life *life, const struct verdict *verdict,
    const char *command, uint64_t now_ms)
{
	deny(life, verdict, command, only_reports(life), now_ms);
}

/* An XFORWARD names the client of one message: what is wrong with it is no
 * reason to refuse the others that come over the same connection. */
static void
refuse_message(struct session_life *life, const struct verdict *verdict,
    uint64_t now_ms)
{
	audit(life, SESSION_REFUSED, verdict->text, now_ms);
	note(life, LIFE_REFUSE, verdict, trust_command_text(TRUST_XFORWARD),
	    NULL);
}

bool
session_life_refuses_message(const struct session_life *life, const struct verdict *verdict)
{
	return verdict->reason == REASON_CANNOT_TELL ||
	    life->profile == NULL ||
	    !trust_profile_report_only(life->profile);
}

static void
classify(struct session_life *life, const struct session_life_peer *peer, uint64_t now_ms)
{
	struct session		*s = &life->session;
	const struct trust_peer	 who = {
		.addr = s->peer, .name = peer->name,
		.fingerprint = peer->fingerprint, .listener = s->listener
	};
	struct verdict		 verdict;
	struct err		 err;

	if (trust_classify(life->conf->trust, &who, &life->profile,
	    verdict.rule, sizeof verdict.rule, &err) == TRUST_OK) {
		if (session_set_text(&s->profile,
		    trust_profile_name(life->profile)) &&
		    session_set_text(&s->rule, verdict.rule) &&
		    session_set_text(&s->peer_name, peer->name))
			return;
		(void)err_set(&err, "out of memory");
	}
	life->profile = NULL;
	note_error(life, &err);
	trust_violation(NULL, REASON_CANNOT_TELL,
	    "it cannot be told who may do what", &verdict);
	session_life_refuse(life, &verdict, NULL, now_ms);
}

void
session_life_begin(struct session_life *life, struct conf *conf, struct store *store,
    session_life_note_fn *note_fn, void *note_arg, const struct session_life_peer *peer,
    uint64_t now_ms)
{
	struct session	*s = &life->session;

	*life = (struct session_life){ .conf = conf, .store = store,
	    .note = note_fn, .note_arg = note_arg };
	session_init(s);
	session_name(s, now_ms);
	s->keeper = peer->keeper;
	if (peer->listener != NULL &&
	    strlen(peer->listener) < sizeof s->listener)
		(void)strcpy(s->listener, peer->listener);
	s->pid = peer->pid;
	s->pid_start = peer->pid_start;
	s->peer = s->client = peer->addr;
	s->client_port = life->peer_port = peer->port;
	classify(life, peer, now_ms);
	if (life->profile != NULL && trust_profile_may_any(life->profile))
		audit(life, SESSION_BEGUN, s->profile, now_ms);
	(void)session_life_save(life);
}

void
session_life_adopt(struct session_life *life, struct session *handed, uint64_t now_ms)
{
	struct session	 old = life->session, *s = &life->session;

	*s = *handed;
	session_init(handed);
	s->keeper = old.keeper;
	s->pid = old.pid;
	s->pid_start = old.pid_start;
	if (strcmp(s->id, old.id) == 0)
		session_refuse_mail(s, old.refused, old.refused_reason,
		    old.refused_text);
	session_clear(&old);
	life->profile = s->profile == NULL ? NULL :
	    trust_profile_find(life->conf->trust, s->profile);
	if (!s->is_sealed) {
		s->is_sealed = true;
		audit(life, SESSION_SEALED, "hand-over", now_ms);
	}
	(void)session_life_save(life);
}

void
session_life_end(struct session_life *life)
{
	struct err	 err;

	if (life->has_record && store_delete(life->store, life->session.pid,
	    life->session.id, &err) != 0)
		note_error(life, &err);
	session_clear(&life->session);
	*life = (struct session_life){ .conf = NULL };
}

static void
seal_if(struct session_life *life, enum trust_seal when, const char *by,
    uint64_t now_ms)
{
	if (!session_seals_by(&life->session, life->profile, when))
		return;
	life->session.is_sealed = true;
	audit(life, SESSION_SEALED, by, now_ms);
}

/* False: it cannot be told whether the peer's grants have been revoked. */
static bool
check_revoked(struct session_life *life, uint64_t now_ms)
{
	struct verdict	 verdict;
	struct err	 err;

	if (life->profile == NULL || (!trust_profile_may_any(life->profile) &&
	    !trust_profile_report_only(life->profile)))
		return true;
	switch (store_is_revoked(life->store, &life->session.peer,
	    trust_profile_name(life->profile), now_ms, &err)) {
	case STORE_NONE:
		return true;
	case STORE_CANNOT_TELL:
		note_error(life, &err);
		return false;
	case STORE_FOUND:
		break;
	}
	if (session_revoke(&life->session, life->profile)) {
		trust_violation(life->profile, REASON_REVOKED,
		    "the grants of this peer have been revoked", &verdict);
		/* Even for one who only reports. */
		session_refuse_mail(&life->session, verdict.action,
		    verdict.reason, verdict.text);
		session_life_refuse(life, &verdict, NULL, now_ms);
	}
	life->profile = trust_profile_find(life->conf->trust, TRUST_STRANGER);
	return session_life_save(life);
}

void
session_life_greeting(struct session_life *life, uint64_t now_ms)
{
	seal_if(life, TRUST_SEAL_GREETING, "greeting", now_ms);
	(void)session_life_save(life);
}

bool
session_life_mail(struct session_life *life, uint64_t now_ms)
{
	bool	 was_sealed = life->session.is_sealed;

	if (!check_revoked(life, now_ms))
		return false;
	seal_if(life, TRUST_SEAL_GREETING, "mail", now_ms);
	if (session_seals_by(&life->session, life->profile, TRUST_SEAL_NEVER))
		life->is_used = true;
	return life->session.is_sealed == was_sealed || session_life_save(life);
}

static void
begin_anew(struct session_life *life)
{
	session_end_override(&life->session, life->peer_port);
	life->is_used = false;
}

/* False: out of memory. */
static bool
override(struct session_life *life, const struct judgement *j, uint64_t now_ms)
{
	char	 client[ADDRESS_TEXT_SIZE];
	char	*line = strdup(j->line);

	if (line == NULL)
		return false;
	if (life->is_used)
		begin_anew(life);
	session_override(&life->session, line, &j->override, j->is_another);
	(void)address_format(&life->session.client, client, sizeof client);
	audit(life, SESSION_OVERRIDDEN, client, now_ms);
	seal_if(life, TRUST_SEAL_OVERRIDE, "override", now_ms);
	note(life, LIFE_OVERRIDE, &j->verdict, trust_command_text(j->command),
	    j->line);
	return true;
}

/* Nothing is left of it: it says nothing of the client, who is who it was; but
 * not whose mail was sent before. */
static void
override_with_nothing(struct session_life *life, const struct judgement *j,
    uint64_t now_ms)
{
	if (life->is_used) {
		begin_anew(life);
		audit(life, SESSION_FORGOTTEN, "the last client", now_ms);
	}
	note(life, LIFE_PERMIT, &j->verdict, trust_command_text(j->command),
	    NULL);
}

/* False: out of memory. */
static bool
set_context(struct session_life *life, const struct judgement *j, uint64_t now_ms)
{
	char	 names[SESSION_AUDIT_NAMES], pairs[2 * CONTEXT_LINE_MAX];

	if (!session_set_context(&life->session, &j->context, now_ms))
		return false;
	context_line_names(&j->context, names, sizeof names);
	context_line_pairs(&j->context, pairs, sizeof pairs);
	audit(life, SESSION_CONTEXT, names, now_ms);
	note(life, LIFE_PERMIT, &j->verdict, trust_command_text(j->command),
	    pairs);
	return true;
}

/* False: out of memory, or the store failed. */
static bool
execute(struct session_life *life, const struct judgement *j, uint64_t now_ms)
{
	switch (j->command) {
	case TRUST_XCLIENT:
	case TRUST_XREMOTEIP:
		if (j->says_nothing)
			override_with_nothing(life, j, now_ms);
		else if (!override(life, j, now_ms))
			return false;
		return session_life_save(life);
	case TRUST_XSETCONTEXT:
		return set_context(life, j, now_ms) && session_life_save(life);
	case TRUST_XDUMPCONTEXT:
		note(life, LIFE_PERMIT, &j->verdict,
		    trust_command_text(j->command), NULL);
		break;
	case TRUST_XFORWARD:
		note(life, LIFE_PERMIT, &j->verdict,
		    trust_command_text(j->command), j->line);
		break;
	}
	return true;
}

/* Who ignores the 451 must not go on as if nothing had been said.  An XFORWARD is
 * the caller's, and a dump claims nothing. */
static enum session_life_result
cannot_tell(struct session_life *life, enum trust_command command)
{
	if (command != TRUST_XFORWARD && command != TRUST_XDUMPCONTEXT)
		session_refuse_mail(&life->session, VERDICT_TEMPFAIL,
		    REASON_CANNOT_TELL, "it cannot be told who may do what");
	return LIFE_CANNOT_TELL;
}

enum session_life_result
session_life_judge(struct session_life *life, enum trust_command command, struct span args,
    bool in_mail, uint64_t now_ms, struct judgement *j)
{
	struct judge_facts	 facts = { .conf = life->conf,
				     .session = &life->session };

	if (!check_revoked(life, now_ms))
		return cannot_tell(life, command);
	facts.profile = life->profile;
	facts.begins_anew = life->is_used;
	judge_command(&facts, command, args, j);
	if (j->verdict.action != VERDICT_PERMIT) {
		if (command == TRUST_XFORWARD)
			refuse_message(life, &j->verdict, now_ms);
		else
			deny(life, &j->verdict, trust_command_text(command),
			    only_reports(life) || session_is_pardoned(command,
			    j->verdict.reason), now_ms);
		(void)session_life_save(life);
		return LIFE_REFUSED;
	}
	if (in_mail && command != TRUST_XSETCONTEXT &&
	    command != TRUST_XDUMPCONTEXT)
		return LIFE_BAD_SEQUENCE;
	return LIFE_DONE;
}

enum session_life_result
session_life_execute(struct session_life *life, const struct judgement *j, uint64_t now_ms)
{
	return execute(life, j, now_ms) ? LIFE_DONE :
	    cannot_tell(life, j->command);
}

enum session_life_result
session_life_command(struct session_life *life, enum trust_command command, struct span args,
    bool in_mail, uint64_t now_ms, struct judgement *j)
{
	enum session_life_result	 result;

	result = session_life_judge(life, command, args, in_mail, now_ms, j);
	return result == LIFE_DONE ? session_life_execute(life, j, now_ms) : result;
}
