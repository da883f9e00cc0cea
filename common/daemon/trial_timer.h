/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trial_timer: has a daemon read its configuration again when a trial is over
 * (in_force.h), in an event loop.
 */
#ifndef XC_TRIAL_TIMER_H
#define XC_TRIAL_TIMER_H

#include "conf/conf.h"

struct event_base;
struct trial_timer;

/* What SIGHUP does, too; it must call trial_timer_set if conf is another then.
 * Where it cannot be done it is tried again each second. */
typedef void	trial_timer_fn(void *arg);

/* NULL: out of memory. */
struct trial_timer	*trial_timer_new(struct event_base *base,
			    trial_timer_fn *reload, void *arg);
void	trial_timer_free(struct trial_timer *timer);	/* NULL is allowed */

/* conf is in force from now on; a reference is taken. */
void	trial_timer_set(struct trial_timer *timer, struct conf *conf);

#endif
