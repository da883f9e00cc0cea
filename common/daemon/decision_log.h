/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * decision_log: the log line of a decision, whoever has made it.
 *
 * Its events and keys stand here and in xcontext-policy(8).  What nobody knows
 * is left out.
 */
#ifndef XC_DECISION_LOG_H
#define XC_DECISION_LOG_H

#include "session/decision.h"

/* Of the command as it was said so many octets are shown. */
#define DECISION_SAID_MAX	1024

/* What a line has behind its event, in this order. */
enum decision_key {
	DECISION_KEY_COMMAND,
	DECISION_KEY_STEP,
	DECISION_KEY_PEER,
	DECISION_KEY_CLIENT,
	DECISION_KEY_PROFILE,
	DECISION_KEY_LISTENER,
	DECISION_KEY_PID,
	DECISION_KEY_ACTION,
	DECISION_KEY_REPORT_ONLY,
	DECISION_KEY_REASON,
	DECISION_KEY_ATTRIBUTE,
	DECISION_KEY_KEY,
	DECISION_KEY_RULE,
	DECISION_KEY_CONF,
	DECISION_KEY_PEER_NAME,
	DECISION_KEY_FINGERPRINT,
	DECISION_KEY_PEER_RULE,
	DECISION_KEY_SEALED,
	DECISION_KEY_REPLY,
	DECISION_KEY_TEXT,
	DECISION_KEY_ALSO,
	DECISION_KEY_FORMER_PROFILE,
	DECISION_KEY_FORMER_PEER_RULE,
	DECISION_KEY_FORMER_ACTION,
	DECISION_KEY_FORMER_REASON,
	DECISION_KEY_FORMER_RULE,
	DECISION_KEY_SAID,
	DECISION_KEY_LINE
};
#define DECISION_KEY_COUNT	(DECISION_KEY_LINE + 1)

/*
 * Writes it, and tells trace.h of it.  A refusal is a notice; where the MTA does
 * what was not submitted for judgement it is a warning, which is limited by
 * client, and an error is limited by its text.  What differs while there is a
 * trial is counted besides (daemon_count_difference).
 */
void	decision_log(const struct decision *decision);

/* Whether it is about a command, or something that cannot be told: of a session
 * that a program keeps itself, the rest goes without saying. */
bool	decision_log_tells(const struct decision *decision);

/* The event, or the key, of that name in a line.  False: there is none. */
bool	decision_log_event_find(struct span name,
	    enum decision_event *event_r);
bool	decision_log_key_find(struct span name, enum decision_key *key_r);

/* False: the value of "said" was cut, and the command was another. */
bool	decision_log_said_is_whole(struct span said);

#endif
