/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * metrics_http: answers GET /metrics in an event loop, at the loopback
 * interface only.
 */
#ifndef XC_METRICS_HTTP_H
#define XC_METRICS_HTTP_H

#include "base/err.h"

struct evbuffer;
struct event_base;
struct metrics_http;

/* Puts the answer into out. */
typedef void metrics_http_fn(struct evbuffer *out, void *arg);

enum metrics_http_result {
	METRICS_HTTP_DONE,
	METRICS_HTTP_LATER,	/* err says what is in the way */
	METRICS_HTTP_WRONG	/* err; *http_r is untouched */
};

/*
 * Listens on "host:port"; host must be an address of the loopback interface.
 * print is called for each answer.  where "" is nowhere: *http_r is NULL.
 * LATER: it cannot listen now, and goes on trying.  The program is expected to
 * ignore SIGPIPE.
 */
enum metrics_http_result	metrics_http_open(struct event_base *base,
				    const char *where, metrics_http_fn *print,
				    void *arg, struct metrics_http **http_r,
				    struct err *err);

void	metrics_http_close(struct metrics_http *http);	/* NULL is allowed */

#endif
