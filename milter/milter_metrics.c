/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * milter_metrics: one lock, taken where a line is logged anyway.  Who reads the
 * page is waited for outside of it: under the lock it is only put together.
 */
#include "milter_metrics.h"

#include <pthread.h>

#include "daemon/decision_counts.h"
#include "daemon/metrics_daemon.h"
#include "daemon/metrics_http.h"
#include "daemon/metrics_text.h"
#include "service.h"

/* lock guards all the others. */
static struct {
	pthread_mutex_t		 lock;
	uint64_t		 counts[MILTER_METRIC_COUNT];
	struct decision_counts	 decisions;
} metrics = { .lock = PTHREAD_MUTEX_INITIALIZER };

void
milter_metrics_count(enum milter_metric what)
{
	(void)pthread_mutex_lock(&metrics.lock);
	metrics.counts[what]++;
	(void)pthread_mutex_unlock(&metrics.lock);
}

void
milter_metrics_decision(const char *profile, const char *command,
    const struct verdict *verdict)
{
	(void)pthread_mutex_lock(&metrics.lock);
	decision_counts_add(&metrics.decisions, profile, command, verdict);
	(void)pthread_mutex_unlock(&metrics.lock);
}

void
milter_metrics_print(struct evbuffer *out, void *unused)
{
	(void)unused;
	metrics_daemon_print("xcontext-milter", out);
	metrics_text_number(out, "xcontext_milter_sessions", "gauge",
	    "Milter sessions in progress.", service_sessions());
	(void)pthread_mutex_lock(&metrics.lock);
	decision_counts_print(&metrics.decisions, out);
	metrics_text_number(out, "xcontext_milter_mail_refused_total",
	    "counter", "Steps of mail transactions that were refused.",
	    metrics.counts[MILTER_MAIL_REFUSED]);
	metrics_text_number(out, "xcontext_milter_commands_denied_total",
	    "counter", "Refused commands that were answered with why.",
	    metrics.counts[MILTER_COMMAND_DENIED]);
	metrics_text_number(out, "xcontext_milter_errors_total", "counter",
	    "What could not be told, or done.", metrics.counts[MILTER_ERROR]);
	(void)pthread_mutex_unlock(&metrics.lock);
}

enum metrics_http_result
milter_metrics_serve(struct event_base *base, const char *where,
    struct metrics_http **http_r, struct err *err)
{
	*http_r = NULL;
	return metrics_http_open(base, where, milter_metrics_print, NULL,
	    http_r, err);
}
