/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * stream_out: the bytes that the socket has not taken yet, as one buffer that
 * is there only while it holds any; see stream_private.h.
 */
#include "smtp/stream_private.h"

#include <stdint.h>
#include <stdlib.h>

#define OUT_SIZE_MIN	1024

/* Moves what is kept to the front of its buffer. */
static void
compact(struct stream *stream)
{
	size_t	 n = stream_pending(stream);

	if (stream->out_sent > 0)
		memmove(stream->out, stream->out + stream->out_sent, n);
	stream->out_sent = 0;
	stream->out_len = n;
}

static bool
grow(struct stream *stream, size_t n)
{
	size_t	 size = OUT_SIZE_MIN;
	char	*out;

	if (n > SIZE_MAX / 4 || stream->out_len > SIZE_MAX / 4)
		return false;
	while (size < stream->out_len + n)
		size *= 2;
	out = realloc(stream->out, size);
	if (out == NULL)
		return false;
	stream->out = out;
	stream->out_size = size;
	return true;
}

bool
stream_out_keep(struct stream *stream, struct span bytes)
{
	if (bytes.n == 0)
		return true;
	if (bytes.n > stream->out_size - stream->out_len)
		compact(stream);
	if (bytes.n > stream->out_size - stream->out_len &&
	    !grow(stream, bytes.n))
		return false;
	span_copy(stream->out + stream->out_len, bytes);
	stream->out_len += bytes.n;
	return true;
}

void
stream_out_drop(struct stream *stream, size_t n)
{
	stream->out_sent += n;
	if (stream->out_sent < stream->out_len)
		return;
	free(stream->out);
	stream->out = NULL;
	stream->out_size = stream->out_len = stream->out_sent = 0;
}
