/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * run: another program's answer.
 *
 * No shell has a part in it: arguments are what they are.
 */
#ifndef XC_CTL_RUN_H
#define XC_CTL_RUN_H

#include "base/err.h"
#include "pool.h"

#define RUN_OUTPUT_MAX	(4 * 1024 * 1024)	/* of each of the two */
#define RUN_SECONDS	120			/* then it is killed */

/*
 * Runs argv[0], a path, or else a name that is looked for in PATH and then in
 * the directories of the system's programs; its input is /dev/null.
 * 0: *out_r is what it wrote to standard output, in the pool.  -1, with err and
 * its first complaint: it could not be run, failed, wrote too much or took too
 * long.  said_r, if it is not NULL, gets what it wrote to standard error, also
 * where it did not fail.
 */
int	run_program(struct pool *pool, const char *const argv[],
	    const char **out_r, const char **said_r, struct err *err);

/* True if there is a program of that name, where run_program looks. */
bool	run_has(struct pool *pool, const char *name);

#endif
