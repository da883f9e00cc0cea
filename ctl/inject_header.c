/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_header: see inject_header.h.
 */
#include "inject_header.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

void
inject_header_open(struct inject_header *h, int fd, off_t begin, off_t end)
{
	h->fd = fd;
	h->at = begin;
	h->end = end;
	h->has_failed = false;
	h->line = 1;
	h->used = h->len = 0;
}

static bool
fill(struct inject_header *h)
{
	off_t	 left = h->end - h->at;
	ssize_t	 n;

	if (left <= 0)
		return false;
	do
		n = pread(h->fd, h->chunk, left < (off_t)sizeof h->chunk ?
		    (size_t)left : sizeof h->chunk, h->at);
	while (n == -1 && errno == EINTR);
	h->has_failed = n == -1;
	if (n <= 0)
		return false;
	h->at += n;
	h->used = 0;
	h->len = (size_t)n;
	return true;
}

/* The next octet, which stays there; EOF: none. */
static int
peek(struct inject_header *h)
{
	if (h->used == h->len && !fill(h))
		return EOF;
	return (unsigned char)h->chunk[h->used];
}

/* Adds a line, with its end, to the n octets of the field. */
static size_t
take_line(struct inject_header *h, size_t n, bool *is_whole)
{
	int	 c = EOF;

	while (c != '\n' && (c = peek(h)) != EOF) {
		h->used++;
		if (n < sizeof h->field)
			h->field[n++] = (char)c;
		else
			*is_whole = false;
	}
	h->line++;
	return n;
}

static struct span
without_end(struct span s)
{
	if (s.n > 0 && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

/* True: its first line begins with a name and a colon. */
static bool
split(struct span text, struct inject_field *f)
{
	size_t	 n = 0;

	while (n < text.n && text.p[n] > ' ' && text.p[n] <= '~' &&
	    text.p[n] != ':')
		n++;
	f->name = (struct span){ text.p, n };
	while (n < text.n && span_is_blank(text.p[n]))
		n++;
	if (f->name.n == 0 || n == text.n || text.p[n] != ':')
		return false;
	f->value = span_skip(text, n + 1);
	return true;
}

bool
inject_header_next(struct inject_header *h, struct inject_field *f)
{
	size_t	 n;
	int	 c;

	f->offset = h->at - (off_t)(h->len - h->used);
	f->line = h->line;
	f->is_whole = true;
	n = take_line(h, 0, &f->is_whole);
	while (n > 0 && ((c = peek(h)) == ' ' || c == '\t'))
		n = take_line(h, n, &f->is_whole);
	return !h->has_failed &&
	    split(without_end((struct span){ h->field, n }), f);
}
