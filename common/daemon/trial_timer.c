/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trial_timer: see trial_timer.h.
 */
#include "daemon/trial_timer.h"

#include <event2/event.h>
#include <stdlib.h>

#include "daemon/in_force.h"

#define AGAIN_MS	1000

struct trial_timer {
	struct event	*event;
	trial_timer_fn	*reload;
	void		*arg;
	struct conf	*conf;		/* in force */
};

static void
arm(struct trial_timer *timer, int ms)
{
	const struct timeval	 tv = { .tv_sec = ms / 1000,
				     .tv_usec = ms % 1000 * 1000 };

	(void)event_add(timer->event, &tv);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct trial_timer	*timer = arg;
	int			 ms = in_force_wait_ms(timer->conf);

	(void)fd;
	(void)what;
	if (ms < 0)
		return;
	arm(timer, ms == 0 ? AGAIN_MS : ms);
	if (ms == 0)
		timer->reload(timer->arg);
}

struct trial_timer *
trial_timer_new(struct event_base *base, trial_timer_fn *reload, void *arg)
{
	struct trial_timer	*timer = calloc(1, sizeof *timer);

	if (timer == NULL)
		return NULL;
	timer->reload = reload;
	timer->arg = arg;
	timer->event = evtimer_new(base, on_time, timer);
	if (timer->event != NULL)
		return timer;
	free(timer);
	return NULL;
}

void
trial_timer_free(struct trial_timer *timer)
{
	if (timer == NULL)
		return;
	event_free(timer->event);
	conf_unref(timer->conf);
	free(timer);
}

void
trial_timer_set(struct trial_timer *timer, struct conf *conf)
{
	int	 ms = in_force_wait_ms(conf);

	conf_unref(timer->conf);
	timer->conf = conf_ref(conf);
	(void)event_del(timer->event);
	if (ms >= 0)
		arm(timer, ms);
}
