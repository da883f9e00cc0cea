/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * in_force: the configuration that counts by a file's name, which is not what
 * the file says where one was on trial (trial.h) and was not confirmed.
 *
 * All who go by a configuration load it by this, so that daemons and xcontext(1)
 * agree, whoever was there at the deadline.
 */
#ifndef XC_IN_FORCE_H
#define XC_IN_FORCE_H

#include "conf/conf.h"
#include "conf/trial.h"

enum in_force_how {
	IN_FORCE_LOOK,		/* changes nothing on disk, and does without
				 * the former one */
	IN_FORCE_RELOAD,	/* puts back what is to be, as far as this user
				 * may; a trial of which either part cannot be
				 * loaded is not taken */
	IN_FORCE_START		/* the same, but takes of a trial what can be
				 * loaded: somebody must serve */
};

/*
 * conf_load, of FILE or FILE.before, and of both while there is a trial: then
 * conf->trial says so.  conf->trial.warning is what else is to be told.
 */
struct conf	*in_force_load(const char *file, enum in_force_how how,
		    struct err *err);

/* Puts FILE.before back where that counts, as IN_FORCE_RELOAD does. */
void	in_force_put_back(const char *file);

/* The time for trial.h. */
struct trial_clock	in_force_clock(void);

/* Milliseconds until the trial is over; 0: it is, and the file must be loaded
 * again; -1: there is none.  One second at most: the clock that timers go by
 * stands still while a host sleeps, this one does not. */
int	in_force_wait_ms(const struct conf *conf);

#endif
