/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * trace: see trace.h.  A line is made once, under the lock, whoever wants it;
 * there are as many readers as control connections: few.
 */
#include "daemon/trace.h"

#include <bsd/string.h>
#include <bsd/sys/queue.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/daemon.h"

#define ROOM	65536

struct trace {
	LIST_ENTRY(trace)	 entry;
	struct trace_filter	 filter;
	int			 wake_fd;
	size_t			 n;
	unsigned long		 n_lost;
	char			 buf[ROOM];
};

/* lock guards list and all that is in it. */
static struct {
	pthread_mutex_t		 lock;
	LIST_HEAD(, trace)	 list;
	atomic_uint		 n;	/* of the list */
} readers = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct trace *
trace_new(const struct trace_filter *filter, int wake_fd)
{
	struct trace	*trace = calloc(1, sizeof *trace);

	if (trace == NULL)
		return NULL;
	trace->filter = *filter;
	trace->wake_fd = wake_fd;
	(void)pthread_mutex_lock(&readers.lock);
	LIST_INSERT_HEAD(&readers.list, trace, entry);
	atomic_fetch_add(&readers.n, 1);
	(void)pthread_mutex_unlock(&readers.lock);
	return trace;
}

void
trace_free(struct trace *trace)
{
	if (trace == NULL)
		return;
	(void)pthread_mutex_lock(&readers.lock);
	LIST_REMOVE(trace, entry);
	atomic_fetch_sub(&readers.n, 1);
	(void)pthread_mutex_unlock(&readers.lock);
	free(trace);
}

/* Whole lines of so many octets at most. */
static size_t
whole_lines(const struct trace *trace, size_t size)
{
	const char	*end;

	if (trace->n <= size)
		return trace->n;
	end = memrchr(trace->buf, '\n', size);
	return end == NULL ? 0 : (size_t)(end + 1 - trace->buf);
}

size_t
trace_take(struct trace *trace, char *buf, size_t size,
    unsigned long *lost_r)
{
	size_t	 n;

	(void)pthread_mutex_lock(&readers.lock);
	n = whole_lines(trace, size);
	memcpy(buf, trace->buf, n);
	memmove(trace->buf, trace->buf + n, trace->n - n);
	trace->n -= n;
	*lost_r = trace->n_lost;
	trace->n_lost = 0;
	(void)pthread_mutex_unlock(&readers.lock);
	return n;
}

bool
trace_is_read(void)
{
	return atomic_load_explicit(&readers.n, memory_order_relaxed) > 0;
}

static bool
wants(const struct trace *trace, const struct trace_line *line)
{
	const struct trace_filter	*filter = &trace->filter;

	if (filter->has_peer && (line->peer == NULL ||
	    !address_in_net(line->peer, &filter->peer)))
		return false;
	return filter->profile[0] == '\0' || (line->profile != NULL &&
	    strcmp(line->profile, filter->profile) == 0);
}

/* A full eventfd has woken whoever it is for. */
static void
wake(const struct trace *trace)
{
	const uint64_t	 one = 1;

	(void)!write(trace->wake_fd, &one, sizeof one);
}

static size_t
format(const struct trace_line *line, char buf[TRACE_LINE_MAX])
{
	struct log_origin	 origin = { .program =
				     daemon_status().program };
	size_t			 n;

	(void)clock_gettime(CLOCK_REALTIME, &origin.now);
	n = log_format_line(CONF_LOG_JSON, &origin, line->level,
	    line->session, line->event, line->pairs, buf, TRACE_LINE_MAX - 1);
	if (n > 0)
		buf[n++] = '\n';
	return n;
}

static void
put(struct trace *trace, const char *text, size_t n)
{
	if (n == 0 || n > sizeof trace->buf - trace->n) {
		trace->n_lost++;
		return;
	}
	memcpy(trace->buf + trace->n, text, n);
	trace->n += n;
	if (trace->n == n)
		wake(trace);
}

void
trace_tell(const struct trace_line *line)
{
	struct trace	*trace;
	char		 buf[TRACE_LINE_MAX];
	size_t		 n = 0;
	bool		 is_made = false;

	(void)pthread_mutex_lock(&readers.lock);
	LIST_FOREACH(trace, &readers.list, entry) {
		if (!wants(trace, line))
			continue;
		if (!is_made)
			n = format(line, buf);
		is_made = true;
		put(trace, buf, n);
	}
	(void)pthread_mutex_unlock(&readers.lock);
}
