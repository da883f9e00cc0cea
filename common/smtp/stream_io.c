/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * stream_io: one read, write, handshake or shutdown on the socket, in the clear
 * or through TLS, with OpenSSL's errors made into the answers of
 * stream_private.h.  With TLS a read may have to wait for writing, and a write
 * for reading.
 */
#include "smtp/stream_private.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

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

/* After a fatal error the session must not be ended in good form. */
static enum stream_io
fail_tls(struct stream *stream, int error, int saved_errno, const char *what)
{
	struct err	 err;

	SSL_set_quiet_shutdown(stream->ssl, 1);
	if (error == SSL_ERROR_SYSCALL || error == SSL_ERROR_ZERO_RETURN) {
		stream_io_why(stream, what, saved_errno != 0 ?
		    strerror(saved_errno) : "connection closed");
		return STREAM_IO_ERROR;
	}
	tls_error(&err, what);
	(void)snprintf(stream->why, sizeof stream->why, "%.127s", err.text);
	return STREAM_IO_ERROR;
}

/* What an operation that did not succeed waits for. */
static enum stream_io
judge_tls(struct stream *stream, int result, const char *what)
{
	int	 saved_errno = errno, error;

	error = SSL_get_error(stream->ssl, result);
	if (error == SSL_ERROR_WANT_READ)
		return STREAM_IO_WANT_READ;
	if (error == SSL_ERROR_WANT_WRITE)
		return STREAM_IO_WANT_WRITE;
	return fail_tls(stream, error, saved_errno, what);
}

static void
begin_tls(void)
{
	ERR_clear_error();
	errno = 0;
}

/* SSL_MODE_RELEASE_BUFFERS alone leaves a buffer for writing behind where a
 * client has read the server's ticket. */
static enum stream_io
read_tls(struct stream *stream, char *buf, size_t size, size_t *n_r)
{
	int	 result;
	size_t	 n;

	begin_tls();
	result = SSL_read_ex(stream->ssl, buf, size, &n);
	if (SSL_pending(stream->ssl) == 0)
		(void)SSL_free_buffers(stream->ssl);
	if (result == 1) {
		*n_r = n;
		return STREAM_IO_DONE;
	}
	if (SSL_get_error(stream->ssl, result) == SSL_ERROR_ZERO_RETURN)
		return STREAM_IO_EOF;
	return judge_tls(stream, result, "TLS read");
}

/* Adds to *n_r what has gone. */
static enum stream_io
write_tls(struct stream *stream, struct span s, size_t *n_r)
{
	int	 result;
	size_t	 n;

	while (s.n > 0) {
		begin_tls();
		result = SSL_write_ex(stream->ssl, s.p, s.n, &n);
		if (result != 1)
			return judge_tls(stream, result, "TLS write");
		*n_r += n;
		s = span_skip(s, n);
	}
	return STREAM_IO_DONE;
}

enum stream_io
stream_io_read(struct stream *stream, char *buf, size_t size, size_t *n_r)
{
	ssize_t	 n;

	if (stream->ssl != NULL)
		return read_tls(stream, buf, size, n_r);
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
	ssize_t		 n;
	enum stream_io	 status;

	*n_r = 0;
	if (stream->ssl != NULL) {
		status = write_tls(stream, first, n_r);
		return status != STREAM_IO_DONE ? status :
		    write_tls(stream, second, n_r);
	}
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
	enum stream_io	 status;
	long		 verified;
	size_t		 n;
	int		 result;

	begin_tls();
	result = SSL_do_handshake(stream->ssl);
	if (result == 1)
		return STREAM_IO_DONE;
	status = judge_tls(stream, result, "TLS handshake");
	verified = SSL_get_verify_result(stream->ssl);
	if (status != STREAM_IO_ERROR || verified == X509_V_OK ||
	    SSL_get_verify_mode(stream->ssl) == SSL_VERIFY_NONE)
		return status;
	n = strlen(stream->why);
	(void)snprintf(stream->why + n, sizeof stream->why - n, " (%s)",
	    X509_verify_cert_error_string(verified));
	return status;
}

enum stream_io
stream_io_shutdown(struct stream *stream)
{
	enum stream_io	 status;
	int		 result;

	if (stream->ssl != NULL && SSL_is_init_finished(stream->ssl)) {
		begin_tls();
		result = SSL_shutdown(stream->ssl);
		status = result >= 0 ? STREAM_IO_DONE :
		    judge_tls(stream, result, "TLS shutdown");
		if (status != STREAM_IO_DONE && status != STREAM_IO_ERROR)
			return status;
	}
	(void)shutdown(stream->fd, SHUT_WR);
	return STREAM_IO_DONE;
}
