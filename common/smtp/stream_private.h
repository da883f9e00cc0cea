/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * stream_private: what stream.c is made of: single operations on the socket,
 * in the clear or through TLS (stream_io.c), and the bytes that the socket has
 * not taken yet (stream_out.c).  Neither knows of events or flags.
 */
#ifndef XC_STREAM_PRIVATE_H
#define XC_STREAM_PRIVATE_H

#include "smtp/stream.h"

/* Wants: nothing more is to be done until the socket can be read or written,
 * and with TLS each operation may want either. */
enum stream_io {
	STREAM_IO_DONE,
	STREAM_IO_WANT_READ,
	STREAM_IO_WANT_WRITE,
	STREAM_IO_EOF,
	STREAM_IO_ERROR		/* stream->why is set */
};

/* DONE: *n_r bytes, at least one. */
enum stream_io	stream_io_read(struct stream *stream, char *buf, size_t size,
		    size_t *n_r);

/* Writes first and then second.  DONE: both have gone.  *n_r is always
 * written: so many bytes of both together have gone. */
enum stream_io	stream_io_write(struct stream *stream, struct span first,
		    struct span second, size_t *n_r);

/* DONE, wants or ERROR. */
enum stream_io	stream_io_handshake(struct stream *stream);

/* Says that no more will be sent.  DONE or wants: a connection that is broken
 * needs no end. */
enum stream_io	stream_io_shutdown(struct stream *stream);

/* Keeps a copy behind those that are kept.  False: out of memory. */
bool	stream_out_keep(struct stream *stream, struct span bytes);

/* The first n of those that are kept have gone; the last take the buffer with
 * them. */
void	stream_out_drop(struct stream *stream, size_t n);

/* Sets the reason. */
void	stream_io_why(struct stream *stream, const char *what,
	    const char *why);

#endif
