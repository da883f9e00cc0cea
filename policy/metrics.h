/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * metrics: counts what the daemon did, and tells Prometheus over HTTP.
 *
 * Counting costs an addition.  The numbers of decisions are kept by profile,
 * attribute, reason and action; profiles come from the configuration, so
 * their number is bounded.
 */
#ifndef XC_POLICY_METRICS_H
#define XC_POLICY_METRICS_H

#include <stdint.h>

#include "base/err.h"
#include "daemon/metrics_http.h"
#include "trust/trust.h"

enum metrics_request {
	METRICS_XCLIENT,
	METRICS_XFORWARD,
	METRICS_COMMAND,
	METRICS_MILTERS,
	METRICS_PROFILE,
	METRICS_POLICY
};
#define METRICS_REQUEST_COUNT	(METRICS_POLICY + 1)

struct metrics;
struct event_base;

struct metrics	*metrics_new(void);
void		 metrics_free(struct metrics *m);

/* One request was answered, in so many nanoseconds. */
void	metrics_request(struct metrics *m, enum metrics_request kind,
	    uint64_t ns);
/* One decision was reached; profile NULL: none was known. */
void	metrics_decision(struct metrics *m, const char *profile,
	    const char *command, const struct verdict *verdict);
void	metrics_error(struct metrics *m);	/* "cannot tell" */
void	metrics_mail_refused(struct metrics *m);
void	metrics_set_sessions(struct metrics *m, unsigned n);

/* The page, for whoever wants it: a metrics_http_fn; arg is the metrics.  before
 * (below) is called first. */
void	metrics_print(struct evbuffer *out, void *arg);

/*
 * Answers GET /metrics on "host:port" in that event loop; host must be an
 * address of the loopback interface.  where "" does nothing.  before, which
 * may be NULL, is called ahead of each answer.  See metrics_http.h for what it
 * returns.
 */
enum metrics_http_result	metrics_serve(struct metrics *m,
				    struct event_base *base,
				    const char *where, void (*before)(void *),
				    void *arg, struct err *err);

#endif
