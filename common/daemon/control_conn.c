/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * control_conn: see control_conn.h.
 *
 * An answer is whole once its end is there; a reader of a trace who does not
 * read loses lines, which he is told, and then the connection.
 */
#include "daemon/control_conn.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/control.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "daemon/metrics_json.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION	"unknown"
#endif

#define TRACES_MAX	4	/* at once */
#define REQUEST_S	5	/* until the request is there */
#define ANSWER_S	10	/* until the answer is taken */
#define RELOAD_S	120	/* ... and a reload has ended */
#define STALLED_S	30	/* in which a trace is not read at all */
#define OUT_MAX		65536	/* of a trace that waits to be read */

enum conn_state {
	CONN_READING,
	CONN_RELOADING,
	CONN_TRACING,
	CONN_ANSWERED		/* as soon as that is taken, it is over */
};

struct control_conn {
	LIST_ENTRY(control_conn)	 entry;
	struct control_conns	*all;
	struct bufferevent	*bev;
	struct event		*deadline;
	enum conn_state		 state;
	unsigned		 n_reloads;	/* when this one was wanted */
	struct trace		*trace;		/* of CONN_TRACING */
};

static void
conn_free(struct control_conn *conn)
{
	LIST_REMOVE(conn, entry);
	conn->all->n--;
	trace_free(conn->trace);
	if (conn->deadline != NULL)
		event_free(conn->deadline);
	if (conn->bev != NULL)
		bufferevent_free(conn->bev);
	free(conn);
}

static bool
set_deadline(struct control_conn *conn, int seconds)
{
	const struct timeval	 tv = { .tv_sec = seconds };

	return event_add(conn->deadline, &tv) == 0;
}

/*
 * Answers
 */

/* Takes the reference.  What there is no memory for is missed by the reader:
 * an answer without its end. */
static void
say(struct control_conn *conn, json_t *line)
{
	char	*text = line == NULL ? NULL :
		    json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);

	json_decref(line);
	if (text != NULL)
		(void)evbuffer_add_printf(bufferevent_get_output(conn->bev),
		    "%s\n", text);
	free(text);
}

static void
say_data(json_t *data, void *conn)
{
	say(conn, json_pack("{s:o}", "data", data));
}

static void
answered(struct control_conn *conn)
{
	conn->state = CONN_ANSWERED;
	(void)set_deadline(conn, ANSWER_S);
}

static void
say_end(struct control_conn *conn)
{
	say(conn, json_pack("{s:b}", "end", 1));
	answered(conn);
}

/* Names of files, and what is quoted of them, may be in any charset. */
static json_t *
printable(const char *text)
{
	char	 copy[2 * ERR_TEXT_SIZE];
	size_t	 n;

	for (n = 0; text[n] != '\0' && n < sizeof copy; n++)
		copy[n] = text[n] < ' ' || text[n] > '~' ? '?' : text[n];
	return json_stringn(copy, n);
}

static void
say_error(struct control_conn *conn, const char *text)
{
	say(conn, json_pack("{s:o}", "error", printable(text)));
	answered(conn);
}

static json_t *
time_of(uint64_t ms)
{
	const struct timespec	 when = { .tv_sec = (time_t)(ms / 1000),
				     .tv_nsec = (long)(ms % 1000) * 1000000 };
	char			 text[LOG_TIME_SIZE];

	log_time_text(&when, text);
	return json_string(text);
}

static void
answer_ping(struct control_conn *conn)
{
	const struct control_conns	*all = conn->all;
	struct conf			*conf = all->ops.conf(all->ops.arg);

	if (conf == NULL) {
		say_error(conn, "it is about to end");
		return;
	}
	say_data(json_pack("{s:s, s:s, s:i, s:o, s:o, s:s, s:b, s:o, s:o, "
	    "s:O}",
	    "program", daemon_status().program, "version", PACKAGE_VERSION,
	    "pid", (int)getpid(), "since", time_of(all->since_ms),
	    "file", printable(conf->file), "fingerprint", conf->fingerprint,
	    "reload_failed", daemon_status().is_reload_failed, "trial_until",
	    conf->trial.until_ms == 0 ? json_null() :
	    time_of(conf->trial.until_ms), "trial_by",
	    conf->trial.until_ms == 0 ? json_null() :
	    printable(conf->trial.by), "listeners", all->listeners), conn);
	conf_unref(conf);
	say_end(conn);
}

static void
answer_stats(struct control_conn *conn)
{
	const struct control_server_ops	*ops = &conn->all->ops;
	struct evbuffer			*page = evbuffer_new();

	if (page == NULL) {
		say_error(conn, "out of memory");
		return;
	}
	ops->print(page, ops->print_arg);
	metrics_json_each(page, say_data, conn);
	evbuffer_free(page);
	say_end(conn);
}

/* If it has ended. */
static void
answer_reload(struct control_conn *conn)
{
	struct err	 err;
	struct conf	*conf;

	switch (daemon_reload_behind(conn->n_reloads, &err)) {
	case DAEMON_RELOAD_NOT_YET:
		return;
	case DAEMON_RELOAD_FAILED:
		say_error(conn, err.text);
		return;
	case DAEMON_RELOAD_DONE:
		break;
	}
	conf = conn->all->ops.conf(conn->all->ops.arg);
	if (conf != NULL)
		say_data(json_pack("{s:o, s:s}", "file",
		    printable(conf->file), "fingerprint",
		    conf->fingerprint), conn);
	conf_unref(conf);
	say_end(conn);
}

static void
begin_reload(struct control_conn *conn)
{
	const struct control_server_ops	*ops = &conn->all->ops;

	conn->n_reloads = daemon_reloads();
	conn->state = CONN_RELOADING;
	(void)set_deadline(conn, RELOAD_S);
	ops->reload(ops->arg);
	answer_reload(conn);
}

/*
 * A trace
 */

/* Puts each line into an object of its own. */
static void
say_lines(struct control_conn *conn, struct span lines)
{
	struct evbuffer	*out = bufferevent_get_output(conn->bev);
	const char	*end;
	size_t		 n;

	while ((end = span_find(lines, '\n')) != NULL) {
		n = (size_t)(end - lines.p);
		(void)evbuffer_add_printf(out, "{\"data\":%.*s}\n", (int)n,
		    lines.p);
		lines = span_skip(lines, n + 1);
	}
}

/* As much as the reader shall have on his way. */
static void
pump(struct control_conn *conn)
{
	struct evbuffer	*out = bufferevent_get_output(conn->bev);
	char		 buf[2 * TRACE_LINE_MAX];
	unsigned long	 n_lost;
	size_t		 n;

	while (evbuffer_get_length(out) < OUT_MAX) {
		n = trace_take(conn->trace, buf, sizeof buf, &n_lost);
		say_lines(conn, (struct span){ buf, n });
		if (n_lost > 0)
			say_data(json_pack("{s:I}", "lost",
			    (json_int_t)n_lost), conn);
		if (n == 0)
			return;
	}
}

static unsigned
count_traces(const struct control_conns *all)
{
	const struct control_conn	*conn;
	unsigned		 n = 0;

	LIST_FOREACH(conn, &all->list, entry)
		n += conn->state == CONN_TRACING;
	return n;
}

static void
begin_trace(struct control_conn *conn, const struct trace_filter *filter)
{
	static const struct timeval	 stalled = { .tv_sec = STALLED_S };

	if (count_traces(conn->all) >= TRACES_MAX) {
		say_error(conn, "there are too many traces already");
		return;
	}
	conn->trace = trace_new(filter, conn->all->wake_fd);
	if (conn->trace == NULL) {
		say_error(conn, "out of memory");
		return;
	}
	conn->state = CONN_TRACING;
	(void)event_del(conn->deadline);
	(void)bufferevent_set_timeouts(conn->bev, NULL, &stalled);
	say_data(json_pack("{s:s}", "tracing", daemon_status().program), conn);
}

/*
 * The conversation
 */

static void
answer(struct control_conn *conn, struct span line)
{
	struct control_request	 request;
	struct err		 err;

	if (control_request_read(line, &request, &err) == -1) {
		say_error(conn, err.text);
		return;
	}
	switch (request.verb) {
	case CONTROL_PING:
		answer_ping(conn);
		break;
	case CONTROL_RELOAD:
		begin_reload(conn);
		break;
	case CONTROL_STATS:
		answer_stats(conn);
		break;
	case CONTROL_TRACE:
		begin_trace(conn, &request.filter);
		break;
	}
}

/* What comes behind the request is read, but of no account. */
static void
on_read(struct bufferevent *bev, void *arg)
{
	struct control_conn	*conn = arg;
	struct evbuffer	*in = bufferevent_get_input(bev);
	char		 buf[CONTROL_REQUEST_MAX + 2];
	ev_ssize_t	 n;
	struct span	 line;
	size_t		 used;

	if (conn->state == CONN_READING) {
		n = evbuffer_copyout(in, buf, sizeof buf);
		switch (control_line_find((struct span){ buf, n > 0 ?
		    (size_t)n : 0 }, CONTROL_REQUEST_MAX, &line, &used)) {
		case CONTROL_MORE:
			return;
		case CONTROL_TOO_LONG:
			say_error(conn, "the request is too long");
			break;
		case CONTROL_DONE:
			answer(conn, line);
			break;
		}
	}
	(void)evbuffer_drain(in, evbuffer_get_length(in));
}

static void
on_written(struct bufferevent *bev, void *arg)
{
	struct control_conn	*conn = arg;

	(void)bev;
	if (conn->state == CONN_TRACING)
		pump(conn);
	else if (conn->state == CONN_ANSWERED)
		conn_free(conn);
}

/* Who has said all may still be waiting for the answer. */
static void
on_end(struct bufferevent *bev, short what, void *arg)
{
	struct control_conn	*conn = arg;

	(void)bev;
	if ((what & BEV_EVENT_EOF) == 0 || (conn->state != CONN_RELOADING &&
	    conn->state != CONN_ANSWERED))
		conn_free(conn);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_free(arg);
}

void
control_conn_new(struct control_conns *all, int fd)
{
	struct control_conn	*conn = calloc(1, sizeof *conn);

	if (conn == NULL) {
		(void)close(fd);
		return;
	}
	conn->all = all;
	LIST_INSERT_HEAD(&all->list, conn, entry);
	all->n++;
	conn->bev = bufferevent_socket_new(all->base, fd,
	    BEV_OPT_CLOSE_ON_FREE);
	if (conn->bev == NULL)
		(void)close(fd);
	conn->deadline = evtimer_new(all->base, on_deadline, conn);
	if (conn->bev == NULL || conn->deadline == NULL ||
	    !set_deadline(conn, REQUEST_S)) {
		conn_free(conn);
		return;
	}
	bufferevent_setcb(conn->bev, on_read, on_written, on_end, conn);
	/* So much is read ahead. */
	bufferevent_setwatermark(conn->bev, EV_READ, 0,
	    2 * CONTROL_REQUEST_MAX);
	if (bufferevent_enable(conn->bev, EV_READ | EV_WRITE) != 0)
		conn_free(conn);
}

bool
control_conn_end_silent(struct control_conns *all)
{
	struct control_conn	*conn, *silent = NULL;

	/* Who has not asked yet has waited longest if he stands last. */
	LIST_FOREACH(conn, &all->list, entry)
		if (conn->state == CONN_READING)
			silent = conn;
	if (silent != NULL)
		conn_free(silent);
	return silent != NULL;
}

void
control_conn_end_all(struct control_conns *all)
{
	struct control_conn	*conn;

	while ((conn = LIST_FIRST(&all->list)) != NULL)
		conn_free(conn);
}

void
control_conn_wake(struct control_conns *all)
{
	struct control_conn	*conn;

	LIST_FOREACH(conn, &all->list, entry)
		if (conn->state == CONN_TRACING)
			pump(conn);
		else if (conn->state == CONN_RELOADING)
			answer_reload(conn);
}
