/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * acceptor: takes the connections that come to a listening descriptor, in an
 * event loop, some at a turn.
 *
 * Who may connect, and how many, it does not know: whoever it gives them to
 * does.  A host without descriptors or memory is told of once in a while, and
 * tried again, for a connection that cannot be taken stays where it is and
 * would be told of at each turn.  Where the loop has priorities, it has the
 * first one.
 */
#ifndef XC_ACCEPTOR_H
#define XC_ACCEPTOR_H

struct acceptor;
struct event_base;
struct sockaddr_storage;

/* A connection, non-blocking and close-on-exec, which is the function's from
 * now on.  from is valid during the call; a nameless peer is AF_UNIX.  The
 * acceptor must not be freed in it. */
typedef void	acceptor_fn(void *arg, int fd,
		    const struct sockaddr_storage *from);

/* Accepts from now on; the listening descriptor, which does not block, becomes
 * the acceptor's.  NULL: it cannot be waited for, and stays the caller's. */
struct acceptor	*acceptor_new(struct event_base *base, int fd,
		    acceptor_fn *take, void *arg);

/* Accepts no more, and closes the descriptor.  NULL is allowed. */
void		 acceptor_free(struct acceptor *acceptor);

#endif
