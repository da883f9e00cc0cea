/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_server: see smtp_server.h.
 */
#include "smtp_server.h"

#include <sys/un.h>
#include <netinet/in.h>

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bsd/string.h>

#include "conf/nexthop.h"

#define PORT_SMTP	25

static void
add_unix(struct smtp_server *server, const char *path)
{
	struct sockaddr_un	 to = { .sun_family = AF_UNIX };

	(void)strlcpy(to.sun_path, path, sizeof to.sun_path);
	memcpy(&server->v[0].to, &to, sizeof to);
	server->v[0].len = sizeof to;
	server->n = 1;
}

static int
add_hosts(struct smtp_server *server, unsigned port, struct err *err)
{
	const struct addrinfo	 hints = { .ai_socktype = SOCK_STREAM,
				    .ai_flags = AI_NUMERICSERV };
	struct addrinfo		*list, *a;
	char			 service[8];
	int			 status;

	(void)snprintf(service, sizeof service, "%u", port);
	status = getaddrinfo(server->host, service, &hints, &list);
	if (status != 0)
		return err_set(err, "%s: %s", server->host,
		    gai_strerror(status));
	for (a = list; a != NULL && server->n < SMTP_SERVER_ADDRESSES_MAX;
	    a = a->ai_next) {
		if (a->ai_addrlen > sizeof server->v[0].to)
			continue;
		memcpy(&server->v[server->n].to, a->ai_addr, a->ai_addrlen);
		server->v[server->n++].len = a->ai_addrlen;
	}
	freeaddrinfo(list);
	return 0;
}

/* As lmtp(8) reads it: of the forms that there are it is the one that takes a
 * host without brackets for a host. */
static bool
read_where(const char *where, struct nexthop *hop)
{
	char	 text[NEXTHOP_TEXT_SIZE + NEXTHOP_PATH_MAX];
	size_t	 n = strlen(where);

	if ((size_t)snprintf(text, sizeof text, "lmtp:%s%s", *where == '/' ?
	    "unix:" : "", where) >= sizeof text ||
	    !nexthop_parse(span_of(text), hop))
		return false;
	if (hop->port == 24 && (n < 3 || strcmp(where + n - 3, ":24") != 0))
		hop->port = PORT_SMTP;
	return true;
}

struct smtp_server *
smtp_server_new(const char *where, struct err *err)
{
	struct smtp_server	*server = calloc(1, sizeof *server);
	struct nexthop		 hop;

	if (server == NULL || (server->text = strdup(where)) == NULL) {
		(void)err_set(err, "out of memory");
		goto fail;
	}
	if (!read_where(where, &hop)) {
		(void)err_set(err, "\"%s\": expected HOST:PORT, or the path of "
		    "a socket", where);
		goto fail;
	}
	(void)strlcpy(server->host, hop.host, sizeof server->host);
	if (hop.kind == NEXTHOP_UNIX)
		add_unix(server, hop.host);
	else if (add_hosts(server, hop.port, err) != 0)
		goto fail;
	return server;
fail:
	smtp_server_free(server);
	return NULL;
}

void
smtp_server_free(struct smtp_server *server)
{
	if (server == NULL)
		return;
	free(server->text);
	free(server);
}

static int
bind_source(int fd, int family, const struct address *source)
{
	struct sockaddr_in	 in = { .sin_family = AF_INET };
	struct sockaddr_in6	 in6 = { .sin6_family = AF_INET6 };

	if (source == NULL || family == AF_UNIX)
		return 0;
	if (source->family != family) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	memcpy(&in.sin_addr, source->bytes, sizeof in.sin_addr);
	memcpy(&in6.sin6_addr, source->bytes, sizeof in6.sin6_addr);
	return family == AF_INET ?
	    bind(fd, (const struct sockaddr *)&in, sizeof in) :
	    bind(fd, (const struct sockaddr *)&in6, sizeof in6);
}

int
smtp_server_connect(const struct smtp_server *server, unsigned at,
    const struct address *source)
{
	const struct sockaddr	*to =
				    (const struct sockaddr *)&server->v[at].to;
	int			 fd, error;

	fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd == -1)
		return -1;
	if (bind_source(fd, to->sa_family, source) == 0 &&
	    (connect(fd, to, server->v[at].len) == 0 || errno == EINPROGRESS))
		return fd;
	error = errno;
	(void)close(fd);
	errno = error;
	return -1;
}
