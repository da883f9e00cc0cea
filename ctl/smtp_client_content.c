/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_client_content: content on its way from its source to the wire, a piece
 * at a time, and no faster than the server takes it.
 *
 * No CR or LF goes out that is not half of a CRLF: servers disagree on what
 * that ends, and then on where the message does (RFC 5321, 2.3.8).
 */
#include <stdio.h>

#include "smtp_client_private.h"

#define PIECE_SIZE	16384
#define CHUNK_MIN	32768	/* of all but the last one */
#define CHUNK_SIZE	(CHUNK_MIN + 2 * PIECE_SIZE + 8)
#define PIECES_MAX	8	/* of a turn: others are to be served, too */

static char *
put_end(struct smtp_client_step *step, char *to)
{
	*to++ = '\r';
	*to++ = '\n';
	step->is_line_begun = false;
	return to;
}

/* One byte of a line. */
static char *
put_byte(struct smtp_client_step *step, char *to, char c)
{
	if (c == '.' && !step->is_line_begun &&
	    step->kind == SMTP_CLIENT_CONTENT)
		*to++ = '.';
	*to++ = c;
	step->is_line_begun = true;
	return to;
}

/* Writes a piece as it goes over the wire: twice as much, and 1, at most. */
static size_t
translate(struct smtp_client_step *step, struct span piece, char *buf)
{
	char	*to = buf;
	size_t	 i;

	for (i = 0; i < piece.n; i++) {
		char	 c = piece.p[i];

		if (c == '\n') {
			to = put_end(step, to);
			step->has_cr = false;
			continue;
		}
		if (step->has_cr)
			to = put_byte(step, to, ' ');
		step->has_cr = c == '\r';
		if (c != '\r')
			to = put_byte(step, to, c);
	}
	return (size_t)(to - buf);
}

/* What is missing at its end: 3 bytes at most. */
static size_t
finish(struct smtp_client_step *step, char *buf)
{
	char	*to = buf;

	if (step->has_cr)
		to = put_byte(step, to, ' ');
	step->has_cr = false;
	if (step->is_line_begun)
		to = put_end(step, to);
	step->is_written = true;
	return (size_t)(to - buf);
}

/* Writes the next piece.  -1: there is none, and will be none. */
static ssize_t
take_piece(struct smtp_client_step *step, char *buf)
{
	char	 piece[PIECE_SIZE];
	ssize_t	 n = step->source(step->source_arg, piece, sizeof piece);

	if (n < 0 || (size_t)n > sizeof piece)
		return -1;
	if (n == 0)
		return (ssize_t)finish(step, buf);
	return (ssize_t)translate(step, (struct span){ piece, (size_t)n }, buf);
}

enum smtp_client_written
smtp_client_content_write(struct smtp_client *client,
    struct smtp_client_step *step)
{
	char	 buf[2 * PIECE_SIZE + 8];
	ssize_t	 n;
	int	 i;

	for (i = 0; i < PIECES_MAX && !step->is_written; i++) {
		if (stream_pending(&client->stream) > 0)
			return SMTP_CLIENT_WAITS;
		n = take_piece(step, buf);
		if (n < 0)
			return SMTP_CLIENT_NO_SOURCE;
		if (step->is_written) {
			memcpy(buf + n, ".\r\n", 3);
			n += 3;
		}
		if (!stream_put(&client->stream, (struct span){ buf,
		    (size_t)n }, false))
			return SMTP_CLIENT_BROKEN;
	}
	return step->is_written ? SMTP_CLIENT_WRITTEN : SMTP_CLIENT_AGAIN;
}

enum smtp_client_written
smtp_client_content_chunk(struct smtp_client *client,
    struct smtp_client_step *step)
{
	char	 buf[CHUNK_SIZE], line[48];
	size_t	 len = 0;
	ssize_t	 n;

	while (len < CHUNK_MIN && !step->is_written) {
		n = take_piece(step, buf + len);
		if (n < 0)
			return SMTP_CLIENT_NO_SOURCE;
		len += (size_t)n;
	}
	(void)snprintf(line, sizeof line, "BDAT %zu%s\r\n", len,
	    step->is_written ? " LAST" : "");
	return stream_put(&client->stream, span_of(line), true) &&
	    stream_put(&client->stream, (struct span){ buf, len }, false) ?
	    SMTP_CLIENT_WRITTEN : SMTP_CLIENT_BROKEN;
}
