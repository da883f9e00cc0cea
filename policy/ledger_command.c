/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * ledger_command: judges XCLIENT and XFORWARD lines before the MTA acts on
 * them, and writes the line that the MTA gets instead.
 *
 * Postfix executes a line up to its first error and forgets at each XCLIENT
 * what that does not name.  So a line is parsed whole first, and what is
 * handed on says everything again that this session has asserted so far.
 */
#include "ledger_private.h"

#include <stdio.h>
#include <string.h>

bool
ledger_read_line(const char *line, struct assertion_set *set_r)
{
	const char	*args = strchr(line, ' ');
	struct err	 err;

	return args != NULL && assertion_parse(span_of(args + 1),
	    ASSERTION_XCLIENT, XTEXT_STRICT, set_r, &err) == ASSERTION_OK;
}

static bool
says(const struct assertion_set *set, enum assertion_name name)
{
	return set->v[name].status != ASSERTION_ABSENT;
}

static void
set_unavailable(struct assertion_set *set, enum assertion_name name)
{
	(void)assertion_set_value(set, name, ASSERTION_UNAVAILABLE,
	    span_of(""));
}

/*
 * Names and port that are not asserted with an address are the messenger's:
 * they must not stay.  NAME sets REVERSE_NAME too, but only with a real name.
 */
static void
complete(struct assertion_set *set)
{
	if (says(set, ASSERTION_ADDR)) {
		if (!says(set, ASSERTION_NAME))
			set_unavailable(set, ASSERTION_NAME);
		if (!says(set, ASSERTION_PORT))
			set_unavailable(set, ASSERTION_PORT);
	}
	if (says(set, ASSERTION_NAME) &&
	    set->v[ASSERTION_NAME].status != ASSERTION_VALUE &&
	    !says(set, ASSERTION_REVERSE_NAME))
		set_unavailable(set, ASSERTION_REVERSE_NAME);
}

static bool
is_empty(const struct assertion_set *set)
{
	int	 i;

	for (i = 0; i < ASSERTION_COUNT; i++)
		if (says(set, (enum assertion_name)i))
			return false;
	return true;
}

static void
refuse_line(struct ledger *ledger, struct ledger_proc *proc,
    const struct verdict *verdict, const char *command, uint64_t now_ms,
    struct ledger_reply *reply)
{
	char	 line[sizeof SESSION_REFUSED_VERB + ULID_SIZE];

	ledger_refuse(ledger, proc, verdict, command, now_ms);
	if (verdict->action == VERDICT_DISCONNECT &&
	    proc->session->refused == VERDICT_DISCONNECT) {
		ledger_answer(reply, LEDGER_PERM, verdict->text);
		return;
	}
	(void)snprintf(line, sizeof line, "%s %s", SESSION_REFUSED_VERB,
	    proc->session->id);
	ledger_answer(reply, LEDGER_YES, line);
}

static void
refuse_malformed(struct ledger *ledger, struct ledger_proc *proc,
    const char *command, const char *why, uint64_t now_ms,
    struct ledger_reply *reply)
{
	struct verdict	 verdict;

	trust_violation(proc->profile, REASON_MALFORMED, why, &verdict);
	refuse_line(ledger, proc, &verdict, command, now_ms, reply);
}

/*
 * All that the session asserts, with what is said now.  Where nothing seals,
 * the next client may come from the address of the last: then to name an
 * address is to begin anew.  False: the session's record is damaged.
 */
static bool
accumulate(const struct ledger_proc *proc, const struct assertion_set *said,
    struct assertion_set *all)
{
	const char	*override = proc->session->override;

	assertion_init(all, ASSERTION_XCLIENT);
	if (override != NULL && !ledger_read_line(override, all))
		return false;
	if (trust_profile_seal(proc->profile) == TRUST_SEAL_NEVER &&
	    says(said, ASSERTION_ADDR) && says(all, ASSERTION_ADDR))
		assertion_init(all, ASSERTION_XCLIENT);
	assertion_merge(all, said);
	complete(all);
	/* Everything was dropped: XCLIENT resets PROTO to this anyway. */
	if (is_empty(all))
		(void)assertion_set_value(all, ASSERTION_PROTO,
		    ASSERTION_VALUE, span_of("SMTP"));
	return true;
}

static void
permit_xclient(struct ledger *ledger, struct ledger_proc *proc,
    const struct assertion_set *said, const struct verdict *verdict,
    uint64_t now_ms, struct ledger_reply *reply)
{
	struct session		*s = proc->session;
	struct assertion_set	 all;
	char			 line[ASSERTION_LINE_MAX];
	size_t			 len;

	if (!accumulate(proc, said, &all)) {
		ledger_answer(reply, LEDGER_TEMP, "session record is damaged");
		return;
	}
	if (!assertion_print(&all, line, sizeof line, &len)) {
		refuse_malformed(ledger, proc, "XCLIENT",
		    "a value is over 255 characters when encoded", now_ms,
		    reply);
		return;
	}
	if (!session_set_text(&s->pending, line)) {
		ledger_answer(reply, LEDGER_TEMP, "out of memory");
		return;
	}
	ledger_audit(proc, now_ms, SESSION_PERMITTED, line);
	ledger_report(ledger, proc, LEDGER_PERMIT, verdict, "XCLIENT", line);
	ledger_answer(reply, LEDGER_YES, line);
}

static void
permit_xforward(struct ledger *ledger, struct ledger_proc *proc,
    const struct assertion_set *said, const struct verdict *verdict,
    uint64_t now_ms, struct ledger_reply *reply)
{
	char	 line[ASSERTION_LINE_MAX];
	size_t	 len;

	if (is_empty(said)) {
		(void)snprintf(line, sizeof line, "NOOP");
	} else if (!assertion_print(said, line, sizeof line, &len)) {
		refuse_malformed(ledger, proc, "XFORWARD",
		    "a value is over 255 characters when encoded", now_ms,
		    reply);
		return;
	}
	ledger_report(ledger, proc, LEDGER_PERMIT, verdict, "XFORWARD", line);
	ledger_answer(reply, LEDGER_YES, line);
}

void
ledger_decide(struct ledger *ledger, struct ledger_proc *proc,
    enum assertion_command command, struct span args, uint64_t now_ms,
    struct ledger_reply *reply)
{
	const char		*verb;
	struct session		*s = proc->session;
	struct assertion_set	 said;
	struct trust_facts	 facts;
	struct verdict		 verdict;
	struct err		 err;

	verb = command == ASSERTION_XCLIENT ? "XCLIENT" : "XFORWARD";
	if (proc->profile == NULL) {
		trust_violation(NULL, REASON_NO_SESSION,
		    "it is not known who connected", &verdict);
		refuse_line(ledger, proc, &verdict, verb, now_ms, reply);
		return;
	}
	/* Besides, Postfix cuts off what is beyond its line_length_limit. */
	if (strlen(verb) + args.n + strlen("\r\n") > ASSERTION_COMMAND_MAX) {
		refuse_malformed(ledger, proc, verb, "the line is over 512 "
		    "octets; say it in several commands", now_ms, reply);
		return;
	}
	if (assertion_parse(args, command, proc->conf->xtext, &said, &err) !=
	    ASSERTION_OK) {
		refuse_malformed(ledger, proc, verb, err.text, now_ms, reply);
		return;
	}
	trust_profile_drop(proc->profile, &said);
	facts = (struct trust_facts){ .profile = proc->profile,
	    .peer = s->peer, .is_overridden = s->override != NULL,
	    .is_sealed = s->is_sealed };
	trust_decide(proc->conf->trust, &facts, &said, &verdict);
	if (verdict.action != VERDICT_PERMIT)
		refuse_line(ledger, proc, &verdict, verb, now_ms, reply);
	else if (command == ASSERTION_XCLIENT)
		permit_xclient(ledger, proc, &said, &verdict, now_ms, reply);
	else
		permit_xforward(ledger, proc, &said, &verdict, now_ms, reply);
}
