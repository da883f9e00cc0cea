/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * rundir: the runtime directory, which holds the store and belongs to the
 * user that the daemons become.
 */
#ifndef XC_RUNDIR_H
#define XC_RUNDIR_H

#include "base/err.h"

/*
 * Makes the directory (mode 0750) if it is not there, while its parent is;
 * and, as root, gives it to user ("" keeps the owner).  A path that is
 * something else, or that others may write to, is an error.  0, or -1 with
 * err.
 */
int	rundir_make(const char *path, const char *user, struct err *err);

#endif
