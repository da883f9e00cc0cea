/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ledger_command: command lines, before the MTA looks at them, and the line
 * that it gets instead.
 *
 * What is permitted and needs nothing of the MTA becomes a NOOP, the one
 * command that it answers 250 at any time; what is refused becomes a verb that
 * no MTA knows, so that the milter is asked what to say.
 */
#include "ledger_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/session_change.h"

#define LINE_NOOP	"NOOP"
#define LINE_RSET	"RSET"

/* Whatever the reason, if the session may be another connection's: that was
 * sealed, say.  It is in the record, for whoever comes back may be asked next
 * for mail. */
static void
answer_refused(struct ledger_proc *proc, struct ledger_reply *reply)
{
	const struct session	*s = ledger_proc_session(proc);
	char			 line[sizeof SESSION_REFUSED_VERB + ULID_SIZE];

	if (proc->is_loaded || s->peer.family == AF_UNSPEC)
		session_life_set_unproven(proc->life, true);
	(void)snprintf(line, sizeof line, "%s %s", SESSION_REFUSED_VERB,
	    s->id);
	ledger_answer(reply, LEDGER_YES, line);
}

/* To what has been refused as a violation. */
static void
answer_violation(struct ledger_proc *proc, const struct judgement *j,
    struct ledger_reply *reply)
{
	if (j->verdict.action == VERDICT_DISCONNECT &&
	    ledger_proc_session(proc)->refused == VERDICT_DISCONNECT)
		ledger_answer(reply, LEDGER_PERM, j->verdict.text);
	else
		answer_refused(proc, reply);
}

/* The MTA gets this line in place of what was permitted. */
static void
permit(struct ledger_proc *proc, const struct judgement *j, const char *line,
    uint64_t now_ms, struct ledger_reply *reply)
{
	if (session_life_permit(proc->life, j, now_ms))
		ledger_answer(reply, LEDGER_YES, line);
	else
		ledger_answer(reply, LEDGER_TEMP, "out of memory");
}

/* Refuses a command for the moment: the session is none the worse for it. */
static void
refuse_now(struct ledger_proc *proc, struct judgement *j,
    enum verdict_reason reason, const char *text,
    uint64_t now_ms)
{
	trust_violation(NULL, reason, text, &j->verdict);
	session_life_refuse_now(proc->life, j, now_ms);
}

/*
 * Whether a transaction is under way, as far as is known here: Postfix tells
 * the milter that one has ended early, but not before it has to ask it
 * something.  The greeting behind it ended it, unless Postfix has refused that;
 * then it refuses the override as well, which is forgotten.
 */
static bool
is_in_mail(const struct ledger_proc *proc)
{
	return ledger_proc_session(proc)->is_in_mail &&
	    !(proc->is_mail_asked && proc->is_greeted);
}

/*
 * Postfix says 503 to an override within a transaction, and 501 to one that
 * asserts nothing: it does not execute this one in any case.  Where RSET is not
 * shown, the transaction may be over; the milter knows.
 */
static void
refuse_in_mail(struct ledger_proc *proc, struct judgement *j,
    uint64_t now_ms, struct ledger_reply *reply)
{
	refuse_now(proc, j, REASON_MALFORMED, SESSION_IN_MAIL, now_ms);
	if (proc->is_mail_asked)
		ledger_answer(reply, LEDGER_YES,
		    trust_command_text(TRUST_XCLIENT));
	else
		answer_refused(proc, reply);
}

/* What access_maps were asked about stays until the mail is done. */
static bool
is_fixed(struct ledger_proc *proc)
{
	const struct session	*s = ledger_proc_session(proc);

	/* Without a milter nobody tells when it is. */
	if (s->mails > proc->decided_in || (s->mails == proc->decided_in &&
	    s->mails > 0 && !s->is_in_mail))
		proc->is_decided = false;
	return proc->is_decided;
}

/* A mail that a greeting has ended is not one under way, whatever the milter
 * has told: an XFORWARD that is refused behind it is the next one's. */
static void
end_message(struct ledger_proc *proc)
{
	session_life_end_begun_message(proc->life,
	    ledger_proc_session(proc)->is_in_mail && !proc->is_greeted);
}

/* False: it cannot be told to the store. */
static bool
end_mail(struct ledger_proc *proc)
{
	proc->is_decided = false;
	end_message(proc);
	return session_life_end_mail(proc->life);
}

/*
 * Behind a greeting that Postfix took, RSET does what NOOP does.  If it did not
 * take it (smtpd_delay_reject = no), the mail that was decided by the former
 * context is not taken with this one: RSET ends it.
 */
static void
permit_context(struct ledger_proc *proc, struct judgement *j,
    uint64_t now_ms, struct ledger_reply *reply)
{
	if (!is_fixed(proc)) {
		permit(proc, j, LINE_NOOP, now_ms, reply);
	} else if (!proc->is_greeted) {
		refuse_now(proc, j, REASON_SEALED, SESSION_CONTEXT_FIXED,
		    now_ms);
		answer_refused(proc, reply);
	} else if (end_mail(proc)) {
		permit(proc, j, LINE_RSET, now_ms, reply);
	} else {
		ledger_answer(reply, LEDGER_TEMP, SESSION_STORE_FAILED);
	}
}

/*
 * Whether it is known of the session that it is this connection's.  Of an
 * override, or an XFORWARD, Postfix itself knows that: it takes one only where
 * a lookup for this connection was answered.
 */
static bool
is_known(const struct ledger_proc *proc, enum trust_command command)
{
	return !session_life_has_grants(proc->life) || (!proc->is_shown &&
	    (!proc->is_loaded ||
	    (command != TRUST_XSETCONTEXT &&
	    command != TRUST_XDUMPCONTEXT)));
}

static void
judge_line(struct ledger *ledger, struct ledger_proc *proc,
    enum trust_command command, struct span args, uint64_t now_ms,
    struct ledger_reply *reply)
{
	struct judgement	*j = &ledger->judgement;

	if (!ledger_refresh(proc, reply))
		return;
	if (command == TRUST_XFORWARD)
		session_life_end_former_message(proc->life);
	/* The MAIL that the command filter need not have shown. */
	if (ledger_proc_session(proc)->mails > 0)
		session_life_seal_if(proc->life, TRUST_SEAL_GREETING, "mail",
		    now_ms);
	if (!session_life_judge_line(proc->life, command, args,
	    is_known(proc, command), now_ms, j)) {
		if (session_is_pardoned(command, j->verdict.reason))
			answer_refused(proc, reply);
		else
			answer_violation(proc, j, reply);
		return;
	}
	switch (command) {
	case TRUST_XCLIENT:
	case TRUST_XREMOTEIP:
		if (is_in_mail(proc))
			refuse_in_mail(proc, j, now_ms, reply);
		else
			permit(proc, j, j->line, now_ms, reply);
		break;
	case TRUST_XFORWARD:
		permit(proc, j, j->line[0] == '\0' ? LINE_NOOP : j->line,
		    now_ms, reply);
		break;
	case TRUST_XSETCONTEXT:
		permit_context(proc, j, now_ms, reply);
		break;
	case TRUST_XDUMPCONTEXT:
		permit(proc, j, trust_command_text(command), now_ms, reply);
		break;
	}
}

/* A line of which the command filter itself says that it is too long: a table
 * server need not see it whole, or at all. */
static void
judge_too_long(struct ledger *ledger, struct ledger_proc *proc,
    uint64_t now_ms, struct ledger_reply *reply)
{
	struct judgement	*j = &ledger->judgement;

	trust_violation(ledger_peer_profile(proc), REASON_MALFORMED,
	    "the line is over 2048 octets", &j->verdict);
	session_life_refuse(proc->life, &j->verdict, now_ms);
	answer_violation(proc, j, reply);
}

/* The MTA is to end a session in which it does what it should not. */
static void
answer_end(const struct session *s, struct ledger_reply *reply)
{
	ledger_answer(reply, LEDGER_PERM, s->refused_text == NULL ?
	    "session refused" : s->refused_text);
}

/* Remembers what a messenger greets with, for the context.  False: it cannot
 * be, and what it greeted with before counts no more. */
static bool
remember_greeting(struct ledger_proc *proc, struct span line)
{
	char	*text;
	bool	 is_set;

	if (!session_life_has_grants(proc->life))
		return true;
	while (line.n > 0 && strchr(" \t\r\n", line.p[line.n - 1]) != NULL)
		line.n--;
	text = strndup(line.p, line.n);
	is_set = session_life_set_greeting(proc->life, text) && text != NULL;
	free(text);
	return is_set;
}

/* is_named: else Postfix says 501, and nothing has ended. */
static void
greeting(struct ledger_proc *proc, struct span line, bool is_named,
    uint64_t now_ms, struct ledger_reply *reply)
{
	const struct session	*s = ledger_proc_session(proc);

	ledger_answer(reply, LEDGER_NO, "");
	if (s == NULL)
		return;
	if (s->refused == VERDICT_DISCONNECT ||
	    (s->refused != VERDICT_PERMIT &&
	    s->refused_reason == REASON_UNSEEN)) {
		answer_end(s, reply);
		return;
	}
	if (is_named) {
		end_message(proc);
		proc->is_greeted = true;
	}
	if (!remember_greeting(proc, line))
		ledger_answer(reply, LEDGER_TEMP, "out of memory");
	session_life_seal_if(proc->life, TRUST_SEAL_GREETING, "greeting",
	    now_ms);
}

/* False: the session that an X command needs cannot be. */
static bool
x_command(struct ledger *ledger, struct ledger_proc *proc,
    struct span listener, struct span verb, struct span args,
    uint64_t now_ms, struct ledger_reply *reply)
{
	const struct address	 nobody = { .family = AF_UNSPEC };
	enum trust_command	 command;
	struct err		 err;

	if (proc->life == NULL && !ledger_session_begin(ledger, proc,
	    listener, &nobody, now_ms, &err)) {
		ledger_begin_failed(ledger, proc, &err, reply);
		return false;
	}
	if (!trust_command_find(verb, &command))
		judge_too_long(ledger, proc, now_ms, reply);
	else if (ledger_check_revoked(proc, now_ms, reply))
		judge_line(ledger, proc, command, args, now_ms, reply);
	return true;
}

/* MAIL and RSET, of which the milter is told, too, but of RSET late. */
static void
mail_command(struct ledger_proc *proc, bool is_begun, uint64_t now_ms,
    struct ledger_reply *reply)
{
	if (!ledger_check_revoked(proc, now_ms, reply))
		return;
	if (is_begun) {
		proc->is_mail_asked = true;
		proc->is_greeted = false;
		session_life_begin_message(proc->life);
		session_life_seal_if(proc->life, TRUST_SEAL_GREETING, "mail",
		    now_ms);
		return;
	}
	if (!end_mail(proc))
		ledger_answer(reply, LEDGER_TEMP, SESSION_STORE_FAILED);
}

/* Postfix takes RSET with anything behind it for no RSET. */
static bool
is_mail_command(struct span verb, struct span args)
{
	return span_caseeq(verb, "MAIL") || (span_caseeq(verb, "RSET") &&
	    judge_next_word(&args).n == 0);
}

void
ledger_command(struct ledger *ledger, struct ledger_proc *proc,
    struct span listener, struct span key, uint64_t now_ms,
    struct ledger_reply *reply)
{
	struct span		 args = key, verb = judge_next_word(&args);
	enum trust_command	 command;

	ledger_forget(proc, now_ms);
	if (ledger_check_unseen(proc, now_ms)) {
		answer_end(ledger_proc_session(proc), reply);
		ledger_finish(proc, reply);
		return;
	}
	proc->phase = PHASE_OPEN;
	ledger_answer(reply, LEDGER_NO, "");
	if (trust_command_find(verb, &command) ||
	    span_eq(key, SESSION_REFUSED_VERB)) {
		if (!x_command(ledger, proc, listener, verb, args, now_ms,
		    reply))
			return;
	} else if (span_caseeq(verb, "EHLO") || span_caseeq(verb, "HELO")) {
		greeting(proc, key, judge_next_word(&args).n > 0, now_ms,
		    reply);
	} else if (proc->life != NULL && is_mail_command(verb, args)) {
		mail_command(proc, span_caseeq(verb, "MAIL"), now_ms, reply);
	}
	if (proc->life != NULL)
		ledger_finish(proc, reply);
}
