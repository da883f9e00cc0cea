/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * control_conn: one conversation over the control socket: its request, and the
 * answer: what the daemon is, what it counts, how a reload went, or a trace.
 *
 * It has so much time, and ends by itself.  Who may begin one is
 * control_server.h's affair.
 */
#ifndef XC_CONTROL_CONN_H
#define XC_CONTROL_CONN_H

#include <bsd/sys/queue.h>
#include <jansson.h>
#include <stdint.h>

#include "daemon/control_server.h"

struct control_conn;

/* All there are, and what they have in common, which whoever listens sets. */
struct control_conns {
	struct event_base		*base;
	struct control_server_ops	 ops;
	int				 wake_fd;	/* is written to when
							 * somebody in another
							 * thread leaves
							 * something */
	uint64_t			 since_ms;	/* of the daemon */
	json_t				*listeners;
	LIST_HEAD(, control_conn)	 list;	/* the latest is the first */
	unsigned			 n;
};

/* Begins one; the descriptor is its own, or closed. */
void	control_conn_new(struct control_conns *all, int fd);

/* Ends the one that has waited longest without having asked.  False: all
 * have. */
bool	control_conn_end_silent(struct control_conns *all);
void	control_conn_end_all(struct control_conns *all);

/* Something was left for somebody: goes on with whoever waits for it. */
void	control_conn_wake(struct control_conns *all);

#endif
