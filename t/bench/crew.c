/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * crew: see the header.
 *
 * What the workers share is a board that says which phase it is.  Each has a
 * tally of its own, so that nothing is shared while the clock runs.
 */
#include "crew.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/futex.h>

#include <err.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATIENCE_NS	(120 * 1000000000ULL)	/* for all to begin */

enum phase { WAIT, BEGIN, WARM, COUNT, STOP };

struct board {
	_Atomic uint32_t phase;
	_Atomic uint32_t n_begun;
};

struct crew {
	struct board		*board;
	struct stopwatch_tally	*tally;	/* one a worker */
	pid_t			*pid;
	unsigned		 n;
};

static void *
shared(size_t size)
{
	void	*p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	return p;
}

static void
await_end_of(struct board *board, uint32_t phase)
{
	while (atomic_load(&board->phase) == phase)
		(void)syscall(SYS_futex, &board->phase, FUTEX_WAIT, phase,
		    NULL, NULL, 0);
}

static void
set_phase(struct board *board, uint32_t phase)
{
	atomic_store(&board->phase, phase);
	(void)syscall(SYS_futex, &board->phase, FUTEX_WAKE, INT_MAX, NULL,
	    NULL, 0);
}

void
crew_stay_on_core(int core)
{
	cpu_set_t	 set;

	if (core < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)core, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == -1)
		err(1, "core %d", core);
}

static void
take_turns(struct crew *crew, unsigned index, const struct crew_work *work,
    void *state)
{
	uint64_t	 from, to;
	uint32_t	 phase;

	while ((phase = atomic_load_explicit(&crew->board->phase,
	    memory_order_relaxed)) != STOP) {
		from = stopwatch_now_ns();
		work->turn(state);
		to = stopwatch_now_ns();
		if (phase == COUNT)
			stopwatch_add(&crew->tally[index], to - from);
	}
}

static void
serve_as_worker(struct crew *crew, unsigned index,
    const struct crew_work *work, pid_t master)
{
	void	*state;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != master)
		_exit(1);
	await_end_of(crew->board, WAIT);
	state = work->begin(index, work->arg);
	atomic_fetch_add(&crew->board->n_begun, 1);
	await_end_of(crew->board, BEGIN);
	if (work->turn != NULL)
		take_turns(crew, index, work, state);
	_exit(0);
}

struct crew *
crew_new(unsigned n, int core, const struct crew_work *work)
{
	pid_t		 master = getpid();
	struct crew	*crew;
	unsigned	 i;

	if ((crew = calloc(1, sizeof(*crew))) == NULL ||
	    (crew->pid = calloc(n, sizeof(*crew->pid))) == NULL)
		err(1, NULL);
	crew->n = n;
	crew->board = shared(sizeof(*crew->board));
	crew->tally = shared(n * sizeof(*crew->tally));
	(void)fflush(NULL);
	for (i = 0; i < n; i++) {
		if ((crew->pid[i] = fork()) == -1)
			err(1, "fork");
		if (crew->pid[i] == 0) {
			crew_stay_on_core(core);
			serve_as_worker(crew, i, work, master);
		}
	}
	return crew;
}

void
crew_check(void)
{
	if (waitpid(-1, NULL, WNOHANG) > 0)
		errx(1, "a worker gave up");
}

void
crew_begin(struct crew *crew)
{
	set_phase(crew->board, BEGIN);
}

void
crew_await(struct crew *crew)
{
	uint64_t	 from = stopwatch_now_ns();

	while (atomic_load(&crew->board->n_begun) < crew->n) {
		crew_check();
		if (stopwatch_now_ns() - from > PATIENCE_NS)
			errx(1, "only %u of %u workers have begun",
			    atomic_load(&crew->board->n_begun), crew->n);
		stopwatch_sleep(0.002);
	}
}

static void
await_end(struct crew *crew)
{
	unsigned	 i;
	int		 status;

	for (i = 0; i < crew->n; i++) {
		if (waitpid(crew->pid[i], &status, 0) == -1 ||
		    !WIFEXITED(status) || WEXITSTATUS(status) != 0)
			errx(1, "a worker gave up");
		crew->pid[i] = 0;
	}
}

void
crew_measure(struct crew *crew, double seconds, pid_t server,
    struct stopwatch_figures *figures_r)
{
	uint64_t	 from, to, cpu_from, cpu_to;

	set_phase(crew->board, WARM);
	stopwatch_sleep(seconds / 5);
	cpu_from = stopwatch_cpu_ns(server);
	from = stopwatch_now_ns();
	set_phase(crew->board, COUNT);
	stopwatch_sleep(seconds);
	set_phase(crew->board, STOP);
	to = stopwatch_now_ns();
	cpu_to = stopwatch_cpu_ns(server);
	await_end(crew);
	stopwatch_sum(crew->tally, crew->n, figures_r);
	figures_r->seconds = (double)(to - from) / 1e9;
	figures_r->cpu_us = (double)(cpu_to - cpu_from) / 1e3 /
	    figures_r->turns;
}

void
crew_free(struct crew *crew)
{
	unsigned	 i;

	if (crew == NULL)
		return;
	for (i = 0; i < crew->n; i++)
		if (crew->pid[i] > 0)
			(void)kill(crew->pid[i], SIGKILL);
	for (i = 0; i < crew->n; i++)
		if (crew->pid[i] > 0)
			(void)waitpid(crew->pid[i], NULL, 0);
	(void)munmap(crew->tally, crew->n * sizeof(*crew->tally));
	(void)munmap(crew->board, sizeof(*crew->board));
	free(crew->pid);
	free(crew);
}
