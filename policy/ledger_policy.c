/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ledger_policy: compares what the MTA's policy request shows with the ledger,
 * and refuses the mail of sessions that were refused.
 */
#include "ledger_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool
address_shown(const struct ledger_proc *proc, struct span text)
{
	struct address	 addr;

	if (span_eq(text, proc->client_text))
		return true;
	return address_parse(text, &addr) &&
	    address_equal(&addr, &proc->session->client);
}

static bool
port_shown(const struct ledger_proc *proc, struct span text)
{
	char	 port[8];

	if (!proc->has_port)
		return true;
	if (proc->session->client_port == 0 && span_eq(text, LEDGER_UNKNOWN))
		return true;
	(void)snprintf(port, sizeof port, "%" PRIu16,
	    proc->session->client_port);
	return span_eq(text, port);
}

/* Whether Postfix speaks of the client that the ledger has. */
static bool
client_shown(const struct ledger_proc *proc,
    const struct attr_request *request)
{
	if (!address_shown(proc, request->v[ATTR_CLIENT_ADDRESS]) ||
	    !port_shown(proc, request->v[ATTR_CLIENT_PORT]))
		return false;
	if (proc->client_name != NULL && !span_caseeq(
	    request->v[ATTR_CLIENT_NAME], proc->client_name))
		return false;
	return !span_eq(request->v[ATTR_SASL_METHOD], "XCLIENT") ||
	    (proc->login != NULL && span_eq(
	    request->v[ATTR_SASL_USERNAME], proc->login));
}

/* States in which a refusal is told: not while the client still greets. */
static bool
is_mail_state(struct span state)
{
	return !span_caseeq(state, "CONNECT") && !span_caseeq(state, "EHLO") &&
	    !span_caseeq(state, "HELO");
}

static void
answer_refusal(struct ledger *ledger, struct ledger_proc *proc,
    struct ledger_reply *reply)
{
	const struct session	*s = proc->session;
	const char		*code;

	code = s->refused == VERDICT_REJECT ? "554 5.7.1" :
	    s->refused == VERDICT_DISCONNECT ? "421 4.7.1" : "451 4.7.1";
	reply->answer = LEDGER_ACTION;
	(void)snprintf(reply->text, sizeof reply->text, "%s %s; session %s",
	    code, s->refused_text == NULL ? "refused" : s->refused_text,
	    s->id);
	ledger_report(ledger, proc, LEDGER_MAIL_REFUSED, NULL, NULL,
	    reply->text);
}

/*
 * True if the request is of a new connection, which no lookup told us about.
 * Either what looked like an executed override was a connection from the very
 * address that it named: the MTA sets the port that an override says.  Or the
 * connection began while we were away, and what the store had is of the
 * process's session before: an override would have been the pending one.
 */
static bool
is_new_connection(const struct ledger_proc *proc,
    const struct attr_request *request)
{
	struct span	 shown = request->v[ATTR_CLIENT_ADDRESS];

	if (span_eq(request->v[ATTR_SASL_METHOD], "XCLIENT"))
		return false;
	if (proc->phase == PHASE_ASSUMED)
		return address_shown(proc, shown) &&
		    !port_shown(proc, request->v[ATTR_CLIENT_PORT]);
	return proc->phase == PHASE_LOADED && !address_shown(proc, shown) &&
	    proc->session->pending == NULL;
}

static void
refuse_mismatch(struct ledger *ledger, struct ledger_proc *proc,
    uint64_t now_ms)
{
	ledger_violation(ledger, proc, REASON_MISMATCH, "the mail server "
	    "shows another client than the one that was permitted", NULL,
	    now_ms);
}

/* False: its session cannot be. */
static bool
begin_connection(struct ledger *ledger, struct ledger_proc *proc,
    struct span shown, uint64_t now_ms, struct ledger_reply *reply)
{
	char		 listener[sizeof proc->session->listener];
	struct address	 peer;
	struct err	 err;
	bool		 was_refused;

	if (!address_parse(shown, &peer))
		return true;
	was_refused = proc->phase == PHASE_LOADED &&
	    proc->session->refused != VERDICT_PERMIT;
	memcpy(listener, proc->session->listener, sizeof listener);
	(void)session_set_text(&proc->name, NULL);
	if (proc->phase == PHASE_ASSUMED)
		proc->phase = PHASE_COMMITTED;	/* its end is an undo */
	if (!ledger_session_begin(ledger, proc, span_of(listener), &peer,
	    now_ms, &err)) {
		ledger_begin_failed(ledger, proc, &err, reply);
		return false;
	}
	/* A restart must not forgive: it may be the session that was refused
	 * because of this very client.  If not, it will be back. */
	if (was_refused)
		refuse_mismatch(ledger, proc, now_ms);
	return true;
}

/* STARTTLS is no business of ours, but it makes Postfix forget the greeting. */
static void
forget_greeting(struct ledger_proc *proc, struct span helo)
{
	if (helo.p == NULL || helo.n > 0 || proc->session->ehlo == NULL)
		return;
	(void)session_set_text(&proc->session->ehlo, NULL);
	proc->is_dirty = true;
}

/* Brings the session up to date with what the request shows. */
static void
policy_follow(struct ledger *ledger, struct ledger_proc *proc,
    const struct attr_request *request, uint64_t now_ms)
{
	struct session		*s = proc->session;
	struct assertion_set	 set;
	struct address		 addr = { .family = AF_UNSPEC };
	struct span		 shown = request->v[ATTR_CLIENT_ADDRESS];

	(void)ledger_check_unseen(ledger, proc, now_ms);
	proc->phase = PHASE_OPEN;
	/* A wiring without the xclient and milters tables. */
	if (s->pending != NULL &&
	    (address_parse(shown, &addr) || span_eq(shown, LEDGER_UNKNOWN)) &&
	    !address_equal(&addr, &s->client) &&
	    ledger_pending_fits(s, &addr, &set))
		ledger_commit(ledger, proc, &set, now_ms);
	ledger_forget(ledger, proc, now_ms);
	forget_greeting(proc, request->v[ATTR_HELO_NAME]);
	if (!client_shown(proc, request) && s->refused == VERDICT_PERMIT)
		refuse_mismatch(ledger, proc, now_ms);
}

void
ledger_policy(struct ledger *ledger, struct ledger_proc *proc,
    const struct attr_request *request, uint64_t now_ms,
    struct ledger_reply *reply)
{
	struct span	 state = request->v[ATTR_PROTOCOL_STATE];

	ledger_answer(reply, LEDGER_NO, "");
	if (proc->session == NULL) {
		if (span_eq(request->v[ATTR_SASL_METHOD], "XCLIENT"))
			ledger_answer(reply, LEDGER_ACTION, "451 4.7.1 "
			    "the login was not submitted for judgement");
		else
			ledger_access(ledger, proc, request, reply);
		return;
	}
	if (is_new_connection(proc, request) && !begin_connection(ledger,
	    proc, request->v[ATTR_CLIENT_ADDRESS], now_ms, reply))
		return;
	policy_follow(ledger, proc, request, now_ms);
	if (!ledger_check_revoked(ledger, proc, now_ms, reply))
		return;
	if (!span_caseeq(state, "CONNECT"))
		ledger_seal_if(ledger, proc, TRUST_SEAL_GREETING, "mail",
		    now_ms);
	if (proc->session->refused == VERDICT_PERMIT)
		ledger_access(ledger, proc, request, reply);
	else if (is_mail_state(state))
		answer_refusal(ledger, proc, reply);
	ledger_finish(ledger, proc, reply);
}
