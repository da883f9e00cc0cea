/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * metrics_http: libevent's HTTP server, with all turned off that is not
 * needed.
 */
#include "metrics_http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>

#include "address.h"
#include "metrics_text.h"

#define TIMEOUT		10	/* seconds, of a whole conversation */
#define HEADERS_MAX	8192

struct metrics_http {
	struct evhttp	*http;
	metrics_http_fn	*print;
	void		*arg;
};

static void
answer(struct evhttp_request *req, void *arg)
{
	struct metrics_http	*m = arg;
	struct evbuffer		*out = evbuffer_new();

	if (out == NULL) {
		evhttp_send_error(req, HTTP_INTERNAL, NULL);
		return;
	}
	m->print(out, m->arg);
	evhttp_add_header(evhttp_request_get_output_headers(req),
	    "Content-Type", METRICS_TEXT_TYPE);
	evhttp_send_reply(req, HTTP_OK, "OK", out);
	evbuffer_free(out);
}

/* "host:port", where host is a loopback address. */
static bool
split_where(const char *where, char *host, size_t size, uint16_t *port_r)
{
	const char	*colon = strrchr(where, ':');
	struct address	 addr;
	size_t		 n;
	long		 port;
	char		*end;

	if (colon == NULL || (size_t)(colon - where) >= size)
		return false;
	n = (size_t)(colon - where);
	if (n >= 2 && where[0] == '[' && where[n - 1] == ']') {
		where++;
		n -= 2;
	}
	memcpy(host, where, n);
	host[n] = '\0';
	errno = 0;
	port = strtol(colon + 1, &end, 10);
	if (errno != 0 || end == colon + 1 || *end != '\0' || port < 1 ||
	    port > UINT16_MAX)
		return false;
	*port_r = (uint16_t)port;
	return address_parse(span_of(host), &addr) &&
	    ((addr.family == AF_INET && addr.bytes[0] == 127) ||
	    strcmp(host, "::1") == 0);
}

static int
listen_on(struct metrics_http *m, const char *where, const char *host,
    uint16_t port, struct err *err)
{
	evhttp_set_allowed_methods(m->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_timeout(m->http, TIMEOUT);
	evhttp_set_max_body_size(m->http, 0);
	evhttp_set_max_headers_size(m->http, HEADERS_MAX);
	if (evhttp_set_cb(m->http, "/metrics", answer, m) != 0)
		return err_set(err, "metrics: out of memory");
	if (evhttp_bind_socket(m->http, host, port) != 0)
		return err_set(err, "metrics: cannot listen on %s: %s", where,
		    strerror(errno));
	return 0;
}

int
metrics_http_open(struct event_base *base, const char *where,
    metrics_http_fn *print, void *arg, struct metrics_http **http_r,
    struct err *err)
{
	char			 host[ADDRESS_TEXT_SIZE];
	struct metrics_http	*m;
	uint16_t		 port;

	if (where[0] == '\0') {
		*http_r = NULL;
		return 0;
	}
	if (!split_where(where, host, sizeof host, &port))
		return err_set(err, "metrics = \"%s\": expected "
		    "\"127.0.0.1:port\" or \"[::1]:port\"", where);
	m = calloc(1, sizeof *m);
	if (m == NULL || (m->http = evhttp_new(base)) == NULL) {
		metrics_http_close(m);
		return err_set(err, "metrics: out of memory");
	}
	m->print = print;
	m->arg = arg;
	if (listen_on(m, where, host, port, err) != 0) {
		metrics_http_close(m);
		return -1;
	}
	*http_r = m;
	return 0;
}

void
metrics_http_close(struct metrics_http *http)
{
	if (http == NULL)
		return;
	if (http->http != NULL)
		evhttp_free(http->http);
	free(http);
}
