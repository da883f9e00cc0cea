/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * relay_log: turns what dialogues tell into log lines and counters.  The names
 * of events and keys stand here and in xcontext-relay(8).
 */
#ifndef XC_RELAY_RELAY_LOG_H
#define XC_RELAY_RELAY_LOG_H

#include "dialogue.h"
#include "relay_metrics.h"

struct relay_log {
	struct relay_metrics	*metrics;
	bool			 is_verbose;	/* log_all */
};

void	relay_log_report(struct relay_log *log,
	    const struct dialogue_report *report);
/* A decision_fn; arg is a struct relay_log. */
decision_fn	relay_log_decision;

#endif
