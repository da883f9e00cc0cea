/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * stopwatch: how long things took, and how these times are distributed.
 *
 * Errors end the process.
 */
#ifndef XC_T_STOPWATCH_H
#define XC_T_STOPWATCH_H

#include <sys/types.h>

#include <stdint.h>

#define STOPWATCH_SUB_BITS	5	/* 32 buckets for each doubling: 3 % */
#define STOPWATCH_BUCKETS	(40 << STOPWATCH_SUB_BITS)

/* A histogram of durations.  All zero is empty. */
struct stopwatch_tally {
	uint32_t	 bucket[STOPWATCH_BUCKETS];
};

struct stopwatch_figures {
	double	 seconds;	/* during which turns were counted */
	double	 turns;
	double	 p50_us;	/* how long a turn took */
	double	 p99_us;
	double	 cpu_us;	/* of the server a turn; 0: no pid was given */
};

uint64_t	stopwatch_now_ns(void);

/* The CPU time that a process has used, in all its threads; 0 for pid 0. */
uint64_t	stopwatch_cpu_ns(pid_t pid);

void		stopwatch_sleep(double seconds);

void		stopwatch_add(struct stopwatch_tally *tally, uint64_t ns);

/* Fills in turns, p50_us and p99_us from n tallies together. */
void		stopwatch_sum(const struct stopwatch_tally *tallies,
		    unsigned n, struct stopwatch_figures *figures_r);

/* Prints the figures as "name=value" on one line of standard output. */
void		stopwatch_print(const struct stopwatch_figures *figures);

#endif
