/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * stream: see stream.h.
 *
 * The owner's function is the last thing that a callback of the loop calls, and
 * is called once by each: so it may close the stream, free it or open it anew,
 * and nothing here has to know.
 *
 * The read event stays with the loop when reading is switched off, and leaves
 * it when it fires unwanted: switching off and on again while the other side
 * is silent costs no system call.
 */
#include "smtp/stream.h"

#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <unistd.h>

#include <event2/event.h>
#include <openssl/ssl.h>

#include "smtp/stream_private.h"

#define FLAG_CONNECTING		0x0001u
#define FLAG_HANDSHAKE		0x0002u	/* under way, or due when connected */
#define FLAG_WANTED		0x0004u	/* the owner wants to read */
#define FLAG_READ_ENDED		0x0008u	/* EOF or error: nothing to wait for */
#define FLAG_READ_ON		0x0010u	/* read_event is in the loop */
#define FLAG_WRITE_ON		0x0020u
#define FLAG_SEND_WANTS_READ	0x0040u	/* sending (or the handshake) waits */
#define FLAG_SEND_WANTS_WRITE	0x0080u
#define FLAG_READ_WANTS_WRITE	0x0100u	/* reading waits */
#define FLAG_ACTIVATED		0x0200u	/* read_event, for TLS's read-ahead */
#define FLAG_TELL_DRAINED	0x0400u
#define FLAG_TELL_FAILED	0x0800u
#define FLAG_BROKEN		0x1000u	/* nothing can be sent any more */
#define FLAG_SHUTDOWN		0x2000u	/* to be said when all is sent */
#define FLAG_SHUTDOWN_SAID	0x4000u

/* While one of these stands, what is put is only kept. */
#define FLAGS_WAIT	(FLAG_CONNECTING | FLAG_HANDSHAKE | \
			    FLAG_SEND_WANTS_READ | FLAG_SEND_WANTS_WRITE)

#define SMALL_MAX	4096	/* cheaper to copy than to send by itself */
#define KEPT_MAX	16384	/* sent though more will follow */

static const struct span	nothing = { NULL, 0 };

static bool
has(const struct stream *stream, unsigned flags)
{
	return (stream->flags & flags) != 0;
}

static bool
wants_read(const struct stream *stream)
{
	return has(stream, FLAG_SEND_WANTS_READ) ||
	    (has(stream, FLAG_WANTED) && !has(stream, FLAG_CONNECTING |
	    FLAG_HANDSHAKE | FLAG_READ_ENDED | FLAG_READ_WANTS_WRITE));
}

static bool
wants_write(const struct stream *stream)
{
	return has(stream, FLAG_CONNECTING | FLAG_SEND_WANTS_WRITE |
	    FLAG_READ_WANTS_WRITE);
}

/* Nothing can be sent from now on; the reason stands in why. */
static void
set_broken(struct stream *stream)
{
	stream->flags |= FLAG_BROKEN;
	stream->flags &= ~(FLAGS_WAIT | FLAG_READ_WANTS_WRITE |
	    FLAG_TELL_DRAINED | FLAG_WRITE_ON);
	(void)event_del(&stream->write_event);
	stream_out_drop(stream, stream_pending(stream));
}

static bool
add_event(struct stream *stream, struct event *event, unsigned flag)
{
	if (event_add(event, NULL) != 0) {
		stream_io_why(stream, "event", strerror(errno));
		return false;
	}
	stream->flags |= flag;
	return true;
}

/* Makes the loop wait for what is wanted.  False: it cannot. */
static bool
try_set_events(struct stream *stream)
{
	if (wants_read(stream) && !has(stream, FLAG_READ_ON) &&
	    !add_event(stream, &stream->read_event, FLAG_READ_ON))
		return false;
	if (wants_write(stream) && !has(stream, FLAG_WRITE_ON))
		return add_event(stream, &stream->write_event, FLAG_WRITE_ON);
	if (!wants_write(stream) && has(stream, FLAG_WRITE_ON)) {
		(void)event_del(&stream->write_event);
		stream->flags &= ~FLAG_WRITE_ON;
	}
	return true;
}

/* As try_set_events; that it cannot is told from the loop. */
static void
set_events(struct stream *stream)
{
	if (try_set_events(stream))
		return;
	set_broken(stream);
	stream->flags |= FLAG_TELL_FAILED;
	event_active(&stream->write_event, EV_WRITE, 0);
}

/* READABLE is due though the socket may have nothing more. */
static void
activate_read_ahead(struct stream *stream)
{
	if (stream->ssl == NULL || has(stream, FLAG_ACTIVATED) ||
	    !wants_read(stream) || SSL_pending(stream->ssl) == 0)
		return;
	stream->flags |= FLAG_ACTIVATED;
	event_active(&stream->read_event, EV_READ, 0);
}

/* The function may have closed and freed the stream: nothing of it may be
 * touched behind this. */
static void
tell(struct stream *stream, enum stream_event event)
{
	stream->fn(stream, event, stream->arg);
}

static void
tell_failed(struct stream *stream)
{
	set_broken(stream);
	stream->flags &= ~FLAG_TELL_FAILED;
	tell(stream, STREAM_FAILED);
}

static bool
keep(struct stream *stream, struct span bytes)
{
	if (stream_out_keep(stream, bytes))
		return true;
	stream_io_why(stream, "write", strerror(ENOMEM));
	set_broken(stream);
	return false;
}

/* What sending, the handshake or the end waits for.  True: for nothing. */
static bool
note_wait(struct stream *stream, enum stream_io status)
{
	stream->flags &= ~(FLAG_SEND_WANTS_READ | FLAG_SEND_WANTS_WRITE);
	if (status == STREAM_IO_WANT_READ)
		stream->flags |= FLAG_SEND_WANTS_READ;
	else if (status == STREAM_IO_WANT_WRITE)
		stream->flags |= FLAG_SEND_WANTS_WRITE;
	return status == STREAM_IO_DONE;
}

static void
say_shutdown(struct stream *stream)
{
	if (!has(stream, FLAG_SHUTDOWN) || has(stream, FLAG_SHUTDOWN_SAID) ||
	    stream_pending(stream) > 0)
		return;
	if (note_wait(stream, stream_io_shutdown(stream)))
		stream->flags |= FLAG_SHUTDOWN_SAID;
}

/* Sends what is kept and these bytes; keeps the rest.  False: broken. */
static bool
send_now(struct stream *stream, struct span bytes)
{
	struct span	 kept = span_skip((struct span){ stream->out,
			    stream->out_len }, stream->out_sent);
	size_t		 n, n_kept;
	enum stream_io	 status;

	if (kept.n + bytes.n == 0)
		return true;
	status = stream_io_write(stream, kept, bytes, &n);
	if (status == STREAM_IO_ERROR) {
		set_broken(stream);
		return false;
	}
	n_kept = n < kept.n ? n : kept.n;
	if (n_kept > 0)
		stream_out_drop(stream, n_kept);
	(void)note_wait(stream, status);
	if (!keep(stream, span_skip(bytes, n - n_kept)))
		return false;
	set_events(stream);
	return !has(stream, FLAG_BROKEN);
}

/* The handshake's next step. */
static void
shake_hands(struct stream *stream)
{
	enum stream_io	 status = stream_io_handshake(stream);

	if (status == STREAM_IO_ERROR) {
		tell_failed(stream);
		return;
	}
	if (!note_wait(stream, status)) {
		set_events(stream);
		return;
	}
	stream->flags &= ~FLAG_HANDSHAKE;
	if (stream_pending(stream) > 0 || has(stream, FLAG_SHUTDOWN))
		stream->flags |= FLAG_SEND_WANTS_WRITE;
	set_events(stream);
	activate_read_ahead(stream);
	tell(stream, STREAM_SECURED);
}

static void
finish_connect(struct stream *stream)
{
	int		 error = 0;
	socklen_t	 len = sizeof error;

	if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error != 0) {
		stream_io_why(stream, "connect", strerror(error));
		tell_failed(stream);
		return;
	}
	stream->flags &= ~FLAG_CONNECTING;
	if (has(stream, FLAG_HANDSHAKE))
		event_active(&stream->write_event, EV_WRITE, 0);
	else if (stream_pending(stream) > 0 || has(stream, FLAG_SHUTDOWN))
		stream->flags |= FLAG_SEND_WANTS_WRITE;
	set_events(stream);
	tell(stream, STREAM_CONNECTED);
}

/* Sends on what had to wait. */
static void
go_on_sending(struct stream *stream)
{
	if (!send_now(stream, nothing)) {
		tell_failed(stream);
		return;
	}
	say_shutdown(stream);
	set_events(stream);
	if (stream_pending(stream) > 0 || !has(stream, FLAG_TELL_DRAINED))
		return;
	stream->flags &= ~FLAG_TELL_DRAINED;
	tell(stream, STREAM_DRAINED);
}

static void
write_ready(evutil_socket_t fd, short what, void *arg)
{
	struct stream	*stream = arg;

	(void)fd;
	(void)what;
	if (has(stream, FLAG_TELL_FAILED)) {
		tell_failed(stream);
	} else if (has(stream, FLAG_CONNECTING)) {
		finish_connect(stream);
	} else if (has(stream, FLAG_HANDSHAKE)) {
		shake_hands(stream);
	} else {
		if (has(stream, FLAG_READ_WANTS_WRITE)) {
			stream->flags &= ~FLAG_READ_WANTS_WRITE;
			event_active(&stream->read_event, EV_READ, 0);
		}
		stream->flags &= ~FLAG_SEND_WANTS_WRITE;
		go_on_sending(stream);
	}
}

static void
read_ready(evutil_socket_t fd, short what, void *arg)
{
	struct stream	*stream = arg;
	bool		 is_activated = has(stream, FLAG_ACTIVATED);

	(void)fd;
	(void)what;
	stream->flags &= ~FLAG_ACTIVATED;
	if (!wants_read(stream)) {
		(void)event_del(&stream->read_event);
		stream->flags &= ~FLAG_READ_ON;
		return;
	}
	if (has(stream, FLAG_HANDSHAKE)) {
		shake_hands(stream);
		return;
	}
	if (has(stream, FLAG_SEND_WANTS_READ)) {
		stream->flags &= ~FLAG_SEND_WANTS_READ;
		event_active(&stream->write_event, EV_WRITE, 0);
	}
	/* What was read ahead may have been taken meanwhile; if the socket has
	 * more, the loop says so once more. */
	if (is_activated && SSL_pending(stream->ssl) == 0)
		return;
	if (has(stream, FLAG_WANTED) && !has(stream, FLAG_READ_ENDED))
		tell(stream, STREAM_READABLE);
}

int
stream_open(struct stream *stream, struct event_base *base, int fd,
    bool is_connecting, stream_fn *fn, void *arg, struct err *err)
{
	int	 on = 1;

	*stream = (struct stream){ .base = base, .fn = fn, .arg = arg,
	    .fd = fd };
	if (event_assign(&stream->read_event, base, fd, EV_READ | EV_PERSIST,
	    read_ready, stream) != 0 ||
	    event_assign(&stream->write_event, base, fd,
	    EV_WRITE | EV_PERSIST, write_ready, stream) != 0) {
		stream_io_why(stream, "event", strerror(errno));
		goto fail;
	}
	/* Sockets that are not TCP refuse it, and need it not. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (is_connecting)
		stream->flags |= FLAG_CONNECTING;
	if (!try_set_events(stream))
		goto fail;
	return 0;
fail:
	stream->fd = -1;
	return err_set(err, "%s", stream->why);
}

void
stream_close(struct stream *stream)
{
	if (!stream_is_open(stream))
		return;
	if (stream->ssl != NULL && stream_pending(stream) == 0 &&
	    !has(stream, FLAG_BROKEN | FLAG_SHUTDOWN_SAID | FLAGS_WAIT))
		(void)stream_io_shutdown(stream);
	set_broken(stream);
	(void)event_del(&stream->read_event);
	SSL_free(stream->ssl);
	stream->ssl = NULL;
	(void)close(stream->fd);
	stream->fd = -1;
	stream->base = NULL;
	stream->flags = 0;
}

bool
stream_is_open(const struct stream *stream)
{
	return stream->base != NULL && stream->fd != -1;
}

void
stream_secure(struct stream *stream, SSL *ssl)
{
	SSL_free(stream->ssl);
	stream->ssl = ssl;
	if (stream_pending(stream) > 0) {
		stream_io_why(stream, "TLS handshake",
		    "not all that was put before it has been sent");
		set_broken(stream);
	}
	if (has(stream, FLAG_BROKEN))
		stream->flags |= FLAG_TELL_FAILED;
	else
		stream->flags |= FLAG_HANDSHAKE;
	if (!has(stream, FLAG_CONNECTING))
		event_active(&stream->write_event, EV_WRITE, 0);
}

void
stream_want_read(struct stream *stream, bool is_wanted)
{
	if (!is_wanted) {
		stream->flags &= ~FLAG_WANTED;
		return;
	}
	stream->flags |= FLAG_WANTED;
	set_events(stream);
	activate_read_ahead(stream);
}

enum stream_result
stream_read(struct stream *stream, char *buf, size_t size, size_t *n_r)
{
	if (has(stream, FLAG_CONNECTING | FLAG_HANDSHAKE))
		return STREAM_AGAIN;
	switch (stream_io_read(stream, buf, size, n_r)) {
	case STREAM_IO_DONE:
		activate_read_ahead(stream);
		return STREAM_OK;
	case STREAM_IO_WANT_WRITE:
		stream->flags |= FLAG_READ_WANTS_WRITE;
		set_events(stream);
		return STREAM_AGAIN;
	case STREAM_IO_EOF:
		stream->flags |= FLAG_READ_ENDED;
		return STREAM_EOF;
	case STREAM_IO_ERROR:
		stream->flags |= FLAG_READ_ENDED;
		return STREAM_ERROR;
	default:
		return STREAM_AGAIN;
	}
}

bool
stream_put(struct stream *stream, struct span bytes, bool is_more)
{
	bool	 is_small = bytes.n <= SMALL_MAX;

	if (has(stream, FLAG_SHUTDOWN))
		stream_io_why(stream, "write", "after the end");
	if (has(stream, FLAG_BROKEN | FLAG_SHUTDOWN))
		return false;
	if (!has(stream, FLAGS_WAIT) &&
	    (!is_small || (!is_more && stream_pending(stream) == 0)))
		return send_now(stream, bytes);
	if (!keep(stream, bytes))
		return false;
	if (has(stream, FLAGS_WAIT) ||
	    (is_more && stream_pending(stream) < KEPT_MAX))
		return true;
	return send_now(stream, nothing);
}

bool
stream_flush(struct stream *stream)
{
	if (has(stream, FLAG_BROKEN))
		return false;
	if (!has(stream, FLAGS_WAIT) && !send_now(stream, nothing))
		return false;
	if (stream_pending(stream) > 0)
		stream->flags |= FLAG_TELL_DRAINED;
	return true;
}

size_t
stream_pending(const struct stream *stream)
{
	return stream->out_len - stream->out_sent;
}

void
stream_shutdown(struct stream *stream)
{
	if (!stream_is_open(stream) || has(stream, FLAG_BROKEN))
		return;
	stream->flags |= FLAG_SHUTDOWN;
	if (has(stream, FLAGS_WAIT) || !send_now(stream, nothing))
		return;
	say_shutdown(stream);
	set_events(stream);
}

const char *
stream_why(const struct stream *stream)
{
	return stream->why;
}
