/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * http_get: see http_get.h.
 */
#include "t/lib/http_get.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HTTP_GET_TURNS	10000

unsigned
http_get_free_port(void)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				     .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t		 len = sizeof sin;
	int			 fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&sin, sizeof sin) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) != 0)
		abort();
	(void)close(fd);
	return ntohs(sin.sin_port);
}

bool
http_get(struct event_base *base, unsigned port, const char *method,
    const char *path, char *buf, size_t size)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)port),
				     .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int			 fd = socket(AF_INET, SOCK_STREAM, 0);
	char			 request[256];
	size_t			 len = 0;
	ssize_t			 n = -1;
	int			 i;

	(void)snprintf(request, sizeof request, "%s %s HTTP/1.0\r\n\r\n",
	    method, path);
	if (connect(fd, (struct sockaddr *)&sin, sizeof sin) == 0 &&
	    send(fd, request, strlen(request), 0) > 0)
		for (i = 0; i < HTTP_GET_TURNS && n != 0; i++) {
			(void)event_base_loop(base, EVLOOP_NONBLOCK);
			n = recv(fd, buf + len, size - 1 - len, MSG_DONTWAIT);
			if (n > 0)
				len += (size_t)n;
			else if (n == -1)
				(void)usleep(100);
		}
	buf[len] = '\0';
	(void)close(fd);
	return n == 0;
}
