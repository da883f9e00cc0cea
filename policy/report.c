/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * report: see report.h.  A note is told and counted in the same place, so that
 * the log and the metrics cannot disagree.
 */
#include "report.h"

#include "daemon/decision_log.h"

static const enum decision_event events[] = {
	[LEDGER_BEGIN] = DECISION_BEGIN,
	[LEDGER_PERMIT] = DECISION_PERMIT,
	[LEDGER_REFUSE] = DECISION_REFUSE,
	[LEDGER_OVERRIDE] = DECISION_OVERRIDE,
	[LEDGER_FORGET] = DECISION_FORGET,
	[LEDGER_UNDO] = DECISION_UNDO,
	[LEDGER_SEAL] = DECISION_SEAL,
	[LEDGER_MAIL_REFUSED] = DECISION_MAIL_REFUSED,
	[LEDGER_ACCESS] = DECISION_ACCESS,
	[LEDGER_ERROR] = DECISION_ERROR,
	[LEDGER_END] = DECISION_END,
};

static void
count(struct metrics *metrics, const struct ledger_note *note)
{
	const char	*profile;

	profile = note->session == NULL ? NULL : note->session->profile;
	if (note->event == LEDGER_ERROR)
		metrics_error(metrics);
	else if (note->event == LEDGER_MAIL_REFUSED)
		metrics_mail_refused(metrics);
	else if (note->verdict != NULL)
		metrics_decision(metrics, profile, note->command,
		    note->verdict);
}

static bool
is_worth_a_line(const struct report *report, enum ledger_event event)
{
	return report->is_verbose || (event != LEDGER_BEGIN &&
	    event != LEDGER_END && event != LEDGER_SEAL);
}

/* Mail is refused by the verdict that the session has. */
static const struct verdict *
verdict_of(const struct ledger_note *note, struct verdict *room)
{
	const struct session	*s = note->session;

	if (note->event != LEDGER_MAIL_REFUSED || s == NULL)
		return note->verdict;
	*room = (struct verdict){ .action = s->refused,
	    .reason = s->refused_reason, .attribute = -1 };
	return room;
}

void
report_note(const struct ledger_note *note, void *arg)
{
	struct report	*report = arg;
	struct verdict	 room;
	bool		 is_error = note->event == LEDGER_ERROR;
	const char	*told = note->event == LEDGER_MAIL_REFUSED &&
			     note->session != NULL ?
			     note->session->refused_text : NULL;

	count(report->metrics, note);
	if (!is_worth_a_line(report, note->event))
		return;
	decision_log(&(const struct decision){
	    .event = events[note->event], .session = note->session,
	    .conf = note->conf, .verdict = verdict_of(note, &room),
	    .command = note->command, .said = note->said, .key = note->key,
	    .rule = note->rule, .text = is_error ? note->text : told,
	    .line = is_error ? NULL : note->text });
}
