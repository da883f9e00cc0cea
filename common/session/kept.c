/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * kept: the record's life, and what X commands make of it.
 */
#include "session/kept.h"

#include <stdlib.h>
#include <string.h>

#include "session/session_change.h"

static void
note(const struct kept *kept, enum kept_event event,
    const struct verdict *verdict, const char *command, const char *line)
{
	const struct kept_note	 what = {
		.event = event, .session = &kept->session,
		.verdict = verdict, .conf = kept->conf, .command = command,
		.line = line, .said = command == NULL ?
		    (struct span){ NULL, 0 } : kept->said
	};

	kept->note(&what, kept->note_arg);
}

static void
note_error(const struct kept *kept, const struct err *err)
{
	const struct kept_note	 what = {
		.event = KEPT_ERROR, .session = &kept->session,
		.conf = kept->conf, .err = err
	};

	kept->note(&what, kept->note_arg);
}

bool
kept_save(struct kept *kept)
{
	struct err	 err;

	if (kept->session.pid == 0)
		return true;
	if (store_put(kept->store, &kept->session, &err) != 0) {
		note_error(kept, &err);
		session_refuse_mail(&kept->session, VERDICT_TEMPFAIL,
		    REASON_CANNOT_TELL, "the session store failed");
		return false;
	}
	kept->has_record = true;
	return true;
}

static void
audit(struct kept *kept, enum session_event event, const char *text,
    uint64_t now_ms)
{
	/* Out of memory costs a line of the trail, not the decision. */
	(void)session_audit_add(&kept->session,
	    kept->conf->limits.audit_entries, now_ms, event, text);
	kept->session.changed_ms = now_ms;
}

static void
deny(struct kept *kept, const struct verdict *verdict, const char *command,
    bool is_reported, uint64_t now_ms)
{
	session_deny(&kept->session, verdict, is_reported);
	audit(kept, SESSION_REFUSED, verdict->text, now_ms);
	note(kept, KEPT_REFUSE, verdict, command, NULL);
}

static bool
only_reports(const struct kept *kept)
{
	return kept->profile != NULL &&
	    trust_profile_report_only(kept->profile);
}

void
kept_refuse(struct kept *kept, const struct verdict *verdict,
    const char *command, uint64_t now_ms)
{
	deny(kept, verdict, command, only_reports(kept), now_ms);
}

/* An XFORWARD names the client of one message: what is wrong with it is no
 * reason to refuse the others that come over the same connection. */
static void
refuse_message(struct kept *kept, const struct verdict *verdict,
    uint64_t now_ms)
{
	audit(kept, SESSION_REFUSED, verdict->text, now_ms);
	note(kept, KEPT_REFUSE, verdict, trust_command_text(TRUST_XFORWARD),
	    NULL);
}

bool
kept_refuses_message(const struct kept *kept, const struct verdict *verdict)
{
	return verdict->reason == REASON_CANNOT_TELL ||
	    kept->profile == NULL ||
	    !trust_profile_report_only(kept->profile);
}

static void
classify(struct kept *kept, const struct kept_peer *peer, uint64_t now_ms)
{
	struct session		*s = &kept->session;
	const struct trust_peer	 who = {
		.addr = s->peer, .name = peer->name,
		.fingerprint = peer->fingerprint, .listener = s->listener
	};
	struct verdict		 verdict;
	struct err		 err;

	if (trust_classify(kept->conf->trust, &who, &kept->profile,
	    verdict.rule, sizeof verdict.rule, &err) == TRUST_OK) {
		if (session_set_text(&s->profile,
		    trust_profile_name(kept->profile)) &&
		    session_set_text(&s->rule, verdict.rule) &&
		    session_set_text(&s->peer_name, peer->name))
			return;
		(void)err_set(&err, "out of memory");
	}
	kept->profile = NULL;
	note_error(kept, &err);
	trust_violation(NULL, REASON_CANNOT_TELL,
	    "it cannot be told who may do what", &verdict);
	kept_refuse(kept, &verdict, NULL, now_ms);
}

void
kept_begin(struct kept *kept, struct conf *conf, struct store *store,
    kept_note_fn *note_fn, void *note_arg, const struct kept_peer *peer,
    uint64_t now_ms)
{
	struct session	*s = &kept->session;

	*kept = (struct kept){ .conf = conf, .store = store,
	    .note = note_fn, .note_arg = note_arg };
	session_init(s);
	session_name(s, now_ms);
	s->mta = peer->mta;
	if (peer->listener != NULL &&
	    strlen(peer->listener) < sizeof s->listener)
		(void)strcpy(s->listener, peer->listener);
	s->pid = peer->pid;
	s->pid_start = peer->pid_start;
	s->peer = s->client = peer->addr;
	s->client_port = kept->peer_port = peer->port;
	classify(kept, peer, now_ms);
	if (kept->profile != NULL && trust_profile_may_any(kept->profile))
		audit(kept, SESSION_BEGUN, s->profile, now_ms);
	(void)kept_save(kept);
}

void
kept_adopt(struct kept *kept, struct session *handed, uint64_t now_ms)
{
	struct session	 old = kept->session, *s = &kept->session;

	*s = *handed;
	session_init(handed);
	s->mta = old.mta;
	s->pid = old.pid;
	s->pid_start = old.pid_start;
	if (strcmp(s->id, old.id) == 0)
		session_refuse_mail(s, old.refused, old.refused_reason,
		    old.refused_text);
	session_clear(&old);
	kept->profile = s->profile == NULL ? NULL :
	    trust_profile_find(kept->conf->trust, s->profile);
	if (!s->is_sealed) {
		s->is_sealed = true;
		audit(kept, SESSION_SEALED, "hand-over", now_ms);
	}
	(void)kept_save(kept);
}

void
kept_end(struct kept *kept)
{
	struct err	 err;

	if (kept->has_record && store_delete(kept->store, kept->session.pid,
	    kept->session.id, &err) != 0)
		note_error(kept, &err);
	session_clear(&kept->session);
	*kept = (struct kept){ .conf = NULL };
}

static void
seal_if(struct kept *kept, enum trust_seal when, const char *by,
    uint64_t now_ms)
{
	if (!session_seals_by(&kept->session, kept->profile, when))
		return;
	kept->session.is_sealed = true;
	audit(kept, SESSION_SEALED, by, now_ms);
}

/* False: it cannot be told whether the peer's grants have been revoked. */
static bool
check_revoked(struct kept *kept, uint64_t now_ms)
{
	struct verdict	 verdict;
	struct err	 err;

	if (kept->profile == NULL || (!trust_profile_may_any(kept->profile) &&
	    !trust_profile_report_only(kept->profile)))
		return true;
	switch (store_is_revoked(kept->store, &kept->session.peer,
	    trust_profile_name(kept->profile), now_ms, &err)) {
	case STORE_NONE:
		return true;
	case STORE_CANNOT_TELL:
		note_error(kept, &err);
		return false;
	case STORE_FOUND:
		break;
	}
	if (session_revoke(&kept->session, kept->profile)) {
		trust_violation(kept->profile, REASON_REVOKED,
		    "the grants of this peer have been revoked", &verdict);
		/* Even for one who only reports. */
		session_refuse_mail(&kept->session, verdict.action,
		    verdict.reason, verdict.text);
		kept_refuse(kept, &verdict, NULL, now_ms);
	}
	kept->profile = trust_profile_find(kept->conf->trust, TRUST_STRANGER);
	return kept_save(kept);
}

void
kept_greeting(struct kept *kept, uint64_t now_ms)
{
	seal_if(kept, TRUST_SEAL_GREETING, "greeting", now_ms);
	(void)kept_save(kept);
}

bool
kept_mail(struct kept *kept, uint64_t now_ms)
{
	bool	 was_sealed = kept->session.is_sealed;

	if (!check_revoked(kept, now_ms))
		return false;
	seal_if(kept, TRUST_SEAL_GREETING, "mail", now_ms);
	if (session_seals_by(&kept->session, kept->profile, TRUST_SEAL_NEVER))
		kept->is_used = true;
	return kept->session.is_sealed == was_sealed || kept_save(kept);
}

static void
begin_anew(struct kept *kept)
{
	session_end_override(&kept->session, kept->peer_port);
	kept->is_used = false;
}

/* False: out of memory. */
static bool
override(struct kept *kept, const struct judgement *j, uint64_t now_ms)
{
	char	 client[ADDRESS_TEXT_SIZE];
	char	*line = strdup(j->line);

	if (line == NULL)
		return false;
	if (kept->is_used)
		begin_anew(kept);
	session_override(&kept->session, line, &j->override, j->is_another);
	(void)address_format(&kept->session.client, client, sizeof client);
	audit(kept, SESSION_OVERRIDDEN, client, now_ms);
	seal_if(kept, TRUST_SEAL_OVERRIDE, "override", now_ms);
	note(kept, KEPT_OVERRIDE, &j->verdict, trust_command_text(j->command),
	    j->line);
	return true;
}

/* Nothing is left of it: it says nothing of the client, who is who it was; but
 * not whose mail was sent before. */
static void
override_with_nothing(struct kept *kept, const struct judgement *j,
    uint64_t now_ms)
{
	if (kept->is_used) {
		begin_anew(kept);
		audit(kept, SESSION_FORGOTTEN, "the last client", now_ms);
	}
	note(kept, KEPT_PERMIT, &j->verdict, trust_command_text(j->command),
	    NULL);
}

/* False: out of memory. */
static bool
set_context(struct kept *kept, const struct judgement *j, uint64_t now_ms)
{
	char	 names[SESSION_AUDIT_NAMES], pairs[2 * CONTEXT_LINE_MAX];

	if (!session_set_context(&kept->session, &j->context, now_ms))
		return false;
	context_line_names(&j->context, names, sizeof names);
	context_line_pairs(&j->context, pairs, sizeof pairs);
	audit(kept, SESSION_CONTEXT, names, now_ms);
	note(kept, KEPT_PERMIT, &j->verdict, trust_command_text(j->command),
	    pairs);
	return true;
}

/* False: out of memory, or the store failed. */
static bool
execute(struct kept *kept, const struct judgement *j, uint64_t now_ms)
{
	switch (j->command) {
	case TRUST_XCLIENT:
	case TRUST_XREMOTEIP:
		if (j->says_nothing)
			override_with_nothing(kept, j, now_ms);
		else if (!override(kept, j, now_ms))
			return false;
		return kept_save(kept);
	case TRUST_XSETCONTEXT:
		return set_context(kept, j, now_ms) && kept_save(kept);
	case TRUST_XDUMPCONTEXT:
		note(kept, KEPT_PERMIT, &j->verdict,
		    trust_command_text(j->command), NULL);
		break;
	case TRUST_XFORWARD:
		note(kept, KEPT_PERMIT, &j->verdict,
		    trust_command_text(j->command), j->line);
		break;
	}
	return true;
}

/* Who ignores the 451 must not go on as if nothing had been said.  An XFORWARD is
 * the caller's, and a dump claims nothing. */
static enum kept_result
cannot_tell(struct kept *kept, enum trust_command command)
{
	if (command != TRUST_XFORWARD && command != TRUST_XDUMPCONTEXT)
		session_refuse_mail(&kept->session, VERDICT_TEMPFAIL,
		    REASON_CANNOT_TELL, "it cannot be told who may do what");
	return KEPT_CANNOT_TELL;
}

enum kept_result
kept_judge(struct kept *kept, enum trust_command command, struct span args,
    bool in_mail, uint64_t now_ms, struct judgement *j)
{
	struct judge_facts	 facts = { .conf = kept->conf,
				     .session = &kept->session };

	kept->said = args;
	if (!check_revoked(kept, now_ms))
		return cannot_tell(kept, command);
	facts.profile = kept->profile;
	facts.begins_anew = kept->is_used;
	judge_command(&facts, command, args, j);
	if (j->verdict.action != VERDICT_PERMIT) {
		if (command == TRUST_XFORWARD)
			refuse_message(kept, &j->verdict, now_ms);
		else
			deny(kept, &j->verdict, trust_command_text(command),
			    only_reports(kept) || session_is_pardoned(command,
			    j->verdict.reason), now_ms);
		(void)kept_save(kept);
		return KEPT_REFUSED;
	}
	if (in_mail && command != TRUST_XSETCONTEXT &&
	    command != TRUST_XDUMPCONTEXT)
		return KEPT_BAD_SEQUENCE;
	return KEPT_DONE;
}

enum kept_result
kept_execute(struct kept *kept, const struct judgement *j, uint64_t now_ms)
{
	return execute(kept, j, now_ms) ? KEPT_DONE :
	    cannot_tell(kept, j->command);
}

enum kept_result
kept_command(struct kept *kept, enum trust_command command, struct span args,
    bool in_mail, uint64_t now_ms, struct judgement *j)
{
	enum kept_result	 result;

	result = kept_judge(kept, command, args, in_mail, now_ms, j);
	return result == KEPT_DONE ? kept_execute(kept, j, now_ms) : result;
}
