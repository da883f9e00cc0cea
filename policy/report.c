/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * report: see report.h.  What is told is counted in the same place, so that
 * the log and the metrics cannot disagree.
 */
#include "report.h"

#include "daemon/decision_log.h"
#include "session/session_change.h"

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
count(struct metrics *metrics, const struct ledger_report *what)
{
	const char	*profile;

	profile = what->session == NULL ? NULL : what->session->profile;
	if (what->event == LEDGER_ERROR)
		metrics_error(metrics);
	else if (what->event == LEDGER_MAIL_REFUSED)
		metrics_mail_refused(metrics);
	else if (what->verdict != NULL)
		metrics_decision(metrics, profile, what->command,
		    what->verdict);
}

static bool
is_worth_a_line(const struct report *report, enum ledger_event event)
{
	return report->is_verbose || (event != LEDGER_BEGIN &&
	    event != LEDGER_END && event != LEDGER_SEAL);
}

/* Mail is refused by the verdict that the session has. */
static const struct verdict *
verdict_of(const struct ledger_report *what, struct verdict *room)
{
	const struct session	*s = what->session;

	if (what->event != LEDGER_MAIL_REFUSED || s == NULL)
		return what->verdict;
	*room = (struct verdict){ .action = session_refusal(s).action,
	    .reason = session_refusal(s).reason, .attribute = -1 };
	return room;
}

void
report_write(const struct ledger_report *what, void *arg)
{
	struct report	*report = arg;
	struct verdict	 room;
	bool		 is_error = what->event == LEDGER_ERROR;
	const char	*told = what->event == LEDGER_MAIL_REFUSED &&
			     what->session != NULL ?
			     session_refusal(what->session).text : NULL;

	count(report->metrics, what);
	if (!is_worth_a_line(report, what->event))
		return;
	decision_log(&(const struct decision){
	    .event = events[what->event], .session = what->session,
	    .conf = what->conf, .verdict = verdict_of(what, &room),
	    .command = what->command, .said = what->said, .key = what->key,
	    .rule = what->rule, .text = is_error ? what->text : told,
	    .line = is_error ? NULL : what->text });
}
