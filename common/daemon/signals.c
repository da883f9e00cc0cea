/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * signals: three events.
 */
#include "daemon/signals.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

#define N_SIGNALS	3

struct signals {
	struct event	*events[N_SIGNALS];
	signals_fn	*reload;
	signals_fn	*stop;
	void		*arg;
};

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
	struct signals	*signals = arg;

	(void)what;
	if (number == SIGHUP)
		signals->reload(signals->arg);
	else
		signals->stop(signals->arg);
}

struct signals *
signals_new(struct event_base *base, signals_fn *reload, signals_fn *stop,
    void *arg)
{
	static const int	 numbers[N_SIGNALS] = { SIGHUP, SIGTERM,
				     SIGINT };
	struct signals		*signals = calloc(1, sizeof *signals);
	size_t			 i;

	if (signals == NULL)
		return NULL;
	signals->reload = reload;
	signals->stop = stop;
	signals->arg = arg;
	(void)signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < N_SIGNALS; i++) {
		signals->events[i] = evsignal_new(base, numbers[i], on_signal,
		    signals);
		if (signals->events[i] == NULL ||
		    event_add(signals->events[i], NULL) != 0) {
			signals_free(signals);
			return NULL;
		}
	}
	return signals;
}

void
signals_free(struct signals *signals)
{
	size_t	 i;

	if (signals == NULL)
		return;
	for (i = 0; i < N_SIGNALS; i++)
		if (signals->events[i] != NULL)
			event_free(signals->events[i]);
	free(signals);
}
