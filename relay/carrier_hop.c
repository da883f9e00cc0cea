/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * carrier_hop: the way to the next hop: lookup, one address after the other,
 * those last that have failed of late, TLS, and the hand-over to a milter
 * there.
 */
#include "carrier_private.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bsd/string.h>

#include "daemon/log.h"

/* That it failed is told later: the dialogue is in the middle of something. */
static void
fail(struct carrier *c, const char *what, const char *why)
{
	(void)snprintf(c->why, sizeof c->why, "%s%s%s", what,
	    *what == '\0' ? "" : ": ", why);
	c->has_failed = true;
}

static socklen_t
fill_inet(union any_address *to, const struct address *addr, uint16_t port)
{
	*to = (union any_address){ .sa.sa_family = addr->family };
	if (addr->family == AF_INET) {
		memcpy(&to->in.sin_addr, addr->bytes, 4);
		to->in.sin_port = htons(port);
		return sizeof to->in;
	}
	memcpy(&to->in6.sin6_addr, addr->bytes, 16);
	to->in6.sin6_port = htons(port);
	return sizeof to->in6;
}

static socklen_t
fill_unix(union any_address *to, const char *path)
{
	*to = (union any_address){ .sa.sa_family = AF_UNIX };
	if (strlcpy(to->un.sun_path, path, sizeof to->un.sun_path) >=
	    sizeof to->un.sun_path)
		return 0;
	return sizeof to->un;
}

/* The address that the way to the next hop begins at: connecting a datagram
 * socket there finds it, and sends nothing. */
static bool
find_local(const union any_address *to, socklen_t len, struct address *addr_r)
{
	union any_address	 local;
	socklen_t		 local_len = sizeof local;
	int			 fd;
	bool			 is_found;

	fd = socket(to->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return false;
	is_found = connect(fd, &to->sa, len) == 0 &&
	    getsockname(fd, &local.sa, &local_len) == 0;
	(void)close(fd);
	if (is_found)
		*addr_r = address_from_sockaddr(&local.sa, NULL);
	return is_found;
}

/* The address that the binding says; of AF_UNSPEC: it says none. */
static const struct address *
source_for(const struct carrier *c, const union any_address *to)
{
	return to->sa.sa_family == AF_INET ? &c->target.source.ipv4 :
	    &c->target.source.ipv6;
}

/* What is known of a host to those who come from there. */
static bool
is_known(const struct carrier *c, const union any_address *to,
    enum host_fact fact)
{
	return host_memory_has(c->env->hosts, &to->sa, source_for(c, to), fact,
	    c->env->now_ms);
}

static void
note(const struct carrier *c, enum host_fact fact)
{
	host_memory_add(c->env->hosts, &c->hop_addr.sa, source_for(c,
	    &c->hop_addr), fact, c->env->now_ms);
}

/* Binds the address that the binding says, or, where the session is to be known
 * by the socket's name, the one that it would have anyway. */
static bool
bind_source(const struct carrier *c, int fd, const union any_address *to,
    socklen_t to_len)
{
	struct address		 source = *source_for(c, to);
	union any_address	 from;
	socklen_t		 len;

	if (source.family == AF_UNSPEC && !c->target.is_handed_over)
		return true;
	if (source.family == AF_UNSPEC && !find_local(to, to_len, &source))
		return false;
	len = fill_inet(&from, &source, 0);
	return bind(fd, &from.sa, len) == 0;
}

/* Registers the session before the next hop can see the connection. */
static bool
register_session(struct carrier *c, int fd)
{
	union any_address	 local;
	socklen_t		 len = sizeof local;

	if (getsockname(fd, &local.sa, &len) != 0)
		return false;
	c->out_addr = address_from_sockaddr(&local.sa, &c->out_port);
	(void)strlcpy(c->handed_id, dialogue_session(c->d)->id,
	    sizeof c->handed_id);
	c->is_handed_over = true;
	return dialogue_hand_over(c->d);
}

bool
carrier_hand_over(void *arg, const struct session *session)
{
	struct carrier	*c = arg;
	struct err	 err;

	if (!c->is_handed_over)
		return false;
	if (store_hand_over(c->env->dialogue.store, &c->out_addr,
	    c->out_port, session, &err) == 0)
		return true;
	LOG(LOG_LEVEL_ERROR, session->id, "error", { "text", err.text });
	return false;
}

static void
end_hand_over(struct carrier *c)
{
	struct err	 err;

	if (!c->is_handed_over)
		return;
	c->is_handed_over = false;
	if (store_hand_over_end(c->env->dialogue.store, &c->out_addr,
	    c->out_port, c->handed_id, &err) != 0)
		LOG(LOG_LEVEL_ERROR, c->handed_id, "error",
		    { "text", err.text });
}

/* A relay that connects to itself would do so until it has no descriptors. */
static bool
is_own_listener(const struct carrier *c, const union any_address *to)
{
	struct address	 addr;
	uint16_t	 port;

	if (to->sa.sa_family == AF_UNIX)
		return strcmp(to->un.sun_path, c->relay->conf->listen +
		    (strncmp(c->relay->conf->listen, "unix:", 5) == 0 ? 5 :
		    0)) == 0;
	addr = address_from_sockaddr(&to->sa, &port);
	return port == c->peer.local_port &&
	    address_equal(&addr, &c->peer.local);
}

/* True: it is under way, or done. */
static bool
try_address(struct carrier *c, const union any_address *to, socklen_t len,
    const char *host)
{
	struct err	 err;
	int		 fd;

	c->hop_addr = *to;
	if (is_own_listener(c, to)) {
		fail(c, host, "it is this relay");
		return false;
	}
	fd = socket(to->sa.sa_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1) {
		fail(c, host, strerror(errno));
		return false;
	}
	if (to->sa.sa_family != AF_UNIX &&
	    !bind_source(c, fd, to, len)) {
		fail(c, "source address", strerror(errno));
		(void)close(fd);
		return false;
	}
	if (c->target.is_handed_over && to->sa.sa_family != AF_UNIX &&
	    !register_session(c, fd)) {
		fail(c, host, "the session cannot be handed over");
		(void)close(fd);
		return false;
	}
	if (connect(fd, &to->sa, len) == -1 && errno != EINPROGRESS) {
		fail(c, host, strerror(errno));
		(void)close(fd);
		return false;
	}
	/* A UNIX-domain socket is connected at once; it is told as the others
	 * are. */
	if (stream_open(&c->side[DIALOGUE_HOP].stream, c->env->base, fd, true,
	    carrier_hop_event, c, &err) != 0) {
		fail(c, host, err.text);
		(void)close(fd);
		return false;
	}
	c->has_failed = false;
	return true;
}

/* The address that was tried last, or is to be tried next. */
static socklen_t
fill_address(const struct carrier *c, unsigned i, union any_address *to)
{
	return fill_inet(to, &c->addresses->v[i].addr,
	    c->target.nexthop.port);
}

static bool
try_next(struct carrier *c)
{
	union any_address	 to;
	socklen_t		 len;
	unsigned		 i;

	while (carrier_has_next(c)) {
		i = c->next_address++;
		len = fill_address(c, i, &to);
		if (try_address(c, &to, len, c->addresses->v[i].host))
			return true;
	}
	return false;
}

/* Those that have failed of late are tried last, in their order. */
static void
sort_addresses(struct carrier *c)
{
	struct resolve_answer	*all = c->addresses;
	struct resolve_address	 failed[RESOLVE_ADDRESSES_MAX];
	union any_address	 addr;
	unsigned		 i, n = 0, n_failed = 0;

	for (i = 0; i < all->n; i++) {
		(void)fill_address(c, i, &addr);
		if (is_known(c, &addr, HOST_FAILED))
			failed[n_failed++] = all->v[i];
		else
			all->v[n++] = all->v[i];
	}
	memcpy(&all->v[n], failed, n_failed * sizeof failed[0]);
}

static void
on_addresses(const struct resolve_answer *answer, void *arg)
{
	struct carrier	*c = arg;

	carrier_tick(c->env);
	c->query = NULL;
	if (answer->result != RESOLVE_OK) {
		fail(c, "", answer->err.text);
		c->is_permanent = answer->result == RESOLVE_NONE;
	} else {
		c->addresses = malloc(sizeof *c->addresses);
		if (c->addresses == NULL) {
			fail(c, "", "out of memory");
		} else {
			*c->addresses = *answer;
			c->next_address = 0;
			sort_addresses(c);
			(void)try_next(c);
		}
	}
	carrier_go_on(c);
}

/* An address needs no lookup: true, and *to is filled. */
static bool
is_literal(const struct nexthop *hop, union any_address *to, socklen_t *len_r)
{
	struct address	 addr;

	if (hop->kind == NEXTHOP_UNIX) {
		*len_r = fill_unix(to, hop->host);
		return true;
	}
	if (!address_parse(span_of(hop->host), &addr))
		return false;
	*len_r = fill_inet(to, &addr, hop->port);
	return true;
}

static void
forget_addresses(struct carrier *c)
{
	free(c->addresses);
	c->addresses = NULL;
}

/* To the address that was tried last. */
static void
connect_again(struct carrier *c)
{
	union any_address	 to;
	unsigned		 i = c->next_address - 1;
	socklen_t		 len = fill_address(c, i, &to);

	/* No other: it would be gone without what only this one lacks. */
	(void)try_address(c, &to, len, c->addresses->v[i].host);
}

void
carrier_connect(void *arg, const struct hop_target *target)
{
	struct carrier		*c = arg;
	const struct nexthop	*hop = &target->nexthop;
	union any_address	 to;
	socklen_t		 len;

	carrier_disconnect(c);
	c->target = *target;
	if (target->is_again && c->addresses != NULL && c->next_address > 0) {
		connect_again(c);
		return;
	}
	forget_addresses(c);
	if (is_literal(hop, &to, &len)) {
		if (len == 0)
			fail(c, hop->host, "the path is too long");
		else
			(void)try_address(c, &to, len, hop->host);
		return;
	}
	c->query = hop->kind == NEXTHOP_MX ?
	    resolve_mx(c->env->resolver, hop->host, on_addresses, c) :
	    resolve_host(c->env->resolver, hop->host, on_addresses, c);
	if (c->query == NULL)
		fail(c, hop->host, "out of memory");
}

static void
forget_stream(struct carrier *c)
{
	struct side	*side = &c->side[DIALOGUE_HOP];

	/* As long as the socket is ours, the port is nobody else's. */
	end_hand_over(c);
	stream_close(&side->stream);
	free(side->in);
	side->in = NULL;
	side->in_len = 0;
	side->end = SIDE_GOES_ON;
	side->phase = SIDE_MUTE;
	c->is_connected = c->has_failed = false;
}

bool
carrier_has_next(void *arg)
{
	const struct carrier	*c = arg;

	return c->addresses != NULL && c->next_address < c->addresses->n;
}

bool
carrier_is_hop_local(void *arg)
{
	const struct carrier	*c = arg;
	struct address		 addr;

	if (c->hop_addr.sa.sa_family == AF_UNIX)
		return true;
	addr = address_from_sockaddr(&c->hop_addr.sa, NULL);
	return identity_is_local(&addr);
}

void
carrier_remember_failed(void *arg)
{
	const struct carrier	*c = arg;

	/* Where there is no choice there is nothing to remember. */
	if (c->addresses != NULL && c->next_address > 0)
		note(c, HOST_FAILED);
}

void
carrier_remember_taken(void *arg)
{
	const struct carrier	*c = arg;

	note(c, HOST_TAKES_XCLIENT);
}

bool
carrier_remember_refusal(void *arg)
{
	const struct carrier	*c = arg;

	if (is_known(c, &c->hop_addr, HOST_TAKES_XCLIENT))
		return false;
	note(c, HOST_REFUSES_XCLIENT);
	return true;
}

bool
carrier_remembers_refusal(void *arg)
{
	const struct carrier	*c = arg;

	return is_known(c, &c->hop_addr, HOST_REFUSES_XCLIENT);
}

bool
carrier_connect_next(void *arg)
{
	struct carrier	*c = arg;
	bool		 is_trying;

	forget_stream(c);
	is_trying = try_next(c);
	/* That there is none is told by the result alone. */
	c->has_failed = false;
	return is_trying;
}

void
carrier_disconnect(void *arg)
{
	struct carrier	*c = arg;

	forget_stream(c);
	if (c->query != NULL)
		resolve_cancel(c->query);
	c->query = NULL;
	c->is_permanent = false;
}

const char *
carrier_hop_host(const struct carrier *c, char *buf, size_t size)
{
	const struct resolve_address	*a;
	char				 text[ADDRESS_TEXT_SIZE];

	if (c->addresses == NULL || c->next_address == 0)
		return NULL;
	a = &c->addresses->v[c->next_address - 1];
	(void)snprintf(buf, size, "%s[%s]", a->host,
	    address_format(&a->addr, text, sizeof text));
	return buf;
}

void
carrier_secure_hop(struct carrier *c)
{
	struct stream	*stream = &c->side[DIALOGUE_HOP].stream;
	const char	*host = c->target.nexthop.host;
	struct err	 err;
	SSL_CTX		*ctx;
	SSL		*ssl = NULL;

	if (c->addresses != NULL && c->next_address > 0)
		host = c->addresses->v[c->next_address - 1].host;
	ctx = served_client_tls(c->served, c->target.source.tls_ca_file,
	    &err);
	if (ctx != NULL)
		ssl = tls_connect_new(ctx, stream->fd,
		    c->target.nexthop.kind == NEXTHOP_UNIX ? NULL : host,
		    (enum tls_level)(c->target.source.tls - SCOPE_TLS_NO));
	if (ssl == NULL)
		fail(c, "TLS", ctx == NULL ? err.text : "out of memory");
	else
		stream_secure(stream, ssl);
}
