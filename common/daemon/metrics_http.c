/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * metrics_http: a server for one page, which anybody on this host may ask for
 * and nobody can make dear.
 *
 * A connection has one request and one answer, and so much time for both,
 * whatever goes on in it.  There are few at once and few a second; who comes
 * then waits in the kernel's queue, where he costs nothing.  libevent's own
 * HTTP server knows neither limit, and its time-outs begin anew with each byte.
 */
#include "daemon/metrics_http.h"

#include <bsd/sys/queue.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "daemon/metrics_text.h"

#define CONNECTIONS_MAX	4	/* at once */
#define ACCEPTS_MAX	20	/* a second */
#define DEADLINE_S	5	/* of a connection */
#define RETRY_S		5	/* to listen, where that failed */
#define REQUEST_MAX	8192
#define BACKLOG		16

struct conn {
	LIST_ENTRY(conn)	 entry;
	struct metrics_http	*http;
	struct bufferevent	*bev;
	struct event		*deadline;
	bool			 is_answered;
	bool			 is_over;	/* the other side said all */
};

struct metrics_http {
	struct event_base	*base;
	metrics_http_fn		*print;
	void			*arg;
	struct sockaddr_storage	 addr;
	socklen_t		 len;
	int			 fd;
	struct event		*ready;		/* NULL: does not listen */
	struct event		*timer;		/* the next second, or try */
	LIST_HEAD(, conn)	 conns;
	unsigned		 n_conns;
	unsigned		 n_accepts;	/* in this second */
};

static void
wait_for(struct metrics_http *m, int seconds)
{
	const struct timeval	 tv = { .tv_sec = seconds };

	if (!evtimer_pending(m->timer, NULL))
		(void)evtimer_add(m->timer, &tv);
}

static void
take_if_may(struct metrics_http *m)
{
	if (m->ready == NULL)
		return;
	if (m->n_conns >= CONNECTIONS_MAX || m->n_accepts >= ACCEPTS_MAX)
		(void)event_del(m->ready);
	else if (event_add(m->ready, NULL) != 0)
		wait_for(m, 1);
}

static void
conn_free(struct conn *conn)
{
	struct metrics_http	*m = conn->http;

	LIST_REMOVE(conn, entry);
	m->n_conns--;
	if (conn->deadline != NULL)
		event_free(conn->deadline);
	if (conn->bev != NULL)
		bufferevent_free(conn->bev);
	free(conn);
}

static void
conn_end(struct conn *conn)
{
	struct metrics_http	*m = conn->http;

	conn_free(conn);
	take_if_may(m);
}

/*
 * The request
 */

static void
say(struct conn *conn, const char *status, const char *more,
    struct evbuffer *body, bool has_body)
{
	struct evbuffer	*out = bufferevent_get_output(conn->bev);

	conn->is_answered = true;
	(void)evbuffer_add_printf(out, "HTTP/1.1 %s\r\n%sContent-Length: %zu"
	    "\r\nConnection: close\r\n\r\n", status, more,
	    body == NULL ? 0 : evbuffer_get_length(body));
	if (body != NULL && has_body)
		(void)evbuffer_add_buffer(out, body);
}

static void
say_page(struct conn *conn, bool has_body)
{
	struct evbuffer	*body = evbuffer_new();

	if (body == NULL) {
		say(conn, "500 Out of memory", "", NULL, false);
		return;
	}
	conn->http->print(body, conn->http->arg);
	say(conn, "200 OK", "Content-Type: " METRICS_TEXT_TYPE "\r\n", body,
	    has_body);
	evbuffer_free(body);
}

/* Cuts the next word off; it ends at a blank. */
static struct span
next_word(struct span *line)
{
	struct span	 word = { line->p, 0 };

	while (word.n < line->n && line->p[word.n] != ' ')
		word.n++;
	*line = span_skip(*line, word.n < line->n ? word.n + 1 : word.n);
	return word;
}

static void
answer(struct conn *conn, struct span line)
{
	struct span	 method = next_word(&line);
	struct span	 path = next_word(&line);
	const char	*query = span_find(path, '?');
	bool		 is_head = span_eq(method, "HEAD");

	if (query != NULL)
		path.n = (size_t)(query - path.p);
	if (!span_begins(line, "HTTP/1."))
		say(conn, "400 Bad request", "", NULL, false);
	else if (!is_head && !span_eq(method, "GET"))
		say(conn, "405 Method not allowed", "Allow: GET, HEAD\r\n",
		    NULL, false);
	else if (!span_eq(path, "/metrics"))
		say(conn, "404 Not found", "", NULL, false);
	else
		say_page(conn, !is_head);
}

/* The request counts when its head is there; what comes behind it is of no
 * account, but read: the answer would be lost with a connection reset. */
static void
on_read(struct bufferevent *bev, void *arg)
{
	struct conn		*conn = arg;
	struct evbuffer		*in = bufferevent_get_input(bev);
	struct evbuffer_ptr	 end;
	char			*line;
	size_t			 len;

	if (!conn->is_answered) {
		end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
		if (end.pos == -1 && evbuffer_get_length(in) < REQUEST_MAX)
			return;
		line = end.pos == -1 ? NULL :
		    evbuffer_readln(in, &len, EVBUFFER_EOL_CRLF_STRICT);
		if (line == NULL)
			say(conn, "431 Request too long", "", NULL, false);
		else
			answer(conn, (struct span){ line, len });
		free(line);
	}
	(void)evbuffer_drain(in, evbuffer_get_length(in));
}

static void
on_written(struct bufferevent *bev, void *arg)
{
	struct conn	*conn = arg;

	/* The other side ends it, or time does. */
	if (conn->is_over)
		conn_end(conn);
	else if (conn->is_answered)
		(void)shutdown(bufferevent_getfd(bev), SHUT_WR);
}

static void
on_end(struct bufferevent *bev, short what, void *arg)
{
	struct conn	*conn = arg;

	if (what & BEV_EVENT_EOF &&
	    evbuffer_get_length(bufferevent_get_output(bev)) > 0)
		conn->is_over = true;
	else
		conn_end(conn);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_end(arg);
}

/* The descriptor is the connection's, or closed. */
static void
conn_new(struct metrics_http *m, int fd)
{
	const struct timeval	 deadline = { .tv_sec = DEADLINE_S };
	struct conn		*conn = calloc(1, sizeof *conn);

	if (conn == NULL) {
		(void)close(fd);
		return;
	}
	conn->http = m;
	LIST_INSERT_HEAD(&m->conns, conn, entry);
	m->n_conns++;
	conn->bev = bufferevent_socket_new(m->base, fd,
	    BEV_OPT_CLOSE_ON_FREE);
	if (conn->bev == NULL)
		(void)close(fd);
	conn->deadline = evtimer_new(m->base, on_deadline, conn);
	if (conn->bev == NULL || conn->deadline == NULL ||
	    evtimer_add(conn->deadline, &deadline) != 0 ||
	    bufferevent_enable(conn->bev, EV_READ | EV_WRITE) != 0) {
		conn_free(conn);
		return;
	}
	bufferevent_setcb(conn->bev, on_read, on_written, on_end, conn);
	bufferevent_setwatermark(conn->bev, EV_READ, 0, REQUEST_MAX);
}

/*
 * Listening
 */

static bool
is_loopback(const struct address *addr)
{
	static const uint8_t	 loopback[16] = { [15] = 1 };

	return addr->family == AF_INET ? addr->bytes[0] == 127 :
	    memcmp(addr->bytes, loopback, sizeof loopback) == 0;
}

/* "host:port", where host is a loopback address. */
static bool
split_where(const char *where, struct address *host_r, uint16_t *port_r)
{
	const char	*colon = strrchr(where, ':');
	size_t		 n;
	long		 port;
	char		*end;

	if (colon == NULL)
		return false;
	n = (size_t)(colon - where);
	if (n >= 2 && where[0] == '[' && where[n - 1] == ']') {
		where++;
		n -= 2;
	}
	errno = 0;
	port = strtol(colon + 1, &end, 10);
	if (errno != 0 || end == colon + 1 || *end != '\0' || port < 1 ||
	    port > UINT16_MAX)
		return false;
	*port_r = (uint16_t)port;
	return address_parse((struct span){ where, n }, host_r) &&
	    is_loopback(host_r);
}

static void
on_connection(evutil_socket_t listening, short what, void *arg)
{
	struct metrics_http	*m = arg;
	int			 fd;

	(void)what;
	fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd != -1) {
		m->n_accepts++;
		conn_new(m, fd);
	} else if (errno != EAGAIN && errno != EINTR &&
	    errno != ECONNABORTED) {
		/* Without descriptors it would be told again and again. */
		m->n_accepts = ACCEPTS_MAX;
	}
	if (m->n_accepts > 0)
		wait_for(m, 1);
	take_if_may(m);
}

static int
listening_socket(const struct metrics_http *m)
{
	int	 fd, on = 1, saved;

	fd = socket(m->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    bind(fd, (const struct sockaddr *)&m->addr, m->len) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

/* False: it does not listen; errno says why. */
static bool
try_to_listen(struct metrics_http *m)
{
	m->fd = listening_socket(m);
	if (m->fd == -1)
		return false;
	m->ready = event_new(m->base, m->fd, EV_READ | EV_PERSIST,
	    on_connection, m);
	if (m->ready != NULL && event_add(m->ready, NULL) == 0)
		return true;
	if (m->ready != NULL)
		event_free(m->ready);
	m->ready = NULL;
	(void)close(m->fd);
	m->fd = -1;
	errno = ENOMEM;
	return false;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct metrics_http	*m = arg;

	(void)fd;
	(void)what;
	m->n_accepts = 0;
	if (m->ready != NULL)
		take_if_may(m);
	else if (!try_to_listen(m))
		wait_for(m, RETRY_S);
}

static socklen_t
fill_sockaddr(const struct address *host, uint16_t port,
    struct sockaddr_storage *addr_r)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
				     .sin_port = htons(port) };
	struct sockaddr_in6	 sin6 = { .sin6_family = AF_INET6,
				     .sin6_port = htons(port) };

	if (host->family == AF_INET) {
		memcpy(&sin.sin_addr, host->bytes, sizeof sin.sin_addr);
		memcpy(addr_r, &sin, sizeof sin);
		return sizeof sin;
	}
	memcpy(&sin6.sin6_addr, host->bytes, sizeof sin6.sin6_addr);
	memcpy(addr_r, &sin6, sizeof sin6);
	return sizeof sin6;
}

static struct metrics_http *
http_new(struct event_base *base, const struct address *host, uint16_t port,
    metrics_http_fn *print, void *arg)
{
	struct metrics_http	*m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	m->base = base;
	m->fd = -1;
	m->print = print;
	m->arg = arg;
	m->len = fill_sockaddr(host, port, &m->addr);
	LIST_INIT(&m->conns);
	m->timer = evtimer_new(base, on_timer, m);
	if (m->timer == NULL) {
		free(m);
		return NULL;
	}
	return m;
}

enum metrics_http_result
metrics_http_open(struct event_base *base, const char *where,
    metrics_http_fn *print, void *arg, struct metrics_http **http_r,
    struct err *err)
{
	struct metrics_http	*m;
	struct address		 host;
	uint16_t		 port;

	if (where[0] == '\0') {
		*http_r = NULL;
		return METRICS_HTTP_DONE;
	}
	if (!split_where(where, &host, &port)) {
		(void)err_set(err, "metrics = \"%s\": expected "
		    "\"127.0.0.1:port\" or \"[::1]:port\"", where);
		return METRICS_HTTP_WRONG;
	}
	m = http_new(base, &host, port, print, arg);
	if (m == NULL) {
		(void)err_set(err, "metrics: out of memory");
		return METRICS_HTTP_WRONG;
	}
	*http_r = m;
	if (try_to_listen(m))
		return METRICS_HTTP_DONE;
	(void)err_set(err, "metrics: cannot listen on %s: %s; trying again",
	    where, strerror(errno));
	wait_for(m, RETRY_S);
	return METRICS_HTTP_LATER;
}

void
metrics_http_close(struct metrics_http *m)
{
	struct conn	*conn;

	if (m == NULL)
		return;
	while ((conn = LIST_FIRST(&m->conns)) != NULL)
		conn_free(conn);
	if (m->ready != NULL)
		event_free(m->ready);
	event_free(m->timer);
	if (m->fd != -1)
		(void)close(m->fd);
	free(m);
}
