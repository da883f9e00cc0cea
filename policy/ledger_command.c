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

static void
answer_refused(const struct ledger_proc *proc, struct ledger_reply *reply)
{
	char	 line[sizeof SESSION_REFUSED_VERB + ULID_SIZE];

	(void)snprintf(line, sizeof line, "%s %s", SESSION_REFUSED_VERB,
	    proc->session->id);
	ledger_answer(reply, LEDGER_YES, line);
}

static void
refuse_line(struct ledger *ledger, struct ledger_proc *proc,
    const struct judgement *j, const char *command, uint64_t now_ms,
    struct ledger_reply *reply)
{
	ledger_refuse(ledger, proc, &j->verdict, command, now_ms);
	if (j->verdict.action == VERDICT_DISCONNECT &&
	    proc->session->refused == VERDICT_DISCONNECT) {
		ledger_answer(reply, LEDGER_PERM, j->verdict.text);
		return;
	}
	answer_refused(proc, reply);
}

static void
permit(struct ledger *ledger, const struct ledger_proc *proc,
    const struct judgement *j, const char *text, const char *line,
    struct ledger_reply *reply)
{
	ledger_report(ledger, proc, LEDGER_PERMIT, &j->verdict,
	    trust_command_text(j->command), text);
	ledger_answer(reply, LEDGER_YES, line);
}

/* Refuses a command for the moment: the session is none the worse for it. */
static void
refuse_now(struct ledger *ledger, struct ledger_proc *proc,
    struct judgement *j, enum verdict_reason reason, const char *text,
    uint64_t now_ms)
{
	trust_violation(NULL, reason, text, &j->verdict);
	ledger_deny(ledger, proc, &j->verdict, trust_command_text(j->command),
	    true, now_ms);
}

/*
 * Postfix says 503 to an override within a transaction, and 501 to one that
 * asserts nothing: it does not execute this one in any case.  Where RSET is not
 * shown, the transaction may be over; Postfix tells the milter so, but not
 * before it has to ask it something.
 */
static void
refuse_in_mail(struct ledger *ledger, struct ledger_proc *proc,
    struct judgement *j, uint64_t now_ms, struct ledger_reply *reply)
{
	refuse_now(ledger, proc, j, REASON_MALFORMED, SESSION_IN_MAIL,
	    now_ms);
	if (proc->is_mail_asked)
		ledger_answer(reply, LEDGER_YES,
		    trust_command_text(TRUST_XCLIENT));
	else
		answer_refused(proc, reply);
}

static void
permit_override(struct ledger *ledger, struct ledger_proc *proc,
    struct judgement *j, uint64_t now_ms, struct ledger_reply *reply)
{
	if (proc->session->is_in_mail) {
		refuse_in_mail(ledger, proc, j, now_ms, reply);
		return;
	}
	if (!session_set_text(&proc->session->pending, j->line)) {
		ledger_answer(reply, LEDGER_TEMP, "out of memory");
		return;
	}
	proc->is_same_client = !j->is_another;
	ledger_audit(proc, now_ms, SESSION_PERMITTED, j->line);
	permit(ledger, proc, j, j->line, j->line, reply);
}

/* What access_maps were asked about stays until the mail is done. */
static bool
is_fixed(struct ledger_proc *proc)
{
	const struct session	*s = proc->session;

	/* Without a milter nobody tells when it is. */
	if (s->mails > proc->decided_in || (s->mails == proc->decided_in &&
	    s->mails > 0 && !s->is_in_mail))
		proc->is_decided = false;
	return proc->is_decided;
}

static void
permit_context(struct ledger *ledger, struct ledger_proc *proc,
    struct judgement *j, uint64_t now_ms, struct ledger_reply *reply)
{
	char	 names[SESSION_AUDIT_NAMES], pairs[2 * CONTEXT_LINE_MAX];

	if (is_fixed(proc)) {
		refuse_now(ledger, proc, j, REASON_SEALED, "XSETCONTEXT: the "
		    "mail under way was decided by the context as it is",
		    now_ms);
		answer_refused(proc, reply);
		return;
	}
	if (!session_set_context(proc->session, &j->context, now_ms)) {
		ledger_answer(reply, LEDGER_TEMP, "out of memory");
		return;
	}
	context_line_names(&j->context, names, sizeof names);
	context_line_pairs(&j->context, pairs, sizeof pairs);
	ledger_audit(proc, now_ms, SESSION_CONTEXT, names);
	permit(ledger, proc, j, pairs, LINE_NOOP, reply);
}

/*
 * Whether it is known of the session that it is this connection's.  Of an
 * override, or an XFORWARD, Postfix itself knows that: it takes one only where
 * a lookup for this connection was answered.
 */
static bool
is_known(const struct ledger_proc *proc, enum trust_command command)
{
	return !ledger_has_grants(proc) || (!proc->is_shown &&
	    (!proc->is_loaded ||
	    (command != TRUST_XSETCONTEXT &&
	    command != TRUST_XDUMPCONTEXT)));
}

static void
judge_line(struct ledger *ledger, struct ledger_proc *proc,
    enum trust_command command, struct span args, uint64_t now_ms,
    struct ledger_reply *reply)
{
	const struct judge_facts	 facts = { .conf = proc->conf,
	    .profile = is_known(proc, command) ? proc->profile : NULL,
	    .session = proc->session };
	struct judgement		*j = &ledger->judgement;

	if (!ledger_refresh(ledger, proc, reply))
		return;
	/* The MAIL that the command filter need not have shown. */
	if (proc->session->mails > 0)
		ledger_seal_if(ledger, proc, TRUST_SEAL_GREETING, "mail",
		    now_ms);
	judge_command(&facts, command, args, j);
	if (j->verdict.action != VERDICT_PERMIT &&
	    session_is_pardoned(command, j->verdict.reason)) {
		ledger_deny(ledger, proc, &j->verdict,
		    trust_command_text(command), true, now_ms);
		answer_refused(proc, reply);
		return;
	}
	if (j->verdict.action != VERDICT_PERMIT) {
		refuse_line(ledger, proc, j, trust_command_text(command),
		    now_ms, reply);
		return;
	}
	switch (command) {
	case TRUST_XCLIENT:
	case TRUST_XREMOTEIP:
		permit_override(ledger, proc, j, now_ms, reply);
		break;
	case TRUST_XFORWARD:
		permit(ledger, proc, j, j->line, j->line[0] == '\0' ?
		    LINE_NOOP : j->line, reply);
		break;
	case TRUST_XSETCONTEXT:
		permit_context(ledger, proc, j, now_ms, reply);
		break;
	case TRUST_XDUMPCONTEXT:
		permit(ledger, proc, j, NULL, trust_command_text(command),
		    reply);
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

	trust_violation(proc->profile, REASON_MALFORMED,
	    "the line is over 2048 octets", &j->verdict);
	refuse_line(ledger, proc, j, NULL, now_ms, reply);
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

	if (!ledger_has_grants(proc))
		return true;
	while (line.n > 0 && strchr(" \t\r\n", line.p[line.n - 1]) != NULL)
		line.n--;
	text = strndup(line.p, line.n);
	free(proc->session->ehlo);
	proc->session->ehlo = text;
	proc->is_dirty = true;
	return text != NULL;
}

static void
greeting(struct ledger *ledger, struct ledger_proc *proc, struct span line,
    uint64_t now_ms, struct ledger_reply *reply)
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
	/* It may, or may not, have ended a transaction. */
	proc->is_mail_asked = false;
	if (!remember_greeting(proc, line))
		ledger_answer(reply, LEDGER_TEMP, "out of memory");
	ledger_seal_if(ledger, proc, TRUST_SEAL_GREETING, "greeting", now_ms);
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

	if (proc->session == NULL && !ledger_session_begin(ledger, proc,
	    listener, &nobody, now_ms, &err)) {
		ledger_begin_failed(ledger, proc, &err, reply);
		return false;
	}
	ledger->said = args;
	if (!trust_command_find(verb, &command))
		judge_too_long(ledger, proc, now_ms, reply);
	else if (ledger_check_revoked(ledger, proc, now_ms, reply))
		judge_line(ledger, proc, command, args, now_ms, reply);
	ledger->said = (struct span){ NULL, 0 };
	return true;
}

/* A store_change_fn. */
static const struct session *
end_mail(struct session *s, void *arg)
{
	struct ledger_proc	*proc = arg;

	s->is_in_mail = false;
	proc->session->mails = s->mails;
	proc->session->is_in_mail = false;
	return s;
}

/* MAIL and RSET, of which the milter is told, too, but of RSET late. */
static void
mail_command(struct ledger *ledger, struct ledger_proc *proc, bool is_begun,
    uint64_t now_ms, struct ledger_reply *reply)
{
	struct err	 err;

	if (is_begun) {
		proc->is_mail_asked = true;
		ledger_seal_if(ledger, proc, TRUST_SEAL_GREETING, "mail",
		    now_ms);
		return;
	}
	proc->is_decided = false;
	if (!proc->has_record || store_change(ledger->store, proc->pid,
	    proc->session->id, end_mail, proc, &err) != STORE_CANNOT_TELL)
		return;
	ledger_report(ledger, proc, LEDGER_ERROR, NULL, NULL, err.text);
	ledger_answer(reply, LEDGER_TEMP, "the session store failed");
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

	ledger_forget(ledger, proc, now_ms);
	if (ledger_check_unseen(ledger, proc, now_ms)) {
		answer_end(proc->session, reply);
		ledger_finish(ledger, proc, reply);
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
		greeting(ledger, proc, key, now_ms, reply);
	} else if (proc->session != NULL && is_mail_command(verb, args)) {
		mail_command(ledger, proc, span_caseeq(verb, "MAIL"), now_ms,
		    reply);
	}
	if (proc->session != NULL)
		ledger_finish(ledger, proc, reply);
}
