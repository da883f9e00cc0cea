/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * control_server: the daemon's side of control.h, in an event loop.
 *
 * It is for root, for the user that the daemon is, and for control_users.  A
 * conversation has so much time; there are few at once, and who says nothing
 * makes room for who comes.  A reader of a trace who does not read loses lines,
 * and then the connection; nobody's mail waits for any of them.
 */
#ifndef XC_CONTROL_SERVER_H
#define XC_CONTROL_SERVER_H

#include "base/err.h"
#include "conf/conf.h"
#include "daemon/metrics_http.h"

struct control_server;
struct event_base;

/* What a program lends it; all is called from the loop. */
struct control_server_ops {
	struct conf	*(*conf)(void *arg);	/* in force, with a reference;
						 * NULL: it is at its end */
	void		 (*reload)(void *arg);	/* does what SIGHUP does, or
						 * sees to it that it is done */
	metrics_http_fn	*print;
	void		*print_arg;
	void		*arg;
};

/*
 * Listens where control_path() says for the program that was started.  ops is
 * copied.  NULL with err: it does not, and what is served besides need not mind.
 */
struct control_server	*control_server_new(struct event_base *base,
			    const struct conf *conf,
			    const struct control_server_ops *ops,
			    struct err *err);

/* Removes the socket, too.  NULL is allowed, here as in the others. */
void	control_server_free(struct control_server *server);

/* For "ping": what the program serves besides; where "": nothing. */
void	control_server_add_listener(struct control_server *server,
	    const char *name, const char *where);

/* To be called at the end of each reload, safe in another thread: conf is in
 * force now; NULL: the old one still is. */
void	control_server_reloaded(struct control_server *server,
	    const struct conf *conf);

/* Nobody comes any more.  Safe in another thread. */
void	control_server_remove(struct control_server *server);

#endif
