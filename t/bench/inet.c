/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inet: see the header.
 */
#include "inet.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <stdlib.h>

#define LOOPBACK	"127.0.0.1"
#define BACKLOG		4096

static struct sockaddr_in
make_address(const char *address, int port)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)port) };

	if (inet_pton(AF_INET, address, &sin.sin_addr) != 1)
		errx(1, "%s: no IPv4 address", address);
	return sin;
}

static void
send_at_once(int fd)
{
	int	 on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int
inet_port(const char *text)
{
	char	*end;
	long	 port = strtol(text, &end, 10);

	if (*end != '\0' || port < 1 || port > 65535)
		errx(64, "%s: no port", text);
	return (int)port;
}

int
inet_listen(int port)
{
	struct sockaddr_in	 sin = make_address(LOOPBACK, port);
	int			 fd, on = 1;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, BACKLOG) == -1)
		err(1, "%s:%d", LOOPBACK, port);
	return fd;
}

int
inet_accept(int listener)
{
	int	 fd = accept4(listener, NULL, NULL,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd != -1)
		send_at_once(fd);
	else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		err(1, "accept");
	return fd;
}

int
inet_dial(const char *address, int port)
{
	struct sockaddr_in	 sin = make_address(address, port);
	int			 fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 ||
	    connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "%s:%d", address, port);
	return fd;
}

int
inet_dial_later(int port)
{
	struct sockaddr_in	 sin = make_address(LOOPBACK, port);
	int			 fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1 || (connect(fd, (struct sockaddr *)&sin,
	    sizeof(sin)) == -1 && errno != EINPROGRESS))
		err(1, "%s:%d", LOOPBACK, port);
	send_at_once(fd);
	return fd;
}

void
inet_watch(int epfd, int fd, uint32_t events, void *ptr)
{
	struct epoll_event	 ev = { .events = events,
				     .data = { .ptr = ptr } };

	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) == -1)
		err(1, "epoll_ctl");
}

void
inet_raise_limit(void)
{
	struct rlimit	 limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		err(1, "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}
