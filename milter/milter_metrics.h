/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * milter_metrics: counts what the milter did, and tells Prometheus over HTTP.
 */
#ifndef XC_MILTER_METRICS_H
#define XC_MILTER_METRICS_H

#include "base/err.h"
#include "daemon/metrics_http.h"
#include "trust/trust.h"

struct event_base;
struct evbuffer;

enum milter_metric {
	MILTER_MAIL_REFUSED,	/* a step of a transaction */
	MILTER_COMMAND_DENIED,	/* an X command, with its reason */
	MILTER_ERROR		/* what could not be told, or done */
};
#define MILTER_METRIC_COUNT	(MILTER_ERROR + 1)

void	milter_metrics_count(enum milter_metric what);

/* A decision of the milter's own, with Sendmail. */
void	milter_metrics_decision(const char *profile, const char *command,
	    const struct verdict *verdict);

/* The page, for whoever wants it: a metrics_http_fn; the second is not used. */
void	milter_metrics_print(struct evbuffer *out, void *unused);

/*
 * Answers GET /metrics on "host:port", an address of the loopback interface, in
 * that event loop, until *http_r is closed; "": nowhere.  See metrics_http.h for
 * what it returns.
 */
enum metrics_http_result	milter_metrics_serve(struct event_base *base,
				    const char *where,
				    struct metrics_http **http_r,
				    struct err *err);

#endif
