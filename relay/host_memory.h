/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * host_memory: what all sessions know of next hops' hosts for a while: that one
 * has failed, does not take XCLIENT, or has taken one.
 *
 * It has a fixed size; what is oldest makes room.  To forget costs an attempt
 * more, and nothing else.
 */
#ifndef XC_RELAY_HOST_MEMORY_H
#define XC_RELAY_HOST_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct address;
struct sockaddr;

#define HOST_FAILED_MS		60000U	/* it is tried last */
#define HOST_REFUSES_MS		300000U	/* it is not asked again */
#define HOST_TAKES_MS		3600000U /* what it refuses is somebody's */

enum host_fact { HOST_FAILED, HOST_REFUSES_XCLIENT, HOST_TAKES_XCLIENT };

struct host_memory;

/* NULL: out of memory. */
struct host_memory	*host_memory_new(void);
void			 host_memory_free(struct host_memory *m);

/* addr: of any family; its port counts, too.  from: the address that it is
 * connected to from, where that was chosen: a host may greet one, or let it say
 * XCLIENT, and not another. */
void	host_memory_add(struct host_memory *m, const struct sockaddr *addr,
	    const struct address *from, enum host_fact fact, uint64_t now_ms);
bool	host_memory_has(const struct host_memory *m,
	    const struct sockaddr *addr, const struct address *from,
	    enum host_fact fact, uint64_t now_ms);

#endif
