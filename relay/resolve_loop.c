/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * resolve_loop: c-ares's sockets and its time-outs in the event loop.  c-ares
 * says which sockets it watches and when it wants to be called at the latest;
 * nothing here knows what is asked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "resolve_private.h"

/* 2, 4 and 8 seconds for each server, if nobody says otherwise. */
#define TIMEOUT_MS	2000
#define TRIES		3

/* Answers over UDP that are not cut into pieces on their way. */
#define EDNS_SIZE	1232

struct resolve_socket {
	LIST_ENTRY(resolve_socket) entry;
	struct event		 event;
	struct resolver		*resolver;
	int			 fd;
};

void
resolve_loop_wait(struct resolver *resolver)
{
	struct timeval	 room, *wait;

	wait = ares_timeout(resolver->channel, NULL, &room);
	if (wait == NULL)
		(void)event_del(&resolver->timer);
	else
		(void)event_add(&resolver->timer, wait);
}

static void
socket_ready(evutil_socket_t fd, short what, void *arg)
{
	struct resolve_socket	*s = arg;
	struct resolver		*resolver = s->resolver;

	/* c-ares may close the socket in this, and then it is freed. */
	ares_process_fd(resolver->channel,
	    what & EV_READ ? fd : ARES_SOCKET_BAD,
	    what & EV_WRITE ? fd : ARES_SOCKET_BAD);
	resolve_loop_wait(resolver);
}

static void
time_is_out(evutil_socket_t fd, short what, void *arg)
{
	struct resolver	*resolver = arg;

	(void)fd;
	(void)what;
	ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	resolve_loop_wait(resolver);
}

static struct resolve_socket *
find_socket(struct resolver *resolver, int fd)
{
	struct resolve_socket	*s;

	LIST_FOREACH(s, &resolver->sockets, entry)
		if (s->fd == fd)
			return s;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->resolver = resolver;
	s->fd = fd;
	LIST_INSERT_HEAD(&resolver->sockets, s, entry);
	return s;
}

/* A socket that cannot be waited for is as one that nothing comes from: its
 * queries time out. */
static void
socket_changed(void *arg, ares_socket_t fd, int is_readable, int is_writable)
{
	struct resolver		*resolver = arg;
	struct resolve_socket	*s = find_socket(resolver, fd);
	short			 what = EV_PERSIST;

	if (s == NULL)
		return;
	if (event_initialized(&s->event))
		(void)event_del(&s->event);
	if (!is_readable && !is_writable) {
		LIST_REMOVE(s, entry);
		free(s);
		return;
	}
	if (is_readable)
		what |= EV_READ;
	if (is_writable)
		what |= EV_WRITE;
	if (event_assign(&s->event, resolver->base, fd, what, socket_ready,
	    s) == 0)
		(void)event_add(&s->event, NULL);
}

static int
open_channel(struct resolver *resolver, const char *servers)
{
	struct ares_options	 options = {
		.sock_state_cb = socket_changed,
		.sock_state_cb_data = resolver,
		.flags = ARES_FLAG_EDNS,
		.ednspsz = EDNS_SIZE,
		.timeout = TIMEOUT_MS,
		.tries = TRIES
	};
	int			 mask = ARES_OPT_SOCK_STATE_CB |
				    ARES_OPT_DOMAINS | ARES_OPT_FLAGS |
				    ARES_OPT_EDNSPSZ;
	int			 status;

	/* Names are whole: no domain is put behind them (ARES_OPT_DOMAINS with
	 * none).  Who sets RES_OPTIONS knows better how long to wait. */
	if (getenv("RES_OPTIONS") == NULL)
		mask |= ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
	status = ares_init_options(&resolver->channel, &options, mask);
	if (status != ARES_SUCCESS || servers == NULL || *servers == '\0')
		return status;
	status = ares_set_servers_ports_csv(resolver->channel, servers);
	if (status != ARES_SUCCESS) {
		ares_destroy(resolver->channel);
		resolver->channel = NULL;
	}
	return status;
}

/* For hosts(5) alone. */
static int
open_files(struct resolver *resolver)
{
	struct ares_options	 options = { .lookups = (char *)"f" };

	return ares_init_options(&resolver->files, &options,
	    ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS);
}

int
resolve_loop_open(struct resolver *resolver, const char *servers,
    struct err *err)
{
	int	 status;

	LIST_INIT(&resolver->sockets);
	if (evtimer_assign(&resolver->timer, resolver->base, time_is_out,
	    resolver) != 0)
		return err_set(err, "resolver: %s", strerror(errno));
	status = ares_library_init(ARES_LIB_INIT_ALL);
	if (status != ARES_SUCCESS)
		return err_set(err, "resolver: %s", ares_strerror(status));
	status = open_files(resolver);
	if (status == ARES_SUCCESS) {
		status = open_channel(resolver, servers);
		if (status == ARES_SUCCESS)
			return 0;
		ares_destroy(resolver->files);
	}
	ares_library_cleanup();
	if (servers == NULL || *servers == '\0')
		return err_set(err, "resolver: %s", ares_strerror(status));
	return err_set(err, "resolver: %s: %s", servers,
	    ares_strerror(status));
}

void
resolve_loop_close(struct resolver *resolver)
{
	ares_destroy(resolver->channel);
	ares_destroy(resolver->files);
	ares_library_cleanup();
	(void)event_del(&resolver->timer);
}
