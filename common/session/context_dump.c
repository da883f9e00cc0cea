/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the xcontext authors */
/*
 * context_dump: see context_dump.h.  The layouts are tried in turn, from the
 * one that is best to read to the one that holds most.
 */
#include "session/context_dump.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "session/context_view.h"

#define CONNECTION	"[connection]"
#define MESSAGE		"[message]"

#define AROUND_LINE	12	/* "450-4.7.1 " and CRLF */
#define SHORT_LINE	(512 - AROUND_LINE)
#define LAST_LINE_MAX	48	/* "XDUMPCONTEXT incomplete: ..." */

#define BIT_SIZE	4	/* of a value: "x", "%%" or "+XX"; NUL included */

static const struct layout {
	size_t	 line_max;
	bool	 is_packed;	/* several pairs in a line */
	bool	 is_dense;	/* a value may begin wherever there is room for
				 * a bit of it */
	bool	 is_last;	/* pairs may be left out */
} layouts[] = {
	{ SHORT_LINE,			false,	false,	false },
	{ SHORT_LINE,			true,	false,	false },
	{ SHORT_LINE,			true,	true,	false },
	{ CONTEXT_DUMP_LINE_MAX,	true,	false,	false },
	{ CONTEXT_DUMP_LINE_MAX,	true,	true,	true }
};
#define LAYOUT_COUNT	(sizeof layouts / sizeof layouts[0])

/* Where the next octet goes. */
struct pen {
	const struct layout	*layout;
	struct context_dump	*dump;
	enum context_dump_by	 by;
	unsigned		 lines_max;
	unsigned		 n;	/* lines begun */
	size_t			 len;	/* of the last one */
	size_t			 left;	/* octets that the reply may still
					 * have, but for the last line */
};

static bool
is_tag(struct span s)
{
	return s.p[0] == '[' && (span_begins(s, CONNECTION) ||
	    span_begins(s, MESSAGE));
}

static bool
is_printable(unsigned octet)
{
	return octet >= 32 && octet <= 126;
}

/* The value of a digit as we write it; -1: it is none. */
static int
digit_of(char ch)
{
	static const char	 digits[] = "0123456789ABCDEF";
	const char		*at = ch == '\0' ? NULL : strchr(digits, ch);

	return at == NULL ? -1 : (int)(at - digits);
}

/* Whether a reader would take it for an encoded octet. */
static bool
looks_encoded(struct span s)
{
	int	 high, low;
	unsigned octet;

	if (s.p[0] != '+' || s.n < 3)
		return false;
	high = digit_of(s.p[1]);
	low = digit_of(s.p[2]);
	if (high < 0 || low < 0)
		return false;
	octet = (unsigned)(high * 16 + low);
	return !is_printable(octet) || octet == '+' || octet == '[';
}

/* The front of *rest, which is not empty, as it is shown; returns its length.
 * A line may begin with any bit of a value: '[' is looked at everywhere. */
static size_t
next_bit(enum context_dump_by by, struct span *rest, char buf[BIT_SIZE])
{
	const unsigned char	 octet = (unsigned char)rest->p[0];
	int			 n;

	if (!is_printable(octet) || looks_encoded(*rest) ||
	    (by == CONTEXT_DUMP_BY_MILTER && is_tag(*rest)))
		n = snprintf(buf, BIT_SIZE, "+%02X", (unsigned)octet);
	else if (by == CONTEXT_DUMP_BY_MILTER && octet == '%')
		n = snprintf(buf, BIT_SIZE, "%%%%");
	else
		n = snprintf(buf, BIT_SIZE, "%c", octet);
	*rest = span_skip(*rest, 1);
	return (size_t)n;
}

static size_t
shown_length(enum context_dump_by by, struct span value)
{
	char	 buf[BIT_SIZE];
	size_t	 len = 0;

	while (value.n > 0)
		len += next_bit(by, &value, buf);
	return len;
}

static bool
has_room(const struct pen *pen, size_t len)
{
	return pen->n > 0 && pen->len + len <= pen->layout->line_max &&
	    len <= pen->left;
}

static void
put(struct pen *pen, const char *text, size_t len)
{
	char	*line = pen->dump->line[pen->n - 1];

	memcpy(line + pen->len, text, len);
	pen->len += len;
	pen->left -= len;
	line[pen->len] = '\0';
}

static bool
begin_line(struct pen *pen)
{
	if (pen->n == pen->lines_max - 1 || pen->left < AROUND_LINE)
		return false;
	pen->left -= AROUND_LINE;
	pen->dump->line[pen->n++][0] = '\0';
	pen->len = 0;
	return true;
}

/*
 * Goes to where the pair, or what is left of it, is to stand; head is the
 * length of its "[connection] NAME".  False: there is no such place.
 */
static bool
find_place(struct pen *pen, size_t head, struct span rest)
{
	size_t	 need = head;

	if (rest.n > 0)
		need += 1 + (pen->layout->is_dense ? BIT_SIZE - 1 :
		    shown_length(pen->by, rest));
	if (need > pen->layout->line_max)
		need = pen->layout->line_max;
	if (pen->layout->is_packed && has_room(pen, 1 + need)) {
		put(pen, " ", 1);
		return true;
	}
	return begin_line(pen) && has_room(pen, need);
}

/* As much of a value as there is room for. */
static void
put_value(struct pen *pen, struct span *rest)
{
	char		 buf[BIT_SIZE];
	struct span	 next = *rest;
	size_t		 len;

	put(pen, " ", 1);
	while (next.n > 0) {
		len = next_bit(pen->by, &next, buf);
		if (!has_room(pen, len))
			return;
		put(pen, buf, len);
		*rest = next;
	}
}

/* False: there is no room for the whole pair, and some of it may be there. */
static bool
put_pair(struct pen *pen, const char *tag, const struct context_item *item)
{
	struct span	 rest = item->value;
	size_t		 head = strlen(tag) + 1 + strlen(item->name);

	assert(strlen(item->name) <= CONTEXT_NAME_MAX);
	do {
		if (!find_place(pen, head, rest))
			return false;
		put(pen, tag, strlen(tag));
		put(pen, " ", 1);
		put(pen, item->name, strlen(item->name));
		if (rest.n > 0)
			put_value(pen, &rest);
	} while (rest.n > 0);
	return true;
}

/* Returns how many pairs were left out; before the last layout the first is
 * enough to know that it will not do. */
static unsigned
put_view(struct pen *pen, const char *tag, const struct context_view *view)
{
	struct pen	 before;
	unsigned	 i, nleft = 0;

	for (i = 0; view != NULL && i < view->n; i++) {
		before = *pen;
		if (put_pair(pen, tag, &view->v[i]))
			continue;
		if (!pen->layout->is_last)
			return 1;
		*pen = before;
		if (pen->n > 0)
			pen->dump->line[pen->n - 1][pen->len] = '\0';
		nleft++;
	}
	return nleft;
}

void
context_dump_lay(const struct context_view *connection,
    const struct context_view *message, enum context_dump_by by,
    size_t octets_max, struct context_dump *dump_r)
{
	const unsigned	 lines_max = by == CONTEXT_DUMP_BY_MILTER ?
			     CONTEXT_DUMP_LINES : CONTEXT_DUMP_LINES_MAX;
	struct pen	 pen;
	char		*last;
	unsigned	 i, nleft = 1;

	assert(octets_max >= LAST_LINE_MAX + AROUND_LINE);
	for (i = 0; nleft > 0 && i < LAYOUT_COUNT; i++) {
		pen = (struct pen){ &layouts[i], dump_r, by, lines_max, 0, 0,
		    octets_max - LAST_LINE_MAX - AROUND_LINE };
		nleft = put_view(&pen, CONNECTION, connection);
		if (nleft == 0 || layouts[i].is_last)
			nleft += put_view(&pen, MESSAGE, message);
	}
	dump_r->n = pen.n + 1;
	dump_r->is_complete = nleft == 0;
	last = dump_r->line[pen.n];
	if (nleft == 0)
		(void)snprintf(last, CONTEXT_DUMP_LINE_MAX + 1,
		    "XDUMPCONTEXT complete");
	else
		(void)snprintf(last, CONTEXT_DUMP_LINE_MAX + 1,
		    "XDUMPCONTEXT incomplete: %u more pair%s", nleft,
		    nleft == 1 ? "" : "s");
}
