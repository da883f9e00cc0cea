/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * metrics: plain counters, for one thread; the text is made when somebody asks
 * for it.
 */
#include "metrics.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdlib.h>

#include "daemon/decision_counts.h"
#include "daemon/metrics_daemon.h"
#include "daemon/metrics_text.h"

/* Upper bounds of the latency histogram, in nanoseconds. */
static const uint64_t bounds[] = {
	1000, 2500, 5000, 10000, 25000, 50000, 100000, 1000000, 10000000
};
#define BOUND_COUNT	(sizeof bounds / sizeof bounds[0])

static const char *const request_names[METRICS_REQUEST_COUNT] = {
	[METRICS_XCLIENT] = "xclient",
	[METRICS_XFORWARD] = "xforward",
	[METRICS_COMMAND] = "command",
	[METRICS_MILTERS] = "milters",
	[METRICS_PROFILE] = "profile",
	[METRICS_POLICY] = "policy",
};

struct latency {
	uint64_t	 count;
	uint64_t	 sum_ns;
	uint64_t	 buckets[BOUND_COUNT];
};

struct metrics {
	struct latency		 requests[METRICS_REQUEST_COUNT];
	struct decision_counts	 decisions;
	uint64_t		 errors;
	uint64_t		 mail_refused;
	unsigned		 sessions;
	struct metrics_http	*http;
	void			 (*before)(void *);
	void			*before_arg;
};

struct metrics *
metrics_new(void)
{
	return calloc(1, sizeof(struct metrics));
}

void
metrics_free(struct metrics *m)
{
	if (m == NULL)
		return;
	metrics_http_close(m->http);
	decision_counts_clear(&m->decisions);
	free(m);
}

void
metrics_request(struct metrics *m, enum metrics_request kind, uint64_t ns)
{
	struct latency	*l = &m->requests[kind];
	size_t		 i;

	l->count++;
	l->sum_ns += ns;
	for (i = 0; i < BOUND_COUNT; i++)
		if (ns <= bounds[i]) {
			l->buckets[i]++;
			break;
		}
}

void
metrics_decision(struct metrics *m, const char *profile, const char *command,
    const struct verdict *verdict)
{
	decision_counts_add(&m->decisions, profile, command, verdict);
}

void
metrics_error(struct metrics *m)
{
	m->errors++;
}

void
metrics_mail_refused(struct metrics *m)
{
	m->mail_refused++;
}

void
metrics_set_sessions(struct metrics *m, unsigned n)
{
	m->sessions = n;
}

static void
print_latencies(const struct metrics *m, struct evbuffer *out)
{
	const struct latency	*l;
	uint64_t		 below;
	size_t			 i, b;

	metrics_text_head(out, "xcontext_request_seconds", "histogram",
	    "Time from a whole request to its answer.");
	for (i = 0; i < METRICS_REQUEST_COUNT; i++) {
		l = &m->requests[i];
		below = 0;
		for (b = 0; b < BOUND_COUNT; b++) {
			below += l->buckets[b];
			(void)evbuffer_add_printf(out,
			    "xcontext_request_seconds_"
			    "bucket{request=\"%s\",le=\"%g\"} %" PRIu64 "\n",
			    request_names[i], (double)bounds[b] / 1e9, below);
		}
		(void)evbuffer_add_printf(out,
		    "xcontext_request_seconds_bucket{"
		    "request=\"%s\",le=\"+Inf\"} %" PRIu64 "\n"
		    "xcontext_request_seconds_sum{request=\"%s\"} %.9f\n"
		    "xcontext_request_seconds_count{request=\"%s\"} %" PRIu64
		    "\n", request_names[i], l->count, request_names[i],
		    (double)l->sum_ns / 1e9, request_names[i], l->count);
	}
}

void
metrics_print(struct evbuffer *out, void *arg)
{
	struct metrics	*m = arg;

	if (m->before != NULL)
		m->before(m->before_arg);
	metrics_daemon_print("xcontext-policy", out);
	decision_counts_print(&m->decisions, out);
	print_latencies(m, out);
	metrics_text_number(out, "xcontext_sessions", "gauge",
	    "SMTP sessions in the ledger.", m->sessions);
	metrics_text_number(out, "xcontext_errors_total", "counter",
	    "Questions that could not be answered.", m->errors);
	metrics_text_number(out, "xcontext_mail_refused_total", "counter",
	    "Refusals of mail of refused sessions.", m->mail_refused);
}

enum metrics_http_result
metrics_serve(struct metrics *m, struct event_base *base, const char *where,
    void (*before)(void *), void *arg, struct err *err)
{
	m->before = before;
	m->before_arg = arg;
	return metrics_http_open(base, where, metrics_print, m, &m->http, err);
}
