/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * log_rate: how often the same complaint may be written.
 *
 * A small fixed table, so that a peer who provokes many different complaints
 * costs no memory: two that share a slot share it in turns, and the one that
 * comes back starts anew.  It has no clock and no lock of its own.
 */
#ifndef XC_LOG_RATE_H
#define XC_LOG_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_RATE_SLOTS		256
#define LOG_RATE_WINDOW_S	60

/* All zero is a valid start. */
struct log_rate {
	struct log_rate_slot {
		uint64_t	 hash;
		int64_t		 start;		/* of the window, in s */
		unsigned	 written;
		unsigned long	 suppressed;
	} slots[LOG_RATE_SLOTS];
};

/*
 * True if that event with that first value (NULL: none) may be written at
 * time now_s (monotonic, at least 1), of which max are allowed in a window;
 * max 0: any number.  *suppressed_r is then the number of those that were not
 * written since the last that was.
 */
bool	log_rate_allows(struct log_rate *rate, const char *event,
	    const char *value, unsigned max, int64_t now_s,
	    unsigned long *suppressed_r);

#endif
