/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ledger_policy: compares what the MTA's policy request shows with the ledger,
 * and refuses the mail of sessions that were refused.
 *
 * A policy request is the only question that shows the client's port, which is
 * what tells two connections of one process from one: a record that was found
 * in the store after a restart is believed when it has been seen here
 * (is_loaded), and an override that looked executed is undone here
 * (PHASE_ASSUMED).  It is also the only one that comes in wirings without our
 * tables, so it may begin a session, of which nothing more is known than is
 * shown (is_shown).
 *
 * Known limit: a client that no lookup tells of, and that connects from the
 * same address and port to the same process, is the one before.
 */
#include "ledger_private.h"

#include <stdio.h>
#include <string.h>

#include "base/hostname.h"
#include "session/session_change.h"

static bool
address_shown(const struct ledger_proc *proc, struct span text)
{
	struct address	 addr;

	if (span_eq(text, proc->client_text))
		return true;
	return address_parse(text, &addr) &&
	    address_equal(&addr, &ledger_proc_session(proc)->client);
}

/* 0: it is none. */
static uint16_t
port_of(struct span text)
{
	unsigned	 port = 0;
	size_t		 i;

	for (i = 0; i < text.n && i < 5; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return 0;
		port = port * 10 + (unsigned)(text.p[i] - '0');
	}
	return i == text.n && port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* The port that an override named, or else that of the connection, once it has
 * been seen. */
static bool
port_shown(const struct ledger_proc *proc, struct span text)
{
	const struct session	*s = ledger_proc_session(proc);

	if (!proc->has_port)
		return s->peer_port == 0 || text.p == NULL ||
		    port_of(text) == s->peer_port;
	return s->client_port == 0 ? span_eq(text, LEDGER_UNKNOWN) ||
	    span_eq(text, "0") : port_of(text) == s->client_port;
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

/* States in which the client has greeted at least: XCLIENT is as CONNECT. */
static bool
is_greeted_state(struct span state)
{
	return !span_caseeq(state, "CONNECT") &&
	    !span_caseeq(state, "XCLIENT");
}

/* States in which a refusal is told: not while the client still greets. */
static bool
is_mail_state(struct span state)
{
	return is_greeted_state(state) && !span_caseeq(state, "EHLO") &&
	    !span_caseeq(state, "HELO");
}

void
ledger_answer_verdict(struct ledger_reply *reply, enum verdict_reply_to to,
    enum verdict_action action, enum verdict_reason reason, const char *text,
    const char *id)
{
	struct verdict_reply	 how;
	char			 line[VERDICT_REPLY_SIZE];

	verdict_reply_find(to, action, reason, VERDICT_REPLY_BY_SERVER, &how);
	ledger_answer(reply, LEDGER_ACTION,
	    verdict_reply_line(&how, text, id, line));
}

static void
answer_refusal(struct ledger *ledger, struct ledger_proc *proc,
    struct ledger_reply *reply)
{
	const struct session		*s = ledger_proc_session(proc);
	const struct session_refusal	 why = session_refusal(s);
	const struct verdict		 verdict = { .action = why.action,
					     .reason = why.reason,
					     .attribute = -1 };

	ledger_answer_verdict(reply, VERDICT_REPLY_TO_MAIL, why.action,
	    why.reason, verdict_reply_text(why.text, why.reason), s->id);
	ledger_report(ledger, proc, (struct decision){
	    .event = DECISION_MAIL_REFUSED, .verdict = &verdict,
	    .text = why.text, .line = reply->text });
}

/* Whether nothing would be lost if it were begun anew. */
static bool
is_bare(const struct session *s)
{
	return s->override == NULL && s->context.n == 0 &&
	    session_refusal(s).action == VERDICT_PERMIT;
}

/* Whether the override that is pending may have been executed. */
static bool
pending_shown(const struct session *s, struct span shown)
{
	struct assertion_set	 set;
	struct address		 addr = { .family = AF_UNSPEC };

	return (address_parse(shown, &addr) ||
	    span_eq(shown, LEDGER_UNKNOWN)) &&
	    ledger_pending_fits(s, &addr, &set);
}

/* Whose a request is. */
enum connection {
	CONNECTION_SAME,	/* the session's, as far as is known */
	CONNECTION_NEW,		/* another one, which no lookup told about */
	CONNECTION_UNSURE	/* nobody can tell */
};

/*
 * What the store had of the process is the session of this connection if the
 * same client is shown, and the same port: the one that an override said,
 * which the MTA then sets, or that of the connection.
 */
static enum connection
loaded_connection(const struct ledger_proc *proc,
    const struct attr_request *request)
{
	const struct session	*s = ledger_proc_session(proc);
	struct span		 shown = request->v[ATTR_CLIENT_ADDRESS];
	uint16_t		 port = port_of(request->v[ATTR_CLIENT_PORT]);

	if (pending_shown(s, shown))
		return CONNECTION_SAME;
	if (!address_shown(proc, shown))
		return shown.n == 0 || span_eq(shown, LEDGER_UNKNOWN) ?
		    CONNECTION_SAME : CONNECTION_NEW;
	if (proc->has_port)
		return CONNECTION_SAME;
	if (s->peer_port != 0 && port != 0)
		return s->peer_port == port ? CONNECTION_SAME :
		    CONNECTION_NEW;
	return is_bare(s) ? CONNECTION_NEW : CONNECTION_UNSURE;
}

/*
 * Besides, what looked like an executed override may have been a connection
 * from the very address that it named: the MTA sets the port that an override
 * says.  And where no lookup tells of connections, each client is one.
 */
static enum connection
connection_of(const struct ledger_proc *proc,
    const struct attr_request *request)
{
	struct span	 shown = request->v[ATTR_CLIENT_ADDRESS];
	struct span	 port = request->v[ATTR_CLIENT_PORT];

	if (span_eq(request->v[ATTR_SASL_METHOD], "XCLIENT"))
		return CONNECTION_SAME;
	if (proc->is_loaded)
		return loaded_connection(proc, request);
	if (proc->phase == PHASE_ASSUMED)
		return address_shown(proc, shown) && !port_shown(proc, port) ?
		    CONNECTION_NEW : CONNECTION_SAME;
	if (proc->is_shown)
		return address_shown(proc, shown) && port_shown(proc, port) ?
		    CONNECTION_SAME : CONNECTION_NEW;
	return CONNECTION_SAME;
}

/* From now on the client is the one that is shown: that tells whether it is
 * still this session when the daemon comes back. */
static void
take_shown(struct ledger_proc *proc, const struct attr_request *request)
{
	struct address	 addr = { .family = AF_UNSPEC };

	(void)address_parse(request->v[ATTR_CLIENT_ADDRESS], &addr);
	session_life_show(proc->life, &addr,
	    port_of(request->v[ATTR_CLIENT_PORT]));
	(void)ledger_expect(proc);
}

static void
refuse_mismatch(struct ledger_proc *proc, const struct attr_request *request,
    uint64_t now_ms)
{
	session_life_violation(proc->life, REASON_MISMATCH, "the mail server "
	    "shows another client than the one that was permitted", NULL,
	    now_ms);
	take_shown(proc, request);
}

/* The listener that a request speaks of, unless the session has one. */
static struct span
listener_of(const struct ledger_proc *proc, const struct attr_request *request,
    char buf[SESSION_LISTENER_SIZE])
{
	if (proc->life == NULL)
		return request->v[ATTR_POLICY_CONTEXT];
	memcpy(buf, ledger_proc_session(proc)->listener,
	    SESSION_LISTENER_SIZE);
	return span_of(buf);
}

static void
take_name(struct ledger_proc *proc, struct span name)
{
	char	 text[HOSTNAME_MAX_LEN + 1];

	if (name.n >= sizeof text || !hostname_valid(name))
		name.n = 0;
	span_copy(text, name);
	text[name.n] = '\0';
	(void)session_set_text(&proc->name, name.n == 0 ? NULL : text);
}

/* Begins the session of the client that is shown.  False: it cannot be. */
static bool
begin_shown(struct ledger *ledger, struct ledger_proc *proc,
    const struct attr_request *request, uint64_t now_ms, struct err *err)
{
	struct span	 shown = request->v[ATTR_CLIENT_ADDRESS];
	char		 buf[SESSION_LISTENER_SIZE];
	struct span	 listener = listener_of(proc, request, buf);
	struct address	 peer;
	bool		 is_begun;

	take_name(proc, request->v[ATTR_CLIENT_NAME]);
	if (proc->phase == PHASE_ASSUMED)
		proc->phase = PHASE_COMMITTED;	/* its end is an undo */
	is_begun = address_parse(shown, &peer) ? ledger_session_begin(ledger,
	    proc, listener, &peer, now_ms, err) : ledger_session_nobody(ledger,
	    proc, listener, shown, now_ms, err);
	if (is_begun)
		proc->is_shown = true;
	return is_begun;
}

/* Gets the session that the request is of.  False: there is none, and the
 * reply is set. */
static bool
policy_session(struct ledger *ledger, struct ledger_proc *proc,
    const struct attr_request *request, uint64_t now_ms,
    struct ledger_reply *reply)
{
	enum connection	 connection = connection_of(proc, request);
	bool		 is_unsure_still, is_refused;
	struct err	 err;

	if (connection == CONNECTION_SAME)
		return true;
	is_unsure_still = connection == CONNECTION_UNSURE;
	/* The record was another connection's, but not what was said since. */
	is_refused = ledger_proc_session(proc)->is_unproven;
	if (!begin_shown(ledger, proc, request, now_ms, &err)) {
		ledger_begin_failed(ledger, proc, &err, reply);
		return false;
	}
	if (is_unsure_still || is_refused)
		session_life_violation(proc->life, REASON_NO_SESSION,
		    is_refused ? "a command was refused before it was known "
		    "who connected" : "it is not known whether this is still "
		    "the same session", NULL, now_ms);
	return true;
}

/* STARTTLS is no business of ours, but it makes Postfix forget the greeting. */
static void
forget_greeting(struct ledger_proc *proc, struct span helo)
{
	if (helo.p != NULL && helo.n == 0)
		(void)session_life_set_greeting(proc->life, NULL);
}

/* Brings the session up to date with what the request shows. */
static void
policy_follow(struct ledger_proc *proc, const struct attr_request *request,
    uint64_t now_ms)
{
	const struct session	*s = ledger_proc_session(proc);
	struct assertion_set	 set;
	struct address		 addr = { .family = AF_UNSPEC };
	struct span		 shown = request->v[ATTR_CLIENT_ADDRESS];

	(void)ledger_check_unseen(proc, now_ms);
	proc->phase = PHASE_OPEN;
	/* A wiring without the xclient and milters tables. */
	if (s->pending != NULL &&
	    (address_parse(shown, &addr) || span_eq(shown, LEDGER_UNKNOWN)) &&
	    !address_equal(&addr, &s->client) &&
	    ledger_pending_fits(s, &addr, &set))
		ledger_commit(proc, &set, now_ms);
	ledger_forget(proc, now_ms);
	forget_greeting(proc, request->v[ATTR_HELO_NAME]);
	if (client_shown(proc, request)) {
		ledger_prove(proc);
		if (!proc->has_port)
			session_life_set_port(proc->life,
			    port_of(request->v[ATTR_CLIENT_PORT]));
	} else if (s->refused == VERDICT_PERMIT) {
		refuse_mismatch(proc, request, now_ms);
	}
}

/* Nothing is known of the process, not even that it has a session. */
static bool
policy_begin(struct ledger *ledger, struct ledger_proc *proc,
    const struct attr_request *request, uint64_t now_ms,
    struct ledger_reply *reply)
{
	struct span	 shown = request->v[ATTR_CLIENT_ADDRESS];
	struct err	 err;

	if (span_eq(request->v[ATTR_SASL_METHOD], "XCLIENT")) {
		ledger_answer_verdict(reply, VERDICT_REPLY_TO_MAIL,
		    VERDICT_TEMPFAIL, REASON_UNSEEN,
		    "the login was not submitted for judgement", "");
		return false;
	}
	/* Nobody but an override takes the address away. */
	if (shown.n == 0 || span_eq(shown, LEDGER_UNKNOWN)) {
		ledger_access(ledger, proc, request, reply);
		return false;
	}
	if (begin_shown(ledger, proc, request, now_ms, &err))
		return true;
	ledger_begin_failed(ledger, proc, &err, reply);
	return false;
}

static void
policy_decide(struct ledger *ledger, struct ledger_proc *proc,
    const struct attr_request *request, struct ledger_reply *reply)
{
	const struct session	*s = ledger_proc_session(proc);
	struct span		 state = request->v[ATTR_PROTOCOL_STATE];

	ledger_access(ledger, proc, request, reply);
	if (!is_mail_state(state))
		return;
	proc->is_decided = true;
	proc->is_greeted = false;
	/* The milter is told of MAIL after us. */
	proc->decided_in = s->mails + span_caseeq(state, "MAIL");
}

void
ledger_policy(struct ledger *ledger, struct ledger_proc *proc,
    const struct attr_request *request, uint64_t now_ms,
    struct ledger_reply *reply)
{
	struct span	 state = request->v[ATTR_PROTOCOL_STATE];

	ledger_answer(reply, LEDGER_NO, "");
	if (proc->life == NULL) {
		if (!policy_begin(ledger, proc, request, now_ms, reply))
			return;
	} else if (!policy_session(ledger, proc, request, now_ms, reply)) {
		return;
	}
	policy_follow(proc, request, now_ms);
	if (!ledger_check_revoked(proc, now_ms, reply) ||
	    !ledger_refresh(proc, reply))
		return;
	if (is_greeted_state(state))
		session_life_seal_if(proc->life, TRUST_SEAL_GREETING, "mail",
		    now_ms);
	if (session_refusal(ledger_proc_session(proc)).action ==
	    VERDICT_PERMIT)
		policy_decide(ledger, proc, request, reply);
	else if (is_mail_state(state))
		answer_refusal(ledger, proc, reply);
	ledger_finish(proc, reply);
}
