/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * auth_server: whom nginx's mail proxy asks over HTTP which way a session goes
 * (auth_http): the same way for all, and nothing is looked at.
 *
 * One thread, one epoll set; a request is over when its header is.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inet.h"

#define REQUEST_SIZE	8192
#define EVENTS		64

struct request {
	int	 fd;
	size_t	 n;
	char	 text[REQUEST_SIZE];
};

static void
end_request(struct request *r)
{
	(void)close(r->fd);
	free(r);
}

static void
serve(struct request *r, const char *reply)
{
	ssize_t	 n = recv(r->fd, r->text + r->n, sizeof(r->text) - r->n, 0);

	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		end_request(r);
		return;
	}
	r->n += (size_t)n;
	if (r->n < 4 || memcmp(r->text + r->n - 4, "\r\n\r\n", 4) != 0)
		return;
	(void)send(r->fd, reply, strlen(reply), MSG_NOSIGNAL);
	end_request(r);
}

static void
welcome(int epfd, int listener)
{
	struct request	*r;
	int		 fd;

	while ((fd = inet_accept(listener)) != -1) {
		if ((r = malloc(sizeof(*r))) == NULL)
			err(1, NULL);
		r->fd = fd;
		r->n = 0;
		inet_watch(epfd, fd, EPOLLIN, r);
	}
}

int
main(int argc, char **argv)
{
	struct epoll_event	 events[EVENTS];
	char			 reply[256];
	int			 epfd, i, listener, n;

	if (argc != 3)
		errx(64, "usage: auth_server port next-port");
	(void)snprintf(reply, sizeof(reply), "HTTP/1.0 200 OK\r\n"
	    "Auth-Status: OK\r\nAuth-Server: 127.0.0.1\r\nAuth-Port: %d\r\n"
	    "\r\n", inet_port(argv[2]));
	if ((epfd = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(1, "epoll_create1");
	listener = inet_listen(inet_port(argv[1]));
	inet_watch(epfd, listener, EPOLLIN, NULL);
	for (;;) {
		n = epoll_wait(epfd, events, EVENTS, -1);
		if (n == -1 && errno != EINTR)
			err(1, "epoll_wait");
		for (i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				welcome(epfd, listener);
			else
				serve(events[i].data.ptr, reply);
		}
	}
}
