/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * smtp_content: see smtp_content.h.  Where a byte cannot be judged before the
 * next one is there, the state remembers it (hold), and a constant says it
 * later; all else leaves in spans as long as the input allows (clean_len).
 */
#include "smtp_content.h"

/* Where in the message we are ... */
#define TEXT		0U	/* inside a line */
#define CR		1U	/* the same, and a CR is held */
#define LINE		2U	/* at the beginning of a line */
#define DOT		3U	/* the same, and a dot is held */
#define DOT_CR		4U	/* the same, and a dot and a CR are held */
#define WHERE		7U
/* ... of LINE, DOT and DOT_CR: the line before ended in a bare LF ... */
#define BARE		8U
/* ... and of all: REJECT met a bare CR or LF, and nothing is sent any more. */
#define DISCARD		16U

/* How far one look for the end of a line goes, so that input made of stray
 * bytes alone is not searched to its end for each of them. */
#define LOOK		1024

#define END		".\r\n"	/* at the beginning of a line */

void
smtp_content_init(struct smtp_content *c, enum smtp_content_mode mode)
{
	*c = (struct smtp_content){ .mode = mode, .state = LINE };
}

static void
go(struct smtp_content *c, unsigned state)
{
	c->state = (c->state & DISCARD) | state;
}

/* Takes a byte that cannot be judged yet; false: it can. */
static bool
hold(struct smtp_content *c, char ch)
{
	unsigned	 where = c->state & WHERE;
	unsigned	 bare = c->state & BARE;

	if (where == LINE && ch == '.')
		go(c, DOT | bare);
	else if ((where == LINE || where == TEXT) && ch == '\r')
		go(c, CR);
	else if (where == DOT && ch == '\r')
		go(c, DOT_CR | bare);
	else
		return false;
	return true;
}

/* The length of the line at the front, if *has_end_r, or of what can be taken
 * of it: as far as we look, or before a CR or LF that is not half of a CRLF. */
static size_t
clean_line_len(struct span in, bool *has_end_r)
{
	size_t		 n = in.n < LOOK ? in.n : LOOK;
	const char	*lf = memchr(in.p, '\n', n), *cr;

	if (lf != NULL)
		n = (size_t)(lf - in.p);
	cr = memchr(in.p, '\r', n);
	if (cr != NULL)
		n = (size_t)(cr - in.p);
	*has_end_r = cr != NULL && n + 1 < in.n && cr[1] == '\n';
	return *has_end_r ? n + 2 : n;
}

/* How much at the front can be sent as it is; *is_line_r: it ends a line;
 * *dots: plus the lines in it that begin with two. */
static size_t
clean_len(struct span in, bool *is_line_r, uint64_t *dots)
{
	bool	 is_line = false, has_end;
	size_t	 at = 0, n;

	while (at < in.n) {
		if (is_line && in.p[at] == '.' &&
		    (at + 1 == in.n || in.p[at + 1] != '.'))
			break;
		n = clean_line_len(span_skip(in, at), &has_end);
		if (n == 0)
			break;
		*dots += is_line && in.p[at] == '.';
		is_line = has_end;
		at += n;
	}
	*is_line_r = is_line;
	return at;
}

/* Says something else for a bare CR or LF, or refuses the message for it. */
static enum smtp_content_result
replace(struct smtp_content *c, const char *text, struct span *out_r)
{
	c->had_bare = true;
	if (c->mode == SMTP_CONTENT_REJECT && (c->state & DISCARD) == 0) {
		c->state |= DISCARD;
		return SMTP_CONTENT_BAD;
	}
	*out_r = span_of(text);
	return SMTP_CONTENT_SOME;
}

/* A CR was held that no LF follows. */
static enum smtp_content_result
after_stray_cr(struct smtp_content *c, struct span *out_r, size_t *used_r)
{
	*used_r = 0;
	go(c, TEXT);
	return replace(c, " ", out_r);
}

static enum smtp_content_result
after_cr(struct smtp_content *c, char ch, struct span *out_r, size_t *used_r)
{
	if (ch != '\n')
		return after_stray_cr(c, out_r, used_r);
	go(c, LINE);
	*out_r = span_of("\r\n");
	*used_r = 1;
	return SMTP_CONTENT_SOME;
}

/* A dot alone and a bare LF: no line.  A dot and something else: the receiver
 * would take the dot away.  Two dots: that is his to do. */
static enum smtp_content_result
after_dot(struct smtp_content *c, char ch, struct span *out_r, size_t *used_r)
{
	*used_r = ch == '\n' || ch == '.';
	if (ch == '\n') {
		go(c, LINE | BARE);
		return replace(c, "", out_r);
	}
	go(c, TEXT);
	c->extra += ch == '.';
	*out_r = span_of(ch == '.' ? ".." : "");
	return SMTP_CONTENT_SOME;
}

static enum smtp_content_result
after_dot_cr(struct smtp_content *c, char ch, struct span *out_r,
    size_t *used_r)
{
	bool	 is_end = (c->state & BARE) == 0;

	if (ch != '\n')
		return after_stray_cr(c, out_r, used_r);
	go(c, LINE);
	*out_r = span_of(is_end ? END : "");
	*used_r = 1;
	return is_end ? SMTP_CONTENT_END : SMTP_CONTENT_SOME;
}

static enum smtp_content_result
in_text(struct smtp_content *c, struct span in, struct span *out_r,
    size_t *used_r)
{
	bool	 is_line, is_end;

	if (in.p[0] == '\n') {
		*used_r = 1;
		go(c, LINE | BARE);
		return replace(c, "\r\n", out_r);
	}
	*used_r = clean_len(in, &is_line, &c->extra);
	is_end = is_line && in.n - *used_r >= strlen(END) &&
	    memcmp(in.p + *used_r, END, strlen(END)) == 0;
	if (is_end)
		*used_r += strlen(END);
	*out_r = (struct span){ in.p, *used_r };
	go(c, is_line ? LINE : TEXT);
	return is_end ? SMTP_CONTENT_END : SMTP_CONTENT_SOME;
}

/* Judges what is held and the bytes behind it, the first of which cannot be
 * held. */
static enum smtp_content_result
judge(struct smtp_content *c, struct span in, struct span *out_r,
    size_t *used_r)
{
	switch (c->state & WHERE) {
	case CR:
		return after_cr(c, in.p[0], out_r, used_r);
	case DOT:
		return after_dot(c, in.p[0], out_r, used_r);
	case DOT_CR:
		return after_dot_cr(c, in.p[0], out_r, used_r);
	default:
		return in_text(c, in, out_r, used_r);
	}
}

enum smtp_content_result
smtp_content_next(struct smtp_content *c, struct span in, struct span *out_r,
    size_t *used_r)
{
	enum smtp_content_result	 result = SMTP_CONTENT_SOME;
	struct span			 out = { "", 0 };
	size_t				 used = 0, n;

	while (result == SMTP_CONTENT_SOME) {
		while (used < in.n && hold(c, in.p[used]))
			used++;
		if (used == in.n) {
			result = SMTP_CONTENT_MORE;
			break;
		}
		if (out.n > 0)
			break;
		result = judge(c, span_skip(in, used), &out, &n);
		used += n;
		if ((c->state & DISCARD) != 0)
			out.n = 0;
	}
	c->octets += out.n;
	if (result == SMTP_CONTENT_END)
		c->extra += strlen(END);
	*out_r = out;
	*used_r = used;
	return result;
}
