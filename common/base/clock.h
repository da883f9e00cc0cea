/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * clock: where the time is read.
 *
 * Whoever decides something by it gets it as a parameter, so that a test can
 * say what time it is; only the edge of a program calls this.
 */
#ifndef XC_CLOCK_H
#define XC_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_REALTIME: since the epoch; CLOCK_MONOTONIC: since some time or other,
 * and never set.  Neither fails. */
static inline uint64_t
clock_ns(clockid_t id)
{
	struct timespec	 now;

	(void)clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static inline uint64_t
clock_ms(clockid_t id)
{
	return clock_ns(id) / 1000000U;
}

#endif
