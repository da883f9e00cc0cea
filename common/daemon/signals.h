/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * signals: SIGHUP, SIGTERM and SIGINT as events of a loop.
 *
 * xcontext-milter has no loop of its own, and ways of its own with signals.
 */
#ifndef XC_SIGNALS_H
#define XC_SIGNALS_H

struct event_base;
struct signals;

typedef void	signals_fn(void *arg);

/* From now on SIGHUP calls reload, the two others stop, from the loop; and
 * SIGPIPE is ignored, for good.  NULL: out of memory. */
struct signals	*signals_new(struct event_base *base, signals_fn *reload,
		    signals_fn *stop, void *arg);
void		 signals_free(struct signals *signals);	/* NULL: nothing */

#endif
