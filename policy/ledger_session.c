/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ledger_session: which session a process has now, and what Postfix is thought
 * to have done to it.
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

const struct conf *
ledger_conf(const struct ledger *ledger, const struct ledger_proc *proc)
{
	return proc == NULL || proc->life == NULL ? ledger->conf :
	    session_life_conf(proc->life);
}

void
ledger_report(const struct ledger *ledger, const struct ledger_proc *proc,
    struct decision decision)
{
	decision.session = proc == NULL ? NULL : ledger_proc_session(proc);
	decision.conf = ledger_conf(ledger, proc);
	ledger->report(&decision, ledger->report_arg);
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

/*
 * Sessions of a process
 */

bool
ledger_expect(struct ledger_proc *proc)
{
	const struct session	*s = ledger_proc_session(proc);
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

const struct trust_profile *
ledger_peer_profile(const struct ledger_proc *proc)
{
	return proc->life == NULL ? NULL : session_life_profile(proc->life);
}

void
ledger_session_drop(struct ledger *ledger, struct ledger_proc *proc)
{
	const struct session	*s = ledger_proc_session(proc);

	if (s == NULL)
		return;
	if (proc->has_record)
		ledger_report(ledger, proc, (struct decision){
		    .event = proc->phase == PHASE_COMMITTED ? DECISION_UNDO :
		    DECISION_END });
	memcpy(proc->former_id, s->id, sizeof proc->former_id);
	proc->former_peer = s->peer;
	session_life_free(proc->life);
	proc->life = NULL;
	proc->is_loaded = false;
	proc->is_shown = false;
	proc->is_decided = false;
	proc->is_mail_asked = false;
	proc->is_greeted = false;
	proc->phase = PHASE_OPEN;
	ledger->n_sessions--;
}

static void
answer_store_failed(struct ledger_reply *reply)
{
	ledger_answer(reply, LEDGER_TEMP, SESSION_STORE_FAILED);
}

bool
ledger_refresh(struct ledger_proc *proc, struct ledger_reply *reply)
{
	if (session_life_refresh(proc->life))
		return true;
	answer_store_failed(reply);
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

static struct session_life_home
home_of(struct ledger *ledger)
{
	return (struct session_life_home){ .store = ledger->store,
	    .report = ledger->report, .report_arg = ledger->report_arg };
}

static const char *
verified_name(const struct ledger_proc *proc)
{
	return proc->name == NULL || strcmp(proc->name, LEDGER_UNKNOWN) == 0 ?
	    NULL : proc->name;
}

static struct session_life *
life_begin(struct ledger *ledger, const struct ledger_proc *proc,
    struct span listener, const struct address *peer, uint64_t now_ms)
{
	const struct session_life_home	 home = home_of(ledger);
	char				 on[SESSION_LISTENER_SIZE] = "";
	const struct session_life_peer	 who = {
		.keeper = SESSION_KEEPER_POLICY,
		.is_nobody = peer->family == AF_UNSPEC, .addr = *peer,
		.name = verified_name(proc), .listener = on,
		.pid = proc->pid, .pid_start = proc->start
	};

	if (listener.n < sizeof on) {
		span_copy(on, listener);
		on[listener.n] = '\0';
	}
	return session_life_new(ledger->conf, &home, &who, now_ms);
}

bool
ledger_session_begin(struct ledger *ledger, struct ledger_proc *proc,
    struct span listener, const struct address *peer, uint64_t now_ms,
    struct err *err)
{
	ledger_session_drop(ledger, proc);
	proc->life = life_begin(ledger, proc, listener, peer, now_ms);
	if (proc->life == NULL) {
		(void)err_set(err, "out of memory");
		return false;
	}
	ledger->n_sessions++;
	(void)ledger_expect(proc);
	/* An old record that is not overwritten must go. */
	if (session_life_is_changed(proc->life) ||
	    ledger_record_delete(ledger, proc, err))
		return true;
	ledger_session_drop(ledger, proc);
	return false;
}

bool
ledger_session_load(struct ledger *ledger, struct ledger_proc *proc,
    struct session *s, struct err *err)
{
	const struct session_life_home	 home = home_of(ledger);

	proc->life = session_life_load(ledger->conf, &home, s);
	if (proc->life == NULL) {
		(void)err_set(err, "out of memory");
		return false;
	}
	ledger->n_sessions++;
	proc->is_loaded = true;
	if (ledger_expect(proc))
		return true;
	(void)err_set(err, "the override in the record of process %ld cannot "
	    "be read", (long)proc->pid);
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
	session_life_violation(proc->life, REASON_NO_SESSION,
	    "it is not known who connected", text, now_ms);
	return true;
}

bool
ledger_is_nobody(const struct ledger_proc *proc)
{
	const struct session	*s = ledger_proc_session(proc);

	return s != NULL && s->peer.family == AF_UNSPEC &&
	    s->refused != VERDICT_PERMIT &&
	    s->refused_reason == REASON_NO_SESSION;
}

void
ledger_finish(struct ledger_proc *proc, struct ledger_reply *reply)
{
	if (session_life_save(proc->life))
		proc->has_record = proc->has_record ||
		    session_life_has_record(proc->life);
	else
		answer_store_failed(reply);
}

void
ledger_begin_failed(struct ledger *ledger, struct ledger_proc *proc,
    const struct err *err, struct ledger_reply *reply)
{
	ledger_report(ledger, proc, (struct decision){
	    .event = DECISION_ERROR, .text = err->text });
	answer_store_failed(reply);
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
ledger_prove(struct ledger_proc *proc)
{
	proc->is_loaded = false;
	session_life_set_unproven(proc->life, false);
}

void
ledger_commit(struct ledger_proc *proc, const struct assertion_set *set,
    uint64_t now_ms)
{
	session_life_commit(proc->life, set, now_ms);
	/* Postfix takes one only where we have answered for this very
	 * connection. */
	proc->is_decided = false;
	ledger_prove(proc);
	(void)ledger_expect(proc);
}

void
ledger_forget(struct ledger_proc *proc, uint64_t now_ms)
{
	if (proc->life != NULL)
		session_life_forget(proc->life, now_ms);
}

void
ledger_unseen(struct ledger_proc *proc, uint64_t now_ms)
{
	char	 peer[ADDRESS_TEXT_SIZE];
	char	 line[ULID_SIZE + sizeof peer + sizeof "session  of "];

	(void)snprintf(line, sizeof line, "session %s of %s",
	    proc->former_id, address_format(&proc->former_peer, peer,
	    sizeof peer));
	session_life_violation(proc->life, REASON_UNSEEN, "the mail server "
	    "took an override that was not submitted for judgement",
	    proc->former_id[0] == '\0' ? NULL : line, now_ms);
}

bool
ledger_check_unseen(struct ledger_proc *proc, uint64_t now_ms)
{
	if (proc->life == NULL || proc->phase != PHASE_XCLIENT)
		return false;
	proc->phase = PHASE_OPEN;
	ledger_unseen(proc, now_ms);
	return true;
}

bool
ledger_check_revoked(struct ledger_proc *proc, uint64_t now_ms,
    struct ledger_reply *reply)
{
	if (proc->life == NULL ||
	    session_life_check_revoked(proc->life, now_ms))
		return true;
	answer_store_failed(reply);
	return false;
}
