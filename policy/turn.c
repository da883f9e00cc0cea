/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * turn: see turn.h.  Whoever asks first in a turn puts an event behind all that
 * is to be done in it.
 */
#include "turn.h"

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct turn	*turn = arg;

	(void)fd;
	(void)what;
	turn->is_begun = false;
}

bool
turn_init(struct turn *turn, struct event_base *base)
{
	*turn = (struct turn){ .is_begun = false };
	return event_assign(&turn->end, base, -1, 0, on_end, turn) == 0;
}

void
turn_end(struct turn *turn)
{
	(void)event_del(&turn->end);
}

unsigned
turn_now(struct turn *turn)
{
	if (!turn->is_begun) {
		turn->is_begun = true;
		if (++turn->number == 0)
			turn->number++;
		event_active(&turn->end, 0, 0);
	}
	return turn->number;
}
