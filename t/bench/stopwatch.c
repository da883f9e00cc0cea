/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * stopwatch: see the header.
 */
#include "stopwatch.h"

#include <err.h>
#include <stdio.h>
#include <time.h>

#define SUB_COUNT	(1U << STOPWATCH_SUB_BITS)

static uint64_t
read_clock(clockid_t clock)
{
	struct timespec	 ts;

	if (clock_gettime(clock, &ts) == -1)
		err(1, "clock_gettime");
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

uint64_t
stopwatch_now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t
stopwatch_cpu_ns(pid_t pid)
{
	clockid_t	 clock;

	if (pid == 0)
		return 0;
	if (clock_getcpuclockid(pid, &clock) != 0)
		errx(1, "there is no process %ld", (long)pid);
	return read_clock(clock);
}

void
stopwatch_sleep(double seconds)
{
	struct timespec	 ts;

	ts.tv_sec = (time_t)seconds;
	ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
	while (nanosleep(&ts, &ts) == -1)
		;
}

/* Up to SUB_COUNT a bucket for each value, then SUB_COUNT for each doubling. */
static unsigned
bucket_of(uint64_t ns)
{
	unsigned	 shift, i;

	if (ns < SUB_COUNT)
		return (unsigned)ns;
	shift = 63U - (unsigned)__builtin_clzll(ns) - STOPWATCH_SUB_BITS;
	i = ((shift + 1) << STOPWATCH_SUB_BITS) +
	    (unsigned)((ns >> shift) & (SUB_COUNT - 1));
	return i < STOPWATCH_BUCKETS ? i : STOPWATCH_BUCKETS - 1;
}

/* The middle of a bucket. */
static double
bucket_ns(unsigned i)
{
	unsigned	 shift;

	if (i < SUB_COUNT)
		return i;
	shift = (i >> STOPWATCH_SUB_BITS) - 1;
	return (SUB_COUNT + (i & (SUB_COUNT - 1)) + 0.5) *
	    (double)(1ULL << shift);
}

void
stopwatch_add(struct stopwatch_tally *tally, uint64_t ns)
{
	tally->bucket[bucket_of(ns)]++;
}

/* The number of durations in that bucket and those before it. */
static double
count_up_to(const struct stopwatch_tally *tallies, unsigned n, unsigned last)
{
	double		 sum = 0;
	unsigned	 i, b;

	for (i = 0; i < n; i++)
		for (b = 0; b <= last; b++)
			sum += tallies[i].bucket[b];
	return sum;
}

/* The duration in us that this share of all did not exceed. */
static double
percentile(const struct stopwatch_tally *tallies, unsigned n, double wanted)
{
	unsigned	 low = 0, high = STOPWATCH_BUCKETS - 1, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (count_up_to(tallies, n, middle) >= wanted)
			high = middle;
		else
			low = middle + 1;
	}
	return bucket_ns(low) / 1e3;
}

void
stopwatch_sum(const struct stopwatch_tally *tallies, unsigned n,
    struct stopwatch_figures *figures_r)
{
	double	 turns = count_up_to(tallies, n, STOPWATCH_BUCKETS - 1);

	if (turns < 1)
		errx(1, "not one turn was finished");
	figures_r->turns = turns;
	figures_r->p50_us = percentile(tallies, n, turns * 0.50);
	figures_r->p99_us = percentile(tallies, n, turns * 0.99);
}

void
stopwatch_run_begin(struct stopwatch_run *run, double seconds, pid_t server)
{
	*run = (struct stopwatch_run){ .seconds = seconds, .server = server };
	run->from_ns = stopwatch_now_ns() + (uint64_t)(seconds * 1e9 / 5);
	run->to_ns = run->from_ns + (uint64_t)(seconds * 1e9);
}

bool
stopwatch_run_goes_on(struct stopwatch_run *run, uint64_t now_ns)
{
	if (now_ns >= run->to_ns)
		return false;
	if (!run->is_counting && now_ns >= run->from_ns) {
		run->is_counting = true;
		run->cpu_ns = stopwatch_cpu_ns(run->server);
	}
	return true;
}

void
stopwatch_run_turn(struct stopwatch_run *run, uint64_t from_ns,
    uint64_t now_ns)
{
	if (run->is_counting)
		stopwatch_add(&run->tally, now_ns - from_ns);
}

void
stopwatch_run_end(const struct stopwatch_run *run,
    struct stopwatch_figures *figures_r)
{
	stopwatch_sum(&run->tally, 1, figures_r);
	figures_r->seconds = run->seconds;
	figures_r->cpu_us = (double)(stopwatch_cpu_ns(run->server) -
	    run->cpu_ns) / 1e3 / figures_r->turns;
}

void
stopwatch_print(const struct stopwatch_figures *figures)
{
	printf("rate=%.1f p50_us=%.2f p99_us=%.2f cpu_us=%.3f turns=%.0f "
	    "seconds=%.3f\n", figures->turns / figures->seconds,
	    figures->p50_us, figures->p99_us, figures->cpu_us,
	    figures->turns, figures->seconds);
}
