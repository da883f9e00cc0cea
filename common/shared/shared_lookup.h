/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * shared_lookup: the addresses of a host, by /etc/hosts and DNS, in the event
 * loop.
 *
 * One lookup at a time.  It is completed once, by a call from the loop, within
 * the time that it was given, also where the name is an address.
 */
#ifndef XC_SHARED_LOOKUP_H
#define XC_SHARED_LOOKUP_H

#include <sys/socket.h>

#include <stdint.h>

#include "base/err.h"

#define SHARED_LOOKUP_MAX	16	/* addresses; others are ignored */

struct event_base;
struct shared_lookup;

struct shared_lookup_result {
	unsigned	 n;		/* 0: none is known */
	struct {
		struct sockaddr_storage	 to;
		socklen_t		 len;
	} v[SHARED_LOOKUP_MAX];
};

/* The lookup may be freed, and begin anew, by it.  err says why there are no
 * addresses. */
typedef void	shared_lookup_fn(void *arg,
		    const struct shared_lookup_result *result,
		    const struct err *err);

/* NULL: out of memory. */
struct shared_lookup	*shared_lookup_new(struct event_base *base,
			    shared_lookup_fn *fn, void *arg);
void			 shared_lookup_free(struct shared_lookup *lookup);

/* Begins; one that is under way is completed no more. */
void	shared_lookup_begin(struct shared_lookup *lookup, const char *name,
	    uint16_t port, unsigned timeout_ms);
/* The same of a path, of a UNIX-domain socket. */
void	shared_lookup_path(struct shared_lookup *lookup, const char *path);
/* What is under way is completed no more. */
void	shared_lookup_cancel(struct shared_lookup *lookup);

#endif
