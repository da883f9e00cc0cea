/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * watch: the sessions on a terminal, in place, as top(1) shows processes; one
 * of them can be revoked.
 *
 * However it ends, by a key, a signal or an error, the terminal is as it was.
 */
#ifndef XC_CTL_WATCH_H
#define XC_CTL_WATCH_H

#include "output.h"

/* The sessions as they are now, an array of rows; NULL: err says why not. */
typedef json_t	*watch_list_fn(void *arg, struct err *err);

/*
 * Watches them until the user has enough, and returns the exit status; ended by
 * a signal it dies of that.  columns are those of the rows, key NULL behind the
 * last; "session" is the name to revoke by.  Exits where there is no terminal.
 */
int	watch_run(struct ctl *ctl, const struct output_column *columns,
	    watch_list_fn *list, void *arg);

#endif
