/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * stream: a connected, non-blocking socket in the event loop, with or without
 * TLS: bytes in, bytes out, and nothing about what they mean.
 *
 * Nothing is buffered that the socket takes at once, and an idle stream has no
 * buffers at all.  A program that uses TLS ignores SIGPIPE.
 */
#ifndef XC_STREAM_H
#define XC_STREAM_H

#include <sys/types.h>

#include <event2/event_struct.h>
#include <openssl/types.h>

#include "base/err.h"
#include "base/span.h"
#include "smtp/tls.h"

struct event_base;
struct stream;

enum stream_event {
	STREAM_CONNECTED,	/* stream_connect has succeeded */
	STREAM_SECURED,		/* the handshake is done */
	STREAM_READABLE,	/* stream_read may have something */
	STREAM_DRAINED,		/* all that was put has been handed to the
				 * socket (told only after stream_flush was
				 * left with a rest) */
	STREAM_FAILED		/* connect, handshake or write failed; the
				 * stream can only be closed, stream_why says
				 * why */
};

/* The stream may be closed by the function; then it is not touched again. */
typedef void stream_fn(struct stream *stream, enum stream_event event,
    void *arg);

struct stream {
	struct event		 read_event;
	struct event		 write_event;
	struct event_base	*base;
	stream_fn		*fn;
	void			*arg;
	int			 fd;		/* -1: closed */
	SSL			*ssl;		/* NULL: plain */
	char			*out;		/* not yet taken by the socket */
	size_t			 out_size, out_len, out_sent;
	unsigned		 flags;		/* stream.c's own */
	char			 why[128];
};

enum stream_result {
	STREAM_OK,
	STREAM_AGAIN,	/* nothing at the moment */
	STREAM_EOF,	/* the other side will send no more (with TLS: it said
			 * so, or just closed) */
	STREAM_ERROR	/* stream_why says why */
};

/*
 * Takes fd, which is non-blocking and connected, or connecting if is_connecting
 * (STREAM_CONNECTED follows).  Reading is off at first.  0, or -1 with err: fd
 * stays the caller's.
 */
int	stream_open(struct stream *stream, struct event_base *base, int fd,
	    bool is_connecting, stream_fn *fn, void *arg, struct err *err);

/* Closes at once; what was not sent is lost (with TLS: if nothing is, the end
 * is said).  A closed stream is allowed, and so is one that is all zero. */
void	stream_close(struct stream *stream);
bool	stream_is_open(const struct stream *stream);

/*
 * Begins a handshake; SECURED or FAILED follows, and no READABLE before.  ssl
 * becomes the stream's.  What was put has to be gone (else FAILED), and nothing
 * that was sent in the clear may be left to be taken for a part of what was
 * protected: the caller has thrown it away.
 */
void	stream_secure(struct stream *stream, SSL *ssl);

/* Whether READABLE is wanted.  It is told again as long as there is something
 * to read, also what TLS has read ahead; not after stream_read has said EOF or
 * ERROR. */
void	stream_want_read(struct stream *stream, bool is_wanted);

/* Reads once.  OK: *n_r bytes, at least one.  What the other side has sent
 * before it broke the connection can still be read after a failed write. */
enum stream_result	stream_read(struct stream *stream, char *buf,
			    size_t size, size_t *n_r);

/*
 * Sends bytes, or keeps (copies) what the socket does not take now.  With
 * is_more, small ones are only kept, for more will follow in this turn and
 * then stream_flush.  False: out of memory, or the connection is broken
 * (stream_why).
 */
bool	stream_put(struct stream *stream, struct span bytes, bool is_more);

/* Sends what was kept.  False: the connection is broken. */
bool	stream_flush(struct stream *stream);

/* Bytes that are kept. */
size_t	stream_pending(const struct stream *stream);

/* Says that no more will be sent (TLS close_notify, then shutdown(2)). */
void	stream_shutdown(struct stream *stream);

const char	*stream_why(const struct stream *stream);

#endif
