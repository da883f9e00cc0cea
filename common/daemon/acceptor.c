/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * acceptor: waits for the descriptor or, in want, for better times; never for
 * neither.
 */
#include "daemon/acceptor.h"

#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/log.h"

#define ACCEPTS_PER_TURN	64
#define PAUSE_US		100000

struct acceptor {
	struct event	 ready;
	struct event	 pause;
	int		 fd;
	acceptor_fn	*take;
	void		*arg;
};

static void
resume(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval	 pause = { .tv_usec = PAUSE_US };
	struct acceptor		*acceptor = arg;

	(void)fd;
	(void)what;
	if (event_add(&acceptor->ready, NULL) != 0)
		(void)event_add(&acceptor->pause, &pause);
}

static void
accept_failed(struct acceptor *acceptor)
{
	const struct timeval	 pause = { .tv_usec = PAUSE_US };

	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	LOG(LOG_LEVEL_ERROR, NULL, "error", { "at", "accept" },
	    { "text", strerror(errno) });
	if (event_add(&acceptor->pause, &pause) == 0)
		(void)event_del(&acceptor->ready);
}

static void
accept_ready(evutil_socket_t listening, short what, void *arg)
{
	struct acceptor		*acceptor = arg;
	struct sockaddr_storage	 from;
	socklen_t		 len;
	int			 i, fd;

	(void)what;
	for (i = 0; i < ACCEPTS_PER_TURN; i++) {
		len = sizeof from;
		from.ss_family = AF_UNIX;
		fd = accept4(listening, (struct sockaddr *)&from, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1) {
			accept_failed(acceptor);
			return;
		}
		acceptor->take(acceptor->arg, fd, &from);
	}
}

struct acceptor *
acceptor_new(struct event_base *base, int fd, acceptor_fn *take, void *arg)
{
	struct acceptor	*acceptor = calloc(1, sizeof *acceptor);

	if (acceptor == NULL)
		return NULL;
	acceptor->fd = fd;
	acceptor->take = take;
	acceptor->arg = arg;
	if (event_assign(&acceptor->ready, base, fd, EV_READ | EV_PERSIST,
	    accept_ready, acceptor) != 0 ||
	    event_priority_set(&acceptor->ready, 0) != 0 ||
	    event_assign(&acceptor->pause, base, -1, 0, resume,
	    acceptor) != 0 || event_add(&acceptor->ready, NULL) != 0) {
		free(acceptor);
		return NULL;
	}
	return acceptor;
}

void
acceptor_free(struct acceptor *acceptor)
{
	if (acceptor == NULL)
		return;
	(void)event_del(&acceptor->ready);
	(void)event_del(&acceptor->pause);
	(void)close(acceptor->fd);
	free(acceptor);
}
