/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * crew: many processes that do the same work and begin it together.
 *
 * Processes and not threads, because xcontext knows an SMTP session by the
 * process that made its connections, as Postfix has one process a session.
 * Workers die with their master.  Errors end the program: a benchmark has no
 * use for half a number.
 */
#ifndef XC_T_CREW_H
#define XC_T_CREW_H

#include "stopwatch.h"

struct crew;

/* What each worker does; index counts from 0. */
struct crew_work {
	/* Makes the worker ready, before the clock runs; returns its state. */
	void	*(*begin)(unsigned index, void *arg);
	/* Does what is measured, once.  NULL: the worker only stays. */
	void	 (*turn)(void *state);
	void	*arg;
};

/* Makes n processes, which wait.  They run on that core; -1: on any. */
struct crew	*crew_new(unsigned n, int core, const struct crew_work *work);

/* Tells all of them to begin(). */
void		 crew_begin(struct crew *crew);

/* Returns when all have begun. */
void		 crew_await(struct crew *crew);

/* Ends the program if a worker has ended; it has said why. */
void		 crew_check(void);

/*
 * Lets them take turns: a fifth of that time unobserved, then for so many
 * seconds counted.  server is the pid whose CPU time is taken, 0 for none.
 */
void		 crew_measure(struct crew *crew, double seconds, pid_t server,
		    struct stopwatch_figures *figures_r);

/* Ends the workers and frees the crew. */
void		 crew_free(struct crew *crew);

/* Keeps the calling process on that core; -1: on any. */
void		 crew_stay_on_core(int core);

#endif
