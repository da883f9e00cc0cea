/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * rundir: the directories that the daemons need: the runtime directory, which
 * holds the store, and that of what is revoked, belong to the user that the
 * daemons become.
 */
#ifndef XC_RUNDIR_H
#define XC_RUNDIR_H

#include <sys/types.h>

#include "base/err.h"

/*
 * Makes the directory, with that mode whatever the umask, if it is not there,
 * while its parent is; and, as root, gives it to user ("" keeps the owner).  A
 * path that is something else, or that others may write to, is an error.  0, or
 * -1 with err.
 */
int	rundir_make(const char *path, mode_t mode, const char *user,
	    struct err *err);

#endif
