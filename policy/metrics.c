/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * metrics: plain counters; the text is made when somebody asks for it.
 */
#include "metrics.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DECISIONS_MAX	4096	/* beyond, they are counted together */
#define CONTENT_TYPE	"text/plain; version=0.0.4; charset=utf-8"

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

struct decision {
	char			*profile;	/* "" beyond DECISIONS_MAX */
	const char		*command;
	int			 attribute;
	enum verdict_reason	 reason;
	enum verdict_action	 action;
	bool			 report_only;
	uint64_t		 count;
};

struct latency {
	uint64_t	 count;
	uint64_t	 sum_ns;
	uint64_t	 buckets[BOUND_COUNT];
};

struct metrics {
	struct latency	 requests[METRICS_REQUEST_COUNT];
	struct decision	*decisions;
	size_t		 n_decisions;
	uint64_t	 errors;
	uint64_t	 mail_refused;
	unsigned	 sessions;
	struct evhttp	*http;
	void		 (*before)(void *);
	void		*before_arg;
};

struct metrics *
metrics_new(void)
{
	return calloc(1, sizeof(struct metrics));
}

void
metrics_free(struct metrics *m)
{
	size_t	 i;

	if (m == NULL)
		return;
	if (m->http != NULL)
		evhttp_free(m->http);
	for (i = 0; i < m->n_decisions; i++)
		free(m->decisions[i].profile);
	free(m->decisions);
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

static bool
is_decision(const struct decision *d, const char *profile,
    const char *command, const struct verdict *v)
{
	return d->attribute == v->attribute && d->reason == v->reason &&
	    d->action == v->action && d->report_only == v->report_only &&
	    strcmp(d->command, command) == 0 &&
	    strcmp(d->profile, profile) == 0;
}

static const char *
known_command(const char *command)
{
	enum trust_command	 found;

	if (command != NULL && trust_command_find(span_of(command), &found))
		return trust_command_text(found);
	return "session";
}

static struct decision *
decision_add(struct metrics *m, const char *profile, const char *command,
    const struct verdict *v)
{
	struct decision	*grown;
	char		*copy = strdup(profile);

	grown = reallocarray(m->decisions, m->n_decisions + 1, sizeof *grown);
	if (grown != NULL)
		m->decisions = grown;
	if (grown == NULL || copy == NULL) {
		free(copy);
		return NULL;
	}
	grown += m->n_decisions++;
	*grown = (struct decision){ copy, command, v->attribute, v->reason,
	    v->action, v->report_only, 0 };
	return grown;
}

void
metrics_decision(struct metrics *m, const char *profile, const char *command,
    const struct verdict *verdict)
{
	struct decision	*d = NULL;
	size_t		 i;

	command = known_command(command);
	if (profile == NULL || m->n_decisions >= DECISIONS_MAX)
		profile = "";
	for (i = 0; i < m->n_decisions && d == NULL; i++)
		if (is_decision(&m->decisions[i], profile, command, verdict))
			d = &m->decisions[i];
	if (d == NULL)
		d = decision_add(m, profile, command, verdict);
	if (d != NULL)
		d->count++;
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
print_decisions(const struct metrics *m, struct evbuffer *out)
{
	const struct decision	*d;

	evbuffer_add_printf(out, "# HELP xcontext_decisions_total Decisions "
	    "by the peer's profile.\n"
	    "# TYPE xcontext_decisions_total counter\n");
	for (d = m->decisions; d < m->decisions + m->n_decisions; d++)
		evbuffer_add_printf(out, "xcontext_decisions_total{profile="
		    "\"%s\",command=\"%s\",attribute=\"%s\",reason=\"%s\","
		    "action=\"%s\",report_only=\"%s\"} %" PRIu64 "\n",
		    d->profile, d->command, d->attribute < 0 ? "" :
		    assertion_name_text((enum assertion_name)d->attribute),
		    verdict_reason_text(d->reason),
		    verdict_action_text(d->action),
		    d->report_only ? "true" : "false", d->count);
}

static void
print_latencies(const struct metrics *m, struct evbuffer *out)
{
	const struct latency	*l;
	uint64_t		 below;
	size_t			 i, b;

	evbuffer_add_printf(out, "# HELP xcontext_request_seconds Time from "
	    "a whole request to its answer.\n"
	    "# TYPE xcontext_request_seconds histogram\n");
	for (i = 0; i < METRICS_REQUEST_COUNT; i++) {
		l = &m->requests[i];
		below = 0;
		for (b = 0; b < BOUND_COUNT; b++) {
			below += l->buckets[b];
			evbuffer_add_printf(out, "xcontext_request_seconds_"
			    "bucket{request=\"%s\",le=\"%g\"} %" PRIu64 "\n",
			    request_names[i], (double)bounds[b] / 1e9, below);
		}
		evbuffer_add_printf(out, "xcontext_request_seconds_bucket{"
		    "request=\"%s\",le=\"+Inf\"} %" PRIu64 "\n"
		    "xcontext_request_seconds_sum{request=\"%s\"} %.9f\n"
		    "xcontext_request_seconds_count{request=\"%s\"} %" PRIu64
		    "\n", request_names[i], l->count, request_names[i],
		    (double)l->sum_ns / 1e9, request_names[i], l->count);
	}
}

static void
serve_metrics(struct evhttp_request *req, void *arg)
{
	struct metrics	*m = arg;
	struct evbuffer	*out = evbuffer_new();

	if (out == NULL) {
		evhttp_send_error(req, HTTP_INTERNAL, NULL);
		return;
	}
	if (m->before != NULL)
		m->before(m->before_arg);
	print_decisions(m, out);
	print_latencies(m, out);
	evbuffer_add_printf(out,
	    "# HELP xcontext_sessions SMTP sessions in the ledger.\n"
	    "# TYPE xcontext_sessions gauge\nxcontext_sessions %u\n"
	    "# HELP xcontext_errors_total Questions that could not be "
	    "answered.\n# TYPE xcontext_errors_total counter\n"
	    "xcontext_errors_total %" PRIu64 "\n"
	    "# HELP xcontext_mail_refused_total Refusals of mail of refused "
	    "sessions.\n# TYPE xcontext_mail_refused_total counter\n"
	    "xcontext_mail_refused_total %" PRIu64 "\n",
	    m->sessions, m->errors, m->mail_refused);
	evhttp_add_header(evhttp_request_get_output_headers(req),
	    "Content-Type", CONTENT_TYPE);
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

int
metrics_serve(struct metrics *m, struct event_base *base, const char *where,
    void (*before)(void *), void *arg, struct err *err)
{
	char		 host[ADDRESS_TEXT_SIZE];
	uint16_t	 port;

	if (where[0] == '\0')
		return 0;
	if (!split_where(where, host, sizeof host, &port))
		return err_set(err, "metrics = \"%s\": expected "
		    "\"127.0.0.1:port\" or \"[::1]:port\"", where);
	m->before = before;
	m->before_arg = arg;
	m->http = evhttp_new(base);
	if (m->http == NULL)
		return err_set(err, "metrics: out of memory");
	evhttp_set_allowed_methods(m->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_timeout(m->http, 10);
	evhttp_set_max_body_size(m->http, 0);
	evhttp_set_max_headers_size(m->http, 8192);
	if (evhttp_set_cb(m->http, "/metrics", serve_metrics, m) != 0)
		return err_set(err, "metrics: out of memory");
	if (evhttp_bind_socket(m->http, host, port) != 0)
		return err_set(err, "metrics: cannot listen on %s: %s", where,
		    strerror(errno));
	return 0;
}
