/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * report: turns what the ledger tells into log lines and counters.
 *
 * One line a decision.  What changes nothing is written only if the
 * configuration asks for it (log_all).
 */
#ifndef XC_POLICY_REPORT_H
#define XC_POLICY_REPORT_H

#include "ledger.h"
#include "metrics.h"

struct report {
	struct metrics	*metrics;
	bool		 is_verbose;	/* log_all */
};

/* A decision_fn; arg is a struct report. */
decision_fn	report_write;

#endif
