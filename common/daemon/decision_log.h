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

/*
 * Writes it, and tells trace.h of it.  A refusal is a notice; where the MTA does what was not submitted
 * for judgement it is a warning, which is limited by client, and an error is
 * limited by its text.
 */
void	decision_log(const struct decision *decision);

/* Whether it is about a command, or something that cannot be told: of a session
 * that a program keeps itself, the rest goes without saying. */
bool	decision_log_tells(const struct decision *decision);

#endif
