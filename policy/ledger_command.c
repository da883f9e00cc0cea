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

#include "session_change.h"

#define LINE_NOOP	"NOOP"

static void
refuse_line(struct ledger *ledger, struct ledger_proc *proc,
    const struct judgement *j, uint64_t now_ms, struct ledger_reply *reply)
{
	char	 line[sizeof SESSION_REFUSED_VERB + ULID_SIZE];

	ledger_refuse(ledger, proc, &j->verdict,
	    trust_command_text(j->command), now_ms);
	if (j->verdict.action == VERDICT_DISCONNECT &&
	    proc->session->refused == VERDICT_DISCONNECT) {
		ledger_answer(reply, LEDGER_PERM, j->verdict.text);
		return;
	}
	(void)snprintf(line, sizeof line, "%s %s", SESSION_REFUSED_VERB,
	    proc->session->id);
	ledger_answer(reply, LEDGER_YES, line);
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

static void
permit_override(struct ledger *ledger, struct ledger_proc *proc,
    const struct judgement *j, uint64_t now_ms, struct ledger_reply *reply)
{
	if (!session_set_text(&proc->session->pending, j->line)) {
		ledger_answer(reply, LEDGER_TEMP, "out of memory");
		return;
	}
	ledger_audit(proc, now_ms, SESSION_PERMITTED, j->line);
	permit(ledger, proc, j, j->line, j->line, reply);
}

static void
permit_context(struct ledger *ledger, struct ledger_proc *proc,
    const struct judgement *j, uint64_t now_ms, struct ledger_reply *reply)
{
	char	 names[SESSION_AUDIT_NAMES], pairs[2 * CONTEXT_LINE_MAX];

	if (!context_set(&proc->session->context, &j->context,
	    CONTEXT_XSETCONTEXT, now_ms)) {
		ledger_answer(reply, LEDGER_TEMP, "out of memory");
		return;
	}
	context_line_names(&j->context, names, sizeof names);
	context_line_pairs(&j->context, pairs, sizeof pairs);
	ledger_audit(proc, now_ms, SESSION_CONTEXT, names);
	permit(ledger, proc, j, pairs, LINE_NOOP, reply);
}

static void
judge_line(struct ledger *ledger, struct ledger_proc *proc,
    enum trust_command command, struct span args, uint64_t now_ms,
    struct ledger_reply *reply)
{
	const struct judge_facts	 facts = { .conf = proc->conf,
	    .profile = proc->profile, .session = proc->session };
	struct judgement		*j = &ledger->judgement;

	judge_command(&facts, command, args, j);
	if (j->verdict.action != VERDICT_PERMIT) {
		refuse_line(ledger, proc, j, now_ms, reply);
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
	if (!remember_greeting(proc, line))
		ledger_answer(reply, LEDGER_TEMP, "out of memory");
	ledger_seal_if(ledger, proc, TRUST_SEAL_GREETING, "greeting", now_ms);
}

void
ledger_command(struct ledger *ledger, struct ledger_proc *proc,
    struct span listener, struct span key, uint64_t now_ms,
    struct ledger_reply *reply)
{
	const struct address	 nobody = { .family = AF_UNSPEC };
	struct span		 args = key, verb;
	enum trust_command	 command;
	struct err		 err;

	verb = judge_next_word(&args);
	ledger_forget(ledger, proc, now_ms);
	if (ledger_check_unseen(ledger, proc, now_ms)) {
		answer_end(proc->session, reply);
		ledger_finish(ledger, proc, reply);
		return;
	}
	proc->phase = PHASE_OPEN;
	ledger_answer(reply, LEDGER_NO, "");
	if (trust_command_find(verb, &command)) {
		if (proc->session == NULL && !ledger_session_begin(ledger, proc,
		    listener, &nobody, now_ms, &err)) {
			ledger_begin_failed(ledger, proc, &err, reply);
			return;
		}
		if (ledger_check_revoked(ledger, proc, now_ms, reply))
			judge_line(ledger, proc, command, args, now_ms,
			    reply);
	} else if (span_caseeq(verb, "EHLO") || span_caseeq(verb, "HELO")) {
		greeting(ledger, proc, key, now_ms, reply);
	}
	if (proc->session != NULL)
		ledger_finish(ledger, proc, reply);
}
