/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * shared_lookup: see shared_lookup.h.  libevent's resolver calls back when it
 * likes, also at once and for what was given up: what it gets is a query of its
 * own, which may have lost its owner.
 */
#include "shared/shared_lookup.h"

#include <sys/un.h>
#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/util.h>

#include <bsd/string.h>

#include "base/address.h"

struct query {
	struct shared_lookup	*owner;		/* NULL: given up */
};

struct shared_lookup {
	struct event_base		*base;
	struct evdns_base		*dns;	/* NULL: no name was looked up
						 * yet */
	shared_lookup_fn		*fn;
	void				*arg;
	struct event			 wake;	/* when all is there, or too
						 * late */
	struct query			*query;	/* NULL: none is under way */
	struct shared_lookup_result	 result;
	struct err			 err;
};

static void
add(struct shared_lookup_result *result, const void *addr, socklen_t len)
{
	if (result->n == SHARED_LOOKUP_MAX ||
	    len > sizeof result->v[0].to)
		return;
	memcpy(&result->v[result->n].to, addr, len);
	result->v[result->n++].len = len;
}

static bool
add_number(struct shared_lookup_result *result, const char *name,
    uint16_t port)
{
	struct sockaddr_in	 v4 = { .sin_family = AF_INET,
				    .sin_port = htons(port) };
	struct sockaddr_in6	 v6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(port) };
	struct address		 addr;

	if (!address_parse(span_of(name), &addr))
		return false;
	if (addr.family == AF_INET) {
		memcpy(&v4.sin_addr, addr.bytes, 4);
		add(result, &v4, sizeof v4);
	} else {
		memcpy(&v6.sin6_addr, addr.bytes, 16);
		add(result, &v6, sizeof v6);
	}
	return true;
}

static void
on_dns(int status, struct evutil_addrinfo *list, void *arg)
{
	struct query			*query = arg;
	struct shared_lookup		*lookup = query->owner;
	const struct evutil_addrinfo	*a;

	free(query);
	if (lookup != NULL) {
		lookup->query = NULL;
		for (a = list; a != NULL; a = a->ai_next)
			add(&lookup->result, a->ai_addr, a->ai_addrlen);
		if (lookup->result.n == 0)
			(void)err_set(&lookup->err, "its name: %s",
			    evutil_gai_strerror(status));
		event_active(&lookup->wake, EV_TIMEOUT, 0);
	}
	if (list != NULL)
		evutil_freeaddrinfo(list);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct shared_lookup	*lookup = arg;

	(void)fd;
	(void)what;
	if (lookup->query != NULL)
		(void)err_set(&lookup->err, "its name: no answer in time");
	shared_lookup_cancel(lookup);
	lookup->fn(lookup->arg, &lookup->result, &lookup->err);
}

/* A file that is not there is no error here: then nothing is found. */
static bool
start_dns(struct shared_lookup *lookup)
{
	if (lookup->dns != NULL)
		return true;
	lookup->dns = evdns_base_new(lookup->base,
	    EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (lookup->dns == NULL)
		return false;
	(void)evdns_base_resolv_conf_parse(lookup->dns, DNS_OPTIONS_ALL,
	    "/etc/resolv.conf");
	return true;
}

static void
ask_dns(struct shared_lookup *lookup, const char *name, uint16_t port,
    unsigned timeout_ms)
{
	const struct evutil_addrinfo	 hints = {
		.ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP
	};
	const struct timeval	 time = { (time_t)(timeout_ms / 1000),
				    (suseconds_t)(timeout_ms % 1000) * 1000 };
	struct query		*query = malloc(sizeof *query);
	char			 service[8];

	if (query == NULL || !start_dns(lookup) ||
	    event_add(&lookup->wake, &time) != 0) {
		free(query);
		(void)err_set(&lookup->err, "out of memory");
		event_active(&lookup->wake, EV_TIMEOUT, 0);
		return;
	}
	query->owner = lookup;
	lookup->query = query;
	(void)snprintf(service, sizeof service, "%u", port);
	(void)evdns_getaddrinfo(lookup->dns, name, service, &hints, on_dns,
	    query);
}

void
shared_lookup_begin(struct shared_lookup *lookup, const char *name,
    uint16_t port, unsigned timeout_ms)
{
	shared_lookup_cancel(lookup);
	lookup->result.n = 0;
	if (add_number(&lookup->result, name, port))
		event_active(&lookup->wake, EV_TIMEOUT, 0);
	else
		ask_dns(lookup, name, port, timeout_ms);
}

void
shared_lookup_path(struct shared_lookup *lookup, const char *path)
{
	struct sockaddr_un	 to = { .sun_family = AF_UNIX };

	shared_lookup_cancel(lookup);
	lookup->result.n = 0;
	(void)strlcpy(to.sun_path, path, sizeof to.sun_path);
	add(&lookup->result, &to, sizeof to);
	event_active(&lookup->wake, EV_TIMEOUT, 0);
}

void
shared_lookup_cancel(struct shared_lookup *lookup)
{
	(void)event_del(&lookup->wake);
	if (lookup->query != NULL)
		lookup->query->owner = NULL;
	lookup->query = NULL;
}

struct shared_lookup *
shared_lookup_new(struct event_base *base, shared_lookup_fn *fn, void *arg)
{
	struct shared_lookup	*lookup = calloc(1, sizeof *lookup);

	if (lookup == NULL)
		return NULL;
	lookup->base = base;
	lookup->fn = fn;
	lookup->arg = arg;
	(void)event_assign(&lookup->wake, base, -1, 0, on_wake, lookup);
	return lookup;
}

void
shared_lookup_free(struct shared_lookup *lookup)
{
	if (lookup == NULL)
		return;
	shared_lookup_cancel(lookup);
	if (lookup->dns != NULL)
		evdns_base_free(lookup->dns, 1);
	free(lookup);
}
