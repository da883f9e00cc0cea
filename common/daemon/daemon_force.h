/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * daemon_force: a file that says which configuration is in force, as long as
 * the daemon lives whose it is.
 *
 * The daemon holds a lock on it, so that what one that was killed has left is
 * never taken for the truth.
 */
#ifndef XC_DAEMON_FORCE_H
#define XC_DAEMON_FORCE_H

#include <stdio.h>

#include "base/err.h"
#include "conf/conf.h"

struct daemon_force {
	char	*path;		/* NULL: none was written */
	int	 fd;		/* holds the lock; -1: none */
};

/*
 * Puts PROGRAM.conf into the runtime directory, in place of what is there; that
 * of its first call stays the file.  failure: why the last reload failed, or
 * NULL.  -1: it could not be written, and the old one is gone.
 */
int	daemon_force_write(struct daemon_force *force, const struct conf *conf,
	    const char *program, const char *failure);
void	daemon_force_remove(struct daemon_force *force);

/*
 * Copies what a living daemon has written to out.  directory NULL: the default
 * of runtime_directory.  0, or -1 with err: it does not run, or does not say.
 */
int	daemon_force_print(const char *directory, const char *program,
	    FILE *out, struct err *err);

#endif
