/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * inject_mbox: see inject_mbox.h.
 */
#include "inject_mbox.h"

#include <ctype.h>
#include <errno.h>
#include <unistd.h>

void
inject_mbox_open(struct inject_mbox *m, int fd, off_t end)
{
	m->fd = fd;
	m->end = end;
	m->at = 0;
	m->used = m->len = 0;
	m->next = -1;
}

/* Has at least n octets in the buffer, or all that are left.  -1: errno. */
static int
want(struct inject_mbox *m, size_t n)
{
	off_t	 left;
	ssize_t	 got;

	while (m->len - m->used < n) {
		left = m->end - m->at - (off_t)(m->len - m->used);
		if (left <= 0)
			return 0;
		memmove(m->buf, m->buf + m->used, m->len - m->used);
		m->len -= m->used;
		m->used = 0;
		if (left > (off_t)(sizeof m->buf - m->len))
			left = (off_t)(sizeof m->buf - m->len);
		got = pread(m->fd, m->buf + m->len, (size_t)left, m->at +
		    (off_t)m->len);
		if (got == -1 && errno != EINTR)
			return -1;
		if (got == 0)
			m->end = m->at + (off_t)m->len;
		if (got > 0)
			m->len += (size_t)got;
	}
	return 0;
}

static void
skip(struct inject_mbox *m, size_t n)
{
	m->used += n;
	m->at += (off_t)n;
}

static bool
is_word_of(struct span word, const char *words)
{
	size_t	 i;

	if (word.n != 3)
		return false;
	for (i = 0; words[i] != '\0'; i += 3)
		if (memcmp(word.p, words + i, 3) == 0)
			return true;
	return false;
}

static bool
is_year(struct span word)
{
	size_t	 i;

	for (i = 0; i < word.n; i++)
		if (!isdigit((unsigned char)word.p[i]))
			return false;
	return word.n == 4;
}

bool
inject_mbox_is_from(struct span line)
{
	struct span	 word, last;

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (!span_begins(line, "From "))
		return false;
	line = span_skip(line, 5);
	/* An address, which some write with blanks in it or leave out. */
	do
		if (!span_word(&line, &word))
			return false;
	while (!is_word_of(word, "SunMonTueWedThuFriSat"));
	if (!span_word(&line, &word) ||
	    !is_word_of(word, "JanFebMarAprMayJunJulAugSepOctNovDec") ||
	    !span_word(&line, &word) || !isdigit((unsigned char)word.p[0]) ||
	    !span_word(&line, &word) || !span_has(word, ':'))
		return false;
	/* The year, and a time zone before or behind it. */
	while (span_word(&line, &last))
		if (is_year(last))
			return true;
	return false;
}

/* The line that begins here, as far as it is of interest, without its end. */
static struct span
line_here(const struct inject_mbox *m)
{
	size_t		 n = m->len - m->used;
	struct span	 s = { m->buf + m->used, n < INJECT_MBOX_FROM_MAX ? n :
	    INJECT_MBOX_FROM_MAX };
	const char	*end = span_find(s, '\n');

	if (end != NULL)
		s.n = (size_t)(end - s.p);
	return s;
}

/* Goes on behind the line's end.  -1: errno. */
static int
skip_line(struct inject_mbox *m)
{
	struct span	 s;
	const char	*end;

	do {
		if (want(m, 1) == -1)
			return -1;
		s = (struct span){ m->buf + m->used, m->len - m->used };
		end = span_find(s, '\n');
		skip(m, end == NULL ? s.n : (size_t)(end + 1 - s.p));
	} while (end == NULL && s.n > 0);
	return 0;
}

/*
 * Goes to the "From " line that ends the message that begins here, or to the
 * end; *end_r is the message's, without the empty line behind it.
 */
static int
find_end(struct inject_mbox *m, off_t *end_r)
{
	struct span	 line;
	off_t		 empty = -1;	/* the line before is empty: where */
	off_t		 at;

	for (;;) {
		if (want(m, INJECT_MBOX_FROM_MAX) == -1)
			return -1;
		at = m->at;
		line = line_here(m);
		if (m->len == m->used ||
		    (empty != -1 && inject_mbox_is_from(line))) {
			*end_r = empty != -1 ? empty : at;
			return 0;
		}
		empty = line.n == 0 || span_eq(line, "\r") ? at : -1;
		if (skip_line(m) == -1)
			return -1;
	}
}

/* Some mboxes have empty lines before their first message. */
static int
skip_empty(struct inject_mbox *m)
{
	struct span	 line;

	for (;;) {
		if (want(m, INJECT_MBOX_FROM_MAX) == -1)
			return -1;
		line = line_here(m);
		if (m->len == m->used || (line.n > 0 && !span_eq(line, "\r")))
			return 0;
		if (skip_line(m) == -1)
			return -1;
	}
}

enum inject_mbox_result
inject_mbox_next(struct inject_mbox *m, off_t *place_r, off_t *begin_r,
    off_t *end_r, off_t *next_r)
{
	if (m->next == -1 && skip_empty(m) == -1)
		return INJECT_MBOX_FAILED;
	if (want(m, INJECT_MBOX_FROM_MAX) == -1)
		return INJECT_MBOX_FAILED;
	if (m->len == m->used)
		return INJECT_MBOX_END;
	if (!inject_mbox_is_from(line_here(m)))
		return INJECT_MBOX_NONE;
	*place_r = m->at;
	if (skip_line(m) == -1)
		return INJECT_MBOX_FAILED;
	*begin_r = m->at;
	if (find_end(m, end_r) == -1)
		return INJECT_MBOX_FAILED;
	if (*end_r < *begin_r)
		*end_r = *begin_r;
	*next_r = m->next = m->at;
	return INJECT_MBOX_MESSAGE;
}
