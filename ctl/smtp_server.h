/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_server: where a mail server is, in the words of a command line, and its
 * addresses.
 */
#ifndef XC_CTL_SMTP_SERVER_H
#define XC_CTL_SMTP_SERVER_H

#include <sys/socket.h>

#include "base/address.h"
#include "base/err.h"

#define SMTP_SERVER_ADDRESSES_MAX	16

struct smtp_server {
	char			*text;		/* as it was given */
	char			 host[256];	/* a name, an address, or a path */
	unsigned		 n;
	struct {
		struct sockaddr_storage	 to;
		socklen_t		 len;
	}			 v[SMTP_SERVER_ADDRESSES_MAX];
};

/*
 * "host:port", "[::1]:port", "host" (port 25), "/path" or "unix:path".  A name
 * is looked up here, which may take a while.  NULL with err.
 */
struct smtp_server	*smtp_server_new(const char *where, struct err *err);
void			 smtp_server_free(struct smtp_server *server);

/*
 * Begins to connect to the address at that place, from another one if source is
 * no NULL.  A socket that does not block, or -1 with errno.
 */
int	smtp_server_connect(const struct smtp_server *server, unsigned at,
	    const struct address *source);

#endif
