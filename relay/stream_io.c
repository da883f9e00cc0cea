/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * stream_io: see stream_private.h.
 */
#include "stream_private.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <stdio.h>

void
stream_io_why(struct stream *stream, const char *what, const char *why)
{
	(void)snprintf(stream->why, sizeof stream->why, "%s: %s", what, why);
}

static bool
is_for_later(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK;
}

static enum stream_io
fail_errno(struct stream *stream, const char *what)
{
	stream_io_why(stream, what, strerror(errno));
	return STREAM_IO_ERROR;
}

enum stream_io
stream_io_read(struct stream *stream, char *buf, size_t size, size_t *n_r)
{
	ssize_t	 n;

	do
		n = recv(stream->fd, buf, size, 0);
	while (n == -1 && errno == EINTR);
	if (n == 0)
		return STREAM_IO_EOF;
	if (n == -1)
		return is_for_later(errno) ? STREAM_IO_WANT_READ :
		    fail_errno(stream, "read");
	*n_r = (size_t)n;
	return STREAM_IO_DONE;
}

static ssize_t
send_both(int fd, struct span first, struct span second)
{
	struct iovec	 iov[2] = { { (void *)first.p, first.n },
			    { (void *)second.p, second.n } };
	struct msghdr	 msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (second.n == 0)
		return send(fd, first.p, first.n, MSG_NOSIGNAL);
	if (first.n == 0)
		return send(fd, second.p, second.n, MSG_NOSIGNAL);
	return sendmsg(fd, &msg, MSG_NOSIGNAL);
}

/* A socket that takes only a part has no room for more: it is not asked
 * again. */
enum stream_io
stream_io_write(struct stream *stream, struct span first, struct span second,
    size_t *n_r)
{
	ssize_t	 n;

	*n_r = 0;
	do
		n = send_both(stream->fd, first, second);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return is_for_later(errno) ? STREAM_IO_WANT_WRITE :
		    fail_errno(stream, "write");
	*n_r = (size_t)n;
	return *n_r == first.n + second.n ? STREAM_IO_DONE :
	    STREAM_IO_WANT_WRITE;
}

enum stream_io
stream_io_handshake(struct stream *stream)
{
	stream_io_why(stream, "TLS handshake", "not supported");
	return STREAM_IO_ERROR;
}

enum stream_io
stream_io_shutdown(struct stream *stream)
{
	(void)shutdown(stream->fd, SHUT_WR);
	return STREAM_IO_DONE;
}
