/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * report: see report.h.  What is told is counted in the same place, so that
 * the log and the metrics cannot disagree.
 */
#include "report.h"

#include "daemon/decision_log.h"

static void
count(struct metrics *metrics, const struct decision *d)
{
	const char	*profile = d->session == NULL ? NULL :
			     d->session->profile;

	if (d->event == DECISION_ERROR)
		metrics_error(metrics);
	else if (d->event == DECISION_MAIL_REFUSED)
		metrics_mail_refused(metrics);
	else if (d->verdict != NULL && d->event != DECISION_DIFFER)
		metrics_decision(metrics, profile, d->command, d->verdict);
}

static bool
is_worth_a_line(const struct report *report, enum decision_event event)
{
	return report->is_verbose || (event != DECISION_BEGIN &&
	    event != DECISION_END && event != DECISION_SEAL);
}

void
report_write(const struct decision *decision, void *arg)
{
	struct report	*report = arg;

	count(report->metrics, decision);
	if (is_worth_a_line(report, decision->event))
		decision_log(decision);
}
