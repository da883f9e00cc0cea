/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * resolve_setting: a resolver, the name server that it asks, and what it tells.
 */
#ifndef XC_T_RESOLVE_SETTING_H
#define XC_T_RESOLVE_SETTING_H

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "dns_server.h"
#include "relay/resolve.h"

#define TURNS_MAX	60000

struct lookup {
	unsigned		 n_told;
	struct resolve_answer	 result;
	struct resolver		*to_free;	/* in the function */
	struct resolve_query	*to_cancel;
};

struct setting {
	struct event_base	*base;
	struct dns_server	 server;
	struct resolver		*resolver;
};

static inline void
told(const struct resolve_answer *result, void *arg)
{
	struct lookup	*l = arg;

	l->n_told++;
	l->result = *result;
	if (l->to_cancel != NULL)
		resolve_cancel(l->to_cancel);
	resolve_free(l->to_free);
}

static inline void
set_up(struct setting *s, const struct dns_record *zone)
{
	struct err	 err = { "" };

	s->base = event_base_new();
	dns_server_open(&s->server, s->base, zone);
	s->resolver = resolve_new(s->base, s->server.address, &err);
	ck_assert_msg(s->resolver != NULL, "%s", err.text);
}

static inline void
tear_down(struct setting *s)
{
	resolve_free(s->resolver);
	dns_server_close(&s->server);
	/* Nothing of the resolver is left in the loop. */
	ck_assert_int_eq(event_base_get_num_events(s->base,
	    EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE), 0);
	event_base_free(s->base);
}

static inline void
wait_for(struct setting *s, const struct lookup *l)
{
	int	 i;

	for (i = 0; i < TURNS_MAX && l->n_told == 0; i++) {
		(void)event_base_loop(s->base, EVLOOP_NONBLOCK);
		if (i > 100)
			(void)usleep(500);
	}
	ck_assert_uint_eq(l->n_told, 1);
}

#endif
