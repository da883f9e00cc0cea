/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * decision_counts: how often each kind of decision was reached: by profile,
 * command, attribute, reason and action.
 *
 * Profiles come from the configuration, and their number here is bounded
 * besides; all others are closed lists.
 */
#ifndef XC_DECISION_COUNTS_H
#define XC_DECISION_COUNTS_H

#include <stddef.h>

#include "trust/verdict.h"

struct evbuffer;
struct decision;

/* All zero: none yet. */
struct decision_counts {
	struct decision	*list;
	size_t		 n;
};

void	decision_counts_clear(struct decision_counts *decisions);

/* One more.  profile NULL: none was known.  command that is no X command of
 * ours, or NULL: it was about the session. */
void	decision_counts_add(struct decision_counts *decisions,
    const char *profile,
	    const char *command, const struct verdict *verdict);

/* The metric xcontext_decisions_total. */
void	decision_counts_print(const struct decision_counts *decisions,
	    struct evbuffer *out);

#endif
