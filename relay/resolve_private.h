/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * resolve_private: a resolver's parts: c-ares in the event loop
 * (resolve_loop.c), questions (resolve.c), and what becomes of the answers
 * (resolve_answer.c).
 */
#ifndef XC_RELAY_RESOLVE_PRIVATE_H
#define XC_RELAY_RESOLVE_PRIVATE_H

#include <sys/queue.h>

#include <ares.h>
#include <stdbool.h>

#include <event2/event_struct.h>

#include "resolve.h"

#define HOST_SIZE	256
#define HOSTS_MAX	16		/* of a domain, the most preferred */
#define LOOKUP_MAX	16		/* addresses of a host and family */
#define FOUND_MAX	(HOSTS_MAX * 2 * LOOKUP_MAX)

struct resolve_socket;

struct resolver {
	struct event_base	*base;
	ares_channel		 channel;
	ares_channel		 files;		/* hosts(5) only, no sockets */
	struct event		 timer;		/* c-ares's next time-out */
	struct event		 deliver;	/* something is in done */
	LIST_HEAD(, resolve_socket) sockets;
	TAILQ_HEAD(, resolve_query) done;	/* for their functions' call */
};

/* A host whose addresses are asked for. */
struct resolve_target {
	struct resolve_query	*query;
	char			 name[HOST_SIZE];
	unsigned		 preference;
};

struct resolve_found {
	struct address		 addr;
	unsigned		 host;		/* whose: index */
};

struct resolve_query {
	TAILQ_ENTRY(resolve_query) done;
	struct resolver		*resolver;
	resolve_fn		*fn;		/* NULL: nobody wants to know */
	void			*arg;
	unsigned		 n_lookups;	/* that c-ares has, and one for
						 * who is starting more */
	char			 asked[HOST_SIZE];	/* for error texts */
	bool			 is_for_name;
	struct address		 addr;		/* whose name it is */
	unsigned		 n_hosts, n_found;
	struct resolve_target	 hosts[HOSTS_MAX];
	struct resolve_found	 found[FOUND_MAX];
	/* Why nothing was found, if nothing is. */
	bool			 is_null_mx;
	int			 no_status;	/* c-ares's; 0: none */
	int			 unknown_status;
};

/* Opens and closes the channel.  0, or -1 with err and nothing left open.
 * Closing calls what c-ares still has to call. */
int	resolve_loop_open(struct resolver *resolver, const char *servers,
	    struct err *err);
void	resolve_loop_close(struct resolver *resolver);

/* To be called when c-ares has been asked something: sets the timer. */
void	resolve_loop_wait(struct resolver *resolver);

/* Keeps what an answer's status says of a query. */
void	resolve_answer_take_status(struct resolve_query *query, int status);

/* Keeps the addresses of a host, by its index. */
void	resolve_answer_add(struct resolve_query *query, unsigned host,
	    const struct ares_addrinfo *addrinfo);

/* Makes hosts of MX records.  False: it is known that there are none. */
bool	resolve_answer_hosts(struct resolve_query *query,
	    const unsigned char *answer, int len);

/* The first name of PTR records, "" without any; NULL: it cannot be read.  Not
 * ares_parse_ptr_reply's: that calls an answer with an invalid name unreadable,
 * and takes the last of several. */
const char	*resolve_answer_ptr(const unsigned char *answer, int len,
		    char *name, size_t size);

/* What is told when all answers are there. */
void	resolve_answer_conclude(const struct resolve_query *query,
	    struct resolve_answer *answer_r);

#endif
