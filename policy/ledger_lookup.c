/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ledger_lookup: what the MTA's table lookups mean, in the order in which they
 * come.
 *
 * On a new connection Postfix asks xclient (by name, then by address),
 * xforward (likewise), milters; after an executed XCLIENT it asks xclient and
 * milters with the new client, and not xforward.  On a listener whose tables
 * spare clients that are no messengers, only milters is asked about them.
 * A pending override that the next question does not confirm was not executed.
 *
 * An xclient lookup that begins a session must be followed by an xforward
 * lookup.  If it is not, the MTA has executed an override that we were never
 * asked about (its command filter is not ours, or let the line pass):
 * nothing of that session is to be believed.
 */
#include "ledger_private.h"

#include <string.h>

#include "base/hostname.h"
#include "session/session_change.h"

#define MILTERS_DISABLE	"DISABLE"

/* What Postfix has for a client's name; anything else is an address, be it one
 * that nobody can read. */
static bool
is_name(struct span key)
{
	return span_eq(key, LEDGER_UNKNOWN) || hostname_valid(key);
}

/* False: out of memory; the name is then none, and not the former one. */
static bool
remember_name(struct ledger_proc *proc, struct span key)
{
	char	 name[HOSTNAME_MAX_LEN + 1];

	if (key.n >= sizeof name)
		key.n = 0;
	span_copy(name, key);
	name[key.n] = '\0';
	if (session_set_text(&proc->name, key.n == 0 ? NULL : name))
		return true;
	(void)session_set_text(&proc->name, NULL);
	return false;
}

static void
answer_grant(struct ledger_proc *proc, enum trust_command command,
    uint64_t now_ms, struct ledger_reply *reply)
{
	const struct session		*s = ledger_proc_session(proc);
	const struct trust_profile	*profile;
	bool				 is_granted;

	if (!ledger_check_revoked(proc, now_ms, reply))
		return;
	profile = ledger_peer_profile(proc);
	is_granted = profile != NULL && !s->is_sealed &&
	    (trust_profile_may(profile, command) ||
	    (command == TRUST_XCLIENT &&
	    trust_profile_may(profile, TRUST_XREMOTEIP)));
	if (profile == NULL)
		ledger_answer(reply, LEDGER_TEMP, s->refused_text == NULL ?
		    "it is not known who connected" : s->refused_text);
	else if (is_granted)
		ledger_answer(reply, LEDGER_YES, s->profile);
	else
		ledger_answer(reply, LEDGER_NO, "");
}

/* A name is never found, so that the address is asked about next; unless the
 * client has no address any more. */
static void
xclient_name(struct ledger_proc *proc, struct span key, uint64_t now_ms,
    struct ledger_reply *reply)
{
	const struct address	 nowhere = { .family = AF_UNSPEC };
	struct assertion_set	 set;

	if (!remember_name(proc, key)) {
		ledger_answer(reply, LEDGER_TEMP, "out of memory");
		return;
	}
	ledger_answer(reply, LEDGER_NO, "");
	if (!ledger_pending_fits(ledger_proc_session(proc), &nowhere, &set) ||
	    !ledger_name_fits(&set.v[ASSERTION_NAME], proc->name))
		return;
	ledger_commit(proc, &set, now_ms);
	proc->phase = PHASE_COMMITTED;
	answer_grant(proc, TRUST_XCLIENT, now_ms, reply);
	ledger_finish(proc, reply);
}

/* The session that an xclient lookup is of.  False: it cannot be made. */
static bool
xclient_session(struct ledger *ledger, struct ledger_proc *proc,
    struct span listener, struct span key, uint64_t now_ms, struct err *err)
{
	struct assertion_set	 set;
	struct address		 addr;
	bool			 is_begun;

	if (!address_parse(key, &addr)) {
		is_begun = ledger_session_nobody(ledger, proc, listener, key,
		    now_ms, err);
	} else if (ledger_pending_fits(ledger_proc_session(proc), &addr,
	    &set) && ledger_name_fits(&set.v[ASSERTION_NAME], proc->name)) {
		ledger_commit(proc, &set, now_ms);
		proc->phase = PHASE_COMMITTED;
		return true;
	} else {
		is_begun = ledger_session_begin(ledger, proc, listener, &addr,
		    now_ms, err);
	}
	if (is_begun)
		proc->phase = PHASE_XCLIENT;
	return is_begun;
}

void
ledger_xclient(struct ledger *ledger, struct ledger_proc *proc,
    struct span listener, struct span key, uint64_t now_ms,
    struct ledger_reply *reply)
{
	struct err	 err;

	if (is_name(key)) {
		xclient_name(proc, key, now_ms, reply);
		return;
	}
	if (!xclient_session(ledger, proc, listener, key, now_ms, &err)) {
		ledger_begin_failed(ledger, proc, &err, reply);
		return;
	}
	answer_grant(proc, TRUST_XCLIENT, now_ms, reply);
	ledger_finish(proc, reply);
}

/* The same for an xforward lookup, which is of a new connection. */
static bool
xforward_session(struct ledger *ledger, struct ledger_proc *proc,
    struct span listener, struct span key, uint64_t now_ms, struct err *err)
{
	const struct session	*s = ledger_proc_session(proc);
	struct address		 addr;
	bool			 is_read = address_parse(key, &addr);

	if (s != NULL && proc->phase == PHASE_XCLIENT &&
	    (is_read ? address_equal(&addr, &s->peer) :
	    ledger_is_nobody(proc)))
		return true;
	return is_read ? ledger_session_begin(ledger, proc, listener, &addr,
	    now_ms, err) : ledger_session_nobody(ledger, proc, listener, key,
	    now_ms, err);
}

void
ledger_xforward(struct ledger *ledger, struct ledger_proc *proc,
    struct span listener, struct span key, uint64_t now_ms,
    struct ledger_reply *reply)
{
	struct err	 err;

	if (is_name(key)) {
		if (remember_name(proc, key))
			ledger_answer(reply, LEDGER_NO, "");
		else
			ledger_answer(reply, LEDGER_TEMP, "out of memory");
		return;
	}
	if (!xforward_session(ledger, proc, listener, key, now_ms, &err)) {
		ledger_begin_failed(ledger, proc, &err, reply);
		return;
	}
	proc->phase = PHASE_XFORWARD;
	answer_grant(proc, TRUST_XFORWARD, now_ms, reply);
	ledger_finish(proc, reply);
}

/* Where xclient is not asked about the new client, Postfix takes no second
 * override: say so ourselves. */
static void
seal_without_xclient(struct ledger_proc *proc, uint64_t now_ms)
{
	const struct trust_profile	*profile = ledger_peer_profile(proc);

	if (profile != NULL &&
	    trust_profile_seal(profile) == TRUST_SEAL_GREETING)
		session_life_seal(proc->life, "override", now_ms);
}

/* Whether a milters lookup comes in turn, behind other tables. */
static bool
is_milters_due(enum phase phase)
{
	return phase == PHASE_XCLIENT || phase == PHASE_XFORWARD ||
	    phase == PHASE_COMMITTED;
}

/* Makes the session fit the client that milters are asked for.  False: there
 * is no session that does. */
static bool
milters_session(struct ledger *ledger, struct ledger_proc *proc,
    struct span listener, const struct address *addr, uint64_t now_ms,
    struct err *err)
{
	const struct session	*s = ledger_proc_session(proc);
	struct assertion_set	 set;

	if (s != NULL && is_milters_due(proc->phase) &&
	    address_equal(addr, &s->client)) {
		if (!ledger_check_unseen(proc, now_ms))
			proc->phase = PHASE_OPEN;
		return true;
	}
	if (!is_milters_due(proc->phase) &&
	    ledger_pending_fits(s, addr, &set)) {
		ledger_commit(proc, &set, now_ms);
		seal_without_xclient(proc, now_ms);
		proc->phase = PHASE_ASSUMED;
		return true;
	}
	/* Wiring B: the tables before this one were not asked. */
	(void)session_set_text(&proc->name, NULL);
	if (!ledger_session_begin(ledger, proc, listener, addr, now_ms, err))
		return false;
	/* Every connection has an address; only an override takes it away. */
	if (addr->family == AF_UNSPEC)
		ledger_unseen(proc, now_ms);
	return true;
}

/* The same for a client whose address cannot be read. */
static bool
milters_nobody(struct ledger *ledger, struct ledger_proc *proc,
    struct span listener, struct span key, uint64_t now_ms, struct err *err)
{
	if (is_milters_due(proc->phase) && ledger_is_nobody(proc)) {
		proc->phase = PHASE_OPEN;
		return true;
	}
	return ledger_session_nobody(ledger, proc, listener, key, now_ms,
	    err);
}

static bool
needs_milter(const struct ledger_proc *proc)
{
	const struct session	*s = ledger_proc_session(proc);

	return session_life_has_grants(proc->life) || s->override != NULL ||
	    session_refusal(s).action != VERDICT_PERMIT;
}

void
ledger_profile(struct ledger *ledger, struct span listener, struct span key,
    struct ledger_reply *reply)
{
	const struct trust_profile	*profile;
	struct trust_peer		 peer = { .addr.family = AF_UNSPEC };
	struct err			 err;
	char				 name[HOSTNAME_MAX_LEN + 1];
	char				 on[SESSION_LISTENER_SIZE];
	char				 rule[sizeof(struct verdict)];

	ledger_answer(reply, LEDGER_NO, "");
	if (key.n >= sizeof name || listener.n >= sizeof on)
		return;
	span_copy(on, listener);
	on[listener.n] = '\0';
	peer.listener = on;
	span_copy(name, key);
	name[key.n] = '\0';
	/* Sendmail says "IPv6:" before such an address. */
	if (!address_parse(key, &peer.addr) &&
	    !address_parse_mailhost(key, &peer.addr))
		peer.name = name;
	if (trust_classify(ledger->conf->trust, &peer, &profile, rule,
	    sizeof rule, &err) != TRUST_OK) {
		ledger_report(ledger, NULL, (struct decision){
		    .event = DECISION_ERROR, .text = err.text });
		ledger_answer(reply, LEDGER_TEMP,
		    SESSION_CANNOT_TELL);
	} else if (strcmp(trust_profile_name(profile), TRUST_STRANGER) != 0) {
		ledger_answer(reply, LEDGER_YES, trust_profile_name(profile));
	}
}

void
ledger_milters(struct ledger *ledger, struct ledger_proc *proc,
    struct span listener, struct span key, uint64_t now_ms,
    struct ledger_reply *reply)
{
	struct address	 addr = { .family = AF_UNSPEC };
	const char	*others = ledger->conf->policy_other_milters;
	struct err	 err;
	bool		 is_known, is_read = address_parse(key, &addr);

	is_known = is_read || span_eq(key, LEDGER_UNKNOWN);
	if (!(is_known ? milters_session(ledger, proc, listener, &addr,
	    now_ms, &err) : milters_nobody(ledger, proc, listener, key,
	    now_ms, &err))) {
		ledger_begin_failed(ledger, proc, &err, reply);
		return;
	}
	/* libmilter refuses a client that has no address. */
	if (is_known && !is_read)
		ledger_answer(reply, LEDGER_YES, MILTERS_DISABLE);
	else if (needs_milter(proc))
		ledger_answer(reply, LEDGER_NO, "");
	else
		ledger_answer(reply, LEDGER_YES, others[0] == '\0' ?
		    MILTERS_DISABLE : others);
	ledger_finish(proc, reply);
}
