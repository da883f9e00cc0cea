/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * resolve: see resolve.h.
 *
 * A query is freed only when c-ares has called back for all of its lookups,
 * for c-ares cannot be told to forget a single one; a query that was cancelled
 * has no function any more.  Results are delivered by an event of their own,
 * one each time and as the last thing: so the function may cancel others, ask
 * more, and free the resolver.
 *
 * The two families of addresses are two lookups.  With one for both, c-ares
 * reports the last answer only, and "no IPv6 address" would hide that nobody
 * could tell about IPv4.
 */
#include "resolve.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/nameser.h>
#include <event2/event.h>

#include "base/hostname.h"
#include "resolve_private.h"

static void
deliver(evutil_socket_t fd, short what, void *arg)
{
	struct resolver		*resolver = arg;
	struct resolve_query	*query = TAILQ_FIRST(&resolver->done);
	struct resolve_answer	 answer;

	(void)fd;
	(void)what;
	if (query == NULL)
		return;
	TAILQ_REMOVE(&resolver->done, query, done);
	if (!TAILQ_EMPTY(&resolver->done))
		event_active(&resolver->deliver, EV_TIMEOUT, 0);
	resolve_answer_conclude(query, &answer);
	query->fn(&answer, query->arg);
	free(query);
}

/* One lookup less is under way.  The query may be gone behind this. */
static void
end_lookup(struct resolve_query *query)
{
	struct resolver	*resolver = query->resolver;

	if (--query->n_lookups > 0)
		return;
	if (query->fn == NULL) {
		free(query);
		return;
	}
	TAILQ_INSERT_TAIL(&resolver->done, query, done);
	event_active(&resolver->deliver, EV_TIMEOUT, 0);
}

static void
got_addresses(void *arg, int status, int n_timeouts,
    struct ares_addrinfo *addrinfo)
{
	struct resolve_target	*target = arg;
	struct resolve_query	*query = target->query;

	(void)n_timeouts;
	resolve_answer_take_status(query, status);
	if (status == ARES_SUCCESS && addrinfo != NULL)
		resolve_answer_add(query, (unsigned)(target - query->hosts),
		    addrinfo);
	ares_freeaddrinfo(addrinfo);
	end_lookup(query);
}

static void
ask_family(struct resolve_target *target, int family)
{
	const struct ares_addrinfo_hints	 hints = {
		.ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = ARES_AI_NOSORT
	};
	struct resolve_query			*query = target->query;

	query->n_lookups++;
	ares_getaddrinfo(query->resolver->channel, target->name, NULL, &hints,
	    got_addresses, target);
}

/* Asks for the addresses of all hosts. */
static void
ask_hosts(struct resolve_query *query)
{
	unsigned	 i;

	for (i = 0; i < query->n_hosts; i++) {
		ask_family(&query->hosts[i], AF_INET);
		ask_family(&query->hosts[i], AF_INET6);
	}
}

static void
set_host(struct resolve_query *query, const char *name)
{
	struct resolve_target	*target = &query->hosts[0];

	query->n_hosts = 1;
	*target = (struct resolve_target){ .query = query };
	(void)snprintf(target->name, sizeof target->name, "%s", name);
}

static void
got_mx(void *arg, int status, int n_timeouts, unsigned char *answer, int len)
{
	struct resolve_query	*query = arg;

	(void)n_timeouts;
	if (query->fn == NULL) {
		end_lookup(query);
		return;
	}
	resolve_answer_take_status(query, status);
	if (status == ARES_ENODATA || (status == ARES_SUCCESS &&
	    !resolve_answer_hosts(query, answer, len)))
		set_host(query, query->asked);
	ask_hosts(query);
	end_lookup(query);
}

/* The name's addresses are asked for: one of them has to be its own. */
static void
check_name(struct resolve_query *query, const char *name)
{
	if (!hostname_valid(span_of(name))) {
		resolve_answer_take_status(query, ARES_EBADNAME);
		return;
	}
	set_host(query, name);
	ask_family(&query->hosts[0], query->addr.family);
}

static void
got_ptr(void *arg, int status, int n_timeouts, unsigned char *answer, int len)
{
	struct resolve_query	*query = arg;
	char			 buf[NS_MAXDNAME];
	const char		*name;

	(void)n_timeouts;
	if (query->fn == NULL) {
		end_lookup(query);
		return;
	}
	if (status == ARES_SUCCESS) {
		name = resolve_answer_ptr(answer, len, buf, sizeof buf);
		status = name == NULL ? ARES_EBADRESP :
		    *name == '\0' ? ARES_ENODATA : ARES_SUCCESS;
	}
	resolve_answer_take_status(query, status);
	if (status == ARES_SUCCESS)
		check_name(query, name);
	end_lookup(query);
}

/* Called at once, from within ares_gethostbyaddr. */
static void
got_from_file(void *arg, int status, int n_timeouts, struct hostent *hostent)
{
	char	*name = arg;

	(void)n_timeouts;
	if (status == ARES_SUCCESS && hostent != NULL)
		(void)snprintf(name, HOST_SIZE, "%s", hostent->h_name);
}

/* The name of an address's PTR records. */
static void
write_reverse(const struct address *addr, char *buf, size_t size)
{
	int	 i;
	size_t	 n = 0;

	if (addr->family == AF_INET) {
		(void)snprintf(buf, size, "%u.%u.%u.%u.in-addr.arpa",
		    addr->bytes[3], addr->bytes[2], addr->bytes[1],
		    addr->bytes[0]);
		return;
	}
	for (i = 15; i >= 0; i--)
		n += (size_t)snprintf(buf + n, size - n, "%x.%x.",
		    addr->bytes[i] & 15u, addr->bytes[i] >> 4);
	(void)snprintf(buf + n, size - n, "ip6.arpa");
}

/* Asks hosts(5), and DNS if that does not know.  Not ares_gethostbyaddr for
 * both: it says "no name" when no server could tell. */
static void
ask_name(struct resolve_query *query)
{
	const struct address	*addr = &query->addr;
	char			 name[HOST_SIZE] = "";

	ares_gethostbyaddr(query->resolver->files, addr->bytes,
	    addr->family == AF_INET ? 4 : 16, addr->family, got_from_file,
	    name);
	if (name[0] != '\0') {
		check_name(query, name);
		return;
	}
	write_reverse(addr, name, sizeof name);
	query->n_lookups++;
	ares_query(query->resolver->channel, name, ns_c_in, ns_t_ptr, got_ptr,
	    query);
}

/* A query that one holds: end_lookup lets go of it, and then it may end. */
static struct resolve_query *
new_query(struct resolver *resolver, resolve_fn *fn, void *arg)
{
	struct resolve_query	*query = calloc(1, sizeof *query);

	if (query == NULL)
		return NULL;
	query->resolver = resolver;
	query->fn = fn;
	query->arg = arg;
	query->n_lookups = 1;
	return query;
}

/* The holder is done; the query is returned, for its end is told later. */
static struct resolve_query *
let_go(struct resolve_query *query)
{
	resolve_loop_wait(query->resolver);
	end_lookup(query);
	return query;
}

/* The name without a dot at its end, or what is in brackets. */
static struct span
trim(const char *name)
{
	struct span	 s = span_of(name);

	if (s.n > 1 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		return (struct span){ s.p + 1, s.n - 2 };
	if (s.n > 1 && s.p[s.n - 1] == '.')
		s.n--;
	return s;
}

/* Sets what is asked for.  True: it has to be looked up; false: it is an
 * address already, or cannot be a name. */
static bool
is_to_be_asked(struct resolve_query *query, const char *name)
{
	struct span	 s = trim(name);
	struct address	 addr;

	(void)snprintf(query->asked, sizeof query->asked, "%.*s",
	    (int)(s.n < HOST_SIZE ? s.n : HOST_SIZE - 1), s.p);
	if (address_parse(s, &addr) || (name[0] == '[' &&
	    address_parse_mailhost(s, &addr))) {
		(void)address_format(&addr, query->asked, sizeof query->asked);
		set_host(query, query->asked);
		query->found[0].addr = addr;
		query->n_found = 1;
		return false;
	}
	if (hostname_valid(s))
		return true;
	resolve_answer_take_status(query, ARES_EBADNAME);
	return false;
}

struct resolve_query *
resolve_mx(struct resolver *resolver, const char *domain, resolve_fn *fn,
    void *arg)
{
	struct resolve_query	*query;

	if (domain[0] == '[')
		return resolve_host(resolver, domain, fn, arg);
	query = new_query(resolver, fn, arg);
	if (query == NULL)
		return NULL;
	if (is_to_be_asked(query, domain)) {
		query->n_lookups++;
		ares_query(resolver->channel, query->asked, ns_c_in, ns_t_mx,
		    got_mx, query);
	}
	return let_go(query);
}

struct resolve_query *
resolve_host(struct resolver *resolver, const char *host, resolve_fn *fn,
    void *arg)
{
	struct resolve_query	*query = new_query(resolver, fn, arg);

	if (query == NULL)
		return NULL;
	if (is_to_be_asked(query, host)) {
		set_host(query, query->asked);
		ask_hosts(query);
	}
	return let_go(query);
}

struct resolve_query *
resolve_name(struct resolver *resolver, const struct address *addr,
    resolve_fn *fn, void *arg)
{
	struct resolve_query	*query = new_query(resolver, fn, arg);

	if (query == NULL)
		return NULL;
	query->is_for_name = true;
	query->addr = *addr;
	(void)address_format(addr, query->asked, sizeof query->asked);
	if (addr->family == AF_UNSPEC)
		resolve_answer_take_status(query, ARES_ENOTFOUND);
	else
		ask_name(query);
	return let_go(query);
}

void
resolve_cancel(struct resolve_query *query)
{
	query->fn = NULL;
	if (query->n_lookups > 0)
		return;
	TAILQ_REMOVE(&query->resolver->done, query, done);
	free(query);
}

struct resolver *
resolve_new(struct event_base *base, const char *servers, struct err *err)
{
	struct resolver	*resolver = calloc(1, sizeof *resolver);

	if (resolver == NULL) {
		(void)err_set(err, "resolver: %s", strerror(ENOMEM));
		return NULL;
	}
	resolver->base = base;
	TAILQ_INIT(&resolver->done);
	if (evtimer_assign(&resolver->deliver, base, deliver, resolver) == 0 &&
	    resolve_loop_open(resolver, servers, err) == 0)
		return resolver;
	free(resolver);
	return NULL;
}

void
resolve_free(struct resolver *resolver)
{
	struct resolve_query	*query;

	if (resolver == NULL)
		return;
	/* It calls back for each lookup, so that all queries are done. */
	resolve_loop_close(resolver);
	while ((query = TAILQ_FIRST(&resolver->done)) != NULL)
		resolve_cancel(query);
	(void)event_del(&resolver->deliver);
	free(resolver);
}
