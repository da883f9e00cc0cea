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

#include "hostname.h"

#define MILTERS_DISABLE	"DISABLE"

static void
remember_name(struct ledger_proc *proc, struct span key)
{
	char	 name[HOSTNAME_MAX_LEN + 1];

	if (key.n >= sizeof name)
		key.n = 0;
	memcpy(name, key.p, key.n);
	name[key.n] = '\0';
	(void)session_set_text(&proc->name, key.n == 0 ? NULL : name);
}

static void
answer_grant(const struct ledger_proc *proc, enum trust_command command,
    struct ledger_reply *reply)
{
	const struct session	*s = proc->session;
	bool			 is_granted;

	is_granted = proc->profile != NULL &&
	    trust_profile_may(proc->profile, command) && !s->is_sealed;
	if (proc->profile == NULL)
		ledger_answer(reply, LEDGER_TEMP, s->refused_text == NULL ?
		    "it is not known who connected" : s->refused_text);
	else if (is_granted)
		ledger_answer(reply, LEDGER_YES, proc->session->profile);
	else
		ledger_answer(reply, LEDGER_NO, "");
}

/* A name is never found, so that the address is asked about next; unless the
 * client has no address any more. */
static void
xclient_name(struct ledger *ledger, struct ledger_proc *proc,
    struct span key, uint64_t now_ms, struct ledger_reply *reply)
{
	const struct address	 nowhere = { .family = AF_UNSPEC };
	struct assertion_set	 set;

	remember_name(proc, key);
	ledger_answer(reply, LEDGER_NO, "");
	if (!ledger_pending_fits(proc->session, &nowhere, &set) ||
	    !ledger_name_fits(&set.v[ASSERTION_NAME], proc->name))
		return;
	ledger_commit(ledger, proc, &set, now_ms);
	proc->phase = PHASE_COMMITTED;
	answer_grant(proc, TRUST_XCLIENT, reply);
	ledger_finish(ledger, proc, reply);
}

void
ledger_xclient(struct ledger *ledger, struct ledger_proc *proc,
    struct span listener, struct span key, uint64_t now_ms,
    struct ledger_reply *reply)
{
	struct assertion_set	 set;
	struct address		 addr;
	struct err		 err;

	if (!address_parse(key, &addr)) {
		xclient_name(ledger, proc, key, now_ms, reply);
		return;
	}
	if (ledger_pending_fits(proc->session, &addr, &set) &&
	    ledger_name_fits(&set.v[ASSERTION_NAME], proc->name)) {
		ledger_commit(ledger, proc, &set, now_ms);
		proc->phase = PHASE_COMMITTED;
	} else if (ledger_session_begin(ledger, proc, listener, &addr, now_ms,
	    &err)) {
		proc->phase = PHASE_XCLIENT;
	} else {
		ledger_begin_failed(ledger, proc, &err, reply);
		return;
	}
	answer_grant(proc, TRUST_XCLIENT, reply);
	ledger_finish(ledger, proc, reply);
}

void
ledger_xforward(struct ledger *ledger, struct ledger_proc *proc,
    struct span listener, struct span key, uint64_t now_ms,
    struct ledger_reply *reply)
{
	struct address	 addr;
	struct err	 err;

	if (!address_parse(key, &addr)) {
		remember_name(proc, key);
		ledger_answer(reply, LEDGER_NO, "");
		return;
	}
	if (proc->session == NULL || proc->phase != PHASE_XCLIENT ||
	    !address_equal(&addr, &proc->session->peer)) {
		if (!ledger_session_begin(ledger, proc, listener, &addr, now_ms,
		    &err)) {
			ledger_begin_failed(ledger, proc, &err, reply);
			return;
		}
	}
	proc->phase = PHASE_XFORWARD;
	answer_grant(proc, TRUST_XFORWARD, reply);
	ledger_finish(ledger, proc, reply);
}

/* Where xclient is not asked about the new client, Postfix takes no second
 * override: say so ourselves. */
static void
seal_without_xclient(struct ledger *ledger, struct ledger_proc *proc,
    uint64_t now_ms)
{
	if (proc->profile == NULL ||
	    trust_profile_seal(proc->profile) != TRUST_SEAL_GREETING)
		return;
	ledger_seal(ledger, proc, "override", now_ms);
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
	struct session		*s = proc->session;
	struct assertion_set	 set;

	if (s != NULL && is_milters_due(proc->phase) &&
	    address_equal(addr, &s->client)) {
		if (!ledger_check_unseen(ledger, proc, now_ms))
			proc->phase = PHASE_OPEN;
		return true;
	}
	if (!is_milters_due(proc->phase) &&
	    ledger_pending_fits(s, addr, &set)) {
		ledger_commit(ledger, proc, &set, now_ms);
		seal_without_xclient(ledger, proc, now_ms);
		proc->phase = PHASE_ASSUMED;
		return true;
	}
	/* Wiring B: the tables before this one were not asked. */
	(void)session_set_text(&proc->name, NULL);
	if (!ledger_session_begin(ledger, proc, listener, addr, now_ms, err))
		return false;
	/* Every connection has an address; only an override takes it away. */
	if (addr->family == AF_UNSPEC)
		ledger_unseen(ledger, proc, now_ms);
	return true;
}

static bool
needs_milter(const struct ledger_proc *proc)
{
	const struct session	*s = proc->session;

	return ledger_has_grants(proc) || s->override != NULL ||
	    s->refused != VERDICT_PERMIT;
}

void
ledger_milters(struct ledger *ledger, struct ledger_proc *proc,
    struct span listener, struct span key, uint64_t now_ms,
    struct ledger_reply *reply)
{
	struct address	 addr = { .family = AF_UNSPEC };
	const char	*others = ledger->conf->policy_other_milters;
	struct err	 err;

	if (!address_parse(key, &addr) && !span_eq(key, LEDGER_UNKNOWN)) {
		ledger_answer(reply, LEDGER_NO, "");
		return;
	}
	if (!milters_session(ledger, proc, listener, &addr, now_ms, &err)) {
		ledger_begin_failed(ledger, proc, &err, reply);
		return;
	}
	/* libmilter refuses a client that has no address. */
	if (addr.family == AF_UNSPEC)
		ledger_answer(reply, LEDGER_YES, MILTERS_DISABLE);
	else if (needs_milter(proc))
		ledger_answer(reply, LEDGER_NO, "");
	else
		ledger_answer(reply, LEDGER_YES, others[0] == '\0' ?
		    MILTERS_DISABLE : others);
	ledger_finish(ledger, proc, reply);
}

/* Takes the next word off text; blanks are what Postfix's tokenizer skips. */
static struct span
next_word(struct span *text)
{
	static const char	 blanks[] = " \t\r\n\v\f";
	struct span		 word;

	while (text->n > 0 && strchr(blanks, text->p[0]) != NULL)
		*text = span_skip(*text, 1);
	word = (struct span){ text->p, 0 };
	while (word.n < text->n && strchr(blanks, text->p[word.n]) == NULL)
		word.n++;
	*text = span_skip(*text, word.n);
	return word;
}

/* The MTA is to end a session in which it does what it should not. */
static void
answer_end(const struct session *s, struct ledger_reply *reply)
{
	ledger_answer(reply, LEDGER_PERM, s->refused_text == NULL ?
	    "session refused" : s->refused_text);
}

static void
greeting(struct ledger *ledger, struct ledger_proc *proc, uint64_t now_ms,
    struct ledger_reply *reply)
{
	const struct session	*s = proc->session;

	ledger_answer(reply, LEDGER_NO, "");
	if (s == NULL)
		return;
	if (s->refused == VERDICT_DISCONNECT ||
	    (s->refused != VERDICT_PERMIT &&
	    s->refused_reason == REASON_UNSEEN)) {
		answer_end(s, reply);
		return;
	}
	ledger_seal_if(ledger, proc, TRUST_SEAL_GREETING, "greeting", now_ms);
}

void
ledger_command(struct ledger *ledger, struct ledger_proc *proc,
    struct span listener, struct span key, uint64_t now_ms,
    struct ledger_reply *reply)
{
	const struct address	 nobody = { .family = AF_UNSPEC };
	struct span		 args = key, verb;
	struct err		 err;
	bool			 is_xclient, is_xforward;

	verb = next_word(&args);
	is_xclient = span_caseeq(verb, "XCLIENT");
	is_xforward = span_caseeq(verb, "XFORWARD");
	ledger_forget(ledger, proc, now_ms);
	if (ledger_check_unseen(ledger, proc, now_ms)) {
		answer_end(proc->session, reply);
		ledger_finish(ledger, proc, reply);
		return;
	}
	proc->phase = PHASE_OPEN;
	ledger_answer(reply, LEDGER_NO, "");
	if (is_xclient || is_xforward) {
		if (proc->session == NULL && !ledger_session_begin(ledger, proc,
		    listener, &nobody, now_ms, &err)) {
			ledger_begin_failed(ledger, proc, &err, reply);
			return;
		}
		ledger_decide(ledger, proc, is_xclient ? ASSERTION_XCLIENT :
		    ASSERTION_XFORWARD, args, now_ms, reply);
	} else if (span_caseeq(verb, "EHLO") || span_caseeq(verb, "HELO")) {
		greeting(ledger, proc, now_ms, reply);
	}
	if (proc->session != NULL)
		ledger_finish(ledger, proc, reply);
}
