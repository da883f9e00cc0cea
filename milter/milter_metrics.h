/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * milter_metrics: counts what the milter did, and tells Prometheus over HTTP,
 * from a thread of its own: libmilter has the others.
 */
#ifndef XC_MILTER_METRICS_H
#define XC_MILTER_METRICS_H

#include "base/err.h"
#include "daemon/metrics_http.h"
#include "trust/trust.h"

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

/*
 * Answers GET /metrics on "host:port", an address of the loopback interface,
 * until the process ends; "": nowhere.  To be called once.  The thread gets no
 * signals.  LATER: it cannot listen now, and goes on trying; WRONG: there is no
 * thread.  Both with err.
 */
enum metrics_http_result	milter_metrics_serve(const char *where,
				    struct err *err);

#endif
