/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * stream_end: two streams at the ends of one connection, what they were told,
 * and much to send.
 */
#ifndef XC_T_STREAM_END_H
#define XC_T_STREAM_END_H

#include <sys/socket.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "smtp/stream.h"

#define TURNS_MAX	100000

/* A stream and what it was told.  Whatever is readable is taken. */
struct end {
	struct stream		 stream;
	unsigned		 n[STREAM_FAILED + 1];
	char			*in;
	size_t			 in_len, in_size;
	enum stream_result	 last;		/* of stream_read */
	size_t			 read_size;	/* 0: it is not read */
	int			 close_at;	/* event that closes it, or -1 */
	bool			 is_off_at_read;	/* by READABLE */
};

struct pair {
	struct event_base	*base;
	struct end		 a, b;
};

static inline void
take(struct end *end)
{
	size_t	 n;
	char	*buf = malloc(end->read_size);

	end->last = stream_read(&end->stream, buf, end->read_size, &n);
	if (end->last == STREAM_OK) {
		ck_assert(n > 0 && n <= end->read_size);
		if (end->in_len + n + 1 > end->in_size) {
			end->in_size = 2 * (end->in_len + n + 1);
			end->in = realloc(end->in, end->in_size);
		}
		memcpy(end->in + end->in_len, buf, n);
		end->in_len += n;
		end->in[end->in_len] = '\0';
	}
	free(buf);
}

static inline void
note(struct stream *stream, enum stream_event event, void *arg)
{
	struct end	*end = arg;

	ck_assert(stream == &end->stream);
	end->n[event]++;
	ck_assert(event != STREAM_DRAINED || stream_pending(stream) == 0);
	if (end->is_off_at_read && event == STREAM_READABLE)
		stream_want_read(stream, false);
	if (event == STREAM_READABLE && end->read_size > 0)
		take(end);
	if ((int)event == end->close_at) {
		stream_close(stream);
		/* Whoever touches it now is seen. */
		memset(stream, 0xa5, sizeof *stream);
		*stream = (struct stream){ .fd = -1 };
	}
}

static inline void
open_end(struct event_base *base, struct end *end, int fd, bool is_connecting)
{
	*end = (struct end){ .read_size = 4096, .close_at = -1,
	    .last = STREAM_AGAIN };
	ck_assert_int_eq(stream_open(&end->stream, base, fd, is_connecting,
	    note, end, NULL), 0);
}

static inline void
open_pair(struct pair *pair)
{
	int	 fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	pair->base = event_base_new();
	open_end(pair->base, &pair->a, fd[0], false);
	open_end(pair->base, &pair->b, fd[1], false);
}

static inline void
close_pair(struct pair *pair)
{
	stream_close(&pair->a.stream);
	stream_close(&pair->b.stream);
	free(pair->a.in);
	free(pair->b.in);
	event_base_free(pair->base);
}

static inline void
turn(struct event_base *base)
{
	ck_assert(event_base_loop(base, EVLOOP_NONBLOCK) != -1);
}

/* Turns the loop until the counter is n at least. */
static inline void
turn_until(struct event_base *base, const unsigned *counter, unsigned n)
{
	int	 i;

	for (i = 0; i < TURNS_MAX && *counter < n; i++)
		turn(base);
	ck_assert_uint_ge(*counter, n);
}

static inline void
turn_until_read(struct event_base *base, const struct end *end, size_t len)
{
	int	 i;

	for (i = 0; i < TURNS_MAX && end->in_len < len; i++)
		turn(base);
	ck_assert_uint_eq(end->in_len, len);
}

/* A number for each place, so that a byte lost or doubled is seen. */
static inline void
fill(char *p, size_t n, size_t at)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		p[i] = (char)((at + i) * 2654435761u >> 13);
}

static inline void
tiny_buffers(struct pair *pair)
{
	int	 size = 1;	/* the least that the system gives */

	ck_assert_int_eq(setsockopt(pair->a.stream.fd, SOL_SOCKET, SO_SNDBUF,
	    &size, sizeof size), 0);
	ck_assert_int_eq(setsockopt(pair->b.stream.fd, SOL_SOCKET, SO_RCVBUF,
	    &size, sizeof size), 0);
}

/* Puts len bytes in pieces of that size, whatever the socket takes. */
static inline void
put_all(struct stream *stream, size_t len, size_t piece, bool is_more)
{
	char	*buf = malloc(piece);
	size_t	 at, n;

	for (at = 0; at < len; at += n) {
		n = len - at < piece ? len - at : piece;
		fill(buf, n, at);
		ck_assert(stream_put(stream, (struct span){ buf, n }, is_more));
	}
	free(buf);
}

static inline void
check_filled(const struct end *end, size_t len)
{
	char	*want = malloc(len);

	fill(want, len, 0);
	ck_assert_uint_eq(end->in_len, len);
	ck_assert(memcmp(end->in, want, len) == 0);
	free(want);
}

#endif
