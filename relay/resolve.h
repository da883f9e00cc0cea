/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * resolve: from a next hop's name to the addresses to be tried, in order, by
 * c-ares in the event loop: MX lookup as RFC 5321, 5.1 has it, or addresses
 * only; and from a client's address to its verified name.
 *
 * "There is no such domain" and "nobody can tell now" are different results:
 * the one is the sender's fault, the other a reason to try again.
 */
#ifndef XC_RELAY_RESOLVE_H
#define XC_RELAY_RESOLVE_H

#include <netinet/in.h>
#include <sys/socket.h>

#include <stdint.h>

#include "base/address.h"
#include "base/err.h"

struct event_base;
struct resolver;
struct resolve_query;

#define RESOLVE_ADDRESSES_MAX	32

enum resolve_result {
	RESOLVE_OK,
	RESOLVE_NONE,		/* no such domain, no address, a null MX
				 * (RFC 7505) */
	RESOLVE_CANNOT_TELL	/* a time-out, SERVFAIL ... */
};

struct resolve_address {
	struct address	 addr;
	char		 host[256];	/* whose address it is */
	unsigned	 preference;	/* of its MX; 0 without */
};

struct resolve_answer {
	enum resolve_result	 result;
	bool			 is_null_mx;
	unsigned		 n;
	struct resolve_address	 v[RESOLVE_ADDRESSES_MAX];
	char			 name[256];	/* resolve_name: "" unless OK */
	struct err		 err;		/* unless OK */
};

typedef void resolve_fn(const struct resolve_answer *answer, void *arg);

/* servers: "host:port,host:port" in place of resolv.conf(5)'s, for tests and
 * hosts with a resolver of their own; NULL or "": the system's.  NULL with
 * err.  hosts(5) is asked before DNS (not about MX), names are taken as whole
 * (no search domains), and nothing is cached. */
struct resolver	*resolve_new(struct event_base *base, const char *servers,
		    struct err *err);

/* Queries that are under way are cancelled.  NULL is allowed, and so is the
 * call from a query's function. */
void		 resolve_free(struct resolver *resolver);

/*
 * Starts a lookup; fn is called once, later, never from inside this call.
 * Addresses come with MX preferences in order, equal ones shuffled; IPv4 and
 * IPv6 both.  A literal "192.0.2.1", "[192.0.2.1]", "[IPv6:2001:db8::1]" or
 * "2001:db8::1" needs no lookup, and "[name]" is the name without its MX
 * records.  resolve_mx without MX records is resolve_host (the implicit MX).
 * What cannot be a host name is RESOLVE_NONE.  NULL: out of memory.
 */
struct resolve_query	*resolve_mx(struct resolver *resolver,
			    const char *domain, resolve_fn *fn, void *arg);
struct resolve_query	*resolve_host(struct resolver *resolver,
			    const char *host, resolve_fn *fn, void *arg);

/*
 * The name of an address, which counts only if that name has this address
 * (as Postfix's client name).  RESOLVE_NONE: it has none, or one that does not
 * lead back.
 */
struct resolve_query	*resolve_name(struct resolver *resolver,
			    const struct address *addr, resolve_fn *fn,
			    void *arg);

/* Its fn will not be called any more.  Not after it has been called. */
void	resolve_cancel(struct resolve_query *query);

#endif
