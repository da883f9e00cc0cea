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

#include <stdbool.h>
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

/* A run: its first fifth goes by uncounted. */
struct stopwatch_run {
	struct stopwatch_tally	 tally;
	double			 seconds;
	uint64_t		 from_ns, to_ns;	/* what counts */
	pid_t			 server;
	uint64_t		 cpu_ns;		/* of the server then */
	bool			 is_counting;
};

uint64_t	stopwatch_now_ns(void);

/* The CPU time that a process has used, in all its threads; 0 for pid 0. */
uint64_t	stopwatch_cpu_ns(pid_t pid);

void		stopwatch_sleep(double seconds);

void		stopwatch_add(struct stopwatch_tally *tally, uint64_t ns);

/* Fills in turns, p50_us and p99_us from n tallies together. */
void		stopwatch_sum(const struct stopwatch_tally *tallies,
		    unsigned n, struct stopwatch_figures *figures_r);

/* Begins a run that counts for so many seconds.  server is the pid whose CPU
 * time is taken, 0 for none. */
void		stopwatch_run_begin(struct stopwatch_run *run, double seconds,
		    pid_t server);

/* False: the time is over. */
bool		stopwatch_run_goes_on(struct stopwatch_run *run,
		    uint64_t now_ns);

/* A turn is over that began then. */
void		stopwatch_run_turn(struct stopwatch_run *run, uint64_t from_ns,
		    uint64_t now_ns);

/* Fills in all figures. */
void		stopwatch_run_end(const struct stopwatch_run *run,
		    struct stopwatch_figures *figures_r);

/* Prints the figures as "name=value" on one line of standard output. */
void		stopwatch_print(const struct stopwatch_figures *figures);

#endif
