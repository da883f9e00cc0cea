/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * decisions: how often each kind of decision was reached: by profile, command,
 * attribute, reason and action.
 *
 * Profiles come from the configuration, and their number here is bounded
 * besides; all others are closed lists.
 */
#ifndef XC_DECISIONS_H
#define XC_DECISIONS_H

#include "trust/trust.h"

struct evbuffer;
struct decision;

/* All zero: none yet. */
struct decisions {
	struct decision	*list;
	size_t		 n;
};

void	decisions_clear(struct decisions *decisions);

/* One more.  profile NULL: none was known.  command that is no X command of
 * ours, or NULL: it was about the session. */
void	decisions_count(struct decisions *decisions, const char *profile,
	    const char *command, const struct verdict *verdict);

/* The metric xcontext_decisions_total. */
void	decisions_print(const struct decisions *decisions,
	    struct evbuffer *out);

#endif
