/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * aside: an event loop in a thread of its own, beside libmilter's, for what no
 * mail waits for: the metrics, and the control socket.
 */
#ifndef XC_ASIDE_H
#define XC_ASIDE_H

#include "conf/conf.h"

/*
 * Serves them until the process ends; to be called once.  The thread gets no
 * signals.  reload is called from it, and only sees to it that there is a
 * reload.  What cannot be served is warned of.
 */
void	aside_start(struct conf *conf, void (*reload)(void *),
	    void *arg);

/* To be called at the end of each reload, from another thread: conf is in force
 * now; NULL: the old one still is. */
void	aside_reloaded(const struct conf *conf);

/* The control socket is no more there for others. */
void	aside_remove(void);

#endif
