/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * turn: tells the turns of an event loop apart.  All that is read in one turn
 * was there before any of it was answered.
 */
#ifndef XC_POLICY_TURN_H
#define XC_POLICY_TURN_H

#include <stdbool.h>

#include <event2/event.h>
#include <event2/event_struct.h>

struct turn {
	unsigned	 number;
	bool		 is_begun;
	struct event	 end;		/* behind all of this turn */
};

/* False: there is no memory. */
bool		turn_init(struct turn *turn, struct event_base *base);
/* Before the base is freed. */
void		turn_end(struct turn *turn);

/* The number, which is not 0, of this turn. */
unsigned	turn_now(struct turn *turn);

#endif
