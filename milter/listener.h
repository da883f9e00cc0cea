/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * listener: the milter's socket, which libmilter opens for itself.
 *
 * libmilter gives no reasons, knows nothing of modes and groups, and takes
 * away whatever socket is in its way; so daemon_listen() goes first.
 */
#ifndef XC_LISTENER_H
#define XC_LISTENER_H

#include <sys/socket.h>
#include <sys/types.h>

#include "base/err.h"

struct listener {
	struct sockaddr_storage	 name;
	socklen_t		 len;
	dev_t			 dev;	/* of a UNIX-domain socket's file */
	ino_t			 ino;
};

/*
 * Has libmilter open "unix:/path" or "inet:host:port", on the same conditions
 * as daemon_listen().  A host must be a loopback address: TCP does not tell
 * which user is at the other end.
 *
 * To be called once, after smfi_register() and before there are threads, for
 * it changes the umask.  0, or -1 with err.
 */
int	listener_open(const char *where, unsigned mode, const char *group,
	    struct listener *listener, struct err *err);

/* Removes the socket's file, if it is still this listener's. */
void	listener_remove(const struct listener *listener);

#endif
