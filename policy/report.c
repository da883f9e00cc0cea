/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * report: see report.h.  A note is told and counted in the same place, so that
 * the log and the metrics cannot disagree.
 */
#include "report.h"

#include "daemon/log.h"

static const char *const event_names[] = {
	[LEDGER_BEGIN] = "begin",
	[LEDGER_PERMIT] = "permit",
	[LEDGER_REFUSE] = "refuse",
	[LEDGER_OVERRIDE] = "override",
	[LEDGER_FORGET] = "forget",
	[LEDGER_UNDO] = "undo",
	[LEDGER_SEAL] = "seal",
	[LEDGER_MAIL_REFUSED] = "mail_refused",
	[LEDGER_ACCESS] = "access",
	[LEDGER_ERROR] = "error",
	[LEDGER_END] = "end",
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

static enum log_level
level_of(const struct ledger_note *note)
{
	if (note->event == LEDGER_ERROR)
		return LOG_LEVEL_ERROR;
	if (note->verdict != NULL && (note->verdict->reason == REASON_UNSEEN ||
	    note->verdict->reason == REASON_MISMATCH))
		return LOG_LEVEL_WARNING;
	return note->event == LEDGER_REFUSE ||
	    note->event == LEDGER_MAIL_REFUSED ? LOG_LEVEL_NOTICE :
	    LOG_LEVEL_INFO;
}

static bool
is_worth_a_line(const struct report *report, enum ledger_event event)
{
	return report->is_verbose || (event != LEDGER_BEGIN &&
	    event != LEDGER_END && event != LEDGER_SEAL);
}

static const char *
address_text(const struct address *addr, char *buf, size_t size)
{
	return address_format(addr, buf, size);
}

void
report_note(const struct ledger_note *note, void *arg)
{
	struct report		*report = arg;
	const struct session	*s = note->session;
	const struct verdict	*v = note->verdict;
	char			 peer[ADDRESS_TEXT_SIZE];
	char			 client[ADDRESS_TEXT_SIZE];

	count(report->metrics, note);
	if (!is_worth_a_line(report, note->event))
		return;
	LOG(level_of(note), s == NULL ? NULL : s->id, event_names[note->event],
	    { "command", note->command },
	    { "peer", s == NULL ? NULL : address_text(&s->peer, peer,
	    sizeof peer) },
	    { "client", s == NULL ? NULL : address_text(&s->client, client,
	    sizeof client) },
	    { "profile", s == NULL ? NULL : s->profile },
	    { "listener", s == NULL || s->listener[0] == '\0' ? NULL :
	    s->listener },
	    { "action", v == NULL ? NULL : verdict_action_text(v->action) },
	    { "report_only", v != NULL && v->report_only ? "true" : NULL },
	    { "reason", v == NULL ? NULL : verdict_reason_text(v->reason) },
	    { "attribute", v == NULL || v->attribute < 0 ? NULL :
	    assertion_name_text((enum assertion_name)v->attribute) },
	    { "key", note->key },
	    { "rule", v == NULL || v->rule[0] == '\0' ? note->rule : v->rule },
	    { "text", v == NULL ? NULL : v->text },
	    { "also", v == NULL || v->also[0] == '\0' ? NULL : v->also },
	    { "line", note->text });
}
