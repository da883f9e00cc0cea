/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_stats: how many messages became what, shown while it goes on and at its
 * end.
 */
#ifndef XC_CTL_INJECT_STATS_H
#define XC_CTL_INJECT_STATS_H

#include <stdint.h>

#include "inject_source.h"

struct inject_stats {
	uint64_t	 begun_ms;	/* by CLOCK_MONOTONIC */
	uint64_t	 shown_ms;
	uint64_t	 found;		/* messages of the source */
	uint64_t	 delivered;	/* to all their recipients, this time */
	uint64_t	 already;	/* by the journal */
	uint64_t	 later;
	uint64_t	 rejected;
	uint64_t	 in_doubt;
	uint64_t	 unsent;	/* it would not dare */
	uint64_t	 unknown;	/* of those sent: without an origin */
	uint64_t	 octets;	/* delivered */
	uint64_t	 trouble;	/* connections that failed */
};

/* On a terminal, twice a second at most: what stands above, the rate, and the
 * time that is left. */
void	inject_stats_show(struct inject_stats *stats,
	    const struct inject_source *source, uint64_t now_ms);
/* Clears that line, and prints the summary to standard error; nothing for a
 * single message. */
void	inject_stats_end(const struct inject_stats *stats, bool is_single,
	    uint64_t now_ms);
/* The same as JSON, into a file.  0, or -1 with err. */
int	inject_stats_write(const struct inject_stats *stats, const char *path,
	    uint64_t now_ms, struct err *err);

#endif
