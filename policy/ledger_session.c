/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ledger_session: how a session begins, is overridden, sealed and refused.
 *
 * A session of which there is nothing to say (a stranger's who asked for
 * nothing) lives in memory only; all others are in the store before anything
 * is answered.
 */
#include "ledger_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/session_change.h"

void
ledger_report(struct ledger *ledger, const struct ledger_proc *proc,
    enum ledger_event event, const struct verdict *verdict,
    const char *command, const char *text)
{
	struct ledger_note	 note = { .event = event,
	    .session = proc == NULL ? NULL : proc->session,
	    .verdict = verdict, .conf = proc == NULL || proc->conf == NULL ?
	    ledger->conf : proc->conf, .command = command,
	    .said = ledger->said, .text = text };

	ledger->note(&note, ledger->note_arg);
}

void
ledger_answer(struct ledger_reply *reply, enum ledger_answer answer,
    const char *text)
{
	size_t	 len = strnlen(text, sizeof reply->text - 1);

	reply->answer = answer;
	memcpy(reply->text, text, len);
	reply->text[len] = '\0';
}

void
ledger_audit(struct ledger_proc *proc, uint64_t now_ms,
    enum session_event event, const char *text)
{
	/* Out of memory costs a line of the trail, not the decision. */
	(void)session_audit_add(proc->session,
	    proc->conf->limits.audit_entries, now_ms, event, text);
	proc->session->changed_ms = now_ms;
	proc->is_dirty = true;
}

void
ledger_deny(struct ledger *ledger, struct ledger_proc *proc,
    const struct verdict *verdict, const char *command, bool is_reported,
    uint64_t now_ms)
{
	session_deny(proc->session, verdict, is_reported);
	ledger_audit(proc, now_ms, SESSION_REFUSED, verdict->text);
	ledger_report(ledger, proc, LEDGER_REFUSE, verdict, command, NULL);
}

void
ledger_refuse(struct ledger *ledger, struct ledger_proc *proc,
    const struct verdict *verdict, const char *command, uint64_t now_ms)
{
	ledger_deny(ledger, proc, verdict, command, proc->profile != NULL &&
	    trust_profile_report_only(proc->profile), now_ms);
}

/*
 * Sessions of a process
 */

bool
ledger_expect(struct ledger_proc *proc)
{
	struct session		*s = proc->session;
	struct assertion_set	 set;
	const struct assertion	*name, *login;

	(void)address_format(&s->client, proc->client_text,
	    sizeof proc->client_text);
	proc->has_port = false;
	if (s->override == NULL)
		return session_set_text(&proc->client_name, NULL) &&
		    session_set_text(&proc->login, NULL);
	if (!session_read_override(s->override, &set))
		return false;
	name = &set.v[ASSERTION_NAME];
	login = &set.v[ASSERTION_LOGIN];
	proc->has_port = set.v[ASSERTION_PORT].status != ASSERTION_ABSENT;
	return session_set_text(&proc->client_name,
	    name->status == ASSERTION_ABSENT ? NULL :
	    name->status == ASSERTION_VALUE ? name->value : LEDGER_UNKNOWN) &&
	    session_set_text(&proc->login,
	    login->status == ASSERTION_VALUE ? login->value : NULL);
}

void
ledger_session_drop(struct ledger *ledger, struct ledger_proc *proc)
{
	if (proc->session == NULL)
		return;
	if (proc->has_record)
		ledger_report(ledger, proc, proc->phase == PHASE_COMMITTED ?
		    LEDGER_UNDO : LEDGER_END, NULL, NULL, NULL);
	memcpy(proc->former_id, proc->session->id, sizeof proc->former_id);
	proc->former_peer = proc->session->peer;
	session_clear(proc->session);
	free(proc->session);
	proc->session = NULL;
	proc->profile = NULL;
	proc->is_dirty = false;
	proc->is_loaded = false;
	proc->is_shown = false;
	proc->is_anew = false;
	proc->is_decided = false;
	proc->is_mail_asked = false;
	proc->phase = PHASE_OPEN;
	conf_unref(proc->conf);
	proc->conf = NULL;
	ledger->n_sessions--;
}

/* The milter's part of a record. */
static void
take_mails(struct session *to, const struct session *from)
{
	to->mails = from->mails;
	to->is_in_mail = from->is_in_mail;
}

/* A store_change_fn: what the milter has told meanwhile stays. */
static const struct session *
replace(struct session *old, void *arg)
{
	struct ledger_proc	*proc = arg;

	if (!proc->is_anew)
		take_mails(proc->session, old);
	return proc->session;
}

/* Puts the session in the store, or takes an old one out of it. */
static bool
session_save(struct ledger *ledger, struct ledger_proc *proc,
    struct err *err)
{
	enum store_result	 result = STORE_NONE;

	if (!proc->is_dirty)
		return true;
	if (proc->has_record)
		result = store_change(ledger->store, proc->pid,
		    proc->session->id, replace, proc, err);
	if (result == STORE_CANNOT_TELL || (result == STORE_NONE &&
	    store_put(ledger->store, proc->session, err) != 0))
		return false;
	proc->has_record = true;
	proc->is_dirty = false;
	proc->is_anew = false;
	return true;
}

bool
ledger_refresh(struct ledger *ledger, struct ledger_proc *proc,
    struct ledger_reply *reply)
{
	enum store_result	 result;
	struct session		 s;
	struct err		 err;

	if (!proc->has_record || proc->is_anew)
		return true;
	session_init(&s);
	result = store_get(ledger->store, proc->pid, &s, &err);
	if (result == STORE_FOUND && strcmp(s.id, proc->session->id) == 0)
		take_mails(proc->session, &s);
	session_clear(&s);
	if (result != STORE_CANNOT_TELL)
		return true;
	ledger_report(ledger, proc, LEDGER_ERROR, NULL, NULL, err.text);
	ledger_answer(reply, LEDGER_TEMP, "the session store failed");
	return false;
}

bool
ledger_record_delete(struct ledger *ledger, struct ledger_proc *proc,
    struct err *err)
{
	if (!proc->has_record)
		return true;
	if (store_delete(ledger->store, proc->pid, NULL, err) != 0)
		return false;
	proc->has_record = false;
	return true;
}

bool
ledger_has_grants(const struct ledger_proc *proc)
{
	return proc->profile != NULL && trust_profile_may_any(proc->profile);
}

static struct session *
session_make(const struct ledger_proc *proc, struct span listener,
    const struct address *peer, uint64_t now_ms)
{
	struct session	*s = malloc(sizeof *s);
	if (s == NULL)
		return NULL;
	session_init(s);
	session_name(s, now_ms);
	if (listener.n < sizeof s->listener)
		span_copy(s->listener, listener);
	s->pid = proc->pid;
	s->pid_start = proc->start;
	s->peer = *peer;
	s->client = *peer;
	return s;
}

static const char *
verified_name(const struct ledger_proc *proc)
{
	return proc->name == NULL || strcmp(proc->name, LEDGER_UNKNOWN) == 0 ?
	    NULL : proc->name;
}

/* Asks trust who the peer is; what cannot be told refuses the session. */
static void
session_classify(struct ledger *ledger, struct ledger_proc *proc,
    uint64_t now_ms)
{
	struct session		*s = proc->session;
	struct trust_peer	 peer = { .addr = s->peer,
				     .name = verified_name(proc),
				     .listener = s->listener };
	struct verdict		 verdict;
	struct err		 err;
	char			 rule[sizeof verdict.rule];

	if (trust_classify(proc->conf->trust, &peer, &proc->profile, rule,
	    sizeof rule, &err) == TRUST_OK) {
		if (session_set_text(&s->profile,
		    trust_profile_name(proc->profile)) &&
		    session_set_text(&s->rule, rule) &&
		    session_set_text(&s->peer_name, peer.name))
			return;
		(void)err_set(&err, "out of memory");
	}
	proc->profile = NULL;
	trust_violation(NULL, REASON_CANNOT_TELL,
	    "it cannot be told who may do what", &verdict);
	ledger_report(ledger, proc, LEDGER_ERROR, &verdict, NULL, err.text);
	ledger_refuse(ledger, proc, &verdict, NULL, now_ms);
}

bool
ledger_session_begin(struct ledger *ledger, struct ledger_proc *proc,
    struct span listener, const struct address *peer, uint64_t now_ms,
    struct err *err)
{
	ledger_session_drop(ledger, proc);
	proc->session = session_make(proc, listener, peer, now_ms);
	if (proc->session == NULL) {
		(void)err_set(err, "out of memory");
		return false;
	}
	proc->conf = conf_ref(ledger->conf);
	ledger->n_sessions++;
	if (peer->family != AF_UNSPEC)
		session_classify(ledger, proc, now_ms);
	(void)ledger_expect(proc);
	if (ledger_has_grants(proc)) {
		ledger_audit(proc, now_ms, SESSION_BEGUN,
		    proc->session->profile);
		ledger_report(ledger, proc, LEDGER_BEGIN, NULL, NULL, NULL);
	}
	/* An old record that is not overwritten must go. */
	if (proc->is_dirty || ledger_record_delete(ledger, proc, err))
		return true;
	ledger_session_drop(ledger, proc);
	return false;
}

bool
ledger_session_nobody(struct ledger *ledger, struct ledger_proc *proc,
    struct span listener, struct span shown, uint64_t now_ms, struct err *err)
{
	const struct address	 nobody = { .family = AF_UNSPEC };
	char			 text[ADDRESS_TEXT_SIZE];

	if (!ledger_session_begin(ledger, proc, listener, &nobody, now_ms,
	    err))
		return false;
	(void)snprintf(text, sizeof text, "%.*s", (int)(shown.n < sizeof text ?
	    shown.n : sizeof text - 1), shown.p);
	ledger_violation(ledger, proc, REASON_NO_SESSION,
	    "it is not known who connected", text, now_ms);
	return true;
}

bool
ledger_is_nobody(const struct ledger_proc *proc)
{
	const struct session	*s = proc->session;

	return s != NULL && s->peer.family == AF_UNSPEC &&
	    s->refused != VERDICT_PERMIT &&
	    s->refused_reason == REASON_NO_SESSION;
}

void
ledger_finish(struct ledger *ledger, struct ledger_proc *proc,
    struct ledger_reply *reply)
{
	struct err	 err;

	if (session_save(ledger, proc, &err))
		return;
	ledger_report(ledger, proc, LEDGER_ERROR, NULL, NULL, err.text);
	ledger_answer(reply, LEDGER_TEMP, "the session store failed");
}

void
ledger_begin_failed(struct ledger *ledger, struct ledger_proc *proc,
    const struct err *err, struct ledger_reply *reply)
{
	ledger_report(ledger, proc, LEDGER_ERROR, NULL, NULL, err->text);
	ledger_answer(reply, LEDGER_TEMP, "the session store failed");
}

/*
 * Pending overrides
 */

bool
ledger_name_fits(const struct assertion *said, const char *name)
{
	switch (said->status) {
	case ASSERTION_VALUE:
		return name != NULL && strcasecmp(said->value, name) == 0;
	case ASSERTION_UNAVAILABLE:
	case ASSERTION_TEMPUNAVAIL:
		return name != NULL && strcmp(name, LEDGER_UNKNOWN) == 0;
	case ASSERTION_ABSENT:
		break;
	}
	return true;
}

bool
ledger_pending_fits(const struct session *s, const struct address *addr,
    struct assertion_set *set_r)
{
	if (s == NULL || s->pending == NULL ||
	    !session_read_override(s->pending, set_r))
		return false;
	if (set_r->v[ASSERTION_ADDR].status == ASSERTION_ABSENT)
		return address_equal(&s->client, addr);
	return address_equal(&set_r->addr, addr);
}

void
ledger_seal(struct ledger *ledger, struct ledger_proc *proc, const char *by,
    uint64_t now_ms)
{
	proc->session->is_sealed = true;
	ledger_audit(proc, now_ms, SESSION_SEALED, by);
	ledger_report(ledger, proc, LEDGER_SEAL, NULL, NULL, by);
}

void
ledger_seal_if(struct ledger *ledger, struct ledger_proc *proc,
    enum trust_seal when, const char *by, uint64_t now_ms)
{
	if (session_seals_by(proc->session, proc->profile, when))
		ledger_seal(ledger, proc, by, now_ms);
}

void
ledger_commit(struct ledger *ledger, struct ledger_proc *proc,
    const struct assertion_set *set, uint64_t now_ms)
{
	struct session	*s = proc->session;

	/* What is not known any more, after a restart, is another's. */
	session_override(s, s->pending, set, !proc->is_same_client);
	s->pending = NULL;
	proc->is_same_client = false;
	/* Postfix takes none in a transaction.  And it takes one only where we
	 * have answered for this very connection. */
	s->mails = 0;
	s->is_in_mail = false;
	proc->is_anew = true;
	proc->is_decided = false;
	proc->is_loaded = false;
	(void)ledger_expect(proc);
	ledger_audit(proc, now_ms, SESSION_OVERRIDDEN, proc->client_text);
	ledger_report(ledger, proc, LEDGER_OVERRIDE, NULL, "XCLIENT",
	    s->override);
	ledger_seal_if(ledger, proc, TRUST_SEAL_OVERRIDE, "override", now_ms);
}

void
ledger_forget(struct ledger *ledger, struct ledger_proc *proc, uint64_t now_ms)
{
	struct session	*s = proc->session;

	if (s == NULL || s->pending == NULL)
		return;
	ledger_audit(proc, now_ms, SESSION_FORGOTTEN, s->pending);
	ledger_report(ledger, proc, LEDGER_FORGET, NULL, "XCLIENT",
	    s->pending);
	(void)session_set_text(&s->pending, NULL);
}

void
ledger_violation(struct ledger *ledger, struct ledger_proc *proc,
    enum verdict_reason reason, const char *text, const char *line,
    uint64_t now_ms)
{
	struct verdict	 verdict;

	/* What nobody knows is no reason to refuse anything for good. */
	trust_violation(reason == REASON_NO_SESSION ? NULL : proc->profile,
	    reason, text, &verdict);
	/* The MTA already acts on it: to only report would be to let it be. */
	session_refuse_mail(proc->session, verdict.action, reason, text);
	ledger_audit(proc, now_ms, SESSION_REFUSED, text);
	ledger_report(ledger, proc, LEDGER_REFUSE, &verdict, NULL, line);
}

void
ledger_unseen(struct ledger *ledger, struct ledger_proc *proc, uint64_t now_ms)
{
	char	 peer[ADDRESS_TEXT_SIZE];
	char	 line[ULID_SIZE + sizeof peer + sizeof "session  of "];

	(void)snprintf(line, sizeof line, "session %s of %s",
	    proc->former_id, address_format(&proc->former_peer, peer,
	    sizeof peer));
	ledger_violation(ledger, proc, REASON_UNSEEN, "the mail server took an "
	    "override that was not submitted for judgement",
	    proc->former_id[0] == '\0' ? NULL : line, now_ms);
}

bool
ledger_check_unseen(struct ledger *ledger, struct ledger_proc *proc,
    uint64_t now_ms)
{
	if (proc->session == NULL || proc->phase != PHASE_XCLIENT)
		return false;
	proc->phase = PHASE_OPEN;
	ledger_unseen(ledger, proc, now_ms);
	return true;
}

bool
ledger_check_revoked(struct ledger *ledger, struct ledger_proc *proc,
    uint64_t now_ms, struct ledger_reply *reply)
{
	struct session	*s = proc->session;
	struct err	 err;
	bool		 is_spoilt;

	if (s == NULL || proc->profile == NULL ||
	    (!ledger_has_grants(proc) &&
	    !trust_profile_report_only(proc->profile)))
		return true;
	switch (store_is_revoked(ledger->store, &s->peer,
	    trust_profile_name(proc->profile), now_ms, &err)) {
	case STORE_NONE:
		return true;
	case STORE_CANNOT_TELL:
		ledger_report(ledger, proc, LEDGER_ERROR, NULL, NULL,
		    err.text);
		ledger_answer(reply, LEDGER_TEMP, "the session store failed");
		return false;
	case STORE_FOUND:
		break;
	}
	is_spoilt = session_revoke(s, proc->profile);
	if (is_spoilt)
		ledger_violation(ledger, proc, REASON_REVOKED,
		    "the grants of this peer have been revoked", NULL, now_ms);
	else
		ledger_audit(proc, now_ms, SESSION_REFUSED, "revoked");
	proc->profile = trust_profile_find(proc->conf->trust, TRUST_STRANGER);
	return true;
}
